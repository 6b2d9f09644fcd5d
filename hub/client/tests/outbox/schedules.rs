//! Walks through the world by chance. `DREAMSEED_SCHEDULES` sets how many; by default as many as a test run bears.

use crate::world::*;
use dreamseed_client::outbox::machine::{Input, State, Timing};
use dreamseed_wire::ids::AttemptId;
use proptest::{
    prelude::*,
    test_runner::{Config, TestError, TestRunner},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    time::Instant,
};

const DEVICES: usize = 2;
/// With clones.
const MOST_DEVICES: usize = 4;
const PUPILS: usize = 4;
const BY_DEFAULT: u32 = 6_000;

/// One thing that happens; `which` chooses among what there is.
#[derive(Debug, Clone, Copy)]
struct Act {
    deed: Deed,
    device: usize,
    which: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Keep,
    KeepAgain,
    KeepCrashing,
    SignIn,
    NewPupil,
    Dismiss,
    Arrive,
    Reply,
    ReplyCrashing,
    Lose,
    Delay,
    Double,
    StrayArrives,
    Pass,
    PassADay,
    ConnectionBack,
    Restart,
    HubDown,
    HubUp,
    HubBusy,
    Copy,
    BackUp,
    Restore,
    RollBack,
    Revoke,
    EnrolAnew,
    Clone,
}

fn timing() -> Timing {
    // Thirty days are tested by themselves: here every forgetting must be covered.
    Timing { keep_for: u64::MAX, ..Timing::default() }
}

fn act() -> impl Strategy<Value = Act> {
    use Deed::*;
    // What moves the work on is frequent, so that there is something to lose when the rest happens.
    let deed = prop_oneof![
        24 => prop_oneof![6 => Just(Keep), 1 => Just(KeepAgain), 2 => Just(KeepCrashing)],
        40 => prop_oneof![8 => Just(Arrive), 8 => Just(Reply), 2 => Just(ReplyCrashing), 2 => Just(Pass)],
        12 => prop_oneof![Just(Lose), Just(Delay), Just(Double), Just(StrayArrives)],
        6 => prop_oneof![Just(SignIn), Just(NewPupil), Just(Dismiss), Just(ConnectionBack), Just(PassADay)],
        6 => prop_oneof![Just(Restart), Just(HubDown), Just(HubUp), Just(HubBusy)],
        12 => prop_oneof![2 => Just(Copy), 2 => Just(BackUp), 2 => Just(Restore), 1 => Just(RollBack)],
        2 => prop_oneof![Just(Revoke), Just(EnrolAnew), Just(Clone)],
    ];
    (deed, 0..MOST_DEVICES, 0..64_usize).prop_map(|(deed, device, which)| Act { deed, device, which })
}

/// The world and what only the walk needs to remember.
struct Walk {
    world: World,
    attempts: usize,
    pupils: usize,
    ids: u8,
    /// For each device and pupil the highest number that was stored for the first time.
    first_stored: BTreeMap<(usize, u128), i64>,
    stored_once: BTreeSet<AttemptId>,
    were_aside: BTreeSet<AttemptId>,
}

impl Walk {
    fn new() -> Self {
        Self {
            world: World::new(DEVICES, PUPILS, &timing()),
            attempts: 0,
            pupils: PUPILS,
            ids: DEVICES as u8,
            first_stored: BTreeMap::new(),
            stored_once: BTreeSet::new(),
            were_aside: BTreeSet::new(),
        }
    }

