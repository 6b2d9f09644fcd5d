//! Brings back from the newest backup what the disk has damaged in single rows, beside the lesson: an acknowledged answer comes
//! back, backups are sound again, and nothing that people have changed since is undone.
//!
//! The walk: after each start, each night, and when a backup has found rows that do not fit ([`BackupDesk::mend`]), the whole
//! database is looked at ([`snapshots::find_fault`]). Indexes that do not fit are made anew. For rows, the newest snapshot in
//! which none is damaged is fetched beside a copy of the database ([`restore::fetch_newest_verified`]), what can be mended is
//! found out on that copy ([`mending::plan`]), written in one transaction, and told. Without a backup the rows stay as they are.
//!
//! [`BackupDesk::mend`]: super::schedule::BackupDesk::mend

use std::{path::Path, sync::Arc, time::Duration};

use dreamseed_wire::hub::NoticeCode;
use jiff::Timestamp;

use super::{files, manifest::DATABASE, restore, schedule::scratch_folder, snapshot};
use crate::{
    blocking,
    doctor::disk_space,
    hub::Ctx,
    store::{
        self, StoreError,
        audit::{self, AuditEntry},
        inspection,
        mending::{self, Plan},
        notices,
        snapshots::{self, Fault},
    },
};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(24 * 60 * 60);
/// Between two tries: what one cannot mend, the next can only with another backup.
const PAUSE: Duration = Duration::from_secs(60 * 60);

/// Why nothing was mended. Everything is as it was.
#[derive(Debug, thiserror::Error)]
enum MendError {
    #[error("the database could not be read or written")]
    Store(#[from] StoreError),
    #[error("there is no room for it: {needs} MB must be free")]
    NoRoom { needs: u64 },
    #[error("the folder for it could not be written")]
    Io(#[from] std::io::Error),
}

/// Looks at the database and mends it, at once and again and again until the hub stops.
pub(super) async fn keep_until_stopped(ctx: &Arc<Ctx>) {
    loop {
        match mend(ctx).await {
            Ok(true) => ctx.backup.wake(),
            Ok(false) => {}
            Err(MendError::Store(StoreError::Closed)) if ctx.stopping.is_cancelled() => return,
            Err(err) => {
                let cause = std::error::Error::source(&err).map(ToString::to_string).unwrap_or_default();
                tracing::warn!(error = %err, cause, "the database could not be looked at and mended");
            }
        }
        tokio::select! {
            () = ctx.stopping.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
            () = async { tokio::join!(ctx.backup.damage_found(), tokio::time::sleep(PAUSE)); } => {}
        }
    }
}

/// Whether anything was mended.
async fn mend(ctx: &Arc<Ctx>) -> Result<bool, MendError> {
    let now = ctx.clock.now();
    let (data, work) = (ctx.config.data.clone(), scratch_folder(&ctx.config).join("mending"));
    let found = blocking::run(move || {
        let Some(fault) = look(&data)? else { return Ok(None) };
        if let Fault::Structure(said) = &fault {
            tracing::error!(
                said,
                "the structure of the database is damaged; the next start puts a backup in its place"
            );
            return Ok(None);
        }
        let plan = find_out(&data, &work, &fault, now);
        clear(&work)?;
        plan.map(Some)
    });
    let Some(plan) = found.await?? else { return Ok(false) };
    let left = serde_json::json!({ "answers": plan.left_answers, "rows": plan.left_values });
    let mended = plan.answers + plan.values + u32::from(plan.indexes);
    tracing::info!(
        answers = plan.answers,
        values = plan.values,
        left_answers = plan.left_answers,
        left_values = plan.left_values,
        indexes = plan.indexes,
        "damage in the database was looked up in the newest backup"
    );
    let written = ctx
        .store
        .write(move |tx| {
            if plan.is_empty() {
                notices::raise_once(tx, NoticeCode::RecordDamaged, &left, now)?;
                return Ok(false);
            }
            mending::apply(tx, &plan)?;
            let detail = format!("mended {mended}, left {left}");
            audit::add(
                tx,
                &AuditEntry {
                    at: now,
                    actor: None,
                    origin: None,
                    action: "mend record",
                    subject: None,
                    detail: &detail,
                },
            )?;
            notices::withdraw(tx, NoticeCode::RecordDamaged, now)?;
            let mut data = left;
            data["mended"] = mended.into();
            notices::raise(tx, NoticeCode::RecordDamaged, &data, now)?;
            Ok::<_, StoreError>(true)
        })
        .await?;
    if written {
        ctx.school.reload(&ctx.store).await?;
    }
    Ok(written)
}

/// What does not fit, in the whole database.
fn look(data: &Path) -> Result<Option<Fault>, StoreError> {
    snapshots::find_fault(&inspection::open_for_reading(&store::database_path(data))?)
}

/// What can be mended.
fn find_out(data: &Path, work: &Path, fault: &Fault, now: Timestamp) -> Result<Plan, MendError> {
    clear(work)?;
    files::make_folder(work)?;
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
    let database = store::database_path(data);
    // The copy, and the backup beside it.
    let needs = 3 * size(&database) + size(&database.with_extension("db-wal")) + snapshot::MARGIN;
    if disk_space(work).is_some_and(|space| space.free_bytes < needs) {
        return Err(MendError::NoRoom { needs: needs / 1_000_000 });
    }
    let tried_on = work.join("damaged.db");
    snapshots::copy(&store::database_path(data), &tried_on)?;
    let has_backup = restore::fetch_newest_verified(data, work, now).unwrap_or_else(|err| {
        tracing::warn!(error = %err, "no backup could be read to mend from");
        false
    });
    let whole =
        has_backup.then(|| snapshots::open(&work.join(restore::CHOSEN).join(DATABASE))).transpose()?;
    Ok(mending::plan(&snapshots::open_for_trying(&tried_on)?, whole.as_ref(), fault)?)
}

fn clear(folder: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(err) if err.kind() != std::io::ErrorKind::NotFound => Err(err),
        Ok(()) | Err(_) => Ok(()),
    }
}
