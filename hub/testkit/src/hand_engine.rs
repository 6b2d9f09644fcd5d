//! An engine whose every word is given by the test: no timing, no guessing.

use std::{sync::Arc, time::Duration};

use dreamseed_models::engine::{
    Engine, EnginePhase, EngineStatus, GenEvent, GenFailure, GenRequest, GenStream, Usage,
};
use tokio::sync::{Mutex, mpsc, watch};

use crate::waiting::within;

/// Requests that wait for the test.
const WAITING: usize = 256;

/// See the module.
pub struct HandEngine {
    status: watch::Sender<EngineStatus>,
    ask: mpsc::Sender<HandTurn>,
    asked: Mutex<mpsc::Receiver<HandTurn>>,
}

/// One request and the way back to whoever made it.
pub struct HandTurn {
    pub request: GenRequest,
    events: mpsc::Sender<GenEvent>,
}

impl HandEngine {
    /// Ready, with a model that speaks these languages.
    pub fn new(languages: &[&str]) -> Arc<Self> {
        let status = EngineStatus {
            phase: EnginePhase::Ready,
            model: Some("by-hand".into()),
            languages: languages.iter().map(|&language| language.to_owned()).collect(),
            backend: "scripted".into(),
            ..EngineStatus::default()
        };
        let (ask, asked) = mpsc::channel(WAITING);
        Arc::new(HandEngine { status: watch::Sender::new(status), ask, asked: Mutex::new(asked) })
    }

    /// The next request; it must come soon.
    pub async fn next(&self) -> HandTurn {
        let mut asked = self.asked.lock().await;
        within("a request to the engine", asked.recv()).await.expect("the engine holds the other end")
    }

    /// The next request, if one has been made already.
    pub async fn try_next(&self) -> Option<HandTurn> {
        self.asked.lock().await.try_recv().ok()
    }

    /// Changes the state that the hub sees.
    pub fn set_phase(&self, phase: EnginePhase) {
        self.status.send_modify(|status| status.phase = phase);
    }
}

impl Engine for HandEngine {
    fn generate(&self, request: GenRequest) -> GenStream {
        let (events, stream) = mpsc::channel(64);
        // A full queue drops the sender: the hub sees an engine that died.
        let _ = self.ask.try_send(HandTurn { request, events });
        stream
    }

    fn status(&self) -> watch::Receiver<EngineStatus> {
        self.status.subscribe()
    }
}

impl HandTurn {
    /// Tells the place in line.
    pub async fn queued(&self, ahead: u32) {
        self.send(GenEvent::Queued { ahead, expected_wait_ms: 1_000 }).await;
    }

    /// Writes some of the text.
    pub async fn text(&self, text: &str) {
        self.send(GenEvent::Text { text: text.to_owned() }).await;
    }

    /// Ends the reply.
    pub async fn done(self) {
        self.send(GenEvent::Done { usage: Usage { reply_tokens: 1, ..Usage::default() } }).await;
    }

    /// Fails.
    pub async fn fail(self, why: GenFailure) {
        self.send(GenEvent::Failed { why }).await;
    }

    /// Returns once the hub has cancelled the request.
    pub async fn cancelled(&self) {
        within("the cancel of a request", self.events.closed()).await;
    }

    async fn send(&self, event: GenEvent) {
        let sent = tokio::time::timeout(Duration::from_secs(5), self.events.send(event)).await;
        assert!(matches!(sent, Ok(Ok(()))), "the hub has dropped the request");
    }
}
