//! Help after an answer: asked for ([`asking`]), queued in the table, written by the worker ([`worker`]) one turn each
//! (`turn`: prompt, model, leak check, authored hint), and read as a stream ([`stream`]).
//!
//! The answer never waits for any of this; a crash loses nothing, because the queue is the table.

pub mod asking;
pub mod hints;
mod prompt;
mod release;
pub mod stream;
mod turn;
pub mod worker;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use dreamseed_wire::{
    feedback::{FeedbackEvent, FeedbackState},
    ids::{AttemptId, FeedbackId},
};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::store::{Store, StoreError, feedback as turns};
use stream::{HelpLog, Listener, Place};

pub use asking::{ask, rate};

/// A reply of this length is expected until some have been measured.
const FIRST_GUESS_MS: u32 = 4_000;

/// Where askers, the worker and listeners meet.
pub struct FeedbackDesk {
    wake: Notify,
    open: Mutex<HashMap<FeedbackId, Arc<HelpLog>>>,
    /// A moving average over turns.
    turn_ms: AtomicU32,
    parallel: u32,
}

impl FeedbackDesk {
    /// A desk whose worker writes `parallel` replies at once.
    pub fn new(parallel: usize) -> Self {
        FeedbackDesk {
            wake: Notify::new(),
            open: Mutex::default(),
            turn_ms: AtomicU32::new(FIRST_GUESS_MS),
            parallel: u32::try_from(parallel).unwrap_or(u32::MAX).max(1),
        }
    }

    /// Tells the worker that the queue has grown; never waits.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Follows the newest turn of an attempt, after the first `seen` events; `None` if no help was asked for.
    /// `engine_waiting`: requests that wait inside the engine.
    pub async fn subscribe(
        &self,
        store: &Store,
        attempt: AttemptId,
        seen: u64,
        engine_waiting: u32,
    ) -> Result<Option<Listener>, StoreError> {
        let Some(first) = store.read(move |conn| turns::latest(conn, attempt)).await? else {
            return Ok(None);
        };
        if !is_open(first.help.state) {
            return Ok(Some(self.log_of_ended(&first).listen(seen)));
        }
        // The log stands before the row is read again: whoever ends the turn either finds the log or is found in the row.
        let id = first.help.feedback_id;
        let log = self.log(id);
        let seq = first.seq;
        let (turn, before) = store
            .read(move |conn| Ok::<_, StoreError>((turns::get(conn, seq)?, turns::count_before(conn, seq)?)))
            .await?;
        let turn = turn.unwrap_or(first);
        if !is_open(turn.help.state) {
            self.open.lock().remove(&id);
            return Ok(Some(Arc::new(HelpLog::of_ended(&turn)).listen(seen)));
        }
        if let Some((text, reason)) = turn.help.hint.as_deref().zip(turn.hint_reason) {
            log.show_hint(text, reason);
        }
        if turn.help.state == FeedbackState::Pending {
            log.set_place(self.place(before.saturating_add(engine_waiting)));
        }
        Ok(Some(log.listen(seen)))
    }

    /// Logs that are in memory.
    pub fn open_logs(&self) -> usize {
        self.open.lock().len()
    }

    async fn woken(&self) {
        self.wake.notified().await;
    }

    /// The log of an open turn, made if nobody has asked for it yet.
    fn log(&self, id: FeedbackId) -> Arc<HelpLog> {
        Arc::clone(self.open.lock().entry(id).or_default())
    }

    fn existing_log(&self, id: FeedbackId) -> Option<Arc<HelpLog>> {
        self.open.lock().get(&id).cloned()
    }

    /// Ends a turn for its listeners; call it after the row is written. If it could not be written, the log stays.
    fn end(&self, id: FeedbackId, event: FeedbackEvent, is_kept: bool) {
        let log = if is_kept { self.open.lock().remove(&id) } else { Some(self.log(id)) };
        if let Some(log) = log {
            log.end(event);
        }
    }

    fn log_of_ended(&self, turn: &turns::Turn) -> Arc<HelpLog> {
        self.existing_log(turn.help.feedback_id).unwrap_or_else(|| Arc::new(HelpLog::of_ended(turn)))
    }

    fn place(&self, ahead: u32) -> Place {
        let turn_ms = self.turn_ms.load(Ordering::Relaxed);
        Place { ahead, expected_wait_ms: turn_ms.saturating_mul(ahead / self.parallel + 1) }
    }

    fn learn_duration(&self, took: Duration) {
        let took = u32::try_from(took.as_millis()).unwrap_or(u32::MAX);
        let before = self.turn_ms.load(Ordering::Relaxed);
        self.turn_ms.store(before - before / 8 + took / 8, Ordering::Relaxed);
    }
}

fn is_open(state: FeedbackState) -> bool {
    match state {
        FeedbackState::Pending | FeedbackState::Running => true,
        FeedbackState::Done | FeedbackState::Expired | FeedbackState::Failed => false,
    }
}
