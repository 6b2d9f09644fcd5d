//! Rules that a look at one file's lines can tell.

use super::{Finding, Source};

struct Rule {
    /// What to say, with the way out.
    says: &'static str,
    /// Files that the rule looks at.
    looks_at: fn(&str) -> bool,
    breaks: fn(&str) -> bool,
}

/// All findings in one file.
pub fn check(file: &Source) -> Vec<Finding> {
    let rules = RULES.iter().filter(|rule| (rule.looks_at)(&file.path));
    rules
        .flat_map(|rule| {
            let lines = file.text.lines().enumerate().filter(|(_, line)| (rule.breaks)(line));
            lines.map(|(index, _)| Finding {
                path: file.path.clone(),
                line: index + 1,
                rule: rule.says.to_owned(),
            })
        })
        .collect()
}

const RULES: &[Rule] = &[
    Rule {
        says: "the product's SQL stands in a .sql file of hub/server/src/store or hub/client/src/outbox/store, loaded by the store",
        looks_at: |path| is_product_rust(path) && !is_store(path) && !is_this(path),
        breaks: |line| is_sql(line) || (line.contains("include_str!") && line.contains(".sql\"")),
    },
    Rule {
        says: "nothing but hub/server/src/store and hub/client/src/outbox/store names rusqlite (and the id macro in wire); ask the store",
        looks_at: |path| is_product_rust(path) && !is_store(path) && path != "hub/wire/src/ids.rs",
        breaks: |line| code(line).contains("rusqlite::") || code(line).contains("use rusqlite"),
    },
    Rule {
        says: "only the edge (hub/server/src/api, router.rs, ui_files.rs) names axum's responses; return plain data and let api/ wrap it",
        looks_at: |path| {
            is_product_rust(path)
                && path.starts_with("hub/server/src/")
                && !path.starts_with("hub/server/src/api/")
                && path != "hub/server/src/router.rs"
                && path != "hub/server/src/ui_files.rs"
        },
        breaks: |line| {
            let code = code(line);
            code.contains("axum::response") || code.contains("IntoResponse") || code.contains("axum::Json")
        },
    },
    Rule {
        says: "only models/src/llama names llama.cpp; the rest speaks to the Engine trait",
        looks_at: |path| is_product_rust(path) && !path.starts_with("models/src/llama"),
        breaks: |line| code(line).contains("llama_cpp_2") || code(line).contains("llama_cpp_sys_2"),
    },
    Rule {
        says: "grading is pure: no clock, no files, no network, no randomness; pass it in",
        looks_at: |path| path.starts_with("hub/grading/src/") && is_rust(path),
        breaks: |line| {
            [
                "std::fs",
                "std::net",
                "std::env",
                "std::time",
                "SystemTime",
                "Instant::",
                "tokio",
                "now()",
                "rand::",
            ]
            .iter()
            .any(|word| code(line).contains(word))
        },
    },
    Rule {
        says: "only the router and the start of the hub know the handlers of api/; others may name who asks (extract) and what is refused (problem)",
        looks_at: |path| {
            is_product_rust(path)
                && path.starts_with("hub/server/src/")
                && !path.starts_with("hub/server/src/api")
                && !["main.rs", "lib.rs", "hub.rs", "router.rs", "ui_files.rs"]
                    .iter()
                    .any(|file| path == format!("hub/server/src/{file}"))
        },
        breaks: |line| {
            let code = code(line);
            code.contains("crate::api")
                && !["crate::api::problem", "crate::api::extract"].iter().any(|word| code.contains(word))
        },
    },
    Rule {
        says: "a pupil's page is served over plain HTTP, where this is missing: use what works without a secure context",
        looks_at: |path| path.starts_with("ui/src/"),
        breaks: |line| {
            [
                "crypto.randomUUID",
                "crypto.subtle",
                "navigator.clipboard",
                "navigator.serviceWorker",
                "navigator.locks",
            ]
            .iter()
            .any(|word| code(line).contains(word))
        },
    },
    Rule {
        says: "@tauri-apps is imported in ui/src/shell only, so that a browser needs none of it",
        looks_at: |path| path.starts_with("ui/src/") && !path.starts_with("ui/src/shell/"),
        breaks: |line| code(line).contains("@tauri-apps"),
    },
    Rule {
        says: "this word promises work that nobody will find again: do it, or write down why not",
        looks_at: |path| is_written(path) && !is_this(path) && path != "STYLE.md",
        breaks: |line| ["TODO", "FIXME", "XXX", "HACK"].iter().any(|word| has_word(line, word)),
    },
    Rule {
        says: "a path of one machine: take it from the environment, the command line or the folder of the file",
        looks_at: |path| is_written(path) && !is_this(path),
        breaks: |line| ["work", "root", "farm", "home"].iter().any(|folder| has_path(line, folder)),
    },
    Rule {
        says: "no host of a package registry: name the package and let the user's own settings find it",
        looks_at: |path| path != "Cargo.lock" && !is_this(path),
        breaks: |line| REGISTRIES.iter().any(|host| line.contains(host)),
    },
];

