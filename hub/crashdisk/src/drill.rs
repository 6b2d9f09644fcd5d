//! The three parts of the drill.
//!
//! *Cuts*: the hub as it is, its power cut at random calls to the disk, some of them while it starts; each hub goes on from
//! what the last cut has left. *Control*: the same with the syncs of commits left out, which is what `synchronous = NORMAL`
//! does; if that loses nothing, the first part proves nothing. *Failing syncs*: the disk says at some sync that it could not;
//! from then on the hub must acknowledge nothing and end its writer.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use dreamseed_crashdisk::random::Random;
use tokio::runtime::Runtime;

use crate::{
    lesson::{Acknowledged, CONNECTIONS, Lesson, Sent},
    machine::{self, Image, Machine},
    report::{Report, Target, tell},
    school::School,
    verdict::{self, Verdict},
};

/// Cuts after which the school begins anew, so that its answers of long ago do not make the last cuts slow.
const CUTS_A_SCHOOL: usize = 25;
/// Calls to the disk under load within which the power goes: some dozens of commits, and a checkpoint now and then.
const CALLS: usize = 4_000;
/// Syncs under load within which one fails.
const SYNCS: usize = 40;
/// A cut that has not come by then comes now.
const LOAD_LIMIT: Duration = Duration::from_secs(30);
/// Of a thousand starts: those within which the power goes, if the call at which it is to go is reached.
const CUT_STARTS: u16 = 200;
/// How long a hub may take to notice that its disk fails.
const NOTICE_LIMIT: Duration = Duration::from_secs(10);
/// Lines of faults that are printed of each part.
const LINES: usize = 20;

/// How much.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    pub cuts: usize,
    pub controls: usize,
    pub failing_syncs: usize,
}

impl Extent {
    pub const FULL: Extent = Extent { cuts: 200, controls: 20, failing_syncs: 20 };
    /// A control in four or five loses nothing by chance: six of them do so together in one run of thousands.
    pub const SHORT: Extent = Extent { cuts: 10, controls: 6, failing_syncs: 3 };
}

/// What the parts share.
struct Place {
    folder: PathBuf,
    school: Arc<School>,
    /// The threads of the pupils.
    clients: Runtime,
    random: Random,
    machines: usize,
}

/// What one part has come to.
#[derive(Debug, Default)]
struct Tally {
    cuts: usize,
    in_starts: usize,
    acknowledged: usize,
    found: usize,
    lost: Vec<String>,
    doubled: Vec<String>,
    broken: Vec<String>,
    /// Hubs that have noticed by themselves that something is missing.
    rollbacks: usize,
}

/// Runs all three parts and adds their figures to the report.
pub fn cut_power(extent: Extent, seed: u64, report: &mut Report) -> Result<()> {
    let begun = Instant::now();
    let kept = tempfile::Builder::new().prefix("dreamseed-power-").tempdir().context("a folder")?;
    let school = Arc::new(School::make(kept.path(), seed).context("making the school")?);
    let folder = kept.path().to_owned();
    let clients = machine::runtime()?;
    let mut place = Place { folder, school, clients, random: Random::new(seed), machines: 0 };

    let cuts = cut(&mut place, extent.cuts)?;
    add(report, "cuts", &cuts);
    report.add("cuts", "in_starts", cuts.in_starts, "", None);
    report.add("cuts", "lost", cuts.lost.len(), "", Some(Target::AtMost(0)));
    report.add("cuts", "false_rollbacks", cuts.rollbacks, "", Some(Target::AtMost(0)));

    let control = cut_without_commits(&mut place, extent.controls)?;
    add(report, "control", &control);
    report.add("control", "lost", control.lost.len(), "", Some(Target::AtLeast(1)));
    report.add("control", "rollbacks_seen", control.rollbacks, "", None);

    let failing = fail_syncs(&mut place, extent.failing_syncs)?;
    add(report, "failing_syncs", &failing);
    report.add("failing_syncs", "lost", failing.lost.len(), "", Some(Target::AtMost(0)));

    if cuts.has_faults() || failing.has_faults() || !control.broken.is_empty() {
        tell(&format!("what is left of hubs that did not start is kept: {}", kept.keep().display()));
    }
    report.add("all", "seconds", usize::try_from(begun.elapsed().as_secs())?, "s", None);
    Ok(())
}

fn add(report: &mut Report, case: &'static str, tally: &Tally) {
    report.add(case, "cuts", tally.cuts, "", None);
    report.add(case, "acks", tally.acknowledged, "", Some(Target::AtLeast(1)));
    report.add(case, "found", tally.found, "", None);
    report.add(case, "doubled", tally.doubled.len(), "", Some(Target::AtMost(0)));
    report.add(case, "broken", tally.broken.len(), "", Some(Target::AtMost(0)));
}

