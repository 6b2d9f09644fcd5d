//! Devices that deliver answers in their own name: enrolled by somebody who is signed in, known by a key that never leaves
//! the device, ended by an admin.
//!
//! The walk: [`enrol`] writes the row and gives a **certificate**, the hub's own word for the enrolment. Each request of
//! the device is signed with its key ([`verify`]); what is signed names the method, the path, the hub and the body, so
//! that a signature fits no other request and no other school. A hub that was put back to a state before the enrolment
//! takes the certificate instead of the row, and the row comes back. A pupil who signs in on the device gets a **deposit
//! proof** for it ([`issue_deposit`]): with it the device delivers in the pupil's name after the pupil has gone.
//!
//! A signed request that somebody sends again does no harm: what it delivers is kept once, by the ids of its answers, and
//! what it asks for are places in the record. So there is neither a nonce nor a time in what is signed, which a device with
//! a wrong clock could not keep.

use std::{
    collections::HashMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering::Relaxed},
    },
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use dreamseed_wire::{
    account::Role,
    delivery::{DepositProof, DeviceView, EnrolDevice, EnrolledDevice},
    ids::{DeviceId, HubId, UserId},
};
use jiff::{Timestamp, ToSpan};
use parking_lot::RwLock;
use ring::signature::{ED25519, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use crate::{
    auth::{
        By,
        accounts::read_line,
        keys::{self, KeyError, ProofKey, to_hex},
    },
    clock::day_of,
    hub::Ctx,
    ledgers,
    school::School,
    store::{
        Store, StoreError,
        audit::{self, AuditEntry},
        devices::{self as rows, DeviceRow},
        to_time,
    },
};

const NAME_MAX: usize = 60;
/// Devices that one person may enrol on a day of the school: a class set of machines is imaged by two people or on two
/// days.
const PER_DAY: u32 = 20;
/// Devices in use that one pupil may have enrolled: the own ones and those of a class room where nobody was before, so that
/// no pupil fills the list of the school.
const LIVE_OF_PUPIL: u32 = 5;
/// The same for staff, who set up rooms of machines.
const LIVE_OF_STAFF: u32 = 200;
/// Devices in use; a school of 1,500 pupils with one each fits.
const LIVE_MAX: u32 = 2_000;
/// Characters of a certificate at most: a name of 60 characters in base64, ids, a key and the proof.
const CERTIFICATE_MAX: usize = 1_024;
/// Characters of a signature: 64 bytes in base64url.
const SIGNATURE_CHARS: usize = 86;

/// Version, pupil, device and time; the proof follows.
const DEPOSIT_HEAD: usize = 1 + 16 + 16 + 8;
const DEPOSIT_PROOF: usize = 16;
const DEPOSIT_VERSION: u8 = 1;

const OF_CERTIFICATES: &[u8] = b"DreamSeed device certificate 1";
const OF_DEPOSITS: &[u8] = b"DreamSeed deposit 1";

/// Why a device is not taken.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    #[error("{field} cannot be: {why}")]
    BadField { field: &'static str, why: &'static str },
    /// Somebody else has enrolled this key: two machines made from one image must not count as one.
    #[error("the key has been enrolled by somebody else")]
    KeyTaken,
    #[error("this person has enrolled as many devices today as one person may")]
    TooManyToday { retry_after_secs: u32 },
    #[error("this person has as many devices in use as one person may")]
    TooManyOwn,
    #[error("the school has as many devices as the hub takes")]
    TooMany,
    /// The signature does not fit, or nobody knows the device: it is not said which.
    #[error("the device has not proven who it is")]
    NotProven,
    #[error("the device has been revoked")]
    Revoked,
    #[error("the device is not known")]
    Unknown,
    #[error("the device could not be kept")]
    Store(#[from] StoreError),
}

/// The devices of the school in memory, so that a signed request costs no query.
pub struct Devices {
    prover: Prover,
    known: RwLock<HashMap<DeviceId, Arc<KnownDevice>>>,
}

/// A device in memory.
pub struct KnownDevice {
    pub id: DeviceId,
    /// Absent if only its revocation is known.
    public_key: Option<[u8; 32]>,
    revoked: AtomicBool,
    /// Unix milliseconds of the latest request; 0 if there was none.
    seen: AtomicI64,
    kept: AtomicI64,
}

/// A request as a device has signed it.
#[derive(Debug, Clone, Copy)]
pub struct SignedRequest<'a> {
    /// Upper case.
    pub method: &'a str,
    /// As sent, without the query.
    pub path: &'a str,
    pub device: DeviceId,
    /// Base64url.
    pub signature: &'a str,
    pub certificate: Option<&'a str>,
    /// The bytes as they came.
    pub body: &'a [u8],
}

