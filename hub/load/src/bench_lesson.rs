//! `lesson`: a school day, compressed. Every pupil and every class's teacher hold their stream; teachers open lessons,
//! pause them, go on, send notes and close them; pupils read problems and answer them, and some ask for help; at the end
//! come the reports.
//!
//! The loop is open: [`plan`] says before the day begins when each call is due, and its latency counts from then, so that
//! a hub that stalls is not asked less but looks slower. A call that an event asks for is due when the event arrives.
//! Nobody polls.

mod device;
mod plan;
mod pupil;
mod tally;
mod teacher;

pub use tally::DayRuns;

use crate::{
    answers::{Repertoire, make_repertoire},
    hub_process::{HubProcess, own_cpu_time},
    random::Random,
    report::{Report, Target, tell},
    school::{SchoolCopy, sign_in_teachers},
    walk::read_drafts,
};
use anyhow::{Context, Result, ensure};
use device::{Day, Device};
use dreamseed_client::Hub;
use dreamseed_wire::{Language, ids::*, lesson::LessonState};
use plan::Timetable;
use std::{
    collections::HashMap,
    rc::Rc,
    time::{Duration, Instant},
};
use tally::Kind;
use tokio::task::{JoinSet, LocalSet};

/// How much.
#[derive(Debug, Clone, Copy)]
pub struct DayExtent {
    /// The school day: six lessons and the reports.
    pub day: Duration,
    /// Of the answers and moments.
    pub seed: u64,
}

/// Pupils and teachers come in this long, before the day begins.
const ARRIVAL: Duration = Duration::from_secs(5);
/// What was acknowledged must be seen within this time after the day.
const GRACE: Duration = Duration::from_secs(5);
/// Problems of a lesson.
const LESSON_PROBLEMS: usize = 7;

/// Holds the day and adds its figures to the report; `tokens` are those of all pupils, `now` is the devices' clock.
pub async fn measure_day(
    hub: &HubProcess,
    school: &SchoolCopy,
    tokens: Vec<(UserId, String)>,
    extent: DayExtent,
    now: jiff::Timestamp,
    report: &mut Report,
) -> Result<DayRuns> {
    let prepared = Instant::now();
    let client = Hub::new(&format!("http://{}", hub.address))?;
    let material = prepare_material(&client, school).await?;
    let teachers = sign_in_teachers(&client, &school.accounts).await?;
    clear_tables(&client, school, &teachers).await?;
    let (pupils, classes) = (tokens.len(), teachers.len());
    tell(&format!(
        "lesson: {pupils} pupils in {classes} classes, {} lessons in {:?}",
        plan::LESSONS,
        extent.day
    ));

    // A moment to make all tasks before the first of them is due.
    let arrival = Instant::now() + Duration::from_millis(500);
    let timetable = Timetable { begin: arrival + ARRIVAL, day: extent.day };
    let clock = now + jiff::SignedDuration::try_from(timetable.begin - prepared)?;
    let day = Rc::new(Day::new(client.clone(), hub.address, timetable, clock, material));
    let mut random = Random::new(extent.seed);
    let mut tokens: HashMap<_, _> = tokens.into_iter().collect();
    let local = LocalSet::new();
    let mut tasks = JoinSet::new();
    for (class, (account, teacher)) in school.accounts.classes.iter().zip(&teachers).enumerate() {
        let plan = plan::plan_class(timetable, &mut random);
        let mut comes = || arrival + ARRIVAL.mul_f64(0.9 * plan::unit(&mut random));
        for pupil in &account.pupils {
            let Some(token) = tokens.remove(&pupil.pupil_id) else { continue };
            let comes = comes();
            let steps =
                plan::plan_pupil(timetable, &mut Random::new(extent.seed ^ tally::mix(pupil.pupil_id)));
            let device = Device::new(Rc::clone(&day), token);
            tasks.spawn_local_on(pupil::spend_day(device, account.language, comes, steps), &local);
        }
        let token = teacher.access_token().context("a teacher's token")?;
        let desk = teacher::Desk {
            class_id: account.class_id,
            language: account.language,
            pupils: account.pupils.iter().map(|pupil| pupil.pupil_id).collect(),
            first_problem: class * LESSON_PROBLEMS,
        };
        tasks.spawn_local_on(
            teacher::spend_day(Device::new(Rc::clone(&day), token), desk, comes(), plan),
            &local,
        );
    }

    let end = timetable.begin + extent.day;
    let cpu = local
        .run_until(async {
            watch_until(&mut tasks, timetable.begin).await?;
            let before = (hub.cpu_time(), own_cpu_time());
            watch_until(&mut tasks, end).await?;
            let cpu = (hub.cpu_time() - before.0, own_cpu_time() - before.1);
            let limit = end + GRACE;
            while !day.tally.borrow().is_settled() && Instant::now() < limit {
                watch_until(&mut tasks, Instant::now() + Duration::from_millis(50)).await?;
            }
            anyhow::Ok(cpu)
        })
        .await?;
    let memory = hub.memory_mb()?;
    tasks.abort_all();
    let tally = day.tally.borrow();
    let seconds = extent.day.as_secs_f64();
    let held = f64::from(tally.open_streams);
    report.add(("lesson", "day", "pupils"), pupils as f64, "", None);
    report.add(("lesson", "day", "classes"), classes as f64, "", None);
    report.add(("lesson", "day", "streams"), held, "", Some(Target::AtLeast((pupils + classes) as f64)));
    tally.add_figures(seconds, report);
    report.add(("lesson", "day", "rss_mb"), memory.0, "MB", None);
    report.add(("lesson", "day", "peak_rss_mb"), memory.1, "MB", None);
    let share = |time: Duration| time.as_secs_f64() / seconds * 100.0;
    report.add(("lesson", "day", "hub_cpu"), share(cpu.0), "% of a core", None);
    report.add(("lesson", "day", "load_cpu"), share(cpu.1), "% of a core", None);
    ensure!(tally.count_of(Kind::Answer) > 0, "not one answer was given");
    Ok(tally.runs(extent.day))
}

