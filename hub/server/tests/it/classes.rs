//! `/classes`: classes, their settings, pupils and lessons.

use dreamseed_testkit::{TestHub, fraction_problem, practice, refusal, sum_problem};
use dreamseed_wire::{
    Language,
    account::Role,
    class::{AddClass, AddPupil, ClassSettings},
    ids::*,
    lesson::{HintCeiling, LessonState},
};

fn class(name: &str) -> AddClass {
    AddClass { name: name.into(), grade: 6, school_year: 2026, language: Language::En, teachers: vec![] }
}

#[tokio::test]
async fn a_teacher_makes_a_class_and_teaches_it() {
    let hub = TestHub::start().await;
    let (teacher, admin) = (hub.teacher().await, hub.admin().await);
    let made = teacher.add_class(&class("  6학년 가반 ")).await.expect("made");
    assert_eq!(
        (made.name.as_str(), made.grade, made.language, made.pupils),
        ("6학년 가반", 6, Language::En, 0)
    );
    let names: Vec<_> =
        teacher.classes().await.expect("the list").into_iter().map(|class| class.name).collect();
    assert_eq!(names, ["5학년 1반", "6학년 가반"]);
    let detail = teacher.class_detail(made.class_id).await.expect("the class");
    let teachers: Vec<_> = detail.teachers.iter().map(|teacher| teacher.name.as_str()).collect();
    assert_eq!(teachers, ["김선생"]);
    assert_eq!((detail.class_code.len(), detail.class_code.as_bytes()[4]), (9, b'-'));
    assert!(detail.lessons.is_empty() && detail.pupils_list.is_empty());

    let other = hub.add_user(Role::Teacher, "박선생", Language::Ko).await;
    let theirs =
        admin.add_class(&AddClass { teachers: vec![other], ..class("6학년 나반") }).await.expect("made");
    assert_eq!(refusal(teacher.class_detail(theirs.class_id).await), (403, "not_allowed".into()));
    let theirs_seen: Vec<_> = hub.sign_in(other).await.classes().await.expect("the list");
    assert_eq!(theirs_seen.iter().map(|class| class.class_id).collect::<Vec<_>>(), [theirs.class_id]);
    assert_eq!(admin.classes().await.expect("the list").len(), 3);
    let codes: Vec<_> = [hub.class, made.class_id, theirs.class_id].map(|id| hub.code_of(id)).to_vec();
    assert!(codes[0] != codes[1] && codes[1] != codes[2], "{codes:?}");
}

/// A second click must not make a twin, of which a list of pupils would fill either.
#[tokio::test]
async fn a_class_is_made_once() {
    let hub = TestHub::start().await;
    let (teacher, admin) = (hub.teacher().await, hub.admin().await);
    let (first, second) = (class("가반"), class("가반"));
    let (one, other) = tokio::join!(teacher.add_class(&first), teacher.add_class(&second));
    let made = match (one, other) {
        (Ok(made), Err(refused)) | (Err(refused), Ok(made)) => {
            assert_eq!(refusal(Err::<(), _>(refused)), (409, "taken".into()));
            made
        }
        both => panic!("{both:?}"),
    };
    for name in ["가반", " 가 반", "6학년 가반", "6-가"] {
        assert_eq!(refusal(admin.add_class(&class(name)).await), (409, "taken".into()), "{name}");
    }
    for fine in [
        AddClass { grade: 5, ..class("가반") },
        AddClass { school_year: 2027, ..class("가반") },
        class("나반"),
    ] {
        admin.add_class(&fine).await.expect("another class");
    }
    admin.archive_class(made.class_id).await.expect("archived");
    admin.add_class(&class("가반")).await.expect("the name is free again");
}

#[tokio::test]
async fn what_cannot_be_a_class() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let pupil = hub.add_pupil(hub.class, "민지").await;
    for bad in [
        AddClass { grade: 0, ..class("가") },
        AddClass { grade: 13, ..class("가") },
        AddClass { school_year: 1999, ..class("가") },
        AddClass { teachers: vec![UserId::new()], ..class("가") },
        AddClass { teachers: vec![pupil], ..class("가") },
        class(""),
    ] {
        assert_eq!(refusal(teacher.add_class(&bad).await), (422, "bad_field".into()), "{bad:?}");
    }
    assert_eq!(teacher.classes().await.expect("the list").len(), 1);
}

#[tokio::test]
async fn settings_are_kept() {
    let mut hub = TestHub::start().await;
    for settings in [
        ClassSettings { auto_feedback: true, solution_after_tries: Some(3) },
        ClassSettings { auto_feedback: false, solution_after_tries: None },
        ClassSettings { auto_feedback: true, solution_after_tries: Some(1) },
    ] {
        hub.teacher().await.change_class_settings(hub.class, &settings).await.expect("set");
        assert_eq!(hub.teacher().await.class_detail(hub.class).await.expect("the class").settings, settings);
    }
    hub.restart().await;
    let kept = hub.teacher().await.class_detail(hub.class).await.expect("the class").settings;
    assert_eq!(kept, ClassSettings { auto_feedback: true, solution_after_tries: Some(1) });
    let unknown = ClassId::new();
    let refused = hub.admin().await.change_class_settings(unknown, &kept).await;
    assert_eq!(refusal(refused), (404, "not_found".into()));
}