/// A row of cuts, each hub on what the last one has left.
fn cut(place: &mut Place, cuts: usize) -> Result<Tally> {
    let mut tally = Tally::default();
    while tally.cuts < cuts {
        let until = cuts.min(tally.cuts + CUTS_A_SCHOOL);
        cut_one_school(place, until, &mut tally)?;
    }
    tally.tell_faults();
    Ok(tally)
}

fn cut_one_school(place: &mut Place, until: usize, tally: &mut Tally) -> Result<()> {
    let mut image = place.school.image.clone();
    // All of this school; the last of them were acknowledged since a hub was last looked at.
    let mut acknowledged: Vec<Acknowledged> = Vec::new();
    let mut looked_at = 0;
    let mut unanswered: Vec<Sent> = Vec::new();
    let mut calls_of_start = 1;
    loop {
        let is_last = tally.cuts >= until;
        let mut machine = place.build(&image)?;
        if !is_last && place.random.chance(CUT_STARTS) {
            machine.disk.cut_after(Some(1 + place.random.below(calls_of_start) as u64));
        }
        let started = machine.start_hub(&place.school);
        machine.disk.cut_after(None);
        if machine.disk.is_off() {
            image = place.take(machine)?;
            tally.cuts += 1;
            tally.in_starts += 1;
            tell(&format!("cut {}: while the hub started", tally.cuts));
            continue;
        }
        if let Err(error) = started {
            machine.give_up();
            ensure!(looked_at < acknowledged.len(), "the hub does not start on its own school: {error:#}");
            tally.refuse_start(&format!("cut {}", tally.cuts), &error, &acknowledged[looked_at..]);
            tally.acknowledged += acknowledged.len();
            return Ok(());
        }
        calls_of_start = usize::try_from(machine.disk.calls())?;

        let new = &acknowledged[looked_at..];
        let mut verdict = if is_last {
            verdict::look_through(&machine, &place.school, &acknowledged, &unanswered)?
        } else {
            verdict::look_up(&machine, &place.school, new)?
        };
        verdict::send_again(&machine, &place.school, new, &mut verdict)?;
        if looked_at < acknowledged.len() || is_last {
            tell(&verdict.line(&format!("up to cut {}", tally.cuts), acknowledged.len() - looked_at));
        }
        // Answers of before were counted as found when they were first looked at.
        tally.found += verdict.found - if is_last { looked_at.min(verdict.found) } else { 0 };
        tally.rollbacks += usize::from(verdict.epoch != place.school.epoch);
        tally.blame(verdict);
        looked_at = acknowledged.len();
        if is_last {
            tally.acknowledged += acknowledged.len();
            return machine.clear_away();
        }
        acknowledged.extend(verdict::deliver(&machine, &place.school, std::mem::take(&mut unanswered))?);

        machine.disk.cut_after(Some(1 + place.random.below(CALLS) as u64));
        let lesson = place.begin_lesson(&machine)?;
        machine.disk.wait_until_off(LOAD_LIMIT);
        image = place.take_image(&machine)?;
        let outcome = lesson.end(&place.clients)?;
        machine.clear_away()?;
        acknowledged.extend(outcome.acknowledged);
        unanswered = outcome.unanswered;
        tally.cuts += 1;
    }
}

/// Cuts on a disk that leaves the syncs of commits out, each on the school as it was made.
fn cut_without_commits(place: &mut Place, cuts: usize) -> Result<Tally> {
    let mut tally = Tally::default();
    for cut in 1..=cuts {
        let mut machine = place.build(&place.school.image.clone())?;
        machine.start_hub(&place.school).context("starting the hub of the control")?;
        machine.disk.skip_commits();
        machine.disk.cut_after(Some(1 + place.random.below(CALLS) as u64));
        let lesson = place.begin_lesson(&machine)?;
        machine.disk.wait_until_off(LOAD_LIMIT);
        let image = place.take_image(&machine)?;
        let acknowledged = lesson.end(&place.clients)?.acknowledged;
        machine.clear_away()?;
        place.judge_survivor(&image, &acknowledged, &format!("control {cut}"), &mut tally)?;
    }
    // Lost ones are what is wanted here; whatever else is wrong is not.
    tally.tell_others();
    Ok(tally)
}

