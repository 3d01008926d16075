//! The few things that charts are drawn of.

use super::escape::Text;
use super::look::Look;
use super::num::Num;
use std::fmt::Write;

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
