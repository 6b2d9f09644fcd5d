//! `restore`: the hub's disk is gone in the middle of a lesson. The sheet in the safe brings the school back, and the
//! devices bring what was answered since the last backup.
//!
//! The walk: a lesson on real outboxes → backups to a bucket and to a folder on another disk, beside the lesson → more
//! answers → the hub is killed and its data folder destroyed → answers go on without a hub → an empty machine is restored
//! from the sheet alone → the devices come back → every answer is looked up, and all are counted.

use super::{
    Drill,
    console::Console,
    devices::{Fleet, prepare},
    disk::LoopDisk,
    garage::{BUCKET, Garage, REGION},
};
use crate::{
    hub_process::{Circumstances, HubProcess, ModelUse},
    random::Random,
    report::{Report, Target, tell},
    school::{SchoolCopy, SchoolSize},
};
use anyhow::{Context, Result, bail, ensure};
use dreamseed_client::Hub;
use dreamseed_wire::{
    Language,
    backup::{BackupHealth, BackupState, EpochReason},
};
use std::time::{Duration, Instant};

/// Nothing in this drill may take longer.
const LIMIT: Duration = Duration::from_secs(300);

/// Loses the disk of a hub and reports what came back.
pub async fn restore_from_sheet(drill: &Drill<'_>, report: &mut Report) -> Result<()> {
    let (devices, each) = if drill.is_short { (50, 4) } else { (50, 40) };
    let school = SchoolCopy::make(drill.hub, drill.schools, SchoolSize::Demo).await?;
    let disk = LoopDisk::mount(school.folder(), "stick", 200, drill.may_mount)?;
    let Some(stick) = &disk else {
        tell("restore: left out, as DREAMSEED_NO_MOUNT says that this user may not mount");
        return Ok(());
    };
    let garage = Garage::start(drill.garage, school.folder(), drill.now).await?;
    let console = Console::new(drill.hub, &school.data());
    let place = stick.path().join("backups");
    std::fs::create_dir(&place)?;
    console.add_folder("stick", &place).await?;
    let reader = garage.make_read_key()?;
    let cloud = garage.endpoint();
    console
        .tell(
            &[
                &["backup", "target", "add", "s3", "cloud", "--endpoint", &cloud, "--region", REGION][..],
                &["--bucket", BUCKET, "--key-id", &garage.key.id, "--secret", &garage.key.secret][..],
                &["--read-key-id", &reader.id, "--read-secret", &reader.secret][..],
            ]
            .concat(),
        )
        .await?;
    let sheet = school.folder().join("sheet.txt");
    let sheet = sheet.to_str().context("a path of plain text")?;
    console.tell(&["backup", "sheet", sheet]).await?;
    let before = console.back_up(None).await?;

    let tokens = school.mint_tokens(drill.hub).await?;
    let mut circumstances = Circumstances { port: 0, environment: console.environment() };
    let hub = HubProcess::start_in(drill.hub, &school.data(), &school.log(), ModelUse::None, &circumstances)
        .await?;
    // Devices know a hub by its address.
    circumstances.port = hub.address.port();
    let client = Hub::new(&format!("http://{}", hub.address))?;
    let work = prepare(&school, hub.address, &tokens, drill.now).await?;
    let mut fleet = Fleet::enrol(hub.address, work, devices, school.folder()).await?;
    let mut random = Random::new(1);
    let pause = Duration::from_millis(20);
    fleet.answer(each, pause, &mut random).await?;
    let admin = client.stranger();
    admin.sign_in_password(&school.accounts.admin.login_name, &school.accounts.admin.password).await?;
    let begun = Instant::now();
    let (backed_up, answered) =
        tokio::join!(back_up_by_admin(&admin), fleet.answer(each, pause, &mut random));
    answered?;
    let state = backed_up?;
    let backup = begun.elapsed();
    for target in &state.targets {
        ensure!(target.health == BackupHealth::Ok, "target {}: {:?}", target.name, target.trouble);
        ensure!(target.other_device, "target {} counts as the hub's own disk", target.name);
    }
    // What a device lets go is covered by one target, and it is the other one that is left after the fire: they must hold
    // the same before the disk goes.
    fleet.wait_until_drained(None, LIMIT).await?;
    back_up_by_admin(&admin).await?;
    // These are in no backup: the hub has acknowledged them, and its disk is about to go.
    fleet.answer(each, pause, &mut random).await?;
    fleet.wait_until_drained(None, LIMIT).await?;
    let (acknowledged, held) = (fleet.kept(), fleet.held());
    let lost_epoch = client.record().await?;
    hub.kill().await?;
    std::fs::remove_dir_all(school.data()).context("destroying the data folder")?;
    fleet.answer(each, pause, &mut random).await?;
    tell(&format!(
        "restore: {acknowledged} answers acknowledged, {held} of them in no backup; {} more without a hub",
        fleet.kept() - acknowledged
    ));

    // The cloud alone, as after a fire; the stick is only looked into, and must hold as much.
    let look = school.folder().join("look");
    let look = look.to_str().context("a path of plain text")?;
    let said =
        console.tell(&["backup", "restore", "--sheet", sheet, "--target", "stick", "--look", look]).await?;
    tell(said.trim_end());
    let begun = Instant::now();
    let said = console.tell(&["backup", "restore", "--sheet", sheet, "--target", "cloud"]).await?;
    let restore = begun.elapsed();
    tell(said.trim_end());
    let begun = Instant::now();
    let hub = HubProcess::start_in(drill.hub, &school.data(), &school.log(), ModelUse::None, &circumstances)
        .await
        .context("starting the restored hub")?;
    let record = client.record().await?;
    ensure!(record.epoch_id != lost_epoch.epoch_id, "the restored hub goes on in the epoch that it lost");
    ensure!(record.epoch > lost_epoch.epoch, "epoch {} comes after {}", record.epoch, lost_epoch.epoch);
    fleet.wait_until_drained(Some(record.epoch_id), LIMIT).await?;
    let drain = begun.elapsed();
    // Everybody was signed out: tokens of now need the hub stopped.
    hub.stop().await?;
    let tokens = school.mint_tokens(drill.hub).await?;
    let hub = HubProcess::start_in(drill.hub, &school.data(), &school.log(), ModelUse::None, &circumstances)
        .await?;
    let faults = fleet.find_faults(&client, &tokens).await?;
    faults.iter().take(20).for_each(|line| tell(line));
    let admin = client.stranger();
    admin.sign_in_password(&school.accounts.admin.login_name, &school.accounts.admin.password).await?;
    let state = back_up_by_admin(&admin).await?;
    let newest = state.epochs.first().context("an epoch")?;
    ensure!(newest.reason == EpochReason::Restore, "the new epoch says {:?}", newest.reason);
    fleet.wait_until_covered(LIMIT).await?;
    let total = console.back_up(Some("stick")).await?;
    let expected = before + fleet.kept();
    let (kept, count) = (fleet.kept(), fleet.len());
    fleet.close().await;
    hub.stop().await?;

    let (at_least, at_most) = (|figure| Some(Target::AtLeast(figure)), |figure| Some(Target::AtMost(figure)));
    report.add(("restore", "drill", "devices"), count as f64, "", at_least(50.0));
    report.add(("restore", "drill", "answers"), kept as f64, "", None);
    report.add(("restore", "drill", "in_no_backup"), held as f64, "", at_least(1.0));
    report.add(("restore", "drill", "lost"), faults.len() as f64, "", at_most(0.0));
    report.add(("restore", "drill", "missing"), expected.saturating_sub(total) as f64, "", at_most(0.0));
    report.add(("restore", "drill", "doubled"), total.saturating_sub(expected) as f64, "", at_most(0.0));
    report.add(("restore", "drill", "backup_s"), backup.as_secs_f64(), "s", None);
    report.add(("restore", "drill", "restore_s"), restore.as_secs_f64(), "s", None);
    report.add(("restore", "drill", "start_and_drain_s"), drain.as_secs_f64(), "s", None);
    Ok(())
}

/// Asks for a backup to every target as an admin does, and waits until all of it was read back; a wrong clock is no
/// reason to make none.
pub async fn back_up_by_admin(admin: &Hub) -> Result<BackupState> {
    // A target that fails says so sooner than it is tried again.
    const PATIENCE: Duration = Duration::from_secs(10);
    let tried = |state: &BackupState| {
        let times = state.targets.iter().map(|target| (target.last_backup_at, target.last_restored_at));
        times.collect::<Vec<_>>()
    };
    let before = tried(&admin.backup(Language::En).await?);
    admin.run_backup().await?;
    let (begun, mut seen_running) = (Instant::now(), Instant::now());
    loop {
        let state = admin.backup(Language::En).await?;
        if state.running.is_some() {
            seen_running = Instant::now();
        } else if tried(&state).iter().zip(&before).all(|(new, old)| new.0 != old.0 && new.1 != old.1) {
            return Ok(state);
        } else if seen_running.elapsed() > PATIENCE {
            bail!("a target got no backup: {:?}", state.targets);
        }
        ensure!(begun.elapsed() < LIMIT, "the backup did not come to its end: {state:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
