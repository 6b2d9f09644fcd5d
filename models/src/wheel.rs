//! Takes a model file out of a Python wheel: package mirrors are reachable from networks that allow little else.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::store::{OnProgress, Progress, Stage, StoreError, write_error};

const TIMEOUT: Duration = Duration::from_secs(45 * 60);

/// The wheel of `package` in `folder`, downloaded by pip unless it is there.
pub(crate) fn get(
    package: &str,
    version: &str,
    folder: &Path,
    on_progress: OnProgress<'_>,
) -> Result<PathBuf, StoreError> {
    if let Some(there) = find(package, version, folder) {
        return Ok(there);
    }
    fs::create_dir_all(folder).map_err(|err| write_error(folder, err))?;
    run_pip(&format!("{package}=={version}"), folder, on_progress)?;
    find(package, version, folder).ok_or_else(|| pip_failed("it brought another file than expected"))
}

/// Unpacks `member` to `to`, never more than `expected` bytes.
pub(crate) fn unpack(
    wheel: &Path,
    member: &str,
    to: &Path,
    expected: Option<u64>,
    on_progress: OnProgress<'_>,
) -> Result<(), StoreError> {
    let broken = || {
        let _ = fs::remove_file(wheel); // So that the next try fetches it again.
        StoreError::Source("The downloaded package is broken. Try again.".to_owned())
    };
    let source =
        File::open(wheel).map_err(|source| StoreError::Unreadable { path: wheel.to_owned(), source })?;
    let mut archive = zip::ZipArchive::new(source).map_err(|_| broken())?;
    let file = archive.by_name(member).map_err(|_| broken())?;
    let total = file.size();
    if expected.is_some_and(|expected| expected != total) {
        return Err(broken());
    }
    let mut target = File::create(to).map_err(|err| write_error(to, err))?;
    let mut limited = file.take(total);
    let mut buffer = vec![0; 1 << 20];
    let mut done = 0;
    loop {
        let read = limited.read(&mut buffer).map_err(|_| broken())?;
        if read == 0 {
            return if done == total { Ok(()) } else { Err(broken()) };
        }
        target.write_all(&buffer[..read]).map_err(|err| write_error(to, err))?;
        done += read as u64;
        on_progress(Progress { stage: Stage::Unpacking, done_bytes: done, total_bytes: Some(total) });
    }
}

/// Wheel names are `name-version-tags.whl` with `-` and `.` of the name written as `_`.
fn find(package: &str, version: &str, folder: &Path) -> Option<PathBuf> {
    let start = format!("{}-{version}-", package.to_ascii_lowercase().replace(['-', '.'], "_"));
    let fits = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        name.starts_with(&start) && name.ends_with(".whl")
    };
    fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).find(fits)
}

fn run_pip(requirement: &str, folder: &Path, on_progress: OnProgress<'_>) -> Result<(), StoreError> {
    let python = if cfg!(windows) { "python" } else { "python3" };
    let log = folder.join("pip.log");
    let stderr = File::create(&log).map_err(|err| write_error(folder, err))?;
    // Only wheels: a source package would run its own set-up program here.
    let mut child = Command::new(python)
        .args(["-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-input", "--quiet"])
        .args(["--disable-pip-version-check", "--dest"])
        .arg(folder)
        .arg(requirement)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(stderr)
        .spawn()
        .map_err(|_| pip_failed("Python with pip is not installed"))?;
    let started = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => {
                let _ = fs::remove_file(&log);
                return Ok(());
            }
            Ok(Some(_)) => {
                let said = fs::read_to_string(&log).unwrap_or_default();
                let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no message").trim();
                return Err(pip_failed(&last.chars().take(200).collect::<String>()));
            }
            Ok(None) if started.elapsed() > TIMEOUT => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(pip_failed("it took too long"));
            }
            Ok(None) => {
                // pip tells no progress; the call lets the caller show that work goes on.
                on_progress(Progress { stage: Stage::Downloading, done_bytes: 0, total_bytes: None });
                std::thread::sleep(Duration::from_millis(200));
            }
            Err(err) => return Err(pip_failed(&err.to_string())),
        }
    }
}

fn pip_failed(why: &str) -> StoreError {
    StoreError::Source(format!("pip could not fetch the package: {why}. Check the network, or add the file."))
}

#[cfg(test)]
mod tests {
    use zip::write::SimpleFileOptions;

    use super::*;

    fn wheel(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
        let path = folder.join(name);
        let mut archive = zip::ZipWriter::new(File::create(&path).expect("creates"));
        archive.start_file("pkg/m.gguf", SimpleFileOptions::default()).expect("starts");
        archive.write_all(bytes).expect("writes");
        archive.finish().expect("finishes");
        path
    }

    #[test]
    fn finds_and_unpacks_a_wheel() {
        let folder = tempfile::tempdir().expect("dir");
        let path = wheel(folder.path(), "my_models-0.1.2-py3-none-any.whl", b"model bytes");
        assert_eq!(get("my-models", "0.1.2", folder.path(), &mut |_| {}).expect("finds"), path);
        assert_eq!(find("my-models", "0.1", folder.path()), None);
        let to = folder.path().join("m.part");
        unpack(&path, "pkg/m.gguf", &to, Some(11), &mut |_| {}).expect("unpacks");
        assert_eq!(fs::read(&to).expect("reads"), b"model bytes");
    }

    #[test]
    fn throws_a_broken_wheel_away() {
        let folder = tempfile::tempdir().expect("dir");
        let to = folder.path().join("m.part");
        let path = wheel(folder.path(), "p-1-py3-none-any.whl", &[7; 5000]);
        assert!(unpack(&path, "pkg/m.gguf", &to, Some(12), &mut |_| {}).is_err());
        assert!(!path.exists());
        let path = folder.path().join("p-1-py3-none-any.whl");
        fs::write(&path, b"no zip at all").expect("writes");
        assert!(unpack(&path, "pkg/m.gguf", &to, None, &mut |_| {}).is_err());
        assert!(!path.exists());
    }
}
