//! Every error a client may see, as `application/problem+json` (RFC 9457): what happened, what it means, one next step.

use axum::{
    Json,
    extract::rejection::{BytesRejection, JsonRejection, PathRejection, QueryRejection},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use dreamseed_wire::hub::{Problem, ProblemCode};

use crate::store::StoreError;

/// An error on its way to a client.
#[derive(Debug)]
pub struct ApiError {
    pub status: StatusCode,
    pub code: ProblemCode,
    pub detail: String,
    pub hint: Option<&'static str>,
    /// Seconds after which a retry makes sense.
    pub retry_after: Option<u32>,
    /// For the log, never for the client.
    pub cause: Option<String>,
}

impl ApiError {
    /// An error with a detail that is safe to show.
    pub fn new(status: StatusCode, code: ProblemCode, detail: impl Into<String>) -> Self {
        ApiError { status, code, detail: detail.into(), hint: None, retry_after: None, cause: None }
    }

    /// Adds the one next step.
    pub fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    /// Adds after how many seconds a retry makes sense.
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, ProblemCode::NotFound, format!("{what} is not on this hub."))
            .hint("Go back and choose again.")
    }

    pub fn not_allowed() -> Self {
        Self::new(StatusCode::FORBIDDEN, ProblemCode::NotAllowed, "This account may not see or do this.")
            .hint("Sign in with an account that may, or ask the teacher.")
    }

    pub fn sign_in_needed() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, ProblemCode::SignInNeeded, "The sign-in is missing or has ended.")
            .hint("Sign in again; nothing that was sent is lost.")
    }

    pub fn bad_field(field: &str, why: &str) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, ProblemCode::BadField, format!("{field}: {why}"))
            .hint("Correct the field and send it again.")
    }

    /// Something the hub did wrong; the cause is logged, the client learns the request's id.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        let mut err = Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            ProblemCode::Internal,
            "The hub could not do this because of a fault of its own.",
        )
        .hint("Try again; if it happens again, show the admin this message.");
        err.cause = Some(cause.to_string());
        err
    }
}

impl From<StoreError> for ApiError {
    fn from(err: StoreError) -> Self {
        match err {
            StoreError::DiskFull => Self::new(
                StatusCode::INSUFFICIENT_STORAGE,
                ProblemCode::DiskFull,
                "The hub's disk is full: it can show what it has but cannot keep anything new.",
            )
            .hint("Tell the admin to free space; your answer stays on this device and is sent again."),
            StoreError::Busy => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                ProblemCode::Busy,
                "Very many answers are arriving at once.",
            )
            .hint("Wait a moment; the answer is sent again by itself.")
            .retry_after(1),
            StoreError::Closed | StoreError::DiskFails(_) => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                ProblemCode::Busy,
                "The hub is stopping or restarting.",
            )
            .hint("Wait a moment; the answer is sent again by itself.")
            .retry_after(2),
            StoreError::Taken(_) => {
                Self::new(StatusCode::CONFLICT, ProblemCode::Taken, "That name or number is taken already.")
                    .hint("Choose another one.")
            }
            other @ (StoreError::Newer { .. }
            | StoreError::InUse
            | StoreError::Foreign
            | StoreError::ReadOnly(_)
            | StoreError::Damaged(_)
            | StoreError::BadValue { .. }
            | StoreError::Sqlite(_)
            | StoreError::Io(_)
            | StoreError::Key(_)) => Self::internal(chain(&other)),
        }
    }
}

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> Self {
        let status = rejection.status();
        if status == StatusCode::PAYLOAD_TOO_LARGE {
            return Self::new(status, ProblemCode::TooLarge, "The request is larger than this hub takes.")
                .hint("Send less at once.");
        }
        // serde's sentence names the field and the place, never a value of another person.
        Self::new(status, ProblemCode::BadBody, rejection.body_text())
            .hint("Update the client; the description of the interface is in the hub's openapi.json.")
    }
}

impl From<BytesRejection> for ApiError {
    fn from(rejection: BytesRejection) -> Self {
        let status = rejection.status();
        if status == StatusCode::PAYLOAD_TOO_LARGE {
            return Self::new(status, ProblemCode::TooLarge, "The file is larger than this hub takes.")
                .hint("Send a smaller file.");
        }
        Self::new(status, ProblemCode::BadRequest, "The file did not arrive whole.").hint("Send it again.")
    }
}

impl From<PathRejection> for ApiError {
    fn from(_: PathRejection) -> Self {
        Self::not_found("That id")
    }
}

impl From<QueryRejection> for ApiError {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ProblemCode::BadRequest, rejection.body_text())
            .hint("Update the client; the description of the interface is in the hub's openapi.json.")
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        if let Some(cause) = &self.cause {
            tracing::error!(%cause, "a request failed by a fault of the hub");
        }
        let problem = Problem {
            kind: format!("urn:dreamseed:problem:{}", code_name(self.code)),
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            detail: self.detail,
            code: self.code,
            hint: self.hint.map(str::to_owned),
            // The router fills it in from the request's id.
            instance: None,
        };
        let mut response = (self.status, Json(problem.clone())).into_response();
        response.extensions_mut().insert(problem);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// The code as it stands in JSON.
fn code_name(code: ProblemCode) -> String {
    serde_json::to_value(code).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// An error with its causes, for the log.
fn chain(err: &dyn std::error::Error) -> String {
    let mut text = err.to_string();
    let mut cause = err.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
