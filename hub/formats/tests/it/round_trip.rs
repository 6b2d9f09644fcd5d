use dreamseed_formats::{Outcome, Reading, read, write};
use dreamseed_wire::{
    Language,
    authoring::{Localised, ProblemDraft},
    exchange::ProblemFormat,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{read_all, taken};

const FORMATS: [ProblemFormat; 2] = [ProblemFormat::Gift, ProblemFormat::MoodleXml];

/// The draft that comes back from a file of its own.
fn there_and_back(format: ProblemFormat, draft: &ProblemDraft, language: Language) -> ProblemDraft {
    let file = write(format, &[(Some("7".to_owned()), draft)], language);
    let reading = Reading { language, skill: "other-skill", skills: &[&draft.skill] };
    let items = read(format, file.as_bytes(), &reading).unwrap_or_else(|fault| panic!("{fault}\n{file}"));
    assert_eq!(items.len(), 1, "{file}");
    match &items[0].outcome {
        Outcome::Taken(draft, _) => (**draft).clone(),
        Outcome::Refused(refusal) => panic!("{}\n{file}", refusal.text(Language::En)),
    }
}

/// A draft without its other language: such a file has one.
fn in_one(draft: &ProblemDraft, language: Language) -> ProblemDraft {
    fn drop_other(value: &mut Value, other: &str) {
        match value {
            Value::Object(fields) => {
                // A text in two languages is an object of nothing but them.
                if fields.keys().all(|key| key == "ko" || key == "en") {
                    fields.remove(other);
                }
                fields.values_mut().for_each(|value| drop_other(value, other));
            }
            Value::Array(values) => values.iter_mut().for_each(|value| drop_other(value, other)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut value = serde_json::to_value(draft).expect("JSON");
    drop_other(&mut value, if language == Language::Ko { "en" } else { "ko" });
    serde_json::from_value(value).expect("a draft")
}

fn starters() -> Vec<(String, ProblemDraft)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../content/problems");
    let mut found = Vec::new();
    for skill in std::fs::read_dir(folder).expect("the content") {
        for file in std::fs::read_dir(skill.expect("a folder").path()).expect("problems") {
            let path = file.expect("a file").path();
            let text = std::fs::read_to_string(&path).expect("text");
            // A problem that is being written beside this test is not this test's business.
            if let Ok(draft) = toml::from_str::<ProblemDraft>(&text)
                && dreamseed_grading::validate(&draft).is_ok()
            {
                found.push((path.display().to_string(), draft));
            }
        }
    }
    assert!(found.len() >= 24);
    found
}

#[test]
fn every_starter_problem_comes_back_as_it_left() {
    for (path, draft) in starters() {
        for format in FORMATS {
            for language in [Language::Ko, Language::En] {
                let back = there_and_back(format, &draft, language);
                assert_eq!(back, in_one(&draft, language), "{path} {format:?} {language:?}");
            }
        }
    }
}

/// The comment beside a question holds what the format cannot say and not a copy of the problem.
#[test]
fn what_a_format_can_say_is_said_in_it() {
    let strip = |file: &str| {
        let lines =
            file.lines().filter(|line| !line.contains("// dreamseed ") && !line.contains("<!-- dreamseed "));
        lines.collect::<Vec<_>>().join("\n")
    };
    for (path, draft) in starters() {
        for format in FORMATS {
            let file = strip(&write(format, &[(None, &draft)], Language::Ko));
            let reading = Reading { language: Language::Ko, skill: &draft.skill, skills: &[] };
            let items = read(format, file.as_bytes(), &reading).expect("sound");
            let (back, _) = taken(&items[0]);
            let wanted = in_one(&draft, Language::Ko);
            assert_eq!(back.title, wanted.title, "{path} {format:?}");
            assert_eq!(back.solution, wanted.solution, "{path} {format:?}");
            if !matches!(draft.question, dreamseed_wire::authoring::QuestionDraft::Cloze { .. }) {
                assert_eq!(back.statement, wanted.statement, "{path} {format:?}");
            }
            if format == ProblemFormat::MoodleXml {
                assert_eq!(back.hints, wanted.hints, "{path}");
                assert_eq!(back.figure, wanted.figure, "{path}");
            }
        }
    }
}

#[test]
fn an_edited_question_gets_nothing_of_its_older_self() {
    let (_, draft) = starters().into_iter().next().expect("one");
    let file = write(ProblemFormat::Gift, &[(None, &draft)], Language::Ko);
    let title = draft.title.get(Language::Ko);
    let items = read_all(ProblemFormat::Gift, &file.replace(&format!("::{title}::"), "::다른 제목::"));
    let (back, remarks) = taken(&items[0]);
    assert_eq!(back.title, Localised { ko: Some("다른 제목".into()), en: None });
    assert!(back.hints.is_empty());
    assert!(remarks.contains(&dreamseed_formats::Remark::EditedSinceExport));
}

#[test]
fn a_file_of_many_is_stable_once_it_was_taken() {
    for format in FORMATS {
        let drafts = starters();
        let list: Vec<(Option<String>, &ProblemDraft)> =
            drafts.iter().map(|(_, draft)| (None, draft)).collect();
        let first = write(format, &list, Language::Ko);
        let skills: Vec<&str> = drafts.iter().map(|(_, draft)| draft.skill.as_str()).collect();
        let reading = Reading { language: Language::Ko, skill: "x", skills: &skills };
        let items = read(format, first.as_bytes(), &reading).expect("sound");
        let again: Vec<(Option<String>, &ProblemDraft)> =
            items.iter().map(|item| (None, taken(item).0)).collect();
        assert_eq!(write(format, &again, Language::Ko), first, "{format:?}");
    }
}

/// A file of another program: what was taken of it leaves and comes back the same.
#[test]
fn a_foreign_file_is_stable_after_one_walk() {
    let foreign = "Q1 {~a#no =b ~%50%c}\n\nQ2 {#1..2}\n\n[markdown]Q3 *x* {=a =b*}\n\nQ4 {=a =b\\\\*c =%0%d#x}\n\nQ5 {=1->2 =3->4 =->5}\n\n[html]<p>Q6</p><ul><li>a<li>b</ul>\\\\(x_1\\\\) {T#n#y####[plain]<so>\\n* it is}\n\nQ7 {~%50%a ~%50%b ~c#d}";
    for item in read_all(ProblemFormat::Gift, foreign) {
        let Outcome::Taken(draft, _) = &item.outcome else { continue };
        for format in FORMATS {
            assert_eq!(there_and_back(format, draft, Language::Ko), **draft, "{}", item.title);
        }
    }
}

fn a_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[가-힣a-z0-9 .,?!]{1,20}",
        "[가a1 $\\\\{}()\\[\\]=~#:*`|<>&%\"'_^/\\-+.\n]{1,24}",
        Just("$\\frac{1}{2}$의 **두** 배".to_owned()),
        Just("- 가\n- 나\n\n1. 다".to_owned()),
        Just("]]> --> -- &amp; <b>".to_owned()),
        "\\PC{1,12}",
    ]
}

fn a_localised() -> impl Strategy<Value = Value> {
    a_text().prop_map(|ko| json!({ "ko": ko }))
}

fn choices(prefix: &'static str) -> impl Strategy<Value = Vec<Value>> {
    proptest::collection::vec(a_localised(), 2..5).prop_map(move |texts| {
        // Two of the same words cannot be told apart by anyone.
        let text = |n: u32, text: &Value| format!("{}{n}", text["ko"].as_str().unwrap_or_default());
        let choice = |(n, given)| json!({"id": format!("{prefix}{n}"), "text": {"ko": text(n, &given)}});
        (1..).zip(texts).map(choice).collect()
    })
}

/// Question and key of every kind.
fn a_question() -> impl Strategy<Value = (Value, Value)> {
    let number = || prop_oneof![Just("5"), Just("-0.75"), Just("3/4"), Just("2 1/2"), Just("0.10")];
    let id = |choice: &Value| choice["id"].clone();
    prop_oneof![
        choices("a").prop_map(move |list| {
            let key = json!({"kind": "single_choice", "choice": id(&list[0])});
            (json!({"kind": "single_choice", "choices": list}), key)
        }),
        choices("b").prop_map(move |list| {
            let key = json!({"kind": "multiple_choice", "choices": [id(&list[1]), id(&list[0])]});
            (json!({"kind": "multiple_choice", "choices": list}), key)
        }),
        (number(), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
            |(value, unit, lowest, tolerance)| {
                let mut key = json!({"kind": "number", "value": value, "lowest_terms": lowest});
                let mut question = json!({"kind": "number", "entry": "fraction"});
                if unit {
                    key["units"] = json!(["cm", "센티미터"]);
                    question["unit"] = json!("cm");
                }
                if tolerance {
                    key["tolerance"] = json!("0.5");
                }
                (question, key)
            }
        ),
        proptest::collection::vec(a_text(), 1..3).prop_map(|accepted| (
            json!({"kind": "short_text"}),
            json!({"kind": "short_text", "accepted": accepted})
        )),
        any::<bool>()
            .prop_map(|value| (json!({"kind": "true_false"}), json!({"kind": "true_false", "value": value}))),
        choices("i").prop_map(move |list| {
            let order: Vec<Value> = list.iter().rev().map(id).collect();
            (json!({"kind": "ordering", "items": list}), json!({"kind": "ordering", "order": order}))
        }),
        (choices("l"), choices("r")).prop_map(move |(left, right)| {
            let pairs: Vec<Value> = left
                .iter()
                .zip(right.iter().rev().cycle())
                .map(|(from, to)| json!({"left": id(from), "right": id(to)}))
                .collect();
            (
                json!({"kind": "matching", "left": left, "right": right}),
                json!({"kind": "matching", "pairs": pairs}),
            )
        }),
        (a_text(), number(), a_text(), choices("g")).prop_map(move |(around, value, word, list)| {
            let around = around.replace(['$', '[', ']', '\\'], " ");
            let text = format!("{around} [[z]], [[y]]과 [[x]] {around}");
            let key = json!({"kind": "cloze", "gaps": [
                {"gap": "x", "key": {"kind": "number", "value": value}},
                {"gap": "y", "key": {"kind": "text", "accepted": [word]}},
                {"gap": "z", "key": {"kind": "choice", "choice": id(&list[1])}},
            ]});
            let question = json!({"kind": "cloze", "text": {"ko": text}, "gaps": [
                {"id": "x", "entry": {"kind": "number"}},
                {"id": "y", "entry": {"kind": "text"}},
                {"id": "z", "entry": {"kind": "choice", "choices": list}},
            ]});
            (question, key)
        }),
    ]
}

fn a_draft() -> impl Strategy<Value = ProblemDraft> {
    let texts = (a_localised(), a_localised(), a_localised());
    let hints = proptest::collection::vec(a_localised(), 0..3);
    (texts, a_question(), hints, a_localised(), any::<bool>()).prop_filter_map(
        "sound drafts only",
        |((title, statement, solution), (question, key), hints, misconception, figure)| {
            let mut draft = json!({
                "skill": "ratio-percent", "title": title, "statement": statement, "solution": solution, "hints": hints,
                "question": question, "key": key,
            });
            if figure {
                draft["figure"] = json!({"svg": "<svg><rect width=\"3\"/></svg>", "alt": misconception.clone()});
            }
            let wrong = match key["kind"].as_str() {
                Some("single_choice") => Some(json!({"kind": "single_choice", "choice": "a2"})),
                Some("multiple_choice") => Some(json!({"kind": "multiple_choice", "choices": ["b1"]})),
                Some("number") => Some(json!({"kind": "number", "text": "7/9"})),
                Some("true_false") => Some(json!({"kind": "true_false", "value": key["value"] == false})),
                _ => None,
            };
            if let Some(answer) = wrong {
                draft["common_wrong"] = json!([{"answer": answer, "misconception": misconception}]);
            }
            let draft: ProblemDraft = serde_json::from_value(draft).expect("a draft");
            dreamseed_grading::validate(&draft).is_ok().then_some(draft)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { max_global_rejects: 100_000, ..ProptestConfig::default() })]

    #[test]
    fn any_sound_draft_comes_back(draft in a_draft()) {
        for format in FORMATS {
            prop_assert_eq!(there_and_back(format, &draft, Language::Ko), draft.clone());
        }
    }
}
