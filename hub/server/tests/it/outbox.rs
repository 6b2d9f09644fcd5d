//! A device's outbox against a real hub: what was kept offline arrives, once, whoever sits there and whatever the hub has
//! lost since.

use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use dreamseed_client::outbox::{Again, MachineClock, Outbox, OutboxStatus, Reach, Why, machine::Timing};
use dreamseed_testkit::{Given, Person, TestHub, submission, sum_problem, until, within};
use dreamseed_wire::{
    attempt::SubmitAnswer,
    delivery::{RecordPlace, RejectCode},
    ids::{AttemptId, ProblemVersionId, UserId},
};
use futures_util::future::join_all;
use tempfile::TempDir;

/// Waits of a test, which has no time.
fn timing() -> Timing {
    Timing { first_wait: 20, longest_wait: 100, look_every: 50, ..Timing::default() }
}

/// A PC of a class with its outbox.
struct Desk {
    hub: TestHub,
    given: Given,
    folder: TempDir,
    outbox: Outbox,
}

async fn desk() -> Desk {
    let hub = TestHub::start().await;
    let given = hub.give(&[sum_problem(1), sum_problem(2)]).await;
    let folder = tempfile::tempdir().expect("a folder");
    let outbox = open(&hub, folder.path()).await;
    outbox.enrol(&hub.teacher().await.client, "3-2 교실 07번").await.expect("enrolled");
    Desk { hub, given, folder, outbox }
}

async fn open(hub: &TestHub, folder: &Path) -> Outbox {
    let clock = Arc::new(MachineClock::new());
    Outbox::open_with(folder, hub.stranger(), clock, timing()).await.expect("an outbox")
}

impl Desk {
    async fn sign_in(&self, name: &str) -> Person {
        let pupil = self.hub.pupil(name).await;
        self.outbox.sign_in_with(pupil.id, &pupil.client).await.expect("a proof");
        pupil
    }

    async fn keep(&self, pupil: UserId, text: &str) -> SubmitAnswer {
        let answer = self.given.answer(text);
        self.outbox.keep(pupil, &answer).await.expect("kept");
        answer
    }

    async fn until(&self, what: &str, is_so: impl FnMut(&OutboxStatus) -> bool) -> OutboxStatus {
        let mut status = self.outbox.status();
        within(what, status.wait_for(is_so)).await.expect("the outbox runs").clone()
    }

    fn in_record(&self) -> Vec<AttemptId> {
        let database = rusqlite::Connection::open(self.hub.database()).expect("opened");
        let mut query = database.prepare("SELECT id FROM attempts ORDER BY hub_seq").expect("prepared");
        let ids = query.query_map([], |row| row.get(0)).expect("asked");
        ids.collect::<Result<_, _>>().expect("ids")
    }
}

#[tokio::test]
async fn what_was_kept_offline_arrives_once_after_sign_out_and_restore() {
    let mut desk = desk().await;
    let (minji, junho) = (desk.sign_in("민지").await, desk.sign_in("준호").await);
    let mut answers = vec![desk.keep(minji.id, "2").await];
    desk.until("the first delivery", |status| status.delivered_uncovered == 1).await;
    // The night's backup: what comes after it will be lost.
    desk.hub.stop().await;
    let night = tempfile::tempdir().expect("a folder");
    copy_database(desk.hub.data(), night.path());
    desk.hub.start_again().await;
    answers.push(desk.keep(minji.id, "3").await);
    answers.push(desk.keep(junho.id, "2").await);
    let before = desk.until("the second delivery", |status| status.delivered_uncovered == 3).await;

    minji.sign_out().await.expect("gone");
    desk.hub.stop().await;
    answers.push(desk.keep(minji.id, "4").await);
    desk.until("the failure", |status| status.hub == Reach::Unreachable).await;
    answers.push(desk.keep(junho.id, "5").await);
    // The pupil presses once more, and the PC is switched off.
    desk.outbox.keep(junho.id, &answers[4]).await.expect("kept");
    let told = desk.outbox.status().borrow().clone();
    assert_eq!((told.waiting, told.delivered_uncovered), (2, 3));
    desk.outbox.close().await;

    put_back(night.path(), desk.hub.data());
    fs::write(desk.hub.data().join("restored"), "restore\n1\n2026-11-22T18:15:00Z\n").expect("marked");
    desk.hub.start_again().await;
    desk.outbox = open(&desk.hub, desk.folder.path()).await;
    // What waits goes first; the reply tells of the other epoch, and then the hub is asked what it lacks.
    until("all answers in the record", async || desk.in_record().len() == answers.len()).await;
    let after =
        desk.until("all receipts", |status| status.waiting == 0 && status.delivered_uncovered == 5).await;
    assert_ne!(after.epoch.map(|seen| seen.epoch_id), before.epoch.map(|seen| seen.epoch_id));
    assert!(after.set_aside.is_empty());
    let ids: BTreeSet<AttemptId> = answers.iter().map(|answer| answer.attempt_id).collect();
    assert_eq!(desk.in_record().len(), ids.len(), "once");
    assert_eq!(desk.in_record().into_iter().collect::<BTreeSet<_>>(), ids);
    assert_eq!(after.device_id, before.device_id);

    // A backup on another device covers them.
    let place = RecordPlace {
        epoch_id: after.epoch.expect("heard").epoch_id,
        hub_seq: desk.hub.ctx().store.record().hub_seq,
    };
    let database = rusqlite::Connection::open(desk.hub.database()).expect("opened");
    database
        .execute(
            "INSERT INTO backup_verified (one, epoch_id, hub_seq, target, at) VALUES (1, ?1, ?2, 'usb', 0)",
            rusqlite::params![place.epoch_id, place.hub_seq],
        )
        .expect("written");
    desk.until("the cover", |status| status.delivered_uncovered == 0).await;
    desk.outbox.close().await;
}

