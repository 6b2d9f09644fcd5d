//! Drives a real hub and measures it.
//!
//! The walk: [`school`] is seeded by the hub's own commands and copied → [`hub_process`] starts the hub with the
//! limits of production → a bench drives it, the two fastest through [`drive`] and [`http1`] → [`report`]. A [`drill`]
//! breaks something and counts what came back. [`walk`] is no bench: it does the hub's main job once and prints what
//! everybody saw.

mod answers;
mod bench_api;
mod bench_backup;
mod bench_kill;
mod bench_lesson;
mod bench_report;
mod bench_signin;
mod bench_start;
mod drill;
mod drive;
mod histogram;
mod http1;
mod hub_process;
mod plot;
mod random;
mod report;
mod school;
mod walk;

use anyhow::{Context, Result, bail};
use bench_api::measure_api;
use bench_backup::{NightExtent, measure_backups};
use bench_kill::{KillExtent, measure_kills};
use bench_lesson::{DayExtent, measure_day};
use bench_report::measure_reports;
use bench_signin::measure_sign_in;
use bench_start::measure_start;
use clap::{Parser, Subcommand};
use drill::{Drill, DrillCase, run_drill};
use drive::Extent;
use hub_process::{HubProcess, ModelUse};
use report::{Origin, Report, Target, tell};
use school::{SchoolCopy, SchoolSize};
use std::{
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
    rc::Rc,
    time::{Duration, Instant},
};

/// Drives a real hub and measures it.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    common: CommonOptions,
}

#[derive(Debug, clap::Args)]
struct CommonOptions {
    /// The hub's binary; `dreamseed-hub` beside this program unless given
    #[arg(long, global = true, value_name = "FILE", env = "DREAMSEED_HUB_BIN")]
    hub: Option<PathBuf>,
    /// Where seeded schools are kept and run, on a real disk; `load-schools` beside this program unless given
    #[arg(long, global = true, value_name = "DIR")]
    schools: Option<PathBuf>,
    /// Print one JSON object a figure on stdout, the table on stderr
    #[arg(long, global = true)]
    json: bool,
    /// The commit to put into each figure; git is asked unless given
    #[arg(long, global = true, env = "DREAMSEED_COMMIT")]
    commit: Option<String>,
    /// Fail when a target is missed
    #[arg(long, global = true)]
    strict: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Case(Case),
    /// The same by another name: `bench api` is `api`
    Bench {
        #[command(subcommand)]
        case: Case,
    },
    /// What breaks in a school, done to a real hub; fails if anything acknowledged is lost
    Drill {
        #[arg(value_enum)]
        case: DrillCase,
        /// Fewer rounds of the same
        #[arg(long)]
        short: bool,
        /// The S3 server Garage
        #[arg(long, value_name = "FILE", env = "DREAMSEED_GARAGE", default_value = "garage")]
        garage: PathBuf,
        /// The library libfaketime
        #[arg(
            long,
            value_name = "FILE",
            env = "DREAMSEED_FAKETIME",
            default_value = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
        )]
        faketime: PathBuf,
        /// Leave out what needs a disk to be mounted; say why
        #[arg(long, value_name = "WHY", env = "DREAMSEED_NO_MOUNT")]
        no_mount: Option<String>,
    },
    /// The main job with no person, with the real model, printed as a transcript
    Walk {
        /// Where the models are
        #[arg(long, value_name = "DIR", required_unless_present = "url")]
        models: Option<PathBuf>,
        /// A hub that is running already with a demo school, such as an installed one
        #[arg(long, requires = "accounts", conflicts_with = "models")]
        url: Option<String>,
        /// Its file of demo accounts
        #[arg(long, value_name = "FILE", requires = "url")]
        accounts: Option<PathBuf>,
    },
}

