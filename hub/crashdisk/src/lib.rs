//! A disk that keeps, through a power cut, only what was synced; of the rest it loses, tears and reorders sectors.
//!
//! The walk: [`install`] makes the disk SQLite's own way to files, for the whole process, so that the hub opens its database
//! on it without a line of its own being different → [`disk::Disk`] remembers for each file what is synced and what is not →
//! at the cut it refuses every further call, and [`image::survive`] decides sector by sector what is left → another disk is
//! made of that, and another hub opens it.
//!
//! Only what SQLite writes goes through it. What the hub writes by itself (its keys, ledgers and the high mark) lies in plain
//! files, whose writes and syncs nobody sees here: a drill takes those as they stand at the cut, as if all of it had reached
//! the disk. They are written aside, synced and renamed; their own tests look at halves of them.

pub mod disk;
pub mod image;
pub mod random;
mod sharing;
mod vfs;

// Brings SQLite itself along: the plugin only names its functions.
use dreamseed_hub as _;

pub use vfs::install;
