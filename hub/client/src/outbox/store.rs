//! The outbox on disk: one SQLite file, `outbox.db`, of one process.
//!
//! A rollback journal and not a write-ahead log, for three reasons. A flipped byte in a log drops every later committed
//! item without a word, while here an item stands in the file itself, with its hash. A log needs shared memory, which
//! network folders do not have, and pupils' home folders are such. And one answer at a time is no load: a commit costs
//! two or three syncs instead of one. The journal is emptied and synced (`TRUNCATE`, `synchronous = FULL`) and not
//! deleted, since deleting is durable only when the folder is synced too.
//!
//! Answers lie here as text. On a shared PC whoever can read the folder can read them: it belongs into the data folder
//! of the account that runs the program (0700, files 0600), and the disk should be encrypted, as everywhere in a school.
//!
//! What the disk changes is noticed: each row has its hash. A damaged item is set aside, a damaged state means `waiting`
//! (sending again is harmless), a damaged file is put aside and whatever rows can be read are carried over.

use super::{
    OutboxError,
    machine::{Age, Change, Held, Item, NewItem, State, Why},
};
use dreamseed_wire::{
    delivery::{ClockReading, Receipt},
    ids::{AttemptId, UserId},
};
use rusqlite::{
    Connection, ErrorCode, OpenFlags, Row, TransactionBehavior, params,
    types::{Value, ValueRef},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    collections::BTreeMap,
    io::ErrorKind,
    path::{Path, PathBuf},
    time::Duration,
};
use uuid::Uuid;

/// In order; never change one that has shipped.
const MIGRATIONS: &[&str] = &[include_str!("store/0001_items.sql")];
const CURRENT: u32 = MIGRATIONS.len() as u32;
/// `DSOB`: tells other programs whose file this is.
const APPLICATION_ID: i32 = 0x4453_4F42;
const FILE: &str = "outbox.db";
/// What an item takes of a request besides its body: ids, hashes, proof, clocks, names of fields.
const ITEM_BYTES: usize = 640;
/// When the next number is not known for sure, this many are left out: none may be used twice.
const NUMBERS_LEFT_OUT: i64 = 1_000_000;
/// Numbers that are looked for in a damaged file that does not tell how far they go.
const NUMBERS_LOOKED_FOR: i64 = 200_000;

/// The open file.
pub struct Store {
    conn: Connection,
}

/// What the file held when it was opened.
#[derive(Debug, Default)]
pub struct Opened {
    pub held: Held,
    /// The age at the last change.
    pub age: Age,
    pub repaired: Option<Repaired>,
}

/// A file that was damaged has been replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Repaired {
    /// Items that could be carried over.
    pub carried: usize,
    /// Where the damaged file lies now.
    pub damaged: PathBuf,
}

/// An item as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptItem {
    pub attempt_id: AttemptId,
    pub pupil_id: UserId,
    pub body: String,
    pub body_hash: String,
    pub occurred_at: ClockReading,
}

/// BLAKE3 of an item's body, as it is sent.
pub fn hash_body(body: &str) -> String {
    blake3::hash(body.as_bytes()).to_hex().to_string()
}

/// What an item with this body takes of a request.
pub fn wire_bytes(body: &str) -> u32 {
    // In a request the body is a JSON string, whose quotes and backslashes cost another byte; others more.
    let escaped: usize = body
        .bytes()
        .map(|byte| match byte {
            b'"' | b'\\' => 2,
            0..=0x1f => 6,
            0x20.. => 1,
        })
        .sum();
    u32::try_from(escaped + ITEM_BYTES).unwrap_or(u32::MAX)
}

impl Store {
    /// Opens or makes the file in `folder`, and says what it holds.
    ///
    /// # Errors
    /// Another process has it open, a newer program has written it, or the disk fails.
    pub fn open(folder: &Path) -> Result<(Self, Opened), OutboxError> {
        make_folder(folder)?;
        let path = folder.join(FILE);
        Self::find_again(&path)?;
        match Self::open_whole(&path) {
            Err(OutboxError::FileDamaged) => Self::replace_damaged(&path),
            other => other,
        }
    }

