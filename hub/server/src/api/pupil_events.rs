//! `/me/events`: what happens to a pupil's own screen, pushed.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use dreamseed_wire::lesson::PupilEvent;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    event_stream::{self, StreamEnd},
    extract::Caller,
};
use crate::{hub::Ctx, live::Frame};

pub fn routes() -> OpenApiRouter<Arc<Ctx>> {
    OpenApiRouter::new().routes(routes!(watch_my_screen))
}

/// What happens to the pupil's lessons and what the pupil is told, as server-sent events of `PupilEvent`, with a beat
/// every second. It begins with `lessons`, also after a break: then everything is fetched again, and nothing is missed.
#[utoipa::path(
    get, path = "/api/v1/me/events", operation_id = "watch_my_screen", tag = "my work",
    responses((status = 200, content_type = "text/event-stream", body = PupilEvent))
)]
async fn watch_my_screen(State(ctx): State<Arc<Ctx>>, caller: Caller) -> Response {
    let frames = ctx.live.watch_pupil(caller.user_id, caller.session_id);
    let first = vec![Frame::of(None, &PupilEvent::Lessons)];
    event_stream::follow(first, i64::MIN, frames, StreamEnd::of(&ctx, &caller))
}
