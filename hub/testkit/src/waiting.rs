//! Waiting for what must come, with a name for what did not.

use std::time::Duration;

use dreamseed_client::{ClientError, EventStream, StreamEvent};
use dreamseed_hub::live::Frame;
use dreamseed_wire::live::LiveEvent;
use serde_json::Value;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout},
};

/// Nothing in a test takes longer, even on a busy machine.
const LIMIT: Duration = Duration::from_secs(20);

/// Waits for something that must come.
///
/// # Panics
/// With `what` if it does not.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match timeout(LIMIT, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what} did not come within {LIMIT:?}"),
    }
}

/// Asks again and again until it is so: for states that no event tells of.
///
/// # Panics
/// With `what` if it never is.
pub async fn until(what: &str, is_so: impl AsyncFnMut() -> bool) {
    until_within(LIMIT, what, is_so).await;
}

/// As [`until`], for what takes longer.
///
/// # Panics
/// With `what` if it is not so within `limit`.
pub async fn until_within(limit: Duration, what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + limit;
    while !is_so().await {
        assert!(Instant::now() < end, "{what}: not so within {limit:?}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// The next event of a stream that goes on.
///
/// # Panics
/// If the stream ends or breaks instead.
pub async fn next_event<T: serde::de::DeserializeOwned>(stream: &mut EventStream<T>) -> StreamEvent<T> {
    let event = within("an event", stream.next()).await;
    event.expect("the stream has ended").expect("the stream has broken")
}

/// The numbered events among the frames that have been handed to a watcher, with their numbers.
///
/// # Panics
/// If a frame is not an event of the live view.
pub fn numbered_events(frames: &mut mpsc::Receiver<Frame>) -> Vec<(i64, LiveEvent)> {
    let mut events = Vec::new();
    while let Ok(frame) = frames.try_recv() {
        let Some(id) = frame.id else { continue };
        let text = std::str::from_utf8(&frame.bytes).expect("text");
        let data = text.lines().find_map(|line| line.strip_prefix("data: ")).expect("a line of data");
        events.push((id.seq, serde_json::from_str(data).expect("an event")));
    }
    events
}

/// The rest of a stream, up to its end.
///
/// # Panics
/// If it breaks or does not end.
pub async fn rest_of<T: serde::de::DeserializeOwned>(stream: &mut EventStream<T>) -> Vec<StreamEvent<T>> {
    let mut events = Vec::new();
    while let Some(event) = within("the end of a stream", stream.next()).await {
        events.push(event.expect("the stream has broken"));
    }
    events
}

/// The refusal that a call must meet: its status and its code as it stands in JSON.
///
/// # Panics
/// If the call worked or failed in another way.
pub fn refusal<T>(result: Result<T, ClientError>) -> (u16, String) {
    let Err(error) = result else { panic!("the call must be refused") };
    let Some(problem) = error.problem() else { panic!("not a problem document: {error:?}") };
    let code = serde_json::to_value(problem.code).unwrap_or(Value::Null);
    (problem.status, code.as_str().unwrap_or_default().to_owned())
}
