//! `/classes/{class_id}/live`: the class as it works.

use std::sync::Arc;

use axum::{Json, extract::State, http::HeaderMap, response::Response};
use dreamseed_wire::{
    account::Role,
    ids::{ClassId, LessonId},
    live::{ClassLive, LiveEvent},
};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    event_stream::{self, StreamEnd},
    extract::{Caller, Path, Query},
    problem::ApiError,
};
use crate::{
    hub::Ctx,
    live::{self, EventId, Frame, NoEventId},
    store::StoreError,
};

pub fn routes() -> OpenApiRouter<Arc<Ctx>> {
    OpenApiRouter::new().routes(routes!(get_class_live)).routes(routes!(watch_class))
}

/// Which lesson of the class is looked at.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct LookedAt {
    /// One of the class's lessons, also one that is over; absent for the newest open one, else the newest.
    lesson_id: Option<LessonId>,
}

/// The class now: pupils × problems of one lesson, and who needs the teacher in the other open ones.
#[utoipa::path(
    get, path = "/api/v1/classes/{class_id}/live", operation_id = "get_class_live", tag = "live",
    params(("class_id" = ClassId, Path), LookedAt), responses((status = 200, body = ClassLive))
)]
async fn get_class_live(
    State(ctx): State<Arc<Ctx>>,
    Path(id): Path<ClassId>,
    Query(looked_at): Query<LookedAt>,
) -> Result<Json<ClassLive>, ApiError> {
    let lesson_id = looked_at.lesson_id;
    let what = if lesson_id.is_some() { "That lesson of the class" } else { "That class" };
    Ok(Json(live::picture(&ctx, id, lesson_id).await?.ok_or_else(|| ApiError::not_found(what))?))
}

/// What changes in the class, as server-sent events of `LiveEvent`, with a beat every second; goes on after
/// `Last-Event-ID`.
#[utoipa::path(
    get, path = "/api/v1/classes/{class_id}/live/events", operation_id = "watch_class", tag = "live",
    params(
        ("class_id" = ClassId, Path),
        LookedAt,
        ("Last-Event-ID" = Option<String>, Header, description = "Go on after this event, or after a picture's `last_event`; from now on if absent"),
    ),
    responses((status = 200, content_type = "text/event-stream", body = LiveEvent))
)]
async fn watch_class(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path(id): Path<ClassId>,
    Query(looked_at): Query<LookedAt>,
    headers: HeaderMap,
) -> Response {
    let lesson_id = looked_at.lesson_id;
    let since = headers.get("last-event-id").map(|value| value.to_str().unwrap_or_default().trim());
    // Before the log is read, so that nothing falls between the two.
    let frames = ctx.live.watch_lesson(id, lesson_id, caller.session_id);
    let (first, seen) = catch_up(&ctx, id, lesson_id, since).await.unwrap_or_else(|err| {
        tracing::error!(error = %err, "the events that a watcher missed could not be read");
        (vec![Frame::of(None, &LiveEvent::Refetch)], i64::MIN)
    });
    let end = StreamEnd::of(&ctx, &caller);
    let was_archived = is_archived(&ctx, id);
    let may_follow = move || may_watch(&ctx, &caller, id) && is_archived(&ctx, id) == was_archived;
    event_stream::follow_while((first, seen), frames, end, may_follow)
}

/// Whether somebody may watch a class now: co-teachers change, and a stream outlives the look at rights that it began with.
fn may_watch(ctx: &Ctx, caller: &Caller, class: ClassId) -> bool {
    caller.role == Role::Admin || ctx.school.get().teaches(caller.user_id, class)
}

/// Nothing happens in a class that is put away; who watched it fetches the picture once more.
fn is_archived(ctx: &Ctx, class: ClassId) -> bool {
    ctx.school.get().class(class).is_none_or(|class| class.archived)
}

/// What a watcher missed since an event, and the number of the record up to which that is.
async fn catch_up(
    ctx: &Ctx,
    class: ClassId,
    chosen: Option<LessonId>,
    since: Option<&str>,
) -> Result<(Vec<Frame>, i64), StoreError> {
    let standings = live::standings_now(ctx, class).await?;
    let Some(since) = since.filter(|since| !since.is_empty()) else { return Ok((Vec::new(), i64::MIN)) };
    let missed = match since.parse::<EventId>() {
        Ok(since) => live::missed(ctx, class, since).await?.map(|missed| (since, missed)),
        Err(NoEventId) => None,
    };
    let Some((since, missed)) = missed else {
        return Ok((vec![Frame::of(None, &LiveEvent::Refetch)], i64::MIN));
    };
    let seen = missed.last().map_or(since.seq, |(id, _)| since.seq.max(id.seq));
    // What happens to a lesson is not in the log: it is told as it stands.
    let lesson = live::shown_lesson_event(ctx, class, chosen);
    let lesson = lesson.iter().map(|event| Frame::of(None, event));
    let cells = missed.iter().map(|(id, event)| Frame::of(Some(*id), event));
    Ok((lesson.chain(cells).chain(standings.iter().map(|event| Frame::of(None, event))).collect(), seen))
}
