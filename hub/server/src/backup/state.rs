//! How backups stand, for the admin's page and the doctor.

use std::path::Path;

use dreamseed_wire::{
    Language,
    backup::{BackupHealth, BackupPlace, BackupState, BackupTargetView, BackupTrouble, EpochView},
};
use jiff::Timestamp;

use super::{
    BackupError,
    schedule::{self, Standing, Timetable},
    targets::Targets,
    trouble,
};
use crate::{
    blocking,
    hub::Ctx,
    store::{
        ReadConn, StoreError,
        backup_targets::{self, Sheet, TargetRow, VerifiedPlace},
        hub_meta,
    },
};

/// What the database knows of backups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    pub rows: Vec<TargetRow>,
    pub verified: Option<VerifiedPlace>,
    pub sheet: Option<Sheet>,
}

impl Kept {
    /// Reads it.
    ///
    /// # Errors
    /// A database that cannot be read, or one from before there were backups.
    pub fn read(conn: &ReadConn) -> Result<Self, StoreError> {
        Ok(Kept {
            rows: backup_targets::list(conn)?,
            verified: backup_targets::verified(conn)?,
            sheet: backup_targets::sheet(conn)?,
        })
    }
}

/// How backups stand, in the reader's language.
///
/// # Errors
/// A database or a file of targets that cannot be read.
pub async fn view(ctx: &Ctx, language: Language) -> Result<BackupState, BackupError> {
    let data = ctx.config.data.clone();
    let targets = blocking::run(move || Targets::load(&data)).await?.map_err(Box::new)?;
    let (kept, record) =
        ctx.store.read(|conn| Ok::<_, StoreError>((Kept::read(conn)?, hub_meta::read_record(conn)?))).await?;
    let (now, timetable) = (ctx.clock.now(), schedule::timetable(ctx));
    let show = |target: &super::targets::Target| {
        let row = kept.rows.iter().find(|row| row.name == target.name).cloned();
        let row = row.unwrap_or_else(|| TargetRow { name: target.name.clone(), ..TargetRow::default() });
        let standing = Standing { is_folder: target.is_folder(), row, ledgers: None };
        view_target(&standing, target.place.clone(), &timetable, language, now)
    };
    let mut epochs: Vec<EpochView> = record
        .epochs()
        .map(|epoch| EpochView {
            epoch: epoch.number,
            epoch_id: epoch.id,
            parent: epoch.parent,
            reason: epoch.reason,
            from_seq: epoch.from_seq,
            started_at: epoch.started_at,
        })
        .collect();
    epochs.sort_by_key(|epoch| std::cmp::Reverse(epoch.epoch));
    Ok(BackupState {
        targets: targets.list.iter().map(show).collect(),
        running: ctx.backup.running(),
        verified: kept.verified.as_ref().map(|verified| verified.place),
        verified_at: kept.verified.map(|verified| verified.at),
        epochs,
        sheet_kept: kept.sheet.is_some_and(|sheet| sheet.kept_at.is_some()),
    })
}

/// How a target stands.
pub fn health(now: Timestamp, is_folder: bool, row: &TargetRow) -> BackupHealth {
    if row.trouble.is_some_and(|(code, _)| schedule::is_stopping(code)) {
        BackupHealth::Failing
    } else if schedule::is_late(now, is_folder, row) {
        BackupHealth::Waiting
    } else {
        BackupHealth::Ok
    }
}

/// The names of targets, with whether each is a folder; nothing if there is no file that can be read.
pub fn target_kinds(data: &Path) -> Option<Vec<(String, bool)>> {
    let targets = Targets::load(data).ok()?;
    Some(targets.list.iter().map(|target| (target.name.clone(), target.is_folder())).collect())
}

fn view_target(
    standing: &Standing,
    place: BackupPlace,
    timetable: &Timetable,
    language: Language,
    now: Timestamp,
) -> BackupTargetView {
    let row = &standing.row;
    let seconds = |ms: u32| ms.div_ceil(1_000);
    BackupTargetView {
        name: row.name.clone(),
        place,
        other_device: row.other_device,
        health: health(now, standing.is_folder, row),
        trouble: row.trouble.map(|(code, since)| {
            let (text, next_step) = trouble::describe(code, language);
            BackupTrouble { code, text: text.to_owned(), next_step: next_step.to_owned(), since }
        }),
        last_backup_at: row.last_backup_at,
        last_restored_at: row.last_restored_at,
        restore_seconds: row.restore_ms.map(seconds),
        snapshots: row.snapshots,
        last_bytes: row.last_bytes,
        next_at: Some(schedule::next_at(now, timetable, standing)),
    }
}
