//! Takes what devices have kept: answers of pupils who may be gone since, in batches, and tells which the hub lacks.
//!
//! The walk: a batch comes from a device that has proven itself ([`crate::devices::verify`]). Each item is opened by
//! itself: its body must fit its hash, and the deposit proof must be this pupil's on this device. Then it goes the way of
//! every answer ([`crate::answering`]): graded as the pupil saw it, written as a command of its own, so that the items of
//! a batch share commits and a bad one among them hinders nobody. The reply tells for each item what became of it and
//! never a grade: the device serves other pupils too, and exams keep theirs. The pupil's own session asks for grades.
//!
//! Delivering again is harmless: an attempt id that is there already, with the same pupil and body, is a duplicate,
//! whoever brought it first.
//!
//! After an outage a whole school delivers at once. Items go through [`LANES`] lanes of [`AT_ONCE`] items, so that a pupil's
//! answer waits behind those few at most; batches beyond [`BATCHES`] are told to come again. A device has one batch under way
//! at most, and its new answers are counted ([`crate::limits`]), so that no device takes the places of the others.

use std::{
    collections::{HashMap, HashSet},
    pin::Pin,
};

use dreamseed_wire::{
    attempt::SubmitAnswer,
    delivery::{
        AskLacking, BATCH_MAX, ClockReading, DeliverAnswers, Delivered, DeliveryItem, DeliveryOutcome,
        DeliveryResult, KeptPlace, LACKING_MAX, Lacking, RejectCode,
    },
    ids::{AttemptId, DeviceId, UserId},
};
use futures_util::{
    future::{MaybeDone, maybe_done},
    poll,
};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::{
    answering::{self, AnsweringError, Delivery, GradedAnswer},
    auth::keys::from_hex,
    devices::is_pupil,
    epochs,
    hub::Ctx,
    lessons::timing::Refusal,
    limits::Wait,
    school::School,
    store::{
        StoreError,
        attempts::{self, StoredAttempt},
        erasures,
        hub_meta::Record,
    },
};

/// Bytes of one answer's body: as many as `POST /attempts` takes.
const BODY_MAX: usize = 64 * 1024;
/// Items that are handed to the writer together: as many share a commit, and a pupil's own answer waits for no more.
const AT_ONCE: usize = 50;
/// Batches whose items may be at the writer at the same time.
const LANES: usize = 2;
/// Batches that may be under way; each holds its items in memory.
const BATCHES: usize = 64;
/// A device's clock that differs less from the hub's is right enough, and its own word is kept.
const CLOCK_SLACK: SignedDuration = SignedDuration::from_mins(5);
/// A device that runs on without a start for longer than this does not exist: 366 days.
const RUN_MAX_MS: u64 = 366 * 24 * 60 * 60 * 1_000;

/// Why a batch or a question is not taken as a whole.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    #[error("at most {max} may come at once")]
    TooMany { max: usize },
    #[error("too many deliveries are under way")]
    Busy,
    /// A second batch of one device at the same time.
    #[error("the device delivers already")]
    UnderWay,
    #[error("the device brings more new answers than the hub takes from one")]
    TooFast(Wait),
    #[error("the record could not be asked")]
    Store(#[from] StoreError),
}

/// How many deliveries may be under way.
pub struct DeliveryDesk {
    lanes: Semaphore,
    batches: Semaphore,
    /// Devices of which a batch is under way.
    busy: Mutex<HashSet<DeviceId>>,
}

impl Default for DeliveryDesk {
    fn default() -> Self {
        DeliveryDesk {
            lanes: Semaphore::new(LANES),
            batches: Semaphore::new(BATCHES),
            busy: Mutex::default(),
        }
    }
}

impl DeliveryDesk {
    /// The turn of a device, until it is dropped; none while it has one.
    fn turn_of(&self, device: DeviceId) -> Option<Turn<'_>> {
        let is_free = self.busy.lock().insert(device);
        // Only then: a turn that is dropped ends the one that is under way.
        is_free.then(|| Turn { desk: self, device })
    }
}

/// A device's batch is under way.
struct Turn<'d> {
    desk: &'d DeliveryDesk,
    device: DeviceId,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.desk.busy.lock().remove(&self.device);
    }
}

