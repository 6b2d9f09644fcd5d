//! `/retention`: what is past its time goes, what stays is whole, and a run that fails says so.

use dreamseed_client::Method;
use dreamseed_hub::{
    backup::schedule,
    clock::Clock,
    store::{StoreError, answer_counts, backup_targets, masteries, retention, skill_days, standings},
};
use dreamseed_testkit::{Given, Person, TestHub, fraction_problem, minutes, refusal, rest_of, sum_problem};
use dreamseed_wire::{
    hub::NoticeCode,
    ids::AttemptId,
    lesson::SendNote,
    privacy::{RetentionLine, RetentionReport},
};

fn days(count: u64) -> std::time::Duration {
    minutes(count * 24 * 60)
}

fn line<'a>(report: &'a RetentionReport, kind: &str) -> &'a RetentionLine {
    report.lines.iter().find(|line| line.kind == kind).expect("a line for each kind")
}

/// A wrong answer with help by the model, read to its end.
async fn answer_with_help(pupil: &Person, given: &Given) -> AttemptId {
    let answer = given.answer("2/5");
    pupil.submit_answer(&answer).await.expect("kept");
    pupil.ask_help(answer.attempt_id).await.expect("a ticket");
    let mut stream = pupil.feedback_events(answer.attempt_id, None).await.expect("help");
    rest_of(&mut stream).await;
    answer.attempt_id
}

/// Rows of a query behind the hub's back.
async fn count(hub: &TestHub, sql: &'static str) -> i64 {
    let read = move |conn: &dreamseed_hub::store::ReadConn| {
        conn.query_row(sql, [], |row| row.get(0)).map_err(StoreError::from)
    };
    hub.ctx().store.read(read).await.expect("a number")
}

#[tokio::test]
async fn texts_of_the_ai_go_first_and_the_transcript_says_so() {
    let hub = TestHub::start().await;
    let given = hub.give(&[fraction_problem()]).await;
    let pupil = hub.pupil("민지").await;
    let attempt = answer_with_help(&pupil, &given).await;
    hub.clock.advance(days(89));
    let admin = hub.admin().await;
    assert_eq!(line(&admin.retention().await.expect("a report"), "ai_text").due, 0);
    hub.clock.advance(days(2));
    let admin = hub.admin().await;
    let dry = admin.retention().await.expect("a report");
    assert_eq!(line(&dry, "ai_text").due, 1);
    assert_eq!(dry.last_run_at, None, "a look removes nothing");
    let before = admin.attempt(attempt).await.expect("the answer").feedback.remove(0);
    assert!(before.ai_text.is_some() && !before.ai_text_removed);

    let done = admin.run_retention().await.expect("a run");
    assert_eq!((line(&done, "ai_text").due, line(&done, "answers").due), (1, 0));
    let after = admin.attempt(attempt).await.expect("the answer stays").feedback.remove(0);
    assert_eq!((after.ai_text, after.ai_text_removed), (None, true));
    assert_eq!(count(&hub, "SELECT count(*) FROM feedback WHERE usage IS NOT NULL").await, 0);
    let again = admin.retention().await.expect("a report");
    assert_eq!((line(&again, "ai_text").due, again.last_run_at), (0, Some(done.at)));
}

