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
    delivery::{Receipt, RecordPlace},
    ids::{ClassId, LessonId, UserId},
    lesson::PupilEvent,
};
use jiff::Timestamp;
use rusqlite::{Connection, config::DbConfig};
use tokio::sync::{Notify, mpsc, oneshot, watch};

use super::{
    StoreError,
    hub_meta::{self, Begun, NewEpoch, Record, Sign},
    sittings::StoredSitting,
    standings::Standing,
};
use crate::{receipts::Receipts, request, telemetry};

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
    /// A ledger has an entry that its file beside the database lacks.
    Ledger,
}

/// One command's view of the transaction.
pub struct WriteTx<'a> {
    conn: &'a Connection,
    next_seq: &'a Cell<i64>,
    record: &'a Record,
    receipts: &'a Receipts,
    peer: Option<IpAddr>,
    events: RefCell<Vec<Committed>>,
}

impl<'a> WriteTx<'a> {
    /// For what the store itself writes, in a transaction of its own.
    pub(super) fn outside_of_groups(
        conn: &'a Connection,
        next_seq: &'a Cell<i64>,
        record: &'a Record,
        receipts: &'a Receipts,
    ) -> Self {
        WriteTx { conn, next_seq, record, receipts, peer: None, events: RefCell::new(Vec::new()) }
    }

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
        self.record.current.number
    }

    /// The receipt for a place of any epoch. It proves what the commit of this transaction makes true, and goes out with the
    /// reply, which waits for that.
    pub fn receipt(&self, epoch: i64, hub_seq: i64) -> Result<Receipt, StoreError> {
        let epoch = self.record.epoch(epoch).ok_or(StoreError::BadValue { what: "epoch of an answer" })?;
        Ok(self.receipts.issue(epoch.id, hub_seq))
    }

    /// Where the record stands: the epoch, and the last number that has been taken in it.
    pub fn place(&self) -> RecordPlace {
        RecordPlace { epoch_id: self.record.current.id, hub_seq: self.next_seq.get() - 1 }
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
    record: watch::Receiver<Record>,
}

enum Message {
    Run(Box<dyn Command>),
    Chore(Chore),
    /// Begins an epoch between two groups, unless by then nothing speaks for it any more.
    Epoch(NewEpoch, oneshot::Sender<Result<Option<Begun>, StoreError>>),
    Close,
}

/// Work on the whole file, outside of transactions; it sends its own reply, and says whether the writer may go on.
type Chore = Box<dyn FnOnce(&Connection) -> GoesOn + Send>;

/// Whether the writer may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct GoesOn(bool);

impl GoesOn {
    fn after<T>(result: &Result<T, StoreError>) -> Self {
        GoesOn(!result.as_ref().is_err_and(StoreError::is_fatal))
    }
}

impl Writer {
    pub(super) fn start(
        conn: Connection,
        lock: std::fs::File,
        (record, receipts): (Record, Receipts),
        committed: impl Fn(Vec<Committed>) + Send + 'static,
    ) -> Result<Self, StoreError> {
        let (queue, commands) = mpsc::channel(QUEUE);
        let (end, ended) = watch::channel(false);
        let full = Arc::new(Notify::new());
        let tell_full = Arc::clone(&full);
        let (tell_record, seen_record) = watch::channel(record.clone());
        std::thread::Builder::new().name("store-writer".into()).spawn(move || {
            let next_seq = Cell::new(record.hub_seq + 1);
            let tell = Tell { committed: &committed, full: &tell_full, record: &tell_record };
            write_groups(&conn, commands, Log { next_seq, record, receipts }, &tell);
            drop(conn);
            // Only now may another hub open the folder.
            drop(lock);
            let _ = end.send(true);
        })?;
        Ok(Writer { queue, ended, full, record: seen_record })
    }

    /// The record as far as it is durable; changes are told.
    pub(super) fn record(&self) -> watch::Receiver<Record> {
        self.record.clone()
    }

    /// Begins an epoch between two groups; none if the place that was shown is not ahead of the record by then.
    pub(super) async fn begin_epoch(&self, new: NewEpoch) -> Result<Option<Begun>, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.queue.send(Message::Epoch(new, reply)).await.map_err(|_| StoreError::Closed)?;
        answer.await.unwrap_or(Err(StoreError::Closed))
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
            let result = work(conn);
            let goes_on = GoesOn::after(&result);
            // The caller may have gone.
            let _ = reply.send(result);
            goes_on
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

/// What the writer's thread knows of the record.
struct Log {
    next_seq: Cell<i64>,
    record: Record,
    receipts: Receipts,
}

/// Whom it tells what has become durable, and what is wrong with the disk.
struct Tell<'a> {
    committed: &'a dyn Fn(Vec<Committed>),
    full: &'a Notify,
    record: &'a watch::Sender<Record>,
}

/// What is done between two groups.
enum Between {
    Chore(Chore),
    Epoch(NewEpoch, oneshot::Sender<Result<Option<Begun>, StoreError>>),
}

