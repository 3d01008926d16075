//! Marble diagrams: `(input, how long the reader is busy after each item, output)`.

use super::letter;
use crate::kit::ms;
use crate::marble::{Items, Shown, flows_slowly};
use backstay::testing::Sim;
use backstay_core::stream::{Edge, FlowExt};
use futures::Stream;

type Row = (&'static str, u64, &'static str);

#[track_caller]
fn table<S: Stream<Item: Shown>>(operator: impl Fn(&Sim, Items) -> S, rows: &[Row]) {
    for (input, busy, expected) in rows {
        flows_slowly(input, *busy, &operator, expected);
    }
}

#[test]
fn debounce() {
    table(
        |rt, s| s.debounce(rt, ms(3)),
        &[
            ("ab----c--(de)-----f-|", 0, "----b-------e----(f|)"),
            ("|", 0, "|"),
            ("-----|", 0, "-----|"),
            ("a----|", 0, "---a-|"),
            ("a---b---|", 0, "---a---b|"),
            // Ties: the item comes first; the end too, and it gives the item.
            ("a--b---|", 0, "------b|"),
            ("a--(bc)---|", 0, "------c|"),
            ("a--|", 0, "---(a|)"),
            // Bursts, and what never pauses.
            ("(abc)---|", 0, "---c|"),
            ("(ab|)", 0, "(b|)"),
            ("a-b-c-d-e|", 0, "---------(e|)"),
            // No end.
            ("a-b", 0, "-----b"),
            ("", 0, ""),
            // A slow reader: what has come meanwhile comes when it looks.
            ("a---b--c--d------|", 5, "---a---------d----|"),
            ("a---b|", 5, "---a----b----|"),
            ("(ab)---(cd)---|", 1, "---b---d|"),
        ],
    );
}

#[test]
fn debounce_with_a_longest_wait() {
    table(
        |rt, s| s.debounce(rt, ms(3)).max_wait(ms(5)),
        &[
            ("|", 0, "|"),
            ("a---|", 0, "---a|"),
            ("a-b-c-d-e-f|", 0, "-----c-----(f|)"),
            // The wait begins anew with the first item after the one given.
            ("a-b-c------d-e-f|", 0, "-----c 10 (f|)"),
            // An item just at the end of the wait is the one that is given, of several the first.
            ("a-b-cd--|", 0, "-----d--|"),
            ("a-b-c(de)--|", 0, "-----d--(e|)"),
            ("a-b-c|", 0, "-----(c|)"),
            ("(abc)---|", 0, "---c|"),
            ("a-b-c-d", 0, "-----c---d"),
            ("a-b-c-d-e-f|", 4, "-----c-----f---|"),
        ],
    );
    table(
        |rt, s| s.debounce(rt, ms(3)).max_wait(ms(2)),
        &[("ab-c|", 0, "--b-(c|)"), ("a----|", 0, "--a--|")],
    );
    table(|rt, s| s.debounce(rt, ms(3)).max_wait(ms(0)), &[("ab(cd)-e|", 0, "ab(cd)-e|")]);
}

#[test]
fn debounce_by_key() {
    table(
        |rt, s| s.debounce_by_key(rt, ms(3), letter),
        &[
            ("ab-A--B-----a-b-|", 0, "----b-A--B-----a(b|)"),
            ("|", 0, "|"),
            ("a---b|", 0, "---a-(b|)"),
            ("a----A----|", 0, "---a----A-|"),
            // Those due together in the order in which they came.
            ("(abcAB)----|", 0, "---(cAB)-|"),
            ("abcd------|", 0, "---abcd---|"),
            // A key that never pauses keeps no other back.
            ("abA-a-A-a|", 0, "----b----(a|)"),
            // Ties.
            ("a--A--a--A--|", 0, "12(A|)"),
            ("a--b--|", 0, "---a--(b|)"),
            // The end: in the order in which they would have been due.
            ("abcA|", 0, "----(bcA|)"),
            ("(abcBA|)", 0, "(cBA|)"),
            ("aA", 0, "----A"),
            // A slow reader gets them one by one; what has come meanwhile waits its turn.
            ("(abc)----d|", 4, "---a---b---c---d---|"),
            ("(ab)---A----|", 4, "---a---b---A---|"),
        ],
    );
    table(
        |rt, s| s.debounce_by_key(rt, ms(3), letter).max_wait(ms(5)),
        &[
            ("a-A-a-b-A-B|", 0, "-----a---b-(AB|)"),
            ("a-b-A-Ba--|", 0, "---a-b---(Ba)|"),
            ("a-(bA)-(Ba)A|", 0, "-----A(B|)"),
            ("a-A-a-A-a-A-a", 0, "-----a-----A---a"),
        ],
    );
}

