//! A record that was put back goes on in a further epoch, so that no number is given twice in one: by the mark of who put it
//! back, by the high mark, and by receipts while the hub runs.

use std::{fs, path::Path};

use dreamseed_client::{Method, StatusCode};
use dreamseed_hub::{high_mark, receipts, store};
use dreamseed_testkit::{RawReply, TestHub, minutes, request, sum_problem, until};
use dreamseed_wire::{
    attempt::SubmitAnswer,
    backup::{EpochReason, LostChangeKind},
    delivery::Receipt,
    hub::NoticeCode,
    ids::EpochId,
    privacy::{ErasePupil, RecordConsent},
};

/// The database as a kill would leave it: the file and its log.
fn copy_database(from: &Path, to: &Path) {
    for name in ["hub.db", "hub.db-wal"] {
        if from.join(name).exists() {
            fs::copy(from.join(name), to.join(name)).expect("copied");
        }
    }
}

/// Puts a database in the place of a stopped hub's.
fn put_back(from: &Path, data: &Path) {
    for name in ["hub.db", "hub.db-wal", "hub.db-shm"] {
        let _ = fs::remove_file(data.join(name));
    }
    copy_database(from, data);
}

async fn show(hub: &TestHub, receipt: &Receipt) -> RawReply {
    let headers = [(receipts::RECEIPT_HEADER, receipts::write_header(receipt))];
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let reply = hub.stranger().raw(Method::GET, "/api/v1/record", &headers, String::new()).await;
    let (status, headers, body) = reply.expect("a reply");
    RawReply { status, headers, body }
}

fn epochs(hub: &TestHub) -> Vec<EpochReason> {
    hub.ctx().store.record().epochs().map(|epoch| epoch.reason).collect()
}

#[tokio::test]
async fn restored_data_begins_a_further_epoch() {
    let mut hub = TestHub::start().await;
    let pupil = hub.pupil("한별").await;
    let given = hub.give(&[sum_problem(1)]).await;
    let first = pupil.submit_answer(&given.answer("1")).await.expect("taken");
    hub.stop().await;
    let copy = tempfile::tempdir().expect("a folder");
    copy_database(hub.data(), copy.path());
    hub.start_again().await;
    let lost = pupil.submit_answer(&given.answer("2")).await.expect("taken");
    assert_eq!(lost.epoch, first.epoch);
    hub.stop().await;

    put_back(copy.path(), hub.data());
    fs::write(hub.data().join("restored"), "restore\n6\n2026-11-22T18:15:00Z\n").expect("marked");
    hub.start_again().await;
    assert!(pupil.my_problems().await.is_err(), "everybody signs in again");
    let again = hub.sign_in(pupil.id).await;
    let again_given = again.submit_answer(&given.answer("3")).await.expect("taken");
    assert_eq!(
        (again_given.epoch, again_given.hub_seq),
        (7, lost.hub_seq),
        "the number again, in an epoch after all that anybody has heard of"
    );
    assert!(!hub.data().join("restored").exists());
    let told = hub.admin().await.since_restore().await.expect("a list");
    assert_eq!(told.snapshot_at.map(|at| at.to_string()).as_deref(), Some("2026-11-22T18:15:00Z"));
    assert!(told.changes.is_empty());

    hub.restart().await;
    let later = again.submit_answer(&given.answer("2")).await.expect("taken");
    assert_eq!(later.epoch, again_given.epoch, "once");
    // What was lost then is known as lost.
    assert_eq!(show(&hub, &lost.receipt).await.status, StatusCode::OK);
    assert_eq!(epochs(&hub), [EpochReason::First, EpochReason::Restore]);
}

#[tokio::test]
async fn every_reply_names_the_epoch_and_a_receipt_is_proof() {
    let hub = TestHub::start().await;
    let pupil = hub.pupil("한별").await;
    let given = hub.give(&[sum_problem(1)]).await;
    let receipt = pupil.submit_answer(&given.answer("1")).await.expect("taken");
    assert!(hub.ctx().receipts.is_ours(&receipt.receipt));
    assert_eq!(receipt.receipt.hub_seq, receipt.hub_seq);
    let record = hub.stranger().record().await.expect("for anyone");
    assert_eq!((record.epoch_id, record.epoch), (receipt.receipt.epoch_id, receipt.epoch));
    assert!(record.hub_seq >= receipt.hub_seq && record.backup_verified.is_none());
    for (path, status) in [("/api/v1/hub", 200), ("/api/v1/me", 401), ("/api/v1/attempts", 405)] {
        let reply = request(&hub.stranger(), Method::GET, path, None, "").await;
        assert_eq!(reply.status.as_u16(), status);
        if status != 405 {
            assert_eq!(reply.header(receipts::EPOCH_HEADER), record.epoch_id.to_string(), "{path}");
        }
    }
}

