//! All that the figures of a section allow to say.

use super::number::known;
use super::row::{Bare, Behind, Row};
use crate::contender::Contender;
use crate::stats::{Estimate, FEWEST, MATTERS, Shown};
use crate::workload::Measure;
use serde::{Deserialize, Serialize};

/// A difference of so much should be seen, or be seen not to be there. Where it could still be either, there is too
/// much noise.
const VISIBLE: f64 = 0.10;

/// No more processes than these are proposed, nor can they be asked for.
const MOST: usize = 1_000;

/// Which runtime is the fastest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Verdict {
    /// There is nobody to compare with.
    Alone,
    /// Fewer runs than can show anything.
    TooFew {
        /// How many processes of each cell it takes at least.
        processes: usize,
    },
    /// One is ahead of all others.
    Winner {
        /// Which.
        runtime: Contender,
        /// The nearest of the others.
        next: Contender,
        /// The next one's median over the winner's.
        ratio: Estimate,
        /// How probable it is that a run of the winner takes less than one of the next.
        superiority: f64,
    },
    /// Several may be the fastest, and none of them is much slower.
    NoClearWinner {
        /// Which, the one with the least median first.
        level: Vec<Contender>,
        /// Those that are slower than the first of them.
        behind: Vec<Contender>,
    },
    /// Several may be the fastest, and some may be slower by 10 % or more: it can't be seen.
    TooNoisy {
        /// Which, the one with the least median first.
        level: Vec<Contender>,
        /// Those that are slower than the first of them.
        behind: Vec<Contender>,
        /// How many processes of each cell might show it.
        processes: usize,
    },
}

impl Verdict {
    /// What these rows show, of so many runs each.
    pub(crate) fn of(rows: &[Row], runs: Option<usize>) -> Self {
        let runs = runs.unwrap_or_default();
        let Some(best) = rows.iter().find(|row| row.behind.is_none()).filter(|_| rows.len() > 1) else {
            return Self::Alone;
        };
        if runs < FEWEST {
            return Self::TooFew { processes: FEWEST };
        }
        let (mut level, mut behind, mut widest) = (vec![best.runtime], Vec::new(), None::<f64>);
        for row in rows {
            let Some(other) = row.behind else { continue };
            if other.ratio.shows(MATTERS) == Shown::More {
                behind.push(row.runtime);
                continue;
            }
            level.push(row.runtime);
            // Two that differ, and of which there is no ratio, as of something and nothing, may be however far apart.
            let unknown = other.ratio.interval.is_none() && row.backstay.value != best.backstay.value;
            let noise = if unknown { Some(f64::INFINITY) } else { noise(other.ratio) };
            widest = [widest, noise].into_iter().flatten().reduce(f64::max);
        }
        let others = rows.iter().filter_map(|row| Some((row.runtime, row.behind?)));
        let next = others.min_by(|(_, a), (_, b)| a.ratio.value.total_cmp(&b.ratio.value));
        match widest {
            _ if level.len() == 1
                && let Some((next, Behind { ratio, loses })) = next =>
            {
                Self::Winner { runtime: best.runtime, next, ratio, superiority: loses }
            }
            None => Self::NoClearWinner { level, behind },
            Some(width) => {
                // An interval is half as wide with four times the runs.
                let times = (width / VISIBLE).powi(2).clamp(2.0, 100.0);
                let processes = ((runs as f64 * times).ceil() as usize).min(MOST);
                Self::TooNoisy { level, behind, processes }
            }
        }
    }

