//! What is kept how long, carried out every night, or in the morning where the hub is off at night.
//!
//! Rows go a few at once, so that nobody waits for the writer; the pace is found by measuring. Then unused pages go back to
//! the disk and the log is folded into the database. A problem's old versions go when nothing refers to them any more, and
//! after erasures the file is written anew; both look through much, so they wait for an hour without lessons.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use dreamseed_wire::{
    hub::NoticeCode,
    ids::UserId,
    lesson::LessonState,
    privacy::{RetentionLine, RetentionReport},
};
use jiff::{SignedDuration, Timestamp, civil::time, tz::TimeZone};
use serde_json::json;
use tokio::sync::Mutex;

use crate::{
    auth::By,
    backup::schedule,
    doctor::disk_space,
    hub::Ctx,
    store::{
        self, StoreError, WriteTx, erasures, hub_meta, masteries, notices,
        retention::{self as rows, RetentionKind},
    },
    telemetry,
};

const EVERY: Duration = Duration::from_secs(60);
/// A run that failed is tried again after this.
const REST: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// When a night's run may begin, in the school's time, and until when.
const NIGHT: (jiff::civil::Time, jiff::civil::Time) = (time(3, 30, 0, 0), time(5, 0, 0, 0));
/// How long one removal may hold the writer: an answer that comes meanwhile waits for no more than this.
const HOLD: Duration = Duration::from_millis(12);
/// A run that somebody waits for ends after this; the rest goes in the next one.
const ASKED: Duration = Duration::from_secs(15);
const ROWS_MAX: u32 = 512;
/// Answers that are looked for at once.
const FOUND_AT_ONCE: u32 = 20_000;
/// Pages that are given back at once, 1 MiB.
const PAGES_AT_ONCE: u32 = 256;
const VERSIONS_IN_A_RUN: u32 = 50;
const DAYS_MAX: u32 = 3_650;

/// One run at a time.
#[derive(Default)]
pub struct Retention {
    running: Mutex<()>,
}

