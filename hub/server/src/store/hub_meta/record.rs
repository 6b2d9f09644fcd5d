//! What the hub knows of its own record, and what it makes of a place that somebody shows it. Pure.
//!
//! The record is a tree: each epoch goes on from a place of its parent, and what the parent held beyond that place is
//! lost. The database knows the path from the first epoch to the current one; a place that is not on it, or beyond its
//! end, was given by a state of the hub that this one has lost.
//!
//! | the place that is shown | what it says | what follows |
//! |---|---|---|
//! | current epoch, not beyond the last number | an ordinary answer | nothing |
//! | current epoch, beyond the last number | this hub has given it and does not have it: put back | a new epoch |
//! | former epoch, before the first number of the next | kept by every epoch since | nothing |
//! | former epoch, at or beyond that number | lost when the next epoch began, and known as lost since | nothing |
//! | unknown epoch, its id before the current one's | of a branch that was left when a later epoch began | nothing |
//! | unknown epoch, its id after the current one's | began after everything this hub knows: put back | a new epoch |
//!
//! Two rows rest on the order of the ids: [`next_id`] gives a new epoch an id after all that are known, its own parent
//! and whatever was shown, so that along every branch ids rise whatever the clock says. An epoch that descends from the
//! current one is therefore always noticed. One of a branch beside it is noticed unless a clock was set back between the
//! two; then nobody is lost either, because devices ask what the hub lacks as soon as the epoch is another than theirs.
//!
//! A place is judged once for each rollback, also if fifty devices show theirs at once: the new epoch begins on the
//! writer's thread, which judges again, and by then the place is one of a former epoch or an id that lies before.
//!
//! What nobody can see: the whole folder put back, high mark included, and then written to beyond every number that was
//! ever acknowledged, before the first receipt comes. A high mark on another disk (`backup.high_mark`) sees that too.

use std::sync::Arc;

use dreamseed_wire::{backup::EpochReason, delivery::RecordPlace, ids::EpochId};
use jiff::Timestamp;

/// A stretch of the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epoch {
    /// Rises from 1; never given twice, as far as anything that survives a restore knows.
    pub number: i64,
    pub id: EpochId,
    pub parent: Option<i64>,
    pub reason: EpochReason,
    /// The first place of it.
    pub from_seq: i64,
    pub started_at: Timestamp,
}

/// The path from the first epoch to the current one, and how far the current one has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub current: Epoch,
    /// Oldest first.
    pub former: Arc<[Epoch]>,
    /// The last number that is durable, of whatever epoch.
    pub hub_seq: i64,
}

/// What a place that somebody shows says about the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    Ordinary,
    /// Lost when an epoch began that the hub knows.
    LostBefore,
    /// The record has been put back to a state before this place.
    PutBack,
}

impl Record {
    /// The current epoch's place.
    pub fn place(&self) -> RecordPlace {
        RecordPlace { epoch_id: self.current.id, hub_seq: self.hub_seq }
    }

    /// All epochs, oldest first.
    pub fn epochs(&self) -> impl DoubleEndedIterator<Item = &Epoch> {
        self.former.iter().chain(std::iter::once(&self.current))
    }

    /// An epoch by its number.
    pub fn epoch(&self, number: i64) -> Option<&Epoch> {
        self.epochs().find(|epoch| epoch.number == number)
    }

    /// What a place that this hub has once given says; see the table above. The proof is the caller's to check.
    pub fn judge(&self, shown: RecordPlace) -> Sign {
        if shown.epoch_id == self.current.id {
            return if shown.hub_seq <= self.hub_seq { Sign::Ordinary } else { Sign::PutBack };
        }
        let mut later = self.epochs().skip_while(|epoch| epoch.id != shown.epoch_id).skip(1);
        match later.next() {
            Some(next) if shown.hub_seq < next.from_seq => Sign::Ordinary,
            Some(_) => Sign::LostBefore,
            None if shown.epoch_id < self.current.id => Sign::LostBefore,
            None => Sign::PutBack,
        }
    }

    /// The record after an epoch began.
    pub(in crate::store) fn with(&self, next: Epoch) -> Self {
        let former: Arc<[Epoch]> = self.epochs().copied().collect();
        Record { current: next, former, hub_seq: self.hub_seq }
    }
}

/// The id of an epoch that begins now: a UUIDv7 after each of `known`, whatever the clock says.
pub(super) fn next_id(known: impl Iterator<Item = EpochId>, now: Timestamp) -> EpochId {
    let after = known.map(|id| millis_of(id) + 1).max().unwrap_or(0);
    let millis = u64::try_from(now.as_millisecond()).unwrap_or(0).max(after);
    // The random part of an id that the library makes.
    let random = uuid::Uuid::now_v7();
    let mut bytes = *random.as_bytes();
    let (time, _) = bytes.split_at_mut(6);
    time.copy_from_slice(&millis.to_be_bytes()[2..]);
    EpochId(uuid::Uuid::from_bytes(bytes))
}

