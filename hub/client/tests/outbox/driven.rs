//! The driver against a hub written out by hand: what a network and a disk do to it.

use dreamseed_client::{
    Hub,
    outbox::{Clock, Kept, MachineClock, Outbox, OutboxError, OutboxStatus, Reach, machine::Timing},
};
use dreamseed_wire::{
    answer::Answer,
    attempt::SubmitAnswer,
    delivery::*,
    hub::HubInfo,
    ids::{AttemptId, DeviceId, EpochId, HubId, ProblemVersionId, UserId},
};
use jiff::Timestamp;
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use uuid::Uuid;

fn timing() -> Timing {
    Timing { first_wait: 10, longest_wait: 40, ..Timing::default() }
}

/// A clock that goes on from wherever the test sets it.
struct HandClock(parking_lot::Mutex<ClockReading>, Instant);

impl Clock for HandClock {
    fn reading(&self) -> ClockReading {
        let set = *self.0.lock();
        ClockReading { monotonic_ms: set.monotonic_ms + self.1.elapsed().as_millis() as u64, ..set }
    }
}

fn answer() -> SubmitAnswer {
    SubmitAnswer {
        attempt_id: AttemptId::new(),
        problem_version_id: ProblemVersionId::new(),
        lesson_id: None,
        answer: Answer::Number { text: "½".into() },
        occurred_at: None,
        device_id: None,
        device_seq: None,
    }
}

/// A hub that says yes to everything, one connection a request, and tells what it was asked.
struct YesHub {
    address: String,
    asked: mpsc::Receiver<(String, String)>,
}

async fn yes_hub() -> YesHub {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("bound"));
    let (tell, asked) = mpsc::channel(1_000);
    tokio::spawn(async move {
        let record = RecordState {
            epoch_id: EpochId(Uuid::from_u128(1)),
            epoch: 1,
            hub_seq: 1_000,
            backup_verified: None,
            server_time: Timestamp::UNIX_EPOCH,
        };
        while let Ok((mut socket, _)) = listener.accept().await {
            let Some((head, body)) = read_request(&mut socket).await else { continue };
            let reply = if head.contains("/answers ") {
                let asked: DeliverAnswers = serde_json::from_str(&body).expect("a batch");
                let receipt = |hub_seq| Receipt { epoch_id: record.epoch_id, hub_seq, mac: "00".into() };
                let results = asked.items.iter().map(|item| DeliveryResult {
                    attempt_id: item.attempt_id,
                    outcome: DeliveryOutcome::Stored { receipt: receipt(item.device_seq) },
                });
                serde_json::to_string(&Delivered { results: results.collect(), record: record.clone() })
            } else if head.starts_with("GET /api/v1/hub ") {
                serde_json::to_string(&HubInfo {
                    hub_id: HubId::new(),
                    school_name: String::new(),
                    version: String::new(),
                    needs_setup: false,
                    staff_sign_in: true,
                    time_zone: "Asia/Seoul".into(),
                    languages: Vec::new(),
                    server_time: Timestamp::UNIX_EPOCH,
                })
            } else if head.starts_with("POST /api/v1/devices ") {
                serde_json::to_string(&EnrolledDevice { device_id: DeviceId::new(), certificate: "c".into() })
            } else {
                serde_json::to_string(&record)
            };
            let reply = reply.expect("JSON");
            let _ = socket
                .write_all(
                    format!(
                        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{reply}",
                        reply.len()
                    )
                    .as_bytes(),
                )
                .await;
            if tell.send((head, body)).await.is_err() {
                break;
            }
        }
    });
    YesHub { address, asked }
}

async fn read_request(socket: &mut TcpStream) -> Option<(String, String)> {
    let (mut request, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let n = socket.read(&mut piece).await.ok().filter(|n| *n > 0)?;
        request.extend_from_slice(&piece[..n]);
        let text = String::from_utf8_lossy(&request).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
        if body.len() >= length.parse().ok()? {
            return Some((head.to_owned(), body.to_owned()));
        }
    }
}

async fn open(folder: &Path, address: &str) -> Outbox {
    let hub = Hub::new(address).expect("an address");
    Outbox::open_with(folder, hub, Arc::new(MachineClock::new()), timing()).await.expect("an outbox")
}

async fn until(outbox: &Outbox, is_so: impl FnMut(&OutboxStatus) -> bool) -> OutboxStatus {
    let mut status = outbox.status();
    let so = tokio::time::timeout(Duration::from_secs(20), status.wait_for(is_so)).await;
    so.expect("it comes").expect("the outbox runs").clone()
}

/// Nobody listens there.
const NOWHERE: &str = "http://127.0.0.1:1";

