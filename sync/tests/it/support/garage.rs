//! A real S3 server on this machine, for one test.

use super::wish;
use dreamseed_sync::{Place, S3Place, Secret, Target};
use std::{
    ffi::OsString,
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

pub struct Garage {
    process: Child,
    home: TempDir,
    address: SocketAddr,
}

pub const KEY_ID: &str = "GK0123456789abcdef01234567";
pub const SECRET: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
pub const BUCKET: &str = "dreamseed";

impl Garage {
    /// None when whoever runs the tests has said that there is no Garage.
    pub fn start() -> Option<Self> {
        if wish("DREAMSEED_NO_GARAGE").is_some() {
            return None;
        }
        let home = TempDir::new().expect("a folder");
        let (address, rpc) = (free_address(), free_address());
        let config = format!(
            "metadata_dir = \"{home}/meta\"\ndata_dir = \"{home}/data\"\ndb_engine = \"sqlite\"\n\
             replication_factor = 1\nrpc_bind_addr = \"{rpc}\"\nrpc_public_addr = \"{rpc}\"\nrpc_secret = \"{SECRET}\"\n\
             [s3_api]\ns3_region = \"garage\"\napi_bind_addr = \"{address}\"\n",
            home = home.path().display()
        );
        let file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(home.path().join("garage.toml"));
        std::io::Write::write_all(&mut file.expect("a file"), config.as_bytes()).expect("written");
        let process = Command::new(program())
            .arg("-c")
            .arg(home.path().join("garage.toml"))
            .args(["server", "--single-node", "--default-bucket"])
            .envs([
                ("GARAGE_DEFAULT_ACCESS_KEY", KEY_ID),
                ("GARAGE_DEFAULT_SECRET_KEY", SECRET),
                ("GARAGE_DEFAULT_BUCKET", BUCKET),
            ])
            .stdout(Stdio::null())
            .stderr(fs::File::create(home.path().join("log")).expect("a file"))
            .spawn()
            .unwrap_or_else(|error| {
                panic!("no Garage ({error}): `./x test` brings it; set DREAMSEED_NO_GARAGE to leave these tests out")
            });
        let mut garage = Self { process, home, address };
        garage.wait_until_it_answers();
        Some(garage)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn target(&self, prefix: &str) -> Target {
        self.target_at(self.address, prefix)
    }

    /// The bucket as it is reached through another address.
    pub fn target_at(&self, address: SocketAddr, prefix: &str) -> Target {
        let place = S3Place {
            endpoint: format!("http://{address}"),
            region: "garage".into(),
            bucket: BUCKET.into(),
            prefix: prefix.into(),
            access_key_id: KEY_ID.into(),
            secret_access_key: Secret::new(SECRET),
            allow_http: false,
        };
        Target { name: "cloud".into(), place: Place::S3(place) }
    }

    /// A command for the server's operator; what it printed.
    pub fn operate(&self, words: &[&str]) -> String {
        let done =
            Command::new(program()).arg("-c").arg(self.home.path().join("garage.toml")).args(words).output();
        let done = done.expect("garage runs");
        assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).into_owned()
    }

    fn wait_until_it_answers(&mut self) {
        let end = Instant::now() + Duration::from_secs(20);
        // The server has no way to tell that it is ready but to answer.
        while dreamseed_sync::try_target(&self.target(""), &super::quick()).is_err() {
            let log = || fs::read_to_string(self.home.path().join("log")).unwrap_or_default();
            assert!(self.process.try_wait().is_ok_and(|ended| ended.is_none()), "Garage ended: {}", log());
            assert!(Instant::now() < end, "Garage does not answer: {}", log());
        }
    }
}

impl Drop for Garage {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn program() -> OsString {
    let built = || {
        let path = PathBuf::from(wish("HOME")?).join(".cache/dreamseed/tools/garage-2.5.0/bin/garage");
        path.exists().then(|| path.into_os_string())
    };
    wish("DREAMSEED_GARAGE").or_else(built).unwrap_or_else(|| "garage".into())
}

/// An address that nobody listens at.
pub fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    assert!(TcpStream::connect(address).is_err(), "the port is free again");
    address
}
