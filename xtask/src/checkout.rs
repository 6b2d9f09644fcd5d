//! Where things are: the source tree, the cache outside it, and the binaries that a build leaves there.

use crate::process;
use anyhow::{Context, Result};
use std::path::PathBuf;
use std::process::Command;

/// The source tree that `./x` belongs to, with its cache.
pub struct Checkout {
    pub root: PathBuf,
    /// Tools, Node, stamps and the target folder; shared by all checkouts of this user.
    pub cache: PathBuf,
    pub target: PathBuf,
}

impl Checkout {
    /// Reads the places that `./x` exports; without `./x` (plain `cargo xtask`) falls back to the same defaults.
    pub fn find() -> Result<Self> {
        let root = match variable("DREAMSEED_ROOT") {
            Some(root) => PathBuf::from(root),
            None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".."),
        };
        let root = root.canonicalize().with_context(|| format!("no source tree at {}", root.display()))?;
        let cache = match (variable("DREAMSEED_CACHE"), variable("HOME")) {
            (Some(cache), _) => PathBuf::from(cache),
            (None, Some(home)) => PathBuf::from(home).join(".cache/dreamseed"),
            (None, None) => {
                anyhow::bail!("set HOME or DREAMSEED_CACHE, so that there is a place for the cache")
            }
        };
        let target = variable("CARGO_TARGET_DIR").map_or_else(|| cache.join("target"), PathBuf::from);
        std::fs::create_dir_all(&cache).with_context(|| format!("cannot make {}", cache.display()))?;
        Ok(Self { root, cache, target })
    }

    pub fn ui(&self) -> PathBuf {
        self.root.join("ui")
    }

    /// The hub of the release build.
    pub fn hub(&self) -> PathBuf {
        self.target.join("release/dreamseed-hub")
    }

    /// The load generator of the release build.
    pub fn load(&self) -> PathBuf {
        self.target.join("release/dreamseed-load")
    }

    /// The hub's data unless `--data` names another folder.
    pub fn data(&self) -> Result<PathBuf> {
        if let Some(data) = variable("XDG_DATA_HOME") {
            return Ok(PathBuf::from(data).join("dreamseed"));
        }
        let home = variable("HOME").context("set HOME, or say --data DIR")?;
        Ok(PathBuf::from(home).join(".local/share/dreamseed"))
    }

    /// `cargo` in the root, with the one target folder.
    pub fn cargo(&self) -> Command {
        let mut command = process::command("cargo");
        command.current_dir(&self.root).env("CARGO_TARGET_DIR", &self.target);
        command
    }
}

/// A variable of the environment; unset and empty are the same.
#[expect(clippy::disallowed_methods, reason = "the one place where this tool reads the environment")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
