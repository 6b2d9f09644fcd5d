//! Targets that could not be read at a restore: only their ledgers may tell that somebody was erased, a consent withdrawn, a
//! device revoked. Their names are kept beside the record; when a run reaches such a target again, its ledgers are taken in as
//! at a start, and the name is forgotten. Until then the admin is told.

use std::{collections::BTreeSet, io, path::Path, sync::Arc, time::Duration};

use dreamseed_wire::hub::NoticeCode;
use serde_json::json;

use super::{
    files,
    restore::{self, RestoreError},
    schedule::scratch_folder,
};
use crate::{
    blocking,
    hub::Ctx,
    ledgers,
    store::{StoreError, hub_meta, notices},
};

const FILE: &str = "unseen-ledgers.json";
/// How often the notice is compared with what is still unseen.
const EVERY: Duration = Duration::from_secs(60);

/// Why the ledgers of a target were not taken in. Its name stays.
#[derive(Debug, thiserror::Error)]
enum UnseenError {
    #[error("the target could not be read")]
    Restore(#[from] RestoreError),
    #[error("the database could not be read or written")]
    Store(#[from] StoreError),
    #[error("the list of them could not be read or written")]
    Io(#[from] io::Error),
}

/// The names of the targets whose ledgers are still unseen. A file that somebody broke names none.
///
/// # Errors
/// A file that cannot be read.
pub fn read(data: &Path) -> io::Result<BTreeSet<String>> {
    match std::fs::read(files::folder(data).join(FILE)) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or_else(|err| {
            tracing::warn!(error = %err, "the list of targets that a restore could not read is broken");
            BTreeSet::new()
        })),
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(BTreeSet::new()),
        Err(err) => Err(err),
    }
}

/// Notes in the new state `new` which targets were `unseen` at its restore, and those that were so at an earlier one in `before`
/// and are not among those that were `read` now.
///
/// # Errors
/// A disk that cannot be written.
pub fn note<'a>(
    new: &Path,
    before: Option<&Path>,
    read: impl Iterator<Item = &'a str>,
    unseen: &[String],
) -> io::Result<()> {
    let mut names = before.map(self::read).transpose()?.unwrap_or_default();
    let had = !names.is_empty();
    for name in read {
        names.remove(name);
    }
    names.extend(unseen.iter().cloned());
    if had || !names.is_empty() {
        write(new, &names)?;
    }
    Ok(())
}

/// Takes in what targets tell as soon as they are reached, until the hub stops.
pub(super) async fn keep_until_stopped(ctx: &Arc<Ctx>) {
    let mut tick = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            () = ctx.stopping.cancelled() => return,
            _ = tick.tick() => {}
            () = ctx.backup.target_reached() => {}
        }
        if let Err(err) = look(ctx).await
            && !ctx.stopping.is_cancelled()
        {
            let cause = std::error::Error::source(&err).map(ToString::to_string).unwrap_or_default();
            tracing::warn!(error = %err, cause, "ledgers that a restore could not read are still unseen");
        }
    }
}

async fn look(ctx: &Arc<Ctx>) -> Result<(), UnseenError> {
    let reached = ctx.backup.take_reached();
    let mut unseen = read_here(ctx).await?;
    let mut failed = Ok(());
    for name in unseen.clone().intersection(&reached) {
        match take_in(ctx, name).await {
            Ok(true) => drop(unseen.remove(name)),
            Ok(false) => {}
            Err(err) => failed = Err(err),
        }
    }
    tell(ctx, &unseen).await?;
    failed
}

/// Takes in the ledgers of a target; whether they were all there, and its name is forgotten.
async fn take_in(ctx: &Arc<Ctx>, name: &str) -> Result<bool, UnseenError> {
    let work = scratch_folder(&ctx.config).join("unseen");
    let (data, hub, target) = (ctx.config.data.clone(), ctx.receipts.hub_id(), name.to_owned());
    let into = work.clone();
    let fetched = blocking::run(move || restore::fetch_ledgers(&data, &target, hub, &into)).await?;
    let taken = match &fetched {
        Ok(Some(_)) => ledgers::take_in(ctx, work.join(restore::LEDGERS)).await,
        Ok(None) | Err(_) => Ok(()),
    };
    blocking::run(move || clear(&work)).await??;
    taken?;
    if fetched? != Some(true) {
        return Ok(false);
    }
    let (data, target) = (ctx.config.data.clone(), name.to_owned());
    blocking::run(move || {
        let mut names = read(&data)?;
        names.remove(&target);
        write(&data, &names)
    })
    .await??;
    tracing::info!(target_name = name, "the ledgers of a target that a restore could not read were taken in");
    Ok(true)
}

/// Keeps the notice: once for each restore and its targets, so that whoever has dismissed it is left alone.
async fn tell(ctx: &Arc<Ctx>, unseen: &BTreeSet<String>) -> Result<(), StoreError> {
    let open = ctx.store.read(notices::open).await?;
    let told = open.into_iter().find(|notice| notice.code == NoticeCode::LedgersUnseen);
    if told.is_none() && unseen.is_empty() {
        return Ok(());
    }
    let put_back = ctx.store.read(hub_meta::last_put_back).await?;
    let data = json!({ "targets": unseen, "epoch": put_back.map(|(epoch, _)| epoch) });
    if told.as_ref().is_some_and(|notice| notice.data == data) {
        return Ok(());
    }
    let (now, is_over) = (ctx.clock.now(), unseen.is_empty());
    ctx.store
        .write(move |tx| {
            notices::withdraw(tx, NoticeCode::LedgersUnseen, now)?;
            if is_over { Ok(()) } else { notices::raise_once(tx, NoticeCode::LedgersUnseen, &data, now) }
        })
        .await
}

async fn read_here(ctx: &Ctx) -> Result<BTreeSet<String>, UnseenError> {
    let data = ctx.config.data.clone();
    Ok(blocking::run(move || read(&data)).await??)
}

fn write(data: &Path, names: &BTreeSet<String>) -> io::Result<()> {
    files::write_secret(&files::folder(data).join(FILE), &serde_json::to_vec(names)?)
}

fn clear(folder: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => Err(err),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_until_a_restore_has_read_the_target() {
        // Unseen before, read now, unseen now; unseen after.
        for (before, seen, unseen, expected) in [
            (&[][..], &["usb"][..], &[][..], &[][..]),
            (&[], &["usb"], &["nas"], &["nas"]),
            (&["nas"], &["usb"], &[], &["nas"]),
            (&["nas"], &["usb", "nas"], &[], &[]),
            (&["nas"], &["nas"], &["nas"], &["nas"]),
            (&["nas"], &[], &["cloud"], &["cloud", "nas"]),
        ] {
            let (old, new) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
            let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
            write(old.path(), &names(before)).expect("written");
            let unseen: Vec<String> = names(unseen).into_iter().collect();
            note(new.path(), Some(old.path()), seen.iter().copied(), &unseen).expect("noted");
            assert_eq!(read(new.path()).expect("read"), names(expected), "{before:?} {seen:?} {unseen:?}");
        }
    }
}