    /// Makes the changes durable, all or none of them.
    ///
    /// # Errors
    /// The disk fails or is full: then none of them happened, as far as this process may believe. Make everything
    /// anew from [`Store::open`].
    pub fn apply(&mut self, age: Age, changes: &[Change]) -> Result<(), OutboxError> {
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for change in changes {
            match change {
                Change::Added { device_seq, item, state } => {
                    add_item(&tx, *device_seq, item, *state)?;
                    set_fact(&tx, "next_seq", &(device_seq + 1))?;
                }
                Change::Moved { device_seq, state } => move_item(&tx, *device_seq, *state)?,
                Change::Forgotten { device_seq } => forget_item(&tx, *device_seq)?,
                Change::Deposit { pupil_id, proof } => set_deposit(&tx, *pupil_id, proof)?,
                Change::DepositsCleared => clear_deposits(&tx)?,
                Change::Seen(seen) => set_fact(&tx, "seen", seen)?,
                Change::Highest(receipt) => set_fact(&tx, "highest", receipt)?,
            }
        }
        set_fact(&tx, "age", &age)?;
        Ok(tx.commit()?)
    }

    /// The item as it was kept; `None` if it is gone or does not fit its hash any more.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn item(&self, device_seq: i64) -> Result<Option<KeptItem>, OutboxError> {
        let mut query = self.conn.prepare_cached(include_str!("store/item.sql"))?;
        let mut rows = query.query([device_seq])?;
        Ok(rows.next()?.and_then(|row| read_item(row).ok().flatten()))
    }

    fn open_whole(path: &Path) -> Result<(Self, Opened), OutboxError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut conn = Connection::open_with_flags(path, flags)?;
        close_to_others(path)?;
        conn.busy_timeout(Duration::ZERO)?;
        conn.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        conn.pragma_update(None, "trusted_schema", false)?;
        conn.pragma_update(None, "temp_store", "MEMORY")?;
        conn.pragma_update(None, "synchronous", "FULL")?;
        conn.pragma_update(None, "journal_mode", "TRUNCATE")?;
        #[cfg(target_vendor = "apple")]
        conn.pragma_update(None, "fullfsync", true)?;
        migrate(&mut conn)?;
        let verdict: String = conn.pragma_query_value(None, "quick_check", |row| row.get(0))?;
        if verdict != "ok" {
            return Err(OutboxError::FileDamaged);
        }
        let opened = read_all(&conn)?;
        Ok((Self { conn }, opened))
    }

    /// Looks for the file where it may lie if its own name is missing: a new one that was made and not yet renamed, or else
    /// the last one that was set aside. An outbox that begins empty would forget what pupils were told is kept.
    fn find_again(path: &Path) -> Result<(), OutboxError> {
        if path.try_exists()? {
            return Ok(());
        }
        // Of a file that is gone: it must not be played back into another.
        remove(&journal(path))?;
        let fresh = path.with_extension("db.new");
        if fresh.try_exists()? {
            match Self::open_whole(&fresh) {
                Ok((store, _)) => {
                    store.conn.close().map_err(|(_, error)| OutboxError::from(error))?;
                    remove(&journal(&fresh))?;
                    std::fs::rename(&fresh, path)?;
                    return sync_folder(path);
                }
                Err(OutboxError::FileDamaged) => {}
                Err(error) => return Err(error),
            }
        }
        if let Some(aside) = last_set_aside(path) {
            // The journal first: the file must never be opened without it.
            if journal(&aside).exists() {
                link_or_copy(&journal(&aside), &journal(path))?;
            }
            link_or_copy(&aside, path)?;
        }
        Ok(())
    }

    /// Begins a new file with the rows of the damaged one that can be read; the damaged one stays under another name.
    ///
    /// The new file is made aside and takes the place with one rename, so that a crash leaves either of them under the
    /// outbox's own name, and never none.
    fn replace_damaged(path: &Path) -> Result<(Self, Opened), OutboxError> {
        let fresh = path.with_extension("db.new");
        remove(&fresh)?;
        let carried = {
            let (mut store, _) = Self::open_whole(&fresh)?;
            let carried = salvage(path, &mut store.conn)?;
            store.conn.close().map_err(|(_, error)| OutboxError::from(error))?;
            carried
        };
        remove(&journal(&fresh))?;
        let damaged = free_name(path);
        if journal(path).exists() {
            link_or_copy(&journal(path), &journal(&damaged))?;
        }
        link_or_copy(path, &damaged)?;
        // It belongs to the damaged file: beside the new one it would be played back into it. What it could undo was
        // undone when the rows were read.
        remove(&journal(path))?;
        sync_folder(path)?;
        std::fs::rename(&fresh, path)?;
        sync_folder(path)?;
        let (store, mut opened) = Self::open_whole(path)?;
        opened.repaired = Some(Repaired { carried, damaged });
        Ok((store, opened))
    }
}