impl Devices {
    /// Reads the devices and the key that proves certificates and deposits, which is made with the first start.
    ///
    /// # Errors
    /// A key file that cannot be used.
    pub async fn open(data: &Path, store: &Store, hub_id: HubId) -> anyhow::Result<Self> {
        let (prover, is_new) = Prover::open(data, hub_id)?;
        let found = store.read(rows::list).await?;
        if is_new && !found.is_empty() {
            tracing::warn!(
                "the key of devices was missing and is made anew: devices go on, but need a new certificate, and pupils \
                 have to sign in again on them before what waits there is taken"
            );
        }
        let known = found.iter().map(|row| (row.id, KnownDevice::new(row))).collect();
        Ok(Devices { prover, known: RwLock::new(known) })
    }

    /// Keeps when the devices were heard of.
    pub async fn keep_seen(&self, store: &Store) -> Result<(), StoreError> {
        let news: Vec<_> = self
            .known
            .read()
            .values()
            .map(|device| (Arc::clone(device), device.seen.load(Relaxed)))
            .filter(|(device, seen)| *seen > device.kept.load(Relaxed))
            .collect();
        if news.is_empty() {
            return Ok(());
        }
        let times: Vec<_> = news.iter().map(|(device, seen)| (device.id, to_time(*seen))).collect();
        store.write(move |tx| times.iter().try_for_each(|(id, at)| rows::see(tx, *id, *at))).await?;
        for (device, seen) in news {
            device.kept.fetch_max(seen, Relaxed);
        }
        Ok(())
    }

    /// Takes note of devices that the ledgers of a backup have revoked.
    pub async fn learn_revoked(&self, store: &Store) -> Result<(), StoreError> {
        for row in store.read(rows::list).await?.iter().filter(|row| row.revoked_at.is_some()) {
            match self.find(row.id) {
                Some(device) => device.revoked.store(true, Relaxed),
                None => drop(self.put(row)),
            }
        }
        Ok(())
    }

    /// Whether this hub has given the proof to this pupil for this device. The pupil's other devices' proofs, and other
    /// pupils' of this device, are none.
    pub fn is_deposit(&self, proof: &str, pupil: UserId, device: DeviceId) -> bool {
        self.prover
            .read_deposit(proof)
            .is_some_and(|deposit| (deposit.pupil, deposit.device) == (pupil, device))
    }

    fn find(&self, id: DeviceId) -> Option<Arc<KnownDevice>> {
        self.known.read().get(&id).cloned()
    }

    fn put(&self, row: &DeviceRow) -> Arc<KnownDevice> {
        let device = KnownDevice::new(row);
        self.known.write().insert(row.id, Arc::clone(&device));
        device
    }
}

impl KnownDevice {
    fn new(row: &DeviceRow) -> Arc<Self> {
        let seen = row.last_seen_at.map_or(0, Timestamp::as_millisecond);
        Arc::new(KnownDevice {
            id: row.id,
            public_key: row.public_key,
            revoked: AtomicBool::new(row.revoked_at.is_some()),
            seen: AtomicI64::new(seen),
            kept: AtomicI64::new(seen),
        })
    }

    fn is_revoked(&self) -> bool {
        self.revoked.load(Relaxed)
    }
}

