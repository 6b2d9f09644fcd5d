//! Who may import whom, from `cargo metadata`.

use super::Finding;
use crate::checkout::Checkout;
use crate::process;
use anyhow::{Context, Result};
use serde_json::Value;
use std::path::Path;

/// Crate, the crates of ours that it may use, and those that its tests may use besides.
const MAY_IMPORT: &[(&str, &[&str], &[&str])] = &[
    ("dreamseed-wire", &[], &[]),
    ("dreamseed-grading", &["dreamseed-wire"], &[]),
    ("dreamseed-formats", &["dreamseed-wire", "dreamseed-grading"], &[]),
    ("dreamseed-roster", &["dreamseed-wire"], &[]),
    ("dreamseed-models", &[], &[]),
    ("dreamseed-client", &["dreamseed-wire"], &[]),
    ("dreamseed-sync", &[], &[]),
    (
        "dreamseed-crashdisk",
        &["dreamseed-hub", "dreamseed-testkit", "dreamseed-client", "dreamseed-wire"],
        &[],
    ),
    (
        "dreamseed-hub",
        &[
            "dreamseed-wire",
            "dreamseed-grading",
            "dreamseed-formats",
            "dreamseed-models",
            "dreamseed-roster",
            "dreamseed-sync",
        ],
        &["dreamseed-client", "dreamseed-testkit"],
    ),
    ("dreamseed-load", &["dreamseed-client", "dreamseed-wire"], &[]),
    (
        "dreamseed-testkit",
        &["dreamseed-hub", "dreamseed-client", "dreamseed-models", "dreamseed-wire", "dreamseed-grading"],
        &[],
    ),
    ("xtask", &[], &[]),
];

/// Outside crates that belong to one room: the rest of the house asks that room.
const OWNED: &[(&str, &[&str])] = &[
    // wire: the id macro's ToSql and FromSql, under its `sqlite` feature (orphan rule). client: the outbox of a device.
    ("rusqlite", &["dreamseed-client", "dreamseed-crashdisk", "dreamseed-hub", "dreamseed-wire"]),
    ("rustic_core", &["dreamseed-sync"]),
    ("rusty-s3", &["dreamseed-sync"]),
    ("llama-cpp-2", &["dreamseed-models"]),
    ("llama-cpp-sys-2", &["dreamseed-models"]),
    ("axum", &["dreamseed-hub"]),
    ("argon2", &["dreamseed-hub"]),
    ("jsonwebtoken", &["dreamseed-hub"]),
];

pub fn check(root: &Path, checkout: &Checkout) -> Result<Vec<Finding>> {
    let metadata = process::output(checkout.cargo().args([
        "metadata",
        "--no-deps",
        "--locked",
        "--format-version",
        "1",
    ]))?;
    let metadata: Value = serde_json::from_slice(&metadata).context("cargo metadata is not JSON")?;
    let packages = metadata["packages"].as_array().context("cargo metadata names no packages")?;
    Ok(packages.iter().flat_map(|package| check_package(package, root)).collect())
}

fn check_package(package: &Value, root: &Path) -> Vec<Finding> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let name = text(&package["name"]);
    let manifest = text(&package["manifest_path"]);
    let path = Path::new(&manifest)
        .strip_prefix(root)
        .map_or(manifest.clone(), |path| path.to_string_lossy().into_owned());
    let finding = |rule: String| Finding { path: path.clone(), line: 0, rule };
    let Some((_, normal, in_tests)) = MAY_IMPORT.iter().find(|(known, ..)| *known == name) else {
        return vec![finding(format!(
            "{name} has no row in xtask/src/tidy/imports.rs: say there what it may import"
        ))];
    };
    let mut findings = Vec::new();
    for dependency in package["dependencies"].as_array().into_iter().flatten() {
        let used = text(&dependency["name"]);
        let is_test = dependency["kind"] == "dev";
        let is_ours = MAY_IMPORT.iter().any(|(known, ..)| *known == used);
        if is_ours && !normal.contains(&used.as_str()) && !(is_test && in_tests.contains(&used.as_str())) {
            findings.push(finding(format!("{name} may not import {used}")));
        }
        let owner = OWNED.iter().find(|(owned, _)| *owned == used);
        if let Some((_, owners)) = owner.filter(|(_, owners)| !is_test && !owners.contains(&name.as_str())) {
            findings
                .push(finding(format!("{name} may not use {used}; it belongs to {}", owners.join(" and "))));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rules(name: &str, dependencies: &Value) -> Vec<String> {
        let package =
            json!({"name": name, "manifest_path": "/src/hub/x/Cargo.toml", "dependencies": dependencies});
        check_package(&package, Path::new("/src"))
            .into_iter()
            .map(|finding| format!("{}: {}", finding.path, finding.rule))
            .collect()
    }

    #[test]
    fn what_the_table_allows_passes() {
        let dependencies = json!([
            {"name": "dreamseed-wire", "kind": null}, {"name": "rusqlite", "kind": null}, {"name": "dreamseed-testkit", "kind": "dev"},
        ]);
        assert_eq!(rules("dreamseed-hub", &dependencies), Vec::<String>::new());
    }

    #[test]
    fn an_import_against_the_arrows_is_found() {
        let upward = rules("dreamseed-grading", &json!([{"name": "dreamseed-hub", "kind": null}]));
        assert_eq!(upward, ["hub/x/Cargo.toml: dreamseed-grading may not import dreamseed-hub"]);
        // The test kit in the product, not only in its tests.
        assert_eq!(rules("dreamseed-hub", &json!([{"name": "dreamseed-testkit", "kind": null}])).len(), 1);
    }

    #[test]
    fn a_crate_in_the_wrong_room_is_found() {
        assert_eq!(rules("dreamseed-roster", &json!([{"name": "rusqlite", "kind": null}])).len(), 1);
        assert_eq!(rules("dreamseed-hub", &json!([{"name": "llama-cpp-2", "kind": null}])).len(), 1);
    }

    #[test]
    fn a_crate_without_a_row_is_found() {
        assert!(rules("dreamseed-attic", &json!([]))[0].contains("has no row"));
    }
}
