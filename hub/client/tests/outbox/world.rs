//! A hub, some devices, and everything between them that can go wrong; pure, so that it can be cloned and compared.

use dreamseed_client::outbox::machine::*;
use dreamseed_wire::{
    delivery::*,
    ids::{AttemptId, EpochId, UserId},
};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// What is broken on purpose, to see that the checks see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    Nothing,
    /// The device forgets what is acknowledged.
    ForgetsOnAck,
    /// The device takes no notice of a new stretch of record, and never asks what the hub lacks.
    NeverAsks,
    /// The pupil is told that the answer is kept before it is on the disk.
    TellsBeforeDisk,
    /// The hub stores what it has once more.
    HubDoubles,
}

pub const LOST: &str = "an answer is lost: on no device and in no backup";
pub const DOUBLED: &str = "an answer is in the record twice";

/// Where a step of a device is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Crash {
    No,
    BeforeDisk,
    /// After the change is durable and before anything follows from it.
    AfterDisk,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct World {
    pub hub: Hub,
    pub devices: Vec<Device>,
    /// Copies of the hub's database, from which it may be put back.
    pub copies: Vec<Database>,
    /// Requests that nobody waits for any more and that may arrive all the same.
    pub strays: Vec<Sent>,
    /// Answers of which a pupil was told that they are kept, and on which device.
    pub told: BTreeMap<AttemptId, usize>,
    /// Answers that are in a backup which was read back.
    pub backed_up: BTreeSet<AttemptId>,
    pub dismissed: BTreeSet<AttemptId>,
    /// The first belief that broke.
    pub broke: Option<&'static str>,
    epochs_begun: u128,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Hub {
    pub is_up: bool,
    /// So many items of the next batch are stored; the rest meets a busy hub.
    pub busy_after: Option<usize>,
    pub db: Database,
    pub revoked: BTreeSet<u8>,
}

/// What a copy of the hub's disk holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Database {
    pub epoch: EpochId,
    known_epochs: BTreeSet<EpochId>,
    pub log: Vec<Stored>,
    pub verified: Option<RecordPlace>,
    pub pupils: BTreeSet<UserId>,
}

/// An answer in the hub's record; its place is its index and one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stored {
    pub attempt_id: AttemptId,
    pub device: usize,
    pub device_seq: i64,
    pub pupil_id: UserId,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Device {
    pub machine: Machine,
    pub disk: Disk,
    /// The id that the hub knows it by; clones share it.
    pub id: u8,
    pub out: Option<Waiting>,
    pub age: Age,
    timing: Timing,
}

/// The request of a device that waits for its reply.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Waiting {
    pub sent: Sent,
    pub has_arrived: bool,
    pub reply: Option<Result<Reply, Failure>>,
}

/// A request on its way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Sent {
    Deliver { device: usize, id: u8, items: Vec<SentItem>, highest: Option<Receipt> },
    AskLacking { id: u8, attempt_ids: Vec<AttemptId>, highest: Option<Receipt> },
    AskRecord { highest: Option<Receipt> },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SentItem {
    attempt_id: AttemptId,
    device_seq: i64,
    pupil_id: UserId,
    deposit: String,
}

/// What a device's disk holds; a change is on it whole or not at all, as SQLite has it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Disk {
    next_seq: i64,
    pub items: BTreeMap<i64, (Item, State)>,
    deposits: BTreeMap<UserId, String>,
    seen: Option<Seen>,
    highest: Option<Receipt>,
}

pub fn attempt(n: usize) -> AttemptId {
    AttemptId(Uuid::from_u128(n as u128 + 1))
}

pub fn pupil(n: usize) -> UserId {
    UserId(Uuid::from_u128(n as u128 + 1))
}

/// What the hub will always say to this answer, by its number.
pub fn is_poison(attempt_id: AttemptId) -> bool {
    attempt_id.0.as_u128() % 16 == 7
}

/// The hub takes no request that holds this answer, by its number.
pub fn is_toxic(attempt_id: AttemptId) -> bool {
    attempt_id.0.as_u128() % 32 == 13
}

