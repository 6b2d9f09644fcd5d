//! Help for attempts: each row is a turn, and the pending rows are the tutor's queue.
//!
//! `pending` → `running` → `done` | `failed`; a pending row whose pupil has moved on becomes `expired`.

use dreamseed_wire::{
    Language,
    answer::{Answer, Grade},
    feedback::{Feedback, FeedbackState, HintReason},
    ids::*,
};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row};

use super::{StoreError, WriteTx, from_json, from_word, school::faults::is_of_value, to_time, to_word};

/// An attempt with the grade that counts, as far as help needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelpAttempt {
    pub seq: i64,
    pub attempt_id: AttemptId,
    pub pupil_id: UserId,
    pub problem_version_id: ProblemVersionId,
    pub lesson_id: Option<LessonId>,
    pub answer: Answer,
    pub grade: Grade,
    /// Index into the version's common wrong answers.
    pub misconception: Option<usize>,
}

/// A turn as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    pub seq: i64,
    /// Turns of one attempt count from 1.
    pub turn: u32,
    pub help: Feedback,
    pub hint_reason: Option<HintReason>,
}

/// A turn in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingTurn {
    pub seq: i64,
    pub feedback_id: FeedbackId,
    pub attempt_id: AttemptId,
    pub pupil_id: UserId,
    pub hint_shown: bool,
}

/// The authored hint as it was shown; `level` counts from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownHint {
    pub text: String,
    pub level: u32,
    pub reason: HintReason,
}

/// What a turn needs to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnTask {
    pub seq: i64,
    pub feedback_id: FeedbackId,
    pub language: Language,
    pub hint: Option<ShownHint>,
    /// How often this pupil has been helped with this version, this turn included; from 1.
    pub number: u32,
    pub attempt: HelpAttempt,
}

/// How a turn ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnEnd {
    pub state: FeedbackState,
    pub hint: Option<ShownHint>,
    /// What the pupil saw of the model's text.
    pub ai_text: Option<String>,
    pub model: Option<String>,
    /// Tokens and times as JSON.
    pub usage: Option<String>,
}

/// The attempt of an id with the grade that counts.
pub fn find_attempt(conn: &Connection, id: AttemptId) -> Result<Option<HelpAttempt>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("find_attempt.sql"))?;
    let found = query.query_row((id,), |row| Ok(read_attempt(row, 0))).optional()?;
    found.transpose()
}

/// Puts a turn (from 1) of an attempt at the end of the queue; gives its id and its number of record.
pub fn add_pending(
    tx: &WriteTx<'_>,
    attempt_seq: i64,
    turn: u32,
    language: Language,
    now: Timestamp,
) -> Result<(FeedbackId, i64), StoreError> {
    let (id, seq) = (FeedbackId::new(), tx.take_seq());
    let row = (seq, id, attempt_seq, turn, to_word(&language), now.as_millisecond());
    tx.conn().prepare_cached(include_str!("add_pending.sql"))?.execute(row)?;
    Ok((id, seq))
}

/// All help for an attempt, oldest first: what its pupil saw.
pub fn transcript(conn: &Connection, attempt_seq: i64) -> Result<Vec<Feedback>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("list.sql"))?;
    let rows = query.query_map((attempt_seq,), |row| Ok(read_turn(row)))?;
    rows.map(|row| Ok(row??.help)).collect()
}

/// The newest turn of an attempt.
pub fn latest(conn: &Connection, attempt: AttemptId) -> Result<Option<Turn>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("latest.sql"))?;
    query.query_row((attempt,), |row| Ok(read_turn(row))).optional()?.transpose()
}

/// One turn.
pub fn get(conn: &Connection, seq: i64) -> Result<Option<Turn>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("get.sql"))?;
    query.query_row((seq,), |row| Ok(read_turn(row))).optional()?.transpose()
}

