//! `/parents`, `/me/children` and the codes on paper that open them.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use dreamseed_wire::{
    account::{Child, SignedIn},
    hub::Problem,
    ids::ClassId,
    people::{AddChild, JoinAsParent, MakeParentCodes, ParentCode},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    cards::pdf,
    extract::{Body, Caller, Path, Peer},
    problem::ApiError,
    sessions::{agent, reply},
};
use crate::{hub::Ctx, parents};

pub fn routes() -> OpenApiRouter<Arc<Ctx>> {
    OpenApiRouter::new()
        .routes(routes!(join_as_parent))
        .routes(routes!(add_child))
        .routes(routes!(make_parent_codes))
        .routes(routes!(make_parent_letters))
}

/// Makes a parent's account with a paper code, keeps the consents and signs in.
#[utoipa::path(
    post, path = "/api/v1/parents", operation_id = "join_as_parent", tag = "people", request_body = JoinAsParent,
    responses(
        (status = 201, body = SignedIn),
        (status = 403, description = "Over plain HTTP", body = Problem),
        (status = 404, description = "The code opens nothing", body = Problem),
        (status = 409, description = "The login name or the code is taken", body = Problem),
        (status = 422, description = "A field or the password cannot be taken", body = Problem),
        (status = 429, description = "Too many wrong codes", body = Problem),
    )
)]
async fn join_as_parent(
    State(ctx): State<Arc<Ctx>>,
    peer: Peer,
    headers: HeaderMap,
    Body(body): Body<JoinAsParent>,
) -> Result<Response, ApiError> {
    let opened = parents::join(&ctx, body, peer, agent(&headers)).await?;
    reply(StatusCode::CREATED, opened)
}

/// A further child for the parent who is signed in.
#[utoipa::path(
    post, path = "/api/v1/me/children", operation_id = "add_child", tag = "people", request_body = AddChild,
    responses(
        (status = 200, body = [Child]),
        (status = 404, description = "The code opens nothing", body = Problem),
        (status = 422, description = "Consents without the one that is needed", body = Problem),
        (status = 429, description = "Too many wrong codes", body = Problem),
    )
)]
async fn add_child(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    peer: Peer,
    Body(body): Body<AddChild>,
) -> Result<Json<Vec<Child>>, ApiError> {
    Ok(Json(parents::add_child(&ctx, &caller, peer, body).await?))
}

/// One-time codes for the parents of a class; they are in this reply and nowhere else.
#[utoipa::path(
    post, path = "/api/v1/classes/{class_id}/parent-codes", operation_id = "make_parent_codes", tag = "people",
    params(("class_id" = ClassId, Path)), request_body = MakeParentCodes,
    responses(
        (status = 201, body = [ParentCode]),
        (status = 422, description = "A pupil is not in the class", body = Problem),
    )
)]
async fn make_parent_codes(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path(class): Path<ClassId>,
    Body(wanted): Body<MakeParentCodes>,
) -> Result<(StatusCode, Json<Vec<ParentCode>>), ApiError> {
    let codes = parents::make_codes(&ctx, &caller, class, &wanted).await?;
    Ok((StatusCode::CREATED, Json(codes)))
}

/// The same as letters, one page for each pupil.
#[utoipa::path(
    post, path = "/api/v1/classes/{class_id}/parent-letters", operation_id = "make_parent_letters", tag = "people",
    params(("class_id" = ClassId, Path)), request_body = MakeParentCodes,
    responses(
        (status = 200, content_type = "application/pdf", body = Vec<u8>),
        (status = 422, description = "A pupil is not in the class", body = Problem),
    )
)]
async fn make_parent_letters(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path(class): Path<ClassId>,
    Body(wanted): Body<MakeParentCodes>,
) -> Result<Response, ApiError> {
    let letters = parents::make_letters(&ctx, &caller, class, &wanted).await?;
    Ok(pdf("dreamseed-letters.pdf", letters))
}
