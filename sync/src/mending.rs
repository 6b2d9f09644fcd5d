//! Packs that do not hold what their names say: a disk has let a bit fall, and whatever finds the parts in the index would
//! never send them again.
//!
//! The walk: a check, also one of a snapshot that could not be restored, notes which packs are suspects ([`note`]), among the hub's own files and not at
//! the target. The next backup reads each of them again ([`mend`]). One that fits its name after all stays. Of the others the
//! parts that are still sound, each by its own MAC, are written to a new pack, so that snapshots that need only those stay
//! whole; then the pack goes. The parts that were lost are in no index any more: they are sent again if the folder still has
//! them, and then older snapshots that needed them are whole again too.
//!
//! How a pack is laid out: <https://restic.readthedocs.io/en/stable/100_references.html#pack-format>.

use crate::{
    own_run::hex,
    store::{Line, fits_name, id_bytes},
};
use aes256ctr_poly1305aes::{Aes256CtrPoly1305Aes, Key, Nonce, Tag, aead::AeadInPlace as _};
use bytes::Bytes;
use ring::{
    digest,
    rand::{SecureRandom as _, SystemRandom},
};
use rustic_core::{
    ErrorKind, FileType, Id, OpenStatus, RepairIndexOptions, RusticError, RusticResult, WriteBackend as _,
    repofile::{BlobType, IndexBlob, IndexFile, IndexPack, MasterKey},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

/// What was done about damaged packs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mended {
    /// Packs that went.
    pub packs: usize,
    /// Parts of theirs that are lost.
    pub lost: usize,
}

/// Adds suspects to those that are noted of a repository.
pub fn note(cache: &Path, repository: &str, suspects: &BTreeSet<Id>) -> io::Result<()> {
    if suspects.is_empty() {
        return Ok(());
    }
    let all: BTreeSet<Id> = noted(cache, repository)?.union(suspects).copied().collect();
    let path = path_of(cache, repository);
    let draft = path.with_extension("draft");
    fs::write(&draft, serde_json::to_vec(&all)?)?;
    fs::rename(draft, path)
}

/// The packs that are suspects since they were last mended. A note that cannot be understood says nothing.
pub fn noted(cache: &Path, repository: &str) -> io::Result<BTreeSet<Id>> {
    match fs::read(path_of(cache, repository)) {
        Ok(text) => Ok(serde_json::from_slice(&text).unwrap_or_default()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeSet::new()),
        Err(error) => Err(error),
    }
}

