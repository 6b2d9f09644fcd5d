//! A disk that fills up in steps: less and less is taken, reading goes on, and it heals by itself.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use dreamseed_client::Method;
use dreamseed_hub::{
    config::{Config, DiskLimit},
    disk::DiskStage,
};
use dreamseed_testkit::{TestHub, fraction_problem, refusal, rest_of, until};
use dreamseed_wire::{
    Language,
    feedback::FeedbackEvent,
    hub::NoticeCode,
    report::{ExportClass, ExportKind},
};

use crate::bad_input::{Disk, fill};

const MEGABYTE: u64 = 1_000_000;

fn limit(percent: u8) -> DiskLimit {
    DiskLimit { percent, min_megabytes: 0, max_megabytes: 1_000_000 }
}

fn in_steps(config: &mut Config, disk: &Disk) {
    config.data = disk.path().join("data");
    config.disk.uploads = limit(60);
    config.disk.ai_texts = limit(40);
    config.disk.writes = limit(20);
    config.disk.ballast_megabytes = 4;
    config.disk.watch_secs = 1;
}

/// Leaves this share of a disk of `total` bytes free.
fn leave(disk: &Disk, percent: u64) {
    let stuff = disk.path().join("stuff");
    let _ = std::fs::remove_file(&stuff);
    let space = dreamseed_hub::doctor::disk_space(disk.path()).expect("a disk");
    let wanted = space.total_bytes / 100 * percent;
    let file = std::fs::File::create(&stuff).expect("a file");
    drop(file);
    std::fs::write(&stuff, vec![1_u8; usize::try_from(space.free_bytes - wanted).expect("a size")])
        .expect("written");
}

async fn reaches(hub: &TestHub, stage: DiskStage) {
    until(&format!("{stage:?}"), async || hub.ctx().disk.stage() == stage).await;
}

fn ballast(hub: &TestHub) -> std::path::PathBuf {
    hub.data().join("ballast")
}

#[tokio::test]
async fn less_and_less_is_taken_and_it_heals_by_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(disk) = Disk::mount(&folder.path().join("disk"), "64m") else { return };
    let hub = TestHub::with(|config| in_steps(config, &disk)).await;
    let given = hub.give(&[fraction_problem()]).await;
    let id = hub.add_pupil(hub.class, "민지").await;
    hub.set_pin(&[id], "271828").await;
    let (pupil, admin) = (hub.sign_in(id).await, hub.admin().await);
    assert_eq!(hub.ctx().disk.stage(), DiskStage::Ample);
    assert_eq!(std::fs::metadata(ballast(&hub)).expect("the ballast").len(), 4 * MEGABYTE);
    let kept = given.answer("2/5");
    let receipt = pupil.submit_answer(&kept).await.expect("kept");

    leave(&disk, 50);
    reaches(&hub, DiskStage::NoUploads).await;
    let list = "학년,반,번호,이름\n5,1,1,민지\n";
    let preview = admin.preview_roster("반.csv", Some(2026), list).await.expect("looking goes on");
    let refused = admin.import_roster("반.csv", Some(2026), &preview.digest, false, list).await;
    assert_eq!(refusal(refused), (507, "disk_full".into()));
    let events = help(&pupil, &given).await;
    assert_eq!(events.last(), Some(&FeedbackEvent::Done { written_by_ai: true }));
    let code = |notices: &[dreamseed_wire::hub::Notice]| {
        notices.iter().any(|notice| notice.code == NoticeCode::DiskLow)
    };
    until("the notice", async || code(&admin.notices(Language::Ko).await.expect("notices"))).await;

    leave(&disk, 30);
    reaches(&hub, DiskStage::NoAiTexts).await;
    let events = help(&pupil, &given).await;
    assert!(events.iter().any(|event| matches!(event, FeedbackEvent::Token { .. })), "shown all the same");
    let rows =
        "SELECT count(*) FILTER (WHERE ai_text IS NULL), count(*) FROM feedback WHERE model IS NOT NULL";
    let counted = hub.ctx().store.read(move |conn| {
        conn.query_row(rows, [], |row| Ok((row.get(0)?, row.get(1)?)))
            .map_err(dreamseed_hub::store::StoreError::from)
    });
    let counted: (i64, i64) = counted.await.expect("counted");
    assert_eq!(counted, (1, 2), "the second text was not kept");

    leave(&disk, 10);
    reaches(&hub, DiskStage::ReadOnly).await;
    let lost = given.answer("1/5");
    let body = serde_json::to_string(&lost).expect("JSON");
    let refused = pupil.request(Method::POST, "/attempts", &body).await;
    assert_eq!(refused.refusal(), (507, "disk_full".into()));
    assert!(refused.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds <= 10));
    // Files of what is there go on being given; the line that says who took them goes into the reserve.
    let asked =
        ExportClass { what: ExportKind::Answers, from: None, to: None, reason: "상담 준비".into() };
    let file = admin.export_class(hub.class, &asked).await.expect("a table");
    assert!(file.contains("민지"), "{file}");
    let zip = admin.export_pupil(id, "학부모의 요청").await.expect("a zip");
    assert!(zip.starts_with(b"PK"));
    assert!(admin.export_audit("연말 점검").await.expect("the audit log").contains("상담 준비"));
    // Not with the very last room, which a clean stop needs.
    let last = disk.path().join("last");
    fill(&last);
    let refused = admin.export_class(hub.class, &asked).await.expect_err("no room for the line");
    let told = refused.problem().expect("a problem").clone();
    assert!(told.status == 507 && told.detail.contains("audit log"), "{told:?}");
    assert!(admin.class_detail(hub.class).await.is_ok(), "the screens go on");
    std::fs::remove_file(&last).expect("space is freed");
    assert!(admin.export_class(hub.class, &asked).await.is_ok(), "at once");
    // Signing in is needed for reading.
    let stranger = hub.stranger();
    stranger.sign_in_pupil(&hub.code_of(hub.class), pupil.id, "271828").await.expect("signed in");
    let mut took = Vec::new();
    for _ in 0..100 {
        let begun = Instant::now();
        assert_eq!(pupil.attempt(kept.attempt_id).await.expect("reading goes on").hub_seq, receipt.hub_seq);
        took.push(begun.elapsed());
    }
    took.sort();
    assert!(took[98] < Duration::from_millis(200), "{:?}", took[98]);

    let freed = Instant::now();
    std::fs::remove_file(disk.path().join("stuff")).expect("space is freed");
    until("answers are taken", async || pupil.submit_answer(&lost).await.is_ok()).await;
    assert!(freed.elapsed() < Duration::from_secs(10), "{:?}", freed.elapsed());
    reaches(&hub, DiskStage::Ample).await;
    until("the ballast", async || {
        std::fs::metadata(ballast(&hub)).is_ok_and(|file| file.len() == 4 * MEGABYTE)
    })
    .await;
    until("no notice", async || !code(&admin.notices(Language::Ko).await.expect("notices"))).await;
}

