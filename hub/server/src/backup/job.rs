//! One run of the backup, in a process of its own (`dreamseed-hub backup-job`): the copy is made and checked, and then each
//! target by itself gets it, is read back, and is tidied. What fails at one target is that target's affair.
//!
//! The job comes as one line of JSON on standard input, what happens goes out as lines of JSON. The process has the lowest
//! priority, may be killed at any time, and ends by itself when its standard input ends, so that it never outlives the hub.

use std::{
    fs,
    io::{self, BufRead, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use dreamseed_sync::{ClockTrust, Keep, Limits, NewSnapshot, Repository, SnapshotInfo};
use dreamseed_wire::{
    backup::{BackupProgress, BackupStep, BackupTroubleCode},
    delivery::RecordPlace,
    ids::EpochId,
};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    BackupError, files,
    manifest::{DATABASE, Manifest},
    password::{self, Password},
    snapshot::{self, Meta},
    targets::{Target, Targets},
    trouble, verify,
};
use crate::store::{StoreError, snapshots};

/// Longest line of a job: the names of ten targets.
const JOB_BYTES_MAX: u64 = 1 << 20;
/// Between two lines about the same step.
const TELL_EVERY: Duration = Duration::from_millis(250);
/// How far back a snapshot of another machine is one of a machine that works now.
const RECENT: SignedDuration = SignedDuration::from_hours(49);
/// The tag of a copy of a database that does not fit: it is better than none, but no backup.
pub const UNFIT: &str = "unfit";
/// Tag of copies with rows that were damaged in the hub's own database: restored if there is no newer one.
pub const FAULTY: &str = "faults";
/// Small snapshots of ledgers that are kept.
const LEDGERS_KEPT: u32 = 50;

/// What a run shall do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    pub data: PathBuf,
    /// A folder for this run alone; removed before and after.
    pub scratch: PathBuf,
    pub config_file: Option<PathBuf>,
    pub instance_id: Uuid,
    /// The hub's clock.
    pub now: Timestamp,
    /// The last time that the hub believed its clock; [`Timestamp::MIN`] if it does not now, and nothing is removed.
    pub believed_at: Timestamp,
    /// To the cloud; 0 for as fast as it goes.
    pub upload_kib_per_s: u32,
    pub keep_days: u32,
    pub at_least: u32,
    pub targets: Vec<JobTarget>,
}

/// What one target gets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobTarget {
    pub name: String,
    /// Of the repository that was there at the last success.
    pub repository_id: Option<String>,
    /// A whole snapshot.
    pub back_up: bool,
    /// Restore the newest snapshot to the scratch folder and check it.
    pub read_back: bool,
    /// Remove what is too old.
    pub tidy: bool,
    /// The ledgers alone, if no whole snapshot goes.
    pub ledgers: bool,
}

/// A line of what happens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    Progress(BackupProgress),
    /// The copy was made and is whole.
    Copied {
        place: RecordPlace,
        answers: u64,
        bytes: u64,
        seconds: f64,
    },
    /// This target is done.
    Target(Box<Outcome>),
    /// Nothing could be sent anywhere.
    Failed {
        trouble: BackupTroubleCode,
        cause: String,
    },
}

/// How a target came out of a run; what is absent was not done.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub name: String,
    pub repository_id: Option<String>,
    pub other_device: bool,
    pub sent: Option<Sent>,
    pub read_back: Option<ReadBack>,
    /// Whole snapshots that lie there.
    pub snapshots: Option<u32>,
    pub tidied: bool,
    /// The ledgers as they were sent.
    pub ledgers_sum: Option<[u8; 32]>,
    pub trouble: Option<BackupTroubleCode>,
    /// The furthest end of the record, in its current epoch, that this very run of the hub has sent there before, if the hub
    /// does not reach so far now: its data was put back.
    #[serde(default)]
    pub ahead: Option<RecordPlace>,
    /// For the log: no secrets, no people.
    pub cause: Option<String>,
}

/// A whole snapshot was sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sent {
    pub place: RecordPlace,
    /// Bytes that crossed the line.
    pub bytes: u64,
    pub seconds: f64,
}

/// A snapshot was restored and is whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReadBack {
    pub place: RecordPlace,
    /// It is the one that this run has sent, file by file.
    pub is_just_sent: bool,
    pub answers: u64,
    pub taken_at: Timestamp,
    pub milliseconds: u32,
}

