//! Each dependency of the workspace has its reason in CONTRIBUTING.md.

use super::{Finding, Source};
use anyhow::{Context, Result};

pub fn check(files: &[Source]) -> Result<Vec<Finding>> {
    let find = |path: &str| {
        files.iter().find(|file| file.path == path).with_context(|| format!("there is no {path}"))
    };
    compare(&find("Cargo.toml")?.text, &find("CONTRIBUTING.md")?.text)
}

fn compare(manifest: &str, contributing: &str) -> Result<Vec<Finding>> {
    let manifest: toml::Table = manifest.parse().context("Cargo.toml is not TOML")?;
    let dependencies =
        manifest["workspace"]["dependencies"].as_table().context("no [workspace.dependencies]")?;
    let finding = |path: &str, rule: String| Finding { path: path.to_owned(), line: 0, rule };
    let mut findings = Vec::new();
    for (name, _) in dependencies.iter().filter(|(_, value)| value.get("path").is_none()) {
        if !rows(contributing).any(|row| row == name) {
            findings.push(finding(
                "CONTRIBUTING.md",
                format!("the dependency {name} has no row with its reason"),
            ));
        }
    }
    for row in rows(contributing).filter(|row| !dependencies.contains_key(*row)) {
        findings
            .push(finding("CONTRIBUTING.md", format!("{row} has a reason but is no dependency any more")));
    }
    Ok(findings)
}

/// Names in the first column of the table under `## Dependencies`: "| `name` | reason |", or several with commas.
fn rows(contributing: &str) -> impl Iterator<Item = &str> {
    let table = contributing.split("\n## Dependencies").nth(1).unwrap_or_default();
    let table = table.split("\n## ").next().unwrap_or_default();
    let first = table.lines().filter_map(|line| line.strip_prefix("| `")?.split(" |").next());
    first.flat_map(|cell| cell.split(", ").map(|name| name.trim_matches('`')))
}

#[cfg(test)]
mod tests {
    use super::compare;

    const MANIFEST: &str = "[workspace.dependencies]\nours = { path = \"a\" }\naxum = \"1\"\ntower = \"1\"\n";

    #[test]
    fn a_dependency_without_a_reason_and_a_reason_without_a_dependency_are_found() {
        let good = "# C\n## Dependencies\n| crate | why |\n|---|---|\n| `axum`, `tower` | HTTP |\n\n## Next\n| `x` | y |";
        assert_eq!(compare(MANIFEST, good).expect("read"), []);
        let missing = compare(MANIFEST, "# C\n## Dependencies\n| `axum` | HTTP |").expect("read");
        assert!(missing.len() == 1 && missing[0].rule.contains("tower"));
        let left_over =
            compare(MANIFEST, "# C\n## Dependencies\n| `axum`, `tower`, `rocket` | HTTP |").expect("read");
        assert!(left_over.len() == 1 && left_over[0].rule.contains("rocket"));
    }
}
