//! The ledgers beside the database: what must not come undone when a database comes back from a backup.
//!
//! Three files in `data/ledgers`, a line of JSON for each entry, ids and times only: `erasures.jsonl`, `consents.jsonl` and
//! `security.jsonl` (devices enrolled and revoked, secrets changed). They only grow, each line is durable before the change
//! is acknowledged where that matters, and a backup sends them to every target as soon as they have changed.
//!
//! An entry is born in the database, in the transaction of its change, so that neither is there without the other; then it
//! goes into the file. At each start both are brought together: what a file lacks is appended, and what the database lacks
//! was lost with the state that was put back. Erasures, consents and revocations are then applied again; that a PIN which
//! somebody had changed counts again can only be told ([`crate::epochs::since_restore`]).

use std::{
    collections::{BTreeMap, HashSet},
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use dreamseed_wire::{
    backup::LostChangeKind,
    ids::{DeviceId, EpochId, UserId},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::{
    hub::Ctx,
    privacy::erasure,
    store::{
        Committed, Store, StoreError, WriteTx, devices,
        erasures::{self, ErasureEntry},
        ledgers::{self as rows, ConsentEntry},
    },
};

const FOLDER: &str = "ledgers";
const ERASURES: &str = "erasures.jsonl";
const CONSENTS: &str = "consents.jsonl";
const SECURITY: &str = "security.jsonl";
/// How long the keeper waits before it tries again what a full disk has refused.
const AGAIN: Duration = Duration::from_secs(5);

/// What was done, ids only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SecurityDeed {
    DeviceEnrolled { device_id: DeviceId },
    DeviceRevoked { device_id: DeviceId },
    SecretChanged { user_id: UserId },
}

impl SecurityDeed {
    fn kind(self) -> LostChangeKind {
        match self {
            SecurityDeed::DeviceEnrolled { .. } => LostChangeKind::DeviceEnrolled,
            SecurityDeed::DeviceRevoked { .. } => LostChangeKind::DeviceRevoked,
            SecurityDeed::SecretChanged { .. } => LostChangeKind::SecretChanged,
        }
    }

    fn subject(self) -> Uuid {
        match self {
            SecurityDeed::DeviceEnrolled { device_id } | SecurityDeed::DeviceRevoked { device_id } => {
                device_id.0
            }
            SecurityDeed::SecretChanged { user_id } => user_id.0,
        }
    }
}

/// An entry of the security ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityEntry {
    pub id: Uuid,
    pub at: Timestamp,
    /// Where the record stood.
    pub epoch_id: EpochId,
    pub hub_seq: i64,
    #[serde(flatten)]
    pub deed: SecurityDeed,
}

/// What was done with a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceDeed {
    Enrolled,
    Revoked,
}

/// The files of a running hub.
pub struct Ledgers {
    data: PathBuf,
    /// Told by the writer: the database has an entry that the files may lack.
    pending: Arc<Notify>,
    changed: Notify,
    /// One at a time compares and appends.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Ledgers {
    pub fn new(data: &Path, pending: Arc<Notify>) -> Self {
        Ledgers { data: data.to_owned(), pending, changed: Notify::new(), turn: Arc::default() }
    }

    /// Resolves when a file has grown since the last time; for whoever sends them to the backups.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }
}

/// Wakes the keeper of the ledgers if a group of writes has brought an entry; on the writer's thread.
pub fn see(pending: &Notify, committed: &[Committed]) {
    if committed.iter().any(|event| matches!(event, Committed::Ledger)) {
        pending.notify_one();
    }
}

/// Notes in the transaction of the change that somebody's PIN or password is another one.
pub fn note_secret(tx: &WriteTx<'_>, user_id: UserId, at: Timestamp) -> Result<(), StoreError> {
    rows::add(tx, &entry(tx, SecurityDeed::SecretChanged { user_id }, at))
}

/// Notes what was done with a device; returns when it stands in the file too.
pub async fn note_device(
    ctx: &Ctx,
    device_id: DeviceId,
    deed: DeviceDeed,
    at: Timestamp,
) -> Result<(), StoreError> {
    let deed = match deed {
        DeviceDeed::Enrolled => SecurityDeed::DeviceEnrolled { device_id },
        DeviceDeed::Revoked => SecurityDeed::DeviceRevoked { device_id },
    };
    ctx.store
        .write(move |tx| {
            if rows::has_device_deed(tx.conn(), device_id, deed.kind())? {
                return Ok(());
            }
            rows::add(tx, &entry(tx, deed, at))
        })
        .await?;
    keep(ctx).await
}

