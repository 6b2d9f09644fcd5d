//! When backups run: folders each hour, clouds each night, and whatever is late as soon as the hub is on. Two lanes, so that a
//! long upload never keeps the folders waiting; in each the job's process is started, listened to, and its results written
//! down. What is due is decided by [`due`], a pure function of the clock, the settings and how each target stands.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use dreamseed_wire::{
    backup::{BackupProgress, BackupTroubleCode},
    hub::NoticeCode,
};
use jiff::{SignedDuration, Timestamp, civil::Time, tz::TimeZone};
use parking_lot::Mutex;
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, Command},
    sync::{Notify, watch},
};

use super::{
    BackupError,
    clock::Trust,
    files, instance,
    job::{Event, Job, JobTarget, Outcome},
    mending, snapshot,
    targets::{self, Targets},
    unseen, upkeep,
};
use crate::{
    auth::By,
    blocking,
    config::Config,
    epochs,
    hub::Ctx,
    store::{
        StoreError,
        backup_targets::{self, TargetRow, VerifiedPlace},
        notices,
    },
    telemetry,
};

const EVERY: Duration = Duration::from_secs(30);
/// After a start the school comes first.
const SETTLE: SignedDuration = SignedDuration::from_mins(2);
const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// A snapshot that is restored faster is read back after each run, not only each night.
const QUICK_MS: u32 = 60_000;
/// Between two looks at what was set aside.
const SWEEP: Duration = Duration::from_secs(24 * 60 * 60);
/// A process that says nothing for so long hangs on a disk or network that does not answer.
const SILENT: Duration = Duration::from_secs(30 * 60);
/// Time for a process to end after it was told to.
const ENDING: Duration = Duration::from_secs(5);

/// Which backups somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// To every target.
    All,
    /// To this one.
    Target(String),
    /// Read the newest snapshot of this target back.
    Check(String),
}

impl Which {
    /// `All` is asked for target by target.
    fn is_of(&self, names: &[String]) -> bool {
        match self {
            Which::All => false,
            Which::Target(name) | Which::Check(name) => names.contains(name),
        }
    }
}

/// What runs, and what was asked for.
pub struct BackupDesk {
    running: [watch::Sender<Option<BackupProgress>>; 2],
    asked: Mutex<Vec<Which>>,
    woken: watch::Sender<u64>,
    /// A run has come to its end.
    ended: Notify,
    /// Single rows do not fit.
    damaged: Notify,
    /// Targets that a run has opened.
    reached: Mutex<BTreeSet<String>>,
    reached_one: Notify,
    making_instance: Mutex<()>,
    clock: tokio::sync::Mutex<Watch>,
}

/// So often the reading of the clock is written down while nothing else does it.
const KEEP_CLOCK: Duration = Duration::from_secs(60 * 60);

/// The clock as it was read last.
#[derive(Default)]
struct Watch {
    trust: Option<Trust>,
    /// The moment of the last reading that a clock can show.
    seen: Option<Instant>,
    /// The moment at which it was last written down.
    kept: Option<Instant>,
    /// The moment at which what was set aside was looked through.
    swept: Option<Instant>,
}

impl Default for BackupDesk {
    fn default() -> Self {
        BackupDesk {
            running: [watch::Sender::new(None), watch::Sender::new(None)],
            asked: Mutex::default(),
            woken: watch::Sender::new(0),
            ended: Notify::new(),
            damaged: Notify::new(),
            reached: Mutex::default(),
            reached_one: Notify::new(),
            making_instance: Mutex::default(),
            clock: tokio::sync::Mutex::default(),
        }
    }
}

impl BackupDesk {
    /// What runs now, as far as it has come.
    pub fn running(&self) -> Option<BackupProgress> {
        self.running.iter().find_map(|lane| lane.borrow().clone())
    }

    /// Looks at once at what is due: targets were changed.
    pub fn wake(&self) {
        self.woken.send_modify(|count| *count += 1);
    }

    /// Single rows of the record are damaged: what a backup has of them is put in their place.
    pub fn mend(&self) {
        self.damaged.notify_one();
    }

    /// Returns when [`mend`](Self::mend) was called since the last time.
    pub(super) async fn damage_found(&self) {
        self.damaged.notified().await;
    }

    /// Returns when a run has opened a target since the last time.
    pub(super) async fn target_reached(&self) {
        self.reached_one.notified().await;
    }

    /// Takes the names of the targets that runs have opened since the last time.
    pub(super) fn take_reached(&self) -> BTreeSet<String> {
        std::mem::take(&mut *self.reached.lock())
    }

    fn reach(&self, name: &str) {
        self.reached.lock().insert(name.to_owned());
        self.reached_one.notify_one();
    }

    fn ask(&self, which: Which) {
        let mut asked = self.asked.lock();
        if !asked.contains(&which) {
            asked.push(which);
        }
    }

    fn is_asked(&self, names: &[String]) -> bool {
        self.asked.lock().iter().any(|which| which.is_of(names))
    }

    /// Takes what was asked of one of these targets.
    fn take(&self, names: &[String]) -> Vec<Which> {
        let mut asked = self.asked.lock();
        let (taken, left) = asked.drain(..).partition(|which| which.is_of(names));
        *asked = left;
        taken
    }

