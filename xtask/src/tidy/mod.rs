//! `./x tidy`: the rules of ARCHITECTURE.md that no compiler knows. Each module is one kind of rule; each rule has a
//! test with a line that breaks it.

mod imports;
mod links;
mod reasons;
mod sources;

use crate::checkout::Checkout;
use anyhow::{Context, Result, bail};
use std::path::Path;

/// A file of the source tree, as text.
pub struct Source {
    /// From the root, with `/`.
    pub path: String,
    pub text: String,
}

/// One broken rule at one place.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    pub path: String,
    /// From 1; 0 when the file as a whole is meant.
    pub line: usize,
    pub rule: String,
}

/// Prints every finding and fails if there is one.
pub fn tidy(checkout: &Checkout) -> Result<()> {
    let files = read_tree(&checkout.root)?;
    let mut findings = imports::check(&checkout.root, checkout)?;
    findings.extend(files.iter().flat_map(sources::check));
    findings.extend(
        files
            .iter()
            .filter(|file| file.path.ends_with(".md"))
            .flat_map(|file| links::check(&checkout.root, file)),
    );
    findings.extend(reasons::check(&files)?);
    for finding in &findings {
        println!("{}:{}: {}", finding.path, finding.line, finding.rule);
    }
    if !findings.is_empty() {
        bail!("{} places break a rule of ARCHITECTURE.md", findings.len());
    }
    println!("{} files, no rule broken", files.len());
    Ok(())
}

/// Folders that are made or fetched, and git's own.
const SKIPPED: [&str; 6] = [".git", "target", "node_modules", "dist", "test-results", "playwright-report"];

/// All text files of the tree. Not by git, which a machine that only runs the hub need not have.
fn read_tree(root: &Path) -> Result<Vec<Source>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in
            std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?
        {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() && !SKIPPED.contains(&entry.file_name().to_string_lossy().as_ref()) {
                folders.push(entry.path());
            } else if kind.is_file() {
                // What is not UTF-8 is an image or a font, and has no rule here.
                let Ok(text) = String::from_utf8(std::fs::read(entry.path())?) else { continue };
                let path = entry.path().strip_prefix(root)?.to_string_lossy().into_owned();
                found.push(Source { path, text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

#[cfg(test)]
pub(crate) fn source(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), text: text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_walk_leaves_out_what_is_made_and_what_is_no_text() {
        let root = tempfile::tempdir().expect("a folder");
        for (path, bytes) in [
            ("hub/a.rs", &b"fn a() {}"[..]),
            ("ui/node_modules/b.js", b"b"),
            ("ui/dist/c.js", b"c"),
            ("docs/d.png", &[0xff, 0xd8, 0xfe]),
        ] {
            let file = root.path().join(path);
            std::fs::create_dir_all(file.parent().expect("a parent")).expect("made");
            std::fs::write(file, bytes).expect("written");
        }
        let paths: Vec<String> =
            read_tree(root.path()).expect("read").into_iter().map(|file| file.path).collect();
        assert_eq!(paths, ["hub/a.rs"]);
    }
}