impl World {
    pub fn new(devices: usize, pupils: usize, timing: &Timing) -> Self {
        let epoch = EpochId(Uuid::from_u128(1));
        let db = Database {
            epoch,
            known_epochs: BTreeSet::from([epoch]),
            log: Vec::new(),
            verified: None,
            pupils: (0..pupils).map(pupil).collect(),
        };
        let device = |id| Device {
            machine: Machine::new(timing.clone(), Held::default(), true),
            disk: Disk { next_seq: 1, ..Disk::default() },
            id,
            out: None,
            age: 0,
            timing: timing.clone(),
        };
        let mut world = World {
            hub: Hub { is_up: true, busy_after: None, db, revoked: BTreeSet::new() },
            devices: (0..devices).map(|n| device(n as u8)).collect(),
            copies: Vec::new(),
            strays: Vec::new(),
            told: BTreeMap::new(),
            backed_up: BTreeSet::new(),
            dismissed: BTreeSet::new(),
            broke: None,
            epochs_begun: 1,
        };
        for device in 0..devices {
            for n in 0..pupils {
                world.sign_in(device, pupil(n));
            }
        }
        world
    }

    // What people do.

    pub fn keep(
        &mut self,
        device: usize,
        attempt_id: AttemptId,
        pupil_id: UserId,
        crash: Crash,
        broken: Broken,
    ) {
        let item = NewItem {
            attempt_id,
            pupil_id,
            body: String::new(),
            body_hash: String::new(),
            occurred_at: ClockReading { wall: Timestamp::UNIX_EPOCH, monotonic_ms: 0, boot_id: Uuid::nil() },
            wire_bytes: 1_000,
        };
        let is_on_disk = self.step(device, Input::Keep(Box::new(item)), crash);
        if is_on_disk || broken == Broken::TellsBeforeDisk {
            self.told.insert(attempt_id, device);
        }
    }

    pub fn sign_in(&mut self, device: usize, pupil_id: UserId) {
        let deposit = deposit(self.devices[device].id, pupil_id);
        self.step(device, Input::SignedIn { pupil_id, deposit }, Crash::No);
    }

    pub fn dismiss(&mut self, device: usize, n: usize) {
        let aside: Vec<SetAside> = self.devices[device].machine.set_aside().collect();
        let Some(one) = aside.get(n) else { return };
        if one.again == Again::Never {
            self.dismissed.insert(one.attempt_id);
            self.step(device, Input::Dismiss(one.attempt_id), Crash::No);
        }
    }

    /// An admin has revoked the device, or it got another key: the hub knows it under another id.
    pub fn enrol_anew(&mut self, device: usize, id: u8) {
        self.devices[device].id = id;
        self.step(device, Input::Enrolled { other_id: true }, Crash::No);
    }

    /// The device's disk is copied onto another machine, which then runs too.
    pub fn clone_device(&mut self, device: usize) {
        let mut copy = self.devices[device].clone();
        copy.out = None;
        self.devices.push(copy);
        self.restart(self.devices.len() - 1);
    }

    // What time and machines do.

    pub fn pass(&mut self, device: usize, millis: Age, input: Input, crash: Crash) {
        self.devices[device].age += millis;
        self.step(device, input, crash);
    }

    pub fn restart(&mut self, device: usize) {
        let is_stray = |waiting: Waiting| (!waiting.has_arrived).then_some(waiting.sent);
        let stray = self.devices[device].out.take().and_then(is_stray);
        self.strays.extend(stray);
        let it = &mut self.devices[device];
        it.machine = Machine::new(it.timing.clone(), it.disk.held(), true);
        self.step(device, Input::Started, Crash::No);
    }

    /// The request of the device reaches the hub; again, if it has already.
    pub fn arrive(&mut self, device: usize, broken: Broken) {
        let Some(waiting) = self.devices[device].out.clone() else { return };
        let reply = self.serve(&waiting.sent, broken);
        if let Some(out) = &mut self.devices[device].out {
            out.has_arrived = true;
            // The first reply is the one that comes back.
            out.reply = out.reply.take().or(reply);
        }
    }

