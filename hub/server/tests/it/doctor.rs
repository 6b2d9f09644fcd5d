//! `dreamseed-hub doctor` and `/doctor`: each fault of a set-up has its line with one next step.

use std::{
    collections::BTreeMap,
    path::Path,
    process::{Command, Output},
};

use dreamseed_models::engine::EnginePhase;
use dreamseed_testkit::{HandEngine, TestHub, config_in, fraction_problem, minutes};
use dreamseed_wire::{
    Language,
    house::{DoctorFinding, DoctorLevel, DoctorReport},
};
use rusqlite::Connection;
use tempfile::TempDir;

const CHECKS: [&str; 14] = [
    "data",
    "keys",
    "disk",
    "memory",
    "clock",
    "database",
    "audit",
    "ports",
    "firewall",
    "discovery",
    "model",
    "engine",
    "certificates",
    "backups",
];

/// The report by check, and whether the command said that something fails.
struct Seen {
    lines: BTreeMap<String, DoctorFinding>,
    failed: bool,
}

impl Seen {
    fn level(&self, check: &str) -> DoctorLevel {
        self.lines[check].level
    }

    /// The line must be at fault and name a next step.
    fn must_fail(&self, check: &str, words: &str) {
        let line = &self.lines[check];
        assert_eq!(line.level, DoctorLevel::Fail, "{line:?}");
        assert!(line.text.contains(words), "{words} is not in {line:?}");
        assert!(line.next_step.as_ref().is_some_and(|next| !next.is_empty()), "{line:?}");
        assert!(self.failed, "the command must end with 1");
    }
}

fn run(data: &Path, settings: &[(&str, &str)], args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dreamseed-hub"));
    command.arg("doctor").args(args).arg("--data").arg(data);
    command.envs(settings.iter().map(|(name, value)| (format!("DREAMSEED_HUB_{name}"), *value)));
    command.output().expect("the hub's binary")
}

fn examine_with(data: &Path, settings: &[(&str, &str)]) -> Seen {
    let done = run(data, settings, &["--json", "--lang", "en"]);
    let report: DoctorReport = serde_json::from_slice(&done.stdout).unwrap_or_else(|err| {
        panic!("{err}: {} {}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr))
    });
    let lines = report.findings.into_iter().map(|line| (line.check.clone(), line)).collect();
    Seen { lines, failed: !done.status.success() }
}

fn examine(data: &Path) -> Seen {
    examine_with(data, &[("HTTP__PORT", "0")])
}

/// A school that has stopped, as a service manager leaves it.
async fn stopped_school() -> TestHub {
    let mut hub = TestHub::start().await;
    let given = hub.give(&[fraction_problem()]).await;
    let pupil = hub.pupil("남궁민지").await;
    pupil.submit_answer(&given.answer("2/5")).await.expect("kept");
    hub.stop().await;
    hub
}

fn change(hub: &TestHub, sql: &str) {
    let conn = Connection::open(hub.database()).expect("a database");
    conn.execute_batch(sql).expect("changed behind the hub's back");
    conn.close().expect("closed");
}

#[tokio::test]
async fn a_whole_school_has_no_fault_and_every_line_speaks_two_languages() {
    let hub = stopped_school().await;
    let seen = examine(hub.data());
    assert_eq!(seen.lines.keys().map(String::as_str).collect::<Vec<_>>(), {
        let mut checks = CHECKS;
        checks.sort_unstable();
        checks
    });
    let faults: Vec<_> = seen.lines.values().filter(|line| line.level == DoctorLevel::Fail).collect();
    assert!(faults.is_empty() && !seen.failed, "{faults:?}");
    for check in ["data", "database", "audit", "clock", "ports"] {
        assert_eq!(seen.level(check), DoctorLevel::Ok, "{:?}", seen.lines[check]);
    }
    assert_eq!(seen.level("backups"), DoctorLevel::Warn, "told plainly until there are some");

    let korean = run(hub.data(), &[("HTTP__PORT", "0")], &["--lang", "ko"]);
    let text = String::from_utf8(korean.stdout).expect("text");
    assert!(text.contains("데이터베이스가 온전합니다") && !text.contains("The database"), "{text}");
    let both = String::from_utf8(run(hub.data(), &[], &[]).stdout).expect("text");
    assert!(both.contains("감사 기록") && both.contains("The audit log"), "{both}");
    for secret in ["남궁", "김선생", "2/5"] {
        assert!(!both.contains(secret), "{secret}: {both}");
    }
}

#[tokio::test]
async fn where_no_folder_is_there_is_no_school_to_call_well() {
    let folder = TempDir::new().expect("a folder");
    let nowhere = folder.path().join("nowhere");
    for engine in ["none", "scripted", "llama"] {
        let seen = examine_with(&nowhere, &[("HTTP__PORT", "0"), ("TUTOR__ENGINE", engine)]);
        seen.must_fail("data", "no data of a hub here");
        assert_eq!(seen.lines.len(), 1, "{:?}", seen.lines);
        assert!(!nowhere.exists(), "the doctor makes nothing");
    }
    let both = String::from_utf8(run(&nowhere, &[], &[]).stdout).expect("text");
    assert!(both.contains("허브의 데이터가 없습니다") && both.contains("no data of a hub"), "{both}");
}

#[tokio::test]
async fn before_the_first_start_nothing_is_broken() {
    let folder = TempDir::new().expect("a folder");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).expect("set");
    }
    let seen = examine_with(folder.path(), &[("HTTP__PORT", "0"), ("TUTOR__ENGINE", "llama")]);
    assert!(!seen.failed, "{:?}", seen.lines);
    assert!(seen.lines["database"].text.contains("first start"));
    let made: Vec<_> = std::fs::read_dir(folder.path()).expect("a folder").collect();
    assert!(made.is_empty(), "the doctor makes nothing: {made:?}");
}

