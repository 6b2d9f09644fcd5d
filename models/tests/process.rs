//! The hub's side of the engine against a real child process that is killed, stopped and aborted under load.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use dreamseed_models::child::{ChildArgs, LlamaArgs};
use dreamseed_models::engine::{
    Engine, EnginePhase, GenEvent, GenFailure, GenRequest, GenStream, Lane, Segment,
};
use dreamseed_models::process::{EngineCommand, EngineProcess, ProcessLimits};
use dreamseed_models::scripted::{Mishap, Script};

#[tokio::test]
async fn texts_come_through_the_child() {
    let engine = start(Script::default()).await;
    let status = engine.status();
    assert_eq!(status.borrow().backend, "scripted");
    assert_eq!(status.borrow().languages, ["ko", "en"]);

    let streams: Vec<_> = (0..30).map(|_| engine.generate(request())).collect();
    for stream in streams {
        let (text, last) = read(stream).await;
        assert_eq!(text, Script::default().text);
        assert!(matches!(last, GenEvent::Done { .. }), "{last:?}");
    }
    assert_eq!((status.borrow().running, status.borrow().waiting), (0, 0));
    engine.shutdown().await;
    assert_eq!(engine.pid(), None);
    assert_eq!(read(engine.generate(request())).await.1, failed(GenFailure::NoModel));
}

#[tokio::test]
async fn a_killed_child_comes_back() {
    survives("-KILL", Duration::from_secs(1)).await;
}

#[tokio::test]
async fn an_aborted_child_comes_back() {
    survives("-ABRT", Duration::from_secs(1)).await;
}

#[tokio::test]
async fn a_stopped_child_is_killed_and_comes_back() {
    survives("-STOP", Duration::from_secs(8)).await;
}

/// Sends `signal` to the child while it writes; everybody hears of it within `limit`, and it comes back by itself.
async fn survives(signal: &str, limit: Duration) {
    let engine = start(slow()).await;
    let mut streams: Vec<_> = (0..20).map(|_| engine.generate(request())).collect();
    assert!(matches!(streams[0].recv().await, Some(GenEvent::Started)));
    let pid = engine.pid().expect("it runs");
    let mut status = engine.status();

    send_signal(pid, signal);
    let sent = Instant::now();
    for stream in streams {
        assert_eq!(read(stream).await.1, failed(GenFailure::EngineDied));
        assert!(sent.elapsed() < limit, "after {:?}", sent.elapsed());
    }
    // A request made meanwhile is held and answered.
    let held = engine.generate(request());
    wait_for(&mut status, EnginePhase::Ready).await;
    assert_ne!(engine.pid(), Some(pid));
    assert_eq!(status.borrow().restarts, 1);
    assert!(matches!(read(held).await.1, GenEvent::Done { .. }));
    engine.shutdown().await;
}

#[tokio::test]
async fn rests_after_three_crashes_and_tries_again() {
    let limits = ProcessLimits {
        first_pause: Duration::from_millis(20),
        rest: Duration::from_millis(700),
        ..ProcessLimits::default()
    };
    let script = Script { mishap: Mishap::AbortsAfter(1), ..Script::default() };
    let engine = EngineProcess::start(Some(command(script)), limits);
    let mut status = engine.status();
    for _ in 0..3 {
        wait_for(&mut status, EnginePhase::Ready).await;
        assert_eq!(read(engine.generate(request())).await.1, failed(GenFailure::EngineDied));
    }
    wait_for(&mut status, EnginePhase::Resting).await;
    assert_eq!(read(engine.generate(request())).await.1, failed(GenFailure::EngineDied));
    wait_for(&mut status, EnginePhase::Ready).await;
    assert_eq!(status.borrow().restarts, 3);

    // Another engine deserves a fresh start.
    engine.replace(Some(command(Script::default())));
    let (text, _) = read(engine.generate(request())).await;
    if text.is_empty() {
        wait_for(&mut status, EnginePhase::Ready).await;
        assert_eq!(read(engine.generate(request())).await.0, Script::default().text);
    }
    engine.replace(None);
    wait_for(&mut status, EnginePhase::NoModel).await;
    assert_eq!(read(engine.generate(request())).await.1, failed(GenFailure::NoModel));
    engine.shutdown().await;
}

#[tokio::test]
async fn a_model_that_cannot_be_loaded_does_not_hang() {
    let limits = ProcessLimits { first_pause: Duration::from_millis(10), ..ProcessLimits::default() };
    let args = LlamaArgs::new("/nowhere/model.gguf", "gone", vec!["en".into()]);
    let command = EngineCommand { child: ChildArgs::Llama(args), ..command(Script::default()) };
    let engine = EngineProcess::start(Some(command), limits);
    let held = engine.generate(request());
    wait_for(&mut engine.status(), EnginePhase::Resting).await;
    assert_eq!(read(held).await.1, failed(GenFailure::EngineDied));
    engine.shutdown().await;
}

