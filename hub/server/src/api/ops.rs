//! `/livez`, `/readyz`, `/metrics`: for whoever watches over the hub.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

use super::{extract::Peer, problem::ApiError};
use crate::{api_keys, auth, hub::Ctx, limits, permissions, store::hub_meta, telemetry};

pub fn routes() -> Router<Arc<Ctx>> {
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(show_metrics))
}

/// Ready as soon as answers can be kept; the model is not needed for that.
async fn ready(State(ctx): State<Arc<Ctx>>) -> Response {
    if ctx.stopping.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response();
    }
    match ctx.store.read(hub_meta::last_seq).await {
        Ok(_) => "ready\n".into_response(),
        Err(err) => {
            tracing::warn!(error = %err, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n").into_response()
        }
    }
}

/// Prometheus text, for this machine, whoever has the token of `keys/metrics.token`, or a program with a key.
async fn show_metrics(
    State(ctx): State<Arc<Ctx>>,
    peer: Peer,
    request: Request,
) -> Result<Response, ApiError> {
    let token = permissions::bearer(&request);
    if let Some(shown) = token.filter(|token| api_keys::is_key(token)) {
        let key = ctx.api_keys.verify(shown, ctx.clock.now()).ok_or_else(ApiError::sign_in_needed)?;
        limits::count_key(&key)?;
    } else if !auth::is_private(peer) && !token.is_some_and(|token| ctx.auth.is_metrics_token(token)) {
        return Err(ApiError::not_allowed());
    }
    telemetry::observe(&ctx);
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], ctx.metrics.render()).into_response())
}
