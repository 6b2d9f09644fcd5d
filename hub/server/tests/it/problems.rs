//! `/problems`, `/problem-versions`, `/skills`: what authors write and pupils see.

use dreamseed_hub::content_pack;
use dreamseed_testkit::{
    TestHub, both, choice_problem, fraction_problem, number, practice, refusal, submission, sum_problem,
    word_problem,
};
use dreamseed_wire::{
    Language,
    answer::{Answer, Grade},
    authoring::{AnswerKey, ChoiceDraft, FigureDraft, Localised, ProblemDraft, QuestionDraft, TryDraft},
    hub::NoticeCode,
    ids::*,
    lesson::HintCeiling,
    question::Question,
    regrade::{ApplyRegrade, CorrectKey},
};

/// Puts a fault into a draft.
type Change = fn(&mut ProblemDraft);

const SVG: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><rect x="1" y="1" width="8" height="8"/></svg>"#;

#[tokio::test]
async fn the_starter_problems_are_there_once() {
    let mut hub = TestHub::start().await;
    let before = hub.teacher().await.problems().await.expect("the list");
    assert!(before.len() >= 24, "{}", before.len());
    assert!(before.iter().all(|listing| listing.version == 1 && !listing.archived));
    assert!(before.is_sorted_by(|a, b| a.skill <= b.skill));
    hub.restart().await;
    assert_eq!(hub.teacher().await.problems().await.expect("the list"), before);
    let skills = hub.teacher().await.skills(Language::Ko).await.expect("skills");
    assert!(before.iter().all(|listing| skills.iter().any(|skill| skill.id == listing.skill)));
    let english = hub.teacher().await.skills(Language::En).await.expect("skills");
    assert_eq!(english.len(), skills.len());
    assert_ne!(english[0].name, skills[0].name);
}

#[tokio::test]
async fn what_the_school_made_of_a_starter_problem_outlives_a_restart() {
    let mut hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let listed = teacher.problems().await.expect("the list");
    let mut numbers = Vec::new();
    for listing in listed.iter().filter(|listing| listing.question_kind == "number").take(2) {
        numbers.push(teacher.problem(listing.problem_id).await.expect("a problem"));
    }
    let [edited, corrected] = numbers.try_into().expect("two number problems");
    let draft = ProblemDraft { title: both("우리 학교 제목", "Our own title"), ..edited.draft.clone() };
    let edited = teacher.change_problem(edited.problem_id, &draft).await.expect("changed");

    let correction = CorrectKey {
        key: AnswerKey::Number {
            value: "987654".into(),
            tolerance: None,
            units: vec![],
            unit_required: false,
            lowest_terms: false,
            form: None,
        },
        check: None,
    };
    let id = corrected.problem_id;
    let preview = teacher.preview_regrade(id, &correction).await.expect("a preview");
    let regrade = ApplyRegrade { correction, digest: preview.digest, reason: "정답이 틀렸음".into() };
    teacher.apply_regrade(id, &regrade).await.expect("corrected");
    let corrected = teacher.problem(id).await.expect("the problem");

    hub.restart().await;
    let teacher = hub.teacher().await;
    assert_eq!(teacher.problem(edited.problem_id).await.expect("the problem"), edited);
    assert_eq!(teacher.problem(id).await.expect("the problem"), corrected);
    let pupil = hub.pupil("민지").await;
    let lesson = practice("수업", vec![id], HintCeiling::WorkedStep);
    let lesson = teacher.open_lesson(hub.class, &lesson).await.expect("open");
    let answer = submission(corrected.problem_version_id, Some(lesson.lesson_id), number("987654"));
    assert_eq!(pupil.submit_answer(&answer).await.expect("kept").grade, Some(Grade::Right));

    // Nothing new came with the hub, so there is nothing to tell; a new edition is told once, and not loaded.
    let told = async |hub: &TestHub| {
        let notices = hub.admin().await.notices(Language::En).await.expect("notices");
        notices.into_iter().find(|notice| notice.code == NoticeCode::StarterKept)
    };
    assert_eq!(told(&hub).await, None);
    let edition = ProblemDraft { title: both("새 판", "A new edition"), ..draft };
    let mut drafts = content_pack::starter_problems().expect("readable");
    for (_, shipped) in &mut drafts {
        if shipped.statement == edition.statement {
            *shipped = edition.clone();
        }
    }
    let load = async |hub: &TestHub| {
        let (drafts, now) = (drafts.clone(), hub.ctx().clock.now());
        hub.write(move |tx| content_pack::load(tx, &drafts, now)).await
    };
    assert_eq!(load(&hub).await, 0);
    let notice = told(&hub).await.expect("told");
    hub.admin().await.dismiss_notice(notice.notice_id).await.expect("dismissed");
    assert_eq!(load(&hub).await, 0);
    assert_eq!(told(&hub).await, None, "once is enough");
    hub.reload().await;
    assert_eq!(teacher.problem(edited.problem_id).await.expect("the problem"), edited);
}