#[tokio::test]
async fn pupils_join_a_class() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let made = teacher
        .add_pupil(hub.class, &AddPupil { number: 7, name: " 민지 ".into(), pin: None })
        .await
        .expect("made");
    assert!(made.secret.len() == 6 && made.secret.bytes().all(|c| c.is_ascii_digit()));
    let chosen = AddPupil { number: 3, name: "서연".into(), pin: Some("482915".into()) };
    assert_eq!(teacher.add_pupil(hub.class, &chosen).await.expect("made").secret, "482915");
    let list = teacher.class_detail(hub.class).await.expect("the class").pupils_list;
    let list: Vec<_> = list.iter().map(|entry| (entry.number, entry.name.as_str())).collect();
    assert_eq!(list, [(3, "서연"), (7, "민지")]);
    for (number, pin, expected) in [
        (3, None, (409, "taken")),
        (0, None, (422, "bad_field")),
        (1000, None, (422, "bad_field")),
        (8, Some("12345"), (422, "weak_password")),
        (8, Some("123456"), (422, "weak_password")),
        (8, Some("000000"), (422, "weak_password")),
        (8, Some("48291a"), (422, "weak_password")),
    ] {
        let new = AddPupil { number, name: "준호".into(), pin: pin.map(str::to_owned) };
        let (status, code) = refusal(teacher.add_pupil(hub.class, &new).await);
        assert_eq!((status, code.as_str()), expected, "{new:?}");
    }
    let refused = hub.admin().await.add_pupil(ClassId::new(), &chosen).await;
    assert_eq!(refusal(refused), (404, "not_found".into()));
}

#[tokio::test]
async fn lessons_open_and_close() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let (first, second) = (
        teacher.add_problem(&sum_problem(4)).await.expect("a problem"),
        teacher.add_problem(&fraction_problem()).await.expect("a problem"),
    );
    let lesson = |title: &str, problem_ids: Vec<ProblemId>| practice(title, problem_ids, HintCeiling::Nudge);
    let opened = teacher
        .open_lesson(
            hub.class,
            &lesson(" 오늘 ", vec![second.problem_id, first.problem_id, second.problem_id]),
        )
        .await
        .expect("opened");
    assert_eq!(
        (opened.title.as_str(), opened.state, opened.hint_ceiling),
        ("오늘", LessonState::Open, HintCeiling::Nudge)
    );
    let order: Vec<_> = opened.problems.iter().map(|problem| problem.problem_id).collect();
    assert_eq!(order, [second.problem_id, first.problem_id], "in the teacher's order, each once");

    teacher.archive_problem(first.problem_id).await.expect("archived");
    for problem_ids in [vec![], vec![ProblemId::new()], vec![first.problem_id], vec![second.problem_id; 61]] {
        let refused = teacher.open_lesson(hub.class, &lesson("다음", problem_ids)).await;
        assert_eq!(refusal(refused), (422, "bad_field".into()));
    }
    let (other_teacher, other_class) = hub.other_teacher("박선생", "5학년 2반", Language::Ko).await;
    let refused = other_teacher.close_lesson(other_class, opened.lesson_id).await;
    assert_eq!(refusal(refused), (404, "not_found".into()), "a lesson of another class");
    teacher.close_lesson(hub.class, opened.lesson_id).await.expect("closed");
    teacher.close_lesson(hub.class, opened.lesson_id).await.expect("closing again does no harm");
    let lessons = teacher.class_detail(hub.class).await.expect("the class").lessons;
    assert_eq!(lessons.iter().map(|lesson| lesson.state).collect::<Vec<_>>(), [LessonState::Closed]);
    assert_eq!(refusal(teacher.close_lesson(hub.class, LessonId::new()).await), (404, "not_found".into()));
}

#[tokio::test]
async fn a_pupils_page() {
    let hub = TestHub::start().await;
    let given = hub.give(&[fraction_problem()]).await;
    let pupil = hub.pupil("민지").await;
    for text in ["1", "2/5", "5/6"] {
        pupil.submit_answer(&given.answer(text)).await.expect("kept");
    }
    let teacher = hub.teacher().await;
    let page = teacher.pupil_page(hub.class, pupil.id).await.expect("the page");
    assert_eq!((page.pupil.name.as_str(), page.pupil.number), ("민지", 1));
    assert_eq!(page.attempts.len(), 3);
    assert!(page.attempts.is_sorted_by(|a, b| a.hub_seq > b.hub_seq), "the newest first");
    assert_eq!(page.progress, pupil.my_progress().await.expect("progress"));

    let (_, other_class) = hub.other_teacher("박선생", "5학년 2반", Language::Ko).await;
    let stranger = hub.add_pupil(other_class, "준호").await;
    assert_eq!(refusal(teacher.pupil_page(hub.class, stranger).await), (403, "not_allowed".into()));
    let admin = hub.admin().await;
    assert_eq!(refusal(admin.pupil_page(hub.class, stranger).await), (404, "not_found".into()));
}
