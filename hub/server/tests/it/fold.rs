//! Progress is a pure fold over the record: the order of delivery, duplicates and rebuilding change nothing.

use std::collections::BTreeMap;

use dreamseed_hub::store::{
    StoreError, answer_counts, attempts, masteries, retention, skill_days, standings,
};
use dreamseed_testkit::{Given, Person, TestHub, both, exam, number, sum_problem};
use dreamseed_wire::{
    attempt::SubmitAnswer,
    authoring::{AnswerKey, CommonWrong, ProblemDraft},
    ids::*,
    progress::Progress,
    regrade::{ApplyRegrade, CorrectKey, OverrideGrade},
};
use proptest::{prelude::*, test_runner::TestRunner};

/// Problems of the lesson: two skills.
const PROBLEMS: u32 = 4;

/// An answer that some device will deliver at some time.
#[derive(Debug, Clone)]
struct Planned {
    problem: usize,
    /// Days before today.
    days_ago: u8,
    /// 0 right, 1 wrong, 2 unreadable, 3 wrong in a known way.
    outcome: u8,
    /// In the exam, which holds the same kinds of problems, and where the latest answer counts.
    in_exam: bool,
}

fn planned() -> impl Strategy<Value = Vec<Planned>> {
    let one = (0..PROBLEMS as usize, 0_u8..5, 0_u8..3, Just(false));
    let one =
        one.prop_map(|(problem, days_ago, outcome, in_exam)| Planned { problem, days_ago, outcome, in_exam });
    prop::collection::vec(one, 1..14)
}

/// Few problems, few days, all outcomes, in and outside an exam: the same cells again and again.
fn entangled() -> impl Strategy<Value = Vec<Planned>> {
    let one = (0..2_usize, 0_u8..3, 0_u8..4, any::<bool>());
    let one =
        one.prop_map(|(problem, days_ago, outcome, in_exam)| Planned { problem, days_ago, outcome, in_exam });
    prop::collection::vec(one, 1..14)
}

/// Problems of their own, as an exam.
async fn hold_exam(hub: &TestHub) -> Given {
    let teacher = hub.teacher().await;
    let mut problems = Vec::new();
    for n in 0..2 {
        problems.push(teacher.add_problem(&with_common_wrong(n + 3)).await.expect("a problem"));
    }
    let ids = problems.iter().map(|problem| problem.problem_id).collect();
    Given {
        lesson: teacher.open_lesson(hub.class, &exam("시험", ids, 300)).await.expect("opened"), problems
    }
}

/// `n + 1`, often answered with 999.
fn with_common_wrong(n: u32) -> ProblemDraft {
    let misconception =
        CommonWrong { answer: number("999"), misconception: both("아무 수나 써요.", "Any number.") };
    ProblemDraft { common_wrong: vec![misconception], ..sum_problem(n) }
}

async fn school() -> (TestHub, Given) {
    let hub = TestHub::start().await;
    let given = give(&hub).await;
    (hub, given)
}

async fn give(hub: &TestHub) -> Given {
    let drafts: Vec<_> = (0..PROBLEMS)
        .map(|n| {
            let mut draft = with_common_wrong(n + 3);
            if n % 2 == 1 {
                draft.skill = "decimal-mul-div".into();
            }
            draft
        })
        .collect();
    hub.give(&drafts).await
}

fn answers(hub: &TestHub, given: &Given, held: Option<&Given>, plan: &[Planned]) -> Vec<SubmitAnswer> {
    use dreamseed_hub::clock::Clock;
    let now = hub.clock.now();
    plan.iter()
        .map(|planned| {
            let right = (planned.problem + 4).to_string();
            let text = [right.as_str(), "1000", "?", "999"][usize::from(planned.outcome)];
            let given = held.filter(|_| planned.in_exam).unwrap_or(given);
            let mut answer = given.answer_to(planned.problem, text);
            answer.occurred_at =
                Some(now - jiff::SignedDuration::from_hours(24 * i64::from(planned.days_ago)));
            answer
        })
        .collect()
}

async fn deliver(pupil: &Person, answers: &[SubmitAnswer], order: &[usize]) {
    for index in order {
        // Ids are the pupil's own.
        let answer = &answers[*index % answers.len()];
        pupil.submit_answer(answer).await.expect("kept");
    }
}

fn with_new_ids(answers: &[SubmitAnswer]) -> Vec<SubmitAnswer> {
    answers.iter().map(|answer| SubmitAnswer { attempt_id: AttemptId::new(), ..answer.clone() }).collect()
}

/// Within a day the order of record is the order of arrival, and the first answer to a problem is the evidence; so the
/// answers of one skill on one day have one outcome here, and everything else is free.
fn one_outcome_per_skill_and_day(mut plan: Vec<Planned>) -> Vec<Planned> {
    let mut outcomes: BTreeMap<(usize, u8), u8> = BTreeMap::new();
    for planned in &mut plan {
        if planned.outcome < 2 {
            let key = (planned.problem % 2, planned.days_ago);
            planned.outcome = *outcomes.entry(key).or_insert(planned.outcome);
        }
    }
    plan
}