    fn show(&self, lane: Lane, progress: Option<BackupProgress>) {
        if let Some(running) = self.running.get(lane as usize) {
            running.send_replace(progress);
        }
    }
}

/// Folders and clouds run beside each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lane {
    Folders = 0,
    Clouds = 1,
}

impl Lane {
    fn name(self) -> &'static str {
        match self {
            Lane::Folders => "folders",
            Lane::Clouds => "clouds",
        }
    }
}

/// When runs are due, by the settings.
#[derive(Debug, Clone)]
pub struct Timetable {
    pub nightly_at: Time,
    /// Of this hub, for clouds.
    pub jitter: SignedDuration,
    pub hourly: bool,
    pub zone: TimeZone,
}

/// A target as [`due`] sees it.
#[derive(Debug, Clone)]
pub struct Standing {
    pub is_folder: bool,
    /// As it came out of its last run; only its name if there was none.
    pub row: TargetRow,
    /// The ledgers as they are now.
    pub ledgers: Option<[u8; 32]>,
}

/// Starts backups that a person asks for; they run at once, whatever the clock says.
///
/// # Errors
/// No target, or none of this name.
pub async fn start_now(ctx: &Ctx, by: &By, which: Which) -> Result<(), BackupError> {
    let names = target_names(ctx).await?;
    let asked: Vec<Which> = match &which {
        Which::All if names.is_empty() => return Err(BackupError::NoTarget),
        Which::All => names.into_iter().map(Which::Target).collect(),
        Which::Target(name) | Which::Check(name) if !names.contains(name) => {
            return Err(BackupError::UnknownTarget { name: name.clone() });
        }
        Which::Target(_) | Which::Check(_) => vec![which.clone()],
    };
    let (by, now) = (by.clone(), ctx.clock.now());
    ctx.store
        .write(move |tx| match which {
            Which::All => by.audit(tx, now, "run backup", None, "all"),
            Which::Target(name) => by.audit(tx, now, "run backup", None, &name),
            Which::Check(name) => by.audit(tx, now, "check backup", None, &name),
        })
        .await?;
    for which in asked {
        ctx.backup.ask(which);
    }
    ctx.backup.wake();
    Ok(())
}

/// Starts what is due until the hub stops. A process that runs then is ended; nothing is lost by it.
pub async fn keep_until_stopped(ctx: Arc<Ctx>) {
    tokio::join!(
        run_lane(&ctx, Lane::Folders),
        run_lane(&ctx, Lane::Clouds),
        watch_over(&ctx),
        mending::keep_until_stopped(&ctx),
        unseen::keep_until_stopped(&ctx)
    );
}

/// What is to be done now, target by target.
///
/// A time ahead of the clock was written by a clock that was wrong and counts as never. After a failure there is a pause, so
/// that a place that is gone is not asked every half minute.
pub fn due(now: Timestamp, timetable: &Timetable, targets: &[Standing]) -> Vec<JobTarget> {
    targets.iter().filter_map(|target| due_of(now, timetable, target)).collect()
}

/// When the next whole backup of a target is due, if nothing is asked for.
pub fn next_at(now: Timestamp, timetable: &Timetable, target: &Standing) -> Timestamp {
    let night = next_night(now, timetable, target.is_folder);
    let Some(made) = past(target.row.last_backup_at, now) else { return now };
    if target.is_folder && timetable.hourly {
        return (made + HOUR).clamp(now, night);
    }
    if made < last_night(now, timetable, target.is_folder) { now } else { night }
}

/// Whether a target's last good backup is older than it may be: a day for folders, two nights for clouds.
pub fn is_late(now: Timestamp, is_folder: bool, row: &TargetRow) -> bool {
    let most = SignedDuration::from_hours(if is_folder { 24 } else { 50 });
    past(row.last_backup_at, now).is_none_or(|made| now.duration_since(made) > most)
}

/// A trouble in which no backup is made; the others only tell.
pub fn is_stopping(code: BackupTroubleCode) -> bool {
    match code {
        BackupTroubleCode::TwoHubs | BackupTroubleCode::Clock => false,
        // Copies are sent, with a pause as long as for the others: none of them counts.
        BackupTroubleCode::Database => true,
        BackupTroubleCode::Gone
        | BackupTroubleCode::Unreachable
        | BackupTroubleCode::ReadOnly
        | BackupTroubleCode::Full
        | BackupTroubleCode::Refused
        | BackupTroubleCode::WrongPassword
        | BackupTroubleCode::OtherSchool
        | BackupTroubleCode::Damaged
        | BackupTroubleCode::Failed => true,
    }
}

/// The timetable of this hub.
pub fn timetable(ctx: &Ctx) -> Timetable {
    let hub = &ctx.school.get().hub;
    let config = &ctx.config.backup;
    Timetable {
        nightly_at: config.nightly_at,
        jitter: jitter(hub.hub_id.0.as_bytes(), config.jitter_minutes),
        hourly: config.hourly,
        zone: hub.time_zone.clone(),
    }
}

