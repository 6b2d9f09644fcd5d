//! Every route × every kind of caller, against a table that is written here a second time.

use std::collections::{BTreeMap, BTreeSet};

use dreamseed_client::Method;
use dreamseed_hub::{permissions::RULES, router};
use dreamseed_testkit::{Person, TestHub, Wire, fraction_problem, request, status_of, sum_problem};
use dreamseed_wire::{Language, ids::*};

use crate::devices::TestDevice;

/// Columns: stranger, pupil, other class's pupil, parent, other parent, teacher, other class's teacher, admin.
/// `y`: the request gets past the door. `.`: refused with 401 (stranger) or 403.
const EXPECTED: &[&str] = &[
    "GET    /hub                                            yyyyyyyy",
    "POST   /setup                                          yyyyyyyy",
    "POST   /roster                                         yyyyyyyy",
    "POST   /sessions                                       yyyyyyyy",
    "POST   /sessions/refresh                               yyyyyyyy",
    "DELETE /sessions/current                               .yyyyyyy",
    "GET    /me                                             .yyyyyyy",
    "GET    /me/sessions                                    .yyyyyyy",
    "DELETE /me/sessions/{session_id}                       .yyyyyyy",
    "PUT    /me/password                                    .yyyyyyy",
    "GET    /me/problems                                    .yy.....",
    "GET    /me/standing                                    .yy.....",
    "GET    /me/progress                                    .yy.....",
    "GET    /problem-versions/{problem_version_id}          .y...yyy",
    "POST   /attempts                                       .yy.....",
    "GET    /attempts/{attempt_id}                          .y...y.y",
    "POST   /attempts/{attempt_id}/help                     .y......",
    "GET    /attempts/{attempt_id}/feedback                 .y...y.y",
    "PUT    /attempts/{attempt_id}/feedback/rating          .y......",
    "POST   /attempts/{attempt_id}/solution                 .y......",
    "GET    /children                                       ...yy...",
    "GET    /pupils/{user_id}/progress                      ...y.y.y",
    "GET    /skills                                         .yyyyyyy",
    "GET    /classes                                        .....yyy",
    "POST   /classes                                        .....yyy",
    "GET    /classes/{class_id}                             .....y.y",
    "PUT    /classes/{class_id}/settings                    .....y.y",
    "POST   /classes/{class_id}/pupils                      .....y.y",
    "GET    /classes/{class_id}/pupils/{user_id}            .....y.y",
    "POST   /classes/{class_id}/lessons                     .....y.y",
    "POST   /classes/{class_id}/lessons/{lesson_id}/close   .....y.y",
    "GET    /classes/{class_id}/live                        .....y.y",
    "GET    /classes/{class_id}/live/events                 .....y.y",
    "GET    /problems                                       .....yyy",
    "POST   /problems                                       .....yyy",
    "POST   /problems/try                                   .....yyy",
    "GET    /problems/{problem_id}                          .....yyy",
    "PUT    /problems/{problem_id}                          .....yyy",
    "DELETE /problems/{problem_id}                          .....yyy",
    "POST   /problems/import/preview                        .....yyy",
    "POST   /problems/import                                .....yyy",
    "POST   /problems/export                                .....yyy",
    "GET    /users                                          .......y",
    "POST   /users                                          .......y",
    "POST   /users/{user_id}/secret                         .....y.y",
    "DELETE /users/{user_id}/sessions                       .......y",
    "DELETE /users/{user_id}                                .......y",
    "GET    /notices                                        .......y",
    "DELETE /notices/{notice_id}                            .......y",
    "GET    /models                                         .......y",
    "GET    /engine                                         .....yyy",
    "GET    /hub/address                                    .....yyy",
    "GET    /doctor                                         .......y",
    "GET    /audit                                          .......y",
    "GET    /audit/deeds                                    .......y",
    "POST   /audit/export                                   .......y",
    "GET    /api-keys                                       .......y",
    "POST   /api-keys                                       .......y",
    "DELETE /api-keys/{api_key_id}                          .......y",
    "PUT    /attempts/{attempt_id}/grade                    .....y.y",
    "DELETE /attempts/{attempt_id}/grade                    .....y.y",
    "POST   /problems/{problem_id}/regrades/preview         .....yyy",
    "POST   /problems/{problem_id}/regrades                 .....yyy",
    "GET    /problems/{problem_id}/regrades                 .....yyy",
    "POST   /regrades/{regrade_id}/undo                     .....yyy",
    "GET    /classes/{class_id}/report                      .....y.y",
    "GET    /classes/{class_id}/pupils/{user_id}/report     .....y.y",
    "POST   /classes/{class_id}/exports                     .....y.y",
    "POST   /me/lessons/{lesson_id}/sitting                 .yy.....",
    "POST   /me/lessons/{lesson_id}/hand-in                 .yy.....",
    "GET    /me/events                                      .yy.....",
    "GET    /me/notes                                       .yy.....",
    "POST   /me/notes/{note_id}/seen                        .yy.....",
    "DELETE /classes/{class_id}                             .....y.y",
    "POST   /classes/{class_id}/groups                      .....y.y",
    "PUT    /classes/{class_id}/groups/{group_id}           .....y.y",
    "DELETE /classes/{class_id}/groups/{group_id}           .....y.y",
    "POST   /classes/{class_id}/lessons/{lesson_id}/pause   .....y.y",
    "POST   /classes/{class_id}/lessons/{lesson_id}/resume  .....y.y",
    "POST   /classes/{class_id}/lessons/{lesson_id}/extend  .....y.y",
    "POST   /classes/{class_id}/lessons/{lesson_id}/reopen  .....y.y",
    "POST   /classes/{class_id}/pupils/{user_id}/notes      .....y.y",
    "POST   /classes/{class_id}/pupils/{user_id}/open       .....y.y",
    "POST   /me/children                                    ...yy...",
    "GET    /pupils/{user_id}/enrolments                    .....y.y",
    "POST   /pupils/{user_id}/move                          .....y.y",
    "POST   /parents                                        yyyyyyyy",
    "GET    /staff                                          .....yyy",
    "PUT    /classes/{class_id}/teachers/{user_id}          .....y.y",
    "DELETE /classes/{class_id}/teachers/{user_id}          .....y.y",
    "POST   /classes/{class_id}/cards                       .....y.y",
    "GET    /classes/{class_id}/cards                       .....y.y",
    "POST   /classes/{class_id}/parent-codes                .....y.y",
    "POST   /classes/{class_id}/parent-letters              .....y.y",
    "POST   /rosters/preview                                .....yyy",
    "POST   /rosters                                        .....yyy",
    "GET    /roster-changes                                 .....yyy",
    "POST   /roster-changes/{roster_change_id}/undo         .....yyy",
    "POST   /rollovers/preview                              .......y",
    "POST   /rollovers                                      .......y",
    "GET    /pupils/{user_id}/consents                      ...y.y.y",
    "POST   /pupils/{user_id}/consents                      ...y.y.y",
    "DELETE /pupils/{user_id}/consents/{consent_id}         ...y...y",
    "POST   /pupils/{user_id}/export                        ...y...y",
    "POST   /pupils/{user_id}/erasure                       .......y",
    "GET    /retention                                      .......y",
    "PUT    /retention/{kind}                               .......y",
    "POST   /retention/run                                  .......y",
    "GET    /record                                         yyyyyyyy",
    "GET    /backup                                         .......y",
    "POST   /backup/run                                     .......y",
    "POST   /backup/targets                                 .......y",
    "DELETE /backup/targets/{target}                        .......y",
    "POST   /backup/targets/{target}/check                  .......y",
    "POST   /backup/sheet                                   .......y",
    "PUT    /backup/sheet/kept                              .......y",
    "GET    /backup/since-restore                           .......y",
    "GET    /devices                                        .......y",
    "POST   /devices                                        .yy..yyy",
    "DELETE /devices/{device_id}                            .......y",
    "POST   /devices/{device_id}/answers                    yyyyyyyy",
    "POST   /devices/{device_id}/lacking                    yyyyyyyy",
    "POST   /me/deposit                                     .yy.....",
];

