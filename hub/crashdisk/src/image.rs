//! What is left of one file after a power cut: pure, from what was synced, what was not, and chance.
//!
//! A disk writes sectors of 512 bytes, each in its own time and in any order. So each sector that unsynced changes have
//! touched has a row of versions, from the synced one to the last, and the cut finds it at any of them, or in the middle of
//! going over to the next: its first bytes new and its last old, or, rarely, garbage where the new bytes should be. The length
//! of the file is a change of its own, which may come before or after the sectors. What no change has touched stays as it
//! is; SQLite counts on that (`SQLITE_IOCAP_POWERSAFE_OVERWRITE`), as it does on every disk it is used on.

use std::collections::BTreeMap;

use crate::random::Random;

/// Bytes that a disk writes at once.
pub const SECTOR: usize = 512;

/// Something done to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Truncate { size: usize },
}

impl Change {
    /// Does it, as every program sees it while the power is on.
    pub fn apply(&self, file: &mut Vec<u8>) {
        match self {
            Change::Write { offset, bytes } => {
                let end = offset + bytes.len();
                if file.len() < end {
                    file.resize(end, 0);
                }
                file[*offset..end].copy_from_slice(bytes);
            }
            Change::Truncate { size } => file.resize(*size, 0),
        }
    }

    /// The bytes of a file of `length` bytes that it touches, and the length after it.
    fn reach(&self, length: usize) -> (std::ops::Range<usize>, usize) {
        match self {
            Change::Write { offset, bytes } => {
                let end = offset + bytes.len();
                (*offset..end, length.max(end))
            }
            Change::Truncate { size } => (*size..length.max(*size), *size),
        }
    }

    /// Does it to bytes `from..to` of a file that is long enough; cut-off bytes become zeros.
    fn apply_within(&self, file: &mut [u8], from: usize, to: usize) {
        match self {
            Change::Write { offset, bytes } => {
                let (from, to) = (from.max(*offset), to.min(offset + bytes.len()));
                if from < to {
                    file[from..to].copy_from_slice(&bytes[from - offset..to - offset]);
                }
            }
            Change::Truncate { size } => {
                let from = from.max(*size);
                if from < to {
                    file[from..to].fill(0);
                }
            }
        }
    }
}

/// How gently a cut treats what was not synced, each in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fate {
    /// Sectors that have reached their last version.
    pub kept: u16,
    /// Of the others: torn between two versions.
    pub torn: u16,
    /// Of the rest: garbage in the place of the next version.
    pub garbage: u16,
}

impl Fate {
    /// A cut may find everything written, nothing, or anything between; a single sector that lacks among many kept ones is as
    /// hard for a log as a single one that is kept.
    pub fn draw(random: &mut Random) -> Self {
        const KEPT: [u16; 8] = [0, 0, 100, 500, 900, 990, 1000, 1000];
        Fate { kept: KEPT[random.below(KEPT.len())], torn: 150, garbage: 30 }
    }
}

/// The file as it is found after the cut.
pub fn survive(synced: &[u8], unsynced: &[Change], fate: Fate, random: &mut Random) -> Vec<u8> {
    let (touching, lengths) = sectors_touched(synced.len(), unsynced);
    let longest = lengths.iter().copied().max().unwrap_or(synced.len());
    let mut file = synced.to_vec();
    // Whole sectors, so that a torn one needs no look at the end.
    file.resize(longest.next_multiple_of(SECTOR), 0);
    for (sector, changes) in touching {
        let (from, to) = (sector * SECTOR, (sector + 1) * SECTOR);
        let reached = if random.chance(fate.kept) { changes.len() } else { random.below(changes.len()) };
        for change in &changes[..reached] {
            change.apply_within(&mut file, from, to);
        }
        let Some(next) = changes.get(reached) else { continue };
        if random.chance(fate.torn) {
            next.apply_within(&mut file, from, from + random.below(SECTOR));
        } else if random.chance(fate.garbage) {
            let (touched, _) = next.reach(longest);
            for byte in &mut file[touched.start.max(from)..touched.end.min(to)] {
                *byte = random.draw().to_le_bytes()[0];
            }
        }
    }
    let last = lengths.len() - 1;
    file.resize(lengths[if random.chance(fate.kept) { last } else { random.below(lengths.len()) }], 0);
    file
}

