//! `/pupils/{user_id}/consents`, `/export`, `/erasure`: the rights of pupils and guardians.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use dreamseed_wire::{
    hub::{Problem, ProblemCode},
    ids::{ConsentId, UserId},
    privacy::{ConsentView, ErasePupil, Erased, GiveReason, RecordConsent},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    extract::{Body, Caller, Path, Peer},
    problem::ApiError,
};
use crate::{
    auth::By,
    hub::Ctx,
    privacy::{self, PrivacyError, erasure, pupil_file},
};

pub fn routes() -> OpenApiRouter<Arc<Ctx>> {
    OpenApiRouter::new()
        .routes(routes!(list_consents))
        .routes(routes!(record_consent))
        .routes(routes!(withdraw_consent))
        .routes(routes!(export_pupil))
        .routes(routes!(erase_pupil))
}

/// What guardians have agreed to for a pupil, newest first.
#[utoipa::path(
    get, path = "/api/v1/pupils/{user_id}/consents", operation_id = "list_consents", tag = "privacy",
    params(("user_id" = UserId, Path)), responses((status = 200, body = [ConsentView]))
)]
async fn list_consents(
    State(ctx): State<Arc<Ctx>>,
    Path(pupil): Path<UserId>,
) -> Result<Json<Vec<ConsentView>>, ApiError> {
    Ok(Json(privacy::list_consents(&ctx, pupil).await?))
}

/// Keeps a consent: a parent's own online, or one that came to the school.
#[utoipa::path(
    post, path = "/api/v1/pupils/{user_id}/consents", operation_id = "record_consent", tag = "privacy",
    params(("user_id" = UserId, Path)), request_body = RecordConsent,
    responses(
        (status = 201, body = ConsentView),
        (status = 422, description = "A field cannot be taken", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn record_consent(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    peer: Peer,
    Path(pupil): Path<UserId>,
    Body(body): Body<RecordConsent>,
) -> Result<(StatusCode, Json<ConsentView>), ApiError> {
    let by = By::caller(&caller, peer);
    Ok((StatusCode::CREATED, Json(privacy::record_consent(&ctx, &caller, by, pupil, body).await?)))
}

/// Withdraws a consent; its row stays in the ledger.
#[utoipa::path(
    delete, path = "/api/v1/pupils/{user_id}/consents/{consent_id}", operation_id = "withdraw_consent", tag = "privacy",
    params(("user_id" = UserId, Path), ("consent_id" = ConsentId, Path)), responses((status = 204))
)]
async fn withdraw_consent(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    peer: Peer,
    Path((pupil, consent)): Path<(UserId, ConsentId)>,
) -> Result<StatusCode, ApiError> {
    privacy::withdraw_consent(&ctx, By::caller(&caller, peer), pupil, consent).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// All that the hub holds about a pupil, as a zip file.
#[utoipa::path(
    post, path = "/api/v1/pupils/{user_id}/export", operation_id = "export_pupil", tag = "privacy",
    params(("user_id" = UserId, Path)), request_body = GiveReason,
    responses(
        (status = 200, body = Vec<u8>, content_type = "application/zip"),
        (status = 422, description = "No reason was given", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn export_pupil(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    peer: Peer,
    Path(pupil): Path<UserId>,
    Body(body): Body<GiveReason>,
) -> Result<Response, ApiError> {
    let by = By::caller(&caller, peer);
    let file = pupil_file::write(&ctx, &caller, by, pupil, &body.reason).await?;
    let headers = [
        (header::CONTENT_TYPE, "application/zip".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", file.file_name)),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, file.bytes).into_response())
}

/// Erases a pupil for good; the name must be typed again.
#[utoipa::path(
    post, path = "/api/v1/pupils/{user_id}/erasure", operation_id = "erase_pupil", tag = "privacy",
    params(("user_id" = UserId, Path)), request_body = ErasePupil,
    responses(
        (status = 200, body = Erased),
        (status = 422, description = "No reason, or another name", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn erase_pupil(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    peer: Peer,
    Path(pupil): Path<UserId>,
    Body(body): Body<ErasePupil>,
) -> Result<Json<Erased>, ApiError> {
    Ok(Json(erasure::erase(&ctx, By::caller(&caller, peer), pupil, body).await?))
}

impl From<PrivacyError> for ApiError {
    fn from(err: PrivacyError) -> Self {
        match err {
            PrivacyError::UnknownPupil => ApiError::not_found("That pupil"),
            PrivacyError::UnknownConsent => ApiError::not_found("That consent"),
            PrivacyError::ReasonNeeded => ApiError::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                ProblemCode::ReasonNeeded,
                "This touches all of a pupil's data: the record needs a reason.",
            )
            .hint("Say in a few words what it is for, without the pupil's name."),
            PrivacyError::ExamRunning => ApiError::new(
                StatusCode::CONFLICT,
                ProblemCode::ExamRunning,
                "The pupil sits in an exam that is running. Nothing was erased.",
            )
            .hint("Close the exam, then erase the pupil's data."),
            PrivacyError::BadField { field, why } => ApiError::bad_field(field, why),
            PrivacyError::TooLarge => ApiError::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                ProblemCode::TooLarge,
                "This pupil's data is larger than one file may be.",
            )
            .hint("Show the admin this message: the files can be taken from the database."),
            PrivacyError::File(cause) => ApiError::internal(cause),
            PrivacyError::Store(cause) => cause.into(),
        }
    }
}
