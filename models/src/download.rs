//! Downloads one file by https into a `.part` file and goes on where an earlier try stopped.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{CONTENT_RANGE, RANGE};

use crate::store::{OnProgress, Progress, Stage, StoreError, write_error};

/// Which addresses may be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Allow {
    HttpsOnly,
    /// The tests' own server.
    #[cfg(test)]
    PlainHttp,
}

/// A broken connection is taken up again this often without any byte gained.
const TRIES: u32 = 4;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// Silence of a server that counts as a broken connection.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
/// Without a known size, more than this is refused.
const MAX_BYTES: u64 = 200_000_000_000;

/// Downloads `url` to `part`, resuming what is there already. Blocks.
pub(crate) fn download(
    url: &str,
    part: &Path,
    expected: Option<u64>,
    allow: Allow,
    on_progress: OnProgress<'_>,
) -> Result<(), StoreError> {
    // A thread of its own: the caller may already be inside a tokio runtime, where another cannot be entered.
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|err| StoreError::Source(err.to_string()))?;
            runtime.block_on(download_with_retries(url, part, expected, allow, on_progress))
        });
        worker.join().unwrap_or_else(|_| Err(StoreError::Source("The download broke off. Try again.".into())))
    })
}

async fn download_with_retries(
    url: &str,
    part: &Path,
    expected: Option<u64>,
    allow: Allow,
    on_progress: OnProgress<'_>,
) -> Result<(), StoreError> {
    // Another part of the program may have installed it: then it is the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .https_only(allow == Allow::HttpsOnly)
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .user_agent(concat!("dreamseed/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|err| unreachable_source(url, &err))?;

    let mut file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(part);
    let file = file.as_mut().map_err(|err| write_error(part, std::io::Error::from(err.kind())))?;
    let mut failures = 0;
    loop {
        let before = file.seek(SeekFrom::End(0)).map_err(|err| write_error(part, err))?;
        match read_on(&client, url, part, file, expected, on_progress).await {
            Ok(()) => return Ok(()),
            Err(Trouble::Final(err)) => return Err(err),
            Err(Trouble::Connection(err)) => {
                let gained = file.metadata().map_err(|err| write_error(part, err))?.len() > before;
                failures = if gained { 1 } else { failures + 1 };
                if failures >= TRIES {
                    return Err(unreachable_source(url, &err));
                }
                tracing::info!("the download broke off, going on ({err})");
                tokio::time::sleep(Duration::from_millis(300) * 2u32.pow(failures)).await;
            }
        }
    }
}

enum Trouble {
    /// Worth another try.
    Connection(reqwest::Error),
    Final(StoreError),
}

/// One connection: reads from where the file ends to the end of the download.
async fn read_on(
    client: &reqwest::Client,
    url: &str,
    part: &Path,
    file: &mut File,
    expected: Option<u64>,
    on_progress: OnProgress<'_>,
) -> Result<(), Trouble> {
    let disk = |err| Trouble::Final(write_error(part, err));
    let mut done = file.metadata().map_err(disk)?.len();
    if expected.is_some_and(|total| done > total) {
        file.set_len(0).map_err(disk)?;
        done = 0;
    }
    if expected == Some(done) {
        return Ok(());
    }
    let mut request = client.get(url);
    if done > 0 {
        request = request.header(RANGE, format!("bytes={done}-"));
    }
    let mut response = request.send().await.map_err(Trouble::Connection)?;
    match response.status() {
        StatusCode::PARTIAL_CONTENT if starts_at(&response, done) => {}
        // The server starts over: so do we.
        StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE if done > 0 => {
            file.set_len(0).map_err(disk)?;
            if response.status() != StatusCode::OK {
                return Box::pin(read_on(client, url, part, file, expected, on_progress)).await;
            }
            done = 0;
        }
        StatusCode::OK => {}
        status => {
            let text =
                format!("The server answered {status}. Try again later or add the file from a USB disk.");
            return Err(Trouble::Final(StoreError::Source(text)));
        }
    }
    file.seek(SeekFrom::Start(done)).map_err(disk)?;
    let total = expected.or_else(|| response.content_length().map(|rest| done + rest));
    while let Some(chunk) = response.chunk().await.map_err(Trouble::Connection)? {
        done += chunk.len() as u64;
        if done > expected.unwrap_or(MAX_BYTES) {
            file.set_len(0).map_err(disk)?;
            let text = "The server sent more than the model holds. Add the file from a USB disk.";
            return Err(Trouble::Final(StoreError::Source(text.to_owned())));
        }
        file.write_all(&chunk).map_err(disk)?;
        on_progress(Progress { stage: Stage::Downloading, done_bytes: done, total_bytes: total });
    }
    Ok(())
}

/// Whether a partial answer really goes on at `offset`.
fn starts_at(response: &reqwest::Response, offset: u64) -> bool {
    let range = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
    range.is_some_and(|range| range.starts_with(&format!("bytes {offset}-")))
}

fn unreachable_source(url: &str, err: &reqwest::Error) -> StoreError {
    let host = reqwest::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
    let host = host.unwrap_or_else(|| "the server".to_owned());
    tracing::debug!("download failed: {err:?}");
    StoreError::Source(format!(
        "{host} cannot be reached. Check the network, or add the file from a USB disk."
    ))
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    /// Serves `body` with ranges; each connection breaks off after `per_connection` bytes.
    fn serve(body: Vec<u8>, per_connection: usize, ranges: bool) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
        let url = format!("http://{}/m.gguf", listener.local_addr().expect("address"));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _ = answer(stream, &body, per_connection, ranges);
            }
        });
        url
    }

    fn answer(mut stream: TcpStream, body: &[u8], most: usize, ranges: bool) -> std::io::Result<()> {
        let mut start = 0;
        for line in BufReader::new(stream.try_clone()?).lines() {
            let line = line?.to_ascii_lowercase();
            if let Some(range) = line.strip_prefix("range: bytes=") {
                start = range.trim_end_matches('-').parse().unwrap_or(0);
            }
            if line.is_empty() {
                break;
            }
        }
        let start = if ranges { start } else { 0 };
        let rest = &body[start..];
        let status = if start > 0 { "206 Partial Content" } else { "200 OK" };
        let range = format!("content-range: bytes {start}-{}/{}\r\n", body.len() - 1, body.len());
        write!(stream, "HTTP/1.1 {status}\r\ncontent-length: {}\r\n{range}\r\n", rest.len())?;
        stream.write_all(&rest[..rest.len().min(most)])
    }

    fn body() -> Vec<u8> {
        (0..300_000u32).flat_map(u32::to_le_bytes).collect()
    }

    #[test]
    fn goes_on_where_the_connection_broke() {
        let folder = tempfile::tempdir().expect("dir");
        let part = folder.path().join("m.part");
        std::fs::write(&part, &body()[..1000]).expect("an earlier try");
        let url = serve(body(), 500_000, true);
        let mut last = 0;
        let mut on_progress = |progress: Progress| last = progress.done_bytes;
        download(&url, &part, Some(body().len() as u64), Allow::PlainHttp, &mut on_progress).expect("whole");
        assert_eq!(std::fs::read(&part).expect("reads"), body());
        assert_eq!(last, body().len() as u64);
    }

    #[test]
    fn starts_over_where_the_server_knows_no_ranges() {
        let folder = tempfile::tempdir().expect("dir");
        let part = folder.path().join("m.part");
        std::fs::write(&part, b"other bytes").expect("an earlier try");
        let url = serve(body(), usize::MAX, false);
        download(&url, &part, None, Allow::PlainHttp, &mut |_| {}).expect("whole");
        assert_eq!(std::fs::read(&part).expect("reads"), body());
    }

    #[test]
    fn refuses_plain_http_and_too_many_bytes() {
        let folder = tempfile::tempdir().expect("dir");
        let part = folder.path().join("m.part");
        let url = serve(body(), usize::MAX, true);
        assert!(download(&url, &part, None, Allow::HttpsOnly, &mut |_| {}).is_err());
        assert!(download(&url, &part, Some(10), Allow::PlainHttp, &mut |_| {}).is_err());
    }
}
