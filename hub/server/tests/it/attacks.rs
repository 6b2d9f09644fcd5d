//! What has broken other programs, put into every text that the description of the interface knows: bodies, queries and
//! paths. It is generated from the description, so a new route is attacked without a line here.

use std::num::NonZeroU32;

use dreamseed_client::Method;
use dreamseed_hub::{
    permissions::{RULES, Rule, Scope},
    router,
};
use dreamseed_testkit::{Person, RawReply, TestHub, fraction_problem};
use dreamseed_wire::{account::Role, ids::*};
use serde_json::{Map, Value, json};

const ATTACKS: &[&str] = &[
    "'; DROP TABLE users; --",
    "' OR '1'='1",
    "%' UNION SELECT pin FROM users --",
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "=cmd|' /C calc'!A0",
    "@SUM(1+1)",
    "../../../../etc/passwd",
    "..\\..\\keys\\pepper.key",
    "a\0b",
    "\u{202e}nimda",
    "a\r\nSet-Cookie: x=1",
    "{{7*7}}${7*7}",
    "\u{feff}\u{fffe}\u{10ffff}",
];
/// Of the list above, for one text of one body.
const ATTACKS_OF_A_PLACE: usize = 3;
/// Far over every limit of a body.
const MEGABYTES: usize = 4;

#[tokio::test]
async fn every_text_of_every_body_withstands_every_attack() {
    let school = School::start().await;
    let mut attacked = 0;
    for operation in operations() {
        for body in operation.bodies() {
            for place in texts(&body) {
                // In turn: every attack on every field would be minutes, and the fields are many of a kind.
                for attack in ATTACKS.iter().cycle().skip(attacked).take(ATTACKS_OF_A_PLACE) {
                    let mut body = body.clone();
                    *body.pointer_mut(&place).expect("a text") = json!(attack);
                    let reply =
                        school.ask(&operation, &operation.path(&school, None), &body.to_string()).await;
                    check(&reply, &format!("{} {place} {attack:?}", operation.name()));
                    attacked += 1;
                }
            }
        }
    }
    assert!(attacked > 500, "the description led to {attacked} attacks only");
    school.still_stands().await;
}

/// The limit counts the bytes of a body, whatever field they are in: one text of each operation shows it.
#[tokio::test]
async fn texts_of_megabytes_are_refused_before_they_are_read() {
    let school = School::start().await;
    let long = "가".repeat(MEGABYTES * 1024 * 1024 / 3);
    for operation in operations() {
        let found = operation.bodies().into_iter().find_map(|body| Some((texts(&body).pop()?, body)));
        let Some((place, mut body)) = found else { continue };
        *body.pointer_mut(&place).expect("a text") = json!(long);
        let path = format!("/api/v1{}", operation.path(&school, None));
        let person = school.person(operation.rule);
        let bearer = format!("Bearer {}", person.access_token().expect("signed in"));
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let sent = person.raw(operation.rule.method.clone(), &path, &headers, body.to_string()).await;
        // The hub may hang up before it has been sent all.
        if let Ok((status, ..)) = sent {
            assert!(matches!(status.as_u16(), 413 | 429), "{} {place}: {status}", operation.name());
        }
    }
    school.still_stands().await;
}

#[tokio::test]
async fn queries_and_paths_withstand_every_attack() {
    let school = School::start().await;
    for operation in operations() {
        let names = |kind: &str| -> Vec<String> {
            let parameters = operation.description["parameters"].as_array().into_iter().flatten();
            let of_kind = parameters.filter(|parameter| parameter["in"] == kind);
            of_kind.map(|parameter| parameter["name"].as_str().unwrap_or_default().to_owned()).collect()
        };
        let body = operation.bodies().into_iter().next().map(|body| body.to_string()).unwrap_or_default();
        for attack in ATTACKS {
            for name in names("path") {
                let path = operation.path(&school, Some((&name, attack)));
                let reply = school.ask(&operation, &path, &body).await;
                check(&reply, &format!("{} {name} {attack:?}", operation.name()));
            }
            for name in names("query") {
                let path = format!("{}?{name}={}", operation.path(&school, None), in_url(attack));
                let reply = school.ask(&operation, &path, &body).await;
                check(&reply, &format!("{} ?{name} {attack:?}", operation.name()));
            }
        }
    }
    school.still_stands().await;
}

