//! The day of a class's teacher.

use super::{
    device::{Device, listen, open_stream, wait_for},
    plan::{Steps, TeacherStep},
    tally::Kind,
};
use anyhow::Result;
use dreamseed_wire::{
    Language,
    ids::*,
    lesson::{HintCeiling, LessonFor, LessonMode, LessonView, OpenLesson, SendNote},
    live::{ClassLive, LiveEvent},
};
use std::{cell::Cell, rc::Rc, time::Instant};
use tokio::sync::mpsc;

/// The class in front of the teacher.
pub struct Desk {
    pub class_id: ClassId,
    pub language: Language,
    pub pupils: Vec<UserId>,
    /// Where in the school's problems this class's first lesson begins.
    pub first_problem: usize,
}

/// Wishes for the picture that wait for a busy device.
const WAITING: usize = 64;

/// Opens the live view, holds the lessons and reads the report.
pub async fn spend_day(
    mut device: Device,
    desk: Desk,
    comes: Instant,
    steps: Steps<TeacherStep>,
) -> Result<()> {
    let class = desk.class_id;
    tokio::time::sleep_until(comes.into()).await;
    let picture: Option<ClassLive> =
        device.ask(Kind::Picture, comes, "GET", &format!("/classes/{class}/live"), None).await?;
    let since = picture.map(|picture| picture.last_event);
    let stream = open_stream(&device.day, Instant::now(), device.hub.live_events(class, since)).await?;
    let (sender, refetch) = mpsc::channel(WAITING);
    let newest = Cell::new(None);
    let day = Rc::clone(&device.day);
    let ear = listen(&day, stream, |event| match event {
        LiveEvent::Cell { cell, .. } => {
            if let Some(attempt) = cell.last_attempt {
                newest.set(Some(attempt));
                day.tally.borrow_mut().count_cell(attempt);
            }
        }
        LiveEvent::Refetch => {
            if sender.try_send(Instant::now()).is_err() {
                day.tally.borrow_mut().count_error("a teacher's device is too far behind its events");
            }
        }
        LiveEvent::Pupil { .. }
        | LiveEvent::Lesson { .. }
        | LiveEvent::OpenLessons { .. }
        | LiveEvent::Beat { .. } => {}
    });
    tokio::try_join!(ear, teach(&mut device, &desk, refetch, &newest, steps)).map(drop)
}

async fn teach(
    device: &mut Device,
    desk: &Desk,
    mut refetch: mpsc::Receiver<Instant>,
    newest: &Cell<Option<AttemptId>>,
    steps: Steps<TeacherStep>,
) -> Result<()> {
    let mut lesson = None;
    let mut next_problem = desk.first_problem;
    let mut steps = steps.into_iter().peekable();
    loop {
        let due = steps.peek().map(|(due, _)| *due);
        tokio::select! {
            biased;
            asked = refetch.recv() => {
                let Some(due) = asked else { return Ok(()) };
                device.call(Kind::Picture, due, "GET", &format!("/classes/{}/live", desk.class_id), None).await?;
            }
            () = wait_for(due) => match steps.next() {
                Some((due, TeacherStep::Open)) => {
                    lesson = open_lesson(device, desk, next_problem, due).await?;
                    next_problem += super::LESSON_PROBLEMS;
                }
                Some((due, step)) => take_step(device, desk, lesson, newest.get(), due, step).await?,
                None => {}
            },
        }
    }
}

async fn open_lesson(
    device: &mut Device,
    desk: &Desk,
    first_problem: usize,
    due: Instant,
) -> Result<Option<LessonId>> {
    let body = OpenLesson {
        title: "오늘의 수업".to_owned(),
        problem_ids: device.day.material.choose(first_problem),
        mode: LessonMode::Practice,
        hint_ceiling: HintCeiling::WorkedStep,
        whom: LessonFor::Class,
        minutes: None,
    };
    let body = serde_json::to_string(&body)?;
    let path = format!("/classes/{}/lessons", desk.class_id);
    let opened: Option<LessonView> = device.ask(Kind::Open, due, "POST", &path, Some(&body)).await?;
    Ok(opened.map(|lesson| lesson.lesson_id))
}

async fn take_step(
    device: &mut Device,
    desk: &Desk,
    lesson: Option<LessonId>,
    newest: Option<AttemptId>,
    due: Instant,
    step: TeacherStep,
) -> Result<()> {
    let class = format!("/classes/{}", desk.class_id);
    let pupil = |number: u64| desk.pupils[number as usize % desk.pupils.len()];
    let of_lesson = |what: &str| lesson.map(|lesson| format!("{class}/lessons/{lesson}/{what}"));
    let (kind, method, path, body) = match step {
        // Has been done by the caller, who keeps the lesson.
        TeacherStep::Open => return Ok(()),
        TeacherStep::Pause => (Kind::Pause, "POST", of_lesson("pause"), None),
        TeacherStep::Resume => (Kind::Resume, "POST", of_lesson("resume"), None),
        TeacherStep::Close => (Kind::Close, "POST", of_lesson("close"), None),
        TeacherStep::PupilPage(number) => {
            (Kind::PupilPage, "GET", Some(format!("{class}/pupils/{}", pupil(number))), None)
        }
        TeacherStep::AnswerPage => {
            (Kind::AnswerPage, "GET", newest.map(|attempt| format!("/attempts/{attempt}")), None)
        }
        TeacherStep::Note(number) => {
            let text = "식을 한 줄씩 적어 보세요.".to_owned();
            let note = SendNote { text, lesson_id: lesson, problem_version_id: None };
            let path = format!("{class}/pupils/{}/notes", pupil(number));
            (Kind::Note, "POST", Some(path), Some(serde_json::to_string(&note)?))
        }
        TeacherStep::Report => {
            let path = format!("{class}/report?lang={}", desk.language.code());
            (Kind::Report, "GET", Some(path), None)
        }
    };
    let Some(path) = path else {
        device.day.tally.borrow_mut().count_skipped();
        return Ok(());
    };
    device.call(kind, due, method, &path, body.as_deref()).await?;
    Ok(())
}
