//! The id of an event: its stretch of the record and its number there, as `<epoch>-<seq>`. Numbers are given again after a
//! restore, so that a number alone would say nothing about what a watcher has missed.

use std::{fmt, str::FromStr};

/// A place in the record. Opaque to clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventId {
    pub epoch: i64,
    pub seq: i64,
}

/// The text is no id of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no id of an event")]
pub struct NoEventId;

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.seq)
    }
}

impl FromStr for EventId {
    type Err = NoEventId;

    fn from_str(text: &str) -> Result<Self, NoEventId> {
        let (epoch, seq) = text.split_once('-').ok_or(NoEventId)?;
        match (epoch.parse(), seq.parse()) {
            (Ok(epoch), Ok(seq)) if epoch >= 0 && seq >= 0 => Ok(EventId { epoch, seq }),
            (_, _) => Err(NoEventId),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_written() {
        let id = EventId { epoch: 2, seq: 9_000_000_000 };
        assert_eq!(id.to_string().parse(), Ok(id));
        for strange in ["", "7", "1-", "-1", "1--2", "a-b", "1-2-3"] {
            assert_eq!(strange.parse::<EventId>(), Err(NoEventId), "{strange}");
        }
    }
}
