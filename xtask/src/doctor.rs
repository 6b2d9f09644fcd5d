//! `./x doctor`: what is here, what is missing, and the next step for each.

use crate::checkout::{Checkout, variable};
use crate::{engine, node, process, tools};
use anyhow::{Result, ensure};

pub fn doctor(checkout: &Checkout) -> Result<()> {
    let version =
        |program: &str| process::first_line(program, &["--version"]).unwrap_or_else(|| "-".to_owned());
    for program in ["rustc", "cargo", "cmake", "clang", "python3"] {
        row(program, &version(program));
    }
    match node::system_version() {
        Some(version) => row("node", &version),
        None => row("node", "none that is new enough; ./x run takes one as a Python wheel into the cache"),
    }
    let choice = engine::choose();
    row("engine", &format!("{} ({})", choice.engine.name(), choice.because));
    match engine::graphics_card() {
        Some((name, mebibytes)) => row("graphics card", &format!("{name}, {} GB", mebibytes / 1024)),
        None => row("graphics card", "none that nvidia-smi knows"),
    }
    for tool in tools::ALL {
        let here = checkout.cache.join("tools").join(format!("{}-{}", tool.name, tool.version)).exists();
        let state = if here { "in the cache" } else { "./x test takes the machine's own or installs it" };
        row(tool.name, &format!("{}, {state}", tool.version));
    }
    row("cache", &checkout.cache.display().to_string());
    row("target folder", &checkout.target.display().to_string());
    let hub = checkout.hub();
    row("hub", if hub.exists() { "built" } else { "not built yet: ./x run" });
    let free = free_gigabytes(checkout);
    row("free disk", &free.map_or("unknown".to_owned(), |free| format!("{free} GB")));

    ensure!(
        free.is_none_or(|free| free >= 8),
        "a build needs about 8 GB free where the cache is; make room or set DREAMSEED_CACHE"
    );
    let missing = variable("DREAMSEED_MISSING");
    ensure!(
        missing.is_none(),
        "system packages are missing: {}; ./x run and ./x test install them",
        missing.unwrap_or_default()
    );
    println!("모두 갖추어졌습니다 · all here");
    Ok(())
}

fn row(what: &str, found: &str) {
    println!("{what:<16} {found}");
}

/// Where the cache is, by `df`: the standard library does not tell.
fn free_gigabytes(checkout: &Checkout) -> Option<u64> {
    let table = process::output(process::command("df").arg("-Pk").arg(&checkout.cache)).ok()?;
    let table = String::from_utf8_lossy(&table).into_owned();
    let kibibytes: u64 = table.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()?;
    Some(kibibytes / (1024 * 1024))
}
