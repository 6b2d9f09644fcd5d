//! Somebody who is signed in, and what the hub replies to them byte for byte.

use std::ops::Deref;

use bytes::Bytes;
use dreamseed_client::{HeaderMap, Hub as Client, Method, StatusCode};
use dreamseed_wire::{
    hub::Problem,
    ids::{SessionId, UserId},
};
use serde_json::Value;

/// A signed-in client with who it is.
#[derive(Debug, Clone)]
pub struct Person {
    pub id: UserId,
    pub session: SessionId,
    /// The native session's first refresh token.
    pub refresh_token: String,
    pub client: Client,
}

impl Deref for Person {
    type Target = Client;
    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Person {
    /// Sends a request as it is; `path` starts after `/api/v1`, an empty body is none.
    pub async fn request(&self, method: Method, path: &str, body: &str) -> RawReply {
        let token = self.access_token().expect("signed in");
        request(&self.client, method, &format!("/api/v1{path}"), Some(&token), body).await
    }

    /// `GET` of the body as JSON.
    pub async fn fetch(&self, path: &str) -> Value {
        let reply = self.request(Method::GET, path, "").await;
        assert!(reply.status.is_success(), "{path}: {reply:?}");
        reply.json()
    }
}

/// Any reply.
#[derive(Debug)]
pub struct RawReply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl RawReply {
    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// A header, empty if absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The problem document, which must be whole: code, next step, and the request's own id.
    pub fn problem(&self) -> Problem {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let problem: Problem =
            serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        assert_eq!(problem.status, self.status.as_u16(), "{self:?}");
        assert!(problem.kind.starts_with("urn:dreamseed:problem:"), "{self:?}");
        assert!(!problem.detail.is_empty(), "{self:?}");
        assert!(problem.hint.as_deref().is_some_and(|hint| !hint.is_empty()), "no next step: {self:?}");
        assert_eq!(problem.instance.as_deref(), Some(self.header("x-request-id")), "{self:?}");
        assert!(!self.header("x-request-id").is_empty());
        problem
    }

    /// Status and code of a refusal.
    pub fn refusal(&self) -> (u16, String) {
        let code = serde_json::to_value(self.problem().code).unwrap_or_default();
        (self.status.as_u16(), code.as_str().unwrap_or_default().to_owned())
    }
}

/// Sends a request as it is; a body goes as JSON.
pub async fn request(
    client: &Client,
    method: Method,
    path: &str,
    token: Option<&str>,
    body: &str,
) -> RawReply {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let mut headers: Vec<(&str, &str)> = Vec::new();
    if let Some(bearer) = &bearer {
        headers.push(("authorization", bearer));
    }
    if !body.is_empty() {
        headers.push(("content-type", "application/json"));
    }
    let (status, headers, body) =
        client.raw(method, path, &headers, body.to_owned()).await.expect("the hub must reply");
    RawReply { status, headers, body }
}