/// The targets with how they stand.
pub(super) async fn standings(ctx: &Ctx) -> Result<Vec<Standing>, BackupError> {
    let data = ctx.config.data.clone();
    let loaded = blocking::run(move || {
        let ledgers = snapshot::sum_ledgers(&data);
        // Before the targets: a name that is marked in between is read next time.
        let changed = targets::changed(&data);
        Targets::load(&data).map(|targets| (targets, ledgers, changed))
    });
    let (targets, ledgers, changed) = loaded.await?.map_err(|err| BackupError::from(Box::new(err)))?;
    let rows = ctx.store.read(backup_targets::list).await?;
    let standing = |target: &targets::Target| {
        let row = rows.iter().find(|row| row.name == target.name && !changed.contains(&row.name)).cloned();
        let row = row.unwrap_or_else(|| TargetRow { name: target.name.clone(), ..TargetRow::default() });
        Standing { is_folder: target.is_folder(), row, ledgers }
    };
    Ok(targets.list.iter().map(standing).collect())
}

async fn target_names(ctx: &Ctx) -> Result<Vec<String>, BackupError> {
    Ok(standings(ctx).await?.into_iter().map(|target| target.row.name).collect())
}

async fn run_lane(ctx: &Arc<Ctx>, lane: Lane) {
    let mut tick = tokio::time::interval(EVERY);
    let mut woken = ctx.backup.woken.subscribe();
    loop {
        tokio::select! {
            () = ctx.stopping.cancelled() => return,
            _ = tick.tick() => {}
            changed = woken.changed() => if changed.is_err() { return },
        }
        match look(ctx, lane).await {
            Ok(()) => {}
            Err(BackupError::Store(StoreError::Closed)) if ctx.stopping.is_cancelled() => return,
            Err(err) => tracing::warn!(error = %err, "backups cannot be looked after; tried again soon"),
        }
    }
}

/// Runs what is due in a lane.
async fn look(ctx: &Arc<Ctx>, lane: Lane) -> Result<(), BackupError> {
    forget_changed(ctx).await?;
    let now = ctx.clock.now();
    read_clock(ctx, now, false).await?;
    let standings: Vec<Standing> = standings(ctx)
        .await?
        .into_iter()
        .filter(|target| target.is_folder == (lane == Lane::Folders))
        .collect();
    let names: Vec<String> = standings.iter().map(|target| target.row.name.clone()).collect();
    let is_settled = now.duration_since(ctx.started_at) >= SETTLE || now < ctx.started_at;
    let mut wanted = if is_settled { due(now, &timetable(ctx), &standings) } else { Vec::new() };
    if wanted.is_empty() && !ctx.backup.is_asked(&names) {
        return Ok(());
    }
    let clock = read_clock(ctx, now, true).await?;
    let believed = clock.as_ref().filter(|clock| clock.is_believed());
    let instance_id = read_instance(ctx).await?;
    // Last: what was asked for must not be lost with an error.
    for asked in ctx.backup.take(&names) {
        add_asked(&mut wanted, &asked, &standings);
    }
    let config = &ctx.config;
    let job = Job {
        data: config.data.clone(),
        scratch: scratch_folder(config).join(lane.name()),
        config_file: config.file.clone(),
        instance_id,
        now,
        believed_at: believed.map_or(Timestamp::MIN, |clock| clock.believed_at),
        upload_kib_per_s: config.backup.upload_kib_per_s,
        keep_days: config.backup.keep_days.saturating_add(clock.map_or(0, |clock| clock.extra_days())),
        at_least: config.backup.at_least,
        targets: wanted,
    };
    run_job(ctx, lane, &job).await
}

async fn read_instance(ctx: &Arc<Ctx>) -> Result<uuid::Uuid, BackupError> {
    let ctx = Arc::clone(ctx);
    let read = blocking::run(move || {
        // Both lanes may be the first to need it.
        let _alone = ctx.backup.making_instance.lock();
        instance::read_or_make(&ctx.config.data)
    });
    read.await?
}

/// Where copies are made and read back.
pub fn scratch_folder(config: &Config) -> PathBuf {
    config.backup.scratch.clone().unwrap_or_else(|| files::folder(&config.data).join("scratch"))
}

fn add_asked(wanted: &mut Vec<JobTarget>, asked: &Which, standings: &[Standing]) {
    let (Which::Target(name) | Which::Check(name)) = asked else { return };
    let Some(standing) = standings.iter().find(|standing| standing.row.name == *name) else { return };
    if !wanted.iter().any(|target| target.name == *name) {
        wanted.push(JobTarget {
            name: name.clone(),
            repository_id: standing.row.repository_id.clone(),
            ..JobTarget::default()
        });
    }
    for target in wanted.iter_mut().filter(|target| target.name == *name) {
        target.read_back = true;
        target.back_up |= matches!(asked, Which::Target(_));
        target.ledgers &= !target.back_up;
    }
}

/// Runs the process of a job to its end, or to the hub's.
async fn run_job(ctx: &Arc<Ctx>, lane: Lane, job: &Job) -> Result<(), BackupError> {
    let names: Vec<&str> = job.targets.iter().map(|target| target.name.as_str()).collect();
    let mut open: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let failed = match listen(ctx, lane, job, &mut open).await {
        Ok(()) => None,
        Err(Ended::Stopping) => {
            ctx.backup.show(lane, None);
            return Ok(());
        }
        Err(Ended::Failed(trouble, cause)) => Some((trouble, cause)),
    };
    ctx.backup.show(lane, None);
    let (trouble, cause) =
        failed.unwrap_or((BackupTroubleCode::Failed, "the backup's process ended before its work".into()));
    for name in open {
        let outcome =
            Outcome { name, trouble: Some(trouble), cause: Some(cause.clone()), ..Outcome::default() };
        record(ctx, job, outcome).await?;
    }
    // Notices and figures need not wait for their next look.
    ctx.backup.ended.notify_one();
    Ok(())
}

