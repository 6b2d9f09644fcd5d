//! Keys, solutions, hints and common wrong answers reach nobody but staff: by the description of the interface, and by
//! looking for planted words in every reply.

use std::collections::{BTreeMap, BTreeSet};

use dreamseed_client::Method;
use dreamseed_hub::{
    permissions::{RULES, Scope},
    router,
};
use dreamseed_testkit::{TestHub, both, fraction_problem, number, request, rest_of};
use dreamseed_wire::{
    authoring::{AnswerKey, CommonWrong, ProblemDraft},
    feedback::FeedbackEvent,
};
use serde_json::Value;

use crate::permissions::described_routes;

/// Properties that tell the answer or help towards it.
const TELLING: &[&str] =
    &["key", "solution", "hint", "hints", "common_wrong", "check", "misconception", "tolerance"];

/// `Type.property` that others than staff may meet, and why.
const ALLOWED: &[(&str, &str)] = &[
    ("Problem.hint", "the next step after an error, written in the hub's code"),
    ("NextSteps.solution", "a yes or no: whether the solution may be asked for"),
    (
        "ReleasedSolution.solution",
        "the one way out: after the teacher's number of tries or the pupil's own success",
    ),
    ("Feedback.hint", "the hint that this pupil was shown with their own answer"),
    ("AttemptView.misconception", "left out for pupils, which the tests of lessons see"),
];

