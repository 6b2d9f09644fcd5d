//! `walk`: the hub's main job with no person, with the real model, in a folder of its own.
//!
//! A pupil of an English class and one of a Korean class each sign in, answer wrong, get the grade, ask for help and
//! read the help to its end; their teachers see both answers live and read the transcripts; the admin finds the
//! notice if the model does not speak Korean. Prints what each of them saw and how long it took; any step that
//! fails fails the walk.

use crate::{
    answers::make_repertoire,
    hub_process::{HubProcess, ModelUse, run_hub_command},
    report::tell,
    school::{Accounts, ClassAccounts},
};
use anyhow::{Context, Result, bail, ensure};
use dreamseed_client::{EventStream, Hub};
use dreamseed_wire::{
    Language,
    answer::{Answer, Grade},
    attempt::SubmitAnswer,
    authoring::ProblemDraft,
    feedback::{FeedbackEvent, HintReason},
    hub::NoticeCode,
    ids::*,
    live::LiveEvent,
    model::{EngineState, EngineView},
};
use std::{
    collections::HashMap,
    io::Write,
    path::Path,
    time::{Duration, Instant},
};

/// A small model on a slow machine needs some seconds to load and some tens of seconds to write.
const MODEL_LOADS_IN: Duration = Duration::from_secs(120);
const HELP_ENDS_IN: Duration = Duration::from_secs(180);
const LIVE_WITHIN: Duration = Duration::from_secs(10);

/// Walks the main job and prints the transcript on stdout.
pub async fn walk_main_job(binary: &Path, models: &Path, now: jiff::Timestamp) -> Result<()> {
    let begun = Instant::now();
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    run_hub_command(binary, &["demo"], &data).await.context("making the demo school")?;
    let accounts: Accounts = serde_json::from_slice(&std::fs::read(data.join("demo-accounts.json"))?)?;
    let hub =
        HubProcess::start(binary, &data, &folder.path().join("hub.log"), ModelUse::From(models)).await?;
    say(
        "허브 · hub",
        &format!("데모 학교로 준비됨 · ready with the demo school, {} ms", hub.ready_after.as_millis()),
    )?;
    let stranger = Hub::new(&format!("http://{}", hub.address))?;
    let walked = walk_roles(&stranger, &accounts, now).await;
    if walked.is_err() {
        // Before the folder goes: the log tells what the hub thought of it.
        tell(&format!("the hub's log ends with:\n{}", hub.end_of_log()));
    }
    walked?;
    hub.stop().await?;
    say("끝 · done", &format!("모든 단계 성공 · every step worked, {:.1} s", begun.elapsed().as_secs_f64()))
}

/// The same on a hub that runs already, with the accounts of its demo school.
pub async fn walk_running_hub(url: &str, accounts: &Path, now: jiff::Timestamp) -> Result<()> {
    let begun = Instant::now();
    let accounts: Accounts = serde_json::from_slice(&std::fs::read(accounts)?)?;
    walk_roles(&Hub::new(url)?, &accounts, now).await?;
    say("끝 · done", &format!("모든 단계 성공 · every step worked, {:.1} s", begun.elapsed().as_secs_f64()))
}

async fn walk_roles(stranger: &Hub, accounts: &Accounts, now: jiff::Timestamp) -> Result<()> {
    let admin = stranger.stranger();
    admin
        .sign_in_password(&accounts.admin.login_name, &accounts.admin.password)
        .await
        .context("the admin signs in")?;
    let engine = wait_for_model(&admin).await?;
    let drafts = read_drafts(&admin).await.context("the admin reads the problems")?;
    let speaks_korean = engine.languages.contains(&Language::Ko);

    let english =
        walk_pupil(stranger, accounts, Language::En, &drafts, now).await.context("the English class")?;
    ensure!(english.is_ai_written, "the model wrote nothing that the English-class pupil could read");
    let korean =
        walk_pupil(stranger, accounts, Language::Ko, &drafts, now).await.context("the Korean class")?;
    if speaks_korean {
        ensure!(korean.is_ai_written, "the model speaks Korean and wrote nothing for the Korean-class pupil");
        return Ok(());
    }
    ensure!(
        korean.hint == Some(HintReason::OtherLanguage) && !korean.is_ai_written,
        "the model does not speak Korean: the authored hint should have come for that reason"
    );
    for language in [Language::Ko, Language::En] {
        let notices = admin.notices(language).await?;
        let notice = notices.iter().find(|notice| notice.code == NoticeCode::ModelLanguage);
        let notice = notice.context("the admin finds no notice that the model does not speak Korean")?;
        say("관리자 · admin", &format!("{} → {}", notice.text, notice.next_step))?;
    }
    Ok(())
}

