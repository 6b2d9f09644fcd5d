//! `/doctor`, `/hub/address`: how the hub is, and how it is reached.

use std::sync::Arc;

use axum::{Json, extract::State};
use dreamseed_wire::house::{DoctorReport, HubAddress};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    extract::{Caller, Query},
    problem::ApiError,
    problems::InLanguage,
};
use crate::{
    discovery,
    doctor::{self, Machine},
    hub::Ctx,
};

pub fn routes() -> OpenApiRouter<Arc<Ctx>> {
    OpenApiRouter::new().routes(routes!(get_hub_address)).routes(routes!(examine_hub))
}

/// The addresses to type, and a QR code to show the class.
#[utoipa::path(
    get, path = "/api/v1/hub/address", operation_id = "get_hub_address", tag = "house",
    responses((status = 200, body = HubAddress))
)]
async fn get_hub_address(State(ctx): State<Arc<Ctx>>) -> Result<Json<HubAddress>, ApiError> {
    Ok(Json(discovery::address(&ctx).map_err(|err| ApiError::internal(format!("{err:?}")))?))
}

/// What is well and what is not, each with one next step; as `dreamseed-hub doctor`.
#[utoipa::path(
    get, path = "/api/v1/doctor", operation_id = "examine_hub", tag = "house", params(InLanguage),
    responses((status = 200, body = DoctorReport))
)]
async fn examine_hub(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Query(query): Query<InLanguage>,
) -> Result<Json<DoctorReport>, ApiError> {
    let language = query.lang.unwrap_or_else(|| ctx.school.get().working_language(caller.user_id));
    let findings = doctor::examine(&ctx, Machine::this()).await?;
    Ok(Json(doctor::report(findings, language, ctx.clock.now())))
}
