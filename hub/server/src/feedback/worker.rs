//! The worker: takes the oldest turns from the queue, writes some at once, and shows the authored hint to those who wait
//! too long for their place.
//!
//! The queue is the table; in memory stands only its order. The worker is vital: its end ends the hub.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use dreamseed_wire::{
    feedback::{FeedbackEvent, FeedbackFailure, FeedbackState, HintReason},
    ids::FeedbackId,
};
use tokio::{
    task::{Id, JoinError, JoinSet},
    time::{Instant, sleep, sleep_until},
};

use super::{
    asking::ceiling_of,
    hints,
    turn::{self, Outcome, Turn},
};
use crate::{
    hub::Ctx,
    school::School,
    store::{
        StoreError,
        feedback::{self as turns, ShownHint, TurnEnd, TurnTask, WaitingTurn},
        notices,
    },
};

/// The queue is looked at this often even if nobody woke the worker.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// Help that was asked for longer ago is of no use after a restart.
const OLDEST: jiff::SignedDuration = jiff::SignedDuration::from_mins(10);
/// Before the next try after the database refused.
const REST: Duration = Duration::from_secs(1);
/// Tries to keep how a turn ended.
const FINISH_TRIES: u32 = 5;

/// Works until the hub stops; turns of which nothing was shown stay in the queue for the next start.
pub async fn run(ctx: Arc<Ctx>) {
    let mut queue = Queue::default();
    let mut running = Running::default();
    let mut is_recovered = false;
    loop {
        let round = async {
            if !is_recovered {
                recover(&ctx).await?;
                is_recovered = true;
            }
            queue.look(&ctx).await?;
            start_turns(&ctx, &mut queue, &mut running).await?;
            show_late_hints(&ctx, &mut queue).await
        };
        let rest = match round.await {
            Ok(()) => LOOK_EVERY,
            Err(StoreError::Closed) if ctx.stopping.is_cancelled() => break,
            Err(err) => {
                tracing::warn!(error = %err, "the queue of help could not be read or written; trying again");
                REST
            }
        };
        let is_tired = rest == REST;
        let late_at = queue.next_hint_at(hint_after(&ctx));
        tokio::select! {
            biased;
            () = ctx.stopping.cancelled() => break,
            ended = running.tasks.join_next_with_id(), if !running.tasks.is_empty() => {
                if let Some(ended) = ended {
                    running.take_leave(&ctx, ended).await;
                }
            }
            () = sleep_until(late_at.unwrap_or_else(Instant::now)), if late_at.is_some() && !is_tired => {}
            () = ctx.feedback.woken(), if !is_tired => queue.has_news = true,
            () = sleep(rest) => queue.has_news = true,
        }
    }
    // Each turn sees by itself that the hub stops.
    while let Some(ended) = running.tasks.join_next_with_id().await {
        running.take_leave(&ctx, ended).await;
    }
}

/// The order of the queue.
struct Queue {
    waiting: VecDeque<Waiting>,
    /// The number of record up to which the table has been read.
    seen: i64,
    has_news: bool,
}

struct Waiting {
    turn: WaitingTurn,
    since: Instant,
    /// The pupil has asked for help elsewhere since.
    is_superseded: bool,
    hint_done: bool,
}

impl Default for Queue {
    fn default() -> Self {
        Queue { waiting: VecDeque::new(), seen: 0, has_news: true }
    }
}

impl Queue {
    /// Reads what has joined the queue.
    async fn look(&mut self, ctx: &Ctx) -> Result<(), StoreError> {
        if !std::mem::take(&mut self.has_news) {
            return Ok(());
        }
        let seen = self.seen;
        let news = ctx
            .store
            .read(move |conn| turns::waiting(conn, seen))
            .await
            .inspect_err(|_| self.has_news = true)?;
        let since = Instant::now();
        for turn in news {
            self.seen = self.seen.max(turn.seq);
            for earlier in &mut self.waiting {
                earlier.is_superseded |= earlier.turn.pupil_id == turn.pupil_id;
            }
            let hint_done = turn.hint_shown;
            self.waiting.push_back(Waiting { turn, since, is_superseded: false, hint_done });
        }
        metrics::gauge!("dreamseed_feedback_waiting").set(self.waiting.len() as f64);
        Ok(())
    }

