//! `/me`: who is signed in, where, and their own secret.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use dreamseed_wire::{
    account::{ChangePassword, Me, SessionView},
    hub::Problem,
    ids::SessionId,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    extract::{Body, Caller, Path, Peer},
    problem::ApiError,
};
use crate::{
    auth::{accounts, sign_in},
    hub::Ctx,
};

pub fn routes() -> OpenApiRouter<Arc<Ctx>> {
    OpenApiRouter::new()
        .routes(routes!(get_me))
        .routes(routes!(list_my_sessions))
        .routes(routes!(revoke_my_session))
        .routes(routes!(change_my_password))
}

/// Who is signed in.
#[utoipa::path(
    get, path = "/api/v1/me", operation_id = "get_me", tag = "me", responses((status = 200, body = Me))
)]
async fn get_me(State(ctx): State<Arc<Ctx>>, caller: Caller) -> Result<Json<Me>, ApiError> {
    let me = sign_in::me(&ctx.school.get(), caller.user_id, caller.session_id);
    Ok(Json(me.ok_or_else(ApiError::sign_in_needed)?))
}

/// One's own sessions, the latest first.
#[utoipa::path(
    get, path = "/api/v1/me/sessions", operation_id = "list_my_sessions", tag = "me",
    responses((status = 200, body = [SessionView]))
)]
async fn list_my_sessions(State(ctx): State<Arc<Ctx>>, caller: Caller) -> Json<Vec<SessionView>> {
    let now = ctx.clock.now();
    Json(ctx.auth.sessions().of_user(caller.user_id, caller.role, caller.session_id, now))
}

/// Ends one of one's own sessions.
#[utoipa::path(
    delete, path = "/api/v1/me/sessions/{session_id}", operation_id = "revoke_my_session", tag = "me",
    params(("session_id" = SessionId, Path)),
    responses((status = 204), (status = 404, description = "Not one of one's own", body = Problem))
)]
async fn revoke_my_session(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    peer: Peer,
    Path(session): Path<SessionId>,
) -> Result<StatusCode, ApiError> {
    sign_in::revoke(&ctx, &caller, session, peer).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Changes one's own password or PIN; other sessions end and this one needs a refresh.
#[utoipa::path(
    put, path = "/api/v1/me/password", operation_id = "change_my_password", tag = "me",
    request_body = ChangePassword,
    responses(
        (status = 204),
        (status = 403, description = "The current one is wrong", body = Problem),
        (status = 422, description = "The new one is weak", body = Problem),
        (status = 429, description = "Too many wrong tries", body = Problem),
    )
)]
async fn change_my_password(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    peer: Peer,
    Body(body): Body<ChangePassword>,
) -> Result<StatusCode, ApiError> {
    accounts::change_password(&ctx, &caller, body, peer).await?;
    Ok(StatusCode::NO_CONTENT)
}
