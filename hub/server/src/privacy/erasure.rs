//! Erases a pupil for good: account, answers, help, notes, places in classes, what the caches know, and the parents who
//! have no other child here. What is left holds ids only.
//!
//! The ledger of erasures stands in the database and, since a database may come back from a backup, in a file beside it
//! too. At each start whoever stands in either is erased again if anything of them is there: after a restore, and after
//! an erasure that was cut off.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    time::Duration,
};

use dreamseed_wire::{
    backup::LostChangeKind,
    ids::{SessionId, UserId},
    live::LiveEvent,
    privacy::{ErasePupil, Erased},
};
use jiff::Timestamp;
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

use super::{PrivacyError, check_reason, find_pupil};
use crate::{
    auth::{By, drop_sessions},
    doctor::disk_space,
    hub::Ctx,
    ledgers,
    store::{
        self, Store, StoreError,
        audit::{self, AuditEntry},
        erasures::{self, ErasureEntry},
        ledgers::add_return,
        sittings,
    },
};

/// Days after which a copy in a backup must be gone: 30 nights are kept, and some days more by the provider.
const BACKUP_DAYS: u32 = 45;
/// Answers that go at once, so that the writer is not held long.
const ANSWERS_AT_ONCE: usize = 50;
const FOLD_TRIES: u32 = 20;
/// What a service manager is asked for while the file is written anew, in microseconds: several gigabytes on a slow disk.
const PURGE_TIME: u32 = 600_000_000;

/// Erases a pupil; `body.name` must be the pupil's name, or the pupil's id if a disk has damaged the name.
///
/// # Errors
/// No reason, another name, no such pupil, or one who sits in an exam: the whole exam would be gone while it is written.
pub async fn erase(ctx: &Ctx, by: By, pupil: UserId, body: ErasePupil) -> Result<Erased, PrivacyError> {
    let account = find_pupil(ctx, pupil).await?;
    let reason = check_reason(&body.reason, &account)?;
    let is_readable = !account.name.contains(char::REPLACEMENT_CHARACTER);
    let is_id = || body.name.trim() == pupil.to_string();
    if body.name.trim().nfc().ne(account.name.nfc()) && (is_readable || !is_id()) {
        return Err(PrivacyError::BadField { field: "name", why: "another name than that of this pupil" });
    }
    let class = ctx.school.get().class_of(pupil).map(|class| class.class_id);
    mend_indexes(&ctx.store).await?;
    let now = ctx.clock.now();
    let entry = ErasureEntry { id: Uuid::now_v7(), pupil_id: pupil, erased_at: now };
    let ended = ctx
        .store
        .write(move |tx| {
            if sittings::is_sitting(tx.conn(), pupil, now)? {
                return Err(PrivacyError::ExamRunning);
            }
            erasures::add(tx, &entry, &reason, by.actor)?;
            by.audit(tx, now, "erase pupil", Some(pupil), &entry.id.to_string())?;
            Ok(erasures::remove_person(tx, pupil, now)?)
        })
        .await?;
    leave(ctx, &ended).await?;
    let answers = remove_answers(&ctx.store, pupil).await?;
    if let Some(class) = class {
        ctx.live.tell_class(class, &LiveEvent::Refetch);
    }
    ledgers::keep(ctx).await?;
    fold(&ctx.store).await?;
    Ok(Erased { pupil_id: pupil, answers, in_backups_days: BACKUP_DAYS })
}

/// Erases again whoever stands in the ledger and is there all the same, and writes the file anew if there was somebody: in
/// unused bytes of its pages a name would stay readable. For the start, before [`ledgers::bring_together`].
pub async fn replay(store: &Store, data: &Path, now: Timestamp) -> Result<(), StoreError> {
    let again = erase_again(store, data, now).await?;
    if again.people.is_empty() {
        return Ok(());
    }
    match purge(store, data, now).await {
        Err(err) if !err.is_fatal() => {
            tracing::warn!(error = %err, "the file could not be written anew after an erasure; the retention does it");
            fold(store).await
        }
        done => done,
    }
}

/// The same while the hub serves: who is erased is signed out. The file is written anew by the retention, when nobody works.
pub async fn replay_beside(ctx: &Ctx) -> Result<(), StoreError> {
    let again = erase_again(&ctx.store, &ctx.config.data, ctx.clock.now()).await?;
    if again.people.is_empty() {
        return Ok(());
    }
    let school = ctx.school.get();
    let classes: BTreeSet<_> =
        again.people.iter().filter_map(|pupil| Some(school.class_of(*pupil)?.class_id)).collect();
    drop(school);
    leave(ctx, &again.ended).await?;
    for class in classes {
        ctx.live.tell_class(class, &LiveEvent::Refetch);
    }
    fold(&ctx.store).await
}

