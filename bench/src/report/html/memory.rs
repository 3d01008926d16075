//! Memory a task, as bars from nothing.

use super::chart::{Chart, figure};
use super::num::Num;
use super::runtimes::{Runtimes, name};
use super::scale::{Scale, is_drawable};
use super::svg::{Anchor, Svg, WIDTH, fit, width};
use crate::report::number::show;
use crate::report::{Row, Section};
use crate::workload::Measure;

/// Where bars are.
const PLOT: [f64; 2] = [8.0, WIDTH - 8.0];

/// Heights: of what is said above bars, of a bar with what is above it.
const HEADING: f64 = 20.0;
const BAR: f64 = 30.0;

/// Bytes a task, where they were counted.
pub(super) fn bytes_a_task(section: &Section, row: &Row) -> Option<f64> {
    let counted = section.measure == Measure::Quantity && is_bytes(&section.unit);
    let bytes = if counted { Some(row.backstay.value) } else { row.usage.bytes_per_task };
    bytes.filter(|bytes| is_drawable(*bytes))
}

/// `1.23 kB`.
pub(super) fn show_bytes(bytes: f64) -> String {
    let text = show(Measure::Quantity, bytes);
    let space = if text.contains(' ') { "" } else { " " };
    format!("{text}{space}B")
}

fn is_bytes(unit: &str) -> bool {
    unit.split(|c: char| !c.is_alphanumeric()).any(|word| matches!(word, "byte" | "bytes" | "B"))
}

/// The chart of a workload; `None` where no bytes were counted.
pub(super) fn memory(sections: &[&Section], runtimes: &Runtimes, id: &str) -> Option<Chart> {
    let mut parts = Vec::new();
    for section in sections {
        let bars = section.rows.iter();
        let bars: Vec<_> =
            bars.filter_map(|row| Some((name(row.runtime), bytes_a_task(section, row)?))).collect();
        if !bars.is_empty() {
            parts.push((section.title(), bars));
        }
    }
    let all: Vec<_> = parts.iter().flat_map(|(_, bars)| bars.iter().map(|(_, bytes)| *bytes)).collect();
    let scale = Scale::from_zero(Measure::Quantity, &all, PLOT)?;
    let mut svg = Svg::default();
    let (mut top, mut words) = (0.0, Vec::new());
    for (label, bars) in &parts {
        svg.text("variant", Anchor::Start, [0.0, top + 13.0], &fit(label, WIDTH));
        top += HEADING;
        for (runtime, bytes) in bars {
            let (look, shown) = (runtimes.look(runtime), show_bytes(*bytes));
            svg.marker(look, false, [6.0, top + 6.0]);
            let room = WIDTH - 30.0 - width(&shown);
            svg.text("name", Anchor::Start, [16.0, top + 10.0], &fit(runtime, room));
            svg.text("figure", Anchor::End, [PLOT[1], top + 10.0], &shown);
            let (from, to) = (Num(scale.at(0.0)), Num(scale.at(*bytes)));
            let (y, below) = (Num(top + 15.0), Num(top + 22.0));
            svg.path(&format!("bar {}", look.class()), &format!("M{from} {y}H{to}V{below}H{from}z"));
            words.push(format!("{label}, {runtime}: {shown}"));
            top += BAR;
        }
        top += 4.0;
    }
    let title = format!("{}: memory a task", sections.first()?.workload);
    let svg = svg.finish(&format!("{id}-memory"), top, &title, &words.join("; "));
    Some(figure("memory", "memory a task, from 0", "", "", &svg))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_told_by_their_unit() {
        assert!(["bytes per idle task", "byte", "B"].iter().all(|unit| is_bytes(unit)));
        assert!(["task", "bytecodes", "request"].iter().all(|unit| !is_bytes(unit)));
        assert_eq!([512.0, 12_345.0, 2e6].map(show_bytes), ["512 B", "12.3 kB", "2.00 MB"]);
    }
}
