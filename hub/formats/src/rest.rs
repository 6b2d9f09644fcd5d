//! What a format has no place for, in a comment beside the question: written by an export, read by an import.
//!
//! Only the fields that the format itself would bring back differently stand there, with a digest of the draft that it
//! would bring back: a question that was edited since gets nothing of an older self.

use dreamseed_wire::authoring::{
    AnswerKey, CommonWrong, FigureDraft, Localised, ProblemDraft, QuestionDraft,
};
use serde::{Deserialize, Serialize};

/// How such a comment begins.
pub(crate) const MARK: &str = "dreamseed ";

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rest {
    of: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    title: Option<Localised>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    statement: Option<Localised>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    figure: Option<FigureDraft>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    question: Option<QuestionDraft>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<AnswerKey>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    check: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    solution: Option<Localised>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hints: Option<Vec<Localised>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    common_wrong: Option<Vec<CommonWrong>>,
}

/// What `native`, read back from the format, lacks of `wanted`; one line of JSON without `--`. `None` if nothing.
pub(crate) fn between(native: &ProblemDraft, wanted: &ProblemDraft) -> Option<String> {
    fn differs<T: PartialEq + Clone>(native: &T, wanted: &T) -> Option<T> {
        (native != wanted).then(|| wanted.clone())
    }
    let rest = Rest {
        of: digest(native),
        title: differs(&native.title, &wanted.title),
        statement: differs(&native.statement, &wanted.statement),
        figure: differs(&native.figure, &wanted.figure).flatten(),
        question: differs(&native.question, &wanted.question),
        key: differs(&native.key, &wanted.key),
        check: differs(&native.check, &wanted.check).flatten(),
        solution: differs(&native.solution, &wanted.solution),
        hints: differs(&native.hints, &wanted.hints),
        common_wrong: differs(&native.common_wrong, &wanted.common_wrong),
    };
    let mut same = wanted.clone();
    same.skill.clone_from(&native.skill);
    if same == *native {
        return None;
    }
    // Two hyphens would end a comment of XML; inside of JSON they stand in strings only.
    serde_json::to_string(&rest).ok().map(|json| json.replace("--", "-\\u002d"))
}

/// `native` with what the comment holds; `None` if the comment belongs to another draft.
pub(crate) fn apply(native: &ProblemDraft, comment: &str) -> Option<ProblemDraft> {
    let rest: Rest = serde_json::from_str(comment).ok()?;
    if rest.of != digest(native) {
        return None;
    }
    let native = native.clone();
    Some(ProblemDraft {
        skill: native.skill,
        title: rest.title.unwrap_or(native.title),
        statement: rest.statement.unwrap_or(native.statement),
        figure: rest.figure.or(native.figure),
        question: rest.question.unwrap_or(native.question),
        key: rest.key.unwrap_or(native.key),
        check: rest.check.or(native.check),
        solution: rest.solution.unwrap_or(native.solution),
        hints: rest.hints.unwrap_or(native.hints),
        common_wrong: rest.common_wrong.unwrap_or(native.common_wrong),
    })
}

/// Of everything but the skill, which the importer may choose.
fn digest(native: &ProblemDraft) -> String {
    let mut bare = native.clone();
    bare.skill.clear();
    let json = serde_json::to_vec(&bare).unwrap_or_default();
    blake3::hash(&json).to_hex().chars().take(16).collect()
}