#[tokio::test]
async fn pages_never_hold_what_was_typed_into_the_address() {
    let school = School::start().await;
    for attack in ATTACKS {
        for path in [
            format!("/{}", in_url(attack)),
            format!("/api/v1/{}", in_url(attack)),
            format!("/?q={}", in_url(attack)),
        ] {
            let (status, headers, body) =
                school.hub.stranger().raw(Method::GET, &path, &[], "").await.expect("a reply");
            let reply = RawReply { status, headers, body };
            assert!(!status.is_server_error(), "{path}: {reply:?}");
            assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
            let text = String::from_utf8_lossy(&reply.body);
            assert!(!text.contains(attack) && !text.contains("root:x:0"), "{path}: {text}");
        }
    }
}

/// No fault, never a page, whole problems, and no header of the attacker's.
fn check(reply: &RawReply, what: &str) {
    assert!(!reply.status.is_server_error(), "{what}: {reply:?}");
    assert!(!reply.header("content-type").contains("html"), "{what}: {reply:?}");
    assert_eq!(reply.header("x-content-type-options"), "nosniff", "{what}");
    assert!(!reply.headers.values().any(|value| value == "x=1"), "{what}: {reply:?}");
    if !reply.status.is_success() {
        reply.problem();
    }
}

const PIN: &str = "482913";
const PASSWORD: &str = "hub-of-our-school-26";

struct School {
    hub: TestHub,
    admin: Person,
    teacher: Person,
    parent: Person,
    pupil: Person,
    ids: Vec<(&'static str, String)>,
}

impl School {
    async fn start() -> Self {
        let hub = TestHub::with(|config| config.limits.per_minute = NonZeroU32::MAX).await;
        let given = hub.give(&[fraction_problem()]).await;
        let pupil = hub.pupil("민지").await.id;
        hub.set_pin(&[pupil], PIN).await;
        let pupil = hub.sign_in(pupil).await;
        let answer = given.answer("2/5");
        pupil.submit_answer(&answer).await.expect("kept");
        let teacher = hub.teacher().await;
        let detail = teacher.class_detail(hub.class).await.expect("the class");
        let ids = vec![
            ("class_id", hub.class.to_string()),
            ("user_id", pupil.id.to_string()),
            ("attempt_id", answer.attempt_id.to_string()),
            ("problem_version_id", given.version().to_string()),
            ("problem_id", teacher.problems().await.expect("problems")[0].problem_id.to_string()),
            ("lesson_id", detail.lessons[0].lesson_id.to_string()),
            ("kind", "audit".to_owned()),
        ];
        let parent = hub.parent("어머니", &[pupil.id]).await;
        hub.set_password(hub.admin().await.id, PASSWORD).await;
        let admin = hub.admin().await;
        School { admin, teacher, parent, pupil, ids, hub }
    }

    /// Somebody who may: the one with the most rights.
    fn person(&self, rule: &Rule) -> &Person {
        let people = [
            (Role::Admin, &self.admin),
            (Role::Teacher, &self.teacher),
            (Role::Parent, &self.parent),
            (Role::Student, &self.pupil),
        ];
        let may = people.iter().find(|(role, _)| rule.scope(*role) != Scope::No);
        may.unwrap_or_else(|| panic!("nobody may {} {}", rule.method, rule.path)).1
    }

    async fn ask(&self, operation: &Operation, path: &str, body: &str) -> RawReply {
        self.person(operation.rule).request(operation.rule.method.clone(), path, body).await
    }

    async fn still_stands(&self) {
        assert!(self.hub.stranger().is_ready().await);
        let teacher = self.hub.teacher().await;
        assert!(!teacher.class_detail(self.hub.class).await.expect("the class").pupils_list.is_empty());
        assert!(self.hub.sign_in(self.pupil.id).await.my_standing().await.is_ok());
    }
}

struct Operation {
    rule: &'static Rule,
    description: Value,
    document: Value,
}

/// All but those that would end the school before the others were asked, and streams, which a reply ends never.
fn operations() -> Vec<Operation> {
    const NOT_HERE: &[&str] = &[
        "close_session",
        "revoke_my_session",
        "end_user_sessions",
        "archive_user",
        "archive_class",
        "archive_problem",
        "erase_pupil",
        "remove_teacher",
    ];
    let document = serde_json::to_value(router::openapi()).expect("JSON");
    let mut found = Vec::new();
    for rule in RULES {
        let method = rule.method.as_str().to_lowercase();
        let description = document["paths"][rule.path][&method].clone();
        let is_stream = description["responses"]["200"]["content"]["text/event-stream"].is_object();
        let id = description["operationId"].as_str().unwrap_or_default();
        if description.is_object() && !is_stream && !NOT_HERE.contains(&id) {
            found.push(Operation { rule, description, document: document.clone() });
        }
    }
    found
}

impl Operation {
    fn name(&self) -> String {
        format!("{} {}", self.rule.method, self.rule.path)
    }

