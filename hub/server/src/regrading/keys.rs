//! Whose key grades the answers to each version of a problem, once keys have been corrected. Pure.
//!
//! Versions are immutable, so a corrected key stands in a version of its own. It counts for every earlier version whose
//! question it fits, until the correction is undone; then the key before it counts again, also for what was answered to
//! the corrected version meanwhile.

use std::{collections::HashMap, sync::Arc};

use dreamseed_wire::{authoring::ProblemDraft, ids::*};

use crate::school::ProblemVersion;

/// One correction of a problem's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// The version with the corrected key.
    pub key_version: ProblemVersionId,
    /// It was made for the correction, not written by an author before.
    pub key_is_new: bool,
    pub undone: bool,
    /// Made by undoing, with the key that counted before.
    pub restored: Option<ProblemVersionId>,
}

/// The versions that are graded by another's key, each with that version and what to grade by: its own question and
/// texts with the other's key.
pub fn resolve(
    versions: &[&ProblemVersion],
    corrections: &[Correction],
) -> HashMap<ProblemVersionId, (ProblemVersionId, Arc<ProblemDraft>)> {
    if corrections.is_empty() {
        return HashMap::new();
    }
    let mut ordered = versions.to_vec();
    ordered.sort_by_key(|version| version.version);
    let mut resolved = HashMap::new();
    for version in &ordered {
        let counting = counting_version(&ordered, corrections, version);
        if counting.problem_version_id != version.problem_version_id {
            let draft = with_key_of(version, &counting.draft);
            resolved.insert(version.problem_version_id, (counting.problem_version_id, Arc::new(draft)));
        }
    }
    resolved
}

/// A version's draft to grade by, under the key of another draft.
pub fn with_key_of(version: &ProblemVersion, other: &ProblemDraft) -> ProblemDraft {
    ProblemDraft { key: other.key.clone(), check: None, ..version.draft.clone() }
}

/// Whether a key can grade answers to a version: the question is of its kind and has what the key names.
pub fn fits(version: &ProblemVersion, other: &ProblemDraft) -> bool {
    match dreamseed_grading::validate(&with_key_of(version, other)) {
        Ok(()) => true,
        // What comes behind the key, such as a listed wrong answer that is now right, does not matter for grading.
        Err(fault) => !fault.field.starts_with("key"),
    }
}

/// The version whose key counts for another; `versions` by number.
fn counting_version<'a>(
    versions: &[&'a ProblemVersion],
    corrections: &[Correction],
    version: &'a ProblemVersion,
) -> &'a ProblemVersion {
    let find = |id: ProblemVersionId| versions.iter().find(|found| found.problem_version_id == id).copied();
    let mut version_now = version;
    // Each turn leads to an earlier version, so there are no more turns than versions.
    for _ in 0..=versions.len() {
        let corrected = corrections
            .iter()
            .filter(|correction| !correction.undone)
            .filter_map(|correction| find(correction.key_version))
            .filter(|key| key.version > version_now.version && fits(version, &key.draft))
            .max_by_key(|key| key.version);
        if let Some(key) = corrected {
            return key;
        }
        let id = version_now.problem_version_id;
        let restored = corrections.iter().find(|correction| correction.restored == Some(id));
        let undone = corrections
            .iter()
            .find(|correction| correction.undone && correction.key_is_new && correction.key_version == id);
        let before = match (restored, undone) {
            (Some(correction), _) => find(correction.key_version),
            (None, Some(_)) => versions.iter().rfind(|found| found.version < version_now.version).copied(),
            (None, None) => None,
        };
        match before.filter(|before| before.version < version_now.version && fits(version, &before.draft)) {
            Some(before) => version_now = before,
            None => break,
        }
    }
    version_now
}

#[cfg(test)]
mod tests {
    use dreamseed_wire::{
        answer::Answer,
        authoring::{AnswerKey, Localised, QuestionDraft},
        question::NumberEntry,
    };

    use super::*;

    #[test]
    fn without_corrections_every_version_has_its_own_key() {
        check(&["2", "3"], &[], &["2", "3"]);
    }

    #[test]
    fn a_corrected_key_counts_for_the_versions_before_it_and_not_for_later_ones() {
        check(&["1", "2", "3", "4"], &[made(2)], &["3", "3", "3", "4"]);
    }