/// Enrols a device. The same key again, by the same person, gives the same device: the first reply may have been lost.
///
/// # Errors
/// A name or key that cannot be; a key that somebody else has enrolled; a device that was revoked; too many devices.
pub async fn enrol(ctx: &Ctx, by: By, new: EnrolDevice) -> Result<EnrolledDevice, DeviceError> {
    let name = read_line(&new.name, NAME_MAX).map_err(|why| DeviceError::BadField { field: "name", why })?;
    let public_key =
        read_public_key(&new.public_key).map_err(|why| DeviceError::BadField { field: "public_key", why })?;
    let now = to_time(ctx.clock.now().as_millisecond());
    let school = ctx.school.get();
    let (midnight, next_midnight) = day_around(&school, now);
    let live_max = match by.actor.is_some_and(|person| is_pupil(&school, person)) {
        true => LIVE_OF_PUPIL,
        false => LIVE_OF_STAFF,
    };
    let row = ctx
        .store
        .write(move |tx| {
            if let Some(known) = rows::of_key(tx.conn(), &public_key)? {
                return match known {
                    DeviceRow { revoked_at: Some(_), .. } => Err(DeviceError::Revoked),
                    known if known.enrolled_by == by.actor => Ok(known),
                    _ => Err(DeviceError::KeyTaken),
                };
            }
            if let Some(person) = by.actor
                && rows::count_enrolled(tx.conn(), person, midnight)? >= PER_DAY
            {
                let wait = next_midnight.duration_since(now).as_secs().max(1);
                return Err(DeviceError::TooManyToday {
                    retry_after_secs: wait.try_into().unwrap_or(u32::MAX),
                });
            }
            if let Some(person) = by.actor
                && rows::count_live_of(tx.conn(), person)? >= live_max
            {
                return Err(DeviceError::TooManyOwn);
            }
            if rows::count_live(tx.conn())? >= LIVE_MAX {
                return Err(DeviceError::TooMany);
            }
            let row = DeviceRow {
                id: DeviceId::new(),
                name,
                public_key: Some(public_key),
                enrolled_by: by.actor,
                enrolled_at: now,
                revoked_at: None,
                returned_at: None,
                last_seen_at: None,
            };
            rows::add(tx, &row)?;
            by.audit(tx, now, "enrol device", None, &row.id.to_string())?;
            Ok(row)
        })
        .await?;
    if ctx.devices.find(row.id).is_none() {
        ctx.devices.put(&row);
    }
    // Also if it was enrolled before: the line of that time may have been cut off.
    ledgers::note_device(ctx, row.id, ledgers::DeviceDeed::Enrolled, now).await?;
    let certificate =
        ctx.devices.prover.certify(&Certificate::of(&row, public_key, ctx.devices.prover.hub_id));
    Ok(EnrolledDevice { device_id: row.id, certificate })
}

/// All devices, newest first; those that were revoked too.
pub async fn list(ctx: &Ctx) -> Result<Vec<DeviceView>, StoreError> {
    let found = ctx.store.read(rows::list).await?;
    // Of a device without a key only the revocation is known, from a time that the hub has lost.
    let found = found.into_iter().filter(|row| row.public_key.is_some());
    let view = |row: DeviceRow| {
        let seen = ctx.devices.find(row.id).map_or(0, |device| device.seen.load(Relaxed));
        DeviceView {
            device_id: row.id,
            name: row.name,
            enrolled_at: row.enrolled_at,
            last_seen_at: Some(seen).filter(|seen| *seen > 0).map(to_time).or(row.last_seen_at),
            revoked: row.revoked_at.is_some(),
            returned: row.returned_at.is_some(),
        }
    };
    Ok(found.map(view).collect())
}

/// Ends a device: from now on the hub takes nothing from it. What it has delivered stays. Once more changes nothing.
///
/// # Errors
/// [`DeviceError::Unknown`].
pub async fn revoke(ctx: &Ctx, by: By, id: DeviceId) -> Result<(), DeviceError> {
    let now = ctx.clock.now();
    ctx.store
        .write(move |tx| {
            if rows::revoke(tx, id, now)? {
                return Ok(by.audit(tx, now, "revoke device", None, &id.to_string())?);
            }
            rows::get(tx.conn(), id)?.map(drop).ok_or(DeviceError::Unknown)
        })
        .await?;
    if let Some(device) = ctx.devices.find(id) {
        device.revoked.store(true, Relaxed);
    }
    // Also if it was revoked before: the line of that time may have been cut off.
    Ok(ledgers::note_device(ctx, id, ledgers::DeviceDeed::Revoked, now).await?)
}