/// Takes a batch; what became of each item stands in the reply, in their order. Everything that the reply calls stored is
/// on the disk.
///
/// # Errors
/// Too many items, too many batches at once or too many new answers of this device; nothing of the batch has been written then.
pub async fn deliver(ctx: &Ctx, device: DeviceId, batch: DeliverAnswers) -> Result<Delivered, DeliveryError> {
    if batch.items.len() > BATCH_MAX {
        return Err(DeliveryError::TooMany { max: BATCH_MAX });
    }
    let _turn = ctx.delivery.turn_of(device).ok_or(DeliveryError::UnderWay)?;
    let _place = ctx.delivery.batches.try_acquire().map_err(|_| DeliveryError::Busy)?;
    if let Some(highest) = &batch.highest {
        // First: what is stored after a rollback belongs to the new epoch.
        epochs::notice_receipt(ctx, highest).await?;
    }
    let now = ctx.clock.now();
    let mut steps = Vec::with_capacity(batch.items.len());
    for item in batch.items {
        let attempt_id = item.attempt_id;
        let opened = open(ctx, device, &item, &batch.sent_at, now);
        steps.push((attempt_id, opened.map_or_else(Step::reject, |opened| Step::Opened(Box::new(opened)))));
    }
    let there = find_there(ctx, &steps).await?;
    let is_new = |(id, step): &&(AttemptId, Step)| matches!(step, Step::Opened(_)) && !there.contains_key(id);
    let new = steps.iter().filter(is_new).count();
    ctx.limits.check_delivered(device, new).map_err(DeliveryError::TooFast)?;
    let mut results = Vec::with_capacity(steps.len());
    while !steps.is_empty() {
        let some: Vec<_> = steps.drain(..steps.len().min(AT_ONCE)).collect();
        take(ctx, device, some, (&there, now), &mut results).await;
    }
    tell(device, &results);
    Ok(Delivered { results, record: epochs::record_state(ctx).await? })
}

/// Which of these answers the hub does not have, and where the others stand.
///
/// # Errors
/// Too many ids.
pub async fn find_lacking(ctx: &Ctx, ask: AskLacking) -> Result<Lacking, DeliveryError> {
    if ask.attempt_ids.len() > LACKING_MAX {
        return Err(DeliveryError::TooMany { max: LACKING_MAX });
    }
    // Before the question: what is told of the record must not be newer than what was looked at.
    let record = epochs::record_state(ctx).await?;
    let mut attempt_ids = ask.attempt_ids;
    let asked = attempt_ids.clone();
    let there = ctx.store.read(move |conn| attempts::places(conn, &asked)).await?;
    let there: HashMap<AttemptId, i64> = there.into_iter().collect();
    let kept = attempt_ids
        .iter()
        .filter_map(|id| there.get(id).map(|seq| KeptPlace { attempt_id: *id, hub_seq: *seq }))
        .collect();
    attempt_ids.retain(|id| !there.contains_key(id));
    Ok(Lacking { attempt_ids, kept, record })
}

/// When an answer was given, by the device's clocks and the time at which the hub received it.
///
/// Two readings of the clock that is never set, of one start of the device, tell how long ago it was; that needs no right
/// clock at all. Else the clock that people see is taken at its word, and put right by as much as it was wrong when the
/// batch was sent.
pub fn given_at(kept: &ClockReading, sent: &ClockReading, received: Timestamp) -> Timestamp {
    let run = sent.monotonic_ms.checked_sub(kept.monotonic_ms).filter(|run| *run <= RUN_MAX_MS);
    if kept.boot_id == sent.boot_id
        && let Some(run) = run.and_then(|run| i64::try_from(run).ok())
        && let Ok(given) = received.checked_sub(SignedDuration::from_millis(run))
    {
        return given;
    }
    let wrong_by = received.duration_since(sent.wall);
    match wrong_by.abs() > CLOCK_SLACK {
        // Out of all time is no time: the hub's own.
        true => kept.wall.checked_add(wrong_by).unwrap_or(received),
        false => kept.wall,
    }
}

/// How far an item has come.
enum Step {
    Opened(Box<Opened>),
    Graded(Box<GradedAnswer>),
    Done(DeliveryOutcome),
}

impl Step {
    fn reject(code: RejectCode) -> Self {
        Step::Done(DeliveryOutcome::Rejected { code })
    }
}

/// An item that is whole and proven.
struct Opened {
    pupil: UserId,
    body: SubmitAnswer,
    device_seq: i64,
    given_at: Timestamp,
}