#[tokio::test]
async fn a_problem_is_written_changed_and_archived() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let made = teacher.add_problem(&fraction_problem()).await.expect("made");
    assert_eq!((made.version, &made.draft), (1, &fraction_problem()));
    let same = teacher.change_problem(made.problem_id, &fraction_problem()).await.expect("the same");
    assert_eq!(same, made, "the same draft is no new version");
    let changed = ProblemDraft { title: both("새 제목", "A new title"), ..fraction_problem() };
    let second = teacher.change_problem(made.problem_id, &changed).await.expect("changed");
    assert_eq!((second.version, second.problem_id), (2, made.problem_id));
    assert_eq!(teacher.problem(made.problem_id).await.expect("the problem"), second);
    let listing = teacher
        .problems()
        .await
        .expect("the list")
        .into_iter()
        .find(|found| found.problem_id == made.problem_id);
    let listing = listing.expect("listed");
    assert_eq!(
        (listing.version, listing.title.ko.as_deref(), listing.question_kind.as_str()),
        (2, Some("새 제목"), "number")
    );
    // Both versions can be read: answers were given to the first.
    let first =
        teacher.problem_version(made.problem_version_id, Language::Ko).await.expect("the first version");
    assert_eq!(first.title, "분수의 합");
    teacher.archive_problem(made.problem_id).await.expect("archived");
    let listing = teacher
        .problems()
        .await
        .expect("the list")
        .into_iter()
        .find(|found| found.problem_id == made.problem_id);
    assert!(listing.is_none_or(|listing| listing.archived));
    let unknown = (404, "not_found".to_owned());
    assert_eq!(refusal(teacher.problem(ProblemId::new()).await), unknown);
    assert_eq!(refusal(teacher.change_problem(ProblemId::new(), &changed).await), unknown);
    assert_eq!(refusal(teacher.archive_problem(ProblemId::new()).await), unknown);
}

