//! `./x run`: builds what changed, fetches the starter model, serves a demo school, or with `--school` a real one. `--check` walks the main job instead.

use crate::checkout::Checkout;
use crate::engine::{self, Engine};
use crate::node::Node;
use crate::{process, release, ui};
use anyhow::{Context, Result, bail, ensure};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub fn run(checkout: &Checkout, words: &[&str]) -> Result<()> {
    let wishes = Wishes::read(words)?;
    let built_for = build(checkout)?;
    if wishes.check {
        return walk(checkout);
    }
    let Folders { data, models } = wishes.folders(checkout.data())?;
    fetch_starter(checkout, &models)?;
    name_a_model(checkout, &models, built_for);

    let mut hub = Command::new(checkout.hub());
    hub.args(["serve", "--data"]).arg(&data).arg("--models").arg(&models).stdin(Stdio::inherit());
    if !wishes.school {
        hub.arg("--demo");
    }
    if let Some(model) = &wishes.model {
        hub.args(["--model", model]);
    }
    if let Some(port) = wishes.port {
        hub.args(["--port", &port.to_string()]);
    }
    if wishes.lan {
        hub.arg("--lan");
    }
    // In place of this process, so that Ctrl-C and a service manager's signals reach the hub itself.
    Err(hub.exec()).with_context(|| format!("could not start {}", checkout.hub().display()))
}

/// User interface first: the hub's release build embeds it.
pub fn build(checkout: &Checkout) -> Result<Engine> {
    let node = Node::find(checkout)?;
    println!("Node {}", node.version);
    ui::build(checkout, &node)?;
    release::build(checkout)
}

/// The main job with no person, in its own temporary folder and on a free port, with the real model.
pub fn walk(checkout: &Checkout) -> Result<()> {
    let models = checkout.data()?.join("models");
    fetch_starter(checkout, &models)?;
    let mut command = process::command(checkout.load());
    process::run(command.arg("walk").arg("--hub").arg(checkout.hub()).arg("--models").arg(models))
}

/// The starter model, unless it is there already. Returns at once then, without the network.
pub fn fetch_starter(checkout: &Checkout, models: &Path) -> Result<()> {
    process::run(process::command(checkout.hub()).args(["models", "fetch", "--models"]).arg(models))
}

/// The starter model's file, by its name in the catalogue.
pub fn starter_file(checkout: &Checkout) -> Result<PathBuf> {
    let catalogue = checkout.root.join("models/catalogue.toml");
    let text = std::fs::read_to_string(&catalogue)
        .with_context(|| format!("cannot read {}", catalogue.display()))?;
    let name = starter_name(&text)?;
    let file = checkout.data()?.join("models").join(&name);
    ensure!(file.exists(), "{} is not there; ./x run and ./x test fetch it", file.display());
    Ok(file)
}

fn starter_name(catalogue: &str) -> Result<String> {
    let catalogue: toml::Table = catalogue.parse().context("the model catalogue is not TOML")?;
    let models =
        catalogue.get("model").and_then(toml::Value::as_array).context("the catalogue has no model")?;
    let starter =
        models.iter().find(|model| model.get("starter").and_then(toml::Value::as_bool) == Some(true));
    let file =
        starter.and_then(|model| model.get("file")?.as_str()).context("no model is marked as the starter")?;
    Ok(file.to_owned())
}

/// What was asked for on the command line.
#[derive(Debug, Default, PartialEq)]
struct Wishes {
    check: bool,
    /// No demo: the hub prints the code with which the admin begins the school.
    school: bool,
    lan: bool,
    port: Option<u16>,
    data: Option<PathBuf>,
    model: Option<String>,
}

/// Where the hub keeps its things.
#[derive(Debug, PartialEq)]
struct Folders {
    data: PathBuf,
    models: PathBuf,
}

