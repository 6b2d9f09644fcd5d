//! `/devices`, `/me/deposit`: who may deliver in a device's own name, how a device proves itself, and what ends it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use dreamseed_client::{Hub as Client, Method, SignedBody, answers_path, lacking_path};
use dreamseed_hub::clock::Clock;
use dreamseed_testkit::{Person, RawReply, TestHub, minutes, refusal, sum_problem};
use dreamseed_wire::{attempt::SubmitAnswer, delivery::*, ids::*};
use ring::signature::{Ed25519KeyPair, KeyPair};
use uuid::Uuid;

/// A device of the school: its key, what it got when it was enrolled, and its clocks.
pub struct TestDevice {
    key: Ed25519KeyPair,
    hub_id: HubId,
    boot_id: Uuid,
    pub enrolled: EnrolledDevice,
}

impl TestDevice {
    /// A new key, enrolled by somebody.
    pub async fn enrolled_by(person: &Person, hub_id: HubId) -> Self {
        let key = new_key();
        let enrolled = person.enrol_device(&named("3-2 교실 07번", &key)).await.expect("enrolled");
        TestDevice { key, hub_id, boot_id: Uuid::new_v4(), enrolled }
    }

    /// The same, on a hub.
    pub async fn on(hub: &TestHub, person: &Person) -> Self {
        Self::enrolled_by(person, hub.ctx().school.get().hub.hub_id).await
    }

    pub fn id(&self) -> DeviceId {
        self.enrolled.device_id
    }

    pub fn sign(&self, path: &str, body: impl Into<Vec<u8>>) -> SignedBody {
        let body = body.into();
        let hash = blake3::hash(&body).to_hex();
        let text = format!("DreamSeed device request 1\nPOST {path}\n{}\n{hash}", self.hub_id);
        SignedBody {
            signature: URL_SAFE_NO_PAD.encode(self.key.sign(text.as_bytes())),
            certificate: self.enrolled.certificate.clone(),
            body: body.into(),
        }
    }

    /// Sends any body, signed.
    pub async fn send(&self, client: &Client, path: &str, body: &[u8]) -> RawReply {
        send_raw(client, path, &self.sign(path, body)).await
    }

    /// The device's clocks now; both are right.
    pub fn reading(&self, hub: &TestHub) -> ClockReading {
        let wall = hub.clock.now();
        ClockReading { wall, monotonic_ms: wall.as_millisecond().unsigned_abs(), boot_id: self.boot_id }
    }

    /// An answer as the device keeps it now.
    pub fn keep(
        &self,
        hub: &TestHub,
        (pupil_id, deposit): &(UserId, String),
        seq: i64,
        answer: &SubmitAnswer,
    ) -> DeliveryItem {
        let body = serde_json::to_string(answer).expect("JSON");
        DeliveryItem {
            attempt_id: answer.attempt_id,
            device_seq: seq,
            pupil_id: *pupil_id,
            deposit: deposit.clone(),
            body_hash: blake3::hash(body.as_bytes()).to_hex().to_string(),
            body,
            occurred_at: self.reading(hub),
        }
    }

    /// A pupil signs in here: whose answers these are, with the proof of it.
    pub async fn deposit(&self, pupil: &Person) -> (UserId, String) {
        let proof = pupil.ask_deposit_proof(self.id()).await.expect("a proof");
        (pupil.id, proof.proof)
    }

    pub async fn try_to_deliver(
        &self,
        hub: &TestHub,
        batch: &DeliverAnswers,
    ) -> Result<Delivered, dreamseed_client::ClientError> {
        let signed = self.sign(&answers_path(self.id()), serde_json::to_vec(batch).expect("JSON"));
        hub.stranger().deliver_answers(self.id(), signed).await
    }

    /// Delivers; the device knows of no place of record.
    pub async fn deliver(&self, hub: &TestHub, items: &[DeliveryItem]) -> Delivered {
        let batch = DeliverAnswers { items: items.to_vec(), sent_at: self.reading(hub), highest: None };
        self.try_to_deliver(hub, &batch).await.expect("a reply")
    }

    pub async fn ask_lacking(&self, hub: &TestHub, ids: &[AttemptId]) -> Lacking {
        let ask = serde_json::to_vec(&AskLacking { attempt_ids: ids.to_vec() }).expect("JSON");
        let signed = self.sign(&lacking_path(self.id()), ask);
        hub.stranger().find_lacking_answers(self.id(), signed).await.expect("a reply")
    }
}

