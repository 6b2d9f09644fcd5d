//! The figures that the hub tells Prometheus: every name, with its unit and what it means, stands here once.
//! `docs/metrics.md` is this table; a test compares them. Figures of the hub, never of a person: no label holds an id.

use std::{path::Path, sync::OnceLock, time::Duration};

use anyhow::Context;
use dreamseed_models::engine::EnginePhase;
use dreamseed_wire::{hub::ProblemCode, lesson::LessonState};
use metrics::{counter, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::{
    backup::schedule::{self, Standing},
    hub::Ctx,
    store::{self, backup_targets::VerifiedPlace},
};

/// What Prometheus does with a figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Only grows, from 0 at each start.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Cumulative buckets, with `_sum`, `_count` and `_bucket`.
    Histogram(&'static [f64]),
}

/// One figure.
#[derive(Debug)]
pub struct Metric {
    pub name: &'static str,
    pub kind: Kind,
    /// Label names, each with few values.
    pub labels: &'static [&'static str],
    pub help: &'static str,
}

const fn metric(
    name: &'static str,
    kind: Kind,
    labels: &'static [&'static str],
    help: &'static str,
) -> Metric {
    Metric { name, kind, labels, help }
}

/// Seconds of a request, around the 50 ms that the hub promises.
const REQUEST_SECONDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// Seconds of help, around the 3 s after which the authored hint comes.
const HELP_SECONDS: &[f64] = &[0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0];
/// Seconds of a commit; a fsync of a disk takes about 5 ms.
const COMMIT_SECONDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];
/// Writes that share a commit, up to the 256 of a group.
const GROUP_SIZES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

const HTTP_REQUESTS: &str = "dreamseed_http_requests_total";
const HTTP_SECONDS: &str = "dreamseed_http_request_seconds";
const HTTP_STREAMS: &str = "dreamseed_http_streams_open";
const LIMITED: &str = "dreamseed_requests_limited_total";
const PANICS: &str = "dreamseed_panics_total";
const SIGN_INS: &str = "dreamseed_sign_ins_total";
const SESSIONS: &str = "dreamseed_sessions_live";
const PRESENT: &str = "dreamseed_people_present";
const ANSWERS: &str = "dreamseed_answers_total";
const TURNS: &str = "dreamseed_feedback_turns_total";
const TURN_SECONDS: &str = "dreamseed_feedback_turn_seconds";
const FIRST_WORD: &str = "dreamseed_feedback_first_word_seconds";
const LEAKS: &str = "dreamseed_feedback_leaks_total";
const WAITING: &str = "dreamseed_feedback_waiting";
const OPEN_LOGS: &str = "dreamseed_feedback_open";
const ENGINE_READY: &str = "dreamseed_engine_ready";
const ENGINE_EXPECTED: &str = "dreamseed_engine_expected";
const ENGINE_RUNNING: &str = "dreamseed_engine_running";
const ENGINE_WAITING: &str = "dreamseed_engine_waiting";
const ENGINE_RESTARTS: &str = "dreamseed_engine_restarts";
const COMMIT: &str = "dreamseed_store_commit_seconds";
const GROUP: &str = "dreamseed_store_group_writes";
const COMMIT_FAILURES: &str = "dreamseed_store_failures_total";
const QUEUE: &str = "dreamseed_store_queue";
const WAL: &str = "dreamseed_store_wal_bytes";
const DATABASE: &str = "dreamseed_store_database_bytes";
const DISK_FREE: &str = "dreamseed_disk_free_bytes";
const DISK_TOTAL: &str = "dreamseed_disk_total_bytes";
const RESIDENT: &str = "process_resident_memory_bytes";
const OPEN_FILES: &str = "process_open_fds";
const MAX_FILES: &str = "process_max_fds";
const STARTED: &str = "dreamseed_started_seconds";
const NOW: &str = "dreamseed_clock_seconds";
const BUILD: &str = "dreamseed_build_info";
const PUPILS: &str = "dreamseed_school_pupils";
const CLASSES: &str = "dreamseed_school_classes";
const LESSONS: &str = "dreamseed_school_lessons_open";
const NOTICES: &str = "dreamseed_notices_open";
const MDNS_EXPECTED: &str = "dreamseed_mdns_expected";
const MDNS_ANNOUNCED: &str = "dreamseed_mdns_announced";
const AUDIT_OK: &str = "dreamseed_audit_chain_ok";
const AUDIT_ROWS: &str = "dreamseed_audit_rows";
const RETENTION_RUN: &str = "dreamseed_retention_last_run_seconds";
const BACKUP: &str = "dreamseed_backup_last_seconds";
const BACKUP_RUNS: &str = "dreamseed_backup_runs_total";
const BACKUP_TARGETS: &str = "dreamseed_backup_targets";
const BACKUP_FAILING: &str = "dreamseed_backup_target_failing";
const BACKUP_LATE: &str = "dreamseed_backup_target_late";
const BACKUP_BYTES: &str = "dreamseed_backup_target_sent_bytes";
const BACKUP_RESTORED: &str = "dreamseed_backup_restored_seconds";
const BACKUP_RESTORE_TOOK: &str = "dreamseed_backup_restore_duration_seconds";
const BACKUP_VERIFIED: &str = "dreamseed_backup_verified_seconds";
const BACKUP_UNVERIFIED: &str = "dreamseed_backup_unverified_rows";