#[derive(Debug, Clone, Subcommand)]
enum Case {
    /// Durable answers and problem lists a second
    Api(LoadOptions),
    /// 35 sign-ins at once
    Signin(LoadOptions),
    /// Memory 10 s after answers, lists and sign-ins
    Memory(LoadOptions),
    /// From the process's start to ready
    Start {
        /// How often; the slowest counts
        #[arg(long, default_value_t = 5)]
        times: usize,
    },
    /// Answers, lists, sign-ins, memory and start
    All(LoadOptions),
    /// A school day, compressed: live lessons, answers, help and reports
    Lesson {
        /// Pupils of the seeded school
        #[arg(long, default_value_t = 1000)]
        pupils: u32,
        /// The day: six lessons and the reports
        #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(10..=600))]
        seconds: u64,
        /// Of the answers and moments
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Draw latencies of calls and of the live view into this SVG
        #[arg(long, value_name = "FILE.svg")]
        plot: Option<PathBuf>,
    },
    /// The report of a class after a year of answers
    Report {
        /// Answers of the class
        #[arg(long, default_value_t = 180_000)]
        answers: u32,
        /// Requests of each kind of report
        #[arg(long, default_value_t = 200)]
        requests: u32,
        /// Draw latencies into this SVG
        #[arg(long, value_name = "FILE.svg")]
        plot: Option<PathBuf>,
    },
    /// A night's answers and their backup, and lessons beside it
    Backup {
        /// Pupils of the seeded school
        #[arg(long, default_value_t = 500)]
        pupils: u32,
        /// Answers of each pupil in the night that is measured
        #[arg(long, default_value_t = 30)]
        answers: u32,
        /// Megabytes of the school before that night
        #[arg(long, default_value_t = 70)]
        megabytes: u64,
        /// Seconds of a lesson with, and without, a backup beside it: the 99th of a hundred needs some thousand answers
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// Megabytes of the school that is restored; 0 leaves it out
        #[arg(long, default_value_t = 1000)]
        restored: u64,
    },
    /// SIGKILL under load: nothing acknowledged may be lost or doubled
    Kill {
        #[arg(long, default_value_t = 20)]
        kills: u32,
        /// Acknowledged answers in all, at least
        #[arg(long, default_value_t = 20_000)]
        acks: usize,
        #[arg(long, default_value_t = 600)]
        pupils: u32,
        #[arg(long, default_value_t = 64)]
        connections: usize,
        /// Of the moments of the kills
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

#[derive(Debug, Clone, clap::Args)]
struct LoadOptions {
    /// Pupils of the seeded school
    #[arg(long, default_value_t = 6000)]
    pupils: u32,
    /// Kept connections
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Measured seconds each of answers and lists
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Seconds driven before, not measured
    #[arg(long, default_value_t = 2)]
    warm_up: u64,
    /// How often 35 pupils sign in at once; the slowest counts
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Draw latencies of answers and lists into this SVG
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

/// Which parts of the load run on one hub.
#[derive(Debug, Clone, Copy)]
struct Parts {
    api: bool,
    sign_in: bool,
    memory: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Options::parse()).await {
        Ok(code) => code,
        Err(error) => {
            tell(&format!("dreamseed-load: {error:#}"));
            ExitCode::from(2)
        }
    }
}

/// 0 when measured or walked, 1 when a promise is broken (or with `--strict` a target missed), 2 when it could not be done.
async fn run(options: Options) -> Result<ExitCode> {
    let CommonOptions { hub, schools, json, commit, strict } = options.common;
    let beside = std::env::current_exe()?.parent().context("this program's folder")?.to_owned();
    let hub = hub.unwrap_or_else(|| beside.join("dreamseed-hub"));
    let schools = schools.unwrap_or_else(|| beside.join("load-schools"));
    let mut report = Report::new(Origin::find(commit));
    let case = match options.command {
        Command::Drill { case, short, garage, faketime, no_mount } => {
            let drill = Drill {
                hub: &hub,
                schools: &schools,
                garage: &garage,
                faketime: &faketime,
                is_short: short,
                may_mount: no_mount.is_none(),
                now: now(),
            };
            run_drill(case, &drill, &mut report).await?;
            report.print(json)?;
            return Ok(if report.all_met() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Command::Case(case) | Command::Bench { case } => case,
        Command::Walk { models: Some(models), .. } => {
            walk::walk_main_job(&hub, &models, now()).await?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Walk { models: None, url, accounts } => {
            let (url, accounts) = url.zip(accounts).context("--url and --accounts belong together")?;
            walk::walk_running_hub(&url, &accounts, now()).await?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    let mut must_meet = strict;
    match case {
        Case::Api(load) => {
            measure_load(
                &hub,
                &schools,
                &load,
                Parts { api: true, sign_in: false, memory: false },
                &mut report,
            )
            .await?;
        }
        Case::Signin(load) => {
            measure_load(
                &hub,
                &schools,
                &load,
                Parts { api: false, sign_in: true, memory: false },
                &mut report,
            )
            .await?;
        }
        Case::Memory(load) => {
            measure_load(
                &hub,
                &schools,
                &load,
                Parts { api: true, sign_in: true, memory: true },
                &mut report,
            )
            .await?;
        }
        Case::All(load) => {
            measure_load(
                &hub,
                &schools,
                &load,
                Parts { api: true, sign_in: true, memory: true },
                &mut report,
            )
            .await?;
            let school = SchoolCopy::make(&hub, &schools, SchoolSize::Demo).await?;
            measure_start(&hub, &school, 5, &mut report).await?;
        }
        Case::Start { times } => {
            let school = SchoolCopy::make(&hub, &schools, SchoolSize::Demo).await?;
            measure_start(&hub, &school, times, &mut report).await?;
        }
        Case::Lesson { pupils, seconds, seed, plot } => {
            let school = SchoolCopy::make(&hub, &schools, SchoolSize::Pupils(pupils)).await?;
            let tokens = school.mint_tokens(&hub).await?;
            let hub = HubProcess::start(&hub, &school.data(), &school.log(), ModelUse::Scripted).await?;
            let extent = DayExtent { day: Duration::from_secs(seconds), seed };
            let runs = measure_day(&hub, &school, tokens, extent, now(), &mut report).await?;
            if let Some(file) = plot {
                let svg = plot::draw_latencies(&[
                    ("Every call of a school day", &runs.calls),
                    ("From an answer to the teacher's screen", &runs.live),
                ]);
                std::fs::write(&file, svg).with_context(|| format!("writing {}", file.display()))?;
            }
            hub.stop().await?;
        }
        Case::Report { answers, requests, plot } => {
            // The day in the demo school's time zone.
            let today = now().to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(9))).date();
            let school = SchoolCopy::make(&hub, &schools, SchoolSize::Year { answers, today }).await?;
            let hub = HubProcess::start(&hub, &school.data(), &school.log(), ModelUse::None).await?;
            let runs = measure_reports(&hub, &school.accounts, requests, answers, today, &mut report).await?;
            if let Some(file) = plot {
                let runs: Vec<_> = runs.iter().map(|run| (run.name, &run.driven)).collect();
                std::fs::write(&file, plot::draw_latencies(&runs))
                    .with_context(|| format!("writing {}", file.display()))?;
            }
            hub.stop().await?;
        }
        Case::Backup { pupils, answers, megabytes, seconds, restored } => {
            let extent =
                NightExtent { pupils, answers, megabytes, lesson: Duration::from_secs(seconds), restored };
            measure_backups(&hub, &schools, extent, now(), &mut report).await?;
        }
        Case::Kill { kills, acks, pupils, connections, seed } => {
            let school = SchoolCopy::make(&hub, &schools, SchoolSize::Pupils(pupils)).await?;
            let extent = KillExtent { kills, acks, connections, seed };
            measure_kills(&hub, &school, extent, now(), &mut report).await?;
            // Speed depends on the machine; keeping what was acknowledged does not.
            must_meet = true;
        }
    }
    report.print(json)?;
    Ok(if must_meet && !report.all_met() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Seeds, starts one hub and runs the parts on it.
async fn measure_load(
    binary: &Path,
    schools: &Path,
    load: &LoadOptions,
    parts: Parts,
    report: &mut Report,
) -> Result<()> {
    if load.connections == 0 || load.seconds == 0 || load.rounds == 0 {
        bail!("--connections, --seconds and --rounds must be at least 1");
    }
    let school = SchoolCopy::make(binary, schools, SchoolSize::Pupils(load.pupils)).await?;
    let tokens = if parts.api { school.mint_tokens(binary).await? } else { Vec::new() };
    let hub = HubProcess::start(binary, &school.data(), &school.log(), ModelUse::None).await?;
    if parts.api {
        report.add(("api", "disk", "sync_p50_ms"), median_sync_ms(&school.data())?, "ms", None);
        let work = Rc::new(school.prepare_work(hub.address, tokens, now()).await?);
        let extent = Extent {
            connections: load.connections,
            warm_up: Duration::from_secs(load.warm_up),
            measured: Duration::from_secs(load.seconds),
        };
        let runs = measure_api(&hub, &work, extent, report).await?;
        if let Some(file) = &load.plot {
            let svg =
                plot::draw_latencies(&[("Durable answers", &runs.answers), ("Problem lists", &runs.lists)]);
            std::fs::write(file, svg).with_context(|| format!("writing {}", file.display()))?;
        }
    }
    if parts.sign_in {
        measure_sign_in(hub.address, &school.accounts, load.rounds, report).await?;
    }
    if parts.memory {
        tell("memory: after 10 s of rest");
        tokio::time::sleep(Duration::from_secs(10)).await;
        let (now, most) = hub.memory_mb()?;
        report.add(("memory", "memory", "rss_mb"), now, "MB", Some(Target::AtMost(80.0)));
        report.add(("memory", "memory", "peak_rss_mb"), most, "MB", None);
    }
    hub.stop().await
}

#[expect(
    clippy::disallowed_methods,
    reason = "the pupils' devices have clocks of their own, apart from the hub's"
)]
fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// How long this disk takes to make 4 KiB durable: what each group of answers waits for at least.
fn median_sync_ms(folder: &Path) -> Result<f64> {
    let mut file = tempfile::tempfile_in(folder)?;
    let mut times = Vec::new();
    for _ in 0..41 {
        let begun = Instant::now();
        file.write_all(&[0x5a; 4096])?;
        file.sync_data()?;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    Ok(times[times.len() / 2].as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn command_line_is_consistent() {
        Options::command().debug_assert();
    }

    #[test]
    fn both_names_and_flags_after_the_case() {
        for words in [&["api"][..], &["bench", "api"]] {
            let words = [&["dreamseed-load"], words, &["--json", "--hub", "x", "--seconds", "3"]].concat();
            let options = Options::try_parse_from(words).expect("a command line");
            assert!(options.common.json && options.common.hub == Some("x".into()));
            let (Command::Case(case) | Command::Bench { case }) = options.command else {
                panic!("not a bench")
            };
            assert!(matches!(case, Case::Api(LoadOptions { seconds: 3, connections: 64, pupils: 6000, .. })));
        }
    }
}
