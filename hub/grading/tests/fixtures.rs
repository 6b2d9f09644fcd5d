//! Replays `fixtures/kinds/*.json`, which the screens' tests use too: what a pupil sees and what code grades agree.

use dreamseed_grading::grade;
use dreamseed_wire::{
    answer::{Answer, Grade},
    authoring::AnswerKey,
    question::Question,
};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fixture {
    kind: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    belief: String,
    question: Question,
    key: AnswerKey,
    answers: Vec<Graded>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Graded {
    answer: Answer,
    grade: Grade,
}

fn replay(kind: &str, text: &str) {
    let fixture: Fixture = serde_json::from_str(text).expect("the fixture is well-formed");
    assert_eq!(fixture.kind, kind);
    let mut answers = 0;
    for case in &fixture.cases {
        let question = serde_json::to_value(&case.question).expect("a question serialises");
        assert_eq!(question.get("kind").and_then(|kind| kind.as_str()), Some(kind), "{}", case.belief);
        for graded in &case.answers {
            let grade = grade(&case.key, &graded.answer);
            assert_eq!(grade, Ok(graded.grade.clone()), "{}: {:?}", case.belief, graded.answer);
            answers += 1;
        }
    }
    assert!(answers >= 8, "{kind} has only {answers} answers");
}

#[test]
fn single_choice() {
    replay("single_choice", include_str!("../../../fixtures/kinds/single_choice.json"));
}

#[test]
fn multiple_choice() {
    replay("multiple_choice", include_str!("../../../fixtures/kinds/multiple_choice.json"));
}

#[test]
fn number() {
    replay("number", include_str!("../../../fixtures/kinds/number.json"));
}

#[test]
fn short_text() {
    replay("short_text", include_str!("../../../fixtures/kinds/short_text.json"));
}

#[test]
fn true_false() {
    replay("true_false", include_str!("../../../fixtures/kinds/true_false.json"));
}

#[test]
fn ordering() {
    replay("ordering", include_str!("../../../fixtures/kinds/ordering.json"));
}

#[test]
fn matching() {
    replay("matching", include_str!("../../../fixtures/kinds/matching.json"));
}

#[test]
fn cloze() {
    replay("cloze", include_str!("../../../fixtures/kinds/cloze.json"));
}
