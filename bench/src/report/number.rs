//! Figures in three digits and the largest unit that leaves one before the point.

use crate::stats::Estimate;
use crate::workload::Measure;

/// `1.23 ms`; of a quantity `12.3 k`; a dash where there is no figure.
pub(crate) fn show(measure: Measure, figure: f64) -> String {
    if !figure.is_finite() {
        return "–".to_owned();
    }
    let (by, unit) = scale(measure, figure);
    format!("{}{unit}", digits(figure / by))
}

/// `[1.20, 1.25]`, in the unit of its figure; nothing where there is none.
pub(super) fn interval(measure: Measure, estimate: Estimate) -> String {
    let (by, _) = scale(measure, estimate.value);
    let ends = known(estimate).map(|ends| ends.map(|end| digits(end / by)));
    ends.map_or_else(String::new, |[low, high]| format!("[{low}, {high}]"))
}

/// `1.02 [0.99, 1.05]` in two parts.
pub(super) fn ratio(estimate: Estimate) -> (String, String) {
    let interval = known(estimate).map(|[low, high]| format!("[{low:.2}, {high:.2}]"));
    let value = if !estimate.value.is_finite() { "–".to_owned() } else { format!("{:.2}", estimate.value) };
    (value, interval.unwrap_or_default())
}

/// The interval, where it has two ends.
pub(super) fn known(estimate: Estimate) -> Option<[f64; 2]> {
    estimate.interval.filter(|ends| ends.iter().all(|end| end.is_finite()))
}

/// The unit of a figure, and how much of it is one.
pub(super) fn scale(measure: Measure, figure: f64) -> (f64, &'static str) {
    match (measure, figure.abs()) {
        (Measure::Quantity, n) if n < 1e4 => (1.0, ""),
        (Measure::Quantity, n) if n < 1e6 => (1e3, " k"),
        (Measure::Quantity, _) => (1e6, " M"),
        (_, n) if n < 1e3 => (1.0, " ns"),
        (_, n) if n < 1e6 => (1e3, " µs"),
        (_, n) if n < 1e9 => (1e6, " ms"),
        _ => (1e9, " s"),
    }
}

fn digits(value: f64) -> String {
    match value.abs() {
        v if v < 9.995 => format!("{value:.2}"),
        v if v < 99.95 => format!("{value:.1}"),
        v if v >= 1e9 => format!("{value:.2e}"),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits_and_a_unit() {
        let time = |nanos| show(Measure::Latency, nanos);
        assert_eq!(time(1.5), "1.50 ns");
        assert_eq!(time(999.0), "999 ns");
        assert_eq!(time(12_345.0), "12.3 µs");
        assert_eq!(time(9_999_000.0), "10.0 ms");
        assert_eq!(time(2.5e9), "2.50 s");
        let quantity = |quantity| show(Measure::Quantity, quantity);
        assert_eq!(
            [1.5, -2.0, 1_234.0, 12_345.0, 2e6].map(quantity),
            ["1.50", "-2.00", "1234", "12.3 k", "2.00 M"]
        );
    }

    #[test]
    fn an_interval_has_its_figure_s_unit() {
        let estimate = Estimate { value: 2_000.0, interval: Some([900.0, 12_000.0]) };
        assert_eq!(interval(Measure::Throughput, estimate), "[0.90, 12.0]");
        assert_eq!(interval(Measure::Throughput, Estimate { interval: None, ..estimate }), "");
    }

    #[test]
    fn no_figure_is_a_dash_and_a_huge_one_has_an_end() {
        assert_eq!([f64::NAN, f64::INFINITY].map(|figure| show(Measure::Latency, figure)), ["–", "–"]);
        assert_eq!(show(Measure::Quantity, 1.5e300), "1.50e294 M");
    }

    #[test]
    fn what_is_no_ratio_is_a_dash() {
        assert_eq!(ratio(Estimate { value: f64::NAN, interval: None }), ("–".to_owned(), String::new()));
    }
}
