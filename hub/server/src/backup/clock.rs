//! Whether the clock may say what is too old. A wrong clock makes every backup look old, so after a jump nothing is removed
//! until it has gone on steadily for two days of use, and what it jumped over does not count as age.
//!
//! The walk: the schedule reads the clock often and gives each reading to [`Trust::step`], with the time that went by on the
//! machine's monotonic clock if the hub was on since the last one. Three kinds of readings differ:
//!
//! - While the hub runs, more than two days forwards that nobody lived are a jump, as is a day backwards at any time.
//! - The hub was off for up to four days and the clock was believed: a weekend, which every school has. It cannot be told from
//!   a wrong clock, which thus makes a backup look up to four days older at each start, and no more.
//! - The hub was off for longer: a holiday, a school with few computer lessons, or a dead battery. The time is written down as
//!   a jump, for it may be one. It casts doubt, unless the hub has been off as long before and its clock was believed again
//!   after it: that is the school's rhythm, up to [`RHYTHM_MAX`].
//!
//! Doubt ends after [`STEADY`]: hours for which the hub was on, and a night's worth for each time it was off. A further gap of
//! up to [`HOLIDAY`] does not begin it anew, so that a hub that is on once a week is believed on its third day of use after the
//! one that was doubted, and then stays so. A jump while it runs, one backwards and one further than a holiday do.
//!
//! Of what was jumped over while the hub was off, only [`OFF_MAX`] does not count as age, so that who was erased is gone from
//! the backups in bounded time, holidays or not. The price: a clock that was set wrong by more while the hub was off, and went
//! on so until it was believed, or that was set wrong again and again by no more than the school's rhythm, lets backups go that
//! are younger than they look. The newest ones that are always kept stay even then. What is jumped over while the hub runs is
//! no holiday, and never counts.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

/// Forwards, while the hub ran or the clock was doubted.
const AHEAD_MAX: SignedDuration = SignedDuration::from_hours(48);
/// Backwards: a correction.
const CORRECTED: SignedDuration = SignedDuration::from_hours(24);
/// So long a clock must run without a jump to be believed again.
const STEADY: SignedDuration = SignedDuration::from_hours(48);
/// Of each time that the hub was off, so much counts as steady: a night.
const NIGHT: SignedDuration = SignedDuration::from_hours(24);
/// So long a hub is off at a weekend with a holiday, and the time has surely gone by: else the clock would be doubted each
/// week, and backups kept for too long.
const WEEKEND: SignedDuration = SignedDuration::from_hours(96);
/// So long a hub may be off between two lessons of its school: every second week, and two days. Longer is a holiday.
const RHYTHM_MAX: SignedDuration = SignedDuration::from_hours(16 * 24);
/// So long a hub is off in the longest holidays of a school. A doubted clock that goes further has jumped once more.
const HOLIDAY: SignedDuration = SignedDuration::from_hours(50 * 24);
/// So much of what was jumped over with the hub off does not count as age: with the 30 days for which backups are kept it makes
/// 40; what is older goes on the first day after that on which the hub is on and believes its clock.
const OFF_MAX: SignedDuration = SignedDuration::from_hours(10 * 24);
/// No hub was on before, none will be on after.
const YEARS: std::ops::RangeInclusive<i16> = 2026..=2098;
/// Jumps that are told apart; of more, the oldest are taken together.
const JUMPS_MAX: usize = 64;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// What is known of the clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    /// The last time that was believed.
    pub believed_at: Timestamp,
    /// The last time that a clock can show.
    pub seen_at: Timestamp,
    /// After a jump, for how long it has run steadily; nothing if it is believed.
    pub steady: Option<SignedDuration>,
    /// What it jumped forwards, oldest first, each for as long as there may be backups from before.
    pub jumps: Vec<Jump>,
}

