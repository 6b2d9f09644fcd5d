//! An engine that writes a fixed text at a fixed rate: for tests, for load runs, and for a hub without a model.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::{Instant, sleep, timeout_at};

use crate::engine::{Engine, EnginePhase, EngineStatus, GenEvent, GenFailure, GenRequest, GenStream, Usage};

/// What a scripted engine does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Script {
    /// Written word by word; a word counts as one token.
    pub text: String,
    /// Written instead where the request's own part has Hangul.
    pub korean_text: Option<String>,
    pub languages: Vec<String>,
    /// Before the first word.
    pub first_after: Duration,
    /// Between words.
    pub every: Duration,
    /// Requests that run at the same time.
    pub slots: u32,
    /// Requests that may wait for a slot.
    pub queue: u32,
    pub mishap: Mishap,
}

/// What goes wrong, for tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mishap {
    #[default]
    None,
    /// Takes requests and never writes a word.
    NeverAnswers,
    /// Every request fails at once.
    Fails(GenFailure),
    /// Fails with `EngineDied` after this many words.
    DiesAfter(u32),
    /// Ends the process by SIGABRT after this many words. Only for a child process.
    AbortsAfter(u32),
}

impl Script {
    /// What stands in for a model in a demo: one sentence, in the language of the request.
    pub fn of_demo() -> Self {
        Self {
            text: "Look once more at the denominators before you add.".into(),
            korean_text: Some("더하기 전에 분모를 한 번 더 살펴보세요.".into()),
            ..Self::default()
        }
    }

    fn text_for(&self, request: &GenRequest) -> &str {
        let is_korean = || request.own.chars().any(|letter| ('가'..='힣').contains(&letter));
        self.korean_text.as_deref().filter(|_| is_korean()).unwrap_or(&self.text)
    }
}

impl Default for Script {
    fn default() -> Self {
        Self {
            text:
                "Look once more at the denominators before you add. 더하기 전에 분모를 한 번 더 살펴보세요."
                    .into(),
            korean_text: None,
            languages: vec!["ko".into(), "en".into()],
            first_after: Duration::from_millis(20),
            every: Duration::from_millis(5),
            slots: 16,
            queue: 64,
            mishap: Mishap::None,
        }
    }
}

/// See [`Script`].
#[derive(Debug, Clone)]
pub struct ScriptedEngine {
    script: Arc<Script>,
    slots: Arc<Semaphore>,
    status: Arc<watch::Sender<EngineStatus>>,
    runtime: tokio::runtime::Handle,
}

impl ScriptedEngine {
    /// # Panics
    /// Outside a tokio runtime.
    pub fn new(script: Script) -> Self {
        let status = EngineStatus {
            phase: EnginePhase::Ready,
            model: Some("scripted".into()),
            languages: script.languages.clone(),
            backend: "scripted".into(),
            ..EngineStatus::default()
        };
        Self {
            slots: Arc::new(Semaphore::new(script.slots.max(1) as usize)),
            script: Arc::new(script),
            status: Arc::new(watch::Sender::new(status)),
            runtime: tokio::runtime::Handle::current(),
        }
    }

    async fn write(self, request: GenRequest, events: mpsc::Sender<GenEvent>) {
        let started = Instant::now();
        let deadline = started + request.deadline;
        // A closed receiver is a cancelled request: the words stop at once and the slot is free.
        let outcome = tokio::select! {
            outcome = timeout_at(deadline, self.write_words(&request, &events, started)) => outcome,
            () = events.closed() => return,
        };
        let last = match outcome {
            Ok(Ok(usage)) => GenEvent::Done { usage },
            Ok(Err(why)) => GenEvent::Failed { why },
            Err(_) => GenEvent::Failed { why: GenFailure::Deadline },
        };
        let _ = events.send(last).await;
    }

