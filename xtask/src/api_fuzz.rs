//! `./x fuzz-api`: schemathesis holds the hub to its own description, as each role: no fault of the hub, no reply that is
//! not as described, nothing taken that is described otherwise, nothing without the sign-in that it needs.
//!
//! Each role asks a demo hub of its own, since some of what it asks takes classes and accounts away. That comes in a
//! second pass, and what ends the own sign-in in the last ones. Real ids are told to schemathesis, or it would see
//! refusals only.

use crate::checkout::Checkout;
use crate::process;
use crate::running::{Running, answers, free_port, wait_for};
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

const VERSION: &str = "4.32.5";
/// The same cases every time, as far as ids allow it, which every demo school makes anew.
const SEED: &str = "20260302";
const EXAMPLES: &str = "16";
const SETTINGS: &str = "hub/server/tests/schemathesis";
/// The longest first: the two lanes end together.
const ROLES: [&str; 5] = ["admin", "teacher", "pupil", "parent", "stranger"];
const LANES: usize = 2;
/// Operations that take away what the others stand on.
const TAKING: [&str; 10] = [
    "apply_rollover",
    "archive_class",
    "archive_user",
    "end_user_sessions",
    "erase_pupil",
    "remove_backup_target",
    "reset_secret",
    "revoke_device",
    "revoke_my_session",
    "run_retention",
];
/// Operations after which the own access token is void, each in a pass of its own.
const LEAVING: [&str; 2] = ["close_session", "change_my_password"];
/// Of all operations, those that somebody must have got through to the end: else the run has seen refusals only.
const LEAST_DONE_PERCENT: usize = 75;
/// The base point of Ed25519: a valid public key of nobody.
const PUBLIC_KEY: &str = "WGZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmY";
const BACKUP_TARGET: &str = "first";
/// Values of one kind that are told to schemathesis.
const VALUES: usize = 16;

/// The check of `./x test`.
pub fn check(checkout: &Checkout) -> Result<()> {
    fuzz(checkout, &[])
}

/// `--examples N` sets the cases of one operation, `--role` takes one role only, `--hub` another hub than the release.
pub fn fuzz(checkout: &Checkout, words: &[&str]) -> Result<()> {
    let mut hub = checkout.hub();
    let mut examples = EXAMPLES;
    let mut roles = ROLES.to_vec();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let value = words.next().with_context(|| format!("{word} needs a value; see ./x help"))?;
        match *word {
            "--hub" => hub = PathBuf::from(value),
            "--examples" => examples = value,
            "--role" => roles.retain(|role| role == value),
            other => bail!("./x fuzz-api does not know {other}; see ./x help"),
        }
    }
    ensure!(!roles.is_empty(), "the roles are {}", ROLES.join(", "));
    let work = checkout.target.join("api-fuzz");
    if work.exists() {
        fs::remove_dir_all(&work)?;
    }
    fs::create_dir_all(&work)?;
    let description = work.join("openapi.json");
    fs::write(&description, process::output(process::command(&hub).arg("openapi"))?)?;
    let run =
        Run { program: program(checkout)?, settings: checkout.root.join(SETTINGS), hub, examples, work };
    let reports = in_lanes(&roles, |role| run.role(role, &description));

    let mut done = BTreeSet::new();
    let mut failed = Vec::new();
    for (role, report) in roles.iter().zip(reports) {
        match report {
            Ok(report) => {
                println!(
                    "{role:<9} {:>6} cases, {:>3} operations done, {} faults",
                    report.cases,
                    report.done.len(),
                    report.faults.len()
                );
                failed.extend(report.faults);
                done.extend(report.done);
            }
            Err(error) => failed.push(format!("{role}: {error:#}")),
        }
    }
    ensure!(failed.is_empty(), "{}", failed.join("\n\n"));
    if roles.len() == ROLES.len() {
        look_at_what_was_done(&description, &done)?;
    }
    Ok(())
}