    /// The reply reaches the device.
    pub fn reply(&mut self, device: usize, crash: Crash, broken: Broken) {
        let Some(Waiting { reply: Some(reply), .. }) = self.devices[device].out.clone() else { return };
        let asked = self.devices[device].out.take().map(|out| out.sent);
        let input = match reply {
            Ok(mut reply) => {
                tamper(broken, &mut reply, asked.as_ref());
                Input::Replied(reply)
            }
            Err(failure) => Input::Failed(failure),
        };
        self.step(device, input, crash);
    }

    /// The device waits no longer; the request may arrive later.
    pub fn give_up(&mut self, device: usize, may_arrive: bool) {
        let Some(waiting) = self.devices[device].out.take() else { return };
        if may_arrive {
            self.strays.push(waiting.sent);
        }
        self.step(device, Input::Failed(Failure::Unreachable), Crash::No);
    }

    pub fn stray_arrives(&mut self, n: usize, broken: Broken) {
        let sent = self.strays.remove(n);
        let _ = self.serve(&sent, broken);
    }

    // What happens to the hub.

    pub fn copy(&mut self) {
        self.copies.push(self.hub.db.clone());
    }

    /// A backup that was read back.
    pub fn back_up(&mut self) {
        let db = &mut self.hub.db;
        let place = RecordPlace { epoch_id: db.epoch, hub_seq: db.log.len() as i64 };
        self.copies.push(db.clone());
        db.verified = Some(place);
        self.backed_up.extend(db.log.iter().map(|stored| stored.attempt_id));
    }

    /// Put back by the book: a new stretch begins.
    pub fn restore(&mut self, n: usize) {
        self.hub.db = self.copies[n].clone();
        self.begin_epoch();
    }

    /// Somebody has copied an old file over the database, and nothing on the hub's side tells.
    pub fn roll_back(&mut self, n: usize) {
        self.hub.db = self.copies[n].clone();
    }

    fn begin_epoch(&mut self) {
        self.epochs_begun += 1;
        let db = &mut self.hub.db;
        db.epoch = EpochId(Uuid::from_u128(self.epochs_begun));
        db.known_epochs.insert(db.epoch);
    }

    // What must hold.

