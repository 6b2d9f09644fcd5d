//! How a pupil fares in a lesson: one word, and why if it is "stuck". Pure; the hub computes it once for every face.
//!
//! The thresholds are a teacher's rules of thumb: early enough to help within the lesson, late enough that most of the
//! class is not marked at any moment.

use dreamseed_wire::{
    ids::ProblemVersionId,
    lesson::{LessonMode, LessonState, Sitting},
    live::{PupilStanding, PupilState, StuckReason},
};
use jiff::{SignedDuration, Timestamp};

use crate::store::standings::Standing;

/// Twice the same misconception is a pattern: a slip of the pen does not repeat itself.
pub const SAME_MISTAKE: u32 = 2;
/// Two wrong tries belong to learning; at the third the pupil is guessing or does not know how to go on.
pub const WRONG_IN_ROW: u32 = 3;
/// A problem of the starter set takes two minutes; without any success for five, something holds the pupil up.
pub const LONG_ON_ONE: SignedDuration = SignedDuration::from_mins(5);
/// The page of a pupil is heard of each second; two minutes outlast a sleeping screen and a walk through the room.
pub const AWAY_AFTER: SignedDuration = SignedDuration::from_mins(2);
/// Help is written and read in this time; after it the pupil is at work again, or stuck.
pub const READS_HELP: SignedDuration = SignedDuration::from_mins(3);

/// What is known of a pupil.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    pub mode: LessonMode,
    pub state: LessonState,
    /// When the lesson began; absent without a lesson.
    pub opened_at: Option<Timestamp>,
    /// When the lesson last went on after a pause: nobody is long on a problem because of it.
    pub resumed_at: Option<Timestamp>,
    /// In the order of the problems.
    pub cells: &'a [Cell<'a>],
    /// Signed in.
    pub present: bool,
    /// The latest request or sign of life of the pupil's page.
    pub heard_at: Option<Timestamp>,
    /// Exams only, if it has begun.
    pub sitting: Option<&'a Sitting>,
    pub now: Timestamp,
}

/// A problem of the lesson for the pupil.
#[derive(Debug, Clone, Copy)]
pub struct Cell<'a> {
    pub problem_version_id: ProblemVersionId,
    /// If the pupil has tried it.
    pub tried: Option<&'a Standing>,
    /// How many steps of help the lesson allows for it; 0 for none.
    pub help_levels: u32,
    /// The misconception of the latest try, in the class's language.
    pub misconception: Option<&'a str>,
}

/// The first word that fits.
pub fn assess(facts: &Facts<'_>) -> PupilStanding {
    let handed_in_at = facts.sitting.and_then(|sitting| sitting.handed_in_at);
    let of = |state, since| PupilStanding {
        state,
        present: facts.present,
        since,
        stuck: Vec::new(),
        problem_version_id: None,
        handed_in_at,
    };
    let is_over = facts.state == LessonState::Closed;
    if let Some(since) = done_since(facts) {
        return of(PupilState::Done, since);
    }
    if !is_over && is_away(facts) {
        // Who went home before the lesson began has not left it.
        let left_at =
            facts.heard_at.filter(|heard_at| facts.opened_at.is_none_or(|begun| *heard_at >= begun));
        return of(PupilState::Away, left_at);
    }
    // The problem the pupil is at: the latest that anything happened with.
    let at = facts.cells.iter().filter_map(|cell| Some((cell, cell.tried?)));
    let at = at.max_by_key(|(_, standing)| standing.last_seq);
    if let Some((cell, helped_at)) = facts.cells.iter().filter_map(awaits_help).max_by_key(|(_, at)| *at)
        && !is_over
        && facts.now.duration_since(helped_at) < READS_HELP
    {
        return PupilStanding {
            problem_version_id: Some(cell.problem_version_id),
            ..of(PupilState::Asking, Some(helped_at))
        };
    }
    let (stuck, since, problem) = find_stuck(facts, at);
    if !stuck.is_empty() {
        return PupilStanding { stuck, problem_version_id: problem, ..of(PupilState::Stuck, since) };
    }
    match (at, facts.sitting) {
        (Some((cell, standing)), _) => PupilStanding {
            problem_version_id: Some(cell.problem_version_id),
            ..of(PupilState::Working, Some(standing.last_at))
        },
        (None, Some(sitting)) => of(PupilState::Working, Some(sitting.begun_at)),
        (None, None) => of(PupilState::NotStarted, None),
    }
}

