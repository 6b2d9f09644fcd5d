//! `/classes/{class_id}/lessons` and `/groups`, and what a teacher tells a pupil meanwhile.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use dreamseed_wire::{
    class::{ClassGroup, SetGroup},
    hub::ProblemCode,
    ids::*,
    lesson::{ExtendLesson, LessonView, OpenForPupil, OpenLesson, PupilNote, SendNote},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    extract::{Body, Caller, Path},
    problem::ApiError,
};
use crate::{
    hub::Ctx,
    lessons::{self, LessonError},
    pupil_notes::{self, NoteError},
};

pub fn routes() -> OpenApiRouter<Arc<Ctx>> {
    OpenApiRouter::new()
        .routes(routes!(open_lesson))
        .routes(routes!(pause_lesson))
        .routes(routes!(resume_lesson))
        .routes(routes!(extend_lesson))
        .routes(routes!(close_lesson))
        .routes(routes!(reopen_lesson))
        .routes(routes!(add_group))
        .routes(routes!(change_group, remove_group))
        .routes(routes!(archive_class))
        .routes(routes!(send_note))
        .routes(routes!(open_for_pupil))
}

/// Gives problems to the class or some of it, to practise or as an exam.
#[utoipa::path(
    post, path = "/api/v1/classes/{class_id}/lessons", operation_id = "open_lesson", tag = "lessons",
    params(("class_id" = ClassId, Path)), request_body = OpenLesson, responses((status = 201, body = LessonView))
)]
async fn open_lesson(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path(class): Path<ClassId>,
    Body(body): Body<OpenLesson>,
) -> Result<(StatusCode, Json<LessonView>), ApiError> {
    Ok((StatusCode::CREATED, Json(lessons::open(&ctx, &caller, class, body).await?)))
}

/// Everyone's screen waits; the lesson's time stands still.
#[utoipa::path(
    post, path = "/api/v1/classes/{class_id}/lessons/{lesson_id}/pause", operation_id = "pause_lesson", tag = "lessons",
    params(("class_id" = ClassId, Path), ("lesson_id" = LessonId, Path)), responses((status = 200, body = LessonView))
)]
async fn pause_lesson(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path((class, lesson)): Path<(ClassId, LessonId)>,
) -> Result<Json<LessonView>, ApiError> {
    Ok(Json(lessons::pause(&ctx, &caller, class, lesson).await?))
}

/// The lesson goes on with the time that it had.
#[utoipa::path(
    post, path = "/api/v1/classes/{class_id}/lessons/{lesson_id}/resume", operation_id = "resume_lesson", tag = "lessons",
    params(("class_id" = ClassId, Path), ("lesson_id" = LessonId, Path)), responses((status = 200, body = LessonView))
)]
async fn resume_lesson(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path((class, lesson)): Path<(ClassId, LessonId)>,
) -> Result<Json<LessonView>, ApiError> {
    Ok(Json(lessons::resume(&ctx, &caller, class, lesson).await?))
}

/// More or less time for a lesson that has a limit.
#[utoipa::path(
    post, path = "/api/v1/classes/{class_id}/lessons/{lesson_id}/extend", operation_id = "extend_lesson", tag = "lessons",
    params(("class_id" = ClassId, Path), ("lesson_id" = LessonId, Path)), request_body = ExtendLesson,
    responses((status = 200, body = LessonView))
)]
async fn extend_lesson(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path((class, lesson)): Path<(ClassId, LessonId)>,
    Body(body): Body<ExtendLesson>,
) -> Result<Json<LessonView>, ApiError> {
    Ok(Json(lessons::extend(&ctx, &caller, class, lesson, body).await?))
}

/// Ends a lesson.
#[utoipa::path(
    post, path = "/api/v1/classes/{class_id}/lessons/{lesson_id}/close", operation_id = "close_lesson", tag = "lessons",
    params(("class_id" = ClassId, Path), ("lesson_id" = LessonId, Path)), responses((status = 204))
)]
async fn close_lesson(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path((class, lesson)): Path<(ClassId, LessonId)>,
) -> Result<StatusCode, ApiError> {
    lessons::close(&ctx, &caller, class, lesson).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Undoes a close: the lesson goes on with the time that was left, or for ten minutes.
#[utoipa::path(
    post, path = "/api/v1/classes/{class_id}/lessons/{lesson_id}/reopen", operation_id = "reopen_lesson", tag = "lessons",
    params(("class_id" = ClassId, Path), ("lesson_id" = LessonId, Path)), responses((status = 200, body = LessonView))
)]
async fn reopen_lesson(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path((class, lesson)): Path<(ClassId, LessonId)>,
) -> Result<Json<LessonView>, ApiError> {
    Ok(Json(lessons::reopen(&ctx, &caller, class, lesson).await?))
}

