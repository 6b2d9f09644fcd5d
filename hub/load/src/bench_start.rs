//! `start`: from the start of the process to `/readyz`, with the demo school.

use crate::{
    hub_process::{HubProcess, ModelUse},
    report::{Report, Target, tell},
    school::SchoolCopy,
};
use anyhow::Result;
use std::{path::Path, time::Duration};

/// Starts and stops the hub `times` times and adds the slowest start to the report.
pub async fn measure_start(
    binary: &Path,
    school: &SchoolCopy,
    times: usize,
    report: &mut Report,
) -> Result<()> {
    tell(&format!("start: the demo school, {times} times"));
    let mut ready_ms = Vec::new();
    for _ in 0..times {
        let hub = HubProcess::start(binary, &school.data(), &school.log(), ModelUse::None).await?;
        ready_ms.push(hub.ready_after.as_secs_f64() * 1000.0);
        // What the hub does after it is ready must not fall into the next start.
        tokio::time::sleep(Duration::from_millis(200)).await;
        hub.stop().await?;
    }
    ready_ms.sort_unstable_by(f64::total_cmp);
    let slowest = ready_ms.last().copied().unwrap_or_default();
    report.add(("start", "start", "ready_ms"), slowest, "ms", Some(Target::AtMost(300.0)));
    report.add(
        ("start", "start", "p50_ms"),
        ready_ms.get(times / 2).copied().unwrap_or_default(),
        "ms",
        None,
    );
    Ok(())
}
