//! Whatever happens in whatever order: what a supervisor may do, and must.
//!
//! The machine is driven by a proptest state machine and watched by an observer, which knows the rules and keeps its
//! own, plain account: of tasks that live, of who was told to stop and since when, of all restarts.

use super::tests::child;
use super::*;
use crate::task::supervisor::delay::RestartDelay;
use proptest::prelude::{BoxedStrategy, Just, ProptestConfig, Strategy as Generates, any, prop, prop_oneof};
use proptest::sample::Index;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

#[derive(Clone, Debug)]
enum Step {
    Add(&'static str),
    Ready(Index),
    Exit(Index, bool),
    Lost(Index),
    Remove(Index),
    /// So many milliseconds pass; what is due on the way is done at its time.
    Pass(u64),
    /// From now on only so many commands are executed between two events.
    Pace(usize),
    Stop,
}

/// What there is at the beginning.
#[derive(Clone, Debug)]
struct Setting {
    rules: Rules,
    children: Vec<&'static str>,
}

fn some_child() -> impl Generates<Value = &'static str> {
    prop::sample::select(&["p", "pr", "pb", "pu", "t", "tr", "ts", "x", "xr", "xs"][..])
}

fn setting() -> impl Generates<Value = Setting> {
    let strategy = prop::sample::select(
        &[Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne, Strategy::Dynamic][..],
    );
    let auto = prop::sample::select(
        &[AutoShutdown::Never, AutoShutdown::AnySignificant, AutoShutdown::AllSignificant][..],
    );
    let delay = prop_oneof![
        Just(RestartDelay::none()),
        Just(RestartDelay::doubling(4 * MS, 20 * MS).stable_after(15 * MS))
    ];
    let children = prop::collection::vec(some_child(), 0..5);
    (strategy, auto, 0..6_u32, 1..40_u32, delay, children).prop_map(
        |(strategy, auto_shutdown, intensity, period, delay, children)| Setting {
            rules: Rules { strategy, auto_shutdown, intensity, period: period * MS, delay },
            children,
        },
    )
}

impl ReferenceStateMachine for Setting {
    type State = Self;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Self> {
        setting().boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Step> {
        let which = any::<Index>;
        prop_oneof![
            3 => some_child().prop_map(Step::Add),
            8 => which().prop_map(Step::Ready),
            10 => (which(), any::<bool>()).prop_map(|(which, well)| Step::Exit(which, well)),
            1 => (which(), prop::bool::weighted(0.1)).prop_map(|(which, lost)| {
                if lost { Step::Lost(which) } else { Step::Exit(which, false) }
            }),
            2 => which().prop_map(Step::Remove),
            8 => (0..30_u64).prop_map(Step::Pass),
            1 => Just(Step::Stop),
            3 => prop_oneof![0..3_usize, Just(usize::MAX)].prop_map(Step::Pace),
        ]
        .boxed()
    }

    fn apply(state: Self, _: &Step) -> Self {
        state
    }
}

/// What the observer knows of a child.
#[derive(Debug)]
struct Seen {
    rules: ChildRules,
    starts: u64,
    alive: bool,
    is_up: bool,
    was_up: bool,
    // When it was told to stop, or aborted, in its present run.
    told: Option<Instant>,
    aborted: bool,
    removed: bool,
    // It has ended and was not to be restarted.
    rests: bool,
    not_before: Instant,
    // The first that came after it ended last: its end is none of theirs, however late they hear of it.
    later: Id,
}

struct Watched {
    machine: Machine,
    rules: Rules,
    now: Instant,
    pace: usize,
    next: Id,
    seen: BTreeMap<Id, Seen>,
    starts: u64,
    exits: u64,
    restarts: Vec<Instant>,
    ending: Option<Ending>,
    done: bool,
    up: bool,
    lost: bool,
}

impl Watched {
    fn alive(&self) -> Vec<Id> {
        self.seen.iter().filter(|(_, seen)| seen.alive).map(|(&id, _)| id).collect()
    }