/// Syncs that fail, each on the school as it was made; then the power goes.
fn fail_syncs(place: &mut Place, times: usize) -> Result<Tally> {
    let mut tally = Tally::default();
    for time in 1..=times {
        let mut machine = place.build(&place.school.image.clone())?;
        machine.start_hub(&place.school).context("starting the hub whose disk will fail")?;
        machine.disk.fail_sync_after(1 + place.random.below(SYNCS) as u64);
        let lesson = place.begin_lesson(&machine)?;
        ensure!(machine.disk.wait_until_failed(LOAD_LIMIT), "fewer than {SYNCS} syncs in {LOAD_LIMIT:?}");
        let part = machine.failed_part(NOTICE_LIMIT);
        if part != Some("the database writer") {
            tally.broken.push(format!("failing sync {time}: the writer went on ({part:?} has ended)"));
        }
        // Each pupil has come again since, and been refused.
        let end = Instant::now() + NOTICE_LIMIT;
        while lesson.sent_after_failure() < 2 * CONNECTIONS && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
        let image = place.take_image(&machine)?;
        let outcome = lesson.end(&place.clients)?;
        machine.clear_away()?;
        if outcome.acknowledged_after_failure > 0 {
            let count = outcome.acknowledged_after_failure;
            tally.broken.push(format!("failing sync {time}: {count} answers acknowledged after it"));
        }
        ensure!(outcome.sent_after_failure > 0, "nothing was sent after the failing sync");
        place.judge_survivor(&image, &outcome.acknowledged, &format!("failing sync {time}"), &mut tally)?;
    }
    tally.tell_faults();
    Ok(tally)
}

impl Place {
    fn build(&mut self, image: &Image) -> Result<Machine> {
        self.machines += 1;
        Machine::build(image, &self.folder.join(format!("data-{}", self.machines)), self.random.draw())
    }

    fn begin_lesson(&mut self, machine: &Machine) -> Result<Lesson> {
        Lesson::begin(machine, &self.school, &self.clients, &mut self.random)
    }

    /// What is left of a machine whose power has gone, or goes now.
    fn take_image(&self, machine: &Machine) -> Result<Image> {
        Image::take(&machine.disk, &self.folder.join(format!("plain-{}", self.machines)))
    }

    /// The same, and the machine is cleared away.
    fn take(&self, machine: Machine) -> Result<Image> {
        let image = self.take_image(&machine)?;
        machine.clear_away()?;
        Ok(image)
    }

    /// Starts a hub on an image and compares it with what was acknowledged.
    fn judge_survivor(
        &mut self,
        image: &Image,
        acknowledged: &[Acknowledged],
        name: &str,
        tally: &mut Tally,
    ) -> Result<()> {
        let mut machine = self.build(image)?;
        tally.cuts += 1;
        tally.acknowledged += acknowledged.len();
        if let Err(error) = machine.start_hub(&self.school) {
            machine.give_up();
            tally.refuse_start(name, &error, acknowledged);
            return Ok(());
        }
        let verdict = verdict::look_up(&machine, &self.school, acknowledged)?;
        machine.clear_away()?;
        tell(&verdict.line(name, acknowledged.len()));
        tally.found += verdict.found;
        tally.rollbacks += usize::from(verdict.epoch != self.school.epoch);
        tally.blame(verdict);
        Ok(())
    }
}

impl Verdict {
    fn line(&self, name: &str, acknowledged: usize) -> String {
        let Verdict { found, lost, doubled, .. } = self;
        format!(
            "{name}: {acknowledged} acknowledged, {found} looked up and found, {} lost, {} doubled",
            lost.len(),
            doubled.len()
        )
    }
}

impl Tally {
    fn blame(&mut self, verdict: Verdict) {
        self.lost.extend(verdict.lost);
        self.doubled.extend(verdict.doubled);
        self.broken.extend(verdict.broken);
    }

    /// A hub that does not start has lost all that it acknowledged.
    fn refuse_start(&mut self, name: &str, error: &anyhow::Error, acknowledged: &[Acknowledged]) {
        self.broken.push(format!("{name}: the hub does not start on what was left: {error:#}"));
        let lost = acknowledged.iter().map(|kept| kept.sent.answer.attempt_id);
        self.lost.extend(lost.map(|id| format!("{id}: in a database that no hub opens")));
    }

    fn has_faults(&self) -> bool {
        !(self.lost.is_empty() && self.doubled.is_empty() && self.broken.is_empty())
    }

    fn tell_faults(&self) {
        self.lost.iter().take(LINES).for_each(|line| tell(line));
        self.tell_others();
    }

    fn tell_others(&self) {
        self.doubled.iter().chain(&self.broken).take(LINES).for_each(|line| tell(line));
    }
}
