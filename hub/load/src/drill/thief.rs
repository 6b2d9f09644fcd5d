//! `thief`: somebody has the hub's key of the cloud and destroys what lies there. The folder does not care, and the
//! school comes back from it.

use super::{
    Drill, back_up_by_admin,
    console::{Console, number_after},
    garage::{BUCKET, Garage, REGION},
};
use crate::{
    hub_process::{Circumstances, HubProcess, ModelUse},
    report::{Report, Target, tell},
    school::{SchoolCopy, SchoolSize},
};
use anyhow::{Context, Result, ensure};
use dreamseed_client::Hub;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

/// Destroys a bucket and reports what is left.
pub async fn rob_bucket(drill: &Drill<'_>, report: &mut Report) -> Result<()> {
    let school = SchoolCopy::make(drill.hub, drill.schools, SchoolSize::Demo).await?;
    let garage = Garage::start(drill.garage, school.folder(), drill.now).await?;
    let console = Console::new(drill.hub, &school.data());
    let stick = school.folder().join("stick");
    fs::create_dir(&stick)?;
    console.add_folder("stick", &stick).await?;
    let cloud = garage.endpoint();
    console
        .tell(
            &[
                &["backup", "target", "add", "s3", "cloud", "--endpoint", &cloud, "--region", REGION][..],
                &["--bucket", BUCKET, "--key-id", &garage.key.id, "--secret", &garage.key.secret][..],
            ]
            .concat(),
        )
        .await?;
    let sheet = school.folder().join("sheet.txt");
    let sheet = sheet.to_str().context("a path of plain text")?;
    console.tell(&["backup", "sheet", sheet]).await?;
    // By the hub itself, which remembers what lies where.
    let circumstances = Circumstances { port: 0, environment: console.environment() };
    let hub = HubProcess::start_in(drill.hub, &school.data(), &school.log(), ModelUse::None, &circumstances)
        .await?;
    let admin = Hub::new(&format!("http://{}", hub.address))?;
    admin.sign_in_password(&school.accounts.admin.login_name, &school.accounts.admin.password).await?;
    back_up_by_admin(&admin).await?;
    hub.stop().await?;
    let answers = console.back_up(None).await?;

    let before = read_tree(&stick)?;
    let stolen = garage.list(drill.now).await?;
    ensure!(!stolen.is_empty(), "nothing lies in the bucket");
    // First damage that hides itself, then everything.
    for name in stolen.iter().filter(|name| name.starts_with("data/")) {
        garage.overwrite(name, b"stolen", drill.now).await?;
    }
    let overwritten = console.ask(&["backup", "check", "--all", "cloud"]).await?;
    for name in &stolen {
        garage.delete(name, drill.now).await?;
    }
    ensure!(garage.list(drill.now).await?.is_empty(), "the thief has left something");
    let emptied = console.ask(&["backup", "check", "cloud"]).await?;
    let is_named = |text: &str, name: &str| text.lines().any(|line| line.starts_with(&format!("✗ {name}:")));
    let named =
        [&overwritten, &emptied].iter().filter(|said| !said.is_fine && is_named(&said.text, "cloud")).count();
    for said in [&overwritten, &emptied] {
        said.text.lines().filter(|line| line.starts_with('✗')).for_each(tell);
    }
    let changed = before != read_tree(&stick)?;
    // The hub goes on: the folder gets its backup, the bucket its trouble.
    let next = console.ask(&["backup", "now"]).await?;
    let goes_on = !next.is_fine && is_named(&next.text, "cloud") && !is_named(&next.text, "stick");
    if !goes_on {
        tell(&next.text);
    }
    fs::remove_dir_all(school.data())?;
    let begun = Instant::now();
    let said = console.tell(&["backup", "restore", "--sheet", sheet]).await?;
    let restore = begun.elapsed();
    tell(said.trim_end());
    let restored =
        said.lines().find_map(|line| number_after(line, "answers ")).context("the number of answers")?;

    let must = |is_so: bool| (f64::from(u8::from(is_so)), Some(Target::AtLeast(1.0)));
    let at_most = |figure| Some(Target::AtMost(figure));
    report.add(("thief", "bucket", "files_destroyed"), stolen.len() as f64, "", None);
    report.add(("thief", "bucket", "damage_named"), named as f64, "of 2", Some(Target::AtLeast(2.0)));
    report.add(("thief", "folder", "changed_by_it"), f64::from(u8::from(changed)), "", at_most(0.0));
    let (goes_on, target) = must(goes_on);
    report.add(("thief", "folder", "goes_on"), goes_on, "", target);
    report.add(("thief", "folder", "answers_lost"), answers.abs_diff(restored) as f64, "", at_most(0.0));
    report.add(("thief", "folder", "restore_s"), restore.as_secs_f64(), "s", None);
    Ok(())
}

/// Every file below a folder with its content.
fn read_tree(folder: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut tree = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                tree.insert(entry.path(), fs::read(entry.path())?);
            }
        }
    }
    Ok(tree)
}
