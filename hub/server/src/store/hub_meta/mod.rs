//! The hub's own row and the epochs of its record.

mod record;

use std::{cell::Cell, io::Write, path::Path};

use dreamseed_wire::{
    backup::EpochReason,
    delivery::RecordPlace,
    hub::NoticeCode,
    ids::{EpochId, HubId, SessionId},
};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    StoreError, WriteTx,
    audit::{self, AuditEntry},
    from_word, notices, sessions, to_time, to_word,
};
use crate::{high_mark::HighMark, receipts::Receipts};

pub use record::{Epoch, Record, Sign};

/// Left beside the database by whoever puts back an earlier state of it.
const RESTORED_MARKER: &str = "restored";

/// What the first start writes.
#[derive(Debug, Clone)]
pub struct FirstStart {
    pub now: Timestamp,
    /// IANA name, such as `Asia/Seoul`.
    pub time_zone: String,
}

/// What whoever puts back an earlier state leaves beside it, so that the next start begins a further epoch.
///
/// The numbers that follow would otherwise be given twice within one epoch, for other answers. The file has up to three lines:
/// one of the words `restore`, `rollback` and `damage`; the highest number of an epoch that whoever restored has heard of; and
/// when the state was taken. People and scripts write the word alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestoredMarker {
    pub reason: EpochReason,
    /// 0 if nothing is known.
    pub highest_epoch: i64,
    pub snapshot_at: Option<Timestamp>,
}

