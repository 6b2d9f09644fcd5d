//! Where a backup goes, with which limits and under which password.

use serde::{Deserialize, Serialize};
use std::{fmt, path::PathBuf, time::Duration};

/// A place for backups, under the name that the school gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    pub name: String,
    pub place: Place,
}

/// What kind of place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// A folder on a second disk, a USB stick or a NAS. It must exist: a folder that has to be made first is
    /// where a disk should have been mounted. What other programs of the disk keep there (`lost+found`, hidden
    /// entries) is left alone.
    Folder(PathBuf),
    /// A bucket that speaks S3.
    S3(S3Place),
}

/// A bucket, or a part of one, and the key to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct S3Place {
    /// `https://…`; `http://` is taken for loopback addresses only, unless `allow_http`.
    pub endpoint: String,
    pub region: String,
    pub bucket: String,
    /// Folder inside the bucket, without slashes at its ends; empty for the whole bucket.
    #[serde(default)]
    pub prefix: String,
    pub access_key_id: String,
    pub secret_access_key: Secret,
    /// Somebody has said that this endpoint may be reached without TLS (a NAS in the school's own network).
    /// What is sent is encrypted in any case; the names of files and the request's signature are not.
    #[serde(default)]
    pub allow_http: bool,
}

/// How hard a run may use the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Bytes per second; none for as fast as it goes.
    pub upload_bytes_per_s: Option<u64>,
    pub download_bytes_per_s: Option<u64>,
    /// How long the other side may keep silent. A request is tried five times before a run gives up.
    pub request_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            upload_bytes_per_s: None,
            download_bytes_per_s: None,
            request_timeout: Duration::from_secs(30),
        }
    }
}

/// A text that no log shows. Serialised as it is: for pipes and files of mode 600 only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret(…)")
    }
}

/// What opens a repository: the words of the recovery sheet, single spaces between them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Password(Secret);

impl Password {
    pub fn new(text: impl Into<String>) -> Self {
        Self(Secret::new(text))
    }

    /// The text itself.
    pub fn reveal(&self) -> &str {
        self.0.reveal()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_never_shows_a_secret() {
        let place = S3Place {
            endpoint: "https://s3.example.org".into(),
            region: "garage".into(),
            bucket: "school".into(),
            prefix: String::new(),
            access_key_id: "GK1".into(),
            secret_access_key: Secret::new("opensesame"),
            allow_http: false,
        };
        let shown = format!("{:?} {:?}", Place::S3(place), Password::new("opensesame"));
        assert!(!shown.contains("opensesame"), "{shown}");
    }
}
