//! Settings: defaults < `hub.toml` < `DREAMSEED_HUB_*` < flags.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use figment::{
    Figment,
    providers::{Env, Format, Serialized, Toml},
};
use serde::{Deserialize, Serialize};

/// All settings of the hub.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Database, keys and images live here; made with mode 0700.
    pub data: PathBuf,
    /// Models live here, so that several data folders can share them.
    pub models: PathBuf,
    pub time_zone: String,
    pub http: HttpConfig,
    pub sign_in: SignInConfig,
    pub tutor: TutorConfig,
}

/// The listener.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    /// Port 0 takes a free one.
    pub port: u16,
    /// Listen on all interfaces; without TLS only pupils may sign in from other machines.
    pub lan: bool,
    /// Names under which browsers may reach the hub, besides its addresses; others are refused (DNS rebinding).
    pub hosts: Vec<String>,
    /// Time for a client to send its headers.
    pub header_timeout_secs: u64,
    /// Time for a whole request, streams excepted.
    pub request_timeout_secs: u64,
}

/// Sign-ins and their tokens.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignInConfig {
    pub access_minutes: u64,
    /// A pupil's session ends after this long without a request.
    pub pupil_idle_minutes: u64,
    pub refresh_days: u64,
    /// Hashes computed at once; each needs 19 to 46 MiB.
    pub parallel_hashes: usize,
}

/// Help by the model.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TutorConfig {
    /// `llama`, `scripted` or `none`.
    pub engine: EngineChoice,
    /// Catalogue id; the first verified model that is installed if absent.
    pub model: Option<String>,
    /// The authored hint is shown after this long without a word of the model.
    pub hint_after_ms: u64,
    /// The model's text must be done after this long.
    pub deadline_secs: u64,
    pub max_tokens: u32,
    /// Replies written at once.
    pub parallel: usize,
}

/// What writes the help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineChoice {
    Llama,
    /// Fixed text, for tests and load runs.
    Scripted,
    None,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            data: PathBuf::from("data"),
            models: PathBuf::from("models"),
            time_zone: "Asia/Seoul".into(),
            http: HttpConfig {
                port: 7420,
                lan: false,
                hosts: vec!["localhost".into(), "dreamseed.local".into()],
                header_timeout_secs: 10,
                request_timeout_secs: 30,
            },
            sign_in: SignInConfig {
                access_minutes: 15,
                pupil_idle_minutes: 15,
                refresh_days: 30,
                parallel_hashes: std::thread::available_parallelism().map_or(2, usize::from).min(4),
            },
            tutor: TutorConfig {
                engine: if cfg!(feature = "llama") { EngineChoice::Llama } else { EngineChoice::None },
                model: None,
                hint_after_ms: 3_000,
                deadline_secs: 60,
                max_tokens: 120,
                parallel: 16,
            },
        }
    }
}

impl Config {
    /// Reads the settings; `file` may be absent.
    ///
    /// # Errors
    /// A sentence that names the file and the key.
    pub fn load(file: Option<&std::path::Path>) -> Result<Self, Box<figment::Error>> {
        let mut figment = Figment::from(Serialized::defaults(Config::default()));
        if let Some(file) = file {
            figment = figment.merge(Toml::file_exact(file));
        }
        // `DREAMSEED_HUB_BIN` names the binary for the tests and is no setting.
        figment
            .merge(Env::prefixed("DREAMSEED_HUB_").ignore(&["bin"]).split("__"))
            .extract()
            .map_err(Box::new)
    }

    /// Where the listener is bound.
    pub fn bind(&self) -> SocketAddr {
        let ip = if self.http.lan { [0, 0, 0, 0] } else { [127, 0, 0, 1] };
        SocketAddr::from((ip, self.http.port))
    }

    pub fn access_lifetime(&self) -> Duration {
        Duration::from_secs(self.sign_in.access_minutes * 60)
    }
}