    /// In every state: what a pupil was told is kept is somewhere, and nothing is in the record twice.
    pub fn is_sound(&self) -> Result<(), &'static str> {
        if let Some(broke) = self.broke {
            return Err(broke);
        }
        let mut ids = BTreeSet::new();
        if !self.hub.db.log.iter().all(|stored| ids.insert(stored.attempt_id)) {
            return Err(DOUBLED);
        }
        let on_disks: BTreeSet<AttemptId> = self
            .devices
            .iter()
            .flat_map(|device| device.disk.items.values().map(|(item, _)| item.attempt_id))
            .collect();
        let is_safe = |id: &AttemptId| {
            on_disks.contains(id) || self.backed_up.contains(id) || self.dismissed.contains(id)
        };
        if !self.told.keys().all(is_safe) {
            return Err(LOST);
        }
        Ok(())
    }

    /// Lets everything be well for a while and looks at what has become of each answer.
    pub fn ends_well(&self, broken: Broken) -> Result<(), &'static str> {
        let mut world = self.clone();
        world.settle(broken)?;
        world.is_sound()?;
        let in_record: BTreeSet<AttemptId> =
            world.hub.db.log.iter().map(|stored| stored.attempt_id).collect();
        for attempt_id in self.told.keys() {
            let is_refused = is_poison(*attempt_id) || is_toxic(*attempt_id);
            let was_covered = self.backed_up.contains(attempt_id) && !self.is_held(*attempt_id);
            if !in_record.contains(attempt_id) && !is_refused && !was_covered {
                return Err("an answer never reaches the record");
            }
            if is_refused && !world.is_held(*attempt_id) && !self.dismissed.contains(attempt_id) {
                return Err("a refused answer is no longer to be seen");
            }
        }
        Ok(())
    }

    fn is_held(&self, attempt_id: AttemptId) -> bool {
        let mut items = self.devices.iter().flat_map(|device| device.disk.items.values());
        items.any(|(item, _)| item.attempt_id == attempt_id)
    }

    /// The network works, the hub is up and knows everybody, backups are made: after some rounds nothing is left to do.
    fn settle(&mut self, broken: Broken) -> Result<(), &'static str> {
        const ROUNDS: usize = 400;
        self.hub.is_up = true;
        self.hub.busy_after = None;
        self.hub.revoked.clear();
        let pupils: BTreeSet<UserId> = self.devices.iter().flat_map(|device| device.disk.pupils()).collect();
        self.hub.db.pupils.extend(&pupils);
        // A reply from before the last restore says truly that a backup covers an answer; that an older one was put back
        // since then is not the device's to mend, so such replies do not come any more.
        (0..self.devices.len()).for_each(|device| self.restart(device));
        while !self.strays.is_empty() {
            self.stray_arrives(0, broken);
        }
        for device in 0..self.devices.len() {
            for pupil_id in &pupils {
                self.sign_in(device, *pupil_id);
            }
        }
        for _ in 0..ROUNDS {
            for device in 0..self.devices.len() {
                if self.devices[device].out.is_some() {
                    self.arrive(device, broken);
                    self.reply(device, Crash::No, broken);
                } else {
                    let it = &self.devices[device];
                    let wait = it.machine.wake_at().map_or(0, |wake_at| wake_at.saturating_sub(it.age));
                    self.pass(device, wait, Input::Tick, Crash::No);
                }
            }
            if self.devices.iter().all(Device::has_drained) {
                // Not in every round, since each backup is a reason to ask again.
                let db = &self.hub.db;
                let place = RecordPlace { epoch_id: db.epoch, hub_seq: db.log.len() as i64 };
                if db.verified != Some(place) {
                    self.back_up();
                    self.copies.pop();
                } else if self.devices.iter().all(Device::is_done) {
                    return Ok(());
                }
            }
        }
        Err("it never drains")
    }

    // The inside.

    /// Whether the step's changes are on the disk.
    fn step(&mut self, device: usize, input: Input, crash: Crash) -> bool {
        let it = &mut self.devices[device];
        let at = Moment { age: it.age, chance: 0 };
        let is_dismissal = matches!(input, Input::Dismiss(_));
        let Step { first, then } = it.machine.step(at, input);
        if crash == Crash::BeforeDisk {
            self.restart(device);
            return false;
        }
        for change in &first {
            if let Change::Forgotten { device_seq } = change
                && !is_dismissal
                && let Some((item, _)) = it.disk.items.get(device_seq)
                && !self.backed_up.contains(&item.attempt_id)
            {
                self.broke = Some("a device forgets an answer that no backup covers");
            }
        }
        it.disk.apply(first);
        if it.disk.held() != it.machine.held() {
            self.broke = Some("the machine believes what the disk does not hold");
        }
        if crash == Crash::AfterDisk {
            self.restart(device);
            return true;
        }
        if let Some(request) = then {
            if it.out.is_some() {
                self.broke = Some("two requests are out");
            }
            let sent = it.disk.sent(device, it.id, request);
            it.out = Some(Waiting { sent, has_arrived: false, reply: None });
        }
        true
    }

    fn serve(&mut self, sent: &Sent, broken: Broken) -> Option<Result<Reply, Failure>> {
        if !self.hub.is_up {
            return None;
        }
        // A receipt that this database cannot have given: it was put back.
        let (Sent::Deliver { highest, .. } | Sent::AskLacking { highest, .. } | Sent::AskRecord { highest }) =
            sent;
        if highest.as_ref().is_some_and(|highest| self.hub.db.cannot_have_given(highest)) {
            self.begin_epoch();
            // Shown by one device, it must not count again when the next one shows it.
            self.hub.db.known_epochs.extend(highest.as_ref().map(|highest| highest.epoch_id));
        }
        let db = &mut self.hub.db;
        match sent {
            Sent::AskRecord { .. } => Some(Ok(Reply::Record(db.record()))),
            Sent::Deliver { id, .. } | Sent::AskLacking { id, .. } if self.hub.revoked.contains(id) => {
                Some(Err(Failure::DeviceRefused))
            }
            Sent::AskLacking { attempt_ids, .. } => {
                let (kept, lacking): (Vec<_>, Vec<_>) =
                    attempt_ids.iter().map(|id| (*id, db.place(*id))).partition(|(_, place)| place.is_some());
                let kept = kept
                    .into_iter()
                    .filter_map(|(attempt_id, place)| Some(KeptPlace { attempt_id, hub_seq: place? }))
                    .collect();
                let attempt_ids = lacking.into_iter().map(|(id, _)| id).collect();
                Some(Ok(Reply::Lacking(Lacking { attempt_ids, kept, record: db.record() })))
            }
            Sent::Deliver { items, .. } if items.iter().any(|item| is_toxic(item.attempt_id)) => {
                Some(Err(Failure::RequestRefused))
            }
            Sent::Deliver { device, id, items, .. } => {
                let busy_after = self.hub.busy_after.take().unwrap_or(usize::MAX);
                let results = items.iter().enumerate().map(|(n, item)| DeliveryResult {
                    attempt_id: item.attempt_id,
                    outcome: db.take(*device, *id, item, n >= busy_after, broken),
                });
                let results = results.collect();
                Some(Ok(Reply::Delivered(Delivered { results, record: db.record() })))
            }
        }
    }
}

