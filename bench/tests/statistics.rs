//! What the verdicts are worth: how often they are right on samples whose truth is known.

use backstay::Backend;
use backstay_bench::cell::Variant;
use backstay_bench::reading::Reading;
use backstay_bench::report::{Section, Series, Verdict};
use backstay_bench::start::RUNTIMES;
use backstay_bench::workload::Measure;
use fastrand::Rng;
use std::f64::consts::TAU;

/// What noise does to the figure of a process.
#[derive(Clone, Copy, Debug)]
enum Noise {
    /// A normal factor with this deviation.
    Normal(f64),
    /// The same, and one run in ten takes half as long again: somebody else had the core.
    Interrupted(f64),
    /// The same, and a third of the runs take 20 % longer: memory or cores fell another way.
    TwoModes(f64),
}

impl Noise {
    fn figure(self, truth: f64, rng: &mut Rng) -> f64 {
        let mut normal = |deviation: f64| {
            let (radius, angle) = ((-2.0 * (1.0 - rng.f64()).ln()).sqrt(), TAU * rng.f64());
            1.0 + deviation * radius * angle.cos()
        };
        truth
            * match self {
                Self::Normal(deviation) => normal(deviation),
                Self::Interrupted(deviation) => normal(deviation) * if rng.f64() < 0.1 { 1.5 } else { 1.0 },
                Self::TwoModes(deviation) => normal(deviation) * if rng.f64() < 0.33 { 1.2 } else { 1.0 },
            }
    }
}

/// A section in which each runtime's true figure is this, through backstay; by hand it is 100.
fn section(truths: [f64; 3], runs: usize, noise: Noise, rng: &mut Rng) -> Section {
    let mut series = Vec::new();
    for (&runtime, truth) in RUNTIMES.iter().zip(truths) {
        for (variant, truth) in [(Variant::Backstay, truth), (Variant::Bare, 100.0)] {
            let reading = |figure| Reading {
                figure,
                whole: figure,
                units: None,
                iterations: vec![figure],
                latencies: None,
                usage: None,
            };
            let runs = (0..runs).map(|_| reading(noise.figure(truth, rng))).collect();
            series.push(Series { runtime: runtime.into(), variant, runs, not_here: None });
        }
    }
    let mut section = Section {
        workload: "synthetic".to_owned(),
        size: 1,
        threads: 1,
        rate: None,
        about: String::new(),
        unit: String::new(),
        measure: Measure::Throughput,
        floor_ns: 0,
        series,
        rows: Vec::new(),
        verdict: Verdict::Alone,
        overhead: None,
    };
    section.conclude();
    section
}

const CELLS: usize = 500;

/// How the machines that figures may come from behave: the noise that is left of a process, which gives a median.
const MACHINES: [Noise; 4] =
    [Noise::Normal(0.01), Noise::Normal(0.02), Noise::Normal(0.03), Noise::Interrupted(0.02)];

/// Of how many cells out of 100 this holds.
fn percent(truths: [f64; 3], runs: usize, noise: Noise, holds: impl Fn(&Section) -> bool) -> f64 {
    let mut rng = Rng::with_seed(42);
    let held = (0..CELLS).filter(|_| holds(&section(truths, runs, noise, &mut rng))).count();
    held as f64 / CELLS as f64 * 100.0
}

fn winner(section: &Section) -> Option<Backend> {
    match section.verdict {
        Verdict::Winner { runtime, .. } => Some(runtime.backend()),
        _ => None,
    }
}

fn shows_overhead(section: &Section) -> bool {
    !section.overhead.as_ref().unwrap().shown.is_empty()
}

#[test]
fn the_same_work_has_a_winner_or_an_overhead_in_at_most_5_percent_of_cells() {
    for noise in MACHINES.into_iter().chain([Noise::Normal(0.1), Noise::TwoModes(0.02)]) {
        for runs in [8, 21] {
            let either = |section: &Section| winner(section).is_some() || shows_overhead(section);
            let found = percent([100.0; 3], runs, noise, either);
            assert!(found <= 5.0, "{noise:?}, {runs} runs: {found} %");
        }
    }
}