/// Checks an item by itself.
fn open(
    ctx: &Ctx,
    device: DeviceId,
    item: &DeliveryItem,
    sent_at: &ClockReading,
    now: Timestamp,
) -> Result<Opened, RejectCode> {
    let body = read_body(item)?;
    if !ctx.devices.is_deposit(&item.deposit, item.pupil_id, device) {
        return Err(RejectCode::BadDeposit);
    }
    let given_at = given_at(&item.occurred_at, sent_at, now);
    Ok(Opened { pupil: item.pupil_id, body, device_seq: item.device_seq, given_at })
}

/// The answer that an item holds.
fn read_body(item: &DeliveryItem) -> Result<SubmitAnswer, RejectCode> {
    let hash = from_hex(&item.body_hash).ok_or(RejectCode::BodyDamaged)?;
    if *blake3::hash(item.body.as_bytes()).as_bytes() != hash {
        return Err(RejectCode::BodyDamaged);
    }
    if item.body.len() > BODY_MAX || item.device_seq < 0 {
        return Err(RejectCode::BadBody);
    }
    let body: SubmitAnswer = serde_json::from_str(&item.body).map_err(|_| RejectCode::BadBody)?;
    Some(body).filter(|body| body.attempt_id == item.attempt_id).ok_or(RejectCode::BadBody)
}

/// The answers of a batch that are there already: most of one that is sent again. Nothing for one whose row is damaged so that
/// it cannot be read.
async fn find_there(
    ctx: &Ctx,
    steps: &[(AttemptId, Step)],
) -> Result<HashMap<AttemptId, Option<StoredAttempt>>, StoreError> {
    let opened = steps.iter().filter(|(_, step)| matches!(step, Step::Opened(_)));
    let ids: Vec<_> = opened.map(|(id, _)| *id).collect();
    let there = ctx.store.read(move |conn| attempts::find(conn, &ids)).await?;
    Ok(there.into_iter().collect())
}

/// Takes some items: grades them, hands them to the writer in their order, and waits until they are on the disk.
async fn take(
    ctx: &Ctx,
    device: DeviceId,
    some: Vec<(AttemptId, Step)>,
    (there, now): (&HashMap<AttemptId, Option<StoredAttempt>>, Timestamp),
    results: &mut Vec<DeliveryResult>,
) {
    let Ok(_lane) = ctx.delivery.lanes.acquire().await else {
        let busy = || DeliveryOutcome::Rejected { code: RejectCode::Busy };
        results
            .extend(some.into_iter().map(|(attempt_id, _)| DeliveryResult { attempt_id, outcome: busy() }));
        return;
    };
    let (school, record) = (ctx.school.get(), ctx.store.record());
    let mut writes: Vec<MaybeDone<Pin<Box<_>>>> = Vec::with_capacity(some.len());
    let mut ids = Vec::with_capacity(some.len());
    let mut lost_lessons = 0;
    for (attempt_id, step) in some {
        let step = match step {
            Step::Opened(opened) => match there.get(&attempt_id) {
                Some(Some(earlier)) => compare(ctx, earlier, &opened).await,
                // Whether it is the same one cannot be known: the device keeps it.
                Some(None) => Step::reject(code_of(AnsweringError::Damaged)),
                None => {
                    let (step, has_lost_lesson) = grade(ctx, &school, *opened, (device, &record, now)).await;
                    lost_lessons += u32::from(has_lost_lesson);
                    step
                }
            },
            step @ (Step::Graded(_) | Step::Done(_)) => step,
        };
        ids.push(attempt_id);
        writes.push(maybe_done(Box::pin(finish(ctx, step))));
    }
    if lost_lessons > 0 {
        tracing::warn!(
            answers = lost_lessons,
            "answers came whose lesson this restored hub does not have; they are kept without it"
        );
    }
    // The first look at each hands it to the writer: in their order, so that all of them can share a commit.
    for write in &mut writes {
        let _ = poll!(Pin::new(write));
    }
    for (attempt_id, mut write) in ids.into_iter().zip(writes) {
        Pin::new(&mut write).await;
        let outcome = Pin::new(&mut write).take_output();
        let outcome = outcome.unwrap_or(DeliveryOutcome::Rejected { code: RejectCode::Busy });
        results.push(DeliveryResult { attempt_id, outcome });
    }
}

