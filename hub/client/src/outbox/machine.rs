//! What a device's outbox does, without a clock, a disk or a network: [`Machine::step`] takes what happened and tells
//! what must be on disk first and what may go out then.
//!
//! The walk of an item: waiting → (batch) → delivered, at a place of the hub's record → forgotten, once the hub says in
//! one breath that it still has the item there and that a backup covers the place. An item that the hub does not take
//! is set aside, where it is seen and hinders nobody. A new stretch of the hub's record (it was restored) makes every
//! delivered item doubtful: the hub is asked which of them it lacks, and those wait again.
//!
//! **Rule of the disk.** `Step::first` is durable before anything else of the step happens: before the pupil is told
//! that the answer is kept, before a request goes out, before the next step. If it cannot be made durable, this machine
//! is thrown away and another one is made from the disk, as after a crash. So there is no state that a crash could
//! take back.
//!
//! **Rule of the wire.** One request is out at a time. Whoever calls hands in its reply or its failure, once, and drops
//! what comes for a request that was given up; so a reply never tells of a time before the reply before it.
//!
//! **Time** is the [`Age`] of the outbox, the sum of its running time, which nobody can set. Thirty days of it are
//! longer than thirty days of the calendar where machines are switched off at night; what is kept too long costs a few
//! megabytes, what is forgotten because a clock jumped to 2099 costs a pupil's work.

use dreamseed_wire::{
    delivery::{
        BATCH_MAX, ClockReading, Delivered, DeliveryOutcome, DeliveryResult, LACKING_MAX, Lacking, Receipt,
        RecordPlace, RecordState, RejectCode,
    },
    ids::{AttemptId, EpochId, UserId},
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Milliseconds for which the outbox has been running, over all its starts.
pub type Age = u64;

/// Bytes of one request at most; a larger item travels alone.
pub const REQUEST_BYTES: usize = 256 * 1024;

/// How long things take, in milliseconds of [`Age`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Timing {
    /// After the first failure; doubles with each further one.
    pub first_wait: Age,
    pub longest_wait: Age,
    /// After the hub has refused the device itself, or a question.
    pub refused_wait: Age,
    /// Between two looks at the hub's record while something is not covered.
    pub look_every: Age,
    /// After which an item is tried again that the hub may take later.
    pub try_again_after: Age,
    /// After which a delivered item is forgotten though no backup covers it, if the hub still has it.
    pub keep_for: Age,
}

impl Default for Timing {
    fn default() -> Self {
        const MINUTE: Age = 60_000;
        const DAY: Age = 24 * 60 * MINUTE;
        Self {
            first_wait: 1_000,
            longest_wait: 30_000,
            refused_wait: 10 * MINUTE,
            look_every: 10 * MINUTE,
            try_again_after: DAY,
            keep_for: 30 * DAY,
        }
    }
}

/// When a step happens, and the chance it takes: both come from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    pub age: Age,
    /// Spreads the waits of many devices; any value.
    pub chance: u16,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The program has started, on what the disk holds.
    Started,
    /// A pupil has answered. Harmless for an answer that is known.
    Keep(Box<NewItem>),
    /// A pupil has signed in on this device, and the hub has given this proof of it.
    SignedIn { pupil_id: UserId, deposit: String },
    /// The hub knows the device. A device of another id needs other proofs.
    Enrolled { other_id: bool },
    /// Somebody has seen that this item is set aside, and lets it go.
    Dismiss(AttemptId),
    /// There is reason to believe that the hub can be reached.
    ConnectionBack,
    /// Some reply of the hub bore the name of this stretch of record.
    EpochHeard(EpochId),
    /// These items of the request that is out do not fit their hashes any more.
    Damaged(Vec<i64>),
    /// The reply to the request that is out.
    Replied(Reply),
    /// The request that is out came to nothing.
    Failed(Failure),
    /// A change could not be made durable, and this machine was made anew from the disk.
    DiskFailed,
    /// Time has passed.
    Tick,
}

/// An answer to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewItem {
    pub attempt_id: AttemptId,
    pub pupil_id: UserId,
    /// JSON of the answer.
    pub body: String,
    /// BLAKE3 of the body, hexadecimal.
    pub body_hash: String,
    pub occurred_at: ClockReading,
    /// What it takes of a request.
    pub wire_bytes: u32,
}

/// What the hub said.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reply {
    Delivered(Delivered),
    Lacking(Lacking),
    Record(RecordState),
}

/// Why a request came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Failure {
    /// No connection, no reply in time, a fault of the hub, or something that is no hub.
    Unreachable,
    /// The hub does not accept the device's signature.
    DeviceRefused,
    /// The hub does not take such a request.
    RequestRefused,
}

/// What follows from an input.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[must_use]
pub struct Step {
    /// Must be durable before anything else.
    pub first: Vec<Change>,
    /// Goes out then.
    pub then: Option<Request>,
}

/// A change of what the disk holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A new item, and `device_seq` is spent.
    Added {
        device_seq: i64,
        item: Box<NewItem>,
        state: State,
    },
    Moved {
        device_seq: i64,
        state: State,
    },
    Forgotten {
        device_seq: i64,
    },
    Deposit {
        pupil_id: UserId,
        proof: String,
    },
    /// They were for the device's former id.
    DepositsCleared,
    Seen(Seen),
    Highest(Option<Receipt>),
}

/// Where an item stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum State {
    Waiting,
    /// The hub has it at this place, and has had it since this age.
    Delivered {
        place: RecordPlace,
        since: Age,
    },
    Aside {
        why: Why,
        since: Age,
    },
}

/// Why an item is set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Why {
    /// Its pupil has not signed in on this device since the hub has known the device.
    NoDeposit,
    /// The hub said so.
    Rejected { code: RejectCode },
    /// The hub takes no request that holds it.
    RequestRefused,
    /// It does not fit its own hash: the disk has changed it. Never sent.
    Damaged,
}