/// The process: reads the job, runs it, tells. For `main`, outside any runtime, with the log on standard error.
pub fn run_child() -> ExitCode {
    step_back();
    let mut line = String::new();
    let mut input = io::BufReader::new(io::stdin());
    if let Err(err) = input.by_ref().take(JOB_BYTES_MAX).read_line(&mut line) {
        tracing::error!(error = %err, "the backup's process got no job");
        return ExitCode::from(2);
    }
    let job: Job = match serde_json::from_str(&line) {
        Ok(job) => job,
        Err(err) => {
            tracing::error!(error = %err, "the backup's process does not understand its job");
            return ExitCode::from(2);
        }
    };
    std::thread::spawn(move || {
        // Until the hub closes it, or is gone: a backup may end at any point.
        let _ = io::copy(&mut input, &mut io::sink());
        std::process::exit(3);
    });
    let tell = |event: &Event| {
        let Ok(mut line) = serde_json::to_vec(event) else { return };
        line.push(b'\n');
        let mut out = io::stdout().lock();
        let _ = out.write_all(&line).and_then(|()| out.flush());
    };
    if run(&job, &tell) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs a job in this process and tells what happens; whether every target came out of it without trouble. Blocks.
pub fn run(job: &Job, tell: &(dyn Fn(&Event) + Sync)) -> bool {
    clear(&job.scratch);
    let run = Run::prepare(job, tell);
    let done = run.and_then(|run| run.all());
    clear(&job.scratch);
    match done {
        Ok(is_fine) => is_fine,
        Err(RunError { trouble, cause }) => {
            tell(&Event::Failed { trouble, cause });
            false
        }
    }
}

/// Why nothing could be sent anywhere, or not to one target.
#[derive(Debug)]
struct RunError {
    trouble: BackupTroubleCode,
    cause: String,
}

impl From<BackupError> for RunError {
    fn from(err: BackupError) -> Self {
        let trouble = match &err {
            BackupError::Unfit(_) | BackupError::Store(StoreError::Damaged(_)) => BackupTroubleCode::Database,
            BackupError::NoRoom { .. }
            | BackupError::Io { .. }
            | BackupError::Store(_)
            | BackupError::Targets(_)
            | BackupError::UnknownTarget { .. }
            | BackupError::NoTarget => BackupTroubleCode::Failed,
        };
        RunError { trouble, cause: chain(&err) }
    }
}

impl From<dreamseed_sync::SyncError> for RunError {
    fn from(err: dreamseed_sync::SyncError) -> Self {
        RunError { trouble: trouble::code_of(&err), cause: chain(&err) }
    }
}

struct Run<'a> {
    job: &'a Job,
    tell: &'a (dyn Fn(&Event) + Sync),
    password: Password,
    targets: Targets,
    begun: Instant,
}

/// What the hub is at the moment of the copy.
struct Made {
    manifest: Manifest,
    lineage: Vec<EpochId>,
    ledgers_sum: Option<[u8; 32]>,
}

impl Made {
    /// What is damaged in the hub's own database, and so in this copy.
    fn damage(&self) -> Option<&str> {
        self.manifest.unfit.as_deref().or(self.manifest.faults.as_deref())
    }
}

impl<'a> Run<'a> {
    fn prepare(job: &'a Job, tell: &'a (dyn Fn(&Event) + Sync)) -> Result<Self, RunError> {
        let failed = |cause: String| RunError { trouble: BackupTroubleCode::Failed, cause };
        let password = password::read(&job.data).map_err(|err| failed(chain(&err)))?;
        let password = password.ok_or_else(|| failed("there is no password of the backups".into()))?;
        let targets = Targets::load(&job.data).map_err(|err| failed(chain(&err)))?;
        Ok(Run { job, tell, password, targets, begun: Instant::now() })
    }

