//! `./x package`: the hub as a Debian package with everything inside: program, user interface, fonts, starter model,
//! systemd unit, user, example settings. `./x package test` installs, upgrades, rolls back and removes it.

use crate::checkout::{Checkout, variable};
use crate::{process, run};
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where a file of the checkout goes in the package, and its mode.
const FILES: &[(&str, &str, u32)] = &[
    ("installer/deb/dreamseed-hub.service", "usr/lib/systemd/system/dreamseed-hub.service", 0o644),
    ("installer/deb/sysusers.conf", "usr/lib/sysusers.d/dreamseed-hub.conf", 0o644),
    ("installer/deb/hub.example.toml", "etc/dreamseed/hub.toml", 0o644),
    ("installer/deb/keep-package", "usr/lib/dreamseed/keep-package", 0o755),
    ("installer/deb/dreamseed-rollback", "usr/sbin/dreamseed-rollback", 0o755),
    ("docs/it.ko.md", "usr/share/doc/dreamseed-hub/it.ko.md", 0o644),
    ("docs/it.en.md", "usr/share/doc/dreamseed-hub/it.en.md", 0o644),
    ("docs/recovery.md", "usr/share/doc/dreamseed-hub/recovery.md", 0o644),
    ("docs/recovery.ko.md", "usr/share/doc/dreamseed-hub/recovery.ko.md", 0o644),
    ("docs/recovery.en.md", "usr/share/doc/dreamseed-hub/recovery.en.md", 0o644),
    ("docs/secrets.ko.md", "usr/share/doc/dreamseed-hub/secrets.ko.md", 0o644),
    ("docs/secrets.en.md", "usr/share/doc/dreamseed-hub/secrets.en.md", 0o644),
];
const SCRIPTS: &[&str] = &["preinst", "postinst", "prerm", "postrm"];
/// dpkg leaves what an administrator has changed in these alone.
const CONFFILES: &str = "/etc/dreamseed/hub.toml\n";

pub fn package(checkout: &Checkout, words: &[&str]) -> Result<()> {
    match words {
        [] => {
            run::build(checkout)?;
            let file = make(checkout, &version(checkout)?)?;
            println!("{}", file.display());
            Ok(())
        }
        ["test"] => {
            run::build(checkout)?;
            test(checkout)
        }
        other => bail!("./x package does not know {}; see ./x help", other.join(" ")),
    }
}

/// Installs the package in a bare Debian with systemd, walks the main job, upgrades, rolls back and removes it.
/// The later version is the same program under a higher number: what is tested is the way there and back.
pub fn test(checkout: &Checkout) -> Result<()> {
    verify_unit(checkout)?;
    if variable("DREAMSEED_NO_CONTAINER").is_some() {
        println!("SKIPPED by DREAMSEED_NO_CONTAINER: the package was not installed anywhere");
        return Ok(());
    }
    let now = version(checkout)?;
    let first = make(checkout, &now)?;
    let later = make(checkout, &format!("{now}+later"))?;
    let mut command = Command::new(checkout.root.join("installer/deb/test.sh"));
    command.arg(first).arg(later).arg(checkout.load()).arg(checkout.cache.join("debian-root.tar"));
    process::run(&mut command)
}

/// `systemd-analyze verify`, and an exposure of at most 3.0.
fn verify_unit(checkout: &Checkout) -> Result<()> {
    // The unit names /usr/bin/dreamseed-hub, which is not on this machine: verified with the program that was built.
    let folder = checkout.target.join("package");
    fs::create_dir_all(&folder)?;
    let unit = fs::read_to_string(checkout.root.join("installer/deb/dreamseed-hub.service"))?;
    let here = folder.join("dreamseed-hub.service");
    fs::write(&here, unit.replace("/usr/bin/dreamseed-hub", &checkout.hub().to_string_lossy()))?;
    process::run(Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&here))?;
    let mut security = Command::new("systemd-analyze");
    security.args(["security", "--offline=true", "--threshold=30", "--no-pager"]).arg(&here);
    let report = String::from_utf8(process::output(&mut security)?)?;
    println!("{}", report.lines().last().unwrap_or_default().trim());
    Ok(())
}

fn version(checkout: &Checkout) -> Result<String> {
    let manifest: toml::Value =
        toml::from_str(&fs::read_to_string(checkout.root.join("Cargo.toml"))?).context("Cargo.toml")?;
    let version =
        manifest["workspace"]["package"]["version"].as_str().context("Cargo.toml has no version")?;
    Ok(version.to_owned())
}

