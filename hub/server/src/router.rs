//! Every route of the hub and what each request passes on its way: id, headers, host, size, time, rights.

use std::{
    net::IpAddr, net::SocketAddr, sync::Arc, sync::atomic::AtomicU64, sync::atomic::Ordering, time::Duration,
};

use axum::{
    Json, Router,
    body::Body,
    extract::{ConnectInfo, DefaultBodyLimit, MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use dreamseed_wire::{
    delivery::Receipt,
    hub::{Problem, ProblemCode},
};
use futures_util::StreamExt;
use tower_http::{catch_panic::CatchPanicLayer, timeout::TimeoutLayer};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    api::{self, problem::ApiError},
    disk, epochs,
    hub::Ctx,
    openapi, permissions, receipts, request,
    store::StoreError,
    telemetry, ui_files,
};

/// Bytes of a body on most routes.
const BODY_LIMIT: usize = 64 * 1024;
/// Bytes of a class list; what is longer than a list may be is refused in its own words.
const LIST_LIMIT: usize = 6 * 1024 * 1024;
/// Bytes of a problem's draft: it may hold a drawing.
const DRAFT_LIMIT: usize = 512 * 1024;
/// Bytes of a delivery: four times what a device puts into one, and room for the longest answer there may be.
const DELIVERY_LIMIT: usize = 1024 * 1024;

const SECURITY_HEADERS: [(HeaderName, HeaderValue); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        // Inline styles are KaTeX's positions; scripts come from the hub's own files only.
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; \
             font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; \
             frame-ancestors 'none'",
        ),
    ),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
];

static EPOCH_HEADER: HeaderName = HeaderName::from_static(receipts::EPOCH_HEADER);

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

#[derive(OpenApi)]
#[openapi(
    info(
        title = "DreamSeed hub",
        description = "The interface of a school's hub. Errors are RFC 9457 problems."
    ),
    components(schemas(
        Problem,
        dreamseed_wire::feedback::FeedbackEvent,
        dreamseed_wire::live::LiveEvent,
        dreamseed_wire::lesson::PupilEvent
    ))
)]
struct Document;

/// The routes of the interface with their description.
fn interface() -> OpenApiRouter<Arc<Ctx>> {
    OpenApiRouter::with_openapi(Document::openapi())
        .merge(api::hub::routes())
        .merge(api::setup::routes())
        .merge(api::sessions::routes())
        .merge(api::me::routes())
        .merge(api::my::routes())
        .merge(api::attempts::routes())
        .merge(api::feedback::routes())
        .merge(api::progress::routes())
        .merge(api::classes::routes())
        .merge(api::pupils::routes())
        .merge(api::lessons::routes())
        .merge(api::live::routes())
        .merge(api::pupil_events::routes())
        .merge(api::people::routes())
        .merge(api::cards::routes())
        .merge(api::parents::routes())
        .merge(api::admin::routes())
        .merge(api::house::routes())
        .merge(api::audit::routes())
        .merge(api::backup::routes())
        .merge(api::api_keys::routes())
        .merge(api::devices::routes())
        .merge(api::retention::routes())
        .merge(api::privacy::routes())
        .merge(api::record::routes())
        .merge(api::regrades::routes())
        .merge(api::reports::routes())
        .merge(api::rosters::routes())
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .merge(api::delivery::routes().layer(DefaultBodyLimit::max(DELIVERY_LIMIT)))
        .merge(api::rosters::file_routes().layer(DefaultBodyLimit::max(LIST_LIMIT)))
        .merge(api::problem_exchange::routes().layer(DefaultBodyLimit::max(dreamseed_formats::MAX_FILE)))
        .merge(api::problems::routes().layer(DefaultBodyLimit::max(DRAFT_LIMIT)))
}

/// The description of the interface, as checked in at `ui/openapi.json`.
pub fn openapi() -> utoipa::openapi::OpenApi {
    openapi::complete(interface().into_openapi())
}

