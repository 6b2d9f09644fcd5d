//! Writes Moodle XML: texts as HTML in CDATA, a drawing as a file beside the text.

use base64::{Engine, prelude::BASE64_STANDARD};

use crate::{
    html::escape,
    question::{Asked, NumberAnswer, Question, Text, Unit, Weighed},
    rest,
};

/// Writes questions as a file; `ids` stand as id numbers.
pub(crate) fn write(questions: &[(Option<String>, Question)]) -> String {
    let mut file = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<quiz>\n".to_owned();
    for (id, question) in questions {
        write_question(id.as_deref(), question, &mut file);
    }
    file.push_str("</quiz>\n");
    file
}

fn write_question(id: Option<&str>, question: &Question, file: &mut String) {
    let kind = match &question.asked {
        Asked::Choice { .. } => "multichoice",
        Asked::ShortText { .. } => "shortanswer",
        Asked::Number { .. } => "numerical",
        Asked::TrueFalse { .. } => "truefalse",
        Asked::Matching { .. } => "matching",
        Asked::Ordering { .. } => "ordering",
        Asked::Cloze => "cloze",
    };
    file.push_str(&format!("<question type=\"{kind}\">\n"));
    if let Some(rest) = &question.rest {
        file.push_str(&format!("<!-- {}{rest} -->\n", rest::MARK));
    }
    file.push_str(&format!("<name><text>{}</text></name>\n", escape(&question.title)));
    let drawings: String = question
        .drawings
        .iter()
        .map(|drawing| {
            let bytes = BASE64_STANDARD.encode(&drawing.svg);
            format!("<file name=\"{}\" path=\"/\" encoding=\"base64\">{bytes}</file>", escape(&drawing.name))
        })
        .collect();
    let text = cdata(&question.text.source);
    file.push_str(&format!("<questiontext format=\"html\"><text>{text}</text>{drawings}</questiontext>\n"));
    if let Some(general) = &question.general {
        file.push_str(&rich("generalfeedback", "", general));
    }
    file.push_str("<defaultgrade>1</defaultgrade>\n<penalty>0.3333333</penalty>\n<hidden>0</hidden>\n");
    file.push_str(&format!("<idnumber>{}</idnumber>\n", escape(id.unwrap_or_default())));
    write_asked(&question.asked, file);
    for hint in &question.hints {
        file.push_str(&rich("hint", "", hint));
    }
    let tags: String =
        question.tags.iter().map(|tag| format!("<tag><text>{}</text></tag>", escape(tag))).collect();
    file.push_str(&format!("<tags>{tags}</tags>\n</question>\n"));
}

fn write_asked(asked: &Asked, file: &mut String) {
    match asked {
        Asked::Choice { single, answers } => {
            file.push_str(&format!("<single>{single}</single>\n<shuffleanswers>true</shuffleanswers>\n"));
            file.push_str("<answernumbering>abc</answernumbering>\n");
            for answer in answers {
                file.push_str(&weighed(answer, "html", &cdata(&answer.text.source)));
            }
        }
        Asked::ShortText { answers, .. } => {
            file.push_str("<usecase>0</usecase>\n");
            for answer in answers {
                file.push_str(&weighed(answer, "moodle_auto_format", &escape(&answer.text.source)));
            }
        }
        Asked::Number { answers, units, unit_required } => write_number(answers, units, *unit_required, file),
        Asked::TrueFalse { value, on_true, on_false } => {
            for (side, name, said) in [(true, "true", on_true), (false, "false", on_false)] {
                let percent = if side == *value { 100.0 } else { 0.0 };
                let answer = Weighed { percent, text: Text::plain(name), feedback: said.clone() };
                file.push_str(&weighed(&answer, "moodle_auto_format", name));
            }
        }
        Asked::Matching { pairs } => {
            file.push_str("<shuffleanswers>true</shuffleanswers>\n");
            for (left, right) in pairs {
                file.push_str(&format!(
                    "<subquestion format=\"html\"><text>{}</text><answer><text>{}</text></answer></subquestion>\n",
                    cdata(&left.source),
                    cdata(&right.source)
                ));
            }
        }
        Asked::Ordering { items } => {
            file.push_str("<layouttype>VERTICAL</layouttype>\n<selecttype>ALL</selecttype>\n<selectcount>0</selectcount>\n");
            file.push_str("<gradingtype>ALL_OR_NOTHING</gradingtype>\n<showgrading>HIDE</showgrading>\n");
            for (place, item) in (1_u32..).zip(items) {
                let answer = Weighed { percent: f64::from(place), text: item.clone(), feedback: None };
                file.push_str(&weighed(&answer, "html", &cdata(&item.source)));
            }
        }
        Asked::Cloze => {}
    }
}

fn write_number(answers: &[NumberAnswer], units: &[Unit], unit_required: bool, file: &mut String) {
    for answer in answers {
        let tolerance = answer.tolerance.as_deref().unwrap_or("0");
        file.push_str(&format!(
            "<answer fraction=\"{}\" format=\"moodle_auto_format\"><text>{}</text>{}<tolerance>{}</tolerance></answer>\n",
            answer.percent,
            escape(&answer.value),
            feedback(answer.feedback.as_ref()),
            escape(tolerance)
        ));
    }
    if units.is_empty() {
        file.push_str("<unitgradingtype>0</unitgradingtype>\n<showunits>3</showunits>\n");
        return;
    }
    file.push_str("<units>");
    for unit in units {
        file.push_str(&format!(
            "<unit><multiplier>{}</multiplier><unit_name>{}</unit_name></unit>",
            escape(&unit.factor),
            escape(&unit.name)
        ));
    }
    let grading = if unit_required { "1" } else { "0" };
    file.push_str(&format!("</units>\n<unitgradingtype>{grading}</unitgradingtype>\n"));
    file.push_str("<unitpenalty>1</unitpenalty>\n<showunits>0</showunits>\n<unitsleft>0</unitsleft>\n");
}

fn weighed(answer: &Weighed, format: &str, text: &str) -> String {
    format!(
        "<answer fraction=\"{}\" format=\"{format}\"><text>{text}</text>{}</answer>\n",
        answer.percent,
        feedback(answer.feedback.as_ref())
    )
}

fn feedback(said: Option<&Text>) -> String {
    said.map(|said| rich("feedback", "", said)).unwrap_or_default().trim_end().to_owned()
}

fn rich(element: &str, attributes: &str, text: &Text) -> String {
    format!("<{element} format=\"html\"{attributes}><text>{}</text></{element}>\n", cdata(&text.source))
}

/// Text in a CDATA section; one that would end it is cut in two.
fn cdata(text: &str) -> String {
    format!("<![CDATA[{}]]>", text.replace("]]>", "]]]]><![CDATA[>"))
}