    fn in_order(&self) -> bool {
        self.rules.strategy != Strategy::Dynamic
    }

    fn group(&self, failed: Id) -> std::ops::RangeFrom<Id> {
        match self.rules.strategy {
            Strategy::OneForAll => 0..,
            _ => failed..,
        }
    }

    fn is_alone(&self) -> bool {
        matches!(self.rules.strategy, Strategy::OneForOne | Strategy::Dynamic)
    }

    fn add(&mut self, text: &'static str) {
        let mut rules = child(text);
        // As the builder has it.
        rules.significant &= self.rules.auto_shutdown != AutoShutdown::Never;
        let seen = Seen {
            rules,
            starts: 0,
            alive: false,
            is_up: false,
            was_up: false,
            told: None,
            aborted: false,
            removed: false,
            rests: self.is_ending(),
            not_before: Instant::ORIGIN,
            later: self.next,
        };
        self.seen.insert(self.next, seen);
        self.machine.add(self.next, rules, self.now);
        self.next += 1;
    }

    fn exit(&mut self, id: Id, exit: ExitKind) {
        self.exits += 1;
        let (is_ending, later) = (self.is_ending(), self.next);
        self.lost |= exit == ExitKind::RuntimeEnded;
        let seen = self.seen.get_mut(&id).expect("it lives");
        seen.later = later;
        (seen.alive, seen.is_up, seen.told, seen.aborted) = (false, false, None, false);
        seen.rests = !seen.rules.restart.applies_to(exit) || is_ending;
        self.machine.exited(id, exit, self.now, self.now, 0);
    }

    /// Also where nobody has been told yet.
    fn is_ending(&self) -> bool {
        matches!(self.machine.phase, Phase::Stopping | Phase::Done)
    }

    fn obey_all(&mut self) {
        self.obey(usize::MAX);
    }

    /// Executes the next commands; others may be left, and overtaken by events.
    fn obey(&mut self, count: usize) {
        for _ in 0..count {
            let Some(command) = self.machine.next_command() else { return };
            assert!(!self.done, "nothing comes after the end, but {command:?}");
            match command {
                Command::Start(id) => {
                    self.see_start(id);
                    // Its factory has made it.
                    let seen = &self.seen[&id];
                    if !seen.rules.handshake {
                        self.machine.ready(id, seen.starts, self.now);
                    }
                }
                // It has been faster.
                Command::Cancel(id) | Command::Abort(id) if !self.seen[&id].alive => {}
                Command::Cancel(id) => self.see_told(id),
                Command::Abort(id) => {
                    if self.seen[&id].told.is_none() {
                        assert_eq!(self.seen[&id].rules.stop, StopLimit::Brutal);
                        self.see_told(id);
                    }
                    let seen = self.seen.get_mut(&id).expect("it lives");
                    let since = self.now - seen.told.expect("it was told");
                    match seen.rules.stop {
                        StopLimit::Within(limit) => assert!(since >= limit, "not before its time is over"),
                        StopLimit::Brutal => {}
                        StopLimit::Unlimited => panic!("it has all the time it needs"),
                    }
                    assert!(seen.alive && !std::mem::replace(&mut seen.aborted, true), "once is enough");
                }
                Command::Restarting(id, after) => self.see_restart(id, after),
                Command::Forget(id) => {
                    let seen = self.seen.remove(&id).expect("it is there");
                    assert!(!seen.alive);
                    let goes_down = seen.rules.restart == Restart::Temporary;
                    assert!(
                        seen.removed || seen.rests || goes_down,
                        "who runs on is not forgotten: {seen:?}"
                    );
                }
                Command::Up => assert!(!std::mem::replace(&mut self.up, true)),
                Command::Ending(ending) => self.see_ending(ending),
                Command::Finish => {
                    self.done = true;
                    assert!(self.ending.is_some() && self.alive().is_empty());
                }
            }
        }
    }