/// The device that has signed a request.
///
/// # Errors
/// [`DeviceError::NotProven`] for whatever does not fit; [`DeviceError::Revoked`] to the device itself only.
pub async fn verify(ctx: &Ctx, request: SignedRequest<'_>) -> Result<Arc<KnownDevice>, DeviceError> {
    let (devices, now) = (&ctx.devices, ctx.clock.now());
    let known = devices.find(request.device);
    let certificate = || {
        let found = devices.prover.read_certificate(request.certificate?)?;
        Some(found).filter(|found| found.device_id == request.device)
    };
    let (public_key, certificate) = match known.as_ref().and_then(|device| device.public_key) {
        Some(key) => (key, None),
        None => {
            let certificate = certificate().ok_or(DeviceError::NotProven)?;
            let key = read_public_key(&certificate.public_key).map_err(|_| DeviceError::NotProven)?;
            (key, Some(certificate))
        }
    };
    if !is_signed(&request, devices.prover.hub_id, &public_key) {
        return Err(DeviceError::NotProven);
    }
    let device = match (known, certificate) {
        (Some(device), _) => device,
        (None, Some(certificate)) => take_back(ctx, certificate, public_key, now).await?,
        (None, None) => return Err(DeviceError::NotProven),
    };
    if device.is_revoked() {
        return Err(DeviceError::Revoked);
    }
    device.seen.fetch_max(now.as_millisecond(), Relaxed);
    Ok(device)
}

/// A proof that this pupil, who is signed in, works on this device. It ends with the device and not before: what waits
/// there may be as old as a holiday is long.
///
/// # Errors
/// A device that is not known or was revoked.
pub fn issue_deposit(ctx: &Ctx, pupil: UserId, device: DeviceId) -> Result<DepositProof, DeviceError> {
    let known = ctx.devices.find(device).ok_or(DeviceError::Unknown)?;
    if known.is_revoked() {
        return Err(DeviceError::Revoked);
    }
    let deposit = Deposit { pupil, device, issued_at_ms: ctx.clock.now().as_millisecond() };
    Ok(DepositProof { proof: ctx.devices.prover.write_deposit(&deposit) })
}

/// Brings back the row of a device that was enrolled after the state to which the hub was restored.
async fn take_back(
    ctx: &Ctx,
    certificate: Certificate,
    public_key: [u8; 32],
    now: Timestamp,
) -> Result<Arc<KnownDevice>, DeviceError> {
    let row = DeviceRow {
        id: certificate.device_id,
        name: certificate.name,
        public_key: Some(public_key),
        enrolled_by: None,
        enrolled_at: certificate.enrolled_at,
        revoked_at: None,
        returned_at: Some(now),
        last_seen_at: None,
    };
    let (row, is_new) = ctx
        .store
        .write(move |tx| {
            // Another request of the device was quicker, or the ledger has revoked it.
            if let Some(there) = rows::get(tx.conn(), row.id)? {
                return Ok::<_, StoreError>((there, false));
            }
            rows::add(tx, &row)?;
            let detail = row.id.to_string();
            let deed = AuditEntry {
                at: now,
                actor: None,
                origin: None,
                action: "take device back",
                subject: None,
                detail: &detail,
            };
            audit::add(tx, &deed)?;
            Ok((row, true))
        })
        .await?;
    if is_new {
        tracing::warn!(device = %row.id, "a device that this hub had lost came back by its certificate");
        ledgers::note_device(ctx, row.id, ledgers::DeviceDeed::Enrolled, now).await?;
    }
    Ok(ctx.devices.find(row.id).unwrap_or_else(|| ctx.devices.put(&row)))
}