const REGISTRIES: [&str; 6] = [
    "crates.io",
    "pypi.org",
    "pythonhosted.org",
    "registry.npmjs.org",
    "registry.yarnpkg.com",
    "deb.debian.org",
];

fn is_rust(path: &str) -> bool {
    path.ends_with(".rs")
}

/// Rust that is shipped: tests may look behind the wall.
fn is_product_rust(path: &str) -> bool {
    is_rust(path)
        && !path.contains("/tests/")
        && !path.starts_with("hub/testkit/")
        && !path.starts_with("xtask/")
}

/// The hub's database, and the file of a device's outbox.
fn is_store(path: &str) -> bool {
    ["hub/server/src/store", "hub/client/src/outbox/store"].iter().any(|store| path.starts_with(store))
}

/// Files that people write, as against generated ones.
fn is_written(path: &str) -> bool {
    let generated = ["Cargo.lock", "ui/package-lock.json", "ui/openapi.json", "ui/src/api/schema.ts"];
    !generated.contains(&path) && !path.starts_with("LICENSE")
}

/// These rules name what they look for.
fn is_this(path: &str) -> bool {
    path == "xtask/src/tidy/sources.rs"
}

/// The line without its comment.
fn code(line: &str) -> &str {
    let trimmed = line.trim_start();
    if trimmed.starts_with("//") || trimmed.starts_with('*') {
        ""
    } else {
        line.split(" // ").next().unwrap_or(line)
    }
}

fn is_sql(line: &str) -> bool {
    let code = code(line);
    let pairs = [("SELECT ", " FROM "), ("INSERT ", " INTO "), ("UPDATE ", " SET "), ("DELETE ", " FROM ")];
    let after = |first: &str, second: &str| {
        // The second word may share the blank with the first: `INSERT INTO`.
        code.find(first).is_some_and(|at| code[at + first.len() - 1..].contains(second))
    };
    code.contains("CREATE TABLE") || pairs.iter().any(|(first, second)| after(first, second))
}

fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let is_letter = |c: char| c.is_alphanumeric() || c == '_';
        !line[..at].ends_with(is_letter) && !line[at + word.len()..].starts_with(is_letter)
    })
}