fn migrate(conn: &mut Connection) -> Result<(), OutboxError> {
    let found: u32 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > CURRENT {
        return Err(OutboxError::Newer { found, known: CURRENT });
    }
    let tx = conn.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    for (index, migration) in MIGRATIONS.iter().enumerate().skip(found as usize) {
        tx.execute_batch(migration)?;
        tx.pragma_update(None, "user_version", index as u32 + 1)?;
    }
    if found == 0 {
        tx.pragma_update(None, "application_id", APPLICATION_ID)?;
        set_fact(&tx, "next_seq", &1)?;
    }
    // Takes the lock that is held until the end, also where nothing was to do.
    Ok(tx.commit()?)
}

fn read_all(conn: &Connection) -> Result<Opened, OutboxError> {
    let facts = read_facts(conn)?;
    let mut held = Held {
        items: read_items(conn)?,
        deposits: read_deposits(conn)?,
        seen: fact(&facts, "seen"),
        highest: fact::<Option<Receipt>>(&facts, "highest").flatten(),
        next_seq: 1,
    };
    let highest_held = held.items.last().map_or(0, |(device_seq, ..)| *device_seq);
    held.next_seq = match fact::<i64>(&facts, "next_seq") {
        Some(next_seq) => next_seq.max(highest_held + 1),
        None => highest_held + NUMBERS_LEFT_OUT,
    };
    Ok(Opened { held, age: fact(&facts, "age").unwrap_or(0), repaired: None })
}

fn read_items(conn: &Connection) -> Result<Vec<(i64, Item, State)>, OutboxError> {
    let mut query = conn.prepare(include_str!("store/items.sql"))?;
    let mut rows = query.query([])?;
    let mut items = Vec::new();
    while let Some(row) = rows.next()? {
        let device_seq: i64 = row.get(0)?;
        items.push(match read_item(row)? {
            Some(kept) => {
                let item = Item {
                    attempt_id: kept.attempt_id,
                    pupil_id: kept.pupil_id,
                    wire_bytes: wire_bytes(&kept.body),
                };
                (device_seq, item, read_state(row, device_seq)?)
            }
            None => damaged_item(row, device_seq),
        });
    }
    Ok(items)
}

/// The item of a row, or none if it does not fit its hash.
fn read_item(row: &Row<'_>) -> Result<Option<KeptItem>, OutboxError> {
    let mut values = read_values(row, ITEM_COLUMNS + 1)?;
    let hash = values.pop();
    if hash != Some(Value::Blob(hash_row(&values))) {
        return Ok(None);
    }
    let Ok(wall) = row.get::<_, String>(5)?.parse() else { return Ok(None) };
    let (Ok(monotonic_ms), Ok(boot_id)) =
        (u64::try_from(row.get::<_, i64>(6)?), Uuid::from_slice(&row.get::<_, Vec<u8>>(7)?))
    else {
        return Ok(None);
    };
    Ok(Some(KeptItem {
        attempt_id: row.get(1)?,
        pupil_id: row.get(2)?,
        body: row.get(3)?,
        body_hash: row.get(4)?,
        occurred_at: ClockReading { wall, monotonic_ms, boot_id },
    }))
}