fn comparable(progress: &Progress) -> (String, Vec<String>) {
    let mut days: Vec<String> = progress.days.iter().map(|day| format!("{day:?}")).collect();
    days.sort();
    (format!("{:?}", progress.skills), days)
}

#[test]
fn the_same_answers_in_any_order_and_number_give_the_same_progress() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (hub, given) = runtime.block_on(school());
    let strategy = planned().prop_map(one_outcome_per_skill_and_day).prop_flat_map(|plan| {
        let count = plan.len();
        // Every answer at least once, in any order, with repeats anywhere.
        let order = Just((0..count).collect::<Vec<_>>()).prop_shuffle();
        (Just(plan), order, prop::collection::vec((0..count, any::<prop::sample::Index>()), 0..6))
    });
    let config = ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() };
    let outcome = TestRunner::new(config).run(&strategy, |(plan, mut order, repeats)| {
        for (index, place) in repeats {
            order.insert(place.index(order.len() + 1), index);
        }
        runtime.block_on(async {
            let original = answers(&hub, &given, None, &plan);
            let (first, second) = (hub.pupil("하나").await, hub.pupil("두리").await);
            deliver(&first, &original, &(0..plan.len()).collect::<Vec<_>>()).await;
            deliver(&second, &with_new_ids(&original), &order).await;
            let expected = comparable(&first.my_progress().await.expect("progress"));
            let seen = comparable(&second.my_progress().await.expect("progress"));
            prop_assert_eq!(seen, expected);
            let tries = |problems: Vec<dreamseed_wire::problem::ProblemStanding>| {
                let rows = problems.into_iter().map(|row| (row.problem_version_id, (row.tries, row.solved)));
                rows.collect::<BTreeMap<_, _>>()
            };
            let expected = tries(first.my_standing().await.expect("standing").problems);
            prop_assert_eq!(tries(second.my_standing().await.expect("standing").problems), expected);
            Ok(())
        })
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

/// Answers with help in between: asked at once, asked late for an earlier answer, or not at all.
#[test]
fn rebuilding_the_caches_changes_nothing() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (hub, given) = runtime.block_on(school());
    let helps = prop::collection::vec(prop::option::of(any::<prop::sample::Index>()), 14);
    let config = ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() };
    let outcome = TestRunner::new(config).run(&(entangled(), helps), |(plan, helps)| {
        runtime.block_on(async {
            let pupil = hub.pupil("하나").await;
            let held = hold_exam(&hub).await;
            pupil.begin_sitting(held.lesson.lesson_id).await.expect("begun");
            let answers = answers(&hub, &given, Some(&held), &plan);
            for (done, (answer, help)) in answers.iter().zip(&helps).enumerate() {
                pupil.submit_answer(answer).await.expect("kept");
                if let Some(index) = help {
                    // Refused for right answers and in the exam, which is fine.
                    let _ = pupil.ask_help(answers[index.index(done + 1)].attempt_id).await;
                }
            }
            // Until then it keeps what progress would tell.
            hub.teacher().await.close_lesson(hub.class, held.lesson.lesson_id).await.expect("closed");
            check_caches(&hub, &pupil).await
        })
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

/// What happens to answers that stand in the log.
#[derive(Debug, Clone)]
enum Deed {
    Answer(Planned),
    Override {
        answer: prop::sample::Index,
        right: bool,
    },
    TakeBack {
        answer: prop::sample::Index,
    },
    /// The key of a problem becomes what some answered.
    Regrade {
        problem: usize,
        to_common: bool,
    },
    Undo {
        regrade: prop::sample::Index,
    },
    /// An answer is past its time.
    Forget {
        answer: prop::sample::Index,
    },
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let answer = (0..PROBLEMS as usize, 0_u8..5, 0_u8..3).prop_map(|(problem, days_ago, outcome)| {
        Deed::Answer(Planned { problem, days_ago, outcome, in_exam: false })
    });
    let deed = prop_oneof![
        6 => answer,
        2 => (any::<prop::sample::Index>(), any::<bool>())
            .prop_map(|(answer, right)| Deed::Override { answer, right }),
        1 => any::<prop::sample::Index>().prop_map(|answer| Deed::TakeBack { answer }),
        1 => (0..PROBLEMS as usize, any::<bool>())
            .prop_map(|(problem, to_common)| Deed::Regrade { problem, to_common }),
        1 => any::<prop::sample::Index>().prop_map(|regrade| Deed::Undo { regrade }),
        1 => any::<prop::sample::Index>().prop_map(|answer| Deed::Forget { answer }),
    ];
    prop::collection::vec(deed, 1..24)
}

/// Answers in any order of days, decisions of teachers, corrected keys and their undoing, answers past their time.
#[test]
fn whatever_is_corrected_the_caches_say_what_the_log_says() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let config = ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() };
    let (hub, _) = runtime.block_on(school());
    let outcome = TestRunner::new(config).run(&deeds(), |deeds| {
        runtime.block_on(async {
            let teacher = hub.teacher().await;
            // Problems of their own: corrections of one case must not reach another.
            let given = give(&hub).await;
            let (pupil, other) = (hub.pupil("하나").await, hub.pupil("두리").await);
            let (mut answered, mut regrades) = (Vec::new(), Vec::new());
            for (index, deed) in deeds.iter().enumerate() {
                match deed {
                    Deed::Answer(planned) => {
                        let who = if index % 3 == 0 { &other } else { &pupil };
                        let answer = answers(&hub, &given, None, std::slice::from_ref(planned)).remove(0);
                        who.submit_answer(&answer).await.expect("kept");
                        answered.push(answer.attempt_id);
                    }
                    Deed::Override { answer, right } if !answered.is_empty() => {
                        let decision = OverrideGrade { right: *right, reason: "까닭".into() };
                        teacher.override_grade(*answer.get(&answered), &decision).await.expect("decided");
                    }
                    Deed::TakeBack { answer } if !answered.is_empty() => {
                        teacher.take_grade_back(*answer.get(&answered)).await.expect("taken back");
                    }
                    Deed::Regrade { problem, to_common } => {
                        let value = if *to_common { "1000".to_owned() } else { (problem + 4).to_string() };
                        let problem = given.problems[*problem].problem_id;
                        let correction = correction_to(value);
                        let preview = teacher.preview_regrade(problem, &correction).await.expect("a preview");
                        let apply =
                            ApplyRegrade { correction, digest: preview.digest, reason: "까닭".into() };
                        let view = teacher.apply_regrade(problem, &apply).await.expect("corrected");
                        regrades.push(view.regrade_id);
                    }
                    Deed::Undo { regrade } if !regrades.is_empty() => {
                        teacher.undo_regrade(*regrade.get(&regrades)).await.expect("undone");
                    }
                    Deed::Forget { answer } if !answered.is_empty() => {
                        let id = answered.swap_remove(answer.index(answered.len()));
                        hub.write(move |tx| {
                            let attempt = attempts::get(tx.conn(), id)?.expect("in the log");
                            retention::remove_answers(tx, &[attempt.hub_seq]).map(drop)
                        })
                        .await;
                    }
                    Deed::Override { .. }
                    | Deed::TakeBack { .. }
                    | Deed::Undo { .. }
                    | Deed::Forget { .. } => {}
                }
            }
            check_caches(&hub, &pupil).await
        })
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

fn correction_to(value: String) -> CorrectKey {
    let key = AnswerKey::Number {
        value,
        tolerance: None,
        units: vec![],
        unit_required: false,
        lowest_terms: false,
        form: None,
    };
    CorrectKey { key, check: None }
}

/// What readers see, what is kept once the dirty rows are folded, and what a rebuild gives are one.
async fn check_caches(hub: &TestHub, pupil: &Person) -> Result<(), TestCaseError> {
    let seen = pupil.my_progress().await.expect("progress");
    let everybody = hub.ctx().school.get().people.keys().copied().collect::<Vec<_>>();
    hub.write(move |tx| masteries::clean(tx, &everybody)).await;
    prop_assert_eq!(&pupil.my_progress().await.expect("progress"), &seen);
    let before = dump(hub).await;
    hub.write(|tx| {
        answer_counts::rebuild(tx)?;
        masteries::rebuild(tx)?;
        skill_days::rebuild(tx)?;
        standings::rebuild(tx.conn())
    })
    .await;
    prop_assert_eq!(dump(hub).await, before.clone());
    // One cell after the other, as after a corrected grade.
    let (id, rows) = (pupil.id, pupil.my_standing().await.expect("standing").problems);
    hub.write(move |tx| {
        rows.iter().try_for_each(|row| standings::refold(tx, id, row.problem_version_id).map(drop))
    })
    .await;
    prop_assert_eq!(dump(hub).await, before);
    prop_assert_eq!(&pupil.my_progress().await.expect("progress"), &seen);
    Ok(())
}

/// Every row of every cache, column by column.
async fn dump(hub: &TestHub) -> Vec<String> {
    hub.ctx()
        .store
        .read(|conn| {
            let mut rows = Vec::new();
            for table in ["answer_counts", "masteries", "skill_days", "standings"] {
                let mut statement = conn.prepare(&format!("SELECT * FROM {table}"))?;
                let columns = statement.column_count();
                let found = statement.query_map([], |row| {
                    let values =
                        (0..columns).map(|column| row.get_ref(column).map(|value| format!("{value:?}")));
                    Ok(format!("{table} {}", values.collect::<Result<Vec<_>, _>>()?.join(" ")))
                })?;
                rows.extend(found.collect::<Result<Vec<_>, _>>()?);
            }
            rows.sort();
            Ok::<_, StoreError>(rows)
        })
        .await
        .expect("the caches can be read")
}