/// Why a period is not changed, or nothing could be removed.
#[derive(Debug, thiserror::Error)]
pub enum RetentionError {
    #[error("there is no such kind of data")]
    UnknownKind,
    #[error("the period of this kind is from {least} to {DAYS_MAX} days")]
    BadDays { least: u32 },
    #[error("what is past its time could not be removed")]
    Store(#[from] StoreError),
}

/// What a run would remove now.
pub async fn report(ctx: &Ctx) -> Result<RetentionReport, RetentionError> {
    let now = ctx.clock.now();
    let report = ctx.store.read(move |conn| {
        let periods: BTreeMap<_, _> = rows::periods(conn)?.into_iter().collect();
        let mut lines = Vec::with_capacity(periods.len());
        for kind in RetentionKind::ALL {
            let Some(days) = periods.get(&kind).copied() else { continue };
            let (due, oldest) = rows::due(conn, kind, before(now, days))?;
            lines.push(RetentionLine { kind: kind.word(), keep_days: days, due, oldest });
        }
        Ok::<_, StoreError>(RetentionReport { at: now, lines, last_run_at: rows::last_run(conn)? })
    });
    Ok(report.await?)
}

/// Changes how long a kind is kept; the next run acts by it.
///
/// # Errors
/// A kind that is not in the table, or days out of range.
pub async fn set_period(ctx: &Ctx, by: By, kind: &str, days: u32) -> Result<RetentionReport, RetentionError> {
    let kind = RetentionKind::read(kind).ok_or(RetentionError::UnknownKind)?;
    let least = least_days(kind);
    if !(least..=DAYS_MAX).contains(&days) {
        return Err(RetentionError::BadDays { least });
    }
    let now = ctx.clock.now();
    ctx.store
        .write(move |tx| {
            rows::set_period(tx, kind, days)?;
            by.audit(tx, now, "set retention", None, &format!("{} {days}", kind.word()))
        })
        .await?;
    report(ctx).await
}

/// The shortest period of a kind, in days.
///
/// The audit log is kept a year at least: the safety measures of the Korean privacy law (안전성 확보조치 기준) ask for that,
/// and with less an admin could let the night remove the traces of the day. Answers outlast a term, so that no school
/// year's reports are lost by one slip; consents and notices may go sooner.
fn least_days(kind: RetentionKind) -> u32 {
    match kind {
        RetentionKind::Audit => 365,
        RetentionKind::Answers => 180,
        RetentionKind::AiText
        | RetentionKind::Sessions
        | RetentionKind::Notices
        | RetentionKind::Notes
        | RetentionKind::ParentCodes
        | RetentionKind::RosterChanges => 1,
    }
}

/// Removes what is past its time; the lines say how much of each kind went. `by` is who asked and waits for it, if
/// somebody does: such a run is short, and the night does the rest.
pub async fn run(ctx: &Ctx, by: Option<By>) -> Result<RetentionReport, RetentionError> {
    let _one = ctx.retention.running.lock().await;
    let started = ctx.clock.now();
    let until = by.as_ref().map(|_| Instant::now() + ASKED);
    let done = remove_all(ctx, started, until).await;
    let Ok(removed) = done else {
        // The notice is for what goes on; a disk that takes nothing takes no notice either.
        let raised =
            ctx.store.write(move |tx| notices::raise(tx, NoticeCode::RetentionFailed, &json!({}), started));
        let _: Result<(), StoreError> = raised.await;
        return Err(done.err().unwrap_or(StoreError::Closed).into());
    };
    let ended = ctx.clock.now();
    let text = json!(removed.iter().map(|(kind, count)| (kind.word(), *count)).collect::<BTreeMap<_, _>>())
        .to_string();
    ctx.store
        .write(move |tx| {
            let periods: BTreeMap<_, _> = rows::periods(tx.conn())?.into_iter().collect();
            let days = periods.get(&RetentionKind::Audit).copied().unwrap_or(DAYS_MAX);
            if let Some(by) = by {
                by.audit(tx, ended, "run retention", None, &text)?;
            }
            rows::add_run(tx, (started, ended), &text, before(started, days))?;
            notices::withdraw(tx, NoticeCode::RetentionFailed, ended)
        })
        .await?;
    telemetry::show_retention_run(started);
    tracing::info!(rows = removed.values().sum::<u64>(), "removed what is past its time");
    tidy_file(ctx, started).await?;
    let mut told = report(ctx).await?;
    for line in &mut told.lines {
        let kind = RetentionKind::read(&line.kind);
        line.due = kind.and_then(|kind| removed.get(&kind)).copied().unwrap_or_default();
    }
    Ok(told)
}

/// Runs each night, and at the start if the last run is older than a day, until the hub stops.
pub async fn keep_until_stopped(ctx: Arc<Ctx>) {
    let mut minute = tokio::time::interval(EVERY);
    let mut failed: Option<Timestamp> = None;
    if let Ok(Some(last)) = ctx.store.read(rows::last_run).await {
        telemetry::show_retention_run(last);
    }
    loop {
        tokio::select! {
            () = ctx.stopping.cancelled() => return,
            _ = minute.tick() => {}
        }
        let now = ctx.clock.now();
        if failed.is_some_and(|at| now.duration_since(at).abs() < REST) {
            continue;
        }
        let tried = async {
            let last = ctx
                .store
                .read(|conn| {
                    let last = rows::last_run(conn)?;
                    last.map_or_else(|| hub_meta::created_at(conn), Ok::<_, StoreError>)
                })
                .await?;
            let zone = ctx.school.get().hub.time_zone.clone();
            if is_due(last, now, &zone) && schedule::is_clock_believed(&ctx, now).await? {
                run(&ctx, None).await.map(drop)
            } else {
                Ok(())
            }
        };
        match tried.await {
            Ok(()) => failed = None,
            Err(RetentionError::Store(StoreError::Closed)) if ctx.stopping.is_cancelled() => return,
            Err(err) => {
                failed = Some(now);
                tracing::warn!(error = ?err, "what is past its time could not be removed; it is tried again in an hour");
            }
        }
    }
}

/// Whether a run is due: in the night if there was none in this one, else when the last one is older than a day.
fn is_due(last: Timestamp, now: Timestamp, zone: &TimeZone) -> bool {
    if now.duration_since(last) > DAY {
        return true;
    }
    let local = now.to_zoned(zone.clone());
    let begin = local.date().to_datetime(NIGHT.0).to_zoned(zone.clone());
    let is_night = (NIGHT.0..NIGHT.1).contains(&local.time());
    is_night && begin.is_ok_and(|begin| last < begin.timestamp())
}

fn before(now: Timestamp, days: u32) -> Timestamp {
    now.checked_sub(DAY * i32::try_from(days).unwrap_or(i32::MAX)).unwrap_or(Timestamp::MIN)
}

async fn remove_all(
    ctx: &Ctx,
    now: Timestamp,
    until: Option<Instant>,
) -> Result<BTreeMap<RetentionKind, u64>, StoreError> {
    let mut removed = BTreeMap::new();
    for (kind, days) in ctx.store.read(rows::periods).await? {
        let before = before(now, days);
        let mut count = 0;
        if kind == RetentionKind::Answers {
            count += remove_answers(ctx, before, until).await?;
            remove_rows(ctx, kind, before, until).await?;
            remove_versions(ctx, before).await?;
        } else {
            count += remove_rows(ctx, kind, before, until).await?;
        }
        removed.insert(kind, count);
    }
    Ok(removed)
}

async fn remove_rows(
    ctx: &Ctx,
    kind: RetentionKind,
    before: Timestamp,
    until: Option<Instant>,
) -> Result<u64, StoreError> {
    let mut pace = Pace::default();
    let mut total = 0;
    loop {
        let limit = pace.rows;
        let gone = pace.step(ctx, move |tx| rows::remove(tx, kind, before, limit)).await?;
        total += gone as u64;
        // Answers leave two kinds of traces, so that one may be done before the other.
        if is_over(until) || gone == 0 || (kind != RetentionKind::Answers && gone < limit as usize) {
            return Ok(total);
        }
    }
}

async fn remove_answers(ctx: &Ctx, before: Timestamp, until: Option<Instant>) -> Result<u64, StoreError> {
    let mut pace = Pace::default();
    let (mut total, mut after) = (0, 0);
    let mut pupils: BTreeSet<UserId> = BTreeSet::new();
    loop {
        let found =
            ctx.store.read(move |conn| rows::find_answers(conn, before, after, FOUND_AT_ONCE)).await?;
        let Some(last) = found.iter().max().copied() else { break };
        let mut left = found.as_slice();
        while !left.is_empty() && !is_over(until) {
            let (now, later) = left.split_at(left.len().min(pace.rows as usize));
            let seqs = now.to_vec();
            total += seqs.len() as u64;
            pupils.extend(pace.step(ctx, move |tx| rows::remove_answers(tx, &seqs)).await?);
            left = later;
        }
        after = last;
        if is_over(until) {
            break;
        }
    }
    for pupil in pupils {
        pace.step(ctx, move |tx| masteries::clean(tx, &[pupil])).await?;
    }
    Ok(total)
}

async fn remove_versions(ctx: &Ctx, before: Timestamp) -> Result<(), StoreError> {
    if !is_quiet(ctx) {
        return Ok(());
    }
    let found = ctx.store.read(move |conn| rows::unused_versions(conn, before, VERSIONS_IN_A_RUN)).await?;
    if found.is_empty() {
        return Ok(());
    }
    let mut pace = Pace::default();
    for version in found {
        pace.step(ctx, move |tx| rows::remove_version(tx, version)).await?;
    }
    ctx.school.reload(&ctx.store).await
}

/// Gives unused pages back to the disk and folds the log; after erasures the file is written anew.
async fn tidy_file(ctx: &Ctx, now: Timestamp) -> Result<(), StoreError> {
    let is_unpurged = ctx.store.read(erasures::has_unpurged).await?;
    if is_unpurged && is_quiet(ctx) && has_room_for_copy(ctx) {
        ctx.store.rewrite_file().await?;
        return ctx.store.write(move |tx| erasures::mark_purged(tx, now)).await;
    }
    while ctx.store.give_back_pages(PAGES_AT_ONCE).await? > 0 {
        tokio::time::sleep(HOLD).await;
    }
    ctx.store.fold_log().await.map(drop)
}

fn is_over(until: Option<Instant>) -> bool {
    until.is_some_and(|until| Instant::now() >= until)
}

/// Whether no lesson is held.
fn is_quiet(ctx: &Ctx) -> bool {
    let school = ctx.school.get();
    let now = ctx.clock.now();
    school.lessons.values().all(|lesson| lesson.timing.state_at(now) == LessonState::Closed)
}

/// The copy goes through the log, so the file needs room twice.
fn has_room_for_copy(ctx: &Ctx) -> bool {
    let size = std::fs::metadata(store::database_path(&ctx.config.data)).map_or(u64::MAX, |file| file.len());
    disk_space(&ctx.config.data).is_none_or(|space| space.free_bytes / 2 > size)
}

/// How many rows go at once so that the writer is not held long, learned by measuring.
struct Pace {
    rows: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Pace { rows: 16 }
    }
}

