//! One signed-in user's way to the hub: connection pool, bearer token, refresh, errors.

use crate::{ClientError, EventStream};
use bytes::Bytes;
use dreamseed_wire::{
    account::{RefreshSession, SignedIn},
    hub::{Problem, ProblemCode},
};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT},
};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use parking_lot::Mutex;
use serde::{Serialize, de::DeserializeOwned};
use std::{sync::Arc, time::Duration};

/// The base of all routes but the probes.
pub(crate) const BASE: &str = "/api/v1";
/// Nothing the hub sends in one piece is larger.
const REPLY_LIMIT: usize = 32 << 20;
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// The hub as one user sees it. Clones share the session; [`Hub::stranger`] starts another one.
///
/// After a native sign-in the refresh token is kept too, and a call that meets an expired access token refreshes
/// once and is sent again.
#[derive(Clone)]
pub struct Hub {
    base_url: Arc<str>,
    pool: Client<HttpConnector, Full<Bytes>>,
    session: Arc<Session>,
    time_limit: Duration,
}

#[derive(Default)]
struct Session {
    tokens: Mutex<Tokens>,
    /// Held while refreshing, so that calls that fail together refresh once.
    refreshing: tokio::sync::Mutex<()>,
}

#[derive(Default, Clone)]
struct Tokens {
    access: Option<String>,
    refresh: Option<String>,
}