/// Appends to the files whatever of the database they lack, durably.
pub async fn keep(ctx: &Ctx) -> Result<(), StoreError> {
    if append_missing(&ctx.store, &ctx.ledgers.data, &ctx.ledgers.turn).await? {
        ctx.ledgers.changed.notify_one();
    }
    Ok(())
}

/// Appends what the files lack whenever the database has brought something, until the hub stops.
pub async fn keep_until_stopped(ctx: Arc<Ctx>) {
    loop {
        tokio::select! {
            () = ctx.stopping.cancelled() => return,
            () = ctx.ledgers.pending.notified() => {}
        }
        while let Err(err) = keep(&ctx).await {
            if ctx.stopping.is_cancelled() {
                return;
            }
            tracing::warn!(error = %err, "the ledgers beside the database are behind it; they are written again soon");
            tokio::select! {
                () = ctx.stopping.cancelled() => return,
                () = tokio::time::sleep(AGAIN) => {}
            }
        }
    }
}

/// Brings files and database together at a start: moves the ledger of former hubs to its place, applies again what the
/// database has lost, and appends what the files lack. Erasures are [`crate::privacy::erasure::replay`]'s, which runs first.
pub async fn bring_together(store: &Store, data: &Path) -> Result<(), StoreError> {
    apply_and_append(store, data, &Arc::default()).await
}

/// Takes in the ledgers of the folder `fetched`, which came from a backup while the hub serves: their lines go into the files,
/// and what the database lacks of them is applied as at a start. Returns when that is durable.
pub async fn take_in(ctx: &Ctx, fetched: PathBuf) -> Result<(), StoreError> {
    let (data, turn) = (ctx.ledgers.data.clone(), Arc::clone(&ctx.ledgers.turn).lock_owned().await);
    run_blocking(move || {
        let _turn = turn;
        let folder = data.join(FOLDER);
        make_folder(&folder)?;
        append(&folder.join(ERASURES), &read_file::<ErasureEntry>(&fetched.join(ERASURES))?)?;
        append(&folder.join(CONSENTS), &read_file::<ConsentEntry>(&fetched.join(CONSENTS))?)?;
        append(&folder.join(SECURITY), &read_file::<SecurityEntry>(&fetched.join(SECURITY))?)
    })
    .await?;
    erasure::replay_beside(ctx).await?;
    apply_and_append(&ctx.store, &ctx.ledgers.data, &ctx.ledgers.turn).await?;
    ctx.devices.learn_revoked(&ctx.store).await?;
    ctx.ledgers.changed.notify_one();
    Ok(())
}

async fn apply_and_append(
    store: &Store,
    data: &Path,
    turn: &Arc<tokio::sync::Mutex<()>>,
) -> Result<(), StoreError> {
    let folder = data.to_owned();
    let (consents, deeds) = run_blocking(move || {
        let folder = folder.join(FOLDER);
        Ok((
            read_file::<ConsentEntry>(&folder.join(CONSENTS))?,
            read_file::<SecurityEntry>(&folder.join(SECURITY))?,
        ))
    })
    .await?;
    let lost = store
        .write(move |tx| {
            let lost = put_back_consents(tx, consents)? + put_back_deeds(tx, deeds)?;
            note_unknown_devices(tx)?;
            Ok::<_, StoreError>(lost)
        })
        .await?;
    if lost > 0 {
        tracing::warn!(
            changes = lost,
            "the ledgers held changes that the database had lost; consents and revocations have been applied again"
        );
    }
    append_missing(store, data, turn).await.map(drop)
}

/// Whether there is a line in any ledger of a data folder.
pub fn has_any(data: &Path) -> bool {
    let folder = data.join(FOLDER);
    let files = [folder.join(ERASURES), folder.join(CONSENTS), folder.join(SECURITY), data.join(ERASURES)];
    files.iter().any(|file| fs::metadata(file).is_ok_and(|found| found.len() > 0))
}

/// The erasures in the files of a data folder, also where former hubs kept them.
pub fn read_erasures(data: &Path) -> io::Result<Vec<ErasureEntry>> {
    let mut entries: Vec<ErasureEntry> = read_file(&data.join(FOLDER).join(ERASURES))?;
    entries.extend(read_file::<ErasureEntry>(&data.join(ERASURES))?);
    Ok(entries)
}

fn entry(tx: &WriteTx<'_>, deed: SecurityDeed, at: Timestamp) -> SecurityEntry {
    let place = tx.place();
    SecurityEntry { id: Uuid::now_v7(), at, epoch_id: place.epoch_id, hub_seq: place.hub_seq, deed }
}

