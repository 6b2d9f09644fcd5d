//! Which snapshot of all targets a school comes back from.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use dreamseed_sync::SnapshotInfo;
use jiff::{Zoned, civil::Date, tz::TimeZone};

use super::{Night, RestoreError, RestorePlan, Which, ledgers};
use crate::backup::job;

/// Snapshots that are tried one by one from the newest on; of older ones the newest of each day.
const TRIED_EACH: usize = 3;
/// Before the number of the epoch in a snapshot's tags.
pub const EPOCH_NUMBER: &str = "epoch-number/";
/// Before the last number of the record in a snapshot's tags.
const PLACE: &str = "seq/";
/// Snapshots of the same end of the record that were made within this belong to one run: the folder's is the faster one.
const SAME_RUN: jiff::SignedDuration = jiff::SignedDuration::from_hours(1);
/// Before the number of a run of the hub in a snapshot's tags.
const RUN: &str = "instance/";
/// Before the id of the epoch in a snapshot's tags.
const EPOCH: &str = "epoch/";
/// Two machines whose last backups lie no further apart have worked beside each other of late.
const OF_LATE: jiff::SignedDuration = jiff::SignedDuration::from_hours(49);

/// The last backup of one of several machines that went on from the same state, each without the other's answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Id of the snapshot.
    pub snapshot: String,
    pub at: Zoned,
    pub epoch: i64,
    /// Where its record ends.
    pub hub_seq: i64,
}