/// What an item is whose attempt id is there already.
async fn compare(ctx: &Ctx, earlier: &StoredAttempt, opened: &Opened) -> Step {
    match answering::is_same_answer(earlier, opened.pupil, &opened.body) {
        Ok(true) => return Step::Done(duplicate(ctx, earlier.hub_seq)),
        Ok(false) => {}
        Err(err) => return Step::reject(code_of(err.into())),
    }
    let place = earlier.hub_seq;
    Step::reject(match ctx.store.read(move |conn| attempts::is_whole(conn, place)).await {
        Ok(true) => RejectCode::OtherAnswer,
        // It may be what the damage has made of this one.
        Ok(false) => code_of(AnsweringError::Damaged),
        Err(err) => code_of(AnsweringError::Store(err)),
    })
}

/// There already: at its place in the record as it is now, since a backup of now never covers a place by the name of an
/// epoch that has ended.
fn duplicate(ctx: &Ctx, hub_seq: i64) -> DeliveryOutcome {
    DeliveryOutcome::Duplicate { receipt: ctx.receipts.issue(ctx.store.record().current.id, hub_seq) }
}

/// Grades an item by the rules of every answer; true if its lesson was lost.
async fn grade(
    ctx: &Ctx,
    school: &School,
    opened: Opened,
    (device_id, record, now): (DeviceId, &Record, Timestamp),
) -> (Step, bool) {
    // Who has left is still somebody whose answer of that day counts; who was erased is not known any more.
    if !is_pupil(school, opened.pupil) {
        return (Step::reject(RejectCode::UnknownPupil), false);
    }
    let delivery = Delivery {
        device_id,
        device_seq: opened.device_seq,
        given_at: opened.given_at,
        put_back_at: (!record.former.is_empty()).then_some(record.current.started_at),
    };
    match answering::grade_delivered(ctx, school, opened.pupil, opened.body, delivery, now).await {
        Ok((graded, has_lost_lesson)) => (Step::Graded(Box::new(graded)), has_lost_lesson),
        Err(err) => (Step::reject(code_of(err)), false),
    }
}

/// Writes an item that has been graded.
async fn finish(ctx: &Ctx, step: Step) -> DeliveryOutcome {
    let graded = match step {
        Step::Graded(graded) => graded,
        Step::Done(outcome) => return outcome,
        Step::Opened(_) => return DeliveryOutcome::Rejected { code: RejectCode::Busy },
    };
    let outcome = graded.outcome();
    let written = ctx
        .store
        .write(move |tx| {
            // The school in memory may be older than an erasure; the ledger is not.
            if erasures::is_erased(tx.conn(), graded.pupil())? {
                return Err(Refused::Erased);
            }
            Ok(answering::record(tx, &graded)?)
        })
        .await;
    match written {
        Ok(recorded) => {
            answering::follow_up(ctx, &recorded, outcome);
            match recorded.is_new {
                true => DeliveryOutcome::Stored { receipt: recorded.receipt.receipt },
                false => duplicate(ctx, recorded.receipt.hub_seq),
            }
        }
        Err(Refused::Erased) => DeliveryOutcome::Rejected { code: RejectCode::UnknownPupil },
        Err(Refused::Answer(err)) => DeliveryOutcome::Rejected { code: code_of(err) },
    }
}

/// Why an item was not written.
enum Refused {
    Erased,
    Answer(AnsweringError),
}

impl From<AnsweringError> for Refused {
    fn from(err: AnsweringError) -> Self {
        Refused::Answer(err)
    }
}

impl From<StoreError> for Refused {
    fn from(err: StoreError) -> Self {
        Refused::Answer(err.into())
    }
}

