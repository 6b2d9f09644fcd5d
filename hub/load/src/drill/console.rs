//! The hub's console, as somebody at the machine uses it.

use anyhow::{Context, Result, ensure};
use std::{
    path::{Path, PathBuf},
    process::Stdio,
};
use tokio::process::Command;

/// The console over one data folder.
#[derive(Debug, Clone)]
pub struct Console {
    binary: PathBuf,
    data: PathBuf,
    environment: Vec<(String, String)>,
}

/// What a command came to.
#[derive(Debug)]
pub struct Said {
    /// It ended with 0.
    pub is_fine: bool,
    /// What it printed, and after that what it logged.
    pub text: String,
}

impl Console {
    /// The console of this data folder, which need not be there yet.
    pub fn new(binary: &Path, data: &Path) -> Self {
        // No line between the drill and its own machine is to be spared.
        let environment = vec![("DREAMSEED_HUB_BACKUP__UPLOAD_KIB_PER_S".to_owned(), "0".to_owned())];
        Self { binary: binary.to_owned(), data: data.to_owned(), environment }
    }

    /// The same in another environment, such as one with another clock.
    pub fn in_environment(mut self, environment: &[(String, String)]) -> Self {
        self.environment.extend_from_slice(environment);
        self
    }

    /// Variables that a hub of this drill gets too.
    pub fn environment(&self) -> Vec<(String, String)> {
        self.environment.clone()
    }

    /// Runs a command to its end, whatever that is.
    pub async fn ask(&self, words: &[&str]) -> Result<Said> {
        let mut command = Command::new(&self.binary);
        command.args(words).arg("--data").arg(&self.data).stdin(Stdio::null()).kill_on_drop(true);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let done = command.output().await.with_context(|| format!("starting {}", self.binary.display()))?;
        let text = [done.stdout, done.stderr].concat();
        Ok(Said { is_fine: done.status.success(), text: String::from_utf8_lossy(&text).into_owned() })
    }

    /// Runs a command that must end well; what it printed.
    pub async fn tell(&self, words: &[&str]) -> Result<String> {
        let said = self.ask(words).await?;
        ensure!(said.is_fine, "`dreamseed-hub {}` failed:\n{}", words.join(" "), said.text);
        Ok(said.text)
    }

    /// Backs up to all targets, or to one, and reads it back; how many answers the copy held.
    pub async fn back_up(&self, target: Option<&str>) -> Result<u64> {
        let words: Vec<&str> = ["backup", "now"].into_iter().chain(target).collect();
        let said = self.tell(&words).await?;
        let copied = said.lines().find(|line| line.starts_with("✓ 사본")).context("a line about the copy")?;
        number_after(copied, "answers ").with_context(|| format!("the number of answers in `{copied}`"))
    }

    /// Adds a folder as a target.
    pub async fn add_folder(&self, name: &str, folder: &Path) -> Result<()> {
        let folder = folder.to_str().context("a path of plain text")?;
        self.tell(&["backup", "target", "add", "folder", name, folder]).await.map(drop)
    }
}

/// The number that stands behind a word.
pub fn number_after(text: &str, word: &str) -> Option<u64> {
    let rest = &text[text.find(word)? + word.len()..];
    let digits = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
    rest[..digits].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_what_the_console_says() {
        let line = "✓ 사본 copy: 답 answers 315, 2.6 MB, 0.4 s";
        assert_eq!(number_after(line, "answers "), Some(315));
        assert_eq!((number_after(line, "copy: "), number_after(line, "nothing ")), (None, None));
    }
}
