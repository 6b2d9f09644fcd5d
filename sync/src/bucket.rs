//! A repository in a bucket that speaks S3.
//!
//! `rusty-s3` signs, `reqwest` carries. Every request is tried five times: names are sums of contents, so that writing
//! a file twice is harmless. A body that is cut or altered on its way is fetched again before it counts as damage.

use crate::{
    Limits, S3Place, SyncError,
    pace::Pace,
    store::{Contents, Store, fits_name, path_of},
};
use bytes::Bytes;
use futures_util::stream;
use reqwest::{Client, Method, StatusCode, Url, header, redirect};
use rustic_core::{FileType, Id};
use rusty_s3::{
    Bucket as Signer, Credentials, S3Action as _, UrlStyle,
    actions::{ListObjectsV2, ListObjectsV2Response},
};
use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;

/// The files of a repository below a prefix of a bucket.
#[derive(Debug)]
pub struct Bucket {
    location: String,
    prefix: String,
    writer: String,
    signer: Signer,
    credentials: Credentials,
    client: Client,
    request_timeout: Duration,
    upload: Arc<Pace>,
    download: Pace,
    /// Taken out when the store is dropped, which may happen where a runtime must not block.
    runtime: Option<Runtime>,
}

impl Drop for Bucket {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Bucket {
    pub fn open(place: &S3Place, limits: &Limits, writer: &str) -> Result<Self, SyncError> {
        let prefix = place.prefix.trim_matches('/').to_owned();
        let endpoint = place.endpoint.trim_end_matches('/');
        let location = match prefix.as_str() {
            "" => format!("{endpoint}/{}", place.bucket),
            prefix => format!("{endpoint}/{}/{prefix}", place.bucket),
        };
        let refused = |detail: String| SyncError::Refused { location: location.clone(), detail };
        let url =
            Url::parse(endpoint).map_err(|error| refused(format!("the endpoint is no address: {error}")))?;
        if url.scheme() != "https" && !(url.scheme() == "http" && (place.allow_http || is_loopback(&url))) {
            return Err(refused("the endpoint must begin with https://".to_owned()));
        }
        let signer = Signer::new(url, UrlStyle::Path, place.bucket.clone(), place.region.clone())
            .map_err(|error| refused(error.to_string()))?;
        Ok(Self {
            prefix,
            writer: writer.to_owned(),
            signer,
            credentials: Credentials::new(
                place.access_key_id.trim(),
                place.secret_access_key.reveal().trim(),
            ),
            client: build_client(limits).map_err(|error| refused(error.to_string()))?,
            request_timeout: limits.request_timeout,
            upload: Arc::new(Pace::new(limits.upload_bytes_per_s)),
            download: Pace::new(limits.download_bytes_per_s),
            runtime: Some(build_runtime().map_err(|error| SyncError::here("start the network", &error))?),
            location,
        })
    }

    fn key(&self, path: &str) -> String {
        if self.prefix.is_empty() { path.to_owned() } else { format!("{}/{path}", self.prefix) }
    }

    /// Runs one kind of request until it succeeds, cannot succeed, or was tried often enough.
    fn run(&self, ask: &Ask<'_>) -> Result<Bytes, SyncError> {
        let Some(runtime) = &self.runtime else {
            return Err(SyncError::Unreachable {
                location: self.location.clone(),
                detail: "closed".to_owned(),
            });
        };
        // The fault is made outside: it may have to ask the server once more.
        runtime.block_on(self.try_often(ask)).map_err(|failure| self.fault(ask, failure))
    }

    async fn try_often(&self, ask: &Ask<'_>) -> Result<Bytes, Failure> {
        let mut last = Failure::Silent("no answer".to_owned());
        for pause in PAUSES {
            tokio::time::sleep(pause).await;
            match self.try_once(ask).await {
                Ok(body) => return Ok(body),
                Err(failure) if failure.may_pass() => {
                    tracing::debug!(what = ask.what(), "a request failed and is tried again: {failure:?}");
                    last = failure;
                }
                Err(failure) => return Err(failure),
            }
        }
        Err(last)
    }

    async fn try_once(&self, ask: &Ask<'_>) -> Result<Bytes, Failure> {
        let url = self.sign(ask);
        let size = ask.size();
        let rate = if ask.is_write() { self.upload.slowest() } else { self.download.slowest() };
        let allowed = self.request_timeout + Duration::from_secs(size / rate);
        match tokio::time::timeout(allowed, self.exchange(ask, url, allowed)).await {
            Ok(done) => done,
            Err(_) => Err(Failure::Silent(format!("no end after {} s", allowed.as_secs()))),
        }
    }