/// When an item that is set aside is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Again {
    /// At each start, each day, when its pupil signs in, and when the hub was restored.
    Later,
    /// When its pupil signs in on this device.
    AtSignIn,
    /// Not; it stays until somebody has seen it.
    Never,
}

impl Why {
    /// When such an item is tried again.
    pub fn again(self) -> Again {
        match self {
            // The proof is wrong and not the answer: the next one may be right.
            Why::NoDeposit | Why::Rejected { code: RejectCode::BadDeposit } => Again::AtSignIn,
            Why::Rejected {
                code: RejectCode::UnknownPupil | RejectCode::UnknownProblem | RejectCode::Busy,
            }
            | Why::RequestRefused => Again::Later,
            Why::Rejected {
                code:
                    RejectCode::BadBody
                    | RejectCode::BodyDamaged
                    | RejectCode::OtherAnswer
                    | RejectCode::LessonClosed
                    | RejectCode::ExamOver
                    | RejectCode::OtherLesson,
            }
            | Why::Damaged => Again::Never,
        }
    }
}

/// The stretch of record that the hub writes, as last heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Seen {
    pub epoch_id: EpochId,
    /// Counts the stretches; for people, since two stretches may bear one number.
    pub epoch: i64,
    pub verified: Option<RecordPlace>,
}

/// What may go out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Request {
    /// These items, in this order, with the highest place that the device was ever told.
    Deliver {
        device_seqs: Vec<i64>,
        highest: Option<Receipt>,
    },
    AskLacking {
        attempt_ids: Vec<AttemptId>,
    },
    AskRecord,
}

/// What the disk holds, to begin with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Held {
    /// The next running number; above every one that was ever spent.
    pub next_seq: i64,
    pub items: Vec<(i64, Item, State)>,
    pub deposits: BTreeMap<UserId, String>,
    pub seen: Option<Seen>,
    pub highest: Option<Receipt>,
}

/// What the machine needs to know of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Item {
    pub attempt_id: AttemptId,
    pub pupil_id: UserId,
    pub wire_bytes: u32,
}

/// How the way to the hub stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    NotTried,
    Reached,
    Unreachable,
    /// The hub does not accept the device: an admin has revoked it, or it is another school's hub.
    DeviceRefused,
    /// The hub does not know the device yet.
    NotEnrolled,
}

/// An item that the hub has not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SetAside {
    pub attempt_id: AttemptId,
    pub pupil_id: UserId,
    pub why: Why,
    pub again: Again,
}

/// The outbox of one device; see the module.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Machine {
    timing: Timing,
    next_seq: i64,
    waiting: BTreeMap<i64, Item>,
    delivered: BTreeMap<i64, (Item, RecordPlace, Age)>,
    aside: BTreeMap<i64, (Item, Why, Age)>,
    seq_of: BTreeMap<AttemptId, i64>,
    deposits: BTreeMap<UserId, String>,
    seen: Option<Seen>,
    highest: Option<Receipt>,
    /// The last place that the hub has given, as last heard since the start.
    last_place: Option<i64>,
    out: Option<Out>,
    reach: Reach,
    /// Failures in a row.
    failures: u32,
    /// Nothing goes out before.
    wait_until: Age,
    /// No question goes out before.
    ask_from: Age,
    /// The next look at the hub's record.
    look_from: Age,
    /// Some reply told of a stretch that is not the one we know.
    heard_other: bool,
    /// Items in a batch: halved when the hub takes none such, so that the one it does not take is found.
    batch_limit: usize,
}

/// The request that is out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Out {
    Deliver(Vec<i64>),
    AskLacking(Vec<i64>),
    AskRecord,
}

/// Failures beyond which the wait does not grow.
const FAILURES_COUNTED: u32 = 16;

impl Machine {
    /// The machine on what the disk holds. [`Input::Started`] comes first.
    pub fn new(timing: Timing, held: Held, is_enrolled: bool) -> Self {
        let mut machine = Self {
            timing,
            next_seq: held.next_seq.max(1),
            waiting: BTreeMap::new(),
            delivered: BTreeMap::new(),
            aside: BTreeMap::new(),
            seq_of: BTreeMap::new(),
            deposits: held.deposits,
            seen: held.seen,
            highest: held.highest,
            last_place: None,
            out: None,
            reach: if is_enrolled { Reach::NotTried } else { Reach::NotEnrolled },
            failures: 0,
            wait_until: 0,
            ask_from: 0,
            look_from: 0,
            heard_other: false,
            batch_limit: BATCH_MAX,
        };
        for (device_seq, item, state) in held.items {
            machine.next_seq = machine.next_seq.max(device_seq + 1);
            machine.put(device_seq, item, state);
        }
        machine
    }

    /// Takes what happened.
    pub fn step(&mut self, at: Moment, input: Input) -> Step {
        let mut first = Vec::new();
        match input {
            Input::Started => self.start(at, &mut first),
            Input::Keep(new) => self.keep(at, new, &mut first),
            Input::SignedIn { pupil_id, deposit } => self.take_deposit(pupil_id, deposit, &mut first),
            Input::Enrolled { other_id } => self.be_enrolled(at, other_id, &mut first),
            Input::Dismiss(attempt_id) => self.dismiss(attempt_id, &mut first),
            Input::ConnectionBack => self.wait_until = at.age,
            Input::EpochHeard(epoch_id) => {
                self.heard_other |= self.seen.is_none_or(|seen| seen.epoch_id != epoch_id);
            }
            Input::Damaged(device_seqs) => self.set_damaged_aside(at, &device_seqs, &mut first),
            Input::Replied(reply) => self.take_reply(at, &reply, &mut first),
            Input::Failed(failure) => self.take_failure(at, failure, &mut first),
            Input::DiskFailed => {
                // Nothing else now: there is no disk to write it to.
                self.wait_until = at.age + self.timing.longest_wait;
                return Step::default();
            }
            Input::Tick => {}
        }
        let wait = self.timing.try_again_after;
        self.bring_back(&mut first, |why, since| {
            why.again() == Again::Later && since.saturating_add(wait) <= at.age
        });
        Step { first, then: self.next_request(at.age) }
    }

