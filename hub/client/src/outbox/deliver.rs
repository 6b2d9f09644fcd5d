//! Drives the outbox: what people and the clock do goes into the machine, what must be durable onto the disk, and then
//! what may go out to the hub.
//!
//! One task owns the machine and the store. The disk is written on a thread for blocking work, many answers that come
//! together in one transaction; the request that is out waits beside it, so that an answer is kept while the hub is slow.

use super::{
    OutboxError, Repaired,
    clock::Clock,
    identity::{Enrolment, Identity},
    machine::{
        Age, Change, Failure, Input, Machine, Moment, NewItem, Reach, Reply, Request, Seen, SetAside, Timing,
    },
    store::{KeptItem, Opened, Store, hash_body, wire_bytes},
};
use crate::{Hub, answers_path, connection::BASE, lacking_path};
use bytes::Bytes;
use dreamseed_wire::{
    attempt::SubmitAnswer,
    delivery::*,
    hub::{Problem, ProblemCode},
    ids::{AttemptId, DeviceId, EpochId, UserId},
};
use futures_util::future::{BoxFuture, FutureExt};
use http::Method;
use parking_lot::Mutex;
use serde::{Serialize, de::DeserializeOwned};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
};

/// Commands that wait; more wait with their callers.
const COMMANDS: usize = 1_024;
/// Answers that are made durable together.
const GROUP: usize = 256;
/// After which the age is written though nothing else has changed: a crash takes no more of it.
const SAVE_AGE_EVERY: Duration = Duration::from_secs(600);
/// Between two tries to open a disk that has failed.
const REOPEN_EVERY: Duration = Duration::from_secs(5);

/// The outbox of this device. Clones are one outbox; it ends with [`Outbox::close`] or with the last clone.
#[derive(Clone)]
pub struct Outbox {
    commands: mpsc::Sender<Command>,
    status: watch::Receiver<OutboxStatus>,
    identity: Arc<Mutex<Identity>>,
    clock: Arc<dyn Clock>,
    task: Arc<tokio::sync::Mutex<Option<JoinHandle<()>>>>,
}

/// An answer is on this device's disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    pub attempt_id: AttemptId,
    /// The device's running number for it.
    pub device_seq: i64,
}

/// How the outbox stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutboxStatus {
    /// Answers that the hub does not have yet.
    pub waiting: usize,
    /// Answers that the hub has and no backup covers yet.
    pub delivered_uncovered: usize,
    /// Answers that the hub has not taken, the oldest first.
    pub set_aside: Vec<SetAside>,
    pub hub: Reach,
    /// The stretch of the hub's record, as last heard.
    pub epoch: Option<Seen>,
    pub device_id: Option<DeviceId>,
    /// The file was damaged and has been replaced, at this start or since.
    pub repaired: Option<Repaired>,
    /// The device's disk cannot be written: nothing is kept until it can.
    pub disk_fails: bool,
}

enum Command {
    Keep(Box<NewItem>, oneshot::Sender<Result<Kept, OutboxError>>),
    Take(Input, oneshot::Sender<Result<(), OutboxError>>),
    Close,
}

/// An answer, and who waits for it to be kept.
type Answered = (Box<NewItem>, oneshot::Sender<Result<Kept, OutboxError>>);

impl Outbox {
    /// Opens or makes the outbox in `folder`. `hub` is the hub as anybody sees it: deliveries need no session.
    ///
    /// # Errors
    /// Another program has it open, a newer one has written it, or the disk fails. Damage is no error: what can be read
    /// is carried over, and the status says so.
    pub async fn open(folder: &Path, hub: Hub, clock: Arc<dyn Clock>) -> Result<Self, OutboxError> {
        Self::open_with(folder, hub, clock, Timing::default()).await
    }