/// What a refusal is to the device. Whatever is the hub's own fault is [`RejectCode::Busy`], so that the device keeps the
/// answer and sends it again.
fn code_of(err: AnsweringError) -> RejectCode {
    match err {
        AnsweringError::UnknownProblem => RejectCode::UnknownProblem,
        AnsweringError::OtherAnswer => RejectCode::OtherAnswer,
        AnsweringError::BadField { .. } => RejectCode::BadBody,
        AnsweringError::OtherLesson => RejectCode::OtherLesson,
        AnsweringError::Refused(Refusal::Paused | Refusal::Closed) => RejectCode::LessonClosed,
        // The sitting may have been lost with a restore; the pupil may begin again.
        AnsweringError::Refused(Refusal::NotBegun) => RejectCode::UnknownProblem,
        AnsweringError::Refused(Refusal::HandedIn | Refusal::TooLate) => RejectCode::ExamOver,
        AnsweringError::Store(StoreError::Busy | StoreError::Closed | StoreError::DiskFull) => {
            RejectCode::Busy
        }
        err @ (AnsweringError::DeviceNumberUsed
        | AnsweringError::ExamRunning
        | AnsweringError::UnknownAttempt
        | AnsweringError::NotReleased
        | AnsweringError::BrokenKey(_)
        | AnsweringError::Damaged
        | AnsweringError::Store(_)) => {
            tracing::error!(error = ?err, "an answer that a device delivered could not be kept; the device keeps it");
            RejectCode::Busy
        }
    }
}

