//! `/notices`, `/models`, `/engine`: what the admin looks after.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use dreamseed_wire::{
    hub::Notice,
    ids::NoticeId,
    model::{EngineView, ModelView},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    extract::{Caller, Path, Query},
    problem::ApiError,
    problems::InLanguage,
};
use crate::{hub::Ctx, notices, tutor_model};

pub fn routes() -> OpenApiRouter<Arc<Ctx>> {
    OpenApiRouter::new()
        .routes(routes!(list_notices))
        .routes(routes!(dismiss_notice))
        .routes(routes!(list_models))
        .routes(routes!(get_engine))
}

/// What the admin should know or do.
#[utoipa::path(
    get, path = "/api/v1/notices", operation_id = "list_notices", tag = "admin", params(InLanguage),
    responses((status = 200, body = [Notice]))
)]
async fn list_notices(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Query(query): Query<InLanguage>,
) -> Result<Json<Vec<Notice>>, ApiError> {
    let language = query.lang.unwrap_or_else(|| ctx.school.get().working_language(caller.user_id));
    Ok(Json(notices::list(&ctx, language).await?))
}

/// Takes a notice off the list.
#[utoipa::path(
    delete, path = "/api/v1/notices/{notice_id}", operation_id = "dismiss_notice", tag = "admin",
    params(("notice_id" = NoticeId, Path)), responses((status = 204))
)]
async fn dismiss_notice(
    State(ctx): State<Arc<Ctx>>,
    Path(id): Path<NoticeId>,
) -> Result<StatusCode, ApiError> {
    if notices::dismiss(&ctx, id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(ApiError::not_found("That notice"))
    }
}

/// The catalogue with what is installed.
#[utoipa::path(
    get, path = "/api/v1/models", operation_id = "list_models", tag = "admin",
    responses((status = 200, body = [ModelView]))
)]
async fn list_models(State(ctx): State<Arc<Ctx>>) -> Result<Json<Vec<ModelView>>, ApiError> {
    Ok(Json(tutor_model::list(&ctx).await.map_err(ApiError::internal)?))
}

/// The engine's state.
#[utoipa::path(
    get, path = "/api/v1/engine", operation_id = "get_engine", tag = "admin",
    responses((status = 200, body = EngineView))
)]
async fn get_engine(State(ctx): State<Arc<Ctx>>) -> Json<EngineView> {
    Json(tutor_model::engine_view(&ctx))
}
