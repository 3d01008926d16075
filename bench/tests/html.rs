//! The page: everything is in it, nothing else is needed for it, and no report breaks it.

use backstay_bench::cell::Variant;
use backstay_bench::contender::Contender;
use backstay_bench::doctor::examine;
use backstay_bench::environment::Environment;
use backstay_bench::reading::{Reading, Tail};
use backstay_bench::report::html::html;
use backstay_bench::report::{Report, SCHEMA, Section, Series, Verdict};
use backstay_bench::start::RUNTIMES;
use backstay_bench::usage::Usage;
use backstay_bench::workload::Measure;
use fastrand::Rng;

fn report(sections: Vec<Section>) -> Report {
    let environment = Environment::read();
    let doctor = examine(&environment);
    let command = "backstay-bench compare --seed 1".to_owned();
    let (schema, started, seconds, seed) = (SCHEMA, 1_764_169_262, 12.5, 1);
    Report {
        schema,
        command,
        started,
        seconds,
        seed,
        processes: 21,
        quick: false,
        aa: false,
        environment,
        doctor,
        sections,
    }
}

fn reading(figure: f64) -> Reading {
    Reading { figure, whole: figure, units: None, iterations: vec![figure], latencies: None, usage: None }
}

fn section(name: &str, measure: Measure, series: Vec<Series>) -> Section {
    let mut section = Section {
        workload: name.to_owned(),
        size: 1_000,
        threads: 2,
        rate: None,
        about: "1,000 things".to_owned(),
        unit: "thing".to_owned(),
        measure,
        floor_ns: 0,
        series,
        rows: Vec::new(),
        verdict: Verdict::Alone,
        overhead: None,
    };
    section.conclude();
    section
}

/// On all runtimes, by hand too, each slower than the one before by `apart`.
fn usual(name: &str, measure: Measure, apart: f64, rng: &mut Rng) -> Section {
    let mut series = Vec::new();
    for (place, &runtime) in RUNTIMES.iter().enumerate() {
        for variant in [Variant::Bare, Variant::Backstay] {
            let middle = 250.0 * (1.0 + apart).powi(place as i32);
            let runs = (0..21).map(|_| reading(middle * (0.99 + 0.02 * rng.f64())));
            series.push(Series { runtime: runtime.into(), variant, runs: runs.collect(), not_here: None });
        }
    }
    section(name, measure, series)
}

fn latencies(rng: &mut Rng) -> Section {
    let series = RUNTIMES.map(|runtime| {
        let runs = (0..8).map(|_| {
            let first = rng.u64(1_000..2_000);
            let buckets = (0..60).map(|n| (first + n * n * 50, 61 - n)).collect::<Vec<_>>();
            let (count, max) = (buckets.iter().map(|(_, count)| count).sum(), first + 59 * 59 * 50 - 3);
            let tail = Tail { count, p50: first, p90: first, p99: first, p999: max, max, buckets };
            Reading { latencies: Some(tail), ..reading(first as f64) }
        });
        Series { runtime: runtime.into(), variant: Variant::Backstay, runs: runs.collect(), not_here: None }
    });
    section("late", Measure::Latency, series.into())
}

/// Several workloads, sizes and threads.
fn full() -> Report {
    let mut rng = Rng::with_seed(5);
    let mut sections = Vec::new();
    for size in [1_000, 10_000] {
        for threads in [1, 2] {
            let own = usual("spawn", Measure::Throughput, 0.3, &mut rng);
            sections.push(Section { size, threads, ..own });
        }
    }
    sections.push(usual("level", Measure::Throughput, 0.0, &mut rng));
    sections.push(latencies(&mut rng));
    let bytes = usual("idle", Measure::Quantity, 0.5, &mut rng);
    sections.push(Section { unit: "bytes per idle task".to_owned(), ..bytes });
    report(sections)
}

/// The page without the data, and the data.
fn split(page: &str) -> (String, &str) {
    let (before, rest) = page.split_once("<script type=\"application/json\" id=\"data\">").unwrap();
    let (data, after) = rest.split_once("</script>").unwrap();
    (format!("{before}{after}"), data)
}

/// The page without its style sheet: the tags and the text.
fn body(page: &str) -> String {
    let (page, _) = split(page);
    let (before, rest) = page.split_once("<style>").unwrap();
    format!("{before}{}", rest.split_once("</style>").unwrap().1)
}

/// Fails unless every element ends, in order, and attributes are quoted; gives how many elements there are.
fn elements(page: &str) -> usize {
    let (mut open, mut count) = (Vec::new(), 0);
    for tag in page.split('<').skip(1) {
        let (tag, text) = tag.split_once('>').unwrap_or_else(|| panic!("`<{tag}` doesn't end"));
        assert!(!text.contains('>'), "`{text}` after `{tag}`");
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        count += 1;
        let name = tag.split([' ', '\n']).next().unwrap_or_default();
        if let Some(name) = name.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{tag}");
        } else if !(tag.ends_with('/') || ["!doctype", "meta", "link"].contains(&name)) {
            open.push(name);
        }
    }
    assert_eq!(open, [""; 0]);
    count
}