/// Since when nothing is left to do, if the hub knows the time; none if something is.
fn done_since(facts: &Facts<'_>) -> Option<Option<Timestamp>> {
    match facts.mode {
        LessonMode::Exam => facts.sitting?.handed_in_at.map(Some),
        LessonMode::Practice => {
            let solved = |cell: &Cell<'_>| cell.tried.is_some_and(|standing| standing.solved);
            let all = !facts.cells.is_empty() && facts.cells.iter().all(solved);
            all.then(|| facts.cells.iter().filter_map(|cell| cell.tried?.solved_at).max())
        }
    }
}

fn is_away(facts: &Facts<'_>) -> bool {
    let silent = |at: Timestamp| facts.now.duration_since(at) >= AWAY_AFTER;
    !facts.present || facts.heard_at.is_none_or(silent)
}

fn awaits_help<'a>(cell: &'a Cell<'a>) -> Option<(&'a Cell<'a>, Timestamp)> {
    let standing = cell.tried.filter(|standing| !standing.solved)?;
    Some((cell, standing.helped_at?))
}

/// Why the pupil is stuck, the gravest first; since when; on which problem.
fn find_stuck<'a>(
    facts: &Facts<'a>,
    at: Option<(&'a Cell<'a>, &'a Standing)>,
) -> (Vec<StuckReason>, Option<Timestamp>, Option<ProblemVersionId>) {
    let mut reasons = Vec::new();
    // In an exam pupils do not know what was wrong, and try no more than they want.
    let Some((cell, standing)) = at.filter(|_| facts.mode == LessonMode::Practice) else {
        return (reasons, None, None);
    };
    let mut since = Some(standing.last_at);
    if !standing.solved {
        if let Some(text) = cell.misconception.filter(|_| standing.misconception_in_row >= SAME_MISTAKE) {
            let times = standing.misconception_in_row;
            reasons.push(StuckReason::SameMistake { misconception: text.to_owned(), times });
        }
        if standing.wrong_in_row >= WRONG_IN_ROW {
            reasons.push(StuckReason::WrongInRow { times: standing.wrong_in_row });
        }
        // Tried again after the last help, or read it for long enough.
        if cell.help_levels > 0 && standing.helps >= cell.help_levels {
            reasons
                .push(StuckReason::HelpUsedUp { level: u8::try_from(cell.help_levels).unwrap_or(u8::MAX) });
        }
    }
    if let Some(begun) = long_without_success(facts) {
        let minutes = facts.now.duration_since(begun).as_mins();
        if reasons.is_empty() {
            since = Some(begun);
        }
        reasons.push(StuckReason::LongOnOne { minutes: u32::try_from(minutes).unwrap_or(u32::MAX) });
    }
    (reasons, since, Some(cell.problem_version_id))
}