/// The day of the school around a time: when it began, and when the next one begins.
fn day_around(school: &School, now: Timestamp) -> (Timestamp, Timestamp) {
    let zone = &school.hub.time_zone;
    let day = day_of(now, zone);
    let begin = |day: jiff::civil::Date| day.to_zoned(zone.clone()).map(|zoned| zoned.timestamp());
    let next = day.checked_add(1.day()).and_then(begin);
    (begin(day).unwrap_or(now), next.unwrap_or(now))
}

fn is_signed(request: &SignedRequest<'_>, hub: HubId, public_key: &[u8; 32]) -> bool {
    if request.signature.len() != SIGNATURE_CHARS {
        return false;
    }
    let Ok(signature) = URL_SAFE_NO_PAD.decode(request.signature) else { return false };
    let signed = format!(
        "DreamSeed device request 1\n{} {}\n{hub}\n{}",
        request.method,
        request.path,
        blake3::hash(request.body).to_hex()
    );
    UnparsedPublicKey::new(&ED25519, public_key).verify(signed.as_bytes(), &signature).is_ok()
}

/// A public key that only its owner can sign for.
///
/// ring looks at a key only when it checks a signature. Bytes that are no point of the curve are harmless: no signature fits
/// them, so that the device could never deliver. The points of small order are not: a signature that fits every text is
/// written down for them in a line, so that anybody could speak as this device. There are eight; with the ways in which
/// they can be written, these.
fn read_public_key(text: &str) -> Result<[u8; 32], &'static str> {
    const WRONG: &str = "an Ed25519 key, 32 bytes in base64url without padding";
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| WRONG)?;
    let key: [u8; 32] = bytes.try_into().map_err(|_| WRONG)?;
    let mut y = key;
    // The highest bit is the sign of x: of these points either is of small order or none is a point.
    y[31] &= 0x7f;
    if SMALL_ORDER.contains(&to_hex(&y).as_str()) {
        return Err("a key that anybody could sign for");
    }
    Ok(key)
}

/// The y-coordinates of the points of small order, little-endian, in every form below 2^255: 0, 1, the two of order 8, p − 1,
/// p and p + 1. After the list in libsodium, `ge25519_has_small_order`.
const SMALL_ORDER: [&str; 7] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

/// What a certificate says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Certificate {
    device_id: DeviceId,
    name: String,
    /// Base64url.
    public_key: String,
    enrolled_at: Timestamp,
    hub_id: HubId,
}

impl Certificate {
    fn of(row: &DeviceRow, public_key: [u8; 32], hub_id: HubId) -> Self {
        Certificate {
            device_id: row.id,
            name: row.name.clone(),
            public_key: URL_SAFE_NO_PAD.encode(public_key),
            enrolled_at: row.enrolled_at,
            hub_id,
        }
    }
}

/// What a deposit proof says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Deposit {
    pupil: UserId,
    device: DeviceId,
    issued_at_ms: i64,
}

/// Makes the hub's proofs for devices and knows them again.
struct Prover {
    key: [u8; 32],
    hub_id: HubId,
}

impl Prover {
    fn open(data: &Path, hub_id: HubId) -> Result<(Self, bool), KeyError> {
        let (key, is_new) = keys::open_proof_key(data, ProofKey::Device)?;
        Ok((Prover { key, hub_id }, is_new))
    }

    /// `base64url(JSON).hex`.
    fn certify(&self, certificate: &Certificate) -> String {
        // A struct of texts is always JSON.
        let said = URL_SAFE_NO_PAD.encode(serde_json::to_vec(certificate).unwrap_or_default());
        let proof = self.prove(OF_CERTIFICATES, said.as_bytes());
        format!("{said}.{proof}")
    }

