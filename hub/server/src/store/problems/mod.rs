//! Problems and their immutable versions.

use std::collections::HashMap;

use dreamseed_wire::{authoring::ProblemDraft, ids::*};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::{StoreError, WriteTx, to_json};

/// Makes a problem; its first version follows by [`add_version`]. `source` is `school` or `starter:<path>`.
pub fn add(
    tx: &WriteTx<'_>,
    source: &str,
    by: Option<UserId>,
    now: Timestamp,
) -> Result<ProblemId, StoreError> {
    let id = ProblemId::new();
    tx.conn().prepare_cached(include_str!("add.sql"))?.execute(params![
        id,
        source,
        by,
        now.as_millisecond()
    ])?;
    Ok(id)
}

/// The starter problem that came from this path, if it was loaded before.
pub fn find_starter(tx: &WriteTx<'_>, source: &str) -> Result<Option<ProblemId>, StoreError> {
    Ok(tx
        .conn()
        .prepare_cached(include_str!("find_starter.sql"))?
        .query_row([source], |row| row.get(0))
        .optional()?)
}

/// BLAKE3 of a draft's JSON, as it is kept beside each version.
pub type ContentHash = [u8; 32];

/// What a draft's row would hold as its content hash.
pub fn content_hash(draft: &ProblemDraft) -> Result<ContentHash, StoreError> {
    Ok(*blake3::hash(to_json(draft, "problem draft")?.as_bytes()).as_bytes())
}

/// The content of every problem that is not archived; of several with the same content the oldest.
pub fn newest_hashes(conn: &Connection) -> Result<HashMap<ContentHash, ProblemId>, StoreError> {
    let mut statement = conn.prepare_cached(include_str!("newest_hashes.sql"))?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Adds a version unless the newest one says the same; returns the newest and whether it is new.
pub fn add_version(
    tx: &WriteTx<'_>,
    problem: ProblemId,
    draft: &ProblemDraft,
    by: Option<UserId>,
    now: Timestamp,
) -> Result<(ProblemVersionId, bool), StoreError> {
    let body = to_json(draft, "problem draft")?;
    let hash = blake3::hash(body.as_bytes());
    let newest: Option<(ProblemVersionId, u32, Vec<u8>)> = tx
        .conn()
        .prepare_cached(include_str!("newest_version.sql"))?
        .query_row([problem], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    if let Some((id, _, known)) = &newest
        && known.as_slice() == hash.as_bytes()
    {
        return Ok((*id, false));
    }
    let id = ProblemVersionId::new();
    let version = newest.map_or(1, |(_, version, _)| version + 1);
    tx.conn().prepare_cached(include_str!("add_version.sql"))?.execute(params![
        id,
        problem,
        version,
        draft.skill,
        body,
        hash.as_bytes().as_slice(),
        by,
        now.as_millisecond()
    ])?;
    Ok((id, true))
}

/// Whether any version of a problem, the newest or one before, has a draft's content, and in which state.
///
/// # Errors
/// A draft that cannot be written.
pub fn find_version(
    tx: &WriteTx<'_>,
    problem: ProblemId,
    draft: &ProblemDraft,
) -> Result<KnownVersion, StoreError> {
    let body = to_json(draft, "problem draft")?;
    let hash = blake3::hash(body.as_bytes());
    let mut query = tx.conn().prepare_cached(include_str!("contents.sql"))?;
    let mut rows = query.query([problem])?;
    while let Some(row) = rows.next()? {
        let (stored, skill) = (
            row.get_ref(1)?.as_bytes_or_null().ok().flatten(),
            row.get_ref(2)?.as_bytes_or_null().ok().flatten(),
        );
        let fits_body = stored == Some(body.as_bytes());
        let fits_hash = row.get_ref(3)?.as_bytes_or_null().ok().flatten() == Some(hash.as_bytes().as_slice());
        match (fits_body, fits_hash) {
            (true, true) if skill == Some(draft.skill.as_bytes()) => return Ok(KnownVersion::Whole),
            (false, false) => {}
            // What was flipped is one of the two; the other tells which content it was.
            (true | false, true | false) => return Ok(KnownVersion::Damaged(row.get(0)?)),
        }
    }
    Ok(KnownVersion::None)
}

/// What [`find_version`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownVersion {
    None,
    Whole,
    /// Its row does not fit its hash any more.
    Damaged(ProblemVersionId),
}

/// Writes the content of a version again that a disk has damaged: the same content, under the same id. Versions are kept as
/// written, and this is how it was written.
pub fn write_again(
    tx: &WriteTx<'_>,
    version: ProblemVersionId,
    draft: &ProblemDraft,
) -> Result<(), StoreError> {
    let body = to_json(draft, "problem draft")?;
    let hash = blake3::hash(body.as_bytes());
    let keeper: String = tx.conn().query_row(include_str!("keeper.sql"), [], |row| row.get(0))?;
    tx.conn().execute_batch(include_str!("drop_keeper.sql"))?;
    tx.conn().prepare(include_str!("write_again.sql"))?.execute(params![
        version,
        draft.skill,
        body,
        hash.as_bytes().as_slice()
    ])?;
    tx.conn().execute_batch(&keeper)?;
    Ok(())
}

/// Whether somebody of the school wrote the newest version: its content is not one that came with the hub.
pub fn is_schools_own(tx: &WriteTx<'_>, problem: ProblemId) -> Result<bool, StoreError> {
    let mut query = tx.conn().prepare_cached(include_str!("is_schools_own.sql"))?;
    Ok(query.query_row([problem], |row| row.get(0)).optional()?.unwrap_or_default())
}

/// Takes a problem out of the lists; its versions stay for the answers that were given to them.
pub fn archive(tx: &WriteTx<'_>, problem: ProblemId, now: Timestamp) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("archive.sql"))?.execute(params![problem, now.as_millisecond()])?;
    Ok(())
}

/// The newest version of a problem.
pub fn newest(tx: &WriteTx<'_>, problem: ProblemId) -> Result<Option<ProblemVersionId>, StoreError> {
    let mut query = tx.conn().prepare_cached(include_str!("newest_version.sql"))?;
    Ok(query.query_row([problem], |row| row.get(0)).optional()?)
}
