//! Receipts: a place in the record with the hub's own proof of it.
//!
//! The proof is the first half of a keyed BLAKE3 over the hub, the epoch and the number. Whoever holds a receipt can show
//! later that this hub has given that place, to a hub that does not know it any more because its record was put back; nobody
//! without the key can make one. The key says nothing about answers and signs nobody in: whoever steals it can do no more than
//! cry rollback, so that there is no command for a new one. Where the file is lost, a new key is made, and receipts of the old
//! one prove nothing any more.

use std::path::Path;

use dreamseed_wire::{
    delivery::{Receipt, RecordPlace},
    ids::{EpochId, HubId},
};

use crate::auth::keys::{self, KeyError, ProofKey};

/// The header of a request that shows a receipt.
pub const RECEIPT_HEADER: &str = "dreamseed-receipt";
/// The header of each reply that names the epoch.
pub const EPOCH_HEADER: &str = "dreamseed-epoch";

/// Bytes of a proof: nobody guesses 128 bits over a network.
const MAC_BYTES: usize = 16;
/// Longest header that can be one: two UUIDs' worth of text, a number and two dots.
const HEADER_MAX: usize = 96;

const OF_RECEIPTS: &[u8] = b"DreamSeed receipt 1";
const OF_MARKS: &[u8] = b"DreamSeed high mark 1";

/// Makes receipts and knows them again.
#[derive(Clone)]
pub struct Receipts {
    key: [u8; 32],
    hub_id: HubId,
}

impl Receipts {
    /// Reads the key of a data folder, or makes it; `has_record` says whether answers may have been acknowledged with
    /// another one.
    ///
    /// # Errors
    /// A key file that cannot be used.
    pub fn open(data: &Path, hub_id: HubId, has_record: bool) -> Result<Self, KeyError> {
        let (key, is_new) = keys::open_proof_key(data, ProofKey::Receipt)?;
        if is_new && has_record {
            tracing::warn!(
                "the key of receipts was missing and is made anew: receipts that were given before prove nothing any more"
            );
        }
        Ok(Receipts { key, hub_id })
    }

    /// With a key that is known, such as another machine's in a test.
    pub fn with_key(key: [u8; 32], hub_id: HubId) -> Self {
        Receipts { key, hub_id }
    }

    /// The receipt for a place. Ask for it only once what stands there is durable, or for a reply that waits for that.
    pub fn issue(&self, epoch_id: EpochId, hub_seq: i64) -> Receipt {
        Receipt { epoch_id, hub_seq, mac: self.prove(OF_RECEIPTS, RecordPlace { epoch_id, hub_seq }, &[]) }
    }

    /// Whether this hub has made the receipt. Takes the same time for every wrong proof.
    pub fn is_ours(&self, receipt: &Receipt) -> bool {
        let place = RecordPlace { epoch_id: receipt.epoch_id, hub_seq: receipt.hub_seq };
        is_same(&receipt.mac, &self.prove(OF_RECEIPTS, place, &[]))
    }

    /// The proof in a high mark, which also holds the epoch's number.
    pub(crate) fn seal_mark(&self, place: RecordPlace, epoch: i64) -> String {
        self.prove(OF_MARKS, place, &epoch.to_be_bytes())
    }

    /// Whether this hub has written a high mark.
    pub(crate) fn is_our_mark(&self, place: RecordPlace, epoch: i64, mac: &str) -> bool {
        is_same(mac, &self.seal_mark(place, epoch))
    }

    /// Whose places these are.
    pub fn hub_id(&self) -> HubId {
        self.hub_id
    }

    fn prove(&self, what: &[u8], place: RecordPlace, more: &[u8]) -> String {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        // Every field but the first has a fixed length, and the first is one of two of which none begins the other.
        for field in
            [what, self.hub_id.0.as_bytes(), place.epoch_id.0.as_bytes(), &place.hub_seq.to_be_bytes(), more]
        {
            hasher.update(field);
        }
        let mut mac = [0; MAC_BYTES];
        hasher.finalize_xof().fill(&mut mac);
        keys::to_hex(&mac)
    }
}