#[test]
fn limit_emissions_to_the_first() {
    table(
        |rt, s| s.limit_emissions(rt, ms(5), Edge::Leading),
        &[
            ("abc----------d-e--------f|", 0, "a------------d----------f|"),
            ("|", 0, "|"),
            ("a--|", 0, "a--|"),
            ("(abc)|", 0, "a|"),
            ("a---b|", 0, "a----|"),
            // A tie: the interval is over at its end.
            ("a----b|", 0, "a----b|"),
            ("a----(bc)|", 0, "a----b|"),
            ("abcdefg|", 0, "a----f-|"),
            ("-----a-b---c|", 0, "-----a-----c|"),
            ("a-b", 0, "a"),
            // A slow reader holds the source back.
            ("abc|", 7, "a------b------c------|"),
            ("abcdef|", 2, "a----f-|"),
        ],
    );
}

#[test]
fn limit_emissions_to_the_last() {
    table(
        |rt, s| s.limit_emissions(rt, ms(5), Edge::Trailing),
        &[
            ("abc----------d-e--------f|", 0, "-----c------------e----------(f|)"),
            ("|", 0, "|"),
            ("a-----|", 0, "-----a|"),
            // The end waits for the item that is held.
            ("a|", 0, "-----(a|)"),
            ("a----|", 0, "-----(a|)"),
            ("(abc)|", 0, "-----(c|)"),
            // A tie: the item belongs to the interval.
            ("a----b--|", 0, "-----b--|"),
            // What is given begins the next interval.
            ("a-----b|", 0, "-----a----(b|)"),
            ("a---------b|", 0, "-----a---------(b|)"),
            ("a-----------b|", 0, "-----a 11 (b|)"),
            ("abcdefghijkl|", 0, "-----f----k----(l|)"),
            ("ab", 0, "-----b"),
            ("a---b---c---|", 7, "-----b 11 c ------|"),
        ],
    );
}

#[test]
fn limit_emissions_to_the_first_and_the_last() {
    table(
        |rt, s| s.limit_emissions(rt, ms(5), Edge::Both),
        &[
            ("abc----------d-e--------f|", 0, "a----c-------d----e-----f|"),
            ("|", 0, "|"),
            ("a|", 0, "a|"),
            ("ab|", 0, "a----(b|)"),
            ("(abc)|", 0, "a----(c|)"),
            ("a-------b|", 0, "a-------b|"),
            // Ties.
            ("a----b|", 0, "a----b|"),
            ("ab---c|", 0, "a----c|"),
            ("ab---|", 0, "a----(b|)"),
            ("abcdefghijklm|", 0, "a----f----k----(m|)"),
            ("ab", 0, "a----b"),
            ("abcdef|", 3, "a----f--|"),
            ("(ab)-----(cd)|", 9, "a--------b--------c--------d--------|"),
        ],
    );
}

#[test]
fn pace() {
    table(
        |rt, s| s.pace(rt, ms(4)),
        &[
            ("a(bc)-------d-------e|", 0, "a---b---c---d----e|"),
            ("|", 0, "|"),
            ("a|", 0, "a|"),
            ("--a|", 0, "--a|"),
            ("ab|", 0, "a---(b|)"),
            ("(abc)|", 0, "a---b---(c|)"),
            ("a---b|", 0, "a---b|"),
            ("a--b|", 0, "a---(b|)"),
            ("a-----b|", 0, "a-----b|"),
            ("ab", 0, "a---b"),
            ("(abc)20d|", 0, "a---b---c 12 d|"),
            // A slow reader: at once, but never a burst.
            ("(abc)|", 6, "a-----b-----c-----|"),
            ("(abc)|", 3, "a---b---c--|"),
        ],
    );
}

