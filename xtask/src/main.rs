//! Project automation behind `./x`: one module per command, and below them what they share.
//!
//! `run` walks checkout → engine → node → ui → release → hub; `testing` is the list of steps of `./x test`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool speaks on the terminal")]

mod api_fuzz;
mod bench;
mod checkout;
mod codegen;
mod doctor;
mod drill;
mod engine;
mod monitoring;
mod node;
mod package;
mod process;
mod release;
mod run;
mod running;
mod secrets;
mod testing;
mod tidy;
mod tools;
mod ui;

use checkout::Checkout;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&words) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("\n멈췄습니다 · stopped: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(words: &[String]) -> anyhow::Result<ExitCode> {
    let checkout = Checkout::find()?;
    // `./x` has already acted on --no-install; the commands below have no use for it.
    let words: Vec<&str> = words.iter().map(String::as_str).filter(|word| *word != "--no-install").collect();
    match words.as_slice() {
        // The one command that fails without an error of its own: its last line is the count that machines read.
        ["test", rest @ ..] => return testing::test(&checkout, rest),
        ["run", rest @ ..] => run::run(&checkout, rest),
        ["bench", rest @ ..] => bench::bench(&checkout, rest),
        ["drill", rest @ ..] => drill::drill(&checkout, rest),
        ["package", rest @ ..] => package::package(&checkout, rest),
        ["secrets", rest @ ..] => secrets::secrets(&checkout, rest),
        ["codegen"] => codegen::write(&checkout),
        ["codegen", "--check"] => codegen::check(&checkout),
        ["fuzz-api", rest @ ..] => api_fuzz::fuzz(&checkout, rest),
        ["tidy"] => tidy::tidy(&checkout),
        ["doctor"] => doctor::doctor(&checkout),
        other => anyhow::bail!("no such command: {}; see ./x help", other.join(" ")),
    }?;
    Ok(ExitCode::SUCCESS)
}
