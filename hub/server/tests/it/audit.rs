//! `/audit`: who did what to whose data, when and from where; and that nobody can change it unseen.

use dreamseed_testkit::{TestHub, fraction_problem, refusal, sum_problem};
use dreamseed_wire::{
    Language,
    account::{AddUser, Role},
    authoring::AnswerKey,
    class::ClassSettings,
    house::AuditView,
    hub::NoticeCode,
    ids::UserId,
    lesson::{OpenForPupil, OpenedKind},
    privacy::ErasePupil,
    regrade::{ApplyRegrade, CorrectKey, OverrideGrade},
    report::{ExportClass, ExportKind},
};

/// A school in which several things were done by several people.
async fn busy_school() -> (TestHub, UserId) {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    hub.give(&[fraction_problem()]).await;
    let pupil = hub.pupil("민지").await.id;
    hub.set_pin(&[pupil], "402817").await;
    let settings = ClassSettings { auto_feedback: true, solution_after_tries: None };
    hub.teacher().await.change_class_settings(hub.class, &settings).await.expect("set");
    hub.stranger().sign_in_pupil(&hub.code_of(hub.class), pupil, "402817").await.expect("signed in");
    admin.reset_secret(pupil).await.expect("a new PIN");
    let parent = AddUser {
        role: Role::Parent,
        login_name: "parent.one".into(),
        name: "민지 어머니".into(),
        language: Language::Ko,
        children: vec![pupil],
    };
    admin.add_user(&parent).await.expect("an account");
    (hub, pupil)
}

async fn log(hub: &TestHub, query: &str) -> Vec<AuditView> {
    hub.admin().await.audit(query).await.expect("the log").entries
}

#[tokio::test]
async fn every_deed_tells_who_what_whose_and_from_where() {
    let (hub, pupil) = busy_school().await;
    let entries = log(&hub, "?limit=200").await;
    let by_people: Vec<_> = entries.iter().filter(|entry| entry.action != "mint sessions").collect();
    assert!(by_people.len() >= 6, "{by_people:#?}");
    for entry in &by_people {
        assert_eq!(entry.origin, "127.0.0.1", "{entry:?}");
        assert!(entry.actor.is_some() && entry.actor_id.is_some(), "{entry:?}");
    }
    for action in ["sign in", "reset secret"] {
        let entry = by_people.iter().find(|entry| entry.action == action).expect(action);
        assert_eq!(entry.subject_id, Some(pupil), "{entry:?}");
        assert_eq!(entry.subject.as_deref(), Some("민지 (5학년 1반 1번)"));
    }
    let settings = by_people.iter().find(|entry| entry.action == "set class").expect("the teacher's change");
    assert_eq!(settings.actor.as_deref(), Some("김선생"));
    assert_eq!(settings.detail, hub.class.to_string());
    assert_eq!(settings.detail_text, "5학년 1반", "the class by its name");
    assert_eq!(settings.action_text, "반 설정 바꾸기", "in the admin's language");
    assert_eq!(log(&hub, "?limit=200&lang=en&action=set%20class").await[0].action_text, "set class");
}

