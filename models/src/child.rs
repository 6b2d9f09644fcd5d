//! The engine process itself: reads frames from stdin, lets the engine write, sends frames to stdout.
//!
//! stdin and stdout have a thread each; one small runtime passes requests to the engine and answers pings. The process
//! ends when stdin closes, so it never outlives the hub. Nothing else may be printed to stdout.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use crate::engine::{Engine, GenEvent, GenFailure, GenRequest};
use crate::scripted::{Script, ScriptedEngine};
use crate::wire_frames::{self, FromChild, Hello, ToChild};

/// What the child shall run: the arguments after `dreamseed-hub engine`.
#[derive(Debug, Clone, PartialEq)]
pub enum ChildArgs {
    Scripted(Script),
    Llama(LlamaArgs),
}

/// How a model is run.
#[derive(Debug, Clone, PartialEq)]
pub struct LlamaArgs {
    pub model: PathBuf,
    /// The catalogue id, shown in the status.
    pub model_id: String,
    /// Languages (BCP 47) in which it may speak to pupils.
    pub languages: Vec<String>,
    /// Tokens of context, shared by all running requests and all kept prefixes.
    pub context: u32,
    /// Requests that run at the same time, 1 to 192.
    pub slots: u32,
    /// Shared prefixes that are kept, 0 to 48.
    pub anchors: u32,
    /// Prompt tokens computed per step beside the running replies, 32 to 4096.
    pub prefill_budget: u32,
    /// CPU threads; 0 takes all cores but one.
    pub threads: u32,
    /// Layers given to the graphics card, as many as there are if larger.
    pub gpu_layers: u32,
    /// 0 always takes the likeliest token.
    pub temperature: f32,
    /// Likeliest tokens to choose from; 0 takes all.
    pub top_k: u32,
    pub seed: u64,
}

impl LlamaArgs {
    /// The usual settings for the model at `model`.
    pub fn new(model: impl Into<PathBuf>, model_id: impl Into<String>, languages: Vec<String>) -> Self {
        Self {
            model: model.into(),
            model_id: model_id.into(),
            languages,
            context: 8192,
            slots: 16,
            anchors: 12,
            prefill_budget: 256,
            threads: 0,
            gpu_layers: 999,
            temperature: 0.6,
            top_k: 40,
            seed: 0,
        }
    }
}

/// Why the arguments are not understood.
#[derive(Debug, thiserror::Error)]
pub enum ArgsError {
    #[error("The engine needs --model FILE or --scripted SCRIPT.")]
    Missing,
    #[error("The engine does not understand {0:?}. See the engine section of the manual.")]
    Unknown(String),
}

impl ChildArgs {
    /// The arguments that [`ChildArgs::from_args`] reads back.
    pub fn to_args(&self) -> Vec<OsString> {
        match self {
            Self::Scripted(script) => {
                let script = serde_json::to_string(script).unwrap_or_default();
                vec!["--scripted".into(), script.into()]
            }
            Self::Llama(llama) => {
                let mut args: Vec<OsString> = vec!["--model".into(), llama.model.clone().into()];
                for (flag, value) in llama.flags() {
                    args.push(flag.into());
                    args.push(value.into());
                }
                args
            }
        }
    }

    /// Reads `--scripted [JSON]`, or `--model FILE` with the optional flags of [`LlamaArgs`].
    pub fn from_args(args: impl IntoIterator<Item = OsString>) -> Result<Self, ArgsError> {
        let mut args = args.into_iter();
        let first = args.next().ok_or(ArgsError::Missing)?;
        if first == "--scripted" {
            let script = args.next().map(|script| script.to_string_lossy().into_owned());
            let script = script.map(|text| serde_json::from_str(&text).map_err(|_| ArgsError::Unknown(text)));
            return script.transpose().map(|script| Self::Scripted(script.unwrap_or_default()));
        }
        if first != "--model" {
            return Err(ArgsError::Unknown(first.to_string_lossy().into_owned()));
        }
        let model = PathBuf::from(args.next().ok_or(ArgsError::Missing)?);
        let name = model.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut llama = LlamaArgs::new(model, name, Vec::new());
        while let Some(flag) = args.next() {
            let flag = flag.to_string_lossy().into_owned();
            let value = args.next().unwrap_or_default().to_string_lossy().into_owned();
            llama.set(&flag, &value).ok_or(ArgsError::Unknown(format!("{flag} {value}")))?;
        }
        Ok(Self::Llama(llama))
    }

    /// The name shown in the status before the child has said hello.
    pub fn model_name(&self) -> &str {
        match self {
            Self::Scripted(_) => "scripted",
            Self::Llama(llama) => &llama.model_id,
        }
    }

    pub fn languages(&self) -> &[String] {
        match self {
            Self::Scripted(script) => &script.languages,
            Self::Llama(llama) => &llama.languages,
        }
    }
}