/// What a pupil read.
struct HelpRead {
    is_ai_written: bool,
    hint: Option<HintReason>,
}

/// One pupil's walk with the teacher looking on. A model's text that would tell the answer is held back by the hub,
/// which is right but shows no model: then the next problem is tried.
async fn walk_pupil(
    stranger: &Hub,
    accounts: &Accounts,
    language: Language,
    drafts: &HashMap<ProblemVersionId, ProblemDraft>,
    now: jiff::Timestamp,
) -> Result<HelpRead> {
    let class = accounts.classes.iter().find(|class| class.language == language && !class.pupils.is_empty());
    let class = class.with_context(|| format!("no class works in `{}`", language.code()))?;
    let teacher = sign_in_teacher(stranger, accounts, class).await?;
    let picture = teacher.class_live(class.class_id).await.context("the teacher opens the class")?;
    let mut live =
        teacher.live_events(class.class_id, Some(picture.last_event)).await.context("the live stream")?;

    let account = &class.pupils[0];
    let pupil = stranger.stranger();
    let me = pupil
        .sign_in_pupil(&class.class_code, account.pupil_id, &account.pin)
        .await
        .context("signing in")?
        .me;
    let who = match language {
        Language::Ko => "한국어반 학생 · pupil of a Korean class",
        Language::En => "영어반 학생 · pupil of an English class",
    };
    say(who, &format!("로그인 · signed in, {}", me.class.map_or_else(String::new, |class| class.name)))?;

    let lessons = pupil.my_problems().await.context("the problem list")?.lessons;
    let mut last = None;
    let problems =
        lessons.iter().flat_map(|lesson| lesson.problems.iter().map(|problem| (lesson.lesson_id, problem)));
    for (lesson_id, problem) in problems.take(4) {
        let view =
            pupil.problem_version(problem.problem_version_id, language).await.context("the problem")?;
        let repertoire = make_repertoire(&view.question, drafts.get(&problem.problem_version_id));
        let Some(answer) = repertoire.wrong.into_iter().next() else { continue };
        say(who, &format!("{}\n{}", view.title, indent(&view.statement)))?;
        let attempt_id = AttemptId::new();
        let submit = SubmitAnswer {
            attempt_id,
            problem_version_id: problem.problem_version_id,
            lesson_id: Some(lesson_id),
            answer: answer.clone(),
            occurred_at: Some(now),
            device_id: None,
            device_seq: None,
        };
        let sent = Instant::now();
        let receipt = pupil.submit_answer(&submit).await.context("the answer")?;
        ensure!(receipt.grade == Some(Grade::Wrong), "a wrong answer was graded {:?}", receipt.grade);
        let graded = sent.elapsed();
        say(
            who,
            &format!("답 · answer: {} → 아직 아니에요 · not yet ({} ms)", told(&answer), graded.as_millis()),
        )?;
        wait_until_live(&mut live, account.pupil_id, attempt_id).await?;
        say(
            "교사 · teacher",
            &format!("화면에서 봄 · sees it live, {} ms after it was sent", sent.elapsed().as_millis()),
        )?;

        ensure!(receipt.next.help, "the pupil may not ask for help");
        if receipt.feedback_url.is_none() {
            pupil.ask_help(attempt_id).await.context("asking for help")?;
        }
        let (read, ai_text) = read_help(&pupil, attempt_id, who).await?;
        let kept = teacher.attempt(attempt_id).await.context("the teacher reads the transcript")?.feedback;
        let kept = kept.last().context("the transcript is empty")?;
        ensure!(
            kept.ai_text.as_deref().map(str::trim) == ai_text.as_deref().map(str::trim),
            "the transcript differs from what the pupil read: {:?}",
            kept.ai_text
        );
        say(
            "교사 · teacher",
            &format!(
                "기록에서 읽음 · reads it in the transcript, model: {}",
                kept.model.as_deref().unwrap_or("–")
            ),
        )?;
        let was_held_back = read.hint == Some(HintReason::ToldTheAnswer);
        last = Some(read);
        if !was_held_back {
            break;
        }
    }
    teacher.sign_out().await?;
    pupil.sign_out().await?;
    last.context("no open lesson with a problem to answer wrong")
}