/// The receipt in a header, `<epoch_id>.<hub_seq>.<mac>`; whether it is one of this hub's is another question.
pub fn read_header(text: &str) -> Option<Receipt> {
    let text = Some(text).filter(|text| text.len() <= HEADER_MAX)?;
    let mut fields = text.split('.');
    let (epoch, seq, mac) = (fields.next()?, fields.next()?, fields.next()?);
    let is_whole = fields.next().is_none() && mac.len() == 2 * MAC_BYTES;
    let receipt = Receipt { epoch_id: epoch.parse().ok()?, hub_seq: seq.parse().ok()?, mac: mac.to_owned() };
    Some(receipt).filter(|receipt| is_whole && receipt.hub_seq > 0)
}

/// A receipt as the header holds it.
pub fn write_header(receipt: &Receipt) -> String {
    format!("{}.{}.{}", receipt.epoch_id, receipt.hub_seq, receipt.mac)
}

/// Equal hashes instead of equal texts: the time tells nothing of the proof.
fn is_same(one: &str, other: &str) -> bool {
    blake3::hash(one.as_bytes()) == blake3::hash(other.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours() -> Receipts {
        Receipts::with_key([7; 32], HubId(uuid::Uuid::from_u128(1)))
    }

    #[test]
    fn a_receipt_proves_its_own_place_and_no_other() {
        let (receipts, epoch) = (ours(), EpochId::new());
        let receipt = receipts.issue(epoch, 42);
        assert!(receipts.is_ours(&receipt));
        assert_eq!(receipt.mac.len(), 32);
        for forged in [
            Receipt { hub_seq: 43, ..receipt.clone() },
            Receipt { epoch_id: EpochId::new(), ..receipt.clone() },
            Receipt { mac: "0".repeat(32), ..receipt.clone() },
            Receipt { mac: String::new(), ..receipt.clone() },
            Receipt { mac: receipt.mac.to_uppercase() + "x", ..receipt.clone() },
        ] {
            assert!(!receipts.is_ours(&forged), "{forged:?}");
        }
        assert!(!Receipts::with_key([8; 32], receipts.hub_id()).is_ours(&receipt), "another key");
        assert!(!Receipts::with_key([7; 32], HubId::new()).is_ours(&receipt), "another school");
    }

    #[test]
    fn a_high_mark_is_no_receipt() {
        let (receipts, place) = (ours(), RecordPlace { epoch_id: EpochId::new(), hub_seq: 5 });
        let mac = receipts.seal_mark(place, 1);
        assert!(receipts.is_our_mark(place, 1, &mac) && !receipts.is_our_mark(place, 2, &mac));
        assert!(!receipts.is_ours(&Receipt { epoch_id: place.epoch_id, hub_seq: place.hub_seq, mac }));
    }

    #[test]
    fn a_header_is_read_as_it_is_written() {
        let receipt = ours().issue(EpochId::new(), 9_000_000_000);
        let text = write_header(&receipt);
        assert_eq!(read_header(&text), Some(receipt));
        for strange in [
            String::new(),
            "..".into(),
            format!("{text}.1"),
            text.replace('.', " "),
            text.replacen("9000000000", "-1", 1),
            text.replacen("9000000000", "0", 1),
            format!("{text}0"),
            "a".repeat(2_000),
        ] {
            assert_eq!(read_header(&strange), None, "{strange}");
        }
    }

    #[test]
    fn the_key_is_made_once() {
        let data = tempfile::tempdir().expect("a folder");
        let hub = HubId::new();
        let receipt = Receipts::open(data.path(), hub, false).expect("made").issue(EpochId::new(), 1);
        assert!(Receipts::open(data.path(), hub, true).expect("read").is_ours(&receipt));
        std::fs::remove_file(keys::keys_folder(data.path()).join("receipt.key")).expect("lost");
        assert!(!Receipts::open(data.path(), hub, true).expect("made anew").is_ours(&receipt));
    }
}