impl RestoredMarker {
    /// The mark in a data folder, if there is one.
    ///
    /// # Errors
    /// One that cannot be read, or other words in it: the hub does not serve on a guess.
    pub fn find(folder: &Path) -> Result<Option<Self>, StoreError> {
        match std::fs::read_to_string(folder.join(RESTORED_MARKER)) {
            Ok(text) => Self::parse(&text).map(Some).ok_or(StoreError::BadValue { what: "file `restored`" }),
            Err(err) if err.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(err) => Err(err.into()),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines().map(str::trim);
        let reason = match lines.next().unwrap_or_default() {
            "" | "restore" => EpochReason::Restore,
            "rollback" => EpochReason::Rollback,
            "damage" => EpochReason::Damage,
            _ => return None,
        };
        let mut field = || lines.next().filter(|line| !line.is_empty());
        let highest_epoch = field().map_or(Some(0), |line| line.parse().ok())?;
        let snapshot_at = field().map(str::parse).transpose().ok()?;
        // So large a number would leave none for the epochs that follow.
        Some(RestoredMarker { reason, highest_epoch, snapshot_at })
            .filter(|marker| (0..i64::from(i32::MAX)).contains(&marker.highest_epoch))
    }

    /// Leaves the mark in a folder, durably. Where the state is put into a data folder piece by piece, before the database: a
    /// cut in between costs an empty epoch.
    pub fn leave(&self, folder: &Path) -> std::io::Result<()> {
        let mut file = std::fs::File::create(folder.join(RESTORED_MARKER))?;
        let at = self.snapshot_at.map(|at| at.to_string()).unwrap_or_default();
        writeln!(file, "{}\n{}\n{at}", to_word(&self.reason), self.highest_epoch)?;
        file.sync_all()?;
        #[cfg(unix)]
        std::fs::File::open(folder)?.sync_all()?;
        Ok(())
    }

    fn remove(folder: &Path) -> std::io::Result<()> {
        std::fs::remove_file(folder.join(RESTORED_MARKER))
    }
}

/// An epoch that is to begin.
#[derive(Debug, Clone, Copy)]
pub struct NewEpoch {
    pub reason: EpochReason,
    /// The place that was shown and is not there.
    pub shown: Option<RecordPlace>,
    /// The highest number of an epoch that anything outside the database knows.
    pub highest_epoch: i64,
    /// The last id of an epoch that anything outside the database knows.
    pub highest_id: Option<EpochId>,
    /// When the state was taken that the record goes on from.
    pub snapshot_at: Option<Timestamp>,
    /// The database itself is another than before: what ledgers hold beyond it is told from here on.
    pub is_other_state: bool,
    pub now: Timestamp,
}

/// What the beginning of an epoch ended.
#[derive(Debug, Clone)]
pub struct Begun {
    pub epoch: Epoch,
    pub ended: Vec<SessionId>,
}

/// Makes the hub's row and its first epoch if there are none.
pub fn ensure(conn: &Connection, first: &FirstStart) -> Result<(), StoreError> {
    let found: Option<i64> = conn.query_row(include_str!("epoch.sql"), [], |row| row.get(0)).optional()?;
    if found.is_some() {
        return Ok(());
    }
    let now = first.now.as_millisecond();
    let tx = conn.unchecked_transaction()?;
    let id = record::next_id(std::iter::empty(), first.now);
    tx.execute(include_str!("add_epoch.sql"), params![1, id, None::<i64>, "first", 1, now])?;
    tx.execute(include_str!("add.sql"), params![HubId::new(), "", first.time_zone, 1, now])?;
    tx.commit()?;
    Ok(())
}

/// Begins a further epoch if the record has been put back: whoever did it has left a [`RestoredMarker`], or a high mark
/// shows a place that is not there, or there is none where one was kept.
///
/// Runs before the writer takes its position; a cut before the marker is removed costs an empty epoch and nothing else.
///
/// # Errors
/// A marker that cannot be read or removed.
pub(super) fn continue_record(
    conn: &Connection,
    folder: &Path,
    receipts: &Receipts,
    marks: &[HighMark],
    now: Timestamp,
) -> Result<Record, StoreError> {
    let record = read_record(conn)?;
    let marker = RestoredMarker::find(folder)?;
    let ours = || marks.iter().filter(|mark| mark.is_of(receipts));
    let ahead = ours().find(|mark| record.judge(mark.place()) == Sign::PutBack);
    let reason = match (&marker, ahead) {
        (Some(marker), _) => marker.reason,
        (None, Some(_)) => EpochReason::Rollback,
        // Somebody has put the database here without what lies beside it.
        (None, None) if is_marked(conn)? && ours().next().is_none() => EpochReason::Rollback,
        (None, None) => return Ok(record),
    };
    let highest_epoch =
        ours().map(|mark| mark.epoch).chain(marker.iter().map(|marker| marker.highest_epoch)).max();
    let new = NewEpoch {
        reason,
        shown: ahead.map(HighMark::place),
        highest_epoch: highest_epoch.unwrap_or(0),
        highest_id: ours().map(|mark| mark.epoch_id).max(),
        snapshot_at: marker.and_then(|marker| marker.snapshot_at),
        is_other_state: true,
        now,
    };
    let tx = conn.unchecked_transaction()?;
    let next_seq = Cell::new(record.hub_seq + 1);
    let begun = begin(&WriteTx::outside_of_groups(&tx, &next_seq, &record, receipts), &record, &new)?;
    tx.commit()?;
    if marker.is_some() {
        RestoredMarker::remove(folder)?;
    }
    Ok(record.with(begun.epoch))
}

/// Begins an epoch: everybody signs in again, since what the database says of sign-ins is of another time than what people
/// hold; the admin is told.
pub(super) fn begin(tx: &WriteTx<'_>, record: &Record, new: &NewEpoch) -> Result<Begun, StoreError> {
    let beside = new.shown.map(|place| place.epoch_id).into_iter().chain(new.highest_id);
    let known = record.epochs().map(|epoch| epoch.id).chain(beside);
    let epoch = Epoch {
        number: 1 + record.current.number.max(new.highest_epoch),
        id: record::next_id(known, new.now),
        parent: Some(record.current.number),
        reason: new.reason,
        from_seq: record.hub_seq + 1,
        started_at: new.now,
    };
    let (conn, at) = (tx.conn(), new.now.as_millisecond());
    conn.execute(
        include_str!("add_epoch.sql"),
        params![epoch.number, epoch.id, epoch.parent, to_word(&epoch.reason), epoch.from_seq, at],
    )?;
    conn.execute(include_str!("set_epoch.sql"), [epoch.number])?;
    conn.execute(
        include_str!("add_put_back.sql"),
        params![
            epoch.number,
            new.is_other_state,
            new.snapshot_at.map(Timestamp::as_millisecond),
            new.shown.map(|place| place.epoch_id),
            new.shown.map(|place| place.hub_seq),
        ],
    )?;
    conn.execute(include_str!("raise_token_versions.sql"), [])?;
    let ended = sessions::end_all(tx, new.now, "record put back")?;
    let code = match new.reason {
        EpochReason::First | EpochReason::Restore | EpochReason::Rollback => NoticeCode::RecordPutBack,
        EpochReason::Damage => NoticeCode::DatabaseReplaced,
    };
    let told = serde_json::json!({
        "epoch": epoch.number,
        "reason": epoch.reason,
        "snapshot_at": new.snapshot_at,
        "hub_seq": record.hub_seq,
        // Only in the same stretch do the numbers count the same answers.
        "shown_seq": new.shown.filter(|place| place.epoch_id == record.current.id).map(|place| place.hub_seq),
    });
    // An open one tells of an earlier copy.
    notices::withdraw(tx, code, new.now)?;
    notices::raise(tx, code, &told, new.now)?;
    let detail = format!("{} {} from {}", epoch.number, to_word(&epoch.reason), epoch.from_seq);
    let deed = AuditEntry {
        at: new.now,
        actor: None,
        origin: None,
        action: "begin epoch",
        subject: None,
        detail: &detail,
    };
    audit::add(tx, &deed)?;
    tracing::warn!(
        epoch = epoch.number,
        from = epoch.from_seq,
        reason = to_word(&epoch.reason),
        "the record was put back to an earlier state: a new epoch of it begins, and everybody signs in again"
    );
    Ok(Begun { epoch, ended })
}

/// The epochs and how far the record has come.
pub fn read_record(conn: &Connection) -> Result<Record, StoreError> {
    let mut query = conn.prepare_cached(include_str!("epochs.sql"))?;
    let mut rows = query.query([])?;
    let mut epochs = Vec::new();
    while let Some(row) = rows.next()? {
        epochs.push(Epoch {
            number: row.get(0)?,
            id: row.get(1)?,
            parent: row.get(2)?,
            // It is for people to read; where the record goes on does not hang on it.
            reason: row
                .get(3)
                .map_err(StoreError::from)
                .and_then(|word: String| from_word(word, "reason of an epoch"))
                .unwrap_or(EpochReason::Restore),
            from_seq: row.get(4)?,
            started_at: to_time(row.get(5)?),
        });
    }
    let current = epochs.pop().ok_or(StoreError::BadValue { what: "epochs" })?;
    Ok(Record { current, former: epochs.into(), hub_seq: last_seq(conn)? })
}

/// Whose record this is.
pub fn hub_id(conn: &Connection) -> Result<HubId, StoreError> {
    Ok(conn.query_row(include_str!("hub_id.sql"), [], |row| row.get(0))?)
}

/// Whether a high mark has been kept beside this database.
pub fn is_marked(conn: &Connection) -> Result<bool, StoreError> {
    Ok(conn.query_row(include_str!("is_marked.sql"), [], |row| row.get(0))?)
}

/// Notes that a high mark is kept from now on.
pub fn note_mark(tx: &WriteTx<'_>, now: Timestamp) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("note_mark.sql"))?.execute([now.as_millisecond()])?;
    Ok(())
}

/// The latest epoch that went on from another state of the database, and when that state was taken, if it is known.
pub fn last_put_back(conn: &Connection) -> Result<Option<(i64, Option<Timestamp>)>, StoreError> {
    let mut query = conn.prepare_cached(include_str!("last_put_back.sql"))?;
    let found = query.query_row([], |row| Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?.map(to_time))));
    Ok(found.optional()?)
}

