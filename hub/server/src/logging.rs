//! The log: to the console, and to files in `logs` of the data folder.
//!
//! One file a day, or more on a loud day: `hub-2026-11-23.log`, `hub-2026-11-23.2.log` … A file that is too large is
//! followed by the next number, a new day by a new file; what is too old or too much goes. The crates that rotate files
//! do so by size or by age, not by both, read the machine's own clock, and write files that others may read.
//!
//! A hub that serves writes its log on threads of their own: a slow disk or a terminal that nobody reads must not hold up a
//! lesson. When more waits than [`WAITING`] lines, further ones are dropped, counted and told.

use std::{
    fs::{self, File},
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::Duration,
};

use jiff::{civil::Date, tz::TimeZone};
use parking_lot::{Condvar, Mutex};
use serde::{Deserialize, Serialize};
use tracing_subscriber::{EnvFilter, Layer, Registry, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{
    clock::{Clock, day_of},
    config::{Config, LogConfig},
    telemetry,
};

/// The folder of log files in the data folder.
pub const FOLDER: &str = "logs";

/// Lines that may wait for the disk or the console.
const WAITING: usize = 4_096;
/// How long an end waits for what is still to be written.
const LAST_LINES: Duration = Duration::from_secs(2);

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
    let _ = tracing_subscriber::registry()
        .with(console(LogFormat::Plain, io::stderr).with_filter(filter(level)))
        .try_init();
}

/// Sends panics of the backup's own process into its log, where a person with a terminal never sees them: rustic panics at
/// damaged packs, which is told as damage where it is handled.
pub fn log_panics_of_backup() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::warn!(place, "a part of the backup panicked");
        tracing::debug!(said = panic.payload_as_str().unwrap_or_default(), "what the panic said");
    }));
}

/// The same for a command whose log is the terminal itself: shown at DEBUG only, since the command says in its own words what
/// became of it.
pub fn hide_panics_of_command() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::debug!(
            place,
            said = panic.payload_as_str().unwrap_or_default(),
            "a part of the command panicked"
        );
    }));
}

/// The log of a hub that serves; dropping it waits for the last lines.
#[must_use = "the last lines are lost without it"]
pub struct Log {
    queues: Vec<LineQueue>,
}

impl Drop for Log {
    fn drop(&mut self) {
        for queue in &self.queues {
            queue.wait_until_written(LAST_LINES);
        }
    }
}

/// Starts the log of a hub that serves, and sends panics there.
///
/// # Errors
/// The folder, the file or a thread cannot be made.
pub fn start(config: &Config, clock: Arc<dyn Clock>) -> io::Result<Log> {
    let log = &config.log;
    let to_console = LineQueue::start("log-console", io::stderr())?;
    let mut layers = vec![console(log.format, to_console.clone())];
    let mut queues = vec![to_console];
    if log.files {
        let zone = TimeZone::get(&config.time_zone).unwrap_or(TimeZone::UTC);
        let files = DayFiles::open(&config.data.join(FOLDER), log, zone, clock)?;
        let to_files = LineQueue::start("log-files", files)?;
        layers.push(to_writer(log.format, to_files.clone()));
        queues.push(to_files);
    }
    let _ = tracing_subscriber::registry().with(layers.with_filter(filter(&log.level))).try_init();
    log_panics();
    Ok(Log { queues })
}

/// By `DREAMSEED_LOG`, else by the settings.
fn filter(level: &str) -> EnvFilter {
    EnvFilter::try_from_env("DREAMSEED_LOG").unwrap_or_else(|_| EnvFilter::new(level))
}

