//! What it was made on, and with.

use super::escape::Text;
use crate::report::Report;
use std::fmt::Display;

/// The last part of the page.
pub(super) fn environment(report: &Report) -> String {
    let environment = &report.environment;
    let (machine, limits, clock, build) =
        (&environment.machine, &environment.limits, &environment.clock, &environment.build);
    let mut text = String::new();
    let mut group = |name: &str, facts: &[(&str, String)]| {
        let facts: String = facts
            .iter()
            .map(|(what, how)| format!("<dt>{}</dt><dd>{}</dd>", Text(what), Text(how)))
            .collect();
        text.push_str(&format!("<div><h3>{name}</h3>\n<dl>{facts}</dl></div>\n"));
    };
    let load = |load: Option<f64>| known(load.map(|load| format!("{load:.2}")));
    group(
        "Machine",
        &[
            ("processor", known(machine.cpu.as_ref())),
            ("cores", machine.cores.to_string()),
            ("architecture", machine.arch.clone()),
            ("memory", known(machine.memory_bytes.map(mebibytes))),
            ("system", format!("{} {}", machine.os, known(machine.kernel.as_ref()))),
            ("hypervisor", known(machine.is_virtual.map(|is| if is { "yes" } else { "none" }))),
            ("governor", known(machine.governor.as_ref())),
            ("clock", format!("{}, steps of {} ns", known(clock.source.as_ref()), clock.resolution_ns)),
        ],
    );
    group(
        "Limits and load",
        &[
            ("CPU limit", limits.cpus.map_or_else(none, |cpus| format!("{cpus:.2} cores' worth"))),
            ("memory limit", limits.memory_bytes.map_or_else(none, mebibytes)),
            ("load before", load(environment.load_before)),
            ("load after", load(environment.load_after)),
        ],
    );
    let flags = if build.flags.is_empty() { none() } else { build.flags.clone() };
    group(
        "Build",
        &[
            ("compiler", build.compiler.clone()),
            ("profile", format!("{}, opt-level {}", build.profile, build.opt_level)),
            ("target", build.target.clone()),
            ("flags", flags),
            ("commit", known(build.commit.as_ref())),
            ("seed", report.seed.to_string()),
        ],
    );
    let crates: Vec<_> = build.crates.iter().map(|(name, version)| (&**name, version.clone())).collect();
    group("Crates", &crates);
    format!(
        "<section id=\"environment\" aria-labelledby=\"environment-h\">\n<h2 id=\"environment-h\">Environment</h2>\n\
         <div class=\"facts\">\n{text}</div>\n{}</section>\n",
        doctor(report)
    )
}

/// All that the doctor looked at.
fn doctor(report: &Report) -> String {
    let mut table = super::table::Table::new(
        "What the doctor looked at before",
        &["what", "found", "what it says of it"],
    );
    for finding in &report.doctor {
        let warning =
            finding.warning.as_deref().map_or_else(|| "fine".to_owned(), |warning| format!("⚠ {warning}"));
        let cells = [Text(&finding.found).to_string(), Text(warning).to_string()];
        table.row(&Text(&finding.what).to_string(), &cells);
    }
    table.finish().replacen("class=\"scroll\"", "class=\"scroll prose\"", 1)
}

fn known(fact: Option<impl Display>) -> String {
    fact.map_or_else(|| "unknown".to_owned(), |fact| fact.to_string())
}

fn none() -> String {
    "none".to_owned()
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}