    async fn write_words(
        &self,
        request: &GenRequest,
        events: &mpsc::Sender<GenEvent>,
        started: Instant,
    ) -> Result<Usage, GenFailure> {
        let script = &self.script;
        if let Mishap::Fails(why) = script.mishap {
            return Err(why);
        }
        let _slot = self.wait_for_slot(events).await?;
        let _running = Counted::new(&self.status, |status| &mut status.running);
        let _ = events.send(GenEvent::Started).await;
        if script.mishap == Mishap::NeverAnswers {
            std::future::pending::<()>().await;
        }
        sleep(script.first_after).await;
        let mut usage = Usage {
            prompt_tokens: count_words(request),
            computed_tokens: request.own.split_whitespace().count().try_into().unwrap_or(u32::MAX),
            first_token_ms: millis(started.elapsed()),
            ..Usage::default()
        };
        let text = script.text_for(request);
        let text = match &request.schema {
            Some(schema) => example_of(schema, text).to_string(),
            None => text.to_owned(),
        };
        for word in text.split_inclusive(' ') {
            match script.mishap {
                Mishap::DiesAfter(words) if usage.reply_tokens >= words => {
                    return Err(GenFailure::EngineDied);
                }
                Mishap::AbortsAfter(words) if usage.reply_tokens >= words => std::process::abort(),
                Mishap::None
                | Mishap::NeverAnswers
                | Mishap::Fails(_)
                | Mishap::DiesAfter(_)
                | Mishap::AbortsAfter(_) => {}
            }
            if usage.reply_tokens >= request.max_tokens {
                usage.cut = true;
                break;
            }
            if usage.reply_tokens > 0 {
                sleep(script.every).await;
            }
            let _ = events.send(GenEvent::Text { text: word.to_owned() }).await;
            usage.reply_tokens += 1;
        }
        usage.total_ms = millis(started.elapsed());
        Ok(usage)
    }

    async fn wait_for_slot(
        &self,
        events: &mpsc::Sender<GenEvent>,
    ) -> Result<tokio::sync::SemaphorePermit<'_>, GenFailure> {
        if let Ok(slot) = self.slots.try_acquire() {
            return Ok(slot);
        }
        let place = Counted::new(&self.status, |status| &mut status.waiting);
        let ahead = place.others;
        if ahead >= self.script.queue {
            return Err(GenFailure::QueueFull);
        }
        let words = u32::try_from(self.script.text.split(' ').count()).unwrap_or(u32::MAX);
        let one = self.script.first_after + self.script.every * words;
        let expected_wait_ms = millis(one * (ahead + 1) / self.script.slots.max(1));
        let _ = events.send(GenEvent::Queued { ahead, expected_wait_ms }).await;
        self.slots.acquire().await.map_err(|_| GenFailure::EngineDied)
    }
}

impl Engine for ScriptedEngine {
    fn generate(&self, request: GenRequest) -> GenStream {
        let (events, stream) = mpsc::channel(64);
        self.runtime.spawn(self.clone().write(request, events));
        stream
    }

    fn status(&self) -> watch::Receiver<EngineStatus> {
        self.status.subscribe()
    }
}

/// Counts a request in one field of the status for as long as it lives.
struct Counted<'a> {
    status: &'a watch::Sender<EngineStatus>,
    field: fn(&mut EngineStatus) -> &mut u32,
    /// How many were counted before.
    others: u32,
}

impl<'a> Counted<'a> {
    fn new(status: &'a watch::Sender<EngineStatus>, field: fn(&mut EngineStatus) -> &mut u32) -> Self {
        let mut others = 0;
        status.send_modify(|status| {
            others = *field(status);
            *field(status) += 1;
        });
        Self { status, field, others }
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.status.send_modify(|status| *(self.field)(status) -= 1);
    }
}

fn count_words(request: &GenRequest) -> u32 {
    let shared = request.shared.iter().map(|segment| segment.text.split_whitespace().count()).sum::<usize>();
    (shared + request.own.split_whitespace().count()).try_into().unwrap_or(u32::MAX)
}

fn millis(duration: Duration) -> u32 {
    duration.as_millis().try_into().unwrap_or(u32::MAX)
}

