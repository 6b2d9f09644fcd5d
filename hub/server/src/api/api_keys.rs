//! `/api-keys`: keys with which programs of the school read reports and figures.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use dreamseed_wire::{
    house::{AddApiKey, ApiKeyView, NewApiKey},
    hub::Problem,
    ids::ApiKeyId,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    extract::{Body, Caller, Path, Peer},
    problem::ApiError,
};
use crate::{
    api_keys::{self, ApiKeyError},
    auth::By,
    hub::Ctx,
};

pub fn routes() -> OpenApiRouter<Arc<Ctx>> {
    OpenApiRouter::new().routes(routes!(list_api_keys, add_api_key)).routes(routes!(revoke_api_key))
}

/// All keys, newest first; those that were ended too.
#[utoipa::path(
    get, path = "/api/v1/api-keys", operation_id = "list_api_keys", tag = "house",
    responses((status = 200, body = [ApiKeyView]))
)]
async fn list_api_keys(State(ctx): State<Arc<Ctx>>) -> Result<Json<Vec<ApiKeyView>>, ApiError> {
    Ok(Json(api_keys::list(&ctx).await?))
}

/// Makes a key; it is told this once.
#[utoipa::path(
    post, path = "/api/v1/api-keys", operation_id = "add_api_key", tag = "house", request_body = AddApiKey,
    responses(
        (status = 201, body = NewApiKey),
        (status = 422, description = "A field cannot be taken", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn add_api_key(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    peer: Peer,
    Body(body): Body<AddApiKey>,
) -> Result<(StatusCode, Json<NewApiKey>), ApiError> {
    let made = api_keys::add(&ctx, By::caller(&caller, peer), body).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Ends a key at once.
#[utoipa::path(
    delete, path = "/api/v1/api-keys/{api_key_id}", operation_id = "revoke_api_key", tag = "house",
    params(("api_key_id" = ApiKeyId, Path)),
    responses(
        (status = 204),
        (status = 404, description = "No such key, or it was ended before", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn revoke_api_key(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    peer: Peer,
    Path(id): Path<ApiKeyId>,
) -> Result<StatusCode, ApiError> {
    if api_keys::revoke(&ctx, By::caller(&caller, peer), id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(ApiError::not_found("That key"))
    }
}

impl From<ApiKeyError> for ApiError {
    fn from(err: ApiKeyError) -> Self {
        match err {
            ApiKeyError::BadField { field, why } => Self::bad_field(field, why),
            ApiKeyError::Random(err) => Self::internal(err),
            ApiKeyError::Store(err) => err.into(),
        }
    }
}
