//! `/rollovers`: the change of the school year, shown, made and taken back.

use dreamseed_testkit::{TestHub, minutes, refusal};
use dreamseed_wire::{
    Language,
    people::{ApplyRollover, PlanRollover, RolloverClass, RolloverTarget, RosterChangeKind},
};

fn plan(classes: Vec<RolloverClass>) -> PlanRollover {
    PlanRollover { to_year: 2027, classes }
}

#[tokio::test]
async fn a_year_goes_by_and_comes_back() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let (minji, seoyeon) = (hub.add_pupil(hub.class, "민지").await, hub.add_pupil(hub.class, "서연").await);
    hub.set_pin(&[minji], "481526").await;
    let code = hub.code_of(hub.class);
    let preview = admin.preview_rollover(&plan(vec![])).await.expect("a preview");
    assert_eq!(
        (preview.from_year, preview.to_year, preview.pupils_up, preview.pupils_leaving),
        (2026, 2027, 2, 0)
    );
    let step = &preview.classes[0];
    assert_eq!((step.from.as_str(), step.pupils), ("5학년 1반", 2));
    assert_eq!(step.to, Some(RolloverTarget { grade: 6, class_name: "6학년 1반".into() }));
    let asked = ApplyRollover { plan: plan(vec![]), digest: preview.digest };
    let wrong = ApplyRollover { digest: "0".into(), ..asked.clone() };
    assert_eq!(refusal(admin.apply_rollover(&wrong).await), (409, "changed".into()));
    let change = admin.apply_rollover(&asked).await.expect("changed");
    assert_eq!((change.kind, change.can_undo, change.undone_at), (RosterChangeKind::Rollover, true, None));
    assert_eq!(change.summary, "새 반 1개, 옮긴 학생 2명");
    assert_eq!(
        refusal(admin.apply_rollover(&asked).await),
        (422, "bad_field".into()),
        "there is no earlier year left"
    );

    let classes = admin.classes().await.expect("the classes");
    assert_eq!(classes.iter().map(|class| class.name.as_str()).collect::<Vec<_>>(), ["6학년 1반"]);
    let new = admin.class_detail(classes[0].class_id).await.expect("the class");
    assert_eq!((new.summary.grade, new.summary.school_year, new.summary.language), (6, 2027, Language::Ko));
    assert_eq!(
        new.pupils_list.iter().map(|pupil| (pupil.number, pupil.pupil_id)).collect::<Vec<_>>(),
        [(1, minji), (2, seoyeon)]
    );
    assert!(new.teachers.is_empty(), "who teaches is decided anew");
    // Accounts and PINs stay, the old code opens nothing.
    let stranger = hub.stranger();
    stranger.sign_in_pupil(&new.class_code, minji, "481526").await.expect("signed in");
    assert_eq!(refusal(stranger.open_roster(&code).await), (404, "not_found".into()));
    let teacher = hub.teacher().await;
    assert!(teacher.classes().await.expect("classes").is_empty());
    admin.add_teacher(new.summary.class_id, teacher.id).await.expect("added");
    assert_eq!(teacher.classes().await.expect("classes").len(), 1);
    assert_eq!(
        refusal(admin.undo_roster_change(change.change_id).await),
        (409, "changed".into()),
        "built on"
    );
    let enrolments = teacher.enrolments(minji).await.expect("enrolments");
    let days: Vec<_> = enrolments.iter().map(|time| (time.school_year, time.to_day.is_some())).collect();
    assert!(days.contains(&(2027, false)), "{days:?}");
}

#[tokio::test]
async fn undone_as_if_nothing_had_been() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let pupil = hub.pupil("민지").await;
    let asked = plan(vec![RolloverClass { class_id: hub.class, to: None }]);
    let preview = admin.preview_rollover(&asked).await.expect("a preview");
    assert_eq!((preview.pupils_up, preview.pupils_leaving), (0, 1));
    let change =
        admin.apply_rollover(&ApplyRollover { plan: asked, digest: preview.digest }).await.expect("changed");
    assert_eq!(change.summary, "학교를 떠난 학생 1명");
    assert_eq!(refusal(pupil.me().await), (401, "sign_in_needed".into()));
    assert!(admin.classes().await.expect("classes").is_empty());
    admin.undo_roster_change(change.change_id).await.expect("undone");
    let detail = hub.teacher().await.class_detail(hub.class).await.expect("the class");
    assert_eq!(detail.pupils_list.iter().map(|entry| entry.pupil_id).collect::<Vec<_>>(), [pupil.id]);
    assert!(hub.sign_in(pupil.id).await.me().await.is_ok());
}

#[tokio::test]
async fn two_pupils_with_one_number_are_settled_before() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let (_, second) = hub.other_teacher("박선생", "5학년 2반", Language::Ko).await;
    hub.add_pupil(hub.class, "민지").await;
    hub.add_pupil(second, "준호").await;
    let to =
        |class_id| RolloverClass { class_id, to: Some(RolloverTarget { grade: 6, class_name: "1".into() }) };
    let asked = plan(vec![to(hub.class), to(second)]);
    let preview = admin.preview_rollover(&asked).await.expect("a preview");
    assert_eq!(preview.conflicts, ["6학년 1반 · 1: 민지, 준호"]);
    let refused = admin.apply_rollover(&ApplyRollover { plan: asked, digest: preview.digest }).await;
    assert_eq!(refusal(refused), (409, "taken".into()));
    let twice = plan(vec![to(hub.class), to(hub.class)]);
    assert_eq!(refusal(admin.preview_rollover(&twice).await), (422, "bad_field".into()));
    let unknown = plan(vec![to(dreamseed_wire::ids::ClassId::new())]);
    assert_eq!(refusal(admin.preview_rollover(&unknown).await), (422, "bad_field".into()));
    let early = PlanRollover { to_year: 2026, classes: vec![] };
    assert_eq!(refusal(admin.preview_rollover(&early).await), (422, "bad_field".into()));
}

#[tokio::test]
async fn classes_go_to_the_next_year_or_into_the_present_one_only() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let to = |to_year| PlanRollover { to_year, classes: vec![] };
    for year in [2024, 2025, 2028, 2062] {
        let refused = admin.preview_rollover(&to(year)).await.expect_err("another year");
        let told = refused.problem().expect("a problem").detail.clone();
        assert!(told.contains("2026학년도나 2027학년도로만"), "{told}");
        let asked = ApplyRollover { plan: to(year), digest: "0".into() };
        assert_eq!(refusal(admin.apply_rollover(&asked).await), (422, "bad_field".into()));
    }
    admin.preview_rollover(&to(2027)).await.expect("the year that follows");
    // In April nobody has begun the year yet.
    hub.clock.advance(minutes(150 * 24 * 60));
    let admin = hub.admin().await;
    admin.preview_rollover(&to(2027)).await.expect("the present year, late");
    admin.preview_rollover(&to(2028)).await.expect("the year that follows");
    assert_eq!(refusal(admin.preview_rollover(&to(2026)).await), (422, "bad_field".into()));
}
