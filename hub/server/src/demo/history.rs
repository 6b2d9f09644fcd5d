//! What the pupils of the demo school have answered so far: a learning curve for each, graded by the real grader.

use std::sync::Arc;

use dreamseed_wire::{
    answer::{Answer, GapAnswer, MatchPair},
    attempt::SubmitAnswer,
    authoring::{AnswerKey, GapKeyKind, QuestionDraft},
    ids::*,
};
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};

use super::random::Random;
use crate::school::ProblemVersion;

/// An answer of the past.
pub struct PastAnswer {
    pub pupil: UserId,
    pub version: Arc<ProblemVersion>,
    pub at: Timestamp,
    pub body: SubmitAnswer,
}

/// A pupil's gift and how fast they learn.
pub struct Learner {
    pub pupil: UserId,
    ability: f64,
    growth: f64,
}

impl Learner {
    pub fn new(pupil: UserId, random: &mut Random) -> Self {
        Learner { pupil, ability: -0.6 + 0.9 * random.normal(), growth: 1.6 + 0.6 * random.normal() }
    }

    /// The chance of a right answer after a share (0 to 1) of the weeks; a second try is easier.
    fn chance(&self, share: f64, difficulty: f64, is_second: bool) -> f64 {
        let logit = self.ability + self.growth * share - difficulty + if is_second { 0.8 } else { 0.0 };
        (1.0 / (1.0 + (-logit).exp())).clamp(0.08, 0.97)
    }
}

/// The last `count` school days before a day, oldest first.
pub fn school_days_before(today: Date, count: usize) -> Vec<Date> {
    let mut days: Vec<Date> = std::iter::successors(today.yesterday().ok(), |day| day.yesterday().ok())
        .filter(|day| day.weekday().to_monday_one_offset() <= 5)
        .take(count)
        .collect();
    days.reverse();
    days
}

/// The answers of one pupil to the problems of a past lesson: each day some problems of a skill or two, wrong ones
/// often tried again.
pub fn answers_of_days(
    learner: &Learner,
    (lesson, problems): (LessonId, &[Arc<ProblemVersion>]),
    days: &[Date],
    zone: &TimeZone,
    random: &mut Random,
) -> Vec<PastAnswer> {
    let mut answers = Vec::new();
    for (index, day) in days.iter().enumerate() {
        // Nobody is there every day.
        if problems.is_empty() || random.unit() < 0.08 {
            continue;
        }
        let share = index as f64 / days.len().max(2) as f64;
        let Ok(morning) = day.at(9, 5, 0, 0).to_zoned(zone.clone()) else { continue };
        let mut at = morning.timestamp() + SignedDuration::from_secs(random.below(2_400) as i64);
        let start = (index * 3 + random.below(2)) % problems.len();
        for step in 0..3 + random.below(2) {
            let version = &problems[(start + step) % problems.len()];
            at = answer_problem(learner, version, lesson, share, at, random, &mut answers);
        }
    }
    answers
}

/// The first answers of one pupil to today's problems, the last of them shortly before `now`.
pub fn answers_of_today(
    learner: &Learner,
    (lesson, problems): (LessonId, &[Arc<ProblemVersion>]),
    count: usize,
    now: Timestamp,
    random: &mut Random,
) -> Vec<PastAnswer> {
    let mut answers = Vec::new();
    let mut at = now - SignedDuration::from_mins(25) + SignedDuration::from_secs(random.below(300) as i64);
    for version in problems.iter().take(count) {
        at = answer_problem(learner, version, lesson, 1.0, at, random, &mut answers);
    }
    answers.retain(|answer| answer.at < now);
    answers
}

/// Answers one problem once or twice; gives the time after it.
pub fn answer_problem(
    learner: &Learner,
    version: &Arc<ProblemVersion>,
    lesson: LessonId,
    share: f64,
    mut at: Timestamp,
    random: &mut Random,
    answers: &mut Vec<PastAnswer>,
) -> Timestamp {
    let difficulty = difficulty_of(version);
    for is_second in [false, true] {
        at += SignedDuration::from_secs(40 + random.below(140) as i64);
        let is_right = random.unit() < learner.chance(share, difficulty, is_second);
        let answer = if is_right { right_answer(&version.draft.key) } else { wrong_answer(version, random) };
        answers.push(PastAnswer {
            pupil: learner.pupil,
            version: Arc::clone(version),
            at,
            body: SubmitAnswer {
                attempt_id: attempt_id(at),
                problem_version_id: version.problem_version_id,
                lesson_id: Some(lesson),
                answer,
                occurred_at: None,
                device_id: None,
                device_seq: None,
            },
        });
        if is_right || random.unit() < 0.25 {
            break;
        }
    }
    at
}

/// An id of the time of the answer, as a client would have made it.
fn attempt_id(at: Timestamp) -> AttemptId {
    let seconds = u64::try_from(at.as_second()).unwrap_or_default();
    AttemptId(uuid::Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, 0)))
}

