//! `backup`: what a night's answers cost on the line and in memory, whether a lesson notices a backup, and how long a
//! large school takes to be restored.
//!
//! The walk: a school of some size is filled through the same requests as in a lesson → a first backup → a night's
//! answers of every pupil → the backup of that night, measured → lessons at a steady pace, by turns with and without a
//! backup beside them → the school of a gigabyte is seeded, backed up and restored.

use crate::{
    drill::{Console, back_up_by_admin},
    histogram::Histogram,
    http1::Connection,
    hub_process::{Circumstances, HubProcess, ModelUse, memory_line},
    random::Random,
    report::{Report, Target, tell},
    school::{SchoolCopy, SchoolSize, Work},
};
use anyhow::{Context, Result, bail, ensure};
use dreamseed_client::Hub;
use dreamseed_wire::ids::AttemptId;
use std::{
    cell::{Cell, RefCell},
    fs,
    net::SocketAddr,
    path::Path,
    rc::Rc,
    time::{Duration, Instant},
};

/// How much.
#[derive(Debug, Clone, Copy)]
pub struct NightExtent {
    pub pupils: u32,
    /// Of each pupil in the night that is measured.
    pub answers: u32,
    /// Of the school before that night, 10⁶ bytes.
    pub megabytes: u64,
    /// With a backup beside it, and as long without.
    pub lesson: Duration,
    /// Of the school that is restored, 10⁶ bytes; 0 leaves it out.
    pub restored: u64,
}

/// Connections that fill the school; a lesson has as many devices that answer at the same moment at most.
const CONNECTIONS: usize = 32;
/// Between two answers of one connection in a lesson: 500 pupils who answer every 20 s are 25 answers a second, these 64.
const PACE: Duration = Duration::from_millis(500);
/// Turns with and without a backup: what else the machine does falls on both.
const TURNS: u32 = 4;
/// Bytes of the database for each answer, about; says when to look.
const BYTES_EACH: u64 = 700;
/// The same of the answers that the hub seeds by itself, rather too few, so that the school is not too small.
const SEEDED_BYTES_EACH: u64 = 550;

/// Measures the backup of a school that works.
pub async fn measure_backups(
    binary: &Path,
    schools: &Path,
    extent: NightExtent,
    now: jiff::Timestamp,
    report: &mut Report,
) -> Result<()> {
    measure_nights(binary, schools, extent, now, report).await?;
    if extent.restored > 0 {
        measure_restore(binary, schools, extent.restored, now, report).await?;
    }
    Ok(())
}