    /// When the next [`Input::Tick`] has something to do; none while a request is out or nothing is to do.
    pub fn wake_at(&self) -> Option<Age> {
        if self.out.is_some() {
            return None;
        }
        let mut next: Option<Age> = None;
        let mut at = |age: Age| next = Some(next.map_or(age, |earlier| earlier.min(age)));
        if self.may_send() {
            if !self.waiting.is_empty() || self.heard_other {
                at(self.wait_until);
            }
            if !self.delivered.is_empty() {
                at(self.wait_until.max(self.look_from));
            }
            for (_, place, since) in self.delivered.values() {
                let is_due_now = self.is_doubtful(place) || self.covers(place);
                let due = if is_due_now { 0 } else { since.saturating_add(self.timing.keep_for) };
                at(due.max(self.wait_until).max(self.ask_from));
            }
        }
        for (item, why, since) in self.aside.values() {
            if why.again() == Again::Later && self.deposits.contains_key(&item.pupil_id) {
                at(since.saturating_add(self.timing.try_again_after));
            }
        }
        next
    }

    /// What the machine takes for what the disk holds.
    pub fn held(&self) -> Held {
        let waiting = self.waiting.iter().map(|(seq, item)| (*seq, *item, State::Waiting));
        let delivered = self.delivered.iter().map(|(seq, (item, place, since))| {
            (*seq, *item, State::Delivered { place: *place, since: *since })
        });
        let aside = self
            .aside
            .iter()
            .map(|(seq, (item, why, since))| (*seq, *item, State::Aside { why: *why, since: *since }));
        let mut items: Vec<_> = waiting.chain(delivered).chain(aside).collect();
        items.sort_unstable_by_key(|(device_seq, ..)| *device_seq);
        Held {
            next_seq: self.next_seq,
            items,
            deposits: self.deposits.clone(),
            seen: self.seen,
            highest: self.highest.clone(),
        }
    }

    /// The running number of an item that is held.
    pub fn device_seq(&self, attempt_id: AttemptId) -> Option<i64> {
        self.seq_of.get(&attempt_id).copied()
    }

    /// The proof to send for a pupil.
    pub fn deposit(&self, pupil_id: UserId) -> Option<&str> {
        self.deposits.get(&pupil_id).map(String::as_str)
    }

    /// The pupil of an item that is held.
    pub fn pupil(&self, device_seq: i64) -> Option<UserId> {
        let waiting = self.waiting.get(&device_seq);
        let delivered = || self.delivered.get(&device_seq).map(|(item, ..)| item);
        let aside = || self.aside.get(&device_seq).map(|(item, ..)| item);
        waiting.or_else(delivered).or_else(aside).map(|item| item.pupil_id)
    }

    /// Items that the hub does not have yet and will be sent.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Items that the hub has and that no backup covers yet, as far as is known.
    pub fn delivered(&self) -> usize {
        self.delivered.len()
    }

    /// Items that the hub has not taken, the oldest first.
    pub fn set_aside(&self) -> impl Iterator<Item = SetAside> {
        self.aside.values().map(|(item, why, _)| SetAside {
            attempt_id: item.attempt_id,
            pupil_id: item.pupil_id,
            why: *why,
            again: why.again(),
        })
    }

    /// The stretch of record that the hub writes, as last heard.
    pub fn seen(&self) -> Option<Seen> {
        self.seen
    }

    /// The highest place that the device was told in the stretch that the hub writes, as last heard.
    pub fn highest(&self) -> Option<&Receipt> {
        self.highest.as_ref()
    }

    /// How the way to the hub stands.
    pub fn reach(&self) -> Reach {
        self.reach
    }

    fn start(&mut self, at: Moment, first: &mut Vec<Change>) {
        self.bring_back(first, |why, _| why.again() == Again::Later);
        // The disk may have lost a proof.
        let without: Vec<i64> = self
            .waiting
            .iter()
            .filter(|(_, item)| !self.deposits.contains_key(&item.pupil_id))
            .map(|(device_seq, _)| *device_seq)
            .collect();
        for device_seq in without {
            self.shift(device_seq, State::Aside { why: Why::NoDeposit, since: at.age }, first);
        }
    }

    fn keep(&mut self, at: Moment, new: Box<NewItem>, first: &mut Vec<Change>) {
        if self.seq_of.contains_key(&new.attempt_id) {
            return;
        }
        let device_seq = self.next_seq;
        self.next_seq += 1;
        let item = Item { attempt_id: new.attempt_id, pupil_id: new.pupil_id, wire_bytes: new.wire_bytes };
        let state = if self.deposits.contains_key(&new.pupil_id) {
            State::Waiting
        } else {
            State::Aside { why: Why::NoDeposit, since: at.age }
        };
        self.put(device_seq, item, state);
        first.push(Change::Added { device_seq, item: new, state });
    }

    fn take_deposit(&mut self, pupil_id: UserId, deposit: String, first: &mut Vec<Change>) {
        if self.deposits.get(&pupil_id) != Some(&deposit) {
            self.deposits.insert(pupil_id, deposit.clone());
            first.push(Change::Deposit { pupil_id, proof: deposit });
        }
        let of_pupil: Vec<i64> = self
            .aside
            .iter()
            .filter(|(_, (item, why, _))| item.pupil_id == pupil_id && why.again() != Again::Never)
            .map(|(device_seq, _)| *device_seq)
            .collect();
        for device_seq in of_pupil {
            self.shift(device_seq, State::Waiting, first);
        }
    }

    fn be_enrolled(&mut self, at: Moment, other_id: bool, first: &mut Vec<Change>) {
        if other_id && !self.deposits.is_empty() {
            self.deposits.clear();
            first.push(Change::DepositsCleared);
            // A request that is out goes on; what it brings is true all the same.
            let waiting: Vec<i64> = self.waiting.keys().copied().collect();
            for device_seq in waiting {
                self.shift(device_seq, State::Aside { why: Why::NoDeposit, since: at.age }, first);
            }
        }
        self.reach = Reach::NotTried;
        self.failures = 0;
        self.wait_until = at.age;
    }

