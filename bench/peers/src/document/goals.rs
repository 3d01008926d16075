//! The table of goals, on one thread and on two.

use super::markdown::{Set, table};
use super::{amount, shown};
use crate::goals::{Check, GOALS, Goal, Outcome};
use crate::results::{Count, Results, Trait};
use crate::table::{ratio_text, time};

/// Both tables.
pub(super) fn goals(results: &Results) -> String {
    format!(
        "\n### On one thread\n\n{}\n### On two threads at once\n\n{}",
        part(results, |goal| goal.one),
        part(results, |goal| goal.two)
    )
}

fn part(results: &Results, checks: fn(&Goal) -> Option<&'static [Check]>) -> String {
    let mut rows = Vec::new();
    for goal in GOALS {
        for (index, check) in checks(goal).unwrap_or_default().iter().enumerate() {
            let mut row = vec![if index == 0 { goal.what.to_owned() } else { String::new() }];
            row.extend(cells(check, results));
            rows.push(row);
        }
    }
    let columns = [
        ("what", Set::Left),
        ("row", Set::Left),
        ("ours", Set::Right),
        ("named peer", Set::Left),
        ("ratio [95 %]", Set::Left),
        ("goal", Set::Left),
        ("", Set::Left),
        ("best peer", Set::Left),
        ("instructions", Set::Right),
        ("allocations", Set::Right),
    ];
    table(&columns, &rows)
}

const NONE: &str = "–";

/// All but the first: row, ours, peer, ratio, goal, what came of it, the best peer, instructions, allocations.
fn cells(check: &Check, results: &Results) -> [String; 9] {
    let none = || NONE.to_owned();
    let came = match check.outcome(results) {
        Outcome::Reached => "reached",
        Outcome::Missed => "**missed**",
        Outcome::Reported => "reported",
        Outcome::Unmeasured => "not measured",
    }
    .to_owned();
    match *check {
        Check::Time { contest, ours, of, at_most } => {
            let row =
                if ours == "backstay" { format!("`{contest}`") } else { format!("`{contest}`, {ours}") };
            let goal = at_most.map_or(none(), |at_most| format!("{at_most:.2}"));
            let Some(sides) = check.sides(results) else {
                return [
                    row,
                    none(),
                    of.unwrap_or(NONE).to_owned(),
                    none(),
                    goal,
                    came,
                    none(),
                    none(),
                    none(),
                ];
            };
            let best = match sides.row.best_peer() {
                Some(best) if best.name == sides.peer.name => "the same".to_owned(),
                Some(best) => format!("{} of {}", ratio_text(sides.ours.over(best)), best.name),
                None => none(),
            };
            let both = |counts: &[Count]| both(counts, contest, ours, &sides.peer.name);
            [
                row,
                shown(sides.row, sides.ours.median()),
                format!("{} {}", sides.peer.name, shown(sides.row, sides.peer.median())),
                ratio_text(sides.ratio),
                goal,
                came,
                best,
                both(&results.instructions),
                both(&results.allocations),
            ]
        }
        Check::Growth { contest, from, at_most } => {
            let (ours, then, ratio) = check.sides(results).map_or((none(), none(), none()), |sides| {
                let then = shown(sides.row, sides.peer.median());
                (
                    shown(sides.row, sides.ours.median()),
                    format!("our `{from}` {then}"),
                    ratio_text(sides.ratio),
                )
            });
            let of = |counts: &[Count]| {
                let of = |work| Count::find(counts, work, "backstay").map(Count::of_one);
                pair(of(contest), of(from))
            };
            let (instructions, allocations) = (of(&results.instructions), of(&results.allocations));
            [
                format!("`{contest}`"),
                ours,
                then,
                ratio,
                format!("{at_most:.2}"),
                came,
                none(),
                instructions,
                allocations,
            ]
        }
        Check::Nanoseconds { contest, at_most } => {
            let row = results.row(contest);
            let best = row.and_then(|row| row.best_peer());
            let ours = row.and_then(|row| row.ours()).map_or(none(), |ours| time(ours.median()));
            let peer = best.map_or(none(), |best| format!("{} {}", best.name, time(best.median())));
            let name = best.map_or("", |best| best.name.as_str());
            let both = |counts: &[Count]| both(counts, contest, "backstay", name);
            let (instructions, allocations) = (both(&results.instructions), both(&results.allocations));
            [
                format!("`{contest}`"),
                ours,
                none(),
                none(),
                time(at_most),
                came,
                peer,
                instructions,
                allocations,
            ]
        }
        Check::NoAllocations { contest } => {
            let count = Count::find(&results.allocations, contest, "backstay").map(Count::of_one);
            let count = count.map_or(none(), amount);
            [
                format!("`{contest}`"),
                none(),
                none(),
                none(),
                "no allocations".to_owned(),
                came,
                none(),
                none(),
                count,
            ]
        }
        Check::Instructions { runtime, operation, over, at_most, or_more } => {
            let of =
                |runtime, variant| Trait::find(&results.traits, runtime, operation, variant)?.instructions;
            let (ours, bare) = (of(runtime, "backstay"), of(over, "bare"));
            let ratio = ours.zip(bare).map_or(none(), |(ours, bare)| format!("{:.3}", ours / bare));
            let goal = match or_more {
                Some(more) => format!("{at_most:.2} or {more:.0} more"),
                None => format!("{at_most:.2}"),
            };
            let row = format!("{operation} on {runtime}");
            [row, none(), format!("bare {over}"), ratio, goal, came, none(), pair(ours, bare), none()]
        }
        Check::SameAllocations { runtime, operation } => {
            let of = |variant| {
                Trait::find(&results.traits, runtime, operation, variant).map(|one| one.allocations)
            };
            let row = format!("{operation} on {runtime}");
            let counts = pair(of("backstay"), of("bare"));
            [
                row,
                none(),
                format!("bare {runtime}"),
                none(),
                "the same".to_owned(),
                came,
                none(),
                none(),
                counts,
            ]
        }
    }
}

fn both(counts: &[Count], contest: &str, ours: &str, peer: &str) -> String {
    let of = |name| Count::find(counts, contest, name).map(Count::of_one);
    pair(of(ours), of(peer))
}

fn pair(ours: Option<f64>, theirs: Option<f64>) -> String {
    match (ours, theirs) {
        (None, None) => NONE.to_owned(),
        _ => [ours, theirs].map(|one| one.map_or(NONE.to_owned(), amount)).join(" / "),
    }
}
