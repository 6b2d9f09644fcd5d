//! Erases a pupil for good: account, answers, help, notes, places in classes, what the caches know, and the parents who
//! have no other child here. What is left holds ids only.
//!
//! The ledger of erasures stands in the database and, since a database may come back from a backup, in a file beside it
//! too. At each start whoever stands in either is erased again if anything of them is there: after a restore, and after
//! an erasure that was cut off.

use std::{collections::BTreeMap, path::Path, time::Duration};

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
    hub::Ctx,
    ledgers,
    store::{
        Store, StoreError,
        audit::{self, AuditEntry},
        erasures::{self, ErasureEntry},
        ledgers::add_return,
    },
};

/// Days after which a copy in a backup must be gone: 30 nights are kept, and some days more by the provider.
const BACKUP_DAYS: u32 = 45;
/// Answers that go at once, so that the writer is not held long.
const ANSWERS_AT_ONCE: u32 = 50;
const FOLD_TRIES: u32 = 20;

/// Erases a pupil; `body.name` must be the pupil's name.
///
/// # Errors
/// No reason, another name, or no such pupil.
pub async fn erase(ctx: &Ctx, by: By, pupil: UserId, body: ErasePupil) -> Result<Erased, PrivacyError> {
    let school = ctx.school.get();
    let person = find_pupil(&school, pupil)?;
    let reason = check_reason(&body.reason, person)?;
    if body.name.trim().nfc().ne(person.name.nfc()) {
        return Err(PrivacyError::BadField { field: "name", why: "another name than that of this pupil" });
    }
    let class = school.class_of(pupil).map(|class| class.class_id);
    drop(school);
    let now = ctx.clock.now();
    let entry = ErasureEntry { id: Uuid::now_v7(), pupil_id: pupil, erased_at: now };
    let ended = ctx
        .store
        .write(move |tx| {
            erasures::add(tx, &entry, &reason, by.actor)?;
            by.audit(tx, now, "erase pupil", Some(pupil), &entry.id.to_string())?;
            erasures::remove_person(tx, pupil, now)
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

/// Erases again whoever stands in the ledger and is there all the same. For the start, before
/// [`ledgers::bring_together`].
pub async fn replay(store: &Store, data: &Path, now: Timestamp) -> Result<(), StoreError> {
    let beside = ledgers::read_erasures(data)?;
    let known = store.read(erasures::list).await?;
    let entries: BTreeMap<Uuid, ErasureEntry> =
        beside.iter().chain(&known).map(|entry| (entry.id, *entry)).collect();
    let mut again = 0;
    for entry in entries.into_values() {
        let pupil = entry.pupil_id;
        let is_known = known.contains(&entry);
        let is_present = store.read(move |conn| erasures::is_present(conn, pupil)).await?;
        if is_known && !is_present {
            continue;
        }
        store
            .write(move |tx| {
                if !is_known {
                    erasures::add(tx, &entry, "restored from the ledger beside the database", None)?;
                    add_return(tx, entry.id, LostChangeKind::Erased, pupil.0, entry.erased_at)?;
                }
                if !is_present {
                    return Ok::<_, StoreError>(());
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
                erasures::remove_person(tx, pupil, now).map(drop)
            })
            .await?;
        remove_answers(store, pupil).await?;
        again += u32::from(is_present);
    }
    if again > 0 {
        tracing::warn!(
            people = again,
            "people who had been erased were there again and have been erased again"
        );
        fold(store).await?;
    }
    Ok(())
}

/// Ends what somebody who is gone still has open.
async fn leave(ctx: &Ctx, ended: &[SessionId]) -> Result<(), StoreError> {
    ctx.school.reload(&ctx.store).await?;
    drop_sessions(ctx, ended);
    Ok(())
}

async fn remove_answers(store: &Store, pupil: UserId) -> Result<u64, StoreError> {
    let mut total = 0;
    loop {
        let gone = store.write(move |tx| erasures::remove_answers(tx, pupil, ANSWERS_AT_ONCE)).await?;
        if gone == 0 {
            return Ok(total);
        }
        total += gone as u64;
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
