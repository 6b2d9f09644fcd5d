//! `/children` and `/pupils/{user_id}/progress`: a pupil's progress for parents and staff.

use std::sync::Arc;

use axum::{Json, extract::State};
use dreamseed_wire::{
    account::{Child, Role},
    ids::UserId,
    progress::Progress,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    extract::{Caller, Path},
    problem::ApiError,
};
use crate::{hub::Ctx, parents, progress, sittings};

pub fn routes() -> OpenApiRouter<Arc<Ctx>> {
    OpenApiRouter::new().routes(routes!(list_children)).routes(routes!(get_progress))
}

/// The parent's children.
#[utoipa::path(
    get, path = "/api/v1/children", operation_id = "list_children", tag = "progress",
    responses((status = 200, body = [Child]))
)]
async fn list_children(State(ctx): State<Arc<Ctx>>, caller: Caller) -> Json<Vec<Child>> {
    Json(parents::children(&ctx.school.get(), caller.user_id))
}

/// A pupil's progress.
#[utoipa::path(
    get, path = "/api/v1/pupils/{user_id}/progress", operation_id = "get_progress", tag = "progress",
    params(("user_id" = UserId, Path)), responses((status = 200, body = Progress))
)]
async fn get_progress(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path(pupil): Path<UserId>,
) -> Result<Json<Progress>, ApiError> {
    if !ctx.school.get().people.contains_key(&pupil) {
        return Err(ApiError::not_found("That pupil"));
    }
    let progress = match caller.role {
        Role::Student | Role::Parent => sittings::family_progress(&ctx, pupil).await?,
        Role::Teacher | Role::Admin => progress::of_pupil(&ctx, pupil).await?,
    };
    Ok(Json(progress))
}