async fn help(pupil: &dreamseed_testkit::Person, given: &dreamseed_testkit::Given) -> Vec<FeedbackEvent> {
    let answer = given.answer("2/5");
    pupil.submit_answer(&answer).await.expect("kept");
    pupil.ask_help(answer.attempt_id).await.expect("a ticket");
    let mut stream = pupil.feedback_events(answer.attempt_id, None).await.expect("help");
    rest_of(&mut stream).await.into_iter().map(|event| event.data).collect()
}

/// Nothing warns: the disk is full from one moment to the next.
#[tokio::test]
async fn at_a_full_disk_the_ballast_lets_the_hub_stop_cleanly() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(disk) = Disk::mount(&folder.path().join("disk"), "32m") else { return };
    let mut hub = TestHub::with(|config| {
        config.data = disk.path().join("data");
        config.disk.ballast_megabytes = 4;
        // It looks only when a write tells it to.
        config.disk.watch_secs = 3_600;
    })
    .await;
    let given = hub.give(&[fraction_problem()]).await;
    let pupil = hub.pupil("민지").await;
    assert!(ballast(&hub).exists());
    let stuff = disk.path().join("stuff");
    fill(&stuff);
    let mut acknowledged = Vec::new();
    loop {
        match pupil.submit_answer(&given.answer("1/5")).await {
            Ok(receipt) => acknowledged.push(receipt),
            Err(error) => {
                assert_eq!(error.problem().map(|problem| problem.status), Some(507), "{error:?}");
                break;
            }
        }
        assert!(acknowledged.len() < 5_000, "the disk does not fill up");
    }
    until("the ballast is given up", async || !ballast(&hub).exists()).await;
    let wal = hub.database().with_extension("db-wal");
    until("the log is folded in", async || is_empty(&wal)).await;
    hub.stop().await;
    assert!(is_empty(&wal), "a clean stop");

    std::fs::remove_file(&stuff).expect("space is freed");
    hub.start_again().await;
    assert!(ballast(&hub).exists(), "made again");
    let pupil = hub.sign_in(pupil.id).await;
    for receipt in &acknowledged {
        assert_eq!(pupil.attempt(receipt.attempt_id).await.expect("kept").hub_seq, receipt.hub_seq);
    }
}

fn is_empty(path: &Path) -> bool {
    std::fs::metadata(path).map_or(true, |file| file.len() == 0)
}
