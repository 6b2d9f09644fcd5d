//! A hub's process: seeded, started, watched, ended or killed.

use anyhow::{Context, Result, bail, ensure};
use std::{
    fs::File,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::http1::Connection;

/// A hub that must be ready within this time or is reported as dead.
const READY_LIMIT: Duration = Duration::from_secs(60);

/// Whether the hub has a model.
#[derive(Debug, Clone, Copy)]
pub enum ModelUse<'a> {
    /// Benches of the hub itself: no engine process.
    None,
    /// The models in this folder.
    From(&'a Path),
    /// An engine that writes a fixed text, in a process of its own as the real one.
    Scripted,
}

/// Where and when a hub runs, beside what every bench gives it.
#[derive(Debug, Clone, Default)]
pub struct Circumstances {
    /// Of loopback; 0 takes a free one.
    pub port: u16,
    /// Variables of its environment: settings, or another clock.
    pub environment: Vec<(String, String)>,
}

/// A running hub. Dropping it kills the process.
#[derive(Debug)]
pub struct HubProcess {
    child: Child,
    pid: u32,
    log: PathBuf,
    /// Where it listens.
    pub address: SocketAddr,
    /// From starting the process to the first 200 of `/readyz`.
    pub ready_after: Duration,
}

impl HubProcess {
    /// Starts `dreamseed-hub serve` with the limits of production on a free port of loopback. Its log is appended to
    /// `log`, a file.
    pub async fn start(binary: &Path, data: &Path, log: &Path, model: ModelUse<'_>) -> Result<Self> {
        Self::start_in(binary, data, log, model, &Circumstances::default()).await
    }

    /// The same on a certain port and with more variables in its environment.
    pub async fn start_in(
        binary: &Path,
        data: &Path,
        log: &Path,
        model: ModelUse<'_>,
        circumstances: &Circumstances,
    ) -> Result<Self> {
        let log_file = File::options().create(true).append(true).open(log)?;
        let mut command = Command::new(binary);
        command.arg("serve").arg("--data").arg(data).args(["--port", &circumstances.port.to_string()]);
        match model {
            ModelUse::None => command.arg("--no-engine"),
            ModelUse::From(models) => command.arg("--models").arg(models),
            ModelUse::Scripted => command.args(["--engine", "scripted"]),
        };
        // What is measured is the hub, not the patience of its limits.
        command.env("DREAMSEED_HUB_LIMITS__PER_MINUTE", "1000000");
        command.env("DREAMSEED_HUB_LIMITS__HELP_PER_MINUTE", "1000000");
        command.envs(circumstances.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log_file).kill_on_drop(true);
        let started = Instant::now();
        let mut child = command.spawn().with_context(|| format!("starting {}", binary.display()))?;
        let pid = child.id().context("the hub ended at once")?;
        let mut lines = BufReader::new(child.stdout.take().context("the hub's output")?).lines();
        let address = tokio::time::timeout(READY_LIMIT, async {
            while let Some(line) = lines.next_line().await? {
                if let Some((_, address)) = line.split_once("listening on http://") {
                    return address.trim().parse().with_context(|| format!("the address in `{line}`"));
                }
            }
            bail!("the hub ended before it listened; its log:\n{}", end_of(log));
        })
        .await
        .with_context(|| format!("no `listening on` within {READY_LIMIT:?}; the log:\n{}", end_of(log)))??;
        // Read on, so that a full pipe never stops the hub.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        wait_until_ready(address).await.with_context(|| format!("the hub's log:\n{}", end_of(log)))?;
        let ready_after = started.elapsed();
        Ok(Self { child, pid, log: log.to_owned(), address, ready_after })
    }

    /// Its number at the system.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The memory that the process holds now and held at most, in MB (10⁶ bytes).
    pub fn memory_mb(&self) -> Result<(f64, f64)> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).with_context(|| {
            format!("memory is read from Linux's /proc; the hub's log:\n{}", end_of(&self.log))
        })?;
        Ok((memory_line(&status, "VmRSS:")?, memory_line(&status, "VmHWM:")?))
    }

    /// Processor time used so far.
    pub fn cpu_time(&self) -> Duration {
        cpu_time_of(&self.pid.to_string())
    }

    /// The last lines of the hub's log.
    pub fn end_of_log(&self) -> String {
        end_of(&self.log)
    }

    /// Ends the hub as an admin would and waits for its end.
    pub async fn stop(mut self) -> Result<()> {
        ask_to_end(self.pid)?;
        let ended = tokio::time::timeout(Duration::from_secs(30), self.child.wait()).await;
        let status =
            ended.with_context(|| format!("the hub did not end; its log:\n{}", end_of(&self.log)))??;
        ensure!(status.success(), "the hub ended with {status}; its log:\n{}", end_of(&self.log));
        Ok(())
    }

    /// SIGKILL, as a power cut would for the process; returns once it is gone.
    pub async fn kill(mut self) -> Result<()> {
        self.child.kill().await.context("killing the hub")
    }
}

/// Runs another command of the hub's binary to its end and gives its output.
pub async fn run_hub_command(binary: &Path, arguments: &[&str], data: &Path) -> Result<Vec<u8>> {
    let mut command = Command::new(binary);
    command
        .args(arguments)
        .arg("--data")
        .arg(data)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let output = command.output().await.with_context(|| format!("starting {}", binary.display()))?;
    ensure!(
        output.status.success(),
        "`{} {}` failed: {}",
        binary.display(),
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(output.stdout)
}

/// Processor time of this program so far.
pub fn own_cpu_time() -> Duration {
    cpu_time_of("self")
}

async fn wait_until_ready(address: SocketAddr) -> Result<()> {
    let request = format!("GET /readyz HTTP/1.1\r\nhost: {address}\r\n\r\n");
    let begun = Instant::now();
    loop {
        if let Ok(mut connection) = Connection::open(address).await
            && let Ok(200) = connection.exchange(request.as_bytes(), |reply| reply.status).await
        {
            return Ok(());
        }
        ensure!(begun.elapsed() < READY_LIMIT, "/readyz was not 200 within {READY_LIMIT:?}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[cfg(unix)]
fn ask_to_end(pid: u32) -> Result<()> {
    use rustix::process::{Pid, Signal, kill_process};
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).context("the hub's process id")?;
    kill_process(pid, Signal::TERM).context("asking the hub to end")
}

#[cfg(not(unix))]
fn ask_to_end(_pid: u32) -> Result<()> {
    bail!("a hub is stopped by signals, which this system does not have: run the benches on Linux")
}

/// User and system time of `/proc/<pid>/stat`, in ticks of 10 ms on every Linux; zero elsewhere.
fn cpu_time_of(pid: &str) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name, in parentheses, may contain spaces: count from its end, where the third field begins.
    let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields).split(' ');
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// A line of `/proc/<pid>/status`, in MB (10⁶ bytes).
pub fn memory_line(status: &str, name: &str) -> Result<f64> {
    let line =
        status.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("no {name}"))?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().with_context(|| format!("{name}{line}"))?;
    Ok(kib * 1024.0 / 1e6)
}

fn end_of(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_in_megabytes() {
        let status = "Name:\tdreamseed-hub\nVmHWM:\t   80000 kB\nVmRSS:\t   50000 kB\n";
        assert_eq!(memory_line(status, "VmRSS:").expect("there"), 51.2);
        assert!(memory_line(status, "VmSwap:").is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn own_time_grows() {
        let before = own_cpu_time();
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(60) {
            std::hint::spin_loop();
        }
        assert!(own_cpu_time() > before);
    }
}