/// A run that met refusals only has proved nothing.
fn look_at_what_was_done(description: &Path, done: &BTreeSet<String>) -> Result<()> {
    let description: Value = serde_json::from_slice(&fs::read(description)?)?;
    let paths = description["paths"].as_object().context("the description has no paths")?;
    let operations: Vec<String> = paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().into_iter().flatten().map(move |(method, _)| (path, method))
        })
        .map(|(path, method)| format!("{} {path}", method.to_uppercase()))
        .collect();
    let refused: Vec<&str> =
        operations.iter().filter(|name| !done.contains(*name)).map(String::as_str).collect();
    println!(
        "{} of {} operations were done; only refused: {}",
        operations.len() - refused.len(),
        operations.len(),
        refused.join(", ")
    );
    ensure!(
        (operations.len() - refused.len()) * 100 >= operations.len() * LEAST_DONE_PERCENT,
        "fewer than {LEAST_DONE_PERCENT} in 100 operations were ever done: tell schemathesis more in {SETTINGS}"
    );
    Ok(())
}

/// All roles, two at a time; the reports are in the order of the roles.
fn in_lanes(roles: &[&str], ask: impl Fn(&str) -> Result<Report> + Sync) -> Vec<Result<Report>> {
    let next = AtomicUsize::new(0);
    let lane = || {
        let mut reports = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(role) = roles.get(place) else { return reports };
            reports.push((place, ask(role)));
        }
    };
    let mut reports: Vec<(usize, Result<Report>)> = thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES).map(|_| scope.spawn(lane)).collect();
        lanes.into_iter().filter_map(|lane| lane.join().ok()).flatten().collect()
    });
    reports.sort_by_key(|(place, _)| *place);
    reports.into_iter().map(|(_, report)| report).collect()
}

/// What a role has seen.
struct Report {
    cases: usize,
    /// Operations with at least one reply of success.
    done: BTreeSet<String>,
    faults: Vec<String>,
}

struct Run<'a> {
    program: Program,
    settings: PathBuf,
    hub: PathBuf,
    examples: &'a str,
    work: PathBuf,
}

impl Run<'_> {
    fn role(&self, role: &str, description: &Path) -> Result<Report> {
        let folder = self.work.join(role);
        fs::create_dir_all(&folder)?;
        let port = free_port()?;
        let mut hub = Command::new(&self.hub);
        hub.args(["serve", "--demo", "--engine", "scripted", "--port", &port.to_string(), "--data"])
            .arg(folder.join("data"))
            // One sign-in for the whole run, which asks more than a class.
            .env("DREAMSEED_HUB_SIGN_IN__ACCESS_MINUTES", "600")
            .env("DREAMSEED_HUB_LIMITS__PER_MINUTE", "4000000000")
            .env("DREAMSEED_HUB_LIMITS__HELP_PER_MINUTE", "4000000000");
        let _hub = Running::start(&mut hub, &folder.join("hub.log"))?;
        let address = format!("http://127.0.0.1:{port}");
        wait_for("the hub", || Ok(answers(&format!("{address}/readyz"))))?;
        let accounts: Value = serde_json::from_slice(&fs::read(folder.join("data/demo-accounts.json"))?)?;

        let mut report = Report { cases: 0, done: BTreeSet::new(), faults: Vec::new() };
        for (pass, filter) in passes() {
            let school = Asker::sign_in(&address, role, &accounts)?;
            if pass == "most" {
                school.furnish(&folder)?;
            }
            let config = folder.join(format!("{pass}.toml"));
            fs::write(&config, self.config(&school, &accounts, &folder)?)?;
            let mut asking = self.program.command();
            asking.env("SCHEMATHESIS_HOOKS", self.settings.join("hooks.py"));
            asking.arg("--config-file").arg(&config).arg("run").arg(description).args(["--url", &address]);
            asking.args(["--seed", SEED, "--max-examples", self.examples, "--workers", "1"]).args(filter);
            let said = asking.current_dir(&folder).stdin(Stdio::null()).output()?;
            let text = String::from_utf8_lossy(&said.stdout).into_owned();
            fs::write(folder.join(format!("{pass}.txt")), &text)?;
            report.cases += cases(&text);
            if !said.status.success() {
                let complaint = String::from_utf8_lossy(&said.stderr);
                report.faults.push(format!("── {role}, {pass} ──\n{text}\n{complaint}"));
            }
        }
        let metrics = process::output(Command::new("curl").args(["-fsS", &format!("{address}/metrics")]))?;
        report.done = operations_of(&String::from_utf8_lossy(&metrics), "2xx");
        for operation in operations_of(&String::from_utf8_lossy(&metrics), "5xx") {
            report.faults.push(format!("{role}: {operation} was answered with a fault of the hub"));
        }
        Ok(report)
    }

    /// The settings of the checkout, and what only this hub knows: the token, and real ids for paths and bodies.
    fn config(&self, school: &Asker, accounts: &Value, folder: &Path) -> Result<String> {
        let text = fs::read_to_string(self.settings.join("schemathesis.toml"))?;
        let mut config: toml::Table = text.parse()?;
        if let Some(token) = &school.token {
            let bearer = json!({ "openapi": { "sign_in": { "bearer": token } } });
            config.insert("auth".into(), toml::Value::try_from(bearer)?);
        }
        let mut known = school.look_round()?;
        known.insert("password".into(), vec![password_of(&school.role, accounts)]);
        known.insert("place".into(), vec![place_of(folder, "second")?]);
        known.insert("public_key".into(), vec![PUBLIC_KEY.to_owned()]);
        for (table, entries) in [
            (
                "dictionaries",
                known.iter().map(|(name, values)| (name.clone(), json!({ "values": values }))).collect(),
            ),
            ("parameters", known.keys().flat_map(|name| bindings(name)).collect::<Vec<_>>()),
        ] {
            let into = config.entry(table).or_insert_with(|| toml::Table::new().into());
            let into = into.as_table_mut().with_context(|| format!("[{table}] is no table"))?;
            for (name, value) in entries {
                into.insert(name, toml::Value::try_from(value)?);
            }
        }
        Ok(toml::to_string(&config)?)
    }
}

