//! The hub's side of the engine: starts the child, watches it, and gives its text to whoever asked.
//!
//! The supervisor owns the child. It starts it, pings it every second, kills it when it is silent, starts it again with
//! growing pauses and rests after three crashes. [`EngineProcess::generate`] puts a request into the table and sends a
//! frame; the supervisor passes events to the request's mailbox; a small task per request carries them to the caller, so
//! that a slow reader delays nobody else.

use std::collections::{HashMap, VecDeque};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout};

use crate::child::ChildArgs;
use crate::engine::{Engine, EnginePhase, EngineStatus, GenEvent, GenFailure, GenRequest, GenStream};
use crate::wire_frames::{self, FrameError, FromChild, Hello, ToChild};

/// How the child is started.
#[derive(Debug, Clone, PartialEq)]
pub struct EngineCommand {
    pub program: PathBuf,
    /// Before the engine's own arguments, for the hub's binary `["engine"]`.
    pub leading_args: Vec<OsString>,
    pub child: ChildArgs,
}

/// Times and limits of the supervision; the defaults are those of the product.
#[derive(Debug, Clone)]
pub struct ProcessLimits {
    pub ping_every: Duration,
    /// Pings without any frame in return after which the child is killed.
    pub silent_pings: u32,
    /// The engine thread may be in one step (a batch of tokens) for so long.
    pub longest_step: Duration,
    /// From the start to `Hello`: a large model is read from a slow disk.
    pub longest_load: Duration,
    pub first_pause: Duration,
    pub longest_pause: Duration,
    /// So many crashes within `crash_window` without a reply in between open the breaker.
    pub crashes: usize,
    pub crash_window: Duration,
    pub rest: Duration,
    /// Requests held while the child starts.
    pub held: usize,
    /// Requests in all.
    pub requests: usize,
}

impl Default for ProcessLimits {
    fn default() -> Self {
        Self {
            ping_every: Duration::from_secs(1),
            silent_pings: 5,
            longest_step: Duration::from_secs(60),
            longest_load: Duration::from_secs(600),
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(10),
            crashes: 3,
            crash_window: Duration::from_secs(60),
            rest: Duration::from_secs(60),
            held: 64,
            requests: 256,
        }
    }
}

/// The engine in its own process. Dropping it kills the child.
#[derive(Debug)]
pub struct EngineProcess {
    shared: Arc<Shared>,
    orders: watch::Sender<Orders>,
    supervisor: Mutex<Option<JoinHandle<()>>>,
    runtime: Handle,
}

#[derive(Debug, Clone)]
struct Orders {
    command: Option<EngineCommand>,
    stop: bool,
}

impl EngineProcess {
    /// Starts the child, or waits for a model if `command` is `None`.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(command: Option<EngineCommand>, limits: ProcessLimits) -> Self {
        let shared = Arc::new(Shared { table: Mutex::default(), status: watch::Sender::default(), limits });
        shared.show_command(command.as_ref(), EnginePhase::Starting);
        let (orders, receiver) = watch::channel(Orders { command, stop: false });
        let runtime = Handle::current();
        let supervisor = runtime.spawn(supervise(shared.clone(), receiver));
        Self { shared, orders, supervisor: Mutex::new(Some(supervisor)), runtime }
    }

    /// Ends the running child and starts another, for example when the admin has chosen another model.
    pub fn replace(&self, command: Option<EngineCommand>) {
        self.orders.send_modify(|orders| orders.command = command);
    }

    /// The child's process id while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.shared.table().pid
    }

    /// Ends the child: politely, then by force after three seconds. Requests get `EngineDied`.
    pub async fn shutdown(&self) {
        self.orders.send_modify(|orders| orders.stop = true);
        let supervisor = self.supervisor.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(supervisor) = supervisor {
            let _ = supervisor.await;
        }
    }
}

impl Drop for EngineProcess {
    fn drop(&mut self) {
        let supervisor = self.supervisor.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(supervisor) = supervisor {
            supervisor.abort(); // Its child is spawned with kill_on_drop.
        }
    }
}

