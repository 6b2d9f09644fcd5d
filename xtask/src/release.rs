//! The release build of hub and load generator: always the same form, since another choice of packages or features
//! would compile the shared crates, llama.cpp among them, a second time.

use crate::checkout::Checkout;
use crate::engine::{self, Engine};
use crate::process;
use anyhow::{Context, Result};
use std::path::PathBuf;
use std::process::Command;

/// Builds for the engine that this machine can build, and for the CPU if that fails. Returns what was built.
///
/// # Errors
/// When the CPU build fails.
pub fn build(checkout: &Checkout) -> Result<Engine> {
    let choice = engine::choose();
    println!("엔진 · engine: {} ({})", choice.engine.name(), choice.because);
    if choice.engine != Engine::Cpu {
        let failed = FailedBefore::of(checkout, choice.engine, &choice.because)?;
        if failed.is_recorded() {
            println!(
                "{} 빌드는 전에 실패했습니다. CPU로 짓습니다 · the {} build failed before, so this is the CPU one; to try again remove {}",
                choice.engine.name(),
                choice.engine.name(),
                failed.file.display()
            );
        } else {
            let mut command = cargo_build(checkout, choice.engine);
            match process::run_keeping_errors(&mut command) {
                Ok(()) => return Ok(choice.engine),
                Err(error) => {
                    println!(
                        "{} 빌드가 실패해 CPU로 짓습니다 · the {} build failed, building for the CPU instead: {error:#}",
                        choice.engine.name(),
                        choice.engine.name()
                    );
                    failed.record()?;
                }
            }
        }
    }
    process::run(&mut cargo_build(checkout, Engine::Cpu))?;
    Ok(Engine::Cpu)
}

/// The packages and features of every release command, `build` and `clippy` alike.
pub fn with_form(command: &mut Command, engine: Engine) -> &mut Command {
    command.args(["--release", "--locked", "-p", "dreamseed-hub", "-p", "dreamseed-load", "--features"]);
    command.arg(engine.features())
}

fn cargo_build(checkout: &Checkout, engine: Engine) -> Command {
    let mut command = checkout.cargo();
    command.arg("build");
    with_form(&mut command, engine);
    // NVIDIA's installer leaves nvcc off the PATH; CMake takes it from here.
    if let (Engine::Cuda, Some(nvcc)) = (engine, engine::nvcc())
        && nvcc.is_absolute()
    {
        command.env("CUDACXX", nvcc);
    }
    command
}

/// A note that this engine's build failed with these very sources of llama.cpp and this compiler: trying it again at
/// every start would cost many minutes each time.
struct FailedBefore {
    file: PathBuf,
    with: String,
}

impl FailedBefore {
    fn of(checkout: &Checkout, engine: Engine, because: &str) -> Result<Self> {
        let lock =
            std::fs::read_to_string(checkout.root.join("Cargo.lock")).context("cannot read Cargo.lock")?;
        let llama = lock.split("[[package]]").find(|entry| entry.contains("name = \"llama-cpp-sys-2\""));
        let with = format!("{because}\n{}", llama.unwrap_or_default().trim());
        let file = checkout.cache.join(format!("failed-{}-build", engine.name().to_lowercase()));
        Ok(Self { file, with })
    }

    fn is_recorded(&self) -> bool {
        std::fs::read_to_string(&self.file).is_ok_and(|found| found == self.with)
    }

    fn record(&self) -> Result<()> {
        std::fs::write(&self.file, &self.with)
            .with_context(|| format!("cannot write {}", self.file.display()))
    }
}