/// What became of the items, in a word each.
pub fn words(delivered: &Delivered) -> Vec<String> {
    let word = |result: &DeliveryResult| match result.outcome {
        DeliveryOutcome::Stored { .. } => "stored".to_owned(),
        DeliveryOutcome::Duplicate { .. } => "duplicate".to_owned(),
        DeliveryOutcome::Rejected { code } => {
            serde_json::to_value(code).expect("JSON").as_str().expect("a word").to_owned()
        }
    };
    delivered.results.iter().map(word).collect()
}

/// Puts an earlier database back in the place of the one of now, as a restore does: what lies beside it stays.
pub async fn put_back(hub: &mut TestHub, copy: &[u8]) {
    hub.stop().await;
    std::fs::write(hub.database(), copy).expect("put back");
    std::fs::write(hub.data().join("restored"), "restore\n").expect("marked");
    hub.start_again().await;
}

/// The database as it stands now.
pub async fn copy_of(hub: &mut TestHub) -> Vec<u8> {
    hub.stop().await;
    let copy = std::fs::read(hub.database()).expect("the database");
    hub.start_again().await;
    copy
}

fn new_key() -> Ed25519KeyPair {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).expect("random numbers");
    Ed25519KeyPair::from_seed_unchecked(&seed).expect("a key")
}

fn named(name: &str, key: &Ed25519KeyPair) -> EnrolDevice {
    EnrolDevice { name: name.to_owned(), public_key: URL_SAFE_NO_PAD.encode(key.public_key()) }
}

async fn send_raw(client: &Client, path: &str, signed: &SignedBody) -> RawReply {
    let headers = [
        ("content-type", "application/json"),
        ("dreamseed-signature", signed.signature.as_str()),
        ("dreamseed-device-certificate", signed.certificate.as_str()),
    ];
    let sent = client.raw(Method::POST, path, &headers, signed.body.clone()).await;
    let (status, headers, body) = sent.expect("the hub must reply");
    RawReply { status, headers, body }
}

#[tokio::test]
async fn a_device_is_enrolled_once_for_its_key() {
    let hub = TestHub::start().await;
    let (pupil, other, admin) = (hub.pupil("민지").await, hub.pupil("서연").await, hub.admin().await);
    let key = new_key();
    let first = pupil.enrol_device(&named("  3-2 교실 07번 ", &key)).await.expect("enrolled");
    let again = pupil.enrol_device(&named("another name", &key)).await.expect("the reply was lost");
    assert_eq!(first, again);
    assert_eq!(refusal(other.enrol_device(&named("복제", &key)).await), (409, "taken".into()));
    let second = other.enrol_device(&named("3-2 교실 08번", &new_key())).await.expect("enrolled");
    let listed = admin.devices().await.expect("the list");
    let ids: Vec<_> = listed.iter().map(|device| device.device_id).collect();
    assert_eq!(ids, [second.device_id, first.device_id], "newest first");
    assert_eq!(listed[1].name, "3-2 교실 07번");
    assert_eq!((listed[1].revoked, listed[1].returned, listed[1].last_seen_at), (false, false, None));

    let weak = URL_SAFE_NO_PAD.encode([0; 32]);
    for (name, public_key) in [
        ("", named("", &new_key()).public_key),
        ("두\n줄", named("", &new_key()).public_key),
        ("기기", weak),
        ("기기", "short".to_owned()),
        (&*"가".repeat(61), named("", &new_key()).public_key),
    ] {
        let new = EnrolDevice { name: name.to_owned(), public_key };
        assert_eq!(refusal(pupil.enrol_device(&new).await), (422, "bad_field".into()), "{new:?}");
    }
    let audit = admin.fetch("/audit?limit=50&action=enrol%20device").await;
    assert_eq!(audit["entries"].as_array().map(Vec::len), Some(2), "{audit}");
}

