//! `./x secrets`: no key, token or password in what git keeps, by detect-secrets against a baseline that people have read.

use crate::checkout::Checkout;
use crate::process;
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

const VERSION: &str = "1.5.0";
/// What was found once and read by a person: test values, alphabets, sums of files.
const BASELINE: &str = ".secrets.baseline";
/// Written by programs: sums and nothing else.
const GENERATED: &[&str] = &["Cargo.lock", "ui/package-lock.json", "ui/openapi.json", BASELINE];
const PICTURES: &[&str] = &["png", "otf", "woff2", "ico", "xlsx", "pdf"];

/// Looks through every tracked file, or with `--staged` through those of the next commit.
pub fn secrets(checkout: &Checkout, words: &[&str]) -> Result<()> {
    let staged = match words {
        [] => false,
        ["--staged"] => true,
        other => bail!("./x secrets does not know {}; see ./x help", other.join(" ")),
    };
    let mut list = Command::new("git");
    list.current_dir(&checkout.root);
    if staged {
        list.args(["diff", "--cached", "--name-only", "--diff-filter=ACMR", "-z"]);
    } else {
        list.args(["ls-files", "-z"]);
    }
    let listed = String::from_utf8(process::output(&mut list)?).context("a file name is not UTF-8")?;
    let files: Vec<&str> = listed.split('\0').filter(|file| is_read(checkout, file)).collect();
    if files.is_empty() {
        return Ok(());
    }
    let mut scan = scanner(checkout)?;
    scan.current_dir(&checkout.root).args(["--baseline", BASELINE]).args(&files);
    let found = scan.output().context("could not start python3")?;
    let said = String::from_utf8_lossy(&found.stdout);
    ensure!(
        found.status.success(),
        "{said}\nThis looks like a secret. If it is one: never commit it, and follow docs/secrets.md if it was pushed.\n\
         If it is not: `detect-secrets scan --baseline {BASELINE}` and let somebody else read the change of the baseline."
    );
    Ok(())
}

/// A planted key is found: else the check proves nothing.
pub fn check(checkout: &Checkout) -> Result<()> {
    let planted = checkout.target.join("planted-secret.txt");
    // Put together here, so that this file holds none.
    fs::write(&planted, format!("aws_access_key_id = {}{}\n", "AKIA", "QYLPMN5HHHFPZAM2"))?;
    let mut scan = scanner(checkout)?;
    let found = scan.args(["--baseline", BASELINE]).current_dir(&checkout.root).arg(&planted).output()?;
    fs::remove_file(&planted)?;
    ensure!(!found.status.success(), "a planted key was not found");
    secrets(checkout, &[])
}

fn is_read(checkout: &Checkout, file: &str) -> bool {
    let path = checkout.root.join(file);
    !file.is_empty()
        && !GENERATED.contains(&file)
        && path.is_file()
        && path.extension().is_none_or(|ending| !PICTURES.contains(&&*ending.to_string_lossy()))
}

/// detect-secrets' hook, which fails on what the baseline does not know; installed once into the cache.
fn scanner(checkout: &Checkout) -> Result<Command> {
    let home: PathBuf = checkout.cache.join("tools").join(format!("detect-secrets-{VERSION}"));
    if !home.join("detect_secrets").is_dir() {
        let mut install = Command::new("python3");
        install.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-input",
            "--root-user-action=ignore",
            "--target",
        ]);
        install.arg(&home).arg(format!("detect-secrets=={VERSION}"));
        process::run(&mut install)?;
    }
    let mut command = Command::new("python3");
    command.env("PYTHONPATH", home).args(["-m", "detect_secrets.pre_commit_hook"]);
    Ok(command)
}
