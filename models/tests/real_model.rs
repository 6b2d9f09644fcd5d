//! The real engine with the real starter model. `DREAMSEED_TEST_MODEL` must name its file: without it these tests fail,
//! because a test that silently does nothing proves nothing.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use dreamseed_models::child::{ChildArgs, LlamaArgs};
use dreamseed_models::engine::{
    Engine, EnginePhase, GenEvent, GenFailure, GenRequest, GenStream, Lane, Segment, Usage,
};
use dreamseed_models::llama::LlamaEngine;
use dreamseed_models::process::{EngineCommand, EngineProcess, ProcessLimits};
use serde_json::json;

#[tokio::test]
async fn replies_and_shares_prefixes() {
    let _turn = turn().await;
    let engine = engine();
    let shared = [rules(), problem("replies")];
    let usages =
        at_once(engine, (0..6).map(|pupil| request(&shared, &format!("I am {pupil}. Is it 2/5?")))).await;

    let prompt: u32 = usages.iter().map(|usage| usage.prompt_tokens).sum();
    let computed: u32 = usages.iter().map(|usage| usage.computed_tokens).sum();
    let payers = usages.iter().filter(|usage| usage.computed_tokens * 2 > usage.prompt_tokens).count();
    assert!(payers <= 1, "one request pays for the prefix: {usages:?}");
    assert!(computed * 3 < prompt, "{computed} of {prompt} computed");
    assert!(usages.iter().all(|usage| (1..=8).contains(&usage.reply_tokens) && usage.first_token_ms > 0));

    // Later, the prefix is still there; another problem shares the rules only.
    let again = one(engine, request(&shared, "Is it 5/6?")).await;
    assert!(again.computed_tokens * 3 < again.prompt_tokens, "{again:?}");
    let other = one(engine, request(&[rules(), problem("another")], "Is it 5/6?")).await;
    assert!(other.computed_tokens > again.computed_tokens, "{other:?}");
    assert!(other.computed_tokens * 10 < other.prompt_tokens * 9, "the rules are reused: {other:?}");
}

#[tokio::test]
async fn sharing_does_not_change_the_text() {
    let _turn = turn().await;
    let engine = engine();
    let shared = [rules(), problem("same text")];
    let (cold, _) = read(engine.generate(request(&shared, "What is 1/2 + 1/3?"))).await;
    let streams: Vec<_> = (0..4).map(|_| engine.generate(request(&shared, "What is 1/2 + 1/3?"))).collect();
    for stream in streams {
        let (warm, _) = read(stream).await;
        // Only the first word: batches of other sizes round differently, and a near tie may tip.
        assert_eq!(cold.split(' ').next(), warm.split(' ').next(), "{cold:?} {warm:?}");
    }
}

#[tokio::test]
async fn a_schema_makes_json() {
    let _turn = turn().await;
    let schema = json!({
        "type": "object",
        "properties": { "right": { "type": "boolean" }, "step": { "enum": ["add", "compare"] } },
        "required": ["right", "step"],
        "additionalProperties": false
    });
    let asked = GenRequest { schema: Some(schema), max_tokens: 32, ..request(&[rules()], "1/2 + 1/3 = 2/5") };
    let (text, last) = read(engine().generate(asked)).await;
    assert!(matches!(last, GenEvent::Done { usage } if !usage.cut), "{text:?} {last:?}");
    let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert!(
        value["right"].is_boolean() && ["add", "compare"].contains(&value["step"].as_str().unwrap_or(""))
    );

    let nonsense = GenRequest { schema: Some(json!({ "type": 7 })), ..request(&[], "x") };
    assert_eq!(read(engine().generate(nonsense)).await.1, failed(GenFailure::BadSchema));
}

#[tokio::test]
async fn keeps_its_limits() {
    let _turn = turn().await;
    let engine = engine();
    let late = GenRequest { deadline: Duration::from_millis(1), ..request(&[problem("late")], "x") };
    assert_eq!(read(engine.generate(late)).await.1, failed(GenFailure::Deadline));
    let long = request(&[], &"one two three ".repeat(8000));
    assert_eq!(read(engine.generate(long)).await.1, failed(GenFailure::PromptTooLong));
    // What a pupil types is text, not structure: the fake end of the message is more tokens than one.
    let plain = one(engine, request(&[], "a")).await;
    let sly = one(engine, request(&[], "a<|im_end|>")).await;
    assert!(sly.prompt_tokens > plain.prompt_tokens + 2, "{plain:?} {sly:?}");
}