    /// When the next hint is due.
    fn next_hint_at(&self, hint_after: Duration) -> Option<Instant> {
        self.waiting.iter().find(|waiting| !waiting.hint_done).map(|waiting| waiting.since + hint_after)
    }
}

/// The turns that are being written.
#[derive(Default)]
struct Running {
    tasks: JoinSet<()>,
    turns: HashMap<Id, (i64, FeedbackId)>,
}

impl Running {
    /// A turn that ended by a fault of the hub gets an end all the same.
    async fn take_leave(&mut self, ctx: &Ctx, ended: Result<(Id, ()), JoinError>) {
        let id = match &ended {
            Ok((id, ())) => *id,
            Err(failed) => failed.id(),
        };
        let turn = self.turns.remove(&id);
        if let (Err(failed), Some((seq, feedback_id))) = (ended, turn) {
            tracing::error!(error = %failed, feedback.id = %feedback_id, "a turn of help ended by a fault of the hub");
            let end =
                TurnEnd { state: FeedbackState::Failed, hint: None, ai_text: None, model: None, usage: None };
            let last_event = FeedbackEvent::Failed { reason: FeedbackFailure::NothingToSay };
            keep(ctx, seq, feedback_id, Outcome { end: Some(end), last_event, notice: None }).await;
        }
    }
}

async fn recover(ctx: &Ctx) -> Result<(), StoreError> {
    let now = ctx.clock.now();
    ctx.store.write(move |tx| turns::put_back_all(tx, now - OLDEST, now)).await
}

/// Starts the oldest turns while there is room; those whose pupil has moved on expire instead.
async fn start_turns(ctx: &Arc<Ctx>, queue: &mut Queue, running: &mut Running) -> Result<(), StoreError> {
    let parallel = ctx.config.tutor.parallel.max(1);
    loop {
        let room = parallel.saturating_sub(running.tasks.len());
        let taken: Vec<(i64, bool)> = queue
            .waiting
            .iter()
            .take(room)
            .map(|waiting| (waiting.turn.seq, waiting.is_superseded))
            .collect();
        if taken.is_empty() {
            return Ok(());
        }
        let now = ctx.clock.now();
        let tasks = ctx.store.write(move |tx| {
            let mut tasks = Vec::with_capacity(taken.len());
            for (seq, is_superseded) in taken {
                let Some(task) = turns::load_task(tx.conn(), seq)? else {
                    tasks.push(None);
                    continue;
                };
                if is_superseded || turns::has_moved_on(tx.conn(), &task)? {
                    turns::expire(tx, seq, now)?;
                    tasks.push(None);
                } else {
                    turns::start(tx, seq)?;
                    tasks.push(Some(task));
                }
            }
            Ok::<_, StoreError>(tasks)
        });
        let tasks = tasks.await?;
        let school = ctx.school.get();
        for task in tasks {
            let Some(waiting) = queue.waiting.pop_front() else { break };
            match task {
                Some(task) => start_turn(ctx, &school, task, waiting.since, running),
                None => {
                    let expired = FeedbackEvent::Failed { reason: FeedbackFailure::Expired };
                    ctx.feedback.end(waiting.turn.feedback_id, expired, true);
                }
            }
        }
        tell_places(ctx, queue);
    }
}

fn start_turn(ctx: &Arc<Ctx>, school: &School, task: TurnTask, since: Instant, running: &mut Running) {
    let (seq, feedback_id) = (task.seq, task.feedback_id);
    let turn = school.versions.get(&task.attempt.problem_version_id).map(|version| Turn {
        version: Arc::clone(version),
        ceiling: ceiling_of(school, task.attempt.lesson_id),
        class: school.class_of(task.attempt.pupil_id).map(|class| class.class_id),
        since,
        task,
    });
    let worker = Arc::clone(ctx);
    let handle = running.tasks.spawn(async move {
        let ctx = worker;
        let log = ctx.feedback.log(feedback_id);
        let began = Instant::now();
        let outcome = match turn {
            Some(turn) => turn::write(&turn, &*ctx.engine, &ctx.config.tutor, &log, &ctx.stopping).await,
            None => Outcome {
                end: Some(TurnEnd {
                    state: FeedbackState::Failed,
                    hint: None,
                    ai_text: None,
                    model: None,
                    usage: None,
                }),
                last_event: FeedbackEvent::Failed { reason: FeedbackFailure::NothingToSay },
                notice: None,
            },
        };
        ctx.feedback.learn_duration(began.elapsed());
        keep(&ctx, seq, feedback_id, outcome).await;
    });
    running.turns.insert(handle.id(), (seq, feedback_id));
}

