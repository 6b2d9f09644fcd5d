//! `clock`: the machine's clock is wrong, by a flat battery or a typing error. Backups go on, nothing old is removed,
//! and answers stay in the order in which they came.
//!
//! Each hub runs under libfaketime with a clock that goes sixty times as fast, since a hub leaves two minutes to the
//! lesson before it looks after backups by itself.

use super::{Drill, back_up_by_admin, console::Console};
use crate::{
    hub_process::{Circumstances, HubProcess, ModelUse},
    report::{Report, Target, tell},
    school::{SchoolCopy, SchoolSize},
};
use anyhow::{Context, Result, ensure};
use dreamseed_client::Hub;
use dreamseed_wire::{
    attempt::SubmitAnswer,
    backup::{BackupState, BackupTroubleCode},
    ids::*,
};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use std::time::Duration;

/// Snapshots that stay whatever the clock says.
const AT_LEAST: u64 = 7;
/// Wall-clock time in which two minutes pass for a hub.
const SETTLED: Duration = Duration::from_millis(2_300);
const ANSWERS_EACH: usize = 5;

/// A clock and what a hub should make of it.
struct Clock {
    name: &'static str,
    at: Timestamp,
    belief: Belief,
}

/// What the target of a hub says of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Belief {
    /// Nothing: old backups go as they should.
    Believed,
    /// That it cannot be right, and that nothing old is removed.
    Doubted,
    /// Believed, but the backups of a doubted one must find their place in time first, which a run of its own does.
    Healing,
}

/// Runs a hub under one clock after the other and reports what was lost of backups and order.
pub async fn set_clock_wrong(drill: &Drill<'_>, report: &mut Report) -> Result<()> {
    ensure!(
        drill.faketime.exists(),
        "no libfaketime at {}: install the package faketime, or name the library by DREAMSEED_FAKETIME",
        drill.faketime.display()
    );
    let school = SchoolCopy::make(drill.hub, drill.schools, SchoolSize::Demo).await?;
    let stick = school.folder().join("stick");
    std::fs::create_dir(&stick)?;
    let console = Console::new(drill.hub, &school.data());
    console.add_folder("stick", &stick).await?;
    // A week, a backup each day, as the hub's own clock would have made them.
    for day in (1..=AT_LEAST as i32).rev() {
        let at = drill.now - SignedDuration::from_hours(24) * day;
        let then = clock_of(drill, at, 1);
        Console::new(drill.hub, &school.data()).in_environment(&then).back_up(None).await?;
    }
    let day = SignedDuration::from_hours(24);
    let at = |text: &str| text.parse::<Timestamp>().context("a time");
    let clock = |name, at, belief| Clock { name, at, belief };
    let hours = SignedDuration::from_hours;
    let mut clocks = vec![
        clock("right", drill.now, Belief::Believed),
        clock("1970", at("1970-01-02T00:00:00Z")?, Belief::Doubted),
        clock("2099", at("2099-06-01T00:00:00Z")?, Belief::Doubted),
    ];
    if !drill.is_short {
        // Right again: what was seen makes the next two days ones of doubt, of which a night off counts one.
        clocks.push(clock("a day back", drill.now - day + hours(1), Belief::Doubted));
        clocks.push(clock("a day on", drill.now + day, Belief::Doubted));
        clocks.push(clock("two days on", drill.now + day * 2 + hours(4), Belief::Healing));
        clocks.push(clock("1970 again", at("1970-01-01T00:00:10Z")?, Belief::Doubted));
    }
    // The holidays are over. Nobody can tell them from a jump, so they are doubted too; ten days of them
    // do not count as age.
    let holidays = drill.now + day * 60;
    clocks.push(clock("60 days on", holidays, Belief::Doubted));
    clocks.push(clock("61 days on", holidays + day, Belief::Doubted));
    clocks.push(clock("62 days on", holidays + day * 2 + hours(4), Belief::Healing));
    clocks.push(clock("62 days and 2 hours on", holidays + day * 2 + hours(6), Belief::Healing));
    // A target in trouble is looked after once an hour by itself.
    clocks.push(clock("62 days and 4 hours on", holidays + day * 2 + hours(8), Belief::Believed));
    if !drill.is_short {
        // Six weeks of school: what is too old by days that were lived goes.
        let school_days = (1..=22).map(|turn| holidays + day * 2 + hours(8 + 46 * turn));
        clocks.extend(school_days.map(|at| clock("a school day", at, Belief::Believed)));
    }

    let mut order: Vec<(UserId, AttemptId, i64, &str)> = Vec::new();
    let (mut removed, mut tidied, mut unnamed, mut missing, mut fewest) =
        (0_u64, 0_u64, 0_u64, 0_u64, u64::MAX);
    for clock in &clocks {
        let before = count_snapshots(&stick)?;
        let (state, answers) = run_under(drill, &school, clock).await.with_context(|| clock.name)?;
        let after = count_snapshots(&stick)?;
        let target = state.targets.first().context("a target")?;
        let code = target.trouble.as_ref().map(|trouble| trouble.code);
        tell(&format!("clock: {}: {before} backups before, {after} after, trouble {code:?}", clock.name));
        match clock.belief {
            Belief::Doubted => {
                removed += (before + 1).saturating_sub(after);
                unnamed += u64::from(code != Some(BackupTroubleCode::Clock));
            }
            Belief::Healing => {
                unnamed += u64::from(code.is_some_and(|code| code != BackupTroubleCode::Clock));
            }
            Belief::Believed => {
                tidied += (before + 1).saturating_sub(after);
                unnamed += u64::from(code.is_some());
            }
        }
        fewest = fewest.min(u64::from(target.snapshots));
        order.extend(answers.into_iter().map(|(pupil, attempt, place)| (pupil, attempt, place, clock.name)));
    }
    let tokens = school.mint_tokens(drill.hub).await?;
    let hub = HubProcess::start(drill.hub, &school.data(), &school.log(), ModelUse::None).await?;
    let client = Hub::new(&format!("http://{}", hub.address))?;
    for (pupil_id, attempt_id, hub_seq, name) in &order {
        let token = tokens.iter().find(|(pupil, _)| pupil == pupil_id).context("a token of the pupil")?;
        match client.with_token(&*token.1).attempt(*attempt_id).await {
            Ok(view) if view.hub_seq == *hub_seq => {}
            Ok(view) => {
                missing += 1;
                tell(&format!(
                    "clock: {attempt_id} of {name}: place {}, acknowledged {hub_seq}",
                    view.hub_seq
                ));
            }
            Err(error) => {
                missing += 1;
                tell(&format!("clock: {attempt_id} of {name}: {error}"));
            }
        }
    }
    hub.stop().await?;
    let disordered = order.windows(2).filter(|two| two[1].2 <= two[0].2).count();

    let at_most = |figure| Some(Target::AtMost(figure));
    report.add(("clock", "backups", "clocks"), clocks.len() as f64, "", None);
    report.add(("clock", "backups", "removed_by_a_wrong_clock"), removed as f64, "", at_most(0.0));
    if !drill.is_short {
        report.add(("clock", "backups", "removed_in_time"), tidied as f64, "", Some(Target::AtLeast(1.0)));
    }
    report.add(("clock", "backups", "trouble_not_as_it_is"), unnamed as f64, "", at_most(0.0));
    report.add(("clock", "backups", "fewest"), fewest as f64, "", Some(Target::AtLeast(AT_LEAST as f64)));
    report.add(("clock", "answers", "acks"), order.len() as f64, "", None);
    report.add(("clock", "answers", "lost"), missing as f64, "", at_most(0.0));
    report.add(("clock", "answers", "out_of_order"), disordered as f64, "", at_most(0.0));
    Ok(())
}

