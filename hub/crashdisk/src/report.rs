//! What was counted: a table for people, one JSON object a line for machines, in the form of `./x bench`.

use std::io::Write;

use anyhow::{Context, Result};
use serde::Serialize;

/// A figure that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    AtLeast(usize),
    AtMost(usize),
}

/// Where and on what was counted.
#[derive(Debug, Clone)]
pub struct Origin {
    /// Processor and number of cores.
    machine: String,
    /// Commit of the source, `-dirty` if files were changed.
    commit: String,
}

impl Origin {
    /// This machine, and the commit that is given or else asked from git.
    pub fn find(commit: Option<String>) -> Self {
        let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let model = model.map_or(std::env::consts::ARCH, |(_, name)| name.trim());
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let commit = commit.or_else(git_commit).unwrap_or_else(|| "unknown".into());
        Origin { machine: format!("{model}, {cores} cores"), commit }
    }
}

/// One figure: `{bench, case, metric, value, unit, target, met, machine, commit}`.
#[derive(Debug, Clone, Serialize)]
struct Line {
    bench: &'static str,
    case: &'static str,
    metric: &'static str,
    value: usize,
    unit: &'static str,
    target: Option<usize>,
    met: Option<bool>,
    machine: String,
    commit: String,
}

/// Collects figures and prints them.
#[derive(Debug)]
pub struct Report {
    origin: Origin,
    lines: Vec<Line>,
}

impl Report {
    /// Nothing counted yet.
    pub fn new(origin: Origin) -> Self {
        Report { origin, lines: Vec::new() }
    }

    /// Adds a figure with or without a target.
    pub fn add(
        &mut self,
        case: &'static str,
        metric: &'static str,
        value: usize,
        unit: &'static str,
        target: Option<Target>,
    ) {
        let Origin { machine, commit } = self.origin.clone();
        let (target, met) = match target {
            Some(Target::AtLeast(least)) => (Some(least), Some(value >= least)),
            Some(Target::AtMost(most)) => (Some(most), Some(value <= most)),
            None => (None, None),
        };
        self.lines.push(Line { bench: "power", case, metric, value, unit, target, met, machine, commit });
    }

    /// Whether every target is met.
    pub fn all_met(&self) -> bool {
        self.lines.iter().all(|line| line.met != Some(false))
    }

    /// Prints the table on stdout; with `json` the objects there and the table on stderr.
    pub fn print(&self, json: bool) -> Result<()> {
        let mut stdout = std::io::stdout().lock();
        if json {
            for line in &self.lines {
                writeln!(stdout, "{}", serde_json::to_string(line)?)?;
            }
            std::io::stderr().write_all(self.table().as_bytes())?;
        } else {
            stdout.write_all(self.table().as_bytes())?;
        }
        stdout.flush().context("printing the report")
    }

    fn table(&self) -> String {
        let mut table = format!("\n{} · commit {}\n", self.origin.machine, self.origin.commit);
        for line in &self.lines {
            let met = match line.met {
                Some(true) => "met",
                Some(false) => "MISSED",
                None => "",
            };
            let name = format!("{}/{}", line.case, line.metric);
            let target = line.target.map_or(String::new(), |target| format!("({target})"));
            let row =
                format!("{:<7} {name:<30} {:>9} {:<3} {target:<7} {met}", line.bench, line.value, line.unit);
            table.push_str(row.trim_end());
            table.push('\n');
        }
        table
    }
}

/// A note on how far the work is, for the person who waits.
pub fn tell(text: &str) {
    // A closed stderr must not end a drill.
    let _ = writeln!(std::io::stderr(), "{text}");
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

    #[test]
    fn met_when_every_target_is() {
        let mut report = Report::new(Origin { machine: "m".into(), commit: "c".into() });
        report.add("full", "acks", 9, "", None);
        report.add("full", "lost", 0, "", Some(Target::AtMost(0)));
        report.add("control", "lost", 3, "", Some(Target::AtLeast(1)));
        assert!(report.all_met());
        assert_eq!(
            serde_json::to_string(&report.lines[1]).expect("plain figures"),
            r#"{"bench":"power","case":"full","metric":"lost","value":0,"unit":"","target":0,"met":true,"machine":"m","commit":"c"}"#
        );
        report.add("control", "lost", 0, "", Some(Target::AtLeast(1)));
        assert!(!report.all_met() && report.table().contains("MISSED"));
    }
}
