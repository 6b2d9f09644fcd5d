//! What is well and what is not, in plain words, each line with one next step: for `dreamseed-hub doctor`, whether the hub
//! runs or not, and for the admin's page.
//!
//! Each check looks ([`machine`], the store, the engine) and then judges; judging is pure, so that every fault can be
//! shown to it.

mod backups;
mod files;
mod machine;
mod network;
mod record;
mod tutor;

use dreamseed_wire::{
    Language,
    house::{DoctorFinding, DoctorLevel, DoctorReport},
};
use jiff::Timestamp;

pub use files::{DiskSpace, disk_space};
pub use machine::Machine;

use crate::{
    audit_log, backup,
    config::Config,
    discovery,
    hub::Ctx,
    store::{self, StoreError, inspection},
};
use network::{Name, Port};
use tutor::EngineSeen;

/// The same in both languages of the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words<T = String> {
    pub ko: T,
    pub en: T,
}

/// One line, before it is put into the reader's language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub check: &'static str,
    pub level: DoctorLevel,
    pub text: Words,
    pub next_step: Option<Words>,
}

/// Looks at the hub that answers this request.
///
/// # Errors
/// The database does not answer at all.
pub async fn examine(ctx: &Ctx, machine: Machine) -> Result<Vec<Finding>, StoreError> {
    let now = ctx.clock.now();
    let mut inspected = ctx.store.read(|conn| Ok::<_, StoreError>(inspection::inspect(conn))).await?;
    if let Ok(seen) = &mut inspected {
        seen.audit_broken_at = seen.audit_broken_at.or(audit_log::broken_at(ctx));
    }
    let status = ctx.engine.status().borrow().clone();
    let seen = Seen {
        inspected: Some(inspected),
        port: Port::Answers,
        address_port: ctx.address.port(),
        name: match (ctx.discovery.is_wanted(), ctx.discovery.host_name()) {
            (false, _) => Name::Off,
            (true, Some(host)) => Name::Announced(host.to_string()),
            (true, None) => Name::NotAnnounced,
        },
        engine: EngineSeen::of(ctx.config.tutor.engine, status.phase, status.restarts),
        languages: ctx.school.get().languages(),
    };
    let config = ctx.config.clone();
    let judged = tokio::task::spawn_blocking(move || judge(&config, &machine, &seen, now)).await;
    judged.map_err(|_| StoreError::Closed)
}

/// Looks from the command line; a hub may be running on this data folder or not. Where there is no such folder that is all
/// there is to say.
pub async fn examine_from_outside(config: &Config, machine: Machine, now: Timestamp) -> Vec<Finding> {
    if let Some(missing) = files::find_missing_folder(&config.data) {
        return vec![missing];
    }
    let database = store::database_path(&config.data);
    let is_running = inspection::is_in_use(&database);
    let looked = {
        let (config, database) = (config.clone(), database.clone());
        tokio::task::spawn_blocking(move || {
            let inspected = database
                .exists()
                .then(|| inspection::open_for_reading(&database).and_then(|conn| inspection::inspect(&conn)));
            let port = match config.http.port {
                0 if is_running => Port::Silent,
                0 => Port::Free,
                _ => network::look_at_port(config.bind(), is_running),
            };
            let figures =
                (port == Port::Answers).then(|| network::get(config.http.port, "/metrics")).flatten();
            (inspected, port, figures)
        })
    };
    let (inspected, port, figures) = looked.await.unwrap_or((None, Port::Free, None));
    let figure = |name: &str| {
        let lines = figures.as_deref().unwrap_or_default().lines();
        lines.filter_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok()).next()
    };
    let engine = if is_running {
        engine_of_figures(config, figure("dreamseed_engine_ready "), figure("dreamseed_engine_restarts "))
    } else {
        tutor::try_engine(config).await
    };
    let is_wanted = config.http.lan && config.discovery.announce;
    let name = match (is_wanted, is_running, figure("dreamseed_mdns_announced ")) {
        (false, _, _) => Name::Off,
        (true, false, _) => Name::Stopped,
        (true, true, Some(1.0)) => Name::Announced("dreamseed….local".into()),
        (true, true, _) => Name::NotAnnounced,
    };
    let seen = Seen { inspected, port, address_port: config.http.port, name, engine, languages: Vec::new() };
    let config = config.clone();
    let judged = tokio::task::spawn_blocking(move || judge(&config, &machine, &seen, now)).await;
    judged.unwrap_or_default()
}

