//! `/attempts`: an answer in, its grade out.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use dreamseed_wire::{
    account::Role,
    attempt::{AttemptReceipt, AttemptView, ReleasedSolution, SubmitAnswer},
    hub::{Problem, ProblemCode},
    ids::AttemptId,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    extract::{Body, Caller, Path},
    problem::ApiError,
};
use crate::{
    answering::{self, AnsweringError},
    hub::Ctx,
    lessons::timing::Refusal,
    store::StoreError,
};

pub fn routes() -> OpenApiRouter<Arc<Ctx>> {
    OpenApiRouter::new()
        .routes(routes!(submit_attempt))
        .routes(routes!(get_attempt))
        .routes(routes!(release_solution))
}

/// Grades and keeps an answer. Sending the same answer again returns its first receipt.
#[utoipa::path(
    post, path = "/api/v1/attempts", operation_id = "submit_attempt", tag = "attempts", request_body = SubmitAnswer,
    responses((status = 201, body = AttemptReceipt), (status = "4XX", body = Problem, content_type = "application/problem+json"))
)]
async fn submit_attempt(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Body(body): Body<SubmitAnswer>,
) -> Result<(StatusCode, Json<AttemptReceipt>), ApiError> {
    let receipt = answering::submit(&ctx, caller.user_id, body).await?;
    Ok((StatusCode::CREATED, Json(receipt)))
}

/// An answer with its grade and the help that was given.
#[utoipa::path(
    get, path = "/api/v1/attempts/{attempt_id}", operation_id = "get_attempt", tag = "attempts",
    params(("attempt_id" = AttemptId, Path)), responses((status = 200, body = AttemptView))
)]
async fn get_attempt(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path(id): Path<AttemptId>,
) -> Result<Json<AttemptView>, ApiError> {
    let view = match caller.role {
        Role::Student => answering::own_view(&ctx, caller.user_id, id).await?,
        Role::Parent | Role::Teacher | Role::Admin => answering::view(&ctx, id).await?,
    };
    Ok(Json(view))
}

/// The worked solution, once it is released to this pupil.
#[utoipa::path(
    post, path = "/api/v1/attempts/{attempt_id}/solution", operation_id = "release_solution", tag = "attempts",
    params(("attempt_id" = AttemptId, Path)), responses((status = 200, body = ReleasedSolution))
)]
async fn release_solution(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path(id): Path<AttemptId>,
) -> Result<Json<ReleasedSolution>, ApiError> {
    Ok(Json(answering::release_solution(&ctx, caller.user_id, id).await?))
}

impl From<AnsweringError> for ApiError {
    fn from(err: AnsweringError) -> Self {
        match err {
            AnsweringError::UnknownProblem => ApiError::new(
                StatusCode::NOT_FOUND,
                ProblemCode::UnknownProblem,
                "This problem has not been given to you.",
            )
            .hint("Go back to your list of problems."),
            AnsweringError::OtherLesson => {
                ApiError::bad_field("lesson_id", "this lesson is not yours or does not hold the problem")
            }
            AnsweringError::Refused(refusal) => refusal.into(),
            AnsweringError::ExamRunning => ApiError::new(
                StatusCode::FORBIDDEN,
                ProblemCode::ExamRunning,
                "While the exam is running there is no help, and grades are shown when it is over.",
            )
            .hint("Go on with the exam; everything can be seen when it has been closed."),
            AnsweringError::UnknownAttempt => ApiError::not_found("That answer"),
            AnsweringError::OtherAnswer => ApiError::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                ProblemCode::OtherAnswer,
                "Another answer has been kept under this attempt id.",
            )
            .hint("Send the new answer under an id of its own."),
            AnsweringError::BadField { field, why } => ApiError::bad_field(field, why),
            AnsweringError::DeviceNumberUsed => ApiError::bad_field(
                "device_seq",
                "this device has sent another answer under the same number; the answer needs a new one",
            ),
            AnsweringError::NotReleased => ApiError::new(
                StatusCode::FORBIDDEN,
                ProblemCode::NotReleased,
                "The worked solution is not open yet.",
            )
            .hint("Try once more or ask for help."),
            // Also a 5xx: the device keeps the answer and sends it again, when the hub may have mended its own.
            AnsweringError::Damaged => ApiError::new(
                StatusCode::SERVICE_UNAVAILABLE,
                ProblemCode::Busy,
                "The hub holds an answer under this id that its disk has damaged, and cannot compare the two.",
            )
            .hint("Keep the answer on this device; it is sent again by itself.")
            .retry_after(60),
            AnsweringError::BrokenKey(cause) => ApiError::internal(cause),
            // Whatever the checks did not foresee is the hub's fault: a 5xx, so that the device keeps the answer.
            AnsweringError::Store(cause @ StoreError::Taken(_)) => ApiError::internal(cause),
            AnsweringError::Store(cause) => cause.into(),
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let refuse = |code, detail| ApiError::new(StatusCode::CONFLICT, code, detail);
        match refusal {
            Refusal::Paused => refuse(
                ProblemCode::LessonPaused,
                "The lesson is paused: everyone looks to the front. What is typed stays.",
            )
            .hint("Send it when the lesson goes on."),
            Refusal::Closed => refuse(
                ProblemCode::LessonClosed,
                "The lesson was over when this answer was given, so that it does not count.",
            )
            .hint("Go back to your list of problems."),
            Refusal::TooLate => refuse(
                ProblemCode::LessonClosed,
                "The exam is over and its grades have been shown or it ended more than a day ago, so that this answer \
                 does not count.",
            )
            .hint("Tell your teacher if this device was without a connection."),
            Refusal::NotBegun => {
                refuse(ProblemCode::ExamRunning, "This is an exam, and you have not begun it yet.")
                    .hint("Begin the exam; then its problems are shown.")
            }
            Refusal::HandedIn => refuse(
                ProblemCode::ExamRunning,
                "You have handed this exam in. What was answered before counts; this answer does not.",
            )
            .hint("Wait until the exam is closed; then the grades are shown."),
        }
    }
}