/// Consents that the database has lost, and withdrawals; how many.
fn put_back_consents(tx: &WriteTx<'_>, lines: Vec<ConsentEntry>) -> Result<usize, StoreError> {
    let known: BTreeMap<Uuid, ConsentEntry> =
        rows::consents(tx.conn())?.into_iter().map(|consent| (consent.id.0, consent)).collect();
    let mut beside: BTreeMap<Uuid, ConsentEntry> = BTreeMap::new();
    for line in lines {
        let withdrawn_at = line.withdrawn_at;
        let entry = beside.entry(line.id.0).or_insert(line);
        entry.withdrawn_at = entry.withdrawn_at.or(withdrawn_at);
    }
    let mut lost = 0;
    for consent in beside.into_values() {
        let is_there = known.get(&consent.id.0);
        if is_there.is_some_and(|known| known.withdrawn_at.is_some() || consent.withdrawn_at.is_none()) {
            continue;
        }
        rows::put_consent(tx, &consent)?;
        let at = consent.withdrawn_at.unwrap_or(consent.given_at);
        rows::add_return(tx, consent.id.0, LostChangeKind::ConsentChanged, consent.pupil_id.0, at)?;
        lost += 1;
    }
    Ok(lost)
}

/// Deeds that the database has lost; devices that were revoked are so again.
fn put_back_deeds(tx: &WriteTx<'_>, lines: Vec<SecurityEntry>) -> Result<usize, StoreError> {
    let mut known: HashSet<Uuid> = rows::list(tx.conn())?.into_iter().map(|entry| entry.id).collect();
    let mut lost = 0;
    for line in lines {
        if !known.insert(line.id) {
            continue;
        }
        if let SecurityDeed::DeviceRevoked { device_id } = line.deed {
            devices::revoke_again(tx, device_id, line.at)?;
        }
        rows::add(tx, &line)?;
        rows::add_return(tx, line.id, line.deed.kind(), line.deed.subject(), line.at)?;
        lost += 1;
    }
    Ok(lost)
}

/// Devices whose line was cut off between the change and its entry.
fn note_unknown_devices(tx: &WriteTx<'_>) -> Result<(), StoreError> {
    let known: Vec<SecurityDeed> = rows::list(tx.conn())?.into_iter().map(|entry| entry.deed).collect();
    for device in devices::list(tx.conn())? {
        let device_id = device.id;
        let enrolled =
            device.public_key.map(|_| (SecurityDeed::DeviceEnrolled { device_id }, device.enrolled_at));
        let revoked = device.revoked_at.map(|at| (SecurityDeed::DeviceRevoked { device_id }, at));
        for (deed, at) in enrolled.into_iter().chain(revoked) {
            if !known.contains(&deed) {
                rows::add(tx, &entry(tx, deed, at))?;
            }
        }
    }
    Ok(())
}

/// Appends to each file what of the database it lacks; true if one has grown.
async fn append_missing(
    store: &Store,
    data: &Path,
    turn: &Arc<tokio::sync::Mutex<()>>,
) -> Result<bool, StoreError> {
    let turn = Arc::clone(turn).lock_owned().await;
    let (erased, consents, deeds) = store
        .read(|conn| Ok::<_, StoreError>((erasures::list(conn)?, rows::consents(conn)?, rows::list(conn)?)))
        .await?;
    let data = data.to_owned();
    run_blocking(move || {
        let _turn = turn;
        let folder = data.join(FOLDER);
        make_folder(&folder)?;
        adopt_former_ledger(&data, &folder.join(ERASURES))?;
        let grown = [
            append(&folder.join(ERASURES), &erased)?,
            append(&folder.join(CONSENTS), &consents)?,
            append(&folder.join(SECURITY), &deeds)?,
        ];
        Ok(grown.contains(&true))
    })
    .await
}

async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, StoreError> {
    Ok(tokio::task::spawn_blocking(work).await.map_err(io::Error::other)??)
}

/// Brings the lines of the file in which former hubs kept erasures into the ledger, and leaves a link in its place: a former
/// hub that an upgrade is taken back to reads it there, and writes it anew there.
fn adopt_former_ledger(data: &Path, ledger: &Path) -> io::Result<()> {
    let former = data.join(ERASURES);
    match fs::symlink_metadata(&former) {
        Ok(found) if found.is_symlink() => return Ok(()),
        Ok(_) => {
            append(ledger, &read_file::<ErasureEntry>(&former)?)?;
            fs::remove_file(&former)?;
        }
        Err(err) if err.kind() == io::ErrorKind::NotFound => {}
        Err(err) => return Err(err),
    }
    #[cfg(unix)]
    std::os::unix::fs::symlink(Path::new(FOLDER).join(ERASURES), &former)?;
    Ok(())
}