    fn see_start(&mut self, id: Id) {
        assert!(self.ending.is_none(), "a stop between two tries is honoured");
        self.starts += 1;
        for (&other, before) in self.seen.range(..id) {
            let is_free = match self.rules.strategy {
                Strategy::Dynamic => true,
                Strategy::OneForOne => self.seen[&id].was_up || before.was_up || before.rests,
                Strategy::OneForAll | Strategy::RestForOne => before.is_up || before.rests,
            };
            assert!(is_free || before.removed, "{id} starts before {other}: {before:?}");
        }
        if !self.is_alone() {
            assert!(self.seen.range(id..).all(|(_, after)| !after.alive), "its group is still there");
        }
        let seen = self.seen.get_mut(&id).expect("it is there");
        assert!(!seen.alive && !seen.removed && seen.not_before <= self.now, "{seen:?}");
        let is_again = seen.starts > 0;
        assert!(!(is_again && seen.rules.restart == Restart::Temporary), "never again");
        seen.starts += 1;
        seen.alive = true;
        seen.rests = false;
        seen.is_up = !seen.rules.handshake;
        seen.was_up |= seen.is_up;
    }

    /// The first time in this run.
    fn see_told(&mut self, id: Id) {
        if self.in_order() && !self.seen[&id].removed {
            let above: Vec<_> = self.alive().into_iter().filter(|&other| other > id).collect();
            assert!(above.is_empty(), "{id} is stopped before {above:?}");
        }
        let seen = self.seen.get_mut(&id).expect("it lives");
        assert!(seen.alive && seen.told.replace(self.now).is_none());
        let is_swept = !matches!(self.rules.strategy, Strategy::OneForOne | Strategy::Dynamic)
            && seen.not_before >= *self.restarts.last().unwrap_or(&Instant::MAX);
        assert!(self.ending.is_some() || seen.removed || is_swept, "{id} is nobody's business");
    }

    fn see_restart(&mut self, id: Id, after: Duration) {
        self.restarts.push(self.now);
        assert!(self.in_window() <= self.rules.intensity as usize, "too many");
        assert!(self.ending.is_none() && !self.seen[&id].alive);
        assert!(after <= 20 * MS);
        let not_before = self.now + after;
        if self.is_alone() {
            self.seen.get_mut(&id).expect("it is there").not_before = not_before;
        } else {
            let later = self.seen[&id].later;
            for (_, seen) in self.seen.range_mut(self.group(id)).take_while(|(id, _)| **id < later) {
                seen.not_before = seen.not_before.max(not_before);
                // All of the group are started again, those that had ended well too.
                seen.rests &= seen.rules.restart == Restart::Temporary;
            }
        }
    }

    fn in_window(&self) -> usize {
        self.restarts.iter().filter(|&&at| self.now - at <= self.rules.period).count()
    }

    fn see_ending(&mut self, ending: Ending) {
        assert_eq!(self.ending.replace(ending), None);
        match ending {
            Ending::Requested => {}
            Ending::GaveUp(id) => {
                assert!(self.seen.contains_key(&id));
                assert!(self.lost || self.in_window() == self.rules.intensity as usize);
            }
            Ending::Significant(id) => {
                assert!(self.seen[&id].rules.significant && self.seen[&id].rests);
                let others = self.seen.values().any(|seen| seen.rules.significant && !seen.rests);
                assert!(!others || self.rules.auto_shutdown == AutoShutdown::AnySignificant);
            }
        }
    }

