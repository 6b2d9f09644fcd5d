//! Cargo's helpers, built once per version into the cache.

use crate::checkout::{Checkout, variable};
use crate::process;
use anyhow::{Context, Result};
use std::path::PathBuf;
use std::process::Command;

/// A program that `cargo install` brings.
pub struct Tool {
    pub name: &'static str,
    pub version: &'static str,
    /// The program's file name, where it is not the crate's name.
    program: &'static str,
    /// Further words for `cargo install`.
    options: &'static [&'static str],
}

pub const DENY: Tool = Tool { name: "cargo-deny", version: "0.20.2", program: "cargo-deny", options: &[] };
pub const MACHETE: Tool =
    Tool { name: "cargo-machete", version: "0.9.2", program: "cargo-machete", options: &[] };
pub const NEXTEST: Tool =
    Tool { name: "cargo-nextest", version: "0.9.143", program: "cargo-nextest", options: &[] };
pub const TYPOS: Tool = Tool { name: "typos-cli", version: "1.52.0", program: "typos", options: &[] };

/// The S3 server of the tests and drills; beside us, never linked.
pub const GARAGE: Tool = Tool {
    name: "garage",
    version: "2.5.0",
    program: "garage",
    options: &["--no-default-features", "--features", "sqlite,bundled-libs"],
};

pub const ALL: [Tool; 5] = [DENY, MACHETE, NEXTEST, TYPOS, GARAGE];

impl Tool {
    /// The program, installed if it is not there yet.
    pub fn program(&self, checkout: &Checkout) -> Result<PathBuf> {
        let home = checkout.cache.join("tools").join(format!("{}-{}", self.name, self.version));
        let program = home.join("bin").join(self.program);
        if program.exists() {
            return Ok(program);
        }
        // The machine's own, if it is this very version: minutes saved.
        if process::first_line(self.program, &["--version"])
            .is_some_and(|line| line.split_whitespace().any(|word| word == self.version))
        {
            return Ok(PathBuf::from(self.program));
        }
        // Not in the shared target folder, which it would only fill, and lightly optimised: these run for seconds.
        let scratch = checkout.cache.join("tools-target");
        process::run(
            process::command("cargo")
                .current_dir(&checkout.cache)
                .args(["install", "--locked", "--quiet", "--version", self.version, self.name, "--root"])
                .arg(&home)
                .args(self.options)
                .env("CARGO_TARGET_DIR", &scratch)
                .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
                .env("CARGO_PROFILE_RELEASE_LTO", "off")
                .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
                .env("CARGO_PROFILE_RELEASE_DEBUG", "0"),
        )
        .with_context(|| format!("could not install {} {}", self.name, self.version))?;
        Ok(program)
    }

    /// `cargo <tool>` in the root.
    pub fn cargo(&self, checkout: &Checkout) -> Result<Command> {
        let program = self.program(checkout)?;
        let mut command = checkout.cargo();
        if let Some(folder) = program.parent().filter(|folder| folder.is_absolute()) {
            let rest = variable("PATH").unwrap_or_default();
            command.env("PATH", format!("{}:{rest}", folder.display()));
        }
        command.arg(self.name.trim_start_matches("cargo-"));
        Ok(command)
    }
}

/// Installs what `./x test` needs, so that the steps after it show their own time only.
pub fn install_all(checkout: &Checkout) -> Result<()> {
    for tool in ALL {
        let program = tool.program(checkout)?;
        println!("{} {}: {}", tool.name, tool.version, program.display());
    }
    let scratch = checkout.cache.join("tools-target");
    if scratch.exists() {
        std::fs::remove_dir_all(&scratch).with_context(|| format!("cannot remove {}", scratch.display()))?;
    }
    Ok(())
}