/// What is answered: each problem's repertoire, and the problems that lessons are made of.
#[derive(Debug)]
struct Material {
    problems: Vec<ProblemId>,
    repertoires: HashMap<ProblemVersionId, Repertoire>,
}

impl Material {
    /// The problems of a lesson: other ones for each class and hour.
    fn choose(&self, first: usize) -> Vec<ProblemId> {
        (0..LESSON_PROBLEMS.min(self.problems.len()))
            .map(|step| self.problems[(first + step) % self.problems.len()])
            .collect()
    }
}

async fn prepare_material(client: &Hub, school: &SchoolCopy) -> Result<Material> {
    let admin = client.stranger();
    admin.sign_in_password(&school.accounts.admin.login_name, &school.accounts.admin.password).await?;
    let drafts = read_drafts(&admin).await.context("reading the problems as admin")?;
    let mut material = Material { problems: Vec::new(), repertoires: HashMap::new() };
    for listing in admin.problems().await? {
        let id = listing.problem_version_id;
        let view = admin.problem_version(id, Language::Ko).await?;
        let repertoire = make_repertoire(&view.question, drafts.get(&id));
        let has_answers = !repertoire.right.is_empty() || !repertoire.wrong.is_empty();
        if has_answers && !listing.archived {
            material.problems.push(listing.problem_id);
            material.repertoires.insert(id, repertoire);
        }
    }
    admin.sign_out().await?;
    ensure!(!material.problems.is_empty(), "the school has no problems");
    Ok(material)
}

/// Closes the lessons that the seeded school left open, and waits for the engine that answers calls for help.
async fn clear_tables(client: &Hub, school: &SchoolCopy, teachers: &[Hub]) -> Result<()> {
    for (class, teacher) in school.accounts.classes.iter().zip(teachers) {
        for lesson in teacher.class_detail(class.class_id).await?.lessons {
            if lesson.state != LessonState::Closed {
                teacher.close_lesson(class.class_id, lesson.lesson_id).await?;
            }
        }
    }
    let begun = Instant::now();
    let teacher = teachers.first().unwrap_or(client);
    while teacher.engine().await?.state != dreamseed_wire::model::EngineState::Ready {
        ensure!(begun.elapsed() < Duration::from_secs(30), "the scripted engine is not ready");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Lets everyone go on until then; an error if anybody cannot.
async fn watch_until(tasks: &mut JoinSet<Result<()>>, until: Instant) -> Result<()> {
    let sleep = tokio::time::sleep_until(until.into());
    tokio::pin!(sleep);
    loop {
        tokio::select! {
            () = &mut sleep => return Ok(()),
            Some(ended) = tasks.join_next() => ended??,
        }
    }
}