/// Columns of an item that its hash covers.
const ITEM_COLUMNS: usize = 8;

fn read_state(row: &Row<'_>, device_seq: i64) -> Result<State, OutboxError> {
    let (state, hash) = (read_value(row, 9)?, read_value(row, 10)?);
    let is_whole = hash == Value::Blob(hash_row(&[Value::Integer(device_seq), state.clone()]));
    Ok(match state {
        Value::Text(text) if is_whole => serde_json::from_str(&text).unwrap_or(State::Waiting),
        Value::Text(_) | Value::Null | Value::Integer(_) | Value::Real(_) | Value::Blob(_) => State::Waiting,
    })
}

/// Its ids are shown as they stand, if they are ids at all; nothing of it is ever sent.
fn damaged_item(row: &Row<'_>, device_seq: i64) -> (i64, Item, State) {
    let stand_in = Uuid::from_u128(device_seq.unsigned_abs().into());
    let item = Item {
        attempt_id: row.get(1).unwrap_or(AttemptId(stand_in)),
        pupil_id: row.get(2).unwrap_or(UserId(stand_in)),
        wire_bytes: 0,
    };
    (device_seq, item, State::Aside { why: Why::Damaged, since: 0 })
}

fn read_deposits(conn: &Connection) -> Result<BTreeMap<UserId, String>, OutboxError> {
    let mut query = conn.prepare(include_str!("store/deposits.sql"))?;
    let mut rows = query.query([])?;
    let mut deposits = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let (pupil, proof, hash): (Value, Value, Value) =
            (read_value(row, 0)?, read_value(row, 1)?, read_value(row, 2)?);
        // A damaged proof would be refused for ever: without one its pupil is asked to sign in.
        if hash == Value::Blob(hash_row(&[pupil, proof])) {
            deposits.insert(row.get(0)?, row.get(1)?);
        }
    }
    Ok(deposits)
}

fn read_facts(conn: &Connection) -> Result<BTreeMap<String, Option<String>>, OutboxError> {
    let mut query = conn.prepare(include_str!("store/facts.sql"))?;
    let mut rows = query.query([])?;
    let mut facts = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let (name, value, hash): (Value, Value, Value) =
            (read_value(row, 0)?, read_value(row, 1)?, read_value(row, 2)?);
        if let (Value::Text(name), Value::Text(value)) = (name, value) {
            let is_whole =
                hash == Value::Blob(hash_row(&[Value::Text(name.clone()), Value::Text(value.clone())]));
            facts.insert(name, is_whole.then_some(value));
        }
    }
    Ok(facts)
}

fn fact<T: DeserializeOwned>(facts: &BTreeMap<String, Option<String>>, name: &str) -> Option<T> {
    facts.get(name)?.as_deref().and_then(|value| serde_json::from_str(value).ok())
}

fn add_item(conn: &Connection, device_seq: i64, new: &NewItem, state: State) -> Result<(), OutboxError> {
    let mut values = vec![
        Value::Integer(device_seq),
        Value::Blob(new.attempt_id.0.as_bytes().to_vec()),
        Value::Blob(new.pupil_id.0.as_bytes().to_vec()),
        Value::Text(new.body.clone()),
        Value::Text(new.body_hash.clone()),
        Value::Text(new.occurred_at.wall.to_string()),
        Value::Integer(i64::try_from(new.occurred_at.monotonic_ms).unwrap_or(i64::MAX)),
        Value::Blob(new.occurred_at.boot_id.as_bytes().to_vec()),
    ];
    values.push(Value::Blob(hash_row(&values)));
    let (state, hash) = state_columns(device_seq, state)?;
    values.extend([state, hash]);
    put_item(conn, values)
}

