//! The operations of `docs/routes.md`, in its order.

use crate::{ClientError, EventStream, Hub};
use dreamseed_wire::{
    Language,
    account::*,
    attempt::{AttemptReceipt, AttemptView, ReleasedSolution, SubmitAnswer},
    authoring::{DraftTrial, ProblemDraft, ProblemForEditing, ProblemListing, TryDraft},
    class::*,
    feedback::{FeedbackEvent, HelpTicket, RateFeedback},
    hub::{HubInfo, Notice},
    ids::*,
    live::{ClassLive, LiveEvent},
    model::{EngineView, ModelView},
    problem::{MyProblems, MyStanding, ProblemView, Skill},
    progress::Progress,
};
use http::Method;

type Reply<T> = Result<T, ClientError>;
const NO_BODY: Option<&()> = None;

/// Signing in and one's own account.
impl Hub {
    /// What anyone may know of the hub.
    pub async fn hub_info(&self) -> Reply<HubInfo> {
        self.get("/hub").await
    }

    /// Makes the first admin and keeps the session.
    pub async fn set_up_hub(&self, set_up: &SetUpHub) -> Reply<SignedIn> {
        let signed_in = self.send_json(Method::POST, "/setup", set_up).await?;
        self.keep_tokens(&signed_in);
        Ok(signed_in)
    }

    /// The names of a class, for who knows its code.
    pub async fn open_roster(&self, class_code: &str) -> Reply<Roster> {
        self.send_json(Method::POST, "/roster", &OpenRoster { class_code: class_code.to_owned() }).await
    }

    /// Signs in and keeps the tokens; only native sign-ins are refreshed by themselves.
    pub async fn sign_in(&self, sign_in: &SignIn) -> Reply<SignedIn> {
        let signed_in = self.send_json(Method::POST, "/sessions", sign_in).await?;
        self.keep_tokens(&signed_in);
        Ok(signed_in)
    }

    /// A native sign-in of a pupil.
    pub async fn sign_in_pupil(&self, class_code: &str, pupil_id: UserId, pin: &str) -> Reply<SignedIn> {
        let (class_code, pin) = (class_code.to_owned(), pin.to_owned());
        self.sign_in(&SignIn::Pupil { class_code, pupil_id, pin, native: true }).await
    }

    /// A native sign-in of staff or a parent.
    pub async fn sign_in_password(&self, login_name: &str, password: &str) -> Reply<SignedIn> {
        let (login_name, password) = (login_name.to_owned(), password.to_owned());
        self.sign_in(&SignIn::Password { login_name, password, native: true }).await
    }

    /// A new access token for the kept refresh token (native sessions); both are replaced.
    pub async fn refresh(&self) -> Reply<SignedIn> {
        self.refresh_kept().await
    }

    /// Ends the session and forgets its tokens.
    pub async fn sign_out(&self) -> Reply<()> {
        self.command(Method::DELETE, "/sessions/current", NO_BODY).await?;
        self.forget_tokens();
        Ok(())
    }

    /// Who is signed in.
    pub async fn me(&self) -> Reply<Me> {
        self.get("/me").await
    }

    /// One's own sessions.
    pub async fn my_sessions(&self) -> Reply<Vec<SessionView>> {
        self.get("/me/sessions").await
    }

    /// Ends one of one's own sessions.
    pub async fn end_my_session(&self, session_id: SessionId) -> Reply<()> {
        self.command(Method::DELETE, &format!("/me/sessions/{session_id}"), NO_BODY).await
    }

    /// Changes one's own password or PIN; other sessions end.
    pub async fn change_password(&self, current: &str, new: &str) -> Reply<()> {
        let change = ChangePassword { current: current.to_owned(), new: new.to_owned() };
        self.command(Method::PUT, "/me/password", Some(&change)).await
    }
}

/// Pupils.
impl Hub {
    /// The open lessons and their problems.
    pub async fn my_problems(&self) -> Reply<MyProblems> {
        self.get("/me/problems").await
    }

    /// Tries and successes so far.
    pub async fn my_standing(&self) -> Reply<MyStanding> {
        self.get("/me/standing").await
    }

    /// One's own progress.
    pub async fn my_progress(&self) -> Reply<Progress> {
        self.get("/me/progress").await
    }

    /// A problem in one language; staff may ask too.
    pub async fn problem_version(&self, id: ProblemVersionId, language: Language) -> Reply<ProblemView> {
        self.get(&format!("/problem-versions/{id}?lang={}", language.code())).await
    }