/// From -0.5 to 0.5, the same for everybody.
fn difficulty_of(version: &ProblemVersion) -> f64 {
    let byte =
        blake3::hash(version.draft.statement.get(dreamseed_wire::Language::Ko).as_bytes()).as_bytes()[0];
    f64::from(byte) / 255.0 - 0.5
}

/// An answer that the key takes.
pub(crate) fn right_answer(key: &AnswerKey) -> Answer {
    match key {
        AnswerKey::SingleChoice { choice } => Answer::SingleChoice { choice: choice.clone() },
        AnswerKey::MultipleChoice { choices } => Answer::MultipleChoice { choices: choices.clone() },
        AnswerKey::Number { value, units, unit_required, .. } => {
            let unit = units.first().filter(|_| *unit_required);
            Answer::Number { text: unit.map_or_else(|| value.clone(), |unit| format!("{value} {unit}")) }
        }
        AnswerKey::ShortText { accepted } => {
            Answer::ShortText { text: accepted.first().cloned().unwrap_or_default() }
        }
        AnswerKey::TrueFalse { value } => Answer::TrueFalse { value: *value },
        AnswerKey::Ordering { order } => Answer::Ordering { order: order.clone() },
        AnswerKey::Matching { pairs } => Answer::Matching { pairs: pairs.clone() },
        AnswerKey::Cloze { gaps } => Answer::Cloze {
            gaps: gaps
                .iter()
                .map(|gap| GapAnswer {
                    gap: gap.gap.clone(),
                    text: match &gap.key {
                        GapKeyKind::Number { value, .. } => value.clone(),
                        GapKeyKind::Text { accepted } => accepted.first().cloned().unwrap_or_default(),
                        GapKeyKind::Choice { choice } => choice.clone(),
                    },
                })
                .collect(),
        },
    }
}

/// Mostly one that many give; sometimes one that cannot be read.
fn wrong_answer(version: &ProblemVersion, random: &mut Random) -> Answer {
    let draft = &version.draft;
    if !draft.common_wrong.is_empty() && random.unit() < 0.85 {
        return random.pick(&draft.common_wrong).answer.clone();
    }
    match (&draft.question, &draft.key) {
        (QuestionDraft::SingleChoice { choices }, AnswerKey::SingleChoice { choice: right }) => {
            let others: Vec<_> = choices.iter().filter(|choice| choice.id != *right).collect();
            match others.get(random.below(others.len())) {
                Some(choice) => Answer::SingleChoice { choice: choice.id.clone() },
                None => Answer::SingleChoice { choice: right.clone() },
            }
        }
        (QuestionDraft::MultipleChoice { choices }, _) => {
            let first = choices.first().map(|choice| choice.id.clone());
            Answer::MultipleChoice { choices: first.into_iter().collect() }
        }
        (QuestionDraft::Number { .. }, _) => {
            let unread = ["?", "3,50", "모름"];
            Answer::Number {
                text: if random.unit() < 0.4 {
                    (*random.pick(&unread)).to_owned()
                } else {
                    format!("{}", 2 + random.below(60))
                },
            }
        }
        (QuestionDraft::TrueFalse, AnswerKey::TrueFalse { value }) => Answer::TrueFalse { value: !value },
        // As shown, which is never the key's order.
        (QuestionDraft::Ordering { items }, _) => {
            Answer::Ordering { order: items.iter().map(|item| item.id.clone()).collect() }
        }
        (QuestionDraft::Matching { left, right }, _) => {
            let first = right.first().map(|choice| choice.id.clone()).unwrap_or_default();
            let pairs = left.iter().map(|choice| MatchPair { left: choice.id.clone(), right: first.clone() });
            Answer::Matching { pairs: pairs.collect() }
        }
        (QuestionDraft::Cloze { gaps, .. }, _) => {
            // Left blank in part, so that it cannot be read.
            let gaps = gaps.iter().take(1).map(|gap| GapAnswer { gap: gap.id.clone(), text: "?".to_owned() });
            Answer::Cloze { gaps: gaps.collect() }
        }
        (QuestionDraft::SingleChoice { .. } | QuestionDraft::ShortText | QuestionDraft::TrueFalse, _) => {
            Answer::ShortText { text: "모르겠어요".to_owned() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn school_days_leave_out_weekends() {
        let monday: Date = "2026-11-23".parse().expect("a date");
        let days = school_days_before(monday, 10);
        assert_eq!(days.first().map(ToString::to_string).as_deref(), Some("2026-11-09"));
        assert_eq!(days.last().map(ToString::to_string).as_deref(), Some("2026-11-20"));
    }

    #[test]
    fn pupils_get_better() {
        let mut random = Random::new(3);
        let learners: Vec<_> = (0..200).map(|_| Learner::new(UserId::new(), &mut random)).collect();
        let mean = |share: f64| {
            learners.iter().map(|learner| learner.chance(share, 0.0, false)).sum::<f64>()
                / learners.len() as f64
        };
        assert!(mean(0.0) < 0.45 && mean(1.0) > 0.6, "{} {}", mean(0.0), mean(1.0));
    }
}
