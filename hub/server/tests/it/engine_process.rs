//! The engine's own process is killed, stopped and aborted while pupils work: answers go on, hints come in time, and the
//! process is back by itself.

use std::{
    ffi::OsString,
    path::PathBuf,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use dreamseed_models::{
    child::ChildArgs,
    engine::{Engine, EnginePhase},
    process::{EngineCommand, EngineProcess, ProcessLimits},
    scripted::Script,
};
use dreamseed_testkit::{Given, Person, TestHub, fraction_problem, next_event, rest_of, within};
use dreamseed_wire::{
    feedback::{FeedbackEvent, HintReason},
    ids::AttemptId,
    model::EngineState,
};

/// The product's promise of three seconds, and what a busy test machine may add.
const HELP_WITHIN: Duration = Duration::from_millis(3_000 + 1_500);
const PUPILS: usize = 6;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_engine_is_back_by_itself() {
    survives("KILL").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aborted_engine_is_back_by_itself() {
    survives("ABRT").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_engine_is_killed_and_back_by_itself() {
    survives("STOP").await;
}

async fn survives(signal: &str) {
    // Long enough that every reply is under way when the signal comes.
    let script = Script {
        text: "분모를 다시 살펴보세요 ".repeat(300),
        first_after: Duration::from_millis(100),
        every: Duration::from_millis(60),
        ..Script::default()
    };
    let command = EngineCommand {
        program: PathBuf::from(env!("CARGO_BIN_EXE_dreamseed-hub")),
        leading_args: vec![OsString::from("engine")],
        child: ChildArgs::Scripted(script),
    };
    let engine = Arc::new(EngineProcess::start(Some(command), ProcessLimits::default()));
    let mut status = engine.status();
    within("the engine", status.wait_for(|status| status.phase == EnginePhase::Ready))
        .await
        .expect("a status");
    let hub = TestHub::with_engine(engine.clone(), |config| config.tutor.max_tokens = 1_000).await;
    let given = Arc::new(hub.give(&[fraction_problem()]).await);
    let mut pupils = Vec::new();
    for n in 0..PUPILS {
        pupils.push(hub.pupil(&format!("학생 {n}")).await);
    }
    // Everybody has help on its way.
    let mut under_way = Vec::new();
    for pupil in &pupils {
        let attempt = ask(pupil, &given).await;
        let mut events = pupil.feedback_events(attempt, None).await.expect("a stream");
        while matches!(next_event(&mut events).await.data, FeedbackEvent::Queued { .. }) {}
        under_way.push(events);
    }

    let working = Working::begin(&hub, &given).await;
    let pid = engine.pid().expect("it runs");
    send_signal(pid, signal);
    let struck = Instant::now();
    // Asked while it is down.
    let mut asked = Vec::new();
    for n in 0..PUPILS {
        let pupil = hub.pupil(&format!("늦은 학생 {n}")).await;
        let given = given.clone();
        asked.push(tokio::spawn(async move { time_to_help(&pupil, &given).await }));
    }
    for asked in asked {
        let took = asked.await.expect("no panic");
        assert!(took < HELP_WITHIN, "help came after {took:?}");
    }
    // Broken replies keep their words and get the hint.
    for mut events in under_way {
        let rest: Vec<_> = rest_of(&mut events).await.into_iter().map(|event| event.data).collect();
        assert!(rest.iter().any(|event| matches!(event, FeedbackEvent::Hint { .. })), "{rest:?}");
        assert!(matches!(rest.last(), Some(FeedbackEvent::Done { .. })), "{rest:?}");
    }
    within(
        "the engine",
        status.wait_for(|status| status.phase == EnginePhase::Ready && status.restarts == 1),
    )
    .await
    .expect("a status");
    let back = struck.elapsed();
    assert!(back < Duration::from_secs(15), "back after {back:?}");
    assert_ne!(engine.pid(), Some(pid));
    let kept = working.end().await;
    assert!(kept > 20, "{kept} answers were kept meanwhile");

    let pupil = hub.pupil("새 학생").await;
    let attempt = ask(&pupil, &given).await;
    let mut events = pupil.feedback_events(attempt, None).await.expect("a stream");
    while !matches!(next_event(&mut events).await.data, FeedbackEvent::Token { .. }) {}
    let view = hub.admin().await.engine().await.expect("the engine");
    assert_eq!((view.state, view.restarts, view.backend.as_str()), (EngineState::Ready, 1, "scripted"));
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_engine_the_hub_does_its_work() {
    let engine = Arc::new(EngineProcess::start(None, ProcessLimits::default()));
    let hub = TestHub::with_engine(engine, |_| {}).await;
    let given = hub.give(&[fraction_problem()]).await;
    let pupil = hub.pupil("민지").await;
    let attempt = ask(&pupil, &given).await;
    let mut events = pupil.feedback_events(attempt, None).await.expect("a stream");
    let told: Vec<_> = rest_of(&mut events).await.into_iter().map(|event| event.data).collect();
    assert!(
        told.iter().any(|event| matches!(event, FeedbackEvent::Hint { reason: HintReason::NoModel, .. }))
    );
    assert_eq!(hub.admin().await.engine().await.expect("the engine").state, EngineState::NoModel);
}

async fn ask(pupil: &Person, given: &Given) -> AttemptId {
    let answer = given.answer("2/5");
    pupil.submit_answer(&answer).await.expect("kept");
    pupil.ask_help(answer.attempt_id).await.expect("a ticket");
    answer.attempt_id
}

/// From asking to the first thing to read: the hint, or words of an engine that was back sooner.
async fn time_to_help(pupil: &Person, given: &Given) -> Duration {
    let answer = given.answer("2/5");
    pupil.submit_answer(&answer).await.expect("kept");
    let since = Instant::now();
    pupil.ask_help(answer.attempt_id).await.expect("a ticket");
    let mut events = pupil.feedback_events(answer.attempt_id, None).await.expect("a stream");
    loop {
        match next_event(&mut events).await.data {
            FeedbackEvent::Hint { reason: HintReason::NoModel | HintReason::ModelIsLate, .. }
            | FeedbackEvent::Token { .. } => return since.elapsed(),
            FeedbackEvent::Queued { .. } => {}
            other @ (FeedbackEvent::Hint { .. }
            | FeedbackEvent::Done { .. }
            | FeedbackEvent::Failed { .. }) => {
                panic!("{other:?}")
            }
        }
    }
}

/// Pupils who answer all the time; each answer must be kept.
struct Working {
    stop: Arc<AtomicBool>,
    kept: Arc<AtomicU32>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Working {
    async fn begin(hub: &TestHub, given: &Arc<Given>) -> Self {
        let (stop, kept) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
        let mut tasks = Vec::new();
        for n in 0..4 {
            let pupil = hub.pupil(&format!("바쁜 학생 {n}")).await;
            let (stop, kept, given) = (stop.clone(), kept.clone(), given.clone());
            tasks.push(tokio::spawn(async move {
                while !stop.load(SeqCst) {
                    let begun = Instant::now();
                    pupil.submit_answer(&given.answer("1/5")).await.expect("answers go on");
                    assert!(begun.elapsed() < Duration::from_secs(3), "an answer took {:?}", begun.elapsed());
                    kept.fetch_add(1, SeqCst);
                    // A load, not a wait: without a pace four pupils would fill the machine, and help would be late for that.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }));
        }
        Working { stop, kept, tasks }
    }

    async fn end(self) -> u32 {
        self.stop.store(true, SeqCst);
        for task in self.tasks {
            task.await.expect("no answer was refused");
        }
        self.kept.load(SeqCst)
    }
}

fn send_signal(pid: u32, signal: &str) {
    let sent = Command::new("kill").arg(format!("-{signal}")).arg(pid.to_string()).status();
    assert!(sent.is_ok_and(|status| status.success()), "the child is there");
}