    fn dismiss(&mut self, attempt_id: AttemptId, first: &mut Vec<Change>) {
        if let Some(device_seq) = self.device_seq(attempt_id)
            && self.aside.contains_key(&device_seq)
        {
            self.forget(device_seq, first);
        }
    }

    fn set_damaged_aside(&mut self, at: Moment, device_seqs: &[i64], first: &mut Vec<Change>) {
        for device_seq in device_seqs {
            self.shift(*device_seq, State::Aside { why: Why::Damaged, since: at.age }, first);
        }
        let is_over = match &mut self.out {
            Some(Out::Deliver(out)) => {
                out.retain(|device_seq| !device_seqs.contains(device_seq));
                out.is_empty()
            }
            Some(Out::AskLacking(_) | Out::AskRecord) | None => false,
        };
        if is_over {
            self.out = None;
        }
    }

    fn take_reply(&mut self, at: Moment, reply: &Reply, first: &mut Vec<Change>) {
        let Some(out) = self.out.take() else { return };
        // Everybody may look at the record: that tells nothing of whether the hub accepts the device.
        if out != Out::AskRecord || self.reach != Reach::DeviceRefused {
            self.reach = Reach::Reached;
        }
        let is_whole = match (out, reply) {
            (Out::Deliver(device_seqs), Reply::Delivered(delivered)) => {
                self.batch_limit = (self.batch_limit * 2).min(BATCH_MAX);
                let is_whole = self.take_results(at, &device_seqs, &delivered.results, first);
                self.see(at, &delivered.record, first);
                self.raise_highest(&delivered.results, first);
                is_whole
            }
            (Out::AskLacking(device_seqs), Reply::Lacking(lacking)) => {
                // First the stretch, since the places are told in it.
                self.see(at, &lacking.record, first);
                self.take_lacking(at, &device_seqs, lacking, first)
            }
            (Out::AskRecord, Reply::Record(record)) => {
                self.see(at, record, first);
                true
            }
            (Out::Deliver(_) | Out::AskLacking(_) | Out::AskRecord, _) => false,
        };
        if is_whole {
            self.failures = 0;
            self.wait_until = at.age;
        } else {
            self.back_off(at);
        }
    }

    /// Whether the hub has decided on every item.
    fn take_results(
        &mut self,
        at: Moment,
        device_seqs: &[i64],
        results: &[DeliveryResult],
        first: &mut Vec<Change>,
    ) -> bool {
        let results: BTreeMap<AttemptId, &DeliveryOutcome> =
            results.iter().map(|result| (result.attempt_id, &result.outcome)).collect();
        let mut is_whole = true;
        for device_seq in device_seqs {
            let Some(item) = self.item_out(*device_seq) else { continue };
            match results.get(&item.attempt_id) {
                Some(DeliveryOutcome::Stored { receipt } | DeliveryOutcome::Duplicate { receipt }) => {
                    let place = RecordPlace { epoch_id: receipt.epoch_id, hub_seq: receipt.hub_seq };
                    self.shift(*device_seq, State::Delivered { place, since: at.age }, first);
                }
                // The hub's trouble and not the item's: it keeps its place in the line.
                Some(DeliveryOutcome::Rejected { code: RejectCode::Busy }) | None => is_whole = false,
                Some(DeliveryOutcome::Rejected { code }) => {
                    let why = Why::Rejected { code: *code };
                    self.shift(*device_seq, State::Aside { why, since: at.age }, first);
                }
            }
        }
        is_whole
    }

    /// Whether the hub has told of every item.
    fn take_lacking(
        &mut self,
        at: Moment,
        device_seqs: &[i64],
        lacking: &Lacking,
        first: &mut Vec<Change>,
    ) -> bool {
        let lacks: BTreeSet<AttemptId> = lacking.attempt_ids.iter().copied().collect();
        let kept: BTreeMap<AttemptId, i64> =
            lacking.kept.iter().map(|kept| (kept.attempt_id, kept.hub_seq)).collect();
        let mut is_whole = true;
        for device_seq in device_seqs {
            let Some((item, old, since)) = self.delivered.get(device_seq).copied() else { continue };
            if lacks.contains(&item.attempt_id) {
                self.wait_again(at, *device_seq, first);
            } else if let Some(hub_seq) = kept.get(&item.attempt_id) {
                let place = RecordPlace { epoch_id: lacking.record.epoch_id, hub_seq: *hub_seq };
                self.raise_last_place(*hub_seq);
                if self.covers(&place) || self.is_old(since, at.age) {
                    self.forget(*device_seq, first);
                } else if place != old {
                    self.shift(*device_seq, State::Delivered { place, since }, first);
                }
            } else {
                is_whole = false;
            }
        }
        is_whole
    }

    /// Takes over how the hub's record stands.
    fn see(&mut self, at: Moment, record: &RecordState, first: &mut Vec<Change>) {
        let seen = Seen { epoch_id: record.epoch_id, epoch: record.epoch, verified: record.backup_verified };
        let is_other = self.seen.is_some_and(|old| old.epoch_id != seen.epoch_id);
        if self.seen != Some(seen) {
            self.seen = Some(seen);
            first.push(Change::Seen(seen));
        }
        if is_other {
            self.bring_back(first, |why, _| why.again() == Again::Later);
            self.ask_from = at.age;
            // It has done its work: the hub has heard it, and writes another stretch now.
            if self.highest.take().is_some() {
                first.push(Change::Highest(None));
            }
        }
        self.last_place = Some(record.hub_seq);
        self.heard_other = false;
        self.look_from = at.age + spread(self.timing.look_every, at.chance);
    }

    /// What the hub has just said to be there is there, whatever it counts.
    fn raise_last_place(&mut self, hub_seq: i64) {
        self.last_place = self.last_place.max(Some(hub_seq));
    }

