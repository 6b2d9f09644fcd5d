//! `./x test`: every check of the project, in the order in which a mistake shows soonest, with the time of each.

use crate::checkout::Checkout;
use crate::node::Node;
use crate::{
    api_fuzz, codegen, drill, engine, monitoring, package, process, release, run, secrets, tidy, tools, ui,
};
use anyhow::{Context, Result, bail};
use std::process::ExitCode;
use std::time::{Duration, Instant};

struct Step {
    name: &'static str,
    /// Also part of `./x test quick`.
    quick: bool,
    check: fn(&Checkout) -> Result<()>,
}

const fn step(name: &'static str, check: fn(&Checkout) -> Result<()>) -> Step {
    Step { name, quick: false, check }
}

const fn quick(name: &'static str, check: fn(&Checkout) -> Result<()>) -> Step {
    Step { name, quick: true, check }
}

const STEPS: &[Step] = &[
    quick("fmt", fmt),
    quick("tidy", tidy::tidy),
    step("tools", tools::install_all),
    step("secrets", secrets::check),
    step("typos", typos),
    step("deny", deny),
    step("machete", machete),
    quick("clippy", clippy),
    quick("nextest", nextest),
    step("doc", doc),
    step("codegen", codegen::check),
    step("ui-check", ui_check),
    quick("ui-vitest", ui_vitest),
    // Before the release build, which embeds it.
    step("ui-build", ui_build),
    step("clippy-llama", clippy_llama),
    step("release", |checkout| release::build(checkout).map(drop)),
    step("model", model),
    step("real-model", real_model),
    step("e2e", e2e),
    step("run-check", run::walk),
    step("drills", drill::check),
    step("api-fuzz", api_fuzz::check),
    step("monitoring", monitoring::check),
    step("package", package::test),
];

enum Outcome {
    Passed,
    Failed,
    NotRun,
}

/// Runs the steps and prints their times; the code tells whether all of them passed.
///
/// # Errors
/// When the words make no plan; a failing step is no error but a line of the summary.
pub fn test(checkout: &Checkout, words: &[&str]) -> Result<ExitCode> {
    let plan = Plan::read(words)?;
    let started = Instant::now();
    let mut results = Vec::new();
    let mut failures = Vec::new();
    for step in plan.steps() {
        if !failures.is_empty() && !plan.keep_going {
            results.push((step.name, Outcome::NotRun, Duration::ZERO));
            continue;
        }
        println!("\n── {} ──", step.name);
        let begun = Instant::now();
        let result = (step.check)(checkout);
        let took = begun.elapsed();
        match result {
            Ok(()) => {
                println!("{}: ok, {}", step.name, seconds(took));
                results.push((step.name, Outcome::Passed, took));
            }
            Err(error) => {
                println!("{}: FAILED, {}\n{error:#}", step.name, seconds(took));
                results.push((step.name, Outcome::Failed, took));
                failures.push(format!("{}: {error:#}", step.name));
            }
        }
    }
    print_summary(&results, &failures, started.elapsed());
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The steps to run and what to do after a failure.
struct Plan {
    quick: bool,
    keep_going: bool,
    from: Option<String>,
}

impl Plan {
    fn read(words: &[&str]) -> Result<Self> {
        let mut plan = Self { quick: false, keep_going: false, from: None };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "quick" => plan.quick = true,
                "--keep-going" => plan.keep_going = true,
                "--from" => {
                    let name = words.next().context("--from needs the name of a step")?;
                    if !STEPS.iter().any(|step| step.name == *name) {
                        let names: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
                        bail!("there is no step {name}; the steps are: {}", names.join(", "));
                    }
                    plan.from = Some((*name).to_owned());
                }
                other => bail!("./x test does not know {other}; see ./x help"),
            }
        }
        Ok(plan)
    }

    fn steps(&self) -> impl Iterator<Item = &'static Step> {
        let before = |step: &&Step| self.from.as_ref().is_some_and(|from| step.name != from);
        STEPS.iter().skip_while(before).filter(|step| step.quick || !self.quick)
    }
}

fn print_summary(results: &[(&str, Outcome, Duration)], failures: &[String], total: Duration) {
    println!("\n{:<14} {:>9}", "step", "time");
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for (name, outcome, took) in results {
        let (count, word) = match outcome {
            Outcome::Passed => (&mut passed, "ok"),
            Outcome::Failed => (&mut failed, "FAILED"),
            Outcome::NotRun => (&mut skipped, "not run"),
        };
        *count += 1;
        println!("{name:<14} {:>9}  {word}", seconds(*took));
    }
    println!("{:<14} {:>9}", "all", seconds(total));
    for failure in failures {
        println!("FAILED {failure}");
    }
    // Machines read this last line.
    let not_run = if skipped == 0 { String::new() } else { format!(", {skipped} skipped") };
    println!("\n{passed} passed, {failed} failed{not_run}");
}

fn seconds(time: Duration) -> String {
    let whole = time.as_secs();
    if whole < 60 {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{} min {:02} s", whole / 60, whole % 60)
    }
}

