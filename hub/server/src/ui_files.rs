//! The UI, built into the hub: every file that is not the interface's is answered from here.

use axum::{
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};

use crate::api::problem::ApiError;
use dreamseed_wire::hub::ProblemCode;

#[derive(rust_embed::RustEmbed)]
#[folder = "../../ui/dist"]
#[allow_missing = true]
struct Files;

/// A file of the UI, in the smallest form the browser takes; unknown paths get the app, whose router knows them.
pub async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if uri.path().starts_with("/api/") {
        return ApiError::not_found("That address").into_response();
    }
    if method != Method::GET && method != Method::HEAD {
        return ApiError::new(
            StatusCode::METHOD_NOT_ALLOWED,
            ProblemCode::MethodNotAllowed,
            "This address is only read.",
        )
        .hint("Open it in a browser.")
        .into_response();
    }
    let path = uri.path().trim_start_matches('/');
    let is_asset = path.starts_with("assets/");
    let name = if path.is_empty() || (Files::get(path).is_none() && !is_asset) { "index.html" } else { path };
    let accepted =
        headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // Files with a hash in their name never change; the page that names them is asked for each time.
    let cache = if is_asset { "public, max-age=31536000, immutable" } else { "no-cache" };
    for (coding, ending) in [("br", ".br"), ("gzip", ".gz")] {
        if accepted.contains(coding)
            && let Some(file) = Files::get(&format!("{name}{ending}"))
        {
            let headers = [
                (header::CONTENT_TYPE, content_type(name)),
                (header::CONTENT_ENCODING, coding),
                (header::CACHE_CONTROL, cache),
                (header::VARY, "accept-encoding"),
            ];
            return (headers, file.data.into_owned()).into_response();
        }
    }
    match Files::get(name) {
        Some(file) => {
            let headers = [
                (header::CONTENT_TYPE, content_type(name)),
                (header::CACHE_CONTROL, cache),
                (header::VARY, "accept-encoding"),
            ];
            (headers, file.data.into_owned()).into_response()
        }
        None if is_asset => ApiError::not_found("That file").into_response(),
        None => {
            (StatusCode::NOT_FOUND, "This hub was built without its pages: run ./x run.\n").into_response()
        }
    }
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("woff2") => "font/woff2",
        Some("json" | "webmanifest") => "application/json",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("txt") => "text/plain; charset=utf-8",
        Some(_) | None => "application/octet-stream",
    }
}
