//! Writes one turn: the model's text through the leak check, and the authored hint where the model cannot help or is late.

use std::{sync::Arc, time::Duration};

use dreamseed_grading::leak::tells_answer;
use dreamseed_models::engine::{Engine, EnginePhase, EngineStatus, GenEvent, GenFailure, Usage};
use dreamseed_wire::{
    Language,
    answer::{Answer, Grade},
    feedback::{FeedbackEvent, FeedbackFailure, FeedbackState, HintReason},
    hub::NoticeCode,
    ids::ClassId,
    lesson::HintCeiling,
};
use serde_json::json;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{
    hints::{self, AuthoredHint},
    prompt::{self, Limits, Situation},
    release::{Release, Step},
    stream::{HelpLog, Place},
};
use crate::{
    config::TutorConfig,
    school::ProblemVersion,
    store::feedback::{ShownHint, TurnEnd, TurnTask},
    telemetry,
};

/// Words of the model are counted against its own deadline; this much later the hub stops waiting for the engine itself.
const GRACE: Duration = Duration::from_secs(2);
/// More than any reply needs, whatever the setting says: it bounds the log of a turn.
const MAX_TOKENS: u32 = 1_000;

/// A turn with everything that is needed to write it.
pub struct Turn {
    pub task: TurnTask,
    pub version: Arc<ProblemVersion>,
    pub ceiling: HintCeiling,
    pub class: Option<ClassId>,
    /// Whether the school lets the model write to this pupil: a guardian's consent may be missing.
    pub ai_allowed: bool,
    /// When it was asked for.
    pub since: Instant,
}

/// How a turn came out.
#[derive(Debug)]
pub struct Outcome {
    /// What to keep; `None` puts the turn back into the queue, because the hub stops and nothing was shown.
    pub end: Option<TurnEnd>,
    pub last_event: FeedbackEvent,
    /// Something the admin should know.
    pub notice: Option<(NoticeCode, serde_json::Value)>,
}

/// Writes a turn to its listeners and gives what to keep of it.
pub async fn write(
    turn: &Turn,
    engine: &dyn Engine,
    config: &TutorConfig,
    log: &HelpLog,
    stopping: &CancellationToken,
) -> Outcome {
    let mut writing = Writing::begin(turn, log);
    if !turn.ai_allowed {
        writing.show_hint(HintReason::NoConsent);
        return writing.finish(None, None, None);
    }
    let status = engine.status().borrow().clone();
    if let Err((reason, notice)) = can_speak(&status, turn.task.language) {
        writing.show_hint(reason);
        return writing.finish(None, None, notice);
    }
    writing.follow(engine, config, stopping, status.model).await
}

/// Whether the model may write to a pupil in this language; if not, why the hint comes, and a notice for the admin.
fn can_speak(
    status: &EngineStatus,
    language: Language,
) -> Result<(), (HintReason, Option<(NoticeCode, serde_json::Value)>)> {
    match status.phase {
        EnginePhase::Ready => {}
        EnginePhase::NoModel => return Err((HintReason::NoModel, Some((NoticeCode::NoModel, json!({}))))),
        EnginePhase::Resting => {
            return Err((HintReason::NoModel, Some((NoticeCode::EngineResting, json!({})))));
        }
        EnginePhase::Starting | EnginePhase::Restarting => return Err((HintReason::NoModel, None)),
    }
    let speaks = |spoken: &String| spoken.split(['-', '_']).next() == Some(language.code());
    if status.languages.iter().any(speaks) {
        return Ok(());
    }
    let data = json!({ "language": language.code(), "model": status.model });
    Err((HintReason::OtherLanguage, Some((NoticeCode::ModelLanguage, data))))
}

/// A turn on its way.
struct Writing<'a> {
    turn: &'a Turn,
    log: &'a HelpLog,
    /// The hint of this turn's level, if its author wrote one.
    authored: Option<AuthoredHint>,
    shown: Option<ShownHint>,
    began: Instant,
    first_word: Option<Duration>,
}

/// What the model did in the end.
struct Reply {
    text: String,
    usage: Option<Usage>,
    stopped: Option<&'static str>,
    failed: Option<GenFailure>,
}

