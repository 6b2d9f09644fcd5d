//! Reads Moodle XML: `<quiz>` with a `<question>` each.

use base64::{Engine, prelude::BASE64_STANDARD};

use super::tree::{self, Element};
use crate::{
    Entry, MAX_ITEMS,
    question::{Asked, Drawing, NumberAnswer, Question, Text, TextFormat, Unit, Weighed},
    remark::{FileFault, Refusal, Remark},
    rest,
};

/// The largest drawing that is taken from a file, in bytes.
const MAX_DRAWING: usize = 64 * 1024;

/// Reads a whole file.
pub(crate) fn read(source: &str) -> Result<Vec<Entry>, FileFault> {
    let root = tree::read(source)?;
    if root.name != "quiz" {
        return Err(FileFault::NoQuiz);
    }
    let questions = root.all("question").filter(|question| question.attribute("type") != Some("category"));
    let mut entries = Vec::new();
    for question in questions {
        if entries.len() == MAX_ITEMS {
            return Err(FileFault::TooManyItems(MAX_ITEMS));
        }
        let title = question.child("name").map(plain_text).unwrap_or_default();
        let read = read_question(question, &title);
        let title = if title.is_empty() { title_of(question) } else { title };
        entries.push(Entry { line: Some(question.line), title, question: read });
    }
    Ok(entries)
}

fn title_of(question: &Element) -> String {
    let words = question.child("questiontext").map(|text| rich_text(text).words()).unwrap_or_default();
    words.chars().take(40).collect()
}

fn read_question(element: &Element, title: &str) -> Result<Question, Refusal> {
    let kind = element.attribute("type").unwrap_or_default().trim();
    let asked = read_asked(kind, element)?;
    let text = element.child("questiontext");
    let mut question = Question {
        title: title.to_owned(),
        text: text.map(rich_text).unwrap_or_default(),
        asked,
        general: element.child("generalfeedback").map(rich_text).filter(|text| !text.is_blank()),
        hints: element.all("hint").map(rich_text).filter(|text| !text.is_blank()).collect(),
        tags: Vec::new(),
        rest: None,
        drawings: Vec::new(),
        remarks: Vec::new(),
    };
    let tags = element.child("tags").into_iter().flat_map(|tags| tags.all("tag"));
    question.tags = tags.map(plain_text).collect();
    let comments = element.comments.iter().map(|comment| comment.trim());
    question.rest =
        comments.filter_map(|comment| comment.strip_prefix(rest::MARK)).next_back().map(str::to_owned);
    let said = ["correctfeedback", "partiallycorrectfeedback", "incorrectfeedback"];
    // Moodle writes its own sentence there; only what somebody wrote is worth a remark.
    let standard =
        ["Your answer is correct.", "Your answer is partially correct.", "Your answer is incorrect."];
    let has_own = said.iter().filter_map(|name| element.child(name)).any(|feedback| {
        let words = rich_text(feedback).words();
        !words.is_empty() && !standard.contains(&words.as_str())
    });
    if has_own {
        question.remarks.push(Remark::FeedbackDropped);
    }
    read_files(element, text, &mut question);
    Ok(question)
}

/// Attached files: drawings of the text are kept, any other is named and left out.
fn read_files(element: &Element, text: Option<&Element>, question: &mut Question) {
    // No deeper than the tree, which is bounded.
    let mut inside: Vec<&Element> = vec![element];
    while let Some(outer) = inside.pop() {
        let is_text = text.is_some_and(|text| std::ptr::eq(text, outer));
        for file in outer.all("file") {
            let name: String = file.attribute("name").unwrap_or("?").chars().take(80).collect();
            match drawing_of(file).filter(|_| is_text) {
                Some(svg) => question.drawings.push(Drawing { name, svg }),
                None => question.remarks.push(Remark::FileRemoved(name)),
            }
        }
        inside.extend(&outer.children);
    }
}

fn drawing_of(file: &Element) -> Option<String> {
    let is_svg = file.attribute("name")?.to_ascii_lowercase().ends_with(".svg");
    let encoded: String = file.text.chars().filter(|c| !c.is_whitespace()).collect();
    if !is_svg || file.attribute("encoding") != Some("base64") || encoded.len() > MAX_DRAWING * 4 / 3 + 4 {
        return None;
    }
    let svg = String::from_utf8(BASE64_STANDARD.decode(encoded).ok()?).ok()?;
    dreamseed_grading::check_svg(&svg).ok()?;
    Some(svg)
}