/// Why nobody listens to a process any more before its end.
enum Ended {
    Stopping,
    Failed(BackupTroubleCode, String),
}

async fn listen(ctx: &Arc<Ctx>, lane: Lane, job: &Job, open: &mut Vec<String>) -> Result<(), Ended> {
    let failed = |cause: String| Ended::Failed(BackupTroubleCode::Failed, cause);
    let mut child =
        spawn(&ctx.config).map_err(|err| failed(format!("the process cannot be started: {err}")))?;
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(failed("the process has no pipes".into()));
    };
    let mut line = serde_json::to_vec(job).map_err(|err| failed(err.to_string()))?;
    line.push(b'\n');
    input.write_all(&line).await.map_err(|err| failed(err.to_string()))?;
    let mut lines = BufReader::new(output).lines();
    let mut told = Ok(());
    loop {
        let next = tokio::select! {
            () = ctx.stopping.cancelled() => {
                end(&mut child).await;
                return Err(Ended::Stopping);
            }
            next = tokio::time::timeout(SILENT, lines.next_line()) => next,
        };
        let line = match next {
            Ok(Ok(Some(line))) => line,
            Ok(Ok(None)) => break,
            Ok(Err(err)) => {
                told = Err(failed(err.to_string()));
                break;
            }
            Err(_) => {
                let cause = "nothing was heard of the process for half an hour".to_owned();
                told = Err(Ended::Failed(BackupTroubleCode::Unreachable, cause));
                break;
            }
        };
        match serde_json::from_str(&line) {
            Ok(Event::Progress(progress)) => ctx.backup.show(lane, Some(progress)),
            Ok(Event::Copied { place, answers, bytes, seconds }) => {
                tracing::info!(
                    hub_seq = place.hub_seq,
                    answers,
                    bytes,
                    seconds,
                    "copied the database for the backup"
                );
            }
            Ok(Event::Target(outcome)) => {
                open.retain(|name| *name != outcome.name);
                if let Err(err) = record(ctx, job, *outcome).await {
                    tracing::warn!(error = %err, "how a backup came out could not be written down");
                }
            }
            Ok(Event::Failed { trouble, cause }) => told = Err(Ended::Failed(trouble, cause)),
            Err(err) => tracing::warn!(error = %err, "the backup's process said what is not understood"),
        }
    }
    end(&mut child).await;
    drop(input);
    told
}

fn spawn(config: &Config) -> std::io::Result<Child> {
    let program = match &config.backup.program {
        Some(program) => program.clone(),
        None => std::env::current_exe()?,
    };
    Command::new(program)
        .arg("backup-job")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()
}

/// Waits for the end of a process that has said all, or that must end now.
async fn end(child: &mut Child) {
    if tokio::time::timeout(Duration::ZERO, child.wait()).await.is_ok() {
        return;
    }
    // It has closed its output, or is to stop: what it still does is of no use.
    let _ = child.start_kill();
    if tokio::time::timeout(ENDING, child.wait()).await.is_err() {
        tracing::warn!(
            "the backup's process hangs on a disk or network that does not answer; it is left to itself"
        );
    }
}

/// Writes down how a target came out of a run.
async fn record(ctx: &Arc<Ctx>, job: &Job, outcome: Outcome) -> Result<(), StoreError> {
    let now = ctx.clock.now();
    if let Some(place) = outcome.ahead {
        // Before what was read back is written down: it is of an epoch that ends with this.
        tracing::warn!(target_name = outcome.name, "the hub has backed up more there than it has now");
        epochs::notice_place(ctx, place).await?;
    }
    let name = outcome.name.clone();
    match (&outcome.trouble, &outcome.sent) {
        (Some(trouble), _) => {
            let cause = outcome.cause.as_deref().unwrap_or_default();
            tracing::warn!(target_name = name, ?trouble, cause, "a backup met trouble");
        }
        (None, Some(sent)) => {
            let read_ms = outcome.read_back.as_ref().map(|read| read.milliseconds);
            tracing::info!(
                target_name = name,
                bytes = sent.bytes,
                seconds = sent.seconds,
                read_ms,
                "backed up"
            );
        }
        (None, None) => tracing::debug!(target_name = name, "a target was looked after"),
    }
    if outcome.trouble == Some(BackupTroubleCode::Database) {
        ctx.backup.mend();
    }
    if outcome.repository_id.is_some() {
        ctx.backup.reach(&name);
    }
    let is_whole = job.targets.iter().any(|target| target.name == name && target.back_up);
    if is_whole {
        telemetry::count_backup(outcome.sent.is_some());
    }
    ctx.store
        .write(move |tx| {
            let before = backup_targets::get(tx.conn(), &outcome.name)?;
            let before =
                before.unwrap_or_else(|| TargetRow { name: outcome.name.clone(), ..TargetRow::default() });
            if let Some(place) = verified_by(&outcome) {
                let (target, at) = (outcome.name.clone(), now);
                backup_targets::raise_verified(tx, &VerifiedPlace { place, target, at })?;
            }
            backup_targets::put(tx, &after(before, &outcome, now))
        })
        .await
}