async fn measure_nights(
    binary: &Path,
    schools: &Path,
    extent: NightExtent,
    now: jiff::Timestamp,
    report: &mut Report,
) -> Result<()> {
    let school = SchoolCopy::make(binary, schools, SchoolSize::Pupils(extent.pupils)).await?;
    let stick = school.folder().join("stick");
    fs::create_dir(&stick)?;
    let console = Console::new(binary, &school.data());
    console.add_folder("stick", &stick).await?;
    let tokens = school.mint_tokens(binary).await?;
    let circumstances = Circumstances { port: 0, environment: console.environment() };
    let hub =
        HubProcess::start_in(binary, &school.data(), &school.log(), ModelUse::None, &circumstances).await?;
    let work = Rc::new(school.prepare_work(hub.address, tokens, now).await?);
    let admin = Hub::new(&format!("http://{}", hub.address))?;
    admin.sign_in_password(&school.accounts.admin.login_name, &school.accounts.admin.password).await?;
    let mut random = Random::new(1);
    loop {
        let bytes = database_bytes(&school.data());
        let missing = (extent.megabytes * 1_000_000).saturating_sub(bytes);
        tell(&format!("backup: the school has {} MB", bytes / 1_000_000));
        if missing == 0 {
            break;
        }
        // Somewhat less than it may take, since the size is looked at again.
        let rounds = (missing / BYTES_EACH / work.pupils.len() as u64 / 2).max(1);
        answer_all(hub.address, &work, rounds as usize, &mut random).await?;
    }
    let target_bytes = |state: dreamseed_wire::backup::BackupState| {
        state.targets.first().and_then(|target| target.last_bytes).context("the bytes of a backup")
    };
    let first = target_bytes(back_up_by_admin(&admin).await?)?;
    answer_all(hub.address, &work, extent.answers as usize, &mut random).await?;
    let watched = Rc::new(Watched::default());
    let begun = Instant::now();
    let night = target_bytes(watch_backup(&admin, hub.pid(), &watched).await?)?;
    let took = begun.elapsed();

    let (mut quiet, mut busy) = (Histogram::default(), Histogram::default());
    for _ in 0..TURNS {
        let part = extent.lesson / TURNS;
        let (alone, _) = teach(hub.address, &work, part, &mut random, async { anyhow::Ok(()) }).await?;
        quiet.add(&alone);
        let again = async {
            let begun = Instant::now();
            while begun.elapsed() < part {
                watch_backup(&admin, hub.pid(), &watched).await?;
            }
            anyhow::Ok(())
        };
        let (beside, backed_up) = teach(hub.address, &work, part, &mut random, again).await?;
        backed_up?;
        busy.add(&beside);
    }
    hub.stop().await?;
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let at_most = |figure| Some(Target::AtMost(figure));
    report.add(("backup", "school", "mb"), database_bytes(&school.data()) as f64 / 1e6, "MB", None);
    report.add(("backup", "first", "mib"), mib(first), "MiB", None);
    report.add(
        ("backup", "night", "answers"),
        f64::from(extent.answers) * work.pupils.len() as f64,
        "",
        None,
    );
    report.add(("backup", "night", "seconds"), took.as_secs_f64(), "s", None);
    report.add(("backup", "night", "night_mib"), mib(night), "MiB", at_most(8.0));
    report.add(("backup", "process", "rss_mb"), watched.rss_mb.get(), "MB", at_most(150.0));
    report.add(("backup", "process", "own_mb"), watched.own_mb.get(), "MB", None);
    report.add(("backup", "lesson", "p99_without_ms"), quiet.quantile_ms(0.99), "ms", None);
    report.add(("backup", "lesson", "p99_with_ms"), busy.quantile_ms(0.99), "ms", None);
    let ratio = busy.quantile_ms(0.99) / quiet.quantile_ms(0.99).max(0.001);
    report.add(("backup", "lesson", "p99_ratio"), ratio, "", at_most(1.5));
    Ok(())
}

/// Seeds a school of so many megabytes, backs it up and restores it as from the sheet.
async fn measure_restore(
    binary: &Path,
    schools: &Path,
    megabytes: u64,
    now: jiff::Timestamp,
    report: &mut Report,
) -> Result<()> {
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let answers = u32::try_from(megabytes * 1_000_000 / SEEDED_BYTES_EACH)?;
    let school = SchoolCopy::make(binary, schools, SchoolSize::Year { answers, today }).await?;
    let stick = school.folder().join("stick");
    fs::create_dir(&stick)?;
    let console = Console::new(binary, &school.data());
    console.add_folder("stick", &stick).await?;
    let sheet = school.folder().join("sheet.txt");
    let sheet = sheet.to_str().context("a path of plain text")?;
    console.tell(&["backup", "sheet", sheet]).await?;
    let kept = console.back_up(None).await?;
    let bytes = database_bytes(&school.data());
    fs::remove_dir_all(school.data())?;
    let begun = Instant::now();
    let said = console.tell(&["backup", "restore", "--sheet", sheet]).await?;
    let took = begun.elapsed();
    ensure!(said.contains(&format!("answers {kept}")), "not every answer came back:\n{said}");
    let hub = HubProcess::start(binary, &school.data(), &school.log(), ModelUse::None).await?;
    let ready = hub.ready_after;
    hub.stop().await?;
    report.add(("restore", "large", "mb"), bytes as f64 / 1e6, "MB", None);
    report.add(("restore", "large", "answers"), kept as f64, "", None);
    report.add(("restore", "large", "seconds"), took.as_secs_f64(), "s", Some(Target::AtMost(300.0)));
    report.add(("restore", "large", "ready_s"), ready.as_secs_f64(), "s", None);
    Ok(())
}

/// Each pupil answers so many times, as fast as it goes.
async fn answer_all(address: SocketAddr, work: &Rc<Work>, each: usize, random: &mut Random) -> Result<()> {
    let next = Rc::new(Cell::new(0_usize));
    let all = work.pupils.len() * each;
    let local = tokio::task::LocalSet::new();
    let tasks: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (work, next, mut random) = (Rc::clone(work), Rc::clone(&next), Random::new(random.next()));
            local.spawn_local(async move {
                let mut connection = Connection::open(address).await?;
                while next.get() < all {
                    let pupil = next.replace(next.get() + 1) % work.pupils.len();
                    answer(&mut connection, &work, pupil, &mut random).await?;
                }
                anyhow::Ok(())
            })
        })
        .collect();
    local
        .run_until(async {
            for task in tasks {
                task.await??;
            }
            Ok(())
        })
        .await
}