    /// All targets get the copy before the first is read back: it is gone by then, so that the disk holds one at a time.
    fn all(&self) -> Result<bool, RunError> {
        let job = self.job;
        let wanted = |what: fn(&JobTarget) -> bool| job.targets.iter().any(what);
        let (copy, ledgers) = (job.scratch.join("copy"), job.scratch.join("ledgers"));
        let made = if wanted(|target| target.back_up) { Some(self.make(&copy)?) } else { None };
        let ledgers_sum = snapshot::sum_ledgers(&job.data);
        let has_ledgers = wanted(|target| target.ledgers) && snapshot::make_ledgers(&job.data, &ledgers)?;
        let mut outcomes = Vec::new();
        for wanted in &job.targets {
            let mut outcome = Outcome { name: wanted.name.clone(), ..Outcome::default() };
            let done = self.send(wanted, made.as_ref(), (&copy, &ledgers, has_ledgers), &mut outcome);
            if wanted.ledgers && outcome.ledgers_sum.is_none() && done.is_ok() {
                outcome.ledgers_sum = ledgers_sum;
            }
            outcomes.push((wanted, outcome, done));
        }
        clear(&copy);
        clear(&ledgers);
        let mut is_fine = true;
        for (wanted, mut outcome, sent) in outcomes {
            let done = sent.and_then(|open| match open {
                Some(open) => self.read_and_tidy(wanted, made.as_ref(), &open, &mut outcome),
                None => Ok(()),
            });
            if let Err(err) = done {
                outcome.trouble = Some(err.trouble);
                outcome.cause = Some(err.cause);
            }
            is_fine &= outcome.trouble.is_none();
            (self.tell)(&Event::Target(Box::new(outcome)));
        }
        Ok(is_fine)
    }

    fn make(&self, copy: &Path) -> Result<Made, RunError> {
        let begun = Instant::now();
        let job = self.job;
        // One copy for all; people read it beside the first that gets it.
        let first = job.targets.iter().find(|target| target.back_up);
        self.step(first.map_or("", |target| target.name.as_str()), BackupStep::Copying, 0, None);
        let meta =
            Meta { instance_id: job.instance_id, taken_at: self.now(), config_file: job.config_file.clone() };
        // Before the copy: what comes in between is sent again rather than missed.
        let ledgers_sum = snapshot::sum_ledgers(&job.data);
        let manifest = snapshot::make(&job.data, copy, &meta)?;
        let conn = snapshots::open(&copy.join(DATABASE)).map_err(BackupError::from)?;
        let lineage = snapshots::lineage(&conn).map_err(BackupError::from)?;
        (self.tell)(&Event::Copied {
            place: manifest.place(),
            answers: manifest.answers(),
            bytes: manifest.bytes(),
            seconds: begun.elapsed().as_secs_f64(),
        });
        Ok(Made { manifest, lineage, ledgers_sum })
    }

    /// Sends what is wanted; the open repository, with the snapshot that was sent.
    fn send(
        &self,
        wanted: &JobTarget,
        made: Option<&Made>,
        (copy, ledgers, has_ledgers): (&Path, &Path, bool),
        outcome: &mut Outcome,
    ) -> Result<Option<Open>, RunError> {
        let Some(target) = self.targets.get(&wanted.name) else {
            // Removed while the job began.
            return Ok(None);
        };
        let place = target.to_sync();
        outcome.other_device = dreamseed_sync::is_other_device(&self.job.data, &place.place).unwrap_or(false);
        let (repository, before, identity) = self.open(target, wanted, made)?;
        outcome.repository_id = Some(repository.id());
        outcome.ahead = own_ahead(&before, &identity);
        let is_two = is_two_hubs(&before, &identity);
        if is_two {
            outcome.trouble = Some(BackupTroubleCode::TwoHubs);
            outcome.cause = Some("another machine with this hub's identity writes there".into());
        }
        let tags = |more: Vec<String>| {
            let mut tags =
                vec![format!("instance/{}", identity.instance), format!("epoch/{}", identity.epoch.0)];
            tags.extend(more);
            tags
        };
        let new = |tags| NewSnapshot { host: identity.host.clone(), tags, time: self.now() };
        let mut sent = None;
        if let (true, Some(made)) = (wanted.back_up, made) {
            let begun = Instant::now();
            let place = format!("seq/{}", made.manifest.max_hub_seq);
            let number = format!("{}{}", super::restore::EPOCH_NUMBER, made.manifest.epoch);
            let unfit = made.manifest.unfit.as_ref().map(|_| UNFIT.to_owned());
            let faults = made.manifest.faults.as_ref().map(|_| FAULTY.to_owned());
            let new = new(tags([place, number].into_iter().chain(unfit).chain(faults).collect()));
            let teller = Teller::new(self, &wanted.name, BackupStep::Sending);
            let info =
                repository.back_up(copy, &new, &|progress| teller.tell(progress.done, progress.total))?;
            outcome.ledgers_sum = made.ledgers_sum;
            if let Some(what) = made.damage() {
                outcome.trouble = Some(BackupTroubleCode::Database);
                outcome.cause = Some(format!("a copy was sent that does not fit: {what}"));
            } else {
                outcome.sent = Some(Sent {
                    place: made.manifest.place(),
                    bytes: info.bytes_sent,
                    seconds: begun.elapsed().as_secs_f64(),
                });
                sent = Some(info.id);
            }
        } else if wanted.ledgers && has_ledgers {
            let new = new(tags(vec![dreamseed_sync::LEDGER_TAG.to_owned()]));
            repository.back_up(ledgers, &new, &|_| ())?;
        }
        // A sound copy is worth more than a newer one that does not fit.
        let keeps_all = is_two || outcome.ahead.is_some() || made.is_some_and(|made| made.damage().is_some());
        Ok(Some(Open { repository, sent, identity, keeps_all }))
    }