    /// Hands in an answer. Sending the same again gives the first receipt.
    pub async fn submit_answer(&self, answer: &SubmitAnswer) -> Reply<AttemptReceipt> {
        self.send_json(Method::POST, "/attempts", answer).await
    }

    /// An attempt with its grade and transcript; staff may ask too.
    pub async fn attempt(&self, id: AttemptId) -> Reply<AttemptView> {
        self.get(&format!("/attempts/{id}")).await
    }

    /// Asks for help with an answer.
    pub async fn ask_help(&self, id: AttemptId) -> Reply<HelpTicket> {
        self.post(&format!("/attempts/{id}/help")).await
    }

    /// Help as it is written; from the beginning, or after the event `last_event_id`.
    pub async fn feedback_events(
        &self,
        id: AttemptId,
        last_event_id: Option<u64>,
    ) -> Reply<EventStream<FeedbackEvent>> {
        self.open_stream(format!("/attempts/{id}/feedback"), last_event_id.map(|id| id.to_string())).await
    }

    /// The worked solution, if the teacher's setting allows it now.
    pub async fn release_solution(&self, id: AttemptId) -> Reply<ReleasedSolution> {
        self.post(&format!("/attempts/{id}/solution")).await
    }

    /// Says whether the help helped.
    pub async fn rate_feedback(&self, id: AttemptId, helpful: bool) -> Reply<()> {
        self.command(Method::PUT, &format!("/attempts/{id}/feedback/rating"), Some(&RateFeedback { helpful }))
            .await
    }
}

/// Parents, and what several roles may read.
impl Hub {
    /// A parent's children.
    pub async fn my_children(&self) -> Reply<Vec<Child>> {
        self.get("/children").await
    }

    /// A pupil's progress, for parents and staff.
    pub async fn pupil_progress(&self, pupil_id: UserId) -> Reply<Progress> {
        self.get(&format!("/pupils/{pupil_id}/progress")).await
    }

    /// The skills of the curriculum.
    pub async fn skills(&self, language: Language) -> Reply<Vec<Skill>> {
        self.get(&format!("/skills?lang={}", language.code())).await
    }
}

/// Classes, for teachers and the admin.
impl Hub {
    /// The classes one may see.
    pub async fn classes(&self) -> Reply<Vec<ClassSummary>> {
        self.get("/classes").await
    }

    /// Makes a class.
    pub async fn add_class(&self, class: &AddClass) -> Reply<ClassSummary> {
        self.send_json(Method::POST, "/classes", class).await
    }

    /// A class with its pupils, settings and lessons.
    pub async fn class_detail(&self, class_id: ClassId) -> Reply<ClassDetail> {
        self.get(&format!("/classes/{class_id}")).await
    }

    /// Changes a class's settings.
    pub async fn change_class_settings(&self, class_id: ClassId, settings: &ClassSettings) -> Reply<()> {
        self.command(Method::PUT, &format!("/classes/{class_id}/settings"), Some(settings)).await
    }

    /// Adds a pupil to a class; the PIN is told this once.
    pub async fn add_pupil(&self, class_id: ClassId, pupil: &AddPupil) -> Reply<NewSecret> {
        self.send_json(Method::POST, &format!("/classes/{class_id}/pupils"), pupil).await
    }

    /// A pupil's page with the transcripts.
    pub async fn pupil_page(&self, class_id: ClassId, pupil_id: UserId) -> Reply<PupilPage> {
        self.get(&format!("/classes/{class_id}/pupils/{pupil_id}")).await
    }

    /// Gives problems to a class.
    pub async fn open_lesson(&self, class_id: ClassId, lesson: &OpenLesson) -> Reply<LessonView> {
        self.send_json(Method::POST, &format!("/classes/{class_id}/lessons"), lesson).await
    }

    /// Ends a lesson.
    pub async fn close_lesson(&self, class_id: ClassId, lesson_id: LessonId) -> Reply<()> {
        self.command(Method::POST, &format!("/classes/{class_id}/lessons/{lesson_id}/close"), NO_BODY).await
    }

    /// The class now; go on from it with [`Hub::live_events`] after its `last_event`.
    pub async fn class_live(&self, class_id: ClassId) -> Reply<ClassLive> {
        self.get(&format!("/classes/{class_id}/live")).await
    }