impl Wishes {
    fn read(words: &[&str]) -> Result<Self> {
        let mut wishes = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("{word} needs a value; see ./x help"));
            match *word {
                "--check" => wishes.check = true,
                "--school" => wishes.school = true,
                "--model" => wishes.model = Some((*value()?).to_owned()),
                "--lan" => wishes.lan = true,
                "--port" => {
                    let port = value()?;
                    wishes.port = Some(
                        port.parse().with_context(|| format!("--port {port}: a number from 0 to 65535"))?,
                    );
                }
                "--data" => wishes.data = Some(std::path::absolute(value()?)?),
                other => bail!("./x run does not know {other}; see ./x help"),
            }
        }
        if wishes.check && wishes != (Self { check: true, ..Self::default() }) {
            bail!("--check uses its own folder and a free port, so it takes no other option");
        }
        Ok(wishes)
    }

    /// `--data`, or the user's own folder: the demo lies in it, a school in `school` below it. Both share the models
    /// there, which is where `dreamseed-hub models` looks without flags.
    fn folders(&self, own: Result<PathBuf>) -> Result<Folders> {
        if let Some(data) = &self.data {
            return Ok(Folders { data: data.clone(), models: data.join("models") });
        }
        let own = own?;
        let models = own.join("models");
        Ok(Folders { data: if self.school { own.join("school") } else { own }, models })
    }
}

/// On a machine with a graphics card: the Korean-speaking model that the hub recommends for its memory.
fn name_a_model(checkout: &Checkout, models: &Path, built_for: Engine) {
    let Some((card, mebibytes)) = engine::graphics_card() else { return };
    println!("그래픽 카드 · graphics card: {card}, {} GB", mebibytes / 1024);
    if built_for == Engine::Cpu {
        println!(
            "  이 빌드는 CPU만 씁니다 · this build does not use it; install CUDA 12.8 or newer and run again"
        );
    }
    // nvidia-smi says MiB, the catalogue GB.
    let gigabytes = format!("{:.1}", mebibytes as f64 * 1_048_576.0 / 1e9);
    let hub = checkout.hub();
    let mut recommend = process::command(&hub);
    recommend.args(["models", "recommend", "--vram", &gigabytes, "--models"]).arg(models);
    // Good to know, and no reason not to start.
    if let Ok(text) = process::output(&mut recommend) {
        print!("{}", String::from_utf8_lossy(&text));
        println!("  dreamseed-hub = {}", hub.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_was_asked_for() {
        let wishes = Wishes::read(&["--port", "9000", "--lan", "--data", "/srv/school"]).expect("read");
        let expected =
            Wishes { lan: true, port: Some(9000), data: Some("/srv/school".into()), ..Wishes::default() };
        assert_eq!(wishes, expected);
        for bad in
            [&["--port"][..], &["--port", "x"], &["--port", "70000"], &["--fast"], &["--check", "--lan"]]
        {
            assert!(Wishes::read(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn demo_and_school_have_folders_of_their_own_and_share_the_models() {
        let folders = |words: &[&str]| {
            let wishes = Wishes::read(words).expect("read");
            let folders = wishes.folders(Ok("/srv/own".into())).expect("folders");
            (folders.data, folders.models)
        };
        let pair = |data: &str, models: &str| (PathBuf::from(data), PathBuf::from(models));
        assert_eq!(folders(&[]), pair("/srv/own", "/srv/own/models"));
        assert_eq!(folders(&["--school"]), pair("/srv/own/school", "/srv/own/models"));
        assert_eq!(folders(&["--school", "--data", "/srv/d"]), pair("/srv/d", "/srv/d/models"));
    }

    #[test]
    fn the_catalogue_names_its_starter() {
        let catalogue = "[[model]]\nid = \"big\"\nfile = \"big.gguf\"\n[[model]]\nid = \"s\"\nfile = \"s.gguf\"\nstarter = true\n";
        assert_eq!(starter_name(catalogue).expect("a starter"), "s.gguf");
        assert!(starter_name("[[model]]\nid = \"big\"\nfile = \"big.gguf\"").is_err());
    }
}