    /// `allowed` is the time for the whole, and so for the answer to what is sent.
    async fn exchange(&self, ask: &Ask<'_>, url: Url, allowed: Duration) -> Result<Bytes, Failure> {
        let mut request = self.client.request(ask.method(), url);
        if let Ask::Part { offset, length, .. } = ask {
            let end = u64::from(*offset) + u64::from(*length) - 1;
            request = request.header(header::RANGE, format!("bytes={offset}-{end}"));
        }
        if let Ask::Put { content, .. } = ask {
            request = request.header(header::CONTENT_LENGTH, ask.size()).body(self.paced(content));
        }
        let answer_within = if ask.is_write() { allowed } else { self.request_timeout };
        let mut response = heard(answer_within, request.send()).await?;
        let status = response.status();
        let promised = response.content_length();
        let mut body =
            Vec::with_capacity(usize::try_from(promised.unwrap_or_default().min(MAX_RESERVED)).unwrap_or(0));
        while let Some(piece) = heard(self.request_timeout, response.chunk()).await? {
            tokio::time::sleep(self.download.wait_for(piece.len() as u64, Instant::now())).await;
            body.extend_from_slice(&piece);
            if body.len() > MAX_BODY {
                return Err(Failure::Cut);
            }
        }
        if !status.is_success() {
            let is_gone_already = matches!(ask, Ask::Remove { .. }) && error_code(&body) == "NoSuchKey";
            if is_gone_already {
                return Ok(Bytes::new());
            }
            return Err(Failure::Status(status, error_code(&body), error_message(&body)));
        }
        if promised.is_some_and(|promised| promised != body.len() as u64) {
            return Err(Failure::Cut);
        }
        match ask {
            Ask::Part { length, .. } if body.len() != *length as usize => Err(Failure::Cut),
            Ask::Get { kind: Some((kind, id)), .. } if !fits_name(*kind, id, &body) => Err(Failure::Altered),
            Ask::Get { .. } | Ask::Part { .. } | Ask::Put { .. } | Ask::Remove { .. } | Ask::List { .. } => {
                Ok(body.into())
            }
        }
    }

    /// A body that goes out no faster than the limit.
    fn paced(&self, content: &[Bytes]) -> reqwest::Body {
        let pace = Arc::clone(&self.upload);
        let pieces: Vec<Bytes> = content.to_vec();
        let pieces = pieces.into_iter();
        reqwest::Body::wrap_stream(stream::unfold((pieces, pace), |(mut pieces, pace)| async move {
            let piece = pieces.next()?;
            tokio::time::sleep(pace.wait_for(piece.len() as u64, Instant::now())).await;
            Some((Ok::<_, std::convert::Infallible>(piece), (pieces, pace)))
        }))
    }

    fn sign(&self, ask: &Ask<'_>) -> Url {
        let credentials = Some(&self.credentials);
        match ask {
            Ask::Get { key, .. } | Ask::Part { key, .. } => {
                self.signer.get_object(credentials, key).sign(SIGNED_FOR)
            }
            Ask::Put { key, .. } => self.signer.put_object(credentials, key).sign(SIGNED_FOR),
            Ask::Remove { key } => self.signer.delete_object(credentials, key).sign(SIGNED_FOR),
            Ask::List { prefix, from, at_most } => {
                let mut action = self.signer.list_objects_v2(credentials);
                action.with_prefix(*prefix);
                if let Some(from) = from {
                    action.with_continuation_token(from.as_str());
                }
                if let Some(at_most) = at_most {
                    action.with_max_keys(*at_most);
                }
                action.sign(SIGNED_FOR)
            }
        }
    }

