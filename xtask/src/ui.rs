//! The user interface: packages installed and pages built only when their sources changed.

use crate::checkout::Checkout;
use crate::node::Node;
use crate::process;
use anyhow::{Context, Result, ensure};
use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};

/// Folders of `ui/` that are made, not written.
const MADE: [&str; 5] = ["node_modules", "dist", "test-results", "playwright-report", "coverage"];

/// Installs the packages of `package-lock.json`, unless they are there already.
pub fn install(checkout: &Checkout, node: &Node) -> Result<()> {
    let ui = checkout.ui();
    let wanted = stamp(&[ui.join("package-lock.json"), ui.join("package.json")], &node.version)?;
    // Inside node_modules, so that it goes when they go.
    let stamp_file = ui.join("node_modules/.dreamseed-installed");
    if is_stamped(&stamp_file, &wanted) {
        println!("ui/node_modules: 그대로입니다 · unchanged");
        return Ok(());
    }
    process::run(node.command("npm", checkout).args(["ci", "--no-audit", "--no-fund"]))?;
    std::fs::write(stamp_file, wanted)?;
    Ok(())
}

/// Builds `ui/dist`, unless it was built from these very sources.
pub fn build(checkout: &Checkout, node: &Node) -> Result<()> {
    install(checkout, node)?;
    let ui = checkout.ui();
    let wanted = stamp(&sources(&ui)?, &node.version)?;
    let stamp_file = ui.join("node_modules/.dreamseed-built");
    let page = ui.join("dist/index.html");
    if page.exists() && is_stamped(&stamp_file, &wanted) {
        println!("ui/dist: 그대로입니다 · unchanged");
        return Ok(());
    }
    process::run(node.command("npm", checkout).args(["run", "build"]))?;
    ensure!(page.exists(), "`npm run build` left no {}", page.display());
    std::fs::write(stamp_file, wanted)?;
    Ok(())
}

fn sources(ui: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![ui.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in
            std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?
        {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                found.push(entry.path());
            } else if entry.file_type()?.is_dir()
                && !MADE.contains(&entry.file_name().to_string_lossy().as_ref())
            {
                folders.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// One number for the names and contents of the files. Not cryptographic: it only has to notice an edit.
fn stamp(files: &[PathBuf], also: &str) -> Result<String> {
    let mut hash = DefaultHasher::new();
    hash.write(also.as_bytes());
    for file in files {
        let content = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        hash.write(file.to_string_lossy().as_bytes());
        hash.write_usize(content.len());
        hash.write(&content);
    }
    Ok(format!("{:016x}", hash.finish()))
}

fn is_stamped(file: &Path, wanted: &str) -> bool {
    std::fs::read_to_string(file).is_ok_and(|found| found == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stamp_changes_with_content_name_and_node_but_not_with_what_is_made() {
        let ui = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let file = ui.path().join(name);
            std::fs::create_dir_all(file.parent().expect("a parent")).expect("made");
            std::fs::write(file, text).expect("written");
        };
        let now = || stamp(&sources(ui.path()).expect("listed"), "v24").expect("hashed");
        write("src/app.ts", "1");
        let first = now();
        write("dist/index.html", "made");
        write("node_modules/a/index.js", "made");
        assert_eq!(now(), first);
        assert_ne!(stamp(&sources(ui.path()).expect("listed"), "v22").expect("hashed"), first);
        write("src/app.ts", "2");
        assert_ne!(now(), first);
        write("src/app.ts", "1");
        assert_eq!(now(), first);
        write("src/new.ts", "");
        assert_ne!(now(), first);
    }
}
