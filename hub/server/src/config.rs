//! Settings: defaults < `hub.toml` < `DREAMSEED_HUB_*` < flags.

use std::{
    net::SocketAddr,
    num::NonZeroU32,
    path::{Path, PathBuf},
    time::Duration,
};

use figment::{
    Figment,
    providers::{Env, Format, Serialized, Toml},
};
use serde::{Deserialize, Serialize};

use crate::logging::LogFormat;

/// Where a packaged hub has its settings, which its service names.
pub const PACKAGED_SETTINGS: &str = "/etc/dreamseed/hub.toml";

/// The folder of models in the data folder, unless another one is said.
const MODELS_FOLDER: &str = "models";

/// All settings of the hub.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Database, keys and images live here; made with mode 0700. By default where `./x run` has them:
    /// `$XDG_DATA_HOME/dreamseed`, or `~/.local/share/dreamseed`.
    pub data: PathBuf,
    /// Models live here, so that several data folders can share them. [`Config::load`] takes `models` in the data folder
    /// where nothing else is said.
    pub models: PathBuf,
    pub time_zone: String,
    pub http: HttpConfig,
    pub sign_in: SignInConfig,
    pub tutor: TutorConfig,
    pub limits: LimitsConfig,
    pub discovery: DiscoveryConfig,
    pub disk: DiskConfig,
    pub privacy: PrivacyConfig,
    pub backup: BackupConfig,
    pub log: LogConfig,
    /// The settings file that was read; it goes into backups.
    #[serde(skip)]
    pub file: Option<PathBuf>,
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

/// Requests that one sign-in may send.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsConfig {
    /// Requests a minute.
    pub per_minute: NonZeroU32,
    /// Turns of help by the model a minute; past it the authored hint comes at once.
    pub help_per_minute: NonZeroU32,
}

/// How the classroom finds the hub; counts where `http.lan` is on.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiscoveryConfig {
    /// Announce the hub by multicast DNS.
    pub announce: bool,
    /// On this machine's own loopback too, for trying it out.
    pub loopback: bool,
}

/// What the hub leaves free on the disk of its data folder, in steps.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiskConfig {
    /// Below this uploads are refused: lists, files of problems, problems with figures.
    pub uploads: DiskLimit,
    /// Below this texts of the AI are shown but not kept.
    pub ai_texts: DiskLimit,
    /// Below this nothing but sign-ins and what frees space is written; reading goes on.
    pub writes: DiskLimit,
    /// A file of this size lies in the data folder and is given up when the disk is full all the same.
    pub ballast_megabytes: u64,
    /// Seconds between two looks.
    pub watch_secs: u64,
}

/// A share of the disk, held between two bounds; megabytes of 10^6 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiskLimit {
    pub percent: u8,
    pub min_megabytes: u64,
    /// So that a large disk is not called full with a hundred gigabytes free.
    pub max_megabytes: u64,
}

/// What the school asks guardians.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrivacyConfig {
    /// Pupils get help by the AI only with a guardian's consent (`ai_tutor`); else the authored hints. A consent that was
    /// withdrawn counts whatever this says.
    pub ai_needs_consent: bool,
}

/// When backups are made and what is kept of them; where they go stands in `backup/targets.toml` of the data folder.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupConfig {
    /// When the backup to the cloud begins, in the school's time zone; every target is read back and tidied then.
    pub nightly_at: jiff::civil::Time,
    /// The cloud's backup begins up to so much later, by the hub's id, so that not all schools come at once.
    pub jitter_minutes: u32,
    /// Folders get a backup each hour, not only each night.
    pub hourly: bool,
    /// Kibibytes a second that a backup to the cloud sends at most; 0 sends as fast as it goes.
    pub upload_kib_per_s: u32,
    /// Where copies are made and read back; `backup/scratch` in the data folder unless said. Needs room for the database.
    pub scratch: Option<PathBuf>,
    /// A folder on another disk in which the hub keeps how far its record has come, so that a data folder that was put back as
    /// a whole is known as such.
    pub high_mark: Option<PathBuf>,
    /// Days after which an old backup may go.
    pub keep_days: u32,
    /// Backups that stay whatever the clock says.
    pub at_least: u32,
    /// The program of the backup's process; this one, but for tests.
    #[serde(skip)]
    pub program: Option<PathBuf>,
}

