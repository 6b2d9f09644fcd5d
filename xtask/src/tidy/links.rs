//! Links of the Markdown files: each file that is named must be there.

use super::{Finding, Source};
use std::path::Path;

pub fn check(root: &Path, file: &Source) -> Vec<Finding> {
    let folder = root.join(&file.path).parent().map_or_else(|| root.to_path_buf(), Path::to_path_buf);
    let mut findings = Vec::new();
    let mut in_code = false;
    for (index, line) in file.text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for target in targets(line) {
            let is_elsewhere =
                target.contains("://") || target.starts_with('#') || target.starts_with("mailto:");
            let path = target.split('#').next().unwrap_or_default();
            if !is_elsewhere && !folder.join(path).exists() {
                let rule = format!("the link leads nowhere: {target}");
                findings.push(Finding { path: file.path.clone(), line: index + 1, rule });
            }
        }
    }
    findings
}

/// The targets of `[text](target)` and `![text](target)` in a line.
fn targets(line: &str) -> Vec<&str> {
    let after = line.match_indices("](").map(|(at, mark)| &line[at + mark.len()..]);
    after
        .filter_map(|rest| rest.split(')').next())
        .filter_map(|target| target.split_whitespace().next())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::source;
    use super::*;

    #[test]
    fn a_link_that_leads_nowhere_is_found() {
        let root = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(root.path().join("docs")).expect("made");
        std::fs::write(root.path().join("README.md"), "").expect("written");
        let text = "[up](../README.md#top) ![gone](gone.png)\n[web](https://example.org) [here](#a)\n```\n[x](y)\n```";
        let findings = check(root.path(), &source("docs/a.md", text));
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].line == 1 && findings[0].rule.contains("gone.png"));
    }
}
