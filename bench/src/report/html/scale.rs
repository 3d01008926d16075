//! An axis: where a figure is on it, and which figures are named.

use super::svg::{WIDTH, width};
use crate::report::number::scale;
use crate::workload::Measure;

/// From this ratio of the greatest to the least on, an axis is logarithmic: below, all of it is seen on a linear one.
const WIDE: f64 = 8.0;

/// Between two names.
const GAP: f64 = 8.0;

/// A figure above this is nobody's, nor one below the inverse.
const GREATEST: f64 = 1e200;

/// Steps of an axis, of each power of ten.
const STEPS: [f64; 3] = [1.0, 2.0, 5.0];

/// An axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    measure: Measure,
    is_log: bool,
    /// The figures at its ends: round ones.
    low: f64,
    high: f64,
    /// Between two figures of a linear one.
    step: f64,
    /// Where its ends are.
    ends: [f64; 2],
}

/// A figure that is named, and where.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    pub(super) figure: f64,
    pub(super) at: f64,
    /// The middle of its name, which may not stick out.
    pub(super) name_at: f64,
    pub(super) name: String,
}

/// Whether a figure can be drawn at all.
pub(super) fn is_drawable(figure: f64) -> bool {
    figure == 0.0 || (1.0 / GREATEST < figure.abs() && figure.abs() < GREATEST)
}

impl Scale {
    /// For these figures, logarithmic where they are far apart; `None` of none.
    pub(super) fn of(measure: Measure, figures: &[f64], ends: [f64; 2]) -> Option<Self> {
        let (low, high) = extent(figures)?;
        if low > 0.0 && high / low >= WIDE {
            return Some(Self::log(measure, low, high, ends));
        }
        Some(Self::linear(measure, low, high, ends))
    }

    /// As [`of`](Self::of), logarithmic wherever it can be.
    pub(super) fn log_of(measure: Measure, figures: &[f64], ends: [f64; 2]) -> Option<Self> {
        let (low, high) = extent(figures)?;
        Some(if low > 0.0 {
            Self::log(measure, low, high, ends)
        } else {
            Self::linear(measure, low, high, ends)
        })
    }

    /// As [`of`](Self::of), linear and from 0, for bars.
    pub(super) fn from_zero(measure: Measure, figures: &[f64], ends: [f64; 2]) -> Option<Self> {
        let (low, high) = extent(figures)?;
        Some(Self::linear(measure, low.min(0.0), high.max(0.0), ends))
    }

    fn log(measure: Measure, low: f64, high: f64, ends: [f64; 2]) -> Self {
        let (low, high) = (floor(low), ceil(high));
        let high = if high > low { high } else { ceil(low * 1.5) };
        Self { measure, is_log: true, low, high, step: 0.0, ends }
    }

    fn linear(measure: Measure, low: f64, high: f64, ends: [f64; 2]) -> Self {
        // What is much the same shall look so: a tenth is the least that is drawn from end to end.
        let least = 0.1 * low.abs().max(high.abs());
        let lack = ((least - (high - low)) / 2.0).max(0.0);
        let (low, high) = (low - lack, high + lack);
        let (low, high) = if low == high { (low - 1.0, high + 1.0) } else { (low, high) };
        // Where zero isn't far, it is there.
        let low = if low > 0.0 && low < 0.5 * high { 0.0 } else { low };
        let step = ceil((high - low) / 5.0);
        let (low, high) = ((low / step).floor() * step, (high / step).ceil() * step);
        Self { measure, is_log: false, low, high, step, ends }
    }