/// The whole service.
pub fn build(ctx: Arc<Ctx>) -> Router {
    let timeout = Duration::from_secs(ctx.config.http.request_timeout_secs);
    let (interface, _) = interface().split_for_parts();
    let interface = interface
        .route_layer(middleware::from_fn_with_state(Arc::clone(&ctx), disk::check))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&ctx), permissions::check))
        .route_layer(middleware::from_fn(run_to_the_end))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&ctx), name_epoch))
        .method_not_allowed_fallback(|| async {
            ApiError::new(
                StatusCode::METHOD_NOT_ALLOWED,
                ProblemCode::MethodNotAllowed,
                "This address does not take that kind of request.",
            )
            .hint("Update the client; the description of the interface is in the hub's openapi.json.")
        });
    Router::new()
        .merge(interface)
        .merge(api::ops::routes())
        .fallback(ui_files::serve)
        // Streams have sent their head long before; this bounds the rest.
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, timeout))
        .layer(CatchPanicLayer::custom(answer_panic))
        .layer(middleware::from_fn_with_state(Arc::clone(&ctx), check_host))
        .layer(middleware::from_fn(finish))
        .with_state(ctx)
}

/// Names the request, puts the headers on every reply, and fills the request's id into problems.
async fn finish(request: Request, next: Next) -> Response {
    let id = next_request_id();
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
    request::serve(peer, &id, answer(request, next, &id)).await
}

async fn answer(request: Request, next: Next, id: &str) -> Response {
    let method = method_name(request.method());
    // Its pattern: what is in its place holds ids, and what is typed into the address line is nobody's business.
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or("other", MatchedPath::as_str);
    let begun = std::time::Instant::now();
    let mut response = next.run(request).await;
    let status = response.status();
    if status == StatusCode::REQUEST_TIMEOUT && response.extensions().get::<Problem>().is_none() {
        response =
            ApiError::new(StatusCode::REQUEST_TIMEOUT, ProblemCode::Timeout, "The request took too long.")
                .hint("Try again.")
                .into_response();
    }
    if let Some(mut problem) = response.extensions_mut().remove::<Problem>() {
        problem.instance = Some(id.to_owned());
        let (mut parts, _) = response.into_parts();
        parts.headers.remove(header::CONTENT_LENGTH);
        let mut again = Json(problem).into_response();
        *again.status_mut() = parts.status;
        for (name, value) in &parts.headers {
            again.headers_mut().insert(name, value.clone());
        }
        response = again;
    }
    let took = begun.elapsed();
    let (code, millis) = (status.as_u16(), took.as_secs_f64() * 1e3);
    if status.is_server_error() {
        tracing::warn!(method, route, status = code, millis, "a request failed");
    } else if route.starts_with("/api/") {
        tracing::info!(method, route, status = code, millis, "served");
    } else {
        tracing::debug!(method, route, status = code, millis, "served");
    }
    telemetry::count_request(route, method, status_class(status), took);
    if response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream") {
        response = count_while_open(response, route);
    }
    let headers = response.headers_mut();
    for (name, value) in SECURITY_HEADERS {
        headers.insert(name, value);
    }
    if let Ok(value) = HeaderValue::from_str(id) {
        headers.insert(&REQUEST_ID, value);
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// The same reply, counted as an open stream until its body has ended or is given up.
fn count_while_open(response: Response, route: &str) -> Response {
    let open = telemetry::OpenStream::on(route);
    response.map(|body| {
        Body::from_stream(body.into_data_stream().inspect(move |_| {
            let _until_dropped = &open;
        }))
    })
}

/// Takes note of the receipt that a request shows, and names the epoch in the reply: a client that sees another one than
/// before asks what the hub lacks.
async fn name_epoch(State(ctx): State<Arc<Ctx>>, request: Request, next: Next) -> Response {
    let shown = request.headers().get(receipts::RECEIPT_HEADER);
    let shown = shown.and_then(|value| receipts::read_header(value.to_str().ok()?));
    let mut response = match shown {
        Some(receipt) => match notice_receipt(&ctx, receipt).await {
            Ok(()) => next.run(request).await,
            Err(err) => ApiError::from(err).into_response(),
        },
        None => next.run(request).await,
    };
    if let Ok(epoch) = HeaderValue::from_str(&ctx.store.record().current.id.to_string()) {
        response.headers_mut().insert(&EPOCH_HEADER, epoch);
    }
    response
}

/// To its end even if the client hangs up: an epoch that begins ends the sign-ins in the memory too.
async fn notice_receipt(ctx: &Arc<Ctx>, receipt: Receipt) -> Result<(), StoreError> {
    let ctx = Arc::clone(ctx);
    let noticed = request::carry(async move { epochs::notice_receipt(&ctx, &receipt).await });
    tokio::spawn(noticed).await.map_err(|_| StoreError::Closed)?
}

/// Runs a change to its end even if the client hangs up: what the database has kept must reach the memory too.
async fn run_to_the_end(request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    tokio::spawn(request::carry(next.run(request))).await.unwrap_or_else(|failed| {
        match failed.try_into_panic() {
            Ok(panic) => answer_panic(panic),
            Err(cancelled) => ApiError::internal(cancelled).into_response(),
        }
    })
}

/// Refuses requests that name another host: a page of the internet must not reach the hub through a pupil's browser
/// by pointing its own name at the hub's address (DNS rebinding). Addresses cannot be rebound.
async fn check_host(State(ctx): State<Arc<Ctx>>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let announced = ctx.discovery.host_name();
    let names = ctx.config.http.hosts.iter().map(String::as_str).chain(announced.as_deref());
    if is_own_host(host, names) {
        return next.run(request).await;
    }
    ApiError::new(
        StatusCode::MISDIRECTED_REQUEST,
        ProblemCode::WrongHost,
        "This hub is not known under that name.",
    )
    .hint("Open the address that the hub shows, or add the name to http.hosts in hub.toml.")
    .into_response()
}

fn is_own_host<'a>(host: &str, mut names: impl Iterator<Item = &'a str>) -> bool {
    let Ok(authority) = host.parse::<http::uri::Authority>() else { return false };
    let name = authority.host();
    // A number after the colon or nothing: `localhost:evil` is no host.
    let rest = authority.as_str().strip_prefix(name).unwrap_or(":");
    if !rest.is_empty() && authority.port_u16().is_none() {
        return false;
    }
    let address = name.trim_start_matches('[').trim_end_matches(']');
    address.parse::<IpAddr>().is_ok()
        || names.any(|known| known.eq_ignore_ascii_case(name.trim_end_matches('.')))
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that CatchPanicLayer calls")]
fn answer_panic(panic: Box<dyn std::any::Any + Send>) -> Response {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned());
    // The log's hook has told where it was; what it said may hold a value that somebody typed.
    tracing::debug!(said = text.unwrap_or_default(), "a request panicked");
    ApiError::internal("the request panicked").into_response()
}

