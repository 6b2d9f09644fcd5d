//! `/problems/{problem_id}/regrades`, `/regrades`, `/attempts/{attempt_id}/grade`: corrections of grades.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use dreamseed_wire::{
    attempt::AttemptView,
    hub::ProblemCode,
    ids::*,
    regrade::{ApplyRegrade, CorrectKey, OverrideGrade, RegradePreview, RegradeView},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    extract::{Body, Caller, Path},
    problem::ApiError,
};
use crate::{
    authoring::AuthoringError,
    hub::Ctx,
    regrading::{self, RegradingError},
};

pub fn routes() -> OpenApiRouter<Arc<Ctx>> {
    OpenApiRouter::new()
        .routes(routes!(preview_regrade))
        .routes(routes!(apply_regrade, list_regrades))
        .routes(routes!(undo_regrade))
        .routes(routes!(override_grade, take_grade_back))
}

/// Who would be graded otherwise under a corrected key; nothing is changed.
#[utoipa::path(
    post, path = "/api/v1/problems/{problem_id}/regrades/preview", operation_id = "preview_regrade", tag = "regrades",
    params(("problem_id" = ProblemId, Path)), request_body = CorrectKey, responses((status = 200, body = RegradePreview))
)]
async fn preview_regrade(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path(problem): Path<ProblemId>,
    Body(body): Body<CorrectKey>,
) -> Result<Json<RegradePreview>, ApiError> {
    Ok(Json(regrading::preview(&ctx, &caller, problem, body).await?))
}

/// Corrects a key as it was previewed, and every grade that follows from it.
#[utoipa::path(
    post, path = "/api/v1/problems/{problem_id}/regrades", operation_id = "apply_regrade", tag = "regrades",
    params(("problem_id" = ProblemId, Path)), request_body = ApplyRegrade, responses((status = 201, body = RegradeView))
)]
async fn apply_regrade(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path(problem): Path<ProblemId>,
    Body(body): Body<ApplyRegrade>,
) -> Result<(StatusCode, Json<RegradeView>), ApiError> {
    Ok((StatusCode::CREATED, Json(regrading::apply(&ctx, &caller, problem, body).await?)))
}

/// The corrections of a problem's key, newest first.
#[utoipa::path(
    get, path = "/api/v1/problems/{problem_id}/regrades", operation_id = "list_regrades", tag = "regrades",
    params(("problem_id" = ProblemId, Path)), responses((status = 200, body = [RegradeView]))
)]
async fn list_regrades(
    State(ctx): State<Arc<Ctx>>,
    Path(problem): Path<ProblemId>,
) -> Result<Json<Vec<RegradeView>>, ApiError> {
    Ok(Json(regrading::list(&ctx, problem).await?))
}

/// Takes a correction back; grades that a teacher has decided since stay. Only who made it may, or an admin.
#[utoipa::path(
    post, path = "/api/v1/regrades/{regrade_id}/undo", operation_id = "undo_regrade", tag = "regrades",
    params(("regrade_id" = RegradeId, Path)), responses((status = 200, body = RegradeView))
)]
async fn undo_regrade(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path(regrade): Path<RegradeId>,
) -> Result<Json<RegradeView>, ApiError> {
    Ok(Json(regrading::undo(&ctx, &caller, regrade).await?))
}

/// The teacher's own grade for one answer, with the reason.
#[utoipa::path(
    put, path = "/api/v1/attempts/{attempt_id}/grade", operation_id = "override_grade", tag = "regrades",
    params(("attempt_id" = AttemptId, Path)), request_body = OverrideGrade, responses((status = 200, body = AttemptView))
)]
async fn override_grade(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path(attempt): Path<AttemptId>,
    Body(body): Body<OverrideGrade>,
) -> Result<Json<AttemptView>, ApiError> {
    Ok(Json(regrading::override_grade(&ctx, &caller, attempt, body).await?))
}

/// Takes the teacher's own grade back.
#[utoipa::path(
    delete, path = "/api/v1/attempts/{attempt_id}/grade", operation_id = "take_grade_back", tag = "regrades",
    params(("attempt_id" = AttemptId, Path)), responses((status = 200, body = AttemptView))
)]
async fn take_grade_back(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path(attempt): Path<AttemptId>,
) -> Result<Json<AttemptView>, ApiError> {
    Ok(Json(regrading::take_back(&ctx, &caller, attempt).await?))
}

impl From<RegradingError> for ApiError {
    fn from(err: RegradingError) -> Self {
        match err {
            RegradingError::UnknownProblem => ApiError::not_found("That problem"),
            RegradingError::UnknownRegrade => ApiError::not_found("That correction"),
            RegradingError::UnknownAttempt => ApiError::not_found("That answer"),
            RegradingError::Reason(bad) => bad.into(),
            RegradingError::Changed => ApiError::new(
                StatusCode::CONFLICT,
                ProblemCode::Changed,
                "Answers have come or the problem has changed since the preview, so other grades would change now.",
            )
            .hint("Look at the preview again, then confirm."),
            RegradingError::NotYours => ApiError::new(
                StatusCode::FORBIDDEN,
                ProblemCode::NotAllowed,
                "Somebody else made this correction; only they or the admin can take it back.",
            )
            .hint("Ask them, or the admin."),
            RegradingError::Fault(fault) => AuthoringError::Fault(fault).into(),
            RegradingError::BrokenKey(cause) => AuthoringError::BrokenKey(cause).into(),
            RegradingError::Answering(cause) => cause.into(),
            RegradingError::Store(cause) => cause.into(),
        }
    }
}
