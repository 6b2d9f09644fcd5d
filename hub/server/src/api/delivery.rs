//! `/devices/{device_id}/…`: what a device delivers and asks in its own name, proven by its signature.

use std::sync::Arc;

use axum::{
    Json,
    extract::{FromRequest, FromRequestParts, Request, State},
    http::{HeaderMap, StatusCode},
};
use bytes::Bytes;
use dreamseed_wire::{
    delivery::{AskLacking, DeliverAnswers, Delivered, Lacking},
    hub::{Problem, ProblemCode},
    ids::DeviceId,
};
use serde::de::DeserializeOwned;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{extract::Path, problem::ApiError};
use crate::{
    delivery::{self, DeliveryError},
    devices::{self, SignedRequest},
    hub::Ctx,
    limits,
};

const SIGNATURE: &str = "dreamseed-signature";
const CERTIFICATE: &str = "dreamseed-device-certificate";

pub fn routes() -> OpenApiRouter<Arc<Ctx>> {
    OpenApiRouter::new().routes(routes!(deliver_answers)).routes(routes!(find_lacking_answers))
}

/// Answers that the device has kept; what became of each stands in the reply. Sending the same again is harmless.
#[utoipa::path(
    post, path = "/api/v1/devices/{device_id}/answers", operation_id = "deliver_answers", tag = "devices",
    params(
        ("device_id" = DeviceId, Path),
        ("Dreamseed-Signature" = String, Header, description = "Ed25519 over method, path, hub and body, base64url"),
        ("Dreamseed-Device-Certificate" = Option<String>, Header, description = "What the device got when it was enrolled"),
    ),
    request_body = DeliverAnswers,
    responses(
        (status = 200, body = Delivered),
        (status = 400, description = "More items than one batch may have", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "Not signed by a device of this hub", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The device was revoked", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many batches of this device", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn deliver_answers(
    State(ctx): State<Arc<Ctx>>,
    SignedDevice { device, body }: SignedDevice<DeliverAnswers>,
) -> Result<Json<Delivered>, ApiError> {
    Ok(Json(delivery::deliver(&ctx, device, body).await?))
}

/// Which of these answers the hub does not have.
#[utoipa::path(
    post, path = "/api/v1/devices/{device_id}/lacking", operation_id = "find_lacking_answers", tag = "devices",
    params(
        ("device_id" = DeviceId, Path),
        ("Dreamseed-Signature" = String, Header, description = "Ed25519 over method, path, hub and body, base64url"),
        ("Dreamseed-Device-Certificate" = Option<String>, Header, description = "What the device got when it was enrolled"),
    ),
    request_body = AskLacking,
    responses(
        (status = 200, body = Lacking),
        (status = 400, description = "More ids than one question may have", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "Not signed by a device of this hub", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The device was revoked", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many batches of this device", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn find_lacking_answers(
    State(ctx): State<Arc<Ctx>>,
    SignedDevice { body, .. }: SignedDevice<AskLacking>,
) -> Result<Json<Lacking>, ApiError> {
    Ok(Json(delivery::find_lacking(&ctx, body).await?))
}

/// A JSON body with the device that has signed it. Who is signed in on the device does not matter.
struct SignedDevice<T> {
    device: DeviceId,
    body: T,
}

impl<T: DeserializeOwned> FromRequest<Arc<Ctx>> for SignedDevice<T> {
    type Rejection = ApiError;
    async fn from_request(request: Request, ctx: &Arc<Ctx>) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let Path(device) = Path::<DeviceId>::from_request_parts(&mut parts, ctx).await?;
        let bytes = Bytes::from_request(Request::from_parts(parts.clone(), body), ctx).await.map_err(
            |rejection| match rejection.status() {
                status @ StatusCode::PAYLOAD_TOO_LARGE => {
                    ApiError::new(status, ProblemCode::TooLarge, "The request is larger than this hub takes.")
                        .hint("Send less at once.")
                }
                _ => rejection.into(),
            },
        )?;
        let signed = SignedRequest {
            method: parts.method.as_str(),
            path: parts.uri.path(),
            device,
            signature: header(&parts.headers, SIGNATURE).unwrap_or_default(),
            certificate: header(&parts.headers, CERTIFICATE),
            body: &bytes,
        };
        // Only then it is counted: nobody uses up another device's requests.
        let device = devices::verify(ctx, signed).await?.id;
        limits::count_device(ctx, device)?;
        let body = serde_json::from_slice(&bytes).map_err(|err| {
            // serde's sentence names the field and the place, never a value of another person.
            ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, ProblemCode::BadBody, err.to_string())
                .hint("Update the client; the description of the interface is in the hub's openapi.json.")
        })?;
        Ok(SignedDevice { device, body })
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

impl From<DeliveryError> for ApiError {
    fn from(err: DeliveryError) -> Self {
        match err {
            DeliveryError::TooMany { max } => Self::new(
                StatusCode::BAD_REQUEST,
                ProblemCode::BadRequest,
                format!("At most {max} may come at once."),
            )
            .hint("Send less at once."),
            DeliveryError::Busy => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                ProblemCode::Busy,
                "Very many devices deliver at once.",
            )
            .hint("Wait a moment; what waits on the device is sent again by itself.")
            .retry_after(2),
            DeliveryError::UnderWay => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                ProblemCode::TooManyRequests,
                "A delivery of this device is under way already.",
            )
            .hint("Wait until it has been answered; what waits on the device is sent again by itself.")
            .retry_after(1),
            DeliveryError::TooFast(wait) => limits::refuse(wait, "delivered"),
            DeliveryError::Store(err) => err.into(),
        }
    }
}