    /// The same with other times, for tests.
    ///
    /// # Errors
    /// As [`Outbox::open`].
    pub async fn open_with(
        folder: &Path,
        hub: Hub,
        clock: Arc<dyn Clock>,
        timing: Timing,
    ) -> Result<Self, OutboxError> {
        let folder = folder.to_owned();
        let place = folder.clone();
        let (disk, identity) = blocking(move || Ok((Store::open(&place)?, Identity::open(&place)?))).await?;
        let identity = Arc::new(Mutex::new(identity));
        let (commands, receiver) = mpsc::channel(COMMANDS);
        let mut driver = Driver::new(folder, hub.stranger(), clock.clone(), timing, identity.clone(), disk);
        driver.begin().await?;
        let status = driver.teller.subscribe();
        let task = tokio::spawn(driver.run(receiver));
        let task = Arc::new(tokio::sync::Mutex::new(Some(task)));
        Ok(Self { commands, status, identity, clock, task })
    }

    /// Makes the device known to the hub, in the name of somebody who has signed in.
    ///
    /// # Errors
    /// The hub refuses or cannot be reached, or the disk fails.
    pub async fn enrol(&self, signed_in: &Hub, name: &str) -> Result<DeviceId, OutboxError> {
        let hub_id = signed_in.hub_info().await?.hub_id;
        let enrol = EnrolDevice { name: name.to_owned(), public_key: self.identity.lock().public_key() };
        let EnrolledDevice { device_id, certificate } = signed_in.enrol_device(&enrol).await?;
        let identity = self.identity.clone();
        let other_id = blocking(move || {
            let mut identity = identity.lock();
            let other_id = identity.enrolment().is_some_and(|former| former.device_id != device_id);
            identity.keep(Enrolment { hub_id, device_id, certificate })?;
            Ok(other_id)
        })
        .await?;
        self.take(Input::Enrolled { other_id }).await?;
        Ok(device_id)
    }

    /// The id that the hub gave the device.
    pub fn device_id(&self) -> Option<DeviceId> {
        self.identity.lock().enrolment().map(|enrolment| enrolment.device_id)
    }

    /// Keeps the proof that this pupil has signed in on this device ([`DepositProof`]); durable when this returns.
    ///
    /// # Errors
    /// The disk fails.
    pub async fn sign_in(&self, pupil_id: UserId, deposit: String) -> Result<(), OutboxError> {
        self.take(Input::SignedIn { pupil_id, deposit }).await
    }

    /// Asks the hub for the proof in the pupil's own session and keeps it.
    ///
    /// # Errors
    /// The device is not enrolled, the hub refuses or cannot be reached, or the disk fails.
    pub async fn sign_in_with(&self, pupil_id: UserId, pupil: &Hub) -> Result<(), OutboxError> {
        let device_id = self.device_id().ok_or(OutboxError::NotEnrolled)?;
        let DepositProof { proof } = pupil.ask_deposit_proof(device_id).await?;
        self.sign_in(pupil_id, proof).await
    }

    /// Keeps an answer. When this returns it is on the disk and will reach the hub; keeping it again is harmless.
    ///
    /// # Errors
    /// It is not kept: the disk is full or fails, or another answer was kept under its id.
    pub async fn keep(&self, pupil_id: UserId, answer: &SubmitAnswer) -> Result<Kept, OutboxError> {
        let body = serde_json::to_string(answer).map_err(|error| OutboxError::Io(error.into()))?;
        let item = NewItem {
            attempt_id: answer.attempt_id,
            pupil_id,
            body_hash: hash_body(&body),
            wire_bytes: wire_bytes(&body),
            body,
            occurred_at: self.clock.reading(),
        };
        let (reply, kept) = oneshot::channel();
        self.send(Command::Keep(Box::new(item), reply)).await?;
        kept.await.map_err(|_| OutboxError::Closed)?
    }

    /// How the outbox stands, now and whenever it changes.
    pub fn status(&self) -> watch::Receiver<OutboxStatus> {
        self.status.clone()
    }

    /// Lets go of an answer that is set aside, which somebody has seen. Nothing happens to any other.
    ///
    /// # Errors
    /// The disk fails.
    pub async fn dismiss(&self, attempt_id: AttemptId) -> Result<(), OutboxError> {
        self.take(Input::Dismiss(attempt_id)).await
    }

