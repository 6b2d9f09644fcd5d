//! GIFT, after the format's own documentation (docs.moodle.org, GIFT format).

mod read;
mod write;

pub(crate) use read::read;
pub(crate) use write::write;