    /// Opens a target's repository and sees whose it is.
    fn open(
        &self,
        target: &Target,
        wanted: &JobTarget,
        made: Option<&Made>,
    ) -> Result<(Repository, Vec<SnapshotInfo>, Identity), RunError> {
        let (to, limits) = (target.to_sync(), self.limits(target));
        let password = dreamseed_sync::Password::new(self.password.as_str());
        let (cache, expected) = (files::cache(&self.job.data), wanted.repository_id.as_deref());
        let repository = if wanted.back_up || wanted.ledgers {
            Repository::open_or_init(&to, &limits, &password, &cache, expected)?
        } else {
            Repository::open(&to, &limits, &password, &cache, expected)?
        };
        let identity = match made {
            Some(made) => Identity {
                host: made.manifest.hub_id.to_string(),
                instance: self.job.instance_id.to_string(),
                epoch: made.manifest.epoch_id,
                lineage: made.lineage.clone(),
                max_hub_seq: made.manifest.max_hub_seq,
            },
            None => self.identity()?,
        };
        let before = repository.snapshots()?;
        if before.iter().any(|snapshot| snapshot.host != identity.host) {
            let cause = "the repository holds snapshots of another hub".to_owned();
            return Err(RunError { trouble: BackupTroubleCode::OtherSchool, cause });
        }
        Ok((repository, before, identity))
    }

    /// From the live database, where no copy is made.
    fn identity(&self) -> Result<Identity, RunError> {
        let database = crate::store::database_path(&self.job.data);
        let read = || {
            let conn = crate::store::inspection::open_for_reading(&database)?;
            let (hub_id, _, _, epoch) = snapshots::identity(&conn)?;
            Ok::<_, StoreError>(Identity {
                host: hub_id.to_string(),
                instance: self.job.instance_id.to_string(),
                epoch,
                lineage: snapshots::lineage(&conn)?,
                max_hub_seq: crate::store::hub_meta::last_seq(&conn)?,
            })
        };
        Ok(read().map_err(BackupError::from)?)
    }

    fn read_and_tidy(
        &self,
        wanted: &JobTarget,
        made: Option<&Made>,
        open: &Open,
        outcome: &mut Outcome,
    ) -> Result<(), RunError> {
        // A copy that does not fit is known not to; what was sent before it was read back then.
        let is_fit = made.is_none_or(|made| made.damage().is_none());
        if wanted.read_back && is_fit {
            outcome.read_back = Some(self.read_back(wanted, made, open)?);
        }
        if wanted.tidy && !open.keeps_all {
            self.step(&wanted.name, BackupStep::Tidying, 0, None);
            let keep = Keep { days: self.job.keep_days, at_least: self.job.at_least, ledgers: LEDGERS_KEPT };
            let clock = ClockTrust { now: self.now(), last_good: self.job.believed_at };
            let tidied = open.repository.tidy(&keep, clock)?;
            outcome.tidied = tidied.skipped.is_none();
            if let Some(why) = tidied.skipped {
                outcome.trouble = Some(BackupTroubleCode::Clock);
                outcome.cause = Some(format!("nothing old was removed: {why:?}"));
            }
        }
        let whole = open.repository.snapshots()?.iter().filter(|snapshot| !is_ledger(snapshot)).count();
        outcome.snapshots = Some(u32::try_from(whole).unwrap_or(u32::MAX));
        Ok(())
    }