/// What a plan may take of all targets' snapshots, in the order in which it is tried: that of [`rank`].
pub(super) fn candidates<'a>(
    offers: &[(bool, Vec<&'a SnapshotInfo>)],
    plan: &RestorePlan,
    own: Option<uuid::Uuid>,
) -> Result<Vec<(usize, &'a SnapshotInfo)>, RestoreError> {
    let only = |may: &dyn Fn(&SnapshotInfo) -> bool| {
        let of_one = |(is_folder, list): &(bool, Vec<&'a SnapshotInfo>)| {
            (*is_folder, list.iter().copied().filter(|snapshot| may(snapshot)).collect::<Vec<_>>())
        };
        rank(&offers.iter().map(of_one).collect::<Vec<_>>(), own)
    };
    match &plan.which {
        Which::Newest => choose_line(offers, rank(offers, own), own, &plan.zone, |_| true),
        Which::Day(day) => {
            let found = only(&|snapshot| day_of(snapshot, &plan.zone) == *day);
            if found.is_empty() {
                let all = offers.iter().flat_map(|(_, list)| list);
                let days = all.map(|snapshot| day_of(snapshot, &plan.zone)).collect();
                return Err(RestoreError::NoSuchDay { day: *day, nearest: nearest_days(&days, *day) });
            }
            let of_day = |(is_folder, list): &(bool, Vec<&'a SnapshotInfo>)| {
                let begun_by_then = |snapshot: &&&SnapshotInfo| day_of(snapshot, &plan.zone) <= *day;
                (*is_folder, list.iter().filter(begun_by_then).copied().collect::<Vec<_>>())
            };
            let by_then: Vec<_> = offers.iter().map(of_day).collect();
            choose_line(&by_then, found, own, &plan.zone, |snapshot| day_of(snapshot, &plan.zone) == *day)
        }
        Which::Snapshot(id) => {
            let found = only(&|snapshot| !id.is_empty() && snapshot.id.starts_with(id.as_str()));
            // A place that was copied to another one has the same.
            let ids: BTreeSet<&str> = found.iter().map(|(_, snapshot)| snapshot.id.as_str()).collect();
            if ids.len() != 1 {
                return Err(RestoreError::NoSuchSnapshot { id: id.clone() });
            }
            Ok(found)
        }
    }
}

/// The last snapshots of other machines than the one that made `chosen`, the newest first, if that machine and they contradict
/// each other: each has what the other lacks, as after a practice with the recovery sheet on a laptop that then backed up too.
/// A number of an epoch only says who was restored last, not where lessons go on. `counts` says which snapshots could be taken.
///
/// A machine that a restore has replaced is silent from then on: its snapshots are older than the first of whoever came after
/// it. Times within one place never run backwards, whatever a clock shows ([`dreamseed_sync`]), so this needs no sound clock.
pub(super) fn other_lines<'a>(
    offers: &[(bool, Vec<&'a SnapshotInfo>)],
    chosen: &SnapshotInfo,
    counts: impl Fn(&SnapshotInfo) -> bool,
) -> Vec<&'a SnapshotInfo> {
    let mut runs: BTreeMap<&str, Vec<&'a SnapshotInfo>> = BTreeMap::new();
    for snapshot in offers.iter().flat_map(|(_, list)| list.iter().copied()) {
        if let Some(run) = text_after(RUN, snapshot) {
            runs.entry(run).or_default().push(snapshot);
        }
    }
    let own = text_after(RUN, chosen).and_then(|own| runs.remove(own)).unwrap_or_default();
    let begun = own.iter().map(|snapshot| snapshot.time).min().unwrap_or(chosen.time);
    let last = own.iter().filter(|one| counts(one)).map(|one| one.time).max().unwrap_or(chosen.time);
    let contradicts = |other: &SnapshotInfo| {
        if text_after(EPOCH, other) == text_after(EPOCH, chosen) {
            // A data folder that was given another number, or a copy of the disk; the former only grows.
            return other.time > last && number_after(PLACE, other) < number_after(PLACE, chosen);
        }
        other.time > last || (other.time > begun && last.duration_since(other.time) <= OF_LATE)
    };
    let newest = runs
        .into_values()
        .filter_map(|run| run.into_iter().filter(|one| counts(one)).max_by_key(|one| one.time));
    let mut lines: Vec<_> = newest.filter(|other| contradicts(other)).collect();
    lines.sort_by_key(|snapshot| Reverse(snapshot.time));
    lines
}

/// What was ranked, unless it is a person's choice between machines that contradict each other. What this very machine has made
/// needs none.
fn choose_line<'a>(
    offers: &[(bool, Vec<&'a SnapshotInfo>)],
    ranked: Vec<(usize, &'a SnapshotInfo)>,
    own: Option<uuid::Uuid>,
    zone: &TimeZone,
    counts: impl Fn(&SnapshotInfo) -> bool,
) -> Result<Vec<(usize, &'a SnapshotInfo)>, RestoreError> {
    let Some((_, first)) = ranked.first().copied() else { return Ok(ranked) };
    let is_own = own.is_some_and(|own| text_after(RUN, first) == Some(own.to_string().as_str()));
    let others = if is_own { Vec::new() } else { other_lines(offers, first, counts) };
    if others.is_empty() {
        return Ok(ranked);
    }
    let line = |snapshot: &SnapshotInfo| Line {
        snapshot: snapshot.id.clone(),
        at: snapshot.time.to_zoned(zone.clone()),
        epoch: number_after(EPOCH_NUMBER, snapshot),
        hub_seq: number_after(PLACE, snapshot),
    };
    let mut lines: Vec<Line> = std::iter::once(first).chain(others).map(line).collect();
    lines.sort_by(|one, other| other.at.cmp(&one.at));
    Err(RestoreError::TwoLines { lines })
}

/// The snapshots of all targets in the order in which they are tried, each with the place of its target among `offers`, which say
/// whether it is a folder. Those of `own`, this run of the hub, come first; then the highest epoch, the furthest end of the
/// record, the last time. Of each target its first ones and the first of each day.
pub(super) fn rank<'a>(
    offers: &[(bool, Vec<&'a SnapshotInfo>)],
    own: Option<uuid::Uuid>,
) -> Vec<(usize, &'a SnapshotInfo)> {
    let own = own.map(|id| format!("instance/{id}"));
    let place = |snapshot: &SnapshotInfo| {
        let is_own = own.as_ref().is_some_and(|tag| snapshot.tags.contains(tag));
        (is_own, number_after(EPOCH_NUMBER, snapshot), number_after(PLACE, snapshot))
    };
    let mut ranked: Vec<(usize, &SnapshotInfo)> = Vec::new();
    for (at, (_, snapshots)) in offers.iter().enumerate() {
        let mut list = snapshots.clone();
        list.sort_by_key(|snapshot| Reverse((place(snapshot), snapshot.time)));
        let mut days = BTreeSet::new();
        for (number, snapshot) in list.into_iter().enumerate() {
            if days.insert(day_of(snapshot, &TimeZone::UTC)) || number < TRIED_EACH {
                ranked.push((at, snapshot));
            }
        }
    }
    ranked.sort_by_key(|(_, snapshot)| Reverse((place(snapshot), snapshot.time)));
    let is_folder = |at: usize| offers.get(at).is_some_and(|(is_folder, _)| *is_folder);
    if let Some((_, newest)) = ranked.first().copied() {
        let nearer = ranked.iter().position(|(at, snapshot)| {
            is_folder(*at)
                && place(snapshot) == place(newest)
                && newest.time.duration_since(snapshot.time) < SAME_RUN
        });
        if let Some(found) = nearer
            && let Some(upto) = ranked.get_mut(..=found)
        {
            upto.rotate_right(1);
        }
    }
    ranked
}

/// Whether rows of it were damaged in the hub's own database already.
pub(super) fn is_faulty(snapshot: &SnapshotInfo) -> bool {
    snapshot.tags.iter().any(|tag| tag == job::FAULTY)
}

/// Snapshots of the whole hub, newest first; those of ledgers alone left out, and copies of a damaged structure. Single rows that
/// were damaged are no reason to go back: the hub mends them from an older snapshot.
pub(super) fn whole(snapshots: &[SnapshotInfo]) -> Vec<&SnapshotInfo> {
    let is_unfit = |snapshot: &SnapshotInfo| snapshot.tags.iter().any(|tag| tag == job::UNFIT);
    let is_whole = |snapshot: &&SnapshotInfo| !ledgers::is_ledger(snapshot) && !is_unfit(snapshot);
    let mut whole: Vec<_> = snapshots.iter().filter(is_whole).collect();
    whole.sort_by_key(|snapshot| Reverse(snapshot.time));
    whole
}

pub(super) fn by_day(newest_first: &[&SnapshotInfo], zone: &TimeZone) -> Vec<Night> {
    let mut nights: Vec<Night> = Vec::new();
    for snapshot in newest_first {
        let day = day_of(snapshot, zone);
        match nights.last_mut() {
            Some(night) if night.day == day => night.snapshots += 1,
            Some(_) | None => nights.push(Night { day, newest: (*snapshot).clone(), snapshots: 1 }),
        }
    }
    nights
}

/// The highest number of an epoch that any snapshot there bears.
pub(super) fn highest_epoch(snapshots: &[SnapshotInfo]) -> Option<i64> {
    let tags = snapshots.iter().flat_map(|snapshot| &snapshot.tags);
    tags.filter_map(|tag| tag.strip_prefix(EPOCH_NUMBER)?.parse().ok()).max()
}

/// The last day before and the first after one without a snapshot, and the newest.
fn nearest_days(days: &BTreeSet<Date>, day: Date) -> Vec<Date> {
    let before = days.range(..day).next_back().copied();
    let after = days.range(day..).next().copied();
    let near: BTreeSet<Date> = before.into_iter().chain(after).chain(days.last().copied()).collect();
    near.into_iter().collect()
}

fn day_of(snapshot: &SnapshotInfo, zone: &TimeZone) -> Date {
    snapshot.time.to_zoned(zone.clone()).date()
}

fn number_after(prefix: &str, snapshot: &SnapshotInfo) -> i64 {
    text_after(prefix, snapshot).and_then(|text| text.parse().ok()).unwrap_or_default()
}

fn text_after<'s>(prefix: &str, snapshot: &'s SnapshotInfo) -> Option<&'s str> {
    snapshot.tags.iter().find_map(|tag| tag.strip_prefix(prefix))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn the_newest_of_all_targets_is_tried_first() {
        let ours = uuid::Uuid::now_v7();
        let made = |id: &str, by: uuid::Uuid, epoch: i64, seq: i64, minutes: i64| SnapshotInfo {
            id: id.into(),
            time: Timestamp::from_second(1_800_000_000 + minutes * 60).expect("a time"),
            host: String::new(),
            tags: vec![format!("instance/{by}"), format!("{EPOCH_NUMBER}{epoch}"), format!("{PLACE}{seq}")],
            files: 1,
            bytes: 1,
            bytes_sent: 1,
        };
        let other = uuid::Uuid::now_v7();
        let first = |usb: &[SnapshotInfo], cloud: &[SnapshotInfo]| {
            let ranked = rank(&[(true, whole(usb)), (false, whole(cloud))], Some(ours));
            ranked.iter().map(|(_, snapshot)| snapshot.id.clone()).collect::<Vec<_>>()
        };
        let june = made("june", ours, 1, 500, 0);
        let night = made("night", ours, 1, 9_000, 200_000);
        assert_eq!(first(std::slice::from_ref(&june), std::slice::from_ref(&night)), ["night", "june"]);
        let hour = made("hour", ours, 1, 9_000, 199_990);
        assert_eq!(
            first(std::slice::from_ref(&hour), std::slice::from_ref(&night)),
            ["hour", "night"],
            "one run"
        );
        let day = made("day", ours, 1, 9_000, 198_000);
        assert_eq!(first(&[day], std::slice::from_ref(&night)), ["night", "day"], "people may have changed");
        let astray = made("astray", ours, 1, 8_000, 40_000_000);
        assert_eq!(first(&[astray], std::slice::from_ref(&night)), ["night", "astray"], "by a wrong clock");
        let clone = made("clone", other, 1, 9_999, 200_100);
        assert_eq!(first(&[clone], std::slice::from_ref(&night)), ["night", "clone"], "another machine's");
        let after = made("after", ours, 2, 10, 199_000);
        assert_eq!(first(&[after], std::slice::from_ref(&night)), ["after", "night"], "a later epoch");
    }

    #[test]
    fn machines_that_went_on_side_by_side_are_a_persons_choice() {
        const HUB: u128 = 1;
        const LAPTOP: u128 = 2;
        // By whom, epoch, last place of the record, hours.
        type Made = (u128, i64, i64, i64);
        // What it is about; what lies there; who is told besides the one that ranks first, newest first.
        let cases: [(&str, &[Made], &[u128]); 10] = [
            ("one hub", &[(HUB, 1, 10, 0), (HUB, 1, 20, 1)], &[]),
            ("restored, and the old one is silent", &[(HUB, 1, 20, 1), (LAPTOP, 2, 20, 2)], &[]),
            ("the old one goes on alone", &[(HUB, 1, 20, 1), (LAPTOP, 2, 20, 2), (HUB, 1, 30, 3)], &[HUB]),
            (
                "both go on, the restored one last",
                &[(HUB, 1, 20, 1), (LAPTOP, 2, 20, 2), (HUB, 1, 30, 3), (LAPTOP, 2, 21, 4)],
                &[HUB],
            ),
            (
                "the old one was switched off long ago",
                &[(HUB, 1, 20, 1), (LAPTOP, 2, 20, 2), (HUB, 1, 30, 3), (LAPTOP, 2, 99, 100)],
                &[],
            ),
            ("two were restored", &[(HUB, 2, 20, 1), (LAPTOP, 2, 25, 2), (HUB, 2, 22, 3)], &[HUB]),
            ("the same machine was put back", &[(HUB, 2, 20, 1), (HUB, 1, 30, 2)], &[]),
            ("and its clock was wrong", &[(HUB, 1, 30, 1), (HUB, 1, 20, 90)], &[]),
            ("a data folder with another number", &[(3, 0, 20, 1), (4, 0, 30, 2)], &[]),
            ("a copy of its disk", &[(3, 0, 20, 3), (4, 0, 30, 2)], &[3]),
        ];
        for (name, there, expected) in cases {
            let made: Vec<SnapshotInfo> = there
                .iter()
                .map(|(by, epoch, seq, hours)| SnapshotInfo {
                    id: format!("{by}-{hours}"),
                    time: Timestamp::from_second(1_800_000_000 + hours * 3_600).expect("a time"),
                    host: String::new(),
                    tags: vec![
                        format!("{RUN}{}", uuid::Uuid::from_u128(*by)),
                        format!("{EPOCH}{}", if *epoch == 0 { 0 } else { by * 10 }),
                        format!("{EPOCH_NUMBER}{epoch}"),
                        format!("{PLACE}{seq}"),
                    ],
                    files: 1,
                    bytes: 1,
                    bytes_sent: 1,
                })
                .collect();
            // Whichever place they lie at.
            let (one, two) = made.split_at(1);
            let offers = [(true, whole(one)), (false, whole(two))];
            let chosen = rank(&offers, None).first().expect("one").1;
            let told = other_lines(&offers, chosen, |_| true);
            let by = |snapshot: &&SnapshotInfo| snapshot.id.split('-').next().and_then(|id| id.parse().ok());
            assert_eq!(told.iter().filter_map(by).collect::<Vec<u128>>(), expected, "{name}");
        }
    }
}