/// Up to where a run has shown that another device holds the record: it was sent by this run, and read back whole.
fn verified_by(outcome: &Outcome) -> Option<dreamseed_wire::delivery::RecordPlace> {
    let read = outcome.read_back.as_ref()?;
    (outcome.other_device && read.is_just_sent).then_some(read.place)
}

/// A target's row after a run.
fn after(before: TargetRow, outcome: &Outcome, now: Timestamp) -> TargetRow {
    let mut row = before;
    row.last_try_at = Some(now);
    row.repository_id = outcome.repository_id.clone().or(row.repository_id);
    if outcome.repository_id.is_some() {
        row.other_device = outcome.other_device;
    }
    if let Some(sent) = &outcome.sent {
        row.last_backup_at = Some(now);
        row.last_backup_seq = Some(sent.place.hub_seq);
        row.last_bytes = Some(sent.bytes);
    }
    if let Some(read) = &outcome.read_back {
        row.last_restored_at = Some(now);
        row.restore_ms = Some(read.milliseconds);
    }
    row.verified = verified_by(outcome).or(row.verified);
    row.snapshots = outcome.snapshots.unwrap_or(row.snapshots);
    row.tidied_at = if outcome.tidied { Some(now) } else { row.tidied_at };
    row.ledgers_sum = outcome.ledgers_sum.or(row.ledgers_sum);
    row.trouble = match (outcome.trouble, row.trouble) {
        (Some(code), Some((before, since))) if code == before => Some((code, since)),
        (Some(code), _) => Some((code, now)),
        // What only a reading or a tidying can clear.
        (None, Some((BackupTroubleCode::Damaged, since))) if outcome.read_back.is_none() => {
            Some((BackupTroubleCode::Damaged, since))
        }
        (None, Some((BackupTroubleCode::Database, since))) if outcome.sent.is_none() => {
            Some((BackupTroubleCode::Database, since))
        }
        (None, Some((BackupTroubleCode::Clock, since))) if !outcome.tidied => {
            Some((BackupTroubleCode::Clock, since))
        }
        (None, _) => None,
    };
    row
}

/// Whether the clock may say what is past its time: one that jumped makes everything look old. The hub that asks knows how long
/// it has been on, and so tells a jump from a weekend.
pub async fn is_clock_believed(ctx: &Ctx, now: Timestamp) -> Result<bool, StoreError> {
    Ok(read_clock(ctx, now, false).await?.is_some_and(|trust| trust.is_believed()))
}

/// Reads the clock and sees whether it has gone on steadily; written down with each run, hourly, and when it begins or ends to
/// be believed.
async fn read_clock(ctx: &Ctx, now: Timestamp, is_run: bool) -> Result<Option<Trust>, StoreError> {
    let mut watch = ctx.backup.clock.lock().await;
    let before = match watch.trust.take() {
        Some(trust) => Some(trust),
        None => ctx.store.read(backup_targets::clock).await?,
    };
    let was = before.as_ref().map(|trust| (trust.is_believed(), trust.jumps.len()));
    let moment = Instant::now();
    let passed = watch.seen.map(|seen| {
        let passed = moment.saturating_duration_since(seen);
        SignedDuration::try_from(passed).unwrap_or(SignedDuration::MAX)
    });
    let kept = SignedDuration::from_hours(24 * i64::from(ctx.config.backup.keep_days));
    let trust = Trust::step(before, now, passed, kept);
    if trust.as_ref().is_some_and(|trust| trust.seen_at == now) {
        watch.seen = Some(moment);
    }
    watch.trust.clone_from(&trust);
    let is = trust.as_ref().map(|trust| (trust.is_believed(), trust.jumps.len()));
    // A hub without targets has no runs: what is written down hourly all the same tells a night from a jump at its next start.
    let is_old = watch.kept.is_none_or(|kept| moment.saturating_duration_since(kept) >= KEEP_CLOCK);
    if let Some(trust) = trust.clone().filter(|_| is_run || is_old || is != was) {
        watch.kept = Some(moment);
        ctx.store.write(move |tx| backup_targets::put_clock(tx, &trust)).await?;
    }
    Ok(trust)
}

/// Each night, what restores and repairs have left behind long ago goes.
async fn sweep(ctx: &Arc<Ctx>) -> Result<(), BackupError> {
    let now = ctx.clock.now();
    let clock = read_clock(ctx, now, false).await?;
    if !clock.is_some_and(|clock| clock.is_believed()) {
        return Ok(());
    }
    {
        let mut watch = ctx.backup.clock.lock().await;
        if watch.swept.is_some_and(|swept| swept.elapsed() < SWEEP) {
            return Ok(());
        }
        watch.swept = Some(Instant::now());
    }
    let (data, scratch) = (ctx.config.data.clone(), scratch_folder(&ctx.config));
    let swept =
        blocking::run(move || upkeep::remove_old(&data, &scratch, now).map_err(BackupError::io(&data)));
    swept.await??;
    Ok(())
}