impl Engine for EngineProcess {
    fn generate(&self, request: GenRequest) -> GenStream {
        let (sender, stream) = mpsc::channel(32);
        match self.shared.enter(request) {
            Ok((id, mailbox, deadline)) => {
                self.runtime.spawn(deliver(self.shared.clone(), id, mailbox, deadline, sender));
            }
            Err(why) => {
                let _ = sender.try_send(GenEvent::Failed { why });
            }
        }
        stream
    }

    fn status(&self) -> watch::Receiver<EngineStatus> {
        self.shared.status.subscribe()
    }
}

#[derive(Debug)]
struct Shared {
    table: Mutex<Table>,
    status: watch::Sender<EngineStatus>,
    limits: ProcessLimits,
}

/// All open requests.
#[derive(Debug, Default)]
struct Table {
    next_id: u64,
    open: HashMap<u64, Open>,
    /// Ids in order of arrival that wait for a child.
    held: VecDeque<u64>,
    /// To the child's stdin, while it is ready.
    to_child: Option<mpsc::Sender<ToChild>>,
    pid: Option<u32>,
    /// A reply was finished since the last crash.
    replied: bool,
}

#[derive(Debug)]
struct Open {
    mailbox: Arc<Mailbox>,
    deadline: Instant,
    /// Kept until the child has it.
    request: Option<GenRequest>,
    started: bool,
}

impl Shared {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a request into the table and sends or holds it.
    fn enter(&self, request: GenRequest) -> Result<(u64, Arc<Mailbox>, Instant), GenFailure> {
        let mut table = self.table();
        match self.status.borrow().phase {
            EnginePhase::NoModel => return Err(GenFailure::NoModel),
            EnginePhase::Resting => return Err(GenFailure::EngineDied),
            EnginePhase::Starting | EnginePhase::Ready | EnginePhase::Restarting => {}
        }
        if table.open.len() >= self.limits.requests {
            return Err(GenFailure::QueueFull);
        }
        let deadline = Instant::now() + request.deadline;
        let mailbox = Arc::new(Mailbox::default());
        let id = table.next_id;
        table.next_id += 1;
        let open = Open { mailbox: mailbox.clone(), deadline, request: Some(request), started: false };
        table.open.insert(id, open);
        let sent = if table.to_child.is_some() {
            table.send(id)
        } else if table.held.len() >= self.limits.held {
            Err(GenFailure::QueueFull)
        } else {
            table.held.push_back(id);
            Ok(())
        };
        if let Err(why) = sent {
            table.open.remove(&id);
            return Err(why);
        }
        self.show_counts(&table);
        Ok((id, mailbox, deadline))
    }

    /// Forgets a request whose reader has gone, and tells the child.
    async fn cancel(&self, id: u64) {
        let to_child = {
            let mut table = self.table();
            let Some(open) = table.open.remove(&id) else { return };
            table.held.retain(|held| *held != id);
            self.show_counts(&table);
            // The child never heard of a request that is still here.
            if open.request.is_some() { None } else { table.to_child.clone() }
        };
        if let Some(to_child) = to_child {
            let _ = to_child.send(ToChild::Cancel { id }).await;
        }
    }

    /// An event of the child.
    fn pass_on(&self, id: u64, event: GenEvent) {
        let mut table = self.table();
        let is_last = matches!(event, GenEvent::Done { .. } | GenEvent::Failed { .. });
        table.replied |= matches!(event, GenEvent::Done { .. });
        let Some(open) = table.open.get_mut(&id) else { return };
        open.started |= matches!(event, GenEvent::Started);
        open.mailbox.push(event);
        if is_last {
            table.open.remove(&id);
        }
        self.show_counts(&table);
    }

    /// The child is loaded: send what was held.
    fn open_for_requests(&self, hello: &Hello, to_child: &mpsc::Sender<ToChild>) {
        let mut table = self.table();
        table.to_child = Some(to_child.clone());
        while let Some(id) = table.held.pop_front() {
            if let Err(why) = table.send(id) {
                table.end(id, why);
            }
        }
        self.status.send_modify(|status| {
            status.phase = EnginePhase::Ready;
            status.model = Some(hello.model.clone());
            status.languages.clone_from(&hello.languages);
            status.backend.clone_from(&hello.backend);
        });
        self.show_counts(&table);
    }

