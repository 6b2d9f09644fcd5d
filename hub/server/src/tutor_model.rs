//! The model behind the help: which one runs, how it is started, and what the admin sees of it.

use std::{ffi::OsString, path::Path, sync::Arc};

use dreamseed_models::{
    catalogue::Catalogue,
    child::{ChildArgs, LlamaArgs},
    cli,
    engine::{EnginePhase, EngineStatus},
    process::{EngineCommand, EngineProcess, ProcessLimits},
    scripted::Script,
    store::{ModelStore, StoreError},
};
use dreamseed_wire::{
    Language,
    model::{EngineState, EngineView, ModelView},
};

use crate::{
    blocking,
    config::{Config, EngineChoice, PACKAGED_SETTINGS, TutorConfig},
    hub::Ctx,
};

/// The engine of the settings, in a process of its own; without a model it waits for one.
///
/// # Errors
/// A models folder that cannot be used, or a hub binary that cannot find itself.
pub fn start(config: &Config) -> anyhow::Result<Arc<EngineProcess>> {
    let child = match config.tutor.engine {
        EngineChoice::Scripted => Some(ChildArgs::Scripted(Script::of_demo())),
        EngineChoice::Llama => installed_model(config)?.map(ChildArgs::Llama),
        EngineChoice::None => None,
    };
    let program = std::env::current_exe()?;
    let command =
        child.map(|child| EngineCommand { program, leading_args: vec![OsString::from("engine")], child });
    Ok(Arc::new(EngineProcess::start(command, ProcessLimits::default())))
}

/// The model store of the settings.
pub fn open_store(config: &Config) -> Result<ModelStore, StoreError> {
    ModelStore::open(&config.models, Catalogue::built_in())
}

/// A command of `dreamseed-hub models` that reaches the models folder of these settings from any working folder.
pub fn models_command(config: &Config, words: &str) -> String {
    // The folders of an installed hub are its own user's.
    let is_installed = config.file.as_deref() == Some(Path::new(PACKAGED_SETTINGS));
    if is_installed {
        return format!("sudo -u dreamseed dreamseed-hub models {words}");
    }
    if config.models == Config::default().models {
        return format!("dreamseed-hub models {words}");
    }
    let folder = std::path::absolute(&config.models).unwrap_or_else(|_| config.models.clone());
    format!("dreamseed-hub models {words} --models '{}'", folder.display())
}

/// What to type to get a model of the list, or that it is there.
pub fn how_to_get(config: &Config, line: &cli::ListedModel) -> String {
    match (line.path.is_some(), line.fetchable) {
        (true, _) => "설치됨 · installed".to_owned(),
        (false, true) => models_command(config, &format!("fetch {}", line.id)),
        (false, false) => {
            let catalogue = Catalogue::built_in();
            let file = catalogue.get(&line.id).map_or("FILE", |model| model.file.as_str());
            models_command(config, &format!("add {file}"))
        }
    }
}

/// The catalogue with what is installed.
pub async fn list(ctx: &Ctx) -> Result<Vec<ModelView>, StoreError> {
    let config = ctx.config.clone();
    let listed = blocking::run(move || {
        let store = open_store(&config)?;
        cli::list(&store, config.tutor.model.as_deref())
    });
    let catalogue = Catalogue::built_in();
    let running = ctx.engine.status().borrow().model.clone();
    let listed = listed.await.map_err(|stopped| StoreError::Source(stopped.to_string()))??;
    Ok(listed.into_iter().map(|line| view(&ctx.config, line, &catalogue, running.as_deref())).collect())
}

/// The engine's state for staff.
pub fn engine_view(ctx: &Ctx) -> EngineView {
    let status: EngineStatus = ctx.engine.status().borrow().clone();
    EngineView {
        state: match status.phase {
            EnginePhase::NoModel => EngineState::NoModel,
            EnginePhase::Starting => EngineState::Starting,
            EnginePhase::Ready => EngineState::Ready,
            EnginePhase::Restarting => EngineState::Restarting,
            EnginePhase::Resting => EngineState::Resting,
        },
        model: status.model,
        languages: languages(&status.languages),
        backend: status.backend,
        running: status.running,
        waiting: status.waiting,
        restarts: status.restarts,
    }
}

fn installed_model(config: &Config) -> anyhow::Result<Option<LlamaArgs>> {
    let store = open_store(config)?;
    let TutorConfig { model, parallel, .. } = &config.tutor;
    Ok(store.active(model.as_deref())?.map(|model| {
        let mut args = LlamaArgs::new(model.path, model.id, model.languages);
        args.slots = u32::try_from(*parallel).unwrap_or(16).clamp(1, 192);
        args
    }))
}

fn view(config: &Config, line: cli::ListedModel, catalogue: &Catalogue, running: Option<&str>) -> ModelView {
    let known = catalogue.get(&line.id);
    let how_to_get = how_to_get(config, &line);
    ModelView {
        family: known.map(|model| model.family.clone()).unwrap_or_default(),
        licence: line.licence.unwrap_or_default(),
        languages: languages(&line.languages),
        bytes: known.and_then(|model| model.bytes),
        vram_gb: line.vram_gb,
        verified: line.verified,
        installed: line.path.is_some(),
        active: running == Some(line.id.as_str()),
        how_to_get,
        id: line.id,
    }
}

fn languages(codes: &[String]) -> Vec<Language> {
    [Language::Ko, Language::En]
        .into_iter()
        .filter(|known| codes.iter().any(|code| code == known.code()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installed_hubs_models_are_its_own_users() {
        let folder = "/var/lib/dreamseed/models";
        let packaged =
            Config { file: Some(PACKAGED_SETTINGS.into()), models: folder.into(), ..Config::default() };
        assert_eq!(models_command(&packaged, "fetch"), "sudo -u dreamseed dreamseed-hub models fetch");
        assert_eq!(models_command(&Config::default(), "fetch"), "dreamseed-hub models fetch");
        let own = Config { models: folder.into(), ..Config::default() };
        assert!(models_command(&own, "fetch").ends_with("--models '/var/lib/dreamseed/models'"));
    }
}
