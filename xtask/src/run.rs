//! `./x run`: builds what changed, fetches the starter model, serves a demo school. `--check` walks the main job instead.

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
    let data = wishes.data.map_or_else(|| checkout.data(), Ok)?;
    let models = data.join("models");
    fetch_starter(checkout, &models)?;
    name_a_model(checkout, &models, built_for);

    let mut hub = Command::new(checkout.hub());
    hub.args(["serve", "--demo", "--data"]).arg(&data).arg("--models").arg(&models).stdin(Stdio::inherit());
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
    lan: bool,
    port: Option<u16>,
    data: Option<PathBuf>,
}

impl Wishes {
    fn read(words: &[&str]) -> Result<Self> {
        let mut wishes = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("{word} needs a value; see ./x help"));
            match *word {
                "--check" => wishes.check = true,
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
            bail!("--check uses its own folder and a free port, so it takes no --port, --lan or --data");
        }
        Ok(wishes)
    }
}

/// On a machine with a graphics card: the largest Korean-capable model of the catalogue that fits its memory.
fn name_a_model(checkout: &Checkout, models: &Path, built_for: Engine) {
    let Some((card, mebibytes)) = engine::graphics_card() else { return };
    println!("그래픽 카드 · graphics card: {card}, {} GB", mebibytes / 1024);
    if built_for == Engine::Cpu {
        println!(
            "  이 빌드는 CPU만 씁니다 · this build does not use it; install CUDA 12.8 or newer and run again"
        );
    }
    let hub = checkout.hub();
    let list =
        process::output(process::command(&hub).args(["models", "list", "--json", "--models"]).arg(models));
    let list = list.ok().and_then(|list| serde_json::from_slice::<serde_json::Value>(&list).ok());
    if let Some((id, way)) = list.and_then(|list| largest_korean(&list, mebibytes)) {
        println!("  이 카드에 맞는 한국어 모델 · the Korean-capable model that fits: {id}");
        match way {
            Way::Installed => println!("  이미 있습니다 · it is installed"),
            Way::Fetch => println!("  {} models fetch {id} --models {}", hub.display(), models.display()),
            Way::Add => println!(
                "  USB 등으로 GGUF 파일을 가져와 · bring its GGUF file, on a USB disk for instance, and:\n  {} models add FILE --languages ko,en --models {}",
                hub.display(),
                models.display()
            ),
        }
    }
}

/// How a model gets in.
#[derive(Debug, PartialEq)]
enum Way {
    Installed,
    Fetch,
    Add,
}

/// From `[{id, languages, vram_gb, fetchable, path}]`.
fn largest_korean(list: &serde_json::Value, mebibytes: u64) -> Option<(String, Way)> {
    let gigabytes = mebibytes as f64 / 1024.0;
    let fits = list.as_array()?.iter().filter_map(|model| {
        let speaks = model["languages"].as_array()?.iter().any(|language| language == "ko");
        let needs = model["vram_gb"].as_f64()?;
        (speaks && needs <= gigabytes).then_some((needs, model))
    });
    let (_, model) = fits.max_by(|a, b| a.0.total_cmp(&b.0))?;
    let way = match (model["path"].is_string(), model["fetchable"] == true) {
        (true, _) => Way::Installed,
        (false, true) => Way::Fetch,
        (false, false) => Way::Add,
    };
    Some((model["id"].as_str()?.to_owned(), way))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_was_asked_for() {
        let wishes = Wishes::read(&["--port", "9000", "--lan", "--data", "/srv/school"]).expect("read");
        assert_eq!(
            wishes,
            Wishes { check: false, lan: true, port: Some(9000), data: Some("/srv/school".into()) }
        );
        for bad in
            [&["--port"][..], &["--port", "x"], &["--port", "70000"], &["--fast"], &["--check", "--lan"]]
        {
            assert!(Wishes::read(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_the_largest_korean_model_that_fits() {
        let list = serde_json::json!([
            {"id": "starter", "languages": ["en"], "vram_gb": 0.3, "fetchable": true, "path": "a.gguf"},
            {"id": "small", "languages": ["ko", "en"], "vram_gb": 7.0, "fetchable": true, "path": null},
            {"id": "fits", "languages": ["ko"], "vram_gb": 14.0, "fetchable": false, "path": null},
            {"id": "large", "languages": ["ko"], "vram_gb": 40.0, "fetchable": false, "path": null},
            {"id": "by hand", "languages": ["ko"], "vram_gb": null, "fetchable": false, "path": "b.gguf"},
        ]);
        assert_eq!(largest_korean(&list, 32 * 1024), Some(("fits".to_owned(), Way::Add)));
        assert_eq!(largest_korean(&list, 8 * 1024), Some(("small".to_owned(), Way::Fetch)));
        assert_eq!(largest_korean(&list, 4 * 1024), None);
    }

    #[test]
    fn the_catalogue_names_its_starter() {
        let catalogue = "[[model]]\nid = \"big\"\nfile = \"big.gguf\"\n[[model]]\nid = \"s\"\nfile = \"s.gguf\"\nstarter = true\n";
        assert_eq!(starter_name(catalogue).expect("a starter"), "s.gguf");
        assert!(starter_name("[[model]]\nid = \"big\"\nfile = \"big.gguf\"").is_err());
    }
}