#[tokio::test]
async fn a_damaged_database_is_found() {
    let hub = stopped_school().await;
    let mut bytes = std::fs::read(hub.database()).expect("the file");
    let (from, to) = (bytes.len() / 3, bytes.len() / 3 * 2);
    bytes[from..to].fill(0xa5);
    std::fs::write(hub.database(), &bytes).expect("written");
    examine(hub.data()).must_fail("database", "damaged");

    bytes.fill(b'x');
    std::fs::write(hub.database(), &bytes).expect("written");
    examine(hub.data()).must_fail("database", "not a DreamSeed database");
}

#[tokio::test]
async fn a_changed_record_is_found() {
    let hub = stopped_school().await;
    change(&hub, "DROP TRIGGER audit_is_kept_as_written; UPDATE audit SET detail = 'x' WHERE seq = 2");
    examine(hub.data()).must_fail("audit", "row 2");
    change(&hub, "DROP TRIGGER attempts_are_kept_as_written; UPDATE attempts SET answer = answer || ' '");
    examine(hub.data()).must_fail("database", "does not fit its record");
}

#[tokio::test]
async fn a_lost_key_of_the_pins_is_found_before_the_next_start() {
    let hub = stopped_school().await;
    std::fs::remove_file(hub.data().join("keys/pepper.key")).expect("lost");
    let seen = examine(hub.data());
    seen.must_fail("keys", "keys/pepper.key");
    let next = seen.lines["keys"].next_step.as_deref().unwrap_or_default();
    assert!(next.contains("Restore") && next.contains("backup"), "{next}");
    assert!(!hub.data().join("keys/pepper.key").exists(), "the doctor makes nothing");
}

#[tokio::test]
async fn the_database_of_a_newer_hub_is_left_alone() {
    let hub = stopped_school().await;
    change(&hub, "PRAGMA user_version = 900");
    let seen = examine(hub.data());
    seen.must_fail("database", "newer hub");
    assert!(seen.lines["database"].next_step.as_ref().is_some_and(|next| next.contains("version")));
}

#[tokio::test]
async fn a_clock_that_was_set_back_is_found() {
    let hub = stopped_school().await;
    change(&hub, "UPDATE hub SET last_seen_at = 4000000000000");
    examine(hub.data()).must_fail("clock", "set back");
}

#[cfg(unix)]
#[tokio::test]
async fn a_folder_that_others_can_read_is_found() {
    use std::os::unix::fs::PermissionsExt;
    let hub = stopped_school().await;
    std::fs::set_permissions(hub.data(), std::fs::Permissions::from_mode(0o755)).expect("set");
    examine(hub.data()).must_fail("data", "Other users");
}

#[tokio::test]
async fn a_port_that_another_program_holds_is_found() {
    let hub = stopped_school().await;
    let other = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = other.local_addr().expect("its address").port().to_string();
    examine_with(hub.data(), &[("HTTP__PORT", &port)]).must_fail("ports", &port);
}

#[tokio::test]
async fn a_missing_model_is_found() {
    let hub = stopped_school().await;
    let seen = examine_with(hub.data(), &[("HTTP__PORT", "0"), ("TUTOR__ENGINE", "llama")]);
    assert_eq!((seen.level("model"), seen.level("engine")), (DoctorLevel::Warn, DoctorLevel::Warn));
    assert!(seen.lines["model"].next_step.as_ref().is_some_and(|next| next.contains("models fetch")));
    let seen = examine_with(hub.data(), &[("HTTP__PORT", "0"), ("TUTOR__ENGINE", "scripted")]);
    assert_eq!(seen.level("engine"), DoctorLevel::Ok, "it was started: {:?}", seen.lines["engine"]);
}

/// A disk of its own, so small that it is full.
#[tokio::test]
async fn a_full_disk_is_found() {
    let folder = TempDir::new().expect("a folder");
    let mount = |args: &[&str]| Command::new("mount").args(args).arg(folder.path()).output();
    let is_mounted =
        mount(&["-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs"]).is_ok_and(|done| done.status.success());
    #[expect(clippy::disallowed_methods, reason = "a wish of who runs the tests, not a setting of the hub")]
    let may_skip = std::env::var("DREAMSEED_NO_MOUNT").is_ok();
    assert!(
        is_mounted || may_skip,
        "this test mounts a disk: run it as root, or set DREAMSEED_NO_MOUNT to leave it out"
    );
    if !is_mounted {
        return;
    }
    let seen = examine(folder.path());
    let _ = Command::new("umount").arg("-l").arg(folder.path()).output();
    seen.must_fail("disk", "no new answer can be kept");
}

