//! `/audit`: who did what to whose data.

use std::sync::Arc;

use axum::{
    Json,
    body::Body as ResponseBody,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use dreamseed_wire::{
    Language,
    house::{AuditDeed, AuditPage},
    hub::{Problem, ProblemCode},
    ids::UserId,
    privacy::GiveReason,
};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    extract::{Body, Caller, Peer, Query},
    problem::ApiError,
};
use crate::{
    audit_log::{self, BadReason, ExportError, WhichRows},
    auth::By,
    hub::Ctx,
    store::audit::AuditFilter,
};

pub fn routes() -> OpenApiRouter<Arc<Ctx>> {
    OpenApiRouter::new()
        .routes(routes!(list_audit))
        .routes(routes!(list_audit_deeds))
        .routes(routes!(export_audit))
}

/// Which rows of the log.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AuditQuery {
    /// Rows before this number; the newest if absent.
    before: Option<i64>,
    /// 1 to 200; 50 if absent.
    limit: Option<u32>,
    /// Who did it.
    actor: Option<UserId>,
    /// Whose data.
    subject: Option<UserId>,
    /// What, as it is kept: `sign in`, `reset secret` …
    action: Option<String>,
    lang: Option<Language>,
}

/// The log, newest first, and whether it fits its chain.
#[utoipa::path(
    get, path = "/api/v1/audit", operation_id = "list_audit", tag = "house", params(AuditQuery),
    responses((status = 200, body = AuditPage))
)]
async fn list_audit(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Query(query): Query<AuditQuery>,
) -> Result<Json<AuditPage>, ApiError> {
    let language = query.lang.unwrap_or_else(|| ctx.school.get().working_language(caller.user_id));
    let filter = AuditFilter { actor: query.actor, subject: query.subject, action: query.action };
    let which = WhichRows { before: query.before, limit: query.limit, filter };
    Ok(Json(audit_log::page(&ctx, which, language).await?))
}

/// In which words.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DeedsQuery {
    lang: Option<Language>,
}

/// Every deed that the log may hold, for the choice of one.
#[utoipa::path(
    get, path = "/api/v1/audit/deeds", operation_id = "list_audit_deeds", tag = "house", params(DeedsQuery),
    responses((status = 200, body = [AuditDeed]))
)]
async fn list_audit_deeds(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Query(query): Query<DeedsQuery>,
) -> Json<Vec<AuditDeed>> {
    let language = query.lang.unwrap_or_else(|| ctx.school.get().working_language(caller.user_id));
    Json(audit_log::deeds(language))
}

/// The whole log as CSV; that it was handed out, to whom and why, is a row of it.
#[utoipa::path(
    post, path = "/api/v1/audit/export", operation_id = "export_audit", tag = "house", request_body = GiveReason,
    responses(
        (status = 200, description = "The log", body = String, content_type = "text/csv"),
        (status = 422, description = "No reason was given", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn export_audit(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    peer: Peer,
    Body(body): Body<GiveReason>,
) -> Result<Response, ApiError> {
    let language = ctx.school.get().working_language(caller.user_id);
    let by = By::caller(&caller, peer);
    let lines = audit_log::export(&ctx, by, &body.reason, language).await?;
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"dreamseed-audit.csv\""),
    ];
    Ok((headers, ResponseBody::from_stream(lines)).into_response())
}

impl From<ExportError> for ApiError {
    fn from(err: ExportError) -> Self {
        match err {
            ExportError::Reason(bad) => bad.into(),
            ExportError::Csv(err) => Self::internal(err),
            ExportError::Store(err) => err.into(),
        }
    }
}

impl From<BadReason> for ApiError {
    fn from(_: BadReason) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            ProblemCode::ReasonNeeded,
            "This needs a reason of 1 to 300 characters for the record.",
        )
        .hint("Say in a sentence what it is for, and send it again.")
    }
}
