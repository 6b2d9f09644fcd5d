//! Moodle XML, after the format's own documentation (docs.moodle.org, Moodle XML format).

mod read;
mod tree;
mod write;

pub(crate) use read::read;
pub(crate) use write::write;
