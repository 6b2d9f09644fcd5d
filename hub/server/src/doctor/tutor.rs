//! The AI model and its engine. Lessons go on without them: pupils then get the authored hints.

use std::time::Duration;

use dreamseed_models::{
    cli,
    engine::{Engine, EnginePhase},
    store::StoreError,
};
use dreamseed_wire::Language;

use super::{Finding, fail, ok, warn};
use crate::{
    config::{Config, EngineChoice},
    tutor_model,
};

/// A model of some GB is read from a slow disk in this time.
const START: Duration = Duration::from_secs(60);

/// What is known of the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineSeen {
    /// The settings want none.
    Off,
    NoModel,
    Ready {
        restarts: u32,
    },
    Starting,
    /// It ended by itself and is started again.
    Crashed {
        restarts: u32,
    },
    /// It could not be started at all.
    Failed(String),
}

impl EngineSeen {
    /// What a running hub knows.
    pub fn of(choice: EngineChoice, phase: EnginePhase, restarts: u32) -> Self {
        if choice == EngineChoice::None {
            return EngineSeen::Off;
        }
        match phase {
            EnginePhase::NoModel => EngineSeen::NoModel,
            EnginePhase::Ready => EngineSeen::Ready { restarts },
            EnginePhase::Starting if restarts == 0 => EngineSeen::Starting,
            EnginePhase::Starting | EnginePhase::Restarting | EnginePhase::Resting => {
                EngineSeen::Crashed { restarts }
            }
        }
    }
}

/// Starts the engine of a hub that does not run, and stops it again.
pub async fn try_engine(config: &Config) -> EngineSeen {
    if config.tutor.engine == EngineChoice::None {
        return EngineSeen::Off;
    }
    if config.tutor.engine == EngineChoice::Llama && !config.models.exists() {
        return EngineSeen::NoModel;
    }
    let engine = match tutor_model::start(config) {
        Ok(engine) => engine,
        Err(err) => return EngineSeen::Failed(format!("{err:#}")),
    };
    let mut status = engine.status();
    let has_ended = |phase: EnginePhase| phase != EnginePhase::Starting;
    let _ = tokio::time::timeout(START, status.wait_for(|status| has_ended(status.phase))).await;
    let seen = status.borrow().clone();
    engine.shutdown().await;
    EngineSeen::of(config.tutor.engine, seen.phase, seen.restarts)
}

/// The installed model and the languages that the classes need; those are unknown while no school is open.
pub fn check_model(config: &Config, needed: &[Language]) -> Finding {
    const CHECK: &str = "model";
    if config.tutor.engine != EngineChoice::Llama {
        return ok(
            CHECK,
            "설정에서 AI 모델을 쓰지 않습니다. 학생들은 준비된 도움말을 받습니다.",
            "The settings use no AI model; pupils get the authored hints.",
        );
    }
    let fetch = tutor_model::models_command(config, "fetch");
    let models = match list_models(config) {
        Ok(models) => models,
        Err(err) => {
            return fail(
                CHECK,
                format!("모델 폴더를 쓸 수 없습니다({err})."),
                format!("The folder of models cannot be used ({err})."),
                format!("{} 폴더의 권한과 디스크를 확인하세요.", config.models.display()),
                format!("Check the permissions and the disk of {}.", config.models.display()),
            );
        }
    };
    let Some(active) = models.iter().find(|model| model.active) else {
        let wanted = config.tutor.model.as_deref();
        let (ko, en) = match wanted {
            Some(id) => (
                format!("설정된 AI 모델 {id}이(가) 설치되어 있지 않습니다."),
                format!("The AI model {id} of the settings is not installed."),
            ),
            None => ("AI 모델이 없습니다.".to_owned(), "No AI model is installed.".to_owned()),
        };
        return warn(
            CHECK,
            format!("{ko} 학생들은 준비된 도움말만 받습니다."),
            format!("{en} Pupils get the authored hints only."),
            format!("`{fetch}`로 받거나, USB에 담아 와서 설치하세요."),
            format!("Fetch one with `{fetch}`, or bring one on a USB stick."),
        );
    };
    let lacks = needed.iter().find(|language| !active.languages.iter().any(|code| code == language.code()));
    match lacks {
        None => ok(
            CHECK,
            format!("AI 모델 {}이(가) 설치되어 있습니다.", active.id),
            format!("The AI model {} is installed.", active.id),
        ),
        Some(language) => {
            let (name_ko, name_en) = match language {
                Language::Ko => ("한국어", "Korean"),
                Language::En => ("영어", "English"),
            };
            warn(
                CHECK,
                format!(
                    "AI 모델 {}은(는) {name_ko}를 하지 못합니다. {name_ko} 반은 준비된 도움말만 받습니다.",
                    active.id
                ),
                format!(
                    "The AI model {} does not speak {name_en}: {name_en} classes get the authored hints only.",
                    active.id
                ),
                "두 언어를 하는 모델을 설치하세요(sudo -u dreamseed dreamseed-hub models list).",
                "Install a model that speaks both (sudo -u dreamseed dreamseed-hub models list).",
            )
        }
    }
}