    #[test]
    fn the_latest_correction_counts() {
        check(&["1", "2", "3"], &[made(1), made(2)], &["3", "3", "3"]);
    }

    #[test]
    fn an_undone_correction_gives_the_key_before_it_back_also_to_its_own_version() {
        check(&["1", "2", "1"], &[undone(1, Some(2))], &["1", "1", "1"]);
        check(&["1", "2", "3", "2"], &[made(1), undone(2, Some(3))], &["2", "2", "2", "2"]);
        check(&["1", "2", "3", "2", "1"], &[undone(1, Some(4)), undone(2, Some(3))], &["1"; 5]);
        // The later correction stands.
        check(&["1", "2", "3"], &[undone(1, None), made(2)], &["3", "3", "3"]);
    }

    #[test]
    fn an_authors_own_version_keeps_its_key_when_the_correction_by_it_is_undone() {
        let correction = Planned { key_is_new: false, ..undone(1, None) };
        check(&["1", "2"], &[correction], &["1", "2"]);
    }

    #[test]
    fn a_key_of_another_kind_is_not_used() {
        let mut versions = versions(&["1", "2"]);
        versions[0].draft.question = QuestionDraft::ShortText;
        versions[0].draft.key = AnswerKey::ShortText { accepted: vec!["하나".into()] };
        let corrections = [correction(&versions, &made(1))];
        assert!(resolve(&versions.iter().collect::<Vec<_>>(), &corrections).is_empty());
    }

    /// Corrections by the places of their versions; keys by place.
    fn check(keys: &[&str], corrections: &[Planned], expected: &[&str]) {
        let versions = versions(keys);
        let corrections: Vec<_> = corrections.iter().map(|planned| correction(&versions, planned)).collect();
        let resolved = resolve(&versions.iter().collect::<Vec<_>>(), &corrections);
        let counting: Vec<String> = versions
            .iter()
            .map(|version| {
                let own = &version.draft;
                value_of(resolved.get(&version.problem_version_id).map_or(own, |(_, draft)| draft))
            })
            .collect();
        assert_eq!(counting, expected);
    }

    #[derive(Clone, Copy)]
    struct Planned {
        key: usize,
        key_is_new: bool,
        undone: bool,
        restored: Option<usize>,
    }

    fn made(key: usize) -> Planned {
        Planned { key, key_is_new: true, undone: false, restored: None }
    }

    fn undone(key: usize, restored: Option<usize>) -> Planned {
        Planned { undone: true, restored, ..made(key) }
    }

    fn correction(versions: &[ProblemVersion], planned: &Planned) -> Correction {
        let id = |place: usize| versions[place].problem_version_id;
        Correction {
            key_version: id(planned.key),
            key_is_new: planned.key_is_new,
            undone: planned.undone,
            restored: planned.restored.map(id),
        }
    }

    fn versions(keys: &[&str]) -> Vec<ProblemVersion> {
        let problem_id = ProblemId::new();
        let version = |(number, key): (u32, &&str)| {
            let draft = draft(key);
            ProblemVersion {
                problem_id,
                problem_version_id: ProblemVersionId::new(),
                version: number,
                skill: draft.skill.clone(),
                draft,
            }
        };
        (1..).zip(keys).map(version).collect()
    }

    fn draft(key: &str) -> ProblemDraft {
        let text = |text: &str| Localised { ko: Some(text.into()), en: None };
        ProblemDraft {
            skill: "frac-add-unlike".into(),
            title: text("더하기"),
            statement: text("얼마예요?"),
            figure: None,
            question: QuestionDraft::Number { unit: None, entry: NumberEntry::Integer },
            key: AnswerKey::Number {
                value: key.into(),
                tolerance: None,
                units: vec![],
                unit_required: false,
                lowest_terms: false,
                form: None,
            },
            check: None,
            solution: text("세어 봐요."),
            hints: vec![],
            // Right under some of the keys here, which does not matter for grading.
            common_wrong: vec![dreamseed_wire::authoring::CommonWrong {
                answer: Answer::Number { text: "3".into() },
                misconception: text("하나를 더 세요."),
            }],
        }
    }

    fn value_of(draft: &ProblemDraft) -> String {
        let AnswerKey::Number { value, .. } = &draft.key else { panic!("{:?}", draft.key) };
        value.clone()
    }
}
