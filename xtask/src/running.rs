//! Programs that run beside a check: started on a free port, waited for, and ended with the check.

use anyhow::{Context, Result, bail};
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// For a program to listen and to have done what is waited for.
const PATIENCE: Duration = Duration::from_secs(90);

/// A program that ends with this value.
pub struct Running(Child);

impl Running {
    /// Starts a program that writes into `log`.
    pub fn start(command: &mut Command, log: &Path) -> Result<Self> {
        let log = fs::File::create(log)?;
        let child = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn();
        Ok(Running(child.with_context(|| format!("could not start {command:?}"))?))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Whether something answers there, and well.
pub fn answers(url: &str) -> bool {
    Command::new("curl")
        .args(["-fsS", "-o", "/dev/null", url])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Asks again and again.
///
/// # Errors
/// When the question fails, or when nothing has come of it for a minute and a half.
pub fn wait_for(what: &str, mut is_there: impl FnMut() -> Result<bool>) -> Result<()> {
    let until = Instant::now() + PATIENCE;
    while !is_there()? {
        if Instant::now() > until {
            bail!("nothing came of {what} within {} s", PATIENCE.as_secs());
        }
        sleep(Duration::from_millis(300));
    }
    Ok(())
}
