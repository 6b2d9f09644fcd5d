//! Server-sent events: what every stream of the hub has in common, above all what ends it.

use std::{collections::VecDeque, convert::Infallible, time::Duration};

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream::unfold;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::extract::Caller;
use crate::{hub::Ctx, live::Frame};

/// What ends a stream that would go on: the hub, the sign-in, or the token it was opened with.
#[derive(Debug, Clone)]
pub struct StreamEnd {
    pub token_ends: Instant,
    pub session_ends: CancellationToken,
    pub stopping: CancellationToken,
}

/// Why a stream has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    Stopping,
    SignedOut,
    /// Nothing is wrong: the client takes a new token and goes on from the last event.
    TokenUsedUp,
}

impl StreamEnd {
    /// The end of a stream of this caller.
    pub fn of(ctx: &Ctx, caller: &Caller) -> Self {
        let left = caller.expires_at.duration_since(ctx.clock.now());
        StreamEnd {
            token_ends: Instant::now() + Duration::try_from(left).unwrap_or_default(),
            session_ends: ctx.auth.watch_end(caller.session_id),
            stopping: ctx.stopping.clone(),
        }
    }

    /// Returns when the stream must end.
    pub async fn reached(&self) -> Ended {
        tokio::select! {
            biased;
            () = self.stopping.cancelled() => Ended::Stopping,
            () = self.session_ends.cancelled() => Ended::SignedOut,
            () = sleep_until(self.token_ends) => Ended::TokenUsedUp,
        }
    }
}

/// A reader's stream: first what it missed, then what comes. Ends with [`StreamEnd`], or when the reader has fallen too
/// far behind.
pub fn follow(first: Vec<Frame>, seen: i64, frames: mpsc::Receiver<Frame>, end: StreamEnd) -> Response {
    follow_while((first, seen), frames, end, || true)
}

/// The same for what not everybody may see: ends before the next frame once the reader may not any more. A beat comes each
/// second, so that it ends within that.
pub fn follow_while(
    (first, seen): (Vec<Frame>, i64),
    frames: mpsc::Receiver<Frame>,
    end: StreamEnd,
    may_follow: impl Fn() -> bool + Send + 'static,
) -> Response {
    let may_follow = Box::new(may_follow);
    let following = Following { first: first.into(), seen, frames, end, may_follow };
    let body = unfold(following, |mut following| async move {
        let bytes = following.next().await?;
        Some((Ok::<_, Infallible>(bytes), following))
    });
    let kind = HeaderValue::from_static("text/event-stream");
    unbuffered(([(header::CONTENT_TYPE, kind)], Body::from_stream(body)).into_response())
}

/// Marks a stream so that nothing on the way collects or keeps it.
pub fn unbuffered(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

struct Following {
    first: VecDeque<Frame>,
    /// Events up to this number of the record have been sent from the log.
    seen: i64,
    frames: mpsc::Receiver<Frame>,
    end: StreamEnd,
    may_follow: Box<dyn Fn() -> bool + Send>,
}

impl Following {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(frame) = self.first.pop_front() {
            return (self.may_follow)().then_some(frame.bytes);
        }
        loop {
            let frame = tokio::select! {
                biased;
                _ = self.end.reached() => return None,
                frame = self.frames.recv() => frame?,
            };
            if !(self.may_follow)() {
                return None;
            }
            if frame.id.is_none_or(|id| id.seq > self.seen) {
                return Some(frame.bytes);
            }
        }
    }
}
