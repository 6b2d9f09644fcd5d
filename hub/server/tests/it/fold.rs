//! Progress is a pure fold over the record: the order of delivery, duplicates and rebuilding change nothing.

use std::collections::BTreeMap;

use dreamseed_hub::store::{StoreError, skill_days, standings};
use dreamseed_testkit::{Given, Person, TestHub, sum_problem};
use dreamseed_wire::{attempt::SubmitAnswer, ids::*, progress::Progress};
use proptest::{prelude::*, test_runner::TestRunner};

/// Problems of the lesson: two skills.
const PROBLEMS: u32 = 4;

/// An answer that some device will deliver at some time.
#[derive(Debug, Clone)]
struct Planned {
    problem: usize,
    /// Days before today.
    days_ago: u8,
    /// 0 right, 1 wrong, 2 unreadable.
    outcome: u8,
}

fn planned() -> impl Strategy<Value = Vec<Planned>> {
    let one = (0..PROBLEMS as usize, 0_u8..5, 0_u8..3).prop_map(|(problem, days_ago, outcome)| Planned {
        problem,
        days_ago,
        outcome,
    });
    prop::collection::vec(one, 1..14)
}

async fn school() -> (TestHub, Given) {
    let hub = TestHub::start().await;
    let drafts: Vec<_> = (0..PROBLEMS)
        .map(|n| {
            let mut draft = sum_problem(n + 3);
            if n % 2 == 1 {
                draft.skill = "decimal-mul-div".into();
            }
            draft
        })
        .collect();
    let given = hub.give(&drafts).await;
    (hub, given)
}

fn answers(hub: &TestHub, given: &Given, plan: &[Planned]) -> Vec<SubmitAnswer> {
    use dreamseed_hub::clock::Clock;
    let now = hub.clock.now();
    plan.iter()
        .map(|planned| {
            let right = (planned.problem + 4).to_string();
            let text = [right.as_str(), "1000", "?"][usize::from(planned.outcome)];
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
            let original = answers(&hub, &given, &plan);
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
    let config = ProptestConfig { cases: 10, failure_persistence: None, ..ProptestConfig::default() };
    let outcome = TestRunner::new(config).run(&(planned(), helps), |(plan, helps)| {
        runtime.block_on(async {
            let pupil = hub.pupil("하나").await;
            let answers = answers(&hub, &given, &plan);
            for (done, (answer, help)) in answers.iter().zip(&helps).enumerate() {
                pupil.submit_answer(answer).await.expect("kept");
                if let Some(index) = help {
                    // Refused for right answers, which is fine.
                    let _ = pupil.ask_help(answers[index.index(done + 1)].attempt_id).await;
                }
            }
            let before = dump(&hub).await;
            hub.write(|tx| {
                skill_days::rebuild(tx)?;
                standings::rebuild(tx)
            })
            .await;
            let after = dump(&hub).await;
            prop_assert_eq!(after, before);
            Ok(())
        })
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

/// Both caches, row by row.
async fn dump(hub: &TestHub) -> Vec<String> {
    hub.ctx()
        .store
        .read(|conn| {
            let mut rows = Vec::new();
            for query in [
                "SELECT hex(pupil_id) || skill || day || ' ' || attempts || ' ' || rights || ' ' || last_seq FROM skill_days ORDER BY 1",
                "SELECT hex(pupil_id) || hex(lesson_id) || hex(problem_version_id) || ' ' || tries || ' ' || solved || ' '
                     || coalesce(helped_seq, '-') || ' ' || hex(last_attempt) || ' ' || last_seq FROM standings ORDER BY 1",
            ] {
                let mut statement = conn.prepare(query)?;
                let found = statement.query_map([], |row| row.get::<_, String>(0))?;
                rows.extend(found.collect::<Result<Vec<_>, _>>()?);
            }
            Ok::<_, StoreError>(rows)
        })
        .await
        .expect("the caches can be read")
}
