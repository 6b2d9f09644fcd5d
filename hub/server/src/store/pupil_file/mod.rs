//! What a pupil's own file holds that no other page shows.

use dreamseed_wire::ids::{LessonId, UserId};
use jiff::Timestamp;
use rusqlite::Connection;

use super::{StoreError, to_time};

/// One sitting of an exam.
pub struct SittingLine {
    pub lesson_id: LessonId,
    pub begun_at: Timestamp,
    pub handed_in_at: Option<Timestamp>,
}

/// One sign-in.
pub struct SignInLine {
    pub created_at: Timestamp,
    pub last_seen_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub agent: String,
}

/// When an account was made.
pub fn made_at(conn: &Connection, user: UserId) -> Result<Timestamp, StoreError> {
    Ok(to_time(conn.prepare_cached(include_str!("made_at.sql"))?.query_row([user], |row| row.get(0))?))
}

/// A pupil's sittings, oldest first.
pub fn sittings(conn: &Connection, pupil: UserId) -> Result<Vec<SittingLine>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("sittings.sql"))?;
    let rows = query.query_map([pupil], |row| {
        Ok(SittingLine {
            lesson_id: row.get(0)?,
            begun_at: to_time(row.get(1)?),
            handed_in_at: row.get::<_, Option<i64>>(2)?.map(to_time),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Somebody's sign-ins, oldest first.
pub fn sign_ins(conn: &Connection, user: UserId) -> Result<Vec<SignInLine>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("sign_ins.sql"))?;
    let rows = query.query_map([user], |row| {
        Ok(SignInLine {
            created_at: to_time(row.get(0)?),
            last_seen_at: to_time(row.get(1)?),
            ended_at: row.get::<_, Option<i64>>(2)?.map(to_time),
            agent: row.get(3)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