/// The same lines from the command line, beside a hub that runs and holds the folder.
#[tokio::test(flavor = "multi_thread")]
async fn a_running_hub_is_examined_without_disturbing_it() {
    let hub = TestHub::start().await;
    let port = hub.address().port().to_string();
    let data = hub.data().to_owned();
    let seen = tokio::task::spawn_blocking(move || examine_with(&data, &[("HTTP__PORT", &port)])).await;
    let seen = seen.expect("no panic");
    assert!(seen.lines["ports"].text.contains("answers"), "{:?}", seen.lines["ports"]);
    assert_eq!(seen.level("database"), DoctorLevel::Ok, "{:?}", seen.lines["database"]);
    hub.pupil("민지").await.me().await.expect("the hub goes on");

    let data = hub.data().to_owned();
    let other_port = tokio::task::spawn_blocking(move || examine_with(&data, &[("HTTP__PORT", "1")])).await;
    let line = &other_port.expect("no panic").lines["ports"];
    assert!(line.level == DoctorLevel::Warn && line.text.contains("does not answer"), "{line:?}");
}

#[tokio::test]
async fn the_admins_page_shows_the_same_lines() {
    let engine = HandEngine::new(&["ko", "en"]);
    let hub = TestHub::with_engine(engine.clone(), |config| {
        config.tutor.engine = dreamseed_hub::config::EngineChoice::Scripted;
    })
    .await;
    let admin = hub.admin().await;
    let report = admin.examine_hub(Language::En).await.expect("a report");
    assert_eq!(report.findings.iter().map(|line| line.check.as_str()).collect::<Vec<_>>(), CHECKS);
    for line in &report.findings {
        assert_eq!(line.next_step.is_none(), line.level == DoctorLevel::Ok, "{line:?}");
    }
    let korean = admin.examine_hub(Language::Ko).await.expect("a report");
    let is_korean = |text: &str| text.chars().any(|c| ('가'..='힣').contains(&c));
    for (ko, en) in korean.findings.iter().zip(&report.findings) {
        assert!(is_korean(&ko.text) && ko.next_step.as_deref().is_none_or(is_korean), "{ko:?}");
        assert!(!is_korean(&en.text) && !en.next_step.as_deref().is_some_and(is_korean), "{en:?}");
    }

    engine.set_phase(EnginePhase::Resting);
    hub.clock.set_back(minutes(60));
    let report = admin.examine_hub(Language::En).await.expect("a report");
    let level = |check: &str| report.findings.iter().find(|line| line.check == check).expect("a line").level;
    assert_eq!((level("engine"), level("clock")), (DoctorLevel::Fail, DoctorLevel::Fail));
}

#[tokio::test]
async fn how_to_reach_the_hub_is_shown_with_a_code_for_cameras() {
    let hub = TestHub::start().await;
    let address = hub.teacher().await.hub_address().await.expect("an address");
    let port = hub.address().port();
    assert!(!address.on_network && address.host_name.is_none());
    assert_eq!(address.urls, [format!("http://localhost:{port}/")]);
    assert!(address.qr_svg.starts_with("<svg ") && !address.qr_svg.contains("<script"), "{}", address.qr_svg);

    let hub = TestHub::with(|config| {
        config.http.lan = true;
        config.discovery.announce = false;
    })
    .await;
    let address = hub.teacher().await.hub_address().await.expect("an address");
    assert!(address.on_network && address.host_name.is_none());
    assert!(
        !address.urls.is_empty() && address.urls.iter().all(|url| url.starts_with("http://")),
        "{address:?}"
    );
}

/// Settings that name the sections stand in the file as they are documented.
#[test]
fn the_settings_of_the_house_are_read() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("hub.toml");
    let text = "[limits]\nper_minute = 200\nhelp_per_minute = 5\n[discovery]\nannounce = false\nloopback = true\n\
                [log]\nformat = 'json'\nlevel = 'warn'\nfiles = false\nmax_megabytes = 5\nkeep_days = 7\nkeep_files = 3\n";
    std::fs::write(&file, text).expect("written");
    let config = dreamseed_hub::config::Config::load(Some(&file), None, None).expect("settings");
    assert_eq!((config.limits.per_minute.get(), config.limits.help_per_minute.get()), (200, 5));
    assert!(!config.discovery.announce && config.discovery.loopback && !config.log.files);
    std::fs::write(&file, "[limits]\nper_minute = 0\n").expect("written");
    assert!(dreamseed_hub::config::Config::load(Some(&file), None, None).is_err(), "nobody could work");
    assert!(config_in(folder.path()).log.files);
}