impl Database {
    fn record(&self) -> RecordState {
        RecordState {
            epoch_id: self.epoch,
            epoch: self.known_epochs.len() as i64,
            hub_seq: self.log.len() as i64,
            backup_verified: self.verified,
            server_time: Timestamp::UNIX_EPOCH,
        }
    }

    fn place(&self, attempt_id: AttemptId) -> Option<i64> {
        let index = self.log.iter().position(|stored| stored.attempt_id == attempt_id)?;
        Some(index as i64 + 1)
    }

    fn cannot_have_given(&self, receipt: &Receipt) -> bool {
        !self.known_epochs.contains(&receipt.epoch_id)
            || (receipt.epoch_id == self.epoch && receipt.hub_seq > self.log.len() as i64)
    }

    fn take(
        &mut self,
        device: usize,
        id: u8,
        item: &SentItem,
        is_busy: bool,
        broken: Broken,
    ) -> DeliveryOutcome {
        let receipt = |hub_seq| Receipt { epoch_id: self.epoch, hub_seq, mac: String::new() };
        if let Some(hub_seq) = self.place(item.attempt_id).filter(|_| broken != Broken::HubDoubles) {
            return DeliveryOutcome::Duplicate { receipt: receipt(hub_seq) };
        }
        let refused = [
            (is_busy, RejectCode::Busy),
            (item.deposit != deposit(id, item.pupil_id), RejectCode::BadDeposit),
            (!self.pupils.contains(&item.pupil_id), RejectCode::UnknownPupil),
            (is_poison(item.attempt_id), RejectCode::LessonClosed),
        ];
        if let Some((_, code)) = refused.into_iter().find(|(is_so, _)| *is_so) {
            return DeliveryOutcome::Rejected { code };
        }
        let receipt = receipt(self.log.len() as i64 + 1);
        let SentItem { attempt_id, device_seq, pupil_id, .. } = *item;
        self.log.push(Stored { attempt_id, device, device_seq, pupil_id });
        DeliveryOutcome::Stored { receipt }
    }
}

impl Device {
    /// Nothing waits; what the hub takes in no request waits again each day.
    fn has_drained(&self) -> bool {
        let mut items = self.disk.items.values();
        items.all(|(item, state)| *state != State::Waiting || is_toxic(item.attempt_id))
    }

    /// Nothing is left but what somebody must look at.
    fn is_done(&self) -> bool {
        self.machine.delivered() == 0
            && self.machine.set_aside().all(|aside| aside.again == Again::Never || is_toxic(aside.attempt_id))
    }
}