/// The passes by name with what they ask for; each begins with a new sign-in.
fn passes() -> Vec<(&'static str, [String; 2])> {
    let (taking, leaving) = (TAKING.join("|"), LEAVING.join("|"));
    let only = |names: &str| ["--include-operation-id-regex".to_owned(), format!("^({names})$")];
    let most = ["--exclude-operation-id-regex".to_owned(), format!("^({taking}|{leaving})$")];
    let mut passes = vec![("most", most), ("taking", only(&taking))];
    passes.extend(LEAVING.map(|name| (name, only(name))));
    passes
}

/// Where a kind of value belongs: `class_id` in paths, and in bodies as `class_id` and in `class_ids`.
fn bindings(name: &str) -> Vec<(String, Value)> {
    let mostly = |place: &str| (place.to_owned(), json!({ "dictionary": name, "probability": 0.85 }));
    match name {
        "user_id" => {
            ["path.user_id", "body.pupil_id", "body.pupil_ids[*]", "body.children[*]", "query.subject"]
                .map(mostly)
                .to_vec()
        }
        "place" => vec![mostly("body.place.path")],
        "password" => vec![mostly("body.current"), mostly("body.password")],
        "skill" => vec![mostly("query.skill"), mostly("body.skill"), mostly("body.draft.skill")],
        other => [format!("path.{other}"), format!("body.{other}"), format!("body.{other}s[*]")]
            .iter()
            .map(|place| mostly(place))
            .collect(),
    }
}

/// Somebody who is signed in, or a stranger.
struct Asker {
    address: String,
    role: String,
    token: Option<String>,
    /// The own account, which must not be taken away.
    me: Option<String>,
    /// Other sign-ins of the same account.
    sessions: Vec<String>,
}

