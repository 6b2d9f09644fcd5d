//! `/classes/{class_id}/live`: the class as it works.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State,
    http::HeaderMap,
    response::{
        Sse,
        sse::{Event, KeepAlive},
    },
};
use dreamseed_wire::{
    ids::ClassId,
    live::{ClassLive, LiveEvent},
};
use futures_util::Stream;
use tokio::sync::{broadcast::error::RecvError, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    extract::{Caller, Path},
    problem::ApiError,
};
use crate::{hub::Ctx, live};

/// Events that wait for a slow browser before it is cut off and fetches the picture again.
const BEHIND: usize = 64;

pub fn routes() -> OpenApiRouter<Arc<Ctx>> {
    OpenApiRouter::new().routes(routes!(get_class_live)).routes(routes!(watch_class))
}

/// The class now: pupils × problems of the newest open lesson.
#[utoipa::path(
    get, path = "/api/v1/classes/{class_id}/live", operation_id = "get_class_live", tag = "live",
    params(("class_id" = ClassId, Path)), responses((status = 200, body = ClassLive))
)]
async fn get_class_live(
    State(ctx): State<Arc<Ctx>>,
    Path(id): Path<ClassId>,
) -> Result<Json<ClassLive>, ApiError> {
    Ok(Json(live::picture(&ctx, id).await?.ok_or_else(|| ApiError::not_found("That class"))?))
}

/// What changes in the class, as server-sent events of `LiveEvent`; goes on after `Last-Event-ID`.
#[utoipa::path(
    get, path = "/api/v1/classes/{class_id}/live/events", operation_id = "watch_class", tag = "live",
    params(("class_id" = ClassId, Path)),
    responses((status = 200, content_type = "text/event-stream", body = LiveEvent))
)]
async fn watch_class(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path(id): Path<ClassId>,
    headers: HeaderMap,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let since =
        headers.get("last-event-id").and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
    let (sender, receiver) = mpsc::channel(BEHIND);
    tokio::spawn(follow(ctx, caller, id, since, sender));
    Sse::new(ReceiverStream::new(receiver)).keep_alive(KeepAlive::new().interval(Duration::from_secs(2)))
}

/// Sends what was missed, then what happens, until the reader, the sign-in or the hub ends.
async fn follow(
    ctx: Arc<Ctx>,
    caller: Caller,
    class: ClassId,
    since: Option<i64>,
    sender: mpsc::Sender<Result<Event, Infallible>>,
) {
    // Before the log is read, so that nothing falls between the two.
    let mut news = ctx.live.subscribe();
    let mut since = since;
    let mut last = since.unwrap_or(i64::MAX);
    if let Some(seen) = since {
        match live::missed(&ctx, class, seen).await {
            Ok(None) => {
                since = None;
                if sender.send(Ok(frame(None, &LiveEvent::Refetch))).await.is_err() {
                    return;
                }
            }
            Ok(Some(missed)) => {
                for (seq, event) in missed {
                    last = last.max(seq);
                    if sender.send(Ok(frame(Some(seq), &event))).await.is_err() {
                        return;
                    }
                }
            }
            Err(err) => {
                tracing::error!(error = %err, "the events that a watcher missed could not be read");
                let _ = sender.send(Ok(frame(None, &LiveEvent::Refetch))).await;
            }
        }
    }
    let signed_out = ctx.auth.watch_end(caller.session_id);
    let token_ends = (caller.expires_at - ctx.clock.now()).try_into().unwrap_or(Duration::ZERO);
    let end = tokio::time::sleep(token_ends);
    tokio::pin!(end);
    loop {
        let event = tokio::select! {
            () = ctx.stopping.cancelled() => return,
            () = signed_out.cancelled() => return,
            () = &mut end => return,
            () = sender.closed() => return,
            event = news.recv() => event,
        };
        let sent = match event {
            Ok(committed) if committed.class_id != class => continue,
            // Already sent from the log.
            Ok(committed) if since.is_some() && committed.seq.is_some_and(|seq| seq <= last) => continue,
            Ok(committed) => sender.try_send(Ok(frame(committed.seq, &committed.event))),
            Err(RecvError::Lagged(_)) => sender.try_send(Ok(frame(None, &LiveEvent::Refetch))),
            Err(RecvError::Closed) => return,
        };
        if sent.is_err() {
            // A reader that far behind reconnects with its last id and gets the rest from the log.
            return;
        }
    }
}

fn frame(seq: Option<i64>, event: &LiveEvent) -> Event {
    let data = serde_json::to_string(event).unwrap_or_default();
    let frame = Event::default().data(data);
    match seq {
        Some(seq) => frame.id(seq.to_string()),
        None => frame,
    }
}