    fn read_back(&self, wanted: &JobTarget, made: Option<&Made>, open: &Open) -> Result<ReadBack, RunError> {
        let id = match &open.sent {
            Some(id) => id.clone(),
            None => {
                let there = open.repository.snapshots()?;
                let newest = there.into_iter().rfind(|snapshot| !is_ledger(snapshot) && !is_unfit(snapshot));
                let newest = newest.ok_or_else(|| RunError {
                    trouble: BackupTroubleCode::Failed,
                    cause: "no snapshot is there yet".into(),
                })?;
                newest.id
            }
        };
        let folder = self.job.scratch.join("read");
        clear(&folder);
        let begun = Instant::now();
        let teller = Teller::new(self, &wanted.name, BackupStep::ReadingBack);
        let room = made.map_or(0, |made| made.manifest.bytes());
        self.check_room(room)?;
        let restored =
            open.repository.restore(&id, &folder, &|progress| teller.tell(progress.done, progress.total));
        if let Err(dreamseed_sync::SyncError::Damaged { .. }) = restored
            // Notes what is damaged, so that the next run sends it again.
            && let Err(err) = open.repository.check_snapshot(&id)
        {
            tracing::warn!(target = wanted.name, error = %err, "a backup that was read back is damaged");
        }
        restored?;
        self.step(&wanted.name, BackupStep::Verifying, 0, None);
        let damaged = |cause: String| RunError { trouble: BackupTroubleCode::Damaged, cause };
        let verified = verify::verify(&folder).map_err(|unfit| damaged(chain(&unfit)))?;
        let is_just_sent = open.sent.is_some();
        if is_just_sent && made.is_some_and(|made| made.manifest != verified.manifest) {
            return Err(damaged("what was read back is not what was sent".into()));
        }
        if verified.manifest.hub_id.to_string() != open.identity.host {
            return Err(damaged("what was read back is of another hub".into()));
        }
        let milliseconds = u32::try_from(begun.elapsed().as_millis()).unwrap_or(u32::MAX);
        clear(&folder);
        Ok(ReadBack {
            place: verified.manifest.place(),
            is_just_sent,
            answers: verified.answers,
            taken_at: verified.manifest.taken_at,
            milliseconds,
        })
    }

    fn check_room(&self, bytes: u64) -> Result<(), RunError> {
        let needs = bytes + snapshot::MARGIN;
        match crate::doctor::disk_space(&self.job.scratch) {
            Some(space) if space.free_bytes < needs => {
                let (needs, free) = (needs / 1_000_000, space.free_bytes / 1_000_000);
                Err(BackupError::NoRoom { needs, free }.into())
            }
            Some(_) | None => Ok(()),
        }
    }

    fn limits(&self, target: &Target) -> Limits {
        let bytes = u64::from(self.job.upload_kib_per_s) * 1024;
        let upload_bytes_per_s = (!target.is_folder() && bytes > 0).then_some(bytes);
        Limits { upload_bytes_per_s, ..Limits::default() }
    }

    /// The hub's clock, as it has gone on since.
    fn now(&self) -> Timestamp {
        self.job.now.checked_add(self.begun.elapsed()).unwrap_or(self.job.now)
    }

    fn step(&self, target: &str, step: BackupStep, done: u64, total: Option<u64>) {
        (self.tell)(&Event::Progress(BackupProgress { target: target.to_owned(), step, done, total }));
    }
}

/// An open repository, with what this run has sent there.
struct Open {
    repository: Repository,
    sent: Option<String>,
    identity: Identity,
    /// Nothing old may be removed.
    keeps_all: bool,
}

/// Who we are to a repository.
#[derive(Debug, Clone)]
struct Identity {
    host: String,
    instance: String,
    epoch: EpochId,
    /// The epochs that led here, the current one among them.
    lineage: Vec<EpochId>,
    max_hub_seq: i64,
}

/// Tells how a step goes, not more often than people can see.
struct Teller<'a> {
    run: &'a Run<'a>,
    target: &'a str,
    step: BackupStep,
    last: Mutex<Instant>,
}

