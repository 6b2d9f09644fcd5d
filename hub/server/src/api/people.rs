//! `/users`, `/staff` and who teaches a class.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use dreamseed_wire::{
    account::{AddUser, NewSecret, Role, UserView},
    hub::Problem,
    ids::{ClassId, UserId},
    people::StaffEntry,
};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    extract::{Body, Caller, Path, Peer, Query},
    problem::ApiError,
};
use crate::{
    auth::{By, accounts},
    enrolling,
    hub::Ctx,
};

pub fn routes() -> OpenApiRouter<Arc<Ctx>> {
    OpenApiRouter::new()
        .routes(routes!(list_users, add_user))
        .routes(routes!(archive_user))
        .routes(routes!(reset_secret))
        .routes(routes!(end_user_sessions))
        .routes(routes!(list_staff))
        .routes(routes!(add_teacher, remove_teacher))
}

/// Which people.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WhichUsers {
    /// All roles if absent.
    pub role: Option<Role>,
}

/// The people of the school.
#[utoipa::path(
    get, path = "/api/v1/users", operation_id = "list_users", tag = "people", params(WhichUsers),
    responses((status = 200, body = [UserView]))
)]
async fn list_users(State(ctx): State<Arc<Ctx>>, Query(which): Query<WhichUsers>) -> Json<Vec<UserView>> {
    Json(accounts::list_users(&ctx.school.get(), which.role))
}

/// Makes a parent's, teacher's or admin's account; the first password is told this once.
#[utoipa::path(
    post, path = "/api/v1/users", operation_id = "add_user", tag = "people", request_body = AddUser,
    responses(
        (status = 201, body = NewSecret),
        (status = 409, description = "The login name is taken", body = Problem),
        (status = 422, description = "A field cannot be taken", body = Problem),
    )
)]
async fn add_user(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    peer: Peer,
    Body(body): Body<AddUser>,
) -> Result<(StatusCode, Json<NewSecret>), ApiError> {
    let by = By::caller(&caller, peer);
    let made = accounts::add_user(&ctx, by, body).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Gives somebody a new PIN or first password; their sessions end.
#[utoipa::path(
    post, path = "/api/v1/users/{user_id}/secret", operation_id = "reset_secret", tag = "people",
    params(("user_id" = UserId, Path)), responses((status = 200, body = NewSecret))
)]
async fn reset_secret(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    peer: Peer,
    Path(user): Path<UserId>,
) -> Result<Json<NewSecret>, ApiError> {
    let by = By::caller(&caller, peer);
    Ok(Json(accounts::reset_secret(&ctx, by, user).await?))
}

/// Ends all sessions of somebody.
#[utoipa::path(
    delete, path = "/api/v1/users/{user_id}/sessions", operation_id = "end_user_sessions", tag = "people",
    params(("user_id" = UserId, Path)), responses((status = 204))
)]
async fn end_user_sessions(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    peer: Peer,
    Path(user): Path<UserId>,
) -> Result<StatusCode, ApiError> {
    let by = By::caller(&caller, peer);
    accounts::end_sessions(&ctx, by, user).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Closes an account; its record stays.
#[utoipa::path(
    delete, path = "/api/v1/users/{user_id}", operation_id = "archive_user", tag = "people",
    params(("user_id" = UserId, Path)),
    responses((status = 204), (status = 409, description = "The last admin", body = Problem))
)]
async fn archive_user(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    peer: Peer,
    Path(user): Path<UserId>,
) -> Result<StatusCode, ApiError> {
    let by = By::caller(&caller, peer);
    accounts::archive_user(&ctx, by, user).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The teachers of the school, to choose from.
#[utoipa::path(
    get, path = "/api/v1/staff", operation_id = "list_staff", tag = "people",
    responses((status = 200, body = [StaffEntry]))
)]
async fn list_staff(State(ctx): State<Arc<Ctx>>) -> Json<Vec<StaffEntry>> {
    Json(enrolling::list_staff(&ctx.school.get()))
}

/// Lets a teacher teach the class beside the others.
#[utoipa::path(
    put, path = "/api/v1/classes/{class_id}/teachers/{user_id}", operation_id = "add_teacher", tag = "people",
    params(("class_id" = ClassId, Path), ("user_id" = UserId, Path)), responses((status = 204))
)]
async fn add_teacher(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path((class, teacher)): Path<(ClassId, UserId)>,
) -> Result<StatusCode, ApiError> {
    enrolling::add_teacher(&ctx, &caller, class, teacher).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends a teacher's time with the class; never the last one's.
#[utoipa::path(
    delete, path = "/api/v1/classes/{class_id}/teachers/{user_id}", operation_id = "remove_teacher", tag = "people",
    params(("class_id" = ClassId, Path), ("user_id" = UserId, Path)),
    responses((status = 204), (status = 409, description = "The last teacher", body = Problem))
)]
async fn remove_teacher(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path((class, teacher)): Path<(ClassId, UserId)>,
) -> Result<StatusCode, ApiError> {
    enrolling::remove_teacher(&ctx, &caller, class, teacher).await?;
    Ok(StatusCode::NO_CONTENT)
}