    /// What must be by now.
    fn check(&self) {
        let alive = self.alive();
        assert_eq!(self.starts - self.exits, alive.len() as u64);
        if !self.machine.commands.is_empty() {
            return;
        }
        assert_eq!(self.done, self.ending.is_some() && alive.is_empty(), "it ends with its last child");
        for id in &alive {
            let seen = &self.seen[id];
            if let (Some(told), StopLimit::Within(limit)) = (seen.told, seen.rules.stop) {
                assert!(seen.aborted || self.now - told < limit, "{id} is over its time");
            }
        }
        let stopping = alive.iter().any(|id| self.seen[id].told.is_some());
        if self.ending.is_some() {
            assert!(alive.is_empty() || stopping, "nobody is told to stop");
        } else if !stopping && self.machine.next_timer().is_none() {
            // Nothing is awaited but children: all run, or one of them has not said yet that it is up.
            let starting = alive.iter().any(|id| !self.seen[id].is_up);
            let all = self.seen.values().all(|seen| seen.alive || seen.rests);
            assert!(all || (starting && self.in_order()), "somebody is forgotten: {:?}", self.seen);
            assert_eq!(self.up, self.machine.not_up.is_none());
        }
        assert!(self.machine.next_timer().is_none_or(|at| at > self.now), "what is due is done");
    }
}

struct Supervision;

impl StateMachineTest for Supervision {
    type SystemUnderTest = Watched;
    type Reference = Setting;

    fn init_test(setting: &Setting) -> Watched {
        let mut watched = Watched {
            machine: Machine::new(setting.rules),
            rules: setting.rules,
            now: Instant::ORIGIN,
            pace: usize::MAX,
            next: 0,
            seen: BTreeMap::new(),
            starts: 0,
            exits: 0,
            restarts: Vec::new(),
            ending: None,
            done: false,
            up: false,
            lost: false,
        };
        setting.children.iter().for_each(|text| watched.add(text));
        watched.machine.begin(watched.now);
        watched.obey(1);
        watched
    }

    fn apply(mut watched: Watched, _: &Setting, step: Step) -> Watched {
        let alive = watched.alive();
        match step {
            Step::Add(text) => watched.add(text),
            Step::Stop => watched.machine.stop(watched.now),
            Step::Ready(which) if !alive.is_empty() => {
                let id = *which.get(&alive);
                let seen = watched.seen.get_mut(&id).expect("it lives");
                if seen.told.is_none() {
                    (seen.is_up, seen.was_up) = (true, true);
                }
                watched.machine.ready(id, seen.starts, watched.now);
            }
            Step::Exit(which, well) if !alive.is_empty() => {
                let exit = if well { ExitKind::Finished } else { ExitKind::Failed };
                watched.exit(*which.get(&alive), exit);
            }
            Step::Lost(which) if !alive.is_empty() => {
                watched.exit(*which.get(&alive), ExitKind::RuntimeEnded)
            }
            Step::Remove(which) if !watched.seen.is_empty() => {
                let ids: Vec<_> = watched.seen.keys().copied().collect();
                let (id, is_ending) = (*which.get(&ids), watched.is_ending());
                watched.seen.get_mut(&id).expect("it is there").removed |= !is_ending;
                watched.machine.remove(id, watched.now);
            }
            Step::Pass(ms) => {
                // What is to be done takes no time.
                watched.obey_all();
                let until = watched.now + Duration::from_millis(ms);
                while let Some(at) = watched.machine.next_timer().filter(|&at| at <= until) {
                    watched.now = at;
                    watched.machine.timer(at);
                    watched.obey_all();
                }
                watched.now = until;
            }
            Step::Pace(pace) => watched.pace = pace,
            Step::Ready(_) | Step::Exit(..) | Step::Lost(_) | Step::Remove(_) => {}
        }
        watched.obey(watched.pace);
        watched
    }

    fn check_invariants(watched: &Watched, _: &Setting) {
        watched.check();
    }

    /// It can always be stopped, and then each start has come to an end.
    fn teardown(mut watched: Watched, _: Setting) {
        watched.machine.stop(watched.now);
        watched.obey_all();
        while !watched.done {
            let alive = watched.alive();
            let told = alive.into_iter().find(|id| watched.seen[id].told.is_some());
            watched.exit(told.expect("one is told at a time"), ExitKind::Finished);
            watched.obey_all();
            watched.check();
        }
        assert_eq!(watched.starts, watched.exits);
    }
}

prop_state_machine! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_rules_are_kept(sequential 1..60 => Supervision);
}