    /// What has to be said of it.
    pub(super) fn note(&self) -> &'static str {
        match self {
            Self { is_log: true, .. } => "logarithmic axis",
            Self { low, .. } if *low > 0.0 => "axis not from 0",
            Self { .. } => "",
        }
    }

    /// Where a figure is; one beyond an end is there.
    pub(super) fn at(&self, figure: f64) -> f64 {
        let share = if self.is_log {
            (figure.max(f64::MIN_POSITIVE).log10() - self.low.log10())
                / (self.high.log10() - self.low.log10())
        } else {
            (figure - self.low) / (self.high - self.low)
        };
        let share = if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) };
        self.ends[0] + (self.ends[1] - self.ends[0]) * share
    }

    /// As many names as have room side by side.
    pub(super) fn names_across(&self) -> Vec<Tick> {
        self.names(|before, next| {
            let middle = |tick: &Tick| tick.name_at;
            middle(next) - middle(before) >= (width(&before.name) + width(&next.name)) / 2.0 + GAP
        })
    }

    /// As many names as have room one above the other.
    pub(super) fn names_up(&self) -> Vec<Tick> {
        self.names(|before, next| (before.at - next.at).abs() >= 18.0)
    }

    /// Evenly as many as fit, and on a logarithmic axis what has room between powers of ten: fives before twos.
    fn names(&self, is_apart: impl Fn(&Tick, &Tick) -> bool) -> Vec<Tick> {
        let all = if self.is_log { round(self.low, self.high) } else { self.steps() };
        let decades: Vec<_> = all.iter().copied().filter(|figure| mantissa(*figure) == 0).collect();
        let even = if self.is_log && !decades.is_empty() { &decades } else { &all };
        let fit = |ticks: &[Tick]| ticks.windows(2).all(|pair| is_apart(&pair[0], &pair[1]));
        let every = |nth| even.iter().step_by(nth).map(|figure| self.tick(*figure)).collect::<Vec<_>>();
        let mut ticks = (1..=even.len()).map(every).find(|ticks| fit(ticks)).unwrap_or_default();
        if self.is_log && ticks.len() == even.len() {
            for figure in
                [2, 1].iter().flat_map(|step| all.iter().filter(move |figure| mantissa(**figure) == *step))
            {
                let mut more = ticks.clone();
                more.push(self.tick(*figure));
                more.sort_by(|a, b| a.figure.total_cmp(&b.figure));
                if fit(&more) {
                    ticks = more;
                }
            }
        }
        ticks
    }

    /// The figures that a linear one may name.
    fn steps(&self) -> Vec<f64> {
        let count = ((self.high - self.low) / self.step).round().min(100.0) as u32;
        (0..=count).map(|n| self.low + f64::from(n) * self.step).collect()
    }

    fn tick(&self, figure: f64) -> Tick {
        let name = self.name(figure);
        let (at, half) = (self.at(figure), width(&name) / 2.0);
        Tick { figure, at, name_at: at.min(WIDTH - half).max(half), name }
    }

    fn name(&self, figure: f64) -> String {
        // One unit for a linear axis.
        let greatest = if self.is_log { figure } else { self.low.abs().max(self.high.abs()) };
        let (by, unit) = scale(self.measure, greatest);
        let step = if self.is_log { figure } else { self.step };
        let (value, decimals) = (figure / by, -(step / by).log10().floor());
        if value.abs() < 1e-9 * (greatest / by).abs() {
            return "0".to_owned();
        }
        if value.abs() >= 1e6 || decimals > 6.0 {
            return format!("{value:.0e}{unit}");
        }
        format!("{value:.0$}{unit}", decimals.max(0.0) as usize)
    }
}

/// The least and the greatest of those that can be drawn.
fn extent(figures: &[f64]) -> Option<(f64, f64)> {
    let drawable = || figures.iter().copied().filter(|figure| is_drawable(*figure));
    Some((drawable().reduce(f64::min)?, drawable().reduce(f64::max)?))
}

/// The greatest round figure that isn't above `figure`.
fn floor(figure: f64) -> f64 {
    let power = 10f64.powf(figure.log10().floor());
    let below = STEPS.iter().rev().map(|step| step * power).find(|round| *round <= figure * (1.0 + 1e-9));
    below.unwrap_or(power)
}

/// The least round figure that isn't below `figure`.
fn ceil(figure: f64) -> f64 {
    let power = 10f64.powf(figure.log10().floor());
    let above = STEPS.iter().map(|step| step * power).find(|round| *round >= figure * (1.0 - 1e-9));
    above.unwrap_or(10.0 * power)
}

