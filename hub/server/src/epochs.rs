//! The epochs of the record while the hub runs: how it stands, and what follows when somebody shows that it was put back.
//!
//! The walk: the database and the high mark have spoken at the start ([`crate::store::hub_meta`]); after that receipts do.
//! Each request may bear one, and each batch of a device does. [`notice_receipt`] asks whether it is the hub's own and what it
//! says of the record ([`Record::judge`], where every case stands in a table); if the hub has given that place and does not
//! have it, a new epoch begins between two groups of writes, everybody signs in again, and devices that see it send what the
//! hub lacks.

use dreamseed_wire::{
    backup::{EpochReason, EpochView, LostChange, LostChangeKind, SinceRestore},
    delivery::{Receipt, RecordPlace, RecordState},
    ids::UserId,
};

use crate::{
    auth::drop_sessions,
    backup::unseen,
    blocking,
    hub::Ctx,
    store::{
        StoreError, backup_targets,
        hub_meta::{self, Epoch, NewEpoch, Record, Sign},
        ledgers,
    },
};

/// Changes that are listed after a restore.
const CHANGES_MAX: u32 = 1_000;

/// How the record stands.
pub async fn record_state(ctx: &Ctx) -> Result<RecordState, StoreError> {
    let backup_verified = ctx.store.read(backup_targets::verified).await?.map(|verified| verified.place);
    let Record { current, hub_seq, .. } = ctx.store.record();
    Ok(RecordState {
        epoch_id: current.id,
        epoch: current.number,
        hub_seq,
        backup_verified,
        server_time: ctx.clock.now(),
    })
}

/// Takes note of a receipt that somebody shows. Returns when what follows from it is done: a reply that is made afterwards
/// bears the new epoch, if one has begun. A receipt that is not this hub's changes nothing.
///
/// # Errors
/// The record was put back and no new epoch can begin, as on a full disk: the hub must not go on numbering in the old one.
pub async fn notice_receipt(ctx: &Ctx, receipt: &Receipt) -> Result<(), StoreError> {
    if !ctx.receipts.is_ours(receipt) {
        tracing::debug!("a receipt was shown that is not this hub's");
        return Ok(());
    }
    notice_place(ctx, RecordPlace { epoch_id: receipt.epoch_id, hub_seq: receipt.hub_seq }).await
}

/// Takes note of a place that this hub is known to have given, such as by the newest of its own backups.
///
/// # Errors
/// As [`notice_receipt`].
pub async fn notice_place(ctx: &Ctx, place: RecordPlace) -> Result<(), StoreError> {
    if ctx.store.record().judge(place) != Sign::PutBack {
        return Ok(());
    }
    // Whoever comes second waits until the first has signed everybody out.
    let _turn = ctx.epoch_turn.lock().await;
    let new = NewEpoch {
        reason: EpochReason::Rollback,
        shown: Some(place),
        highest_epoch: 0,
        highest_id: None,
        snapshot_at: None,
        is_other_state: false,
        now: ctx.clock.now(),
    };
    let Some(begun) = ctx.store.begin_epoch(new).await? else { return Ok(()) };
    // Their streams end with them; whoever comes back finds another epoch in the first event id and fetches anew.
    ctx.school.reload(&ctx.store).await?;
    drop_sessions(ctx, &begun.ended);
    Ok(())
}

/// The epochs, newest first.
pub fn list(ctx: &Ctx) -> Vec<EpochView> {
    ctx.store.record().epochs().rev().map(view).collect()
}

/// What the ledgers hold beyond the state that was put back last.
pub async fn since_restore(ctx: &Ctx) -> Result<SinceRestore, StoreError> {
    let found = ctx
        .store
        .read(|conn| {
            let Some((epoch, snapshot_at)) = hub_meta::last_put_back(conn)? else { return Ok(None) };
            Ok::<_, StoreError>(Some((snapshot_at, ledgers::returns(conn, epoch, CHANGES_MAX)?)))
        })
        .await?;
    let (snapshot_at, returned) = found.unwrap_or_default();
    let school = ctx.school.get();
    let name_of = |change: &ledgers::Returned| match change.kind {
        LostChangeKind::DeviceEnrolled | LostChangeKind::DeviceRevoked => change.device_name.clone(),
        // There is nothing left to name.
        LostChangeKind::Erased => None,
        LostChangeKind::SecretChanged | LostChangeKind::ConsentChanged => {
            school.people.get(&UserId(change.subject)).map(|person| person.name.clone())
        }
    };
    let changes = returned
        .iter()
        .map(|change| LostChange { kind: change.kind, name: name_of(change), at: change.at })
        .collect();
    let data = ctx.config.data.clone();
    let unseen = blocking::run(move || unseen::read(&data)).await??;
    Ok(SinceRestore { snapshot_at, changes, ledgers_unseen: unseen.into_iter().collect() })
}

fn view(epoch: &Epoch) -> EpochView {
    EpochView {
        epoch: epoch.number,
        epoch_id: epoch.id,
        parent: epoch.parent,
        reason: epoch.reason,
        from_seq: epoch.from_seq,
        started_at: epoch.started_at,
    }
}
