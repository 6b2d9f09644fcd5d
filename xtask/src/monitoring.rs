//! What watches a hub is tested with the programs that will do it: the alert rules by promtool, the example of the alert
//! manager by amtool, and every expression of the dashboard by a real Prometheus that scrapes the demo hub.

use crate::checkout::Checkout;
use crate::process;
use crate::running::{Running, answers, free_port, wait_for};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Figures that a fresh hub does not have: their panels stay empty until the first clean-up and notice, and until a backup
/// was read back from another disk than the hub's own.
const ABSENT_AT_FIRST: &[&str] =
    &["dreamseed_retention_last_run_seconds", "dreamseed_notices_open", "dreamseed_backup_verified_seconds"];
const DASHBOARD: &str = "grafana/dreamseed-hub.json";

pub fn check(checkout: &Checkout) -> Result<()> {
    let folder = checkout.root.join("installer/monitoring");
    let in_folder = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.current_dir(&folder).args(arguments);
        process::run(&mut command)
    };
    in_folder("promtool", &["check", "config", "prometheus.yml"])?;
    in_folder("promtool", &["test", "rules", "alerts.test.yml"])?;
    in_folder("amtool", &["check-config", "alertmanager.example.yml"])?;

    let alerts = fs::read_to_string(folder.join("alerts.yml"))?;
    compare_with_runbook(checkout, &alerts)?;
    let expressions = expressions_of(&folder.join(DASHBOARD))?;
    compare_with_metrics(checkout, &alerts, &expressions)?;
    run_expressions(checkout, &expressions)
}

/// Each alert has its section in the runbook, and each section its alert.
fn compare_with_runbook(checkout: &Checkout, alerts: &str) -> Result<()> {
    let runbook = fs::read_to_string(checkout.root.join("docs/runbook.md"))?;
    let named = |text: &str, before: &str| -> BTreeSet<String> {
        text.lines().filter_map(|line| line.trim().strip_prefix(before)).map(str::to_owned).collect()
    };
    let (rules, sections) = (named(alerts, "- alert: "), named(&runbook, "## "));
    let difference: Vec<_> = rules.symmetric_difference(&sections).collect();
    ensure!(
        difference.is_empty(),
        "alerts.yml and docs/runbook.md do not name the same alerts: {difference:?}"
    );
    ensure!(!rules.is_empty(), "alerts.yml has no alert");
    Ok(())
}

fn expressions_of(dashboard: &Path) -> Result<Vec<String>> {
    let dashboard: Value = serde_json::from_str(&fs::read_to_string(dashboard)?)?;
    let panels = dashboard["panels"].as_array().context("the dashboard has no panels")?;
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let expressions: Vec<_> =
        targets.filter_map(|target| target["expr"].as_str()).map(str::to_owned).collect();
    ensure!(!expressions.is_empty(), "the dashboard has no expressions");
    Ok(expressions)
}

/// Every figure that is watched is one the hub has.
fn compare_with_metrics(checkout: &Checkout, alerts: &str, expressions: &[String]) -> Result<()> {
    let known = fs::read_to_string(checkout.root.join("docs/metrics.md"))?;
    let asked = expressions.iter().map(String::as_str).chain([alerts]);
    for name in asked.flat_map(|text| text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')) {
        let base =
            ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        let is_figure = name.starts_with("dreamseed_") || name.starts_with("process_");
        ensure!(
            !is_figure || known.contains(&format!("`{base}`")) || known.contains(&format!("`{name}`")),
            "docs/metrics.md does not know {name}"
        );
    }
    Ok(())
}