/// An absolute path that starts with this folder: `/home/ana`, but neither `a/home/b` nor a route `/home`.
fn has_path(line: &str, folder: &str) -> bool {
    let path = format!("/{folder}/");
    line.match_indices(&path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "._-~$}/".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::super::source;
    use super::*;

    /// How many findings whose sentence holds `about` the one line has in that file.
    fn count(path: &str, line: &str, about: &str) -> usize {
        check(&source(path, line)).iter().filter(|finding| finding.rule.contains(about)).count()
    }

    #[test]
    fn sql_outside_the_store_is_found() {
        for bad in [
            r#"let q = "SELECT id FROM attempt";"#,
            r#"include_str!("../store/get.sql")"#,
            r#""INSERT INTO attempt VALUES (1)""#,
            r#""UPDATE pupil SET name = ?1""#,
            r#""DELETE FROM attempt""#,
        ] {
            assert_eq!(count("hub/server/src/answering.rs", bad, "SQL stands"), 1, "{bad}");
            assert_eq!(count("hub/server/src/store/attempts/mod.rs", bad, "SQL stands"), 0, "{bad}");
            assert_eq!(count("hub/client/src/outbox/store.rs", bad, "SQL stands"), 0, "{bad}");
            assert_eq!(count("hub/client/src/outbox/deliver.rs", bad, "SQL stands"), 1, "{bad}");
        }
        assert_eq!(count("hub/server/src/answering.rs", "// SELECT one FROM many in words", "SQL stands"), 0);
        assert_eq!(count("hub/server/src/answering.rs", "the teacher may UPDATE it", "SQL stands"), 0);
    }

    #[test]
    fn rusqlite_outside_the_store_is_found() {
        let line = "use rusqlite::Connection;";
        assert_eq!(count("hub/server/src/jobs/vacuum.rs", line, "names rusqlite"), 1);
        assert_eq!(count("hub/wire/src/ids.rs", line, "names rusqlite"), 0);
        assert_eq!(count("hub/client/src/outbox/machine.rs", line, "names rusqlite"), 1);
        assert_eq!(count("hub/server/src/store/mod.rs", line, "names rusqlite"), 0);
    }

    #[test]
    fn a_response_outside_the_api_is_found() {
        let line = "use axum::response::IntoResponse;";
        assert_eq!(count("hub/server/src/answering.rs", line, "axum's responses"), 1);
        assert_eq!(count("hub/server/src/api/answers.rs", line, "axum's responses"), 0);
    }

    #[test]
    fn llama_outside_its_file_is_found() {
        let line = "use llama_cpp_2::model::LlamaModel;";
        assert_eq!(count("models/src/scripted.rs", line, "names llama.cpp"), 1);
        assert_eq!(count("models/src/llama.rs", line, "names llama.cpp"), 0);
        assert_eq!(count("models/src/llama/batch.rs", line, "names llama.cpp"), 0);
    }

    #[test]
    fn a_clock_or_a_file_in_grading_is_found() {
        for bad in ["let now = Timestamp::now();", "std::fs::read(path)", "std::time::Instant::now()"] {
            assert_eq!(count("hub/grading/src/mastery.rs", bad, "grading is pure"), 1, "{bad}");
        }
        assert_eq!(count("hub/grading/src/mastery.rs", "fn fold(now: Timestamp) {}", "grading is pure"), 0);
    }

    #[test]
    fn a_call_upward_is_found() {
        assert_eq!(count("hub/server/src/answering.rs", "use crate::api::attempts;", "handlers of api/"), 1);
        assert_eq!(count("hub/server/src/lib.rs", "use crate::api;", "handlers of api/"), 0);
    }

    #[test]
    fn an_api_of_secure_contexts_is_found() {
        assert_eq!(count("ui/src/api/client.ts", "const id = crypto.randomUUID();", "secure context"), 1);
        assert_eq!(count("ui/src/api/client.ts", "crypto.getRandomValues(bytes);", "secure context"), 0);
    }

    #[test]
    fn tauri_outside_the_shell_is_found() {
        let line = "import { invoke } from '@tauri-apps/api/core';";
        assert_eq!(count("ui/src/screens/solve.svelte", line, "@tauri-apps"), 1);
        assert_eq!(count("ui/src/shell/tauri.ts", line, "@tauri-apps"), 0);
    }

    #[test]
    fn promises_are_found() {
        for bad in ["// TODO: later", "# FIXME", "<!-- XXX -->", "/* HACK */"] {
            assert_eq!(count("hub/server/src/main.rs", bad, "promises"), 1, "{bad}");
        }
        assert_eq!(count("hub/server/src/main.rs", "// TODOS and HACKS are other words", "promises"), 0);
    }

    #[test]
    fn paths_of_one_machine_are_found() {
        for bad in ["let p = \"/home/ana/x\";", "cd /root/here", "see /work/main"] {
            assert_eq!(count("docs/a.md", bad, "one machine"), 1, "{bad}");
        }
        for good in ["~/work/x", "$X/root/y", "hub/work/z", "GET /home", "/srv/school"] {
            assert_eq!(count("docs/a.md", good, "one machine"), 0, "{good}");
        }
    }

    #[test]
    fn hosts_of_registries_are_found() {
        let line = r#""resolved": "https://registry.npmjs.org/svelte/-/svelte-5.57.3.tgz""#;
        assert_eq!(count("ui/package-lock.json", line, "package registry"), 1);
        assert_eq!(count("Cargo.lock", "source = crates.io-index", "package registry"), 0);
    }

    #[test]
    fn a_finding_tells_its_line() {
        let findings = check(&source("hub/server/src/main.rs", "fn main() {}\n// TODO"));
        assert_eq!(findings.iter().map(|finding| finding.line).collect::<Vec<_>>(), [2]);
    }
}