    /// Keeps the highest receipt of the stretch that the hub writes now.
    fn raise_highest(&mut self, results: &[DeliveryResult], first: &mut Vec<Change>) {
        let receipts = results.iter().filter_map(|result| match &result.outcome {
            DeliveryOutcome::Stored { receipt } | DeliveryOutcome::Duplicate { receipt } => Some(receipt),
            DeliveryOutcome::Rejected { .. } => None,
        });
        let of_this =
            receipts.filter(|receipt| self.seen.is_some_and(|seen| seen.epoch_id == receipt.epoch_id));
        let Some(receipt) = of_this.max_by_key(|receipt| receipt.hub_seq) else { return };
        self.raise_last_place(receipt.hub_seq);
        let is_higher = self
            .highest
            .as_ref()
            .is_none_or(|highest| highest.epoch_id != receipt.epoch_id || highest.hub_seq < receipt.hub_seq);
        if is_higher {
            self.highest = Some(receipt.clone());
            first.push(Change::Highest(self.highest.clone()));
        }
    }

    fn take_failure(&mut self, at: Moment, failure: Failure, first: &mut Vec<Change>) {
        let Some(out) = self.out.take() else { return };
        match failure {
            Failure::Unreachable => {
                self.reach = Reach::Unreachable;
                self.back_off(at);
            }
            Failure::DeviceRefused => {
                self.reach = Reach::DeviceRefused;
                self.wait_until = at.age + spread(self.timing.refused_wait, at.chance);
            }
            Failure::RequestRefused => {
                self.reach = Reach::Reached;
                match out {
                    Out::Deliver(device_seqs) => self.narrow(at, &device_seqs, first),
                    // Batches go on without it.
                    Out::AskLacking(_) => {
                        self.ask_from = at.age + spread(self.timing.refused_wait, at.chance);
                    }
                    Out::AskRecord => {
                        self.heard_other = false;
                        self.look_from = at.age + spread(self.timing.refused_wait, at.chance);
                    }
                }
            }
        }
    }

    /// The hub does not take this batch: half of it, until the one is found that it does not take.
    fn narrow(&mut self, at: Moment, device_seqs: &[i64], first: &mut Vec<Change>) {
        match device_seqs {
            [one] if self.item_out(*one).is_some() => {
                self.shift(*one, State::Aside { why: Why::RequestRefused, since: at.age }, first);
            }
            _ => self.batch_limit = (device_seqs.len() / 2).max(1),
        }
    }

    fn back_off(&mut self, at: Moment) {
        self.failures = (self.failures + 1).min(FAILURES_COUNTED);
        let doubled = self.timing.first_wait.saturating_mul(1 << (self.failures - 1));
        self.wait_until = at.age + spread(doubled.min(self.timing.longest_wait), at.chance);
    }

    fn may_send(&self) -> bool {
        self.reach != Reach::NotEnrolled
    }

    fn next_request(&mut self, age: Age) -> Option<Request> {
        if self.out.is_some() || !self.may_send() || age < self.wait_until {
            return None;
        }
        // The question first: what the hub lacks is older than what waits, and goes before it.
        let request = self.question(age).or_else(|| self.batch());
        request.or_else(|| {
            let is_due = (!self.delivered.is_empty() && age >= self.look_from) || self.heard_other;
            is_due.then(|| {
                self.out = Some(Out::AskRecord);
                Request::AskRecord
            })
        })
    }

    /// Asks for what is doubtful since the hub has begun another stretch, and for what could be forgotten: nothing is,
    /// unless the hub has just said that it has it. So a record that was put back unnoticed is noticed here.
    fn question(&mut self, age: Age) -> Option<Request> {
        if age < self.ask_from {
            return None;
        }
        let due = self.delivered.iter().filter(|(_, (_, place, since))| {
            self.is_doubtful(place) || self.covers(place) || self.is_old(*since, age)
        });
        let (device_seqs, attempt_ids): (Vec<i64>, Vec<AttemptId>) =
            due.map(|(device_seq, (item, ..))| (*device_seq, item.attempt_id)).take(LACKING_MAX).unzip();
        if device_seqs.is_empty() {
            return None;
        }
        self.out = Some(Out::AskLacking(device_seqs));
        Some(Request::AskLacking { attempt_ids })
    }

    fn batch(&mut self) -> Option<Request> {
        let mut bytes = 0;
        let fits = self.waiting.iter().take(self.batch_limit).take_while(|(_, item)| {
            let is_first = bytes == 0;
            bytes += item.wire_bytes as usize;
            is_first || bytes <= REQUEST_BYTES
        });
        let device_seqs: Vec<i64> = fits.map(|(device_seq, _)| *device_seq).collect();
        if device_seqs.is_empty() {
            return None;
        }
        self.out = Some(Out::Deliver(device_seqs.clone()));
        Some(Request::Deliver { device_seqs, highest: self.highest.clone() })
    }

    /// The place was told in another stretch than the one that the hub writes now, or the hub has not come so far: it was
    /// put back without knowing it.
    fn is_doubtful(&self, place: &RecordPlace) -> bool {
        self.seen.is_none_or(|seen| seen.epoch_id != place.epoch_id)
            || self.last_place.is_some_and(|last| last < place.hub_seq)
    }

    fn covers(&self, place: &RecordPlace) -> bool {
        self.seen
            .and_then(|seen| seen.verified)
            .is_some_and(|verified| verified.epoch_id == place.epoch_id && place.hub_seq <= verified.hub_seq)
    }

    fn is_old(&self, since: Age, age: Age) -> bool {
        age.saturating_sub(since) >= self.timing.keep_for
    }

    /// An item of the request that was out, unless it has been set aside or let go meanwhile and the hub has it now:
    /// then what the hub says counts too.
    fn item_out(&self, device_seq: i64) -> Option<Item> {
        self.waiting.get(&device_seq).or_else(|| self.aside.get(&device_seq).map(|(item, ..)| item)).copied()
    }

