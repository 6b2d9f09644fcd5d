//! `/devices/{device_id}/answers`, `/devices/{device_id}/lacking`: what devices have kept is taken once, whoever has gone
//! since, and again after a restore.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use dreamseed_hub::clock::Clock;
use dreamseed_testkit::{
    Given, Person, TestHub, exam, fraction_problem, minutes, number, refusal, submission, sum_problem,
};
use dreamseed_wire::{
    answer::Grade,
    attempt::{CellState, SubmitAnswer},
    delivery::*,
    ids::*,
    privacy::ErasePupil,
};
use jiff::Timestamp;

use crate::devices::{TestDevice, copy_of, put_back, words};

/// Counts what the record holds, and finds damage in it.
fn count_answers(hub: &TestHub) -> i64 {
    let database = rusqlite::Connection::open(hub.database()).expect("opened");
    let sql = "SELECT count(*), count(DISTINCT id) FROM attempts";
    let counted: (i64, i64) =
        database.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).expect("counted");
    assert_eq!(counted.0, counted.1);
    counted.0
}

/// When an answer was given and its device's number, as the record has them.
fn row_of(hub: &TestHub, id: AttemptId) -> (Timestamp, Option<DeviceId>, Option<i64>, Option<LessonId>) {
    let database = rusqlite::Connection::open(hub.database()).expect("opened");
    let sql = "SELECT occurred_at, device_id, device_seq, lesson_id FROM attempts WHERE id = ?1";
    database
        .query_row(sql, [id], |row| {
            let given = Timestamp::from_millisecond(row.get(0)?).expect("a time");
            Ok((given, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .expect("the answer")
}

/// A figure for who reads the test's output.
fn note(text: &str) {
    writeln!(std::io::stderr(), "{text}").expect("written");
}

fn receipt_of(result: &DeliveryResult) -> &Receipt {
    match &result.outcome {
        DeliveryOutcome::Stored { receipt } | DeliveryOutcome::Duplicate { receipt } => receipt,
        DeliveryOutcome::Rejected { code } => panic!("refused: {code:?}"),
    }
}

/// A device of a class whose pupil has signed in on it.
struct Desk {
    hub: TestHub,
    given: Given,
    pupil: Person,
    device: TestDevice,
    deposit: (UserId, String),
}

async fn desk() -> Desk {
    let hub = TestHub::start().await;
    let given = hub.give(&[sum_problem(1), sum_problem(2), fraction_problem()]).await;
    let pupil = hub.pupil("민지").await;
    let device = TestDevice::on(&hub, &pupil).await;
    let deposit = device.deposit(&pupil).await;
    Desk { hub, given, pupil, device, deposit }
}

impl Desk {
    fn keep(&self, seq: i64, answer: &SubmitAnswer) -> DeliveryItem {
        self.device.keep(&self.hub, &self.deposit, seq, answer)
    }

    async fn deliver(&self, items: &[DeliveryItem]) -> Vec<String> {
        words(&self.device.deliver(&self.hub, items).await)
    }
}

#[tokio::test]
async fn answers_drain_after_sign_out_expiry_and_a_change_of_pupil() {
    let Desk { hub, given, pupil, device, deposit } = desk().await;
    let first = given.answer("2");
    let mut items = vec![device.keep(&hub, &deposit, 1, &first)];
    pupil.sign_out().await.expect("gone");
    // Another pupil at the same machine.
    let other = hub.pupil("준호").await;
    let others = device.deposit(&other).await;
    let second = given.answer("3");
    items.push(device.keep(&hub, &others, 2, &second));
    hub.clock.advance(minutes(60 * 24 * 30));

    let delivered = device.deliver(&hub, &items).await;
    assert_eq!(words(&delivered), ["stored", "stored"]);
    assert!(receipt_of(&delivered.results[0]).hub_seq < receipt_of(&delivered.results[1]).hub_seq);
    assert_eq!(delivered.record.epoch, 1);
    assert!(delivered.record.hub_seq >= receipt_of(&delivered.results[1]).hub_seq);
    assert_eq!(delivered.record.backup_verified, None);
    for (user, answer, grade) in [(pupil.id, &first, Grade::Right), (other.id, &second, Grade::Wrong)] {
        let person = hub.sign_in(user).await;
        let view = person.attempt(answer.attempt_id).await.expect("one's own answer");
        assert_eq!((view.pupil_id, view.grade), (user, Some(grade)));
        assert_eq!(person.my_standing().await.expect("standing").problems[0].tries, 1);
    }
    let teacher = hub.teacher().await;
    let live = teacher.class_live(hub.class).await.expect("the class");
    let told = serde_json::to_value(&live).expect("JSON").to_string();
    for state in [CellState::Right, CellState::NotYet] {
        let word = serde_json::to_value(state).expect("a word");
        assert!(told.contains(&word.to_string()), "{state:?} in {told}");
    }
    // By the time that was, not by the time of the delivery.
    let (given_at, by, number, _) = row_of(&hub, first.attempt_id);
    assert_eq!(hub.clock.now().duration_since(given_at), minutes(60 * 24 * 30).try_into().expect("short"));
    assert_eq!((by, number), (Some(device.id()), Some(1)));

    // A deposit is one pupil's on one device.
    let stolen = device.keep(&hub, &(pupil.id, others.1.clone()), 3, &given.answer("2"));
    let elsewhere = TestDevice::on(&hub, &hub.sign_in(other.id).await).await;
    let moved = elsewhere.keep(&hub, &others, 1, &given.answer("2"));
    assert_eq!(words(&device.deliver(&hub, &[stolen]).await), ["bad_deposit"]);
    assert_eq!(words(&elsewhere.deliver(&hub, &[moved]).await), ["bad_deposit"]);
}

#[tokio::test]
async fn a_poisoned_item_hinders_nobody() {
    let desk = desk().await;
    let (hub, given) = (&desk.hub, &desk.given);
    let damaged = DeliveryItem { body: "{}".into(), ..desk.keep(3, &given.answer("2")) };
    let mut no_answer = desk.keep(4, &given.answer("2"));
    no_answer.body = r#"{"attempt_id":1}"#.into();
    no_answer.body_hash = blake3::hash(no_answer.body.as_bytes()).to_hex().to_string();
    let renamed = DeliveryItem { attempt_id: AttemptId::new(), ..desk.keep(5, &given.answer("2")) };
    let forged = DeliveryItem { deposit: "AAAA".into(), ..desk.keep(6, &given.answer("2")) };
    let unknown = desk.keep(7, &submission(ProblemVersionId::new(), None, number("2")));
    let other_lesson = desk.keep(8, &submission(given.version(), Some(LessonId::new()), number("2")));
    let (_, other_class) = hub.other_teacher("박선생", "5학년 2반", dreamseed_wire::Language::Ko).await;
    let elsewhere = hub.pupil_in(other_class, "하늘").await;
    let not_given = desk.device.deposit(&elsewhere).await;
    let not_given = desk.device.keep(hub, &not_given, 9, &given.answer("2"));
    let old_id = SubmitAnswer { attempt_id: AttemptId(uuid::Uuid::new_v4()), ..given.answer("2") };
    let items = [
        desk.keep(1, &given.answer("2")),
        damaged,
        no_answer,
        renamed,
        forged,
        unknown,
        other_lesson,
        not_given,
        desk.keep(10, &old_id),
        desk.keep(2, &given.answer("3")),
    ];
    let expected = [
        "stored",
        "body_damaged",
        "bad_body",
        "bad_body",
        "bad_deposit",
        "unknown_problem",
        // This hub was never restored: the device keeps it, in case nobody has noticed yet.
        "unknown_problem",
        "other_lesson",
        "bad_body",
        "stored",
    ];
    assert_eq!(desk.deliver(&items).await, expected);
    assert_eq!(count_answers(hub), 2);
    let lacking = desk.device.ask_lacking(hub, &items.each_ref().map(|item| item.attempt_id)).await;
    let kept: Vec<_> = lacking.kept.iter().map(|kept| kept.attempt_id).collect();
    assert_eq!(kept, [items[0].attempt_id, items[9].attempt_id]);
    assert_eq!(lacking.attempt_ids.len(), 8);

    let first = DeliverAnswers { items: vec![], sent_at: desk.device.reading(hub), highest: None };
    let many = DeliverAnswers { items: vec![items[0].clone(); BATCH_MAX + 1], ..first };
    assert_eq!(refusal(desk.device.try_to_deliver(hub, &many).await), (400, "bad_request".into()));
}

#[tokio::test]
async fn what_is_there_already_is_a_duplicate_whoever_brought_it() {
    let desk = desk().await;
    let (hub, given) = (&desk.hub, &desk.given);
    // The browser was quicker.
    let answer = given.answer("2");
    let by_browser = desk.pupil.submit_answer(&answer).await.expect("kept");
    let item = desk.keep(1, &answer);
    let delivered = desk.device.deliver(hub, std::slice::from_ref(&item)).await;
    assert_eq!(words(&delivered), ["duplicate"]);
    assert_eq!(*receipt_of(&delivered.results[0]), by_browser.receipt);
    // Twice in one batch, and in another spelling.
    let second = given.answer("3");
    let item = desk.keep(2, &second);
    let spelt = serde_json::to_string_pretty(&second).expect("JSON");
    let hash = blake3::hash(spelt.as_bytes()).to_hex().to_string();
    let again = DeliveryItem { body: spelt, body_hash: hash, device_seq: 3, ..item.clone() };
    assert_eq!(desk.deliver(&[item, again.clone()]).await, ["stored", "duplicate"]);
    // The other way round: the browser after the device.
    let receipt = desk.pupil.submit_answer(&second).await.expect("the same answer");
    assert_eq!(receipt.receipt.hub_seq, by_browser.hub_seq + 2, "an answer and its grade take a number each");
    // From a device of another id, as after it was set up anew.
    let other = TestDevice::on(hub, &desk.pupil).await;
    let deposit = other.deposit(&desk.pupil).await;
    let moved = other.keep(hub, &deposit, 1, &second);
    assert_eq!(words(&other.deliver(hub, &[moved]).await), ["duplicate"]);
    // Another answer under the id, and another pupil with the same one.
    let changed = SubmitAnswer { answer: number("4"), ..second.clone() };
    let classmate = hub.pupil("서연").await;
    let theirs = desk.device.deposit(&classmate).await;
    let items = [desk.keep(4, &changed), desk.device.keep(hub, &theirs, 5, &second)];
    assert_eq!(desk.deliver(&items).await, ["other_answer", "other_answer"]);
    assert_eq!(count_answers(hub), 2);
}

#[tokio::test]
async fn machines_of_one_image_lose_nothing() {
    let desk = desk().await;
    let hub = &desk.hub;
    // Both have the key, the id, and count from 1.
    let (here, there) = (desk.given.answer("2"), desk.given.answer("3"));
    assert_eq!(desk.deliver(&[desk.keep(1, &here)]).await, ["stored"]);
    assert_eq!(desk.deliver(&[desk.keep(1, &there)]).await, ["stored"]);
    assert_eq!(row_of(hub, here.attempt_id).2, Some(1));
    assert_eq!(
        (row_of(hub, there.attempt_id).1, row_of(hub, there.attempt_id).2),
        (Some(desk.device.id()), None)
    );
    assert_eq!(desk.deliver(&[desk.keep(1, &here), desk.keep(1, &there)]).await, ["duplicate", "duplicate"]);
    // In one batch too.
    let items = [desk.keep(2, &desk.given.answer("2")), desk.keep(2, &desk.given.answer("3"))];
    assert_eq!(desk.deliver(&items).await, ["stored", "stored"]);
    assert_eq!(count_answers(hub), 4);
}

#[tokio::test]
async fn a_full_batch_shares_its_commits_and_keeps_its_order() {
    let desk = desk().await;
    let (hub, count) = (&desk.hub, i64::try_from(BATCH_MAX).expect("small"));
    let items: Vec<_> = (0..count).map(|seq| desk.keep(seq, &desk.given.answer("3"))).collect();
    let begun = Instant::now();
    let delivered = desk.device.deliver(hub, &items).await;
    let took = begun.elapsed();
    let seqs: Vec<_> = delivered.results.iter().map(|result| receipt_of(result).hub_seq).collect();
    assert!(seqs.is_sorted() && words(&delivered).iter().all(|word| word == "stored"));
    let begun = Instant::now();
    let again = desk.device.deliver(hub, &items).await;
    let repeated = begun.elapsed();
    note(&format!("a batch of {count}: {took:?} stored, {repeated:?} the second time"));
    assert!(words(&again).iter().all(|word| word == "duplicate"));
    let receipts = |delivered: &Delivered| -> Vec<Receipt> {
        delivered.results.iter().map(|result| receipt_of(result).clone()).collect()
    };
    assert_eq!(receipts(&delivered), receipts(&again));
    assert_eq!(count_answers(hub), count);
    let standing = desk.pupil.my_standing().await.expect("standing");
    assert_eq!(i64::from(standing.problems[0].tries), count);
}

#[tokio::test]
async fn the_time_of_an_answer_needs_no_right_clock() {
    let desk = desk().await;
    let hub = &desk.hub;
    let given_at = hub.clock.now();
    let wrong = |reading: ClockReading| ClockReading {
        wall: "1970-01-01T00:00:00Z".parse().expect("time"),
        ..reading
    };
    let answer = desk.given.answer("2");
    let mut item = desk.keep(1, &answer);
    item.occurred_at = wrong(item.occurred_at);
    hub.clock.advance(minutes(25));
    let sent_at = wrong(desk.device.reading(hub));
    let batch = DeliverAnswers { items: vec![item], sent_at, highest: None };
    desk.device.try_to_deliver(hub, &batch).await.expect("taken");
    assert_eq!(row_of(hub, answer.attempt_id).0, given_at);
}

#[tokio::test]
async fn an_exam_takes_late_what_was_given_before_its_end() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let mut problems = Vec::new();
    for n in 0..3 {
        problems.push(teacher.add_problem(&sum_problem(n)).await.expect("a problem"));
    }
    let ids = problems.iter().map(|problem| problem.problem_id).collect();
    let lesson = teacher.open_lesson(hub.class, &exam("시험", ids, 40)).await.expect("opened");
    let given = Given { problems, lesson };
    let (pupil, idle) = (hub.pupil("민지").await, hub.pupil("서연").await);
    let device = TestDevice::on(&hub, &pupil).await;
    let (deposit, idle_deposit) = (device.deposit(&pupil).await, device.deposit(&idle).await);
    pupil.begin_sitting(given.lesson.lesson_id).await.expect("begun");
    hub.clock.advance(minutes(10));
    let in_time = device.keep(&hub, &deposit, 1, &given.answer_to(0, "1"));
    let never_begun = device.keep(&hub, &idle_deposit, 2, &given.answer_to(0, "1"));
    hub.clock.advance(minutes(60));
    let after = device.keep(&hub, &deposit, 3, &given.answer_to(1, "2"));
    let delivered = device.deliver(&hub, &[in_time.clone(), never_begun, after]).await;
    assert_eq!(words(&delivered), ["stored", "unknown_problem", "lesson_closed"]);
    let seen = hub.teacher().await.attempt(in_time.attempt_id).await.expect("the answer");
    assert_eq!((seen.grade, seen.late_by_secs), (Some(Grade::Right), Some(30 * 60)));
    // The reply told no grade; the pupil asks, and from then on nothing more is taken.
    let pupil = hub.sign_in(pupil.id).await;
    assert_eq!(pupil.attempt(in_time.attempt_id).await.expect("shown").grade, Some(Grade::Right));
    let mut forged = device.keep(&hub, &deposit, 4, &given.answer_to(1, "2"));
    forged.occurred_at.monotonic_ms -= 50 * 60_000;
    assert_eq!(words(&device.deliver(&hub, &[forged]).await), ["exam_over"]);
}

#[tokio::test]
async fn answers_of_who_has_left_are_taken_and_of_who_was_erased_are_not() {
    let desk = desk().await;
    let hub = &desk.hub;
    let admin = hub.admin().await;
    let (left, erased) = (hub.pupil("준호").await, hub.pupil("하늘").await);
    let (lefts, theirs) = (desk.device.deposit(&left).await, desk.device.deposit(&erased).await);
    let items = [
        desk.device.keep(hub, &lefts, 1, &desk.given.answer("2")),
        desk.device.keep(hub, &theirs, 2, &desk.given.answer("2")),
        desk.device.keep(hub, &(UserId::new(), lefts.1.clone()), 3, &desk.given.answer("2")),
    ];
    admin.archive_user(left.id).await.expect("archived");
    let erasure = ErasePupil { name: "하늘".into(), reason: "보호자의 요청".into() };
    admin.erase_pupil(erased.id, &erasure).await.expect("erased");
    assert_eq!(desk.deliver(&items).await, ["stored", "unknown_pupil", "bad_deposit"]);
    assert_eq!(count_answers(hub), 1);
}

#[tokio::test]
async fn a_restored_hub_gets_everything_again_exactly_once() {
    let mut hub = TestHub::start().await;
    let given = hub.give(&[sum_problem(1), sum_problem(2)]).await;
    let pupil = hub.pupil("민지").await;
    let deposited = hub.add_pupil(hub.class, "서연").await;
    let early = given.answer("2");
    pupil.submit_answer(&early).await.expect("kept before the backup");
    let before = copy_of(&mut hub).await;

    // What the backup does not have: a device, a lesson, and answers in both.
    let device = TestDevice::on(&hub, &pupil).await;
    let deposits = [device.deposit(&pupil).await, device.deposit(&hub.sign_in(deposited).await).await];
    let teacher = hub.teacher().await;
    let ids = given.problems.iter().map(|problem| problem.problem_id).collect();
    let lost_lesson = dreamseed_testkit::practice("오후", ids, dreamseed_wire::lesson::HintCeiling::Nudge);
    let lost_lesson = teacher.open_lesson(hub.class, &lost_lesson).await.expect("opened");
    let mut items = vec![device.keep(&hub, &deposits[0], 0, &early)];
    for seq in 1..60_i64 {
        let whose = usize::try_from(seq % 2).expect("small");
        let mut answer = given.answer_to(whose, "3");
        if seq % 3 == 0 {
            answer.lesson_id = Some(lost_lesson.lesson_id);
        }
        items.push(device.keep(&hub, &deposits[whose], seq, &answer));
    }
    let first = device.deliver(&hub, &items).await;
    assert_eq!(words(&first).iter().filter(|word| *word == "stored").count(), 59);
    let highest = receipt_of(&first.results[59]).clone();

    put_back(&mut hub, &before).await;
    let ids: Vec<_> = items.iter().map(|item| item.attempt_id).collect();
    let lacking = device.ask_lacking(&hub, &ids).await;
    assert_eq!(lacking.record.epoch, 2);
    assert_ne!(lacking.record.epoch_id, first.record.epoch_id);
    assert_eq!((lacking.attempt_ids.len(), lacking.kept.len()), (59, 1));
    let again: Vec<_> =
        items.iter().filter(|item| lacking.attempt_ids.contains(&item.attempt_id)).cloned().collect();
    let batch = DeliverAnswers { items: again, sent_at: device.reading(&hub), highest: Some(highest) };
    let delivered = device.try_to_deliver(&hub, &batch).await.expect("taken");
    assert!(words(&delivered).iter().all(|word| word == "stored"), "{:?}", words(&delivered));
    assert_eq!(delivered.record.epoch, 2, "the receipt is of an epoch that is known to be lost");
    assert!(delivered.results.iter().all(|result| receipt_of(result).epoch_id == delivered.record.epoch_id));
    assert_eq!(count_answers(&hub), 60);
    let of_lost_lesson = &items[3];
    assert!(of_lost_lesson.body.contains(&lost_lesson.lesson_id.to_string()));
    // The lesson of the morning gave the same problem, so that it counts there.
    assert_eq!(row_of(&hub, of_lost_lesson.attempt_id).3, Some(given.lesson.lesson_id));

    // Once more, everything: nothing doubles, and everything has its place in the epoch of now.
    let delivered = device.deliver(&hub, &items).await;
    assert!(words(&delivered).iter().all(|word| word == "duplicate"));
    assert!(delivered.results.iter().all(|result| receipt_of(result).epoch_id == delivered.record.epoch_id));
    assert_eq!(count_answers(&hub), 60);
    assert!(device.ask_lacking(&hub, &ids).await.attempt_ids.is_empty());
}

#[tokio::test]
async fn a_restored_hub_takes_answers_whose_lesson_it_has_lost() {
    let mut hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let problem = teacher.add_problem(&sum_problem(1)).await.expect("a problem");
    let id = hub.add_pupil(hub.class, "민지").await;
    let before = copy_of(&mut hub).await;
    let pupil = hub.sign_in(id).await;
    let device = TestDevice::on(&hub, &pupil).await;
    let deposit = device.deposit(&pupil).await;
    let lesson = dreamseed_testkit::practice(
        "오후",
        vec![problem.problem_id],
        dreamseed_wire::lesson::HintCeiling::Nudge,
    );
    let lesson = hub.teacher().await.open_lesson(hub.class, &lesson).await.expect("opened");
    let answer = submission(problem.problem_version_id, Some(lesson.lesson_id), number("2"));
    let item = device.keep(&hub, &deposit, 1, &answer);
    assert_eq!(words(&device.deliver(&hub, std::slice::from_ref(&item)).await), ["stored"]);
    put_back(&mut hub, &before).await;
    assert_eq!(words(&device.deliver(&hub, std::slice::from_ref(&item)).await), ["stored"]);
    assert_eq!(row_of(&hub, answer.attempt_id).3, None, "without its lesson");
    assert_eq!(words(&device.deliver(&hub, &[item]).await), ["duplicate"]);
}

/// A lesson that the hub does not know is no way around the question whether a problem was given.
#[tokio::test]
async fn a_restored_hub_trusts_only_what_it_may_have_lost_and_not_for_ever() {
    let mut hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let problem = teacher.add_problem(&sum_problem(1)).await.expect("a problem");
    let id = hub.add_pupil(hub.class, "민지").await;
    let (_, other_class) = hub.other_teacher("박선생", "5학년 2반", dreamseed_wire::Language::Ko).await;
    let before = copy_of(&mut hub).await;
    let pupil = hub.sign_in(id).await;
    let device = TestDevice::on(&hub, &pupil).await;
    let deposit = device.deposit(&pupil).await;
    let answer = || submission(problem.problem_version_id, Some(LessonId::new()), number("2"));
    let kept: Vec<_> = (1..4).map(|seq| device.keep(&hub, &deposit, seq, &answer())).collect();
    hub.clock.advance(minutes(60));
    put_back(&mut hub, &before).await;
    hub.clock.advance(minutes(1));

    // What was given since cannot have been lost.
    let since = device.keep(&hub, &deposit, 4, &answer());
    assert_eq!(words(&device.deliver(&hub, &[since]).await), ["unknown_problem"]);
    // While another class sits an exam with the problem nobody learns its grade.
    let admin = hub.admin().await;
    let sitting = exam("시험", vec![problem.problem_id], 40);
    let sitting = admin.open_lesson(other_class, &sitting).await.expect("opened");
    assert_eq!(words(&device.deliver(&hub, &kept[..1]).await), ["unknown_problem"]);
    admin.close_lesson(other_class, sitting.lesson_id).await.expect("closed");
    assert_eq!(words(&device.deliver(&hub, &kept[..1]).await), ["stored"]);
    hub.clock.advance(minutes(60 * 24 * 13));
    assert_eq!(words(&device.deliver(&hub, &kept[1..2]).await), ["stored"]);
    hub.clock.advance(minutes(60 * 24 * 2));
    assert_eq!(words(&device.deliver(&hub, &kept[2..]).await), ["unknown_problem"]);
    // The device has kept it; once the pupil's class has the problem, it is an answer like others.
    let ids = vec![problem.problem_id];
    let lesson = dreamseed_testkit::practice("오후", ids, dreamseed_wire::lesson::HintCeiling::Nudge);
    hub.teacher().await.open_lesson(hub.class, &lesson).await.expect("opened");
    assert_eq!(words(&device.deliver(&hub, &kept[2..]).await), ["stored"]);
}

#[tokio::test]
async fn a_device_brings_one_batch_at_a_time() {
    let desk = desk().await;
    let (hub, too_many) = (&desk.hub, (429, "too_many_requests".to_owned()));
    let batches: Vec<_> = (0..6)
        .map(|batch| {
            let keep = |number: i64| desk.keep(batch * 50 + number, &desk.given.answer("3"));
            DeliverAnswers {
                items: (0..50).map(keep).collect(),
                sent_at: desk.device.reading(hub),
                highest: None,
            }
        })
        .collect();
    let mut waiting: Vec<_> = batches.iter().collect();
    let mut turns = 0;
    while !waiting.is_empty() {
        turns += 1;
        let sent = waiting.iter().map(|batch| desk.device.try_to_deliver(hub, batch));
        let replies = futures_util::future::join_all(sent).await;
        let mut refused = Vec::new();
        for (batch, reply) in waiting.iter().zip(replies) {
            match reply {
                Ok(delivered) => assert!(words(&delivered).iter().all(|word| word == "stored")),
                Err(err) => {
                    assert_eq!(refusal::<Delivered>(Err(err)), too_many);
                    refused.push(*batch);
                }
            }
        }
        assert!(refused.len() < waiting.len(), "at least one has its turn");
        waiting = refused;
    }
    note(&format!("6 batches of one device at once: {turns} turns"));
    assert_eq!(count_answers(hub), 300);
}

#[tokio::test]
async fn new_answers_of_one_device_have_a_limit_and_no_other_waits_for_it() {
    // A thousand at once, twenty a minute from then on.
    let hub = TestHub::with(|config| config.limits.per_minute = 10.try_into().expect("not zero")).await;
    let given = hub.give(&[sum_problem(1)]).await;
    let pupil = hub.pupil("민지").await;
    let (device, other) = (TestDevice::on(&hub, &pupil).await, TestDevice::on(&hub, &pupil).await);
    let (deposit, others) = (device.deposit(&pupil).await, other.deposit(&pupil).await);
    let batch = |from: i64| DeliverAnswers {
        items: (from..from + 200).map(|seq| device.keep(&hub, &deposit, seq, &given.answer("3"))).collect(),
        sent_at: device.reading(&hub),
        highest: None,
    };
    let batches: Vec<_> = (0..6).map(|number| batch(number * 200)).collect();
    for batch in &batches[..5] {
        device.try_to_deliver(&hub, batch).await.expect("taken");
    }
    let refused = device.try_to_deliver(&hub, &batches[5]).await;
    assert_eq!(refusal(refused), (429, "too_many_requests".into()));
    assert_eq!(count_answers(&hub), 1_000, "nothing of it was written");
    let again = device.try_to_deliver(&hub, &batches[0]).await.expect("what is there costs nothing");
    assert!(words(&again).iter().all(|word| word == "duplicate"));
    let item = other.keep(&hub, &others, 1, &given.answer("3"));
    assert_eq!(words(&other.deliver(&hub, &[item]).await), ["stored"]);
}

#[tokio::test]
async fn a_restored_hub_takes_an_exam_whose_sitting_it_has_lost() {
    let mut hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let problem = teacher.add_problem(&sum_problem(0)).await.expect("a problem");
    let lesson =
        teacher.open_lesson(hub.class, &exam("시험", vec![problem.problem_id], 40)).await.expect("opened");
    let id = hub.add_pupil(hub.class, "민지").await;
    let before = copy_of(&mut hub).await;
    let pupil = hub.sign_in(id).await;
    let device = TestDevice::on(&hub, &pupil).await;
    let deposit = device.deposit(&pupil).await;
    pupil.begin_sitting(lesson.lesson_id).await.expect("begun");
    hub.clock.advance(minutes(10));
    let answer = submission(problem.problem_version_id, Some(lesson.lesson_id), number("1"));
    let item = device.keep(&hub, &deposit, 1, &answer);
    assert_eq!(words(&device.deliver(&hub, std::slice::from_ref(&item)).await), ["stored"]);

    // The weekend passes before somebody restores.
    hub.clock.advance(minutes(60 * 24 * 3));
    put_back(&mut hub, &before).await;
    hub.clock.advance(minutes(5));
    assert_eq!(words(&device.deliver(&hub, std::slice::from_ref(&item)).await), ["stored"]);
    let seen = hub.teacher().await.attempt(answer.attempt_id).await.expect("the answer");
    assert_eq!((seen.grade, seen.lesson_id), (Some(Grade::Right), Some(lesson.lesson_id)));
    assert!(seen.late_by_secs.is_some_and(|secs| secs > 60 * 60 * 24));
    // What is given after the restore has to begin as ever.
    let late = submission(problem.problem_version_id, Some(lesson.lesson_id), number("1"));
    let mut item = device.keep(&hub, &deposit, 2, &late);
    item.occurred_at.monotonic_ms -= 1;
    assert_eq!(words(&device.deliver(&hub, &[item]).await), ["lesson_closed"]);
}

#[tokio::test]
async fn a_batch_tells_a_hub_that_it_was_put_back() {
    let mut hub = TestHub::start().await;
    let given = hub.give(&[sum_problem(1)]).await;
    let pupil = hub.add_pupil(hub.class, "민지").await;
    let person = hub.sign_in(pupil).await;
    let device = TestDevice::on(&hub, &person).await;
    let deposit = device.deposit(&person).await;
    let highest = {
        let items: Vec<_> = (0..5).map(|seq| device.keep(&hub, &deposit, seq, &given.answer("2"))).collect();
        let record = device.deliver(&hub, &items).await.record;
        hub.ctx().receipts.issue(record.epoch_id, record.hub_seq + 1_000)
    };
    let item = device.keep(&hub, &deposit, 9, &given.answer("3"));
    let batch = DeliverAnswers { items: vec![item], sent_at: device.reading(&hub), highest: Some(highest) };
    let delivered = device.try_to_deliver(&hub, &batch).await.expect("taken");
    assert_eq!((words(&delivered), delivered.record.epoch), (vec!["stored".to_owned()], 2));
    assert_eq!(receipt_of(&delivered.results[0]).epoch_id, delivered.record.epoch_id, "in the new epoch");
    let epoch = delivered.record.epoch_id;
    // A receipt that is not this hub's says nothing.
    let forged = Receipt { epoch_id: epoch, hub_seq: 9_000_000, mac: "0".repeat(32) };
    let item = device.keep(&hub, &deposit, 10, &given.answer("3"));
    let batch = DeliverAnswers { items: vec![item], sent_at: device.reading(&hub), highest: Some(forged) };
    let delivered = device.try_to_deliver(&hub, &batch).await.expect("taken");
    assert_eq!(delivered.record.epoch_id, epoch);
    hub.restart().await;
    assert_eq!(device.ask_lacking(&hub, &[]).await.record.epoch_id, epoch);
}

/// Many devices at once, as after an outage: everything is taken, while a pupil goes on answering.
#[tokio::test]
async fn a_class_set_that_comes_back_holds_nobody_up() {
    let hub = TestHub::start().await;
    let given = hub.give(&[sum_problem(1)]).await;
    let (teacher, pupil) = (hub.teacher().await, hub.pupil("민지").await);
    let mut devices = Vec::new();
    for _ in 0..8 {
        let device = TestDevice::on(&hub, &teacher).await;
        let deposit = device.deposit(&pupil).await;
        let items: Vec<_> =
            (0..100).map(|seq| device.keep(&hub, &deposit, seq, &given.answer("3"))).collect();
        devices.push((device, items));
    }
    let deliveries =
        futures_util::future::join_all(devices.iter().map(|(device, items)| device.deliver(&hub, items)));
    let live = async {
        let mut slowest = Duration::ZERO;
        for _ in 0..10 {
            let begun = Instant::now();
            pupil.submit_answer(&given.answer("2")).await.expect("kept");
            slowest = slowest.max(begun.elapsed());
        }
        slowest
    };
    let begun = Instant::now();
    let (delivered, slowest) = tokio::join!(deliveries, live);
    note(&format!(
        "8 devices, 800 answers: {:?}; the slowest of a pupil's own meanwhile: {slowest:?}",
        begun.elapsed()
    ));
    assert!(delivered.iter().all(|delivered| words(delivered).iter().all(|word| word == "stored")));
    assert_eq!(count_answers(&hub), 810);
}