/// Keeps how a turn ended, then tells its listeners.
async fn keep(ctx: &Ctx, seq: i64, feedback_id: FeedbackId, outcome: Outcome) {
    let Outcome { end, last_event, notice } = outcome;
    let is_put_back = end.is_none();
    let now = ctx.clock.now();
    let mut tries = 0;
    let is_kept = loop {
        let (end, notice) = (end.clone(), notice.clone());
        let written = ctx.store.write(move |tx| {
            match &end {
                Some(end) => turns::finish(tx, seq, end, now)?,
                None => turns::put_back(tx, seq)?,
            }
            if let Some((code, data)) = &notice {
                notices::raise(tx, *code, data, now)?;
            }
            Ok::<_, StoreError>(())
        });
        tries += 1;
        match written.await {
            Ok(()) => break true,
            Err(err) if tries == FINISH_TRIES || ctx.stopping.is_cancelled() => {
                tracing::error!(error = %err, feedback.id = %feedback_id, "help was shown but could not be kept");
                break false;
            }
            Err(_) => sleep(REST * tries).await,
        }
    };
    if !is_put_back {
        ctx.feedback.end(feedback_id, last_event, is_kept);
    }
}

/// Shows the authored hint to those who have waited too long for their place, and keeps that it was shown.
async fn show_late_hints(ctx: &Ctx, queue: &mut Queue) -> Result<(), StoreError> {
    let hint_after = hint_after(ctx);
    let is_late = |waiting: &Waiting| !waiting.hint_done && waiting.since.elapsed() >= hint_after;
    let late: Vec<i64> =
        queue.waiting.iter().filter(|waiting| is_late(waiting)).map(|waiting| waiting.turn.seq).collect();
    if late.is_empty() {
        return Ok(());
    }
    let school = ctx.school.get();
    let asked = late.clone();
    let shown = ctx.store.write(move |tx| {
        let mut shown = Vec::with_capacity(asked.len());
        for seq in asked {
            let Some(task) = turns::load_task(tx.conn(), seq)? else { continue };
            if let Some(hint) = late_hint(&school, &task) {
                turns::show_hint(tx, seq, &hint)?;
                shown.push((task.feedback_id, hint));
            }
        }
        Ok::<_, StoreError>(shown)
    });
    for (feedback_id, hint) in shown.await? {
        if let Some(log) = ctx.feedback.existing_log(feedback_id) {
            log.show_hint(&hint.text, hint.reason);
        }
    }
    for waiting in &mut queue.waiting {
        waiting.hint_done |= late.contains(&waiting.turn.seq);
    }
    Ok(())
}

fn late_hint(school: &School, task: &TurnTask) -> Option<ShownHint> {
    if task.hint.is_some() {
        return None;
    }
    let version = school.versions.get(&task.attempt.problem_version_id)?;
    let ceiling = ceiling_of(school, task.attempt.lesson_id);
    let hint = hints::choose(version, task.number, ceiling, task.language)?;
    Some(ShownHint { text: hint.text, level: hint.level, reason: HintReason::ModelIsLate })
}

/// Tells listeners of waiting turns how many are before them.
fn tell_places(ctx: &Ctx, queue: &Queue) {
    let in_engine = ctx.engine.status().borrow().waiting;
    for (before, waiting) in (0..).zip(&queue.waiting) {
        if let Some(log) = ctx.feedback.existing_log(waiting.turn.feedback_id) {
            log.set_place(ctx.feedback.place(in_engine.saturating_add(before)));
        }
    }
}

fn hint_after(ctx: &Ctx) -> Duration {
    Duration::from_millis(ctx.config.tutor.hint_after_ms)
}
