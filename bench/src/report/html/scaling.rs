//! How a figure grows with the size, or with the number of threads.

use super::chart::{Chart, HEIGHT, UP, across, figure, frame};
use super::num::Num;
use super::runtimes::{Runtimes, name};
use super::scale::{Scale, is_drawable};
use super::svg::Svg;
use crate::report::number::{interval, known, show};
use crate::report::{Row, Section};
use crate::size::Size;

/// What grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    Sizes,
    Threads,
}

/// The charts of a workload: over the sizes for each number of threads, over the threads for each size, where there
/// are several.
pub(super) fn scaling(sections: &[&Section], runtimes: &Runtimes, id: &str) -> Vec<Chart> {
    let mut charts = Vec::new();
    for over in [Over::Sizes, Over::Threads] {
        let mut others: Vec<_> = sections.iter().map(|section| over.other(section)).collect();
        others.sort_unstable();
        others.dedup();
        for (number, other) in others.iter().enumerate() {
            let alike: Vec<_> =
                sections.iter().copied().filter(|section| over.other(section) == *other).collect();
            let id = format!("{id}-{}{number}", over.word());
            charts.extend(chart(&alike, over, runtimes, &id));
        }
    }
    charts
}

impl Over {
    fn word(self) -> &'static str {
        match self {
            Self::Sizes => "sizes",
            Self::Threads => "threads",
        }
    }

    fn of(self, section: &Section) -> u64 {
        match self {
            Self::Sizes => section.size,
            Self::Threads => section.threads as u64,
        }
    }

    /// What stays.
    fn other(self, section: &Section) -> (u64, Option<&String>, Option<&'static str>) {
        let (rate, twin) = (section.rate.as_ref(), section.twin().map(|twin| twin.name()));
        match self {
            Self::Sizes => (section.threads as u64, rate, twin),
            Self::Threads => (section.size, rate, twin),
        }
    }

    fn name(self, number: u64) -> String {
        match (self, Size::new(number)) {
            (Self::Sizes, Some(size)) => size.to_string(),
            _ => number.to_string(),
        }
    }
}

/// A chart; `None` unless several of them have figures.
fn chart(sections: &[&Section], over: Over, runtimes: &Runtimes, id: &str) -> Option<Chart> {
    let first = sections.first()?;
    let lines: Vec<_> = runtimes.names().iter().filter_map(|name| Line::of(sections, over, name)).collect();
    let mut numbers: Vec<_> = lines.iter().flat_map(|line| line.points.iter().map(|(n, _)| *n)).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let (least, most) = (*numbers.first()?, *numbers.last()?);
    if least == most {
        return None;
    }
    let figures: Vec<_> = lines.iter().flat_map(Line::figures).collect();
    let up = Scale::log_of(first.measure, &figures, UP)?;
    let mut svg = Svg::default();
    // Room on both sides: runtimes stand side by side, so that their intervals are seen.
    let at = |ends: [f64; 2], number: u64| {
        let log = |number: u64| (number.max(1) as f64).ln();
        let share = (log(number) - log(least)) / (log(most) - log(least)).max(f64::MIN_POSITIVE);
        ends[0] + 18.0 + (ends[1] - ends[0] - 36.0) * share
    };
    let ends = frame(&mut svg, &up, |ends| {
        across(numbers.iter().map(|number| (at(ends, *number), over.name(*number))))
    });
    let middle = (lines.len() as f64 - 1.0) / 2.0;
    for (place, line) in lines.iter().enumerate() {
        let aside = (place as f64 - middle) * (30.0 / lines.len() as f64).min(6.0);
        line.draw(&mut svg, runtimes, &up, |number| at(ends, number) + aside);
    }
    let fixed = match over {
        Over::Sizes => format!("over sizes, {}", first.threads()),
        Over::Threads => format!("over threads, size {}", Over::Sizes.name(first.size)),
    };
    let described: Vec<_> = lines.iter().map(|line| line.words(first, over)).collect();
    let title = format!("{}: {} {fixed}", first.workload, first.figure());
    let svg = svg.finish(id, HEIGHT + 21.0, &title, &described.join("; "));
    let legend = runtimes.legend(lines.iter().map(|line| &*line.runtime));
    let caption = format!("{} {fixed}", first.figure());
    Some(figure("scaling", &caption, "", &legend, &svg))
}

/// A runtime's rows.
struct Line<'a> {
    runtime: String,
    points: Vec<(u64, &'a Row)>,
}

impl<'a> Line<'a> {
    fn of(sections: &[&'a Section], over: Over, runtime: &str) -> Option<Self> {
        let row = |section: &&'a Section| {
            let mut rows = section.rows.iter();
            let row = rows.find(|row| name(row.runtime) == runtime && is_drawable(row.backstay.value))?;
            Some((over.of(section), row))
        };
        let mut points: Vec<_> = sections.iter().filter_map(row).collect();
        points.sort_by_key(|(number, _)| *number);
        (!points.is_empty()).then(|| Self { runtime: runtime.to_owned(), points })
    }

    fn figures(&self) -> impl Iterator<Item = f64> {
        let of = |(_, row): &(u64, &Row)| {
            std::iter::once(row.backstay.value).chain(known(row.backstay).into_iter().flatten())
        };
        self.points.iter().flat_map(of)
    }

    fn draw(&self, svg: &mut Svg, runtimes: &Runtimes, up: &Scale, across: impl Fn(u64) -> f64) {
        let look = runtimes.look(&self.runtime);
        let (mut line, mut bars) = (String::new(), String::new());
        for (number, row) in &self.points {
            let (x, y) = (Num(across(*number)), Num(up.at(row.backstay.value)));
            line.push_str(&format!("{}{x} {y}", if line.is_empty() { 'M' } else { 'L' }));
            if let Some(ends) = known(row.backstay) {
                let [low, high] = ends.map(|end| Num(up.at(end)));
                bars.push_str(&format!("M{x} {low}V{high}"));
            }
        }
        svg.path(&format!("line {}", look.class()), &line);
        if !bars.is_empty() {
            svg.path(&format!("interval {}", look.class()), &bars);
        }
        for (number, row) in &self.points {
            svg.marker(look, false, [across(*number), up.at(row.backstay.value)]);
        }
    }

    fn words(&self, section: &Section, over: Over) -> String {
        let at = |(number, row): &(u64, &Row)| {
            let (figure, bounds) =
                (show(section.measure, row.backstay.value), interval(section.measure, row.backstay));
            format!("{} {figure} {bounds}", over.name(*number)).trim().to_owned()
        };
        format!("{}: {}", self.runtime, self.points.iter().map(at).collect::<Vec<_>>().join(", "))
    }
}