impl<'a> Teller<'a> {
    fn new(run: &'a Run<'a>, target: &'a str, step: BackupStep) -> Self {
        run.step(target, step, 0, None);
        Teller { run, target, step, last: Mutex::new(Instant::now()) }
    }

    fn tell(&self, done: u64, total: Option<u64>) {
        let mut last = self.last.lock();
        if last.elapsed() >= TELL_EVERY {
            *last = Instant::now();
            self.run.step(self.target, self.step, done, total);
        }
    }
}

/// Whether another machine with this hub's identity works now: it has lately backed up what cannot have led to us, or after
/// we had begun here, or as us; for that see [`own_ahead`].
fn is_two_hubs(there: &[SnapshotInfo], us: &Identity) -> bool {
    let whole = || there.iter().filter(|snapshot| !is_ledger(snapshot));
    let Some(newest) = whole().map(|snapshot| snapshot.time).max() else { return false };
    let ours = |snapshot: &SnapshotInfo| tag(snapshot, "instance/") == Some(us.instance.as_str());
    let begun = whole().filter(|snapshot| ours(snapshot)).map(|snapshot| snapshot.time).min();
    let epoch_of = |snapshot| tag(snapshot, "epoch/").and_then(|id| id.parse().ok()).map(EpochId);
    let current = whole().filter(|snapshot| ours(snapshot) && epoch_of(snapshot) == Some(us.epoch));
    let epoch_begun = current.map(|snapshot| snapshot.time).min();
    whole().filter(|snapshot| newest.duration_since(snapshot.time) <= RECENT).any(|snapshot| {
        let epoch = epoch_of(snapshot);
        if ours(snapshot) {
            // A copy of this machine's disk goes on in an epoch that is over here.
            return epoch.is_some_and(|epoch| !us.lineage.contains(&epoch))
                || (epoch != Some(us.epoch) && epoch_begun.is_some_and(|begun| snapshot.time > begun));
        }
        epoch.is_some_and(|epoch| !us.lineage.contains(&epoch))
            || begun.is_some_and(|begun| snapshot.time > begun)
    })
}

/// The furthest end of the record that was sent as us in our epoch, if we do not reach so far: our data was put back, or a copy
/// of this machine's disk works elsewhere.
fn own_ahead(there: &[SnapshotInfo], us: &Identity) -> Option<RecordPlace> {
    let epoch = us.epoch.0.to_string();
    let is_ours = |snapshot: &&SnapshotInfo| {
        tag(snapshot, "instance/") == Some(us.instance.as_str()) && tag(snapshot, "epoch/") == Some(&epoch)
    };
    let seqs = there.iter().filter(is_ours).filter_map(|snapshot| tag(snapshot, "seq/")?.parse::<i64>().ok());
    let hub_seq = seqs.max().filter(|seq| *seq > us.max_hub_seq)?;
    Some(RecordPlace { epoch_id: us.epoch, hub_seq })
}

fn tag<'s>(snapshot: &'s SnapshotInfo, prefix: &str) -> Option<&'s str> {
    snapshot.tags.iter().find_map(|tag| tag.strip_prefix(prefix))
}

fn is_ledger(snapshot: &SnapshotInfo) -> bool {
    snapshot.tags.iter().any(|tag| tag == dreamseed_sync::LEDGER_TAG)
}

fn is_unfit(snapshot: &SnapshotInfo) -> bool {
    snapshot.tags.iter().any(|tag| tag == UNFIT || tag == FAULTY)
}

fn clear(folder: &Path) {
    match fs::remove_dir_all(folder) {
        Ok(()) => {}
        Err(err) if err.kind() == io::ErrorKind::NotFound => {}
        Err(err) => tracing::warn!(error = %err, "a scratch folder of the backup could not be removed"),
    }
}

fn chain(err: &dyn std::error::Error) -> String {
    let mut text = err.to_string();
    let mut next = err.source();
    while let Some(err) = next {
        text = format!("{text}: {err}");
        next = err.source();
    }
    text
}

