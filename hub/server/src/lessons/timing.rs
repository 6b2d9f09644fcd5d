//! How a lesson stands in time, and which answers it takes: pure rules. All times are instants in UTC, so that midnight
//! and the change to summer time are nothing special.
//!
//! A pause stops the clock of the lesson: `ends_at` stays as it was, and moves by the length of the pause when the
//! lesson goes on or is closed.

use dreamseed_wire::lesson::{LessonMode, LessonState};
use jiff::{SignedDuration, Timestamp};

use crate::store::sittings::StoredSitting;

/// A reopened lesson whose time was up goes on for this long.
const REOPENED_FOR: SignedDuration = SignedDuration::from_mins(10);
/// An answer that comes later than this after the end is noted as late: a full class's last answers take a moment.
const NOTED_LATE: SignedDuration = SignedDuration::from_secs(30);
/// An exam takes what was given before its end for this long after it: a tablet whose line was cut is on the school's
/// network again by the next morning, and what anybody could have been told of the solutions meanwhile counts no longer.
const EXAM_WAITS: SignedDuration = SignedDuration::from_hours(24);

/// When a lesson began, waits and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    pub state: LessonState,
    pub opened_at: Timestamp,
    /// When time is up; while paused, as it was when the pause began. Without a limit there is none.
    pub ends_at: Option<Timestamp>,
    /// While paused, since when.
    pub paused_at: Option<Timestamp>,
    /// When it last went on after a pause.
    pub resumed_at: Option<Timestamp>,
    pub closed_at: Option<Timestamp>,
}

/// The lesson is over, so that it cannot be paused, go on or be extended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the lesson is over")]
pub struct Over;

/// Why an answer is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It was given while everyone waits.
    Paused,
    /// It was given after the end.
    Closed,
    /// The pupil has not begun the exam.
    NotBegun,
    /// The pupil has handed the exam in.
    HandedIn,
    /// The exam ended long ago, or its grades have been shown to the pupil since: that the answer is older is a device's
    /// claim, and not believed any more.
    TooLate,
}

impl Timing {
    /// A lesson that begins now.
    pub fn begin(now: Timestamp, ends_at: Option<Timestamp>) -> Self {
        Timing {
            state: LessonState::Open,
            opened_at: now,
            ends_at,
            paused_at: None,
            resumed_at: None,
            closed_at: None,
        }
    }

    /// When it ended, if it has: also if its time is up and nobody has noticed yet.
    pub fn ended_at(&self, now: Timestamp) -> Option<Timestamp> {
        match self.state {
            LessonState::Closed => Some(self.closed_at.unwrap_or(now)),
            LessonState::Open => self.ends_at.filter(|end| *end <= now),
            LessonState::Paused => None,
        }
    }

    /// Whether it has ended so lately that an exam still takes what was given before.
    pub fn takes_late_answers(&self, now: Timestamp) -> bool {
        self.ended_at(now).is_some_and(|end| now.duration_since(end) <= EXAM_WAITS)
    }

    /// The state as it is at a time.
    pub fn state_at(&self, now: Timestamp) -> LessonState {
        if self.ended_at(now).is_some() { LessonState::Closed } else { self.state }
    }

    /// When time is up; while paused, when it would be if the lesson went on now.
    pub fn shown_end(&self, now: Timestamp) -> Option<Timestamp> {
        self.ends_at.map(|end| later(end, self.waited(now)))
    }

    /// Everyone waits. Once more changes nothing.
    pub fn pause(self, now: Timestamp) -> Result<Self, Over> {
        match self.state_at(now) {
            LessonState::Open => Ok(Timing { state: LessonState::Paused, paused_at: Some(now), ..self }),
            LessonState::Paused => Ok(self),
            LessonState::Closed => Err(Over),
        }
    }

    /// The lesson goes on with the time that it had. Once more changes nothing.
    pub fn resume(self, now: Timestamp) -> Result<Self, Over> {
        match self.state_at(now) {
            LessonState::Paused => Ok(Timing {
                state: LessonState::Open,
                ends_at: self.shown_end(now),
                paused_at: None,
                resumed_at: Some(now),
                ..self
            }),
            LessonState::Open => Ok(self),
            LessonState::Closed => Err(Over),
        }
    }

    /// More or less time; the end never moves before now. A lesson without a limit stays without one.
    pub fn extend(self, minutes: i16, now: Timestamp) -> Result<Self, Over> {
        if self.state_at(now) == LessonState::Closed {
            return Err(Over);
        }
        // While paused, the time of the lesson is the time at which it was paused.
        let lessons_now = self.paused_at.unwrap_or(now);
        let moved = |end| later(end, SignedDuration::from_mins(i64::from(minutes))).max(lessons_now);
        Ok(Timing { ends_at: self.ends_at.map(moved), ..self })
    }