    /// The network is back: no need to wait for the next try.
    ///
    /// # Errors
    /// The outbox is closed.
    pub async fn connection_back(&self) -> Result<(), OutboxError> {
        self.take(Input::ConnectionBack).await
    }

    /// A reply of the hub bore this `Dreamseed-Epoch`.
    ///
    /// # Errors
    /// The outbox is closed.
    pub async fn epoch_heard(&self, epoch_id: EpochId) -> Result<(), OutboxError> {
        self.take(Input::EpochHeard(epoch_id)).await
    }

    /// Ends; the file is closed when this returns. What waits is sent after the next start.
    pub async fn close(self) {
        // An outbox that has ended already needs no word.
        let _ = self.commands.send(Command::Close).await;
        if let Some(task) = self.task.lock().await.take() {
            // It ends by itself, and a panic in it has been reported where it happened.
            let _ = task.await;
        }
    }

    async fn take(&self, input: Input) -> Result<(), OutboxError> {
        let (reply, taken) = oneshot::channel();
        self.send(Command::Take(input, reply)).await?;
        taken.await.map_err(|_| OutboxError::Closed)?
    }

    async fn send(&self, command: Command) -> Result<(), OutboxError> {
        self.commands.send(command).await.map_err(|_| OutboxError::Closed)
    }
}

/// The task's own.
struct Driver {
    folder: PathBuf,
    hub: Hub,
    clock: Arc<dyn Clock>,
    timing: Timing,
    identity: Arc<Mutex<Identity>>,
    machine: Machine,
    /// None while it is at work on another thread, and after it has failed.
    store: Option<Store>,
    /// The age at a reading of the monotonic clock.
    age_at: (Age, ClockReading),
    /// The age on the disk.
    saved: Age,
    repaired: Option<Repaired>,
    out: Option<BoxFuture<'static, Result<Reply, Failure>>>,
    teller: watch::Sender<OutboxStatus>,
}

impl Driver {
    fn new(
        folder: PathBuf,
        hub: Hub,
        clock: Arc<dyn Clock>,
        timing: Timing,
        identity: Arc<Mutex<Identity>>,
        (store, opened): (Store, Opened),
    ) -> Self {
        let is_enrolled = identity.lock().enrolment().is_some();
        Self {
            folder,
            hub,
            age_at: (opened.age, clock.reading()),
            saved: opened.age,
            clock,
            machine: Machine::new(timing.clone(), opened.held, is_enrolled),
            timing,
            identity,
            store: Some(store),
            repaired: opened.repaired,
            out: None,
            teller: watch::Sender::new(OutboxStatus {
                waiting: 0,
                delivered_uncovered: 0,
                set_aside: Vec::new(),
                hub: Reach::NotTried,
                epoch: None,
                device_id: None,
                repaired: None,
                disk_fails: false,
            }),
        }
    }

    async fn begin(&mut self) -> Result<(), OutboxError> {
        self.take(Input::Started).await?;
        self.tell();
        Ok(())
    }