const CALLERS: [&str; 8] = [
    "stranger",
    "pupil",
    "other class's pupil",
    "parent",
    "other parent",
    "teacher",
    "other class's teacher",
    "admin",
];

struct Row {
    method: Method,
    path: &'static str,
    allowed: Vec<bool>,
}

fn expected() -> Vec<Row> {
    let row = |line: &&'static str| {
        let parts: Vec<&'static str> = line.split_whitespace().collect();
        let [method, path, letters] = parts[..] else { panic!("not a row: {line}") };
        assert_eq!(letters.len(), CALLERS.len(), "{line}");
        Row {
            method: method.parse().expect("a method"),
            path,
            allowed: letters.bytes().map(|c| c == b'y').collect(),
        }
    };
    EXPECTED.iter().map(row).collect()
}

#[test]
fn every_route_has_its_row_here_and_in_the_rules() {
    let here: BTreeSet<String> =
        expected().iter().map(|row| format!("{} /api/v1{}", row.method, row.path)).collect();
    assert_eq!(here.len(), EXPECTED.len(), "a row stands twice");
    let rules: BTreeSet<String> = RULES.iter().map(|rule| format!("{} {}", rule.method, rule.path)).collect();
    assert_eq!(rules.len(), RULES.len(), "a rule stands twice");
    let described: BTreeSet<String> = described_routes().into_keys().collect();
    assert_eq!(described, rules, "left: the described interface, right: the rules");
    assert_eq!(described, here, "left: the described interface, right: the table of this test");
}

