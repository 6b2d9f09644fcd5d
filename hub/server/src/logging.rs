//! The log: to the console, and to files in `logs` of the data folder.
//!
//! One file a day, or more on a loud day: `hub-2026-11-23.log`, `hub-2026-11-23.2.log` … A file that is too large is
//! followed by the next number, a new day by a new file; what is too old or too much goes. The crates that rotate files
//! do so by size or by age, not by both, read the machine's own clock, and write files that others may read.

use std::{
    fs::{self, File},
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use jiff::{civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};
use tracing_subscriber::{EnvFilter, Layer, Registry, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{
    clock::{Clock, day_of},
    config::{Config, LogConfig},
    telemetry,
};

/// The folder of log files in the data folder.
pub const FOLDER: &str = "logs";

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    Plain,
    /// One JSON object a line, for collectors.
    Json,
}

/// Starts the log of a command other than `serve`: to the console only.
pub fn start_console(level: &str) {
    // A second start, such as that of a test, leaves the first.
    let _ =
        tracing_subscriber::registry().with(console(LogFormat::Plain).with_filter(filter(level))).try_init();
}

/// Starts the log of a hub that serves, and sends panics there.
///
/// # Errors
/// The folder or the file cannot be made.
pub fn start(config: &Config, clock: Arc<dyn Clock>) -> io::Result<()> {
    let log = &config.log;
    let mut layers: Vec<Box<dyn Layer<Registry> + Send + Sync>> = vec![console(log.format)];
    if log.files {
        let zone = TimeZone::get(&config.time_zone).unwrap_or(TimeZone::UTC);
        let files = DayFiles::open(&config.data.join(FOLDER), log, zone, clock)?;
        layers.push(to_writer(log.format, Mutex::new(files)));
    }
    let _ = tracing_subscriber::registry().with(layers.with_filter(filter(&log.level))).try_init();
    log_panics();
    Ok(())
}

/// By `DREAMSEED_LOG`, else by the settings.
fn filter(level: &str) -> EnvFilter {
    EnvFilter::try_from_env("DREAMSEED_LOG").unwrap_or_else(|_| EnvFilter::new(level))
}

fn console(format: LogFormat) -> Box<dyn Layer<Registry> + Send + Sync> {
    match format {
        LogFormat::Plain => tracing_subscriber::fmt::layer()
            .with_ansi(io::stderr().is_terminal())
            .with_writer(io::stderr)
            .boxed(),
        LogFormat::Json => to_writer(format, io::stderr),
    }
}

fn to_writer<W>(format: LogFormat, writer: W) -> Box<dyn Layer<Registry> + Send + Sync>
where
    W: for<'a> tracing_subscriber::fmt::MakeWriter<'a> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(writer);
    match format {
        LogFormat::Plain => layer.boxed(),
        LogFormat::Json => layer.json().with_current_span(false).with_span_list(true).boxed(),
    }
}

/// Where a panic was goes into the log; what it said only at DEBUG, since it may hold a value that somebody typed.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current();
        telemetry::count_panic();
        tracing::error!(
            place,
            thread = thread.name().unwrap_or_default(),
            backtrace = %std::backtrace::Backtrace::capture(),
            "a part of the hub panicked"
        );
        tracing::debug!(said = panic.payload_as_str().unwrap_or_default(), "what the panic said");
    }));
}

/// The log files of a folder; written to as one.
pub struct DayFiles {
    folder: PathBuf,
    max_bytes: u64,
    keep_days: u32,
    keep_files: usize,
    zone: TimeZone,
    clock: Arc<dyn Clock>,
    open: Option<Open>,
}

struct Open {
    day: Date,
    number: u32,
    file: File,
    bytes: u64,
}