    async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        loop {
            self.tell();
            let wait = self.time_to_wait();
            tokio::select! {
                command = commands.recv() => {
                    let Some(command) = command else { break };
                    if !self.obey(command, &mut commands).await {
                        break;
                    }
                }
                reply = reply_of(&mut self.out) => {
                    self.out = None;
                    let input = match reply {
                        Ok(reply) => Input::Replied(reply),
                        Err(failure) => Input::Failed(failure),
                    };
                    // A disk that fails shows in the status; there is nobody else to tell.
                    let _ = self.take(input).await;
                }
                () = tokio::time::sleep(wait) => self.pass_time().await,
            }
        }
        if let Some(mut store) = self.store.take() {
            let age = self.age();
            // The age alone; less of it only keeps things longer.
            let _ = blocking(move || store.apply(age, &[])).await;
        }
    }

    /// Whoever is replied to afterwards finds in the status what the reply says.
    fn tell(&self) {
        let status = self.status();
        self.teller.send_if_modified(|told| {
            let is_new = *told != status;
            *told = status;
            is_new
        });
    }

    fn status(&self) -> OutboxStatus {
        OutboxStatus {
            waiting: self.machine.waiting(),
            delivered_uncovered: self.machine.delivered(),
            set_aside: self.machine.set_aside().collect(),
            hub: self.machine.reach(),
            epoch: self.machine.seen(),
            device_id: self.identity.lock().enrolment().map(|enrolment| enrolment.device_id),
            repaired: self.repaired.clone(),
            disk_fails: self.store.is_none(),
        }
    }

    fn time_to_wait(&mut self) -> Duration {
        if self.store.is_none() {
            return REOPEN_EVERY;
        }
        let age = self.age();
        let until = |wake_at: Age| Duration::from_millis(wake_at.saturating_sub(age));
        self.machine.wake_at().map_or(SAVE_AGE_EVERY, until).min(SAVE_AGE_EVERY)
    }

    /// The sum of the running time. Between two starts of the device, or where its clock went back, nothing is added.
    fn age(&mut self) -> Age {
        let (age, then) = self.age_at;
        let now = self.clock.reading();
        let is_same_start = now.boot_id == then.boot_id;
        let passed = if is_same_start { now.monotonic_ms.saturating_sub(then.monotonic_ms) } else { 0 };
        self.age_at = (age.saturating_add(passed), now);
        self.age_at.0
    }

    async fn pass_time(&mut self) {
        // As above: the status tells.
        if self.take(Input::Tick).await.is_ok() {
            let counts_days = self.machine.delivered() > 0 || self.machine.set_aside().next().is_some();
            if counts_days && self.age().saturating_sub(self.saved) >= SAVE_AGE_EVERY.as_millis() as Age {
                let _ = self.write(Vec::new()).await;
            }
        }
    }

    /// False when it was told to end.
    async fn obey(&mut self, command: Command, commands: &mut mpsc::Receiver<Command>) -> bool {
        let mut answers = Vec::new();
        let mut next = Some(command);
        while let Some(Command::Keep(item, reply)) = next {
            answers.push((item, reply));
            next = if answers.len() < GROUP { commands.try_recv().ok() } else { None };
        }
        if !answers.is_empty() {
            self.keep(answers).await;
        }
        match next {
            Some(Command::Take(input, reply)) => {
                let taken = self.take(input).await;
                self.tell();
                let _ = reply.send(taken);
                true
            }
            Some(Command::Close) => false,
            Some(Command::Keep(..)) | None => true,
        }
    }

    /// Keeps answers in one transaction; each is told only after it.
    async fn keep(&mut self, answers: Vec<Answered>) {
        if let Err(error) = self.be_ready().await {
            answers.into_iter().for_each(|(_, reply)| drop(reply.send(Err(again(&error)))));
            return;
        }
        let mut first = Vec::new();
        let mut then = None;
        let mut hashes: BTreeMap<AttemptId, String> = BTreeMap::new();
        let mut told = Vec::new();
        for (item, reply) in answers {
            let (attempt_id, hash) = (item.attempt_id, item.body_hash.clone());
            if let Some(device_seq) = self.machine.device_seq(attempt_id) {
                let former = match hashes.get(&attempt_id) {
                    Some(hash) => Ok(Some(hash.clone())),
                    None => {
                        self.with_store(move |store| Ok(store.item(device_seq)?.map(|item| item.body_hash)))
                            .await
                    }
                };
                match former {
                    Ok(former) if former.as_ref() == Some(&hash) => told.push((reply, attempt_id)),
                    Ok(_) => drop(reply.send(Err(OutboxError::OtherAnswer))),
                    Err(error) => drop(reply.send(Err(error))),
                }
                continue;
            }
            hashes.insert(attempt_id, hash);
            let at = self.moment();
            let step = self.machine.step(at, Input::Keep(item));
            first.extend(step.first);
            then = then.or(step.then);
            told.push((reply, attempt_id));
        }
        // Nothing is new where a pupil has pressed once more.
        let written = if first.is_empty() { Ok(()) } else { self.write(first).await };
        self.tell();
        for (reply, attempt_id) in told {
            let kept = match &written {
                Ok(()) => self.machine.device_seq(attempt_id).ok_or(OutboxError::Closed),
                Err(error) => Err(again(error)),
            };
            // Whoever asked may be gone; the answer is kept all the same.
            let _ = reply.send(kept.map(|device_seq| Kept { attempt_id, device_seq }));
        }
        if written.is_ok() {
            self.send(then).await;
        }
    }

    /// Takes an input; what follows is durable and on its way when this returns.
    async fn take(&mut self, input: Input) -> Result<(), OutboxError> {
        self.be_ready().await?;
        let at = self.moment();
        let step = self.machine.step(at, input);
        if !step.first.is_empty() {
            self.write(step.first).await?;
        }
        self.send(step.then).await;
        Ok(())
    }

    /// Makes changes durable. If that fails, the machine is made anew from the disk, as after a crash.
    async fn write(&mut self, changes: Vec<Change>) -> Result<(), OutboxError> {
        let age = self.age();
        let written = self.with_store(move |store| store.apply(age, &changes)).await;
        match written {
            Ok(()) => self.saved = age,
            Err(_) => self.begin_anew().await,
        }
        written
    }

    /// # Errors
    /// The disk has failed and still does: the machine is ahead of it and must not be asked.
    async fn be_ready(&mut self) -> Result<(), OutboxError> {
        if self.store.is_none() { self.open_again().await } else { Ok(()) }
    }

    /// The disk has failed. It may be well again at once, as where only one answer was too large for it.
    async fn begin_anew(&mut self) {
        self.store = None;
        // What it would bring is for the machine that is thrown away.
        self.out = None;
        // Else it is tried again later, and the status tells.
        let _ = self.open_again().await;
    }

    /// Opens the disk and makes the machine from what it holds, as after a crash.
    async fn open_again(&mut self) -> Result<(), OutboxError> {
        let folder = self.folder.clone();
        let (store, opened) = blocking(move || Store::open(&folder)).await?;
        let is_enrolled = self.identity.lock().enrolment().is_some();
        // The disk's age may be a little behind.
        self.age();
        self.machine = Machine::new(self.timing.clone(), opened.held, is_enrolled);
        self.repaired = opened.repaired.or(self.repaired.take());
        self.store = Some(store);
        // Nothing goes out and nothing changes until the disk has had time to recover.
        let at = self.moment();
        let _ = self.machine.step(at, Input::DiskFailed);
        Ok(())
    }

    async fn with_store<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Store) -> Result<T, OutboxError> + Send + 'static,
    ) -> Result<T, OutboxError> {
        let mut store = self.store.take().ok_or(OutboxError::FileDamaged)?;
        let (store, result) = blocking(move || {
            let result = work(&mut store);
            Ok((store, result))
        })
        .await?;
        self.store = Some(store);
        result
    }

    async fn send(&mut self, request: Option<Request>) {
        let mut request = request;
        while let Some(now) = request.take() {
            match now {
                Request::AskRecord => self.out = Some(ask_record(self.hub.clone(), self.receipt()).boxed()),
                Request::AskLacking { attempt_ids } => {
                    self.out = Some(self.signed(lacking_path, &AskLacking { attempt_ids }, Reply::Lacking));
                }
                Request::Deliver { device_seqs, highest } => {
                    let Ok((items, damaged)) = self.items(device_seqs).await else {
                        self.begin_anew().await;
                        return;
                    };
                    if !damaged.is_empty() {
                        let at = self.moment();
                        let step = self.machine.step(at, Input::Damaged(damaged));
                        if self.write(step.first).await.is_err() {
                            return;
                        }
                        request = step.then;
                    }
                    if !items.is_empty() {
                        let batch = DeliverAnswers { items, sent_at: self.clock.reading(), highest };
                        self.out = Some(self.signed(answers_path, &batch, Reply::Delivered));
                    }
                }
            }
        }
    }

    /// The items as they are sent, and the numbers of those that the disk has changed.
    async fn items(&mut self, device_seqs: Vec<i64>) -> Result<(Vec<DeliveryItem>, Vec<i64>), OutboxError> {
        let read = self
            .with_store(move |store| {
                let kept =
                    device_seqs.into_iter().map(|device_seq| Ok((device_seq, store.item(device_seq)?)));
                kept.collect::<Result<Vec<_>, OutboxError>>()
            })
            .await?;
        let (mut items, mut damaged) = (Vec::new(), Vec::new());
        for (device_seq, kept) in read {
            match kept {
                Some(kept) => items.push(self.delivery_item(device_seq, kept)),
                None => damaged.push(device_seq),
            }
        }
        Ok((items, damaged))
    }

    fn delivery_item(&self, device_seq: i64, kept: KeptItem) -> DeliveryItem {
        DeliveryItem {
            attempt_id: kept.attempt_id,
            device_seq,
            pupil_id: kept.pupil_id,
            deposit: self.machine.deposit(kept.pupil_id).unwrap_or_default().to_owned(),
            body: kept.body,
            body_hash: kept.body_hash,
            occurred_at: kept.occurred_at,
        }
    }

    /// A request by the device's signature.
    fn signed<T: DeserializeOwned + 'static>(
        &self,
        path: fn(DeviceId) -> String,
        body: &impl Serialize,
        wrap: fn(T) -> Reply,
    ) -> BoxFuture<'static, Result<Reply, Failure>> {
        let identity = self.identity.lock();
        let (Some(enrolment), Ok(body)) = (identity.enrolment(), serde_json::to_vec(body)) else {
            return std::future::ready(Err(Failure::DeviceRefused)).boxed();
        };
        let path = path(enrolment.device_id);
        let mut headers = vec![
            ("content-type", "application/json".to_owned()),
            ("dreamseed-signature", identity.sign(enrolment.hub_id, "POST", &path, &body)),
            ("dreamseed-device-certificate", enrolment.certificate.clone()),
        ];
        headers.extend(self.receipt());
        let hub = self.hub.clone();
        async move { Ok(wrap(call(&hub, Method::POST, &path, &headers, body.into()).await?)) }.boxed()
    }

    /// The highest place that we were told: a hub that has less knows then that it was put back.
    fn receipt(&self) -> Option<(&'static str, String)> {
        let Receipt { epoch_id, hub_seq, mac } = self.machine.highest()?;
        Some(("dreamseed-receipt", format!("{epoch_id}.{hub_seq}.{mac}")))
    }

    fn moment(&mut self) -> Moment {
        let mut chance = [0; 2];
        // Without randomness all devices only wait the same time.
        let _ = getrandom::fill(&mut chance);
        Moment { age: self.age(), chance: u16::from_ne_bytes(chance) }
    }
}

