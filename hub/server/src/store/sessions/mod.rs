//! Sign-ins, from the first to the last request.

use dreamseed_wire::ids::{DeviceId, LessonId, SessionId, UserId};
use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::{StoreError, WriteTx, to_time};

/// A session that has not ended.
#[derive(Debug, Clone)]
pub struct SessionRow {
    pub id: SessionId,
    pub user_id: UserId,
    pub device_id: Option<DeviceId>,
    /// The lesson for which a pupil signed in.
    pub lesson_id: Option<LessonId>,
    /// The refresh token is kept by a program, not in a browser's cookie.
    pub native: bool,
    /// The browser or client as it named itself, shortened.
    pub agent: String,
    pub created_at: Timestamp,
    pub last_seen_at: Timestamp,
    pub expires_at: Timestamp,
}

/// Keeps a new session.
pub fn add(tx: &WriteTx<'_>, session: &SessionRow) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("add.sql"))?.execute(params![
        session.id,
        session.user_id,
        session.device_id,
        session.lesson_id,
        session.native,
        session.agent,
        session.created_at.as_millisecond(),
        session.expires_at.as_millisecond()
    ])?;
    Ok(())
}

/// All sessions that have not ended, expired ones included.
pub fn live(conn: &Connection) -> Result<Vec<SessionRow>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("live.sql"))?;
    let mut rows = query.query([])?;
    let mut sessions = Vec::new();
    while let Some(row) = rows.next()? {
        sessions.push(SessionRow {
            id: row.get(0)?,
            user_id: row.get(1)?,
            device_id: row.get(2)?,
            lesson_id: row.get(3)?,
            native: row.get(4)?,
            agent: row.get(5)?,
            created_at: to_time(row.get(6)?),
            last_seen_at: to_time(row.get(7)?),
            expires_at: to_time(row.get(8)?),
        });
    }
    Ok(sessions)
}

/// Ends a session; false if it had ended.
pub fn end(tx: &WriteTx<'_>, session: SessionId, now: Timestamp, reason: &str) -> Result<bool, StoreError> {
    let changed = tx.conn().prepare_cached(include_str!("end.sql"))?.execute(params![
        session,
        now.as_millisecond(),
        reason
    ])?;
    Ok(changed > 0)
}

/// Ends a user's sessions except one, if given; returns those that it ended.
pub fn end_of_user(
    tx: &WriteTx<'_>,
    user: UserId,
    except: Option<SessionId>,
    now: Timestamp,
    reason: &str,
) -> Result<Vec<SessionId>, StoreError> {
    let mut query = tx.conn().prepare_cached(include_str!("end_of_user.sql"))?;
    let ended = query.query_map(params![user, except, now.as_millisecond(), reason], |row| row.get(0))?;
    Ok(ended.collect::<Result<_, _>>()?)
}

/// Ends every session; returns those that it ended.
pub fn end_all(tx: &WriteTx<'_>, now: Timestamp, reason: &str) -> Result<Vec<SessionId>, StoreError> {
    let mut query = tx.conn().prepare_cached(include_str!("end_all.sql"))?;
    let ended = query.query_map(params![now.as_millisecond(), reason], |row| row.get(0))?;
    Ok(ended.collect::<Result<_, _>>()?)
}

/// Ends the sessions whose time has passed, such as while the hub was off; returns how many.
pub fn end_expired(tx: &WriteTx<'_>, now: Timestamp, reason: &str) -> Result<usize, StoreError> {
    Ok(tx
        .conn()
        .prepare_cached(include_str!("end_expired.sql"))?
        .execute(params![now.as_millisecond(), reason])?)
}

/// Notes a session's latest request.
pub fn see(tx: &WriteTx<'_>, session: SessionId, at: Timestamp) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("see.sql"))?.execute(params![session, at.as_millisecond()])?;
    Ok(())
}

/// Notes a session's latest request and how long the session now lasts.
pub fn extend(
    tx: &WriteTx<'_>,
    session: SessionId,
    at: Timestamp,
    until: Timestamp,
) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("extend.sql"))?.execute(params![
        session,
        at.as_millisecond(),
        until.as_millisecond()
    ])?;
    Ok(())
}

/// Deletes sessions, with their tokens, that ended longer ago than the school keeps them; returns how many.
pub fn forget_old(tx: &WriteTx<'_>, now: Timestamp) -> Result<usize, StoreError> {
    Ok(tx.conn().prepare_cached(include_str!("forget_old.sql"))?.execute([now.as_millisecond()])?)
}