#[tokio::test]
async fn a_changed_grade_tells_which_answer_and_why() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let given = hub.give(&[sum_problem(4)]).await;
    let (problem, pupil) = (given.problems[0].problem_id, hub.pupil("민지").await);
    let answer = given.answer("9");
    pupil.submit_answer(&answer).await.expect("kept");
    let decision = OverrideGrade { right: true, reason: "풀이가 옳음".into() };
    teacher.override_grade(answer.attempt_id, &decision).await.expect("decided");
    teacher.take_grade_back(answer.attempt_id).await.expect("taken back");
    let AnswerKey::Number { tolerance, units, unit_required, lowest_terms, form, .. } = sum_problem(4).key
    else {
        panic!("a number")
    };
    let value = "9".to_owned();
    let key = AnswerKey::Number { value, tolerance, units, unit_required, lowest_terms, form };
    let correction = CorrectKey { key, check: None };
    let digest = teacher.preview_regrade(problem, &correction).await.expect("a preview").digest;
    let apply = ApplyRegrade { correction, digest, reason: "정답을 잘못 적음".into() };
    teacher.apply_regrade(problem, &apply).await.expect("corrected");
    let open =
        OpenForPupil { problem_version_id: given.version(), what: OpenedKind::Solution, lesson_id: None };
    teacher.open_for_pupil(hub.class, pupil.id, &open).await.expect("opened");

    let title = sum_problem(4).title.get(Language::Ko).to_owned();
    let of_answer = format!("{title} · {}", given.lesson.title);
    for (action, detail, reason) in [
        ("override%20grade", of_answer.as_str(), Some("풀이가 옳음")),
        ("take%20grade%20back", &of_answer, None),
        ("correct%20key", &title, Some("정답을 잘못 적음")),
        ("regrade", &title, None),
        ("open%20solution", &title, None),
    ] {
        let entry = log(&hub, &format!("?action={action}")).await.remove(0);
        assert_eq!((entry.detail_text.as_str(), entry.reason.as_deref()), (detail, reason), "{action}");
    }
    // Of what is not known any more, the end of the id, since the ids of one lesson begin alike.
    let sign_in = log(&hub, "?action=mint%20sessions").await.into_iter().next();
    let given_up = log(&hub, "?limit=200").await.into_iter().find(|entry| entry.detail_text.starts_with('…'));
    for entry in sign_in.into_iter().chain(given_up).filter(|entry| entry.detail_text.starts_with('…')) {
        assert!(entry.detail.ends_with(entry.detail_text.trim_start_matches('…')), "{entry:?}");
    }
}

#[tokio::test]
async fn every_deed_can_be_chosen_in_the_words_of_the_log() {
    let (hub, _) = busy_school().await;
    let deeds = hub.admin().await.audit_deeds().await.expect("the list");
    for entry in log(&hub, "?limit=200").await {
        let listed = deeds.iter().find(|deed| deed.action == entry.action).expect("on the list");
        assert_eq!(listed.action_text, entry.action_text);
    }
    assert!(deeds.is_sorted_by_key(|deed| deed.action_text.clone()) && deeds.len() > 60);
}

#[tokio::test]
async fn the_log_is_read_page_by_page_and_filtered() {
    let (hub, pupil) = busy_school().await;
    let admin = hub.admin().await;
    let (mut seen, mut query) = (Vec::new(), "?limit=3".to_owned());
    loop {
        let page = admin.audit(&query).await.expect("a page");
        assert!(page.entries.len() <= 3 && page.broken_at.is_none());
        seen.extend(page.entries.iter().map(|entry| entry.seq));
        let Some(next) = page.next else { break };
        query = format!("?limit=3&before={next}");
    }
    let newest = seen[0];
    assert_eq!(seen, (1..=newest).rev().collect::<Vec<_>>());

    let teacher = log(&hub, "?action=set%20class").await[0].actor_id.expect("a teacher");
    let deeds = log(&hub, &format!("?actor={teacher}&limit=200")).await;
    assert!(!deeds.is_empty() && deeds.iter().all(|entry| entry.actor_id == Some(teacher)));
    let about = log(&hub, &format!("?subject={pupil}&limit=200")).await;
    assert!(about.len() >= 2 && about.iter().all(|entry| entry.subject_id == Some(pupil)), "{about:#?}");
    assert!(log(&hub, "?action=no%20such%20deed").await.is_empty());
    assert!(log(&hub, "?before=1").await.is_empty());
    assert!(log(&hub, "?limit=100000").await.len() <= 200);
}