/// For each sector the changes that touch it, in their order; and the length at first and after each change.
fn sectors_touched(synced: usize, unsynced: &[Change]) -> (BTreeMap<usize, Vec<&Change>>, Vec<usize>) {
    let mut touching: BTreeMap<usize, Vec<&Change>> = BTreeMap::new();
    let mut lengths = vec![synced];
    let mut length = synced;
    for change in unsynced {
        let (touched, after) = change.reach(length);
        if !touched.is_empty() {
            for sector in touched.start / SECTOR..=(touched.end - 1) / SECTOR {
                touching.entry(sector).or_default().push(change);
            }
        }
        length = after;
        lengths.push(length);
    }
    (touching, lengths)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: Fate = Fate { kept: 1000, torn: 0, garbage: 0 };
    const NO_GARBAGE: Fate = Fate { kept: 300, torn: 400, garbage: 0 };

    fn changes() -> impl Strategy<Value = Vec<Change>> {
        let write = (0..3000_usize, prop::collection::vec(any::<u8>(), 1..1500))
            .prop_map(|(offset, bytes)| Change::Write { offset, bytes });
        let truncate = (0..4000_usize).prop_map(|size| Change::Truncate { size });
        prop::collection::vec(prop_oneof![4 => write, 1 => truncate], 0..8)
    }

    fn synced() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(any::<u8>(), 0..3000)
    }

    fn seen(synced: &[u8], changes: &[Change]) -> Vec<u8> {
        let mut file = synced.to_vec();
        changes.iter().for_each(|change| change.apply(&mut file));
        file
    }

    /// A sector of a file, with zeros after its end.
    fn sector_of(file: &[u8], sector: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = file.iter().skip(sector * SECTOR).take(SECTOR).copied().collect();
        bytes.resize(SECTOR, 0);
        bytes
    }

    /// Whether bytes could be a sector at one of its versions, or torn between two of them, as far as `length` shows it.
    fn is_explained(found: &[u8], versions: &[Vec<u8>], shown: usize) -> bool {
        let fits = |split: usize, old: &[u8], new: &[u8]| {
            found[..shown]
                .iter()
                .enumerate()
                .all(|(at, byte)| *byte == if at < split { new[at] } else { old[at] })
        };
        versions.iter().any(|version| fits(0, version, version))
            || versions.windows(2).any(|pair| (1..SECTOR).any(|split| fits(split, &pair[0], &pair[1])))
    }

    proptest! {
        #[test]
        fn what_is_synced_stays(synced in synced(), seed: u64) {
            let mut random = Random::new(seed);
            let fate = Fate::draw(&mut random);
            prop_assert_eq!(survive(&synced, &[], fate, &mut random), synced);
        }

        #[test]
        fn the_same_seed_gives_the_same_file(synced in synced(), changes in changes(), seed: u64) {
            let cut = |seed| {
                let mut random = Random::new(seed);
                let fate = Fate::draw(&mut random);
                survive(&synced, &changes, fate, &mut random)
            };
            prop_assert_eq!(cut(seed), cut(seed));
        }

        #[test]
        fn a_gentle_cut_keeps_all(synced in synced(), changes in changes(), seed: u64) {
            let found = survive(&synced, &changes, ALL, &mut Random::new(seed));
            prop_assert_eq!(found, seen(&synced, &changes));
        }

        /// No sector is older than its synced version, none is a mixture of more than two neighbouring versions, and none
        /// has gone back to an older version after a newer one.
        #[test]
        fn every_sector_is_one_of_its_versions_or_between_two(synced in synced(), changes in changes(), seed: u64) {
            let found = survive(&synced, &changes, NO_GARBAGE, &mut Random::new(seed));
            let files: Vec<_> = (0..=changes.len()).map(|done| seen(&synced, &changes[..done])).collect();
            prop_assert!(files.iter().any(|file| file.len() == found.len()), "a length that it never had");
            for sector in 0..found.len().div_ceil(SECTOR) {
                let mut versions: Vec<_> = files.iter().map(|file| sector_of(file, sector)).collect();
                versions.dedup();
                let shown = (found.len() - sector * SECTOR).min(SECTOR);
                prop_assert!(is_explained(&sector_of(&found, sector), &versions, shown), "sector {}", sector);
            }
        }

        #[test]
        fn untouched_bytes_stay(synced in synced(), offset in 0..3000_usize, length in 1..1500_usize, seed: u64) {
            let mut random = Random::new(seed);
            let fate = Fate { kept: 300, torn: 300, garbage: 1000 };
            let write = Change::Write { offset, bytes: vec![7; length] };
            let found = survive(&synced, &[write], fate, &mut random);
            prop_assert!(found.len() >= synced.len());
            let untouched = (0..synced.len()).filter(|at| !(offset..offset + length).contains(at));
            prop_assert!(untouched.into_iter().all(|at| found[at] == synced[at]));
        }
    }

    #[test]
    fn all_that_it_promises_does_happen() {
        let synced = vec![1; 4 * SECTOR];
        let changes = [
            Change::Write { offset: 0, bytes: vec![2; 2 * SECTOR] },
            Change::Write { offset: 2 * SECTOR, bytes: vec![3; SECTOR] },
            Change::Truncate { size: 3 * SECTOR },
        ];
        let (mut lost, mut torn, mut reordered, mut shorter) = (false, false, false, false);
        for seed in 0..200 {
            let found = survive(&synced, &changes, NO_GARBAGE, &mut Random::new(seed));
            lost |= found == synced;
            torn |= found[..SECTOR].contains(&1) && found[0] == 2;
            reordered |= found[..2 * SECTOR] == vec![1; 2 * SECTOR] && found[2 * SECTOR] == 3;
            shorter |= found.len() == 3 * SECTOR;
        }
        assert!(lost && torn && reordered && shorter, "{lost} {torn} {reordered} {shorter}");
    }
}