impl<'a> Writing<'a> {
    fn begin(turn: &'a Turn, log: &'a HelpLog) -> Self {
        let task = &turn.task;
        let shown = task.hint.clone();
        if let Some(hint) = &shown {
            log.show_hint(&hint.text, hint.reason);
        }
        let authored = hints::choose(&turn.version, task.number, turn.ceiling, task.language);
        Writing { turn, log, authored, shown, began: Instant::now(), first_word: None }
    }

    async fn follow(
        mut self,
        engine: &dyn Engine,
        config: &TutorConfig,
        stopping: &CancellationToken,
        model: Option<String>,
    ) -> Outcome {
        let deadline = Duration::from_secs(config.deadline_secs);
        let request =
            prompt::build(&self.turn.version, &self.situation(), &self.limits(deadline, config.max_tokens));
        let mut stream = engine.generate(request);
        let turn = self.turn;
        let mut release = Release::new(|text: &str| gives_away(turn, text));
        let late_at = turn.since + Duration::from_millis(config.hint_after_ms);
        let ends_at = self.began + deadline + GRACE;

        let mut reply = Reply { text: String::new(), usage: None, stopped: None, failed: None };
        loop {
            let is_silent = self.first_word.is_none();
            let event = tokio::select! {
                biased;
                () = stopping.cancelled() => {
                    if is_silent {
                        return self.put_back();
                    }
                    reply.stopped = Some("hub");
                    break;
                }
                () = sleep_until(late_at), if is_silent && self.shown.is_none() && self.authored.is_some() => {
                    self.show_hint(HintReason::ModelIsLate);
                    continue;
                }
                () = sleep_until(ends_at) => {
                    reply.failed = Some(GenFailure::Deadline);
                    break;
                }
                event = stream.recv() => event,
            };
            let step = match event {
                Some(GenEvent::Queued { ahead, expected_wait_ms }) => {
                    self.log.set_place(Place { ahead, expected_wait_ms });
                    continue;
                }
                Some(GenEvent::Started) => continue,
                Some(GenEvent::Text { text }) => release.push(&text),
                Some(GenEvent::Done { usage }) => {
                    reply.usage = Some(usage);
                    release.finish(usage.cut)
                }
                Some(GenEvent::Failed { why }) => {
                    reply.failed = Some(why);
                    break;
                }
                None => {
                    reply.failed = Some(GenFailure::EngineDied);
                    break;
                }
            };
            match step {
                Step::Show(words) => self.show_words(words),
                Step::ShowLast(words) => {
                    self.show_words(words);
                    if reply.usage.is_none() {
                        reply.stopped = Some("long_enough");
                    }
                    break;
                }
                Step::Leak => {
                    reply.stopped = Some("told_the_answer");
                    telemetry::count_leak();
                    break;
                }
            }
        }
        // Tells the engine to stop at its next step.
        drop(stream);
        release.shown_text().clone_into(&mut reply.text);
        self.show_hint_after(&reply);
        self.finish(Some(reply), model, None)
    }

    /// Shows the hint where the model's text is missing or was broken off.
    fn show_hint_after(&mut self, reply: &Reply) {
        match (reply.failed, reply.stopped) {
            (Some(GenFailure::Deadline | GenFailure::QueueFull), _) => {
                // A hint for lateness stands before the text; after some text the model counts as down.
                let reason =
                    if reply.text.is_empty() { HintReason::ModelIsLate } else { HintReason::NoModel };
                self.show_hint(reason);
            }
            (
                Some(
                    GenFailure::NoModel
                    | GenFailure::PromptTooLong
                    | GenFailure::EngineDied
                    | GenFailure::BadSchema
                    | GenFailure::Compute,
                ),
                _,
            ) => self.show_hint(HintReason::NoModel),
            (None, Some("told_the_answer")) => self.show_hint(HintReason::ToldTheAnswer),
            (None, _) if reply.text.is_empty() => self.show_hint(HintReason::ModelIsLate),
            (None, _) => {}
        }
    }

    fn show_hint(&mut self, reason: HintReason) {
        if let (None, Some(hint)) = (&self.shown, &self.authored) {
            self.log.show_hint(&hint.text, reason);
            self.shown = Some(ShownHint { text: hint.text.clone(), level: hint.level, reason });
        }
    }