    fn fault(&self, ask: &Ask<'_>, failure: Failure) -> SyncError {
        let location = self.location.clone();
        match failure {
            Failure::Silent(detail) => SyncError::Unreachable { location, detail },
            Failure::Cut => SyncError::Unreachable { location, detail: "answers are cut off".to_owned() },
            Failure::Altered => SyncError::Damaged {
                location,
                detail: format!("{} does not hold what its name says", ask.what()),
            },
            Failure::Status(status, code, message) => match (status.as_u16(), code.as_str()) {
                (507, _) => SyncError::Full { location },
                (_, code) if FULL_CODES.contains(&code) => SyncError::Full { location },
                (403, _) if message.to_lowercase().contains("quota") => SyncError::Full { location },
                (_, "RequestTimeTooSkewed" | "RequestExpired" | "ExpiredToken") => {
                    SyncError::Clock { location }
                }
                (_, "NoSuchBucket") => {
                    SyncError::Refused { location, detail: "there is no such bucket".to_owned() }
                }
                (404, _) if ask.reads_a_file() => {
                    SyncError::Damaged { location, detail: format!("{} is missing", ask.what()) }
                }
                (416, _) => SyncError::Damaged { location, detail: format!("{} is too short", ask.what()) },
                (401 | 403, _) if ask.is_write() && self.can_list() => SyncError::ReadOnly { location },
                (500.., _) => SyncError::Unreachable { location, detail: status.to_string() },
                (_, "") => SyncError::Refused { location, detail: status.to_string() },
                (_, code) => SyncError::Refused { location, detail: code.to_owned() },
            },
        }
    }

    /// Whether the same key may read: then what it may not is write.
    fn can_list(&self) -> bool {
        let prefix = self.key("config");
        self.run(&Ask::List { prefix: &prefix, from: None, at_most: Some(1) }).is_ok()
    }

    /// All keys below a prefix with their sizes, page by page.
    fn list_below(&self, prefix: &str, at_most: Option<usize>) -> Result<Vec<(String, u64)>, SyncError> {
        let mut found = Vec::new();
        let mut from = None;
        loop {
            let page = self.list_page(&Ask::List { prefix, from: from.clone(), at_most })?;
            found.extend(
                page.contents.into_iter().map(|object| (object.key, object.size.unwrap_or_default())),
            );
            from = page.next_continuation_token;
            if from.is_none() || at_most.is_some() {
                return Ok(found);
            }
        }
    }

    fn list_page(&self, ask: &Ask<'_>) -> Result<ListObjectsV2Response, SyncError> {
        let mut detail = String::new();
        // An answer that no server would give may come from something between, such as a sign-in page.
        for _ in 0..PAUSES.len() {
            let page = self.run(ask)?;
            match ListObjectsV2::parse_response(&String::from_utf8_lossy(&page)) {
                Ok(page) => return Ok(page),
                Err(error) => detail = format!("this is no list of a bucket: {error}"),
            }
        }
        Err(SyncError::Refused { location: self.location.clone(), detail })
    }
}

impl Store for Bucket {
    fn location(&self) -> &str {
        &self.location
    }

    fn contents(&self) -> Result<Contents, SyncError> {
        if !self.list(FileType::Config)?.is_empty() {
            return Ok(Contents::Repository);
        }
        let root = if self.prefix.is_empty() { String::new() } else { format!("{}/", self.prefix) };
        let first = self.list_below(&root, Some(FIRST_LOOK))?;
        let mine: Vec<&str> = first
            .iter()
            .filter_map(|(key, _)| key.strip_prefix(&root))
            .filter(|path| !path.is_empty() && !path.starts_with(PROBE))
            .collect();
        if mine.is_empty() {
            return Ok(Contents::Empty);
        }
        let is_below = |path: &str, folders: &[&str]| folders.iter().any(|folder| path.starts_with(folder));
        if mine.len() < FIRST_LOOK && mine.iter().all(|path| is_below(path, &["keys/"])) {
            return Ok(Contents::HalfMade);
        }
        let is_ours = mine.iter().all(|path| is_below(path, &["data/", "index/", "keys/", "snapshots/"]));
        Ok(if is_ours { Contents::Headless } else { Contents::Other })
    }

    fn prepare(&self) -> Result<(), SyncError> {
        Ok(())
    }

    fn list(&self, kind: FileType) -> Result<Vec<(Id, u32)>, SyncError> {
        if kind == FileType::Config {
            let key = self.key("config");
            let found = self.list_below(&key, Some(2))?;
            let config = found.iter().find(|(found, _)| *found == key);
            return Ok(config.map(|(_, size)| (Id::default(), clamp(*size))).into_iter().collect());
        }
        let found = self.list_below(&self.key(&format!("{}/", kind.dirname())), None)?;
        Ok(found
            .into_iter()
            .filter_map(|(key, size)| Some((key.rsplit('/').next()?.parse().ok()?, clamp(size))))
            .collect())
    }