#[tokio::test]
async fn answers_go_with_all_that_was_made_of_them() {
    let mut hub = TestHub::start().await;
    let given = hub.give(&[fraction_problem(), sum_problem(3)]).await;
    let (first, second) = (hub.pupil("하나").await, hub.pupil("두리").await);
    for text in ["2/5", "1/7", "5/6"] {
        first.submit_answer(&given.answer(text)).await.expect("kept");
    }
    first.submit_answer(&given.answer_to(1, "4")).await.expect("kept");
    answer_with_help(&second, &given).await;
    let note = SendNote { text: "잘하고 있어요".into(), lesson_id: None, problem_version_id: None };
    hub.teacher().await.send_note(hub.class, first.id, &note).await.expect("a note");

    hub.clock.advance(days(400));
    let first = hub.sign_in(first.id).await;
    let young = given.answer("5/6");
    first.submit_answer(&young).await.expect("kept");
    let receipt = first.submit_answer(&given.answer_to(1, "5")).await.expect("kept");
    hub.clock.advance(days(331));
    let admin = hub.admin().await;
    let done = admin.run_retention().await.expect("a run");
    assert_eq!((line(&done, "answers").due, line(&done, "notes").due), (5, 1));
    assert_eq!(count(&hub, "SELECT count(*) FROM attempts").await, 2);
    assert_eq!(count(&hub, "SELECT count(*) FROM grades").await, 2);
    assert_eq!(count(&hub, "SELECT count(*) FROM feedback").await, 0);
    assert!(admin.attempt(young.attempt_id).await.is_ok(), "what is young stays");
    assert_eq!(admin.pupil_progress(second.id).await.expect("progress").skills.len(), 0);
    let progress = admin.pupil_progress(first.id).await.expect("progress");
    assert_eq!(progress.skills.iter().map(|skill| skill.attempts).sum::<u32>(), 2);

    // The caches say what is left of the log.
    let before = dump(&hub).await;
    hub.write(|tx| {
        answer_counts::rebuild(tx)?;
        masteries::rebuild(tx)?;
        skill_days::rebuild(tx)?;
        standings::rebuild(tx.conn())
    })
    .await;
    assert_eq!(dump(&hub).await, before);

    // Also with the newest answers gone no number is given twice.
    admin.set_retention("answers", 180).await.expect("set");
    admin.run_retention().await.expect("a run");
    assert_eq!(count(&hub, "SELECT count(*) FROM attempts").await, 0);
    hub.restart().await;
    let first = hub.sign_in(first.id).await;
    let next = first.submit_answer(&given.answer("5/6")).await.expect("kept");
    assert!(next.hub_seq > receipt.hub_seq, "{} {}", next.hub_seq, receipt.hub_seq);
}

/// Every row of every cache, column by column.
async fn dump(hub: &TestHub) -> Vec<String> {
    let read = |conn: &dreamseed_hub::store::ReadConn| {
        let mut rows = Vec::new();
        for table in ["answer_counts", "masteries", "skill_days", "standings"] {
            let mut statement = conn.prepare(&format!("SELECT * FROM {table}"))?;
            let columns = statement.column_count();
            let found = statement.query_map([], |row| {
                let values = (0..columns).map(|column| row.get_ref(column).map(|value| format!("{value:?}")));
                Ok(format!("{table} {}", values.collect::<Result<Vec<_>, _>>()?.join(" ")))
            })?;
            rows.extend(found.collect::<Result<Vec<_>, _>>()?);
        }
        rows.sort();
        Ok::<_, StoreError>(rows)
    };
    hub.ctx().store.read(read).await.expect("the caches")
}

#[tokio::test]
async fn the_audit_log_loses_its_beginning_and_fits_its_chain() {
    let hub = TestHub::start().await;
    hub.teacher().await.add_problem(&fraction_problem()).await.expect("a problem");
    let old = count(&hub, "SELECT max(seq) FROM audit").await;
    hub.clock.advance(days(731));
    let admin = hub.admin().await;
    admin.set_retention("sessions", 31).await.expect("a younger row");
    let done = admin.run_retention().await.expect("a run");
    assert_eq!(line(&done, "audit").due, old.unsigned_abs());
    let page = admin.audit("").await.expect("the log");
    assert_eq!(page.broken_at, None);
    assert!(page.entries.iter().all(|row| row.seq > old), "{page:?}");
    assert!(page.entries.iter().any(|row| row.action == "run retention"));
    assert_eq!(count(&hub, "SELECT seq FROM audit_anchor").await, old);
    admin.set_retention("audit", 365).await.expect("set");
    hub.clock.advance(days(366));
    hub.admin().await.run_retention().await.expect("a run that removes all");
    assert_eq!(hub.admin().await.audit("").await.expect("the log").broken_at, None);
}

#[tokio::test]
async fn sign_ins_go_after_their_days() {
    let hub = TestHub::start().await;
    let pupil = hub.pupil("민지").await;
    pupil.sign_out().await.expect("out");
    hub.clock.advance(days(31));
    let done = hub.admin().await.run_retention().await.expect("a run");
    assert_eq!(line(&done, "sessions").due, 1);
    assert_eq!(count(&hub, "SELECT count(*) FROM sessions WHERE ended_at IS NOT NULL").await, 0);
}

