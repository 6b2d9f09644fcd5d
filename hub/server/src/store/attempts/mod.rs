//! The log of answers. Rows are added and read, never changed.

use dreamseed_wire::{answer::Answer, ids::*};
use jiff::{Timestamp, civil::Date};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{StoreError, WriteTx, from_json, list_of_ids, school::faults::is_of_value, to_json, to_time};

/// An answer about to be written.
#[derive(Debug, Clone)]
pub struct NewAttempt {
    pub id: AttemptId,
    pub pupil_id: UserId,
    pub problem_version_id: ProblemVersionId,
    pub lesson_id: Option<LessonId>,
    pub skill: String,
    pub device_id: Option<DeviceId>,
    pub device_seq: Option<i64>,
    pub body_hash: [u8; 32],
    pub answer: Answer,
    pub occurred_at: Timestamp,
    pub received_at: Timestamp,
    pub day: Date,
}

/// An answer as it stands in the log.
#[derive(Debug, Clone)]
pub struct StoredAttempt {
    pub hub_seq: i64,
    pub epoch: i64,
    pub id: AttemptId,
    pub pupil_id: UserId,
    pub problem_version_id: ProblemVersionId,
    pub lesson_id: Option<LessonId>,
    pub device_id: Option<DeviceId>,
    pub device_seq: Option<i64>,
    pub body_hash: Vec<u8>,
    /// Nothing if a disk has damaged it so that it cannot be read; the rest of its row stands.
    pub answer: Option<Answer>,
    pub received_at: Timestamp,
}

/// An answer's owner, for rights.
pub fn owner(conn: &Connection, id: AttemptId) -> Result<Option<UserId>, StoreError> {
    Ok(conn.prepare_cached(include_str!("owner.sql"))?.query_row([id], |row| row.get(0)).optional()?)
}

/// Whether a device has used this number.
pub fn is_device_number_used(conn: &Connection, device: DeviceId, number: i64) -> Result<bool, StoreError> {
    Ok(conn.prepare_cached(include_str!("is_device_number_used.sql"))?.exists(params![device, number])?)
}

/// Whether a pupil had answered a problem of a lesson by a time, as the hub received it.
pub fn has_answered_by(
    conn: &Connection,
    (pupil, lesson, version): (UserId, LessonId, ProblemVersionId),
    by: Timestamp,
) -> Result<bool, StoreError> {
    let mut query = conn.prepare_cached(include_str!("has_answered_by.sql"))?;
    Ok(query.query_row(params![pupil, lesson, version, by.as_millisecond()], |row| row.get(0))?)
}

/// The answer with this id.
pub fn get(conn: &Connection, id: AttemptId) -> Result<Option<StoredAttempt>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("get.sql"))?;
    query.query_row([id], |row| Ok(from_row(row))).optional()?.transpose()
}

/// Which of these answers there are, with their places in the record.
pub fn places(conn: &Connection, ids: &[AttemptId]) -> Result<Vec<(AttemptId, i64)>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("places.sql"))?;
    let ids = list_of_ids(ids.iter().map(|id| id.0));
    Ok(query.query_map([ids], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?)
}

/// Which of these answers there are; nothing for one whose row cannot be read at all.
///
/// # Errors
/// A table that cannot be read; never what one row holds.
pub fn find(
    conn: &Connection,
    ids: &[AttemptId],
) -> Result<Vec<(AttemptId, Option<StoredAttempt>)>, StoreError> {
    let mut found = Vec::new();
    for (id, _) in places(conn, ids)? {
        match get(conn, id) {
            Ok(attempt) => found.push((id, attempt)),
            Err(err) if is_of_value(&err) => found.push((id, None)),
            Err(err) => return Err(err),
        }
    }
    Ok(found)
}

/// A pupil's answers, newest first. One of which only the answer is damaged is there without it; a row that cannot be read
/// at all is left out.
///
/// # Errors
/// A table that cannot be read; never what one row holds.
pub fn of_pupil(conn: &Connection, pupil: UserId, limit: u32) -> Result<Vec<StoredAttempt>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("of_pupil.sql"))?;
    let mut rows = query.query(params![pupil, limit])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        match from_row(row) {
            Ok(attempt) => found.push(attempt),
            Err(err) if is_of_value(&err) => {
                tracing::error!("an answer of the record cannot be read; its pupil's are shown without it");
            }
            Err(err) => return Err(err),
        }
    }
    Ok(found)
}

/// How often its pupil had tried the problem in its lesson, up to and with this answer.
pub fn count_tries(conn: &Connection, attempt: &StoredAttempt) -> Result<u32, StoreError> {
    let place = params![attempt.pupil_id, attempt.problem_version_id, attempt.lesson_id, attempt.hub_seq];
    Ok(conn.prepare_cached(include_str!("count_tries.sql"))?.query_row(place, |row| row.get(0))?)
}