    /// What changes in a class; from now on, or after the event `last_event_id`.
    pub async fn live_events(
        &self,
        class_id: ClassId,
        last_event_id: Option<i64>,
    ) -> Reply<EventStream<LiveEvent>> {
        self.open_stream(format!("/classes/{class_id}/live/events"), last_event_id.map(|id| id.to_string()))
            .await
    }
}

/// Problems as authors see them, for staff.
impl Hub {
    /// All problems.
    pub async fn problems(&self) -> Reply<Vec<ProblemListing>> {
        self.get("/problems").await
    }

    /// Makes a problem.
    pub async fn add_problem(&self, draft: &ProblemDraft) -> Reply<ProblemForEditing> {
        self.send_json(Method::POST, "/problems", draft).await
    }

    /// Tries an answer against a draft that is not saved.
    pub async fn try_draft(&self, trial: &TryDraft) -> Reply<DraftTrial> {
        self.send_json(Method::POST, "/problems/try", trial).await
    }

    /// A problem with its key.
    pub async fn problem(&self, problem_id: ProblemId) -> Reply<ProblemForEditing> {
        self.get(&format!("/problems/{problem_id}")).await
    }

    /// Makes a new version of a problem.
    pub async fn change_problem(
        &self,
        problem_id: ProblemId,
        draft: &ProblemDraft,
    ) -> Reply<ProblemForEditing> {
        self.send_json(Method::PUT, &format!("/problems/{problem_id}"), draft).await
    }

    /// Takes a problem out of the lists; its versions stay.
    pub async fn archive_problem(&self, problem_id: ProblemId) -> Reply<()> {
        self.command(Method::DELETE, &format!("/problems/{problem_id}"), NO_BODY).await
    }
}

/// People, notices and the model, for the admin.
impl Hub {
    /// Everybody, or everybody of one role.
    pub async fn users(&self, role: Option<Role>) -> Reply<Vec<UserView>> {
        let filter = match role {
            None => "",
            Some(Role::Student) => "?role=student",
            Some(Role::Parent) => "?role=parent",
            Some(Role::Teacher) => "?role=teacher",
            Some(Role::Admin) => "?role=admin",
        };
        self.get(&format!("/users{filter}")).await
    }

    /// Makes a parent, teacher or admin; the first password is told this once.
    pub async fn add_user(&self, user: &AddUser) -> Reply<NewSecret> {
        self.send_json(Method::POST, "/users", user).await
    }

    /// A new PIN or password for somebody, whose sessions end. Teachers may do so for their pupils.
    pub async fn reset_secret(&self, user_id: UserId) -> Reply<NewSecret> {
        self.post(&format!("/users/{user_id}/secret")).await
    }

    /// Signs somebody out everywhere.
    pub async fn end_user_sessions(&self, user_id: UserId) -> Reply<()> {
        self.command(Method::DELETE, &format!("/users/{user_id}/sessions"), NO_BODY).await
    }

    /// Takes an account out of use.
    pub async fn archive_user(&self, user_id: UserId) -> Reply<()> {
        self.command(Method::DELETE, &format!("/users/{user_id}"), NO_BODY).await
    }

    /// What the admin should know or do.
    pub async fn notices(&self, language: Language) -> Reply<Vec<Notice>> {
        self.get(&format!("/notices?lang={}", language.code())).await
    }

    /// Puts a notice away.
    pub async fn dismiss_notice(&self, notice_id: NoticeId) -> Reply<()> {
        self.command(Method::DELETE, &format!("/notices/{notice_id}"), NO_BODY).await
    }

    /// The models of the catalogue and those added by hand.
    pub async fn models(&self) -> Reply<Vec<ModelView>> {
        self.get("/models").await
    }

    /// Whether the model can write; teachers may ask too.
    pub async fn engine(&self) -> Reply<EngineView> {
        self.get("/engine").await
    }
}

/// Probes outside the base.
impl Hub {
    /// Whether the process answers at all.
    pub async fn is_alive(&self) -> bool {
        self.text("/livez", None).await.is_ok()
    }

    /// Whether the hub can serve: its database is open and writable.
    pub async fn is_ready(&self) -> bool {
        self.text("/readyz", None).await.is_ok()
    }

    /// Metrics as Prometheus text; `token` is needed from other machines.
    pub async fn metrics(&self, token: Option<&str>) -> Reply<String> {
        self.text("/metrics", token).await
    }
}
