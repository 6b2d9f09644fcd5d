//! `/parents`, `/me/children` and parents' codes; moves of pupils and co-teachers stand in `enrolling`.

use dreamseed_testkit::{TestHub, minutes, refusal};
use dreamseed_wire::{
    Language,
    account::Role,
    people::{AddChild, JoinAsParent, MakeParentCodes},
};

fn join(code: &str, login_name: &str) -> JoinAsParent {
    JoinAsParent {
        code: code.to_owned(),
        login_name: login_name.to_owned(),
        name: "김지영".into(),
        password: "a long enough sentence".into(),
        language: Language::Ko,
        consents: vec!["account".into(), "ai_tutor".into()],
    }
}

fn everyone() -> MakeParentCodes {
    MakeParentCodes { everyone: true, ..MakeParentCodes::default() }
}

#[tokio::test]
async fn nobody_named_is_not_everybody() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    hub.add_pupil(hub.class, "민지").await;
    let bad = (422, "bad_field".to_owned());
    let nobody = MakeParentCodes::default();
    assert_eq!(refusal(teacher.make_parent_codes(hub.class, &nobody).await), bad);
    assert_eq!(refusal(teacher.make_parent_letters(hub.class, &nobody).await), bad);
}

#[tokio::test]
async fn a_parent_joins_with_a_paper_code_once() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let (minji, seoyeon) = (hub.add_pupil(hub.class, "민지").await, hub.add_pupil(hub.class, "서연").await);
    let codes = teacher.make_parent_codes(hub.class, &everyone()).await.expect("codes");
    assert_eq!(codes.iter().map(|code| code.pupil.pupil_id).collect::<Vec<_>>(), [minji, seoyeon]);
    assert!(codes[0].code.len() == 14 && codes[0].code != codes[1].code, "{codes:?}");

    let client = hub.stranger();
    let signed_in =
        client.join_as_parent(&join(&codes[0].code.to_lowercase(), "kim.jiyoung")).await.expect("joined");
    assert_eq!((signed_in.me.role, signed_in.me.must_change_password), (Role::Parent, false));
    let children = client.my_children().await.expect("children");
    assert_eq!(children.iter().map(|child| child.pupil_id).collect::<Vec<_>>(), [minji]);
    let consents: i64 = hub
        .write(move |tx| {
            let sql = "SELECT count(*) FROM consents WHERE pupil_id = ?1 AND guardian_id IS NOT NULL";
            Ok(tx.conn().query_row(sql, [minji], |row| row.get(0))?)
        })
        .await;
    assert_eq!(consents, 2);
    let again = hub.stranger().join_as_parent(&join(&codes[0].code, "kim.other")).await;
    assert_eq!(refusal(again), (404, "wrong_secret".into()), "used");

    let children = client.add_child(&codes[1].code).await.expect("a second child");
    assert_eq!(children.len(), 2);
    assert_eq!(refusal(client.add_child(&codes[1].code).await), (404, "wrong_secret".into()));
    assert!(hub.stranger().sign_in_password("kim.jiyoung", "a long enough sentence").await.is_ok());
}

#[tokio::test]
async fn a_further_child_has_consents_of_its_own() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let (_, seoyeon) = (hub.add_pupil(hub.class, "민지").await, hub.add_pupil(hub.class, "서연").await);
    let codes = teacher.make_parent_codes(hub.class, &everyone()).await.expect("codes");
    let client = hub.stranger();
    client.join_as_parent(&join(&codes[0].code, "kim.jiyoung")).await.expect("joined");

    let with = |consents: &[&str]| AddChild {
        code: codes[1].code.clone(),
        consents: Some(consents.iter().map(|scope| (*scope).to_owned()).collect()),
    };
    for consents in [&[][..], &["ai_tutor"], &["account", "everything"]] {
        let refused = client.add_child_with(&with(consents)).await;
        assert_eq!(refusal(refused), (422, "bad_field".into()), "{consents:?}");
    }
    let unasked = client.add_child_with(&AddChild { code: codes[1].code.clone(), consents: None }).await;
    assert_eq!(
        refusal(unasked),
        (422, "bad_field".into()),
        "no child is linked without a consent in the ledger"
    );
    let children = client.add_child_with(&with(&["account", "ai_tutor"])).await;
    assert_eq!(children.expect("a refusal uses nothing up").len(), 2);

    let given = teacher.consents(seoyeon).await.expect("the ledger");
    let mut scopes: Vec<_> = given.iter().map(|one| (one.scope.as_str(), one.method.as_str())).collect();
    scopes.sort_unstable();
    assert_eq!(scopes, [("account", "online"), ("ai_tutor", "online")]);
    let audited: i64 = hub
        .write(move |tx| {
            let sql = "SELECT count(*) FROM audit WHERE action = 'give consent' AND subject = ?1";
            Ok(tx.conn().query_row(sql, [seoyeon], |row| row.get(0))?)
        })
        .await;
    assert_eq!(audited, 2);
}

