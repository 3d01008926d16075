//! Every run as a dot, beside the median and its interval: through backstay, and by hand.

use super::chart::{Chart, figure};
use super::look::Look;
use super::num::Num;
use super::runtimes::{Runtimes, name};
use super::scale::{Scale, is_drawable};
use super::svg::{Anchor, Svg, WIDTH, fit, width};
use crate::cell::Variant;
use crate::report::number::{interval, known, show};
use crate::report::{Section, Series};
use crate::stats::{Estimate, median_estimate};
use std::fmt::Write;

/// Where figures are, from the left.
const PLOT: [f64; 2] = [62.0, WIDTH - 20.0];

/// Heights: of a runtime's heading, of the runs of a variant, of the dots among these, of the room below a runtime.
const HEADING: f64 = 17.0;
const STRIP: f64 = 24.0;
const CLOUD: f64 = 13.0;
const GAP: f64 = 9.0;

/// The chart; `None` without any run.
pub(super) fn dots(section: &Section, runtimes: &Runtimes, id: &str) -> Option<Chart> {
    let strips: Vec<_> = section.series.iter().filter_map(|series| Strip::of(section, series)).collect();
    let figures: Vec<_> = strips.iter().flat_map(Strip::figures).collect();
    let scale = Scale::of(section.measure, &figures, PLOT)?;
    let mut names: Vec<&str> = Vec::new();
    for strip in &strips {
        if !names.contains(&&*strip.runtime) {
            names.push(&strip.runtime);
        }
    }
    let of = |name: &str| {
        // What is through backstay first: it's what is compared.
        let mut own: Vec<_> = strips.iter().filter(|strip| strip.runtime == name).collect();
        own.sort_by_key(|strip| strip.variant == Variant::Bare);
        own
    };
    let height = strips.len() as f64 * STRIP + names.len() as f64 * (HEADING + GAP);
    let mut svg = Svg::default();
    for tick in scale.names_across() {
        svg.line("grid", [tick.at, 2.0], [tick.at, height]);
        svg.text("tick", Anchor::Middle, [tick.name_at, height + 14.0], &tick.name);
    }
    svg.line("axis", [PLOT[0], height], [PLOT[1], height]);
    let mut top = 0.0;
    for name in &names {
        let (own, look) = (of(name), runtimes.look(name));
        heading(&mut svg, look, name, own[0], top);
        top += HEADING;
        for strip in own {
            strip.draw(&mut svg, look, &scale, top);
            top += STRIP;
        }
        top += GAP;
    }
    let described: Vec<_> = strips.iter().map(|strip| strip.words.clone()).collect();
    let title = format!("{}: {}, every run", section.title(), section.figure());
    let svg = svg.finish(&format!("{id}-dots"), height + 20.0, &title, &described.join("; "));
    Some(figure("dots", &section.figure(), scale.note(), "", &svg))
}

/// The runtime's name, and its figure.
fn heading(svg: &mut Svg, look: Look, name: &str, first: &Strip, top: f64) {
    let y = top + 12.0;
    let room = WIDTH - 18.0 - width(&first.figure) - 12.0;
    svg.marker(look, false, [6.0, y - 4.0]);
    svg.text("name", Anchor::Start, [16.0, y], &fit(name, room));
    svg.text("figure", Anchor::End, [WIDTH - 4.0, y], &first.figure);
}

/// A series, ready to be drawn.
struct Strip {
    runtime: String,
    variant: Variant,
    /// In the order in which they ran.
    runs: Vec<f64>,
    estimate: Estimate,
    figure: String,
    words: String,
}

impl Strip {
    /// `None` without a run that can be drawn.
    fn of(section: &Section, series: &Series) -> Option<Self> {
        let runs: Vec<_> = series.figures().into_iter().filter(|figure| is_drawable(*figure)).collect();
        if runs.is_empty() {
            return None;
        }
        let estimate = median_estimate(&runs);
        let figure =
            format!("{} {}", show(section.measure, estimate.value), interval(section.measure, estimate));
        let (figure, runtime) = (figure.trim().to_owned(), name(series.runtime));
        let words = format!("{runtime} {}: {figure}, {} runs", said(series.variant), runs.len());
        Some(Self { runtime, variant: series.variant, runs, estimate, figure, words })
    }

    fn figures(&self) -> impl Iterator<Item = f64> {
        self.runs.iter().copied().chain(known(self.estimate).into_iter().flatten())
    }

    fn draw(&self, svg: &mut Svg, look: Look, scale: &Scale, top: f64) {
        let line = top + CLOUD + 5.0;
        svg.text("variant", Anchor::End, [PLOT[0] - 8.0, top + 13.0], said(self.variant));
        let share = |n: usize| (n as f64 + 0.5) / self.runs.len() as f64;
        let points = self.runs.iter().enumerate();
        svg.dots(look, points.map(|(n, figure)| [scale.at(*figure), top + 1.0 + CLOUD * share(n)]));
        if let Some(ends) = known(self.estimate) {
            let [low, high] = ends.map(|end| Num(scale.at(end)));
            let mut path = String::new();
            let (y, above, below) = (Num(line), Num(line - 2.5), Num(line + 2.5));
            let _ = write!(
                path,
                "M{low} {y}L{high} {y}M{low} {above}L{low} {below}M{high} {above}L{high} {below}"
            );
            svg.path(&format!("interval {}", look.class()), &path);
        }
        svg.marker(look, self.variant == Variant::Bare, [scale.at(self.estimate.value), line]);
    }
}

/// What a variant is called in a report.
fn said(variant: Variant) -> &'static str {
    match variant {
        Variant::Bare => "by hand",
        Variant::Backstay => "backstay",
        Variant::Any => "erased",
    }
}