    /// The child is gone: everything it had has failed. Returns whether it had finished a reply.
    fn close_for_requests(&self, phase: EnginePhase) -> bool {
        let mut table = self.table();
        table.to_child = None;
        table.pid = None;
        let lost: Vec<u64> =
            table.open.iter().filter(|(_, open)| open.request.is_none()).map(|(id, _)| *id).collect();
        for id in lost {
            table.end(id, GenFailure::EngineDied);
        }
        self.status.send_modify(|status| status.phase = phase);
        self.show_counts(&table);
        std::mem::take(&mut table.replied)
    }

    /// There will be no child for a while.
    fn refuse_held(&self, phase: EnginePhase, why: GenFailure) {
        let mut table = self.table();
        while let Some(id) = table.held.pop_front() {
            table.end(id, why);
        }
        self.status.send_modify(|status| status.phase = phase);
        self.show_counts(&table);
    }

    fn show_command(&self, command: Option<&EngineCommand>, phase: EnginePhase) {
        self.status.send_modify(|status| match command {
            Some(command) => {
                status.phase = phase;
                status.model = Some(command.child.model_name().to_owned());
                status.languages = command.child.languages().to_vec();
            }
            None => {
                let restarts = status.restarts;
                *status = EngineStatus { restarts, ..EngineStatus::default() };
            }
        });
    }

    fn show_counts(&self, table: &Table) {
        let running = table.open.values().filter(|open| open.started).count().try_into().unwrap_or(u32::MAX);
        let waiting = table.open.values().filter(|open| !open.started).count().try_into().unwrap_or(u32::MAX);
        self.status.send_if_modified(|status| {
            let changed = (status.running, status.waiting) != (running, waiting);
            (status.running, status.waiting) = (running, waiting);
            changed
        });
    }
}

impl Table {
    /// Sends a request to the child, with what is left of its deadline.
    fn send(&mut self, id: u64) -> Result<(), GenFailure> {
        let (Some(to_child), Some(open)) = (&self.to_child, self.open.get_mut(&id)) else { return Ok(()) };
        let Some(mut request) = open.request.take() else { return Ok(()) };
        request.deadline = open.deadline.saturating_duration_since(Instant::now());
        if request.deadline.is_zero() {
            return Err(GenFailure::Deadline);
        }
        to_child.try_send(ToChild::Generate { id, request }).map_err(|_| GenFailure::QueueFull)
    }

    fn end(&mut self, id: u64, why: GenFailure) {
        if let Some(open) = self.open.remove(&id) {
            open.mailbox.push(GenEvent::Failed { why });
        }
    }
}

/// Events on their way to a reader that may be slow: neighbouring texts become one, so it stays small.
#[derive(Debug, Default)]
struct Mailbox {
    events: Mutex<VecDeque<GenEvent>>,
    filled: Notify,
}

impl Mailbox {
    fn push(&self, event: GenEvent) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        match (events.back_mut(), event) {
            (Some(GenEvent::Text { text }), GenEvent::Text { text: more }) => text.push_str(&more),
            (Some(last @ GenEvent::Queued { .. }), event @ GenEvent::Queued { .. }) => *last = event,
            (_, event) => events.push_back(event),
        }
        self.filled.notify_one();
    }

    fn pop(&self) -> Option<GenEvent> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

/// Carries one request's events to its reader, until the last one, the deadline or a closed stream.
async fn deliver(
    shared: Arc<Shared>,
    id: u64,
    mailbox: Arc<Mailbox>,
    deadline: Instant,
    sender: mpsc::Sender<GenEvent>,
) {
    // The child keeps the deadline itself; this one is for a request that is held or a child that hangs.
    let overdue = sleep_until(deadline + Duration::from_millis(200));
    tokio::pin!(overdue);
    loop {
        while let Some(event) = mailbox.pop() {
            let is_last = matches!(event, GenEvent::Done { .. } | GenEvent::Failed { .. });
            if sender.send(event).await.is_err() {
                shared.cancel(id).await;
                return;
            }
            if is_last {
                return;
            }
        }
        tokio::select! {
            () = mailbox.filled.notified() => {}
            () = sender.closed() => {
                shared.cancel(id).await;
                return;
            }
            () = &mut overdue => {
                // Told first: telling a stuck child may take until it is killed.
                let _ = sender.send(GenEvent::Failed { why: GenFailure::Deadline }).await;
                drop(sender);
                shared.cancel(id).await;
                return;
            }
        }
    }
}

