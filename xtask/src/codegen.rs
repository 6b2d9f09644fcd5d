//! From the hub's routes to the types of the user interface: `dreamseed-hub openapi` → `ui/openapi.json` →
//! openapi-typescript → `ui/src/api/schema.ts`. Both files are checked in, and `--check` fails when they drift.

use crate::checkout::Checkout;
use crate::node::Node;
use crate::{process, ui};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

struct Generated {
    file: PathBuf,
    content: Vec<u8>,
}

/// Writes both files.
pub fn write(checkout: &Checkout) -> Result<()> {
    for generated in generate(checkout)? {
        std::fs::write(&generated.file, &generated.content)
            .with_context(|| format!("cannot write {}", generated.file.display()))?;
        println!("{}", generated.file.display());
    }
    Ok(())
}

/// Fails when a checked-in file is not what the routes say now.
pub fn check(checkout: &Checkout) -> Result<()> {
    for generated in generate(checkout)? {
        let found = std::fs::read(&generated.file).unwrap_or_default();
        if let Some(difference) = first_difference(&found, &generated.content) {
            let name = generated.file.strip_prefix(&checkout.root).unwrap_or(&generated.file);
            bail!(
                "{} is not what the routes say now; run ./x codegen and commit it. {difference}",
                name.display()
            );
        }
    }
    Ok(())
}

fn generate(checkout: &Checkout) -> Result<[Generated; 2]> {
    // The same packages and targets as the tests are built with: another selection would compile the shared crates again.
    process::run(checkout.cargo().args([
        "build",
        "--quiet",
        "--workspace",
        "--locked",
        "--bins",
        "--tests",
    ]))?;
    let hub = checkout.target.join("debug/dreamseed-hub");
    let openapi = process::output(process::command(&hub).arg("openapi"))?;

    let node = Node::find(checkout)?;
    ui::install(checkout, &node)?;
    let work = checkout.cache.join("codegen");
    std::fs::create_dir_all(&work)?;
    let (from, to) = (work.join("openapi.json"), work.join("schema.ts"));
    std::fs::write(&from, &openapi)?;
    let output = process::output(
        node.command("npx", checkout)
            .args(["--no-install", "openapi-typescript"])
            .arg(&from)
            .arg("--output")
            .arg(&to),
    );
    output.context("openapi-typescript could not read the hub's OpenAPI")?;
    let schema = std::fs::read(&to).with_context(|| format!("cannot read {}", to.display()))?;
    Ok([
        Generated { file: checkout.ui().join("openapi.json"), content: openapi },
        Generated { file: checkout.ui().join(Path::new("src/api/schema.ts")), content: schema },
    ])
}

/// Where two texts part, as a sentence; `None` when they are the same.
fn first_difference(found: &[u8], wanted: &[u8]) -> Option<String> {
    if found == wanted {
        return None;
    }
    let (found, wanted) = (String::from_utf8_lossy(found), String::from_utf8_lossy(wanted));
    let (mut before, mut after) = (found.lines(), wanted.lines());
    for number in 1.. {
        match (before.next(), after.next()) {
            (None, None) => break,
            (before, after) if before == after => {}
            (before, after) => {
                let show = |line: Option<&str>| {
                    line.map_or("(end of file)".to_owned(), |line| line.trim().to_owned())
                };
                return Some(format!("Line {number} is `{}` and should be `{}`.", show(before), show(after)));
            }
        }
    }
    Some("They differ in line ends only.".to_owned())
}

#[cfg(test)]
mod tests {
    use super::first_difference;

    #[test]
    fn drift_is_told_by_its_first_line() {
        assert_eq!(first_difference(b"a\nb\n", b"a\nb\n"), None);
        let told = first_difference(b"a\nb\n", b"a\nc\n").expect("they differ");
        assert!(told.contains("Line 2") && told.contains("`b`") && told.contains("`c`"), "{told}");
        let told = first_difference(b"a\n", b"a\nc\n").expect("they differ");
        assert!(told.contains("(end of file)"), "{told}");
        assert!(first_difference(b"a\r\n", b"a\n").is_some());
    }
}