    /// The path after `/api/v1` with real ids, or with `attack` in one place.
    fn path(&self, school: &School, attack: Option<(&str, &str)>) -> String {
        let segments = self.rule.path.trim_start_matches("/api/v1").split('/').map(|segment| {
            let Some(name) = segment.strip_prefix('{').and_then(|name| name.strip_suffix('}')) else {
                return segment.to_owned();
            };
            match attack {
                Some((attacked, with)) if attacked == name => in_url(with),
                _ => school
                    .ids
                    .iter()
                    .find(|(known, _)| *known == name)
                    .map_or_else(|| ProblemId::new().to_string(), |(_, id)| id.clone()),
            }
        });
        segments.collect::<Vec<_>>().join("/")
    }

    /// Bodies with every field, one for each variant of what is in it.
    fn bodies(&self) -> Vec<Value> {
        let content = &self.description["requestBody"]["content"]["application/json"]["schema"];
        if content.is_null() { vec![] } else { samples(&self.document, content, 0) }
    }
}

/// Values that fit a schema: one for each variant at the outside, the first variant further in.
fn samples(document: &Value, schema: &Value, depth: usize) -> Vec<Value> {
    if let Some(reference) = schema["$ref"].as_str() {
        let named = document.pointer(reference.trim_start_matches('#')).expect("a schema");
        return samples(document, named, depth);
    }
    if let Some(variants) = schema["oneOf"].as_array() {
        let all = variants.iter().filter(|variant| variant["type"] != "null");
        return all.flat_map(|variant| samples(document, variant, depth)).collect();
    }
    if let Some(first) = schema["enum"].as_array().and_then(|names| names.first()) {
        return vec![first.clone()];
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str()).unwrap_or_default();
    match kind {
        "object" => objects(document, schema, depth),
        "array" => samples(document, &schema["items"], depth + 1)
            .into_iter()
            .map(|item| json!([item]))
            .take(8)
            .collect(),
        "integer" | "number" => {
            vec![schema.get("minimum").cloned().filter(|least| *least == 0).unwrap_or(json!(1))]
        }
        "boolean" => vec![json!(true)],
        _ => vec![match schema["format"].as_str() {
            Some("uuid") => json!(AttemptId::new()),
            Some("date-time") => json!("2026-11-23T00:00:00Z"),
            _ => json!(TEXT),
        }],
    }
}

const TEXT: &str = "text";

/// One object for each variant of each field, the other fields at their first one.
fn objects(document: &Value, schema: &Value, depth: usize) -> Vec<Value> {
    let fields = schema["properties"].as_object().cloned().unwrap_or_default();
    let each: Vec<(String, Vec<Value>)> =
        fields.into_iter().map(|(name, field)| (name, samples(document, &field, depth + 1))).collect();
    let first: Map<String, Value> =
        each.iter().filter_map(|(name, values)| Some((name.clone(), values.first()?.clone()))).collect();
    let mut all = vec![Value::Object(first.clone())];
    for (name, values) in &each {
        for value in values.iter().skip(1) {
            let mut other = first.clone();
            other.insert(name.clone(), value.clone());
            all.push(Value::Object(other));
        }
    }
    all
}

/// Where the free texts of a body are, as JSON pointers.
fn texts(body: &Value) -> Vec<String> {
    match body {
        Value::String(text) if text == TEXT => vec![String::new()],
        Value::Object(fields) => fields.iter().flat_map(|(name, field)| within(name, texts(field))).collect(),
        Value::Array(items) => {
            items.iter().enumerate().flat_map(|(n, item)| within(&n.to_string(), texts(item))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => vec![],
    }
}

fn within(name: &str, places: Vec<String>) -> Vec<String> {
    places.into_iter().map(|place| format!("/{name}{place}")).collect()
}

fn in_url(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