/// How a child's life ended.
enum End {
    /// New orders.
    Asked,
    Died(String),
}

async fn supervise(shared: Arc<Shared>, mut orders: watch::Receiver<Orders>) {
    let limits = shared.limits.clone();
    let mut crashes: VecDeque<Instant> = VecDeque::new();
    let mut pause = limits.first_pause;
    loop {
        let Orders { command, stop } = orders.borrow_and_update().clone();
        if stop {
            shared.refuse_held(EnginePhase::NoModel, GenFailure::EngineDied);
            return;
        }
        let Some(command) = command else {
            shared.show_command(None, EnginePhase::NoModel);
            shared.refuse_held(EnginePhase::NoModel, GenFailure::NoModel);
            if orders.changed().await.is_err() {
                return;
            }
            shared.show_command(orders.borrow().command.as_ref(), EnginePhase::Starting);
            continue;
        };

        let end = run_child(&shared, &command, &mut orders).await;
        let replied = shared.close_for_requests(EnginePhase::Restarting);
        let why = match end {
            End::Asked => {
                shared.show_command(orders.borrow().command.as_ref(), EnginePhase::Starting);
                crashes.clear();
                pause = limits.first_pause;
                continue;
            }
            End::Died(why) => why,
        };
        if replied {
            crashes.clear();
            pause = limits.first_pause;
        }
        let now = Instant::now();
        crashes.push_back(now);
        crashes.retain(|crash| now.duration_since(*crash) <= limits.crash_window);
        shared.status.send_modify(|status| status.restarts += 1);

        let rests = crashes.len() >= limits.crashes;
        let wait = if rests { limits.rest } else { pause };
        if rests {
            tracing::error!("the engine ended ({why}); resting for {wait:?} after {} crashes", crashes.len());
            shared.refuse_held(EnginePhase::Resting, GenFailure::EngineDied);
        } else {
            tracing::warn!("the engine ended ({why}); starting it again in {wait:?}");
        }
        tokio::select! {
            () = sleep(wait) => {}
            changed = orders.changed() => {
                if changed.is_err() {
                    return;
                }
                // Another model deserves a fresh start.
                shared.show_command(orders.borrow().command.as_ref(), EnginePhase::Starting);
                crashes.clear();
                pause = limits.first_pause;
                continue;
            }
        }
        if rests {
            // Half open: one more crash and it rests again.
            let now = Instant::now();
            crashes = std::iter::repeat_n(now, limits.crashes.saturating_sub(1)).collect();
            shared.status.send_modify(|status| status.phase = EnginePhase::Restarting);
        }
        pause = (pause * 2).min(limits.longest_pause);
    }
}