    fn act(&mut self, Act { deed, device, which }: Act, broken: Broken) {
        let world = &mut self.world;
        let device = device % world.devices.len();
        match deed {
            Deed::Keep | Deed::KeepCrashing => {
                let crash = match (deed, which % 2) {
                    (Deed::KeepCrashing, 0) => Crash::BeforeDisk,
                    (Deed::KeepCrashing, _) => Crash::AfterDisk,
                    _ => Crash::No,
                };
                world.keep(device, attempt(self.attempts), pupil(which % self.pupils), crash, broken);
                self.attempts += 1;
            }
            // The pupil presses once more.
            Deed::KeepAgain => {
                if let Some((attempt_id, on)) = world.told.iter().nth(which).map(|(id, on)| (*id, *on)) {
                    world.keep(on, attempt_id, pupil(which % self.pupils), Crash::No, broken);
                }
            }
            Deed::SignIn => world.sign_in(device, pupil(which % self.pupils)),
            Deed::NewPupil => {
                world.hub.db.pupils.insert(pupil(self.pupils));
                world.sign_in(device, pupil(self.pupils));
                self.pupils += 1;
            }
            Deed::Dismiss => world.dismiss(device, which),
            Deed::Arrive | Deed::Double => world.arrive(device, broken),
            Deed::Reply => world.reply(device, Crash::No, broken),
            Deed::ReplyCrashing => {
                let crash = if which % 2 == 0 { Crash::BeforeDisk } else { Crash::AfterDisk };
                world.reply(device, crash, broken);
            }
            Deed::Lose => world.give_up(device, false),
            Deed::Delay => world.give_up(device, true),
            Deed::StrayArrives => {
                if !world.strays.is_empty() {
                    world.stray_arrives(which % world.strays.len(), broken);
                }
            }
            Deed::Pass => world.pass(device, 1 << which.min(20), Input::Tick, Crash::No),
            Deed::PassADay => world.pass(device, 25 * 3_600_000, Input::Tick, Crash::No),
            Deed::ConnectionBack => world.pass(device, 1, Input::ConnectionBack, Crash::No),
            Deed::Restart => world.restart(device),
            Deed::HubDown => world.hub.is_up = false,
            Deed::HubUp => world.hub.is_up = true,
            Deed::HubBusy => world.hub.busy_after = Some(which % 8),
            Deed::Copy => world.copy(),
            Deed::BackUp => world.back_up(),
            Deed::Restore | Deed::RollBack if world.copies.is_empty() => {}
            Deed::Restore => world.restore(which % world.copies.len()),
            Deed::RollBack => world.roll_back(which % world.copies.len()),
            Deed::Revoke => {
                let id = world.devices[device].id;
                world.hub.revoked.insert(id);
            }
            Deed::EnrolAnew => {
                self.ids += 1;
                world.enrol_anew(device, self.ids);
            }
            Deed::Clone => {
                if world.devices.len() < MOST_DEVICES {
                    world.clone_device(device);
                }
            }
        }
    }

    /// Answers of one pupil on one device reach the record for the first time in the order in which they were given, but
    /// for those that were set aside meanwhile.
    fn keeps_order(&mut self) -> Result<(), &'static str> {
        for device in &self.world.devices {
            let aside = device.disk.items.values().filter(|(_, state)| matches!(state, State::Aside { .. }));
            self.were_aside.extend(aside.map(|(item, _)| item.attempt_id));
        }
        for stored in &self.world.hub.db.log {
            if !self.stored_once.insert(stored.attempt_id) || self.were_aside.contains(&stored.attempt_id) {
                continue;
            }
            let of = (stored.device, stored.pupil_id.0.as_u128());
            let highest = self.first_stored.entry(of).or_insert(0);
            if stored.device_seq < *highest {
                return Err("answers of one pupil came out of order");
            }
            *highest = stored.device_seq;
        }
        Ok(())
    }
}

/// Walks, and says which belief broke.
fn walk(acts: &[Act], broken: Broken) -> Result<(), &'static str> {
    let mut walk = Walk::new();
    for act in acts {
        walk.act(*act, broken);
        walk.world.is_sound()?;
        walk.keeps_order()?;
    }
    walk.world.ends_well(broken)
}

fn run(cases: u32, broken: Broken) -> Result<(), TestError<Vec<Act>>> {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 2_000, ..Config::default() };
    TestRunner::new(config)
        .run(&prop::collection::vec(act(), 1..70), |acts| walk(&acts, broken).map_err(TestCaseError::fail))
}

#[test]
fn nothing_is_lost_doubled_or_stuck() {
    #[expect(clippy::disallowed_methods, reason = "a test has no other settings")]
    let cases = std::env::var("DREAMSEED_SCHEDULES").ok().and_then(|n| n.parse().ok()).unwrap_or(BY_DEFAULT);
    let begun = Instant::now();
    if let Err(error) = run(cases, Broken::Nothing) {
        panic!("{error}");
    }
    let seconds = begun.elapsed().as_secs_f64();
    let _ = writeln!(std::io::stdout(), "{cases} schedules in {seconds:.1} s");
}

/// A check that cannot fail is none.
#[test]
fn what_is_broken_on_purpose_is_found() {
    let breaks = [
        (Broken::ForgetsOnAck, "no backup covers"),
        // By one way or the other: it takes old places for new ones.
        (Broken::NeverAsks, ""),
        (Broken::TellsBeforeDisk, "is lost"),
        (Broken::HubDoubles, "twice"),
    ];
    for (broken, says) in breaks {
        match run(2_000, broken) {
            Err(TestError::Fail(reason, _)) => {
                assert!(reason.message().contains(says), "{broken:?} was found as: {reason}");
            }
            Err(TestError::Abort(reason)) => panic!("{broken:?}: {reason}"),
            Ok(()) => panic!("{broken:?} was not found"),
        }
    }
}