fn fmt(checkout: &Checkout) -> Result<()> {
    process::run(checkout.cargo().args(["fmt", "--all", "--check"]))
}

fn typos(checkout: &Checkout) -> Result<()> {
    process::run(process::command(tools::TYPOS.program(checkout)?).current_dir(&checkout.root))
}

/// Advisories need a database from the network; the GitHub workflow asks for them.
fn deny(checkout: &Checkout) -> Result<()> {
    process::run(tools::DENY.cargo(checkout)?.args(["--locked", "check", "bans", "licenses", "sources"]))
}

fn machete(checkout: &Checkout) -> Result<()> {
    process::run(tools::MACHETE.cargo(checkout)?.arg("--skip-target-dir"))
}

fn clippy(checkout: &Checkout) -> Result<()> {
    let arguments = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
    process::run(checkout.cargo().args(arguments))
}

/// The code behind the `llama` feature, which the dev loop does not compile.
fn clippy_llama(checkout: &Checkout) -> Result<()> {
    let mut command = checkout.cargo();
    command.arg("clippy");
    release::with_form(&mut command, engine::Engine::Cpu);
    command.args([
        "-p",
        "dreamseed-models",
        "--lib",
        "--bins",
        "--test",
        "real_model",
        "--",
        "-D",
        "warnings",
    ]);
    process::run(&mut command)
}

fn doc(checkout: &Checkout) -> Result<()> {
    let arguments = ["doc", "--workspace", "--no-deps", "--document-private-items", "--locked"];
    process::run(checkout.cargo().args(arguments).env("RUSTDOCFLAGS", "-D warnings"))
}

fn nextest(checkout: &Checkout) -> Result<()> {
    let mut command = tools::NEXTEST.cargo(checkout)?;
    command.args(["run", "--workspace", "--locked"]);
    process::run(command.env("DREAMSEED_GARAGE", tools::GARAGE.program(checkout)?))
}

fn model(checkout: &Checkout) -> Result<()> {
    run::fetch_starter(checkout, &checkout.data()?.join("models"))
}

/// `models/tests/real_model.rs`. The hub is named too, though its tests do not run here: without it other features
/// would be chosen, and llama.cpp compiled once more.
fn real_model(checkout: &Checkout) -> Result<()> {
    let mut command = tools::NEXTEST.cargo(checkout)?;
    command.arg("run");
    release::with_form(&mut command, engine::Engine::Cpu);
    command.args(["-p", "dreamseed-models", "--test", "real_model"]);
    process::run(command.env("DREAMSEED_TEST_MODEL", run::starter_file(checkout)?))
}

fn ui_check(checkout: &Checkout) -> Result<()> {
    npm(checkout, &["run", "check"])
}

fn ui_vitest(checkout: &Checkout) -> Result<()> {
    npm(checkout, &["run", "test"])
}

fn ui_build(checkout: &Checkout) -> Result<()> {
    ui::build(checkout, &Node::find(checkout)?)
}

/// The walk of each role in a real browser against the release hub.
fn e2e(checkout: &Checkout) -> Result<()> {
    let node = Node::find(checkout)?;
    ui::install(checkout, &node)?;
    let mut command = node.command("npm", checkout);
    command.args(["run", "e2e"]);
    command
        .env("DREAMSEED_HUB_BIN", checkout.hub())
        .env("DREAMSEED_TEST_MODEL", run::starter_file(checkout)?);
    process::run(&mut command)
}

fn npm(checkout: &Checkout, words: &[&str]) -> Result<()> {
    let node = Node::find(checkout)?;
    ui::install(checkout, &node)?;
    process::run(node.command("npm", checkout).args(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(words: &[&str]) -> Vec<&'static str> {
        Plan::read(words).expect("a plan").steps().map(|step| step.name).collect()
    }

    #[test]
    fn quick_keeps_the_checks_of_the_dev_loop_only() {
        assert_eq!(names(&["quick"]), ["fmt", "tidy", "clippy", "nextest", "ui-vitest"]);
    }

    #[test]
    fn the_user_interface_is_built_before_the_release_that_embeds_it() {
        let all = names(&[]);
        let place = |name: &str| all.iter().position(|step| *step == name).expect("a step");
        assert!(place("ui-build") < place("release"));
        assert!(place("release") < place("e2e"));
        assert!(place("model") < place("real-model"));
    }

    #[test]
    fn from_starts_there_and_an_unknown_step_is_refused_with_the_names() {
        let last = STEPS.last().expect("a step").name;
        assert_eq!(names(&["--from", last]), [last]);
        let Err(error) = Plan::read(&["--from", "lunch"]) else { panic!("there is no such step") };
        assert!(error.to_string().contains("clippy"));
        assert!(Plan::read(&["--fast"]).is_err());
    }

    #[test]
    fn times_read_like_times() {
        assert_eq!(seconds(Duration::from_millis(1_540)), "1.5 s");
        assert_eq!(seconds(Duration::from_secs(605)), "10 min 05 s");
    }
}