    /// What a certificate of this hub says.
    fn read_certificate(&self, text: &str) -> Option<Certificate> {
        let (said, proof) = Some(text).filter(|text| text.len() <= CERTIFICATE_MAX)?.split_once('.')?;
        let proof = blake3::Hash::from_hex(proof).ok()?;
        if proof != self.prove(OF_CERTIFICATES, said.as_bytes()) {
            return None;
        }
        let certificate: Certificate = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(said).ok()?).ok()?;
        Some(certificate).filter(|certificate| certificate.hub_id == self.hub_id)
    }

    fn write_deposit(&self, deposit: &Deposit) -> String {
        let mut bytes = Vec::with_capacity(DEPOSIT_HEAD + DEPOSIT_PROOF);
        bytes.push(DEPOSIT_VERSION);
        bytes.extend_from_slice(deposit.pupil.0.as_bytes());
        bytes.extend_from_slice(deposit.device.0.as_bytes());
        bytes.extend_from_slice(&deposit.issued_at_ms.to_be_bytes());
        let proof = self.prove(OF_DEPOSITS, &bytes);
        bytes.extend_from_slice(&proof.as_bytes()[..DEPOSIT_PROOF]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// What a deposit proof of this hub says.
    fn read_deposit(&self, text: &str) -> Option<Deposit> {
        // Before it is decoded: what is far too long is not worth the work.
        let text = Some(text).filter(|text| text.len() <= 2 * (DEPOSIT_HEAD + DEPOSIT_PROOF))?;
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (head, proof) = bytes.split_at_checked(DEPOSIT_HEAD)?;
        let right = self.prove(OF_DEPOSITS, head);
        // Hashes compare in constant time: how long it takes tells nothing of the right proof.
        if blake3::hash(proof) != blake3::hash(&right.as_bytes()[..DEPOSIT_PROOF]) {
            return None;
        }
        let (version, head) = head.split_first()?;
        let (pupil, head) = head.split_first_chunk::<16>()?;
        let (device, issued_at) = head.split_first_chunk::<16>()?;
        let id = uuid::Uuid::from_bytes;
        (*version == DEPOSIT_VERSION).then_some(Deposit {
            pupil: UserId(id(*pupil)),
            device: DeviceId(id(*device)),
            issued_at_ms: i64::from_be_bytes(issued_at.try_into().ok()?),
        })
    }

    fn prove(&self, what: &[u8], said: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        // Neither of the two beginnings begins the other, and the id has a fixed length.
        hasher.update(what).update(self.hub_id.0.as_bytes()).update(said);
        hasher.finalize()
    }
}

/// Whether somebody's answers may be delivered: pupils, also those who have left meanwhile.
pub fn is_pupil(school: &School, user: UserId) -> bool {
    school.people.get(&user).is_some_and(|person| person.role == Role::Student)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ring::signature::{Ed25519KeyPair, KeyPair};

    use super::*;

    fn prover() -> Prover {
        Prover { key: [7; 32], hub_id: HubId(uuid::Uuid::from_u128(1)) }
    }

    fn certificate() -> Certificate {
        Certificate {
            device_id: DeviceId::new(),
            name: "3-2 교실 07번".repeat(5),
            public_key: URL_SAFE_NO_PAD.encode([9; 32]),
            enrolled_at: Timestamp::from_millisecond(1_790_000_000_123).expect("a time"),
            hub_id: prover().hub_id,
        }
    }

    fn deposit() -> Deposit {
        Deposit { pupil: UserId::new(), device: DeviceId::new(), issued_at_ms: 1_790_000_000_123 }
    }

    #[test]
    fn a_certificate_is_known_again_by_its_own_hub_only() {
        let text = prover().certify(&certificate());
        assert!(text.len() <= CERTIFICATE_MAX, "{}", text.len());
        let (found, long) = (prover().read_certificate(&text), "가".repeat(NAME_MAX));
        assert_eq!(found.map(|found| found.name), Some(certificate().name));
        let longest = prover().certify(&Certificate { name: long, ..certificate() });
        assert!(prover().read_certificate(&longest).is_some(), "{}", longest.len());
        assert_eq!(Prover { key: [8; 32], ..prover() }.read_certificate(&text), None);
        assert_eq!(Prover { hub_id: HubId::new(), ..prover() }.read_certificate(&text), None);
    }

    #[test]
    fn a_deposit_is_known_again_by_its_own_hub_only() {
        let (said, text) = (deposit(), prover().write_deposit(&deposit()));
        assert_eq!(text.len(), 76);
        assert_eq!(prover().read_deposit(&prover().write_deposit(&said)), Some(said));
        assert_eq!(Prover { key: [8; 32], ..prover() }.read_deposit(&text), None);
        assert_eq!(Prover { hub_id: HubId::new(), ..prover() }.read_deposit(&text), None);
        assert_eq!(prover().read_deposit(&prover().certify(&certificate())), None);
    }

    #[test]
    fn keys_that_anybody_could_sign_for_are_none() {
        for weak in SMALL_ORDER {
            let mut key = keys::from_hex(weak).expect("hexadecimal");
            for sign in [0, 0x80] {
                key[31] |= sign;
                assert!(read_public_key(&URL_SAFE_NO_PAD.encode(key)).is_err(), "{weak} {sign}");
            }
        }
        for strange in ["", "AAAA", "not base64!", &URL_SAFE_NO_PAD.encode([9; 33])] {
            assert!(read_public_key(strange).is_err(), "{strange}");
        }
        let pair = Ed25519KeyPair::from_seed_unchecked(&[3; 32]).expect("a key");
        assert!(read_public_key(&URL_SAFE_NO_PAD.encode(pair.public_key())).is_ok());
    }

    #[test]
    fn a_signature_fits_its_own_request_and_no_other() {
        let (pair, hub) = (Ed25519KeyPair::from_seed_unchecked(&[3; 32]).expect("a key"), HubId::new());
        let key: [u8; 32] = pair.public_key().as_ref().try_into().expect("32 bytes");
        let body = br#"{"items":[]}"#;
        let path = "/api/v1/devices/1/answers";
        let text = format!(
            "DreamSeed device request 1\nPOST {path}\n{hub}\n{}",
            blake3::hash(body).to_hex().as_str()
        );
        let signature = URL_SAFE_NO_PAD.encode(pair.sign(text.as_bytes()));
        let right = SignedRequest {
            method: "POST",
            path,
            device: DeviceId::new(),
            signature: &signature,
            certificate: None,
            body,
        };
        assert!(is_signed(&right, hub, &key));
        let cut = &signature[..85];
        for wrong in [
            SignedRequest { method: "PUT", ..right },
            SignedRequest { path: "/api/v1/devices/1/lacking", ..right },
            SignedRequest { body: br#"{"items":[ ]}"#, ..right },
            SignedRequest { signature: "", ..right },
            SignedRequest { signature: cut, ..right },
        ] {
            assert!(!is_signed(&wrong, hub, &key), "{wrong:?}");
        }
        assert!(!is_signed(&right, HubId::new(), &key), "another school");
        assert!(!is_signed(&right, hub, &[9; 32]), "another device");
    }

    proptest! {
        /// Whatever somebody sends is read without a panic, and is nothing.
        #[test]
        fn any_text_is_no_proof(text in ".{0,200}", bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            let encoded = URL_SAFE_NO_PAD.encode(&bytes);
            for text in [text.as_str(), encoded.as_str(), &format!("{text}.{encoded}")] {
                prop_assert_eq!(prover().read_certificate(text), None);
                prop_assert_eq!(prover().read_deposit(text), None);
            }
            let _ = read_public_key(&text);
        }

        /// One changed character spoils a proof. The last one of a deposit carries no spare bits, since 57 bytes are
        /// 76 characters.
        #[test]
        fn a_changed_proof_is_none(place in any::<prop::sample::Index>(), to in "[A-Za-z0-9_.-]") {
            for text in [prover().certify(&certificate()), prover().write_deposit(&deposit())] {
                let at = place.index(text.len());
                let changed = format!("{}{to}{}", &text[..at], &text[at + 1..]);
                // Hexadecimal digits may be written either way.
                if changed.eq_ignore_ascii_case(&text) {
                    continue;
                }
                prop_assert_eq!(prover().read_certificate(&changed), None);
                prop_assert_eq!(prover().read_deposit(&changed), None);
            }
        }
    }
}