#[test]
fn sample() {
    table(
        |rt, s| s.sample(rt, ms(5)),
        &[
            ("ab-c---d-----------e----f-|", 0, "-----c----d---------e----f|"),
            ("|", 0, "|"),
            ("a-----|", 0, "-----a|"),
            ("(abc)-----|", 0, "-----c|"),
            // Nothing new.
            ("a20|", 0, "-----a 15 |"),
            // Ties: the item belongs to the tick; so does what comes before the end.
            ("-----a-----|", 0, "-----a-----|"),
            ("----a(bc)----|", 0, "-----c----|"),
            ("------a----|", 0, "10 a|"),
            ("a----|", 0, "-----(a|)"),
            ("-----(a|)", 0, "-----(a|)"),
            // The end drops what waits.
            ("a|", 0, "-|"),
            ("a-----b-|", 0, "-----a--|"),
            ("a", 0, "-----a"),
            // A slow reader.
            ("abcdefghijklmn|", 7, "-----f--------|"),
            ("abcdefghijklmnop-|", 7, "-----f---------p------|"),
        ],
    );
    table(
        |rt, s| s.sample(rt, ms(5)).emit_last(),
        &[("|", 0, "|"), ("ab|", 0, "--(b|)"), ("a-----b-|", 0, "-----a--(b|)"), ("a----|", 0, "-----(a|)")],
    );
}

#[test]
fn audit() {
    table(
        |rt, s| s.audit(rt, ms(4)),
        &[
            ("abc-----d-----e|", 0, "----c-------d-----(e|)"),
            ("|", 0, "|"),
            ("a----|", 0, "----a|"),
            // The end waits for the window's.
            ("a|", 0, "----(a|)"),
            ("ab--|", 0, "----(b|)"),
            ("(abc)|", 0, "----(c|)"),
            // A tie: the item belongs to the window.
            ("a---b----|", 0, "----b----|"),
            ("a---(bc)----|", 0, "----c----|"),
            ("a----b----|", 0, "----a----b|"),
            ("a-b-c-d-e-f-|", 0, "----c-----f-|"),
            ("a", 0, "----a"),
            ("a---b---c---|", 6, "----b---------c-----|"),
        ],
    );
}

#[test]
fn item_timeout() {
    table(
        |rt, s| s.item_timeout(rt, ms(3)),
        &[
            ("a--b-c-----d|", 0, "a--b-c--(!|)"),
            ("|", 0, "|"),
            ("--a|", 0, "--a|"),
            ("----a|", 0, "---(!|)"),
            ("(abc)|", 0, "(abc)|"),
            ("a--b--c--d--|", 0, "a--b--c--d--|"),
            // Ties: the item comes first, and so does the end.
            ("---a|", 0, "---a|"),
            ("a--|", 0, "a--|"),
            ("a---|", 0, "a--(!|)"),
            ("-----|", 0, "---(!|)"),
            ("a", 0, "a--(!|)"),
            ("", 0, "---(!|)"),
            // The reader's time is not counted.
            ("ab----c|", 10, "a---------b---------c---------|"),
            ("a", 2, "a----!-|"),
        ],
    );
}

#[test]
fn first_timeout() {
    table(
        |rt, s| s.first_timeout(rt, ms(3)),
        &[
            ("--a--------b|", 0, "--a--------b|"),
            ("-----a|", 0, "---(!|)"),
            ("|", 0, "|"),
            ("(ab)20c|", 0, "(ab)20c|"),
            ("---a20b|", 0, "---a20b|"),
            ("---(ab)|", 0, "---(ab)|"),
            ("---|", 0, "---|"),
            ("----|", 0, "---(!|)"),
            ("", 0, "---(!|)"),
            ("a", 0, "a"),
            ("a-b|", 10, "a---------b---------|"),
        ],
    );
}

#[test]
fn total_timeout() {
    table(
        |rt, s| s.total_timeout(rt, ms(8)),
        &[
            ("a--b--c--d|", 0, "a--b--c-(!|)"),
            ("|", 0, "|"),
            ("(ab|)", 0, "(ab|)"),
            ("a------b|", 0, "a------b|"),
            // Ties: the item comes first, and so does the end.
            ("--------|", 0, "--------|"),
            ("---------|", 0, "--------(!|)"),
            ("--------a|", 0, "--------(a!|)"),
            ("a-------(bc|)", 0, "a-------(bc|)"),
            ("a", 0, "a-------(!|)"),
            ("", 0, "--------(!|)"),
            // The reader's time counts.
            ("(abcd)|", 5, "a----b----!----|"),
            ("abc|", 4, "a---b---c---!---|"),
        ],
    );
}
