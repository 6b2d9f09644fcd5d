//! Backups against real places: folders, small disks, and Garage as a bucket, with a proxy that breaks what passes it.
//! Stock restic reads what was written.

mod bucket;
mod faults;
mod folder;
mod killed;
mod large;
mod mended;
mod restic;
mod support;
mod tidied;