/// The log.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// `plain` or `json`.
    pub format: LogFormat,
    /// What is logged, as `tracing` writes it; `DREAMSEED_LOG` comes first. Below `info` names may be in it.
    pub level: String,
    /// Write `logs` in the data folder too, not only the console.
    pub files: bool,
    /// Megabytes (10^6 bytes) of one file.
    pub max_megabytes: u64,
    /// Days after which a file goes.
    pub keep_days: u32,
    /// Files that are kept at most, whatever their age.
    pub keep_files: usize,
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

/// The settings of a packaged hub are there and cannot be read: those of another school must not be taken in their place.
#[derive(Debug, thiserror::Error)]
#[error(
    "설치된 허브의 설정 {0}을(를) 읽을 수 없습니다({1}). 허브의 사용자로 실행하세요: sudo -u dreamseed dreamseed-hub …\n\
     The settings {0} of the installed hub cannot be read ({1}). Run it as the hub's user: sudo -u dreamseed dreamseed-hub …",
    .path.display(), .cause
)]
pub struct UnreadableSettings {
    path: PathBuf,
    #[source]
    cause: std::io::Error,
}

impl Default for Config {
    fn default() -> Self {
        let data = default_data_folder();
        Config {
            models: data.join(MODELS_FOLDER),
            data,
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
            limits: LimitsConfig { per_minute: per_minute(100), help_per_minute: per_minute(10) },
            discovery: DiscoveryConfig { announce: true, loopback: false },
            disk: DiskConfig {
                uploads: DiskLimit { percent: 10, min_megabytes: 0, max_megabytes: 5_000 },
                ai_texts: DiskLimit { percent: 5, min_megabytes: 0, max_megabytes: 2_000 },
                writes: DiskLimit { percent: 2, min_megabytes: 64, max_megabytes: 500 },
                ballast_megabytes: 64,
                watch_secs: 5,
            },
            privacy: PrivacyConfig { ai_needs_consent: false },
            backup: BackupConfig {
                nightly_at: jiff::civil::time(3, 15, 0, 0),
                jitter_minutes: 60,
                hourly: true,
                upload_kib_per_s: 512,
                scratch: None,
                high_mark: None,
                keep_days: 30,
                at_least: 7,
                program: None,
            },
            log: LogConfig {
                format: LogFormat::Plain,
                // llama.cpp tells hundreds of details of a model, which would push the set-up code off the screen.
                level: "info,llama-cpp-2=warn".into(),
                files: true,
                max_megabytes: 20,
                keep_days: 30,
                keep_files: 50,
            },
            file: None,
        }
    }
}

/// The settings file that counts: the one that was named; else, where neither the flag `data` nor the environment names a
/// data folder, the one of a packaged hub (`packaged`, on a machine [`PACKAGED_SETTINGS`]) if there is one. So a command
/// at the console means the school that the service serves.
///
/// # Errors
/// The packaged file is there and cannot be read.
pub fn find_file(
    named: Option<PathBuf>,
    data: Option<&Path>,
    packaged: &Path,
) -> Result<Option<PathBuf>, UnreadableSettings> {
    if named.is_some() || data.is_some() || Figment::from(environment()).find_value("data").is_ok() {
        return Ok(named);
    }
    match std::fs::File::open(packaged) {
        Ok(_) => Ok(Some(packaged.to_owned())),
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(UnreadableSettings { path: packaged.to_owned(), cause }),
    }
}

