//! `dreamseed-hub`: serves the school, runs the engine child, looks after models and demo data.

use std::{
    io::{IsTerminal, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context;
use clap::{Parser, Subcommand};
use dreamseed_hub::{
    auth::setup::NO_ADMIN_ON_CONSOLE,
    backup::{self, console::BackupCommand},
    clock::{Clock, SystemClock},
    config::{self, Config, EngineChoice},
    demo,
    doctor::{self, Machine},
    hub::Hub,
    key_rotation::{self, Rotated},
    logging, router, store, tutor_model,
};
use dreamseed_models::{child, cli as model_cli, store::Progress};
use dreamseed_wire::{
    Language,
    house::{DoctorLevel, DoctorReport},
};

/// Of commands that do not serve, and of the engine's process.
const CONSOLE_LEVEL: &str = "info,llama-cpp-2=warn";

/// 드림시드 허브 · The DreamSeed hub
#[derive(Parser)]
#[command(name = "dreamseed-hub", version)]
struct Args {
    /// Settings file (TOML); /etc/dreamseed/hub.toml unless this or --data is given, if it is there.
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    /// Folder of database and keys; that of the settings file, or ~/.local/share/dreamseed, unless given.
    #[arg(long, global = true)]
    data: Option<PathBuf>,
    /// Folder of models; `models` in the data folder unless given.
    #[arg(long, global = true)]
    models: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the school.
    Serve(Serve),
    /// Make a demo school in an empty data folder.
    Demo {
        #[arg(long, default_value_t = 60)]
        pupils: usize,
        /// Past answers of the first class, for benches of reports.
        #[arg(long, default_value_t = 0)]
        answers: usize,
    },
    /// Print access tokens of pupils as JSON lines, for load runs.
    Tokens {
        #[arg(long)]
        count: usize,
    },
    /// Print the number of the database's schema, with its log folded in; no hub may run.
    Schema,
    /// Print the description of the interface.
    Openapi,
    /// List, fetch or add models.
    Models {
        #[command(subcommand)]
        command: ModelsCommand,
    },
    /// Check the settings, or show them.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Make new keys after a leak, with the hub stopped.
    Keys {
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// A first password for a member of the staff who is locked out, with the hub stopped.
    Password { login_name: String },
    /// Say what is well and what is not, each with one next step; the hub may run or not. Ends with 1 if anything fails.
    Doctor {
        /// The report as JSON.
        #[arg(long)]
        json: bool,
        /// Language of the report; both unless given.
        #[arg(long, value_enum)]
        lang: Option<LangFlag>,
    },
    /// Back up, restore, and look after the places for backups; the hub may run or not.
    Backup {
        #[command(subcommand)]
        command: BackupCommand,
    },
    /// The engine's own process; started by the hub.
    #[command(hide = true)]
    Engine {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<std::ffi::OsString>,
    },
    /// The backup's own process; started by the hub.
    #[command(hide = true)]
    BackupJob,
}

#[derive(clap::Args)]
struct Serve {
    /// 0 takes a free one.
    #[arg(long)]
    port: Option<u16>,
    /// Listen on the school's network too; pupils only, until there is TLS.
    #[arg(long)]
    lan: bool,
    /// On the first start make a demo school, and show its accounts.
    #[arg(long)]
    demo: bool,
    /// What writes the help.
    #[arg(long, value_enum)]
    engine: Option<EngineFlag>,
    /// Authored hints only.
    #[arg(long, conflicts_with = "engine")]
    no_engine: bool,
    /// Which installed model; the first verified one unless given.
    #[arg(long, value_name = "ID")]
    model: Option<String>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum EngineFlag {
    Llama,
    Scripted,
    None,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum LangFlag {
    Ko,
    En,
}

#[derive(Subcommand)]
enum ModelsCommand {
    /// The catalogue and what is installed.
    List {
        #[arg(long)]
        json: bool,
    },
    /// Name the Korean-speaking model for a graphics card, and how to get it.
    Recommend {
        /// Memory of the card in GB (10^9 bytes).
        #[arg(long, value_name = "GB")]
        vram: f64,
    },
    /// Fetch a model of the catalogue; the starter model if none is named.
    Fetch { id: Option<String> },
    /// Add a model from a file, usually from a USB stick.
    Add {
        file: PathBuf,
        /// Languages it may speak to pupils, such as `ko,en`, if the catalogue does not know the file; what the file
        /// itself says unless given.
        #[arg(long, value_delimiter = ',')]
        languages: Vec<String>,
    },
}

#[derive(Subcommand)]
enum KeysCommand {
    /// Replace keys.
    Rotate { what: RotatedFlag },
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum RotatedFlag {
    /// Everyone signs in again.
    SignIn,
    /// A new token for the metrics collector.
    Metrics,
    /// No PIN and no password is right any more; admins get first passwords.
    Secrets,
}

#[derive(Subcommand)]
enum ConfigCommand {
    Check,
    Show,
}

fn main() -> ExitCode {
    let args = Args::parse();
    // The engine child writes frames to stdout: nothing of the hub's may run in it.
    if let Command::Engine { rest } = args.command {
        logging::start_console(CONSOLE_LEVEL);
        return match child::ChildArgs::from_args(rest) {
            Ok(args) => child::run_engine_child(args),
            Err(err) => {
                tracing::error!(error = %err, "the engine was started with wrong arguments");
                ExitCode::from(2)
            }
        };
    }
    // Nor in the backup's, whose standard output is for the hub.
    if matches!(args.command, Command::BackupJob) {
        logging::start_console(CONSOLE_LEVEL);
        logging::log_panics_of_backup();
        return backup::job::run_child();
    }
    match run(args) {
        Ok(code) => code,
        Err(err) => {
            let mut stderr = std::io::stderr().lock();
            let _ = writeln!(stderr, "{err:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(args: Args) -> anyhow::Result<ExitCode> {
    // Needs no settings, so that those of a packaged hub do not stand in its way on a developer's machine.
    if matches!(args.command, Command::Openapi) {
        say(&router::openapi().to_pretty_json()?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let file = config::find_file(args.config, args.data.as_deref(), Path::new(config::PACKAGED_SETTINGS))
        .map_err(|err| anyhow::anyhow!("{err}"))?;
    let config =
        Config::load(file.as_deref(), args.data, args.models).map_err(|err| anyhow::anyhow!("{err}"))?;
    if !matches!(args.command, Command::Serve(_)) {
        logging::start_console(CONSOLE_LEVEL);
    }
    match args.command {
        Command::Serve(flags) => serve(config, flags).await,
        Command::Doctor { json, lang } => examine(&config, json, lang).await,
        Command::Demo { pupils, answers } => {
            let clock: Arc<dyn Clock> = Arc::new(SystemClock);
            demo::build_with_history(&config, clock.now(), pupils, answers).await?;
            say(&format!("demo school: {}", config.data.join(demo::ACCOUNTS_FILE).display()))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Tokens { count } => {
            let clock: Arc<dyn Clock> = Arc::new(SystemClock);
            demo::print_tokens(&config, clock.now(), count, &mut std::io::stdout().lock()).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Schema => {
            let path = store::database_path(&config.data);
            say(&store::fold_and_read_schema(&path)?.to_string())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Keys { command: KeysCommand::Rotate { what } } => {
            let what = match what {
                RotatedFlag::SignIn => Rotated::SignIn,
                RotatedFlag::Metrics => Rotated::Metrics,
                RotatedFlag::Secrets => Rotated::Secrets,
            };
            let clock: Arc<dyn Clock> = Arc::new(SystemClock);
            for first in key_rotation::rotate(&config, what, clock.now()).await? {
                say(&format!("{}: {}", first.login_name, first.password))?;
            }
            say("새 열쇠를 만들었습니다. 허브를 다시 켜세요. · The keys are new. Start the hub again.")?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Password { login_name } => {
            let clock: Arc<dyn Clock> = Arc::new(SystemClock);
            let first = key_rotation::reset_password(&config, &login_name, clock.now()).await?;
            say(&format!("{}: {}", first.login_name, first.password))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Backup { command } => {
            // In a thread of its own: what speaks to targets blocks.
            let now = SystemClock.now();
            logging::hide_panics_of_command();
            let done = std::thread::spawn(move || backup::console::run(&config, command, now)).join();
            done.unwrap_or_else(|_| {
                anyhow::bail!(
                    "프로그램의 잘못으로 끝까지 하지 못했습니다. 허브의 데이터는 그대로입니다. DREAMSEED_LOG=debug를 앞에 붙여 다시 실행하고, \
                     나온 글을 지원 담당자에게 보여 주세요. · It did not get to its end through a fault of the program. Run it \
                     again with DREAMSEED_LOG=debug before it and show what it prints to whoever supports you."
                )
            })
        }
        Command::Models { command } => tokio::task::block_in_place(|| manage_models(&config, command)),
        Command::Config { command } => {
            if matches!(command, ConfigCommand::Show) {
                say(&toml::to_string_pretty(&config)?)?;
            } else {
                say("설정에 문제가 없어요. · The settings are fine.")?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Engine { .. } | Command::BackupJob | Command::Openapi => Ok(ExitCode::from(2)),
    }
}

async fn serve(mut config: Config, flags: Serve) -> anyhow::Result<ExitCode> {
    if let Some(port) = flags.port {
        config.http.port = port;
    }
    config.http.lan |= flags.lan;
    if let Some(engine) = flags.engine {
        config.tutor.engine = match engine {
            EngineFlag::Llama => EngineChoice::Llama,
            EngineFlag::Scripted => EngineChoice::Scripted,
            EngineFlag::None => EngineChoice::None,
        };
    }
    if flags.no_engine {
        config.tutor.engine = EngineChoice::None;
    }
    if flags.model.is_some() {
        config.tutor.model = flags.model;
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let _log = logging::start(&config, Arc::clone(&clock)).with_context(|| {
        format!(
            "로그 폴더 {0}을(를) 쓸 수 없어요. 권한과 디스크를 확인하세요.\nThe folder of logs {0} cannot be used. Check its permissions and the disk.",
            config.data.join(logging::FOLDER).display()
        )
    })?;
    if flags.demo {
        refuse_real_school(&config)?;
        if !demo::exists(&config) {
            say("데모 학교를 만들고 있어요 … · Making the demo school …")?;
            demo::build(&config, clock.now(), demo::PUPILS).await?;
        }
        // Once the hub listens it is too late to find that there is nothing to show.
        demo::read_accounts(&config)?;
    }
    // Before anybody can see that the hub is up: a stop must never meet the default, which kills.
    let stop = stop_signal()?;
    let engine = tutor_model::start(&config)?;
    let mut hub = Hub::start(config.clone(), clock, engine.clone()).await?;
    tell_systemd(sd_notify::NotifyState::Ready);
    say(&format!("listening on http://{}", shown_address(hub.address())))?;
    if flags.demo {
        say(&demo::describe(&config, hub.address()).context("the demo accounts cannot be read")?)?;
    }
    let school = hub.ctx.school.get();
    if !school.has_accounts
        && let Some(code) = hub.ctx.auth.setup_code()
    {
        say(&format!("관리자를 만들 때 쓰는 코드: {code}\nCode for making the admin: {code}"))?;
    } else if school.has_accounts && !school.has_admin() {
        say(NO_ADMIN_ON_CONSOLE)?;
    }
    drop(school);
    let failed = tokio::select! {
        () = stop => None,
        part = hub.failed() => Some(part),
    };
    tell_systemd(sd_notify::NotifyState::Stopping);
    engine.shutdown().await;
    hub.stop().await;
    match failed {
        None => Ok(ExitCode::SUCCESS),
        Some(part) => {
            tracing::error!(part, "the hub ends because a part of it has ended");
            // EX_SOFTWARE: whoever supervises the hub starts it again.
            Ok(ExitCode::from(70))
        }
    }
}

/// The doctor's report on the console.
async fn examine(config: &Config, json: bool, lang: Option<LangFlag>) -> anyhow::Result<ExitCode> {
    let now = SystemClock.now();
    let findings = doctor::examine_from_outside(config, Machine::this(), now).await;
    let has_failed = findings.iter().any(|finding| finding.level == DoctorLevel::Fail);
    let languages = match lang {
        Some(LangFlag::Ko) => vec![Language::Ko],
        Some(LangFlag::En) => vec![Language::En],
        None if json => vec![Language::Ko],
        None => vec![Language::Ko, Language::En],
    };
    let reports: Vec<DoctorReport> =
        languages.into_iter().map(|language| doctor::report(findings.clone(), language, now)).collect();
    for report in reports {
        if json {
            say(&serde_json::to_string_pretty(&report)?)?;
            continue;
        }
        for line in report.findings {
            let mark = match line.level {
                DoctorLevel::Ok => "✓ ok  ",
                DoctorLevel::Warn => "! warn",
                DoctorLevel::Fail => "✗ fail",
            };
            say(&format!("{mark}  {:<13} {}", line.check, line.text))?;
            if let Some(next) = line.next_step {
                say(&format!("        → {next}"))?;
            }
        }
        say("")?;
    }
    Ok(if has_failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// `--demo` never opens a school that was begun without it.
fn refuse_real_school(config: &Config) -> anyhow::Result<()> {
    if demo::exists(config) && !config.data.join(demo::ACCOUNTS_FILE).exists() {
        anyhow::bail!(
            "데이터 폴더 {0}에는 데모가 아닌 진짜 학교가 있어요. --demo 없이 시작하세요(./x run이라면 --school을 붙이세요).\n\
             The data folder {0} holds a real school, not a demo. Start without --demo (with ./x run: add --school).",
            config.data.display()
        );
    }
    Ok(())
}

fn shown_address(address: std::net::SocketAddr) -> String {
    let host = if address.ip().is_unspecified() { "127.0.0.1".to_owned() } else { address.ip().to_string() };
    format!("{host}:{}", address.port())
}

fn manage_models(config: &Config, command: ModelsCommand) -> anyhow::Result<ExitCode> {
    let store = tutor_model::open_store(config)?;
    match command {
        ModelsCommand::List { json } => {
            for model in model_cli::list(&store, config.tutor.model.as_deref())? {
                if json {
                    say(&serde_json::to_string(&model)?)?;
                } else {
                    let state = match (model.active, model.path.is_some(), model.verified) {
                        (true, _, _) => "사용 중 · active",
                        (false, true, _) => "설치됨 · installed",
                        (false, false, true) => "받을 수 있음 · can be fetched",
                        (false, false, false) => "확인 전 · not verified yet",
                    };
                    let vram = model.vram_gb.map_or_else(|| "-".into(), |gb| format!("{gb:.1} GB"));
                    say(&format!("{:<32} {:<7} {:>8}  {state}", model.id, model.languages.join(","), vram))?;
                }
            }
        }
        ModelsCommand::Recommend { vram } => match model_cli::recommend(&store, vram)? {
            Some(model) => {
                say(&format!(
                    "이 카드에 맞는 한국어 모델 · the Korean-speaking model for this card: {}",
                    model.id
                ))?;
                say(&format!("  {}", tutor_model::how_to_get(config, &model)))?;
            }
            None => say("이 카드에 맞는 한국어 모델이 없어요. · No Korean-speaking model fits this card.")?,
        },
        ModelsCommand::Fetch { id } => {
            let id = match id {
                Some(id) => id,
                None => store.catalogue().starter().context("the catalogue has no starter model")?.id.clone(),
            };
            let mut bar = Bar::default();
            let model = model_cli::fetch(&store, &id, &mut |progress| bar.show(progress))?;
            bar.end();
            say(&format!("{} · {}", model.id, model.path.display()))?;
        }
        ModelsCommand::Add { file, languages } => {
            let mut bar = Bar::default();
            let model = model_cli::add(&store, &file, &languages, &mut |progress| bar.show(progress))?;
            bar.end();
            say(&format!("{} · {} · {}", model.id, model.languages.join(","), model.path.display()))?;
            if model.languages.is_empty() {
                say("파일에 언어가 적혀 있지 않아요. --languages ko,en처럼 언어를 적어 다시 설치하세요.\n\
                     The file names no language. Add it again and name them, such as --languages ko,en.")?;
            } else if !model.verified {
                say(&format!(
                    "이 모델로 켜려면 · to run it: dreamseed-hub serve --model {0} · ./x run --model {0}",
                    model.id
                ))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A progress bar on a terminal; one line per stage elsewhere.
#[derive(Default)]
struct Bar {
    shown: Option<(String, u64)>,
}

impl Bar {
    fn show(&mut self, progress: Progress) {
        let stage = format!("{:?}", progress.stage);
        let percent = progress
            .total_bytes
            .filter(|total| *total > 0)
            .map_or(0, |total| progress.done_bytes * 100 / total);
        if self.shown.as_ref().is_some_and(|(shown, at)| *shown == stage && *at == percent) {
            return;
        }
        let mut stderr = std::io::stderr().lock();
        let filled = (percent / 4) as usize;
        let megabytes = progress.done_bytes / 1_000_000;
        let new_stage = self.shown.as_ref().is_none_or(|(shown, _)| *shown != stage);
        if stderr.is_terminal() {
            let line = format!("\r{stage:<12} [{:<25}] {percent:>3} %  {megabytes} MB ", "#".repeat(filled));
            let _ = stderr.write_all(line.as_bytes());
        } else if new_stage {
            let _ = writeln!(stderr, "{stage} …");
        }
        self.shown = Some((stage, percent));
    }

    fn end(&self) {
        if self.shown.is_some() && std::io::stderr().is_terminal() {
            let _ = writeln!(std::io::stderr());
        }
    }
}

/// Ctrl-C, or the stop of a service manager; listens from this call on.
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    {
        let mut interrupt = tokio::signal::windows::ctrl_c()?;
        Ok(async move {
            interrupt.recv().await;
        })
    }
}

/// Tells systemd, where it is what has started the hub.
fn tell_systemd(state: sd_notify::NotifyState<'_>) {
    if let Err(err) = sd_notify::notify(&[state]) {
        tracing::warn!(error = %err, "systemd could not be told");
    }
}

/// Prints a line for the person at the console.
fn say(line: &str) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_flag_takes_new_folders_and_demo_schools_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = Config { data: folder.path().to_owned(), ..Config::default() };
        assert!(refuse_real_school(&config).is_ok(), "nothing there yet");
        std::fs::write(folder.path().join("hub.db"), "").expect("written");
        let refusal = refuse_real_school(&config).expect_err("a real school").to_string();
        assert!(refusal.contains("진짜 학교") && refusal.contains("without --demo"), "{refusal}");
        std::fs::write(folder.path().join(demo::ACCOUNTS_FILE), "{}").expect("written");
        assert!(refuse_real_school(&config).is_ok(), "a demo school");
    }
}