/// Every figure, in the order of `docs/metrics.md`.
#[rustfmt::skip]
pub static METRICS: &[Metric] = &[
    metric(HTTP_REQUESTS, Kind::Counter, &["route", "method", "status"], "Requests that were answered, by route (`other` outside the interface) and class of status, such as `2xx`."),
    metric(HTTP_SECONDS, Kind::Histogram(REQUEST_SECONDS), &["route"], "Seconds from a request to the head of its reply; for streams that is their beginning."),
    metric(HTTP_STREAMS, Kind::Gauge, &["route"], "Streams of events that are open: live views, pupils' events, help."),
    metric(LIMITED, Kind::Counter, &["limit"], "Requests over a limit: `requests` and `api_key` were refused with 429, `help` got the authored hint at once."),
    metric(PANICS, Kind::Counter, &[], "Faults of the hub's own code that were caught."),
    metric(SIGN_INS, Kind::Counter, &["outcome"], "Sign-ins: `ok`, `wrong_secret`, `throttled` (too many wrong tries), `plain_http` (staff over an open connection), `failed` (a fault of the hub)."),
    metric(SESSIONS, Kind::Gauge, &[], "Sessions that have not ended."),
    metric(PRESENT, Kind::Gauge, &[], "People with a request in the last five minutes."),
    metric(ANSWERS, Kind::Counter, &["outcome"], "Answers that were graded and kept, by outcome."),
    metric(TURNS, Kind::Counter, &["help"], "Turns of help that ended: written by the `model`, the authored `hint`, the hint because of the pupil's `limit`, or `nothing`."),
    metric(TURN_SECONDS, Kind::Histogram(HELP_SECONDS), &[], "Seconds from asking for help to the end of its text."),
    metric(FIRST_WORD, Kind::Histogram(HELP_SECONDS), &[], "Seconds from asking for help to the model's first word."),
    metric(LEAKS, Kind::Counter, &[], "Texts of the model that were stopped because they told the answer."),
    metric(WAITING, Kind::Gauge, &[], "Turns of help that wait for their place."),
    metric(OPEN_LOGS, Kind::Gauge, &[], "Turns of help that are held in memory."),
    metric(ENGINE_EXPECTED, Kind::Gauge, &[], "1 if the settings want an AI engine."),
    metric(ENGINE_READY, Kind::Gauge, &[], "1 while the AI engine can write."),
    metric(ENGINE_RUNNING, Kind::Gauge, &[], "Texts that the engine is writing."),
    metric(ENGINE_WAITING, Kind::Gauge, &[], "Requests that wait inside the engine."),
    metric(ENGINE_RESTARTS, Kind::Gauge, &[], "How often the engine had to be started again since the hub started."),
    metric(COMMIT, Kind::Histogram(COMMIT_SECONDS), &[], "Seconds of a commit to the database, the work of its writes and the fsync included."),
    metric(GROUP, Kind::Histogram(GROUP_SIZES), &[], "Writes that shared a commit."),
    metric(COMMIT_FAILURES, Kind::Counter, &[], "Commits that failed; their writes were refused."),
    metric(QUEUE, Kind::Gauge, &[], "Writes that wait for the database's writer; 4096 is full."),
    metric(WAL, Kind::Gauge, &[], "Bytes of the write-ahead log."),
    metric(DATABASE, Kind::Gauge, &[], "Bytes of the database file."),
    metric(DISK_FREE, Kind::Gauge, &[], "Bytes that the hub may still write on the disk of its data folder."),
    metric(DISK_TOTAL, Kind::Gauge, &[], "Bytes of that disk."),
    metric(RESIDENT, Kind::Gauge, &[], "Bytes of memory that the hub's process holds, the engine excepted."),
    metric(OPEN_FILES, Kind::Gauge, &[], "Files and connections that the process holds open."),
    metric(MAX_FILES, Kind::Gauge, &[], "How many it may hold open."),
    metric(STARTED, Kind::Gauge, &[], "When the hub started, Unix seconds."),
    metric(NOW, Kind::Gauge, &[], "The hub's clock, Unix seconds: compare it with `time()` of the watcher."),
    metric(BUILD, Kind::Gauge, &["version"], "Always 1; the label is the hub's version."),
    metric(PUPILS, Kind::Gauge, &[], "Pupils who have not left."),
    metric(CLASSES, Kind::Gauge, &[], "Classes that are not archived."),
    metric(LESSONS, Kind::Gauge, &[], "Lessons that are open or paused."),
    metric(NOTICES, Kind::Gauge, &["code"], "1 while a notice for the admin is open."),
    metric(MDNS_EXPECTED, Kind::Gauge, &[], "1 if the settings want the hub announced on the network."),
    metric(MDNS_ANNOUNCED, Kind::Gauge, &[], "1 while the hub is announced on the network by name."),
    metric(AUDIT_OK, Kind::Gauge, &[], "1 if the audit log fits its own chain, 0 if it does not; absent until the first look is done."),
    metric(AUDIT_ROWS, Kind::Gauge, &[], "The number of the newest row of the audit log."),
    metric(RETENTION_RUN, Kind::Gauge, &[], "When what is past its time was last removed, Unix seconds; absent if never."),
    metric(BACKUP, Kind::Gauge, &[], "When the last good backup was made, Unix seconds; absent if there is none."),
    metric(BACKUP_RUNS, Kind::Counter, &["outcome"], "Whole backups to a target: `sent`, or `failed`."),
    metric(BACKUP_TARGETS, Kind::Gauge, &[], "Places for backups that the school has set up."),
    metric(BACKUP_FAILING, Kind::Gauge, &["target"], "1 while a place for backups is in trouble; `doctor` says which."),
    metric(BACKUP_LATE, Kind::Gauge, &["target"], "1 if the last good backup there is older than a day, for a cloud than two nights."),
    metric(BACKUP_BYTES, Kind::Gauge, &["target"], "Bytes that the last backup sent there."),
    metric(BACKUP_RESTORED, Kind::Gauge, &["target"], "When the newest backup there was last restored to a scratch folder and found whole, Unix seconds; absent if never."),
    metric(BACKUP_RESTORE_TOOK, Kind::Gauge, &["target"], "Seconds that this restore and its check took."),
    metric(BACKUP_VERIFIED, Kind::Gauge, &[], "When the record was last read back whole from another device, Unix seconds; absent if never."),
    metric(BACKUP_UNVERIFIED, Kind::Gauge, &[], "Places of the record that no backup read back from another device holds yet."),
];

