//! `/problems/import`, `/problems/export`: files of other programs.

use dreamseed_client::Method;
use dreamseed_testkit::{Person, TestHub, choice_problem, fraction_problem, refusal, word_problem};
use dreamseed_wire::{
    Language,
    answer::Answer,
    authoring::TryDraft,
    exchange::{ExportProblems, ImportOutcome, ImportReport, ProblemFormat},
};

const SKILL: &str = "ratio-percent";

const GIFT: &str = "::반반::절반은 몇 %인가요?{#50 ####100의 절반이에요.}\n\n\
    // 다음은 서술형\n::글::왜 그런가요? {}\n\n\
    ::고르기::<script>x</script>큰 것은?{=1/2 ~1/3#분모가 크면 큰 줄 알아요. ####같은 분자예요.}\n";

async fn preview(person: &Person, file: &str) -> ImportReport {
    person
        .preview_problem_import(ProblemFormat::Gift, Language::Ko, SKILL, file.to_owned())
        .await
        .expect("a report")
}

async fn import(person: &Person, file: &str) -> ImportReport {
    let digest = preview(person, file).await.digest;
    let taken = person.import_problems(ProblemFormat::Gift, Language::Ko, SKILL, &digest, file.to_owned());
    taken.await.expect("taken")
}

async fn count(person: &Person) -> usize {
    person.problems().await.expect("the list").len()
}

#[tokio::test]
async fn a_file_is_previewed_and_taken_as_it_was_shown() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let before = count(&teacher).await;
    let shown = preview(&teacher, GIFT).await;
    assert_eq!((shown.taken, shown.changed, shown.refused), (1, 1, 1), "{shown:?}");
    let outcomes: Vec<_> = shown.items.iter().map(|item| item.outcome).collect();
    assert_eq!(outcomes, [ImportOutcome::Taken, ImportOutcome::Refused, ImportOutcome::Changed]);
    assert_eq!(shown.items.iter().map(|item| item.line).collect::<Vec<_>>(), [Some(1), Some(4), Some(6)]);
    assert_eq!(shown.items[1].remarks, ["서술형(essay)은 코드가 채점할 수 없어 받지 않습니다."]);
    assert!(shown.items[2].remarks.contains(&"<script> 부분을 뺐습니다.".to_owned()), "{shown:?}");
    assert!(shown.items.iter().all(|item| item.problem_id.is_none()));
    assert_eq!(count(&teacher).await, before, "nothing was written");

    let taken = import(&teacher, GIFT).await;
    assert_eq!(count(&teacher).await, before + 2);
    assert_eq!(taken.items[1].problem_id, None);
    let made = teacher.problem(taken.items[2].problem_id.expect("kept")).await.expect("there");
    assert_eq!((made.draft.skill.as_str(), made.draft.statement.ko.as_deref()), (SKILL, Some("큰 것은?")));
    let trial = TryDraft { draft: made.draft, answer: Answer::SingleChoice { choice: "b".into() } };
    let trial = teacher.try_draft(&trial).await.expect("tried");
    assert_eq!(trial.misconception.as_deref(), Some("분모가 크면 큰 줄 알아요."));
}

#[tokio::test]
async fn the_same_file_twice_makes_nothing_twice() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let file = format!("{GIFT}\n\n{GIFT}");
    let first = import(&teacher, &file).await;
    let after = count(&teacher).await;
    assert_eq!(first.items[0].problem_id, first.items[3].problem_id, "the same problem twice in one file");
    assert_eq!(
        (first.taken, first.changed, first.known, first.refused),
        (1, 1, 2, 2),
        "what is made and what is not"
    );
    assert!(first.items[3].remarks.contains(&"이 파일의 1번과 같은 문제라 한 번만 만듭니다.".to_owned()));
    let shown = preview(&teacher, &file).await;
    assert_eq!(shown.items[0].problem_id, first.items[0].problem_id);
    assert!(shown.items[0].remarks.contains(&"이미 있는 문제라 새로 만들지 않습니다.".to_owned()));
    let again = import(&teacher, &file).await;
    assert_eq!((again.taken, again.changed, again.known, again.refused), (0, 0, 4, 2));
    assert_eq!(again.items[0].outcome, ImportOutcome::Known);
    assert_eq!(again.items[2].problem_id, first.items[2].problem_id);
    assert_eq!(count(&teacher).await, after);
}