/// Puts the package together from the release build; returns its path.
fn make(checkout: &Checkout, version: &str) -> Result<PathBuf> {
    let folder = checkout.target.join("package");
    let root = folder.join(format!("dreamseed-hub_{version}"));
    if root.exists() {
        fs::remove_dir_all(&root)?;
    }
    put(&checkout.hub(), &root.join("usr/bin/dreamseed-hub"), 0o755)?;
    for (from, to, mode) in FILES {
        put(&checkout.root.join(from), &root.join(to), *mode)?;
    }
    let models = checkout.data()?.join("models");
    run::fetch_starter(checkout, &models)?;
    put_starter_model(&models, &root.join("usr/share/dreamseed/models"))?;

    let debian = root.join("DEBIAN");
    for script in SCRIPTS {
        put(&checkout.root.join("installer/deb").join(script), &debian.join(script), 0o755)?;
    }
    fs::write(debian.join("conffiles"), CONFFILES)?;
    fs::write(debian.join("control"), control(checkout, version, &folder)?)?;

    let file = folder.join(format!("dreamseed-hub_{version}_{}.deb", architecture()?));
    let mut build = Command::new("dpkg-deb");
    // The model is packed already: fast compression, the package is for a USB stick.
    build.args(["--root-owner-group", "-Zgzip", "-z1", "--build"]).arg(&root).arg(&file);
    process::run(&mut build)?;
    fs::remove_dir_all(&root)?;
    Ok(file)
}

/// The one model file that `models fetch` has checked.
fn put_starter_model(models: &Path, into: &Path) -> Result<()> {
    let gguf = |entry: &fs::DirEntry| entry.path().extension().is_some_and(|ending| ending == "gguf");
    let found: Vec<_> = fs::read_dir(models)?.filter_map(Result::ok).filter(gguf).collect();
    let starter = found.iter().find(|entry| entry.file_name().to_string_lossy().starts_with("SmolLM2-135M"));
    let starter = starter.context("the starter model is not in the models folder")?;
    put(&starter.path(), &into.join(starter.file_name()), 0o644)
}

fn put(from: &Path, to: &Path, mode: u32) -> Result<()> {
    let folder = to.parent().context("a file without a folder")?;
    fs::create_dir_all(folder)?;
    fs::copy(from, to).with_context(|| format!("{} cannot be copied", from.display()))?;
    fs::set_permissions(to, fs::Permissions::from_mode(mode))?;
    Ok(())
}

fn control(checkout: &Checkout, version: &str, folder: &Path) -> Result<String> {
    let installed_kb = (fs::metadata(checkout.hub())?.len() + 110_000_000) / 1024;
    Ok(format!(
        "Package: dreamseed-hub\n\
         Version: {version}\n\
         Architecture: {architecture}\n\
         Maintainer: DreamSeed <hub@dreamseed.invalid>\n\
         Installed-Size: {installed_kb}\n\
         Depends: {libraries}, systemd, util-linux\n\
         Section: education\n\
         Priority: optional\n\
         Description: 드림시드 허브, the AI learning hub that a school owns\n \
         Accounts, problems, lessons, grading and a local tutor for a whole school.\n \
         Works without the internet; the user interface and a starter model are inside.\n",
        architecture = architecture()?,
        libraries = shared_libraries(&checkout.hub(), folder)?,
    ))
}

/// The packages of the shared libraries that the program is linked with, as dpkg-shlibdeps finds them.
fn shared_libraries(program: &Path, folder: &Path) -> Result<String> {
    // It insists on a source package around it.
    let work = folder.join("shlibdeps");
    fs::create_dir_all(work.join("debian"))?;
    fs::write(
        work.join("debian/control"),
        "Source: dreamseed-hub\n\nPackage: dreamseed-hub\nArchitecture: any\n",
    )?;
    let mut command = Command::new("dpkg-shlibdeps");
    command.current_dir(&work).args(["-O", "--ignore-missing-info"]).arg(program);
    let text = String::from_utf8(process::output(&mut command)?)?;
    let depends = text.lines().find_map(|line| line.strip_prefix("shlibs:Depends="));
    let depends = depends.context("dpkg-shlibdeps names no libraries")?;
    ensure!(!depends.is_empty(), "dpkg-shlibdeps names no libraries");
    Ok(depends.to_owned())
}

fn architecture() -> Result<String> {
    let text = String::from_utf8(process::output(Command::new("dpkg").arg("--print-architecture"))?)?;
    Ok(text.trim().to_owned())
}
