//! A device's outbox: answers are kept on its disk before anybody is told that they are kept, delivered to the hub by
//! the device itself, and held until a backup of the hub covers them.
//!
//! The walk of an answer: [`Outbox::keep`] ([`deliver`]) → [`machine`], which decides, without a clock, disk or network
//! → [`store`], SQLite, durable → the hub, by the device's signature ([`identity`]) → and back through the machine. The
//! pupil may have signed out long ago, and somebody else may sit at the device: what counts is the proof that the hub
//! gave to this device when the pupil signed in on it.

mod clock;
mod deliver;
mod identity;
pub mod machine;
pub mod store;

pub use clock::{Clock, MachineClock};
pub use deliver::{Kept, Outbox, OutboxStatus};
pub use machine::{Again, Reach, Seen, SetAside, Why};
pub use store::Repaired;

use crate::ClientError;

/// What can go wrong in an outbox.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    #[error("another program on this device works with the outbox; close it and try again")]
    InUse,
    #[error(
        "the outbox was written by a newer program (version {found}, this one knows {known}); install that program again"
    )]
    Newer { found: u32, known: u32 },
    #[error("the disk is full: the answer is not kept; make room and send it again")]
    DiskFull,
    #[error("the outbox's file is damaged")]
    FileDamaged,
    #[error("the outbox's file cannot be read or written; look at the device's disk")]
    File(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the outbox's folder cannot be read or written; look at the device's disk")]
    Io(#[from] std::io::Error),
    #[error("another answer was kept under this id; make a new id for a new answer")]
    OtherAnswer,
    #[error("the device's key cannot be made or used")]
    Key,
    #[error("the hub must know the device first; enrol it")]
    NotEnrolled,
    #[error(transparent)]
    Hub(#[from] ClientError),
    #[error("the outbox is closed")]
    Closed,
}