    fn show_words(&mut self, words: Vec<String>) {
        if !words.is_empty() && self.first_word.is_none() {
            let took = self.turn.since.elapsed();
            telemetry::count_first_word(took);
            self.first_word = Some(took);
        }
        self.log.add_words(words);
    }

    fn put_back(self) -> Outcome {
        let last_event = FeedbackEvent::Failed { reason: FeedbackFailure::Expired };
        Outcome { end: None, last_event, notice: None }
    }

    fn finish(
        self,
        reply: Option<Reply>,
        model: Option<String>,
        notice: Option<(NoticeCode, serde_json::Value)>,
    ) -> Outcome {
        let ai_text = reply.as_ref().map(|reply| reply.text.clone()).filter(|text| !text.is_empty());
        let written_by_ai = ai_text.is_some();
        let has_helped = written_by_ai || self.shown.is_some();
        let usage = reply.map(|reply| {
            json!({
                "tokens": reply.usage,
                "stopped": reply.stopped,
                "failed": reply.failed,
                "first_word_ms": self.first_word.map(|took| took.as_millis() as u64),
                "total_ms": self.turn.since.elapsed().as_millis() as u64,
            })
            .to_string()
        });
        let how = match (&self.shown, written_by_ai) {
            (_, true) => "model",
            (Some(_), false) => "hint",
            (None, false) => "nothing",
        };
        telemetry::count_turn(how, Some(self.turn.since.elapsed()));
        let (state, last_event) = if has_helped {
            (FeedbackState::Done, FeedbackEvent::Done { written_by_ai })
        } else {
            (FeedbackState::Failed, FeedbackEvent::Failed { reason: FeedbackFailure::NothingToSay })
        };
        let model = model.filter(|_| written_by_ai);
        Outcome { end: Some(TurnEnd { state, hint: self.shown, ai_text, model, usage }), last_event, notice }
    }

    fn situation(&self) -> Situation<'_> {
        let attempt = &self.turn.task.attempt;
        Situation {
            language: self.turn.task.language,
            answer: &attempt.answer,
            grade: &attempt.grade,
            misconception: attempt.misconception,
            ceiling: self.turn.ceiling,
            number: self.turn.task.number,
            hint: self.authored.as_ref(),
        }
    }

    fn limits(&self, deadline: Duration, max_tokens: u32) -> Limits {
        Limits {
            deadline,
            max_tokens: max_tokens.min(MAX_TOKENS),
            class: self.turn.class,
            pupil: self.turn.task.attempt.pupil_id,
        }
    }
}

