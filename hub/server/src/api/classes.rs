//! `/classes`: classes, their settings, lessons and pupils' pages.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use dreamseed_wire::{
    class::{AddClass, ClassDetail, ClassSettings, ClassSummary, PupilPage},
    hub::{Problem, ProblemCode},
    ids::*,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    extract::{Body, Caller, Path},
    problem::ApiError,
};
use crate::{
    hub::Ctx,
    teaching::{self, TeachingError},
};

pub fn routes() -> OpenApiRouter<Arc<Ctx>> {
    OpenApiRouter::new()
        .routes(routes!(list_classes, add_class))
        .routes(routes!(get_class))
        .routes(routes!(set_class_settings))
        .routes(routes!(get_pupil_page))
}

/// The classes that the caller teaches; all for the admin.
#[utoipa::path(
    get, path = "/api/v1/classes", operation_id = "list_classes", tag = "classes",
    responses((status = 200, body = [ClassSummary]))
)]
async fn list_classes(State(ctx): State<Arc<Ctx>>, caller: Caller) -> Json<Vec<ClassSummary>> {
    Json(teaching::list_classes(&ctx.school.get(), &caller))
}

/// A new class with a sign-in code.
#[utoipa::path(
    post, path = "/api/v1/classes", operation_id = "add_class", tag = "classes", request_body = AddClass,
    responses(
        (status = 201, body = ClassSummary),
        (status = 409, description = "A class of this grade and year has that name", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn add_class(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Body(body): Body<AddClass>,
) -> Result<(StatusCode, Json<ClassSummary>), ApiError> {
    Ok((StatusCode::CREATED, Json(teaching::add_class(&ctx, &caller, body).await?)))
}

/// A class with its pupils, settings and lessons.
#[utoipa::path(
    get, path = "/api/v1/classes/{class_id}", operation_id = "get_class", tag = "classes",
    params(("class_id" = ClassId, Path)), responses((status = 200, body = ClassDetail))
)]
async fn get_class(
    State(ctx): State<Arc<Ctx>>,
    Path(id): Path<ClassId>,
) -> Result<Json<ClassDetail>, ApiError> {
    Ok(Json(teaching::class_detail(&ctx, id).await?))
}

/// Decides whether help comes by itself and when the solution may be seen.
#[utoipa::path(
    put, path = "/api/v1/classes/{class_id}/settings", operation_id = "set_class_settings", tag = "classes",
    params(("class_id" = ClassId, Path)), request_body = ClassSettings, responses((status = 204))
)]
async fn set_class_settings(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path(id): Path<ClassId>,
    Body(settings): Body<ClassSettings>,
) -> Result<StatusCode, ApiError> {
    teaching::set_class_settings(&ctx, &caller, id, settings).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A pupil's progress and answers with the transcripts of the help.
#[utoipa::path(
    get, path = "/api/v1/classes/{class_id}/pupils/{user_id}", operation_id = "get_pupil_page", tag = "classes",
    params(("class_id" = ClassId, Path), ("user_id" = UserId, Path)), responses((status = 200, body = PupilPage))
)]
async fn get_pupil_page(
    State(ctx): State<Arc<Ctx>>,
    Path((class, pupil)): Path<(ClassId, UserId)>,
) -> Result<Json<PupilPage>, ApiError> {
    Ok(Json(teaching::pupil_page(&ctx, class, pupil).await?))
}

impl From<TeachingError> for ApiError {
    fn from(err: TeachingError) -> Self {
        match err {
            TeachingError::UnknownClass => ApiError::not_found("That class"),
            TeachingError::UnknownPupil => ApiError::not_found("That pupil"),
            TeachingError::UnknownTeacher => {
                ApiError::bad_field("teachers", "one of them is not a teacher of this hub")
            }
            TeachingError::NameTaken => ApiError::new(
                StatusCode::CONFLICT,
                ProblemCode::Taken,
                "There is a class of that name in this grade and school year already.",
            )
            .hint("Open that class, or give the new one another name."),
            TeachingError::BadField { field, why } => ApiError::bad_field(field, why),
            TeachingError::Store(cause) => cause.into(),
        }
    }
}