/// Says what became of a batch: numbers, and the codes of what was refused.
fn tell(device: DeviceId, results: &[DeliveryResult]) {
    let (mut stored, mut duplicates, mut refused) = (0_u32, 0_u32, Vec::new());
    for result in results {
        match result.outcome {
            DeliveryOutcome::Stored { .. } => stored += 1,
            DeliveryOutcome::Duplicate { .. } => duplicates += 1,
            DeliveryOutcome::Rejected { code } => refused.push(code),
        }
    }
    refused.sort_by_key(|code| *code as u8);
    refused.dedup();
    let rejected = results.len() - (stored + duplicates) as usize;
    tracing::info!(%device, stored, duplicates, rejected, codes = ?refused, "took a delivery");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    const MINUTE: u64 = 60_000;

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn reading(wall: &str, monotonic_ms: u64, boot: u128) -> ClockReading {
        ClockReading { wall: time(wall), monotonic_ms, boot_id: Uuid::from_u128(boot) }
    }

    #[test]
    fn the_clock_that_is_never_set_tells_when_an_answer_was_given() {
        let received = time("2026-11-23T01:00:00Z");
        for (why, kept, sent, given) in [
            (
                "one start, both clocks of people wrong",
                reading("1970-01-01T00:00:10Z", 10_000, 1),
                reading("2099-01-01T00:00:00Z", 10_000 + 30 * MINUTE, 1),
                "2026-11-23T00:30:00Z",
            ),
            (
                "another start: the claim, since the clock is right",
                reading("2026-11-23T00:20:00Z", 99 * MINUTE, 1),
                reading("2026-11-23T00:58:00Z", 5, 2),
                "2026-11-23T00:20:00Z",
            ),
            (
                "another start, the clock an hour ahead",
                reading("2026-11-23T01:20:00Z", 99 * MINUTE, 1),
                reading("2026-11-23T02:00:00Z", 5, 2),
                "2026-11-23T00:20:00Z",
            ),
            (
                "a clock that ran backwards is not believed",
                reading("2026-11-23T00:20:00Z", 99 * MINUTE, 1),
                reading("2026-11-23T01:00:00Z", 5, 1),
                "2026-11-23T00:20:00Z",
            ),
            (
                "nor one that has run for years",
                reading("2026-11-23T00:20:00Z", 0, 1),
                reading("2026-11-23T01:00:00Z", 400 * 24 * 60 * MINUTE, 1),
                "2026-11-23T00:20:00Z",
            ),
        ] {
            assert_eq!(given_at(&kept, &sent, received), time(given), "{why}");
        }
    }

    #[test]
    fn a_device_has_one_turn_at_a_time_and_others_theirs() {
        let (desk, device) = (DeliveryDesk::default(), DeviceId::new());
        let turn = desk.turn_of(device);
        assert!(turn.is_some() && desk.turn_of(device).is_none());
        assert!(desk.turn_of(DeviceId::new()).is_some());
        drop(turn);
        assert!(desk.turn_of(device).is_some());
        assert!(desk.busy.lock().is_empty());
    }

    #[test]
    fn each_refusal_has_its_code() {
        for (refusal, code) in [
            (Refusal::Paused, RejectCode::LessonClosed),
            (Refusal::Closed, RejectCode::LessonClosed),
            (Refusal::NotBegun, RejectCode::UnknownProblem),
            (Refusal::HandedIn, RejectCode::ExamOver),
            (Refusal::TooLate, RejectCode::ExamOver),
        ] {
            assert_eq!(code_of(AnsweringError::Refused(refusal)), code, "{refusal:?}");
        }
        assert_eq!(code_of(StoreError::DiskFull.into()), RejectCode::Busy);
    }

    fn item(body: String) -> DeliveryItem {
        DeliveryItem {
            attempt_id: AttemptId(Uuid::from_u128(7)),
            device_seq: 1,
            pupil_id: UserId::new(),
            deposit: String::new(),
            body_hash: blake3::hash(body.as_bytes()).to_hex().to_string(),
            body,
            occurred_at: reading("2026-11-23T00:20:00Z", 0, 1),
        }
    }

    fn sound_body() -> String {
        format!(
            r#"{{"attempt_id":"{0}","problem_version_id":"{0}","answer":{{"kind":"number","text":"5/6"}}}}"#,
            Uuid::from_u128(7)
        )
    }

    #[test]
    fn a_body_is_taken_whole_or_not_at_all() {
        assert!(read_body(&item(sound_body())).is_ok());
        let spelt = sound_body().replace(",\"answer\"", " , \"answer\"");
        assert!(read_body(&item(spelt)).is_ok(), "spelt in another way, hashed as it is spelt");
        for (why, item, code) in [
            (
                "a changed letter",
                DeliveryItem { body: sound_body().replace("5/6", "5/7"), ..item(sound_body()) },
                RejectCode::BodyDamaged,
            ),
            (
                "no hash",
                DeliveryItem { body_hash: "abc".into(), ..item(sound_body()) },
                RejectCode::BodyDamaged,
            ),
            ("no answer", item("{}".into()), RejectCode::BadBody),
            ("not JSON", item(String::new()), RejectCode::BadBody),
            (
                "a field that nobody knows",
                item(sound_body().replacen('{', r#"{"grade":"right","#, 1)),
                RejectCode::BadBody,
            ),
            (
                "another attempt",
                DeliveryItem { attempt_id: AttemptId(Uuid::from_u128(8)), ..item(sound_body()) },
                RejectCode::BadBody,
            ),
            (
                "a number below zero",
                DeliveryItem { device_seq: -1, ..item(sound_body()) },
                RejectCode::BadBody,
            ),
            ("too long", item(format!("{}{}", sound_body(), " ".repeat(BODY_MAX))), RejectCode::BadBody),
        ] {
            assert_eq!(read_body(&item).err(), Some(code), "{why}");
        }
    }

    fn any_reading() -> impl Strategy<Value = ClockReading> {
        let times = Timestamp::MIN.as_millisecond()..Timestamp::MAX.as_millisecond();
        (times, any::<u64>(), 0..2_u128).prop_map(|(wall, monotonic_ms, boot)| ClockReading {
            wall: Timestamp::from_millisecond(wall).expect("in range"),
            monotonic_ms,
            boot_id: Uuid::from_u128(boot),
        })
    }

    proptest! {
        /// Whatever a device says of its clocks, there is a time and no panic.
        #[test]
        fn any_clocks_give_a_time(kept in any_reading(), sent in any_reading(), at in any::<u32>()) {
            given_at(&kept, &sent, Timestamp::from_second(i64::from(at)).expect("in range"));
        }

        /// Whatever bytes come as a batch are read or refused, and what is read is read item by item.
        #[test]
        fn any_bytes_are_a_batch_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..400), body in ".{0,200}") {
            let _ = serde_json::from_slice::<DeliverAnswers>(&bytes);
            let _ = serde_json::from_slice::<AskLacking>(&bytes);
            let _ = read_body(&item(body));
        }

        /// A sound batch with one byte changed is another batch or none, and never a panic.
        #[test]
        fn a_changed_batch_is_read_or_refused(place in any::<prop::sample::Index>(), to in any::<u8>()) {
            let sent_at = reading("2026-11-23T00:58:00Z", 5, 2);
            let batch = DeliverAnswers { items: vec![item(sound_body())], sent_at, highest: None };
            let mut bytes = serde_json::to_vec(&batch).expect("JSON");
            let at = place.index(bytes.len());
            bytes[at] = to;
            if let Ok(read) = serde_json::from_slice::<DeliverAnswers>(&bytes) {
                for item in &read.items {
                    let taken = read_body(item);
                    // A body that was changed does not fit its hash.
                    prop_assert!(item.body == sound_body() || taken.is_err());
                }
            }
        }
    }
}