#[tokio::test]
async fn a_request_is_signed_and_says_what_was_kept() {
    let mut hub = yes_hub().await;
    let folder = tempfile::tempdir().expect("a folder");
    let outbox = open(folder.path(), &hub.address).await;
    assert_eq!(outbox.status().borrow().hub, Reach::NotEnrolled);
    let (pupil, given) = (UserId::new(), answer());
    outbox.enrol(&Hub::new(&hub.address).expect("an address"), "07").await.expect("enrolled");
    outbox.sign_in(pupil, "proof".into()).await.expect("kept");
    let kept = outbox.keep(pupil, &given).await.expect("kept");
    assert_eq!(kept, Kept { attempt_id: given.attempt_id, device_seq: 1 });
    until(&outbox, |status| status.delivered_uncovered == 1).await;
    let (head, body) = loop {
        let asked = hub.asked.recv().await.expect("a request");
        if asked.0.contains("/answers ") {
            break asked;
        }
    };
    assert!(head.contains("dreamseed-signature: "), "{head}");
    assert!(head.contains("dreamseed-device-certificate: c"), "{head}");
    let batch: DeliverAnswers = serde_json::from_str(&body).expect("a batch");
    let [item] = &batch.items[..] else { panic!("one item: {batch:?}") };
    assert_eq!((item.pupil_id, item.deposit.as_str(), item.device_seq), (pupil, "proof", 1));
    assert_eq!(serde_json::from_str::<SubmitAnswer>(&item.body).expect("an answer"), given);
    assert_eq!(item.body_hash, blake3::hash(item.body.as_bytes()).to_hex().to_string());
    assert_eq!(item.occurred_at.boot_id, batch.sent_at.boot_id);
    outbox.close().await;
}

#[tokio::test]
async fn an_answer_is_kept_once_under_its_id() {
    let folder = tempfile::tempdir().expect("a folder");
    let outbox = open(folder.path(), NOWHERE).await;
    let (pupil, first) = (UserId::new(), answer());
    let second = SubmitAnswer { answer: Answer::Number { text: "2".into() }, ..first.clone() };
    let kept = outbox.keep(pupil, &first).await.expect("kept");
    assert_eq!(outbox.keep(pupil, &first).await.expect("harmless"), kept);
    assert!(matches!(outbox.keep(pupil, &second).await, Err(OutboxError::OtherAnswer)));
    // Pressed twice at once.
    let third = answer();
    let (one, other) = tokio::join!(outbox.keep(pupil, &third), outbox.keep(pupil, &third));
    assert_eq!(one.expect("kept"), other.expect("kept"));
    outbox.close().await;
}

#[tokio::test]
async fn what_is_kept_is_there_after_the_program_was_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let (pupil, given) = (UserId::new(), answer());
    let copy = tempfile::tempdir().expect("a folder");
    {
        let outbox = open(folder.path(), NOWHERE).await;
        outbox.keep(pupil, &given).await.expect("kept");
        // What is on the disk at the moment in which it was told to be kept.
        for name in ["outbox.db", "outbox.db-journal", "device.json"] {
            if folder.path().join(name).exists() {
                std::fs::copy(folder.path().join(name), copy.path().join(name)).expect("copied");
            }
        }
        outbox.close().await;
    }
    let outbox = open(copy.path(), NOWHERE).await;
    assert_eq!(outbox.keep(pupil, &given).await.expect("known").device_seq, 1);
    assert_eq!(outbox.keep(pupil, &answer()).await.expect("new").device_seq, 2);
    outbox.close().await;
}

#[tokio::test]
async fn an_answer_is_kept_while_the_hub_does_not_reply() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("bound"));
    let mut yes = yes_hub().await;
    let folder = tempfile::tempdir().expect("a folder");
    let enrolled = open(folder.path(), &yes.address).await;
    enrolled.enrol(&Hub::new(&yes.address).expect("an address"), "07").await.expect("enrolled");
    enrolled.close().await;
    let outbox = open(folder.path(), &address).await;
    let pupil = UserId::new();
    outbox.sign_in(pupil, "proof".into()).await.expect("kept");
    outbox.keep(pupil, &answer()).await.expect("kept");
    // The request is out, and nobody replies.
    let (mut socket, _) = listener.accept().await.expect("a request");
    read_request(&mut socket).await.expect("a whole one");
    for _ in 0..20 {
        outbox.keep(pupil, &answer()).await.expect("kept");
    }
    assert_eq!(outbox.status().borrow().waiting, 21);
    yes.asked.close();
    outbox.close().await;
}

#[tokio::test]
async fn a_clock_at_2099_ages_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let hub = yes_hub().await;
    let clock = ClockReading {
        wall: "2026-11-23T00:00:00Z".parse().expect("a time"),
        monotonic_ms: 5_000,
        boot_id: Uuid::now_v7(),
    };
    let clock = Arc::new(HandClock(parking_lot::Mutex::new(clock), Instant::now()));
    let hub_of = || Hub::new(&hub.address).expect("an address");
    let outbox =
        Outbox::open_with(folder.path(), hub_of(), clock.clone(), timing()).await.expect("an outbox");
    let pupil = UserId::new();
    outbox.enrol(&hub_of(), "07").await.expect("enrolled");
    outbox.sign_in(pupil, "proof".into()).await.expect("kept");
    outbox.keep(pupil, &answer()).await.expect("kept");
    until(&outbox, |status| status.delivered_uncovered == 1).await;
    {
        let mut now = clock.0.lock();
        now.wall = "2099-01-01T00:00:00Z".parse().expect("a time");
        // Another start of the device, whose clock that is never set stands anywhere.
        now.monotonic_ms = u64::MAX / 4;
        now.boot_id = Uuid::now_v7();
    }
    outbox.keep(pupil, &answer()).await.expect("kept");
    let status = until(&outbox, |status| status.waiting == 0).await;
    assert_eq!(status.delivered_uncovered, 2);
    outbox.close().await;
}

#[tokio::test]
async fn a_closed_outbox_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let outbox = open(folder.path(), NOWHERE).await;
    let clone = outbox.clone();
    outbox.close().await;
    assert!(matches!(clone.keep(UserId::new(), &answer()).await, Err(OutboxError::Closed)));
    // The file is free again.
    open(folder.path(), NOWHERE).await.close().await;
}
