//! What an admin does about backups while the hub runs: add and remove targets, print the recovery sheet and say that it was
//! put away. Each leaves a row in the audit log, without keys and words.

use std::time::Duration;

use dreamseed_wire::backup::{AddBackupTarget, BackupTroubleCode};

use super::{
    sheet::{self, SheetError, Whose},
    targets::{self, TargetError},
};
use crate::{
    auth::By,
    blocking,
    hub::Ctx,
    store::{StoreError, backup_targets, notices},
};
use dreamseed_wire::hub::NoticeCode;

/// Characters of a reason.
const MAX_REASON: usize = 300;
/// How long somebody waits for a new target to be tried; a request may take half a minute.
const TRYING: Duration = Duration::from_secs(22);

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error("there is no target '{0}'")]
    UnknownTarget(String),
    #[error(transparent)]
    Sheet(#[from] SheetError),
    #[error("a reason must be given")]
    ReasonNeeded,
    #[error("the reason is longer than {MAX_REASON} characters")]
    LongReason,
    #[error("no sheet was printed yet")]
    NoSheet,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Adds a target after it was tried; the next look of the schedule makes the first backup there.
///
/// # Errors
/// What was typed wrong, or what is wrong with the place.
pub async fn add_target(ctx: &Ctx, by: By, wanted: AddBackupTarget) -> Result<(), AdminError> {
    let (data, hub) = (ctx.config.data.clone(), ctx.school.get().hub.hub_id);
    let target = blocking(move || targets::check(&data, wanted)).await?;
    let (data, tried) = (ctx.config.data.clone(), target.clone());
    let trying = blocking(move || targets::try_out(&data, &tried, hub));
    match tokio::time::timeout(TRYING, trying).await {
        Ok(done) => done?,
        Err(_) => {
            let cause = "it was not tried to the end in time".to_owned();
            return Err(TargetError::Trouble { code: BackupTroubleCode::Unreachable, cause }.into());
        }
    }
    let (data, name) = (ctx.config.data.clone(), target.name.clone());
    blocking(move || targets::keep(&data, &target)).await?;
    note(ctx, by, "add backup target", name).await
}

/// Forgets a target; what lies there stays.
///
/// # Errors
/// None of this name.
pub async fn remove_target(ctx: &Ctx, by: By, name: String) -> Result<(), AdminError> {
    let (data, wanted) = (ctx.config.data.clone(), name.clone());
    if !blocking(move || targets::remove(&data, &wanted)).await? {
        return Err(AdminError::UnknownTarget(name));
    }
    note(ctx, by, "remove backup target", name).await
}

/// The recovery sheet as PDF. The audit log keeps who printed it and why; the sheet counts as put away only once somebody
/// says so again.
///
/// # Errors
/// No reason, no target yet.
pub async fn print_sheet(ctx: &Ctx, by: By, reason: &str) -> Result<Vec<u8>, AdminError> {
    let reason = reason.trim().to_owned();
    if reason.is_empty() {
        return Err(AdminError::ReasonNeeded);
    }
    if reason.chars().count() > MAX_REASON {
        return Err(AdminError::LongReason);
    }
    let (data, now) = (ctx.config.data.clone(), ctx.clock.now());
    let whose = {
        let hub = &ctx.school.get().hub;
        Whose { hub_id: hub.hub_id, school: hub.school_name.clone(), zone: hub.time_zone.clone(), now }
    };
    let pdf = blocking(move || sheet::print(&data, &whose)).await?;
    ctx.store
        .write(move |tx| {
            by.audit_with_reason(tx, now, "print recovery sheet", None, &reason)?;
            backup_targets::make_sheet(tx, now)
        })
        .await?;
    ctx.backup.wake();
    Ok(pdf)
}

/// Somebody has put the sheet away.
///
/// # Errors
/// None was printed.
pub async fn keep_sheet(ctx: &Ctx, by: By) -> Result<(), AdminError> {
    let now = ctx.clock.now();
    let is_kept = ctx
        .store
        .write(move |tx| {
            if !backup_targets::keep_sheet(tx, now)? {
                return Ok(false);
            }
            by.audit(tx, now, "keep recovery sheet", None, "")?;
            notices::withdraw(tx, NoticeCode::SheetMissing, now)?;
            Ok::<_, StoreError>(true)
        })
        .await?;
    if is_kept { Ok(()) } else { Err(AdminError::NoSheet) }
}

/// Notes a change of the targets. The sheet that was put away does not fit them any more.
async fn note(ctx: &Ctx, by: By, deed: &'static str, name: String) -> Result<(), AdminError> {
    let now = ctx.clock.now();
    ctx.store
        .write(move |tx| {
            by.audit(tx, now, deed, None, &name)?;
            backup_targets::outdate_sheet(tx)
        })
        .await?;
    ctx.backup.wake();
    Ok(())
}

/// Files and networks, off the async threads.
async fn blocking<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, AdminError>
where
    T: Send + 'static,
    E: Send + 'static,
    AdminError: From<E>,
{
    Ok(blocking::run(work).await??)
}