impl Hub {
    /// A hub at `base_url` (`http://host:port`), nobody signed in. Connects with the first call.
    pub fn new(base_url: &str) -> Result<Self, ClientError> {
        let base_url = base_url.trim_end_matches('/');
        let wrong = || ClientError::Address(base_url.to_owned());
        let uri: http::Uri = base_url.parse().map_err(|_| wrong())?;
        if uri.scheme_str() != Some("http") || uri.host().is_none() || uri.path() != "/" {
            return Err(wrong());
        }
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(Duration::from_secs(10)));
        Ok(Self {
            base_url: base_url.into(),
            pool: Client::builder(TokioExecutor::new()).build(connector),
            session: Arc::default(),
            time_limit: TIME_LIMIT,
        })
    }

    /// The same hub for somebody else, not signed in.
    pub fn stranger(&self) -> Self {
        Self { session: Arc::default(), ..self.clone() }
    }

    /// The same hub for the owner of `access_token`, which is sent as it is.
    pub fn with_token(&self, access_token: impl Into<String>) -> Self {
        let tokens = Mutex::new(Tokens { access: Some(access_token.into()), refresh: None });
        Self { session: Arc::new(Session { tokens, ..Session::default() }), ..self.clone() }
    }

    /// The same session with another time limit for each call; streams have none. The default is 30 s.
    pub fn with_time_limit(&self, time_limit: Duration) -> Self {
        Self { time_limit, ..self.clone() }
    }

    /// `http://host:port`, without a slash at the end.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The access token of who is signed in.
    pub fn access_token(&self) -> Option<String> {
        self.session.tokens.lock().access.clone()
    }

    /// The refresh token of a native session.
    pub fn refresh_token(&self) -> Option<String> {
        self.session.tokens.lock().refresh.clone()
    }

    /// Sends exactly this, for tests of bad input: no token, no content type, no refresh, any status is a success.
    /// `path` starts at the root: `/api/v1/me`.
    pub async fn raw(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<(StatusCode, HeaderMap, Bytes), ClientError> {
        let mut request = Request::new(Full::new(body.into()));
        *request.method_mut() = method;
        *request.uri_mut() = format!("{}{path}", self.base_url).parse().map_err(unsendable)?;
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(unsendable)?;
            request.headers_mut().append(name, HeaderValue::from_str(value).map_err(unsendable)?);
        }
        self.in_time(async {
            let reply = self.pool.request(request).await.map_err(unreachable_hub)?;
            let (parts, body) = reply.into_parts();
            Ok((parts.status, parts.headers, read_body(body).await?))
        })
        .await
    }

    /// Keeps the tokens of a sign-in for the calls that follow.
    pub(crate) fn keep_tokens(&self, signed_in: &SignedIn) {
        *self.session.tokens.lock() =
            Tokens { access: Some(signed_in.access_token.clone()), refresh: signed_in.refresh_token.clone() };
    }

    pub(crate) fn forget_tokens(&self) {
        *self.session.tokens.lock() = Tokens::default();
    }

    /// A new access token for the kept refresh token.
    pub(crate) async fn refresh_kept(&self) -> Result<SignedIn, ClientError> {
        let body = to_json(&RefreshSession { refresh_token: self.refresh_token() })?;
        let signed_in: SignedIn = self
            .in_time(async {
                let request =
                    self.request(&Method::POST, &format!("{BASE}/sessions/refresh"), None, Some(body), None)?;
                read_json(accept(self.pool.request(request).await.map_err(unreachable_hub)?).await?).await
            })
            .await?;
        self.keep_tokens(&signed_in);
        Ok(signed_in)
    }

    /// A call without body. `path` starts after [`BASE`].
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.in_time(async { read_json(self.send(&Method::GET, path, None).await?).await }).await
    }

    /// A call with a body and a reply.
    pub(crate) async fn send_json<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let body = to_json(body)?;
        self.in_time(async { read_json(self.send(&method, path, Some(body)).await?).await }).await
    }

    /// A call without body that gives a reply, such as `POST …/help`.
    pub(crate) async fn post<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.in_time(async { read_json(self.send(&Method::POST, path, None).await?).await }).await
    }

    /// A `DELETE` that gives a reply.
    pub(crate) async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.in_time(async { read_json(self.send(&Method::DELETE, path, None).await?).await }).await
    }

    /// A file as the body, whatever its type, and a reply.
    pub(crate) async fn send_file<T: DeserializeOwned>(
        &self,
        path: &str,
        file: impl Into<Bytes>,
    ) -> Result<T, ClientError> {
        let file = file.into();
        self.in_time(async { read_json(self.send(&Method::POST, path, Some(file)).await?).await }).await
    }

    /// A call with a body whose reply is a file.
    pub(crate) async fn file_for(&self, path: &str, body: &impl Serialize) -> Result<Bytes, ClientError> {
        let body = to_json(body)?;
        self.in_time(async { read_body(self.send(&Method::POST, path, Some(body)).await?.into_body()).await })
            .await
    }

    /// A file that is fetched.
    pub(crate) async fn file(&self, path: &str) -> Result<Bytes, ClientError> {
        self.in_time(async { read_body(self.send(&Method::GET, path, None).await?.into_body()).await }).await
    }

    /// A call whose reply has no body.
    pub(crate) async fn command(
        &self,
        method: Method,
        path: &str,
        body: Option<&(impl Serialize + Sync)>,
    ) -> Result<(), ClientError> {
        let body = body.map(to_json).transpose()?;
        self.in_time(async {
            // Read to the end, so that the connection goes back to the pool.
            read_body(self.send(&method, path, body).await?.into_body()).await.map(drop)
        })
        .await
    }

    /// A plain-text route outside the base.
    pub(crate) async fn text(&self, path: &str, token: Option<&str>) -> Result<String, ClientError> {
        self.in_time(async {
            let request = self.request(&Method::GET, path, token, None, None)?;
            let reply = accept(self.pool.request(request).await.map_err(unreachable_hub)?).await?;
            let body = read_body(reply.into_body()).await?;
            String::from_utf8(body.into()).map_err(|error| ClientError::Decode(error.into()))
        })
        .await
    }

    /// A call with a body whose reply is text, such as CSV. `path` starts after [`BASE`].
    pub(crate) async fn text_for(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<String, ClientError> {
        let body = to_json(body)?;
        self.in_time(async {
            let reply = self.send(&method, path, Some(body)).await?;
            String::from_utf8(read_body(reply.into_body()).await?.into())
                .map_err(|error| ClientError::Decode(error.into()))
        })
        .await
    }

    /// Opens a stream of events, after `last_event_id` if there is one. `path` starts after [`BASE`].
    pub(crate) async fn open_stream<T: DeserializeOwned>(
        &self,
        path: String,
        last_event_id: Option<String>,
    ) -> Result<EventStream<T>, ClientError> {
        let body = self.open_stream_body(&path, last_event_id.as_deref()).await?;
        Ok(EventStream::new(self.clone(), path, last_event_id.unwrap_or_default(), body))
    }

    /// The body of a stream; the time limit counts to its first byte only.
    pub(crate) async fn open_stream_body(
        &self,
        path: &str,
        last_event_id: Option<&str>,
    ) -> Result<Incoming, ClientError> {
        let reply =
            self.in_time(self.send_once_refreshed(&Method::GET, path, None, Some(last_event_id))).await?;
        let kind = reply.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("text/event-stream") {
            return Err(ClientError::Decode(format!("a stream of events was expected, not `{kind}`").into()));
        }
        Ok(reply.into_body())
    }

    async fn send(
        &self,
        method: &Method,
        path: &str,
        body: Option<Bytes>,
    ) -> Result<Response<Incoming>, ClientError> {
        self.send_once_refreshed(method, path, body, None).await
    }

    /// Sends; on an expired access token refreshes once and sends again. `stream` is set for streams of events.
    async fn send_once_refreshed(
        &self,
        method: &Method,
        path: &str,
        body: Option<Bytes>,
        stream: Option<Option<&str>>,
    ) -> Result<Response<Incoming>, ClientError> {
        let path = format!("{BASE}{path}");
        let sent = self.session.tokens.lock().clone();
        let request = self.request(method, &path, sent.access.as_deref(), body.clone(), stream)?;
        let refusal = match accept(self.pool.request(request).await.map_err(unreachable_hub)?).await {
            Err(error) if error.code() == Some(ProblemCode::SignInNeeded) && sent.refresh.is_some() => error,
            other => return other,
        };
        {
            let _alone = self.session.refreshing.lock().await;
            let now_kept = self.session.tokens.lock().clone();
            if now_kept.access == sent.access && self.refresh_kept().await.is_err() {
                // The refresh token is spent or revoked: what the caller needs to know is "sign in".
                return Err(refusal);
            }
        }
        let access = self.access_token();
        let request = self.request(method, &path, access.as_deref(), body, stream)?;
        accept(self.pool.request(request).await.map_err(unreachable_hub)?).await
    }

    fn request(
        &self,
        method: &Method,
        path: &str,
        token: Option<&str>,
        body: Option<Bytes>,
        stream: Option<Option<&str>>,
    ) -> Result<Request<Full<Bytes>>, ClientError> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base_url))
            .header(USER_AGENT, concat!("dreamseed-client/", env!("CARGO_PKG_VERSION")));
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        if let Some(last_event_id) = stream {
            request = request.header(ACCEPT, "text/event-stream");
            if let Some(id) = last_event_id {
                request = request.header("last-event-id", id);
            }
        }
        request.body(Full::new(body.unwrap_or_default())).map_err(unsendable)
    }

    async fn in_time<T>(&self, call: impl Future<Output = Result<T, ClientError>>) -> Result<T, ClientError> {
        tokio::time::timeout(self.time_limit, call)
            .await
            .map_err(|elapsed| ClientError::Transport(elapsed.into()))?
    }
}