/// The time in an id: the first 48 bits of a UUIDv7.
fn millis_of(id: EpochId) -> u64 {
    let mut millis = [0; 8];
    millis[2..].copy_from_slice(&id.0.as_bytes()[..6]);
    u64::from_be_bytes(millis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{HashMap, HashSet};

    fn epoch(number: i64, millis: i64, from_seq: i64) -> Epoch {
        let at = Timestamp::from_millisecond(millis).expect("a time");
        Epoch {
            number,
            id: next_id(std::iter::empty(), at),
            parent: (number > 1).then_some(number - 1),
            reason: if number > 1 { EpochReason::Restore } else { EpochReason::First },
            from_seq,
            started_at: at,
        }
    }

    /// Epochs from 1, from 51 and from 81; 90 is the last number.
    fn record() -> Record {
        let former = [epoch(1, 1_000, 1), epoch(2, 2_000, 51)].into();
        Record { current: epoch(3, 3_000, 81), former, hub_seq: 90 }
    }

    #[test]
    fn each_row_of_the_table() {
        let record = record();
        let of = |index: usize| record.epochs().nth(index).expect("an epoch").id;
        let unknown =
            |millis| next_id(std::iter::empty(), Timestamp::from_millisecond(millis).expect("a time"));
        for (epoch_id, hub_seq, sign) in [
            (of(2), 81, Sign::Ordinary),
            (of(2), 90, Sign::Ordinary),
            (of(2), 91, Sign::PutBack),
            (of(0), 50, Sign::Ordinary),
            (of(0), 51, Sign::LostBefore),
            (of(0), 100, Sign::LostBefore),
            (of(1), 80, Sign::Ordinary),
            (of(1), 95, Sign::LostBefore),
            (unknown(2_500), 1, Sign::LostBefore),
            (unknown(3_500), 1, Sign::PutBack),
        ] {
            assert_eq!(record.judge(RecordPlace { epoch_id, hub_seq }), sign, "{epoch_id} {hub_seq}");
        }
    }

    #[test]
    fn ids_rise_whatever_the_clock_says() {
        let now = Timestamp::from_millisecond(5_000).expect("a time");
        let first = next_id(std::iter::empty(), now);
        assert_eq!(millis_of(first), 5_000);
        assert_eq!(first.0.get_version_num(), 7);
        let set_back = Timestamp::from_millisecond(-9).expect("a time");
        let second = next_id([first].into_iter(), set_back);
        assert!(second > first && millis_of(second) == 5_001);
    }

    /// One thing that happens to a hub.
    #[derive(Debug, Clone)]
    enum Happening {
        /// Answers are acknowledged.
        Write(u8),
        /// A snapshot is taken.
        Snapshot,
        /// A snapshot is restored as it should be: with the mark.
        Restore(prop::sample::Index),
        /// The database is put back by hand; the high mark beside it stays. Seen at the next start.
        PutBackFile(prop::sample::Index),
        /// The whole folder is put back, high mark included; devices come before anything is written.
        PutBackFolder(prop::sample::Index),
        /// Devices show receipts that they hold, in any order and again.
        Show(Vec<prop::sample::Index>),
        /// The clock is set to another time.
        SetClock(i64),
    }

    fn happening() -> impl Strategy<Value = Happening> {
        prop_oneof![
            4 => (1u8..6).prop_map(Happening::Write),
            2 => Just(Happening::Snapshot),
            1 => any::<prop::sample::Index>().prop_map(Happening::Restore),
            1 => any::<prop::sample::Index>().prop_map(Happening::PutBackFile),
            1 => any::<prop::sample::Index>().prop_map(Happening::PutBackFolder),
            3 => prop::collection::vec(any::<prop::sample::Index>(), 1..6).prop_map(Happening::Show),
            1 => (0i64..4_000_000_000_000).prop_map(Happening::SetClock),
        ]
    }

    /// A database: its record and, for each number in it, which row stands there.
    #[derive(Clone)]
    struct Database {
        record: Record,
        rows: HashMap<i64, u32>,
    }

    struct World {
        now: i64,
        hub: Database,
        snapshots: Vec<Database>,
        /// The number and the highest place of the newest epoch, as the mark beside the database has it.
        mark: (i64, RecordPlace),
        /// Every place that was ever acknowledged, with its row.
        given: Vec<(RecordPlace, u32)>,
        parents: HashMap<EpochId, Option<EpochId>>,
        begun: usize,
    }

    impl World {
        fn new() -> Self {
            let first = epoch(1, 1_700_000_000_000, 1);
            let record = Record { current: first, former: [].into(), hub_seq: 0 };
            World {
                now: 1_700_000_000_000,
                mark: (1, record.place()),
                hub: Database { record, rows: HashMap::new() },
                snapshots: Vec::new(),
                given: Vec::new(),
                parents: HashMap::from([(first.id, None)]),
                begun: 0,
            }
        }

        fn begin(&mut self, reason: EpochReason, shown: Option<EpochId>) {
            let record = &self.hub.record;
            let known = record.epochs().map(|epoch| epoch.id).chain([self.mark.1.epoch_id]).chain(shown);
            let at = Timestamp::from_millisecond(self.now).expect("a time");
            let next = Epoch {
                number: 1 + record.current.number.max(self.mark.0),
                id: next_id(known, at),
                parent: Some(record.current.number),
                reason,
                from_seq: record.hub_seq + 1,
                started_at: at,
            };
            assert!(self.parents.insert(next.id, Some(record.current.id)).is_none(), "an id is given once");
            self.hub.record = record.with(next);
            self.mark = (next.number, self.hub.record.place());
            self.begun += 1;
        }

        /// As at a start: the mark says whether the record was put back.
        fn start(&mut self) {
            if self.hub.record.judge(self.mark.1) == Sign::PutBack {
                self.begin(EpochReason::Rollback, Some(self.mark.1.epoch_id));
            }
        }

        fn show(&mut self, place: RecordPlace) {
            if self.hub.record.judge(place) == Sign::PutBack {
                self.begin(EpochReason::Rollback, Some(place.epoch_id));
            }
        }

        fn happen(&mut self, what: &Happening, next_row: &mut u32) {
            match what {
                Happening::Write(rows) => {
                    for _ in 0..*rows {
                        self.hub.record.hub_seq += 1;
                        *next_row += 1;
                        self.hub.rows.insert(self.hub.record.hub_seq, *next_row);
                        self.given.push((self.hub.record.place(), *next_row));
                    }
                    self.mark = (self.hub.record.current.number, self.hub.record.place());
                }
                Happening::Snapshot => self.snapshots.push(self.hub.clone()),
                Happening::Restore(which) if !self.snapshots.is_empty() => {
                    self.hub = which.get(&self.snapshots).clone();
                    self.begin(EpochReason::Restore, None);
                }
                Happening::PutBackFile(which) if !self.snapshots.is_empty() => {
                    self.hub = which.get(&self.snapshots).clone();
                    self.start();
                }
                Happening::PutBackFolder(which) if !self.snapshots.is_empty() => {
                    self.hub = which.get(&self.snapshots).clone();
                    self.mark = (self.hub.record.current.number, self.hub.record.place());
                    // Every device comes and shows the highest place it knows.
                    for (place, _) in self.given.clone() {
                        self.show(place);
                    }
                }
                Happening::Show(which) if !self.given.is_empty() => {
                    let before = self.begun;
                    for index in which {
                        self.show(index.get(&self.given).0);
                        self.show(index.get(&self.given).0);
                    }
                    assert!(self.begun <= before + which.len());
                }
                Happening::SetClock(millis) => self.now = *millis,
                Happening::Restore(_)
                | Happening::PutBackFile(_)
                | Happening::PutBackFolder(_)
                | Happening::Show(_) => {}
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

        #[test]
        fn no_place_is_given_to_two_answers(history in prop::collection::vec(happening(), 1..40)) {
            let (mut world, mut next_row) = (World::new(), 0);
            for what in &history {
                world.happen(what, &mut next_row);
                // Shown once more, nothing that was shown begins another epoch.
                let settled = world.begun;
                if let Happening::Show(which) = what {
                    for index in which.iter().filter(|_| !world.given.is_empty()).cloned().collect::<Vec<_>>() {
                        let place = index.get(&world.given).0;
                        world.show(place);
                    }
                    prop_assert_eq!(world.begun, settled);
                }
                let numbers: Vec<_> = world.hub.record.epochs().map(|epoch| epoch.number).collect();
                prop_assert!(numbers.is_sorted_by(|a, b| a < b), "{:?}", numbers);
                prop_assert!(world.hub.record.epochs().is_sorted_by(|a, b| a.id < b.id));
                prop_assert!(world.hub.record.epochs().is_sorted_by(|a, b| a.from_seq <= b.from_seq));
            }
            let mut places = HashSet::new();
            for (place, row) in &world.given {
                prop_assert!(places.insert((place.epoch_id, place.hub_seq)), "{:?} was given twice, again to {}", place, row);
            }
            // A tree: every epoch but the first has one parent, and all lead back to the first.
            for id in world.parents.keys() {
                let (mut at, mut steps) = (*id, 0);
                while let Some(parent) = world.parents[&at] {
                    (at, steps) = (parent, steps + 1);
                    prop_assert!(steps <= world.parents.len(), "a ring");
                }
            }
            // A place is ordinary exactly if the hub has the answer that it was given to.
            for (place, row) in &world.given {
                if world.hub.record.judge(*place) == Sign::Ordinary {
                    prop_assert_eq!(world.hub.rows.get(&place.hub_seq), Some(row));
                }
            }
        }

        #[test]
        fn nothing_is_said_of_places_that_the_hub_has(history in prop::collection::vec(happening(), 1..40)) {
            let (mut world, mut next_row) = (World::new(), 0);
            for what in &history {
                world.happen(what, &mut next_row);
            }
            let begun = world.begun;
            let own: Vec<_> = world.given.iter()
                .filter(|(place, row)| world.hub.rows.get(&place.hub_seq) == Some(row))
                .map(|(place, _)| *place)
                .collect();
            for place in own {
                world.show(place);
            }
            prop_assert_eq!(world.begun, begun);
        }
    }
}
