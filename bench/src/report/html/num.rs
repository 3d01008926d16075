//! Coordinates.

use std::fmt::{self, Display};

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
