//! `/classes/{class_id}/pupils`: new pupils of a class.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use dreamseed_wire::{account::NewSecret, class::AddPupil, hub::Problem, ids::ClassId};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    extract::{Body, Caller, Path, Peer},
    problem::ApiError,
};
use crate::{
    auth::{By, accounts},
    hub::Ctx,
};

pub fn routes() -> OpenApiRouter<Arc<Ctx>> {
    OpenApiRouter::new().routes(routes!(add_pupil))
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