impl Config {
    /// Reads the settings; `file` and the flags `data` and `models` may be absent.
    ///
    /// # Errors
    /// A sentence that names the file and the key.
    pub fn load(
        file: Option<&Path>,
        data: Option<PathBuf>,
        models: Option<PathBuf>,
    ) -> Result<Self, Box<figment::Error>> {
        let mut said = Figment::new();
        if let Some(file) = file {
            said = said.merge(Toml::file_exact(file));
        }
        said = said.merge(environment());
        let said_models = said.find_value("models").is_ok();
        let mut config: Config =
            Figment::from(Serialized::defaults(Config::default())).merge(said).extract().map_err(Box::new)?;
        config.file = file.map(Path::to_owned);
        if let Some(data) = data {
            config.data = data;
        }
        if let Some(models) = models {
            config.models = models;
        } else if !said_models {
            config.models = config.data.join(MODELS_FOLDER);
        }
        Ok(config)
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

/// What the environment says; `DREAMSEED_HUB_BIN` names the binary for the tests and is no setting.
fn environment() -> Env {
    Env::prefixed("DREAMSEED_HUB_").ignore(&["bin"]).split("__")
}

const fn per_minute(count: u32) -> NonZeroU32 {
    match NonZeroU32::new(count) {
        Some(count) => count,
        None => NonZeroU32::MIN,
    }
}

/// Where `./x run` keeps the data too; `data` in the working folder for a user without a home.
fn default_data_folder() -> PathBuf {
    let shared = std::env::var_os("XDG_DATA_HOME").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let shared = shared.or_else(|| Some(std::env::home_dir()?.join(".local/share")));
    shared.map_or_else(|| PathBuf::from("data"), |folder| folder.join("dreamseed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_lie_in_the_data_folder_unless_said_otherwise() {
        let load = |file: Option<&Path>, data: Option<&str>, models: Option<&str>| {
            let config = Config::load(file, data.map(Into::into), models.map(Into::into)).expect("settings");
            (config.data, config.models)
        };
        let pair = |data: &str, models: &str| (PathBuf::from(data), PathBuf::from(models));
        let default = Config::default();
        assert_eq!(load(None, None, None), (default.data.clone(), default.data.join("models")));
        assert_eq!(load(None, Some("/srv/a"), None), pair("/srv/a", "/srv/a/models"));
        assert_eq!(load(None, Some("/srv/a"), Some("/srv/m")), pair("/srv/a", "/srv/m"));

        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("hub.toml");
        std::fs::write(&file, "data = '/srv/b'\n").expect("written");
        assert_eq!(load(Some(&file), None, None), pair("/srv/b", "/srv/b/models"));
        std::fs::write(&file, "models = '/srv/n'\n").expect("written");
        assert_eq!(load(Some(&file), Some("/srv/a"), None), pair("/srv/a", "/srv/n"));
        assert!(Config::load(Some(&folder.path().join("none.toml")), None, None).is_err());
    }

    #[test]
    fn without_a_word_the_packaged_hub_is_meant_if_there_is_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let packaged = folder.path().join("hub.toml");
        let find = |named: Option<&str>, data: Option<&str>| {
            find_file(named.map(Into::into), data.map(Path::new), &packaged).expect("found or not")
        };
        assert_eq!(find(None, None), None);
        std::fs::write(&packaged, "data = '/srv/school'\n").expect("written");
        assert_eq!(find(None, None).as_deref(), Some(packaged.as_path()));
        assert_eq!(find(None, Some("/srv/other")), None);
        assert_eq!(find(Some("/srv/other.toml"), None), Some("/srv/other.toml".into()));

        // A file in the place of a folder cannot be looked into, by root either.
        let refused = find_file(None, None, &packaged.join("hub.toml")).expect_err("not to be read");
        let words = refused.to_string();
        assert!(words.contains("sudo -u dreamseed") && words.contains("설정"), "{words}");
    }
}
