//! `/setup`: the first admin, once.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use dreamseed_wire::{
    account::{SetUpHub, SignedIn},
    hub::Problem,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    extract::{Body, Peer},
    problem::ApiError,
    sessions::{agent, reply},
};
use crate::{auth::setup, hub::Ctx};

pub fn routes() -> OpenApiRouter<Arc<Ctx>> {
    OpenApiRouter::new().routes(routes!(set_up_hub))
}

/// Makes the first admin with the code that stands on the hub's console, and signs the admin in.
#[utoipa::path(
    post, path = "/api/v1/setup", operation_id = "set_up_hub", tag = "setup", request_body = SetUpHub,
    responses(
        (status = 201, body = SignedIn),
        (status = 401, description = "The code is wrong", body = Problem),
        (status = 403, description = "Set up already, closed, or not on the hub's machine", body = Problem),
        (status = 422, description = "A field or the password cannot be taken", body = Problem),
    )
)]
async fn set_up_hub(
    State(ctx): State<Arc<Ctx>>,
    peer: Peer,
    headers: HeaderMap,
    Body(body): Body<SetUpHub>,
) -> Result<Response, ApiError> {
    let opened = setup::set_up(&ctx, body, peer, agent(&headers)).await?;
    reply(StatusCode::CREATED, opened)
}