/// Forgets what is known of targets that were added or removed. In the lane: none of its runs is under way that would write
/// it down again.
async fn forget_changed(ctx: &Arc<Ctx>) -> Result<(), BackupError> {
    let data = ctx.config.data.clone();
    let names = blocking::run(move || targets::changed(&data)).await?;
    if names.is_empty() {
        return Ok(());
    }
    let gone = names.clone();
    ctx.store.write(move |tx| gone.iter().try_for_each(|name| backup_targets::forget(tx, name))).await?;
    let data = ctx.config.data.clone();
    let forgotten = blocking::run(move || {
        targets::forget_changed(&data, &names).map_err(BackupError::io(&files::folder(&data)))
    });
    forgotten.await?
}

/// Keeps notices and figures of backups, and the rows of targets that were removed.
async fn watch_over(ctx: &Arc<Ctx>) {
    let mut tick = tokio::time::interval(EVERY);
    let mut woken = ctx.backup.woken.subscribe();
    loop {
        tokio::select! {
            () = ctx.stopping.cancelled() => return,
            _ = tick.tick() => {}
            changed = woken.changed() => if changed.is_err() { return },
            () = ctx.backup.ended.notified() => {}
        }
        if let Err(err) = sweep(ctx).await
            && !ctx.stopping.is_cancelled()
        {
            tracing::warn!(error = %err, "what was set aside cannot be looked through");
        }
        match tell(ctx).await {
            Ok(()) => {}
            Err(BackupError::Store(StoreError::Closed)) if ctx.stopping.is_cancelled() => return,
            Err(err) => tracing::warn!(error = %err, "the notices of backups are not up to date"),
        }
    }
}

async fn tell(ctx: &Arc<Ctx>) -> Result<(), BackupError> {
    let now = ctx.clock.now();
    let standings = standings(ctx).await?;
    let (rows, verified, sheet, last_seq) = ctx
        .store
        .read(|conn| {
            Ok::<_, StoreError>((
                backup_targets::list(conn)?,
                backup_targets::verified(conn)?,
                backup_targets::sheet(conn)?,
                crate::store::hub_meta::last_seq(conn)?,
            ))
        })
        .await?;
    let is_target = |name: &str| standings.iter().any(|target| target.row.name == name);
    let gone: Vec<String> = rows.into_iter().map(|row| row.name).filter(|name| !is_target(name)).collect();
    for name in &gone {
        telemetry::forget_backup_target(name);
    }
    telemetry::show_backups(&standings, verified.as_ref(), last_seq, now);

    // A target that was added a moment ago has not failed.
    let has_had_time = now.duration_since(ctx.started_at) >= HOUR;
    let late: Vec<String> = standings
        .iter()
        .filter(|target| {
            let is_late = is_late(now, target.is_folder, &target.row);
            (is_late && has_had_time && target.row.last_try_at.is_some())
                || matches!(target.row.trouble, Some((BackupTroubleCode::Database, _)))
        })
        .map(|target| target.row.name.clone())
        .collect();
    let is_two = |target: &Standing| matches!(target.row.trouble, Some((BackupTroubleCode::TwoHubs, _)));
    let two: Vec<String> =
        standings.iter().filter(|target| is_two(target)).map(|target| target.row.name.clone()).collect();
    let lacks_sheet = !standings.is_empty() && sheet.is_none_or(|sheet| sheet.kept_at.is_none());
    let open = ctx.store.read(notices::open).await?;
    let wanted = [
        (NoticeCode::BackupFailing, !late.is_empty(), json!({ "targets": late })),
        (NoticeCode::TwoHubs, !two.is_empty(), json!({ "targets": two })),
        (NoticeCode::SheetMissing, lacks_sheet, json!({})),
    ];
    let changes: Vec<_> = wanted
        .into_iter()
        .filter(|(code, is_on, _)| open.iter().any(|notice| notice.code == *code) != *is_on)
        .collect();
    if changes.is_empty() && gone.is_empty() {
        return Ok(());
    }
    ctx.store
        .write(move |tx| {
            for name in &gone {
                backup_targets::forget(tx, name)?;
            }
            for (code, is_on, data) in &changes {
                if *is_on {
                    notices::raise(tx, *code, data, now)?;
                } else {
                    notices::withdraw(tx, *code, now)?;
                }
            }
            Ok::<_, StoreError>(())
        })
        .await?;
    Ok(())
}

fn due_of(now: Timestamp, timetable: &Timetable, target: &Standing) -> Option<JobTarget> {
    let row = &target.row;
    if let (Some((code, _)), Some(tried)) = (row.trouble, past(row.last_try_at, now))
        && is_stopping(code)
        && now.duration_since(tried) < pause_after(code, target.is_folder)
    {
        return None;
    }
    let night = last_night(now, timetable, target.is_folder);
    let (made, read) = (past(row.last_backup_at, now), past(row.last_restored_at, now));
    let is_unread = read.is_none_or(|at| at < night);
    let is_hourly =
        target.is_folder && timetable.hourly && made.is_none_or(|at| now.duration_since(at) >= HOUR);
    let back_up = is_unread || is_hourly || made.is_none_or(|at| at < night);
    let ledgers = !back_up && target.ledgers.is_some() && target.ledgers != row.ledgers_sum;
    (back_up || ledgers).then(|| JobTarget {
        name: row.name.clone(),
        repository_id: row.repository_id.clone(),
        back_up,
        read_back: back_up && (is_unread || row.restore_ms.is_none_or(|ms| ms < QUICK_MS)),
        tidy: back_up && past(row.tidied_at, now).is_none_or(|at| at < night),
        ledgers,
    })
}