#[test]
fn ten_percent_are_found_in_at_least_95_percent_of_cells() {
    let one_ahead = [100.0, 110.0, 110.0];
    // With more noise it takes more runs.
    let cells = MACHINES.map(|noise| (noise, 21)).into_iter().chain([(Noise::Normal(0.05), 41)]);
    for (noise, runs) in cells {
        let found = percent(one_ahead, runs, noise, |section| winner(section) == Some(Backend::Tokio));
        assert!(found >= 95.0, "{noise:?}, {runs} runs: {found} %");
        let overhead = percent([110.0; 3], runs, noise, |section| {
            section.overhead.as_ref().unwrap().shown.contains(&Backend::Smol.into())
        });
        assert!(overhead >= 95.0, "{noise:?}, {runs} runs: {overhead} %");
    }
}

#[test]
fn two_percent_are_never_called() {
    for noise in MACHINES {
        let called = percent([100.0, 102.0, 102.0], 21, noise, |section| winner(section).is_some());
        assert_eq!(called, 0.0, "{noise:?}");
        // Of three ratios any may be called, where a winner has to be ahead of two.
        let overhead = percent([102.0; 3], 21, noise, shows_overhead);
        assert!(overhead <= 1.0, "{noise:?}: {overhead} %");
    }
}

#[test]
fn where_10_percent_could_hide_the_noise_is_named_and_no_wrong_winner() {
    let noise = Noise::Normal(0.2);
    let noisy = |section: &Section| matches!(section.verdict, Verdict::TooNoisy { processes: 42.., .. });
    assert!(percent([100.0; 3], 21, noise, noisy) >= 95.0);
    let wrong = |section: &Section| winner(section).is_some_and(|winner| winner != Backend::Tokio);
    assert_eq!(percent([100.0, 110.0, 110.0], 21, noise, wrong), 0.0);
    // On a quiet machine it is never said.
    assert_eq!(percent([100.0; 3], 21, Noise::Normal(0.01), noisy), 0.0);
}

/// What is said of runs that are evenly spread around each runtime's truth.
fn words(truths: [f64; 3], spread: f64) -> (String, String) {
    let mut section = section(truths, 15, Noise::Normal(0.0), &mut Rng::with_seed(1));
    for series in &mut section.series {
        for (number, run) in (0..).zip(&mut series.runs) {
            run.figure *= 1.0 + spread * f64::from(number - 7) / 7.0;
        }
    }
    section.conclude();
    let verdict = section.verdict.words(section.measure).unwrap();
    (verdict, section.overhead.as_ref().unwrap().words(&section.rows))
}

#[test]
fn a_winner_is_named_with_the_nearest_and_by_how_much() {
    let (verdict, overhead) = words([120.0, 100.0, 130.0], 0.01);
    assert!(verdict.starts_with("smol is the fastest: tokio takes 1.20 [1.1"), "{verdict}");
    assert!(verdict.ends_with("] times as much, and more in 100 % of the runs"), "{verdict}");
    assert!(overhead.starts_with("tokio +20.0 % [+1"), "{overhead}");
    assert!(overhead.ends_with("]; no overhead shown on smol"), "{overhead}");
    assert!(words([100.0, 90.0, 100.0], 0.01).1.starts_with("smol -10.0 % [-"));
}

#[test]
fn those_that_are_level_are_named_and_those_that_are_behind() {
    let level = words([101.0, 100.0, 100.5], 0.01);
    assert_eq!(level.0, "no clear winner between smol, tokio and async-std");
    assert_eq!(level.1, "no overhead shown");
    let (verdict, _) = words([101.0, 100.0, 130.0], 0.01);
    assert_eq!(verdict, "no clear winner between smol and tokio; async-std slower");
    let (verdict, overhead) = words([100.0, 101.0, 300.0], 0.4);
    assert!(
        verdict.starts_with("too noisy to tell tokio and smol apart; async-std slower; take a"),
        "{verdict}"
    );
    assert!(overhead.ends_with("; too noisy to tell on tokio and smol"), "{overhead}");
}

#[test]
fn too_few_runs_say_so() {
    let section = section([100.0, 200.0, 300.0], 5, Noise::Normal(0.01), &mut Rng::with_seed(1));
    assert_eq!(section.verdict.words(section.measure).unwrap(), "too few runs to say; take --reps 6 or more");
}
