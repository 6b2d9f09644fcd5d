use dreamseed_formats::{FileFault, MAX_FILE, Outcome, Refusal, Remark, read};
use dreamseed_wire::{
    Language,
    answer::Answer,
    authoring::{AnswerKey, ProblemDraft, QuestionDraft},
    exchange::ProblemFormat,
};

use crate::{read_all, reading, taken};

fn gift(source: &str) -> (ProblemDraft, Vec<Remark>) {
    let items = read_all(ProblemFormat::Gift, source);
    assert_eq!(items.len(), 1);
    let (draft, remarks) = taken(&items[0]);
    (draft.clone(), remarks.to_vec())
}

fn xml(question: &str) -> (ProblemDraft, Vec<Remark>) {
    let items = read_all(ProblemFormat::MoodleXml, &format!("<quiz>{question}</quiz>"));
    assert_eq!(items.len(), 1);
    let (draft, remarks) = taken(&items[0]);
    (draft.clone(), remarks.to_vec())
}

fn ko(text: &dreamseed_wire::authoring::Localised) -> &str {
    assert_eq!(text.en, None);
    text.ko.as_deref().expect("in Korean")
}

/// The examples of the format's own documentation, told in other words.
const DOCUMENTED: &str = r"
//-----------------------------------------//
$CATEGORY: top/examples

Which of these is a prime? {~4 ~6 =7}

A triangle has {~two =three ~four} sides.