#[tokio::test]
async fn receipts_of_many_devices_begin_one_epoch() {
    let hub = TestHub::start().await;
    let pupil = hub.pupil("한별").await;
    let given = hub.give(&[sum_problem(1)]).await;
    let kept = pupil.submit_answer(&given.answer("1")).await.expect("taken");
    let (ours, first) = (&hub.ctx().receipts, kept.receipt.epoch_id);
    let beyond = |by: i64| ours.issue(first, kept.hub_seq + by);

    // Neither what is there nor what nobody of the hub has written changes anything.
    let forged = Receipt { mac: "0".repeat(32), ..beyond(50) };
    for harmless in [kept.receipt.clone(), ours.issue(first, 1), forged] {
        assert_eq!(show(&hub, &harmless).await.header(receipts::EPOCH_HEADER), first.to_string());
    }
    assert!(pupil.my_problems().await.is_ok());

    let shown: Vec<Receipt> = (10..60).map(beyond).collect();
    let replies = futures_util::future::join_all(shown.iter().map(|receipt| show(&hub, receipt))).await;
    let record = hub.ctx().store.record();
    assert_eq!(epochs(&hub), [EpochReason::First, EpochReason::Rollback]);
    for reply in replies {
        assert_eq!(
            reply.header(receipts::EPOCH_HEADER),
            record.current.id.to_string(),
            "each sees the new one"
        );
    }
    assert_eq!(record.current.from_seq, record.hub_seq + 1);
    assert!(pupil.my_problems().await.is_err(), "everybody signs in again");
    let pupil = hub.sign_in(pupil.id).await;
    let next = pupil.submit_answer(&given.answer("2")).await.expect("taken");
    assert_eq!((next.epoch, next.receipt.epoch_id), (2, record.current.id));
    let same = SubmitAnswer { attempt_id: kept.attempt_id, ..given.answer("1") };
    let again = pupil.submit_answer(&same).await.expect("kept before");
    assert_eq!(again.receipt, kept.receipt, "an answer keeps the receipt of its own epoch");

    let admin = hub.admin().await;
    let notices = admin.notices(dreamseed_wire::Language::Ko).await.expect("notices");
    assert_eq!(notices.iter().filter(|notice| notice.code == NoticeCode::RecordPutBack).count(), 1);
    let audit = admin.fetch("/audit?action=begin%20epoch").await.to_string();
    assert_eq!(audit.matches("begin epoch").count(), 1, "{audit}");

    // An epoch that this hub has given and does not know, after all that it knows: put back once more; then no more.
    let unknown = ours.issue(EpochId::new(), 3);
    for _ in 0..2 {
        show(&hub, &unknown).await;
        assert_eq!(hub.ctx().store.record().current.number, 3);
    }
    let unknown = ours.issue("01800000-0000-7000-8000-000000000000".parse().expect("an id of 2022"), 9_000);
    show(&hub, &unknown).await;
    assert_eq!(hub.ctx().store.record().current.number, 3, "lost with an epoch that is over");
}

#[tokio::test]
async fn a_database_that_was_put_back_by_hand_is_known_by_the_high_mark() {
    let mut hub = TestHub::start().await;
    let pupil = hub.pupil("한별").await;
    let given = hub.give(&[sum_problem(1)]).await;
    hub.stop().await;
    let copy = tempfile::tempdir().expect("a folder");
    copy_database(hub.data(), copy.path());
    hub.start_again().await;
    pupil.submit_answer(&given.answer("2")).await.expect("taken");
    let last = hub.ctx().store.record().hub_seq;
    hub.stop().await;
    assert_eq!(high_mark::find_own(hub.data()).expect("a mark").hub_seq, last, "exact at a clean stop");

    put_back(copy.path(), hub.data());
    hub.start_again().await;
    assert_eq!(epochs(&hub), [EpochReason::First, EpochReason::Rollback]);
    hub.restart().await;
    assert_eq!(epochs(&hub).len(), 2, "once");

    // The database alone on another machine, without what lay beside it.
    hub.stop().await;
    fs::remove_file(hub.data().join("high-mark")).expect("not copied");
    hub.start_again().await;
    assert_eq!(epochs(&hub).len(), 3);
    hub.restart().await;
    assert_eq!(epochs(&hub).len(), 3, "once");
}

