//! Drills: what breaks in a school is done to a real hub, and what came back is counted.
//!
//! Each case seeds a school, does the damage ([`restore`], [`disk_full`], [`corrupt`], [`thief`], [`clock`]; kills are
//! those of the bench of that name) and reports figures whose targets are musts: whoever runs a drill fails when one is
//! missed.

mod clock;
mod console;
mod corrupt;
mod devices;
mod disk;
mod disk_full;
mod garage;
mod pages;
mod restore;
mod thief;

pub use console::Console;
pub use restore::back_up_by_admin;

use crate::{
    bench_kill::{KillExtent, measure_kills},
    report::Report,
    school::{SchoolCopy, SchoolSize},
};
use anyhow::Result;
use std::path::Path;

/// What breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum DrillCase {
    /// The hub's disk; the recovery sheet brings the school back
    Restore,
    /// The hub's process, again and again
    Kill,
    /// There is no room any more
    DiskFull,
    /// Bits and pages of the database
    Corrupt,
    /// Somebody has the hub's key of the cloud
    Thief,
    /// The clock is wrong
    Clock,
}

/// What a drill is run with.
#[derive(Debug, Clone, Copy)]
pub struct Drill<'a> {
    /// The hub's binary.
    pub hub: &'a Path,
    /// Where schools are kept and run.
    pub schools: &'a Path,
    /// The S3 server's program.
    pub garage: &'a Path,
    /// The library that gives a process another clock.
    pub faketime: &'a Path,
    /// Fewer rounds of the same.
    pub is_short: bool,
    /// Whether a drill may mount a disk.
    pub may_mount: bool,
    pub now: jiff::Timestamp,
}

/// Runs a drill and reports its figures.
pub async fn run_drill(case: DrillCase, drill: &Drill<'_>, report: &mut Report) -> Result<()> {
    match case {
        DrillCase::Restore => restore::restore_from_sheet(drill, report).await,
        DrillCase::Kill => {
            let (kills, acks) = if drill.is_short { (3, 600) } else { (200, 20_000) };
            let school = SchoolCopy::make(drill.hub, drill.schools, SchoolSize::Demo).await?;
            let extent = KillExtent { kills, acks, connections: 32, seed: 1 };
            measure_kills(drill.hub, &school, extent, drill.now, report).await
        }
        DrillCase::DiskFull => disk_full::fill_disk(drill, report).await,
        DrillCase::Corrupt => corrupt::damage_database(drill, report).await,
        DrillCase::Thief => thief::rob_bucket(drill, report).await,
        DrillCase::Clock => clock::set_clock_wrong(drill, report).await,
    }
}
