//! `/classes/{class_id}/exports`: files for a spreadsheet that compute nothing, and a line in the audit log for each.

use dreamseed_client::Method;
use dreamseed_hub::store::{
    attempts::{self, NewAttempt},
    grades::{self, NewGrade},
    late_answers,
};
use dreamseed_testkit::{Person, TestHub, fraction_problem, refusal, submission, sum_problem, word_problem};
use dreamseed_wire::{
    Language,
    account::Role,
    answer::{Answer, Grade},
    attempt::GradeSource,
    ids::{AttemptId, UserId},
    report::{ExportClass, ExportKind},
};

fn wanted(what: ExportKind) -> ExportClass {
    ExportClass { what, reason: "학부모 상담 준비".into(), from: None, to: None }
}

async fn file(person: &Person, hub: &TestHub, what: ExportKind) -> String {
    person.export_class(hub.class, &wanted(what)).await.expect("a file")
}

#[tokio::test]
async fn each_table_has_its_columns_and_no_formula() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let given = hub.give(&[fraction_problem(), word_problem()]).await;
    let pupil = hub.pupil("민지").await;
    pupil.submit_answer(&given.answer("2/5")).await.expect("kept");
    pupil.submit_answer(&given.answer("-3")).await.expect("kept");
    let evil = Answer::ShortText { text: "=HYPERLINK(\"http://x\",\"네,\")".into() };
    let evil = submission(given.problems[1].problem_version_id, Some(given.lesson.lesson_id), evil);
    pupil.submit_answer(&evil).await.expect("kept");

    let roster = file(&teacher, &hub, ExportKind::Roster).await;
    assert_eq!(roster, "\u{feff}학년,반,번호,이름\r\n5,1,1,민지\r\n");
    let answers = file(&teacher, &hub, ExportKind::Answers).await;
    let lines: Vec<_> = answers.trim_start_matches('\u{feff}').lines().collect();
    assert_eq!(lines[0], "번호,이름,날짜,시각,수업,문제,배울 내용,답,결과,채점,오개념,마감 뒤 몇 초");
    assert!(lines[1].starts_with("1,민지,2026-11-23,"), "{}", lines[1]);
    assert!(lines[1].contains(",'2/5,틀림,자동,\"분자끼리, 분모끼리 더해요.\""), "{}", lines[1]);
    assert!(lines[2].contains(",'-3,틀림,자동,"), "{}", lines[2]);
    assert!(lines[3].contains(",\"'=HYPERLINK(\"\"http://x\"\",\"\"네,\"\")\","), "{}", lines[3]);
    let skills = file(&teacher, &hub, ExportKind::Skills).await;
    assert!(skills.starts_with("\u{feff}번호,이름,"), "{skills}");
    assert!(skills.lines().nth(1).is_some_and(|line| line.starts_with("1,민지,") && line.contains('%')));
    let problems = file(&teacher, &hub, ExportKind::Problems).await;
    assert!(problems.contains("분수의 합,"), "{problems}");
    assert!(problems.contains(",1,0,2,'2/5,1,"), "{problems}");
}