/// A jump forwards, or a time that the hub was off and of which nobody else tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jump {
    pub by_ms: i64,
    /// How much of it was while the hub was off, and may be a holiday.
    #[serde(default)]
    pub off_ms: i64,
    /// How long ago, by the time that has gone by and not by the clock.
    pub ago_ms: i64,
}

impl Trust {
    /// What is known after a reading of the clock. `passed` is what the monotonic clock counted since `seen_at`, absent after a
    /// start; backups are kept for `kept`. Nothing is known as long as no reading can be right.
    pub fn step(
        before: Option<Trust>,
        now: Timestamp,
        passed: Option<SignedDuration>,
        kept: SignedDuration,
    ) -> Option<Trust> {
        if !YEARS.contains(&now.to_zoned(TimeZone::UTC).year()) {
            return before.map(|before| Trust { steady: Some(SignedDuration::ZERO), ..before });
        }
        let Some(mut trust) = before else {
            return Some(Trust { believed_at: now, seen_at: now, steady: None, jumps: Vec::new() });
        };
        let gap = now.duration_since(trust.seen_at);
        let unexplained = gap - passed.unwrap_or_default();
        let is_off = passed.is_none();
        let ahead_max = if is_off && trust.is_believed() { WEEKEND } else { AHEAD_MAX };
        let is_jump = unexplained > ahead_max || unexplained < -CORRECTED;
        let casts_doubt = is_jump && !(is_off && trust.is_usual(unexplained));
        // What has surely gone by.
        let lived = match passed {
            Some(passed) => passed,
            None if is_jump => SignedDuration::ZERO,
            None => gap.max(SignedDuration::ZERO),
        };
        trust.age_jumps(lived, kept);
        if is_jump {
            trust.jump(millis(unexplained), is_off);
        }
        if casts_doubt {
            trust.steady = Some(SignedDuration::ZERO);
        } else if let Some(steady) = trust.steady {
            let more = match passed {
                Some(passed) => lived.min(gap).clamp(SignedDuration::ZERO, passed),
                None => gap.clamp(SignedDuration::ZERO, NIGHT),
            };
            let steady = steady + more;
            trust.steady = (steady < STEADY).then_some(steady);
        }
        trust.seen_at = now;
        if trust.is_believed() {
            trust.believed_at = now;
        }
        Some(trust)
    }

    /// Whether old backups may be removed by this clock.
    pub fn is_believed(&self) -> bool {
        self.steady.is_none()
    }

    /// Days by which backups from before a jump may look older than they are, and are kept for longer; holidays up to
    /// [`OFF_MAX`].
    pub fn extra_days(&self) -> u32 {
        let (by_ms, off_ms) = self.sum_jumps();
        let sum = (by_ms - off_ms).saturating_add(off_ms.min(millis(OFF_MAX)));
        u32::try_from(sum.saturating_add(DAY_MS - 1) / DAY_MS).unwrap_or(u32::MAX)
    }

    /// Whether it is nothing new that the hub was off for so long: for a believed clock no longer than it has been before, in the
    /// rhythm of its school; for a doubted one no longer than a holiday.
    fn is_usual(&self, off: SignedDuration) -> bool {
        if off < SignedDuration::ZERO {
            return false;
        }
        if !self.is_believed() {
            return off <= HOLIDAY;
        }
        // All of them were waited out, else the clock would be doubted now. Among the older half some may be taken together.
        let newer = self.jumps.iter().rev().take(JUMPS_MAX / 2);
        let gaps = newer.filter(|jump| jump.off_ms == jump.by_ms && jump.off_ms <= millis(RHYTHM_MAX));
        let longest = gaps.map(|jump| jump.off_ms).max().unwrap_or_default();
        off <= RHYTHM_MAX && longest > 0 && millis(off) <= longest.saturating_add(millis(NIGHT))
    }

    /// Of all jumps, and of their parts while the hub was off.
    fn sum_jumps(&self) -> (i64, i64) {
        self.jumps.iter().fold((0, 0), |(by_ms, off_ms), jump| {
            (jump.by_ms.saturating_add(by_ms), jump.off_ms.saturating_add(off_ms))
        })
    }