fn read_asked(kind: &str, element: &Element) -> Result<Asked, Refusal> {
    match kind {
        "multichoice" | "multichoiceset" => {
            let single = element.child("single").map(|single| single.text.trim().to_ascii_lowercase());
            Ok(Asked::Choice {
                single: kind == "multichoice" && !matches!(single.as_deref(), Some("false" | "0")),
                answers: element.all("answer").map(|answer| weigh(answer, rich_text(answer))).collect(),
            })
        }
        "truefalse" => read_true_false(element),
        "shortanswer" => Ok(Asked::ShortText {
            answers: element
                .all("answer")
                .map(|answer| weigh(answer, Text::plain(plain_text(answer))))
                .collect(),
            minds_case: element
                .child("usecase")
                .is_some_and(|usecase| matches!(usecase.text.trim(), "1" | "true")),
        }),
        "numerical" => Ok(read_number(element)),
        "matching" | "match" => {
            let pair = |pair: &Element| {
                let right = pair.child("answer").map(plain_text).unwrap_or_default();
                // The partner is plain text in Moodle's eyes, but maths and entities are read in it all the same.
                (rich_text(pair), Text::html(right))
            };
            Ok(Asked::Matching { pairs: element.all("subquestion").map(pair).collect() })
        }
        "ordering" => {
            let mut items: Vec<(f64, Text)> =
                element.all("answer").map(|answer| (fraction(answer), rich_text(answer))).collect();
            // Moodle numbers them from 1; the sort is stable, so that a file without numbers keeps its order.
            items.sort_by(|(a, _), (b, _)| a.total_cmp(b));
            Ok(Asked::Ordering { items: items.into_iter().map(|(_, item)| item).collect() })
        }
        "cloze" | "multianswer" => Ok(Asked::Cloze),
        "essay" => Err(Refusal::Essay),
        "description" => Err(Refusal::Description),
        "" => Err(Refusal::Kind("?".to_owned())),
        other => Err(Refusal::Kind(other.chars().take(60).collect())),
    }
}

fn read_true_false(element: &Element) -> Result<Asked, Refusal> {
    let (mut value, mut on_true, mut on_false) = (None, None, None);
    for answer in element.all("answer") {
        let side = match plain_text(answer).to_ascii_lowercase().as_str() {
            "true" | "참" | "1" => true,
            "false" | "거짓" | "0" => false,
            _ => {
                return Err(Refusal::Syntax(
                    "참·거짓의 답이 true나 false가 아닙니다.",
                    "An answer of a true/false question is neither true nor false.",
                ));
            }
        };
        if fraction(answer) >= 99.9 {
            if value.is_some_and(|value| value != side) {
                return Err(Refusal::SeveralRight);
            }
            value = Some(side);
        }
        let feedback = answer.child("feedback").map(rich_text).filter(|text| !text.is_blank());
        if side {
            on_true = feedback;
        } else {
            on_false = feedback;
        }
    }
    Ok(Asked::TrueFalse { value: value.ok_or(Refusal::NoRightAnswer)?, on_true, on_false })
}

fn read_number(element: &Element) -> Asked {
    let answers = element.all("answer").map(|answer| NumberAnswer {
        percent: fraction(answer),
        value: plain_text(answer),
        tolerance: answer
            .child("tolerance")
            .map(|tolerance| tolerance.text.trim().to_owned())
            .filter(|tolerance| !tolerance.is_empty()),
        feedback: answer.child("feedback").map(rich_text).filter(|text| !text.is_blank()),
    });
    let number_of = |name: &str| element.child(name).map(|child| child.text.trim().to_owned());
    let units = element.child("units").into_iter().flat_map(|units| units.all("unit"));
    let units = units.filter_map(|unit| {
        let text = |name: &str| unit.child(name).map(|child| child.text.trim().to_owned());
        Some(Unit { name: text("unit_name")?, factor: text("multiplier").unwrap_or_default() })
    });
    Asked::Number {
        answers: answers.collect(),
        units: units.collect(),
        // 1 and 2 take something off for a missing or wrong unit.
        unit_required: matches!(number_of("unitgradingtype").as_deref(), Some("1" | "2")),
    }
}

fn weigh(answer: &Element, text: Text) -> Weighed {
    let feedback = answer.child("feedback").map(rich_text).filter(|feedback| !feedback.is_blank());
    Weighed { percent: fraction(answer), text, feedback }
}

fn fraction(answer: &Element) -> f64 {
    let fraction = answer.attribute("fraction").unwrap_or_default().trim().parse::<f64>();
    fraction.ok().filter(|fraction| fraction.is_finite()).unwrap_or_default()
}

/// The text of an element: in its `<text>`, or as old files have it, in itself.
fn text_source(element: &Element) -> &str {
    element.child("text").map_or(element.text.as_str(), |text| text.text.as_str())
}