#[tokio::test]
async fn an_import_that_is_not_as_it_was_shown_is_refused() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let digest = preview(&teacher, GIFT).await.digest;
    let before = count(&teacher).await;
    let take = async |skill: &str, file: &str| {
        refusal(
            teacher.import_problems(ProblemFormat::Gift, Language::Ko, skill, &digest, file.to_owned()).await,
        )
    };
    let changed = (409, "changed".to_owned());
    assert_eq!(take(SKILL, &GIFT.replace("50", "51")).await, changed, "another file");
    assert_eq!(take("area-plane", GIFT).await, changed, "another skill");
    import(&teacher, "::반반::절반은 몇 %인가요?{#50 ####100의 절반이에요.}").await;
    assert_eq!(take(SKILL, GIFT).await, changed, "another school");
    assert_eq!(count(&teacher).await, before + 1);
}

#[tokio::test]
async fn two_imports_at_once_make_the_problems_once() {
    let hub = TestHub::start().await;
    let (one, two) = (hub.teacher().await, hub.admin().await);
    let before = count(&one).await;
    let digest = preview(&one, GIFT).await.digest;
    let take = |person: Person| {
        let digest = digest.clone();
        async move {
            person
                .import_problems(ProblemFormat::Gift, Language::Ko, SKILL, &digest, GIFT)
                .await
                .map(|_| person)
        }
    };
    let (first, second) = tokio::join!(take(one), take(two));
    assert!(first.is_ok() != second.is_ok(), "one is told to look again");
    let person = first.or(second).unwrap_or_else(|_| panic!("one was taken"));
    assert_eq!(count(&person).await, before + 2);
}

#[tokio::test]
async fn what_the_hub_gives_out_it_takes_back_as_it_was() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let mut made = Vec::new();
    for draft in [fraction_problem(), choice_problem(), word_problem()] {
        made.push(teacher.add_problem(&draft).await.expect("made").problem_id);
    }
    let mut there = made.clone();
    for format in [ProblemFormat::Gift, ProblemFormat::MoodleXml] {
        let asked = ExportProblems { format, problem_ids: made.clone() };
        let file = teacher.export_problems(&asked, Language::En).await.expect("a file");
        // What is there already would not be made again.
        for id in there.drain(..) {
            teacher.archive_problem(id).await.expect("archived");
        }
        let shown = teacher
            .preview_problem_import(format, Language::En, SKILL, file.clone())
            .await
            .expect("a report");
        assert_eq!((shown.refused, shown.items.len()), (0, 3), "{shown:?}\n{file}");
        let taken =
            teacher.import_problems(format, Language::En, SKILL, &shown.digest, file).await.expect("taken");
        for (item, origin) in taken.items.iter().zip(&made) {
            there.extend(item.problem_id);
            let copy = teacher.problem(item.problem_id.expect("kept")).await.expect("there").draft;
            let original = teacher.problem(*origin).await.expect("there").draft;
            assert_eq!((&copy.title.en, &copy.key), (&original.title.en, &original.key));
            assert_eq!(
                (copy.hints.len(), copy.common_wrong.len()),
                (original.hints.len(), original.common_wrong.len())
            );
        }
    }
    let all = ExportProblems { format: ProblemFormat::MoodleXml, problem_ids: Vec::new() };
    let file = teacher.export_problems(&all, Language::Ko).await.expect("a file");
    let open =
        teacher.problems().await.expect("the list").into_iter().filter(|listed| !listed.archived).count();
    assert_eq!(file.matches("<question type=").count(), open);
}

/// A file holds one language; a problem of both is the same problem when it comes back.
#[tokio::test]
async fn the_hubs_own_file_makes_no_problem_again() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let before = count(&teacher).await;
    assert!(before >= 60, "the starter problems: {before}");
    for format in [ProblemFormat::Gift, ProblemFormat::MoodleXml] {
        for language in [Language::Ko, Language::En] {
            let all = ExportProblems { format, problem_ids: Vec::new() };
            let file = teacher.export_problems(&all, language).await.expect("a file");
            let shown = teacher
                .preview_problem_import(format, language, SKILL, file.clone())
                .await
                .expect("a report");
            let new: Vec<_> =
                shown.items.iter().filter(|item| item.outcome != ImportOutcome::Known).collect();
            assert!(new.is_empty() && shown.items.len() == before, "{format:?} {language:?}: {new:?}");
            let ids: std::collections::HashSet<_> = shown.items.iter().map(|item| item.problem_id).collect();
            assert_eq!(ids.len(), before, "each is its own problem");
            let taken = teacher.import_problems(format, language, SKILL, &shown.digest, file).await;
            assert_eq!(taken.expect("taken").taken, 0);
            assert_eq!(count(&teacher).await, before);
        }
    }

    // What was changed in the other program is another problem.
    let made = teacher.add_problem(&choice_problem()).await.expect("made").problem_id;
    let asked = ExportProblems { format: ProblemFormat::Gift, problem_ids: vec![made] };
    let file = teacher.export_problems(&asked, Language::En).await.expect("a file");
    let preview = async |file: String| {
        let shown = teacher.preview_problem_import(ProblemFormat::Gift, Language::En, SKILL, file).await;
        shown.expect("a report").items.remove(0)
    };
    assert_eq!(preview(file.clone()).await.problem_id, Some(made));
    let title = teacher.problem(made).await.expect("there").draft.title.en.expect("a title");
    assert_ne!(preview(file.replace(&title, "Another title")).await.outcome, ImportOutcome::Known);
}