fn run_expressions(checkout: &Checkout, expressions: &[String]) -> Result<()> {
    let work = checkout.target.join("monitoring");
    if work.exists() {
        fs::remove_dir_all(&work)?;
    }
    fs::create_dir_all(&work)?;
    let (hub_port, prometheus_port) = (free_port()?, free_port()?);
    let data = work.join("data");
    let mut hub = Command::new(checkout.hub());
    hub.args(["serve", "--demo", "--engine", "scripted", "--port", &hub_port.to_string(), "--data"])
        .arg(&data);
    let _hub = Running::start(&mut hub, &work.join("hub.log"))?;
    let accounts = data.join("demo-accounts.json");
    wait_for("the hub", || Ok(answers(&format!("http://127.0.0.1:{hub_port}/readyz"))))?;

    let config = work.join("prometheus.yml");
    let shipped = fs::read_to_string(checkout.root.join("installer/monitoring/prometheus.yml"))?;
    let here = shipped.replace("127.0.0.1:7420", &format!("127.0.0.1:{hub_port}")).replace("15s", "1s");
    ensure!(here != shipped, "prometheus.yml no longer names 127.0.0.1:7420 and 15s");
    fs::write(&config, here)?;
    fs::copy(checkout.root.join("installer/monitoring/alerts.yml"), work.join("alerts.yml"))?;
    let mut prometheus = Command::new("prometheus");
    prometheus
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.tsdb.path={}", work.join("tsdb").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{prometheus_port}"));
    let _prometheus = Running::start(&mut prometheus, &work.join("prometheus.log"))?;
    let server = format!("http://127.0.0.1:{prometheus_port}");
    wait_for("Prometheus", || Ok(!query(&server, r#"up{job="dreamseed-hub"} == 1"#)?.is_empty()))?;

    // Answers, sign-ins and help, so that there is something to see. Counters need two scrapes to have a rate.
    let mut walk = process::command(checkout.load());
    walk.args(["walk", "--url", &format!("http://127.0.0.1:{hub_port}"), "--accounts"]).arg(&accounts);
    process::run(&mut walk)?;
    back_up(&format!("http://127.0.0.1:{hub_port}/api/v1"), &accounts, &work.join("backups"))?;
    for expression in expressions {
        let may_be_absent = ABSENT_AT_FIRST.iter().any(|name| expression.contains(name));
        wait_for(expression, || Ok(!query(&server, expression)?.is_empty() || may_be_absent))?;
    }
    println!("{} expressions of the dashboard were answered", expressions.len());
    Ok(())
}

/// The admin names a place for backups and begins one.
fn back_up(api: &str, accounts: &Path, folder: &Path) -> Result<()> {
    fs::create_dir(folder)?;
    let accounts: Value = serde_json::from_slice(&fs::read(accounts)?)?;
    let post = |path: &str, token: Option<&str>, body: &Value| -> Result<Value> {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--fail-with-body", &format!("{api}{path}"), "-d", &body.to_string()]);
        curl.args(["-H", "Content-Type: application/json"]);
        if let Some(token) = token {
            curl.args(["-H", &format!("Authorization: Bearer {token}")]);
        }
        Ok(serde_json::from_slice(&process::output(&mut curl)?)?)
    };
    let admin = &accounts["admin"];
    let password = json!({
        "kind": "password", "login_name": admin["login_name"], "password": admin["password"],
    });
    let signed_in = post("/sessions", None, &password)?;
    let token = signed_in["access_token"].as_str().context("no access token")?;
    let place = json!({ "kind": "folder", "path": folder });
    post("/backup/targets", Some(token), &json!({ "name": "stick", "place": place }))?;
    post("/backup/run", Some(token), &json!({}))?;
    Ok(())
}

/// The lines of the answer, none if there is no such series.
fn query(server: &str, expression: &str) -> Result<Vec<String>> {
    let found = Command::new("promtool").args(["query", "instant", server, expression]).output()?;
    let said = String::from_utf8_lossy(&found.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&found.stderr);
    // Not listening yet is a matter of time; anything else is a matter of the expression.
    ensure!(
        found.status.success() || complaint.contains("connection refused") || complaint.contains("503"),
        "{expression}: {complaint}"
    );
    Ok(said.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect())
}