/// A place that comes back by itself is asked again soon; what a person must mend, and what costs money, is not.
fn pause_after(code: BackupTroubleCode, is_folder: bool) -> SignedDuration {
    let comes_back =
        matches!(code, BackupTroubleCode::Gone | BackupTroubleCode::Unreachable | BackupTroubleCode::Failed);
    match (comes_back, is_folder) {
        (true, true) => SignedDuration::from_mins(10),
        (true, false) => SignedDuration::from_mins(30),
        (false, true) => HOUR,
        (false, false) => SignedDuration::from_hours(6),
    }
}

/// A time that is not ahead of the clock.
fn past(at: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    at.filter(|at| *at <= now)
}

/// The last moment at which a nightly run was due.
fn last_night(now: Timestamp, timetable: &Timetable, is_folder: bool) -> Timestamp {
    nights(now, timetable, is_folder).filter(|at| *at <= now).max().unwrap_or(Timestamp::MIN)
}

fn next_night(now: Timestamp, timetable: &Timetable, is_folder: bool) -> Timestamp {
    nights(now, timetable, is_folder).filter(|at| *at > now).min().unwrap_or(now)
}

/// The nights around a moment; where the clocks change, the time that there is none of counts as the one after it.
fn nights(now: Timestamp, timetable: &Timetable, is_folder: bool) -> impl Iterator<Item = Timestamp> {
    let jitter = if is_folder { SignedDuration::ZERO } else { timetable.jitter };
    let today = now.to_zoned(timetable.zone.clone()).date();
    let (zone, at) = (timetable.zone.clone(), timetable.nightly_at);
    (-2..=2_i64).filter_map(move |days| {
        let day = today.checked_add(SignedDuration::from_hours(24 * days)).ok()?;
        day.to_datetime(at).to_zoned(zone.clone()).ok()?.timestamp().checked_add(jitter).ok()
    })
}