/// What no page may break.
fn check(report: &Report) -> String {
    let page = html(report);
    let body = body(&page);
    assert!(elements(&body) > 40);
    for word in ["NaN", "inf ", "inf\"", "undefined"] {
        let at = body.find(word);
        assert_eq!(at, None, "{word}: {}", &body[at.unwrap_or_default().saturating_sub(200)..][..300]);
    }
    for path in body.split(" d=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        for number in path.split(|c: char| c.is_alphabetic() || c == ' ').filter(|part| !part.is_empty()) {
            // `l-4.4` and `a3.8 3.8 0 1 0 7.6 0`: all of them are small, whatever they mean.
            for number in number.split_inclusive('-').map(|part| part.trim_end_matches('-')) {
                let number: f64 = if number.is_empty() { 0.0 } else { number.parse().unwrap() };
                assert!((-20.0..20_000.0).contains(&number), "{path}");
            }
        }
    }
    for link in body.split("href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert_eq!(body.matches(&format!(" id=\"{link}\"")).count(), 1, "{link}");
    }
    page
}

fn count(page: &str, text: &str) -> usize {
    body(page).matches(text).count()
}

#[test]
fn every_chart_is_there_with_every_run() {
    let report = full();
    let page = check(&report);
    assert_eq!(count(&page, "<figure class=\"dots\">"), report.sections.len());
    assert_eq!(count(&page, "<figure class=\"curve\">"), 1);
    assert_eq!(count(&page, "<figure class=\"memory\">"), 1);
    assert_eq!(count(&page, "<figure class=\"scaling\">"), 4);
    let clouds = body(&page);
    let clouds = clouds.split("<path class=\"runs ").skip(1).map(|rest| rest.split("/>").next().unwrap());
    let dots: Vec<_> = clouds.map(|path| path.matches('M').count()).collect();
    let runs = report.sections.iter().flat_map(|section| &section.series).map(|series| series.runs.len());
    assert_eq!(dots.iter().sum::<usize>(), runs.sum::<usize>());
    for section in &report.sections {
        let words = section.verdict.words(section.measure).unwrap();
        assert!(page.contains(&words), "{words}");
        if let Some(overhead) = &section.overhead {
            assert!(page.contains(&overhead.words(&section.rows)));
        }
    }
    assert!(
        page.contains("Wed, 26 Nov 2025 15:01:02 GMT") && page.contains("backstay-bench compare --seed 1")
    );
    // Three runtimes, each with a colour, a shape, and its name.
    assert!(["c0", "c1", "c2"].iter().all(|class| count(&page, &format!("\"mark {class}\"")) > 10));
}

#[test]
fn only_a_winner_is_marked() {
    let report = full();
    let wins = |section: &&Section| matches!(section.verdict, Verdict::Winner { .. });
    let wins = report.sections.iter().filter(wins).count();
    assert!(wins >= 5 && wins < report.sections.len());
    let page = html(&report);
    assert_eq!(count(&page, "<td class=\"best\">"), wins);
    assert_eq!(count(&page, "<small>no clear winner</small>"), 1);
    assert!(page.contains("no clear winner in 1"), "{page}");
}

#[test]
fn the_data_is_the_report() {
    let report = full();
    let page = html(&report);
    let (_, data) = split(&page);
    assert_eq!(serde_json::from_str::<Report>(data).unwrap(), report);
    // To the last bit, through a file too.
    assert_eq!(serde_json::from_str::<Report>(&report.to_json()).unwrap(), report);
}

#[test]
fn it_needs_nothing_else_and_is_small() {
    let mut rng = Rng::with_seed(1);
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
    let sections = names.map(|name| usual(name, Measure::Throughput, 0.2, &mut rng));
    let page = check(&report(sections.into()));
    let (rest, _) = split(&page);
    assert!(rest.len() < 150_000, "{}", rest.len());
    for outside in ["http:", "https:", "//", " src=", "url(", "@import", "javascript:", "<script", "onload"] {
        assert!(!rest.contains(outside), "{outside}");
    }
}

#[test]
fn other_people_s_text_is_text() {
    let long = "x".repeat(5_000);
    for hostile in
        ["</script><script>alert(1)</script>", "<img src=x onerror='y'>", "\" onload=\"z", "&amp;<!--", &long]
    {
        let mut report = full();
        let text = || hostile.to_owned();
        for section in &mut report.sections {
            (section.workload, section.about, section.unit) = (text(), text(), text());
            section.rate = Some(text());
        }
        let (machine, build) = (&mut report.environment.machine, &mut report.environment.build);
        (machine.cpu, machine.kernel, machine.governor) = (Some(text()), Some(text()), Some(text()));
        (machine.arch, machine.os) = (text(), text());
        (build.compiler, build.flags, build.commit) = (text(), text(), Some(text()));
        build.crates.insert(text(), text());
        report.environment.clock.source = Some(text());
        report.command = text();
        for finding in &mut report.doctor {
            (finding.what, finding.found, finding.warning) = (text(), text(), Some(text()));
        }
        let page = check(&report);
        let (rest, data) = split(&page);
        assert!(!rest.contains("<script") && !rest.contains("<img") && !rest.contains("\" onload"));
        assert_eq!(serde_json::from_str::<Report>(data).unwrap(), report);
    }
}