#[test]
fn no_description_leads_others_than_staff_to_a_secret() {
    let document = serde_json::to_value(router::openapi()).expect("JSON");
    let authoring = authoring_types();
    assert!(authoring.contains("ProblemDraft") && authoring.contains("Localised"), "{authoring:?}");
    let (mut found, mut used) = (Vec::new(), BTreeSet::new());
    for (route, operation) in described_routes() {
        if !is_for_others_than_staff(&route) {
            continue;
        }
        let mut reachable = BTreeMap::new();
        for reply in operation["responses"].as_object().expect("responses").values() {
            collect(&document, reply, "", &mut reachable);
        }
        for (name, properties) in &reachable {
            if authoring.contains(name) {
                found.push(format!("{route}: {name}"));
            }
            for property in properties.iter().filter(|property| TELLING.contains(&property.as_str())) {
                let telling = format!("{name}.{property}");
                match ALLOWED.iter().find(|(allowed, _)| *allowed == telling) {
                    Some((allowed, _)) => {
                        used.insert(*allowed);
                        let may = match *allowed {
                            "ReleasedSolution.solution" => {
                                route == "POST /api/v1/attempts/{attempt_id}/solution"
                            }
                            "Feedback.hint" | "AttemptView.misconception" => {
                                route == "GET /api/v1/attempts/{attempt_id}"
                            }
                            _ => true,
                        };
                        if !may {
                            found.push(format!("{route}: {telling} on a route that is not its own"));
                        }
                    }
                    None => found.push(format!("{route}: {telling}")),
                }
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
    let unused: Vec<_> = ALLOWED.iter().filter(|(allowed, _)| !used.contains(allowed)).collect();
    assert!(unused.is_empty(), "exceptions that nothing needs: {unused:?}");
}

/// The walk above must be able to find something.
#[test]
fn the_walk_finds_secrets_where_they_are() {
    let document = serde_json::to_value(router::openapi()).expect("JSON");
    let operation = &described_routes()["GET /api/v1/problems/{problem_id}"];
    let mut reachable = BTreeMap::new();
    collect(&document, &operation["responses"], "", &mut reachable);
    for name in ["ProblemDraft", "AnswerKey", "CommonWrong", "Localised"] {
        assert!(reachable.contains_key(name), "{name} is not in {:?}", reachable.keys());
    }
    assert!(reachable["ProblemDraft"].contains("solution"));
}

fn is_for_others_than_staff(route: &str) -> bool {
    let rule = RULES.iter().find(|rule| format!("{} {}", rule.method, rule.path) == route);
    let rule = rule.unwrap_or_else(|| panic!("no rule for {route}"));
    rule.stranger || rule.student != Scope::No || rule.parent != Scope::No
}

/// The names of all types of `wire::authoring`, read from its source so that a new one is among them.
fn authoring_types() -> BTreeSet<String> {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../wire/src/authoring.rs");
    let source = std::fs::read_to_string(source).expect("the source of wire");
    let names = source.lines().filter_map(|line| {
        let rest = line.strip_prefix("pub struct ").or_else(|| line.strip_prefix("pub enum "))?;
        Some(rest.split([' ', '<', '(', ';', '{']).next().unwrap_or_default().to_owned())
    });
    names.collect()
}

/// All types and their properties that a part of the document leads to.
fn collect(document: &Value, part: &Value, owner: &str, reachable: &mut BTreeMap<String, BTreeSet<String>>) {
    match part {
        Value::Object(fields) => {
            if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
                let name = reference.rsplit('/').next().unwrap_or_default();
                if !reachable.contains_key(name) {
                    reachable.insert(name.to_owned(), BTreeSet::new());
                    let schema = document
                        .pointer(reference.trim_start_matches('#'))
                        .unwrap_or_else(|| panic!("{reference} leads nowhere"));
                    collect(document, schema, name, reachable);
                }
            }
            if let Some(properties) = fields.get("properties").and_then(Value::as_object) {
                let known = reachable.entry(owner.to_owned()).or_default();
                known.extend(properties.keys().cloned());
            }
            for inner in fields.values() {
                collect(document, inner, owner, reachable);
            }
        }
        Value::Array(items) => items.iter().for_each(|inner| collect(document, inner, owner, reachable)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

const PLANTED: &[&str] = &[
    "104729",
    "7919",
    "비밀풀이",
    "secret-solution",
    "비밀힌트",
    "secret-hint",
    "비밀오개념",
    "secret-slip",
    "15485863",
];

fn planted_problem() -> ProblemDraft {
    ProblemDraft {
        key: AnswerKey::Number {
            value: "7919/104729".into(),
            tolerance: None,
            units: vec![],
            unit_required: false,
            lowest_terms: false,
            form: None,
        },
        check: Some("7919/104729".into()),
        solution: both("비밀풀이", "secret-solution"),
        hints: vec![both("비밀힌트", "secret-hint")],
        common_wrong: vec![CommonWrong {
            answer: number("15485863"),
            misconception: both("비밀오개념", "secret-slip"),
        }],
        ..fraction_problem()
    }
}

#[tokio::test]
async fn no_reply_to_pupils_parents_or_strangers_holds_a_planted_word() {
    let hub = TestHub::start().await;
    let given = hub.give(&[planted_problem()]).await;
    let pupil = hub.pupil("민지").await;
    let parent = hub.parent("어머니", &[pupil.id]).await;
    let version = given.version();
    let answer = given.answer("3");
    let mut bodies = Vec::new();
    let body = serde_json::to_string(&answer).expect("JSON");
    bodies.push(("the receipt".to_owned(), pupil.request(Method::POST, "/attempts", &body).await));
    let attempt = answer.attempt_id;
    for path in [
        "/me",
        "/me/sessions",
        "/me/problems",
        "/me/standing",
        "/me/progress",
        "/skills",
        &format!("/problem-versions/{version}"),
        &format!("/problem-versions/{version}?lang=en"),
        &format!("/attempts/{attempt}"),
        &format!("/attempts/{attempt}/feedback"),
        // Refused, and the refusals are looked at too.
        &format!("/problems/{}", given.problems[0].problem_id),
        "/problems",
        &format!("/classes/{}", hub.class),
        &format!("/classes/{}/live", hub.class),
    ] {
        bodies.push((path.to_owned(), pupil.request(Method::GET, path, "").await));
    }
    bodies.push((
        "the solution before its time".to_owned(),
        pupil.request(Method::POST, &format!("/attempts/{attempt}/solution"), "").await,
    ));
    for path in ["/me", "/children", &format!("/pupils/{}/progress", pupil.id), "/skills"] {
        bodies.push((format!("parent {path}"), parent.request(Method::GET, path, "").await));
    }
    let roster = format!(r#"{{"class_code":"{}"}}"#, hub.code_of(hub.class));
    for (method, path, body) in [
        (Method::GET, "/api/v1/hub", ""),
        (Method::POST, "/api/v1/roster", roster.as_str()),
        (Method::GET, "/metrics", ""),
    ] {
        bodies.push((path.to_owned(), request(&hub.stranger(), method, path, None, body).await));
    }
    for (what, reply) in &bodies {
        for word in PLANTED {
            assert!(!reply.text().contains(word), "{what} holds {word}: {}", reply.text());
        }
    }
    assert!(bodies.iter().filter(|(_, reply)| reply.status.is_success()).count() > 12, "{bodies:?}");
}

/// What is held back above is let out here, by the one way for each.
#[tokio::test]
async fn the_hint_comes_with_help_and_the_solution_when_it_is_released() {
    let hub = TestHub::with_engine(dreamseed_testkit::HandEngine::new(&[]), |_| {}).await;
    let given = hub.give(&[planted_problem()]).await;
    let pupil = hub.pupil("민지").await;
    let wrong = given.answer("3");
    pupil.submit_answer(&wrong).await.expect("kept");
    pupil.ask_help(wrong.attempt_id).await.expect("a ticket");
    let mut events = pupil.feedback_events(wrong.attempt_id, None).await.expect("a stream");
    let hints = rest_of(&mut events).await;
    assert!(
        hints
            .iter()
            .any(|event| matches!(&event.data, FeedbackEvent::Hint { text, .. } if text == "비밀힌트"))
    );
    let right = given.answer("7919/104729");
    pupil.submit_answer(&right).await.expect("kept");
    assert_eq!(pupil.release_solution(right.attempt_id).await.expect("released").solution, "비밀풀이");
}
