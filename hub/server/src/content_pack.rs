//! The starter problems and the list of skills, built into the hub.

use std::sync::OnceLock;

use dreamseed_wire::{
    Language,
    authoring::{Localised, ProblemDraft},
    hub::NoticeCode,
    problem::Skill,
};
use jiff::Timestamp;
use serde::Deserialize;

use crate::store::{
    StoreError, WriteTx, notices,
    problems::{self, KnownVersion},
};

#[derive(rust_embed::RustEmbed)]
#[folder = "../../content"]
struct Files;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SkillsFile {
    skill: Vec<SkillRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SkillRow {
    id: String,
    grade: u8,
    codes: Vec<String>,
    #[expect(
        dead_code,
        reason = "tells authors whether the curriculum codes were compared with the official list"
    )]
    code_checked: bool,
    name: Localised,
}

/// What is wrong with a built-in file; a test reads them all, so this never reaches a school.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    #[error("{path} is not text")]
    NotText { path: String },
    #[error("{path} cannot be read")]
    Toml { path: String, source: Box<toml::de::Error> },
}

/// The skills in one language, in the order of the list.
pub fn skills(language: Language) -> Vec<Skill> {
    skill_rows()
        .iter()
        .map(|row| Skill {
            id: row.id.clone(),
            name: row.name.get(language).to_owned(),
            grade: row.grade,
            codes: row.codes.clone(),
        })
        .collect()
}

/// Whether a skill is on the list.
pub fn knows_skill(id: &str) -> bool {
    skill_rows().iter().any(|row| row.id == id)
}

/// A skill's name, or its id if it is not on the list (a school's own).
pub fn skill_name(id: &str, language: Language) -> String {
    skill_rows()
        .iter()
        .find(|row| row.id == id)
        .map_or_else(|| id.to_owned(), |row| row.name.get(language).to_owned())
}

/// Every starter problem with the name of its file, in the order of the names.
pub fn starter_problems() -> Result<Vec<(String, ProblemDraft)>, ContentError> {
    let mut names: Vec<_> = Files::iter().filter(|name| name.starts_with("problems/")).collect();
    names.sort();
    names.into_iter().map(|name| Ok((name.to_string(), read_toml(&name)?))).collect()
}

/// Loads the starter problems that are new or have changed since they were last loaded; returns how many.
///
/// What the school has made of a starter problem, be it other words or a corrected key, stays: a draft that was loaded
/// before is not loaded again over it, and a new one neither. Then the admin is told once which of them were kept. A version
/// that a disk has damaged gets its content back.
pub fn load(
    tx: &WriteTx<'_>,
    drafts: &[(String, ProblemDraft)],
    now: Timestamp,
) -> Result<usize, StoreError> {
    let (mut changed, mut kept) = (0, Vec::new());
    for (path, draft) in drafts {
        let source = format!("starter:{}", path.trim_start_matches("problems/").trim_end_matches(".toml"));
        let problem = match problems::find_starter(tx, &source)? {
            Some(problem) => problem,
            None => problems::add(tx, &source, None, now)?,
        };
        match problems::find_version(tx, problem, draft)? {
            KnownVersion::Whole => continue,
            KnownVersion::Damaged(version) => {
                problems::write_again(tx, version, draft)?;
                tracing::warn!(problem = source, "a starter problem was damaged and has been loaded anew");
                changed += 1;
                continue;
            }
            KnownVersion::None => {}
        }
        if problems::is_schools_own(tx, problem)? {
            kept.push(source);
            continue;
        }
        problems::add_version(tx, problem, draft, None, now)?;
        changed += 1;
    }
    if !kept.is_empty() {
        tracing::info!(kept = kept.len(), "starter problems that the school has changed stay as they are");
        let data = serde_json::json!({ "problems": kept });
        notices::raise_once(tx, NoticeCode::StarterKept, &data, now)?;
    }
    Ok(changed)
}