/// The report in one language.
pub fn report(findings: Vec<Finding>, language: Language, at: Timestamp) -> DoctorReport {
    let say = |words: Words| match language {
        Language::Ko => words.ko,
        Language::En => words.en,
    };
    let line = |finding: Finding| DoctorFinding {
        check: finding.check.to_owned(),
        level: finding.level,
        text: say(finding.text),
        next_step: finding.next_step.map(say),
    };
    DoctorReport { at, findings: findings.into_iter().map(line).collect() }
}

/// What was seen of the hub itself.
struct Seen {
    /// Absent if there is no database yet.
    inspected: Option<Result<inspection::Inspection, StoreError>>,
    port: Port,
    address_port: u16,
    name: Name,
    engine: EngineSeen,
    /// Of the classes; empty if not known.
    languages: Vec<Language>,
}

fn judge(config: &Config, machine: &Machine, seen: &Seen, now: Timestamp) -> Vec<Finding> {
    let database = store::database_path(&config.data);
    let inspected = seen.inspected.as_ref().and_then(|result| result.as_ref().ok());
    vec![
        files::check_folder(&config.data),
        files::check_keys(
            &config.data,
            seen.inspected.as_ref().map_or(Some(false), |seen| Some(seen.as_ref().ok()?.has_users)),
        ),
        files::check_disk(machine, config),
        files::check_memory(machine),
        record::check_clock(machine, now, inspected.map(|seen| seen.last_seen), &config.time_zone),
        record::judge_database(&config.data, seen.inspected.as_ref(), record::wal_bytes(&database)),
        record::judge_audit(seen.inspected.as_ref()),
        network::judge_port(seen.address_port, &seen.port),
        network::check_firewall(machine, config.http.lan, seen.address_port),
        network::judge_discovery(config.http.lan, &seen.name, &discovery::own_addresses()),
        tutor::check_model(config, &seen.languages),
        tutor::judge_engine(&seen.engine),
        certificates(),
        backups::judge_backups(
            backup::state::target_kinds(&config.data).as_deref(),
            inspected.map(|seen| &seen.backups),
            now,
        ),
    ]
}

/// A running hub shows its engine to the outside by two figures.
fn engine_of_figures(config: &Config, ready: Option<f64>, restarts: Option<f64>) -> EngineSeen {
    use crate::config::EngineChoice;
    let restarts = restarts.map_or(0, |count| count as u32);
    match (config.tutor.engine, ready) {
        (EngineChoice::None, _) => EngineSeen::Off,
        (_, Some(1.0)) => EngineSeen::Ready { restarts },
        (_, _) if restarts > 0 => EngineSeen::Crashed { restarts },
        (_, Some(_)) => EngineSeen::NoModel,
        (_, None) => EngineSeen::Starting,
    }
}

fn certificates() -> Finding {
    warn(
        "certificates",
        "이 버전에는 인증서(TLS)가 없습니다. 교실에서는 학생만 로그인할 수 있고, 교사와 학부모는 허브 컴퓨터에서 로그인합니다.",
        "This version has no certificate (TLS): from the classroom only pupils can sign in; staff and parents sign in on the hub's machine.",
        "교사 화면은 허브 컴퓨터에서 여세요.",
        "Open the teachers' pages on the hub's machine.",
    )
}

fn ok(check: &'static str, ko: impl Into<String>, en: impl Into<String>) -> Finding {
    Finding { check, level: DoctorLevel::Ok, text: Words { ko: ko.into(), en: en.into() }, next_step: None }
}

fn warn(
    check: &'static str,
    ko: impl Into<String>,
    en: impl Into<String>,
    next_ko: impl Into<String>,
    next_en: impl Into<String>,
) -> Finding {
    let next_step = Some(Words { ko: next_ko.into(), en: next_en.into() });
    Finding { next_step, level: DoctorLevel::Warn, ..ok(check, ko, en) }
}

fn fail(
    check: &'static str,
    ko: impl Into<String>,
    en: impl Into<String>,
    next_ko: impl Into<String>,
    next_en: impl Into<String>,
) -> Finding {
    Finding { level: DoctorLevel::Fail, ..warn(check, ko, en, next_ko, next_en) }
}