#[tokio::test]
async fn what_the_hub_does_not_take_is_seen_and_hinders_nobody() {
    let desk = desk().await;
    let minji = desk.sign_in("민지").await;
    // Has never signed in here.
    let junho = desk.hub.pupil("준호").await;
    let early = desk.keep(junho.id, "2").await;
    let unknown = submission(ProblemVersionId::new(), None, dreamseed_testkit::number("2"));
    desk.outbox.keep(minji.id, &unknown).await.expect("kept");
    let good = desk.keep(minji.id, "2").await;
    let status = desk
        .until("a delivery", |status| status.delivered_uncovered == 1 && status.set_aside.len() == 2)
        .await;
    let why: Vec<_> =
        status.set_aside.iter().map(|aside| (aside.attempt_id, aside.why, aside.again)).collect();
    let code = RejectCode::UnknownProblem;
    assert_eq!(
        why,
        [
            (early.attempt_id, Why::NoDeposit, Again::AtSignIn),
            (unknown.attempt_id, Why::Rejected { code }, Again::Later),
        ]
    );
    assert_eq!(desk.in_record(), [good.attempt_id]);

    desk.outbox.sign_in_with(junho.id, &junho.client).await.expect("a proof");
    desk.until("the other delivery", |status| status.delivered_uncovered == 2).await;
    desk.outbox.dismiss(unknown.attempt_id).await.expect("dismissed");
    desk.until("nothing aside", |status| status.set_aside.is_empty()).await;
    desk.outbox.close().await;
}

#[tokio::test]
async fn a_revoked_device_keeps_its_answers() {
    let desk = desk().await;
    let minji = desk.sign_in("민지").await;
    let device_id = desk.outbox.device_id().expect("enrolled");
    desk.hub.admin().await.revoke_device(device_id).await.expect("revoked");
    desk.keep(minji.id, "2").await;
    let status = desk.until("the refusal", |status| status.hub == Reach::DeviceRefused).await;
    assert_eq!((status.waiting, status.set_aside.len()), (1, 0));
    assert!(desk.in_record().is_empty());
    desk.outbox.close().await;
}

/// A morning after days without the hub. `DREAMSEED_ITEMS` sets how many answers wait.
#[tokio::test]
async fn a_long_line_drains() {
    let mut desk = desk().await;
    #[expect(clippy::disallowed_methods, reason = "a test has no other settings")]
    let count = std::env::var("DREAMSEED_ITEMS").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000);
    let minji = desk.sign_in("민지").await;
    desk.hub.stop().await;
    let begun = Instant::now();
    let answers: Vec<SubmitAnswer> = (0..count).map(|n| desk.given.answer(&n.to_string())).collect();
    let kept = join_all(answers.iter().map(|answer| desk.outbox.keep(minji.id, answer))).await;
    assert!(kept.iter().all(Result::is_ok));
    let keeping = begun.elapsed();
    desk.hub.start_again().await;
    let begun = Instant::now();
    desk.outbox.connection_back().await.expect("it runs");
    let mut status = desk.outbox.status();
    let drained = status.wait_for(|status| status.waiting == 0);
    drop(tokio::time::timeout(Duration::from_secs(100), drained).await.expect("it drains"));
    let draining = begun.elapsed();
    let _ = writeln!(
        std::io::stdout(),
        "{count} answers: kept in {:.1} s, drained in {:.1} s",
        keeping.as_secs_f64(),
        draining.as_secs_f64()
    );
    assert_eq!(desk.in_record().len(), count);
    desk.outbox.close().await;
}

/// The database of a stopped hub.
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
