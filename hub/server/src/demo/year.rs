//! A long history for one class, for benches of reports: a lesson on each school day, answered by everybody, written by
//! the function that real answers go through.

use std::sync::Arc;

use dreamseed_wire::{ids::*, lesson::HintCeiling};
use jiff::{SignedDuration, civil::Date, tz::TimeZone};

use super::{
    history::{self, Learner},
    random::Random,
    record_answers,
};
use crate::{
    school::{ProblemVersion, School},
    store::{Store, StoreError, lessons},
};

/// Problems of a lesson: with second tries a pupil gives about 28 answers a day.
const LESSON_PROBLEMS: usize = 20;
const ANSWERS_A_DAY: usize = 28;
/// The longest history, in school days: a school year.
const DAYS: usize = 200;

/// The class and what it works on.
pub struct HardWorking<'a> {
    pub class: ClassId,
    pub pupils: &'a [UserId],
    pub problems: &'a [Arc<ProblemVersion>],
}

/// Writes so many answers on the school days before `until`, over as few days as they need and 200 at most; with very many
/// each day has several lessons.
pub async fn fill(
    store: &Store,
    school: &School,
    class: &HardWorking<'_>,
    answers: usize,
    until: Date,
    random: &mut Random,
) -> anyhow::Result<()> {
    let zone = &school.hub.time_zone;
    if class.pupils.is_empty() || class.problems.is_empty() {
        return Ok(());
    }
    let a_day = ANSWERS_A_DAY * class.pupils.len();
    let count = answers.div_ceil(a_day).clamp(1, DAYS);
    let days = history::school_days_before(until, count);
    let learners: Vec<_> = class.pupils.iter().map(|pupil| Learner::new(*pupil, random)).collect();
    let mut left = answers;
    for (index, day) in days.iter().enumerate() {
        let share = index as f64 / days.len() as f64;
        // What is left, spread evenly, so that the last day ends with the last answer.
        let mut today = left.div_ceil(days.len() - index);
        left -= today;
        let mut round = 0;
        while today > 0 {
            let first = (index * 7 + round * LESSON_PROBLEMS) % class.problems.len();
            today -= hold_lesson(
                store,
                school,
                class,
                &learners,
                (*day, round, zone),
                (share, first),
                today,
                random,
            )
            .await?;
            round += 1;
        }
    }
    Ok(())
}

/// One lesson with at most `limit` answers; returns how many there were.
#[expect(clippy::too_many_arguments, reason = "one call, and each is one plain thing")]
async fn hold_lesson(
    store: &Store,
    school: &School,
    class: &HardWorking<'_>,
    learners: &[Learner],
    (day, round, zone): (Date, usize, &TimeZone),
    (share, first): (f64, usize),
    limit: usize,
    random: &mut Random,
) -> anyhow::Result<usize> {
    let nine = day.at(9, 0, 0, 0).to_zoned(zone.clone())?.timestamp();
    let opened = nine + SignedDuration::from_secs(60 * 60 * (round % 6) as i64);
    let problems: Vec<_> =
        (0..LESSON_PROBLEMS).map(|step| &class.problems[(first + step) % class.problems.len()]).collect();
    let versions: Vec<_> = problems.iter().map(|version| version.problem_version_id).collect();
    let (class_id, title) = (class.class, format!("{day}"));
    let lesson = store
        .write(move |tx| lessons::open(tx, class_id, (&title, HintCeiling::Concept), &versions, None, opened))
        .await
        .map_err(|err: StoreError| err)?;
    let mut answers = Vec::new();
    for learner in learners {
        let mut at = opened + SignedDuration::from_secs(random.below(120) as i64);
        for version in &problems {
            at = history::answer_problem(learner, version, lesson, share, at, random, &mut answers);
        }
    }
    answers.sort_by_key(|answer| answer.at);
    answers.truncate(limit);
    let (count, closed) = (answers.len(), answers.last().map_or(opened, |last| last.at));
    record_answers(store, school, answers).await?;
    store
        .write(move |tx| lessons::close(tx, lesson, closed + SignedDuration::from_secs(60)))
        .await
        .map_err(|err: StoreError| err)?;
    Ok(count)
}