fn skill_rows() -> &'static [SkillRow] {
    static ROWS: OnceLock<Vec<SkillRow>> = OnceLock::new();
    ROWS.get_or_init(|| match read_toml::<SkillsFile>("skills.toml") {
        Ok(file) => file.skill,
        Err(err) => {
            tracing::error!(error = %err, "the list of skills cannot be read");
            Vec::new()
        }
    })
}

fn read_toml<T: serde::de::DeserializeOwned>(path: &str) -> Result<T, ContentError> {
    let bytes = Files::get(path).map(|file| file.data).unwrap_or_default();
    let text = std::str::from_utf8(&bytes).map_err(|_| ContentError::NotText { path: path.to_owned() })?;
    toml::from_str(text)
        .map_err(|source| ContentError::Toml { path: path.to_owned(), source: Box::new(source) })
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use dreamseed_wire::authoring::AnswerKey;

    use super::*;

    #[test]
    fn every_starter_problem_is_valid_and_its_skill_is_listed() {
        let skills: HashSet<_> = skill_rows().iter().map(|row| row.id.as_str()).collect();
        assert!(skills.len() >= 10);
        let problems = starter_problems().expect("readable");
        assert!(problems.len() >= 60);
        for (path, draft) in &problems {
            if let Err(fault) = dreamseed_grading::validate(draft) {
                panic!("{path}: {fault}");
            }
            assert!(skills.contains(draft.skill.as_str()), "{path}: {} is not in skills.toml", draft.skill);
            assert!(draft.statement.ko.is_some() && draft.statement.en.is_some(), "{path}: both languages");
            // Lists and exports show titles as they are written.
            let titles = [&draft.title.ko, &draft.title.en];
            assert!(
                !titles.into_iter().flatten().any(|title| title.contains('$')),
                "{path}: LaTeX in the title"
            );
        }
    }

    #[test]
    fn every_starter_problem_helps() {
        let mut figures = 0;
        for (path, draft) in starter_problems().expect("readable") {
            figures += usize::from(draft.figure.is_some());
            assert!((2..=4).contains(&draft.hints.len()), "{path}: two to four hints");
            let least = match draft.key {
                // The other verdict is the only wrong answer.
                AnswerKey::TrueFalse { .. } => 1,
                AnswerKey::Number { .. } => {
                    assert!(draft.check.is_some(), "{path}: a number is reached in another way too");
                    2
                }
                AnswerKey::SingleChoice { .. }
                | AnswerKey::MultipleChoice { .. }
                | AnswerKey::ShortText { .. }
                | AnswerKey::Ordering { .. }
                | AnswerKey::Matching { .. }
                | AnswerKey::Cloze { .. } => 2,
            };
            assert!(draft.common_wrong.len() >= least, "{path}: common wrong answers");
        }
        assert!(figures >= 12, "{figures} figures");
    }

    #[test]
    fn every_kind_of_question_has_starter_problems() {
        let mut counts = HashMap::new();
        for (_, draft) in starter_problems().expect("readable") {
            let question = serde_json::to_value(&draft.question).expect("a question serialises");
            *counts.entry(question["kind"].to_string()).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 8, "{counts:?}");
        assert!(counts.values().all(|count| *count >= 3), "{counts:?}");
    }

    #[test]
    fn no_two_statements_share_a_frame_or_begin_alike() {
        let (mut frames, mut beginnings) = (HashSet::new(), HashSet::new());
        for (path, draft) in starter_problems().expect("readable") {
            for text in [&draft.statement.ko, &draft.statement.en].into_iter().flatten() {
                let frame: String = text.chars().filter(|c| c.is_alphabetic()).collect();
                assert!(frames.insert(frame), "{path}: another problem has the same words");
                let beginning: Vec<_> = text.split_whitespace().take(4).map(str::to_lowercase).collect();
                assert!(beginnings.insert(beginning), "{path}: another problem begins with these words");
            }
        }
    }
}