/// Writes an answer and gives it the next number of the record.
///
/// # Errors
/// [`StoreError::Taken`] if the id or the device's number has been used.
pub fn add(tx: &WriteTx<'_>, new: &NewAttempt) -> Result<i64, StoreError> {
    let hub_seq = tx.take_seq();
    let answer = to_json(&new.answer, "answer")?;
    let day = new.day.to_string();
    let row_hash = hash_row(hub_seq, tx.epoch(), new, &answer, &day);
    tx.conn().prepare_cached(include_str!("add.sql"))?.execute(params![
        hub_seq,
        tx.epoch(),
        new.id,
        new.pupil_id,
        new.problem_version_id,
        new.lesson_id,
        new.skill,
        new.device_id,
        new.device_seq,
        new.body_hash,
        answer,
        new.occurred_at.as_millisecond(),
        new.received_at.as_millisecond(),
        day,
        row_hash.as_slice(),
    ])?;
    Ok(hub_seq)
}

/// Rows whose content no longer fits their hash, among the last `count`: a flipped bit that SQLite does not see. A row whose
/// fields cannot be read at all is one of them, such as text that is no UTF-8 any more.
///
/// # Errors
/// A table that cannot be walked; never what one row holds.
pub fn find_damaged(conn: &Connection, count: u32) -> Result<Vec<i64>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("tail.sql"))?;
    let mut rows = query.query([count])?;
    let mut damaged = Vec::new();
    while let Some(row) = rows.next()? {
        if !is_sound(row).unwrap_or(false) {
            damaged.push(row.get(0)?);
        }
    }
    Ok(damaged)
}

/// Whether the answer at a place of the record fits its hash.
///
/// # Errors
/// A table that cannot be read.
pub fn is_whole(conn: &Connection, hub_seq: i64) -> Result<bool, StoreError> {
    let mut query = conn.prepare_cached(include_str!("at.sql"))?;
    let mut rows = query.query([hub_seq])?;
    Ok(rows.next()?.is_some_and(|row| is_sound(row).unwrap_or(false)))
}

/// Whether a row of the tail fits its hash.
///
/// # Errors
/// A field that is not of its kind.
fn is_sound(row: &Row<'_>) -> Result<bool, StoreError> {
    let hub_seq: i64 = row.get(0)?;
    let answer: String = row.get(9)?;
    let day: String = row.get(12)?;
    let stored: [u8; 32] = row.get(14)?;
    let attempt = NewAttempt {
        id: row.get(2)?,
        pupil_id: row.get(3)?,
        problem_version_id: row.get(4)?,
        lesson_id: row.get(5)?,
        skill: row.get(13)?,
        device_id: row.get(6)?,
        device_seq: row.get(7)?,
        body_hash: row.get(8)?,
        answer: from_json(&answer, "answer")?,
        occurred_at: to_time(row.get(10)?),
        received_at: to_time(row.get(11)?),
        day: Date::constant(1970, 1, 1),
    };
    Ok(hash_row(hub_seq, row.get(1)?, &attempt, &answer, &day) == stored)
}

/// BLAKE3 over the row's fields, each with its length in front, so that no two rows share a canonical form.
fn hash_row(hub_seq: i64, epoch: i64, new: &NewAttempt, answer: &str, day: &str) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    let mut field = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    field(&hub_seq.to_le_bytes());
    field(&epoch.to_le_bytes());
    field(new.id.0.as_bytes());
    field(new.pupil_id.0.as_bytes());
    field(new.problem_version_id.0.as_bytes());
    field(new.lesson_id.as_ref().map_or(&[][..], |id| id.0.as_bytes()));
    field(new.skill.as_bytes());
    field(new.device_id.as_ref().map_or(&[][..], |id| id.0.as_bytes()));
    field(&new.device_seq.unwrap_or(-1).to_le_bytes());
    field(&new.body_hash);
    field(answer.as_bytes());
    field(&new.occurred_at.as_millisecond().to_le_bytes());
    field(&new.received_at.as_millisecond().to_le_bytes());
    field(day.as_bytes());
    *hasher.finalize().as_bytes()
}

fn from_row(row: &Row<'_>) -> Result<StoredAttempt, StoreError> {
    let answer = row.get_ref(7)?.as_str().ok();
    Ok(StoredAttempt {
        hub_seq: row.get(0)?,
        epoch: row.get(1)?,
        id: row.get(2)?,
        pupil_id: row.get(3)?,
        problem_version_id: row.get(4)?,
        lesson_id: row.get(5)?,
        body_hash: row.get(6)?,
        answer: answer.and_then(|answer| from_json(answer, "answer").ok()),
        received_at: to_time(row.get(8)?),
        device_id: row.get(9)?,
        device_seq: row.get(10)?,
    })
}
