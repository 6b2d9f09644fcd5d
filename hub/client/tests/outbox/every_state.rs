//! Every state of a small world: two devices, two answers each, two times that the hub is put back, by the book or not.
//!
//! A device that waits in vain begins anew here, which is the same for the protocol and leaves no counters behind. That
//! work is always finished is asked of each state: if all is well from there on, does it end with each answer in the
//! record, once?

use crate::world::*;
use dreamseed_client::outbox::machine::Timing;
use stateright::{Checker, HasDiscoveries, Model, Property};
use std::{io::Write, time::Instant};

const PUT_BACK: u8 = 2;
const BACKUPS: u8 = 1;
const COPIES: u8 = 1;
const STRAYS: usize = 1;

#[derive(Debug, Clone, Copy)]
struct SmallWorld {
    broken: Broken,
    devices: usize,
    /// Of each device.
    answers: usize,
    /// Deeds one after the other at most; all there are if `None`.
    depth: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Now {
    world: World,
    kept: Vec<usize>,
    put_back: u8,
    backups: u8,
    copies: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Act {
    Keep(usize, Crash),
    Arrive(usize),
    Reply(usize),
    Restart(usize),
    StrayArrives,
    Copy,
    BackUp,
    Restore(usize),
    RollBack(usize),
}

/// Failures cost no time and looks at the record are for starts only, so that time makes no states.
fn timing() -> Timing {
    Timing {
        first_wait: 0,
        longest_wait: 0,
        refused_wait: 0,
        look_every: 1 << 40,
        try_again_after: u64::MAX,
        keep_for: u64::MAX,
    }
}

impl Model for SmallWorld {
    type State = Now;
    type Action = Act;

    fn init_states(&self) -> Vec<Now> {
        let world = World::new(self.devices, 1, &timing());
        vec![Now { world, kept: vec![0; self.devices], put_back: 0, backups: 0, copies: 0 }]
    }

    fn actions(&self, now: &Now, acts: &mut Vec<Act>) {
        for device in 0..self.devices {
            if now.kept[device] < self.answers {
                acts.push(Act::Keep(device, Crash::No));
                if device == 0 && now.kept[device] == 0 {
                    acts.push(Act::Keep(device, Crash::BeforeDisk));
                }
            }
            if let Some(out) = &now.world.devices[device].out {
                acts.push(Act::Arrive(device));
                if out.reply.is_some() {
                    acts.push(Act::Reply(device));
                }
                if out.has_arrived || now.world.strays.len() < STRAYS {
                    acts.push(Act::Restart(device));
                }
            }
        }
        if !now.world.strays.is_empty() {
            acts.push(Act::StrayArrives);
        }
        if now.copies < COPIES {
            acts.push(Act::Copy);
        }
        if now.backups < BACKUPS {
            acts.push(Act::BackUp);
        }
        if now.put_back < PUT_BACK {
            for n in 0..now.world.copies.len() {
                acts.push(Act::Restore(n));
                acts.push(Act::RollBack(n));
            }
        }
    }

    fn next_state(&self, now: &Now, act: Act) -> Option<Now> {
        let mut next = now.clone();
        let world = &mut next.world;
        match act {
            Act::Keep(device, crash) => {
                let id = attempt(device * self.answers + now.kept[device]);
                world.keep(device, id, pupil(0), crash, self.broken);
                next.kept[device] += 1;
            }
            Act::Arrive(device) => world.arrive(device, self.broken),
            Act::Reply(device) => world.reply(device, Crash::No, self.broken),
            Act::Restart(device) => world.restart(device),
            Act::StrayArrives => world.stray_arrives(0, self.broken),
            Act::Copy => {
                world.copy();
                next.copies += 1;
            }
            Act::BackUp => {
                world.back_up();
                next.backups += 1;
            }
            Act::Restore(n) => {
                world.restore(n);
                next.put_back += 1;
            }
            Act::RollBack(n) => {
                world.roll_back(n);
                next.put_back += 1;
            }
        }
        (next != *now).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("never lost", |_, now: &Now| {
                now.world.is_sound() != Err(LOST) && now.world.broke.is_none()
            }),
            Property::always("never doubled", |_, now: &Now| now.world.is_sound() != Err(DOUBLED)),
            Property::always("always drains", |model: &Self, now: &Now| {
                now.world.ends_well(model.broken).is_ok()
            }),
        ]
    }
}

/// Looks at every state, or at as many as there are until one breaks a belief.
fn look(small: SmallWorld) -> Vec<&'static str> {
    let begun = Instant::now();
    let mut checker = small.checker().threads(2).finish_when(HasDiscoveries::Any);
    if let Some(depth) = small.depth {
        checker = checker.target_max_depth(depth);
    }
    let checker = checker.spawn_bfs().join();
    let (states, depth) = (checker.unique_state_count(), checker.max_depth());
    let seconds = begun.elapsed().as_secs_f64();
    let _ = writeln!(std::io::stdout(), "{small:?}: {states} states to depth {depth} in {seconds:.1} s");
    let mut found: Vec<_> = checker.discoveries().into_iter().collect();
    found.sort_by_key(|(name, _)| *name);
    for (name, path) in &found {
        let acts = path.clone().into_actions();
        let _ = writeln!(std::io::stdout(), "{:?} breaks `{name}`: {acts:?}", small.broken);
    }
    found.into_iter().map(|(name, _)| name).collect()
}

/// Both devices as far as a test run bears; `DREAMSEED_DEPTH` goes further.
#[test]
fn nothing_is_lost_doubled_or_stuck_with_two_devices() {
    #[expect(clippy::disallowed_methods, reason = "a test has no other settings")]
    let depth = std::env::var("DREAMSEED_DEPTH").ok().and_then(|n| n.parse().ok()).unwrap_or(9);
    let small = SmallWorld { broken: Broken::Nothing, devices: 2, answers: 2, depth: Some(depth) };
    assert_eq!(look(small), Vec::<&str>::new());
}

/// All that can ever happen to one device.
#[test]
fn nothing_is_lost_doubled_or_stuck_in_any_state_of_one_device() {
    let small = SmallWorld { broken: Broken::Nothing, devices: 1, answers: 2, depth: None };
    assert_eq!(look(small), Vec::<&str>::new());
}

/// A check that cannot fail is none.
#[test]
fn what_is_broken_on_purpose_is_found() {
    let look = |broken| look(SmallWorld { broken, devices: 2, answers: 2, depth: Some(9) });
    assert!(look(Broken::ForgetsOnAck).contains(&"never lost"));
    assert!(look(Broken::NeverAsks).contains(&"always drains"));
    assert!(look(Broken::TellsBeforeDisk).contains(&"never lost"));
    assert!(look(Broken::HubDoubles).contains(&"never doubled"));
}