    /// In words; `None` where there is nothing to say.
    pub fn words(&self, measure: Measure) -> Option<String> {
        let (least, more) = match measure {
            Measure::Throughput | Measure::Latency => ("is the fastest", "slower"),
            Measure::Quantity => ("takes the least", "more"),
        };
        let but = |behind: &[Contender]| match behind {
            [] => String::new(),
            behind => format!("; {} {more}", names(behind)),
        };
        Some(match self {
            Self::Alone => return None,
            Self::TooFew { processes } => format!("too few runs to say; take --reps {processes} or more"),
            Self::Winner { runtime, next, ratio, superiority } => {
                let [low, high] = ratio.interval.unwrap_or([f64::NAN; 2]);
                format!(
                    "{runtime} {least}: {next} takes {:.2} [{low:.2}, {high:.2}] times as much, and more in {:.0} % \
                     of the runs",
                    ratio.value,
                    superiority * 100.0
                )
            }
            Self::NoClearWinner { level, behind } => {
                format!("no clear winner between {}{}", names(level), but(behind))
            }
            Self::TooNoisy { level, behind, processes } => format!(
                "too noisy to tell {} apart{}; take a quieter machine, or --reps {processes}",
                names(level),
                but(behind)
            ),
        })
    }
}

/// What backstay costs on each runtime.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Overhead {
    /// Where it makes a difference, either way.
    pub shown: Vec<Contender>,
    /// Where none is shown.
    pub not_shown: Vec<Contender>,
    /// Where it may be 10 % or more, either way: it can't be seen.
    pub too_noisy: Vec<Contender>,
}

impl Overhead {
    pub(crate) fn of(rows: &[Row]) -> Option<Self> {
        // Without an interval nothing is known of it, not even that it isn't large.
        let known = |row: &Row| row.bare.filter(|bare| bare.overhead.interval.is_some());
        let by_hand: Vec<_> = rows.iter().filter_map(|row| Some((row.runtime, known(row)?))).collect();
        let mut verdict = Self::default();
        for (runtime, Bare { overhead, .. }) in &by_hand {
            let part = match (overhead.shows(MATTERS), noise(*overhead)) {
                (Shown::Less | Shown::More, _) => &mut verdict.shown,
                (Shown::Nothing, Some(_)) => &mut verdict.too_noisy,
                (Shown::Nothing, None) => &mut verdict.not_shown,
            };
            part.push(*runtime);
        }
        (!by_hand.is_empty()).then_some(verdict)
    }

    /// In words.
    pub fn words(&self, rows: &[Row]) -> String {
        let shown = rows.iter().filter(|row| self.shown.contains(&row.runtime));
        let mut parts: Vec<_> =
            shown.filter_map(|row| Some(format!("{} {}", row.runtime, change(row.bare?.overhead)))).collect();
        if !self.not_shown.is_empty() {
            let on = if parts.is_empty() && self.too_noisy.is_empty() {
                String::new()
            } else {
                format!(" on {}", names(&self.not_shown))
            };
            parts.push(format!("no overhead shown{on}"));
        }
        if !self.too_noisy.is_empty() {
            parts.push(format!("too noisy to tell on {}", names(&self.too_noisy)));
        }
        parts.join("; ")
    }
}

/// A ratio as a change in percent: `+5.7 % [+1.5, +10.7]`; a dash where there is none.
pub(super) fn change(ratio: Estimate) -> String {
    if !ratio.value.is_finite() {
        return "–".to_owned();
    }
    let percent = |ratio: f64| (ratio - 1.0) * 100.0;
    let interval = known(ratio).map(|ends| ends.map(percent));
    let interval = interval.map_or_else(String::new, |[low, high]| format!(" [{low:+.1}, {high:+.1}]"));
    format!("{:+.1} %{interval}", percent(ratio.value))
}

/// How far from 1 a ratio that shows nothing may still be, if that is too far.
fn noise(ratio: Estimate) -> Option<f64> {
    let [low, high] = ratio.interval?;
    let far = (high - 1.0).max(1.0 / low - 1.0);
    (far > VISIBLE).then_some((high - low) / 2.0 / ratio.value)
}

/// `tokio, smol and async-std`.
fn names(runtimes: &[Contender]) -> String {
    let names: Vec<_> = runtimes.iter().map(|runtime| runtime.name()).collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [others @ .., last] => format!("{} and {last}", others.join(", ")),
    }
}
