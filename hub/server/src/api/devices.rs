//! `/devices`: who may deliver answers in a device's own name; `/me/deposit`: a pupil works on one.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use dreamseed_wire::{
    delivery::{AskDepositProof, DepositProof, DeviceView, EnrolDevice, EnrolledDevice},
    hub::{Problem, ProblemCode},
    ids::DeviceId,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    extract::{Body, Caller, Path, Peer},
    problem::ApiError,
};
use crate::{
    auth::By,
    devices::{self, DeviceError},
    hub::Ctx,
};

pub fn routes() -> OpenApiRouter<Arc<Ctx>> {
    OpenApiRouter::new()
        .routes(routes!(list_devices, enrol_device))
        .routes(routes!(revoke_device))
        .routes(routes!(ask_deposit_proof))
}

/// All devices, newest first; those that were revoked too.
#[utoipa::path(
    get, path = "/api/v1/devices", operation_id = "list_devices", tag = "devices",
    responses((status = 200, body = [DeviceView]))
)]
async fn list_devices(State(ctx): State<Arc<Ctx>>) -> Result<Json<Vec<DeviceView>>, ApiError> {
    Ok(Json(devices::list(&ctx).await?))
}

/// Enrols the device on which the caller works. The same key again gives the same device.
#[utoipa::path(
    post, path = "/api/v1/devices", operation_id = "enrol_device", tag = "devices", request_body = EnrolDevice,
    responses(
        (status = 201, body = EnrolledDevice),
        (status = 403, description = "The device was revoked, or there are too many", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Somebody else has enrolled this key", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A field cannot be taken", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn enrol_device(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    peer: Peer,
    Body(body): Body<EnrolDevice>,
) -> Result<(StatusCode, Json<EnrolledDevice>), ApiError> {
    let enrolled = devices::enrol(&ctx, By::caller(&caller, peer), body).await?;
    Ok((StatusCode::CREATED, Json(enrolled)))
}

/// Ends a device at once; what it has delivered stays.
#[utoipa::path(
    delete, path = "/api/v1/devices/{device_id}", operation_id = "revoke_device", tag = "devices",
    params(("device_id" = DeviceId, Path)),
    responses(
        (status = 204),
        (status = 404, description = "No such device", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn revoke_device(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    peer: Peer,
    Path(id): Path<DeviceId>,
) -> Result<StatusCode, ApiError> {
    devices::revoke(&ctx, By::caller(&caller, peer), id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A proof that the caller works on this device, for what the device delivers later in the caller's name.
#[utoipa::path(
    post, path = "/api/v1/me/deposit", operation_id = "ask_deposit_proof", tag = "devices",
    request_body = AskDepositProof,
    responses(
        (status = 200, body = DepositProof),
        (status = 403, description = "The device was revoked", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such device", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn ask_deposit_proof(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Body(body): Body<AskDepositProof>,
) -> Result<Json<DepositProof>, ApiError> {
    Ok(Json(devices::issue_deposit(&ctx, caller.user_id, body.device_id)?))
}

impl From<DeviceError> for ApiError {
    fn from(err: DeviceError) -> Self {
        match err {
            DeviceError::BadField { field, why } => Self::bad_field(field, why),
            DeviceError::KeyTaken => Self::new(
                StatusCode::CONFLICT,
                ProblemCode::Taken,
                "Somebody else has enrolled a device with this key.",
            )
            .hint("Make a new key on this device and enrol it with that."),
            DeviceError::TooManyToday { retry_after_secs } => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                ProblemCode::TooManyRequests,
                "This person has enrolled as many devices today as one person may.",
            )
            .hint("Let somebody else enrol the next device, or go on tomorrow.")
            .retry_after(retry_after_secs),
            DeviceError::TooManyOwn => Self::new(
                StatusCode::FORBIDDEN,
                ProblemCode::NotAllowed,
                "This person has enrolled as many devices that are in use as one person may.",
            )
            .hint("Let a teacher enrol this device, or ask the admin to revoke devices that are not used any more."),
            DeviceError::TooMany => Self::new(
                StatusCode::FORBIDDEN,
                ProblemCode::NotAllowed,
                "This school has as many devices as the hub takes.",
            )
            .hint("Ask the admin to revoke devices that are not used any more."),
            DeviceError::NotProven => Self::new(
                StatusCode::UNAUTHORIZED,
                ProblemCode::SignInNeeded,
                "The hub does not take this as a request of an enrolled device.",
            )
            .hint("Sign in on the device and enrol it again; what waits on it stays there."),
            DeviceError::Revoked => Self::new(
                StatusCode::FORBIDDEN,
                ProblemCode::NotAllowed,
                "The admin has revoked this device: the hub takes nothing from it any more.",
            )
            .hint("Show the device to the admin; what waits on it stays there."),
            DeviceError::Unknown => Self::not_found("That device"),
            DeviceError::Store(err) => err.into(),
        }
    }
}
