//! What the connections of one database share besides its bytes: who has locked it, and the index of its log.
//!
//! The rules are those of SQLite's own `os_unix.c`, for connections of one process.

use std::{
    collections::{BTreeMap, BTreeSet},
    ptr::NonNull,
    sync::{Arc, atomic::AtomicU64},
};

use sqlite_plugin::{
    flags::{LockLevel, ShmLockMode},
    vars::SQLITE_BUSY,
    vfs::VfsResult,
};

/// The lock of the log's index that a checkpoint holds (`WAL_CKPT_LOCK` in SQLite's `wal.c`).
const CHECKPOINT: u8 = 1 << 1;

/// Of one database; connections are known by number.
#[derive(Default)]
pub struct Sharing {
    held: BTreeMap<u64, LockLevel>,
    slots: BTreeMap<u64, Slots>,
    mapped: BTreeSet<u64>,
    regions: Vec<Arc<[AtomicU64]>>,
}

/// One connection's locks of the log's index, a bit each.
#[derive(Debug, Default, Clone, Copy)]
struct Slots {
    shared: u8,
    exclusive: u8,
}

impl Sharing {
    /// Raises a connection's lock of the file.
    pub fn lock(&mut self, who: u64, wanted: LockLevel) -> VfsResult<()> {
        let own = self.level(who);
        if own >= wanted {
            return Ok(());
        }
        let highest_other =
            self.held.iter().filter(|(other, _)| **other != who).map(|(_, level)| *level).max();
        let highest_other = highest_other.unwrap_or(LockLevel::Unlocked);
        let is_free = match wanted {
            LockLevel::Unlocked => true,
            LockLevel::Shared => highest_other < LockLevel::Pending,
            LockLevel::Reserved | LockLevel::Pending => highest_other < LockLevel::Reserved,
            LockLevel::Exclusive if highest_other >= LockLevel::Reserved => false,
            LockLevel::Exclusive => {
                if highest_other == LockLevel::Shared {
                    // Keeps new readers out until the present ones have gone.
                    self.held.insert(who, LockLevel::Pending);
                }
                highest_other == LockLevel::Unlocked
            }
        };
        if !is_free {
            return Err(SQLITE_BUSY);
        }
        self.held.insert(who, wanted);
        Ok(())
    }

    /// Lowers it.
    pub fn unlock(&mut self, who: u64, to: LockLevel) {
        if to == LockLevel::Unlocked {
            self.held.remove(&who);
        } else if self.level(who) > to {
            self.held.insert(who, to);
        }
    }

    /// Whether somebody means to write.
    pub fn is_reserved(&self) -> bool {
        self.held.values().any(|level| *level >= LockLevel::Reserved)
    }

    /// Takes or gives back locks `first..first + count` of the log's index.
    pub fn lock_index(&mut self, who: u64, first: u32, count: u32, mode: ShmLockMode) -> VfsResult<()> {
        let bits = (first..first + count).fold(0, |bits, slot| bits | 1_u8.checked_shl(slot).unwrap_or(0));
        let others = self.slots.iter().filter(|(other, _)| **other != who);
        let taken = others.fold(Slots::default(), |all, (_, slots)| Slots {
            shared: all.shared | slots.shared,
            exclusive: all.exclusive | slots.exclusive,
        });
        let own = self.slots.entry(who).or_default();
        match mode {
            ShmLockMode::LockShared if taken.exclusive & bits != 0 => return Err(SQLITE_BUSY),
            ShmLockMode::LockShared => own.shared |= bits,
            ShmLockMode::LockExclusive if (taken.exclusive | taken.shared) & bits != 0 => {
                return Err(SQLITE_BUSY);
            }
            ShmLockMode::LockExclusive => own.exclusive |= bits,
            ShmLockMode::UnlockShared => own.shared &= !bits,
            ShmLockMode::UnlockExclusive => own.exclusive &= !bits,
        }
        Ok(())
    }

    /// A region of the log's index, which lives in memory only; nothing if there is none yet and none is to be made.
    pub fn map_index(&mut self, who: u64, region: usize, bytes: usize, extend: bool) -> Option<NonNull<u8>> {
        self.mapped.insert(who);
        while self.regions.len() <= region && extend {
            self.regions
                .push((0..bytes.div_ceil(size_of::<AtomicU64>())).map(|_| AtomicU64::new(0)).collect());
        }
        self.regions.get(region).map(|region| NonNull::from(&region[..]).cast())
    }

    /// A connection lets go of the index; with the last one it is gone, and the next reads the log anew.
    pub fn unmap_index(&mut self, who: u64) {
        self.mapped.remove(&who);
        self.slots.remove(&who);
        if self.mapped.is_empty() {
            self.regions.clear();
        }
    }

    /// A connection is closed.
    pub fn leave(&mut self, who: u64) {
        self.held.remove(&who);
        self.unmap_index(who);
    }

    /// Whether the log is being copied into the database: by a checkpoint, or by the last connection that closes.
    pub fn is_checkpointing(&self) -> bool {
        self.slots.values().any(|slots| slots.exclusive & CHECKPOINT != 0)
            || self.held.values().any(|level| *level == LockLevel::Exclusive)
    }

    fn level(&self, who: u64) -> LockLevel {
        self.held.get(&who).copied().unwrap_or(LockLevel::Unlocked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_writes_when_nobody_reads() {
        let mut sharing = Sharing::default();
        sharing.lock(1, LockLevel::Shared).expect("free");
        sharing.lock(2, LockLevel::Shared).expect("readers go together");
        sharing.lock(1, LockLevel::Reserved).expect("free");
        assert_eq!(sharing.lock(2, LockLevel::Reserved), Err(SQLITE_BUSY));
        assert_eq!(sharing.lock(1, LockLevel::Exclusive), Err(SQLITE_BUSY));
        assert_eq!(sharing.lock(3, LockLevel::Shared), Err(SQLITE_BUSY), "the writer waits: no new readers");
        sharing.unlock(2, LockLevel::Unlocked);
        sharing.lock(1, LockLevel::Exclusive).expect("nobody else is there");
        assert!(sharing.is_reserved() && sharing.is_checkpointing());
        sharing.leave(1);
        sharing.lock(3, LockLevel::Shared).expect("free");
        assert!(!sharing.is_reserved());
    }

    #[test]
    fn the_index_is_one_for_all_and_goes_with_the_last() {
        let mut sharing = Sharing::default();
        assert_eq!(sharing.map_index(1, 0, 32_768, false), None);
        let made = sharing.map_index(1, 0, 32_768, true);
        assert!(made.is_some());
        assert_eq!(sharing.map_index(2, 0, 32_768, false), made);
        sharing.lock_index(1, 1, 1, ShmLockMode::LockExclusive).expect("free");
        assert!(sharing.is_checkpointing());
        assert_eq!(sharing.lock_index(2, 0, 3, ShmLockMode::LockExclusive), Err(SQLITE_BUSY));
        assert_eq!(sharing.lock_index(2, 1, 1, ShmLockMode::LockShared), Err(SQLITE_BUSY));
        sharing.lock_index(1, 1, 1, ShmLockMode::UnlockExclusive).expect("held");
        sharing.lock_index(2, 1, 1, ShmLockMode::LockShared).expect("free");
        sharing.unmap_index(1);
        sharing.unmap_index(2);
        assert_eq!(sharing.map_index(3, 0, 32_768, false), None);
    }
}