/// A value that fits the common forms of a JSON schema.
fn example_of(schema: &Value, text: &str) -> Value {
    if let Some(constant) = schema.get("const") {
        return constant.clone();
    }
    if let Some(first) = schema.get("enum").and_then(|values| values.get(0)) {
        return first.clone();
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("object") => {
            let properties = schema.get("properties").and_then(Value::as_object);
            let fields = properties.into_iter().flatten();
            fields.map(|(name, inner)| (name.clone(), example_of(inner, text))).collect()
        }
        Some("array") => schema.get("items").map_or(json!([]), |items| json!([example_of(items, text)])),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(json!(1)),
        Some("boolean") => json!(true),
        Some("null") => Value::Null,
        Some(_) | None => json!(text),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::engine::{Lane, Segment};

    pub(crate) fn request(own: &str) -> GenRequest {
        GenRequest {
            shared: vec![Segment { key: "rules".into(), text: "Give one hint.".into() }],
            own: own.into(),
            schema: None,
            lane: Lane::Lesson,
            class: None,
            pupil: None,
            deadline: Duration::from_secs(10),
            max_tokens: 100,
        }
    }

    /// The text and how it ended.
    pub(crate) async fn read(mut stream: GenStream) -> (String, Option<GenEvent>) {
        let (mut text, mut last) = (String::new(), None);
        while let Some(event) = stream.recv().await {
            if let GenEvent::Text { text: more } = &event {
                text.push_str(more);
            }
            last = Some(event);
        }
        (text, last)
    }

    fn failed(why: GenFailure) -> Option<GenEvent> {
        Some(GenEvent::Failed { why })
    }

    #[tokio::test(start_paused = true)]
    async fn writes_in_the_language_of_the_request() {
        let engine = ScriptedEngine::new(Script::of_demo());
        for (own, first) in [("1/2 + 1/3 = 2/5", "Look"), ("학생의 답: 2/5", "더하기")] {
            let (text, _) = read(engine.generate(request(own))).await;
            assert_eq!(text.split(' ').next(), Some(first), "{own}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn writes_its_text() {
        let engine = ScriptedEngine::new(Script::default());
        let (text, last) = read(engine.generate(request("1/2 + 1/3 = 2/5"))).await;
        assert_eq!(text, Script::default().text);
        let Some(GenEvent::Done { usage }) = last else { panic!("{last:?}") };
        assert_eq!((usage.prompt_tokens, usage.cut, usage.first_token_ms), (8, false, 20));
        assert_eq!(engine.status().borrow().running, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn keeps_limits() {
        let engine = ScriptedEngine::new(Script::default());
        let (text, last) = read(engine.generate(GenRequest { max_tokens: 2, ..request("") })).await;
        assert_eq!(text, "Look once ");
        assert!(matches!(last, Some(GenEvent::Done { usage }) if usage.cut && usage.reply_tokens == 2));
        let late = GenRequest { deadline: Duration::from_millis(22), ..request("") };
        assert_eq!(read(engine.generate(late)).await, ("Look ".into(), failed(GenFailure::Deadline)));
        let schema = json!({ "type": "object", "properties": { "ok": { "type": "boolean" } } });
        let (text, _) = read(engine.generate(GenRequest { schema: Some(schema), ..request("") })).await;
        assert_eq!(text, r#"{"ok":true}"#);
    }

    #[tokio::test(start_paused = true)]
    async fn fails_as_told() {
        let with = |mishap| ScriptedEngine::new(Script { mishap, ..Script::default() });
        let fails = with(Mishap::Fails(GenFailure::Compute));
        assert_eq!(read(fails.generate(request(""))).await, (String::new(), failed(GenFailure::Compute)));
        let dies = with(Mishap::DiesAfter(1));
        assert_eq!(read(dies.generate(request(""))).await, ("Look ".into(), failed(GenFailure::EngineDied)));
        let silent = with(Mishap::NeverAnswers);
        assert_eq!(read(silent.generate(request(""))).await, (String::new(), failed(GenFailure::Deadline)));
    }

    #[tokio::test(start_paused = true)]
    async fn queues_and_cancels() {
        let script = Script { slots: 1, queue: 1, mishap: Mishap::NeverAnswers, ..Script::default() };
        let engine = ScriptedEngine::new(script);
        let mut first = engine.generate(request(""));
        assert_eq!(first.recv().await, Some(GenEvent::Started));
        let mut second = engine.generate(request(""));
        assert!(matches!(second.recv().await, Some(GenEvent::Queued { ahead: 0, expected_wait_ms: 1.. })));
        assert_eq!(read(engine.generate(request(""))).await.1, failed(GenFailure::QueueFull));
        assert_eq!((engine.status().borrow().running, engine.status().borrow().waiting), (1, 1));
        drop(first);
        assert_eq!(second.recv().await, Some(GenEvent::Started));
        assert_eq!((engine.status().borrow().running, engine.status().borrow().waiting), (1, 0));
    }
}