/// Who was erased again.
#[derive(Default)]
struct Again {
    people: Vec<UserId>,
    ended: Vec<SessionId>,
}

async fn erase_again(store: &Store, data: &Path, now: Timestamp) -> Result<Again, StoreError> {
    let beside = ledgers::read_erasures(data)?;
    let known = store.read(erasures::list).await?;
    let entries: BTreeMap<Uuid, ErasureEntry> =
        beside.iter().chain(&known).map(|entry| (entry.id, *entry)).collect();
    let (mut again, mut has_looked) = (Again::default(), false);
    for entry in entries.into_values() {
        let pupil = entry.pupil_id;
        let is_known = known.contains(&entry);
        let is_present = store.read(move |conn| erasures::is_present(conn, pupil)).await?;
        if is_known && !is_present {
            continue;
        }
        if !std::mem::replace(&mut has_looked, true) {
            mend_indexes(store).await?;
        }
        let ended = store
            .write(move |tx| {
                if !is_known {
                    erasures::add(tx, &entry, "restored from the ledger beside the database", None)?;
                    add_return(tx, entry.id, LostChangeKind::Erased, pupil.0, entry.erased_at)?;
                }
                if !is_present {
                    return Ok::<_, StoreError>(Vec::new());
                }
                let detail = entry.id.to_string();
                let deed = AuditEntry {
                    at: now,
                    actor: None,
                    origin: None,
                    action: "erase pupil again",
                    subject: Some(pupil),
                    detail: &detail,
                };
                audit::add(tx, &deed)?;
                erasures::remove_person(tx, pupil, now)
            })
            .await?;
        remove_answers(store, pupil).await?;
        again.ended.extend(ended);
        again.people.extend(is_present.then_some(pupil));
    }
    if !again.people.is_empty() {
        tracing::warn!(
            people = again.people.len(),
            "people who had been erased were there again and have been erased again"
        );
    }
    Ok(again)
}

/// Writes the whole file anew, if there is room for it.
async fn purge(store: &Store, data: &Path, now: Timestamp) -> Result<(), StoreError> {
    let size = fs::metadata(store::database_path(data))?.len();
    if disk_space(data).is_some_and(|space| space.free_bytes / 2 < size) {
        return Err(StoreError::DiskFull);
    }
    if let Err(err) = sd_notify::notify(&[sd_notify::NotifyState::ExtendTimeoutUsec(PURGE_TIME)]) {
        tracing::warn!(error = %err, "systemd could not be told that this start takes long");
    }
    store.rewrite_file().await?;
    // What a reader kept it from is done now or by the retention.
    fold(store).await?;
    store.write(move |tx| erasures::mark_purged(tx, now)).await
}

/// Ends what somebody who is gone still has open.
async fn leave(ctx: &Ctx, ended: &[SessionId]) -> Result<(), StoreError> {
    ctx.school.reload(&ctx.store).await?;
    drop_sessions(ctx, ended);
    Ok(())
}

/// What is erased is found by indexes too, and one that a disk has damaged knows less than its table: the table is right, and
/// its indexes are made anew from it.
async fn mend_indexes(store: &Store) -> Result<(), StoreError> {
    let tables = store.read(erasures::tables_with_wrong_indexes).await?;
    if tables.is_empty() {
        return Ok(());
    }
    tracing::error!(?tables, "indexes did not fit their tables and are made anew before an erasure");
    store.write(move |tx| erasures::make_indexes_anew(tx, &tables)).await
}

/// Removes all answers of somebody; looks again until a look through the whole record finds none.
async fn remove_answers(store: &Store, pupil: UserId) -> Result<u64, StoreError> {
    let mut total = 0;
    loop {
        let found = store.read(move |conn| erasures::find_answers(conn, pupil)).await?;
        if found.is_empty() {
            return Ok(total);
        }
        for some in found.chunks(ANSWERS_AT_ONCE) {
            let some = some.to_vec();
            total += store.write(move |tx| erasures::remove_answers(tx, &some)).await? as u64;
        }
    }
}

/// Empties the log, in which what was removed still stands; a reader may be in the way for a moment.
async fn fold(store: &Store) -> Result<(), StoreError> {
    for _ in 0..FOLD_TRIES {
        if store.fold_log().await? {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tracing::warn!("the log could not be emptied after an erasure; the retention does it");
    Ok(())
}