impl LlamaArgs {
    fn flags(&self) -> [(&'static str, String); 11] {
        [
            ("--model-id", self.model_id.clone()),
            ("--languages", self.languages.join(",")),
            ("--context", self.context.to_string()),
            ("--slots", self.slots.to_string()),
            ("--anchors", self.anchors.to_string()),
            ("--prefill-budget", self.prefill_budget.to_string()),
            ("--threads", self.threads.to_string()),
            ("--gpu-layers", self.gpu_layers.to_string()),
            ("--temperature", self.temperature.to_string()),
            ("--top-k", self.top_k.to_string()),
            ("--seed", self.seed.to_string()),
        ]
    }

    /// `None` if the flag is unknown or its value out of range.
    fn set(&mut self, flag: &str, value: &str) -> Option<()> {
        let number = || value.parse::<u32>().ok();
        match flag {
            "--model-id" => value.clone_into(&mut self.model_id),
            "--languages" => {
                self.languages =
                    value.split(',').filter(|code| !code.is_empty()).map(str::to_owned).collect();
            }
            "--context" => self.context = number().filter(|n| (256..=1 << 20).contains(n))?,
            "--slots" => self.slots = number().filter(|n| (1..=192).contains(n))?,
            "--anchors" => self.anchors = number().filter(|n| *n <= 48)?,
            "--prefill-budget" => self.prefill_budget = number().filter(|n| (32..=4096).contains(n))?,
            "--threads" => self.threads = number().filter(|n| *n <= 512)?,
            "--gpu-layers" => self.gpu_layers = number()?,
            "--temperature" => self.temperature = value.parse().ok().filter(|t| (0.0..=5.0).contains(t))?,
            "--top-k" => self.top_k = number()?,
            "--seed" => self.seed = value.parse().ok()?,
            _ => return None,
        }
        Some(())
    }
}

/// Runs until stdin closes. Call it from `main` outside any runtime, with logging going to stderr only.
pub fn run_engine_child(args: ChildArgs) -> ExitCode {
    let (frames_in, requests) = mpsc::channel(64);
    let (events, frames_out) = mpsc::channel(1024);
    std::thread::spawn(move || read_stdin(&frames_in));
    let writer = std::thread::spawn(move || write_stdout(frames_out));

    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(err) => {
            tracing::error!("the engine's runtime cannot be started: {err}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(serve(args, requests, events));
    drop(runtime); // Ends the forwarding tasks, and with them the writer's last senders.
    let _ = writer.join();
    code
}

/// What the child needs of an engine beyond the seam.
trait ChildEngine: Engine {
    /// How long the engine has been in one step; `None` if it is dead.
    fn stuck_for(&self) -> Option<Duration>;
    fn hello(&self) -> Hello;
}

type Loaded = Result<Box<dyn ChildEngine>, String>;

async fn serve(
    args: ChildArgs,
    mut frames: mpsc::Receiver<ToChild>,
    out: mpsc::Sender<FromChild>,
) -> ExitCode {
    // Loading takes seconds to minutes: pings are answered meanwhile.
    let mut loading = load(args);
    let mut engine: Option<Box<dyn ChildEngine>> = None;
    let mut running: HashMap<u64, AbortHandle> = HashMap::new();
    loop {
        let frame = tokio::select! {
            loaded = &mut loading, if engine.is_none() => {
                match loaded.unwrap_or_else(|_| Err("loading broke off".into())) {
                    Ok(loaded) => {
                        let _ = out.send(FromChild::Hello { hello: loaded.hello() }).await;
                        engine = Some(loaded);
                        continue;
                    }
                    Err(why) => {
                        tracing::error!("the model cannot be loaded: {why}");
                        let _ = out.send(FromChild::LoadFailed { why }).await;
                        return ExitCode::FAILURE;
                    }
                }
            }
            frame = frames.recv() => frame,
        };
        match frame {
            None => return ExitCode::SUCCESS,
            Some(ToChild::Generate { id, request }) => {
                running.retain(|_, task| !task.is_finished());
                let task = tokio::spawn(forward(id, start(engine.as_deref(), request), out.clone()));
                running.insert(id, task.abort_handle());
            }
            Some(ToChild::Cancel { id }) => {
                if let Some(task) = running.remove(&id) {
                    task.abort(); // Drops the stream, which cancels the request in the engine.
                }
            }
            Some(ToChild::Ping) => {
                let stuck = engine.as_ref().map_or(Some(Duration::ZERO), |engine| engine.stuck_for());
                let Some(stuck) = stuck else {
                    tracing::error!("the engine thread has ended");
                    return ExitCode::FAILURE;
                };
                let stuck_ms = u64::try_from(stuck.as_millis()).unwrap_or(u64::MAX);
                let _ = out.send(FromChild::Pong { stuck_ms }).await;
                if let Some(engine) = &engine {
                    let (running, waiting) = {
                        let status = engine.status();
                        let status = status.borrow();
                        (status.running, status.waiting)
                    };
                    let _ = out.send(FromChild::Status { running, waiting }).await;
                }
            }
        }
    }
}

fn start(engine: Option<&dyn ChildEngine>, request: GenRequest) -> crate::engine::GenStream {
    if let Some(engine) = engine {
        return engine.generate(request);
    }
    let (events, stream) = mpsc::channel(1);
    let _ = events.try_send(GenEvent::Failed { why: GenFailure::NoModel });
    stream
}

/// Passes one request's events on; a stream that just stops means the engine died.
async fn forward(id: u64, mut stream: crate::engine::GenStream, out: mpsc::Sender<FromChild>) {
    while let Some(event) = stream.recv().await {
        let is_last = matches!(event, GenEvent::Done { .. } | GenEvent::Failed { .. });
        if out.send(FromChild::Event { id, event }).await.is_err() || is_last {
            return;
        }
    }
    let event = GenEvent::Failed { why: GenFailure::EngineDied };
    let _ = out.send(FromChild::Event { id, event }).await;
}

fn load(args: ChildArgs) -> oneshot::Receiver<Loaded> {
    let (done, loading) = oneshot::channel();
    match args {
        ChildArgs::Scripted(script) => {
            let _ = done.send(Ok(Box::new(ScriptedEngine::new(script)) as Box<dyn ChildEngine>));
        }
        #[cfg(feature = "llama")]
        ChildArgs::Llama(args) => {
            std::thread::spawn(move || {
                let loaded = crate::llama::LlamaEngine::start(args).map_err(|err| err.to_string());
                let _ = done.send(loaded.map(|engine| Box::new(engine) as Box<dyn ChildEngine>));
            });
        }
        #[cfg(not(feature = "llama"))]
        ChildArgs::Llama(_) => {
            let _ = done.send(Err("this program was built without llama.cpp".into()));
        }
    }
    loading
}

impl ChildEngine for ScriptedEngine {
    fn stuck_for(&self) -> Option<Duration> {
        Some(Duration::ZERO)
    }

    fn hello(&self) -> Hello {
        let status = self.status();
        let status = status.borrow();
        Hello {
            model: status.model.clone().unwrap_or_default(),
            languages: status.languages.clone(),
            backend: status.backend.clone(),
            context: 8192,
            slots: 16,
        }
    }
}

#[cfg(feature = "llama")]
impl ChildEngine for crate::llama::LlamaEngine {
    fn stuck_for(&self) -> Option<Duration> {
        crate::llama::LlamaEngine::stuck_for(self)
    }

    fn hello(&self) -> Hello {
        crate::llama::LlamaEngine::hello(self)
    }
}

fn read_stdin(frames: &mpsc::Sender<ToChild>) {
    let mut input = io::stdin().lock();
    loop {
        match wire_frames::read_blocking(&mut input) {
            Ok(Some(frame)) => {
                if frames.blocking_send(frame).is_err() {
                    return;
                }
            }
            Ok(None) => return,
            Err(err) => {
                tracing::error!("the hub's frames cannot be read: {err}");
                return;
            }
        }
    }
}

fn write_stdout(mut frames: mpsc::Receiver<FromChild>) {
    let mut output = io::stdout().lock();
    while let Some(frame) = frames.blocking_recv() {
        let written = wire_frames::encode(&frame)
            .map_err(|err| io::Error::other(err.to_string()))
            .and_then(|bytes| output.write_all(&bytes))
            .and_then(|()| output.flush());
        if let Err(err) = written {
            tracing::debug!("the hub no longer reads: {err}");
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_come_back_as_they_went() {
        let mut llama = LlamaArgs::new("/models/a b.gguf", "tiny", vec!["ko".into(), "en".into()]);
        llama.context = 4096;
        llama.temperature = 0.25;
        for args in [ChildArgs::Llama(llama), ChildArgs::Scripted(Script::default())] {
            assert_eq!(ChildArgs::from_args(args.to_args()).expect("reads"), args);
        }
    }

    #[test]
    fn refuses_arguments_it_does_not_know() {
        let parse = |args: &[&str]| ChildArgs::from_args(args.iter().map(OsString::from));
        assert!(parse(&[]).is_err());
        assert!(parse(&["--model"]).is_err());
        assert!(parse(&["--network", "on"]).is_err());
        assert!(parse(&["--model", "m.gguf", "--slots", "1000"]).is_err());
        assert!(parse(&["--scripted", "{nonsense"]).is_err());
        let Ok(ChildArgs::Llama(llama)) = parse(&["--model", "x/m.gguf"]) else { panic!("plain model") };
        assert_eq!(llama.model_id, "m.gguf");
        assert_eq!(parse(&["--scripted"]).expect("plain"), ChildArgs::Scripted(Script::default()));
    }
}
