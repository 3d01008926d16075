//! How a runtime looks in every chart.

use super::num::Num;

/// Colours in the style sheet. A number without a common factor with that of the shapes: thirty looks.
const COLOURS: usize = 6;

/// A runtime's colour and shape: the shape alone tells it too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look(usize);

impl Look {
    /// The one of a runtime, by its place among all.
    pub(super) fn new(place: usize) -> Self {
        Self(place)
    }

    /// The class that gives it its colour.
    pub(super) fn class(self) -> String {
        format!("c{}", self.0 % COLOURS)
    }

    pub(super) fn shape(self) -> Shape {
        Shape::ALL[self.0 % Shape::ALL.len()]
    }
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
    pub(super) fn path(self, x: f64, y: f64) -> String {
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
