//! Writes problems: each change is a new immutable version.

use dreamseed_grading::{DraftFault, DraftReason, GradeError};
use dreamseed_wire::{
    Language,
    authoring::{DraftTrial, ProblemDraft, ProblemForEditing, ProblemListing, QuestionDraft, TryDraft},
    ids::*,
};

use crate::{
    content_pack,
    hub::Ctx,
    school::{ProblemVersion, School},
    store::{
        StoreError,
        audit::{self, AuditEntry},
        problems,
    },
};

/// Why a problem cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum AuthoringError {
    #[error("the problem is not known")]
    UnknownProblem,
    #[error("the draft has a fault")]
    Fault(#[from] DraftFault),
    #[error("the key cannot be read")]
    BrokenKey(#[from] GradeError),
    #[error("the problem could not be kept")]
    Store(#[from] StoreError),
}

/// Every problem in its newest version, by skill and title.
pub fn list(school: &School) -> Vec<ProblemListing> {
    let mut listings: Vec<_> = school
        .problems
        .iter()
        .filter_map(|(id, head)| {
            let version = school.versions.get(&head.newest)?;
            Some(ProblemListing {
                problem_id: *id,
                problem_version_id: head.newest,
                version: version.version,
                title: version.draft.title.clone(),
                skill: version.skill.clone(),
                question_kind: kind_name(&version.draft.question).to_owned(),
                archived: head.archived,
            })
        })
        .collect();
    listings
        .sort_by(|a, b| (&a.skill, &a.title.ko, a.problem_id).cmp(&(&b.skill, &b.title.ko, b.problem_id)));
    listings
}

/// A problem as its author wrote it.
pub fn for_editing(school: &School, id: ProblemId) -> Result<ProblemForEditing, AuthoringError> {
    let head = school.problems.get(&id).ok_or(AuthoringError::UnknownProblem)?;
    let version = school.versions.get(&head.newest).ok_or(AuthoringError::UnknownProblem)?;
    Ok(editing_view(version))
}

/// Adds a problem.
pub async fn add(ctx: &Ctx, by: UserId, draft: ProblemDraft) -> Result<ProblemForEditing, AuthoringError> {
    dreamseed_grading::validate(&draft)?;
    check_skill(&draft.skill, None)?;
    ctx.disk.check_draft(&draft)?;
    let now = ctx.clock.now();
    let id = ctx
        .store
        .write(move |tx| {
            let id = problems::add(tx, "school", Some(by), now)?;
            problems::add_version(tx, id, &draft, Some(by), now)?;
            audit::add(tx, &AuditEntry::by(by, "add problem", &id.to_string(), now))?;
            Ok::<_, StoreError>(id)
        })
        .await?;
    ctx.school.reload(&ctx.store).await?;
    for_editing(&ctx.school.get(), id)
}

/// Adds a version to a problem; the same draft again changes nothing.
pub async fn change(
    ctx: &Ctx,
    by: UserId,
    id: ProblemId,
    draft: ProblemDraft,
) -> Result<ProblemForEditing, AuthoringError> {
    dreamseed_grading::validate(&draft)?;
    ctx.disk.check_draft(&draft)?;
    let before = for_editing(&ctx.school.get(), id)?;
    check_skill(&draft.skill, Some(&before.draft.skill))?;
    let now = ctx.clock.now();
    ctx.store
        .write(move |tx| {
            problems::add_version(tx, id, &draft, Some(by), now)?;
            audit::add(tx, &AuditEntry::by(by, "change problem", &id.to_string(), now))
        })
        .await?;
    ctx.school.reload(&ctx.store).await?;
    for_editing(&ctx.school.get(), id)
}

/// Takes a problem out of the lists.
pub async fn archive(ctx: &Ctx, by: UserId, id: ProblemId) -> Result<(), AuthoringError> {
    if !ctx.school.get().problems.contains_key(&id) {
        return Err(AuthoringError::UnknownProblem);
    }
    let now = ctx.clock.now();
    ctx.store
        .write(move |tx| {
            problems::archive(tx, id, now)?;
            audit::add(tx, &AuditEntry::by(by, "archive problem", &id.to_string(), now))
        })
        .await?;
    ctx.school.reload(&ctx.store).await?;
    Ok(())
}

/// What a draft says of an answer, without saving anything.
pub fn try_draft(trial: &TryDraft, language: Language) -> Result<DraftTrial, AuthoringError> {
    let grade = dreamseed_grading::grade_draft(&trial.draft, &trial.answer)?;
    let common =
        dreamseed_grading::find_misconception(&trial.draft.common_wrong, &trial.draft.key, &trial.answer);
    Ok(DraftTrial {
        grade,
        misconception: common.map(|common| common.misconception.get(language).to_owned()),
    })
}

/// Refuses a skill that is not on the list: nobody's progress in it would be shown. A problem that has such a skill already
/// may be edited all the same.
fn check_skill(skill: &str, before: Option<&str>) -> Result<(), DraftFault> {
    if before == Some(skill) || content_pack::knows_skill(skill) {
        return Ok(());
    }
    Err(DraftFault { field: "skill".to_owned(), reason: DraftReason::UnknownSkill })
}

fn editing_view(version: &ProblemVersion) -> ProblemForEditing {
    ProblemForEditing {
        problem_id: version.problem_id,
        problem_version_id: version.problem_version_id,
        version: version.version,
        draft: version.draft.clone(),
    }
}

fn kind_name(question: &QuestionDraft) -> &'static str {
    match question {
        QuestionDraft::SingleChoice { .. } => "single_choice",
        QuestionDraft::MultipleChoice { .. } => "multiple_choice",
        QuestionDraft::Number { .. } => "number",
        QuestionDraft::ShortText => "short_text",
        QuestionDraft::TrueFalse => "true_false",
        QuestionDraft::Ordering { .. } => "ordering",
        QuestionDraft::Matching { .. } => "matching",
        QuestionDraft::Cloze { .. } => "cloze",
    }
}