#[tokio::test]
async fn nobody_fills_the_list() {
    let hub = TestHub::start().await;
    let (pupil, teacher, admin) = (hub.pupil("민지").await, hub.teacher().await, hub.admin().await);
    let mut last = None;
    for _ in 0..5 {
        let key = new_key();
        let enrolled = pupil.enrol_device(&named("기기", &key)).await.expect("enrolled");
        last = Some((key, enrolled.device_id));
    }
    let (key, device) = last.expect("five");
    let another = || named("기기", &new_key());
    let not_allowed = (403, "not_allowed".to_owned());
    assert_eq!(refusal(pupil.enrol_device(&another()).await), not_allowed, "on no day more");
    assert_eq!(pupil.enrol_device(&named("기기", &key)).await.expect("known").device_id, device);
    admin.revoke_device(device).await.expect("revoked");
    pupil.enrol_device(&another()).await.expect("in the place of the one that was revoked");
    assert_eq!(refusal(pupil.enrol_device(&another()).await), not_allowed);

    for _ in 0..20 {
        teacher.enrol_device(&another()).await.expect("enrolled");
    }
    let refused = teacher.request(Method::POST, "/devices", &json(&another())).await;
    assert_eq!(refused.refusal(), (429, "too_many_requests".into()));
    // 09:00 in Seoul: until midnight there.
    assert_eq!(refused.header("retry-after"), (15 * 60 * 60).to_string());
    admin.enrol_device(&another()).await.expect("somebody else");
    hub.clock.advance(minutes(15 * 60));
    hub.teacher().await.enrol_device(&another()).await.expect("the next day");
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("JSON")
}

#[tokio::test]
async fn whatever_does_not_fit_is_refused_without_saying_why() {
    let hub = TestHub::start().await;
    let (pupil, client) = (hub.pupil("민지").await, hub.stranger());
    let (device, other) = (TestDevice::on(&hub, &pupil).await, TestDevice::on(&hub, &pupil).await);
    let (path, body) = (lacking_path(device.id()), json(&AskLacking { attempt_ids: vec![] }));
    let right = device.sign(&path, body.clone());
    assert_eq!(send_raw(&client, &path, &right).await.status, 200);
    // Again, as whoever listens could send it: harmless.
    assert_eq!(send_raw(&client, &path, &right).await.status, 200);

    let unknown = lacking_path(DeviceId::new());
    let forged = other.enrolled.certificate.replace('.', ".0");
    let changed = json(&AskLacking { attempt_ids: vec![AttemptId::new()] });
    let mut said = std::collections::BTreeSet::new();
    for (why, path, signed) in [
        ("another device's signature", &path, other.sign(&path, body.clone())),
        ("another path", &path, device.sign(&answers_path(device.id()), body.clone())),
        ("another body", &path, SignedBody { body: changed.into(), ..right.clone() }),
        ("no signature", &path, SignedBody { signature: String::new(), ..right.clone() }),
        ("an unknown device", &unknown, device.sign(&unknown, body.clone())),
        (
            "an unknown device with a forged certificate",
            &unknown,
            SignedBody { certificate: forged, ..device.sign(&unknown, body.clone()) },
        ),
        (
            "an unknown device with another one's certificate",
            &unknown,
            SignedBody {
                certificate: other.enrolled.certificate.clone(),
                ..other.sign(&unknown, body.clone())
            },
        ),
    ] {
        let refused = send_raw(&client, path, &signed).await;
        assert_eq!(refused.refusal(), (401, "sign_in_needed".into()), "{why}");
        said.insert(refused.problem().detail);
    }
    assert_eq!(said.len(), 1, "{said:?}");
    let strange = format!("/api/v1/devices/{}/lacking?x=1", device.id());
    let query = send_raw(&client, &strange, &device.sign(&path, body)).await;
    assert_eq!(query.status, 200, "the query is not signed and means nothing");
    let foreign = TestDevice { hub_id: HubId::new(), ..device };
    let reply = foreign.send(&client, &path, b"{}").await;
    assert_eq!(reply.refusal(), (401, "sign_in_needed".into()), "signed for another school");
}

