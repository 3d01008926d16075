//! A chart with its caption, and the frame of those that go up.

use super::escape::Text;
use super::scale::{Scale, Tick};
use super::svg::{Anchor, Svg, WIDTH, width};

/// A chart as HTML.
pub(super) type Chart = String;

/// Under `caption`, with what has to be said of its axis, and the legend.
pub(super) fn figure(kind: &str, caption: &str, note: &str, legend: &str, svg: &str) -> Chart {
    let note = if note.is_empty() { String::new() } else { format!(" <small>{note}</small>") };
    let caption = format!("<figcaption>{}{note}{legend}</figcaption>", Text(Capital(caption)));
    format!("<figure class=\"{kind}\">{caption}\n{svg}</figure>\n")
}

/// With a capital, as the first of a sentence.
pub(super) struct Capital<'a>(pub(super) &'a str);

impl std::fmt::Display for Capital<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut rest = self.0.chars();
        rest.next().map_or(Ok(()), |first| write!(f, "{}{}", first.to_uppercase(), rest.as_str()))
    }
}

/// Height of what is drawn in charts that go up.
pub(super) const HEIGHT: f64 = 190.0;

/// Where a chart that goes up has its top and its foot: figures grow upwards.
pub(super) const UP: [f64; 2] = [HEIGHT, 8.0];

/// Draws the axes of a chart that goes up; gives from where to where it goes across.
pub(super) fn frame(svg: &mut Svg, up: &Scale, across: impl Fn([f64; 2]) -> Vec<Foot>) -> [f64; 2] {
    let names = up.names_up();
    let widest = names.iter().map(|tick| width(&tick.name)).fold(0.0, f64::max);
    let ends = [widest.min(WIDTH / 2.0) + 10.0, WIDTH - 10.0];
    for Tick { at, name, .. } in &names {
        svg.line("grid", [ends[0], *at], [ends[1], *at]);
        svg.text("tick", Anchor::End, [ends[0] - 7.0, at + 3.8], name);
    }
    for Foot { at, name_at, name } in across(ends) {
        svg.line("grid", [at, UP[1]], [at, UP[0]]);
        svg.text("tick", Anchor::Middle, [name_at, HEIGHT + 15.0], &name);
    }
    svg.line("axis", [ends[0], HEIGHT], [ends[1], HEIGHT]);
    ends
}

/// A name at the foot of a chart that goes up.
#[derive(Clone, Debug)]
pub(super) struct Foot {
    at: f64,
    /// The middle of the name, which may not stick out.
    name_at: f64,
    name: String,
}

/// Those of these names, from left to right, that have room.
pub(super) fn across(names: impl IntoIterator<Item = (f64, String)>) -> Vec<Foot> {
    let mut shown: Vec<Foot> = Vec::new();
    for (at, name) in names {
        let half = width(&name) / 2.0;
        let name_at = at.min(WIDTH - half).max(half);
        let taken = shown.last().map_or(f64::NEG_INFINITY, |foot| foot.name_at + width(&foot.name) / 2.0);
        if name_at - half >= taken + 6.0 {
            shown.push(Foot { at, name_at, name });
        }
    }
    shown
}
