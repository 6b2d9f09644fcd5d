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
use jiff::Timestamp;
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
        Store, StoreError, consents,
        feedback::{self as turns, ShownHint, TurnEnd, TurnTask, WaitingTurn},
        notices,
    },
    telemetry,
};

/// The queue is looked at this often even if nobody woke the worker.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// Help that was asked for longer ago is of no use after a restart.
const OLDEST: jiff::SignedDuration = jiff::SignedDuration::from_mins(10);
/// Before the next try after the database refused.
const REST: Duration = Duration::from_secs(1);
/// Tries to keep how a turn ended.
const FINISH_TRIES: u32 = 5;

/// After a start and before anybody listens: expires help that nobody waits for any more, puts what a crash left running
/// back into the queue.
pub async fn recover(store: &Store, now: Timestamp) -> Result<(), StoreError> {
    store.write(move |tx| turns::put_back_all(tx, now - OLDEST, now)).await
}

/// Works until the hub stops; turns of which nothing was shown stay in the queue for the next start.
pub async fn run(ctx: Arc<Ctx>) {
    let mut queue = Queue::default();
    let mut running = Running::default();
    loop {
        let round = async {
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
        telemetry::show_waiting_turns(self.waiting.len());
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
        let needs_consent = ctx.config.privacy.ai_needs_consent;
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
                    let ai_allowed = consents::allow_ai(tx.conn(), task.attempt.pupil_id, needs_consent)?;
                    tasks.push(Some((task, ai_allowed)));
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

fn start_turn(
    ctx: &Arc<Ctx>,
    school: &School,
    (task, ai_allowed): (TurnTask, bool),
    since: Instant,
    running: &mut Running,
) {
    let (seq, feedback_id) = (task.seq, task.feedback_id);
    let turn = school.versions.get(&task.attempt.problem_version_id).map(|version| Turn {
        version: Arc::clone(version),
        ceiling: ceiling_of(school, &task.attempt),
        class: school.class_of(task.attempt.pupil_id).map(|class| class.class_id),
        ai_allowed,
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
    // Help is shown all the same; the model's name says that there was a text.
    let keeps_text = ctx.disk.keeps_ai_texts();
    let end = end.map(|end| if keeps_text { end } else { TurnEnd { ai_text: None, usage: None, ..end } });
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
    let ceiling = ceiling_of(school, &task.attempt);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        answering, clock::SystemClock, config::Config, demo, feedback, hub::Hub, store::StoreError as Refused,
    };
    use dreamseed_models::scripted::{Mishap, Script, ScriptedEngine};
    use dreamseed_wire::{
        Language,
        answer::Answer,
        attempt::{CellState, SubmitAnswer},
        ids::{AttemptId, SessionId, UserId},
        lesson::LessonState,
        live::LiveEvent,
    };

    /// A demo school of a few pupils, served from a folder of its own.
    struct School {
        folder: tempfile::TempDir,
        pupils: Vec<UserId>,
    }

    impl School {
        async fn build() -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let school = School { pupils: Vec::new(), folder };
            let config = school.config();
            demo::build(&config, Timestamp::from_second(1_795_400_000).expect("a time"), 9)
                .await
                .expect("a school");
            let accounts = demo::read_accounts(&config).expect("accounts");
            let korean =
                accounts.classes.iter().find(|class| class.language == Language::Ko).expect("a class");
            let pupils = korean.pupils.iter().map(|pupil| pupil.pupil_id).collect();
            School { pupils, ..school }
        }

        fn config(&self) -> Config {
            let mut config = Config { data: self.folder.path().join("data"), ..Config::default() };
            config.http.port = 0;
            config.tutor.hint_after_ms = 150;
            config
        }

        async fn start(&self, config: Config, script: Script) -> Hub {
            Hub::start(config, Arc::new(SystemClock), Arc::new(ScriptedEngine::new(script)))
                .await
                .expect("a hub")
        }
    }

    /// Gives an answer to the pupil's `place`-th problem of today.
    async fn answer(hub: &Hub, pupil: UserId, place: usize, is_right: bool) -> AttemptId {
        let school = hub.ctx.school.get();
        let class = school.class_of(pupil).expect("a class");
        let mut open = class.lessons.iter().filter_map(|id| school.lessons.get(id));
        let lesson = open.find(|lesson| lesson.timing.state == LessonState::Open).expect("a lesson");
        let version = &school.versions[&lesson.problems[place]];
        let right = demo::right_answer(&version.draft.key);
        let wrong = match &right {
            Answer::Number { .. } => Answer::Number { text: "987654".into() },
            Answer::SingleChoice { .. } => Answer::SingleChoice { choice: "zz".into() },
            Answer::MultipleChoice { .. } => Answer::MultipleChoice { choices: vec!["zz".into()] },
            Answer::ShortText { .. } => Answer::ShortText { text: "틀린 말".into() },
            Answer::TrueFalse { value } => Answer::TrueFalse { value: !value },
            Answer::Ordering { order } => Answer::Ordering { order: order.iter().rev().cloned().collect() },
            Answer::Matching { .. } | Answer::Cloze { .. } => version.draft.common_wrong[0].answer.clone(),
        };
        let attempt_id = AttemptId::new();
        let body = SubmitAnswer {
            attempt_id,
            problem_version_id: version.problem_version_id,
            lesson_id: Some(lesson.lesson_id),
            answer: if is_right { right } else { wrong },
            occurred_at: None,
            device_id: None,
            device_seq: None,
        };
        answering::submit(&hub.ctx, pupil, body).await.expect("a receipt");
        attempt_id
    }

    async fn read_all(hub: &Hub, attempt: AttemptId, seen: u64) -> Vec<FeedbackEvent> {
        let listener = hub.ctx.feedback.subscribe(&hub.ctx.store, attempt, seen, 0).await.expect("the table");
        let mut listener = listener.expect("help");
        let mut events = Vec::new();
        while let Some(event) =
            tokio::time::timeout(Duration::from_secs(20), listener.next()).await.expect("an end in time")
        {
            events.push(event.event);
        }
        events
    }

    fn text_of(events: &[FeedbackEvent]) -> String {
        let token = |event: &FeedbackEvent| {
            if let FeedbackEvent::Token { text } = event { Some(text.clone()) } else { None }
        };
        events.iter().filter_map(token).collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn help_is_written_kept_and_told_again() {
        let school = School::build().await;
        let hub = school
            .start(school.config(), Script { text: "분모를 먼저 살펴보세요.".into(), ..Script::default() })
            .await;
        let class = hub.ctx.school.get().class_of(school.pupils[0]).expect("a class").class_id;
        let mut live = hub.ctx.live.watch_class(class, SessionId::new());
        let attempt = answer(&hub, school.pupils[0], 0, false).await;
        let ticket = feedback::ask(&hub.ctx, &asker(), attempt).await.expect("a ticket");
        let events = read_all(&hub, attempt, 0).await;
        assert_eq!(text_of(&events), "분모를 먼저 살펴보세요.");
        assert_eq!(events.last(), Some(&FeedbackEvent::Done { written_by_ai: true }));

        assert_eq!(feedback::ask(&hub.ctx, &asker(), attempt).await.expect("the same ticket"), ticket);
        let again = read_all(&hub, attempt, 1).await;
        assert_eq!(text_of(&again), "먼저 살펴보세요.");
        assert_eq!(hub.ctx.feedback.open_logs(), 0);

        feedback::rate(&hub.ctx, attempt, true).await.expect("kept");
        let turn = hub
            .ctx
            .store
            .read(move |conn| turns::latest(conn, attempt))
            .await
            .expect("the table")
            .expect("a turn");
        let help = turn.help;
        assert_eq!(
            (help.state, help.helpful, help.model.as_deref()),
            (FeedbackState::Done, Some(true), Some("scripted"))
        );

        let mut states = Vec::new();
        while let Ok(frame) = live.try_recv() {
            let text = String::from_utf8(frame.bytes.to_vec()).expect("text");
            let data = text.lines().find_map(|line| line.strip_prefix("data: ")).expect("data");
            if let LiveEvent::Cell { cell, .. } = serde_json::from_str(data).expect("an event") {
                states.push(cell.state);
            }
        }
        assert_eq!(states, [CellState::NotYet, CellState::Helping]);

        let right = answer(&hub, school.pupils[0], 1, true).await;
        assert_eq!(feedback::ask(&hub.ctx, &asker(), right).await.expect_err("refused").status, 403);
        assert_eq!(
            feedback::ask(&hub.ctx, &asker(), AttemptId::new()).await.expect_err("refused").status,
            404
        );
        hub.stop().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn those_who_wait_get_the_hint_and_those_who_moved_on_are_not_waited_for() {
        let school = School::build().await;
        let mut config = school.config();
        config.tutor.parallel = 1;
        let script = Script {
            first_after: Duration::from_millis(600),
            text: "다시 보세요.".into(),
            ..Script::default()
        };
        let hub = school.start(config, script).await;
        let [first, second, third] = [0, 1, 2].map(|place| school.pupils[place]);
        let attempts = [
            answer(&hub, first, 0, false).await,
            answer(&hub, second, 0, false).await,
            answer(&hub, third, 0, false).await,
        ];
        for attempt in attempts {
            feedback::ask(&hub.ctx, &asker(), attempt).await.expect("a ticket");
        }
        answer(&hub, third, 1, true).await;
        let (all, waited, gone) = tokio::join!(
            read_all(&hub, attempts[0], 0),
            read_all(&hub, attempts[1], 0),
            read_all(&hub, attempts[2], 0)
        );
        for events in [&all, &waited] {
            let hint = events.iter().position(|event| {
                matches!(event, FeedbackEvent::Hint { reason: HintReason::ModelIsLate, .. })
            });
            let token = events.iter().position(|event| matches!(event, FeedbackEvent::Token { .. }));
            assert!(hint.expect("a hint") < token.expect("text"), "{events:?}");
        }
        assert!(waited.iter().any(|event| matches!(event, FeedbackEvent::Queued { .. })), "{waited:?}");
        assert_eq!(gone.last(), Some(&FeedbackEvent::Failed { reason: FeedbackFailure::Expired }));
        hub.stop().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_turn_that_a_crash_left_running_is_written_after_the_restart() {
        let school = School::build().await;
        let silent = Script { mishap: Mishap::NeverAnswers, ..Script::default() };
        let hub = school.start(school.config(), silent).await;
        let attempt = answer(&hub, school.pupils[0], 0, false).await;
        feedback::ask(&hub.ctx, &asker(), attempt).await.expect("a ticket");
        hub.stop().await;

        let path = crate::store::database_path(&school.config().data);
        let first =
            crate::store::hub_meta::FirstStart { now: Timestamp::UNIX_EPOCH, time_zone: "UTC".into() };
        let store = Store::open(&path, &first, |_| {}).expect("the database");
        let turn =
            store.read(move |conn| turns::latest(conn, attempt)).await.expect("the table").expect("a turn");
        assert_eq!(turn.help.state, FeedbackState::Pending);
        store
            .write(move |tx| turns::start(tx, turn.seq))
            .await
            .map_err(|err: Refused| err)
            .expect("as if it crashed");
        store.close().await;

        let hub =
            school.start(school.config(), Script { text: "다시 보세요.".into(), ..Script::default() }).await;
        assert_eq!(text_of(&read_all(&hub, attempt, 0).await), "다시 보세요.");
        hub.stop().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_second_help_gives_the_second_hint_and_the_admin_learns_why() {
        let school = School::build().await;
        let hub =
            school.start(school.config(), Script { languages: vec!["en".into()], ..Script::default() }).await;
        let mut hints = Vec::new();
        for _ in 0..2 {
            let attempt = answer(&hub, school.pupils[0], 0, false).await;
            feedback::ask(&hub.ctx, &asker(), attempt).await.expect("a ticket");
            let events = read_all(&hub, attempt, 0).await;
            assert_eq!(events.last(), Some(&FeedbackEvent::Done { written_by_ai: false }));
            hints.extend(events.into_iter().filter_map(|event| match event {
                FeedbackEvent::Hint { text, reason: HintReason::OtherLanguage } => Some(text),
                FeedbackEvent::Hint { .. }
                | FeedbackEvent::Queued { .. }
                | FeedbackEvent::Token { .. }
                | FeedbackEvent::Done { .. }
                | FeedbackEvent::Failed { .. } => None,
            }));
        }
        assert_eq!(hints.len(), 2);
        assert_ne!(hints[0], hints[1]);
        let open = hub.ctx.store.read(notices::open).await.expect("notices");
        assert_eq!(
            open.iter()
                .filter(|notice| notice.code == dreamseed_wire::hub::NoticeCode::ModelLanguage)
                .count(),
            1
        );
        hub.stop().await;
    }

    /// The worker does not mind who asks.
    fn asker() -> crate::api::extract::Caller {
        crate::api::extract::Caller {
            user_id: UserId::new(),
            session_id: SessionId::new(),
            role: dreamseed_wire::account::Role::Student,
            expires_at: Timestamp::MAX,
        }
    }
}