/// The queue after a number of record, oldest first.
pub fn waiting(conn: &Connection, after: i64) -> Result<Vec<WaitingTurn>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("waiting.sql"))?;
    let rows = query.query_map((after,), |row| {
        Ok(WaitingTurn {
            seq: row.get(0)?,
            feedback_id: row.get(1)?,
            attempt_id: row.get(2)?,
            pupil_id: row.get(3)?,
            hint_shown: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Turns of the queue before this one.
pub fn count_before(conn: &Connection, seq: i64) -> Result<u32, StoreError> {
    Ok(conn.prepare_cached(include_str!("count_before.sql"))?.query_row((seq,), |row| row.get(0))?)
}

/// What a pending turn needs to be written; absent if it is no longer pending, or if a disk has damaged the answer that it is
/// for: the others in the queue must not wait for it.
pub fn load_task(conn: &Connection, seq: i64) -> Result<Option<TurnTask>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("load_task.sql"))?;
    let Some(task) = query.query_row((seq,), |row| Ok(read_task(row))).optional()? else { return Ok(None) };
    let mut task = match task {
        Ok(task) => task,
        Err(err) if is_of_value(&err) => {
            tracing::error!(turn = seq, "an answer that waits for help cannot be read; it gets none");
            return Ok(None);
        }
        Err(err) => return Err(err),
    };
    task.number = count_turns(conn, &task)?;
    Ok(Some(task))
}

fn count_turns(conn: &Connection, task: &TurnTask) -> Result<u32, StoreError> {
    let mut query = conn.prepare_cached(include_str!("count_turns.sql"))?;
    let key = (task.attempt.pupil_id, task.attempt.problem_version_id, task.seq);
    Ok(query.query_row(key, |row| row.get(0))?)
}

/// Whether the pupil has solved the problem or answered another one since the turn was asked for.
pub fn has_moved_on(conn: &Connection, task: &TurnTask) -> Result<bool, StoreError> {
    let mut query = conn.prepare_cached(include_str!("has_moved_on.sql"))?;
    let key = (task.attempt.pupil_id, task.seq, task.attempt.problem_version_id);
    Ok(query.query_row(key, |row| row.get(0))?)
}

/// Takes a turn out of the queue to be written.
pub fn start(tx: &WriteTx<'_>, seq: i64) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("start.sql"))?.execute((seq,))?;
    Ok(())
}

/// Takes a turn out of the queue because nobody waits for it any more.
pub fn expire(tx: &WriteTx<'_>, seq: i64, now: Timestamp) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("expire.sql"))?.execute((seq, now.as_millisecond()))?;
    Ok(())
}

/// Keeps which hint was shown while the turn waits.
pub fn show_hint(tx: &WriteTx<'_>, seq: i64, hint: &ShownHint) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("show_hint.sql"))?.execute((
        seq,
        &hint.text,
        hint.level,
        to_word(&hint.reason),
    ))?;
    Ok(())
}

/// Keeps how a running turn ended.
pub fn finish(tx: &WriteTx<'_>, seq: i64, end: &TurnEnd, now: Timestamp) -> Result<(), StoreError> {
    let hint = end.hint.as_ref();
    tx.conn().prepare_cached(include_str!("finish.sql"))?.execute((
        seq,
        to_word(&end.state),
        hint.map(|hint| &hint.text),
        hint.map(|hint| hint.level),
        hint.map(|hint| to_word(&hint.reason)),
        &end.ai_text,
        &end.model,
        &end.usage,
        now.as_millisecond(),
    ))?;
    Ok(())
}

/// Puts a running turn of which nothing was shown back into the queue.
pub fn put_back(tx: &WriteTx<'_>, seq: i64) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("put_back.sql"))?.execute((seq,))?;
    Ok(())
}

/// After a start: expires what was asked before `oldest`, puts what a crash left running back into the queue.
pub fn put_back_all(tx: &WriteTx<'_>, oldest: Timestamp, now: Timestamp) -> Result<(), StoreError> {
    let times = (oldest.as_millisecond(), now.as_millisecond());
    tx.conn().prepare_cached(include_str!("expire_old.sql"))?.execute(times)?;
    tx.conn().prepare_cached(include_str!("put_back_all.sql"))?.execute(())?;
    Ok(())
}

/// Keeps the pupil's verdict.
pub fn rate(tx: &WriteTx<'_>, seq: i64, helpful: bool) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("rate.sql"))?.execute((seq, helpful))?;
    Ok(())
}

fn read_attempt(row: &Row<'_>, first: usize) -> Result<HelpAttempt, StoreError> {
    Ok(HelpAttempt {
        seq: row.get(first)?,
        attempt_id: row.get(first + 1)?,
        pupil_id: row.get(first + 2)?,
        problem_version_id: row.get(first + 3)?,
        lesson_id: row.get(first + 4)?,
        answer: from_json(&row.get::<_, String>(first + 5)?, "answer")?,
        grade: from_json(&row.get::<_, String>(first + 6)?, "grade")?,
        misconception: row.get::<_, Option<u32>>(first + 7)?.map(|index| index as usize),
    })
}

fn read_task(row: &Row<'_>) -> Result<TurnTask, StoreError> {
    let (text, level): (Option<String>, Option<u32>) = (row.get(3)?, row.get(4)?);
    let reason = read_reason(row, 5)?;
    let hint = text.zip(level).zip(reason).map(|((text, level), reason)| ShownHint { text, level, reason });
    Ok(TurnTask {
        seq: row.get(0)?,
        feedback_id: row.get(1)?,
        language: from_word(row.get(2)?, "language")?,
        hint,
        number: 1,
        attempt: read_attempt(row, 6)?,
    })
}

fn read_turn(row: &Row<'_>) -> Result<Turn, StoreError> {
    let help = Feedback {
        feedback_id: row.get(1)?,
        language: from_word(row.get(2)?, "language")?,
        state: from_word(row.get(3)?, "feedback state")?,
        hint: row.get(4)?,
        // Only a text leaves the name of its model.
        ai_text_removed: row.get::<_, Option<String>>(6)?.is_none()
            && row.get::<_, Option<String>>(7)?.is_some(),
        ai_text: row.get(6)?,
        model: row.get(7)?,
        helpful: row.get(8)?,
        asked_at: to_time(row.get(9)?),
    };
    Ok(Turn { seq: row.get(0)?, turn: row.get(10)?, help, hint_reason: read_reason(row, 5)? })
}

fn read_reason(row: &Row<'_>, column: usize) -> Result<Option<HintReason>, StoreError> {
    row.get::<_, Option<String>>(column)?.map(|word| from_word(word, "hint reason")).transpose()
}
