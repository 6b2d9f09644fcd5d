//! Writes GIFT: every item with its comments, its title and `[html]` texts.

use crate::{
    question::{Asked, NumberAnswer, Question, Text, Weighed},
    rest,
};

/// Writes questions as a file; `ids` name them in comments.
pub(crate) fn write(questions: &[(Option<String>, Question)]) -> String {
    let mut file = String::new();
    for (id, question) in questions {
        let id = id.as_ref().map(|id| format!("[id:{id}] ")).unwrap_or_default();
        let tags: Vec<String> = question.tags.iter().map(|tag| format!("[tag:{tag}]")).collect();
        file.push_str(&format!("// {id}{}\n", tags.join(" ")));
        if let Some(rest) = &question.rest {
            file.push_str(&format!("// {}{rest}\n", rest::MARK));
        }
        let title = escape(&question.title);
        file.push_str(&format!("::{title}::[html]{} {{\n{}", text(&question.text), body(&question.asked)));
        if let Some(general) = &question.general {
            file.push_str(&format!("\t####{}\n", text(general)));
        }
        file.push_str("}\n\n");
    }
    file
}

fn body(asked: &Asked) -> String {
    match asked {
        Asked::Choice { single, answers } => {
            let line = |answer: &Weighed| {
                let mark = match (single, answer.percent >= 100.0) {
                    (true, true) => "=".to_owned(),
                    (true, false) => "~".to_owned(),
                    (false, _) => format!("~%{}%", answer.percent),
                };
                format!("\t{mark}{}{}\n", text(&answer.text), feedback(answer.feedback.as_ref()))
            };
            answers.iter().map(line).collect()
        }
        Asked::ShortText { answers, .. } => {
            let line = |answer: &Weighed| {
                // The arrow would make it a matching, and the format has no escape for it.
                let answer_text = escape(&answer.text.source.replace("->", "→"));
                format!("\t=%{}%{answer_text}{}\n", answer.percent, feedback(answer.feedback.as_ref()))
            };
            answers.iter().map(line).collect()
        }
        Asked::Number { answers, .. } => {
            let line = |answer: &NumberAnswer| {
                let tolerance = answer.tolerance.as_deref().unwrap_or("0");
                let feedback = feedback(answer.feedback.as_ref());
                format!("\t=%{}%{}:{tolerance}{feedback}\n", answer.percent, answer.value)
            };
            format!("#\n{}", answers.iter().map(line).collect::<String>())
        }
        Asked::TrueFalse { value, on_true, on_false } => {
            let (word, on_wrong) = if *value { ("TRUE", on_false) } else { ("FALSE", on_true) };
            format!("\t{word}{}\n", feedback(on_wrong.as_ref()))
        }
        Asked::Matching { pairs } => {
            pairs.iter().map(|(left, right)| format!("\t={} -> {}\n", text(left), text(right))).collect()
        }
        // `give` makes other kinds of these for this format.
        Asked::Ordering { .. } | Asked::Cloze => String::new(),
    }
}

fn feedback(feedback: Option<&Text>) -> String {
    feedback.map(|feedback| format!("#{}", text(feedback))).unwrap_or_default()
}

/// An HTML text; a sign that would begin a weight or a format becomes a reference.
fn text(text: &Text) -> String {
    let source = &text.source;
    let source = match source.chars().next() {
        Some('%') => format!("&#37;{}", &source[1..]),
        Some('[') => format!("&#91;{}", &source[1..]),
        Some(_) | None => source.clone(),
    };
    escape(&source)
}

fn escape(source: &str) -> String {
    let mut escaped = String::with_capacity(source.len());
    for c in source.trim().chars() {
        match c {
            '\\' | '~' | '=' | '#' | '{' | '}' | ':' => {
                escaped.push('\\');
                escaped.push(c);
            }
            '\n' => escaped.push_str("\\n"),
            '\r' => {}
            other => escaped.push(other),
        }
    }
    escaped
}