/// Whether the model's text so far tells this pupil the answer.
fn gives_away(turn: &Turn, text: &str) -> bool {
    let (draft, language) = (&turn.version.draft, turn.task.language);
    let question = draft.question.in_language(language);
    let statement = draft.statement.get(language);
    let typed = match &turn.task.attempt.answer {
        Answer::Number { text } | Answer::ShortText { text } => text.trim().to_owned(),
        Answer::Cloze { gaps } => gaps.iter().map(|gap| gap.text.trim()).collect::<Vec<_>>().join("\n"),
        Answer::SingleChoice { .. }
        | Answer::MultipleChoice { .. }
        | Answer::TrueFalse { .. }
        | Answer::Ordering { .. }
        | Answer::Matching { .. } => String::new(),
    };
    if matches!(turn.task.attempt.grade, Grade::RightButForm { .. }) && !typed.is_empty() {
        // The value stands in the pupil's answer already: what must not be told is another spelling of it.
        return tells_answer(&draft.key, &question, statement, &text.replace(&typed, " "));
    }
    tells_answer(&draft.key, &question, &format!("{statement}\n{typed}"), text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{feedback::prompt::tests::version, store::feedback::HelpAttempt};
    use dreamseed_models::engine::{GenRequest, GenStream};
    use dreamseed_wire::ids::*;
    use tokio::sync::{mpsc, watch};

    /// Sends events at set times (milliseconds from the request).
    struct Scripted {
        status: EngineStatus,
        script: Vec<(u64, GenEvent)>,
    }

    impl Engine for Scripted {
        fn generate(&self, _: GenRequest) -> GenStream {
            let (sender, stream) = mpsc::channel(64);
            let script = self.script.clone();
            tokio::spawn(async move {
                let start = Instant::now();
                for (at, event) in script {
                    sleep_until(start + Duration::from_millis(at)).await;
                    if sender.send(event).await.is_err() {
                        return;
                    }
                }
                sender.closed().await;
            });
            stream
        }

        fn status(&self) -> watch::Receiver<EngineStatus> {
            watch::channel(self.status.clone()).1
        }
    }

    fn ready(languages: &[&str]) -> EngineStatus {
        EngineStatus {
            phase: EnginePhase::Ready,
            model: Some("tiny".into()),
            languages: languages.iter().map(|&language| language.to_owned()).collect(),
            ..EngineStatus::default()
        }
    }

    fn text(at: u64, text: &str) -> (u64, GenEvent) {
        (at, GenEvent::Text { text: text.into() })
    }

    fn done(at: u64) -> (u64, GenEvent) {
        (at, GenEvent::Done { usage: Usage::default() })
    }

    fn turn(language: Language) -> Turn {
        Turn {
            task: TurnTask {
                seq: 2,
                feedback_id: FeedbackId::new(),
                language,
                hint: None,
                number: 1,
                attempt: HelpAttempt {
                    seq: 1,
                    attempt_id: AttemptId::new(),
                    pupil_id: UserId::new(),
                    problem_version_id: ProblemVersionId::new(),
                    lesson_id: None,
                    answer: Answer::Number { text: "2/5".into() },
                    grade: Grade::Wrong,
                    misconception: None,
                },
            },
            version: Arc::new(version()),
            ceiling: HintCeiling::WorkedStep,
            class: None,
            ai_allowed: true,
            since: Instant::now(),
        }
    }

    async fn run(
        turn: &Turn,
        status: EngineStatus,
        script: Vec<(u64, GenEvent)>,
    ) -> (Vec<FeedbackEvent>, Outcome) {
        let log = Arc::new(HelpLog::default());
        let config = crate::config::Config::default().tutor;
        let engine = Scripted { status, script };
        let outcome = write(turn, &engine, &config, &log, &CancellationToken::new()).await;
        log.end(outcome.last_event.clone());
        let mut listener = log.listen(0);
        let mut events = Vec::new();
        while let Some(event) = listener.next().await {
            events.push(event.event);
        }
        (events, outcome)
    }

    fn words(events: &[FeedbackEvent]) -> String {
        events
            .iter()
            .filter_map(
                |event| if let FeedbackEvent::Token { text } = event { Some(text.as_str()) } else { None },
            )
            .collect()
    }

    fn hints(events: &[FeedbackEvent]) -> Vec<(usize, HintReason)> {
        let hint = |(index, event): (usize, &FeedbackEvent)| {
            if let FeedbackEvent::Hint { reason, .. } = event { Some((index, *reason)) } else { None }
        };
        events.iter().enumerate().filter_map(hint).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn the_models_text_comes_word_by_word() {
        let script = vec![text(100, "Are the deno"), text(200, "minators the same?"), done(300)];
        let (events, outcome) = run(&turn(Language::En), ready(&["en"]), script).await;
        assert_eq!(words(&events), "Are the denominators the same?");
        assert_eq!(events.last(), Some(&FeedbackEvent::Done { written_by_ai: true }));
        assert!(hints(&events).is_empty());
        let end = outcome.end.expect("an end");
        assert_eq!(
            (end.ai_text.as_deref(), end.model.as_deref()),
            (Some("Are the denominators the same?"), Some("tiny"))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_model_joins_the_hint() {
        let turn = turn(Language::En);
        let script = vec![text(5_000, "Look at the denominators. "), done(5_100)];
        let (events, outcome) = run(&turn, ready(&["en"]), script).await;
        assert_eq!(hints(&events), [(0, HintReason::ModelIsLate)]);
        assert_eq!(words(&events), "Look at the denominators. ");
        assert_eq!(outcome.end.expect("an end").hint.expect("a hint").level, 1);
        assert!(turn.since.elapsed() < Duration::from_secs(6));
    }

    #[tokio::test(start_paused = true)]
    async fn the_hint_comes_at_once_without_a_model_or_its_language() {
        for (status, reason, code) in [
            (EngineStatus::default(), HintReason::NoModel, Some(NoticeCode::NoModel)),
            (ready(&["en-GB"]), HintReason::OtherLanguage, Some(NoticeCode::ModelLanguage)),
            (EngineStatus { phase: EnginePhase::Restarting, ..ready(&["ko"]) }, HintReason::NoModel, None),
        ] {
            let turn = turn(Language::Ko);
            let (events, outcome) = run(&turn, status, vec![]).await;
            assert_eq!(
                events,
                [
                    FeedbackEvent::Hint { text: "두 분모를 비교해 보세요.".into(), reason },
                    FeedbackEvent::Done { written_by_ai: false }
                ]
            );
            assert_eq!(outcome.notice.map(|(code, _)| code), code);
            assert_eq!(turn.since.elapsed(), Duration::ZERO);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_told_over_several_chunks_is_not_shown() {
        let script = vec![
            text(100, "Compare the denominators. Then the answer is 5"),
            text(200, "/"),
            text(300, "6, as you see. "),
            done(400),
        ];
        let (events, outcome) = run(&turn(Language::En), ready(&["en"]), script).await;
        assert_eq!(words(&events), "Compare the denominators. ");
        assert_eq!(hints(&events), [(3, HintReason::ToldTheAnswer)]);
        let end = outcome.end.expect("an end");
        assert_eq!(end.ai_text.as_deref(), Some("Compare the denominators."));
        assert!(end.usage.expect("usage").contains("told_the_answer"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_dead_engine_leaves_the_hint() {
        for failure in [Some(GenFailure::EngineDied), Some(GenFailure::Deadline), None] {
            let script = failure.map(|why| (50, GenEvent::Failed { why })).into_iter().collect();
            let (events, outcome) = run(&turn(Language::En), ready(&["en"]), script).await;
            assert_eq!(hints(&events).len(), 1, "{failure:?}");
            assert_eq!(events.last(), Some(&FeedbackEvent::Done { written_by_ai: false }));
            assert_eq!(outcome.end.expect("an end").model, None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_hint_and_model_there_is_nothing_to_say() {
        let mut turn = turn(Language::En);
        let mut version = version();
        version.draft.hints.clear();
        turn.version = Arc::new(version);
        let (events, outcome) = run(&turn, EngineStatus::default(), vec![]).await;
        assert_eq!(events, [FeedbackEvent::Failed { reason: FeedbackFailure::NothingToSay }]);
        assert_eq!(outcome.end.expect("an end").state, FeedbackState::Failed);
    }

    #[tokio::test(start_paused = true)]
    async fn a_hub_that_stops_puts_a_silent_turn_back_and_keeps_a_begun_one() {
        let (log, config, stopping) =
            (HelpLog::default(), crate::config::Config::default().tutor, CancellationToken::new());
        let stop = stopping.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(500)).await;
            stop.cancel();
        });
        let turn = turn(Language::En);
        let silent = Scripted { status: ready(&["en"]), script: vec![] };
        assert!(write(&turn, &silent, &config, &log, &stopping).await.end.is_none());

        let stopping = CancellationToken::new();
        let stop = stopping.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(500)).await;
            stop.cancel();
        });
        let begun = Scripted { status: ready(&["en"]), script: vec![text(100, "Look again. And the")] };
        let end = write(&turn, &begun, &config, &log, &stopping).await.end.expect("an end");
        assert_eq!(end.ai_text.as_deref(), Some("Look again."));
    }

    #[test]
    fn another_spelling_of_a_right_value_is_the_answer() {
        let mut turn = turn(Language::En);
        turn.task.attempt.grade =
            Grade::RightButForm { what: dreamseed_wire::answer::FormFault::LowestTerms };
        turn.task.attempt.answer = Answer::Number { text: "10/12".into() };
        assert!(!gives_away(&turn, "Look at 10/12: which number divides both 10 and 12?"));
        assert!(gives_away(&turn, "Divide both and you have 5/6."));
    }
}