/// `METHOD path` → operation, from the description of the interface.
pub fn described_routes() -> BTreeMap<String, serde_json::Value> {
    let document = serde_json::to_value(router::openapi()).expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    let operations = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().expect("a path item").iter();
        methods
            .filter(|(name, _)| name.parse::<Method>().is_ok() || is_method(name))
            .map(move |(method, operation)| (format!("{} {path}", method.to_uppercase()), operation.clone()))
    });
    operations.collect()
}

fn is_method(name: &str) -> bool {
    matches!(name, "get" | "put" | "post" | "delete" | "options" | "head" | "patch" | "trace")
}

/// One class with a pupil who has answered, and everything of which another school family has its own.
struct School {
    hub: TestHub,
    /// All callers but the stranger.
    people: Vec<UserId>,
    ids: Vec<(&'static str, String)>,
}

async fn school() -> School {
    let hub = TestHub::start().await;
    let given = hub.give(&[fraction_problem()]).await;
    let pupil = hub.pupil("민지").await;
    let (other_teacher, other_class) = hub.other_teacher("박선생", "5학년 2반", Language::Ko).await;
    let other_given = hub.give_to(&other_teacher, other_class, &[sum_problem(4)]).await;
    let other_pupil = hub.pupil_in(other_class, "준호").await;
    let parent = hub.parent("민지 어머니", &[pupil.id]).await;
    let other_parent = hub.parent("준호 아버지", &[other_pupil.id]).await;
    let answer = given.answer("2/5");
    pupil.submit_answer(&answer).await.expect("kept");
    pupil.ask_help(answer.attempt_id).await.expect("a ticket");
    other_pupil.submit_answer(&other_given.answer("9")).await.expect("kept");
    let people = vec![
        pupil.id,
        other_pupil.id,
        parent.id,
        other_parent.id,
        hub.teacher().await.id,
        other_teacher.id,
        hub.admin().await.id,
    ];
    let ids = vec![
        ("{class_id}", hub.class.to_string()),
        ("{user_id}", pupil.id.to_string()),
        ("{lesson_id}", given.lesson.lesson_id.to_string()),
        ("{attempt_id}", answer.attempt_id.to_string()),
        ("{problem_id}", given.problems[0].problem_id.to_string()),
        ("{problem_version_id}", given.version().to_string()),
        ("{session_id}", SessionId::new().to_string()),
        ("{notice_id}", NoticeId::new().to_string()),
        ("{api_key_id}", ApiKeyId::new().to_string()),
        ("{roster_change_id}", RosterChangeId::new().to_string()),
        ("{group_id}", GroupId::new().to_string()),
        ("{note_id}", NoteId::new().to_string()),
        ("{regrade_id}", RegradeId::new().to_string()),
        ("{consent_id}", ConsentId::new().to_string()),
        ("{kind}", "audit".to_owned()),
        ("{target}", "usb".to_owned()),
        ("{device_id}", DeviceId::new().to_string()),
    ];
    School { hub, people, ids }
}

impl School {
    fn path(&self, row: &Row) -> String {
        let mut path = format!("/api/v1{}", row.path);
        if row.method == Method::DELETE && row.path == "/users/{user_id}" {
            // Nobody is archived: the pupil is needed until the end.
            path = path.replace("{user_id}", &UserId::new().to_string());
        }
        for (name, id) in &self.ids {
            path = path.replace(name, id);
        }
        assert!(!path.contains('{'), "no id for {path}");
        path
    }
}

#[tokio::test]
async fn each_route_lets_in_whom_it_should_and_nobody_else() {
    let school = school().await;
    let mut wrong = Vec::new();
    let mut rows = expected();
    // After that the class is gone.
    rows.sort_by_key(|row| row.method == Method::DELETE && row.path == "/classes/{class_id}");
    for row in rows {
        let path = school.path(&row);
        // New sessions for each row: some rows end them.
        let sessions = school.hub.sign_in_all(&school.people).await;
        let callers = std::iter::once(None).chain(sessions.iter().map(Some));
        for ((caller, name), allowed) in callers.zip(CALLERS).zip(&row.allowed) {
            let seen = knock(&school.hub, &row, &path, caller).await;
            let expected = match (*allowed, caller.is_some()) {
                (true, _) => Door::Open,
                (false, true) => Door::Closed(403),
                (false, false) => Door::Closed(401),
            };
            if seen != expected {
                wrong.push(format!("{} {} by {name}: {seen:?}, not {expected:?}", row.method, row.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[derive(Debug, PartialEq, Eq)]
enum Door {
    Open,
    Closed(u16),
}

/// Sends a request that does nothing once it is past the door: its body is not of the interface.
async fn knock(hub: &TestHub, row: &Row, path: &str, caller: Option<&Person>) -> Door {
    let token = caller.and_then(|person| person.access_token());
    if row.path.starts_with("/devices/{device_id}/") {
        // Open to a device by its signature, whoever is signed in there, and to nobody by a sign-in.
        let refused = request(&hub.stranger(), row.method.clone(), path, token.as_deref(), "{}").await;
        assert_eq!(refused.status, 401, "{path}");
        let device = TestDevice::enrolled_by(&hub.admin().await, hub.ctx().school.get().hub.hub_id).await;
        let path = format!("/api/v1{}", row.path.replace("{device_id}", &device.id().to_string()));
        return match device.send(&hub.stranger(), &path, br#"{"no_such_field":1}"#).await.status.as_u16() {
            closed @ (401 | 403) => Door::Closed(closed),
            _ => Door::Open,
        };
    }
    if path.ends_with("/events") || path.ends_with("/feedback") {
        return knock_at_stream(hub, path, token.as_deref()).await;
    }
    let body =
        if row.method == Method::GET || row.method == Method::DELETE { "" } else { r#"{"no_such_field":1}"# };
    let reply = request(&hub.stranger(), row.method.clone(), path, token.as_deref(), body).await;
    match reply.status.as_u16() {
        401 => Door::Closed(401),
        403 if reply.refusal().1 == "not_allowed" => Door::Closed(403),
        _ => Door::Open,
    }
}

/// The head is enough, and the body has no end.
async fn knock_at_stream(hub: &TestHub, path: &str, token: Option<&str>) -> Door {
    let mut wire = Wire::connect(hub.address()).await;
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    wire.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{authorization}\r\n")).await;
    match status_of(&wire.head().await) {
        closed @ (401 | 403) => Door::Closed(closed),
        _ => Door::Open,
    }
}

#[tokio::test]
async fn head_needs_the_rights_of_get() {
    let school = school().await;
    let pupil = school.hub.sign_in(school.people[0]).await;
    for (path, status) in [("/me", 200), ("/users", 403), ("/classes", 403)] {
        assert_eq!(pupil.request(Method::HEAD, path, "").await.status, status, "{path}");
    }
    let reply = request(&school.hub.stranger(), Method::HEAD, "/api/v1/me", None, "").await;
    assert_eq!(reply.status, 401);
}

#[tokio::test]
async fn a_classmates_answers_are_nobodys_business() {
    let school = school().await;
    let classmate = school.hub.pupil("서연").await;
    let refused: Vec<_> = expected().into_iter().filter(|row| row.path.contains("{attempt_id}")).collect();
    assert_eq!(refused.len(), 7);
    for row in refused {
        let path = school.path(&row);
        assert_eq!(knock(&school.hub, &row, &path, Some(&classmate)).await, Door::Closed(403), "{path}");
        // The same whether the answer exists or not: ids cannot be guessed at.
        let unknown = path.replace(&school.ids[3].1, &AttemptId::new().to_string());
        assert_eq!(
            knock(&school.hub, &row, &unknown, Some(&classmate)).await,
            Door::Closed(403),
            "{unknown}"
        );
    }
}

#[tokio::test]
async fn who_leaves_a_class_or_a_school_loses_its_rights() {
    let school = school().await;
    let hub = &school.hub;
    let teacher = hub.teacher().await;
    let pupil = school.people[0];
    assert!(teacher.pupil_progress(pupil).await.is_ok());
    let admin = hub.admin().await;
    admin.archive_user(pupil).await.expect("archived");
    let refused = dreamseed_testkit::refusal(teacher.pupil_progress(pupil).await);
    assert_eq!(refused, (403, "not_allowed".into()));
    assert!(admin.pupil_progress(pupil).await.is_ok(), "the record stays");
}