impl Asker {
    fn sign_in(address: &str, role: &str, accounts: &Value) -> Result<Self> {
        let class = &accounts["classes"][0];
        let pupil = &class["pupils"][0];
        let with_password = |account: &Value| {
            let name = account["login_name"].as_str().unwrap_or_default().to_owned();
            json!({ "kind": "password", "login_name": name, "password": password_of(role, accounts) })
        };
        let body = match role {
            "admin" => with_password(&accounts["admin"]),
            "teacher" => with_password(&accounts["teachers"][0]),
            "parent" => with_password(&accounts["parents"][0]),
            "pupil" => json!({
                "kind": "pupil", "class_code": class["class_code"], "pupil_id": pupil["pupil_id"], "pin": pupil["pin"],
            }),
            _ => Value::Null,
        };
        let mut asker = Asker {
            address: address.to_owned(),
            role: role.to_owned(),
            token: None,
            me: None,
            sessions: vec![],
        };
        for _ in 0..if body.is_null() { 0 } else { 3 } {
            let signed_in = asker.ask("/sessions", Some(&body))?;
            asker.sessions.extend(signed_in["me"]["session_id"].as_str().map(str::to_owned));
            asker.me = signed_in["me"]["user_id"].as_str().map(str::to_owned);
            asker.token = signed_in["access_token"].as_str().map(str::to_owned);
        }
        asker.sessions.pop();
        Ok(asker)
    }

    fn ask(&self, path: &str, body: Option<&Value>) -> Result<Value> {
        let mut curl = Command::new("curl");
        curl.args(["-sS", &format!("{}/api/v1{path}", self.address)]);
        if let Some(token) = &self.token {
            curl.args(["-H", &format!("Authorization: Bearer {token}")]);
        }
        if let Some(body) = body {
            curl.args(["-H", "Content-Type: application/json", "-d", &body.to_string()]);
        }
        Ok(serde_json::from_slice(&process::output(&mut curl)?)?)
    }

    /// What a demo school does not have: a device, and for the admin a place for backups.
    fn furnish(&self, folder: &Path) -> Result<()> {
        if self.role == "pupil" {
            self.ask("/devices", Some(&json!({ "name": "3번 태블릿", "public_key": PUBLIC_KEY })))?;
        }
        if self.role == "admin" {
            let place = json!({ "kind": "folder", "path": place_of(folder, "first")? });
            self.ask("/backup/targets", Some(&json!({ "name": BACKUP_TARGET, "place": place })))?;
        }
        Ok(())
    }

    /// Ids by the names of their fields, from the pages that a person opens first; a refusal holds none.
    fn look_round(&self) -> Result<BTreeMap<String, Vec<String>>> {
        let mut known = BTreeMap::new();
        if self.token.is_none() {
            return Ok(known);
        }
        let attempts = (0..VALUES).map(|n| format!("01990000-0000-7000-8000-{n:012x}"));
        known.insert("attempt_id".to_owned(), attempts.collect());
        for path in ["/staff", "/classes", "/children", "/me/problems", "/problems", "/notices", "/devices"] {
            collect(&self.ask(path, None)?, &mut known);
        }
        for class in known.get("class_id").cloned().unwrap_or_default().iter().take(2) {
            let class = format!("/classes/{class}");
            let detail = self.ask(&class, None)?;
            collect(&detail, &mut known);
            for pupil in detail["pupils_list"].as_array().into_iter().flatten().take(3) {
                let pupil = pupil["pupil_id"].as_str().unwrap_or_default();
                collect(&self.ask(&format!("{class}/pupils/{pupil}"), None)?, &mut known);
            }
        }
        for problem in known.get("problem_id").cloned().unwrap_or_default().iter().take(3) {
            collect(&self.ask(&format!("/problems/{problem}"), None)?, &mut known);
        }
        if self.role == "admin" {
            known.insert("target".into(), vec![BACKUP_TARGET.to_owned()]);
        }
        known.insert("session_id".into(), self.sessions.clone());
        if let (Some(me), Some(users)) = (&self.me, known.get_mut("user_id")) {
            users.retain(|user| user != me);
        }
        known.retain(|_, values| !values.is_empty());
        Ok(known)
    }
}