/// One life of the child, from its start to its end.
async fn run_child(
    shared: &Arc<Shared>,
    command: &EngineCommand,
    orders: &mut watch::Receiver<Orders>,
) -> End {
    let limits = &shared.limits;
    let mut child = match spawn(command) {
        Ok(child) => child,
        Err(err) => return End::Died(format!("it cannot be started: {err}")),
    };
    let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return End::Died("it has no pipes".into());
    };
    shared.table().pid = child.id();
    let mut tasks = JoinSet::new(); // Aborted together with the supervisor.
    let (to_child, frames_out) = mpsc::channel(512);
    let (frames_in, mut from_child) = mpsc::channel(512);
    tasks.spawn(write_frames(shared.clone(), stdin, frames_out));
    tasks.spawn(read_frames(stdout, frames_in));

    let started = Instant::now();
    let mut ready = false;
    // Counted in pings and not in seconds: when the whole machine slept, the child was not silent.
    let mut unanswered = 0;
    let mut ticks = interval(limits.ping_every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let end = loop {
        tokio::select! {
            frame = from_child.recv() => {
                unanswered = 0;
                match frame {
                    Some(Ok(FromChild::Event { id, event })) => shared.pass_on(id, event),
                    Some(Ok(FromChild::Hello { hello })) => {
                        ready = true;
                        tracing::info!(
                            model = %hello.model, backend = %hello.backend,
                            "the engine is ready after {:.1} s", started.elapsed().as_secs_f32()
                        );
                        shared.open_for_requests(&hello, &to_child);
                    }
                    Some(Ok(FromChild::LoadFailed { why })) => break End::Died(why),
                    Some(Ok(FromChild::Pong { stuck_ms })) => {
                        if u128::from(stuck_ms) > limits.longest_step.as_millis() {
                            break End::Died("it is stuck in one step".into());
                        }
                    }
                    Some(Ok(FromChild::Status { running, waiting })) => {
                        tracing::trace!(running, waiting, "the engine's own counts");
                    }
                    Some(Err(err)) => break End::Died(err.to_string()),
                    None => break End::Died(exit_of(&mut child).await),
                }
            }
            _ = ticks.tick() => {
                if unanswered >= limits.silent_pings {
                    break End::Died("it is silent".into());
                }
                if !ready && started.elapsed() > limits.longest_load {
                    break End::Died("loading takes too long".into());
                }
                unanswered += 1;
                let _ = to_child.try_send(ToChild::Ping);
            }
            changed = orders.changed() => {
                if changed.is_err() || orders.borrow().stop || orders.borrow().command.as_ref() != Some(command) {
                    break End::Asked;
                }
            }
        }
    };

    shared.table().to_child = None;
    drop(to_child);
    tasks.abort_all(); // Closes stdin: the child ends by itself if it can.
    while tasks.join_next().await.is_some() {}
    let polite = if matches!(end, End::Asked) { Duration::from_secs(3) } else { Duration::ZERO };
    if timeout(polite, child.wait()).await.is_err() {
        let _ = child.kill().await; // SIGKILL also ends a stopped process.
    }
    end
}

fn spawn(command: &EngineCommand) -> std::io::Result<Child> {
    let mut process = Command::new(&command.program);
    process.args(&command.leading_args).args(command.child.to_args());
    // The child reads files from strangers: it gets no secrets, only what drivers and loaders need.
    process.env_clear();
    let needed = |name: &str| {
        KEPT_ENV.contains(&name) || KEPT_ENV_PREFIXES.iter().any(|start| name.starts_with(start))
    };
    process.envs(std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(needed)));
    process.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true).spawn()
}

const KEPT_ENV: [&str; 14] = [
    "PATH",
    "HOME",
    "LANG",
    "TMPDIR",
    "TEMP",
    "TMP",
    "LD_LIBRARY_PATH",
    "RUST_LOG",
    "RUST_BACKTRACE",
    "XDG_CACHE_HOME",
    "XDG_DATA_DIRS",
    "XDG_RUNTIME_DIR",
    "SystemRoot",
    "LOCALAPPDATA",
];
const KEPT_ENV_PREFIXES: [&str; 5] = ["CUDA_", "NVIDIA_", "GGML_", "VK_", "MESA_"];

async fn exit_of(child: &mut Child) -> String {
    match timeout(Duration::from_millis(500), child.wait()).await {
        Ok(Ok(status)) => status.to_string(),
        Ok(Err(err)) => err.to_string(),
        Err(_) => "it closed its output".into(),
    }
}

async fn write_frames(shared: Arc<Shared>, mut stdin: ChildStdin, mut frames: mpsc::Receiver<ToChild>) {
    while let Some(frame) = frames.recv().await {
        match wire_frames::encode(&frame) {
            Ok(bytes) => {
                if stdin.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            Err(err) => {
                tracing::warn!("a request is too long for the engine: {err}");
                if let ToChild::Generate { id, .. } = frame {
                    shared.pass_on(id, GenEvent::Failed { why: GenFailure::PromptTooLong });
                }
            }
        }
    }
}

async fn read_frames(stdout: ChildStdout, frames: mpsc::Sender<Result<FromChild, FrameError>>) {
    let mut input = BufReader::with_capacity(1 << 16, stdout);
    loop {
        let frame = match wire_frames::read(&mut input).await {
            Ok(Some(frame)) => Ok(frame),
            Ok(None) => return,
            Err(err) => Err(err),
        };
        let broken = frame.is_err();
        if frames.send(frame).await.is_err() || broken {
            return;
        }
    }
}
