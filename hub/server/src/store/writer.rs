//! The writer: one thread, one connection, many answers per commit.
//!
//! A commit costs an fsync (about 4 ms) whatever it holds, so the thread takes everything that waits, up to
//! [`GROUP_MAX`], into one transaction. Each command runs in a savepoint of its own; the replies go out after the
//! commit, so nothing is acknowledged that a power cut could take back.

use std::{
    cell::{Cell, RefCell},
    net::IpAddr,
    sync::Arc,
    time::Instant,
};

use dreamseed_wire::{
    ids::{ClassId, LessonId, UserId},
    lesson::PupilEvent,
};
use jiff::Timestamp;
use rusqlite::Connection;
use tokio::sync::{Notify, mpsc, oneshot, watch};

use super::{StoreError, sittings::StoredSitting, standings::Standing};
use crate::{request, telemetry};

/// Commands that may wait; past it callers are told that the hub is busy.
const QUEUE: usize = 4096;
/// Commands in one commit.
const GROUP_MAX: usize = 256;
/// Pages of log after which the writer copies them into the database: 4 MiB, so that damage in the log costs little.
const CHECKPOINT_PAGES: i64 = 1024;

/// Something that happened, told to those who watch once it is on the disk.
#[derive(Debug, Clone)]
pub enum Committed {
    /// A pupil's cell changed, at a time.
    Standing { class_id: ClassId, epoch: i64, standing: Box<Standing>, at: Timestamp },
    /// A pupil's sitting of an exam began or was handed in.
    Sitting { class_id: ClassId, lesson_id: LessonId, sitting: StoredSitting },
    /// Something for one pupil's own screen.
    Pupil { pupil_id: UserId, event: PupilEvent },
}

/// One command's view of the transaction.
pub struct WriteTx<'a> {
    conn: &'a Connection,
    next_seq: &'a Cell<i64>,
    epoch: i64,
    peer: Option<IpAddr>,
    events: RefCell<Vec<Committed>>,
}

impl WriteTx<'_> {
    /// The connection, for the functions of `store/`.
    pub fn conn(&self) -> &Connection {
        self.conn
    }

    /// Takes the next number of the record.
    pub fn take_seq(&self) -> i64 {
        let seq = self.next_seq.get();
        self.next_seq.set(seq + 1);
        seq
    }

    /// The stretch of record that is being written.
    pub fn epoch(&self) -> i64 {
        self.epoch
    }

    /// Where the request came from that writes this; nothing for the hub's own work.
    pub fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    /// Tells those who watch, once the group is durable.
    pub fn publish(&self, committed: Committed) {
        self.events.borrow_mut().push(committed);
    }
}

#[derive(Clone)]
pub(super) struct Writer {
    queue: mpsc::Sender<Message>,
    ended: watch::Receiver<bool>,
    full: Arc<Notify>,
}

enum Message {
    Run(Box<dyn Command>),
    Chore(Chore),
    Close,
}

/// Work on the whole file, outside of transactions; it sends its own reply.
type Chore = Box<dyn FnOnce(&Connection) + Send>;

impl Writer {
    pub(super) fn start(
        conn: Connection,
        lock: std::fs::File,
        committed: impl Fn(Vec<Committed>) + Send + 'static,
    ) -> Result<Self, StoreError> {
        let (queue, commands) = mpsc::channel(QUEUE);
        let (end, ended) = watch::channel(false);
        let (next_seq, epoch) = super::hub_meta::position(&conn)?;
        let full = Arc::new(Notify::new());
        let tell_full = Arc::clone(&full);
        std::thread::Builder::new().name("store-writer".into()).spawn(move || {
            write_groups(&conn, commands, (next_seq, epoch), &committed, &tell_full);
            drop(conn);
            // Only now may another hub open the folder.
            drop(lock);
            let _ = end.send(true);
        })?;
        Ok(Writer { queue, ended, full })
    }

    pub(super) async fn run<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&WriteTx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let span = tracing::Span::current();
        let command =
            Box::new(Pending { work: Some(work), outcome: None, reply, peer: request::peer(), span });
        self.queue.try_send(Message::Run(command)).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => StoreError::Busy,
            mpsc::error::TrySendError::Closed(_) => StoreError::Closed,
        })?;
        answer.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    /// Runs work on the whole file between two groups.
    pub(super) async fn chore<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let chore: Chore = Box::new(move |conn| {
            // The caller may have gone.
            let _ = reply.send(work(conn));
        });
        self.queue.send(Message::Chore(chore)).await.map_err(|_| StoreError::Closed)?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Resolves when a write has met a full disk.
    pub(super) async fn met_full_disk(&self) {
        self.full.notified().await;
    }

    /// Commands that wait.
    pub(super) fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    pub(super) async fn close(&self) {
        let _ = self.queue.send(Message::Close).await;
        self.ended().await;
    }

    pub(super) async fn ended(&self) {
        let mut ended = self.ended.clone();
        let _ = ended.wait_for(|ended| *ended).await;
    }
}

