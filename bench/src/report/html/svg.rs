//! The few things that charts are drawn of.

use super::escape::Text;
use super::runtimes::Look;
use std::fmt::{self, Display, Write};

/// The width of every chart, in its own units: about the pixels of a column, and of a small screen.
pub(super) const WIDTH: f64 = 360.0;

/// A chart that is being drawn.
#[derive(Debug, Default)]
pub(super) struct Svg {
    body: String,
}

/// What a text's `x` is of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// What marks a median.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Circle,
    Square,
    Triangle,
    Diamond,
    Wedge,
}

impl Shape {
    pub(super) const ALL: [Self; 5] =
        [Self::Circle, Self::Square, Self::Triangle, Self::Diamond, Self::Wedge];

    /// Its outline, as large as the others', around a point.
    fn path(self, x: f64, y: f64) -> String {
        let at = |dx: f64, dy: f64| format!("{} {}", Num(x + dx), Num(y + dy));
        match self {
            Self::Circle => format!("M{}a3.8 3.8 0 1 0 7.6 0a3.8 3.8 0 1 0-7.6 0z", at(-3.8, 0.0)),
            Self::Square => format!("M{}h6.8v6.8h-6.8z", at(-3.4, -3.4)),
            Self::Triangle => format!("M{}l4.4 7.6h-8.8z", at(0.0, -4.6)),
            Self::Diamond => format!("M{}l4.8 4.8l-4.8 4.8l-4.8-4.8z", at(0.0, -4.8)),
            Self::Wedge => format!("M{}h8.8l-4.4 7.6z", at(-4.4, -3.0)),
        }
    }
}

impl Svg {
    pub(super) fn line(&mut self, class: &str, from: [f64; 2], to: [f64; 2]) {
        let [x, y] = from.map(Num);
        let [to_x, to_y] = to.map(Num);
        self.path(class, &format!("M{x} {y}L{to_x} {to_y}"));
    }

    pub(super) fn path(&mut self, class: &str, path: &str) {
        let _ = write!(self.body, "<path class=\"{class}\" d=\"{path}\"/>");
    }

    /// Dots at these points.
    pub(super) fn dots(&mut self, look: Look, points: impl Iterator<Item = [f64; 2]>) {
        let path: String = points.map(|[x, y]| format!("M{} {}h0", Num(x), Num(y))).collect();
        self.path(&format!("runs {}", look.class()), &path);
    }

    /// What marks a median; by hand it is hollow.
    pub(super) fn marker(&mut self, look: Look, hollow: bool, [x, y]: [f64; 2]) {
        let class = format!("{} {}", if hollow { "hollow" } else { "mark" }, look.class());
        self.path(&class, &look.shape().path(x, y));
    }

    pub(super) fn text(&mut self, class: &str, anchor: Anchor, [x, y]: [f64; 2], text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let (x, y) = (Num(x), Num(y));
        let _ =
            write!(self.body, "<text class=\"{class}\"{anchor} x=\"{x}\" y=\"{y}\">{}</text>", Text(text));
    }

    /// The chart, which `title` names and `description` tells to those who don't see it.
    pub(super) fn finish(self, id: &str, height: f64, title: &str, description: &str) -> String {
        format!(
            "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\"><title id=\"{id}-t\">{}</title>\
             <desc id=\"{id}-d\">{}</desc>{}</svg>\n",
            Num(WIDTH),
            Num(height),
            Text(title),
            Text(description),
            self.body
        )
    }
}

/// A look beside its name.
pub(super) fn key(look: Look) -> String {
    let path = look.shape().path(6.0, 6.0);
    format!(
        "<svg class=\"key\" viewBox=\"0 0 12 12\" aria-hidden=\"true\"><path class=\"mark {}\" d=\"{path}\"/></svg>",
        look.class()
    )
}

/// A coordinate: a tenth of a unit is less than is seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Num(pub(super) f64);

impl Display for Num {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = if self.0.is_finite() { (self.0 * 10.0).round() } else { 0.0 };
        // Without a zero's sign and a whole number's point.
        write!(f, "{}", (tenths + 0.0) / 10.0)
    }
}

/// How wide a text is at most, in the charts' font size: of the usual fonts the widest.
pub(super) fn width(text: &str) -> f64 {
    let of = |c: char| match c {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | ' ' | '[' | ']' | '(' | ')' => 4.4,
        'm' | 'w' | 'M' | 'W' | '@' | '%' => 11.0,
        'A'..='Z' => 8.6,
        c if c.is_ascii() || c == 'µ' || c == '–' => 7.1,
        _ => 11.0,
    };
    text.chars().map(of).sum()
}

/// As much of a text as has room; an ellipsis says that there is more.
pub(super) fn fit(text: &str, room: f64) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let mut short = String::new();
    for c in text.chars() {
        if width(&short) + width(c.encode_utf8(&mut [0; 4])) + width("…") > room {
            break;
        }
        short.push(c);
    }
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_are_numbers() {
        let shown = [1.0, 1.25, -0.01, 1e6, f64::NAN, f64::INFINITY].map(|x| Num(x).to_string());
        assert_eq!(shown, ["1", "1.3", "0", "1000000", "0", "0"]);
    }

    #[test]
    fn what_has_no_room_is_shortened() {
        assert_eq!(fit("tokio", 60.0), "tokio");
        let short = fit(&"tokio ".repeat(50), 60.0);
        assert!(short.ends_with('…') && width(&short) <= 60.0, "{short}");
        assert_eq!(fit("tokio", 1.0), "…");
    }
}
