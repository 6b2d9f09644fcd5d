//! `dreamseed-hub backup`: what an administrator does at the console, also on a machine where nothing is but this program.
//!
//! Nothing here needs a hub. `now`, `list` and `check` only read the database and may be run beside one that works; `restore`
//! into a data folder takes its lock.

use std::{
    fs,
    io::{self, BufRead, IsTerminal, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use dreamseed_sync::ReadData;
use dreamseed_wire::{
    Language,
    backup::{AddBackupTarget, BackupPlace, BackupStep},
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use parking_lot::Mutex;

use super::{
    files, instance,
    job::{self, Event, Job, JobTarget},
    password::{self, Password},
    restore::{self, Destination, RestoreError, RestorePlan, RestoreStep, Restored, Which, placing},
    schedule,
    sheet::{self, Whose},
    targets::{self, Target, Targets},
    trouble,
};
use crate::{
    config::Config,
    store::{self, backup_targets, inspection, snapshots},
};

/// Between two lines of progress, where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// Characters of an id that are shown; enough to choose by.
const ID_SHOWN: usize = 10;
/// Of the data files of a repository, so much is read by a check that was not asked for everything.
const CHECKED_PERCENT: f64 = 5.0;

/// 백업 · Backups
#[derive(clap::Subcommand)]
pub enum BackupCommand {
    /// Back up now, to every target or to one, and read it back.
    Now {
        /// Name of the target.
        target: Option<String>,
    },
    /// The days of which there are backups.
    List {
        #[command(flatten)]
        place: Box<PlaceArgs>,
    },
    /// Check what lies at the targets, and read the newest backup back.
    Check {
        /// Name of the target; all unless given.
        target: Option<String>,
        /// Read every byte, not only 5 % of the packs.
        #[arg(long)]
        all: bool,
    },
    /// Restore: from the recovery sheet, from a folder or cloud, or from this machine's own targets.
    Restore(Box<RestoreArgs>),
    /// Places for backups.
    Target {
        #[command(subcommand)]
        command: TargetCommand,
    },
    /// Write the recovery sheet as PDF, or the text of its QR code for a store of passwords.
    Sheet {
        /// A new file, readable by this user only; the text if its name ends with `.txt`.
        file: PathBuf,
    },
}

/// What to do with targets.
#[derive(clap::Subcommand)]
pub enum TargetCommand {
    /// Add a place after it was tried.
    Add {
        #[command(subcommand)]
        place: Box<AddPlace>,
    },
    List,
    /// Forget a place; what lies there stays.
    Remove {
        name: String,
    },
}

/// Kinds of places.
#[derive(clap::Subcommand)]
pub enum AddPlace {
    /// A folder on a second disk, a USB stick or a NAS; it must be there.
    Folder { name: String, path: String },
    /// A bucket that speaks S3. Secrets may come from the environment instead of the command line.
    S3 {
        name: String,
        #[arg(long)]
        endpoint: String,
        #[arg(long)]
        region: String,
        #[arg(long)]
        bucket: String,
        #[arg(long, default_value = "")]
        prefix: String,
        #[arg(long)]
        key_id: String,
        #[arg(long, env = "DREAMSEED_S3_SECRET", hide_env_values = true)]
        secret: String,
        /// A key that may only read, for the recovery sheet.
        #[arg(long, requires = "read_secret")]
        read_key_id: Option<String>,
        #[arg(long, env = "DREAMSEED_S3_READ_SECRET", hide_env_values = true)]
        read_secret: Option<String>,
    },
}

/// From where.
#[derive(clap::Args, Default)]
pub struct PlaceArgs {
    /// File with the text of the recovery sheet's QR code.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["folder", "s3"])]
    sheet: Option<PathBuf>,
    /// Folder with backups.
    #[arg(long, value_name = "PATH", conflicts_with = "s3")]
    folder: Option<PathBuf>,
    /// Cloud with backups.
    #[arg(long, value_name = "ENDPOINT", requires = "bucket", requires = "region")]
    s3: Option<String>,
    #[arg(long)]
    region: Option<String>,
    #[arg(long)]
    bucket: Option<String>,
    #[arg(long, default_value = "")]
    prefix: String,
    /// For reading, also where the sheet does not hold one.
    #[arg(long)]
    key_id: Option<String>,
    #[arg(long, env = "DREAMSEED_S3_SECRET", hide_env_values = true)]
    secret: Option<String>,
    /// The twelve words; asked for if they are needed and not given.
    #[arg(long)]
    words: Option<String>,
    /// Only this target of the sheet or of this machine.
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
}

/// What, and where to.
#[derive(clap::Args)]
pub struct RestoreArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// The newest backup of this day, such as 2026-11-20; the newest of all unless given.
    #[arg(long, value_name = "DAY")]
    night: Option<Date>,
    /// A single backup, by the beginning of its id in `backup list`.
    #[arg(long, value_name = "ID", conflicts_with = "night")]
    snapshot: Option<String>,
    /// Only for looking: into this new folder, beside whatever works.
    #[arg(long, value_name = "FOLDER", conflicts_with = "replace")]
    look: Option<PathBuf>,
    /// Move a school that is in the data folder aside.
    #[arg(long)]
    replace: bool,
    /// Take the last restore back: what it moved aside takes its place again.
    #[arg(long, conflicts_with_all = ["night", "snapshot", "look", "sheet", "folder", "s3"])]
    undo: bool,
}

/// Runs a command; `now` is the clock's time.
///
/// # Errors
/// What went wrong, in Korean and English, with one next step.
pub fn run(config: &Config, command: BackupCommand, now: Timestamp) -> anyhow::Result<ExitCode> {
    let done = match command {
        BackupCommand::Now { target } => back_up(config, target.as_deref(), now),
        BackupCommand::List { place } => list(config, &place),
        BackupCommand::Check { target, all } => check(config, target.as_deref(), all, now),
        BackupCommand::Restore(args) => restore_by(config, &args, now),
        BackupCommand::Target { command } => manage_targets(config, command),
        BackupCommand::Sheet { file } => write_sheet(config, &file, now),
    };
    // Whoever ran this may be another user than the hub.
    for made in [files::folder(&config.data), config.data.join("instance")] {
        if let Err(err) = files::give_to_owner(&config.data, &made) {
            tracing::warn!(error = %err, "files of the backup could not be given to the hub's user");
        }
    }
    done
}

fn back_up(config: &Config, target: Option<&str>, now: Timestamp) -> anyhow::Result<ExitCode> {
    let wanted = JobTarget { back_up: true, read_back: true, ..JobTarget::default() };
    run_job(config, target, &wanted, now)
}

fn check(config: &Config, target: Option<&str>, all: bool, now: Timestamp) -> anyhow::Result<ExitCode> {
    let (password, targets) = own_targets(config, target)?;
    let mut is_fine = true;
    for target in &targets {
        let read = if all { ReadData::All } else { ReadData::Subset(CHECKED_PERCENT) };
        let checked = target.open(&password, &files::cache(&config.data)).and_then(|there| there.check(read));
        match checked {
            Ok(()) => say(&format!("✓ {}: {}", target.name, words_of_check(all)))?,
            Err(err) => {
                is_fine = false;
                say_trouble(&target.name, trouble::code_of(&err))?;
                tracing::warn!(target = target.name, error = %err, "the check of a repository failed");
            }
        }
    }
    let wanted = JobTarget { read_back: true, ..JobTarget::default() };
    let read = run_job(config, target, &wanted, now)?;
    Ok(if is_fine { read } else { ExitCode::FAILURE })
}

/// What was read, and is sound: a check that says more than it looked at would be trusted too much.
fn words_of_check(all: bool) -> String {
    if all {
        return "저장소를 전부 읽었고 온전합니다 · all of the repository was read and is sound".to_owned();
    }
    format!(
        "저장소의 목차 전부와 데이터 파일의 {CHECKED_PERCENT} %를 읽었고 온전합니다. 전부 읽으려면 --all을 붙이세요 · \
         all of the index and {CHECKED_PERCENT} % of the data files were read and are sound; add --all to read everything"
    )
}

/// Runs the job of a backup here, in this process: what it does to a working hub is reading.
fn run_job(
    config: &Config,
    target: Option<&str>,
    wanted: &JobTarget,
    now: Timestamp,
) -> anyhow::Result<ExitCode> {
    let (_, targets) = own_targets(config, target)?;
    let database = store::database_path(&config.data);
    let (rows, believed_at) = {
        let conn = inspection::open_for_reading(&database).with_context(|| no_hub(config))?;
        (backup_targets::list(&conn)?, backup_targets::clock(&conn)?.map(|clock| clock.believed_at))
    };
    let job = Job {
        data: config.data.clone(),
        scratch: schedule::scratch_folder(config).join("console"),
        config_file: config.file.clone(),
        instance_id: instance::read_or_make(&config.data)?,
        now,
        believed_at: believed_at.unwrap_or(now),
        upload_kib_per_s: config.backup.upload_kib_per_s,
        keep_days: config.backup.keep_days,
        at_least: config.backup.at_least,
        targets: targets
            .iter()
            .map(|target| JobTarget {
                name: target.name.clone(),
                repository_id: rows
                    .iter()
                    .find(|row| row.name == target.name)
                    .and_then(|row| row.repository_id.clone()),
                ..wanted.clone()
            })
            .collect(),
    };
    let teller = Teller::default();
    let is_fine = job::run(&job, &|event| drop(tell_event(&teller, event)));
    Ok(if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn tell_event(teller: &Teller, event: &Event) -> io::Result<()> {
    match event {
        Event::Progress(progress) => {
            let (ko, en) = match progress.step {
                BackupStep::Copying => ("사본을 만드는 중", "making the copy"),
                BackupStep::Verifying => ("확인하는 중", "checking"),
                BackupStep::Sending => ("보내는 중", "sending"),
                BackupStep::ReadingBack => ("다시 읽는 중", "reading back"),
                BackupStep::Tidying => ("오래된 것을 정리하는 중", "tidying"),
            };
            let at =
                if progress.target.is_empty() { String::new() } else { format!("{}: ", progress.target) };
            teller.tell(&format!("{at}{ko} · {en}"), Some((progress.done, progress.total)))
        }
        Event::Copied { answers, bytes, seconds, .. } => {
            teller.end()?;
            say(&format!("✓ 사본 copy: 답 answers {answers}, {} MB, {seconds:.1} s", megabytes(*bytes)))
        }
        Event::Target(outcome) => {
            teller.end()?;
            if let Some(sent) = &outcome.sent {
                say(&format!(
                    "✓ {}: 보냄 sent {} MB, {:.1} s",
                    outcome.name,
                    megabytes(sent.bytes),
                    sent.seconds
                ))?;
            }
            if let Some(read) = &outcome.read_back {
                say(&format!(
                    "✓ {}: 다시 읽어 확인함 read back and whole: 답 answers {}, {:.1} s",
                    outcome.name,
                    read.answers,
                    f64::from(read.milliseconds) / 1e3
                ))?;
                if !outcome.other_device {
                    say(&format!(
                        "! {}: 허브의 디스크에 있어서, 그 디스크가 고장 나면 함께 사라집니다 · on the hub's own disk: lost with it",
                        outcome.name
                    ))?;
                }
            }
            if let Some(code) = outcome.trouble {
                say_trouble(&outcome.name, code)?;
                tracing::warn!(
                    target = outcome.name,
                    cause = outcome.cause.as_deref().unwrap_or_default(),
                    "trouble with a target"
                );
            }
            Ok(())
        }
        Event::Failed { trouble, cause } => {
            teller.end()?;
            tracing::warn!(cause, "the backup failed");
            say_trouble("backup", *trouble)
        }
    }
}

fn list(config: &Config, place: &PlaceArgs) -> anyhow::Result<ExitCode> {
    let zone = zone_of(config);
    let mut is_any = false;
    let (password, targets) = sources(config, place)?;
    for target in readable(targets, place)? {
        let cache = cache_for(config);
        match restore::list_nights(&target, &password, &cache.0, &zone) {
            Ok(nights) => {
                is_any = true;
                say(&format!("{} · {}", target.name, place_of(&target)))?;
                for night in nights {
                    let time = night.newest.time.to_zoned(zone.clone()).strftime("%H:%M");
                    say(&format!(
                        "  {}  {time}  {:>6} MB  {:>3}×  {}",
                        night.day,
                        megabytes(night.newest.bytes),
                        night.snapshots,
                        night.newest.id.get(..ID_SHOWN).unwrap_or_default()
                    ))?;
                }
            }
            Err(err) => {
                say(&format!("{} · {}\n{err}", target.name, place_of(&target)))?;
                log_cause(&target, &err);
            }
        }
    }
    Ok(if is_any { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn restore_by(config: &Config, args: &RestoreArgs, now: Timestamp) -> anyhow::Result<ExitCode> {
    if args.undo {
        let teller = Teller::default();
        let undone = restore::undo(&config.data, now, &|step| drop(tell_step(&teller, step)));
        teller.end()?;
        let into = Destination::Data { folder: config.data.clone(), replace: true };
        return match undone {
            Ok(done) => tell_restored(config, &done, &into).map(|()| ExitCode::SUCCESS).map_err(Into::into),
            Err(err) => bail!("{err}"),
        };
    }
    let into = match &args.look {
        Some(folder) => Destination::Look(folder.clone()),
        None => Destination::Data { folder: config.data.clone(), replace: args.replace },
    };
    let which = match (&args.night, &args.snapshot) {
        (Some(day), _) => Which::Day(*day),
        (None, Some(id)) => Which::Snapshot(id.to_lowercase()),
        (None, None) => Which::Newest,
    };
    let (password, targets) = sources(config, &args.place)?;
    readable(targets.clone(), &args.place)?;
    let only = args.place.target.clone();
    let plan = RestorePlan { targets, password, only, which, into, zone: zone_of(config), now };
    let teller = Teller::default();
    let done = restore::restore(&plan, &|step| drop(tell_step(&teller, step)));
    teller.end()?;
    match done {
        Ok(done) => tell_restored(config, &done, &plan.into).map(|()| ExitCode::SUCCESS).map_err(Into::into),
        Err(err) => {
            tracing::warn!(cause = causes_of(&err), "nothing was restored");
            bail!("{err}");
        }
    }
}

fn tell_step(teller: &Teller, step: RestoreStep<'_>) -> io::Result<()> {
    match step {
        RestoreStep::PassedOver { target, err } => {
            teller.end()?;
            log_cause(target, err);
            say(&format!("{} · {}\n{err}\n", target.name, place_of(target)))
        }
        RestoreStep::Chosen(target) => {
            teller.end()?;
            say(&format!("{} · {}", target.name, place_of(target)))
        }
        RestoreStep::Opening => teller.tell("백업을 여는 중 · opening the backups", None),
        RestoreStep::Fetching { done, total } => teller.tell("가져오는 중 · fetching", Some((done, total))),
        RestoreStep::Checking => teller.tell("모든 답을 확인하는 중 · checking every answer", None),
        RestoreStep::GoingBack => teller.tell(
            "이 백업은 온전하지 않아 더 오래된 것을 씁니다 · this backup is not whole, an older one is taken",
            None,
        ),
        RestoreStep::Placing => teller.tell("제자리에 놓는 중 · putting in place", None),
    }
}

fn tell_restored(config: &Config, done: &Restored, into: &Destination) -> io::Result<()> {
    let at = |time: Timestamp| time.to_zoned(zone_of(config)).strftime("%Y-%m-%d %H:%M").to_string();
    say(&format!(
        "✓ 되살렸습니다 · restored: {} · {} · 답 answers {} · {:.1} s",
        done.school,
        at(done.taken_at),
        done.answers,
        done.seconds
    ))?;
    if done.passed_over > 0 {
        say(&format!(
            "! 더 새로운 백업 {0}개는 온전하지 않았습니다 · {0} newer backups were not whole",
            done.passed_over
        ))?;
    }
    if done.has_faults {
        say(
            "! 이 백업을 만들 때 기록의 일부가 손상되어 있었습니다. 허브를 켜면 그 값만 더 오래된 백업에서 되찾습니다.\n  Rows of this backup were damaged when it was made. Once it runs, the hub brings just those values back from an older one.",
        )?;
    }
    if let Some(time) = done.ledgers_at {
        say(&format!(
            "  삭제·동의·기기 취소는 {0}까지 · erasures, consents and revoked devices up to {0}",
            at(time)
        ))?;
    }
    if !done.ledgers_unseen.is_empty() {
        let names = done.ledgers_unseen.join(", ");
        say(&format!(
            "! 읽지 못한 저장 위치: {names}. 그곳에만 적힌 삭제·동의 철회·기기 취소는 다시 적용되지 않았습니다. 수업 전에 그곳을 연결하세요. 허브가 다음 백업 때 읽어 적용합니다."
        ))?;
        say(&format!(
            "! Targets that could not be read: {names}. Erasures, withdrawn consents and revoked devices that only they tell of have not been applied again. Connect them before a lesson: the hub reads them with its next backup and applies these."
        ))?;
    }
    if let Some(aside) = &done.aside {
        let aside = config.data.join(aside);
        say(&format!("  전에 있던 것 · what was there before: {}", aside.display()))?;
    }
    match into {
        Destination::Data { folder, .. } => {
            if done.has_settings {
                let file = folder.join(placing::SETTINGS);
                say(&format!(
                    "  잃은 컴퓨터의 설정은 {0}에 있습니다. 필요한 줄만 옮기세요. · The lost machine's settings are in {0}; take over what you need.",
                    file.display()
                ))?;
            }
            say("→ 허브를 켜세요 · start the hub: sudo systemctl start dreamseed-hub")?;
            say(
                "  모두 다시 로그인하고, 기기에 남은 답은 저절로 다시 옵니다. · Everybody signs in again; answers that devices still hold come back by themselves.",
            )
        }
        Destination::Look(folder) => say(&format!(
            "! 보기만 하는 사본입니다. 허브를 여기서 켜지 말고, 다 보았으면 지우세요: {0}\n! A copy for looking only. Start no hub on it, and remove it afterwards: {0}",
            folder.display()
        )),
    }
}

fn manage_targets(config: &Config, command: TargetCommand) -> anyhow::Result<ExitCode> {
    match command {
        TargetCommand::Add { place } => {
            let hub =
                inspection::hub_id(&store::database_path(&config.data)).with_context(|| no_hub(config))?;
            let target = targets::add(&config.data, hub, wanted(*place))?;
            say(&format!("✓ {} · {}", target.name, place_of(&target)))?;
            say(
                "→ 첫 백업을 만들고 복구 안내문을 인쇄하세요 · make the first backup and print the recovery sheet:",
            )?;
            say("  sudo -u dreamseed dreamseed-hub backup now")?;
        }
        TargetCommand::List => {
            for target in Targets::load(&config.data)?.list {
                say(&format!("{:<30}  {}", target.name, place_of(&target)))?;
            }
        }
        TargetCommand::Remove { name } => {
            if !targets::remove(&config.data, &name)? {
                bail!(
                    "저장 위치 '{name}'이(가) 없습니다. `backup target list`에서 이름을 확인하세요.\n\
                     There is no target '{name}'. See the names with `backup target list`."
                );
            }
            say(
                "✓ 지웠습니다. 그곳에 있는 백업은 그대로 있습니다. · Removed. The backups that lie there stay.",
            )?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn wanted(place: AddPlace) -> AddBackupTarget {
    match place {
        AddPlace::Folder { name, path } => AddBackupTarget {
            name,
            place: BackupPlace::Folder { path },
            access_key_id: None,
            secret_access_key: None,
            read_key_id: None,
            read_secret: None,
        },
        AddPlace::S3 { name, endpoint, region, bucket, prefix, key_id, secret, read_key_id, read_secret } => {
            AddBackupTarget {
                name,
                place: BackupPlace::S3 { endpoint, region, bucket, prefix },
                access_key_id: Some(key_id),
                secret_access_key: Some(secret),
                read_secret: read_key_id.as_ref().and(read_secret),
                read_key_id,
            }
        }
    }
}

fn write_sheet(config: &Config, file: &Path, now: Timestamp) -> anyhow::Result<ExitCode> {
    let database = store::database_path(&config.data);
    let (hub_id, school) = {
        let conn = inspection::open_for_reading(&database).with_context(|| no_hub(config))?;
        let (hub_id, school, ..) = snapshots::identity(&conn)?;
        (hub_id, school)
    };
    let whose = Whose { hub_id, school, zone: zone_of(config), now };
    let is_text = file.extension().is_some_and(|kind| kind == "txt");
    let printed = if is_text {
        sheet::code(&config.data, &whose).map(String::into_bytes)
    } else {
        sheet::print(&config.data, &whose)
    };
    let sheet = match printed {
        Err(sheet::SheetError::NoTargets) => bail!("{}", no_targets()),
        printed => printed?,
    };
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(file).and_then(|mut out| out.write_all(&sheet).and_then(|()| out.sync_all()));
    written.with_context(|| {
        format!(
            "{0}에 쓸 수 없습니다. 없는 파일 이름을 주세요.\n{0} cannot be written. Give the name of a new file.",
            file.display()
        )
    })?;
    tracing::warn!("the recovery sheet was written at the console");
    say(&format!("✓ {}", file.display()))?;
    if is_text {
        return say("→ 학교의 비밀번호 보관소에 옮기고 파일은 지우세요(shred -u). · Bring it into the school's store of passwords and remove the file (shred -u).")
            .map(|()| ExitCode::SUCCESS)
            .map_err(Into::into);
    }
    say(
        "→ 인쇄해서 금고에 넣고 파일은 지우세요(shred -u). · Print it, put it into a safe, and remove the file (shred -u).",
    )?;
    Ok(ExitCode::SUCCESS)
}

/// All places that are known, folders before clouds, and the password of all.
fn sources(config: &Config, place: &PlaceArgs) -> anyhow::Result<(Password, Vec<Target>)> {
    let (password, mut found) = if let Some(file) = &place.sheet {
        let text = fs::read(file).with_context(|| {
            format!(
                "{0}을(를) 읽을 수 없습니다. 파일의 경로와 권한을 확인하세요.\n{0} cannot be read. Check its path and who may read it.",
                file.display()
            )
        })?;
        let mut sheet = sheet::read(&String::from_utf8_lossy(&text))?;
        // A key that was typed is for the cloud whose key is not on the sheet.
        for target in sheet.targets.iter_mut().filter(|target| !target.is_folder()) {
            target.access_key_id = place.key_id.clone().or(target.access_key_id.take());
            target.secret_access_key = place.secret.clone().or(target.secret_access_key.take());
        }
        (sheet.password, sheet.targets)
    } else if let Some(target) = typed_target(place) {
        (ask_words(config, place)?, vec![target])
    } else {
        own_targets(config, None)?
    };
    found.sort_by_key(|target| !target.is_folder());
    Ok((password, found))
}

/// Those of the places from which backups may come: of the name that was given, and with a key if it is a cloud of the sheet.
fn readable(mut found: Vec<Target>, place: &PlaceArgs) -> anyhow::Result<Vec<Target>> {
    if let Some(name) = &place.target {
        let names: Vec<String> = found.iter().map(|target| target.name.clone()).collect();
        found.retain(|target| target.name == *name);
        if found.is_empty() && !names.is_empty() {
            let names = names.join(", ");
            bail!(
                "저장 위치 '{name}'이(가) 없습니다. 여기에 있는 이름: {names}. 그 가운데 하나를 --target으로 주세요.\n\
                 There is no target '{name}'. The names here: {names}. Give one of them with --target."
            );
        }
    }
    if place.sheet.is_some() {
        let has_key = |target: &Target| target.is_folder() || target.access_key_id.is_some();
        if !found.is_empty() && !found.iter().any(has_key) {
            bail!(
                "복구 안내문에 클라우드의 키가 없습니다. 저장소 회사의 화면에서 읽기 키를 만들어 --key-id와 --secret으로 주세요.\n\
                 The recovery sheet holds no key of the cloud. Make a key for reading on the storage provider's page and give it with --key-id and --secret."
            );
        }
        found.retain(has_key);
    }
    if found.is_empty() {
        bail!("{}", no_targets());
    }
    Ok(found)
}

fn typed_target(place: &PlaceArgs) -> Option<Target> {
    let target = |name: &str, place: BackupPlace, key: Option<String>, secret: Option<String>| Target {
        name: name.to_owned(),
        access_key_id: key,
        secret_access_key: secret,
        read_key_id: None,
        read_secret: None,
        place,
    };
    if let Some(folder) = &place.folder {
        // Whoever types a path means it from here.
        let path = std::path::absolute(folder).unwrap_or_else(|_| folder.clone());
        let path = BackupPlace::Folder { path: path.to_string_lossy().into_owned() };
        return Some(target("folder", path, None, None));
    }
    let endpoint = place.s3.clone()?;
    let bucket = BackupPlace::S3 {
        endpoint,
        region: place.region.clone().unwrap_or_default(),
        bucket: place.bucket.clone().unwrap_or_default(),
        prefix: place.prefix.trim_matches('/').to_owned(),
    };
    Some(target("s3", bucket, place.key_id.clone(), place.secret.clone()))
}

/// The words that were given, those of this machine, or those that somebody types now.
fn ask_words(config: &Config, place: &PlaceArgs) -> anyhow::Result<Password> {
    if let Some(words) = &place.words {
        return Ok(password::parse_words(words)?);
    }
    if let Some(own) = password::read(&config.data)? {
        return Ok(own);
    }
    let mut err = io::stderr().lock();
    let _ = writeln!(
        err,
        "복구 안내문의 낱말 열두 개를 적고 Enter: · The twelve words of the recovery sheet, then Enter:"
    );
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(password::parse_words(&line)?)
}

fn own_targets(config: &Config, name: Option<&str>) -> anyhow::Result<(Password, Vec<Target>)> {
    let mut targets = Targets::load(&config.data)?.list;
    if let Some(name) = name {
        targets.retain(|target| target.name == name);
        if targets.is_empty() {
            bail!(
                "저장 위치 '{name}'이(가) 없습니다. `backup target list`에서 이름을 확인하세요.\n\
                 There is no target '{name}'. See the names with `backup target list`."
            );
        }
    }
    match password::read(&config.data)? {
        Some(password) if !targets.is_empty() => Ok((password, targets)),
        Some(_) | None => bail!("{}", no_targets()),
    }
}

fn no_targets() -> &'static str {
    "저장 위치가 없습니다. `backup target add`로 추가하거나, 되살릴 때는 --sheet, --folder, --s3 가운데 하나를 주세요.\n\
     There is no target. Add one with `backup target add`; to restore, give --sheet, --folder or --s3."
}

fn no_hub(config: &Config) -> String {
    format!(
        "{0}에 이 허브의 데이터베이스가 없습니다. --config나 --data가 맞는지 확인하세요.\n\
         There is no database of this hub in {0}. Check --config or --data.",
        config.data.display()
    )
}

fn zone_of(config: &Config) -> TimeZone {
    TimeZone::get(&config.time_zone).unwrap_or(TimeZone::UTC)
}

fn place_of(target: &Target) -> String {
    match &target.place {
        BackupPlace::Folder { path } => path.clone(),
        BackupPlace::S3 { endpoint, bucket, prefix, .. } if prefix.is_empty() => {
            format!("{endpoint} {bucket}")
        }
        BackupPlace::S3 { endpoint, bucket, prefix, .. } => format!("{endpoint} {bucket}/{prefix}"),
    }
}

/// Of the data folder; on a machine without one, a folder that goes when this is dropped.
fn cache_for(config: &Config) -> Cache {
    if config.data.exists() {
        return Cache(files::cache(&config.data), false);
    }
    let name = format!("dreamseed-{}-{}", std::process::id(), uuid::Uuid::now_v7().simple());
    Cache(std::env::temp_dir().join(name), true)
}

struct Cache(PathBuf, bool);

impl Drop for Cache {
    fn drop(&mut self) {
        if self.1 {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

fn log_cause(target: &Target, err: &RestoreError) {
    let cause = causes_of(err);
    if !cause.is_empty() {
        tracing::warn!(target = target.name, cause, "nothing was restored from there");
    }
}

/// What lies behind an error, for the log.
fn causes_of(err: &RestoreError) -> String {
    let mut cause = std::error::Error::source(err);
    let mut text = String::new();
    while let Some(inner) = cause {
        text = if text.is_empty() { inner.to_string() } else { format!("{text}: {inner}") };
        cause = inner.source();
    }
    text
}

fn say_trouble(name: &str, code: dreamseed_wire::backup::BackupTroubleCode) -> io::Result<()> {
    for language in [Language::Ko, Language::En] {
        let (text, next) = trouble::describe(code, language);
        say(&format!("✗ {name}: {text}\n    → {next}"))?;
    }
    Ok(())
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1e6)
}

/// Steps with the time since the beginning: rewritten on a terminal, now and then a line elsewhere.
struct Teller {
    begun: Instant,
    last: Mutex<Option<(String, Instant)>>,
}

impl Default for Teller {
    fn default() -> Self {
        Teller { begun: Instant::now(), last: Mutex::new(None) }
    }
}

impl Teller {
    /// A step, with the bytes that are done of how many.
    fn tell(&self, step: &str, bytes: Option<(u64, Option<u64>)>) -> io::Result<()> {
        let mut last = self.last.lock();
        let is_new = last.as_ref().is_none_or(|(shown, _)| shown != step);
        let mut out = io::stdout().lock();
        let is_terminal = out.is_terminal();
        if !is_new && !is_terminal && last.as_ref().is_some_and(|(_, at)| at.elapsed() < LINE_EVERY) {
            return Ok(());
        }
        let amount = match bytes {
            Some((done, Some(total))) if total > 0 => {
                format!("  {:>3} %  {} / {} MB", done * 100 / total, megabytes(done), megabytes(total))
            }
            Some((done, _)) if done > 0 => format!("  {} MB", megabytes(done)),
            Some(_) | None => String::new(),
        };
        if is_terminal {
            if is_new && last.is_some() {
                writeln!(out)?;
            }
            write!(out, "\r  {:>6.1} s  {step}{amount}\x1b[K", self.begun.elapsed().as_secs_f64())?;
        } else {
            writeln!(out, "  {:>6.1} s  {step}{amount}", self.begun.elapsed().as_secs_f64())?;
        }
        *last = Some((step.to_owned(), Instant::now()));
        out.flush()
    }

    fn end(&self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if self.last.lock().take().is_some() && out.is_terminal() {
            writeln!(out)?;
        }
        Ok(())
    }
}

/// Prints for the person at the console.
fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