/// A command whose types are forgotten, so that the queue can hold any.
trait Command: Send {
    /// Where the request came from that waits for it.
    fn peer(&self) -> Option<IpAddr>;
    /// Runs; false undoes what was written.
    fn run(&mut self, tx: &WriteTx<'_>) -> bool;
    /// Replies, after the commit or its failure.
    fn finish(self: Box<Self>, commit: Option<StoreError>);
}

struct Pending<F, T, E> {
    work: Option<F>,
    outcome: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
    peer: Option<IpAddr>,
    /// The request's, so that its id stands in the lines of its write.
    span: tracing::Span,
}

impl<F, T, E> Command for Pending<F, T, E>
where
    F: FnOnce(&WriteTx<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<StoreError> + Send,
{
    fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    fn run(&mut self, tx: &WriteTx<'_>) -> bool {
        let Some(work) = self.work.take() else { return false };
        let outcome = self.span.in_scope(|| work(tx));
        let keep = outcome.is_ok();
        self.outcome = Some(outcome);
        keep
    }

    fn finish(self: Box<Self>, commit: Option<StoreError>) {
        let outcome = match (commit, self.outcome) {
            // A refusal stands whether or not the group's commit worked.
            (_, Some(Err(refused))) => Err(refused),
            (Some(failed), _) => Err(failed.into()),
            (None, Some(outcome)) => outcome,
            (None, None) => Err(StoreError::Closed.into()),
        };
        // The caller may have gone; the write stands all the same.
        let _ = self.reply.send(outcome);
    }
}

fn write_groups(
    conn: &Connection,
    mut commands: mpsc::Receiver<Message>,
    (next_seq, epoch): (i64, i64),
    committed: &dyn Fn(Vec<Committed>),
    full: &Notify,
) {
    let next_seq = Cell::new(next_seq);
    let mut group: Vec<Box<dyn Command>> = Vec::with_capacity(GROUP_MAX);
    let mut closing = false;
    while !closing {
        match commands.blocking_recv() {
            Some(Message::Run(command)) => group.push(command),
            Some(Message::Chore(chore)) => {
                chore(conn);
                continue;
            }
            Some(Message::Close) | None => break,
        }
        let mut chore = None;
        while group.len() < GROUP_MAX {
            match commands.try_recv() {
                Ok(Message::Run(command)) => group.push(command),
                Ok(Message::Chore(waiting)) => {
                    chore = Some(waiting);
                    break;
                }
                Ok(Message::Close) => {
                    closing = true;
                    break;
                }
                Err(_) => break,
            }
        }
        let before = next_seq.get();
        let begun = Instant::now();
        let (result, events) = write_group(conn, &mut group, &next_seq, epoch);
        let failure = result.err();
        telemetry::count_commit(group.len(), begun.elapsed(), failure.is_none());
        if failure.is_some() {
            next_seq.set(before);
        } else {
            committed(events);
        }
        let stop = matches!(failure, Some(StoreError::Damaged(_))) || failed_to_sync(failure.as_ref());
        if matches!(failure, Some(StoreError::DiskFull)) {
            full.notify_one();
        }
        if let Some(err) = &failure {
            tracing::error!(error = ?err, commands = group.len(), "a group of writes failed");
        }
        for command in group.drain(..) {
            command.finish(failure.as_ref().map(copy_failure));
        }
        if stop {
            // After a failed fsync the kernel may have dropped the pages: nothing more is acknowledged by this process.
            tracing::error!(
                "the database can no longer be trusted to keep what it is given; the hub stops writing"
            );
            break;
        }
        checkpoint_if_long(conn, full);
        if let Some(chore) = chore {
            chore(conn);
        }
    }
    // Folds the log into the database, so that a copy of the one file is whole.
    if let Err(err) = conn.pragma_update(None, "wal_checkpoint", "TRUNCATE") {
        tracing::warn!(error = %err, "the log could not be folded into the database at the end");
    }
}

fn write_group(
    conn: &Connection,
    group: &mut [Box<dyn Command>],
    next_seq: &Cell<i64>,
    epoch: i64,
) -> (Result<(), StoreError>, Vec<Committed>) {
    let mut events = Vec::new();
    let result = (|| {
        conn.prepare_cached(include_str!("begin.sql"))?.execute([])?;
        for command in group {
            conn.prepare_cached(include_str!("savepoint.sql"))?.execute([])?;
            let before = next_seq.get();
            let peer = command.peer();
            let tx = WriteTx { conn, next_seq, epoch, peer, events: RefCell::new(Vec::new()) };
            if command.run(&tx) {
                events.append(&mut tx.events.borrow_mut());
            } else {
                conn.prepare_cached(include_str!("rollback_to_savepoint.sql"))?.execute([])?;
                next_seq.set(before);
            }
            conn.prepare_cached(include_str!("release_savepoint.sql"))?.execute([])?;
        }
        conn.prepare_cached(include_str!("commit.sql"))?.execute([])?;
        Ok(())
    })();
    if result.is_err() && !conn.is_autocommit() {
        let _ = conn.execute_batch("ROLLBACK");
    }
    (result, events)
}

fn checkpoint_if_long(conn: &Connection, full: &Notify) {
    // `wal_checkpoint(NOOP)` would tell the length without copying, but only newer SQLite has it; PASSIVE never waits.
    let pages = conn.query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| row.get::<_, i64>(1)).unwrap_or(0);
    if pages > CHECKPOINT_PAGES {
        let done = conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        if matches!(done.map_err(StoreError::from), Err(StoreError::DiskFull)) {
            full.notify_one();
        }
    }
}

fn failed_to_sync(failure: Option<&StoreError>) -> bool {
    let Some(StoreError::Sqlite(err)) = failure else { return false };
    err.sqlite_error().is_some_and(|inner| {
        matches!(
            inner.extended_code,
            rusqlite::ffi::SQLITE_IOERR_FSYNC
                | rusqlite::ffi::SQLITE_IOERR_DIR_FSYNC
                | rusqlite::ffi::SQLITE_IOERR_WRITE
                | rusqlite::ffi::SQLITE_IOERR_SHORT_READ
        )
    })
}

/// The same failure for each command of the group, as far as its caller can act on it.
fn copy_failure(failure: &StoreError) -> StoreError {
    if matches!(failure, StoreError::DiskFull) { StoreError::DiskFull } else { StoreError::Closed }
}
