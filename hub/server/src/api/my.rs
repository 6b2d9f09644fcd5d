//! `/me/…` of a pupil: lessons and sittings, standing, progress, and what the pupil was told.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use dreamseed_wire::{
    hub::{Problem, ProblemCode},
    ids::{LessonId, NoteId},
    lesson::PupilNote,
    problem::{LessonProblems, MyProblems, MyStanding},
    progress::Progress,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    extract::{Caller, Path},
    problem::ApiError,
};
use crate::{
    answering::AnsweringError,
    hub::Ctx,
    lessons::timing::Refusal,
    pupil_notes,
    sittings::{self, SittingError},
};

pub fn routes() -> OpenApiRouter<Arc<Ctx>> {
    OpenApiRouter::new()
        .routes(routes!(list_my_problems))
        .routes(routes!(get_my_standing))
        .routes(routes!(get_my_progress))
        .routes(routes!(begin_sitting))
        .routes(routes!(hand_in))
        .routes(routes!(list_my_notes))
        .routes(routes!(see_note))
}

/// The lessons of the pupil with their problems; exams that have closed stay for a day.
#[utoipa::path(
    get, path = "/api/v1/me/problems", operation_id = "list_my_problems", tag = "my work",
    responses((status = 200, body = MyProblems))
)]
async fn list_my_problems(State(ctx): State<Arc<Ctx>>, caller: Caller) -> Result<Response, ApiError> {
    let reply = sittings::my_problems(&ctx, caller.user_id).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], reply).into_response())
}

/// Where the pupil stands with each problem tried.
#[utoipa::path(
    get, path = "/api/v1/me/standing", operation_id = "get_my_standing", tag = "my work",
    responses((status = 200, body = MyStanding))
)]
async fn get_my_standing(State(ctx): State<Arc<Ctx>>, caller: Caller) -> Result<Json<MyStanding>, ApiError> {
    Ok(Json(sittings::my_standing(&ctx, caller.user_id).await?))
}

/// The pupil's own progress.
#[utoipa::path(
    get, path = "/api/v1/me/progress", operation_id = "get_my_progress", tag = "my work",
    responses(
        (status = 200, body = Progress),
        (status = 403, description = "An exam is running", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn get_my_progress(State(ctx): State<Arc<Ctx>>, caller: Caller) -> Result<Json<Progress>, ApiError> {
    Ok(Json(sittings::my_progress(&ctx, caller.user_id).await?))
}

/// Begin an exam; asking again gives the same order of problems.
#[utoipa::path(
    post, path = "/api/v1/me/lessons/{lesson_id}/sitting", operation_id = "begin_sitting", tag = "my work",
    params(("lesson_id" = LessonId, Path)), responses((status = 200, body = LessonProblems))
)]
async fn begin_sitting(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path(lesson): Path<LessonId>,
) -> Result<Json<LessonProblems>, ApiError> {
    Ok(Json(sittings::begin(&ctx, &caller, lesson).await?))
}

/// Hand an exam in. Once more changes nothing.
#[utoipa::path(
    post, path = "/api/v1/me/lessons/{lesson_id}/hand-in", operation_id = "hand_in", tag = "my work",
    params(("lesson_id" = LessonId, Path)), responses((status = 200, body = LessonProblems))
)]
async fn hand_in(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path(lesson): Path<LessonId>,
) -> Result<Json<LessonProblems>, ApiError> {
    Ok(Json(sittings::hand_in(&ctx, &caller, lesson).await?))
}

/// What teachers have told the pupil, newest first.
#[utoipa::path(
    get, path = "/api/v1/me/notes", operation_id = "list_my_notes", tag = "my work",
    responses((status = 200, body = [PupilNote]))
)]
async fn list_my_notes(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
) -> Result<Json<Vec<PupilNote>>, ApiError> {
    Ok(Json(pupil_notes::list_own(&ctx, caller.user_id).await?))
}

/// The pupil has seen a note.
#[utoipa::path(
    post, path = "/api/v1/me/notes/{note_id}/seen", operation_id = "see_note", tag = "my work",
    params(("note_id" = NoteId, Path)), responses((status = 204))
)]
async fn see_note(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path(note): Path<NoteId>,
) -> Result<StatusCode, ApiError> {
    pupil_notes::see(&ctx, caller.user_id, note).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<SittingError> for ApiError {
    fn from(err: SittingError) -> Self {
        match err {
            SittingError::UnknownLesson => ApiError::not_found("That lesson"),
            SittingError::NotAnExam => ApiError::bad_field("lesson_id", "this lesson is not an exam"),
            SittingError::Over => {
                ApiError::new(StatusCode::CONFLICT, ProblemCode::LessonClosed, "This exam is over.")
                    .hint("Go back to your list of problems.")
            }
            SittingError::Paused => Refusal::Paused.into(),
            SittingError::NotBegun => Refusal::NotBegun.into(),
            SittingError::ExamRunning => AnsweringError::ExamRunning.into(),
            SittingError::Store(cause) => cause.into(),
        }
    }
}