fn put_item(conn: &Connection, values: Vec<Value>) -> Result<(), OutboxError> {
    let mut query = conn.prepare_cached(include_str!("store/add_item.sql"))?;
    query.execute(rusqlite::params_from_iter(values))?;
    Ok(())
}

fn move_item(conn: &Connection, device_seq: i64, state: State) -> Result<(), OutboxError> {
    let (state, hash) = state_columns(device_seq, state)?;
    conn.prepare_cached(include_str!("store/move_item.sql"))?.execute(params![device_seq, state, hash])?;
    Ok(())
}

fn state_columns(device_seq: i64, state: State) -> Result<(Value, Value), OutboxError> {
    let state = Value::Text(to_json(&state)?);
    let hash = Value::Blob(hash_row(&[Value::Integer(device_seq), state.clone()]));
    Ok((state, hash))
}

fn forget_item(conn: &Connection, device_seq: i64) -> Result<(), OutboxError> {
    conn.prepare_cached(include_str!("store/forget_item.sql"))?.execute([device_seq])?;
    Ok(())
}

fn set_deposit(conn: &Connection, pupil_id: UserId, proof: &str) -> Result<(), OutboxError> {
    let (pupil, proof) = (Value::Blob(pupil_id.0.as_bytes().to_vec()), Value::Text(proof.to_owned()));
    let hash = Value::Blob(hash_row(&[pupil.clone(), proof.clone()]));
    conn.prepare_cached(include_str!("store/set_deposit.sql"))?.execute(params![pupil, proof, hash])?;
    Ok(())
}

fn clear_deposits(conn: &Connection) -> Result<(), OutboxError> {
    conn.prepare_cached(include_str!("store/clear_deposits.sql"))?.execute([])?;
    Ok(())
}

fn set_fact(conn: &Connection, name: &str, value: &impl Serialize) -> Result<(), OutboxError> {
    let (name, value) = (Value::Text(name.to_owned()), Value::Text(to_json(value)?));
    let hash = Value::Blob(hash_row(&[name.clone(), value.clone()]));
    conn.prepare_cached(include_str!("store/set_fact.sql"))?.execute(params![name, value, hash])?;
    Ok(())
}

fn to_json(value: &impl Serialize) -> Result<String, OutboxError> {
    serde_json::to_string(value).map_err(|error| OutboxError::Io(error.into()))
}

/// BLAKE3 over the values, each with its kind and length before it.
fn hash_row(values: &[Value]) -> Vec<u8> {
    let mut hasher = blake3::Hasher::new();
    let mut add = |kind: u8, bytes: &[u8]| {
        hasher.update(&[kind]).update(&(bytes.len() as u64).to_be_bytes()).update(bytes);
    };
    for value in values {
        match value {
            Value::Null => add(0, &[]),
            Value::Integer(number) => add(1, &number.to_be_bytes()),
            Value::Real(number) => add(2, &number.to_be_bytes()),
            Value::Text(text) => add(3, text.as_bytes()),
            Value::Blob(bytes) => add(4, bytes),
        }
    }
    hasher.finalize().as_bytes().to_vec()
}