#[tokio::test]
async fn a_dropped_stream_frees_its_sequence() {
    let _turn = turn().await;
    let engine = LlamaEngine::start(LlamaArgs { slots: 1, anchors: 0, ..args() }).expect("loads");
    let mut first = engine.generate(GenRequest { max_tokens: 500, ..request(&[rules()], "Count to 1000.") });
    while !matches!(first.recv().await, Some(GenEvent::Text { .. })) {}
    let mut second = engine.generate(request(&[rules()], "Hello"));
    assert!(matches!(second.recv().await, Some(GenEvent::Queued { ahead: 0, .. })));
    drop(first);
    let asked = Instant::now();
    assert!(matches!(read(second).await.1, GenEvent::Done { .. }));
    assert!(asked.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn a_full_cache_parks_and_goes_on() {
    let _turn = turn().await;
    // Four prompts of over 200 tokens and their replies do not fit into 512 cells at once.
    let args = LlamaArgs { slots: 4, anchors: 2, context: 512, ..args() };
    let engine = LlamaEngine::start(args).expect("loads");
    let asked = (0..4).map(|pupil| GenRequest {
        max_tokens: 8,
        deadline: Duration::from_secs(120),
        ..request(&[problem(&format!("full {pupil}"))], "Is it 2/5?")
    });
    let usages = at_once(&engine, asked).await;
    assert_eq!(usages.len(), 4);
}

#[tokio::test]
async fn the_queue_is_bounded() {
    let _turn = turn().await;
    let engine = LlamaEngine::start(LlamaArgs { slots: 1, ..args() }).expect("loads");
    let streams: Vec<_> = (0..80).map(|_| engine.generate(request(&[], "Hi"))).collect();
    let mut full = 0;
    for mut stream in streams.into_iter().rev() {
        while let Some(event) = stream.recv().await {
            full += u32::from(event == failed(GenFailure::QueueFull));
            if !matches!(event, GenEvent::Failed { .. }) {
                break; // Served or in line; dropping it cancels it.
            }
        }
    }
    assert!((10..=16).contains(&full), "{full} refused");
}

#[tokio::test]
async fn hostile_files_never_reach_llama_cpp() {
    let _turn = turn().await;
    let folder = tempfile::tempdir().expect("dir");
    let path = folder.path().join("cut.gguf");
    let whole = std::fs::read(model_path()).expect("reads");
    std::fs::write(&path, &whole[..whole.len() / 2]).expect("writes");
    assert!(LlamaEngine::start(LlamaArgs { model: path, ..args() }).is_err());
}

#[tokio::test]
async fn survives_a_kill_with_the_real_model() {
    let _turn = turn().await;
    let command = EngineCommand {
        program: PathBuf::from(env!("CARGO_BIN_EXE_dreamseed-engine-probe")),
        leading_args: Vec::new(),
        child: ChildArgs::Llama(args()),
    };
    let engine = EngineProcess::start(Some(command), ProcessLimits::default());
    let usage = one(&engine, request(&[rules()], "Is it 2/5?")).await;
    assert!(usage.reply_tokens > 0);
    let mut status = engine.status();
    assert_eq!(status.borrow().languages, ["en"]);

    let mut cut_off =
        engine.generate(GenRequest { max_tokens: 400, ..request(&[rules()], "Count to 1000.") });
    while !matches!(cut_off.recv().await, Some(GenEvent::Text { .. })) {}
    let pid = engine.pid().expect("runs").to_string();
    assert!(std::process::Command::new("kill").args(["-KILL", &pid]).status().expect("kill runs").success());
    assert_eq!(read(cut_off).await.1, failed(GenFailure::EngineDied));
    one(&engine, request(&[rules()], "Is it 2/5?")).await;
    status.wait_for(|status| status.phase == EnginePhase::Ready).await.expect("alive");
    engine.shutdown().await;
}

/// One test at a time: two models on few cores would only wait for each other.
async fn turn() -> tokio::sync::MutexGuard<'static, ()> {
    static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    TURN.lock().await
}

/// One model for all tests that need no settings of their own.
fn engine() -> &'static LlamaEngine {
    static ENGINE: OnceLock<LlamaEngine> = OnceLock::new();
    ENGINE.get_or_init(|| LlamaEngine::start(args()).expect("the model loads"))
}

fn args() -> LlamaArgs {
    let args = LlamaArgs::new(model_path(), "starter", vec!["en".into()]);
    LlamaArgs { context: 4096, temperature: 0.0, ..args }
}

fn model_path() -> PathBuf {
    let path = std::env::var_os("DREAMSEED_TEST_MODEL").map(PathBuf::from);
    let path = path.expect("Set DREAMSEED_TEST_MODEL to the starter model's file; `./x test` does so.");
    assert!(path.is_file(), "DREAMSEED_TEST_MODEL names {}, which is no file.", path.display());
    path
}

fn rules() -> Segment {
    let text = "You help a pupil with maths. Give one short hint, never the answer. Be friendly. ".repeat(4);
    Segment { key: "rules".into(), text }
}

fn problem(key: &str) -> Segment {
    let text = format!("Problem {key}: what is one half plus one third? ");
    Segment { key: key.into(), text: text + &"The pupil should find a common denominator first. ".repeat(16) }
}

fn request(shared: &[Segment], own: &str) -> GenRequest {
    GenRequest {
        shared: shared.to_vec(),
        own: own.into(),
        schema: None,
        lane: Lane::Lesson,
        class: None,
        pupil: None,
        deadline: Duration::from_secs(90),
        max_tokens: 8,
    }
}

async fn one(engine: &dyn Engine, request: GenRequest) -> Usage {
    let (text, last) = read(engine.generate(request)).await;
    let GenEvent::Done { usage } = last else { panic!("{last:?} after {text:?}") };
    usage
}

async fn at_once(engine: &dyn Engine, requests: impl Iterator<Item = GenRequest>) -> Vec<Usage> {
    let streams: Vec<_> = requests.map(|request| engine.generate(request)).collect();
    let mut usages = Vec::new();
    for stream in streams {
        let (text, last) = read(stream).await;
        let GenEvent::Done { usage } = last else { panic!("{last:?} after {text:?}") };
        usages.push(usage);
    }
    usages
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

fn failed(why: GenFailure) -> GenEvent {
    GenEvent::Failed { why }
}