    /// Items that are set aside go back into the line, at their old places.
    fn bring_back(&mut self, first: &mut Vec<Change>, is_due: impl Fn(Why, Age) -> bool) {
        let due: Vec<i64> = self
            .aside
            .iter()
            .filter(|(_, (item, why, since))| {
                is_due(*why, *since) && self.deposits.contains_key(&item.pupil_id)
            })
            .map(|(device_seq, _)| *device_seq)
            .collect();
        for device_seq in due {
            self.shift(device_seq, State::Waiting, first);
        }
    }

    /// Back into the line, if there is a proof to send with it.
    fn wait_again(&mut self, at: Moment, device_seq: i64, first: &mut Vec<Change>) {
        let has_deposit = self.pupil(device_seq).is_some_and(|pupil| self.deposits.contains_key(&pupil));
        let state =
            if has_deposit { State::Waiting } else { State::Aside { why: Why::NoDeposit, since: at.age } };
        self.shift(device_seq, state, first);
    }

    fn shift(&mut self, device_seq: i64, state: State, first: &mut Vec<Change>) {
        if let Some(item) = self.take(device_seq) {
            self.put(device_seq, item, state);
            first.push(Change::Moved { device_seq, state });
        }
    }

    fn forget(&mut self, device_seq: i64, first: &mut Vec<Change>) {
        if let Some(item) = self.take(device_seq) {
            self.seq_of.remove(&item.attempt_id);
            first.push(Change::Forgotten { device_seq });
        }
    }

    fn take(&mut self, device_seq: i64) -> Option<Item> {
        let waiting = self.waiting.remove(&device_seq);
        let delivered = self.delivered.remove(&device_seq).map(|(item, ..)| item);
        let aside = self.aside.remove(&device_seq).map(|(item, ..)| item);
        waiting.or(delivered).or(aside)
    }

    fn put(&mut self, device_seq: i64, item: Item, state: State) {
        self.seq_of.insert(item.attempt_id, device_seq);
        match state {
            State::Waiting => {
                self.waiting.insert(device_seq, item);
            }
            State::Delivered { place, since } => {
                self.delivered.insert(device_seq, (item, place, since));
            }
            State::Aside { why, since } => {
                self.aside.insert(device_seq, (item, why, since));
            }
        }
    }
}