/// A lesson at a steady pace while something else runs beside it: the latencies, and what the other came to. The lesson
/// lasts so long, and until the other is done.
async fn teach<T>(
    address: SocketAddr,
    work: &Rc<Work>,
    length: Duration,
    random: &mut Random,
    beside: impl Future<Output = T>,
) -> Result<(Histogram, T)> {
    let latencies = Rc::new(RefCell::new(Histogram::default()));
    let is_over = Rc::new(Cell::new(false));
    let local = tokio::task::LocalSet::new();
    let tasks: Vec<_> = (0..CONNECTIONS)
        .map(|number| {
            let (work, mut random) = (Rc::clone(work), Random::new(random.next()));
            let (latencies, is_over) = (Rc::clone(&latencies), Rc::clone(&is_over));
            local.spawn_local(async move {
                let mut connection = Connection::open(address).await?;
                // Not all in one moment.
                tokio::time::sleep(PACE * number as u32 / CONNECTIONS as u32).await;
                let mut next = tokio::time::interval(PACE);
                while !is_over.get() {
                    next.tick().await;
                    let pupil = random.next() as usize % work.pupils.len();
                    let sent = Instant::now();
                    answer(&mut connection, &work, pupil, &mut random).await?;
                    latencies.borrow_mut().record(sent.elapsed());
                }
                anyhow::Ok(())
            })
        })
        .collect();
    let done = local
        .run_until(async {
            let (done, ()) = tokio::join!(beside, tokio::time::sleep(length));
            is_over.set(true);
            for task in tasks {
                task.await??;
            }
            anyhow::Ok(done)
        })
        .await?;
    drop(local);
    Ok((Rc::into_inner(latencies).context("a task still runs")?.into_inner(), done))
}

async fn answer(connection: &mut Connection, work: &Work, pupil: usize, random: &mut Random) -> Result<()> {
    let mut request = Vec::with_capacity(2048);
    let template = work.classes[work.pupils[pupil].class].pick(random.next());
    template.write_request(&work.pupils[pupil], AttemptId::new(), &mut request);
    let reply = connection
        .exchange(&request, |reply| (reply.status, String::from_utf8_lossy(&reply.body).into_owned()))
        .await?;
    ensure!(reply.0 == 201, "the hub refused with {}: {}", reply.0, reply.1);
    Ok(())
}

#[derive(Debug, Default)]
struct Watched {
    /// The most memory that a backup's process has held, 10⁶ bytes.
    rss_mb: Cell<f64>,
    /// The same without the pages of its program and of files, which the system may take back.
    own_mb: Cell<f64>,
}

/// Makes a backup and looks at the memory of its process meanwhile.
async fn watch_backup(
    admin: &Hub,
    hub: u32,
    watched: &Rc<Watched>,
) -> Result<dreamseed_wire::backup::BackupState> {
    let watch = async {
        loop {
            for status in statuses_of_backups(hub) {
                // Its own memory of the most that it has held; gone when the process ends between two looks.
                if let Ok(most) = memory_line(&status, "VmHWM:") {
                    watched.rss_mb.set(watched.rss_mb.get().max(most));
                }
                if let Ok(own) = memory_line(&status, "RssAnon:") {
                    watched.own_mb.set(watched.own_mb.get().max(own));
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        state = back_up_by_admin(admin) => state,
        () = watch => bail!("the watch has no end"),
    }
}

/// `/proc/<pid>/status` of the hub's children that make backups.
fn statuses_of_backups(hub: u32) -> Vec<String> {
    let children = fs::read_dir(format!("/proc/{hub}/task")).into_iter().flatten().flatten();
    let children = children.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let pids: Vec<String> =
        children.flat_map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect();
    pids.iter()
        .filter(|pid| {
            let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            words.split(|byte| *byte == 0).any(|word| word == b"backup-job")
        })
        .filter_map(|pid| fs::read_to_string(format!("/proc/{pid}/status")).ok())
        .collect()
}

/// The database without its log, which is folded in at 4 MiB.
fn database_bytes(data: &Path) -> u64 {
    fs::metadata(data.join("hub.db")).map_or(0, |file| file.len())
}
