//! What was measured: a table for people, one JSON object a line for machines.

use anyhow::{Context, Result};
use serde::Serialize;
use std::{fmt::Write as _, io::Write as _};

/// A figure that is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    AtLeast(f64),
    AtMost(f64),
}

impl Target {
    /// Whether `value` is what is asked for.
    pub fn is_met_by(self, value: f64) -> bool {
        match self {
            Target::AtLeast(target) => value >= target,
            Target::AtMost(target) => value <= target,
        }
    }

    fn figure(self) -> f64 {
        match self {
            Target::AtLeast(target) | Target::AtMost(target) => target,
        }
    }
}

/// One figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    pub bench: &'static str,
    pub case: &'static str,
    pub metric: &'static str,
    pub value: f64,
    pub unit: &'static str,
    /// Figures without a target explain the others.
    pub target: Option<Target>,
}

impl Measure {
    /// `None` if nothing is asked for. Judged as printed, so that no line contradicts itself.
    pub fn is_met(&self) -> Option<bool> {
        self.target.map(|target| target.is_met_by(rounded(self.value)))
    }
}

/// Where and on what was measured.
#[derive(Debug, Clone)]
pub struct Origin {
    /// Processor and number of cores.
    pub machine: String,
    /// Commit of the source, `-dirty` if files were changed.
    pub commit: String,
}

impl Origin {
    /// This machine, and the commit that is given or else asked from git.
    pub fn find(commit: Option<String>) -> Self {
        let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let model = model.map_or(std::env::consts::ARCH, |(_, name)| name.trim());
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let commit = commit.or_else(git_commit).unwrap_or_else(|| "unknown".into());
        Self { machine: format!("{model}, {cores} cores"), commit }
    }
}

/// Collects figures and prints them.
#[derive(Debug)]
pub struct Report {
    origin: Origin,
    measures: Vec<Measure>,
}

impl Report {
    /// Nothing measured yet.
    pub fn new(origin: Origin) -> Self {
        Self { origin, measures: Vec::new() }
    }

    /// Adds a figure with or without a target.
    pub fn add(
        &mut self,
        (bench, case, metric): (&'static str, &'static str, &'static str),
        value: f64,
        unit: &'static str,
        target: Option<Target>,
    ) {
        self.measures.push(Measure { bench, case, metric, value, unit, target });
    }

    /// Whether every target is met.
    pub fn all_met(&self) -> bool {
        self.measures.iter().all(|measure| measure.is_met() != Some(false))
    }

    /// Prints the table on stdout; with `json` the objects there and the table on stderr.
    pub fn print(&self, json: bool) -> Result<()> {
        let table = self.table();
        let mut stdout = std::io::stdout().lock();
        if json {
            for measure in &self.measures {
                writeln!(stdout, "{}", json_line(measure, &self.origin)?)?;
            }
            std::io::stderr().write_all(table.as_bytes())?;
        } else {
            stdout.write_all(table.as_bytes())?;
        }
        stdout.flush().context("printing the report")
    }

    fn table(&self) -> String {
        let mut table = format!("\n{} · commit {}\n", self.origin.machine, self.origin.commit);
        for measure in &self.measures {
            let name = format!("{}/{}", measure.case, measure.metric);
            let target = measure.target.map_or(String::new(), |target| {
                let sign = match target {
                    Target::AtLeast(_) => "≥",
                    Target::AtMost(_) => "≤",
                };
                format!("{sign} {}", target.figure())
            });
            let met = match measure.is_met() {
                Some(true) => "met",
                Some(false) => "MISSED",
                None => "",
            };
            let (bench, value, unit) = (measure.bench, rounded(measure.value), measure.unit);
            // Writing to a string cannot fail.
            let _ = writeln!(
                table,
                "{:<60}",
                format!("{bench:<7} {name:<26} {value:>12} {unit:<6} {target:<10} {met}").trim_end()
            );
        }
        table
    }
}

/// A note on how far the work is, for the person who waits.
pub fn tell(text: &str) {
    // A closed stderr must not end a measurement.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// `{bench, case, metric, value, unit, target, met, machine, commit}`.
fn json_line(measure: &Measure, origin: &Origin) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct Line<'a> {
        bench: &'a str,
        case: &'a str,
        metric: &'a str,
        value: f64,
        unit: &'a str,
        target: Option<f64>,
        met: Option<bool>,
        machine: &'a str,
        commit: &'a str,
    }
    serde_json::to_string(&Line {
        bench: measure.bench,
        case: measure.case,
        metric: measure.metric,
        value: rounded(measure.value),
        unit: measure.unit,
        target: measure.target.map(Target::figure),
        met: measure.is_met(),
        machine: &origin.machine,
        commit: &origin.commit,
    })
}

/// Whole from 100 on, else to three decimals.
fn rounded(value: f64) -> f64 {
    if value.abs() >= 100.0 { value.round() } else { (value * 1000.0).round() / 1000.0 }
}

fn git_commit() -> Option<String> {
    let git = |arguments: &[&str]| {
        let output = std::process::Command::new("git").args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    let dirty = git(&["status", "--porcelain"]).is_some_and(|changes| !changes.is_empty());
    Some(if dirty { format!("{commit}-dirty") } else { commit })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(value: f64, target: Option<Target>) -> String {
        let measure = Measure { bench: "api", case: "answers", metric: "p99_ms", value, unit: "ms", target };
        let origin = Origin { machine: "a \"fast\" one, 2 cores".into(), commit: "abc".into() };
        json_line(&measure, &origin).expect("plain figures")
    }

    #[test]
    fn line_has_the_fields_in_order() {
        assert_eq!(
            line(12.3456, Some(Target::AtMost(60.0))),
            r#"{"bench":"api","case":"answers","metric":"p99_ms","value":12.346,"unit":"ms","target":60.0,"met":true,"machine":"a \"fast\" one, 2 cores","commit":"abc"}"#
        );
    }

    #[test]
    fn met_in_both_directions() {
        assert!(line(60.0, Some(Target::AtMost(60.0))).contains(r#""met":true"#));
        assert!(line(60.1, Some(Target::AtMost(60.0))).contains(r#""met":false"#));
        assert!(line(5000.0, Some(Target::AtLeast(5000.0))).contains(r#""met":true"#));
        assert!(line(4999.0, Some(Target::AtLeast(5000.0))).contains(r#""met":false"#));
        assert!(line(f64::NAN, Some(Target::AtMost(1.0))).contains(r#""value":null"#));
    }

    #[test]
    fn not_asked_for() {
        assert!(line(1.0, None).contains(r#""target":null,"met":null"#));
    }

    #[test]
    fn report_is_met_when_every_target_is() {
        let mut report = Report::new(Origin { machine: "m".into(), commit: "c".into() });
        report.add(("api", "list", "rate_per_s"), 12_000.0, "1/s", Some(Target::AtLeast(10_000.0)));
        report.add(("api", "list", "max_ms"), 9.0, "ms", None);
        assert!(report.all_met());
        report.add(("api", "list", "p99_ms"), 61.0, "ms", Some(Target::AtMost(60.0)));
        assert!(!report.all_met());
        let table = report.table();
        assert!(table.contains("MISSED") && table.contains("≥ 10000") && table.contains("12000"), "{table}");
    }
}