    fn read(&self, kind: FileType, id: &Id) -> Result<Bytes, SyncError> {
        let key = self.key(&path_of(kind, id));
        self.run(&Ask::Get { key: &key, kind: Some((kind, *id)) })
    }

    fn read_part(&self, kind: FileType, id: &Id, offset: u32, length: u32) -> Result<Bytes, SyncError> {
        if length == 0 {
            return Ok(Bytes::new());
        }
        self.run(&Ask::Part { key: &self.key(&path_of(kind, id)), offset, length })
    }

    fn write(&self, kind: FileType, id: &Id, content: &[Bytes]) -> Result<(), SyncError> {
        let key = self.key(&path_of(kind, id));
        self.run(&Ask::Put { key: &key, content }).map(|_| ())
    }

    fn remove(&self, kind: FileType, id: &Id) -> Result<(), SyncError> {
        self.run(&Ask::Remove { key: &self.key(&path_of(kind, id)) }).map(|_| ())
    }

    fn try_out(&self) -> Result<(), SyncError> {
        let key = self.key(&format!("{PROBE}-{}", self.writer));
        let content = Bytes::from(format!("DreamSeed probe {}", self.writer));
        // Reading first tells a wrong bucket or key from a key that may only read.
        self.list(FileType::Config)?;
        self.run(&Ask::Put { key: &key, content: std::slice::from_ref(&content) })?;
        let back = self.run(&Ask::Get { key: &key, kind: None });
        let removed = self.run(&Ask::Remove { key: &key });
        if back? != content {
            return Err(SyncError::Damaged {
                location: self.location.clone(),
                detail: "a file read back differs from what was written".to_owned(),
            });
        }
        removed.map(|_| ())
    }

