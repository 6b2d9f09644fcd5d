//! Running other programs: shown before they start, and their failure is ours.

use anyhow::{Context, Result, ensure};
use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

/// A command with no standard input: nothing that we call may wait for a person.
pub fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    command
}

/// Prints the command, runs it with our own output, and fails if it fails.
pub fn run(command: &mut Command) -> Result<()> {
    let line = line_of(command);
    println!("$ {line}");
    let status = command.status().with_context(|| format!("could not start `{line}`"))?;
    ensure!(status.success(), "`{line}` ended with {status}");
    Ok(())
}

/// Like [`run`], and on failure the error also carries the last lines that the command wrote to standard error.
pub fn run_keeping_errors(command: &mut Command) -> Result<()> {
    let line = line_of(command);
    println!("$ {line}");
    let mut child =
        command.stderr(Stdio::piped()).spawn().with_context(|| format!("could not start `{line}`"))?;
    let mut last = VecDeque::new();
    if let Some(errors) = child.stderr.take() {
        for text in BufReader::new(errors).split(b'\n').map_while(Result::ok) {
            let text = String::from_utf8_lossy(&text).into_owned();
            eprintln!("{text}");
            if last.len() == 12 {
                last.pop_front();
            }
            last.push_back(text);
        }
    }
    let status = child.wait()?;
    ensure!(status.success(), "`{line}` ended with {status}:\n{}", Vec::from(last).join("\n"));
    Ok(())
}

/// What the command prints, or an error with what it wrote to standard error.
pub fn output(command: &mut Command) -> Result<Vec<u8>> {
    let line = line_of(command);
    let output = command.output().with_context(|| format!("could not start `{line}`"))?;
    ensure!(
        output.status.success(),
        "`{line}` ended with {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(output.stdout)
}

/// The first line that the command prints, if it is there and succeeds.
pub fn first_line(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> Option<String> {
    let output = command(program).args(arguments).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    output.status.success().then(|| text.lines().next().unwrap_or_default().trim().to_owned())
}

fn line_of(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_command_is_an_error_that_names_it_and_its_last_words() {
        let error = run_keeping_errors(command("sh").args(["-c", "echo no glslc >&2; exit 3"]));
        let text = error.expect_err("exit 3").to_string();
        assert!(text.contains("no glslc") && text.contains("exit status: 3"), "{text}");
    }

    #[test]
    fn a_program_that_is_not_there_has_no_first_line() {
        assert_eq!(first_line("no-such-program-here", &["--version"]), None);
        assert_eq!(first_line("echo", &["v1"]).as_deref(), Some("v1"));
    }
}
