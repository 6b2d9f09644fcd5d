//! The hub's pulse: one tick a second for everybody. Lessons whose time is up are closed, the watched classes are looked
//! at again, and every stream gets its beat.

use std::{sync::Arc, time::Duration};

use tokio::time::{MissedTickBehavior, interval};

use crate::{hub::Ctx, lessons};

/// Clients call a line dead after three seconds without a beat.
const EVERY: Duration = Duration::from_secs(1);

/// Beats until the hub stops.
pub async fn run(ctx: Arc<Ctx>) {
    let mut tick = interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            () = ctx.stopping.cancelled() => return,
            _ = tick.tick() => beat(&ctx).await,
        }
    }
}

/// One beat; what fails is tried again with the next one.
async fn beat(ctx: &Ctx) {
    if let Err(err) = lessons::close_due(ctx).await {
        tracing::warn!(error = %err, "lessons whose time is up could not be closed");
    }
    for class in ctx.live.watched_classes() {
        if let Err(err) = super::read_grids(ctx, class).await {
            tracing::warn!(error = %err, "a watched class could not be read");
        }
    }
    let now = ctx.clock.now();
    ctx.live.look_again(&ctx.school.get(), &super::heard(ctx, now), now);
    ctx.live.beat(now);
}
