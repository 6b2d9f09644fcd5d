//! `/classes/{class_id}/pupils` and `/pupils/{user_id}`: new pupils of a class, and where pupils go.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use dreamseed_wire::{
    account::NewSecret,
    class::AddPupil,
    hub::{Problem, ProblemCode},
    ids::{ClassId, UserId},
    people::{Enrolment, MovePupil},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    extract::{Body, Caller, Path, Peer},
    problem::ApiError,
};
use crate::{
    auth::{By, accounts},
    enrolling::{self, EnrollingError},
    hub::Ctx,
};

pub fn routes() -> OpenApiRouter<Arc<Ctx>> {
    OpenApiRouter::new()
        .routes(routes!(add_pupil))
        .routes(routes!(list_enrolments))
        .routes(routes!(move_pupil))
}

/// Makes a pupil in the class; the PIN is told this once.
#[utoipa::path(
    post, path = "/api/v1/classes/{class_id}/pupils", operation_id = "add_pupil", tag = "people",
    params(("class_id" = ClassId, Path)), request_body = AddPupil,
    responses(
        (status = 201, body = NewSecret),
        (status = 409, description = "The number is taken", body = Problem),
        (status = 422, description = "A field or the PIN cannot be taken", body = Problem),
    )
)]
async fn add_pupil(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    peer: Peer,
    Path(class): Path<ClassId>,
    Body(body): Body<AddPupil>,
) -> Result<(StatusCode, Json<NewSecret>), ApiError> {
    let by = By::caller(&caller, peer);
    let made = accounts::add_pupil(&ctx, by, class, body).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// A pupil's times in classes, the latest first.
#[utoipa::path(
    get, path = "/api/v1/pupils/{user_id}/enrolments", operation_id = "list_enrolments", tag = "people",
    params(("user_id" = UserId, Path)), responses((status = 200, body = [Enrolment]))
)]
async fn list_enrolments(
    State(ctx): State<Arc<Ctx>>,
    Path(pupil): Path<UserId>,
) -> Result<Json<Vec<Enrolment>>, ApiError> {
    Ok(Json(enrolling::list_enrolments(&ctx, pupil).await?))
}

/// Moves a pupil to another class or number, or out of the classes.
#[utoipa::path(
    post, path = "/api/v1/pupils/{user_id}/move", operation_id = "move_pupil", tag = "people",
    params(("user_id" = UserId, Path)), request_body = MovePupil,
    responses(
        (status = 200, body = [Enrolment]),
        (status = 403, description = "Another teacher's class", body = Problem),
        (status = 409, description = "The number is taken", body = Problem),
        (status = 422, description = "A field cannot be taken", body = Problem),
    )
)]
async fn move_pupil(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path(pupil): Path<UserId>,
    Body(body): Body<MovePupil>,
) -> Result<Json<Vec<Enrolment>>, ApiError> {
    Ok(Json(enrolling::move_pupil(&ctx, &caller, pupil, body).await?))
}

impl From<EnrollingError> for ApiError {
    fn from(err: EnrollingError) -> Self {
        match err {
            EnrollingError::UnknownPupil => ApiError::not_found("That pupil"),
            EnrollingError::UnknownClass => ApiError::not_found("That class"),
            EnrollingError::UnknownTeacher => ApiError::not_found("That teacher"),
            EnrollingError::OtherTeachersClass => ApiError::not_allowed(),
            EnrollingError::NumberTaken => ApiError::new(
                StatusCode::CONFLICT,
                ProblemCode::Taken,
                "Somebody in the class has this number.",
            )
            .hint("Choose another number, or none: the next free one is taken then."),
            EnrollingError::LastTeacher => ApiError::new(
                StatusCode::CONFLICT,
                ProblemCode::NotAllowed,
                "This is the only teacher of the class: nobody could open it any more.",
            )
            .hint("Add another teacher first, or archive the class."),
            EnrollingError::ExamRunning => ApiError::new(
                StatusCode::CONFLICT,
                ProblemCode::ExamRunning,
                "The pupil sits in an exam that is running; elsewhere its answers would be lost.",
            )
            .hint("Close the exam first; then the pupil can be moved."),
            EnrollingError::BadField { field, why } => ApiError::bad_field(field, why),
            EnrollingError::Store(cause) => cause.into(),
        }
    }
}