/// The process's one recorder.
///
/// # Errors
/// Buckets that cannot be, which a test rules out.
pub fn recorder() -> anyhow::Result<PrometheusHandle> {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    if let Some(handle) = RECORDER.get() {
        return Ok(handle.clone());
    }
    let mut builder = PrometheusBuilder::new();
    for metric in METRICS {
        if let Kind::Histogram(buckets) = metric.kind {
            builder = builder
                .set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), buckets)
                .context("the buckets of the figures")?;
        }
    }
    let recorder = builder.build_recorder();
    let handle = RECORDER.get_or_init(|| recorder.handle()).clone();
    // Another hub of the same process (tests) may have been quicker; both render the same figures.
    if metrics::set_global_recorder(recorder).is_ok() {
        describe();
        begin_at_zero();
    }
    Ok(handle)
}

fn describe() {
    for metric in METRICS {
        match metric.kind {
            Kind::Counter => metrics::describe_counter!(metric.name, metric.help),
            Kind::Gauge => metrics::describe_gauge!(metric.name, metric.help),
            Kind::Histogram(_) => metrics::describe_histogram!(metric.name, metric.help),
        }
    }
}

/// Counts that may stay at nothing for weeks: a figure that is absent until its first event has no rise to watch.
fn begin_at_zero() {
    for name in [PANICS, LEAKS, COMMIT_FAILURES] {
        counter!(name).increment(0);
    }
    for outcome in ["sent", "failed"] {
        counter!(BACKUP_RUNS, "outcome" => outcome).increment(0);
    }
    for limit in ["requests", "api_key", "help"] {
        counter!(LIMITED, "limit" => limit).increment(0);
    }
}