#[tokio::test]
async fn what_is_no_way_in() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let pupil = hub.add_pupil(hub.class, "민지").await;
    let one = MakeParentCodes { pupil_ids: vec![pupil], everyone: false };
    let code = teacher.make_parent_codes(hub.class, &one).await.expect("a code").remove(0).code;
    let with = |change: fn(&mut JoinAsParent)| {
        let mut new = join(&code, "kim.jiyoung");
        change(&mut new);
        new
    };
    let teacher_login = hub.login_of(teacher.id);
    let taken = JoinAsParent { login_name: teacher_login, ..join(&code, "") };
    for (new, expected) in [
        (with(|new| new.password = "short".into()), (422, "weak_password")),
        (with(|new| new.login_name = "a b".into()), (422, "bad_field")),
        (with(|new| new.name = " ".into()), (422, "bad_field")),
        (with(|new| new.consents = vec!["everything".into()]), (422, "bad_field")),
        (with(|new| new.consents = vec!["ai_tutor".into()]), (422, "bad_field")),
        (taken, (409, "taken")),
        (with(|new| new.code = "AAAA-AAAA-AAAA".into()), (404, "wrong_secret")),
    ] {
        let (status, code) = refusal(hub.stranger().join_as_parent(&new).await);
        assert_eq!((status, code.as_str()), expected, "{new:?}");
    }
    assert!(
        hub.stranger().join_as_parent(&join(&code, "kim.jiyoung")).await.is_ok(),
        "a refusal uses nothing up"
    );
    let stranger = hub.other_teacher("박선생", "5학년 2반", Language::Ko).await;
    let refused = stranger.0.make_parent_codes(stranger.1, &one).await;
    assert_eq!(refusal(refused), (422, "bad_field".into()));

    let late = teacher.make_parent_codes(hub.class, &one).await.expect("a code").remove(0).code;
    hub.clock.advance(minutes(61 * 24 * 60));
    let refused = hub.stranger().join_as_parent(&join(&late, "kim.late")).await;
    assert_eq!(refusal(refused), (404, "wrong_secret".into()), "past its time");
    let stranger = hub.stranger();
    for _ in 0..300 {
        let _ = stranger.join_as_parent(&join("BBBB-BBBB-BBBB", "kim.guess")).await;
    }
    let refused = stranger.join_as_parent(&join("BBBB-BBBB-BBBB", "kim.guess")).await;
    assert_eq!(refusal(refused), (429, "too_many_tries".into()));
    let right = hub.teacher().await.make_parent_codes(hub.class, &one).await.expect("a code").remove(0).code;
    hub.stranger().join_as_parent(&join(&right, "kim.right")).await.expect("a right code opens all the same");
}

#[tokio::test]
async fn a_new_code_ends_those_that_nobody_has_used() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let (minji, seoyeon) = (hub.add_pupil(hub.class, "민지").await, hub.add_pupil(hub.class, "서연").await);
    let first = teacher.make_parent_codes(hub.class, &everyone()).await.expect("codes");
    let one = MakeParentCodes { pupil_ids: vec![minji], everyone: false };
    let second = teacher.make_parent_codes(hub.class, &one).await.expect("a code").remove(0).code;
    let refused = hub.stranger().join_as_parent(&join(&first[0].code, "kim.first")).await;
    assert_eq!(refusal(refused), (404, "wrong_secret".into()), "lost on the way");
    let client = hub.stranger();
    client.join_as_parent(&join(&second, "kim.second")).await.expect("the new one works");
    let children = client.add_child(&first[1].code).await.expect("another pupil's goes on");
    assert_eq!(children.iter().map(|child| child.pupil_id).collect::<Vec<_>>(), [minji, seoyeon]);
    // Letters are codes too, and for the other parent there is a new one.
    let third = teacher.make_parent_codes(hub.class, &one).await.expect("a code").remove(0).code;
    teacher.make_parent_letters(hub.class, &one).await.expect("a letter");
    let refused = hub.stranger().join_as_parent(&join(&third, "kim.third")).await;
    assert_eq!(refusal(refused), (404, "wrong_secret".into()));
    let fourth = teacher.make_parent_codes(hub.class, &one).await.expect("a code").remove(0).code;
    hub.stranger().join_as_parent(&join(&fourth, "kim.fourth")).await.expect("the second parent");
}

#[tokio::test]
async fn letters_hold_the_codes() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    hub.add_pupil(hub.class, "민지").await;
    hub.add_pupil(hub.class, "서연").await;
    let pdf = teacher.make_parent_letters(hub.class, &everyone()).await.expect("letters");
    assert!(pdf.starts_with(b"%PDF-"));
    if let Some(folder) = std::env::var_os("DREAMSEED_KEEP_PDF") {
        std::fs::write(std::path::Path::new(&folder).join("letters.pdf"), &pdf).expect("written");
    }
    let (english, class) = hub.other_teacher("Ms Lee", "Grade 6 English A", Language::En).await;
    hub.add_pupil(class, "Emma Park").await;
    let pdf = english.make_parent_letters(class, &everyone()).await.expect("letters");
    if let Some(folder) = std::env::var_os("DREAMSEED_KEEP_PDF") {
        std::fs::write(std::path::Path::new(&folder).join("letters-en.pdf"), &pdf).expect("written");
    }
}