/// Starts a hub under a clock, answers, lets it back up and tidy, and ends it. How its backups stand, and what was
/// acknowledged in the order of the answers.
async fn run_under(
    drill: &Drill<'_>,
    school: &SchoolCopy,
    clock: &Clock,
) -> Result<(BackupState, Vec<(UserId, AttemptId, i64)>)> {
    let console = Console::new(drill.hub, &school.data());
    let tokens = mint_tokens(drill, school, clock.at).await?;
    let environment = [console.environment(), clock_of(drill, clock.at, 60)].concat();
    let circumstances = Circumstances { port: 0, environment };
    let hub = HubProcess::start_in(drill.hub, &school.data(), &school.log(), ModelUse::None, &circumstances)
        .await?;
    let settled = tokio::time::sleep(SETTLED);
    let client = Hub::new(&format!("http://{}", hub.address))?;
    let work = school.prepare_work(hub.address, tokens, clock.at).await?;
    let mut answers = Vec::new();
    for number in 0..ANSWERS_EACH {
        let pupil = &work.pupils[number % work.pupils.len()];
        let template = work.classes[pupil.class].pick(number as u64);
        let answer =
            SubmitAnswer { attempt_id: AttemptId::new(), occurred_at: None, ..template.submit.clone() };
        let receipt = client.with_token(&*pupil.token).submit_answer(&answer).await.context("an answer")?;
        answers.push((pupil.pupil_id, receipt.attempt_id, receipt.hub_seq));
    }
    settled.await;
    let admin = client.stranger();
    admin.sign_in_password(&school.accounts.admin.login_name, &school.accounts.admin.password).await?;
    let state = back_up_by_admin(&admin).await?;
    hub.stop().await?;
    Ok((state, answers))
}

/// Tokens of the pupils that are valid under this clock.
async fn mint_tokens(drill: &Drill<'_>, school: &SchoolCopy, at: Timestamp) -> Result<Vec<(UserId, String)>> {
    #[derive(Deserialize)]
    struct Minted {
        pupil_id: UserId,
        access_token: String,
    }
    let console = Console::new(drill.hub, &school.data()).in_environment(&clock_of(drill, at, 1));
    let said = console.tell(&["tokens", "--count", "60"]).await?;
    let lines = said.lines().filter(|line| line.starts_with('{'));
    lines
        .map(|line| {
            let Minted { pupil_id, access_token } = serde_json::from_str(line)?;
            Ok((pupil_id, access_token))
        })
        .collect()
}

/// The environment of a process whose clock shows `at` when it starts and goes so many times as fast.
fn clock_of(drill: &Drill<'_>, at: Timestamp, speed: u32) -> Vec<(String, String)> {
    let shown = at.strftime("@%Y-%m-%d %H:%M:%S");
    [
        ("LD_PRELOAD", drill.faketime.display().to_string()),
        ("FAKETIME", format!("{shown} x{speed}")),
        ("TZ", "UTC".to_owned()),
        // Waits are by the monotonic clock, which nobody can set.
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ("DONT_FAKE_MONOTONIC", "1".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

/// Snapshots that lie in a repository.
fn count_snapshots(folder: &std::path::Path) -> Result<u64> {
    Ok(std::fs::read_dir(folder.join("snapshots"))?.count() as u64)
}
