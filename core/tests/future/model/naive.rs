//! What a set promises, written down as naively as possible.

use crate::kit::Step;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::task::Poll;

/// Which sets there are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Bounded,
    Keyed,
    Ordered,
    BoundedOver,
    OrderedOver,
}

/// The model of a set.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) kind: Kind,
    pub(super) limit: usize,
    pub(super) window: usize,
    // What each does when it is polled.
    pub(super) steps: BTreeMap<usize, Step>,
    // The lowest free place is taken first; a turn goes through them in order.
    places: Vec<Option<usize>>,
    due: BTreeSet<usize>,
    // The next turn. A wake is of a place: where its future goes before that, it costs the next one there a poll.
    woken: BTreeSet<usize>,
    fresh: BTreeSet<usize>,
    // Whether somebody has been woken in the poll, or the list goes on.
    pub(super) goes_on: bool,
    // Of the ordered ones: what is still to come, and which of them have ended.
    order: VecDeque<usize>,
    ended: BTreeSet<usize>,
    // Of those over a list: the list.
    pub(super) list: VecDeque<usize>,
    woken_first: bool,
    // In the latest poll.
    pub(super) polled: Vec<usize>,
}

/// What a poll gives, or who has panicked in it.
pub(super) type Outcome = Result<Poll<Option<usize>>, usize>;

impl Model {
    pub(super) fn new(kind: Kind, limit: usize, window: usize) -> Self {
        Self {
            kind,
            limit,
            window,
            steps: BTreeMap::new(),
            places: Vec::new(),
            due: BTreeSet::new(),
            woken: BTreeSet::new(),
            fresh: BTreeSet::new(),
            goes_on: false,
            order: VecDeque::new(),
            ended: BTreeSet::new(),
            list: VecDeque::new(),
            woken_first: false,
            polled: Vec::new(),
        }
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.kind, Kind::BoundedOver | Kind::OrderedOver)
    }

    fn is_ordered(&self) -> bool {
        matches!(self.kind, Kind::Ordered | Kind::OrderedOver)
    }

    pub(super) fn running(&self) -> Vec<usize> {
        self.places.iter().flatten().copied().collect()
    }

    fn place_of(&self, id: usize) -> usize {
        self.places.iter().position(|&place| place == Some(id)).expect("it runs")
    }

    pub(super) fn len(&self) -> usize {
        self.running().len() + self.ended.len()
    }

    pub(super) fn is_full(&self) -> bool {
        // The place of one that has panicked is kept until those before it have been given.
        self.running().len() >= self.limit || self.is_ordered() && self.order.len() >= self.window
    }

    fn place(&mut self, id: usize) -> usize {
        let free = self.places.iter().position(Option::is_none);
        let place = free.unwrap_or_else(|| {
            self.places.push(None);
            self.places.len() - 1
        });
        self.places[place] = Some(id);
        place
    }

    pub(super) fn insert(&mut self, id: usize) {
        let place = self.place(id);
        self.fresh.insert(place);
        self.order.push_back(id);
    }

    pub(super) fn remove(&mut self, id: usize) {
        let place = self.place_of(id);
        self.places[place] = None;
        self.due.remove(&place);
        self.fresh.remove(&place);
    }

    pub(super) fn wake(&mut self, id: usize) {
        let place = self.place_of(id);
        self.woken.insert(place);
    }

    /// Polls the one in this place; whether it is pending, or what comes out.
    fn poll_place(&mut self, place: usize) -> Result<Poll<usize>, usize> {
        let id = self.places[place].expect("who is due is there");
        self.polled.push(id);
        match self.steps[&id] {
            Step::Wait => Ok(Poll::Pending),
            Step::Yield => {
                self.woken.insert(place);
                Ok(Poll::Pending)
            }
            Step::End => {
                self.places[place] = None;
                Ok(Poll::Ready(id))
            }
            Step::Panic => {
                self.places[place] = None;
                self.pass_over();
                Err(id)
            }
        }
    }

    /// Those at the head of the order that run no more and have not ended have panicked.
    fn pass_over(&mut self) {
        while self.order.front().is_some_and(|id| !self.running().contains(id) && !self.ended.contains(id)) {
            self.order.pop_front();
        }
    }

    /// Of an ordered one, what is next, if it is there.
    fn take_head(&mut self) -> Option<usize> {
        let head = *self.order.front()?;
        self.ended.remove(&head).then(|| {
            self.order.pop_front();
            self.pass_over();
            head
        })
    }

    /// What is left of a turn; then others, until one was pending.
    fn turns(&mut self, has_polled: &mut bool) -> Result<Option<usize>, usize> {
        if self.is_ordered()
            && let Some(head) = self.take_head()
        {
            return Ok(Some(head));
        }
        loop {
            while let Some(place) = self.due.pop_first() {
                match self.poll_place(place)? {
                    Poll::Pending => *has_polled = true,
                    Poll::Ready(id) if !self.is_ordered() => return Ok(Some(id)),
                    Poll::Ready(id) => {
                        self.ended.insert(id);
                        if let Some(head) = self.take_head() {
                            return Ok(Some(head));
                        }
                    }
                }
            }
            if *has_polled {
                return Ok(None);
            }
            self.begin_turn();
            if self.due.is_empty() {
                return Ok(None);
            }
        }
    }

    fn begin_turn(&mut self) {
        self.due = std::mem::take(&mut self.woken);
        self.due.retain(|&place| self.places.get(place).is_some_and(Option::is_some));
        self.due.append(&mut self.fresh);
    }

    pub(super) fn poll(&mut self) -> Outcome {
        self.polled.clear();
        self.goes_on = false;
        let outcome = self.poll_output();
        self.goes_on |= !self.woken.is_empty() || !self.fresh.is_empty();
        outcome
    }

    fn poll_output(&mut self) -> Outcome {
        let mut has_polled = false;
        if self.is_over() {
            if std::mem::take(&mut self.woken_first) {
                if let Some(id) = self.turns(&mut has_polled)? {
                    return Ok(Poll::Ready(Some(id)));
                }
            } else if self.due.is_empty() {
                self.begin_turn();
            }
        }
        let mut may_begin = 128;
        loop {
            if let Some(id) = self.begin(&mut may_begin, &mut has_polled)? {
                self.woken_first = true;
                return Ok(Poll::Ready(Some(id)));
            }
            if let Some(id) = self.turns(&mut has_polled)? {
                return Ok(Poll::Ready(Some(id)));
            }
            if self.list.is_empty() || self.is_full() {
                break;
            }
            if may_begin == 0 {
                self.goes_on = true;
                break;
            }
        }
        if self.running().is_empty() { Ok(Poll::Ready(None)) } else { Ok(Poll::Pending) }
    }

    /// Begins as many of the list as there are places for.
    fn begin(&mut self, may_begin: &mut usize, has_polled: &mut bool) -> Result<Option<usize>, usize> {
        while *may_begin > 0
            && !self.is_full()
            && let Some(id) = self.list.pop_front()
        {
            *may_begin -= 1;
            let place = self.place(id);
            match self.poll_place(place)? {
                Poll::Ready(id) if !self.is_ordered() || self.order.is_empty() => return Ok(Some(id)),
                Poll::Ready(id) => {
                    self.ended.insert(id);
                }
                Poll::Pending => *has_polled = true,
            }
            self.order.push_back(id);
        }
        Ok(None)
    }
}