#[tokio::test]
async fn old_versions_go_when_nothing_refers_to_them() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let problem = teacher.add_problem(&sum_problem(3)).await.expect("a problem");
    teacher.change_problem(problem.problem_id, &sum_problem(4)).await.expect("a version");
    let newest = teacher.change_problem(problem.problem_id, &sum_problem(5)).await.expect("a version");
    let gone = teacher.add_problem(&sum_problem(9)).await.expect("a problem");
    teacher.archive_problem(gone.problem_id).await.expect("archived");
    let before = count(&hub, "SELECT count(*) FROM problem_versions").await;
    hub.clock.advance(days(731));
    hub.admin().await.run_retention().await.expect("a run");
    assert_eq!(count(&hub, "SELECT count(*) FROM problem_versions").await, before - 3);
    let teacher = hub.teacher().await;
    let kept = teacher.problem(problem.problem_id).await.expect("the newest stays");
    assert_eq!(kept.problem_version_id, newest.problem_version_id);
    assert_eq!(refusal(teacher.problem(gone.problem_id).await), (404, "not_found".into()));
}

#[tokio::test]
async fn periods_are_bounded_and_kinds_are_known() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    assert_eq!(refusal(admin.set_retention("users", 30).await), (404, "not_found".into()));
    for days in [0, 3_651] {
        assert_eq!(refusal(admin.set_retention("notes", days).await), (422, "bad_field".into()));
    }
    // Nobody's own deeds go with the next night, and no year of answers by one slip.
    for (kind, days) in [("audit", 364), ("answers", 179)] {
        assert_eq!(refusal(admin.set_retention(kind, days).await), (422, "bad_field".into()), "{kind}");
    }
    assert_eq!(line(&admin.set_retention("notes", 7).await.expect("set"), "notes").keep_days, 7);
    let kinds: Vec<_> = retention::RetentionKind::ALL.iter().map(|kind| kind.word()).collect();
    let report = admin.retention().await.expect("a report");
    assert_eq!(report.lines.iter().map(|line| line.kind.clone()).collect::<Vec<_>>(), kinds);
}

#[tokio::test]
async fn a_run_that_fails_tells_the_admin_until_one_works() {
    let hub = TestHub::start().await;
    let pupil = hub.pupil("민지").await;
    pupil.sign_out().await.expect("out");
    hub.clock.advance(days(31));
    let spoil = "CREATE TRIGGER spoil BEFORE DELETE ON sessions BEGIN SELECT RAISE(ABORT, 'no'); END";
    hub.write(move |tx| Ok(tx.conn().execute_batch(spoil)?)).await;
    let admin = hub.admin().await;
    assert_eq!(admin.request(Method::POST, "/retention/run", "").await.status, 500);
    let notices = admin.notices(dreamseed_wire::Language::Ko).await.expect("notices");
    assert!(notices.iter().any(|notice| notice.code == NoticeCode::RetentionFailed), "{notices:?}");
    hub.write(|tx| Ok(tx.conn().execute_batch("DROP TRIGGER spoil")?)).await;
    admin.run_retention().await.expect("a run");
    let notices = admin.notices(dreamseed_wire::Language::Ko).await.expect("notices");
    assert!(notices.iter().all(|notice| notice.code != NoticeCode::RetentionFailed), "{notices:?}");
}

/// One that the hub slept through may be a weekend; one that it was awake for is a wrong clock, however short.
#[tokio::test]
async fn a_jump_while_the_hub_runs_lets_nothing_go_and_a_weekend_does() {
    let mut hub = TestHub::start().await;
    let believed = async |hub: &TestHub| {
        schedule::is_clock_believed(hub.ctx(), hub.clock.now()).await.expect("the clock is read")
    };
    assert!(believed(&hub).await, "the first start");
    hub.stop().await;
    hub.clock.advance(days(3));
    hub.start_again().await;
    assert!(believed(&hub).await, "off over a weekend");
    // No backup was ever run here, and the reading is in the database all the same.
    let now = hub.clock.now();
    let kept = hub.ctx().store.read(backup_targets::clock).await.expect("read").expect("a clock");
    assert_eq!(kept.seen_at, now);
    hub.clock.advance(days(3));
    assert!(!believed(&hub).await, "nobody was away");
}
