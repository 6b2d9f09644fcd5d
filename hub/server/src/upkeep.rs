//! What the hub does for itself once a minute: nothing here waits for anybody, and all of it bears being run twice.

use std::{collections::HashSet, sync::Arc, time::Duration};

use crate::{
    audit_log,
    hub::Ctx,
    store::{StoreError, notices, to_word},
    telemetry,
};

const EVERY: Duration = Duration::from_secs(60);

/// Runs until the hub stops; the first round begins at once.
pub async fn keep_until_stopped(ctx: Arc<Ctx>) {
    let mut minute = tokio::time::interval(EVERY);
    let mut told = HashSet::new();
    loop {
        tokio::select! {
            () = ctx.stopping.cancelled() => return,
            _ = minute.tick() => {}
        }
        ctx.limits.forget_quiet();
        ctx.sheets.forget_old(ctx.clock.now());
        // Else the samples of histograms pile up until somebody asks for the figures.
        ctx.metrics.run_upkeep();
        let kept = async {
            ctx.api_keys.keep_used(&ctx.store).await?;
            ctx.devices.keep_seen(&ctx.store).await?;
            audit_log::look(&ctx).await?;
            show_notices(&ctx, &mut told).await
        };
        match kept.await {
            Ok(()) => {}
            Err(StoreError::Closed) if ctx.stopping.is_cancelled() => return,
            Err(err) => {
                tracing::warn!(error = %err, "the hub's upkeep was cut short; it is tried again in a minute");
            }
        }
    }
}

async fn show_notices(ctx: &Ctx, told: &mut HashSet<String>) -> Result<(), StoreError> {
    let open = ctx.store.read(notices::open).await?;
    let open: Vec<String> = open.iter().map(|notice| to_word(&notice.code)).collect();
    let closed: Vec<String> = told.iter().filter(|code| !open.contains(code)).cloned().collect();
    telemetry::show_notices(&open, &closed);
    told.extend(open);
    Ok(())
}
