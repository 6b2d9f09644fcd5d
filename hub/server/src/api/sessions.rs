//! `/sessions`: signing in, going on and signing out.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest, Request, State, rejection::JsonRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use dreamseed_wire::{
    account::{RefreshSession, SignIn, SignedIn},
    hub::Problem,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    extract::{Body, Caller, Peer},
    problem::ApiError,
};
use crate::{
    auth::sign_in::{self, Carrier, Opened, RefreshCookie},
    hub::Ctx,
    telemetry,
};

/// The browser sends it to these routes only, never with a request that another site caused.
const COOKIE: &str = "ds_refresh";
const COOKIE_RULES: &str = "HttpOnly; SameSite=Strict; Path=/api/v1/sessions";
/// Tells devices apart, see [`crate::auth::device`]; it signs nobody in. Browsers keep a cookie 400 days at most.
const MARK: &str = "ds_device";
const MARK_AGE: u32 = 400 * 86_400;

pub fn routes() -> OpenApiRouter<Arc<Ctx>> {
    OpenApiRouter::new()
        .routes(routes!(open_session))
        .routes(routes!(refresh_session))
        .routes(routes!(close_session))
}

/// Signs in. Browsers get the refresh token as a cookie, native clients in the reply.
#[utoipa::path(
    post, path = "/api/v1/sessions", operation_id = "open_session", tag = "sessions", request_body = SignIn,
    responses(
        (status = 201, body = SignedIn),
        (status = 401, description = "Name and secret do not match", body = Problem),
        (status = 403, description = "Staff and parents over plain HTTP", body = Problem),
        (status = 429, description = "Too many wrong tries", body = Problem),
    )
)]
async fn open_session(
    State(ctx): State<Arc<Ctx>>,
    peer: Peer,
    headers: HeaderMap,
    Body(body): Body<SignIn>,
) -> Result<Response, ApiError> {
    let (marks, agent) = (ctx.auth.marks(), agent(&headers));
    let shown = cookie(&headers, MARK);
    let mut mark = marks.read(shown, peer.0.ip(), agent).map_err(ApiError::internal)?;
    let opened = sign_in::sign_in(&ctx, body, peer, agent, &mut mark).await;
    telemetry::count_sign_in(opened.as_ref().err().map(|refusal| refusal.code));
    let mut response = match opened {
        Ok(opened) => reply(StatusCode::CREATED, opened)?,
        Err(refusal) => refusal.into_response(),
    };
    if let Some(kept) = marks.write(&mark) {
        let value = format!("{MARK}={kept}; {COOKIE_RULES}; Max-Age={MARK_AGE}");
        response.headers_mut().append(header::SET_COOKIE, value.try_into().map_err(ApiError::internal)?);
    }
    Ok(response)
}

/// A new access token for the refresh token, which is replaced.
#[utoipa::path(
    post, path = "/api/v1/sessions/refresh", operation_id = "refresh_session", tag = "sessions",
    request_body = RefreshSession,
    responses((status = 200, body = SignedIn), (status = 401, description = "The session has ended", body = Problem))
)]
async fn refresh_session(
    State(ctx): State<Arc<Ctx>>,
    peer: Peer,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, ApiError> {
    let body = read_refresh(request).await?;
    let (token, carrier) = match body.refresh_token {
        Some(token) => (token, Carrier::Body),
        None => (cookie(&headers, COOKIE).ok_or_else(ApiError::sign_in_needed)?.to_owned(), Carrier::Cookie),
    };
    let opened = sign_in::refresh(&ctx, token, carrier, peer).await?;
    reply(StatusCode::OK, opened)
}

/// Signs out: the session and its streams end at once.
#[utoipa::path(
    delete, path = "/api/v1/sessions/current", operation_id = "close_session", tag = "sessions",
    responses((status = 204))
)]
async fn close_session(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    peer: Peer,
) -> Result<Response, ApiError> {
    sign_in::sign_out(&ctx, &caller, peer).await?;
    let gone = format!("{COOKIE}=; {COOKIE_RULES}; Max-Age=0");
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, gone)]).into_response())
}

/// Tokens on their way to the client; nothing between may keep them.
pub(super) fn reply(status: StatusCode, opened: Opened) -> Result<Response, ApiError> {
    let mut response = (status, Json(opened.signed_in)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(cookie) = opened.cookie {
        let value = HeaderValue::try_from(set_cookie(&cookie)).map_err(ApiError::internal)?;
        headers.insert(header::SET_COOKIE, value);
    }
    Ok(response)
}

/// The body of a refresh: JSON, or nothing at all beside the cookie. A form always names another type, even
/// without fields.
async fn read_refresh(request: Request) -> Result<RefreshSession, ApiError> {
    let headers = request.headers().clone();
    let mut bytes = Bytes::from_request(request, &()).await.map_err(JsonRejection::from)?;
    if bytes.is_empty() {
        if !headers.contains_key(header::CONTENT_TYPE) {
            return Ok(RefreshSession::default());
        }
        bytes = Bytes::from_static(b"{}");
    }
    let mut whole = Request::new(bytes.into());
    *whole.headers_mut() = headers;
    let Json(body) = Json::from_request(whole, &()).await?;
    Ok(body)
}

/// How the browser names itself.
pub(super) fn agent(headers: &HeaderMap) -> &str {
    headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn set_cookie(cookie: &RefreshCookie) -> String {
    let token = &cookie.token;
    match cookie.max_age {
        Some(age) => format!("{COOKIE}={token}; {COOKIE_RULES}; Max-Age={}", age.as_secs()),
        // Ends with the browser.
        None => format!("{COOKIE}={token}; {COOKIE_RULES}"),
    }
}

fn cookie<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find_map(|(name, value)| (name == wanted && !value.is_empty()).then_some(value))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn pupils_cookies_end_with_the_browser() {
        let mut made = RefreshCookie { token: "ab".into(), max_age: None };
        assert_eq!(set_cookie(&made), "ds_refresh=ab; HttpOnly; SameSite=Strict; Path=/api/v1/sessions");
        made.max_age = Some(Duration::from_secs(86_400));
        assert!(set_cookie(&made).ends_with("; Max-Age=86400"));
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        assert_eq!(cookie(&headers, COOKIE), None);
        headers.append(header::COOKIE, HeaderValue::from_static("a=b; xds_refresh=no;ds_refresh=yes; c=d"));
        assert_eq!(cookie(&headers, COOKIE), Some("yes"));
        headers.insert(header::COOKIE, HeaderValue::from_static("ds_refresh=; ds_refresh"));
        assert_eq!(cookie(&headers, COOKIE), None);
    }
}