#[tokio::test]
async fn a_pupil_sees_the_problem_in_the_language_asked_for() {
    let hub = TestHub::start().await;
    let draft = ProblemDraft {
        figure: Some(FigureDraft { svg: SVG.into(), alt: both("정사각형", "A square") }),
        ..choice_problem()
    };
    let given = hub.give(&[draft]).await;
    let pupil = hub.pupil("민지").await;
    let korean = pupil.problem_version(given.version(), Language::Ko).await.expect("given");
    let english = pupil.problem_version(given.version(), Language::En).await.expect("given");
    assert_eq!((korean.title.as_str(), english.title.as_str()), ("가장 큰 수", "The largest"));
    assert_eq!(korean.figure.as_ref().map(|figure| figure.alt.as_str()), Some("정사각형"));
    assert_eq!(english.figure.map(|figure| figure.svg), Some(SVG.to_owned()));
    let Question::SingleChoice { choices } = korean.question else { panic!("{:?}", korean.question) };
    assert_eq!(choices.iter().map(|choice| choice.id.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    // Without a wish: the class's language.
    let by_default = pupil.fetch(&format!("/problem-versions/{}", given.version())).await;
    assert_eq!(by_default["title"], "가장 큰 수");
}

/// The field at fault is named, so that the editor can show it.
#[tokio::test]
async fn a_draft_with_a_fault_is_not_kept() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let count = teacher.problems().await.expect("the list").len();
    let faults: [(&str, Change); 12] = [
        ("skill", |draft| draft.skill = "No Such Skill".into()),
        ("skill: it is not on the list", |draft| draft.skill = "potions-mixing".into()),
        ("question.choices.2.text.en: another choice says the same", |draft| {
            let text = |ko: &str, en: &str| Localised { ko: Some(ko.into()), en: Some(en.into()) };
            let choice = |id: &str, text| ChoiceDraft { id: id.into(), text };
            draft.question = QuestionDraft::SingleChoice {
                choices: vec![
                    choice("a", text("절반", "a half")),
                    choice("b", text("삼분의 일", "a third")),
                    choice("c", text("이분의 일", "a  half ")),
                ],
            };
            draft.key = AnswerKey::SingleChoice { choice: "a".into() };
            draft.check = None;
            draft.common_wrong.clear();
        }),
        ("title", |draft| draft.title = Localised::default()),
        ("statement", |draft| draft.statement = both(" ", " ")),
        ("solution", |draft| draft.solution.en = None),
        ("check", |draft| draft.check = Some("1/2 + 1/2".into())),
        ("check", |draft| draft.check = Some("1/(2-2)".into())),
        ("hints", |draft| draft.hints[1] = both("답은 5/6이에요.", "It is 5/6.")),
        ("common_wrong", |draft| draft.common_wrong[0].answer = number("10/12")),
        ("key", |draft| draft.key = word_problem().key),
        ("figure", |draft| {
            let svg = r#"<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>"#;
            draft.figure = Some(FigureDraft { svg: svg.into(), alt: both("그림", "A figure") });
        }),
    ];
    for (field, change) in &faults {
        let mut draft = fraction_problem();
        change(&mut draft);
        let error = teacher.add_problem(&draft).await.expect_err(field);
        let problem = error.problem().expect("a problem document");
        assert_eq!(problem.status, 422, "{problem:?}");
        assert!(problem.detail.contains(field), "{field} is not named: {}", problem.detail);
    }
    assert_eq!(teacher.problems().await.expect("the list").len(), count);
    let made = teacher.add_problem(&sum_problem(4)).await.expect("made");
    let mut broken = sum_problem(4);
    broken.check = Some("4 + 2".into());
    assert_eq!(refusal(teacher.change_problem(made.problem_id, &broken).await), (422, "bad_field".into()));
    let mut elsewhere = sum_problem(4);
    elsewhere.skill = "potions-mixing".into();
    assert_eq!(refusal(teacher.change_problem(made.problem_id, &elsewhere).await), (422, "bad_field".into()));
    assert_eq!(teacher.problem(made.problem_id).await.expect("the problem"), made);
}

#[tokio::test]
async fn a_draft_can_be_tried_before_it_is_saved() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let trial = |answer: Answer| TryDraft { draft: fraction_problem(), answer };
    let wrong = teacher.try_draft(&trial(number("4/10"))).await.expect("tried");
    assert_eq!(
        (wrong.grade, wrong.misconception.as_deref()),
        (Grade::Wrong, Some("분자끼리, 분모끼리 더해요."))
    );
    let right = teacher.try_draft(&trial(number("5/6"))).await.expect("tried");
    assert_eq!((right.grade, right.misconception), (Grade::Right, None));
    let mut broken = trial(number("1"));
    broken.draft.key = ProblemDraft { key: sum_problem(1).key, ..fraction_problem() }.key;
    if let AnswerKey::Number { value, .. } = &mut broken.draft.key {
        *value = "eins".into();
    }
    assert_eq!(refusal(teacher.try_draft(&broken).await), (422, "bad_field".into()));
    assert!(
        teacher
            .problems()
            .await
            .expect("the list")
            .iter()
            .all(|listing| listing.title.ko.as_deref() != Some("분수의 합"))
    );
}