#[tokio::test]
async fn a_folder_that_was_put_back_whole_is_known_by_the_mark_on_another_disk() {
    let other = tempfile::tempdir().expect("a folder");
    let high_mark = other.path().to_owned();
    let mut hub = TestHub::with(move |config| config.backup.high_mark = Some(high_mark)).await;
    let pupil = hub.pupil("한별").await;
    let given = hub.give(&[sum_problem(1)]).await;
    hub.stop().await;
    let copy = tempfile::tempdir().expect("a folder");
    copy_database(hub.data(), copy.path());
    fs::copy(hub.data().join("high-mark"), copy.path().join("high-mark")).expect("copied");
    hub.start_again().await;
    pupil.submit_answer(&given.answer("2")).await.expect("taken");
    hub.stop().await;
    put_back(copy.path(), hub.data());
    fs::copy(copy.path().join("high-mark"), hub.data().join("high-mark")).expect("put back");
    hub.start_again().await;
    assert_eq!(epochs(&hub), [EpochReason::First, EpochReason::Rollback]);
}

/// A hub that was killed with answers in its log only, what the log held is damaged by `damage`, and the next start.
async fn start_with_damaged_log(damage: impl FnOnce(&Path)) -> Vec<EpochReason> {
    let mut hub = TestHub::start().await;
    let pupil = hub.pupil("한별").await;
    let given = hub.give(&[sum_problem(1)]).await;
    // Up to here everything is in the file; what follows stands in the log.
    hub.restart().await;
    let mut last = 0;
    for number in 0..20 {
        last = pupil.submit_answer(&given.answer(&number.to_string())).await.expect("taken").hub_seq;
    }
    let (data, killed) = (hub.data().to_owned(), tempfile::tempdir().expect("a folder"));
    let has_caught_up = || high_mark::find_own(&data).is_some_and(|mark| mark.hub_seq >= last);
    until("the mark has caught up", async || has_caught_up()).await;
    // No write goes on; this is what a kill would leave.
    copy_database(hub.data(), killed.path());
    hub.stop().await;
    put_back(killed.path(), hub.data());
    damage(hub.data());
    hub.start_again().await;
    epochs(&hub)
}

#[tokio::test]
async fn one_flipped_byte_in_the_log_is_found_by_the_high_mark() {
    let whole = start_with_damaged_log(|_| {}).await;
    assert_eq!(whole, [EpochReason::First], "a kill alone loses nothing");
    let flipped = start_with_damaged_log(|data| {
        let path = data.join("hub.db-wal");
        let mut log = fs::read(&path).expect("a log");
        let middle = log.len() * 3 / 4;
        log[middle] ^= 1;
        fs::write(&path, log).expect("written");
    })
    .await;
    assert_eq!(flipped, [EpochReason::First, EpochReason::Rollback]);
}

#[tokio::test]
async fn a_log_that_was_deleted_or_cut_off_is_found_by_the_high_mark() {
    let cut = start_with_damaged_log(|data| {
        let log = fs::OpenOptions::new().write(true).open(data.join("hub.db-wal")).expect("a log");
        let length = log.metadata().expect("its length").len();
        log.set_len(length * 3 / 4).expect("cut off");
    })
    .await;
    assert_eq!(cut, [EpochReason::First, EpochReason::Rollback]);
    let deleted = start_with_damaged_log(|data| {
        fs::remove_file(data.join("hub.db-wal")).expect("deleted");
    })
    .await;
    assert_eq!(deleted, [EpochReason::First, EpochReason::Rollback]);
}

