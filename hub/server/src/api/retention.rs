//! `/retention`: what is kept how long.

use std::sync::Arc;

use axum::{Json, extract::State};
use dreamseed_wire::{
    hub::Problem,
    privacy::{RetentionReport, SetRetention},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    extract::{Body, Caller, Path, Peer},
    problem::ApiError,
};
use crate::{
    auth::By,
    hub::Ctx,
    retention::{self, RetentionError},
};

pub fn routes() -> OpenApiRouter<Arc<Ctx>> {
    OpenApiRouter::new()
        .routes(routes!(get_retention))
        .routes(routes!(set_retention))
        .routes(routes!(run_retention))
}

/// How long each kind of data is kept, and what a run would remove now.
#[utoipa::path(
    get, path = "/api/v1/retention", operation_id = "get_retention", tag = "privacy",
    responses((status = 200, body = RetentionReport))
)]
async fn get_retention(State(ctx): State<Arc<Ctx>>) -> Result<Json<RetentionReport>, ApiError> {
    Ok(Json(retention::report(&ctx).await?))
}

/// Changes how long a kind is kept; what a run would remove then.
#[utoipa::path(
    put, path = "/api/v1/retention/{kind}", operation_id = "set_retention", tag = "privacy",
    params(("kind" = String, Path)), request_body = SetRetention,
    responses(
        (status = 200, body = RetentionReport),
        (status = 404, description = "No such kind", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Days out of range", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn set_retention(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    peer: Peer,
    Path(kind): Path<String>,
    Body(body): Body<SetRetention>,
) -> Result<Json<RetentionReport>, ApiError> {
    let by = By::caller(&caller, peer);
    Ok(Json(retention::set_period(&ctx, by, &kind, body.keep_days).await?))
}

/// Removes what is past its time now; `due` tells how much of each kind went.
#[utoipa::path(
    post, path = "/api/v1/retention/run", operation_id = "run_retention", tag = "privacy",
    responses((status = 200, body = RetentionReport))
)]
async fn run_retention(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    peer: Peer,
) -> Result<Json<RetentionReport>, ApiError> {
    let by = By::caller(&caller, peer);
    Ok(Json(retention::run(&ctx, Some(by)).await?))
}

impl From<RetentionError> for ApiError {
    fn from(err: RetentionError) -> Self {
        match err {
            RetentionError::UnknownKind => ApiError::not_found("That kind of data"),
            RetentionError::BadDays { .. } => ApiError::bad_field("keep_days", &err.to_string()),
            RetentionError::Store(cause) => cause.into(),
        }
    }
}