fn plain_text(element: &Element) -> String {
    text_source(element).trim().to_owned()
}

fn rich_text(element: &Element) -> Text {
    let format = match element.attribute("format").unwrap_or_default() {
        "moodle_auto_format" => TextFormat::Moodle,
        "plain_text" => TextFormat::Plain,
        "markdown" => TextFormat::Markdown,
        _ => TextFormat::Html,
    };
    Text { source: text_source(element).trim().to_owned(), format }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(question: &str) -> Result<Question, Refusal> {
        let mut entries =
            read(&format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<quiz>\n{question}\n</quiz>"))
                .expect("sound");
        assert_eq!(entries.len(), 1);
        entries.remove(0).question
    }

    #[test]
    fn choices_with_fractions_and_feedback() {
        let question = one(r#"<question type="multichoice"><name><text>T</text></name>
            <questiontext format="html"><text><![CDATA[<p>Q?</p>]]></text></questiontext>
            <generalfeedback format="html"><text>So &lt;b&gt;it&lt;/b&gt; is</text></generalfeedback>
            <single>false</single>
            <answer fraction="50"><text>a</text><feedback><text>yes</text></feedback></answer>
            <answer fraction="-50" format="plain_text"><text>b</text></answer>
            <hint format="html"><text>look</text></hint>
            <correctfeedback><text>Your answer is correct.</text></correctfeedback>
            <tags><tag><text>easy</text></tag></tags></question>"#)
        .expect("read");
        assert_eq!(question.title, "T");
        assert_eq!(question.text, Text::html("<p>Q?</p>"));
        assert_eq!(question.general, Some(Text::html("So <b>it</b> is")));
        assert_eq!(question.hints, [Text::html("look")]);
        assert_eq!(question.tags, ["easy"]);
        assert_eq!(question.remarks, []);
        let answers = vec![
            Weighed { percent: 50.0, text: Text::html("a"), feedback: Some(Text::html("yes")) },
            Weighed { percent: -50.0, text: Text::plain("b"), feedback: None },
        ];
        assert_eq!(question.asked, Asked::Choice { single: false, answers });
    }

    #[test]
    fn numbers_with_tolerance_and_units() {
        let question = one(
            r#"<question type="numerical"><answer fraction="100"><text>23</text><tolerance>0.5</tolerance></answer>
            <unitgradingtype>2</unitgradingtype>
            <units><unit><multiplier>1</multiplier><unit_name>cm</unit_name></unit>
            <unit><multiplier>10</multiplier><unit_name>mm</unit_name></unit></units></question>"#,
        );
        let unit = |name: &str, factor: &str| Unit { name: name.to_owned(), factor: factor.to_owned() };
        assert_eq!(
            question.expect("read").asked,
            Asked::Number {
                answers: vec![NumberAnswer {
                    percent: 100.0,
                    value: "23".into(),
                    tolerance: Some("0.5".into()),
                    feedback: None
                }],
                units: vec![unit("cm", "1"), unit("mm", "10")],
                unit_required: true,
            }
        );
    }

    #[test]
    fn kinds_without_a_place_are_refused_by_name() {
        for kind in [
            "calculated",
            "calculatedsimple",
            "calculatedmulti",
            "ddmarker",
            "ddimageortext",
            "ddwtos",
            "gapselect",
            "randomsamatch",
            "coderunner",
        ] {
            assert_eq!(one(&format!("<question type='{kind}'/>")), Err(Refusal::Kind(kind.to_owned())));
        }
        assert_eq!(one("<question type='essay'/>"), Err(Refusal::Essay));
        assert_eq!(one("<question type='description'/>"), Err(Refusal::Description));
        assert_eq!(one("<question type='truefalse'/>"), Err(Refusal::NoRightAnswer));
    }

    #[test]
    fn categories_are_passed_over_and_files_are_named() {
        let entries = read(
            "<quiz><question type='category'><category><text>$course$/top</text></category></question>\n<question type='shortanswer'>\n<questiontext format='html'><text>&lt;img src=\"@@PLUGINFILE@@/a.png\"&gt;x</text><file name='a.png' encoding='base64'>AAAA</file></questiontext><answer fraction='100'><text>y</text></answer></question></quiz>",
        )
        .expect("read");
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].line, Some(2));
        let question = entries[0].question.as_ref().expect("read");
        assert_eq!(question.remarks, [Remark::FileRemoved("a.png".into())]);
        assert_eq!(read("<moodle/>").map(|_| ()), Err(FileFault::NoQuiz));
    }
}