/// The lowest priority for the processor and the disk: a lesson never waits for a backup.
#[cfg(unix)]
fn step_back() {
    if let Err(err) = rustix::process::setpriority_process(None, 19) {
        tracing::warn!(error = %err, "the backup keeps the usual priority");
    }
    // Niceness alone lets a thread that computes finish its turn of some milliseconds while an answer waits for the
    // processor; idle, it gives way at once. Both programs are of util-linux; where they are not there, niceness must do.
    let id = std::process::id().to_string();
    for (program, words) in
        [("chrt", ["--all-tasks", "--idle", "--pid", "0"].as_slice()), ("ionice", &["-c", "3", "-p"])]
    {
        let mut command = std::process::Command::new(program);
        let _ = command
            .args(words)
            .arg(&id)
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .status();
    }
}

#[cfg(not(unix))]
fn step_back() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_machine_that_works_now_is_found() {
        let (us, other) = (Uuid::now_v7(), Uuid::now_v7());
        let [first, second, foreign] = [EpochId::new(), EpochId::new(), EpochId::new()];
        let identity = Identity {
            host: "hub".into(),
            instance: us.to_string(),
            epoch: second,
            lineage: vec![second, first],
            max_hub_seq: 100,
        };
        let start: Timestamp = "2026-11-23T00:00:00Z".parse().expect("a time");
        let snapshot = |hours: i64, by: Uuid, epoch: EpochId, more: &str| SnapshotInfo {
            id: String::new(),
            time: start + SignedDuration::from_hours(hours),
            host: "hub".into(),
            tags: vec![format!("instance/{by}"), format!("epoch/{}", epoch.0), more.to_owned()],
            files: 1,
            bytes: 1,
            bytes_sent: 1,
        };
        let check = |expected: bool, why: &str, there: &[SnapshotInfo]| {
            assert_eq!(is_two_hubs(there, &identity), expected, "{why}");
        };
        check(false, "nothing there", &[]);
        check(false, "the hub before its restore", &[snapshot(0, other, first, "seq/90")]);
        check(
            false,
            "and we after it",
            &[snapshot(0, other, first, "seq/90"), snapshot(1, us, second, "seq/95")],
        );
        check(
            true,
            "the hub that was replaced still works",
            &[snapshot(0, us, second, "seq/95"), snapshot(1, other, first, "seq/99")],
        );
        check(true, "one that was restored elsewhere", &[snapshot(0, other, foreign, "seq/90")]);
        check(
            false,
            "one that was switched off",
            &[snapshot(0, other, foreign, "seq/90"), snapshot(60, us, second, "seq/95")],
        );
        let mut ahead = vec![snapshot(0, us, second, "seq/95"), snapshot(1, us, second, "seq/101")];
        let place = RecordPlace { epoch_id: second, hub_seq: 101 };
        assert_eq!(own_ahead(&ahead, &identity), Some(place), "put back, or a copy of this machine's disk");
        ahead[1] = snapshot(1, us, first, "seq/101");
        ahead.push(snapshot(2, other, second, "seq/101"));
        assert_eq!(own_ahead(&ahead, &identity), None, "of another epoch, of another machine");
        check(
            true,
            "a copy of this machine's disk goes on in the epoch before",
            &[snapshot(0, us, second, "seq/95"), snapshot(1, us, first, "seq/99")],
        );
        check(false, "ledgers do not count", &[snapshot(0, other, foreign, dreamseed_sync::LEDGER_TAG)]);
    }

    #[test]
    fn a_line_of_the_job_is_read_back() {
        let job = Job {
            data: "/data".into(),
            scratch: "/scratch".into(),
            config_file: None,
            instance_id: Uuid::now_v7(),
            now: Timestamp::UNIX_EPOCH,
            believed_at: Timestamp::UNIX_EPOCH,
            upload_kib_per_s: 512,
            keep_days: 30,
            at_least: 7,
            targets: vec![JobTarget { name: "usb".into(), back_up: true, ..JobTarget::default() }],
        };
        let line = serde_json::to_string(&job).expect("JSON");
        assert!(!line.contains('\n'));
        let read: Job = serde_json::from_str(&line).expect("a job");
        assert_eq!(read.targets, job.targets);
        let event = Event::Target(Box::new(Outcome {
            name: "usb".into(),
            ledgers_sum: Some([7; 32]),
            trouble: Some(BackupTroubleCode::Gone),
            ..Outcome::default()
        }));
        let line = serde_json::to_string(&event).expect("JSON");
        assert_eq!(serde_json::from_str::<Event>(&line).expect("an event"), event);
    }
}