    /// The lesson is over: now, or when its time was up. Once more changes nothing.
    pub fn close(self, now: Timestamp) -> Self {
        if self.state == LessonState::Closed {
            return self;
        }
        Timing {
            state: LessonState::Closed,
            ends_at: self.shown_end(now),
            paused_at: None,
            closed_at: Some(self.ended_at(now).unwrap_or(now)),
            ..self
        }
    }

    /// Undoes a close: the lesson goes on with the time that was left, or for ten minutes if none was.
    pub fn reopen(self, now: Timestamp) -> Self {
        let Some(closed_at) = self.ended_at(now) else { return self };
        let left = |end: Timestamp| {
            let left = end.duration_since(closed_at);
            later(now, if left.is_positive() { left } else { REOPENED_FOR })
        };
        Timing {
            state: LessonState::Open,
            ends_at: self.ends_at.map(left),
            paused_at: None,
            resumed_at: Some(now),
            closed_at: None,
            ..self
        }
    }

    /// How long it has been paused.
    fn waited(&self, now: Timestamp) -> SignedDuration {
        // A clock set back meanwhile takes no time away.
        self.paused_at
            .map_or(SignedDuration::ZERO, |since| now.duration_since(since).max(SignedDuration::ZERO))
    }
}

/// Whether a lesson takes an answer that was given at `given_at`, as far as the device is believed, and reaches the hub
/// now; if it came late, by how many seconds.
///
/// What was given before a pause or the end is taken whenever it comes: a line may have been cut. After the end of an exam
/// only for a day, and only until the pupil has been shown its grades: else an answer could be sent again, with a claim from
/// before the end, until it is right. Once the hub has the hand-in nothing more is taken, whatever it claims: a device sends
/// the answers that wait on it before the hand-in.
pub fn admit(
    mode: LessonMode,
    timing: &Timing,
    sitting: Option<&StoredSitting>,
    given_at: Timestamp,
    now: Timestamp,
) -> Result<Option<u32>, Refusal> {
    if mode == LessonMode::Exam {
        let sitting = sitting.ok_or(Refusal::NotBegun)?;
        if sitting.handed_in_at.is_some() {
            return Err(Refusal::HandedIn);
        }
    }
    if let Some(end) = timing.ended_at(now) {
        if given_at >= end {
            return Err(Refusal::Closed);
        }
        let is_shown = sitting.is_some_and(|sitting| sitting.shown_at.is_some());
        if mode == LessonMode::Exam && (is_shown || !timing.takes_late_answers(now)) {
            return Err(Refusal::TooLate);
        }
        let late = now.duration_since(end);
        return Ok((late > NOTED_LATE).then(|| u32::try_from(late.as_secs()).unwrap_or(u32::MAX)));
    }
    match timing.paused_at {
        Some(since) if given_at >= since => Err(Refusal::Paused),
        Some(_) | None => Ok(None),
    }
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dreamseed_wire::ids::UserId;
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    fn at(minute: i64) -> Timestamp {
        let start: Timestamp = "2026-11-23T00:00:00Z".parse().expect("time");
        start + SignedDuration::from_mins(minute)
    }

    /// From minute 0 to minute 40.
    fn lesson() -> Timing {
        Timing::begin(at(0), Some(at(40)))
    }

    fn sitting(handed_in: Option<i64>) -> StoredSitting {
        let (pupil_id, handed_in_at) = (UserId::new(), handed_in.map(at));
        StoredSitting { pupil_id, seed: 7, begun_at: at(1), handed_in_at, shown_at: None }
    }

    #[test]
    fn which_answers_a_lesson_takes() {
        use LessonMode::{Exam, Practice};
        let open = lesson();
        let endless = Timing::begin(at(0), None);
        let paused = lesson().pause(at(10)).expect("open");
        let went_on = paused.resume(at(15)).expect("paused");
        let closed = lesson().close(at(30));
        let (begun, handed_in) = (sitting(None), sitting(Some(20)));
        let shown = StoredSitting { shown_at: Some(at(32)), ..begun };
        let day = 24 * 60;
        // Lesson, sitting, given in minute, received in minute.
        for (mode, timing, sitting, given, received, expected) in [
            (Practice, open, None, 5, 5, Ok(None)),
            (Practice, open, None, -5, 5, Ok(None)),
            (Practice, open, None, 39, 39, Ok(None)),
            // Time is up, though nobody has closed the lesson yet.
            (Practice, open, None, 40, 40, Err(Refusal::Closed)),
            (Practice, open, None, 39, 41, Ok(Some(60))),
            (Practice, endless, None, 9_000, 9_000, Ok(None)),
            // 앞을 보세요.
            (Practice, paused, None, 9, 9, Ok(None)),
            (Practice, paused, None, 9, 12, Ok(None)),
            (Practice, paused, None, 10, 10, Err(Refusal::Paused)),
            (Practice, paused, None, 12, 12, Err(Refusal::Paused)),
            // Time stands still: the end does not come.
            (Practice, paused, None, 9, 90, Ok(None)),
            // What was typed in a pause that is over is kept.
            (Practice, went_on, None, 12, 16, Ok(None)),
            (Practice, went_on, None, 44, 44, Ok(None)),
            (Practice, went_on, None, 45, 45, Err(Refusal::Closed)),
            (Practice, closed, None, 29, 30, Ok(None)),
            (Practice, closed, None, 29, 90, Ok(Some(3600))),
            (Practice, closed, None, 30, 30, Err(Refusal::Closed)),
            (Practice, closed, None, 35, 36, Err(Refusal::Closed)),
            (Exam, open, None, 5, 5, Err(Refusal::NotBegun)),
            (Exam, closed, None, 5, 5, Err(Refusal::NotBegun)),
            (Exam, open, Some(&begun), 5, 5, Ok(None)),
            // The device's clock is behind.
            (Exam, open, Some(&begun), 0, 5, Ok(None)),
            // Handing in binds, whatever a device claims.
            (Exam, open, Some(&handed_in), 19, 25, Err(Refusal::HandedIn)),
            (Exam, open, Some(&handed_in), 20, 20, Err(Refusal::HandedIn)),
            (Exam, open, Some(&handed_in), 25, 25, Err(Refusal::HandedIn)),
            (Exam, closed, Some(&begun), 29, 31, Ok(Some(60))),
            (Exam, closed, Some(&begun), 31, 31, Err(Refusal::Closed)),
            (Exam, closed, Some(&handed_in), 19, 31, Err(Refusal::HandedIn)),
            (Exam, closed, Some(&handed_in), 25, 31, Err(Refusal::HandedIn)),
            // Nobody can try until it is right: neither for ever nor knowing the grades.
            (Exam, closed, Some(&begun), 29, 30 + day, Ok(Some(24 * 3600))),
            (Exam, closed, Some(&begun), 29, 31 + day, Err(Refusal::TooLate)),
            (Practice, closed, None, 29, 31 + day, Ok(Some(24 * 3600 + 60))),
            (Exam, closed, Some(&shown), 29, 33, Err(Refusal::TooLate)),
            (Exam, closed, Some(&shown), 31, 33, Err(Refusal::Closed)),
            // It was opened again.
            (Exam, open, Some(&shown), 33, 33, Ok(None)),
            (Exam, paused, Some(&begun), 9, 12, Ok(None)),
            (Exam, paused, Some(&begun), 11, 12, Err(Refusal::Paused)),
        ] {
            let seen = admit(mode, &timing, sitting, at(given), at(received));
            assert_eq!(seen, expected, "{mode:?}, given {given}, received {received}: {timing:?}");
        }
    }

    #[test]
    fn a_moment_after_the_end_is_not_called_late() {
        let closed = lesson().close(at(30));
        let seconds = |n| at(30) + SignedDuration::from_secs(n);
        let late = |n| admit(LessonMode::Practice, &closed, None, at(29), seconds(n));
        assert_eq!([late(0), late(30), late(31)], [Ok(None), Ok(None), Ok(Some(31))]);
    }

    #[test]
    fn time_that_is_up_ends_a_lesson_when_it_was_up() {
        // The hub was off over night.
        let found = lesson().close(at(900));
        assert_eq!((found.state, found.closed_at), (LessonState::Closed, Some(at(40))));
        assert_eq!(found.close(at(1000)), found, "once is enough");
        assert_eq!(lesson().pause(at(40)), Err(Over));
        assert_eq!(lesson().extend(10, at(41)), Err(Over));
    }

    #[test]
    fn a_close_can_be_undone_with_the_time_that_was_left() {
        let reopened = lesson().close(at(30)).reopen(at(35));
        assert_eq!(
            (reopened.state, reopened.ends_at, reopened.closed_at),
            (LessonState::Open, Some(at(45)), None)
        );
        assert_eq!(
            lesson().close(at(60)).reopen(at(70)).ends_at,
            Some(at(80)),
            "ten minutes if none was left"
        );
        assert_eq!(Timing::begin(at(0), None).close(at(5)).reopen(at(9)).ends_at, None);
        let paused = lesson().pause(at(10)).expect("open").close(at(20));
        assert_eq!(paused.reopen(at(20)).ends_at, Some(at(50)), "the pause took nothing");
        assert_eq!(lesson().reopen(at(5)), lesson(), "nothing to undo");
    }

    #[test]
    fn the_end_never_moves_before_now() {
        assert_eq!(lesson().extend(-60, at(10)).expect("open").ends_at, Some(at(10)));
        let paused = lesson().pause(at(10)).expect("open").extend(-60, at(20)).expect("paused");
        assert_eq!(paused.resume(at(25)).expect("paused").ends_at, Some(at(25)));
        assert_eq!(Timing::begin(at(0), None).extend(5, at(1)).expect("open").ends_at, None);
    }

    #[test]
    fn a_clock_set_back_takes_no_time_away() {
        let paused = lesson().pause(at(10)).expect("open");
        assert_eq!(paused.resume(at(5)).expect("paused").ends_at, Some(at(40)));
    }

    /// 40 minutes are 40 minutes: over midnight, and in the night in which an hour comes twice.
    #[test]
    fn midnight_and_summer_time_are_nothing_special() {
        for (zone, begin, wall_clock_end) in [
            ("Asia/Seoul", "2026-11-23T23:50:00+09:00[Asia/Seoul]", "2026-11-24T00:30:00"),
            ("Europe/Berlin", "2026-10-25T02:40:00+02:00[Europe/Berlin]", "2026-10-25T02:20:00"),
            ("Europe/Berlin", "2027-03-28T01:40:00+01:00[Europe/Berlin]", "2027-03-28T03:20:00"),
        ] {
            let begin: jiff::Zoned = begin.parse().expect("a time");
            let now = begin.timestamp();
            let timing = Timing::begin(now, Some(now + SignedDuration::from_mins(40)));
            let minute = |n| now + SignedDuration::from_mins(n);
            assert_eq!(timing.state_at(minute(39)), LessonState::Open);
            assert_eq!(timing.state_at(minute(40)), LessonState::Closed);
            let zone = TimeZone::get(zone).expect("a zone");
            let end = timing.ends_at.expect("an end").to_zoned(zone).datetime().to_string();
            assert_eq!(end, wall_clock_end);
        }
    }

    #[derive(Debug, Clone, Copy)]
    enum Deed {
        Pause,
        Resume,
        Extend(i16),
        Close,
        Reopen,
    }

    fn deed() -> impl Strategy<Value = Deed> {
        prop_oneof![
            Just(Deed::Pause),
            Just(Deed::Resume),
            (-60_i16..=120).prop_map(Deed::Extend),
            Just(Deed::Close),
            Just(Deed::Reopen),
        ]
    }

    proptest! {
        /// Pupils get the minutes that were given, however often everybody looked to the front.
        #[test]
        fn pauses_take_no_time(steps in prop::collection::vec((1_i64..30, any::<bool>()), 0..20)) {
            let mut timing = Timing::begin(at(0), Some(at(10_000)));
            let (mut now, mut worked) = (0, 0);
            for (minutes, pauses) in steps {
                if timing.state == LessonState::Open {
                    worked += minutes;
                }
                now += minutes;
                timing = if pauses { timing.pause(at(now)) } else { timing.resume(at(now)) }.expect("not over");
            }
            let left = timing.resume(at(now)).expect("not over").ends_at.expect("an end").duration_since(at(now));
            prop_assert_eq!(left, SignedDuration::from_mins(10_000 - worked));
            prop_assert_eq!(timing.shown_end(at(now)), Some(at(now) + left));
        }

        /// Whatever a teacher does in whatever order, a lesson stays in one of its three states.
        #[test]
        fn any_order_of_deeds_makes_sense(deeds in prop::collection::vec((0_i64..50, deed()), 0..30)) {
            let (mut timing, mut now) = (lesson(), 0);
            for (minutes, deed) in deeds {
                now += minutes;
                let moment = at(now);
                timing = match deed {
                    Deed::Pause => timing.pause(moment).unwrap_or(timing),
                    Deed::Resume => timing.resume(moment).unwrap_or(timing),
                    Deed::Extend(minutes) => timing.extend(minutes, moment).unwrap_or(timing),
                    Deed::Close => timing.close(moment),
                    Deed::Reopen => timing.reopen(moment),
                };
                prop_assert_eq!(timing.paused_at.is_some(), timing.state == LessonState::Paused);
                prop_assert_eq!(timing.closed_at.is_some(), timing.state == LessonState::Closed);
                prop_assert!(timing.closed_at.is_none_or(|at| at <= moment));
                prop_assert!(timing.ends_at.is_some());
            }
        }
    }
}
