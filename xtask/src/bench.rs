//! `./x bench CASE [--json]`: the load generator against a real hub with production limits.

use crate::checkout::Checkout;
use crate::{process, run};
use anyhow::{Result, ensure};

pub fn bench(checkout: &Checkout, words: &[&str]) -> Result<()> {
    ensure!(
        !words.is_empty(),
        "which one? ./x bench api | signin | memory | start | kill | lesson | report | backup | all"
    );
    run::build(checkout)?;
    let mut command = process::command(checkout.load());
    // The commit goes into each line of figures; a checkout without git has none.
    if let Some(commit) =
        process::first_line("git", &["-C", &checkout.root.to_string_lossy(), "rev-parse", "--short", "HEAD"])
    {
        command.env("DREAMSEED_COMMIT", commit);
    }
    process::run(command.arg("bench").args(words).arg("--hub").arg(checkout.hub()))
}
