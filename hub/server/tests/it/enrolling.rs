//! `/pupils/{user_id}/move`, `/pupils/{user_id}/enrolments`, `/staff` and `/classes/{class_id}/teachers`.

use dreamseed_testkit::{TestHub, minutes, refusal};
use dreamseed_wire::{Language, account::Role, ids::*, people::MovePupil};

fn to(class: ClassId, number: Option<u16>, from_day: Option<&str>) -> MovePupil {
    MovePupil { class_id: Some(class), number, from_day: from_day.map(str::to_owned) }
}

#[tokio::test]
async fn a_pupil_moves_with_a_day_and_a_number() {
    let hub = TestHub::start().await;
    let (teacher, admin) = (hub.teacher().await, hub.admin().await);
    let (other, second) = hub.other_teacher("박선생", "5학년 2반", Language::Ko).await;
    let pupil = hub.add_pupil(hub.class, "민지").await;
    hub.add_pupil(second, "준호").await;
    let began = teacher.enrolments(pupil).await.expect("enrolments")[0].from_day.clone();
    assert_eq!(
        refusal(teacher.move_pupil(pupil, &to(second, None, None)).await),
        (403, "not_allowed".into())
    );
    assert_eq!(refusal(admin.move_pupil(pupil, &to(second, Some(1), None)).await), (409, "taken".into()));
    for day in ["2099-01-01", "2001-01-01", "yesterday", "2026-13-01"] {
        let refused = admin.move_pupil(pupil, &to(second, None, Some(day))).await;
        assert_eq!(refusal(refused), (422, "bad_field".into()), "{day}");
    }
    for number in [0, 1000] {
        assert_eq!(
            refusal(admin.move_pupil(pupil, &to(second, Some(number), None)).await),
            (422, "bad_field".into())
        );
    }
    hub.clock.advance(minutes(10 * 24 * 60));
    let (teacher, admin, other) =
        (hub.sign_in(teacher.id).await, hub.sign_in(admin.id).await, hub.sign_in(other.id).await);
    let times = admin.move_pupil(pupil, &to(second, None, None)).await.expect("moved");
    assert_eq!(times.len(), 2);
    assert_eq!((times[0].class_id, times[0].number, times[0].to_day.as_deref()), (second, 2, None));
    assert_eq!((times[1].class_id, &times[1].from_day), (hub.class, &began));
    assert!(times[1].to_day.as_ref().is_some_and(|last| *last < times[0].from_day), "{times:?}");
    assert_eq!(refusal(teacher.enrolments(pupil).await), (403, "not_allowed".into()), "no longer theirs");

    let times = other.move_pupil(pupil, &to(second, Some(7), None)).await.expect("another number");
    assert_eq!((times.len(), times[0].number), (2, 7), "of the same day: no time of its own");
    let out = MovePupil { class_id: None, number: None, from_day: None };
    let session = hub.sign_in(pupil).await;
    let times = other.move_pupil(pupil, &out).await.expect("out");
    assert!(times.iter().all(|time| time.to_day.is_some()), "{times:?}");
    assert!(session.me().await.expect("still an account").class.is_none());
    let times = admin.move_pupil(pupil, &to(hub.class, None, None)).await.expect("in again");
    assert_eq!((times[0].class_id, times[0].number), (hub.class, 1));
}

#[tokio::test]
async fn a_class_has_several_teachers_and_never_none() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let (other, _) = hub.other_teacher("박선생", "5학년 2반", Language::Ko).await;
    let staff = teacher.staff().await.expect("the staff");
    assert_eq!(staff.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>(), ["김선생", "박선생"]);
    assert_eq!(refusal(teacher.remove_teacher(hub.class, teacher.id).await), (409, "not_allowed".into()));
    for _ in 0..2 {
        teacher.add_teacher(hub.class, other.id).await.expect("added");
    }
    assert!(other.class_detail(hub.class).await.is_ok());
    other.remove_teacher(hub.class, teacher.id).await.expect("removed");
    assert_eq!(refusal(teacher.class_detail(hub.class).await), (403, "not_allowed".into()));
    assert_eq!(refusal(other.remove_teacher(hub.class, other.id).await), (409, "not_allowed".into()));
    // On the same day again.
    other.add_teacher(hub.class, teacher.id).await.expect("added again");
    assert!(teacher.class_detail(hub.class).await.is_ok());
    let parent = hub.add_user(Role::Parent, "부모", Language::Ko).await;
    for nobody in [parent, UserId::new()] {
        assert_eq!(refusal(teacher.add_teacher(hub.class, nobody).await), (404, "not_found".into()));
    }
    assert_eq!(refusal(teacher.remove_teacher(hub.class, UserId::new()).await), (404, "not_found".into()));
}