/// They were mended.
pub fn forget(cache: &Path, repository: &str) -> io::Result<()> {
    match fs::remove_file(path_of(cache, repository)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The packs that findings of a check speak of; all with trees if they name none, for a tree that cannot be read is told
/// without its pack.
pub fn name_suspects(
    inner: &rustic_core::Repository<OpenStatus>,
    findings: &[String],
) -> RusticResult<BTreeSet<Id>> {
    let packs = read_index(inner)?;
    // As rustic shows ids: by their first eight digits.
    let is_named = |id: &Id| {
        let name = id.to_hex();
        findings.iter().any(|finding| finding.contains(&name[..8]))
    };
    let named: BTreeSet<Id> = packs.keys().filter(|id| is_named(id)).copied().collect();
    if !named.is_empty() {
        return Ok(named);
    }
    let holds_trees = |blobs: &[IndexBlob]| blobs.iter().any(|blob| blob.tpe == BlobType::Tree);
    Ok(packs.into_iter().filter(|(_, blobs)| holds_trees(blobs)).map(|(id, _)| id).collect())
}

/// Takes the suspects that are damaged out of a repository, all but what is sound in them. The index has to be repaired after
/// it. May be cut off anywhere: nothing goes before its sound parts lie at the target again.
pub fn mend(
    line: &Line,
    inner: &rustic_core::Repository<OpenStatus>,
    suspects: &BTreeSet<Id>,
) -> RusticResult<Mended> {
    let mut mended = Mended::default();
    let mut damaged = Vec::new();
    // One whose file is gone is taken out of the index in any case.
    let there = line.names(FileType::Pack)?;
    let is_meant = |id: &Id| suspects.contains(id) && there.contains(id);
    for (id, mut blobs) in read_index(inner)?.into_iter().filter(|(id, _)| is_meant(id)) {
        let content = line.read_as_it_is(FileType::Pack, &id)?;
        if fits_name(FileType::Pack, &id, &content) {
            continue;
        }
        blobs.sort_unstable_by_key(|blob| blob.location.offset);
        let cipher = cipher_of(&inner.key())?;
        let sound: Vec<&IndexBlob> = blobs.iter().filter(|blob| is_sound(&cipher, &content, blob)).collect();
        mended.lost += blobs.len() - sound.len();
        if !sound.is_empty() {
            let pack = Bytes::from(pack_anew(&cipher, &content, &sound)?);
            let name: Id = hex(digest::digest(&digest::SHA256, &pack).as_ref()).parse()?;
            line.write_bytes(FileType::Pack, &name, false, pack.into())?;
        }
        damaged.push(id);
    }
    if !damaged.is_empty() {
        // The new packs are found by it.
        inner.repair_index(&RepairIndexOptions::default(), false)?;
    }
    for id in damaged {
        line.remove(FileType::Pack, &id, false)?;
        mended.packs += 1;
    }
    Ok(mended)
}

/// The files of a kind by whether they hold what their names say.
#[derive(Debug, Default)]
pub struct Sorted {
    pub fit: Vec<Id>,
    pub unfit: Vec<Id>,
}

/// Reads all files of a kind.
pub fn sort_names(line: &Line, kind: FileType) -> RusticResult<Sorted> {
    let mut sorted = Sorted::default();
    for id in line.names(kind)? {
        let is_fit = fits_name(kind, &id, &line.read_as_it_is(kind, &id)?);
        if is_fit { sorted.fit.push(id) } else { sorted.unfit.push(id) }
    }
    Ok(sorted)
}

/// Removes files of the index, or of snapshots, that do not hold what their names say; how many. What stood in the index is
/// read from the packs again when it is repaired. A snapshot is lost with its file, and stands in the way of nothing more.
pub fn drop_unfit(line: &Line, kind: FileType) -> RusticResult<usize> {
    let unfit = sort_names(line, kind)?.unfit;
    for id in &unfit {
        line.remove(kind, id, false)?;
    }
    if !unfit.is_empty() {
        tracing::warn!(files = unfit.len(), %kind, "damaged files of the backups were taken away");
    }
    Ok(unfit.len())
}

/// What the index knows of each pack.
fn read_index(inner: &rustic_core::Repository<OpenStatus>) -> RusticResult<BTreeMap<Id, Vec<IndexBlob>>> {
    let mut packs = BTreeMap::new();
    for file in inner.stream_files::<IndexFile>()? {
        let (_, index) = file?;
        let all = index.packs.into_iter().chain(index.packs_to_delete);
        packs.extend(all.map(|IndexPack { id, blobs, .. }| (*id, blobs)));
    }
    Ok(packs)
}

/// The cipher of a repository's packs.
fn cipher_of(key: &MasterKey) -> RusticResult<Aes256CtrPoly1305Aes> {
    let bytes = [key.encrypt.as_slice(), &key.mac.k, &key.mac.r].concat();
    match <[u8; 64]>::try_from(bytes) {
        Ok(bytes) => Ok(Aes256CtrPoly1305Aes::new(&Key::from(bytes))),
        Err(_) => Err(RusticError::new(ErrorKind::Key, "the master key has another length than 64 bytes")),
    }
}

/// Whether a part lies in the pack as it was written.
fn is_sound(cipher: &Aes256CtrPoly1305Aes, pack: &[u8], blob: &IndexBlob) -> bool {
    let Some(part) = part_of(pack, blob) else { return false };
    let Some((nonce, rest)) = part.split_first_chunk::<16>() else { return false };
    let Some((text, tag)) = rest.split_last_chunk::<16>() else { return false };
    let (nonce, tag) = (Nonce::from(*nonce), Tag::from(*tag));
    cipher.decrypt_in_place_detached(&nonce, &[], &mut text.to_vec(), &tag).is_ok()
}

fn part_of<'p>(pack: &'p [u8], blob: &IndexBlob) -> Option<&'p [u8]> {
    let begin = usize::try_from(blob.location.offset).ok()?;
    let end = begin.checked_add(usize::try_from(blob.location.length).ok()?)?;
    pack.get(begin..end)
}

/// A pack of these parts of another: the parts as they are, their list, encrypted, and its length.
fn pack_anew(cipher: &Aes256CtrPoly1305Aes, pack: &[u8], sound: &[&IndexBlob]) -> RusticResult<Vec<u8>> {
    let mut content: Vec<u8> =
        sound.iter().filter_map(|blob| part_of(pack, blob)).flatten().copied().collect();
    let mut list = Vec::new();
    for blob in sound {
        let length = blob.location.length.to_le_bytes();
        let kind = u8::from(blob.tpe == BlobType::Tree);
        match blob.location.uncompressed_length {
            Some(uncompressed) => {
                list.push(kind + 2);
                list.extend(length);
                list.extend(uncompressed.get().to_le_bytes());
            }
            None => {
                list.push(kind);
                list.extend(length);
            }
        }
        list.extend(id_bytes(&blob.id));
    }
    let mut nonce = [0; 16];
    let is_done = SystemRandom::new().fill(&mut nonce).is_ok();
    let tag = cipher.encrypt_in_place_detached(&Nonce::from(nonce), &[], &mut list).ok().filter(|_| is_done);
    let tag =
        tag.ok_or_else(|| RusticError::new(ErrorKind::Cryptography, "a new pack cannot be encrypted"))?;
    let length = u32::try_from(nonce.len() + list.len() + tag.len())
        .map_err(|error| RusticError::with_source(ErrorKind::Internal, "a pack has too many parts", error))?;
    content.extend(nonce);
    content.extend(list);
    content.extend(tag);
    content.extend(length.to_le_bytes());
    Ok(content)
}

fn path_of(cache: &Path, repository: &str) -> PathBuf {
    cache.join(format!("damaged-{}", repository.get(..16).unwrap_or(repository)))
}