#[tokio::test]
async fn what_must_not_come_undone_is_applied_again() {
    let mut hub = TestHub::start().await;
    let (admin, erased, stays) = (hub.admin().await, hub.pupil("지운이").await, hub.pupil("한별").await);
    hub.stop().await;
    let copy = tempfile::tempdir().expect("a folder");
    copy_database(hub.data(), copy.path());
    hub.start_again().await;

    let consent =
        RecordConsent { scope: "ai_tutor".into(), method: "paper".into(), text_version: "1".into() };
    let given = admin.record_consent(stays.id, &consent).await.expect("recorded");
    admin.withdraw_consent(stays.id, given.consent_id).await.expect("withdrawn");
    admin.reset_secret(stays.id).await.expect("a new PIN");
    let body = ErasePupil { name: "지운이".into(), reason: "전학".into() };
    admin.erase_pupil(erased.id, &body).await.expect("erased");
    hub.stop().await;
    let ledgers = hub.data().join("ledgers");
    let lines = |name: &str| fs::read_to_string(ledgers.join(name)).expect("a ledger");
    for name in ["erasures.jsonl", "consents.jsonl", "security.jsonl"] {
        let text = lines(name);
        assert!(!text.is_empty() && !text.contains("한별") && !text.contains("지운이"), "{name}: {text}");
    }

    put_back(copy.path(), hub.data());
    fs::write(hub.data().join("restored"), "restore").expect("marked");
    hub.start_again().await;
    let is_known =
        hub.ctx().school.get().people.get(&erased.id).is_some_and(|person| person.name == "지운이");
    assert!(!is_known, "erased again");
    let admin = hub.admin().await;
    let consents = admin.consents(stays.id).await.expect("the consents");
    assert!(
        consents
            .iter()
            .any(|consent| consent.consent_id == given.consent_id && consent.withdrawn_at.is_some())
    );
    let told = admin.since_restore().await.expect("a list");
    let mut kinds: Vec<_> = told.changes.iter().map(|change| (change.kind, change.name.as_deref())).collect();
    kinds.sort_by_key(|(kind, _)| format!("{kind:?}"));
    assert_eq!(
        kinds,
        [
            (LostChangeKind::ConsentChanged, Some("한별")),
            (LostChangeKind::Erased, None),
            (LostChangeKind::SecretChanged, Some("한별")),
        ]
    );
    let before = ["erasures.jsonl", "consents.jsonl", "security.jsonl"].map(lines);
    hub.restart().await;
    assert_eq!(["erasures.jsonl", "consents.jsonl", "security.jsonl"].map(lines), before, "nothing twice");
    let still = hub.admin().await.since_restore().await.expect("a list");
    assert_eq!(still.changes.len(), 3);
}

#[tokio::test]
async fn a_clock_that_jumps_changes_neither_the_order_nor_who_may_work() {
    let mut hub = TestHub::start().await;
    let given = hub.give(&[sum_problem(1)]).await;
    let pupil_id = hub.add_pupil(hub.class, "한별").await;
    let (mut last, mut numbers) = (0, Vec::new());
    let day = 24 * 60;
    for (forth, by) in
        [(true, 60), (false, 60), (true, 3_653 * day), (false, 2 * 3_653 * day), (true, 3_653 * day)]
    {
        if forth {
            hub.clock.advance(minutes(by));
        } else {
            hub.clock.set_back(minutes(by));
        }
        // Whoever the jump has signed out signs in; nobody is shut out for good.
        let pupil = hub.sign_in(pupil_id).await;
        let answers = (0..8).map(|number| {
            let (pupil, answer) = (pupil.clone(), given.answer(&number.to_string()));
            async move { pupil.submit_answer(&answer).await }
        });
        for receipt in futures_util::future::join_all(answers).await {
            numbers.push(receipt.expect("taken, whatever the clock says").hub_seq);
        }
        let highest = numbers.iter().copied().max().unwrap_or_default();
        assert!(highest > last, "the order is that of the record");
        last = highest;
        // The session goes on: its own time has not passed.
        assert!(pupil.my_problems().await.is_ok());
        let refused = hub.stranger().record().await.expect("no fault of the server");
        assert_eq!(refused.epoch, 1, "a clock begins no epoch");
    }
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 40, "each number once");
    hub.restart().await;
    assert_eq!(epochs(&hub), [EpochReason::First]);
    assert!(hub.sign_in(pupil_id).await.my_problems().await.is_ok());
}

#[tokio::test]
async fn the_schema_of_a_killed_hub_is_read_from_its_log_too() {
    let mut hub = TestHub::start().await;
    hub.stop().await;
    let path = hub.database();
    let known = store::fold_and_read_schema(&path).expect("read");
    assert_eq!(known, store::migrations::CURRENT);
    // A newer hub that was killed after its migration: the new number stands in the log only.
    let killed = rusqlite::Connection::open(&path).expect("opened");
    killed.pragma_update(None, "wal_autocheckpoint", 0).expect("set");
    killed.pragma_update(None, "user_version", known + 1).expect("written");
    // As the disk stands at the kill: nobody has closed anything.
    let after = tempfile::tempdir().expect("a folder");
    for name in ["hub.db", "hub.db-wal"] {
        fs::copy(hub.data().join(name), after.path().join(name)).expect("copied");
    }
    drop(killed);
    let path = after.path().join("hub.db");
    let in_file = fs::read(&path).expect("the file")[63];
    assert_eq!(u32::from(in_file), known, "the file itself does not know yet");
    assert_eq!(store::fold_and_read_schema(&path).expect("read"), known + 1);
}