#[tokio::test]
async fn a_revoked_device_is_refused_from_then_on() {
    let mut hub = TestHub::start().await;
    let (pupil, admin) = (hub.pupil("민지").await, hub.admin().await);
    let given = hub.give(&[sum_problem(1)]).await;
    let device = TestDevice::on(&hub, &pupil).await;
    let deposit = device.deposit(&pupil).await;
    let item = device.keep(&hub, &deposit, 1, &given.answer("2"));
    assert_eq!(words(&device.deliver(&hub, std::slice::from_ref(&item)).await), ["stored"]);

    assert_eq!(refusal(admin.revoke_device(DeviceId::new()).await), (404, "not_found".into()));
    admin.revoke_device(device.id()).await.expect("revoked");
    admin.revoke_device(device.id()).await.expect("once more changes nothing");
    let again = device.keep(&hub, &deposit, 2, &given.answer("3"));
    let batch = DeliverAnswers { items: vec![again], sent_at: device.reading(&hub), highest: None };
    let not_allowed = (403, "not_allowed".to_owned());
    assert_eq!(refusal(device.try_to_deliver(&hub, &batch).await), not_allowed);
    assert_eq!(refusal(pupil.ask_deposit_proof(device.id()).await), not_allowed);
    assert_eq!(refusal(pupil.enrol_device(&named("또", &device.key)).await), not_allowed, "the same key");
    assert_eq!(
        refusal(pupil.ask_deposit_proof(DeviceId::new()).await),
        (404, "not_found".into()),
        "a device that nobody knows"
    );
    let listed = admin.devices().await.expect("the list");
    assert!(listed[0].revoked && listed[0].last_seen_at == Some(hub.clock.now()));
    pupil.attempt(item.attempt_id).await.expect("what it had delivered stays");

    hub.restart().await;
    assert_eq!(refusal(device.try_to_deliver(&hub, &batch).await), not_allowed);
    let listed = hub.admin().await.devices().await.expect("the list");
    assert!(listed[0].revoked && listed[0].last_seen_at.is_some(), "kept over a restart");
}

#[tokio::test]
async fn a_restored_hub_knows_its_devices_by_their_certificates() {
    let mut hub = TestHub::start().await;
    let pupil = hub.add_pupil(hub.class, "민지").await;
    let before = copy_of(&mut hub).await;
    let person = hub.sign_in(pupil).await;
    let (device, revoked) = (TestDevice::on(&hub, &person).await, TestDevice::on(&hub, &person).await);
    hub.admin().await.revoke_device(revoked.id()).await.expect("revoked");
    put_back(&mut hub, &before).await;

    let admin = hub.admin().await;
    assert!(admin.devices().await.expect("the list").is_empty(), "the restored database knows none");
    let person = hub.sign_in(pupil).await;
    assert_eq!(refusal(person.ask_deposit_proof(device.id()).await), (404, "not_found".into()));
    // Without its certificate it is nobody.
    let path = lacking_path(device.id());
    let bare = SignedBody { certificate: String::new(), ..device.sign(&path, r#"{"attempt_ids":[]}"#) };
    assert_eq!(send_raw(&hub.stranger(), &path, &bare).await.status, 401);
    assert!(device.ask_lacking(&hub, &[]).await.attempt_ids.is_empty());
    let listed = admin.devices().await.expect("the list");
    assert_eq!((listed.len(), listed[0].device_id, listed[0].returned), (1, device.id(), true));
    assert_eq!(listed[0].name, "3-2 교실 07번");
    person.ask_deposit_proof(device.id()).await.expect("known again");
    assert_eq!(send_raw(&hub.stranger(), &path, &bare).await.status, 200, "known by its row from now on");

    // The ledger beside the database remembers what the database has lost.
    let path = lacking_path(revoked.id());
    let refused = revoked.send(&hub.stranger(), &path, br#"{"attempt_ids":[]}"#).await;
    assert_eq!(refused.refusal(), (403, "not_allowed".into()));
    hub.restart().await;
    let refused = revoked.send(&hub.stranger(), &path, br#"{"attempt_ids":[]}"#).await;
    assert_eq!(refused.refusal(), (403, "not_allowed".into()));
    assert!(device.ask_lacking(&hub, &[]).await.attempt_ids.is_empty());
}

#[tokio::test]
async fn a_device_that_asks_too_often_waits_and_no_other() {
    let hub = TestHub::with(|config| config.limits.per_minute = 100.try_into().expect("not zero")).await;
    let pupil = hub.pupil("민지").await;
    let (busy, quiet) = (TestDevice::on(&hub, &pupil).await, TestDevice::on(&hub, &pupil).await);
    let path = lacking_path(busy.id());
    let mut refused = None;
    for _ in 0..400 {
        let reply = busy.send(&hub.stranger(), &path, br#"{"attempt_ids":[]}"#).await;
        if reply.status != 200 {
            refused = Some(reply);
            break;
        }
    }
    let refused = refused.expect("a limit");
    assert_eq!(refused.refusal(), (429, "too_many_requests".into()));
    assert!(refused.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds >= 1));
    quiet.ask_lacking(&hub, &[]).await;
    // Whoever cannot sign for a device does not use up its requests.
    let path = lacking_path(quiet.id());
    for _ in 0..150 {
        let reply = send_raw(&hub.stranger(), &path, &busy.sign(&path, "{}")).await;
        assert_eq!(reply.status, 401);
    }
    quiet.ask_lacking(&hub, &[]).await;
}
