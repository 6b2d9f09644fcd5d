//! A device of the school: one kept connection for calls and one stream of events.

use super::{
    Material,
    plan::Timetable,
    tally::{Kind, Tally},
};
use crate::http1::Connection;
use anyhow::{Context, Result};
use dreamseed_client::{ClientError, EventStream, Hub};
use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use std::{
    cell::RefCell,
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};

/// What all devices share.
pub struct Day {
    client: Hub,
    address: SocketAddr,
    timetable: Timetable,
    /// The devices' clock at the beginning of the day.
    clock: Timestamp,
    pub material: Material,
    pub tally: RefCell<Tally>,
}

impl Day {
    /// Before anybody has come.
    pub fn new(
        client: Hub,
        address: SocketAddr,
        timetable: Timetable,
        clock: Timestamp,
        material: Material,
    ) -> Self {
        let tally = RefCell::new(Tally::new(timetable.begin));
        Self { client, address, timetable, clock, material, tally }
    }

    /// What a device's clock says now; the day must have begun.
    pub fn clock(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.timetable.begin.elapsed()).unwrap_or_default();
        self.clock.checked_add(passed).unwrap_or(self.clock)
    }
}

/// A device with somebody signed in.
pub struct Device {
    pub day: Rc<Day>,
    pub hub: Hub,
    token: String,
    connection: Option<Connection>,
    request: Vec<u8>,
}

impl Device {
    /// Not connected yet.
    pub fn new(day: Rc<Day>, token: String) -> Self {
        let hub = day.client.with_token(token.clone());
        Self { day, hub, token, connection: None, request: Vec::new() }
    }

    /// Sends a call and counts it from when it was due; `path` starts after the base. `None` if the hub refused, which
    /// has been counted.
    ///
    /// # Errors
    /// The connection broke: there is nothing to measure any more.
    pub async fn call(
        &mut self,
        kind: Kind,
        due: Instant,
        method: &str,
        path: &str,
        body: Option<&str>,
    ) -> Result<Option<Vec<u8>>> {
        self.write_request(method, path, body);
        let connection = match &mut self.connection {
            Some(connection) if !connection.is_closed() => connection,
            none => none.insert(Connection::open(self.day.address).await.context("connecting to the hub")?),
        };
        let (status, body) = connection
            .exchange(&self.request, |reply| (reply.status, reply.body.to_vec()))
            .await
            .with_context(|| format!("the connection broke at {method} {path}"))?;
        let mut tally = self.day.tally.borrow_mut();
        tally.count_call(kind, due);
        if (200..300).contains(&status) {
            return Ok(Some(body));
        }
        tally.count_error(&format!("{method} {path}: {status} {}", String::from_utf8_lossy(&body)));
        Ok(None)
    }

    /// The same, with the reply read.
    pub async fn ask<T: DeserializeOwned>(
        &mut self,
        kind: Kind,
        due: Instant,
        method: &str,
        path: &str,
        body: Option<&str>,
    ) -> Result<Option<T>> {
        let reply = self.call(kind, due, method, path, body).await?;
        reply
            .map(|reply| {
                serde_json::from_slice(&reply).with_context(|| format!("the reply to {method} {path}"))
            })
            .transpose()
    }

    fn write_request(&mut self, method: &str, path: &str, body: Option<&str>) {
        let (address, token) = (self.day.address, &self.token);
        let head = format!(
            "{method} /api/v1{path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n"
        );
        self.request.clear();
        self.request.extend_from_slice(head.as_bytes());
        if let Some(body) = body {
            let length = body.len();
            let more = format!("content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}");
            self.request.extend_from_slice(more.as_bytes());
        } else {
            // A POST without a body says so.
            let end = if method == "POST" { "content-length: 0\r\n\r\n" } else { "\r\n" };
            self.request.extend_from_slice(end.as_bytes());
        }
    }
}

/// Hears a stream until the day is over: each event is handed to `hear`, and silences are measured.
///
/// # Errors
/// The hub ended the stream, which it has no reason to.
pub async fn listen<T: DeserializeOwned>(
    day: &Day,
    mut stream: EventStream<T>,
    mut hear: impl FnMut(T),
) -> Result<()> {
    day.tally.borrow_mut().open_streams += 1;
    let mut last = Instant::now();
    let why = loop {
        let event = stream.next().await;
        let silence = last.elapsed();
        last = Instant::now();
        let mut tally = day.tally.borrow_mut();
        tally.longest_silence = tally.longest_silence.max(silence);
        drop(tally);
        match event {
            Some(Ok(event)) => hear(event.data),
            Some(Err(error)) => break error.to_string(),
            None => break "the hub ended it".to_owned(),
        }
    };
    let mut tally = day.tally.borrow_mut();
    tally.open_streams -= 1;
    tally.count_error(&format!("a stream of events broke: {why}"));
    Ok(())
}

/// Opens a stream when it is due and counts the call.
pub async fn open_stream<T>(
    day: &Day,
    due: Instant,
    open: impl Future<Output = Result<EventStream<T>, ClientError>>,
) -> Result<EventStream<T>> {
    tokio::time::sleep_until(due.into()).await;
    let stream = open.await.context("opening a stream of events")?;
    day.tally.borrow_mut().count_call(Kind::Stream, due);
    Ok(stream)
}

/// Waits for a step that may not be there, for ever then.
pub async fn wait_for(due: Option<Instant>) {
    const FOR_EVER: Duration = Duration::from_secs(24 * 60 * 60);
    let due = due.unwrap_or_else(|| Instant::now() + FOR_EVER);
    tokio::time::sleep_until(due.into()).await;
}
