//! `/me/problems`, `/me/standing`, `/me/progress`: what a pupil sees of their own work.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use dreamseed_wire::{
    problem::{MyProblems, MyStanding},
    progress::Progress,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{extract::Caller, problem::ApiError};
use crate::{hub::Ctx, progress, store::standings};

pub fn routes() -> OpenApiRouter<Arc<Ctx>> {
    OpenApiRouter::new()
        .routes(routes!(list_my_problems))
        .routes(routes!(get_my_standing))
        .routes(routes!(get_my_progress))
}

/// The open lessons of the pupil's class with their problems.
#[utoipa::path(
    get, path = "/api/v1/me/problems", operation_id = "list_my_problems", tag = "my work",
    responses((status = 200, body = MyProblems))
)]
async fn list_my_problems(State(ctx): State<Arc<Ctx>>, caller: Caller) -> Response {
    // Rendered once per class when the school is read: a whole class opens its list in the same second.
    ([(header::CONTENT_TYPE, "application/json")], ctx.school.get().my_problems(caller.user_id))
        .into_response()
}

/// Where the pupil stands with each problem tried.
#[utoipa::path(
    get, path = "/api/v1/me/standing", operation_id = "get_my_standing", tag = "my work",
    responses((status = 200, body = MyStanding))
)]
async fn get_my_standing(State(ctx): State<Arc<Ctx>>, caller: Caller) -> Result<Json<MyStanding>, ApiError> {
    let standings = ctx.store.read(move |conn| standings::of_pupil(conn, caller.user_id)).await?;
    Ok(Json(MyStanding { problems: standings.iter().map(standings::Standing::for_pupil).collect() }))
}

/// The pupil's own progress.
#[utoipa::path(
    get, path = "/api/v1/me/progress", operation_id = "get_my_progress", tag = "my work",
    responses((status = 200, body = Progress))
)]
async fn get_my_progress(State(ctx): State<Arc<Ctx>>, caller: Caller) -> Result<Json<Progress>, ApiError> {
    Ok(Json(progress::of_pupil(&ctx, caller.user_id).await?))
}