/// More than are read at once.
#[tokio::test]
async fn many_answers_come_whole_and_in_order() {
    let hub = TestHub::start().await;
    let given = hub.give(&[sum_problem(4)]).await;
    let (first, second) = (hub.pupil("민지").await, hub.pupil("준호").await);
    let one = given.answer("4");
    first.submit_answer(&one).await.expect("kept");
    second.submit_answer(&given.answer("5")).await.expect("kept");
    let attempt = one.attempt_id;
    hub.write(move |tx| {
        let before = attempts::get(tx.conn(), attempt)?.expect("an answer");
        for number in 0..2_100_u32 {
            let again = NewAttempt {
                id: AttemptId::new(),
                pupil_id: before.pupil_id,
                problem_version_id: before.problem_version_id,
                lesson_id: before.lesson_id,
                skill: "whole-add".into(),
                device_id: None,
                device_seq: None,
                body_hash: [0; 32],
                answer: number_answer(number),
                occurred_at: before.received_at,
                received_at: before.received_at,
                day: "2026-11-23".parse().expect("a day"),
            };
            let seq = attempts::add(tx, &again)?;
            let grade = NewGrade {
                attempt_seq: seq,
                revision: 1,
                source: GradeSource::Code,
                grade: &Grade::Wrong,
                misconception: None,
                key_version_id: before.problem_version_id,
                by_user: None,
                reason: None,
                now: before.received_at,
            };
            grades::add(tx, &grade)?;
            if number == 7 {
                late_answers::add(tx, seq, 95)?;
            }
        }
        Ok(())
    })
    .await;
    let csv = file(&hub.teacher().await, &hub, ExportKind::Answers).await;
    let lines: Vec<_> = csv.lines().collect();
    assert_eq!(lines.len(), 1 + 1 + 2_100 + 1);
    for (number, line) in lines[2..2_102].iter().enumerate() {
        let cells: Vec<_> = line.split(',').collect();
        let late = if number == 7 { "95" } else { "" };
        assert_eq!((cells[1], cells[7], cells[11]), ("민지", number.to_string().as_str(), late), "{line}");
    }
    assert!(lines[2_102].starts_with("2,준호,"), "{}", lines[2_102]);
}

fn number_answer(number: u32) -> Answer {
    dreamseed_testkit::number(&number.to_string())
}

#[tokio::test]
async fn headers_are_in_the_readers_language() {
    let hub = TestHub::start().await;
    let id = hub.add_user(Role::Admin, "Admin", Language::En).await;
    let admin = hub.sign_in(id).await;
    let pupil = hub.pupil("민지").await;
    assert_eq!(
        file(&admin, &hub, ExportKind::Roster).await,
        "\u{feff}Grade,Class,Number,Name\r\n5,1,1,민지\r\n"
    );
    let body = serde_json::to_string(&wanted(ExportKind::Roster)).expect("JSON");
    let reply = admin.request(Method::POST, &format!("/classes/{}/exports", hub.class), &body).await;
    assert_eq!(reply.header("content-type"), "text/csv; charset=utf-8");
    assert!(
        reply.header("content-disposition").starts_with("attachment; filename*=UTF-8''roster-5%ED%95%99")
    );
    drop(pupil);
}

#[tokio::test]
async fn without_a_reason_there_is_no_file_and_with_one_there_is_a_trace() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    for reason in ["", "   ", &"가".repeat(301)] {
        let body = ExportClass { reason: reason.into(), ..wanted(ExportKind::Answers) };
        let refused = refusal(teacher.export_class(hub.class, &body).await);
        assert_eq!(refused, (422, "reason_needed".into()));
    }
    assert_eq!(traces(&hub).await, []);
    file(&teacher, &hub, ExportKind::Answers).await;
    let traces = traces(&hub).await;
    assert_eq!(traces.len(), 1);
    assert_eq!(traces[0].0, teacher.id);
    assert_eq!(traces[0].1, format!("{} answers", hub.class));
    assert_eq!(traces[0].2, "학부모 상담 준비");
    let bad = ExportClass { from: Some("언제나".into()), ..wanted(ExportKind::Answers) };
    assert_eq!(refusal(teacher.export_class(hub.class, &bad).await), (422, "bad_field".into()));
}

async fn traces(hub: &TestHub) -> Vec<(UserId, String, String)> {
    hub.ctx()
        .store
        .read(|conn| {
            let mut query = conn.prepare(
                "SELECT actor, detail, text FROM audit JOIN audit_reasons ON audit_seq = seq
                 WHERE action = 'export class' ORDER BY seq",
            )?;
            let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            Ok::<_, dreamseed_hub::store::StoreError>(rows.collect::<Result<_, _>>()?)
        })
        .await
        .expect("rows")
}