/// A request was answered; `route` is its pattern, not its path, so that ids do not become labels.
pub fn count_request(route: &str, method: &'static str, status: &'static str, took: Duration) {
    let route = route.to_owned();
    counter!(HTTP_REQUESTS, "route" => route.clone(), "method" => method, "status" => status).increment(1);
    histogram!(HTTP_SECONDS, "route" => route).record(took.as_secs_f64());
}

/// A stream of events, counted as open until it is dropped.
pub struct OpenStream(metrics::Gauge);

impl OpenStream {
    /// Counts it.
    pub fn on(route: &str) -> Self {
        let open = gauge!(HTTP_STREAMS, "route" => route.to_owned());
        open.increment(1.0);
        OpenStream(open)
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// A request was over a limit.
pub fn count_limited(limit: &'static str) {
    counter!(LIMITED, "limit" => limit).increment(1);
}

/// A fault of the hub's code was caught.
pub fn count_panic() {
    counter!(PANICS).increment(1);
}

/// A sign-in ended, with this refusal if it was refused.
pub fn count_sign_in(refusal: Option<ProblemCode>) {
    let outcome = match refusal {
        None => "ok",
        Some(ProblemCode::WrongSecret) => "wrong_secret",
        Some(ProblemCode::TooManyTries) => "throttled",
        Some(ProblemCode::PlainHttp) => "plain_http",
        Some(_) => "failed",
    };
    counter!(SIGN_INS, "outcome" => outcome).increment(1);
}

/// An answer was kept.
pub fn count_answer(outcome: &'static str) {
    counter!(ANSWERS, "outcome" => outcome).increment(1);
}

/// A turn of help ended; `took` is absent if nobody waited for the model.
pub fn count_turn(help: &'static str, took: Option<Duration>) {
    counter!(TURNS, "help" => help).increment(1);
    if let Some(took) = took {
        histogram!(TURN_SECONDS).record(took.as_secs_f64());
    }
}

/// The model's first word came.
pub fn count_first_word(took: Duration) {
    histogram!(FIRST_WORD).record(took.as_secs_f64());
}

/// A text of the model was stopped because it told the answer.
pub fn count_leak() {
    counter!(LEAKS).increment(1);
}

/// The queue of help has this length.
pub fn show_waiting_turns(count: usize) {
    gauge!(WAITING).set(count as f64);
}

/// A group of writes was committed, or was not.
pub fn count_commit(writes: usize, took: Duration, is_kept: bool) {
    histogram!(COMMIT).record(took.as_secs_f64());
    histogram!(GROUP).record(writes as f64);
    if !is_kept {
        counter!(COMMIT_FAILURES).increment(1);
    }
}

/// How the audit log's chain was found.
pub fn show_audit_chain(fits: bool, last_row: i64) {
    gauge!(AUDIT_OK).set(f64::from(u8::from(fits)));
    gauge!(AUDIT_ROWS).set(last_row as f64);
}

/// When what is past its time was last removed.
pub fn show_retention_run(at: jiff::Timestamp) {
    gauge!(RETENTION_RUN).set(at.as_second() as f64);
}

/// A whole backup to a target was sent, or was not.
pub fn count_backup(is_sent: bool) {
    counter!(BACKUP_RUNS, "outcome" => if is_sent { "sent" } else { "failed" }).increment(1);
}

/// How backups stand.
pub fn show_backups(
    targets: &[Standing],
    verified: Option<&VerifiedPlace>,
    last_seq: i64,
    now: jiff::Timestamp,
) {
    let flag = |is: bool| f64::from(u8::from(is));
    gauge!(BACKUP_TARGETS).set(targets.len() as f64);
    if let Some(last) = targets.iter().filter_map(|target| target.row.last_backup_at).max() {
        gauge!(BACKUP).set(last.as_second() as f64);
    }
    for target in targets {
        let (row, name) = (&target.row, target.row.name.clone());
        gauge!(BACKUP_FAILING, "target" => name.clone()).set(flag(row.trouble.is_some()));
        let is_late = schedule::is_late(now, target.is_folder, row);
        gauge!(BACKUP_LATE, "target" => name.clone()).set(flag(is_late));
        if let Some(bytes) = row.last_bytes {
            gauge!(BACKUP_BYTES, "target" => name.clone()).set(bytes as f64);
        }
        if let (Some(at), Some(ms)) = (row.last_restored_at, row.restore_ms) {
            gauge!(BACKUP_RESTORED, "target" => name.clone()).set(at.as_second() as f64);
            gauge!(BACKUP_RESTORE_TOOK, "target" => name).set(f64::from(ms) / 1e3);
        }
    }
    if let Some(verified) = verified {
        gauge!(BACKUP_VERIFIED).set(verified.at.as_second() as f64);
    }
    let held = verified.map_or(0, |verified| verified.place.hub_seq);
    gauge!(BACKUP_UNVERIFIED).set(last_seq.saturating_sub(held).max(0) as f64);
}

/// A place for backups was removed: it is in no trouble any more.
pub fn forget_backup_target(name: &str) {
    gauge!(BACKUP_FAILING, "target" => name.to_owned()).set(0.0);
    gauge!(BACKUP_LATE, "target" => name.to_owned()).set(0.0);
}

/// Which notices are open; those that were and are not any more go to 0.
pub fn show_notices(open: &[String], closed: &[String]) {
    for (codes, value) in [(open, 1.0), (closed, 0.0)] {
        for code in codes {
            gauge!(NOTICES, "code" => code.clone()).set(value);
        }
    }
}

/// Puts the figures that are states, not events, beside the others; called when somebody asks.
pub fn observe(ctx: &Ctx) {
    let flag = |is: bool| f64::from(u8::from(is));
    let status = ctx.engine.status().borrow().clone();
    gauge!(ENGINE_EXPECTED).set(flag(ctx.config.tutor.engine != crate::config::EngineChoice::None));
    gauge!(ENGINE_READY).set(flag(status.phase == EnginePhase::Ready));
    gauge!(ENGINE_RUNNING).set(f64::from(status.running));
    gauge!(ENGINE_WAITING).set(f64::from(status.waiting));
    gauge!(ENGINE_RESTARTS).set(f64::from(status.restarts));
    gauge!(OPEN_LOGS).set(ctx.feedback.open_logs() as f64);

    let now = ctx.clock.now();
    gauge!(NOW).set(now.as_millisecond() as f64 / 1e3);
    gauge!(STARTED).set(ctx.started_at.as_second() as f64);
    gauge!(BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    gauge!(SESSIONS).set(ctx.auth.sessions().count() as f64);
    let school = ctx.school.get();
    let heard = ctx.auth.heard_of(&school, now);
    let recent = heard.values().filter(|at| now.duration_since(**at) < jiff::SignedDuration::from_mins(5));
    gauge!(PRESENT).set(recent.count() as f64);

    let classes = school.classes.values().filter(|class| !class.archived);
    let (count, pupils) =
        classes.fold((0_usize, 0_usize), |(n, sum), class| (n + 1, sum + class.pupils.len()));
    gauge!(CLASSES).set(count as f64);
    gauge!(PUPILS).set(pupils as f64);
    let open = school.lessons.values().filter(|lesson| lesson.timing.state != LessonState::Closed).count();
    gauge!(LESSONS).set(open as f64);

    gauge!(MDNS_EXPECTED).set(flag(ctx.discovery.is_wanted()));
    gauge!(MDNS_ANNOUNCED).set(flag(ctx.discovery.host_name().is_some()));
    gauge!(QUEUE).set(ctx.store.waiting_writes() as f64);
    observe_files(&ctx.config.data);
    observe_process();
}

fn observe_files(data: &Path) {
    let database = store::database_path(data);
    let bytes = |path: &Path| std::fs::metadata(path).map_or(0, |meta| meta.len()) as f64;
    gauge!(DATABASE).set(bytes(&database));
    gauge!(WAL).set(bytes(&database.with_extension("db-wal")));
    if let Some(disk) = crate::doctor::disk_space(data) {
        gauge!(DISK_FREE).set(disk.free_bytes as f64);
        gauge!(DISK_TOTAL).set(disk.total_bytes as f64);
    }
}

/// From Linux's `/proc`; elsewhere these figures are absent.
fn observe_process() {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return };
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = resident.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
    if let Some(kibibytes) = kibibytes {
        gauge!(RESIDENT).set(kibibytes * 1024.0);
    }
    if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
        gauge!(OPEN_FILES).set(files.count() as f64);
    }
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    if let Some(most) = line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok()) {
        gauge!(MAX_FILES).set(most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::HashSet, fmt::Write as _};

    /// As it must stand in `docs/metrics.md`.
    fn table() -> String {
        let mut text = String::from("| name | kind | labels | meaning |\n|---|---|---|---|\n");
        for metric in METRICS {
            let kind = match metric.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Histogram(_) => "histogram",
            };
            let labels =
                metric.labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ");
            writeln!(text, "| `{}` | {kind} | {labels} | {} |", metric.name, metric.help).expect("memory");
        }
        text
    }

    #[test]
    fn the_document_is_the_table() {
        let document = include_str!("../../../docs/metrics.md");
        assert!(document.contains(&table()), "docs/metrics.md must hold this table:\n\n{}", table());
    }

    #[test]
    fn names_are_prometheus_names() {
        let names: HashSet<_> = METRICS.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), METRICS.len(), "a name stands twice");
        for metric in METRICS {
            let is_fine =
                metric.name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_');
            assert!(is_fine, "{}", metric.name);
            let is_counter = metric.kind == Kind::Counter;
            assert_eq!(metric.name.ends_with("_total"), is_counter, "{}", metric.name);
            if let Kind::Histogram(buckets) = metric.kind {
                assert!(buckets.is_sorted(), "{}", metric.name);
            }
            assert!(!metric.help.contains('|') && metric.help.ends_with('.'), "{}", metric.name);
        }
    }
}
