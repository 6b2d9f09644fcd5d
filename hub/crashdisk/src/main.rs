//! The power drill: cuts the power of a real hub under load, again and again, and counts what was acknowledged and is gone.
//!
//! The walk: [`school`] makes a hub with pupils, once → [`machine`] runs the hub on a disk whose power can go → [`lesson`] lets
//! pupils answer until it does → [`verdict`] compares what the next hub has with what was acknowledged → [`drill`] does so in
//! three ways: as the hub is, with the syncs of commits left out (which must lose), and with syncs that fail → [`report`].

mod drill;
mod lesson;
mod machine;
mod report;
mod school;
mod verdict;

use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use clap::Parser;
use drill::Extent;
use report::{Origin, Report, tell};

/// Cuts the power of a real hub under load: nothing that was acknowledged may be lost or doubled.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// Ten cuts instead of two hundred, and fewer controls
    #[arg(long)]
    short: bool,
    /// So many cuts instead
    #[arg(long)]
    cuts: Option<usize>,
    /// Of the moments, the answers and what each cut leaves
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print one JSON object a figure on stdout, the table on stderr
    #[arg(long)]
    json: bool,
    /// The commit to put into each figure; git is asked unless given
    #[arg(long, env = "DREAMSEED_COMMIT")]
    commit: Option<String>,
}

/// 0 when every promise was kept, 1 when one was broken, 2 when the drill could not be done.
fn main() -> ExitCode {
    match run(Options::parse()) {
        Ok(code) => code,
        Err(error) => {
            tell(&format!("dreamseed-crashdisk: {error:#}"));
            ExitCode::from(2)
        }
    }
}

fn run(options: Options) -> Result<ExitCode> {
    dreamseed_crashdisk::install()
        .map_err(|code| anyhow!("SQLite takes no file system of ours (code {code})"))?;
    let mut extent = if options.short { Extent::SHORT } else { Extent::FULL };
    extent.cuts = options.cuts.unwrap_or(extent.cuts);
    let mut report = Report::new(Origin::find(options.commit));
    drill::cut_power(extent, options.seed, &mut report).context("the power drill")?;
    report.print(options.json)?;
    Ok(if report.all_met() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
