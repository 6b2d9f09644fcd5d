//! `/children`, `/pupils/{user_id}/progress`, `/me/progress`: how far a pupil has come, the same for everyone who asks.

use dreamseed_testkit::{TestHub, refusal, sum_problem};
use dreamseed_wire::{ids::*, progress::MasteryLevel};

#[tokio::test]
async fn pupil_parent_teacher_and_admin_see_the_same_progress() {
    let hub = TestHub::start().await;
    let given = hub.give(&[sum_problem(1), sum_problem(2), sum_problem(3), sum_problem(4)]).await;
    let pupil = hub.pupil("민지").await;
    let parent = hub.parent("어머니", &[pupil.id]).await;
    assert_eq!(pupil.my_progress().await.expect("progress").skills, [], "nothing yet");
    let mut masteries = Vec::new();
    for (index, text) in ["2", "9", "4", "5"].into_iter().enumerate() {
        pupil.submit_answer(&given.answer_to(index, text)).await.expect("kept");
        let progress = pupil.my_progress().await.expect("progress");
        assert_eq!((progress.pupil_id, progress.skills.len()), (pupil.id, 1));
        masteries.push((progress.skills[0].mastery, progress.skills[0].level));
    }
    assert!(
        masteries[0].0 > 0.3 && masteries[1].0 < masteries[0].0 && masteries[3].0 > masteries[2].0,
        "{masteries:?}"
    );
    assert_eq!([masteries[0].1, masteries[1].1], [MasteryLevel::Starting; 2]);
    assert_ne!(masteries[3].1, MasteryLevel::Starting);
    let mine = pupil.my_progress().await.expect("progress");
    for who in [&parent, &hub.teacher().await, &hub.admin().await] {
        assert_eq!(who.pupil_progress(pupil.id).await.expect("progress"), mine);
    }
    assert_eq!(refusal(hub.admin().await.pupil_progress(UserId::new()).await), (404, "not_found".into()));
}

#[tokio::test]
async fn parents_see_their_own_children() {
    let hub = TestHub::start().await;
    let (first, second, other) = (
        hub.add_pupil(hub.class, "민지").await,
        hub.add_pupil(hub.class, "민호").await,
        hub.add_pupil(hub.class, "서연").await,
    );
    let parent = hub.parent("어머니", &[first, second]).await;
    let children = parent.my_children().await.expect("children");
    let names: Vec<_> = children.iter().map(|child| child.name.as_str()).collect();
    assert_eq!(names, ["민지", "민호"]);
    let class = children[1].class.as_ref().expect("a class");
    assert_eq!((class.class_id, class.number), (hub.class, 2));
    assert!(parent.pupil_progress(second).await.is_ok());
    assert_eq!(refusal(parent.pupil_progress(other).await), (403, "not_allowed".into()));
    assert_eq!(hub.parent("할머니", &[]).await.my_children().await.expect("children"), []);
    hub.admin().await.archive_user(first).await.expect("archived");
    assert_eq!(parent.my_children().await.expect("children").len(), 1);
}

#[tokio::test]
async fn the_days_shown_are_the_last_thirty_with_work() {
    let hub = TestHub::start().await;
    let given = hub.give(&[sum_problem(1)]).await;
    let pupil = hub.pupil("민지").await;
    for day in 0..33 {
        let mut answer = given.answer(if day % 2 == 0 { "2" } else { "3" });
        let hours = jiff::SignedDuration::from_hours(24 * day);
        answer.occurred_at = Some("2026-11-22T23:00:00Z".parse::<jiff::Timestamp>().expect("time") - hours);
        pupil.submit_answer(&answer).await.expect("kept");
    }
    let days = pupil.my_progress().await.expect("progress").days;
    assert_eq!(days.len(), 30);
    assert!(days.is_sorted_by(|a, b| a.day < b.day));
    assert_eq!(
        days.last().map(|day| (day.day.as_str(), day.attempts, day.right)),
        Some(("2026-11-23", 1, 1))
    );
}