Seven is even.{FALSE#Seven is odd.}

Write two as a word.{=two =TWO}

How many sides has a hexagon?{#6:0}

What is pi? {#3.141..3.142}.

When was it? {#
    =1822:0      #Right
    =%50%1822:2  #Near
}

Match. {
    =square -> 4
    =triangle  -> 3
    =pentagon->5
    }

::Two of them:: Choose two {
    ~%-100%four
    ~%50%three
    ~%50%seven#well
    ~%-100%nine#It is 3 times 3.
    ####Three and seven are prime.
}

[markdown]Is **one** prime?{=no#Right =never}

Write about primes. {}

Read this first.
";

#[test]
fn the_documented_forms_are_taken_or_refused_by_name() {
    let items = read_all(ProblemFormat::Gift, DOCUMENTED);
    let kinds: Vec<String> = items
        .iter()
        .map(|item| match &item.outcome {
            Outcome::Taken(draft, _) => {
                let key = serde_json::to_value(&draft.key).expect("JSON");
                key["kind"].as_str().expect("a kind").to_owned()
            }
            Outcome::Refused(refusal) => format!("{refusal:?}"),
        })
        .collect();
    assert_eq!(
        kinds,
        [
            "single_choice",
            "single_choice",
            "true_false",
            "short_text",
            "number",
            "number",
            "number",
            "matching",
            "multiple_choice",
            "short_text",
            "Essay",
            "Description"
        ]
    );
    let lines: Vec<u32> = items.iter().filter_map(|item| item.line).collect();
    assert_eq!(lines, [5, 7, 9, 11, 13, 15, 17, 22, 28, 36, 38, 40]);
    let (several, _) = taken(&items[8]);
    assert_eq!(several.title.get(Language::Ko), "Two of them");
    assert_eq!(several.solution.get(Language::Ko), "Three and seven are prime.");
    assert_eq!(several.key, AnswerKey::MultipleChoice { choices: vec!["b".into(), "c".into()] });
    assert_eq!(several.common_wrong[0].answer, Answer::MultipleChoice { choices: vec!["d".into()] });
    let (range, _) = taken(&items[5]);
    assert!(
        matches!(&range.key, AnswerKey::Number { value, tolerance: Some(tolerance), .. } if value == "3.1415" && tolerance == "0.0005")
    );
    let (partial, remarks) = taken(&items[6]);
    assert!(remarks.contains(&Remark::PartialCredit("1822".into())));
    assert_eq!(ko(&partial.solution), "Right");
}

#[test]
fn what_is_missing_is_filled_in_and_said() {
    let (draft, remarks) = gift("5의 두 배는? {#10}");
    assert_eq!(
        (ko(&draft.title), ko(&draft.statement), ko(&draft.solution)),
        ("5의 두 배는?", "5의 두 배는?", "정답: 10")
    );
    assert_eq!(remarks, [Remark::SolutionMade, Remark::TitleMade, Remark::NoHints]);
    assert!(remarks.iter().all(|remark| !remark.is_loss()), "taken, not changed");
    assert_eq!(draft.skill, "ratio-percent");
    let (tagged, _) = gift("// [tag:skill:area-plane]\nQ {T}");
    assert_eq!(tagged.skill, "area-plane");
    let (unknown, remarks) = gift("// [tag:skill:alchemy]\nQ {T}");
    assert_eq!(unknown.skill, "ratio-percent");
    assert!(remarks.contains(&Remark::SkillUnknown("alchemy".into())));
}

#[test]
fn wrong_answers_with_feedback_become_common_wrong_ones() {
    let (draft, _) = gift("Q {~가#넓이와 헷갈려요. =나 ~다}");
    assert_eq!(draft.common_wrong.len(), 1);
    assert_eq!(draft.common_wrong[0].answer, Answer::SingleChoice { choice: "a".into() });
    assert_eq!(ko(&draft.common_wrong[0].misconception), "넓이와 헷갈려요.");
    let (draft, _) = gift("2는 짝수다. {T#홀수와 헷갈려요.#그래요.}");
    assert_eq!(draft.common_wrong[0].answer, Answer::TrueFalse { value: false });
    assert_eq!(ko(&draft.solution), "그래요.");
    let (draft, remarks) = gift("Q {#=10 =%0%10#again =%0%5#half}");
    assert_eq!(draft.common_wrong.len(), 1, "the right one is no wrong one");
    assert!(remarks.contains(&Remark::CommonWrongDropped("10".into())));
}

#[test]
fn a_hint_that_tells_the_answer_is_left_out() {
    let (draft, remarks) = xml(
        "<question type='numerical'><name><text>T</text></name><questiontext><text>2 x 21?</text></questiontext><answer fraction='100'><text>42</text></answer><hint><text>Think of 40 + 2.</text></hint><hint><text>It is 42.</text></hint></question>",
    );
    assert_eq!(draft.hints.len(), 1);
    assert!(remarks.contains(&Remark::HintDropped));
}

#[test]
fn html_is_cleaned_and_named() {
    let (draft, remarks) = xml(
        "<question type='truefalse'><name><text>T</text></name><questiontext format='html'><text><![CDATA[<p onclick=\"x()\">가 <script>alert(1)</script><b>나</b> \\(x^2\\)</p><img src=\"https://a/b.png\" alt=\"원\"><iframe src=x></iframe>]]></text></questiontext><answer fraction='100'><text>true</text></answer><answer fraction='0'><text>false</text></answer></question>",
    );
    assert_eq!(ko(&draft.statement), "가 **나** $x^2$");
    for remark in [
        Remark::ElementRemoved("script".into()),
        Remark::ElementRemoved("iframe".into()),
        Remark::HandlerRemoved,
        Remark::ImageRemoved("원".into()),
    ] {
        assert!(remarks.contains(&remark), "{remark:?}");
    }
}

#[test]
fn embedded_answers_become_gaps() {
    let (draft, remarks) = xml(
        "<question type='cloze'><name><text>T</text></name><questiontext format='html'><text><![CDATA[<p>2 + 3 = {1:NUMERICAL:=5:0.1}, 4는 {1:MCS:홀수~=짝수}, {1:SA:=삼각형~=세모}</p>]]></text></questiontext></question>",
    );
    let QuestionDraft::Cloze { text, gaps } = &draft.question else { panic!("{:?}", draft.question) };
    assert_eq!(ko(text), "2 + 3 = [[a]], 4는 [[b]], [[c]]");
    assert_eq!(gaps.len(), 3);
    assert_eq!(ko(&draft.statement), "빈칸에 알맞은 것을 써넣어 보세요.");
    assert!(remarks.contains(&Remark::StatementMade));
    let right = serde_json::from_value(serde_json::json!({"kind": "cloze", "gaps": [
        {"gap": "a", "text": "5.1"}, {"gap": "b", "text": "b"}, {"gap": "c", "text": "세모"}
    ]}))
    .expect("an answer");
    assert!(dreamseed_grading::grade_draft(&draft, &right).expect("graded").is_right());
}

#[test]
fn pairs_and_orders_do_not_show_their_answer() {
    let (draft, remarks) = gift("짝 {=삼각형->3 =사각형->4 =오각형->5 =->6}");
    let QuestionDraft::Matching { left, right } = &draft.question else { panic!() };
    assert_eq!((left.len(), right.len()), (3, 4));
    assert!(remarks.contains(&Remark::DistractorsKept));
    let (draft, _) = xml(
        "<question type='ordering'><name><text>T</text></name><questiontext><text>작은 것부터</text></questiontext><answer fraction='1'><text>1</text></answer><answer fraction='3'><text>3</text></answer><answer fraction='2'><text>2</text></answer></question>",
    );
    assert_eq!(ko(&draft.solution), "정답: 1 → 2 → 3");
    assert!(matches!(&draft.question, QuestionDraft::Ordering { items } if ko(&items[0].text) == "3"));
}

#[test]
fn refusals_name_the_item_and_the_reason_in_both_languages() {
    let items = read_all(ProblemFormat::Gift, "::둘::Q {=1->a =2->a}\n\nQ {~a ~b}\n\nQ {=a*b}\n\nQ {#1e400}");
    let reasons: Vec<String> = items
        .iter()
        .map(|item| match &item.outcome {
            Outcome::Refused(refusal) => refusal.text(Language::Ko),
            Outcome::Taken(..) => "taken".to_owned(),
        })
        .collect();
    assert_eq!(reasons[0], "물음: 2개보다 적습니다.");
    assert_eq!(reasons[1], "정답이 없습니다.");
    assert_eq!(reasons[2], "정답에 아무 글이나 뜻하는 *가 있습니다.");
    assert!(matches!(items[3].outcome, Outcome::Refused(Refusal::Syntax(..))));
    assert_eq!(items[0].title, "둘");
}

#[test]
fn an_empty_choice_is_named() {
    let source = r#"<quiz><question type="multichoice"><name><text>T</text></name><questiontext><text>Q</text></questiontext>
        <answer fraction="100"><text>a</text></answer><answer fraction="0"><text>b</text></answer>
        <answer fraction="0"><text></text></answer></question></quiz>"#;
    let items = read_all(ProblemFormat::MoodleXml, source);
    let Outcome::Refused(refusal) = &items[0].outcome else { panic!("an empty choice is taken") };
    assert_eq!(refusal.text(Language::Ko), "보기 3: 비어 있습니다.");
    assert_eq!(refusal.text(Language::En), "It cannot be kept: choice 3: it is empty.");
}

#[test]
fn whole_files_are_refused_with_one_next_step() {
    let fault = |format, bytes: &[u8]| read(format, bytes, &reading()).expect_err("refused");
    assert_eq!(fault(ProblemFormat::Gift, &vec![b' '; MAX_FILE + 1]), FileFault::TooLarge(MAX_FILE));
    assert_eq!(fault(ProblemFormat::Gift, b"\xFF\xAF{T}"), FileFault::UnknownEncoding);
    assert_eq!(fault(ProblemFormat::Gift, b"// nothing\n\n"), FileFault::NoItems);
    assert_eq!(fault(ProblemFormat::MoodleXml, b"<quiz/>"), FileFault::NoItems);
    assert_eq!(fault(ProblemFormat::MoodleXml, b"<html/>"), FileFault::NoQuiz);
    for language in [Language::Ko, Language::En] {
        assert!(!FileFault::NoQuiz.text(language).is_empty());
    }
    assert_eq!(
        read(ProblemFormat::Gift, "\u{FEFF}Q {T}\r\n\r\nR {F}\r\n".as_bytes(), &reading())
            .map(|items| items.len()),
        Ok(2)
    );
}

#[test]
fn nothing_in_two_megabytes_takes_long() {
    let mut slow = Vec::new();
    for unit in [
        "{",
        "::",
        "~=",
        "#",
        "\\",
        "a {=->",
        "$x",
        "**",
        "`a``",
        "{1:SA:",
        "<b>",
        "[[",
        "$$",
        "\n- a",
        "|a\n|-|\n",
        "\\[\n",
        "\\(",
        "$\\$",
        "<img src=a>",
        "=a->b",
        "<file/>",
    ] {
        let began = std::time::Instant::now();
        let body = unit.repeat(40_000 / unit.len());
        let _ =
            read(ProblemFormat::Gift, format!("Q{body} {{T####[markdown]{body}}}").as_bytes(), &reading());
        let _ = read(ProblemFormat::Gift, format!("[markdown]{body}{{T}}").as_bytes(), &reading());
        let escaped = body.replace('&', "&amp;").replace('<', "&lt;");
        let file = format!(
            "<quiz><question type='cloze'><questiontext><text>{escaped}{{1:SA:=x}}</text></questiontext></question></quiz>"
        );
        let _ = read(ProblemFormat::MoodleXml, file.as_bytes(), &reading());
        let markdown = file.replace("<questiontext>", "<questiontext format='markdown'>");
        let _ = read(ProblemFormat::MoodleXml, markdown.as_bytes(), &reading());
        // Just short enough to be looked at, many times.
        let short = unit.repeat(10_000 / unit.len());
        let _ = read(
            ProblemFormat::Gift,
            format!("[markdown]{short}{{T}}\n\n{short}{{T}}\n\n").repeat(10).as_bytes(),
            &reading(),
        );
        // What grows with the square of the length takes minutes; a busy machine does not.
        if began.elapsed() > std::time::Duration::from_secs(20) {
            slow.push((unit, began.elapsed()));
        }
    }
    assert_eq!(slow, []);
}