async fn reply_of(out: &mut Option<BoxFuture<'static, Result<Reply, Failure>>>) -> Result<Reply, Failure> {
    match out {
        Some(out) => out.await,
        None => std::future::pending().await,
    }
}

async fn ask_record(hub: Hub, receipt: Option<(&'static str, String)>) -> Result<Reply, Failure> {
    let headers: Vec<_> = receipt.into_iter().collect();
    let path = format!("{BASE}/record");
    Ok(Reply::Record(call(&hub, Method::GET, &path, &headers, Bytes::new()).await?))
}

async fn call<T: DeserializeOwned>(
    hub: &Hub,
    method: Method,
    path: &str,
    headers: &[(&'static str, String)],
    body: Bytes,
) -> Result<T, Failure> {
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let sent = hub.raw(method, path, &headers, body).await;
    let (status, _, body) = sent.map_err(|_| Failure::Unreachable)?;
    if status.is_success() {
        // What cannot be read is not from a hub, or is cut.
        return serde_json::from_slice(&body).map_err(|_| Failure::Unreachable);
    }
    Err(refusal(&body))
}

/// What a refusal means for the outbox. Only a hub's own words count: a portal in between says 403 to everything.
fn refusal(body: &[u8]) -> Failure {
    let Ok(problem) = serde_json::from_slice::<Problem>(body) else { return Failure::Unreachable };
    match problem.code {
        ProblemCode::SignInNeeded | ProblemCode::NotAllowed | ProblemCode::NotFound => Failure::DeviceRefused,
        ProblemCode::BadRequest | ProblemCode::BadBody | ProblemCode::BadField | ProblemCode::TooLarge => {
            Failure::RequestRefused
        }
        ProblemCode::WrongSecret
        | ProblemCode::TooManyTries
        | ProblemCode::TooManyRequests
        | ProblemCode::PlainHttp
        | ProblemCode::MethodNotAllowed
        | ProblemCode::OtherAnswer
        | ProblemCode::UnknownProblem
        | ProblemCode::LessonClosed
        | ProblemCode::LessonPaused
        | ProblemCode::ExamRunning
        | ProblemCode::Changed
        | ProblemCode::BadFile
        | ProblemCode::ReasonNeeded
        | ProblemCode::WeakPassword
        | ProblemCode::Taken
        | ProblemCode::NotReleased
        | ProblemCode::Busy
        | ProblemCode::DiskFull
        | ProblemCode::WrongHost
        | ProblemCode::Timeout
        | ProblemCode::Internal => Failure::Unreachable,
    }
}

/// The same error for another one who waits for the same write.
fn again(error: &OutboxError) -> OutboxError {
    match error {
        OutboxError::DiskFull => OutboxError::DiskFull,
        OutboxError::InUse => OutboxError::InUse,
        OutboxError::Closed => OutboxError::Closed,
        OutboxError::Io(error) => OutboxError::Io(std::io::Error::new(error.kind(), error.to_string())),
        OutboxError::File(_)
        | OutboxError::FileDamaged
        | OutboxError::Newer { .. }
        | OutboxError::OtherAnswer
        | OutboxError::Key
        | OutboxError::NotEnrolled
        | OutboxError::Hub(_) => OutboxError::FileDamaged,
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, OutboxError> + Send + 'static,
) -> Result<T, OutboxError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(OutboxError::Closed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbox::MachineClock;
    use dreamseed_wire::{answer::Answer, ids::ProblemVersionId};

    fn driver(folder: &Path) -> Driver {
        let identity = Arc::new(Mutex::new(Identity::open(folder).expect("a key")));
        let hub = Hub::new("http://127.0.0.1:1").expect("an address");
        let disk = Store::open(folder).expect("a file");
        Driver::new(folder.to_owned(), hub, Arc::new(MachineClock::new()), Timing::default(), identity, disk)
    }

    async fn keep(driver: &mut Driver, attempt_id: AttemptId) -> Result<Kept, OutboxError> {
        let answer = SubmitAnswer {
            attempt_id,
            problem_version_id: ProblemVersionId(attempt_id.0),
            lesson_id: None,
            answer: Answer::TrueFalse { value: true },
            occurred_at: None,
            device_id: None,
            device_seq: None,
        };
        let body = serde_json::to_string(&answer).expect("JSON");
        let item = NewItem {
            attempt_id,
            pupil_id: UserId(attempt_id.0),
            body_hash: hash_body(&body),
            wire_bytes: wire_bytes(&body),
            body,
            occurred_at: driver.clock.reading(),
        };
        let (reply, kept) = oneshot::channel();
        driver.keep(vec![(Box::new(item), reply)]).await;
        kept.await.expect("a reply")
    }

    /// The file cannot be opened for a while, as where a network folder is away.
    #[tokio::test]
    async fn a_disk_that_fails_is_told_and_taken_again_when_it_is_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut driver = driver(folder.path());
        let (first, second) = (AttemptId::new(), AttemptId::new());
        let kept = keep(&mut driver, first).await.expect("kept");
        driver.store = None;
        let elsewhere = Store::open(folder.path()).expect("the file is free");
        assert!(matches!(keep(&mut driver, second).await, Err(OutboxError::InUse)));
        assert!(driver.status().disk_fails);
        assert!(matches!(driver.take(Input::Tick).await, Err(OutboxError::InUse)));
        drop(elsewhere);
        assert_eq!(keep(&mut driver, second).await.expect("kept").device_seq, 2, "no number is left out");
        assert_eq!(keep(&mut driver, first).await.expect("known"), kept);
        assert!(!driver.status().disk_fails);
    }
}
