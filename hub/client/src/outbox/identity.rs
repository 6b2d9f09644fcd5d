//! Who the device is: an Ed25519 key that never leaves it, and what the hub gave it when it was enrolled.
//!
//! Both lie in `device.json` beside the outbox's file and not in it, so that a damaged outbox does not cost the device
//! its name. The file is the owner's alone (0600).

use super::{
    OutboxError,
    store::{close_to_others, sync_folder},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use dreamseed_wire::ids::{DeviceId, HubId};
use ring::{
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair},
};
use serde::{Deserialize, Serialize};
use std::{
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

const FILE: &str = "device.json";

/// The device's key, and its enrolment once there is one.
pub struct Identity {
    path: PathBuf,
    key: Ed25519KeyPair,
    kept: Kept,
}

/// The file.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// PKCS #8, base64url.
    key: String,
    enrolment: Option<Enrolment>,
}

/// What the hub gave the device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    pub hub_id: HubId,
    pub device_id: DeviceId,
    pub certificate: String,
}

impl Identity {
    /// Reads the device's key, or makes it. A file that cannot be read is put aside and another key made, since answers
    /// must be kept all the same; the device is then to be enrolled again.
    ///
    /// # Errors
    /// The folder cannot be read or written.
    pub fn open(folder: &Path) -> Result<Self, OutboxError> {
        let path = folder.join(FILE);
        match std::fs::read(&path) {
            Ok(bytes) => match read(&bytes) {
                Some((key, kept)) => Ok(Self { path, key, kept }),
                None => {
                    std::fs::rename(&path, path.with_extension("damaged.json"))?;
                    Self::make(path)
                }
            },
            Err(error) if error.kind() == ErrorKind::NotFound => Self::make(path),
            Err(error) => Err(error.into()),
        }
    }

    /// The public half, base64url.
    pub fn public_key(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.key.public_key().as_ref())
    }

    pub fn enrolment(&self) -> Option<&Enrolment> {
        self.kept.enrolment.as_ref()
    }

    /// Keeps what the hub gave; durable when this returns.
    ///
    /// # Errors
    /// The file cannot be written; the former enrolment stands.
    pub fn keep(&mut self, enrolment: Enrolment) -> Result<(), OutboxError> {
        let former = self.kept.enrolment.replace(enrolment);
        write(&self.path, &self.kept).inspect_err(|_| self.kept.enrolment = former)
    }

    /// The signature of a request, base64url. `path` is the whole one, from the root.
    pub fn sign(&self, hub_id: HubId, method: &str, path: &str, body: &[u8]) -> String {
        let digest = blake3::hash(body).to_hex();
        let text = format!("DreamSeed device request 1\n{method} {path}\n{hub_id}\n{digest}");
        URL_SAFE_NO_PAD.encode(self.key.sign(text.as_bytes()).as_ref())
    }

    fn make(path: PathBuf) -> Result<Self, OutboxError> {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| OutboxError::Key)?;
        let key = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).map_err(|_| OutboxError::Key)?;
        let kept = Kept { key: URL_SAFE_NO_PAD.encode(pkcs8.as_ref()), enrolment: None };
        write(&path, &kept)?;
        Ok(Self { path, key, kept })
    }
}

fn read(bytes: &[u8]) -> Option<(Ed25519KeyPair, Kept)> {
    let kept: Kept = serde_json::from_slice(bytes).ok()?;
    let pkcs8 = URL_SAFE_NO_PAD.decode(&kept.key).ok()?;
    Some((Ed25519KeyPair::from_pkcs8(&pkcs8).ok()?, kept))
}

/// The new file takes the old one's place in one blow.
fn write(path: &Path, kept: &Kept) -> Result<(), OutboxError> {
    let bytes = serde_json::to_vec(kept).map_err(|error| OutboxError::Io(error.into()))?;
    let fresh = path.with_extension("json.new");
    let mut file = std::fs::File::create(&fresh)?;
    close_to_others(&fresh)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    drop(file);
    std::fs::rename(&fresh, path)?;
    sync_folder(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{ED25519, UnparsedPublicKey};

    #[test]
    fn the_key_and_the_enrolment_stay() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut identity = Identity::open(folder.path()).expect("a key");
        let (public_key, hub_id) = (identity.public_key(), HubId::new());
        let enrolment = Enrolment { hub_id, device_id: DeviceId::new(), certificate: "c".into() };
        identity.keep(enrolment.clone()).expect("written");
        let again = Identity::open(folder.path()).expect("the same key");
        assert_eq!((again.public_key(), again.enrolment()), (public_key, Some(&enrolment)));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(folder.path().join(FILE)).expect("a file").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_signature_is_of_this_request_to_this_hub() {
        let folder = tempfile::tempdir().expect("a folder");
        let identity = Identity::open(folder.path()).expect("a key");
        let hub_id = HubId::new();
        let signature = identity.sign(hub_id, "POST", "/api/v1/devices/x/answers", b"{}");
        let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
        let public_key = URL_SAFE_NO_PAD.decode(identity.public_key()).expect("base64url");
        let text = format!(
            "DreamSeed device request 1\nPOST /api/v1/devices/x/answers\n{hub_id}\n{}",
            blake3::hash(b"{}").to_hex()
        );
        UnparsedPublicKey::new(&ED25519, public_key).verify(text.as_bytes(), &signature).expect("it fits");
    }

    #[test]
    fn a_damaged_file_is_put_aside_and_another_key_is_made() {
        let folder = tempfile::tempdir().expect("a folder");
        let before = Identity::open(folder.path()).expect("a key").public_key();
        std::fs::write(folder.path().join(FILE), "{\"key\":").expect("written");
        let after = Identity::open(folder.path()).expect("another key");
        assert_ne!(after.public_key(), before);
        assert_eq!(after.enrolment(), None);
        assert!(folder.path().join("device.damaged.json").exists());
    }
}