/// All round figures from `low` to `high`, which are two.
fn round(low: f64, high: f64) -> Vec<f64> {
    let (from, to) = (low.log10().floor() as i32, high.log10().floor() as i32);
    let all = (from..=to).flat_map(|power| STEPS.map(|step| step * 10f64.powi(power)));
    all.filter(|figure| *figure >= low * (1.0 - 1e-9) && *figure <= high * (1.0 + 1e-9)).collect()
}

/// Which of [`STEPS`] a round figure is.
fn mantissa(figure: f64) -> usize {
    let first = figure / 10f64.powf((figure.log10() + 1e-9).floor());
    STEPS.iter().position(|step| (step - first).abs() < 0.1).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDS: [f64; 2] = [60.0, 340.0];

    fn names(figures: &[f64]) -> Vec<String> {
        let scale = Scale::of(Measure::Throughput, figures, ENDS).unwrap();
        scale.names_across().into_iter().map(|tick| tick.name).collect()
    }

    #[test]
    fn figures_that_are_near_have_a_linear_axis() {
        assert_eq!(names(&[210.0, 480.0]), ["0", "100 ns", "200 ns", "300 ns", "400 ns", "500 ns"]);
        assert_eq!(names(&[9_600.0, 10_400.0]), ["9.0 µs", "9.5 µs", "10.0 µs", "10.5 µs", "11.0 µs"]);
    }

    #[test]
    fn figures_that_are_far_apart_have_a_logarithmic_one() {
        assert_eq!(names(&[30.0, 700.0]), ["20 ns", "50 ns", "100 ns", "200 ns", "500 ns", "1 µs"]);
        assert_eq!(names(&[1.0, 2e9]), ["1 ns", "100 ns", "10 µs", "1 ms", "100 ms"]);
    }

    #[test]
    fn what_is_much_the_same_looks_so() {
        let scale = Scale::of(Measure::Throughput, &[1_000.0, 1_001.0], ENDS).unwrap();
        assert!(scale.at(1_001.0) - scale.at(1_000.0) < 5.0);
        assert_eq!(scale.note(), "axis not from 0");
    }

    #[test]
    fn any_figures_have_an_axis() {
        let odd = [0.0, -1.0, 1.0, 5e-324, 1e-300, 1e-9, 1e15, 1e150, 1e199, -1e199, f64::MAX, f64::NAN];
        for one in odd {
            for other in odd {
                for make in [Scale::of, Scale::log_of, Scale::from_zero] {
                    for measure in [Measure::Quantity, Measure::Latency] {
                        let Some(scale) = make(measure, &[one, other], ENDS) else {
                            assert!(!is_drawable(one) && !is_drawable(other));
                            continue;
                        };
                        let ticks = scale.names_across();
                        assert!(!ticks.is_empty() && ticks.len() < 15, "{one} {other}: {ticks:?}");
                        for Tick { at, name_at, name, .. } in ticks.iter().chain(&scale.names_up()) {
                            assert!((ENDS[0]..=ENDS[1]).contains(at), "{one} {other}: {at}");
                            let half = width(name) / 2.0;
                            assert!(*name_at >= half && name_at + half <= WIDTH, "{one} {other}: {name}");
                            assert!(!name.contains("NaN") && !name.contains("inf"), "{one} {other}: {name}");
                        }
                        assert!((ENDS[0]..=ENDS[1]).contains(&scale.at(one)), "{one} {other}");
                    }
                }
            }
        }
    }

    #[test]
    fn names_don_t_touch() {
        for (low, high) in [(1.0, 9.0), (1.0, 1e6), (123.4, 125.6), (1e3, 1e5), (0.0, 7e9), (3.0, 1e12)] {
            let scale = Scale::log_of(Measure::Latency, &[low, high], ENDS).unwrap();
            for pair in scale.names_across().windows(2) {
                let gap = pair[1].name_at - pair[0].name_at;
                assert!(gap > (width(&pair[0].name) + width(&pair[1].name)) / 2.0, "{pair:?}");
            }
        }
    }
}
