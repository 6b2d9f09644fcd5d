//! `/record`: how the record stands.

use std::sync::Arc;

use axum::{Json, extract::State};
use dreamseed_wire::delivery::RecordState;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::problem::ApiError;
use crate::{epochs, hub::Ctx};

pub fn routes() -> OpenApiRouter<Arc<Ctx>> {
    OpenApiRouter::new().routes(routes!(get_record))
}

/// The epoch, the last number in it, and up to where everything was read back from a backup on another device.
#[utoipa::path(
    get, path = "/api/v1/record", operation_id = "get_record", tag = "record",
    responses((status = 200, body = RecordState))
)]
async fn get_record(State(ctx): State<Arc<Ctx>>) -> Result<Json<RecordState>, ApiError> {
    Ok(Json(epochs::record_state(&ctx).await?))
}