fn write_groups(conn: &Connection, mut commands: mpsc::Receiver<Message>, mut log: Log, tell: &Tell<'_>) {
    let mut group: Vec<Box<dyn Command>> = Vec::with_capacity(GROUP_MAX);
    let mut closing = false;
    while !closing {
        let mut between = None;
        match commands.blocking_recv() {
            Some(Message::Run(command)) => group.push(command),
            Some(Message::Chore(chore)) => between = Some(Between::Chore(chore)),
            Some(Message::Epoch(new, reply)) => between = Some(Between::Epoch(new, reply)),
            Some(Message::Close) | None => break,
        }
        while between.is_none() && group.len() < GROUP_MAX {
            match commands.try_recv() {
                Ok(Message::Run(command)) => group.push(command),
                Ok(Message::Chore(chore)) => between = Some(Between::Chore(chore)),
                Ok(Message::Epoch(new, reply)) => between = Some(Between::Epoch(new, reply)),
                Ok(Message::Close) => {
                    closing = true;
                    break;
                }
                Err(_) => break,
            }
        }
        if !group.is_empty() {
            let failure = keep_group(conn, &mut group, &mut log, tell);
            let checkpointed = match failure {
                Some(failure) => Err(failure),
                None => checkpoint_if_long(conn, tell.full),
            };
            if GoesOn::after(&checkpointed) == GoesOn(false) {
                return give_up(conn);
            }
        }
        let goes_on = match between {
            Some(Between::Chore(chore)) => chore(conn),
            Some(Between::Epoch(new, reply)) => {
                let begun = begin_epoch(conn, &mut log, &new, tell);
                let goes_on = GoesOn::after(&begun);
                // The caller may have gone; the epoch has begun all the same.
                let _ = reply.send(begun);
                goes_on
            }
            None => GoesOn(true),
        };
        if goes_on == GoesOn(false) {
            return give_up(conn);
        }
    }
    // Folds the log into the database, so that a copy of the one file is whole.
    if let Err(err) = conn.pragma_update(None, "wal_checkpoint", "TRUNCATE") {
        tracing::warn!(error = %err, "the log could not be folded into the database at the end");
    }
}

/// After a failed write or fsync the kernel may have dropped the pages and call them clean: what is on the disk is known only
/// to the next process. This one acknowledges nothing more and does not touch the file again, not even to fold the log in.
fn give_up(conn: &Connection) {
    tracing::error!("the database can no longer be trusted to keep what it is given; the hub stops writing");
    if let Err(err) = conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true) {
        tracing::error!(error = %err, "the database may fold its log in when it is closed");
    }
}

/// Writes a group and replies to it; what went wrong, if anything did.
fn keep_group(
    conn: &Connection,
    group: &mut Vec<Box<dyn Command>>,
    log: &mut Log,
    tell: &Tell<'_>,
) -> Option<StoreError> {
    let before = log.next_seq.get();
    let begun = Instant::now();
    let (result, events) = write_group(conn, group, log);
    let failure = result.err();
    telemetry::count_commit(group.len(), begun.elapsed(), failure.is_none());
    if failure.is_some() {
        log.next_seq.set(before);
    } else {
        // Before any reply: whoever shows a receipt must find that the hub knows its place.
        log.tell(tell);
        (tell.committed)(events);
    }
    if matches!(failure, Some(StoreError::DiskFull)) {
        tell.full.notify_one();
    }
    if let Some(err) = &failure {
        tracing::error!(error = ?err, commands = group.len(), "a group of writes failed");
    }
    for command in group.drain(..) {
        command.finish(failure.as_ref().map(copy_failure));
    }
    failure
}

impl Log {
    fn tell(&mut self, tell: &Tell<'_>) {
        let last = self.next_seq.get() - 1;
        if self.record.hub_seq != last {
            self.record.hub_seq = last;
            tell.record.send_replace(self.record.clone());
        }
    }
}

fn begin_epoch(
    conn: &Connection,
    log: &mut Log,
    new: &NewEpoch,
    tell: &Tell<'_>,
) -> Result<Option<Begun>, StoreError> {
    if new.shown.is_some_and(|place| log.record.judge(place) != Sign::PutBack) {
        return Ok(None);
    }
    let begun = (|| {
        let tx = conn.unchecked_transaction()?;
        let write = WriteTx::outside_of_groups(&tx, &log.next_seq, &log.record, &log.receipts);
        let begun = hub_meta::begin(&write, &log.record, new)?;
        tx.commit()?;
        Ok::<_, StoreError>(begun)
    })()?;
    log.record = log.record.with(begun.epoch);
    tell.record.send_replace(log.record.clone());
    Ok(Some(begun))
}

fn write_group(
    conn: &Connection,
    group: &mut [Box<dyn Command>],
    log: &Log,
) -> (Result<(), StoreError>, Vec<Committed>) {
    let Log { next_seq, record, receipts } = log;
    let mut events = Vec::new();
    let result = (|| {
        conn.prepare_cached(include_str!("begin.sql"))?.execute([])?;
        for command in group {
            conn.prepare_cached(include_str!("savepoint.sql"))?.execute([])?;
            let before = next_seq.get();
            let peer = command.peer();
            let tx = WriteTx { conn, next_seq, record, receipts, peer, events: RefCell::new(Vec::new()) };
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

fn checkpoint_if_long(conn: &Connection, full: &Notify) -> Result<(), StoreError> {
    // `wal_checkpoint(NOOP)` would tell the length without copying, but only newer SQLite has it; PASSIVE never waits.
    let pages = conn.query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| row.get::<_, i64>(1)).unwrap_or(0);
    if pages <= CHECKPOINT_PAGES {
        return Ok(());
    }
    let done = conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).map_err(StoreError::from);
    if matches!(done, Err(StoreError::DiskFull)) {
        full.notify_one();
    }
    done
}

/// The same failure for each command of the group, as far as its caller can act on it.
fn copy_failure(failure: &StoreError) -> StoreError {
    if matches!(failure, StoreError::DiskFull) { StoreError::DiskFull } else { StoreError::Closed }
}