/// The catalogue with what is installed; nothing of a folder that is not there, since opening it would make it.
fn list_models(config: &Config) -> Result<Vec<cli::ListedModel>, StoreError> {
    if !config.models.exists() {
        return Ok(Vec::new());
    }
    cli::list(&tutor_model::open_store(config)?, config.tutor.model.as_deref())
}

/// Whether the engine writes.
pub fn judge_engine(seen: &EngineSeen) -> Finding {
    const CHECK: &str = "engine";
    let hints_ko = "답과 채점은 그대로 되고, 학생들은 준비된 도움말을 받습니다.";
    let hints_en = "Answers and grades go on; pupils get the authored hints.";
    match seen {
        EngineSeen::Off => {
            ok(CHECK, "AI 엔진을 쓰지 않도록 설정되어 있습니다.", "The settings use no AI engine.")
        }
        EngineSeen::Ready { restarts: 0 } => {
            ok(CHECK, "AI 엔진이 시작되고 글을 쓸 수 있습니다.", "The AI engine starts and can write.")
        }
        EngineSeen::Ready { restarts } => warn(
            CHECK,
            format!("AI 엔진이 동작하지만 {restarts}번 멈췄다가 다시 시작되었습니다."),
            format!("The AI engine works but had to be started again {restarts} times."),
            "계속되면 로그의 engine 줄을 보고 더 작은 모델로 바꾸세요.",
            "If it goes on, look at the engine's lines in the log and take a smaller model.",
        ),
        EngineSeen::NoModel => warn(
            CHECK,
            format!("모델이 없어 AI 엔진이 쉬고 있습니다. {hints_ko}"),
            format!("The AI engine rests for want of a model. {hints_en}"),
            "모델을 설치한 뒤 허브를 다시 시작하세요.",
            "Install a model, then restart the hub.",
        ),
        EngineSeen::Starting => warn(
            CHECK,
            format!("AI 엔진이 아직 시작되는 중입니다. {hints_ko}"),
            format!("The AI engine is still starting. {hints_en}"),
            "1분 뒤 다시 점검하세요.",
            "Look again in a minute.",
        ),
        EngineSeen::Crashed { restarts } => fail(
            CHECK,
            format!("AI 엔진이 멈췄습니다(다시 시작 {restarts}번). {hints_ko}"),
            format!("The AI engine has stopped (started again {restarts} times). {hints_en}"),
            "메모리와 그래픽 드라이버를 확인하고, 로그의 engine 줄을 보세요.",
            "Check memory and graphics driver, and look at the engine's lines in the log.",
        ),
        EngineSeen::Failed(why) => fail(
            CHECK,
            format!("AI 엔진을 시작할 수 없습니다({why}). {hints_ko}"),
            format!("The AI engine cannot be started ({why}). {hints_en}"),
            "설정의 tutor 부분을 확인하고, 필요하면 허브를 다시 설치하세요.",
            "Check the tutor section of the settings; install the hub again if need be.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dreamseed_wire::house::DoctorLevel::{Fail, Ok as Fine, Warn};

    #[test]
    fn every_state_of_the_engine_has_its_line() {
        use EnginePhase::{NoModel, Ready, Restarting, Resting, Starting};
        for (choice, phase, restarts, level) in [
            (EngineChoice::None, NoModel, 0, Fine),
            (EngineChoice::Llama, NoModel, 0, Warn),
            (EngineChoice::Llama, Ready, 0, Fine),
            (EngineChoice::Llama, Ready, 2, Warn),
            (EngineChoice::Llama, Starting, 0, Warn),
            (EngineChoice::Llama, Restarting, 1, Fail),
            (EngineChoice::Llama, Resting, 3, Fail),
        ] {
            let seen = EngineSeen::of(choice, phase, restarts);
            assert_eq!(judge_engine(&seen).level, level, "{seen:?}");
        }
        assert_eq!(judge_engine(&EngineSeen::Failed("x".into())).level, Fail);
    }

    #[test]
    fn a_missing_model_is_told_with_the_way_to_get_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = Config { models: folder.path().join("models"), ..Config::default() };
        config.tutor.engine = EngineChoice::Llama;
        let found = check_model(&config, &[Language::Ko]);
        assert!(found.level == Warn && found.next_step.is_some_and(|next| next.en.contains("models fetch")));
        config.tutor.model = Some("none-such".into());
        assert!(check_model(&config, &[]).text.en.contains("none-such"));
        assert!(!folder.path().join("models").exists(), "the doctor makes nothing");
        std::fs::write(folder.path().join("models"), "a file, not a folder").ok();
        config.tutor.engine = EngineChoice::None;
        assert_eq!(check_model(&config, &[]).level, Fine);
    }
}