#[tokio::test]
async fn handing_the_log_out_needs_a_reason_and_leaves_a_row() {
    let (hub, _) = busy_school().await;
    let admin = hub.admin().await;
    for reason in ["", "   ", &"가".repeat(301)] {
        assert_eq!(refusal(admin.export_audit(reason).await), (422, "reason_needed".into()));
    }
    let csv = admin.export_audit("정보공개 청구 2026-17").await.expect("a file");
    let lines: Vec<_> = csv.lines().collect();
    assert!(csv.starts_with('\u{feff}') && lines[0].contains("누구의 whose"), "{}", lines[0]);
    let last = lines.last().expect("rows");
    assert!(last.contains("감사 기록 내보내기") && last.contains("정보공개 청구 2026-17"), "{last}");
    let newest = admin.audit("?limit=1").await.expect("the log").entries.remove(0);
    assert_eq!((newest.action.as_str(), newest.actor.as_deref()), ("export audit log", Some("관리자")));
    assert_eq!((newest.detail.as_str(), newest.reason.as_deref()), ("", Some("정보공개 청구 2026-17")));
    let newest: usize = last.split(',').next().expect("a number").parse().expect("a number");
    assert_eq!(lines.len(), newest + 1, "every row once, and the head");
}

#[tokio::test]
async fn a_reason_that_names_a_pupil_goes_with_the_pupil_and_the_chain_still_fits() {
    let hub = TestHub::start().await;
    let (admin, teacher) = (hub.admin().await, hub.teacher().await);
    let pupil = hub.add_pupil(hub.class, "허균").await;
    admin.export_pupil(pupil, "열람 요구").await.expect("a file");
    let export =
        |reason: &str| ExportClass { what: ExportKind::Roster, reason: reason.into(), from: None, to: None };
    for reason in ["허균 상담", "학부모 총회"] {
        teacher.export_class(hub.class, &export(reason)).await.expect("a file");
    }
    let reasons = async || {
        let entries = log(&hub, "?limit=200").await;
        entries.into_iter().filter_map(|entry| entry.reason).collect::<Vec<_>>()
    };
    assert_eq!(reasons().await, ["학부모 총회", "허균 상담", "열람 요구"]);
    let erasure = ErasePupil { reason: "전학".into(), name: "허균".into() };
    admin.erase_pupil(pupil, &erasure).await.expect("erased");
    assert_eq!(reasons().await, ["학부모 총회"]);
    assert_eq!(admin.audit("").await.expect("the log").broken_at, None);
}

#[tokio::test]
async fn a_row_that_was_changed_is_found_after_the_next_start() {
    let (mut hub, _) = busy_school().await;
    hub.stop().await;
    let conn = rusqlite::Connection::open(hub.database()).expect("a database");
    conn.execute_batch("DROP TRIGGER audit_is_kept_as_written; UPDATE audit SET detail = 'x' WHERE seq = 3")
        .expect("changed behind the hub's back");
    conn.close().expect("closed");
    hub.start_again().await;
    let admin = hub.admin().await;
    assert_eq!(admin.audit("").await.expect("the log").broken_at, Some(3));
    let notices = admin.notices(Language::Ko).await.expect("notices");
    assert!(notices.iter().any(|notice| notice.code == NoticeCode::AuditBroken), "{notices:?}");
    let figures = hub.stranger().metrics(None).await.expect("this machine may");
    assert!(figures.contains("dreamseed_audit_chain_ok 0"), "{figures}");
    let report = admin.examine_hub(Language::En).await.expect("a report");
    let line = report.findings.iter().find(|line| line.check == "audit").expect("its line");
    assert!(line.text.contains("row 3"), "{line:?}");
}

/// While the hub runs, a look goes on from the last row that fitted: what is cut off behind it shows too.
#[tokio::test]
async fn a_row_that_is_taken_out_while_the_hub_runs_is_found() {
    let (hub, _) = busy_school().await;
    let admin = hub.admin().await;
    let newest = admin.audit("?limit=1").await.expect("the log").entries[0].seq;
    let conn = rusqlite::Connection::open(hub.database()).expect("a database");
    conn.execute("DELETE FROM audit WHERE seq = ?1", [newest]).expect("taken out");
    let page = admin.audit("").await.expect("the log");
    assert_eq!(page.broken_at, Some(newest));
}