/// Appends the entries that a file lacks, durably; true if it has grown.
fn append<T: Serialize + DeserializeOwned + PartialEq>(file: &Path, entries: &[T]) -> io::Result<bool> {
    let known: Vec<T> = read_file(file)?;
    let lines = |entries: &[T]| entries.iter().map(serde_json::to_string).collect::<Result<HashSet<_>, _>>();
    let known = lines(&known)?;
    let mut missing = String::new();
    for entry in entries {
        let line = serde_json::to_string(entry)?;
        if !known.contains(&line) {
            missing.push_str(&line);
            missing.push('\n');
        }
    }
    if missing.is_empty() {
        return Ok(false);
    }
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut opened = options.open(file)?;
    if !ends_with_line(&mut opened)? {
        // After a line that was cut off.
        missing.insert(0, '\n');
    }
    opened.write_all(missing.as_bytes())?;
    opened.sync_all()?;
    #[cfg(unix)]
    if let Some(folder) = file.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(true)
}

fn ends_with_line(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == [b'\n'])
}

/// The entries of a file; a line that cannot be read is that of a write which was cut off, and the database has it.
fn read_file<T: DeserializeOwned>(file: &Path) -> io::Result<Vec<T>> {
    let bytes = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(err) => return Err(err),
    };
    Ok(bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect())
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn erasure(number: u128) -> ErasureEntry {
        ErasureEntry {
            id: Uuid::from_u128(number),
            pupil_id: UserId(Uuid::from_u128(number + 100)),
            erased_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn lines_are_appended_once_and_one_that_was_cut_off_is_passed_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join(ERASURES);
        assert!(append(&file, &[erasure(1), erasure(2)]).expect("written"));
        assert!(!append(&file, &[erasure(2), erasure(1)]).expect("nothing new"));
        let whole = fs::read(&file).expect("read");
        fs::write(&file, &whole[..whole.len() - 5]).expect("cut off");
        assert_eq!(read_file::<ErasureEntry>(&file).expect("read"), [erasure(1)]);
        assert!(append(&file, &[erasure(1), erasure(2), erasure(3)]).expect("written"));
        assert_eq!(read_file::<ErasureEntry>(&file).expect("read"), [erasure(1), erasure(2), erasure(3)]);
    }

    #[test]
    fn the_ledger_of_a_former_hub_is_taken_over_and_read_where_it_was() {
        let data = tempfile::tempdir().expect("a folder");
        let (former, folder) = (data.path().join(ERASURES), data.path().join(FOLDER));
        make_folder(&folder).expect("made");
        append(&former, &[erasure(1)]).expect("written");
        append(&folder.join(ERASURES), &[erasure(2)]).expect("written");
        assert_eq!(read_erasures(data.path()).expect("read").len(), 2);
        adopt_former_ledger(data.path(), &folder.join(ERASURES)).expect("taken over");
        assert_eq!(
            read_file::<ErasureEntry>(&folder.join(ERASURES)).expect("read"),
            [erasure(2), erasure(1)]
        );
        #[cfg(unix)]
        assert_eq!(read_file::<ErasureEntry>(&former).expect("by the link").len(), 2);
        // A former hub writes it anew in its own place.
        fs::remove_file(&former).expect("replaced");
        append(&former, &[erasure(1), erasure(2), erasure(3)]).expect("written");
        adopt_former_ledger(data.path(), &folder.join(ERASURES)).expect("taken over again");
        assert_eq!(
            read_erasures(data.path()).expect("read").iter().filter(|entry| **entry == erasure(3)).count(),
            2
        );
    }

    #[test]
    fn an_entry_holds_ids_and_times_only() {
        let entry = SecurityEntry {
            id: Uuid::from_u128(1),
            at: Timestamp::UNIX_EPOCH,
            epoch_id: EpochId(Uuid::from_u128(2)),
            hub_seq: 3,
            deed: SecurityDeed::SecretChanged { user_id: UserId(Uuid::from_u128(4)) },
        };
        let line = serde_json::to_string(&entry).expect("written");
        assert_eq!(
            line,
            "{\"id\":\"00000000-0000-0000-0000-000000000001\",\"at\":\"1970-01-01T00:00:00Z\",\
             \"epoch_id\":\"00000000-0000-0000-0000-000000000002\",\"hub_seq\":3,\
             \"kind\":\"secret_changed\",\"user_id\":\"00000000-0000-0000-0000-000000000004\"}"
        );
        assert_eq!(serde_json::from_str::<SecurityEntry>(&line).expect("read"), entry);
    }
}