    fn age_jumps(&mut self, by: SignedDuration, kept: SignedDuration) {
        for jump in &mut self.jumps {
            jump.ago_ms = jump.ago_ms.saturating_add(millis(by));
        }
        self.jumps.retain(|jump| jump.ago_ms <= millis(kept));
    }

    /// A jump backwards takes back what was jumped forwards last.
    fn jump(&mut self, by_ms: i64, is_off: bool) {
        if by_ms > 0 {
            self.jumps.push(Jump { by_ms, off_ms: if is_off { by_ms } else { 0 }, ago_ms: 0 });
            if self.jumps.len() > JUMPS_MAX {
                let oldest = self.jumps.remove(0);
                if let Some(next) = self.jumps.first_mut() {
                    next.by_ms = next.by_ms.saturating_add(oldest.by_ms);
                    next.off_ms = next.off_ms.saturating_add(oldest.off_ms);
                }
            }
            return;
        }
        let mut back = by_ms.saturating_neg();
        while let (true, Some(last)) = (back > 0, self.jumps.last_mut()) {
            let taken = back.min(last.by_ms);
            last.by_ms -= taken;
            last.off_ms = (last.off_ms - taken).max(0);
            back -= taken;
            if last.by_ms == 0 {
                self.jumps.pop();
            }
        }
    }
}