    fn sweep(&self) -> Result<(), SyncError> {
        // An object is stored whole or not at all.
        Ok(())
    }
}

/// One request.
#[derive(Debug)]
enum Ask<'a> {
    Get { key: &'a str, kind: Option<(FileType, Id)> },
    Part { key: &'a str, offset: u32, length: u32 },
    Put { key: &'a str, content: &'a [Bytes] },
    Remove { key: &'a str },
    List { prefix: &'a str, from: Option<String>, at_most: Option<usize> },
}

impl Ask<'_> {
    fn what(&self) -> &str {
        match self {
            Self::Get { key, .. } | Self::Part { key, .. } | Self::Put { key, .. } | Self::Remove { key } => {
                key
            }
            Self::List { prefix, .. } => prefix,
        }
    }

    fn method(&self) -> Method {
        match self {
            Self::Get { .. } | Self::Part { .. } | Self::List { .. } => Method::GET,
            Self::Put { .. } => Method::PUT,
            Self::Remove { .. } => Method::DELETE,
        }
    }

    /// Bytes of the larger body, as far as they are known beforehand.
    fn size(&self) -> u64 {
        match self {
            Self::Put { content, .. } => content.iter().map(|piece| piece.len() as u64).sum(),
            Self::Part { length, .. } => u64::from(*length),
            Self::Get { .. } => ASSUMED_FILE,
            Self::Remove { .. } | Self::List { .. } => 0,
        }
    }

    fn is_write(&self) -> bool {
        matches!(self, Self::Put { .. } | Self::Remove { .. })
    }

    fn reads_a_file(&self) -> bool {
        matches!(self, Self::Get { .. } | Self::Part { .. })
    }
}

/// Why one try failed.
#[derive(Debug)]
enum Failure {
    /// No connection, no answer, no end of the answer.
    Silent(String),
    /// The answer ended early.
    Cut,
    /// The answer is not what its name says.
    Altered,
    /// Status, S3's own code, and its message.
    Status(StatusCode, String, String),
}

impl Failure {
    fn may_pass(&self) -> bool {
        match self {
            Self::Silent(_) | Self::Cut | Self::Altered => true,
            Self::Status(status, code, _) => {
                let busy = status.is_server_error() && !matches!(status.as_u16(), 501 | 507);
                (busy && !FULL_CODES.contains(&code.as_str())) || matches!(status.as_u16(), 408 | 429)
            }
        }
    }
}

/// Before each try.
const PAUSES: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_millis(250),
    Duration::from_millis(1000),
    Duration::from_millis(3000),
    Duration::from_millis(8000),
];
/// A signature is made for each try anew, just before it is sent.
const SIGNED_FOR: Duration = Duration::from_secs(3600);
/// Keys that tell what stands at a place without a config.
const FIRST_LOOK: usize = 100;
const PROBE: &str = ".dreamseed-probe";
/// What a repository's files are at most, for time limits.
const ASSUMED_FILE: u64 = 8 << 20;
const MAX_RESERVED: u64 = 8 << 20;
/// No file of a repository is larger; a server that sends more is not what it says.
const MAX_BODY: usize = 512 << 20;
const FULL_CODES: [&str; 4] =
    ["QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "InsufficientStorage"];

fn build_client(limits: &Limits) -> reqwest::Result<Client> {
    // Ours or another part's of this program: one of them is installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Certificates are judged by the system's own list, so that a school's own authority counts.
    Client::builder()
        .connect_timeout(limits.request_timeout.min(Duration::from_secs(10)))
        .redirect(redirect::Policy::none())
        .pool_max_idle_per_host(4)
        .http1_only()
        .build()
}

fn build_runtime() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("backup-line")
        .enable_io()
        .enable_time()
        .build()
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Waits for the other side, but not for ever. (reqwest's own limit would count the time of sending a body.)
async fn heard<T>(within: Duration, answer: impl Future<Output = reqwest::Result<T>>) -> Result<T, Failure> {
    match tokio::time::timeout(within, answer).await {
        Ok(answer) => answer.map_err(|error| silent(&error)),
        Err(_) => Err(Failure::Silent(format!("silence for {} s", within.as_secs()))),
    }
}

/// The signed address would carry the key's id: it stays out of messages.
fn silent(error: &reqwest::Error) -> Failure {
    let kind = match error {
        error if error.is_timeout() => "no answer in time",
        error if error.is_connect() => "no connection",
        error if error.is_body() || error.is_decode() => return Failure::Cut,
        _ => "the connection broke",
    };
    let cause = std::iter::successors(std::error::Error::source(error), |cause| cause.source()).last();
    Failure::Silent(cause.map_or_else(|| kind.to_owned(), |cause| format!("{kind}: {cause}")))
}

fn error_code(body: &[u8]) -> String {
    element(body, "Code")
}

fn error_message(body: &[u8]) -> String {
    element(body, "Message")
}

/// The text of an element of S3's error document: `<Error><Code>…</Code><Message>…</Message></Error>`.
fn element(body: &[u8], name: &str) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(16 * 1024)]);
    let inner =
        text.split_once(&format!("<{name}>")).and_then(|(_, rest)| rest.split_once(&format!("</{name}>")));
    inner.map(|(inner, _)| inner.chars().take(200).collect()).unwrap_or_default()
}

fn clamp(size: u64) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secret;

    fn place(endpoint: &str, allow_http: bool) -> S3Place {
        S3Place {
            endpoint: endpoint.to_owned(),
            region: "garage".to_owned(),
            bucket: "school".to_owned(),
            prefix: "hub".to_owned(),
            access_key_id: "GK1".to_owned(),
            secret_access_key: Secret::new("secret"),
            allow_http,
        }
    }

    fn opens(endpoint: &str, allow_http: bool) -> bool {
        Bucket::open(&place(endpoint, allow_http), &Limits::default(), "w").is_ok()
    }

    #[test]
    fn without_tls_only_this_machine_is_spoken_to() {
        assert!(opens("https://s3.example.org", false));
        assert!(opens("http://127.0.0.1:3900", false));
        assert!(opens("http://[::1]:3900", false));
        assert!(opens("http://localhost:3900", false));
        assert!(!opens("http://s3.example.org", false));
        assert!(!opens("http://127.0.0.1.example.org", false));
        assert!(!opens("http://192.168.0.9:3900", false));
        assert!(opens("http://192.168.0.9:3900", true));
        assert!(!opens("ftp://127.0.0.1", true));
        assert!(!opens("no address", false));
    }

    #[test]
    fn errors_of_s3_are_read_by_their_code() {
        let body = b"<?xml version=\"1.0\"?><Error><Code>NoSuchBucket</Code><Message>none</Message></Error>";
        assert_eq!(error_code(body), "NoSuchBucket");
        assert_eq!(error_message(body), "none");
        assert_eq!(error_code(b"<html>gateway"), "");
    }
}