/// The page has a language of its own: remarks are in it, whatever the file and the account are in.
#[tokio::test]
async fn remarks_are_in_the_language_that_is_asked_for() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    for (report, remark) in [
        ("", "서술형(essay)은 코드가 채점할 수 없어 받지 않습니다."),
        ("&report_lang=ko", "서술형(essay)은 코드가 채점할 수 없어 받지 않습니다."),
        ("&report_lang=en", "An essay cannot be graded by code"),
    ] {
        let path = format!("/problems/import/preview?format=gift&lang=ko&skill={SKILL}{report}");
        let reply = teacher.request(Method::POST, &path, GIFT).await;
        let shown: ImportReport = serde_json::from_value(reply.json()).expect("a report");
        assert!(shown.items[1].remarks[0].starts_with(remark), "{report} {:?}", shown.items[1].remarks);
        // The file is taken in the language in which it was previewed.
        let path = path.replace("/preview", "") + &format!("&digest={}", shown.digest);
        let taken = teacher.request(Method::POST, &path, GIFT).await;
        assert_eq!(taken.status.as_u16(), 201, "{report} {taken:?}");
    }
}

#[tokio::test]
async fn files_that_cannot_be_read_change_nothing() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let before = count(&teacher).await;
    let bomb = "<!DOCTYPE a [<!ENTITY b 'c'>]><quiz>&b;</quiz>".to_owned();
    for (query, body, refused) in [
        (format!("format=moodle_xml&skill={SKILL}"), bomb, (422, "bad_file")),
        (format!("format=moodle_xml&skill={SKILL}"), "<a>".repeat(1_000), (422, "bad_file")),
        (format!("file_name=a.xml&skill={SKILL}"), "<html/>".into(), (422, "bad_file")),
        (format!("file_name=a.gift&skill={SKILL}"), "// nothing".into(), (422, "bad_file")),
        (format!("file_name=a.pdf&skill={SKILL}"), "Q{T}".into(), (422, "bad_field")),
        ("format=gift&skill=alchemy".into(), "Q{T}".into(), (422, "bad_field")),
        ("format=gift".into(), "Q{T}".into(), (400, "bad_request")),
        (format!("format=gift&skill={SKILL}"), "x".repeat(2 * 1024 * 1024 + 1), (413, "too_large")),
    ] {
        let reply = teacher.request(Method::POST, &format!("/problems/import/preview?{query}"), &body).await;
        let (status, code) = reply.refusal();
        assert_eq!((status, code.as_str()), refused, "{query} {}", &body[..body.len().min(40)]);
    }
    let unknown = ExportProblems { format: ProblemFormat::Gift, problem_ids: vec![Default::default()] };
    assert_eq!(refusal(teacher.export_problems(&unknown, Language::Ko).await), (404, "not_found".into()));
    assert_eq!(count(&teacher).await, before);
    let largest = "Q {=a}\n\n".repeat(2_000);
    let shown = preview(&teacher, &largest).await;
    assert_eq!(shown.items.len(), 2_000);
}

/// Programs on Korean Windows save CP949.
#[tokio::test]
async fn a_file_in_cp949_is_taken_as_it_reads() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    // "::똠::절반은? {T}", of which 똠 is in CP949 only and not in EUC-KR proper.
    let gift = b"::\x8c\x63::\xc0\xfd\xb9\xdd\xc0\xba? {T}\n".as_slice();
    let read = teacher.preview_problem_import(ProblemFormat::Gift, Language::Ko, SKILL, gift).await;
    let report = read.expect("a report");
    assert_eq!((report.refused, report.items[0].title.as_str()), (0, "똠"), "{report:?}");
    let taken = teacher.import_problems(ProblemFormat::Gift, Language::Ko, SKILL, &report.digest, gift).await;
    let made = taken.expect("taken").items[0].problem_id.expect("kept");
    let draft = teacher.problem(made).await.expect("the problem").draft;
    assert_eq!(draft.statement.ko.as_deref(), Some("절반은?"));
    let xml = "<?xml version=\"1.0\" encoding=\"shift_nothing\"?><quiz/>";
    let path = format!("/problems/import/preview?format=moodle_xml&lang=ko&skill={SKILL}");
    let refused = teacher.request(Method::POST, &path, xml).await;
    assert_eq!(refused.refusal(), (422, "bad_file".into()));
    assert!(refused.text().contains("shift_nothing"), "{}", refused.text());
}
