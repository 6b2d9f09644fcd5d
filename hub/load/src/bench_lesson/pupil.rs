//! A pupil's day.

use super::{
    device::{Device, listen, open_stream, wait_for},
    plan::{PupilStep, Steps},
    tally::Kind,
};
use anyhow::Result;
use dreamseed_wire::{
    Language,
    answer::Answer,
    attempt::{AttemptReceipt, SubmitAnswer},
    feedback::{FeedbackEvent, FeedbackFailure},
    ids::*,
    lesson::{LessonState, PupilEvent},
    problem::{LessonProblems, MyProblems},
};
use std::{rc::Rc, time::Instant};
use tokio::sync::mpsc;

/// What a pupil's stream asks the page to do.
enum News {
    Lessons,
    Note(NoteId),
}

/// News that wait for a busy device.
const WAITING: usize = 64;

/// Comes, listens and works until the day is over.
pub async fn spend_day(
    mut device: Device,
    language: Language,
    comes: Instant,
    steps: Steps<PupilStep>,
) -> Result<()> {
    let stream = open_stream(&device.day, comes, device.hub.pupil_events()).await?;
    device.call(Kind::Notes, Instant::now(), "GET", "/me/notes", None).await?;
    let (sender, news) = mpsc::channel(WAITING);
    let day = Rc::clone(&device.day);
    let ear = listen(&day, stream, |event| {
        let news = match event {
            PupilEvent::Lessons => {
                day.tally.borrow_mut().lessons_events += 1;
                News::Lessons
            }
            PupilEvent::Note { note } => News::Note(note.note_id),
            PupilEvent::Beat { .. } => return,
        };
        if sender.try_send((Instant::now(), news)).is_err() {
            day.tally.borrow_mut().count_error("a device is too far behind its events");
        }
    });
    tokio::try_join!(ear, work(&mut device, language, news, steps)).map(drop)
}

async fn work(
    device: &mut Device,
    language: Language,
    mut news: mpsc::Receiver<(Instant, News)>,
    steps: Steps<PupilStep>,
) -> Result<()> {
    let mut lesson: Option<LessonProblems> = None;
    let mut steps = steps.into_iter().peekable();
    loop {
        let due = steps.peek().map(|(due, _)| *due);
        tokio::select! {
            biased;
            heard = news.recv() => match heard {
                Some((due, News::Lessons)) => {
                    lesson = fetch_lesson(device, due).await?.or(lesson);
                }
                Some((due, News::Note(note))) => {
                    device.call(Kind::NoteSeen, due, "POST", &format!("/me/notes/{note}/seen"), None).await?;
                }
                None => return Ok(()),
            },
            () = wait_for(due) => {
                if let Some((due, step)) = steps.next() {
                    take_step(device, language, lesson.as_ref(), due, step).await?;
                }
            }
        }
    }
}

/// What the page fetches when its lessons have changed. No lesson is on at the end of an hour: the last one is kept then,
/// for nothing is due.
async fn fetch_lesson(device: &mut Device, due: Instant) -> Result<Option<LessonProblems>> {
    let mine: Option<MyProblems> = device.ask(Kind::Lessons, due, "GET", "/me/problems", None).await?;
    device.call(Kind::Standing, due, "GET", "/me/standing", None).await?;
    Ok(mine.and_then(|mine| mine.lessons.into_iter().find(|lesson| lesson.state != LessonState::Closed)))
}

async fn take_step(
    device: &mut Device,
    language: Language,
    lesson: Option<&LessonProblems>,
    due: Instant,
    step: PupilStep,
) -> Result<()> {
    let (PupilStep::Read(place) | PupilStep::Answer { place, .. }) = step;
    let open = lesson.filter(|lesson| lesson.state == LessonState::Open && !lesson.problems.is_empty());
    let Some(lesson) = open else {
        device.day.tally.borrow_mut().count_skipped();
        return Ok(());
    };
    let version = lesson.problems[place % lesson.problems.len()].problem_version_id;
    match step {
        PupilStep::Read(_) => {
            let path = format!("/problem-versions/{version}?lang={}", language.code());
            device.call(Kind::Problem, due, "GET", &path, None).await?;
        }
        PupilStep::Answer { right, ask_help, .. } => {
            let attempt = AttemptId::new();
            let Some(answer) = choose_answer(device, version, right, attempt) else {
                device.day.tally.borrow_mut().count_skipped();
                return Ok(());
            };
            let receipt = give_answer(device, lesson.lesson_id, version, (attempt, answer), due).await?;
            if receipt.is_some_and(|receipt| ask_help && receipt.next.help) {
                get_help(device, attempt).await?;
            }
        }
    }
    Ok(())
}

/// Another one each time; the other kind if the problem has none of this kind.
fn choose_answer(
    device: &Device,
    version: ProblemVersionId,
    right: bool,
    attempt: AttemptId,
) -> Option<Answer> {
    let repertoire = device.day.material.repertoires.get(&version)?;
    let (wanted, other) = (&repertoire.right, &repertoire.wrong);
    let (wanted, other) = if right { (wanted, other) } else { (other, wanted) };
    let list = if wanted.is_empty() { other } else { wanted };
    // The end of the id is random.
    let (_, low) = attempt.0.as_u64_pair();
    list.get(low as usize % list.len().max(1)).cloned()
}

async fn give_answer(
    device: &mut Device,
    lesson: LessonId,
    version: ProblemVersionId,
    (attempt, answer): (AttemptId, Answer),
    due: Instant,
) -> Result<Option<AttemptReceipt>> {
    let submit = SubmitAnswer {
        attempt_id: attempt,
        problem_version_id: version,
        lesson_id: Some(lesson),
        answer,
        occurred_at: Some(device.day.clock()),
        device_id: None,
        device_seq: None,
    };
    let body = serde_json::to_string(&submit)?;
    device.day.tally.borrow_mut().await_cell(attempt, due);
    let receipt = device.ask(Kind::Answer, due, "POST", "/attempts", Some(&body)).await?;
    let mut tally = device.day.tally.borrow_mut();
    if receipt.is_some() {
        tally.count_acknowledged();
    } else {
        tally.forget_cell(attempt);
    }
    Ok(receipt)
}

/// Asks and reads the help to its end beside the work.
async fn get_help(device: &mut Device, attempt: AttemptId) -> Result<()> {
    let path = format!("/attempts/{attempt}/help");
    if device.call(Kind::Help, Instant::now(), "POST", &path, None).await?.is_none() {
        return Ok(());
    }
    let (day, hub) = (Rc::clone(&device.day), device.hub.clone());
    day.tally.borrow_mut().help_asked += 1;
    tokio::task::spawn_local(async move {
        let read = async {
            let mut events = hub.feedback_events(attempt, None).await?;
            while let Some(event) = events.next().await {
                match event?.data {
                    // Who asks again before the model has begun gets the later help only.
                    FeedbackEvent::Done { .. }
                    | FeedbackEvent::Failed { reason: FeedbackFailure::Expired } => {
                        return anyhow::Ok(());
                    }
                    FeedbackEvent::Failed { reason } => anyhow::bail!("no help came: {reason:?}"),
                    FeedbackEvent::Queued { .. }
                    | FeedbackEvent::Hint { .. }
                    | FeedbackEvent::Token { .. } => {}
                }
            }
            anyhow::bail!("the help broke off")
        };
        let read = read.await;
        let mut tally = day.tally.borrow_mut();
        tally.help_ended += 1;
        if let Err(error) = read {
            tally.count_error(&format!("{error:#}"));
        }
    });
    Ok(())
}
