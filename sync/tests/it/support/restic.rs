//! Stock restic, as Debian has it.

use super::{KEY_ID, PASSWORD, SECRET, wish};
use std::process::{Command, Output};

/// None when whoever runs the tests has said that there is no restic.
pub fn restic(repository: &str, words: &[&str]) -> Option<Output> {
    let mut command = Command::new("restic");
    command.args(["--no-cache", "-o", "s3.bucket-lookup=path", "-o", "s3.region=garage", "-r", repository]);
    command.args(words).env("RESTIC_PASSWORD", PASSWORD);
    command.env("AWS_ACCESS_KEY_ID", KEY_ID).env("AWS_SECRET_ACCESS_KEY", SECRET);
    match command.output() {
        Ok(done) => Some(done),
        Err(error) => {
            assert!(
                wish("DREAMSEED_NO_RESTIC").is_some(),
                "no restic ({error}): install it, or set DREAMSEED_NO_RESTIC to leave this test out"
            );
            None
        }
    }
}