impl std::fmt::Debug for Hub {
    /// Without the tokens.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

/// Turns a refusal into its problem document.
async fn accept(reply: Response<Incoming>) -> Result<Response<Incoming>, ClientError> {
    let status = reply.status();
    if status.is_success() {
        return Ok(reply);
    }
    let is_problem = reply
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with("application/problem+json"));
    let body = read_body(reply.into_body()).await?;
    if is_problem {
        let problem: Problem =
            serde_json::from_slice(&body).map_err(|error| ClientError::Decode(error.into()))?;
        return Err(ClientError::Problem(Box::new(problem)));
    }
    let beginning = String::from_utf8_lossy(&body).chars().take(500).collect();
    Err(ClientError::Unexpected { status: status.as_u16(), body: beginning })
}

async fn read_json<T: DeserializeOwned>(reply: Response<Incoming>) -> Result<T, ClientError> {
    let body = read_body(reply.into_body()).await?;
    serde_json::from_slice(&body).map_err(|error| ClientError::Decode(error.into()))
}

async fn read_body(body: Incoming) -> Result<Bytes, ClientError> {
    Ok(Limited::new(body, REPLY_LIMIT).collect().await.map_err(ClientError::Transport)?.to_bytes())
}

fn to_json(body: &impl Serialize) -> Result<Bytes, ClientError> {
    serde_json::to_vec(body).map(Bytes::from).map_err(|error| ClientError::Decode(error.into()))
}

fn unreachable_hub(error: hyper_util::client::legacy::Error) -> ClientError {
    ClientError::Transport(error.into())
}

fn unsendable(error: impl std::error::Error + Send + Sync + 'static) -> ClientError {
    ClientError::Transport(error.into())
}