/// Carries what can be read of a damaged file into a new one, with the hashes as they stand there: what does not fit
/// them is found when the new file is read. Returns how many items there are.
fn salvage(damaged: &Path, fresh: &mut Connection) -> Result<usize, OutboxError> {
    let tx = fresh.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut carried = 0;
    // Not 1, as in a new file, but unknown until the damaged one has told it: no number is used twice.
    tx.execute(include_str!("store/set_fact.sql"), params!["next_seq", "", Vec::<u8>::new()])?;
    // Writable, since a journal that lies beside it belongs into it. The copy under the old name is the evidence.
    if let Ok(old) = Connection::open_with_flags(damaged, OpenFlags::SQLITE_OPEN_READ_WRITE) {
        let tables = [
            (include_str!("store/facts.sql"), include_str!("store/set_fact.sql")),
            (include_str!("store/deposits.sql"), include_str!("store/set_deposit.sql")),
        ];
        for (read, write) in tables {
            for row in rows_of(&old, read, 3) {
                // A row that does not even fit the schema is damaged beyond use.
                let _ = tx.execute(write, rusqlite::params_from_iter(row));
            }
        }
        let next_seq: Option<i64> = read_facts(&tx).ok().and_then(|facts| fact(&facts, "next_seq"));
        let last = old.query_row(include_str!("store/last_item.sql"), [], |row| row.get::<_, i64>(0)).ok();
        let upper = next_seq.or(last).unwrap_or(NUMBERS_LOOKED_FOR);
        // One by one: a damaged page costs the rows on it and no others.
        if let Ok(mut query) = old.prepare(include_str!("store/item.sql")) {
            for device_seq in 1..=upper {
                let row = query.query_row([device_seq], |row| read_values(row, ITEM_COLUMNS + 3));
                if let Ok(row) = row
                    && put_item(&tx, row).is_ok()
                {
                    carried += 1;
                }
            }
        }
    }
    tx.commit()?;
    Ok(carried)
}

/// The rows up to the first that cannot be read.
fn rows_of(conn: &Connection, query: &str, columns: usize) -> Vec<Vec<Value>> {
    let Ok(mut query) = conn.prepare(query) else { return Vec::new() };
    let Ok(rows) = query.query_map([], |row| read_values(row, columns)) else { return Vec::new() };
    rows.map_while(Result::ok).collect()
}

fn read_values(row: &Row<'_>, columns: usize) -> rusqlite::Result<Vec<Value>> {
    (0..columns).map(|column| read_value(row, column)).collect()
}

/// As it stands; text that is none any more is read as well as it goes, and does not fit its hash then.
fn read_value(row: &Row<'_>, column: usize) -> rusqlite::Result<Value> {
    Ok(match row.get_ref(column)? {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(bytes) => Value::Text(String::from_utf8_lossy(bytes).into_owned()),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    })
}

fn make_folder(folder: &Path) -> Result<(), OutboxError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    Ok(builder.create(folder)?)
}

/// Nobody but the owner reads it.
pub(super) fn close_to_others(path: &Path) -> Result<(), OutboxError> {
    #[cfg(unix)]
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

fn journal(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-journal");
    name.into()
}

fn remove(path: &Path) -> Result<(), OutboxError> {
    for path in [path.to_owned(), journal(path)] {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// `outbox.damaged-1.db`, or the next number that is free.
fn free_name(path: &Path) -> PathBuf {
    let mut number = 1;
    loop {
        let name = path.with_file_name(format!("outbox.damaged-{number}.db"));
        if !name.exists() {
            return name;
        }
        number += 1;
    }
}

/// The damaged file with the highest number.
fn last_set_aside(path: &Path) -> Option<PathBuf> {
    let names = (1..).map(|number| path.with_file_name(format!("outbox.damaged-{number}.db")));
    names.take_while(|name| name.exists()).last()
}

/// Gives a file a second name, whole or not at all and durably; where file systems know no links, a copy has it.
fn link_or_copy(from: &Path, to: &Path) -> Result<(), OutboxError> {
    if std::fs::hard_link(from, to).is_err() {
        let part = to.with_extension("part");
        std::fs::copy(from, &part)?;
        std::fs::OpenOptions::new().write(true).open(&part)?.sync_all()?;
        std::fs::rename(&part, to)?;
    }
    sync_folder(to)
}

/// Makes the names in the folder of `path` durable.
pub(super) fn sync_folder(path: &Path) -> Result<(), OutboxError> {
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        std::fs::File::open(folder)?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

impl From<rusqlite::Error> for OutboxError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => OutboxError::DiskFull,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OutboxError::InUse,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => OutboxError::FileDamaged,
            _ => OutboxError::File(error.into()),
        }
    }
}