impl Disk {
    fn apply(&mut self, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Added { device_seq, item, state } => {
                    let NewItem { attempt_id, pupil_id, wire_bytes, .. } = *item;
                    self.items.insert(device_seq, (Item { attempt_id, pupil_id, wire_bytes }, state));
                    self.next_seq = device_seq + 1;
                }
                Change::Moved { device_seq, state } => {
                    if let Some((_, stands)) = self.items.get_mut(&device_seq) {
                        *stands = state;
                    }
                }
                Change::Forgotten { device_seq } => drop(self.items.remove(&device_seq)),
                Change::Deposit { pupil_id, proof } => drop(self.deposits.insert(pupil_id, proof)),
                Change::DepositsCleared => self.deposits.clear(),
                Change::Seen(seen) => self.seen = Some(seen),
                Change::Highest(highest) => self.highest = highest,
            }
        }
    }

    fn held(&self) -> Held {
        Held {
            next_seq: self.next_seq,
            items: self.items.iter().map(|(seq, (item, state))| (*seq, *item, *state)).collect(),
            deposits: self.deposits.clone(),
            seen: self.seen,
            highest: self.highest.clone(),
        }
    }

    fn pupils(&self) -> BTreeSet<UserId> {
        self.items.values().map(|(item, _)| item.pupil_id).chain(self.deposits.keys().copied()).collect()
    }

    fn sent(&self, device: usize, id: u8, request: Request) -> Sent {
        let highest = self.highest.clone();
        match request {
            Request::AskRecord => Sent::AskRecord { highest },
            Request::AskLacking { attempt_ids } => Sent::AskLacking { id, attempt_ids, highest },
            Request::Deliver { device_seqs, highest } => {
                let items = device_seqs.into_iter().filter_map(|device_seq| {
                    let (Item { attempt_id, pupil_id, .. }, _) = *self.items.get(&device_seq)?;
                    let deposit = self.deposits.get(&pupil_id).cloned().unwrap_or_default();
                    Some(SentItem { attempt_id, device_seq, pupil_id, deposit })
                });
                Sent::Deliver { device, id, items: items.collect(), highest }
            }
        }
    }
}

fn deposit(id: u8, pupil_id: UserId) -> String {
    format!("{id} {}", pupil_id.0.as_u128())
}

/// Lets the machine of the product see the world as a broken machine would.
fn tamper(broken: Broken, reply: &mut Reply, asked: Option<&Sent>) {
    let kept = |asked: Option<&Sent>, hub_seq| match asked {
        Some(Sent::AskLacking { attempt_ids, .. }) => {
            attempt_ids.iter().map(|id| KeptPlace { attempt_id: *id, hub_seq }).collect()
        }
        Some(Sent::Deliver { .. } | Sent::AskRecord { .. }) | None => Vec::new(),
    };
    let record = match reply {
        Reply::Delivered(delivered) => &mut delivered.record,
        Reply::Lacking(lacking) => &mut lacking.record,
        Reply::Record(record) => record,
    };
    match broken {
        Broken::Nothing | Broken::TellsBeforeDisk | Broken::HubDoubles => {}
        Broken::ForgetsOnAck => {
            record.backup_verified = Some(RecordPlace { epoch_id: record.epoch_id, hub_seq: i64::MAX });
        }
        Broken::NeverAsks => {
            let first = EpochId(Uuid::from_u128(1));
            record.epoch_id = first;
            record.backup_verified =
                record.backup_verified.map(|place| RecordPlace { epoch_id: first, ..place });
            if let Reply::Delivered(delivered) = reply {
                for result in &mut delivered.results {
                    if let DeliveryOutcome::Stored { receipt } | DeliveryOutcome::Duplicate { receipt } =
                        &mut result.outcome
                    {
                        receipt.epoch_id = first;
                    }
                }
            }
            if let Reply::Lacking(lacking) = reply {
                lacking.attempt_ids.clear();
                lacking.kept = kept(asked, 1);
            }
        }
    }
}