fn collect(value: &Value, known: &mut BTreeMap<String, Vec<String>>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let name = match name.as_str() {
                    "pupil_id" => "user_id",
                    "change_id" => "roster_change_id",
                    other => other,
                };
                match field.as_str() {
                    Some(text) if name == "skill" || name.ends_with("_id") => {
                        let values = known.entry(name.to_owned()).or_default();
                        let is_new = !values.iter().any(|value| value == text);
                        // The attempts that a pupil makes stand there already.
                        if is_new && values.len() < if name == "attempt_id" { 2 * VALUES } else { VALUES } {
                            values.push(text.to_owned());
                        }
                    }
                    _ => collect(field, known),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, known)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// An empty folder for backups.
fn place_of(folder: &Path, name: &str) -> Result<String> {
    let place = folder.join("backups").join(name);
    fs::create_dir_all(&place)?;
    Ok(place.display().to_string())
}

fn password_of(role: &str, accounts: &Value) -> String {
    let secret = match role {
        "teacher" => &accounts["teachers"][0]["password"],
        "parent" => &accounts["parents"][0]["password"],
        "pupil" => &accounts["classes"][0]["pupils"][0]["pin"],
        _ => &accounts["admin"]["password"],
    };
    secret.as_str().unwrap_or_default().to_owned()
}

/// Of the line `  8016 generated, 8016 passed`.
fn cases(text: &str) -> usize {
    let line = text.lines().find(|line| line.contains(" generated, ")).unwrap_or_default();
    line.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or_default()
}

/// The operations that had a reply of that class, such as `2xx`.
fn operations_of(metrics: &str, class: &str) -> BTreeSet<String> {
    let lines = metrics.lines().filter(|line| line.starts_with("dreamseed_http_requests_total{"));
    lines
        .filter(|line| label(line, "status") == Some(class))
        .filter_map(|line| Some(format!("{} {}", label(line, "method")?, label(line, "route")?)))
        .filter(|operation| operation.contains(" /api/"))
        .collect()
}

fn label<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.split_once(&format!("{name}=\""))?.1.split_once('"').map(|(value, _)| value)
}

/// schemathesis, installed once into the cache.
struct Program {
    home: PathBuf,
}

impl Program {
    fn command(&self) -> Command {
        let mut command = Command::new("python3");
        command.env("PYTHONPATH", &self.home).env("PYTHONDONTWRITEBYTECODE", "1");
        command.args(["-m", "schemathesis.cli"]);
        command
    }
}

fn program(checkout: &Checkout) -> Result<Program> {
    let home = checkout.cache.join("tools").join(format!("schemathesis-{VERSION}"));
    if !home.join("schemathesis").is_dir() {
        let mut install = Command::new("python3");
        install.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-input",
            "--root-user-action=ignore",
            "--target",
        ]);
        install.arg(&home).arg(format!("schemathesis=={VERSION}"));
        process::run(&mut install)?;
    }
    Ok(Program { home })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_under_the_names_of_their_parameters() {
        let mut known = BTreeMap::new();
        let page = json!({ "lessons": [{ "lesson_id": "a", "title": "b" }], "pupil": { "pupil_id": "c" } });
        collect(&page, &mut known);
        collect(&page, &mut known);
        assert_eq!(known["lesson_id"], ["a"]);
        assert_eq!(known["user_id"], ["c"]);
        assert!(bindings("lesson_id").iter().any(|(place, _)| place == "body.lesson_ids[*]"));
    }

    #[test]
    fn what_was_done_is_read_from_the_metrics() {
        let metrics = "# HELP x\ndreamseed_http_requests_total{route=\"/api/v1/me\",method=\"GET\",status=\"2xx\"} 3\n\
                       dreamseed_http_requests_total{route=\"/livez\",method=\"GET\",status=\"2xx\"} 3\n";
        assert_eq!(operations_of(metrics, "2xx"), BTreeSet::from(["GET /api/v1/me".to_owned()]));
        assert!(operations_of(metrics, "5xx").is_empty());
        assert_eq!(cases("Test cases:\n  8016 generated, 8016 passed\n"), 8016);
    }
}
