//! A real S3 server on this machine, for one drill, and somebody who holds a key of it.

use crate::http1::Connection;
use anyhow::{Context, Result, bail, ensure};
use ring::{digest, hmac};
use std::{
    fmt::Write as _,
    io::Write as _,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// A running server with one bucket. Dropping it ends the server and removes what it held.
#[derive(Debug)]
pub struct Garage {
    process: Child,
    home: TempDir,
    program: PathBuf,
    address: SocketAddr,
    /// May read and write, as a hub may.
    pub key: Key,
}

/// A key of the bucket.
#[derive(Debug, Clone)]
pub struct Key {
    pub id: String,
    pub secret: String,
}

pub const BUCKET: &str = "dreamseed";
pub const REGION: &str = "garage";
/// A server that does not answer in this time is not there.
const PATIENCE: Duration = Duration::from_secs(20);

impl Garage {
    /// Starts a server whose data lie below `folder`.
    ///
    /// # Errors
    /// The program is not there, or the server does not answer.
    pub async fn start(program: &Path, folder: &Path, now: jiff::Timestamp) -> Result<Self> {
        let home = tempfile::Builder::new().prefix("garage-").tempdir_in(folder)?;
        // Neither is a secret: the server is reached from this machine only and lives for minutes.
        let key =
            Key { id: format!("GK{}", "0123456789abcdef01234567"), secret: "0123456789abcdef".repeat(4) };
        let (address, rpc) = (free_address()?, free_address()?);
        let settings = format!(
            "metadata_dir = \"{home}/meta\"\ndata_dir = \"{home}/data\"\ndb_engine = \"sqlite\"\n\
             replication_factor = 1\nrpc_bind_addr = \"{rpc}\"\nrpc_public_addr = \"{rpc}\"\nrpc_secret = \"{secret}\"\n\
             [s3_api]\ns3_region = \"{REGION}\"\napi_bind_addr = \"{address}\"\n",
            home = home.path().display(),
            secret = key.secret,
        );
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(home.path().join("garage.toml"))?.write_all(settings.as_bytes())?;
        let process = Command::new(program)
            .arg("-c")
            .arg(home.path().join("garage.toml"))
            .args(["server", "--single-node", "--default-bucket"])
            .envs([
                ("GARAGE_DEFAULT_ACCESS_KEY", key.id.as_str()),
                ("GARAGE_DEFAULT_SECRET_KEY", key.secret.as_str()),
                ("GARAGE_DEFAULT_BUCKET", BUCKET),
            ])
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(home.path().join("log"))?)
            .spawn()
            .with_context(|| {
                format!(
                    "no Garage at {}: `./x drill` brings it; DREAMSEED_GARAGE names another",
                    program.display()
                )
            })?;
        let mut garage = Self { process, home, program: program.to_owned(), address, key };
        garage.wait_until_it_answers(now).await?;
        Ok(garage)
    }

    /// As a hub is told of it.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A further key, which may only read.
    pub fn make_read_key(&self) -> Result<Key> {
        let made = self.operate(&["key", "create", "reader"])?;
        let word_after = |label: &str| {
            let line = made.lines().find(|line| line.contains(label));
            line.and_then(|line| line.rsplit(' ').next()).map(str::to_owned).context("the words of a new key")
        };
        let key = Key { id: word_after("Key ID")?, secret: word_after("Secret key")? };
        self.operate(&["bucket", "allow", "--read", BUCKET, "--key", &key.id])?;
        Ok(key)
    }

    /// Names of everything in the bucket.
    pub async fn list(&self, now: jiff::Timestamp) -> Result<Vec<String>> {
        let mut names = Vec::new();
        let mut after = String::new();
        loop {
            let query = format!("list-type=2&start-after={}", in_query(&after));
            let (status, body) = self.ask("GET", "", &query, b"", now).await?;
            ensure!(status == 200, "the bucket's list came with {status}: {body}");
            let page = body.split("<Key>").skip(1).filter_map(|rest| rest.split("</Key>").next());
            names.extend(page.map(str::to_owned));
            if !body.contains("<IsTruncated>true") {
                return Ok(names);
            }
            after = names.last().context("a list that goes on holds something")?.clone();
        }
    }

    /// Puts other content into the place of a file.
    pub async fn overwrite(&self, name: &str, content: &[u8], now: jiff::Timestamp) -> Result<()> {
        let (status, body) = self.ask("PUT", name, "", content, now).await?;
        ensure!(status == 200, "overwriting came with {status}: {body}");
        Ok(())
    }

    /// Deletes a file.
    pub async fn delete(&self, name: &str, now: jiff::Timestamp) -> Result<()> {
        let (status, body) = self.ask("DELETE", name, "", b"", now).await?;
        ensure!(status == 204, "deleting came with {status}: {body}");
        Ok(())
    }

    /// A request with the signature of AWS, version 4 ("Signature Calculations for the Authorization Header").
    async fn ask(
        &self,
        method: &str,
        name: &str,
        query: &str,
        content: &[u8],
        now: jiff::Timestamp,
    ) -> Result<(u16, String)> {
        let (day, time) = (now.strftime("%Y%m%d").to_string(), now.strftime("%Y%m%dT%H%M%SZ").to_string());
        let (host, path) = (self.address, format!("/{BUCKET}/{name}"));
        let sum = hex(digest::digest(&digest::SHA256, content).as_ref());
        // Sorted by name, as the list that is signed must be.
        let mut parts: Vec<&str> = query.split('&').filter(|part| !part.is_empty()).collect();
        parts.sort_unstable();
        let sorted = parts.join("&");
        let canonical = format!(
            "{method}\n{path}\n{sorted}\nhost:{host}\nx-amz-content-sha256:{sum}\nx-amz-date:{time}\n\n\
             host;x-amz-content-sha256;x-amz-date\n{sum}"
        );
        let scope = format!("{day}/{REGION}/s3/aws4_request");
        let canonical_sum = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
        let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{canonical_sum}");
        let mut key = format!("AWS4{}", self.key.secret).into_bytes();
        for part in [day.as_str(), REGION, "s3", "aws4_request"] {
            key = sign(&key, part.as_bytes());
        }
        let signature = hex(&sign(&key, to_sign.as_bytes()));
        let mut request = format!(
            "{method} {path}?{sorted} HTTP/1.1\r\nhost: {host}\r\nx-amz-content-sha256: {sum}\r\nx-amz-date: {time}\r\n\
             authorization: AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders=host;x-amz-content-sha256;x-amz-date, \
             Signature={signature}\r\ncontent-length: {}\r\n\r\n",
            self.key.id,
            content.len()
        )
        .into_bytes();
        request.extend_from_slice(content);
        let mut connection = Connection::open(self.address).await?;
        let reply = connection
            .exchange(&request, |reply| (reply.status, String::from_utf8_lossy(&reply.body).into_owned()))
            .await;
        reply.context("the bucket did not answer")
    }

    async fn wait_until_it_answers(&mut self, now: jiff::Timestamp) -> Result<()> {
        let begun = Instant::now();
        // The server has no way to tell that it is ready but to answer.
        while self.list(now).await.is_err() {
            let log = || std::fs::read_to_string(self.home.path().join("log")).unwrap_or_default();
            if self.process.try_wait()?.is_some() {
                bail!("Garage ended: {}", log());
            }
            ensure!(begun.elapsed() < PATIENCE, "Garage does not answer: {}", log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// A command for the server's operator; what it printed.
    fn operate(&self, words: &[&str]) -> Result<String> {
        let done = Command::new(&self.program)
            .arg("-c")
            .arg(self.home.path().join("garage.toml"))
            .args(words)
            .output()?;
        ensure!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
        Ok(String::from_utf8_lossy(&done.stdout).into_owned())
    }
}

impl Drop for Garage {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn sign(key: &[u8], message: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Names of a repository hold letters, digits, `.`, `-`, `_` and `/` only.
fn in_query(name: &str) -> String {
    name.replace('/', "%2F")
}

/// An address that nobody listens at.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