/// Makes a group of pupils, to give lessons to.
#[utoipa::path(
    post, path = "/api/v1/classes/{class_id}/groups", operation_id = "add_group", tag = "classes",
    params(("class_id" = ClassId, Path)), request_body = SetGroup, responses((status = 201, body = ClassGroup))
)]
async fn add_group(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path(class): Path<ClassId>,
    Body(body): Body<SetGroup>,
) -> Result<(StatusCode, Json<ClassGroup>), ApiError> {
    Ok((StatusCode::CREATED, Json(lessons::add_group(&ctx, &caller, class, body).await?)))
}

/// Changes a group's name and pupils.
#[utoipa::path(
    put, path = "/api/v1/classes/{class_id}/groups/{group_id}", operation_id = "change_group", tag = "classes",
    params(("class_id" = ClassId, Path), ("group_id" = GroupId, Path)), request_body = SetGroup,
    responses((status = 200, body = ClassGroup))
)]
async fn change_group(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path((class, group)): Path<(ClassId, GroupId)>,
    Body(body): Body<SetGroup>,
) -> Result<Json<ClassGroup>, ApiError> {
    Ok(Json(lessons::change_group(&ctx, &caller, class, group, body).await?))
}

/// Takes a group away; lessons that were given to its pupils stay.
#[utoipa::path(
    delete, path = "/api/v1/classes/{class_id}/groups/{group_id}", operation_id = "remove_group", tag = "classes",
    params(("class_id" = ClassId, Path), ("group_id" = GroupId, Path)), responses((status = 204))
)]
async fn remove_group(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path((class, group)): Path<(ClassId, GroupId)>,
) -> Result<StatusCode, ApiError> {
    lessons::remove_group(&ctx, &caller, class, group).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a class out of use and closes its lessons; refused while an exam is running in it.
#[utoipa::path(
    delete, path = "/api/v1/classes/{class_id}", operation_id = "archive_class", tag = "classes",
    params(("class_id" = ClassId, Path)), responses((status = 204))
)]
async fn archive_class(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path(class): Path<ClassId>,
) -> Result<StatusCode, ApiError> {
    lessons::archive_class(&ctx, &caller, class).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sends a pupil a note, which is on the pupil's screen at once.
#[utoipa::path(
    post, path = "/api/v1/classes/{class_id}/pupils/{user_id}/notes", operation_id = "send_note", tag = "lessons",
    params(("class_id" = ClassId, Path), ("user_id" = UserId, Path)), request_body = SendNote,
    responses((status = 201, body = PupilNote))
)]
async fn send_note(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path(to): Path<(ClassId, UserId)>,
    Body(body): Body<SendNote>,
) -> Result<(StatusCode, Json<PupilNote>), ApiError> {
    Ok((StatusCode::CREATED, Json(pupil_notes::send(&ctx, &caller, to, body).await?)))
}

/// Opens the author's next hint or the worked solution to a pupil.
#[utoipa::path(
    post, path = "/api/v1/classes/{class_id}/pupils/{user_id}/open", operation_id = "open_for_pupil", tag = "lessons",
    params(("class_id" = ClassId, Path), ("user_id" = UserId, Path)), request_body = OpenForPupil,
    responses((status = 201, body = PupilNote))
)]
async fn open_for_pupil(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path(to): Path<(ClassId, UserId)>,
    Body(body): Body<OpenForPupil>,
) -> Result<(StatusCode, Json<PupilNote>), ApiError> {
    Ok((StatusCode::CREATED, Json(pupil_notes::open(&ctx, &caller, to, body).await?)))
}

impl From<LessonError> for ApiError {
    fn from(err: LessonError) -> Self {
        match err {
            LessonError::UnknownClass => ApiError::not_found("That class"),
            LessonError::UnknownLesson => ApiError::not_found("That lesson"),
            LessonError::UnknownGroup => ApiError::not_found("That group"),
            LessonError::UnknownProblem => {
                ApiError::bad_field("problem_ids", "one of the problems is not on this hub")
            }
            LessonError::Over(_) => {
                ApiError::new(StatusCode::CONFLICT, ProblemCode::LessonClosed, "This lesson is over.")
                    .hint("Open it again if it was closed by mistake.")
            }
            LessonError::NoLimit => ApiError::bad_field("minutes", "this lesson has no time limit"),
            LessonError::ExamRunning => ApiError::new(
                StatusCode::CONFLICT,
                ProblemCode::ExamRunning,
                "An exam is running in this class; pupils may be sitting in it.",
            )
            .hint("Close the exam first; then the class can be archived."),
            LessonError::BadField { field, why } => ApiError::bad_field(field, why),
            LessonError::Store(cause) => cause.into(),
        }
    }
}

impl From<NoteError> for ApiError {
    fn from(err: NoteError) -> Self {
        match err {
            NoteError::UnknownNote => ApiError::not_found("That note"),
            NoteError::UnknownPupil => ApiError::not_found("That pupil"),
            NoteError::BadField { field, why } => ApiError::bad_field(field, why),
            NoteError::ExamRunning => ApiError::new(
                StatusCode::CONFLICT,
                ProblemCode::ExamRunning,
                "An exam with this problem is running for the pupil: nothing can be opened before it is closed.",
            )
            .hint("Close the exam, or send a note without help."),
            NoteError::Store(cause) => cause.into(),
        }
    }
}