fn millis(span: SignedDuration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);
    const HOUR: SignedDuration = SignedDuration::from_hours(1);
    const HOUR_MS: i64 = DAY_MS / 24;

    fn at(time: &str) -> Timestamp {
        time.parse().expect("a time")
    }

    fn start(time: &str) -> Trust {
        Trust::step(None, at(time), None, KEPT).expect("a clock that can be right")
    }

    /// The hub runs on for so many hours, without a jump.
    fn run(mut trust: Trust, hours: i64) -> Trust {
        for _ in 0..hours {
            let now = trust.seen_at + HOUR;
            trust = Trust::step(Some(trust), now, Some(HOUR), KEPT).expect("known");
        }
        trust
    }

    fn read(trust: &Trust, time: &str, passed: Option<SignedDuration>) -> Trust {
        Trust::step(Some(trust.clone()), at(time), passed, KEPT).expect("known")
    }

    #[test]
    fn a_clock_that_cannot_be_right_is_not_believed() {
        let trust = start("2026-11-23T00:00:00Z");
        for (now, off, running) in [
            ("2026-11-23T00:01:00Z", true, true),
            ("2026-11-22T12:00:00Z", true, true),
            ("2026-11-24T23:00:00Z", true, true),
            ("2026-11-25T02:00:00Z", true, false),
            ("2026-11-27T00:00:00Z", true, false),
            ("2026-11-27T00:01:00Z", false, false),
            ("2027-03-02T00:00:00Z", false, false),
            ("2026-11-20T00:00:00Z", false, false),
            ("1970-01-01T00:00:10Z", false, false),
            ("2099-01-01T00:00:00Z", false, false),
        ] {
            assert_eq!(read(&trust, now, None).is_believed(), off, "{now}, after it was off");
            assert_eq!(read(&trust, now, Some(HOUR)).is_believed(), running, "{now}, while it runs");
        }
        // For a doubted clock a weekend is a night, and is written down: it may be the next jump. More than a holiday begins
        // the doubt anew, as does any jump while it runs.
        let doubted = run(read(&trust, "2026-11-20T00:00:00Z", None), 20);
        let monday = read(&doubted, "2026-11-23T11:00:00Z", None);
        assert_eq!((monday.steady, monday.extra_days()), (Some(HOUR * 44), 3), "{monday:?}");
        for (far, passed) in [("2027-01-10T00:00:00Z", None), ("2026-11-25T12:00:00Z", Some(HOUR))] {
            assert_eq!(read(&doubted, far, passed).steady, Some(SignedDuration::ZERO), "{far}");
        }
        // What was waited out once is the rhythm of the school, but no more than a day longer, and no holiday.
        let weekly = run(read(&trust, "2026-11-30T00:00:00Z", None), 48);
        assert!(weekly.is_believed() && weekly.extra_days() == 7, "{weekly:?}");
        assert!(read(&weekly, "2026-12-10T00:00:00Z", None).is_believed());
        assert!(!read(&weekly, "2026-12-10T01:00:00Z", None).is_believed());
        assert!(!read(&weekly, "2026-12-10T00:00:00Z", Some(HOUR)).is_believed(), "while it runs");
        let holiday = run(read(&trust, "2027-01-04T00:00:00Z", None), 48);
        assert!(!read(&holiday, "2027-01-11T00:00:00Z", None).is_believed());
        assert_eq!(Trust::step(None, at("1970-01-01T00:00:00Z"), None, KEPT), None);
        assert_eq!(Trust::step(None, at("2099-01-01T00:00:00Z"), None, KEPT), None);
    }

    #[test]
    fn after_a_jump_it_is_believed_again_when_it_was_steady_for_two_days() {
        let jumped = read(&start("2026-11-23T00:00:00Z"), "2027-10-01T00:00:00Z", Some(HOUR));
        assert!(!run(jumped.clone(), 47).is_believed());
        let steady = run(jumped.clone(), 48);
        assert!(steady.is_believed() && steady.extra_days() == 312, "{steady:?}");
        assert_eq!(run(steady, 30 * 24).extra_days(), 0, "by then there is no backup from before");
        // Set right again: doubted once more, and nothing is left of the jump.
        let right = read(&run(jumped, 10), "2026-11-23T11:00:00Z", Some(HOUR));
        assert!(!right.is_believed() && right.extra_days() == 0, "{right:?}");
        assert!(run(right, 48).is_believed());
    }

    #[test]
    fn a_battery_that_died_is_no_jump_forwards_when_the_clock_comes_back() {
        let dead = read(&start("2026-11-23T00:00:00Z"), "1970-01-01T00:00:10Z", None);
        let back = read(&dead, "2026-11-23T09:00:00Z", None);
        assert!(!back.is_believed() && back.jumps.is_empty(), "{back:?}");
        assert!(run(back, 48).is_believed());
    }

    #[test]
    fn a_hub_that_is_off_at_nights_and_weekends_is_believed_on_every_day_and_keeps_no_backup_for_longer() {
        let mut trust = start("2026-11-23T00:00:00Z");
        for week in 0..20 {
            for day in 0..5 {
                let hours = match day {
                    // Each fourth weekend begins with a holiday.
                    3 if week % 4 == 3 => 87,
                    4 => 63,
                    _ => 15,
                };
                for hour in 0..9 {
                    trust = run(trust, 1);
                    assert!(trust.is_believed() && trust.extra_days() == 0, "{day}, {hour} h: {trust:?}");
                }
                let morning = trust.seen_at + SignedDuration::from_hours(hours);
                trust = Trust::step(Some(trust), morning, None, KEPT).expect("known");
                assert!(trust.is_believed() && trust.believed_at == morning, "day {day}: {trust:?}");
                if hours == 87 {
                    break;
                }
            }
        }
    }

    #[test]
    fn a_holiday_keeps_no_backup_for_longer_than_erasures_may_take() {
        let holiday = read(&start("2026-12-24T09:00:00Z"), "2027-01-28T09:00:00Z", None);
        assert!(!holiday.is_believed() && holiday.extra_days() == 10, "{holiday:?}");
        let back = run(holiday.clone(), 48);
        assert!(back.is_believed() && back.extra_days() == 10, "{back:?}");
        assert_eq!(run(back.clone(), 30 * 24).extra_days(), 0);
        // Two holidays get no more than one; what is jumped over while the hub runs comes on top.
        let again = read(&back, "2027-02-19T09:00:00Z", None);
        assert_eq!(again.extra_days(), 10, "{again:?}");
        let jumped = read(&again, "2027-05-30T10:00:00Z", Some(HOUR));
        assert_eq!(jumped.extra_days(), 110, "{jumped:?}");
        assert_eq!(read(&jumped, "2027-02-19T11:00:00Z", Some(HOUR)).extra_days(), 10, "set right again");
        // It was the clock, and all but a week is taken back.
        let corrected = read(&holiday, "2026-12-31T10:00:00Z", Some(HOUR));
        assert_eq!(corrected.extra_days(), 7, "{corrected:?}");
    }

    /// A year of a school: `days` of use in each round of so many, from nine to five, and a holiday of six weeks in summer and
    /// one in winter. On each such day on which the clock is believed, what looks too old is tidied away.
    #[track_caller]
    fn live_a_year(round: i64, days: &[i64]) -> Year {
        let mut year = Year { days: 0, believed: 0, doubted_in_a_row: 0, late_in_a_row: 0 };
        let begin = at("2026-03-02T00:00:00Z");
        let mut trust: Option<Trust> = None;
        let (mut backups, mut doubted) = (std::collections::VecDeque::<Timestamp>::new(), 0);
        let mut late = 0;
        let is_holiday = |day: i64| (140..182).contains(&day) || (294..336).contains(&day);
        for day in (0..365).filter(|day| days.contains(&(day % round)) && !is_holiday(*day)) {
            for hour in 0..9 {
                let now = begin + HOUR * i32::try_from(day * 24 + hour).expect("a year");
                trust = Trust::step(trust, now, (hour > 0).then_some(HOUR), KEPT);
            }
            let trust = trust.as_ref().expect("a clock that can be right");
            assert!(trust.extra_days() <= 10, "{trust:?}");
            backups.push_back(trust.seen_at);
            year.days += 1;
            if trust.is_believed() {
                (year.believed, doubted) = (year.believed + 1, 0);
                let kept = HOUR * i32::try_from(24 * (30 + trust.extra_days())).expect("days");
                backups.retain(|made| trust.seen_at.duration_since(*made) <= kept);
            } else {
                doubted += 1;
                year.doubted_in_a_row = year.doubted_in_a_row.max(doubted);
            }
            let is_late = |made: &Timestamp| trust.seen_at.duration_since(*made) > HOUR * (24 * 40);
            late = if backups.front().is_some_and(is_late) { late + 1 } else { 0 };
            year.late_in_a_row = year.late_in_a_row.max(late);
        }
        year
    }

    #[derive(Debug)]
    struct Year {
        days: u32,
        believed: u32,
        doubted_in_a_row: u32,
        /// Days of use on which a backup of more than forty days was still there in the evening.
        late_in_a_row: u32,
    }

    #[test]
    fn whatever_the_rhythm_of_a_school_its_clock_is_believed_and_old_backups_go() {
        for (what, round, days) in [
            ("each school day", 7, [0, 1, 2, 3, 4].as_slice()),
            ("once a week", 7, &[0]),
            ("Monday and Tuesday", 7, &[0, 1]),
            ("Wednesday and Thursday", 7, &[2, 3]),
            ("Monday and Wednesday", 7, &[0, 2]),
            ("Monday and Friday", 7, &[0, 4]),
            ("each second week, five days", 14, &[0, 1, 2, 3, 4]),
            ("each second week, one day", 14, &[0]),
            ("now a week, now two", 21, &[0, 7]),
        ] {
            let year = live_a_year(round, days);
            assert!(year.believed * 100 >= year.days * 60, "{what}: {year:?}");
            assert!(year.doubted_in_a_row <= 2, "{what}: {year:?}");
            assert!(year.late_in_a_row <= 2, "{what}: {year:?}");
        }
        // Once a month is no rhythm of lessons; it is tidied every third time.
        let monthly = live_a_year(30, &[0]);
        assert!(monthly.believed * 4 >= monthly.days, "{monthly:?}");
    }

    #[derive(Debug, Clone, Copy)]
    enum Deed {
        Run {
            hours: i64,
        },
        Off {
            hours: i64,
        },
        /// So many times on and off.
        Rhythm {
            on: i64,
            off: i64,
            times: i64,
        },
        Jump {
            hours: i64,
            is_off: bool,
        },
    }

    fn deed() -> impl Strategy<Value = Deed> {
        let far =
            prop_oneof![97_i64..24 * 900, -24 * 900_i64..-25, Just(24 * 365 * 80), Just(-24 * 365 * 60)];
        prop_oneof![
            3 => (1_i64..24 * 12).prop_map(|hours| Deed::Run { hours }),
            1 => (1_i64..24 * 70).prop_map(|hours| Deed::Off { hours }),
            2 => (1_i64..24, 24_i64..24 * 18, 1_i64..9).prop_map(|(on, off, times)| Deed::Rhythm { on, off, times }),
            1 => (97_i64..24 * 17).prop_map(|hours| Deed::Jump { hours, is_off: true }),
            2 => (far, any::<bool>()).prop_map(|(hours, is_off)| Deed::Jump { hours, is_off }),
        ]
    }

    proptest! {
        /// Whatever a clock does: when it is believed, no backup of the last thirty days looks older than what is kept. If it
        /// was set while the hub was off, which looks like a holiday, then by no more than what of holidays counts as age.
        #[test]
        fn no_jump_makes_a_young_backup_old(deeds in prop::collection::vec(deed(), 1..24)) {
            let (begin, mut lived, mut offset) = (at("2030-01-01T00:00:00Z"), 0_i64, 0_i64);
            let mut trust = Some(start("2030-01-01T00:00:00Z"));
            let mut seen = Some(0_i64);
            let (mut seen_offset, mut was_set_while_off) = (0_i64, false);
            let mut backups: Vec<(i64, Timestamp)> = Vec::new();
            let alternate = |deed| match deed {
                Deed::Rhythm { on, off, times } => {
                    (0..times).flat_map(|_| [Deed::Run { hours: on }, Deed::Off { hours: off }]).collect()
                }
                Deed::Run { .. } | Deed::Off { .. } | Deed::Jump { .. } => vec![deed],
            };
            for deed in deeds.into_iter().flat_map(alternate) {
                let (hours, is_running) = match deed {
                    Deed::Run { hours } => (hours, true),
                    Deed::Off { hours } => {
                        lived += hours;
                        seen = None;
                        (1, false)
                    }
                    Deed::Rhythm { .. } => continue,
                    Deed::Jump { hours, is_off } => {
                        offset += hours;
                        seen = if is_off { None } else { seen };
                        (1, false)
                    }
                };
                for _ in 0..hours {
                    lived += i64::from(is_running);
                    let Ok(now) = begin.checked_add(SignedDuration::from_hours(lived + offset)) else { continue };
                    let passed = seen.map(|seen| SignedDuration::from_hours(lived - seen));
                    trust = Trust::step(trust, now, passed, KEPT);
                    let Some(trust) = trust.as_ref().filter(|trust| trust.seen_at == now) else { continue };
                    was_set_while_off |= seen.is_none() && seen_offset != offset;
                    (seen, seen_offset) = (Some(lived), offset);
                    if trust.is_believed() {
                        let aged = (trust.sum_jumps().1 - millis(OFF_MAX)).max(0).div_euclid(HOUR_MS) + 1;
                        let aged = if was_set_while_off { aged } else { 0 };
                        let kept = i64::from(30 + trust.extra_days()) * 24 + aged;
                        for (made, shown) in backups.iter().filter(|(made, _)| lived - made <= 30 * 24) {
                            let looks = now.duration_since(*shown).as_hours();
                            prop_assert!(looks <= kept, "made {made}, now {lived}: looks {looks} h old, {trust:?}");
                        }
                    }
                    backups.push((lived, now));
                }
            }
        }
    }
}