/// Since when the pupil has tried without solving anything, if that is long. Time stands still in a pause and after the
/// end.
fn long_without_success(facts: &Facts<'_>) -> Option<Timestamp> {
    if facts.state != LessonState::Open {
        return None;
    }
    let tried = || facts.cells.iter().filter_map(|cell| cell.tried);
    let begun = tried().filter(|standing| !standing.solved).map(|standing| standing.first_at).min()?;
    let solved = tried().filter_map(|standing| standing.solved_at).max();
    let since = [Some(begun), solved, facts.resumed_at].into_iter().flatten().max()?;
    (facts.now.duration_since(since) >= LONG_ON_ONE).then_some(since)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dreamseed_wire::ids::{AttemptId, UserId};

    fn at(minute: i64) -> Timestamp {
        let start: Timestamp = "2026-11-23T00:00:00Z".parse().expect("time");
        start + SignedDuration::from_mins(minute)
    }

    /// Tried once in minute 1, wrong.
    fn tried(seq: i64) -> Standing {
        Standing {
            pupil_id: UserId::new(),
            lesson_id: None,
            problem_version_id: ProblemVersionId::new(),
            tries: 1,
            solved: false,
            last_attempt: AttemptId::new(),
            last_seq: seq,
            first_at: at(1),
            last_at: at(1),
            solved_at: None,
            wrong_in_row: 1,
            misconception: None,
            misconception_in_row: 0,
            helps: 0,
            helped_at: None,
        }
    }

    fn solved(seq: i64, minute: i64) -> Standing {
        Standing { solved: true, solved_at: Some(at(minute)), wrong_in_row: 0, ..tried(seq) }
    }

    /// The standing of a pupil with these cells (a third one is not tried), in minute `now`, heard of just now.
    fn assess_at(now: i64, cells: &[Standing], change: impl Fn(&mut Facts<'_>)) -> PupilStanding {
        let mut row: Vec<_> = cells
            .iter()
            .map(|standing| Cell {
                problem_version_id: standing.problem_version_id,
                tried: Some(standing),
                help_levels: 2,
                misconception: Some("분자끼리 더해요."),
            })
            .collect();
        let untried = ProblemVersionId::new();
        row.push(Cell { problem_version_id: untried, tried: None, help_levels: 2, misconception: None });
        let mut facts = Facts {
            mode: LessonMode::Practice,
            state: LessonState::Open,
            opened_at: Some(at(0)),
            resumed_at: None,
            cells: &row,
            present: true,
            heard_at: Some(at(now)),
            sitting: None,
            now: at(now),
        };
        change(&mut facts);
        assess(&facts)
    }

    fn state_at(now: i64, cells: &[Standing]) -> PupilState {
        assess_at(now, cells, |_| {}).state
    }

    #[test]
    fn one_word_for_a_pupil() {
        assert_eq!(state_at(1, &[]), PupilState::NotStarted);
        assert_eq!(state_at(2, &[tried(5)]), PupilState::Working);
        let standing = assess_at(9, &[], |facts| facts.heard_at = Some(at(7)));
        assert_eq!((standing.state, standing.since), (PupilState::Away, Some(at(7))));
        assert_eq!(assess_at(9, &[], |facts| facts.present = false).state, PupilState::Away);
        let before = |facts: &mut Facts<'_>| {
            facts.opened_at = Some(at(20));
            facts.heard_at = Some(at(7));
        };
        let standing = assess_at(29, &[], before);
        assert_eq!(
            (standing.state, standing.since),
            (PupilState::Away, None),
            "gone before the lesson began: nobody who has left it"
        );
        let almost = |facts: &mut Facts<'_>| facts.heard_at = Some(at(8));
        assert_eq!(assess_at(9, &[], almost).state, PupilState::NotStarted);
    }

    #[test]
    fn who_has_solved_everything_is_done_even_when_gone() {
        let all = [solved(5, 2), solved(6, 3)];
        let gone = |facts: &mut Facts<'_>| {
            facts.present = false;
            facts.cells = &facts.cells[..2];
        };
        let standing = assess_at(30, &all, gone);
        assert_eq!(
            (standing.state, standing.since, standing.present),
            (PupilState::Done, Some(at(3)), false)
        );
        assert_eq!(state_at(4, &all), PupilState::Working, "a third problem is left");
    }

    #[test]
    fn reading_help_is_not_being_stuck() {
        let asked = Standing { helped_at: Some(at(2)), helps: 2, wrong_in_row: 5, ..tried(5) };
        let standing = assess_at(3, std::slice::from_ref(&asked), |_| {});
        assert_eq!((standing.state, standing.since), (PupilState::Asking, Some(at(2))));
        assert_eq!(standing.problem_version_id, Some(asked.problem_version_id));
        assert_eq!(state_at(5, &[asked]), PupilState::Stuck, "nobody reads for three minutes");
    }

    #[test]
    fn why_a_pupil_is_stuck() {
        let misconception = "분자끼리 더해요.".to_owned();
        for (standing, now, expected) in [
            (Standing { wrong_in_row: 2, ..tried(5) }, 2, vec![]),
            (Standing { wrong_in_row: 3, ..tried(5) }, 2, vec![StuckReason::WrongInRow { times: 3 }]),
            (Standing { misconception_in_row: 1, ..tried(5) }, 2, vec![]),
            (
                Standing { misconception_in_row: 2, wrong_in_row: 4, ..tried(5) },
                2,
                vec![
                    StuckReason::SameMistake { misconception: misconception.clone(), times: 2 },
                    StuckReason::WrongInRow { times: 4 },
                ],
            ),
            (Standing { helps: 1, ..tried(5) }, 2, vec![]),
            (Standing { helps: 2, ..tried(5) }, 2, vec![StuckReason::HelpUsedUp { level: 2 }]),
            (tried(5), 5, vec![]),
            (tried(5), 6, vec![StuckReason::LongOnOne { minutes: 5 }]),
            (Standing { helps: 9, wrong_in_row: 0, ..solved(5, 2) }, 30, vec![]),
        ] {
            let seen = assess_at(now, std::slice::from_ref(&standing), |_| {});
            assert_eq!(seen.stuck, expected, "{standing:?}");
            let is_stuck = seen.state == PupilState::Stuck;
            assert_eq!(is_stuck, !expected.is_empty());
            assert!(!is_stuck || seen.problem_version_id == Some(standing.problem_version_id));
        }
    }

    #[test]
    fn who_goes_on_to_another_problem_is_not_stuck_on_the_last_one() {
        let left = Standing { wrong_in_row: 7, ..tried(5) };
        assert_eq!(state_at(3, &[left.clone(), solved(9, 2)]), PupilState::Working);
        assert_eq!(
            state_at(6, &[left.clone(), solved(9, 2)]),
            PupilState::Working,
            "solved four minutes ago"
        );
        assert_eq!(state_at(7, &[left, solved(9, 2)]), PupilState::Stuck, "nothing for five minutes");
    }

    #[test]
    fn a_pause_makes_nobody_stuck() {
        let cells = [tried(5)];
        let paused = |facts: &mut Facts<'_>| facts.state = LessonState::Paused;
        assert_eq!(assess_at(20, &cells, paused).state, PupilState::Working);
        let resumed = |facts: &mut Facts<'_>| facts.resumed_at = Some(at(18));
        assert_eq!(assess_at(20, &cells, resumed).state, PupilState::Working);
        assert_eq!(assess_at(23, &cells, resumed).state, PupilState::Stuck);
    }

    #[test]
    fn an_exam_is_handed_in_or_worked_on() {
        let wrong = [Standing { wrong_in_row: 9, ..tried(5) }];
        let begun = Sitting { begun_at: at(1), handed_in_at: None };
        let over = Sitting { begun_at: at(1), handed_in_at: Some(at(8)) };
        let exam = |cells: &[Standing], sitting: Option<&Sitting>| {
            let mut row = Vec::new();
            row.extend(cells.iter().map(|standing| Cell {
                problem_version_id: standing.problem_version_id,
                tried: Some(standing),
                help_levels: 0,
                misconception: None,
            }));
            let (mode, state) = (LessonMode::Exam, LessonState::Open);
            let (now, heard_at) = (at(9), Some(at(9)));
            assess(&Facts {
                mode,
                state,
                opened_at: Some(at(0)),
                resumed_at: None,
                cells: &row,
                present: true,
                heard_at,
                sitting,
                now,
            })
        };
        assert_eq!(exam(&[], None).state, PupilState::NotStarted);
        let working = exam(&[], Some(&begun));
        assert_eq!((working.state, working.since), (PupilState::Working, Some(at(1))));
        assert_eq!(exam(&wrong, Some(&begun)).state, PupilState::Working, "nobody is stuck in an exam");
        let done = exam(&wrong, Some(&over));
        assert_eq!((done.state, done.handed_in_at), (PupilState::Done, Some(at(8))));
        assert_eq!(exam(&[solved(5, 2)], Some(&begun)).state, PupilState::Working, "solved is not handed in");
    }

    #[test]
    fn after_the_end_nobody_is_away_or_asking() {
        let asked = Standing { helped_at: Some(at(2)), ..tried(5) };
        let closed = |facts: &mut Facts<'_>| {
            facts.state = LessonState::Closed;
            facts.present = false;
        };
        assert_eq!(assess_at(3, &[asked], closed).state, PupilState::Working);
        assert_eq!(assess_at(90, &[], closed).state, PupilState::NotStarted);
    }
}
