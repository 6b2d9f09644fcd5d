//! `/hub` and `/roster`: what may be known before signing in.

use std::sync::Arc;

use axum::{Json, extract::State};
use dreamseed_wire::{
    class::{OpenRoster, Roster},
    hub::HubInfo,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    extract::{Body, Peer},
    problem::ApiError,
};
use crate::hub::Ctx;

pub fn routes() -> OpenApiRouter<Arc<Ctx>> {
    OpenApiRouter::new().routes(routes!(get_hub)).routes(routes!(open_roster))
}

/// The hub's name, version and whether staff may sign in over this connection.
#[utoipa::path(
    get, path = "/api/v1/hub", operation_id = "get_hub", tag = "hub", responses((status = 200, body = HubInfo))
)]
async fn get_hub(State(ctx): State<Arc<Ctx>>, peer: Peer) -> Json<HubInfo> {
    Json(ctx.describe(peer))
}

/// The names of a class, for a device that knows its code.
#[utoipa::path(
    post, path = "/api/v1/roster", operation_id = "open_roster", tag = "hub", request_body = OpenRoster,
    responses((status = 200, body = Roster))
)]
async fn open_roster(
    State(ctx): State<Arc<Ctx>>,
    Body(body): Body<OpenRoster>,
) -> Result<Json<Roster>, ApiError> {
    let school = ctx.school.get();
    let class = ctx.auth.class_for_code(&school, &body.class_code, ctx.clock.now())?;
    Ok(Json(Roster {
        class_id: class.class_id,
        class_name: class.name.clone(),
        language: class.language,
        pupils: school.roster(class),
    }))
}
