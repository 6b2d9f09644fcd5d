//! The outbox against a world that loses, doubles and delays, crashes at every point, and puts the hub back.
//!
//! [`world`] is that world, over the machine that ships. [`schedules`] walks through it by chance, [`every_state`] looks
//! at each state of a small one. What they hold is the same: never lost, never doubled, always drains.
//! [`on_disk`] is about the file, [`driven`] about the driver against a scripted hub.

mod driven;
mod every_state;
mod on_disk;
mod schedules;
mod world;