/// Between half of a time and the whole of it, so that a class does not come back in one blow.
fn spread(time: Age, chance: u16) -> Age {
    let half = time / 2;
    half + half.saturating_mul(Age::from(chance)) / Age::from(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dreamseed_wire::delivery::KeptPlace;
    use jiff::Timestamp;
    use uuid::Uuid;

    const HOUR: Age = 3_600_000;

    #[test]
    fn a_batch_holds_two_hundred_items_the_oldest_first() {
        let mut desk = Desk::new();
        desk.pass_failing();
        for n in 0..450 {
            let step = desk.keep(n, 100);
            assert_eq!((step.first.len(), step.then), (1, None), "kept while the hub is away");
        }
        desk.age += HOUR;
        assert_eq!(sent(&desk.step(Input::Tick)), (1..=200).collect::<Vec<_>>());
        let step = desk.store_all(1..=200);
        assert_eq!(sent(&step), (201..=400).collect::<Vec<_>>());
        assert_eq!(desk.machine.wake_at(), None, "one request at a time");
    }

    #[test]
    fn a_batch_holds_a_quarter_of_a_megabyte_and_a_larger_item_travels_alone() {
        let mut desk = Desk::new();
        desk.pass_failing();
        for (n, bytes) in [300_000, 100_000, 100_000, 100_000].into_iter().enumerate() {
            let _ = desk.keep(n as u128, bytes);
        }
        desk.age += HOUR;
        assert_eq!(sent(&desk.step(Input::Tick)), [1]);
        assert_eq!(sent(&desk.store_all([1])), [2, 3]);
    }

    #[test]
    fn failures_wait_longer_and_longer_up_to_half_a_minute() {
        let mut desk = Desk::new();
        let _ = desk.keep(0, 100);
        let mut waits = Vec::new();
        for _ in 0..8 {
            let _ = desk.step(Input::Failed(Failure::Unreachable));
            let wake_at = desk.machine.wake_at().expect("a wait");
            waits.push(wake_at - desk.age);
            desk.age = wake_at;
            assert_eq!(sent(&desk.step(Input::Tick)), [1], "and the same again");
        }
        assert_eq!(
            waits,
            [500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000],
            "half, for the least chance"
        );
        let _ = desk.step(Input::Failed(Failure::Unreachable));
        assert_eq!(sent(&desk.step(Input::ConnectionBack)), [1], "the network is back");
        assert_eq!(spread(1_000, u16::MAX), 1_000);
    }

    #[test]
    fn a_busy_hub_keeps_the_order_and_is_waited_for() {
        let mut desk = Desk::new();
        let _ = desk.keep(0, 100);
        let _ = desk.keep(1, 100);
        let step = desk.reply([(0, Err(RejectCode::Busy))], desk.record(0, None));
        assert_eq!((step.first, step.then), (vec![Change::Seen(desk.seen(None))], None));
        assert_eq!(desk.machine.set_aside().count(), 0);
        desk.age += HOUR;
        assert_eq!(sent(&desk.step(Input::Tick)), [1, 2]);
    }

    #[test]
    fn what_is_never_taken_stays_until_somebody_has_seen_it() {
        let mut desk = Desk::new();
        let _ = desk.keep(0, 100);
        let _ = desk.reply([(0, Err(RejectCode::LessonClosed))], desk.record(0, None));
        desk.age += 100 * 24 * HOUR;
        for input in
            [Input::Tick, Input::Started, Input::SignedIn { pupil_id: pupil(), deposit: "new".into() }]
        {
            assert_eq!(desk.step(input).then, None);
        }
        let aside: Vec<_> = desk.machine.set_aside().map(|aside| aside.again).collect();
        assert_eq!(aside, [Again::Never]);
        assert_eq!(desk.step(Input::Dismiss(attempt(0))).first, [Change::Forgotten { device_seq: 1 }]);
        // Its number is spent.
        assert!(matches!(desk.keep(1, 100).first[..], [Change::Added { device_seq: 2, .. }]));
    }

    #[test]
    fn what_may_be_taken_later_is_tried_each_day_and_in_each_new_stretch() {
        let mut desk = Desk::new();
        let refuse = |desk: &mut Desk| {
            let record = desk.record(0, None);
            let _ = desk.reply([(0, Err(RejectCode::UnknownPupil))], record);
            assert_eq!(desk.machine.set_aside().count(), 1);
        };
        let _ = desk.keep(0, 100);
        refuse(&mut desk);
        assert_eq!(desk.machine.wake_at(), Some(24 * HOUR));
        desk.age = 24 * HOUR;
        assert_eq!(sent(&desk.step(Input::Tick)), [1], "a day");
        refuse(&mut desk);
        assert_eq!(sent(&desk.step(Input::Started)), [1], "a start");
        refuse(&mut desk);
        assert_eq!(sent(&desk.step(Input::SignedIn { pupil_id: pupil(), deposit: "new".into() })), [1]);
        refuse(&mut desk);
        desk.epoch = 2;
        assert_eq!(desk.step(Input::EpochHeard(desk.epoch_id())).then, Some(Request::AskRecord));
        let record = desk.record(0, None);
        assert_eq!(sent(&desk.step(Input::Replied(Reply::Record(record)))), [1], "a new stretch");
    }

    #[test]
    fn an_item_without_a_proof_waits_for_its_pupil() {
        let mut desk = Desk::new();
        let other = UserId(Uuid::from_u128(9));
        let step = desk.keep_for(other, 0, 100);
        assert_eq!(step.then, None);
        assert_eq!(sent(&desk.keep(1, 100)), [2], "it hinders nobody");
        let _ = desk.store_all([2]);
        assert_eq!(sent(&desk.step(Input::SignedIn { pupil_id: other, deposit: "p".into() })), [1]);
        // Another device id needs other proofs.
        let _ = desk.step(Input::Failed(Failure::DeviceRefused));
        assert_eq!(desk.machine.reach(), Reach::DeviceRefused);
        let step = desk.step(Input::Enrolled { other_id: true });
        assert_eq!((step.first[0].clone(), step.then), (Change::DepositsCleared, None));
        assert_eq!(sent(&desk.step(Input::SignedIn { pupil_id: other, deposit: "q".into() })), [1]);
    }

    #[test]
    fn the_item_that_the_hub_takes_in_no_request_is_found_by_halving() {
        let mut desk = Desk::new();
        desk.pass_failing();
        for n in 0..8 {
            let _ = desk.keep(n, 100);
        }
        desk.age += HOUR;
        let mut out = sent(&desk.step(Input::Tick));
        let mut requests = 0;
        while !out.is_empty() {
            requests += 1;
            let step = match out.contains(&6) {
                true => desk.step(Input::Failed(Failure::RequestRefused)),
                false => desk.store_all(out),
            };
            out = step.then.as_ref().map(numbers).unwrap_or_default();
        }
        assert_eq!((desk.machine.delivered(), desk.machine.waiting()), (7, 0));
        let why: Vec<_> = desk.machine.set_aside().map(|aside| (aside.attempt_id, aside.why)).collect();
        assert_eq!(why, [(attempt(5), Why::RequestRefused)]);
        assert!(requests <= 10, "{requests}");
    }

    #[test]
    fn nothing_is_forgotten_before_the_hub_says_that_it_has_it_and_a_backup_too() {
        let mut desk = Desk::new();
        let _ = desk.keep(0, 100);
        let _ = desk.store_all([1]);
        desk.age += HOUR;
        assert_eq!(desk.step(Input::Tick).then, Some(Request::AskRecord));
        let covered = desk.record(1, Some(1));
        let ask = Some(Request::AskLacking { attempt_ids: vec![attempt(0)] });
        assert_eq!(desk.step(Input::Replied(Reply::Record(covered.clone()))).then, ask);
        let lacking = |record: &RecordState| Lacking {
            attempt_ids: vec![attempt(0)],
            kept: Vec::new(),
            record: record.clone(),
        };
        // It was put back, and has come as far again since: the place is another's.
        let step = desk.step(Input::Replied(Reply::Lacking(lacking(&covered))));
        assert_eq!(sent(&step), [1]);
        let _ = desk.reply([(0, Ok(2))], desk.record(2, Some(2)));
        let kept = vec![KeptPlace { attempt_id: attempt(0), hub_seq: 2 }];
        let kept = Lacking { attempt_ids: Vec::new(), kept, record: desk.record(2, Some(2)) };
        let step = desk.step(Input::Replied(Reply::Lacking(kept)));
        assert_eq!((step.first, step.then), (vec![Change::Forgotten { device_seq: 1 }], None));
        assert_eq!(desk.machine.wake_at(), None);
    }

    #[test]
    fn after_thirty_days_of_running_it_is_forgotten_if_the_hub_has_it() {
        let mut desk = Desk::new();
        let _ = desk.keep(0, 100);
        let _ = desk.store_all([1]);
        desk.age += 30 * 24 * HOUR;
        let ask = Some(Request::AskLacking { attempt_ids: vec![attempt(0)] });
        assert_eq!(desk.step(Input::Tick).then, ask);
        let kept = vec![KeptPlace { attempt_id: attempt(0), hub_seq: 1 }];
        let kept = Lacking { attempt_ids: Vec::new(), kept, record: desk.record(1, None) };
        assert_eq!(
            desk.step(Input::Replied(Reply::Lacking(kept))).first,
            [Change::Forgotten { device_seq: 1 }]
        );
    }

    #[test]
    fn a_new_stretch_is_asked_what_it_lacks_before_anything_else() {
        let mut desk = Desk::new();
        let _ = desk.keep(0, 100);
        let _ = desk.keep(1, 100);
        let _ = desk.store_all([1]);
        let _ = desk.keep(2, 100);
        desk.epoch = 2;
        let step = desk.reply([(1, Ok(1))], desk.record(1, None));
        assert_eq!(step.then, Some(Request::AskLacking { attempt_ids: vec![attempt(0)] }));
        let lacking =
            Lacking { attempt_ids: vec![attempt(0)], kept: Vec::new(), record: desk.record(1, None) };
        assert_eq!(sent(&desk.step(Input::Replied(Reply::Lacking(lacking)))), [1, 3]);
    }

    #[test]
    fn a_damaged_item_leaves_its_batch() {
        let mut desk = Desk::new();
        desk.pass_failing();
        let _ = desk.keep(0, 100);
        let _ = desk.keep(1, 100);
        desk.age += HOUR;
        assert_eq!(sent(&desk.step(Input::Tick)), [1, 2]);
        assert_eq!(desk.step(Input::Damaged(vec![1])).then, None, "the rest is on its way");
        let _ = desk.store_all([2]);
        assert_eq!((desk.machine.waiting(), desk.machine.delivered()), (0, 1));
        let why: Vec<_> = desk.machine.set_aside().map(|aside| aside.why).collect();
        assert_eq!(why, [Why::Damaged]);
    }

    #[test]
    fn a_reply_that_tells_less_than_it_should_is_a_failure() {
        let mut desk = Desk::new();
        let _ = desk.keep(0, 100);
        let step = desk.reply([], desk.record(0, None));
        assert_eq!((step.then, desk.machine.waiting()), (None, 1));
        assert!(desk.machine.wake_at() > Some(desk.age));
        // One that is for nobody changes nothing.
        let before = desk.machine.clone();
        let _ = desk.reply([(0, Ok(1))], desk.record(1, None));
        assert_eq!(desk.machine, before);
    }

    struct Desk {
        machine: Machine,
        age: Age,
        epoch: u128,
    }

    impl Desk {
        fn new() -> Self {
            let machine = Machine::new(Timing::default(), Held::default(), true);
            let mut desk = Self { machine, age: 0, epoch: 1 };
            let _ = desk.step(Input::SignedIn { pupil_id: pupil(), deposit: "p".into() });
            desk
        }

        fn step(&mut self, input: Input) -> Step {
            self.machine.step(Moment { age: self.age, chance: 0 }, input)
        }

        fn keep(&mut self, n: u128, wire_bytes: u32) -> Step {
            self.keep_for(pupil(), n, wire_bytes)
        }

        fn keep_for(&mut self, pupil_id: UserId, n: u128, wire_bytes: u32) -> Step {
            self.step(Input::Keep(Box::new(NewItem {
                attempt_id: attempt(n),
                pupil_id,
                body: String::new(),
                body_hash: String::new(),
                occurred_at: ClockReading {
                    wall: Timestamp::UNIX_EPOCH,
                    monotonic_ms: 0,
                    boot_id: Uuid::nil(),
                },
                wire_bytes,
            })))
        }

        /// The hub is away for a moment.
        fn pass_failing(&mut self) {
            self.machine.wait_until = self.age + 1_000;
        }

        fn epoch_id(&self) -> EpochId {
            EpochId(Uuid::from_u128(self.epoch))
        }

        fn record(&self, hub_seq: i64, verified: Option<i64>) -> RecordState {
            let epoch_id = self.epoch_id();
            let backup_verified = verified.map(|hub_seq| RecordPlace { epoch_id, hub_seq });
            let server_time = Timestamp::UNIX_EPOCH;
            RecordState { epoch_id, epoch: self.epoch as i64, hub_seq, backup_verified, server_time }
        }

        fn seen(&self, verified: Option<i64>) -> Seen {
            let RecordState { epoch_id, epoch, backup_verified, .. } = self.record(0, verified);
            Seen { epoch_id, epoch, verified: backup_verified }
        }

        /// What became of the answers of these ids.
        fn reply<const N: usize>(
            &mut self,
            of: [(u128, Result<i64, RejectCode>); N],
            record: RecordState,
        ) -> Step {
            let results = of.into_iter().map(|(n, outcome)| DeliveryResult {
                attempt_id: attempt(n),
                outcome: match outcome {
                    Ok(hub_seq) => DeliveryOutcome::Stored { receipt: self.receipt(hub_seq) },
                    Err(code) => DeliveryOutcome::Rejected { code },
                },
            });
            let results = results.collect();
            self.step(Input::Replied(Reply::Delivered(Delivered { results, record })))
        }

        /// The hub has stored these items, whose ids are one less than their numbers.
        fn store_all(&mut self, device_seqs: impl IntoIterator<Item = i64>) -> Step {
            let results: Vec<_> = device_seqs
                .into_iter()
                .map(|device_seq| DeliveryResult {
                    attempt_id: attempt(device_seq as u128 - 1),
                    outcome: DeliveryOutcome::Stored { receipt: self.receipt(device_seq) },
                })
                .collect();
            let record = self.record(1_000, None);
            self.step(Input::Replied(Reply::Delivered(Delivered { results, record })))
        }

        fn receipt(&self, hub_seq: i64) -> Receipt {
            Receipt { epoch_id: self.epoch_id(), hub_seq, mac: String::new() }
        }
    }

    fn attempt(n: u128) -> AttemptId {
        AttemptId(Uuid::from_u128(n + 1))
    }

    fn pupil() -> UserId {
        UserId(Uuid::from_u128(1))
    }

    fn sent(step: &Step) -> Vec<i64> {
        step.then.as_ref().map(numbers).expect("a request")
    }

    fn numbers(request: &Request) -> Vec<i64> {
        match request {
            Request::Deliver { device_seqs, .. } => device_seqs.clone(),
            Request::AskLacking { .. } | Request::AskRecord => panic!("a batch and not {request:?}"),
        }
    }
}