/// The stretch of the record that is being written.
pub fn epoch(conn: &Connection) -> Result<i64, StoreError> {
    Ok(conn.query_row(include_str!("epoch.sql"), [], |row| row.get(0))?)
}

/// The last number of the record that has been written.
pub fn last_seq(conn: &Connection) -> Result<i64, StoreError> {
    Ok(conn.query_row(include_str!("last_seq.sql"), [], |row| row.get(0))?)
}

/// Remembers the highest number of the record, before rows of it are removed: a receipt's number is never given twice.
pub fn keep_position(tx: &WriteTx<'_>) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("keep_position.sql"))?.execute([])?;
    Ok(())
}

/// When the hub was made.
pub fn created_at(conn: &Connection) -> Result<Timestamp, StoreError> {
    Ok(to_time(conn.query_row(include_str!("created_at.sql"), [], |row| row.get(0))?))
}

/// Names the school.
pub fn set_school_name(tx: &WriteTx<'_>, name: &str) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("set_school_name.sql"))?.execute([name])?;
    Ok(())
}

/// The latest time the hub has seen; a clock that shows less has been set back.
pub fn last_seen(conn: &Connection) -> Result<Timestamp, StoreError> {
    Ok(to_time(conn.query_row(include_str!("last_seen.sql"), [], |row| row.get(0))?))
}

/// Remembers the time, never going back.
pub fn see_time(tx: &WriteTx<'_>, now: Timestamp) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("see_time.sql"))?.execute([now.as_millisecond()])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_of_a_restore_is_what_people_and_programs_write() {
        let marker = |reason, highest_epoch, at: Option<&str>| {
            let snapshot_at = at.map(|at| at.parse().expect("a time"));
            Some(RestoredMarker { reason, highest_epoch, snapshot_at })
        };
        for (text, found) in [
            ("", marker(EpochReason::Restore, 0, None)),
            ("restore\n", marker(EpochReason::Restore, 0, None)),
            ("rollback", marker(EpochReason::Rollback, 0, None)),
            ("damage\n7\n", marker(EpochReason::Damage, 7, None)),
            (
                "restore\n\n2026-11-23T00:00:00Z\n",
                marker(EpochReason::Restore, 0, Some("2026-11-23T00:00:00Z")),
            ),
            (
                "restore\n3\n2026-11-23T00:00:00Z",
                marker(EpochReason::Restore, 3, Some("2026-11-23T00:00:00Z")),
            ),
            ("first", None),
            ("restore\nseven", None),
            ("restore\n-1", None),
            ("restore\n9223372036854775807", None),
            ("restore\n3\nyesterday", None),
        ] {
            assert_eq!(RestoredMarker::parse(text), found, "{text:?}");
            if let Some(marker) = found {
                let folder = tempfile::tempdir().expect("a folder");
                marker.leave(folder.path()).expect("left");
                assert_eq!(RestoredMarker::find(folder.path()).expect("read"), Some(marker));
            }
        }
    }
}