/// Of each hub its own, so that not all come at once.
fn jitter(hub_id: &[u8], minutes: u32) -> SignedDuration {
    let hash = blake3::hash(hub_id);
    let [a, b, c, d, ..] = *hash.as_bytes();
    let seconds = u64::from(minutes) * 60;
    let share = u64::from(u32::from_be_bytes([a, b, c, d]));
    SignedDuration::from_secs(i64::try_from((share * seconds) >> 32).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use dreamseed_wire::delivery::RecordPlace;
    use proptest::prelude::*;

    use super::*;
    use crate::backup::job::ReadBack;

    fn at(time: &str) -> Timestamp {
        time.parse().expect("a time")
    }

    fn seoul() -> Timetable {
        Timetable {
            nightly_at: jiff::civil::time(3, 15, 0, 0),
            jitter: SignedDuration::from_mins(20),
            hourly: true,
            zone: TimeZone::get("Asia/Seoul").expect("a zone"),
        }
    }

    /// All is well and was done at this time.
    fn done(is_folder: bool, when: Timestamp) -> Standing {
        let row = TargetRow {
            name: "t".into(),
            last_try_at: Some(when),
            last_backup_at: Some(when),
            last_restored_at: Some(when),
            restore_ms: Some(5_000),
            tidied_at: Some(when),
            ..TargetRow::default()
        };
        Standing { is_folder, row, ledgers: None }
    }

    fn one(now: Timestamp, target: &Standing) -> Option<JobTarget> {
        due(now, &seoul(), std::slice::from_ref(target)).pop()
    }

    #[test]
    fn folders_run_each_hour_and_clouds_each_night() {
        // 09:00 in Seoul.
        let nine = at("2026-11-23T00:00:00Z");
        let minutes = |count| nine + SignedDuration::from_mins(count);
        assert_eq!(one(minutes(59), &done(true, nine)), None);
        let hourly = one(minutes(60), &done(true, nine)).expect("due");
        assert!(hourly.back_up && hourly.read_back && !hourly.tidy, "{hourly:?}");
        // Until 03:35 of the next morning nothing; the night's jitter is 20 minutes.
        assert_eq!(one(at("2026-11-23T18:34:59Z"), &done(false, nine)), None);
        let nightly = one(at("2026-11-23T18:35:00Z"), &done(false, nine)).expect("due");
        assert!(nightly.back_up && nightly.read_back && nightly.tidy, "{nightly:?}");
        let slow = |mut target: Standing| {
            target.row.restore_ms = Some(90_000);
            target
        };
        let hourly = one(minutes(60), &slow(done(true, nine))).expect("due");
        assert!(hourly.back_up && !hourly.read_back, "a slow restore waits for the night");
        assert!(one(at("2026-11-23T18:15:00Z"), &slow(done(true, nine))).expect("due").read_back);
        assert_eq!(next_at(nine, &seoul(), &done(true, nine)), minutes(60));
        assert_eq!(next_at(nine, &seoul(), &done(false, nine)), at("2026-11-23T18:35:00Z"));
    }

    #[test]
    fn what_was_missed_is_made_up_for() {
        let friday = at("2026-11-20T06:00:00Z");
        let monday = at("2026-11-22T23:40:00Z");
        assert!(
            one(monday, &done(false, friday)).is_some_and(|due| due.back_up),
            "off at night and at the weekend"
        );
        let new =
            Standing { row: TargetRow { name: "t".into(), ..TargetRow::default() }, ..done(false, monday) };
        assert!(one(monday, &new).is_some_and(|due| due.back_up && due.read_back), "new");
    }

    #[test]
    fn a_place_in_trouble_is_asked_again_after_a_pause() {
        use BackupTroubleCode::{Damaged, Full, Gone, TwoHubs, Unreachable};
        let now = at("2026-11-23T00:00:00Z");
        for (code, is_folder, pause) in [
            (Gone, true, 10),
            (Unreachable, false, 30),
            (Full, true, 60),
            (Damaged, false, 360),
            (TwoHubs, true, 0),
        ] {
            let mut target = done(is_folder, at("2026-11-20T00:00:00Z"));
            target.row.last_try_at = Some(now);
            target.row.trouble = Some((code, now));
            let before = now + SignedDuration::from_mins(pause) - SignedDuration::from_secs(1);
            assert_eq!(one(before, &target).is_none(), pause > 0, "{code:?}");
            assert!(one(now + SignedDuration::from_mins(pause), &target).is_some(), "{code:?}");
        }
    }

    #[test]
    fn changed_ledgers_go_by_themselves() {
        let now = at("2026-11-23T00:00:00Z");
        let mut target = done(false, now);
        target.ledgers = Some([1; 32]);
        let due = one(now, &target).expect("due");
        assert!(due.ledgers && !due.back_up && !due.read_back, "{due:?}");
        target.row.ledgers_sum = Some([1; 32]);
        assert_eq!(one(now, &target), None);
    }

    #[test]
    fn what_only_a_reading_can_clear_stays_until_then() {
        let now = at("2026-11-23T00:00:00Z");
        let before = |code| TargetRow { trouble: Some((code, now)), ..TargetRow::default() };
        let later = now + HOUR;
        let fine = Outcome::default();
        let read = ReadBack {
            place: RecordPlace { epoch_id: dreamseed_wire::ids::EpochId::new(), hub_seq: 3 },
            is_just_sent: true,
            answers: 3,
            taken_at: now,
            milliseconds: 10,
        };
        let read = Outcome { read_back: Some(read), other_device: true, ..Outcome::default() };
        assert_eq!(after(before(BackupTroubleCode::Gone), &fine, later).trouble, None);
        assert!(after(before(BackupTroubleCode::Damaged), &fine, later).trouble.is_some());
        assert_eq!(after(before(BackupTroubleCode::Damaged), &read, later).trouble, None);
        assert!(
            after(before(BackupTroubleCode::Database), &read, later).trouble.is_some(),
            "not by an older one"
        );
        let again = Outcome { trouble: Some(BackupTroubleCode::Gone), ..Outcome::default() };
        let since = after(before(BackupTroubleCode::Gone), &again, later).trouble.map(|(_, since)| since);
        assert_eq!(since, Some(now), "the same trouble goes on");
        assert_eq!(
            after(before(BackupTroubleCode::Full), &again, later).trouble.map(|(_, since)| since),
            Some(later)
        );
        assert!(verified_by(&read).is_some());
        assert_eq!(
            verified_by(&Outcome { other_device: false, ..read }),
            None,
            "the same disk is no second place"
        );
    }

    #[test]
    fn hubs_do_not_all_come_at_once() {
        let of = |hub: u8| jitter(&[hub; 16], 60).as_secs();
        let spread: BTreeSet<i64> = (0..100).map(of).collect();
        assert!(spread.len() > 90 && spread.iter().all(|secs| (0..3_600).contains(secs)));
        assert_eq!(of(1), of(1));
        assert_eq!(jitter(&[1; 16], 0), SignedDuration::ZERO);
    }

    proptest! {
        /// Whatever the clock and the zone: a target that was never backed up is due, one that was just done is not, and one
        /// that was done a day and a summer time ago is.
        #[test]
        fn any_clock_leads_to_a_backup(
            seconds in 0_i64..4_102_444_800,
            zone in prop::sample::select(vec!["Asia/Seoul", "UTC", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"]),
            hour in 0_i8..24,
            is_folder: bool,
        ) {
            let now = Timestamp::from_second(seconds).expect("a time");
            let table = Timetable {
                nightly_at: jiff::civil::time(hour, 30, 0, 0),
                zone: TimeZone::get(zone).expect("a zone"),
                ..seoul()
            };
            let one = |target: Standing| due(now, &table, &[target]).pop();
            let new = Standing { row: TargetRow::default(), ..done(is_folder, now) };
            prop_assert!(one(new).is_some());
            prop_assert_eq!(one(done(is_folder, now)), None);
            prop_assert!(one(done(is_folder, now - SignedDuration::from_hours(26))).is_some());
            // Written by a clock that was ahead.
            prop_assert!(one(done(is_folder, now + HOUR)).is_some());
            let next = next_at(now, &table, &done(is_folder, now));
            prop_assert!(next > now && next.duration_since(now) <= SignedDuration::from_hours(26));
        }
    }
}
