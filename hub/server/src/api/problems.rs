//! `/problems` for staff, `/problem-versions` for everyone who may see one, `/skills`.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use dreamseed_wire::{
    Language,
    authoring::{DraftTrial, ProblemDraft, ProblemForEditing, ProblemListing, TryDraft},
    ids::*,
    problem::{ProblemView, Skill},
};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    extract::{Body, Caller, Path, Query},
    problem::ApiError,
};
use crate::{
    authoring::{self, AuthoringError},
    content_pack,
    hub::Ctx,
};

pub fn routes() -> OpenApiRouter<Arc<Ctx>> {
    OpenApiRouter::new()
        .routes(routes!(get_problem_version))
        .routes(routes!(list_skills))
        .routes(routes!(list_problems, add_problem))
        .routes(routes!(try_problem))
        .routes(routes!(get_problem, change_problem, archive_problem))
}

/// The language to answer in.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct InLanguage {
    /// The caller's working language if absent.
    pub lang: Option<Language>,
}

/// A problem ready to be solved: without key, solution or hints.
#[utoipa::path(
    get, path = "/api/v1/problem-versions/{problem_version_id}", operation_id = "get_problem_version", tag = "problems",
    params(("problem_version_id" = ProblemVersionId, Path), InLanguage), responses((status = 200, body = ProblemView))
)]
async fn get_problem_version(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path(id): Path<ProblemVersionId>,
    Query(query): Query<InLanguage>,
) -> Result<Json<ProblemView>, ApiError> {
    let school = ctx.school.get();
    let version = school.versions.get(&id).ok_or_else(|| ApiError::not_found("That problem"))?;
    Ok(Json(version.view(query.lang.unwrap_or_else(|| school.working_language(caller.user_id)))))
}

/// The list of skills.
#[utoipa::path(
    get, path = "/api/v1/skills", operation_id = "list_skills", tag = "problems", params(InLanguage),
    responses((status = 200, body = [Skill]))
)]
async fn list_skills(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Query(query): Query<InLanguage>,
) -> Json<Vec<Skill>> {
    Json(content_pack::skills(
        query.lang.unwrap_or_else(|| ctx.school.get().working_language(caller.user_id)),
    ))
}

/// Every problem, for staff.
#[utoipa::path(
    get, path = "/api/v1/problems", operation_id = "list_problems", tag = "problems",
    responses((status = 200, body = [ProblemListing]))
)]
async fn list_problems(State(ctx): State<Arc<Ctx>>) -> Json<Vec<ProblemListing>> {
    Json(authoring::list(&ctx.school.get()))
}

/// A new problem.
#[utoipa::path(
    post, path = "/api/v1/problems", operation_id = "add_problem", tag = "problems", request_body = ProblemDraft,
    responses((status = 201, body = ProblemForEditing))
)]
async fn add_problem(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Body(draft): Body<ProblemDraft>,
) -> Result<(StatusCode, Json<ProblemForEditing>), ApiError> {
    Ok((StatusCode::CREATED, Json(authoring::add(&ctx, caller.user_id, draft).await?)))
}

/// Grades an answer against a draft that is not saved.
#[utoipa::path(
    post, path = "/api/v1/problems/try", operation_id = "try_problem", tag = "problems", request_body = TryDraft,
    responses((status = 200, body = DraftTrial))
)]
async fn try_problem(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Body(trial): Body<TryDraft>,
) -> Result<Json<DraftTrial>, ApiError> {
    let language = ctx.school.get().working_language(caller.user_id);
    Ok(Json(authoring::try_draft(&trial, language)?))
}

/// A problem as its author wrote it.
#[utoipa::path(
    get, path = "/api/v1/problems/{problem_id}", operation_id = "get_problem", tag = "problems",
    params(("problem_id" = ProblemId, Path)), responses((status = 200, body = ProblemForEditing))
)]
async fn get_problem(
    State(ctx): State<Arc<Ctx>>,
    Path(id): Path<ProblemId>,
) -> Result<Json<ProblemForEditing>, ApiError> {
    Ok(Json(authoring::for_editing(&ctx.school.get(), id)?))
}

/// A new version of a problem; answers to earlier versions keep the one they saw.
#[utoipa::path(
    put, path = "/api/v1/problems/{problem_id}", operation_id = "change_problem", tag = "problems",
    params(("problem_id" = ProblemId, Path)), request_body = ProblemDraft,
    responses((status = 200, body = ProblemForEditing))
)]
async fn change_problem(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path(id): Path<ProblemId>,
    Body(draft): Body<ProblemDraft>,
) -> Result<Json<ProblemForEditing>, ApiError> {
    Ok(Json(authoring::change(&ctx, caller.user_id, id, draft).await?))
}

/// Takes a problem out of the lists.
#[utoipa::path(
    delete, path = "/api/v1/problems/{problem_id}", operation_id = "archive_problem", tag = "problems",
    params(("problem_id" = ProblemId, Path)), responses((status = 204))
)]
async fn archive_problem(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path(id): Path<ProblemId>,
) -> Result<StatusCode, ApiError> {
    authoring::archive(&ctx, caller.user_id, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<AuthoringError> for ApiError {
    fn from(err: AuthoringError) -> Self {
        match err {
            AuthoringError::UnknownProblem => ApiError::not_found("That problem"),
            AuthoringError::Fault(fault) => ApiError::bad_field("draft", &fault.to_string()),
            AuthoringError::BrokenKey(fault) => ApiError::bad_field("key", &fault.to_string()),
            AuthoringError::Store(cause) => cause.into(),
        }
    }
}