impl DayFiles {
    /// Goes on with the newest file of today, or begins it.
    ///
    /// # Errors
    /// The folder or the file cannot be made.
    pub fn open(
        folder: &Path,
        config: &LogConfig,
        zone: TimeZone,
        clock: Arc<dyn Clock>,
    ) -> io::Result<Self> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)?;
        let mut files = DayFiles {
            folder: folder.to_owned(),
            max_bytes: config.max_megabytes.max(1) * 1_000_000,
            keep_days: config.keep_days.max(1),
            keep_files: config.keep_files.max(1),
            zone,
            clock,
            open: None,
        };
        files.turn_to(files.today())?;
        Ok(files)
    }

    fn today(&self) -> Date {
        day_of(self.clock.now(), &self.zone)
    }

    /// Opens the file that follows on `day`, and takes away what is too old.
    fn turn_to(&mut self, day: Date) -> io::Result<()> {
        let number = match &self.open {
            Some(open) if open.day == day => open.number + 1,
            _ => list(&self.folder)?
                .into_iter()
                .filter(|(found, ..)| *found == day)
                .map(|(_, n, _)| n)
                .max()
                .unwrap_or(1),
        };
        let mut options = File::options();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(self.folder.join(name(day, number)))?;
        let bytes = file.metadata()?.len();
        self.open = Some(Open { day, number, file, bytes });
        self.clear(day)
    }

    fn clear(&self, today: Date) -> io::Result<()> {
        let mut found = list(&self.folder)?;
        found.sort_by_key(|(day, number, _)| (*day, *number));
        let too_many = found.len().saturating_sub(self.keep_files);
        let oldest = today.saturating_sub(jiff::Span::new().days(i64::from(self.keep_days) - 1));
        for (index, (day, _, path)) in found.into_iter().enumerate() {
            if index < too_many || day < oldest {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    fn write_line(&mut self, line: &[u8]) -> io::Result<()> {
        let today = self.today();
        let is_full = |open: &Open| open.bytes > 0 && open.bytes + line.len() as u64 > self.max_bytes;
        if self.open.as_ref().is_none_or(|open| open.day != today || is_full(open)) {
            self.turn_to(today)?;
        }
        if let Some(open) = &mut self.open {
            open.file.write_all(line)?;
            open.bytes += line.len() as u64;
        }
        Ok(())
    }
}

impl Write for DayFiles {
    /// Never fails: a full disk must not stop a lesson for want of a log. The console has the line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let _ = self.write_line(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn name(day: Date, number: u32) -> String {
    if number == 1 { format!("hub-{day}.log") } else { format!("hub-{day}.{number}.log") }
}

/// The log files of a folder with their days and numbers; other files are not ours.
fn list(folder: &Path) -> io::Result<Vec<(Date, u32, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let file_name = entry.file_name();
        let Some(rest) = file_name.to_str().and_then(|n| n.strip_prefix("hub-")?.strip_suffix(".log")) else {
            continue;
        };
        let (day, number) = rest.split_once('.').unwrap_or((rest, "1"));
        if let (Ok(day), Ok(number)) = (day.parse(), number.parse()) {
            found.push((day, number, entry.path()));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicI64, Ordering::SeqCst};

    struct SetClock(AtomicI64);

    impl Clock for SetClock {
        fn now(&self) -> jiff::Timestamp {
            jiff::Timestamp::from_second(self.0.load(SeqCst)).expect("time")
        }
    }

    const DAY: i64 = 86_400;

    fn open(folder: &Path, clock: &Arc<SetClock>) -> DayFiles {
        let config = LogConfig { max_megabytes: 1, keep_days: 3, keep_files: 5, ..Config::default().log };
        DayFiles::open(folder, &config, TimeZone::UTC, clock.clone()).expect("a folder")
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            list(folder).expect("a folder").into_iter().map(|(day, number, _)| name(day, number)).collect();
        names.sort();
        names
    }

    #[test]
    fn files_turn_by_day_and_by_size_and_go_by_age_and_by_count() {
        let folder = tempfile::tempdir().expect("a folder");
        let start: jiff::Timestamp = "2026-11-23T08:00:00Z".parse().expect("time");
        let clock = Arc::new(SetClock(AtomicI64::new(start.as_second())));
        let mut files = open(folder.path(), &clock);
        files.write_all(b"first\n").expect("never fails");
        clock.0.fetch_add(DAY, SeqCst);
        files.write_all(b"second day\n").expect("never fails");
        assert_eq!(names(folder.path()), ["hub-2026-11-23.log", "hub-2026-11-24.log"]);

        let half = vec![b'x'; 600_000];
        files.write_all(&half).expect("never fails");
        files.write_all(&half).expect("never fails");
        drop(files);
        // A restart goes on in the newest file of the day.
        let mut files = open(folder.path(), &clock);
        files.write_all(b"after the restart\n").expect("never fails");
        assert_eq!(
            names(folder.path()),
            ["hub-2026-11-23.log", "hub-2026-11-24.2.log", "hub-2026-11-24.log"]
        );
        let second = fs::read(folder.path().join("hub-2026-11-24.2.log")).expect("a file");
        assert!(second.ends_with(b"after the restart\n") && second.len() > 600_000);

        for _ in 0..8 {
            files.write_all(&half).expect("never fails");
        }
        assert_eq!(names(folder.path()).len(), 5, "{:?}", names(folder.path()));
        assert!(!folder.path().join("hub-2026-11-23.log").exists(), "the oldest went first");

        fs::write(folder.path().join("notes.txt"), "not ours").expect("written");
        clock.0.fetch_add(3 * DAY, SeqCst);
        files.write_all(b"later\n").expect("never fails");
        assert_eq!(names(folder.path()), ["hub-2026-11-27.log"]);
        assert!(folder.path().join("notes.txt").exists());
    }

    #[cfg(unix)]
    #[test]
    fn others_cannot_read_the_log() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let logs = folder.path().join(FOLDER);
        let _files = open(&logs, &Arc::new(SetClock(AtomicI64::new(0))));
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&logs), mode(&logs.join("hub-1970-01-01.log"))), (0o700, 0o600));
    }
}
