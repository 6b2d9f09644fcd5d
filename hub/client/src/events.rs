//! A stream of server-sent events whose data is JSON of one type.

use crate::{
    ClientError, Hub,
    sse::{Message, Parser},
};
use futures_util::stream::Stream;
use hyper::body::{Body, Incoming};
use serde::de::DeserializeOwned;
use std::{
    collections::VecDeque,
    future::poll_fn,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamEvent<T> {
    /// The newest id seen so far, this event's own if it has one; empty if there was none.
    pub id: String,
    pub data: T,
}

/// Events as the hub sends them. Ends when the hub closes the stream: at its natural end, or when the sign-in ends;
/// [`EventStream::resume`] goes on from the last event.
#[derive(Debug)]
pub struct EventStream<T> {
    hub: Hub,
    path: String,
    body: Option<Incoming>,
    parser: Parser,
    waiting: VecDeque<Message>,
    /// Of the last event that was handed out, so that resuming repeats what was parsed but not handed out.
    last_event_id: String,
    data: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> EventStream<T> {
    pub(crate) fn new(hub: Hub, path: String, last_event_id: String, body: Incoming) -> Self {
        let parser = Parser::after(last_event_id.clone());
        Self {
            hub,
            path,
            body: Some(body),
            parser,
            waiting: VecDeque::new(),
            last_event_id,
            data: PhantomData,
        }
    }

    /// The next event; `None` when the hub has closed the stream. May be dropped while it waits: nothing is lost.
    pub async fn next(&mut self) -> Option<Result<StreamEvent<T>, ClientError>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// All events up to the end of the stream.
    pub async fn collect_all(mut self) -> Result<Vec<StreamEvent<T>>, ClientError> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event?);
        }
        Ok(events)
    }

    /// The id of the last event that was handed out, or the one the stream was opened after; empty if none.
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// How long the hub asks to wait before resuming.
    pub fn retry(&self) -> Option<Duration> {
        self.parser.retry()
    }

    /// Opens the stream again after the last event that was handed out, refreshing the sign-in if need be.
    pub async fn resume(&mut self) -> Result<(), ClientError> {
        let id = Some(self.last_event_id.as_str()).filter(|id| !id.is_empty());
        let body = self.hub.open_stream_body(&self.path, id).await?;
        self.parser = Parser::after(self.last_event_id.clone());
        self.waiting.clear();
        self.body = Some(body);
        Ok(())
    }
}

impl<T: DeserializeOwned> Stream for EventStream<T> {
    type Item = Result<StreamEvent<T>, ClientError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let stream = self.get_mut();
        loop {
            if let Some(message) = stream.waiting.pop_front() {
                stream.last_event_id.clone_from(&message.id);
                let event = serde_json::from_str(&message.data)
                    .map(|data| StreamEvent { id: message.id, data })
                    .map_err(|error| ClientError::Decode(error.into()));
                return Poll::Ready(Some(event));
            }
            let Some(body) = &mut stream.body else { return Poll::Ready(None) };
            match ready!(Pin::new(body).poll_frame(context)) {
                Some(Ok(frame)) => {
                    let Ok(bytes) = frame.into_data() else { continue };
                    if let Err(error) = stream.parser.push(&bytes, &mut stream.waiting) {
                        stream.body = None;
                        return Poll::Ready(Some(Err(ClientError::Decode(error.into()))));
                    }
                }
                Some(Err(error)) => {
                    stream.body = None;
                    return Poll::Ready(Some(Err(ClientError::Transport(error.into()))));
                }
                None => stream.body = None,
            }
        }
    }
}
