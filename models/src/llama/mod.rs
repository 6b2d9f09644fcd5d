//! llama.cpp behind the engine seam: one OS thread owns backend, model and context, and runs the [`scheduler`].
//!
//! A text walks: [`LlamaEngine::generate`] → queue → [`prompt`] (tokens) → [`scheduler`] (batches, shared prefixes) →
//! [`sampling`] (next token) → [`utf8`] (whole characters) → the caller's stream.

mod prompt;
mod sampling;
mod scheduler;
mod utf8;

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, mpsc as std_mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::token::LlamaToken;
use llama_cpp_2::{
    LlamaBackendDeviceType, LogOptions, list_llama_ggml_backend_devices, send_logs_to_tracing,
};
use tokio::sync::{mpsc, watch};

use crate::child::LlamaArgs;
use crate::engine::{Engine, EnginePhase, EngineStatus, GenEvent, GenFailure, GenRequest, GenStream};
use crate::gguf::{self, GgufError};
use crate::wire_frames::Hello;
use prompt::ChatTemplate;
pub use prompt::PromptError;
use scheduler::Scheduler;

/// Requests that may wait for a place in the batch.
const MOST_WAITING: u32 = 64;

/// Why a model does not run.
#[derive(Debug, thiserror::Error)]
pub enum LlamaError {
    #[error(transparent)]
    Header(#[from] GgufError),
    #[error("llama.cpp cannot be started")]
    Backend,
    #[error("llama.cpp cannot load the model: {0}")]
    Load(String),
    #[error("there is not enough memory for the model's context: {0}")]
    Context(String),
    #[error(transparent)]
    Prompt(#[from] PromptError),
}

/// A loaded model. Dropping it ends its thread.
#[derive(Debug)]
pub struct LlamaEngine {
    intake: Option<std_mpsc::SyncSender<Incoming>>,
    waiting: Arc<AtomicU32>,
    pulse: Arc<Pulse>,
    status: Arc<watch::Sender<EngineStatus>>,
    hello: Hello,
    thread: Option<JoinHandle<()>>,
}

/// A request on its way to the engine thread.
struct Incoming {
    request: GenRequest,
    events: mpsc::Sender<GenEvent>,
    arrived: Instant,
    /// Counted as waiting until dropped.
    place: Place,
}

/// One of the places in the queue.
struct Place(Arc<AtomicU32>);

impl Place {
    fn take(waiting: &Arc<AtomicU32>) -> Option<Self> {
        let taken =
            waiting.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| (n < MOST_WAITING).then_some(n + 1));
        taken.is_ok().then(|| Self(waiting.clone()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Tells from outside whether the engine thread lives and moves on.
#[derive(Debug)]
struct Pulse {
    epoch: Instant,
    alive: AtomicBool,
    /// Milliseconds since `epoch` at which the running step began, plus one; 0 between steps.
    step: AtomicU64,
}

impl Pulse {
    fn begin_step(&self) {
        let now = u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        self.step.store(now + 1, Ordering::SeqCst);
    }

    fn end_step(&self) {
        self.step.store(0, Ordering::SeqCst);
    }
}

impl LlamaEngine {
    /// Checks and loads the model; blocks until it can take requests.
    pub fn start(args: LlamaArgs) -> Result<Self, LlamaError> {
        gguf::check_file(&args.model)?;
        let (intake, requests) = std_mpsc::sync_channel(MOST_WAITING as usize + 1);
        let (loaded, loading) = std_mpsc::channel();
        let pulse =
            Arc::new(Pulse { epoch: Instant::now(), alive: AtomicBool::new(true), step: AtomicU64::new(0) });
        let status = Arc::new(watch::Sender::new(EngineStatus::default()));
        let thread = {
            let (pulse, status) = (pulse.clone(), status.clone());
            let body = move || {
                let guard = AliveGuard(pulse);
                run(&args, &requests, &loaded, &guard.0, &status);
            };
            std::thread::Builder::new().name("llama".into()).spawn(body).map_err(|_| LlamaError::Backend)?
        };
        let hello = loading.recv().unwrap_or(Err(LlamaError::Backend))?;
        let ready = EngineStatus {
            phase: EnginePhase::Ready,
            model: Some(hello.model.clone()),
            languages: hello.languages.clone(),
            backend: hello.backend.clone(),
            ..EngineStatus::default()
        };
        status.send_replace(ready);
        Ok(Self { intake: Some(intake), waiting: Arc::default(), pulse, status, hello, thread: Some(thread) })
    }

    /// How long the engine thread has been in its running step; `None` if the thread has ended.
    pub fn stuck_for(&self) -> Option<Duration> {
        if !self.pulse.alive.load(Ordering::SeqCst) {
            return None;
        }
        let step = self.pulse.step.load(Ordering::SeqCst);
        let began = Duration::from_millis(step.saturating_sub(1));
        Some(if step == 0 { Duration::ZERO } else { self.pulse.epoch.elapsed().saturating_sub(began) })
    }

    /// What is loaded.
    pub fn hello(&self) -> Hello {
        self.hello.clone()
    }
}

impl Engine for LlamaEngine {
    fn generate(&self, request: GenRequest) -> GenStream {
        let (events, stream) = mpsc::channel(64);
        let sent = match (Place::take(&self.waiting), &self.intake) {
            (None, _) | (_, None) => Err(GenFailure::QueueFull),
            (Some(place), Some(intake)) => {
                let incoming = Incoming { request, events: events.clone(), arrived: Instant::now(), place };
                intake.try_send(incoming).map_err(|err| match err {
                    std_mpsc::TrySendError::Full(_) => GenFailure::QueueFull,
                    std_mpsc::TrySendError::Disconnected(_) => GenFailure::EngineDied,
                })
            }
        };
        if let Err(why) = sent {
            let _ = events.try_send(GenEvent::Failed { why });
        }
        stream
    }

    fn status(&self) -> watch::Receiver<EngineStatus> {
        self.status.subscribe()
    }
}

impl Drop for LlamaEngine {
    fn drop(&mut self) {
        self.intake = None; // The thread ends after its step.
        let Some(thread) = self.thread.take() else { return };
        let asked = Instant::now();
        // A step that hangs must not hang the end of the process too.
        while !thread.is_finished() && asked.elapsed() < Duration::from_secs(2) {
            std::thread::sleep(Duration::from_millis(5));
        }
        if thread.is_finished() {
            let _ = thread.join();
        }
    }
}

/// Marks the thread as ended, also when it panics.
struct AliveGuard(Arc<Pulse>);

impl Drop for AliveGuard {
    fn drop(&mut self) {
        self.0.alive.store(false, Ordering::SeqCst);
    }
}

/// The engine thread: loads, says so, and schedules until the last sender is gone.
fn run(
    args: &LlamaArgs,
    requests: &std_mpsc::Receiver<Incoming>,
    loaded: &std_mpsc::Sender<Result<Hello, LlamaError>>,
    pulse: &Pulse,
    status: &watch::Sender<EngineStatus>,
) {
    let model = match load_model(args) {
        Ok(model) => model,
        Err(err) => return drop(loaded.send(Err(err))),
    };
    let mut scheduler = match start_scheduler(args, &model) {
        Ok(scheduler) => scheduler,
        Err(err) => return drop(loaded.send(Err(err))),
    };
    let hello = Hello {
        model: args.model_id.clone(),
        languages: args.languages.clone(),
        backend: backend_name(args),
        context: scheduler.context_tokens(),
        slots: args.slots,
    };
    let _ = loaded.send(Ok(hello));
    scheduler.run(requests, pulse, status);
}

fn backend() -> Result<&'static LlamaBackend, LlamaError> {
    static BACKEND: OnceLock<Option<LlamaBackend>> = OnceLock::new();
    let backend = BACKEND.get_or_init(|| {
        send_logs_to_tracing(LogOptions::default());
        LlamaBackend::init().ok()
    });
    backend.as_ref().ok_or(LlamaError::Backend)
}

fn load_model(args: &LlamaArgs) -> Result<LlamaModel, LlamaError> {
    let params = LlamaModelParams::default().with_n_gpu_layers(args.gpu_layers);
    LlamaModel::load_from_file(backend()?, &args.model, &params)
        .map_err(|err| LlamaError::Load(err.to_string()))
}

fn start_scheduler<'m>(args: &LlamaArgs, model: &'m LlamaModel) -> Result<Scheduler<'m>, LlamaError> {
    let vocab = model.vocab();
    let source = model.meta_val_str("tokenizer.chat_template").map_err(|_| PromptError::NoTemplate)?;
    // A model may lack these tokens (id -1), which llama.cpp must not be asked about.
    let special = |token: LlamaToken| {
        let text = (token.0 >= 0).then(|| vocab.text(token)).flatten();
        text.map(|text| text.to_string_lossy().into_owned()).unwrap_or_default()
    };
    let template = ChatTemplate::new(source, special(vocab.bos()), special(vocab.eos()))?;

    // One core is left to the hub. llama.cpp's threads wait for each other without sleeping: with as many threads as
    // cores and anything else running, a burst of 30 took six times longer than with one thread less (2 cores).
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = match args.threads {
        0 => cores.saturating_sub(1).max(1),
        threads => threads as usize,
    };
    let threads = i32::try_from(threads).unwrap_or(1);
    let batch = args.slots + args.prefill_budget;
    // Unified: a prefix is shared by naming its cells, and all sequences ride in one batch.
    let params = LlamaContextParams::default()
        .with_n_ctx(NonZeroU32::new(args.context))
        .with_n_batch(batch)
        .with_n_ubatch(batch.min(512))
        .with_n_seq_max(args.slots + args.anchors)
        .with_kv_unified(true)
        .with_n_threads(threads)
        .with_n_threads_batch(threads)
        .with_no_perf(true);
    let context =
        model.new_context(backend()?, params).map_err(|err| LlamaError::Context(err.to_string()))?;
    Ok(Scheduler::new(args, model, context, template))
}

/// `cuda` or `vulkan` if a graphics card does the work, else `cpu`.
fn backend_name(args: &LlamaArgs) -> String {
    let is_gpu = |kind| matches!(kind, LlamaBackendDeviceType::Gpu | LlamaBackendDeviceType::IntegratedGpu);
    let devices = list_llama_ggml_backend_devices();
    let gpu = devices.iter().find(|device| args.gpu_layers > 0 && is_gpu(device.device_type));
    gpu.map_or_else(|| "cpu".to_owned(), |device| device.backend.to_lowercase())
}