fn console<W>(format: LogFormat, writer: W) -> Box<dyn Layer<Registry> + Send + Sync>
where
    W: for<'a> tracing_subscriber::fmt::MakeWriter<'a> + Send + Sync + 'static,
{
    match format {
        LogFormat::Plain => {
            tracing_subscriber::fmt::layer().with_ansi(io::stderr().is_terminal()).with_writer(writer).boxed()
        }
        LogFormat::Json => to_writer(format, writer),
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

/// Lines on their way to a thread that writes them.
#[derive(Clone)]
struct LineQueue {
    lines: SyncSender<Vec<u8>>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    taken: AtomicU64,
    dropped: AtomicU64,
    written: Mutex<u64>,
    moved: Condvar,
}

impl LineQueue {
    fn start(name: &str, writer: impl Write + Send + 'static) -> io::Result<Self> {
        let (lines, waiting) = sync_channel(WAITING);
        let counts = Arc::new(Counts::default());
        let counted = Arc::clone(&counts);
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || write_lines(writer, &waiting, &counted))?;
        Ok(LineQueue { lines, counts })
    }

    /// Waits until what was taken so far is written, but not for ever: the disk may hang.
    fn wait_until_written(&self, at_most: Duration) {
        let taken = self.counts.taken.load(Ordering::Acquire);
        let mut written = self.counts.written.lock();
        self.counts.moved.wait_while_for(&mut written, |written| *written < taken, at_most);
    }
}

impl Write for LineQueue {
    /// Never waits and never fails: what finds no room is dropped and counted.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match self.lines.try_send(line.to_vec()) {
            Ok(()) => self.counts.taken.fetch_add(1, Ordering::Release),
            Err(_) => self.counts.dropped.fetch_add(1, Ordering::Relaxed),
        };
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl tracing_subscriber::fmt::MakeWriter<'_> for LineQueue {
    type Writer = LineQueue;

    fn make_writer(&self) -> LineQueue {
        self.clone()
    }
}

/// The thread's work, until nobody can send any more.
fn write_lines(mut writer: impl Write, waiting: &Receiver<Vec<u8>>, counts: &Counts) {
    while let Ok(line) = waiting.recv() {
        // The other place has the line, and there is nobody to tell that this one has not.
        let _ = writer.write_all(&line);
        *counts.written.lock() += 1;
        counts.moved.notify_all();
        let dropped = counts.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            tracing::warn!(dropped, "the log could not be written as fast as it came: lines are missing");
        }
    }
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
        self.clear(list(&self.folder)?, day);
        Ok(())
    }

    /// Takes away what is too old or too much. A file that cannot be removed is told, and does not keep the others.
    fn clear(&self, mut found: Vec<(Date, u32, PathBuf)>, today: Date) {
        found.sort_by_key(|(day, number, _)| (*day, *number));
        let too_many = found.len().saturating_sub(self.keep_files);
        let oldest = today.saturating_sub(jiff::Span::new().days(i64::from(self.keep_days) - 1));
        for (index, (day, _, path)) in found.into_iter().enumerate() {
            if (index < too_many || day < oldest)
                && let Err(error) = fs::remove_file(&path)
            {
                tracing::warn!(%error, path = %path.display(), "an old file of the log cannot be removed");
            }
        }
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

    #[test]
    fn a_file_that_cannot_be_removed_does_not_keep_the_others() {
        let folder = tempfile::tempdir().expect("a folder");
        // A folder of that name cannot be removed as a file.
        fs::create_dir(folder.path().join("hub-2026-01-01.log")).expect("made");
        fs::write(folder.path().join("hub-2026-01-02.log"), "old").expect("written");
        let start: jiff::Timestamp = "2026-11-23T08:00:00Z".parse().expect("time");
        let mut files = open(folder.path(), &Arc::new(SetClock(AtomicI64::new(start.as_second()))));
        files.write_all(b"today\n").expect("never fails");
        assert_eq!(names(folder.path()), ["hub-2026-01-01.log", "hub-2026-11-23.log"]);
        assert_eq!(fs::read_to_string(folder.path().join("hub-2026-11-23.log")).expect("text"), "today\n");
    }

    /// Writes when it is let.
    struct Gate(Receiver<()>, Arc<Mutex<Vec<u8>>>);

    impl Write for Gate {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            self.1.lock().extend_from_slice(line);
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn whoever_logs_never_waits_for_the_disk_and_what_finds_no_room_is_counted() {
        let (open_gate, gate) = sync_channel(1);
        let written = Arc::new(Mutex::new(Vec::new()));
        let mut queue = LineQueue::start("test", Gate(gate, Arc::clone(&written))).expect("a thread");
        for _ in 0..WAITING + 100 {
            queue.write_all(b"x").expect("never fails");
        }
        // One may be in the writer's hands already.
        let dropped = queue.counts.dropped.load(SeqCst);
        assert!((99..=100).contains(&dropped), "{dropped}");
        drop(open_gate);
        queue.wait_until_written(Duration::from_secs(30));
        assert_eq!(written.lock().len() as u64 + dropped, WAITING as u64 + 100);
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