#[test]
fn an_empty_report_is_a_page() {
    let page = check(&report(Vec::new()));
    assert!(page.contains("Nothing was compared"));
    assert_eq!(count(&page, "<figure"), 0);
}

#[test]
fn few_runs_have_no_intervals_and_one_runtime_nobody_to_compare_with() {
    let series = |runs: &[f64]| Series {
        runtime: RUNTIMES[0].into(),
        variant: Variant::Backstay,
        not_here: None,
        runs: runs.iter().copied().map(reading).collect(),
    };
    let page = check(&report(vec![section("one", Measure::Throughput, vec![series(&[120.0])])]));
    assert_eq!((count(&page, "<figure"), count(&page, "class=\"interval")), (1, 0));
    assert!(page.contains("1 comparison, with nobody to compare with."));
    // All the same: an interval without length.
    let page = check(&report(vec![section("same", Measure::Quantity, vec![series(&[7.0; 9])])]));
    assert_eq!((count(&page, "<figure"), count(&page, "class=\"interval")), (1, 1));
    // A cell without runs.
    let page = check(&report(vec![section("none", Measure::Throughput, vec![series(&[])])]));
    assert_eq!(count(&page, "<figure"), 0);
    assert!(page.contains("There are no runs."));
    let page = check(&report(vec![section("nobody", Measure::Throughput, Vec::new())]));
    assert_eq!(count(&page, "<figure"), 0);
}

#[test]
fn what_is_not_on_this_system_is_said_and_memory_is_drawn_where_it_is_known() {
    let mut rng = Rng::with_seed(2);
    let mut section = usual("tasks", Measure::Throughput, 0.3, &mut rng);
    for series in section.series.iter_mut().filter(|series| series.runtime == RUNTIMES[2]) {
        (series.runs, series.not_here) = (Vec::new(), Some("no <b>".to_owned()));
    }
    let usage = Usage { bytes_per_task: Some(2_345.0), ..Usage::default() };
    for run in section.series.iter_mut().flat_map(|series| &mut series.runs) {
        run.usage = Some(usage);
    }
    section.conclude();
    let page = check(&report(vec![section.clone()]));
    assert!(page.contains("async-std/bare, async-std/backstay: no &lt;b&gt;"), "{page}");
    assert_eq!((count(&page, "<figure class=\"memory\">"), count(&page, "class=\"bar ")), (1, 2));
    // A twin has a look of its own.
    for series in section.series.iter_mut().filter(|series| series.runtime == RUNTIMES[1]) {
        series.runtime = Contender::twin(RUNTIMES[0]);
    }
    section.conclude();
    let page = check(&report(vec![section]));
    assert!(page.contains("tasks-1k/tokio, 2 threads") && page.contains("tokio&#39;"), "{page}");
}

#[test]
fn no_figures_break_it() {
    let odd = [f64::NAN, f64::INFINITY, -1.0, 0.0, 1e-300, 1e-9, 1.0, 999.5, 1e9, 1e150, 1e300];
    let (mut rng, base) = (Rng::with_seed(9), report(Vec::new()));
    for round in 0..300 {
        let measure = [Measure::Throughput, Measure::Latency, Measure::Quantity][round % 3];
        let sections = (0..rng.usize(1..4)).map(|_| {
            let series = RUNTIMES
                .iter()
                .take(rng.usize(0..4))
                .flat_map(|&runtime| [Variant::Bare, Variant::Backstay].map(|variant| (runtime, variant)));
            let series = series.collect::<Vec<_>>().into_iter().map(|(runtime, variant)| {
                let runs = (0..rng.usize(0..9)).map(|_| {
                    let buckets = vec![(0, 0), (rng.u64(..), rng.u64(..)), (u64::MAX, rng.u64(0..3))];
                    let max = rng.u64(..) >> rng.u32(0..64);
                    let tail = Tail { count: 3, p50: 0, p90: 1, p99: 2, p999: 3, max, buckets };
                    let latencies = rng.bool().then_some(tail);
                    Reading { latencies, ..reading(*rng.choice(&odd).unwrap()) }
                });
                Series { runtime: runtime.into(), variant, runs: runs.collect(), not_here: None }
            });
            let series = series.collect();
            let mut section = section("odd", measure, series);
            section.size = *rng.choice(&[0, 1, 1_500, u64::MAX]).unwrap();
            section.threads = *rng.choice(&[0, 1, usize::MAX]).unwrap();
            section.unit = rng.choice(["bytes", "thing", ""]).unwrap().to_owned();
            section
        });
        let sections = sections.collect();
        let mut report = Report { sections, seconds: f64::NAN, started: u64::MAX, ..base.clone() };
        report.environment.load_after = None;
        check(&report);
    }
}