impl Pace {
    /// One removal; then the writer is left to others for as long as it took.
    async fn step<T: Send + 'static>(
        &mut self,
        ctx: &Ctx,
        work: impl FnOnce(&WriteTx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        if ctx.stopping.is_cancelled() {
            return Err(StoreError::Closed);
        }
        let (done, took) = ctx
            .store
            .write(move |tx| {
                let begun = Instant::now();
                let done = work(tx)?;
                Ok::<_, StoreError>((done, begun.elapsed()))
            })
            .await?;
        self.learn(took);
        tokio::time::sleep(took).await;
        Ok(done)
    }

    fn learn(&mut self, took: Duration) {
        if took > HOLD {
            self.rows = (self.rows / 2).max(1);
        } else if took < HOLD / 3 {
            self.rows = (self.rows * 2).min(ROWS_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_due_in_the_night_or_when_one_was_missed() {
        let seoul = TimeZone::get("Asia/Seoul").expect("zone");
        // Times of Seoul.
        for (last, now, expected) in [
            ("2026-11-22T03:31", "2026-11-23T03:30", true),
            ("2026-11-23T03:30", "2026-11-23T03:31", false),
            ("2026-11-22T09:00", "2026-11-23T03:29", false),
            ("2026-11-22T09:00", "2026-11-23T04:10", true),
            // Off at night: in the morning after a day.
            ("2026-11-22T08:40", "2026-11-23T08:41", true),
            ("2026-11-22T08:50", "2026-11-23T08:41", false),
            // A run of tomorrow, by a clock that was set back since.
            ("2026-11-24T09:00", "2026-11-23T12:00", false),
        ] {
            let at = |text: &str| format!("{text}:00+09:00").parse::<Timestamp>().expect("a time");
            assert_eq!(is_due(at(last), at(now), &seoul), expected, "{last} {now}");
        }
    }

    #[test]
    fn the_pace_follows_the_time_that_a_removal_takes() {
        let mut pace = Pace::default();
        (0..20).for_each(|_| pace.learn(Duration::from_millis(1)));
        assert_eq!(pace.rows, ROWS_MAX);
        (0..20).for_each(|_| pace.learn(Duration::from_millis(45)));
        assert_eq!(pace.rows, 1);
    }
}