/// Unique within a run of the hub and not repeated by the next: the process's start and a counter.
fn next_request_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    static RUN: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    let run = RUN.get_or_init(|| getrandom::u32().unwrap_or_default());
    format!("{run:08x}-{:x}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Known methods only: a client can send any word, and each would be a label.
fn method_name(method: &Method) -> &'static str {
    const KNOWN: [(&Method, &str); 6] = [
        (&Method::GET, "GET"),
        (&Method::POST, "POST"),
        (&Method::PUT, "PUT"),
        (&Method::DELETE, "DELETE"),
        (&Method::HEAD, "HEAD"),
        (&Method::PATCH, "PATCH"),
    ];
    KNOWN.iter().find(|(known, _)| *known == method).map_or("other", |(_, name)| name)
}

fn status_class(status: StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        5 => "5xx",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_names_and_addresses_are_hosts() {
        let names = ["localhost", "dreamseed.local"];
        for (host, own) in [
            ("localhost:7420", true),
            ("127.0.0.1:7420", true),
            ("192.168.0.5", true),
            ("[::1]:7420", true),
            ("DreamSeed.local", true),
            ("dreamseed.local.", true),
            ("evil.example", false),
            ("localhost.evil.example:7420", false),
            ("", false),
            ("[::1]evil", false),
            ("[::1]:evil", false),
            ("localhost:7420:1", false),
            ("user@localhost", false),
        ] {
            assert_eq!(is_own_host(host, names.into_iter()), own, "{host}");
        }
    }

    #[tokio::test]
    async fn a_change_is_ended_even_if_the_client_hangs_up() {
        use futures_util::FutureExt;
        use tower::ServiceExt;
        let (ended, mut end) = tokio::sync::mpsc::channel(1);
        let change = axum::routing::post(move || async move {
            tokio::task::yield_now().await;
            ended.send(()).await.expect("awaited");
        });
        let service = Router::new().route("/", change).layer(middleware::from_fn(run_to_the_end));
        let request = Request::post("/").body(Body::empty()).expect("request");
        assert!(service.oneshot(request).now_or_never().is_none(), "dropped before it was done");
        end.recv().await.expect("ended");
    }
}