/// Reads the help to its end; gives the model's text if there is any.
async fn read_help(pupil: &Hub, attempt_id: AttemptId, who: &str) -> Result<(HelpRead, Option<String>)> {
    let asked = Instant::now();
    let mut events = pupil.feedback_events(attempt_id, None).await.context("the help stream")?;
    let (mut text, mut first_word, mut hint) = (String::new(), None, None);
    loop {
        let left = HELP_ENDS_IN.saturating_sub(asked.elapsed());
        let event =
            tokio::time::timeout(left, events.next()).await.context("the help did not end in time")?;
        match event.context("the help stream broke off before its end")??.data {
            FeedbackEvent::Queued { ahead, .. } => {
                say(who, &format!("차례를 기다림 · in line, {ahead} before"))?;
            }
            FeedbackEvent::Hint { text: authored, reason } => {
                let after = asked.elapsed().as_millis();
                say(
                    who,
                    &format!("준비된 도움말 · authored hint ({reason:?}, {after} ms)\n{}", indent(&authored)),
                )?;
                hint = Some(reason);
            }
            FeedbackEvent::Token { text: more } => {
                first_word.get_or_insert_with(|| asked.elapsed());
                text.push_str(&more);
            }
            FeedbackEvent::Done { written_by_ai } => {
                ensure!(written_by_ai != text.is_empty(), "the end of the help contradicts its text");
                break;
            }
            FeedbackEvent::Failed { reason } => bail!("no help came: {reason:?}"),
        }
    }
    let is_ai_written = !text.is_empty();
    if is_ai_written {
        let times = format!(
            "첫 낱말 · first word {} ms, 끝 · end {} ms",
            first_word.unwrap_or_default().as_millis(),
            asked.elapsed().as_millis()
        );
        say(who, &format!("AI가 쓴 도움말 · written by AI ({times})\n{}", indent(&text)))?;
    }
    Ok((HelpRead { is_ai_written, hint }, is_ai_written.then_some(text)))
}

async fn wait_for_model(admin: &Hub) -> Result<EngineView> {
    let begun = Instant::now();
    loop {
        let engine = admin.engine().await.context("the engine's state")?;
        match engine.state {
            EngineState::Ready => {
                let name = engine.model.as_deref().unwrap_or("?");
                let (backend, waited) = (&engine.backend, begun.elapsed().as_millis());
                say("AI", &format!("{name} ({backend}) 준비됨 · ready after {waited} ms more"))?;
                return Ok(engine);
            }
            EngineState::NoModel => {
                bail!("no model is installed; `dreamseed-hub models fetch` gets the starter model")
            }
            EngineState::Resting => bail!("the engine crashed three times"),
            EngineState::Starting | EngineState::Restarting => {
                ensure!(
                    begun.elapsed() < MODEL_LOADS_IN,
                    "the model was not loaded within {MODEL_LOADS_IN:?}"
                );
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// The problems with their keys, by version.
pub async fn read_drafts(admin: &Hub) -> Result<HashMap<ProblemVersionId, ProblemDraft>> {
    let mut drafts = HashMap::new();
    for listing in admin.problems().await? {
        let problem = admin.problem(listing.problem_id).await?;
        drafts.insert(problem.problem_version_id, problem.draft);
    }
    Ok(drafts)
}

/// A teacher who teaches the class.
async fn sign_in_teacher(stranger: &Hub, accounts: &Accounts, class: &ClassAccounts) -> Result<Hub> {
    for account in &accounts.teachers {
        let teacher = stranger.stranger();
        teacher
            .sign_in_password(&account.login_name, &account.password)
            .await
            .context("a teacher signs in")?;
        if teacher.classes().await?.iter().any(|taught| taught.class_id == class.class_id) {
            return Ok(teacher);
        }
        teacher.sign_out().await?;
    }
    bail!("nobody teaches the class")
}

async fn wait_until_live(
    live: &mut EventStream<LiveEvent>,
    pupil: UserId,
    attempt_id: AttemptId,
) -> Result<()> {
    let seen = async {
        while let Some(event) = live.next().await {
            if let LiveEvent::Cell { pupil_id, cell, .. } = event?.data
                && pupil_id == pupil
                && cell.last_attempt == Some(attempt_id)
            {
                return Ok(());
            }
        }
        bail!("the teacher's live stream ended")
    };
    tokio::time::timeout(LIVE_WITHIN, seen).await.context("the teacher did not see the answer in time")?
}

fn told(answer: &Answer) -> String {
    match answer {
        Answer::SingleChoice { choice } => choice.clone(),
        Answer::MultipleChoice { choices } => choices.join(", "),
        Answer::Number { text } | Answer::ShortText { text } => text.clone(),
        Answer::TrueFalse { value } => value.to_string(),
        Answer::Ordering { order } => order.join(" → "),
        Answer::Matching { pairs } => {
            pairs.iter().map(|pair| format!("{}–{}", pair.left, pair.right)).collect::<Vec<_>>().join(", ")
        }
        Answer::Cloze { gaps } => {
            gaps.iter().map(|gap| format!("{}: {}", gap.gap, gap.text)).collect::<Vec<_>>().join(", ")
        }
    }
}

fn indent(text: &str) -> String {
    text.trim().lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

fn say(who: &str, what: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "[{who}] {what}")?;
    stdout.flush().context("printing the transcript")
}