#[tokio::test]
async fn dropped_streams_free_their_slot() {
    let engine = start(Script { slots: 1, mishap: Mishap::NeverAnswers, ..Script::default() }).await;
    for _ in 0..3 {
        let mut stream = engine.generate(request());
        while stream.recv().await != Some(GenEvent::Started) {}
    }
    let mut status = engine.status();
    status.wait_for(|status| status.running + status.waiting == 0).await.expect("alive");
    engine.shutdown().await;
}

#[tokio::test]
async fn a_slow_reader_delays_nobody() {
    let text = "word ".repeat(3000);
    let engine =
        start(Script { text: text.clone(), every: Duration::from_micros(10), ..Script::default() }).await;
    let patient = GenRequest { deadline: Duration::from_secs(60), max_tokens: 5000, ..request() };
    let slow = engine.generate(patient.clone());
    let quick = engine.generate(patient);
    assert_eq!(read(quick).await.0, text);
    assert_eq!(read(slow).await.0, text);
    engine.shutdown().await;
}

#[tokio::test]
async fn deadlines_hold_while_the_child_is_stopped() {
    let engine = start(slow()).await;
    let pid = engine.pid().expect("it runs");
    send_signal(pid, "-STOP");
    let short = GenRequest { deadline: Duration::from_millis(300), ..request() };
    let asked = Instant::now();
    assert_eq!(read(engine.generate(short)).await.1, failed(GenFailure::Deadline));
    assert!(asked.elapsed() < Duration::from_secs(2));
    drop(engine); // Kills the stopped child.
    tokio::time::timeout(Duration::from_secs(5), async {
        while is_alive(pid) {
            // No event tells of it here: who would hear of the child's end has been dropped, so the system is asked.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("the child is gone");
}

#[tokio::test]
async fn a_request_longer_than_a_frame_fails() {
    let engine = start(Script::default()).await;
    let long = GenRequest { own: "x".repeat(5 << 20), ..request() };
    assert_eq!(read(engine.generate(long)).await.1, failed(GenFailure::PromptTooLong));
    assert!(matches!(read(engine.generate(request())).await.1, GenEvent::Done { .. }));
    engine.shutdown().await;
}

async fn start(script: Script) -> EngineProcess {
    let engine = EngineProcess::start(Some(command(script)), ProcessLimits::default());
    wait_for(&mut engine.status(), EnginePhase::Ready).await;
    engine
}

fn command(script: Script) -> EngineCommand {
    EngineCommand {
        program: PathBuf::from(env!("CARGO_BIN_EXE_dreamseed-engine-probe")),
        leading_args: Vec::new(),
        child: ChildArgs::Scripted(script),
    }
}

/// Long enough to be hit by a signal.
fn slow() -> Script {
    Script { every: Duration::from_millis(100), ..Script::default() }
}

fn request() -> GenRequest {
    GenRequest {
        shared: vec![Segment { key: "rules".into(), text: "Give one hint.".into() }],
        own: "1/2 + 1/3 = 2/5".into(),
        schema: None,
        lane: Lane::Lesson,
        class: None,
        pupil: None,
        deadline: Duration::from_secs(30),
        max_tokens: 100,
    }
}

async fn read(mut stream: GenStream) -> (String, GenEvent) {
    let (mut text, mut last) = (String::new(), None);
    while let Some(event) = stream.recv().await {
        if let GenEvent::Text { text: more } = &event {
            text.push_str(more);
        }
        last = Some(event);
    }
    (text, last.expect("a stream never just stops"))
}

async fn wait_for(
    status: &mut tokio::sync::watch::Receiver<dreamseed_models::engine::EngineStatus>,
    phase: EnginePhase,
) {
    let waited =
        tokio::time::timeout(Duration::from_secs(15), status.wait_for(|status| status.phase == phase));
    waited.await.unwrap_or_else(|_| panic!("not {phase:?} in time")).expect("alive");
}

fn failed(why: GenFailure) -> GenEvent {
    GenEvent::Failed { why }
}

fn send_signal(pid: u32, signal: &str) {
    let status = Command::new("kill").args([signal, &pid.to_string()]).status();
    assert!(status.expect("kill runs").success());
}

fn is_alive(pid: u32) -> bool {
    Command::new("kill").args(["-0", &pid.to_string()]).output().expect("kill runs").status.success()
}
