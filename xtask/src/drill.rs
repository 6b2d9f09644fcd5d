//! `./x drill CASE`: what breaks in a school is done to a real hub, and what came back is counted.
//!
//! `power` runs inside one process, over a disk that loses what was not synced (`hub/crashdisk`); the others drive the
//! release hub as the load generator does, with a real S3 server and stock restic beside it.

use crate::checkout::Checkout;
use crate::{process, run, tools};
use anyhow::{Result, ensure};

/// Cases that the load generator has.
const WITH_A_HUB: [&str; 6] = ["restore", "kill", "disk-full", "corrupt", "thief", "clock"];

/// Runs a case at full length, or `all` of them; further words are the case's own.
///
/// # Errors
/// An unknown case, a build that fails, or a drill that lost something.
pub fn drill(checkout: &Checkout, words: &[&str]) -> Result<()> {
    let [case, rest @ ..] = words else {
        anyhow::bail!("which one? ./x drill {} | power | all", WITH_A_HUB.join(" | "));
    };
    match *case {
        "power" => cut_power(checkout, rest),
        "all" => {
            for case in WITH_A_HUB {
                with_hub(checkout, case, rest)?;
            }
            cut_power(checkout, rest)
        }
        case => {
            ensure!(WITH_A_HUB.contains(&case), "there is no drill {case}; see ./x help");
            with_hub(checkout, case, rest)
        }
    }
}

/// The short form of `./x test`: the same code, fewer rounds.
pub fn check(checkout: &Checkout) -> Result<()> {
    for case in WITH_A_HUB {
        with_hub(checkout, case, &["--short"])?;
    }
    cut_power(checkout, &["--short"])
}

fn with_hub(checkout: &Checkout, case: &str, words: &[&str]) -> Result<()> {
    run::build(checkout)?;
    let mut command = process::command(checkout.load());
    command.env("DREAMSEED_GARAGE", tools::GARAGE.program(checkout)?);
    process::run(command.args(["drill", case]).args(words).arg("--hub").arg(checkout.hub()))
}

fn cut_power(checkout: &Checkout, words: &[&str]) -> Result<()> {
    // The selection that the tests are built with: another one would compile the shared crates again.
    let selection = ["build", "--quiet", "--workspace", "--locked", "--bins", "--tests"];
    process::run(checkout.cargo().args(selection))?;
    process::run(process::command(checkout.target.join("debug/dreamseed-crashdisk")).args(words))
}
