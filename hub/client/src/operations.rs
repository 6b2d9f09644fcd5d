//! The operations of `docs/routes.md`, in its order.

use crate::{ClientError, EventStream, Hub, connection::BASE};
use bytes::Bytes;
use dreamseed_wire::{
    Language,
    account::*,
    attempt::{AttemptReceipt, AttemptView, ReleasedSolution, SubmitAnswer},
    authoring::{DraftTrial, ProblemDraft, ProblemForEditing, ProblemListing, TryDraft},
    backup::{AddBackupTarget, BackupState, SinceRestore},
    class::*,
    delivery::*,
    exchange::{ExportProblems, ImportReport, ProblemFormat},
    feedback::{FeedbackEvent, HelpTicket, RateFeedback},
    house::*,
    hub::{HubInfo, Notice, Problem},
    ids::*,
    lesson::{ExtendLesson, LessonView, OpenForPupil, OpenLesson, PupilEvent, PupilNote, SendNote},
    live::{ClassLive, LiveEvent},
    model::{EngineView, ModelView},
    people::*,
    privacy::*,
    problem::{LessonProblems, MyProblems, MyStanding, ProblemView, Skill},
    progress::Progress,
    regrade::*,
    report::*,
};
use http::Method;
use serde::de::DeserializeOwned;

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

/// A pupil's exams and what a pupil is told.
impl Hub {
    /// Begins an exam; asking again gives the same order.
    pub async fn begin_sitting(&self, lesson_id: LessonId) -> Reply<LessonProblems> {
        self.post(&format!("/me/lessons/{lesson_id}/sitting")).await
    }

    /// Hands an exam in.
    pub async fn hand_in(&self, lesson_id: LessonId) -> Reply<LessonProblems> {
        self.post(&format!("/me/lessons/{lesson_id}/hand-in")).await
    }

    /// What happens to one's own screen, from now on.
    pub async fn pupil_events(&self) -> Reply<EventStream<PupilEvent>> {
        self.open_stream("/me/events".to_owned(), None).await
    }

    /// What teachers have told one, newest first.
    pub async fn my_notes(&self) -> Reply<Vec<PupilNote>> {
        self.get("/me/notes").await
    }

    /// One has seen a note.
    pub async fn see_note(&self, note_id: NoteId) -> Reply<()> {
        self.command(Method::POST, &format!("/me/notes/{note_id}/seen"), NO_BODY).await
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

    /// Everyone's screen waits.
    pub async fn pause_lesson(&self, class_id: ClassId, lesson_id: LessonId) -> Reply<LessonView> {
        self.post(&format!("/classes/{class_id}/lessons/{lesson_id}/pause")).await
    }

    /// The lesson goes on with the time that it had.
    pub async fn resume_lesson(&self, class_id: ClassId, lesson_id: LessonId) -> Reply<LessonView> {
        self.post(&format!("/classes/{class_id}/lessons/{lesson_id}/resume")).await
    }

    /// More or less time.
    pub async fn extend_lesson(
        &self,
        class_id: ClassId,
        lesson_id: LessonId,
        minutes: i16,
    ) -> Reply<LessonView> {
        let path = format!("/classes/{class_id}/lessons/{lesson_id}/extend");
        self.send_json(Method::POST, &path, &ExtendLesson { minutes }).await
    }

    /// Undoes a close.
    pub async fn reopen_lesson(&self, class_id: ClassId, lesson_id: LessonId) -> Reply<LessonView> {
        self.post(&format!("/classes/{class_id}/lessons/{lesson_id}/reopen")).await
    }

    /// Takes a class out of use.
    pub async fn archive_class(&self, class_id: ClassId) -> Reply<()> {
        self.command(Method::DELETE, &format!("/classes/{class_id}"), NO_BODY).await
    }

    /// Makes a group of pupils.
    pub async fn add_group(&self, class_id: ClassId, group: &SetGroup) -> Reply<ClassGroup> {
        self.send_json(Method::POST, &format!("/classes/{class_id}/groups"), group).await
    }

    /// Changes a group's name and pupils.
    pub async fn change_group(
        &self,
        class_id: ClassId,
        group_id: GroupId,
        group: &SetGroup,
    ) -> Reply<ClassGroup> {
        self.send_json(Method::PUT, &format!("/classes/{class_id}/groups/{group_id}"), group).await
    }

    /// Takes a group away.
    pub async fn remove_group(&self, class_id: ClassId, group_id: GroupId) -> Reply<()> {
        self.command(Method::DELETE, &format!("/classes/{class_id}/groups/{group_id}"), NO_BODY).await
    }

    /// Sends a pupil a note.
    pub async fn send_note(&self, class_id: ClassId, pupil_id: UserId, note: &SendNote) -> Reply<PupilNote> {
        self.send_json(Method::POST, &format!("/classes/{class_id}/pupils/{pupil_id}/notes"), note).await
    }

    /// Opens the next hint or the solution to a pupil.
    pub async fn open_for_pupil(
        &self,
        class_id: ClassId,
        pupil_id: UserId,
        what: &OpenForPupil,
    ) -> Reply<PupilNote> {
        self.send_json(Method::POST, &format!("/classes/{class_id}/pupils/{pupil_id}/open"), what).await
    }

    /// The class now; go on from it with [`Hub::live_events`] after its `last_event`.
    pub async fn class_live(&self, class_id: ClassId) -> Reply<ClassLive> {
        self.get(&format!("/classes/{class_id}/live")).await
    }

    /// The class now with one of its lessons, also one that is over.
    pub async fn class_live_of(&self, class_id: ClassId, lesson_id: LessonId) -> Reply<ClassLive> {
        self.get(&format!("/classes/{class_id}/live?lesson_id={lesson_id}")).await
    }

    /// What changes in a class; from now on, or after the event `last_event_id`.
    pub async fn live_events(
        &self,
        class_id: ClassId,
        last_event_id: Option<String>,
    ) -> Reply<EventStream<LiveEvent>> {
        self.open_stream(format!("/classes/{class_id}/live/events"), last_event_id).await
    }

    /// What changes in a class while one of its lessons is looked at.
    pub async fn live_events_of(
        &self,
        class_id: ClassId,
        lesson_id: LessonId,
        last_event_id: Option<String>,
    ) -> Reply<EventStream<LiveEvent>> {
        let path = format!("/classes/{class_id}/live/events?lesson_id={lesson_id}");
        self.open_stream(path, last_event_id).await
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

    /// What would become of each problem of another program's file; `skill` is for those that name none.
    pub async fn preview_problem_import(
        &self,
        format: ProblemFormat,
        language: Language,
        skill: &str,
        file: impl Into<Bytes>,
    ) -> Reply<ImportReport> {
        let about = about_problems(format, language, skill);
        self.send_file(&format!("/problems/import/preview?{about}"), file).await
    }

    /// Takes a file that was previewed under this digest.
    pub async fn import_problems(
        &self,
        format: ProblemFormat,
        language: Language,
        skill: &str,
        digest: &str,
        file: impl Into<Bytes>,
    ) -> Reply<ImportReport> {
        let about = about_problems(format, language, skill);
        self.send_file(&format!("/problems/import?{about}&digest={digest}"), file).await
    }

    /// Problems as another program's file, in one language.
    pub async fn export_problems(&self, export: &ExportProblems, language: Language) -> Reply<String> {
        self.text_for(Method::POST, &format!("/problems/export?lang={}", language.code()), export).await
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

/// Keeping house, for the admin; teachers may ask for the address.
impl Hub {
    /// How devices reach the hub.
    pub async fn hub_address(&self) -> Reply<HubAddress> {
        self.get("/hub/address").await
    }

    /// What is well with the hub and what is not.
    pub async fn examine_hub(&self, language: Language) -> Reply<DoctorReport> {
        self.get(&format!("/doctor?lang={}", language.code())).await
    }

    /// The audit log, newest first; `query` as in `docs/routes.md`, such as `?before=90&action=sign%20in`, may be empty.
    pub async fn audit(&self, query: &str) -> Reply<AuditPage> {
        self.get(&format!("/audit{query}")).await
    }

    /// Every deed that the audit log may hold, in the language of the signed-in person.
    pub async fn audit_deeds(&self) -> Reply<Vec<AuditDeed>> {
        self.get("/audit/deeds").await
    }

    /// The whole audit log as CSV.
    pub async fn export_audit(&self, reason: &str) -> Reply<String> {
        let reason = GiveReason { reason: reason.to_owned() };
        self.text_for(Method::POST, "/audit/export", &reason).await
    }

    /// The keys of programs.
    pub async fn api_keys(&self) -> Reply<Vec<ApiKeyView>> {
        self.get("/api-keys").await
    }

    /// Makes a key for a program; it is told this once.
    pub async fn add_api_key(&self, key: &AddApiKey) -> Reply<NewApiKey> {
        self.send_json(Method::POST, "/api-keys", key).await
    }

    /// Ends a program's key.
    pub async fn revoke_api_key(&self, api_key_id: ApiKeyId) -> Reply<()> {
        self.command(Method::DELETE, &format!("/api-keys/{api_key_id}"), NO_BODY).await
    }
}

/// Lists of pupils, cards, moves and the new year, for staff; parents' codes and what parents do with them.
impl Hub {
    /// What a class list would change.
    pub async fn preview_roster(
        &self,
        file_name: &str,
        school_year: Option<u16>,
        file: impl Into<Bytes>,
    ) -> Reply<RosterPreview> {
        self.send_file(&format!("/rosters/preview?{}", about_file(file_name, school_year)), file).await
    }

    /// Makes the changes of a class list that were previewed under this digest.
    pub async fn import_roster(
        &self,
        file_name: &str,
        school_year: Option<u16>,
        digest: &str,
        archive_missing: bool,
        file: impl Into<Bytes>,
    ) -> Reply<RosterImported> {
        let about = about_file(file_name, school_year);
        self.send_file(&format!("/rosters?{about}&digest={digest}&archive_missing={archive_missing}"), file)
            .await
    }

    /// Imports and changes of the year, newest first.
    pub async fn roster_changes(&self) -> Reply<Vec<RosterChangeView>> {
        self.get("/roster-changes").await
    }

    /// Puts back what stood before.
    pub async fn undo_roster_change(&self, id: RosterChangeId) -> Reply<RosterChangeView> {
        self.post(&format!("/roster-changes/{id}/undo")).await
    }

    /// What the change of the school year would do.
    pub async fn preview_rollover(&self, plan: &PlanRollover) -> Reply<RolloverPreview> {
        self.send_json(Method::POST, "/rollovers/preview", plan).await
    }

    /// Changes the school year.
    pub async fn apply_rollover(&self, asked: &ApplyRollover) -> Reply<RosterChangeView> {
        self.send_json(Method::POST, "/rollovers", asked).await
    }

    /// New PINs on cards, as PDF.
    pub async fn make_cards(&self, class_id: ClassId, wanted: &MakeCards) -> Reply<Bytes> {
        self.file_for(&format!("/classes/{class_id}/cards"), wanted).await
    }

    /// The sheet that this person made for a class a moment ago.
    pub async fn cards(&self, class_id: ClassId) -> Reply<Bytes> {
        self.file(&format!("/classes/{class_id}/cards")).await
    }

    /// A native sign-in with the code of a card.
    pub async fn sign_in_card(&self, card: &str) -> Reply<SignedIn> {
        self.sign_in(&SignIn::Card { card: card.to_owned(), native: true }).await
    }

    /// A pupil's times in classes, the latest first.
    pub async fn enrolments(&self, pupil_id: UserId) -> Reply<Vec<Enrolment>> {
        self.get(&format!("/pupils/{pupil_id}/enrolments")).await
    }

    /// Moves a pupil to another class or number, or out.
    pub async fn move_pupil(&self, pupil_id: UserId, wish: &MovePupil) -> Reply<Vec<Enrolment>> {
        self.send_json(Method::POST, &format!("/pupils/{pupil_id}/move"), wish).await
    }

    /// The teachers of the school.
    pub async fn staff(&self) -> Reply<Vec<StaffEntry>> {
        self.get("/staff").await
    }

    /// Lets a teacher teach a class.
    pub async fn add_teacher(&self, class_id: ClassId, teacher_id: UserId) -> Reply<()> {
        self.command(Method::PUT, &format!("/classes/{class_id}/teachers/{teacher_id}"), NO_BODY).await
    }

    /// Ends a teacher's time with a class.
    pub async fn remove_teacher(&self, class_id: ClassId, teacher_id: UserId) -> Reply<()> {
        self.command(Method::DELETE, &format!("/classes/{class_id}/teachers/{teacher_id}"), NO_BODY).await
    }

    /// One-time codes for parents.
    pub async fn make_parent_codes(
        &self,
        class_id: ClassId,
        wanted: &MakeParentCodes,
    ) -> Reply<Vec<ParentCode>> {
        self.send_json(Method::POST, &format!("/classes/{class_id}/parent-codes"), wanted).await
    }

    /// The same as letters, PDF.
    pub async fn make_parent_letters(&self, class_id: ClassId, wanted: &MakeParentCodes) -> Reply<Bytes> {
        self.file_for(&format!("/classes/{class_id}/parent-letters"), wanted).await
    }

    /// Makes a parent's account with a code and keeps the session.
    pub async fn join_as_parent(&self, new: &JoinAsParent) -> Reply<SignedIn> {
        let signed_in = self.send_json(Method::POST, "/parents", new).await?;
        self.keep_tokens(&signed_in);
        Ok(signed_in)
    }

    /// Adds a further child with a code and the consent that is needed.
    pub async fn add_child(&self, code: &str) -> Reply<Vec<Child>> {
        let consents = Some(vec!["account".to_owned()]);
        self.add_child_with(&AddChild { code: code.to_owned(), consents }).await
    }

    /// A further child with what the parent agrees to for it.
    pub async fn add_child_with(&self, child: &AddChild) -> Reply<Vec<Child>> {
        self.send_json(Method::POST, "/me/children", child).await
    }
}

/// Backups, for the admin.
impl Hub {
    /// How backups stand.
    pub async fn backup(&self, language: Language) -> Reply<BackupState> {
        self.get(&format!("/backup?lang={}", language.code())).await
    }

    /// Starts a backup to every target.
    pub async fn run_backup(&self) -> Reply<BackupState> {
        self.post("/backup/run").await
    }

    /// Adds a place for backups; it is tried before it is kept.
    pub async fn add_backup_target(
        &self,
        target: &AddBackupTarget,
        language: Language,
    ) -> Reply<BackupState> {
        self.send_json(Method::POST, &format!("/backup/targets?lang={}", language.code()), target).await
    }

    /// Forgets a place for backups; what lies there stays.
    pub async fn remove_backup_target(&self, name: &str) -> Reply<()> {
        self.command(Method::DELETE, &format!("/backup/targets/{name}"), NO_BODY).await
    }

    /// Starts to read the newest backup of a place back.
    pub async fn check_backup_target(&self, name: &str) -> Reply<BackupState> {
        self.post(&format!("/backup/targets/{name}/check")).await
    }

    /// The recovery sheet as PDF; whoever holds it can read every backup.
    pub async fn print_recovery_sheet(&self, reason: &str) -> Reply<Bytes> {
        self.file_for("/backup/sheet", &GiveReason { reason: reason.to_owned() }).await
    }

    /// Says that the recovery sheet was put away.
    pub async fn keep_recovery_sheet(&self) -> Reply<()> {
        self.command(Method::PUT, "/backup/sheet/kept", NO_BODY).await
    }
}

/// Keeping and forgetting, for the admin and, where it is their child, for parents.
impl Hub {
    /// How long each kind of data is kept, and what is past its time.
    pub async fn retention(&self) -> Reply<RetentionReport> {
        self.get("/retention").await
    }

    /// Changes how long a kind is kept.
    pub async fn set_retention(&self, kind: &str, keep_days: u32) -> Reply<RetentionReport> {
        self.send_json(Method::PUT, &format!("/retention/{kind}"), &SetRetention { keep_days }).await
    }

    /// Removes what is past its time; `due` tells how much went.
    pub async fn run_retention(&self) -> Reply<RetentionReport> {
        self.post("/retention/run").await
    }

    /// What guardians have agreed to for a pupil.
    pub async fn consents(&self, pupil_id: UserId) -> Reply<Vec<ConsentView>> {
        self.get(&format!("/pupils/{pupil_id}/consents")).await
    }

    /// Keeps a consent.
    pub async fn record_consent(&self, pupil_id: UserId, consent: &RecordConsent) -> Reply<ConsentView> {
        self.send_json(Method::POST, &format!("/pupils/{pupil_id}/consents"), consent).await
    }

    /// Withdraws a consent.
    pub async fn withdraw_consent(&self, pupil_id: UserId, consent_id: ConsentId) -> Reply<()> {
        self.command(Method::DELETE, &format!("/pupils/{pupil_id}/consents/{consent_id}"), NO_BODY).await
    }

    /// All that the hub holds about a pupil, as a zip file.
    pub async fn export_pupil(&self, pupil_id: UserId, reason: &str) -> Reply<Bytes> {
        let reason = GiveReason { reason: reason.to_owned() };
        self.file_for(&format!("/pupils/{pupil_id}/export"), &reason).await
    }

    /// Erases a pupil for good.
    pub async fn erase_pupil(&self, pupil_id: UserId, erasure: &ErasePupil) -> Reply<Erased> {
        self.send_json(Method::POST, &format!("/pupils/{pupil_id}/erasure"), erasure).await
    }
}

/// Devices that deliver in their own name: what their people call, and what they sign themselves.
impl Hub {
    /// Enrols this device for who is signed in; the same key again gives the same device.
    pub async fn enrol_device(&self, device: &EnrolDevice) -> Reply<EnrolledDevice> {
        self.send_json(Method::POST, "/devices", device).await
    }

    /// All devices, for the admin.
    pub async fn devices(&self) -> Reply<Vec<DeviceView>> {
        self.get("/devices").await
    }

    /// Ends a device, for the admin.
    pub async fn revoke_device(&self, id: DeviceId) -> Reply<()> {
        self.command(Method::DELETE, &format!("/devices/{id}"), NO_BODY).await
    }

    /// A proof that the pupil who is signed in works on this device.
    pub async fn ask_deposit_proof(&self, device_id: DeviceId) -> Reply<DepositProof> {
        self.send_json(Method::POST, "/me/deposit", &AskDepositProof { device_id }).await
    }

    /// Delivers answers; `signed` holds a [`dreamseed_wire::delivery::DeliverAnswers`]. Nobody needs to be signed in.
    pub async fn deliver_answers(&self, device: DeviceId, signed: SignedBody) -> Reply<Delivered> {
        self.send_signed(&answers_path(device), signed).await
    }

    /// Which answers the hub lacks; `signed` holds a [`dreamseed_wire::delivery::AskLacking`].
    pub async fn find_lacking_answers(&self, device: DeviceId, signed: SignedBody) -> Reply<Lacking> {
        self.send_signed(&lacking_path(device), signed).await
    }

    async fn send_signed<T: DeserializeOwned>(&self, path: &str, signed: SignedBody) -> Reply<T> {
        let headers = [
            ("content-type", "application/json"),
            ("dreamseed-signature", signed.signature.as_str()),
            ("dreamseed-device-certificate", signed.certificate.as_str()),
        ];
        let (status, _, body) = self.raw(Method::POST, path, &headers, signed.body).await?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|error| ClientError::Decode(error.into()));
        }
        Err(match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => ClientError::Problem(Box::new(problem)),
            Err(_) => ClientError::Unexpected {
                status: status.as_u16(),
                body: String::from_utf8_lossy(&body).chars().take(500).collect(),
            },
        })
    }
}

/// A body as a device has signed it.
#[derive(Debug, Clone)]
pub struct SignedBody {
    /// Exactly the bytes whose hash is in what is signed.
    pub body: Bytes,
    /// Ed25519, base64url without padding, over the text of `docs/routes.md`.
    pub signature: String,
    /// What the device got when it was enrolled.
    pub certificate: String,
}

/// The path of [`Hub::deliver_answers`] as it stands in what is signed.
pub fn answers_path(device: DeviceId) -> String {
    format!("{BASE}/devices/{device}/answers")
}

/// The path of [`Hub::find_lacking_answers`] as it stands in what is signed.
pub fn lacking_path(device: DeviceId) -> String {
    format!("{BASE}/devices/{device}/lacking")
}

/// The record and what became of it.
impl Hub {
    /// The epoch, the last number in it, and up to where a backup was read back.
    pub async fn record(&self) -> Reply<RecordState> {
        self.get("/record").await
    }

    /// What the state that was restored last did not hold, for the admin.
    pub async fn since_restore(&self) -> Reply<SinceRestore> {
        self.get("/backup/since-restore").await
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

/// Corrections of grades, for staff.
impl Hub {
    /// Who would be graded otherwise under a corrected key.
    pub async fn preview_regrade(
        &self,
        problem_id: ProblemId,
        correction: &CorrectKey,
    ) -> Reply<RegradePreview> {
        self.send_json(Method::POST, &format!("/problems/{problem_id}/regrades/preview"), correction).await
    }

    /// Corrects a key as it was previewed.
    pub async fn apply_regrade(&self, problem_id: ProblemId, regrade: &ApplyRegrade) -> Reply<RegradeView> {
        self.send_json(Method::POST, &format!("/problems/{problem_id}/regrades"), regrade).await
    }

    /// The corrections of a problem's key, newest first.
    pub async fn regrades(&self, problem_id: ProblemId) -> Reply<Vec<RegradeView>> {
        self.get(&format!("/problems/{problem_id}/regrades")).await
    }

    /// Takes a correction back.
    pub async fn undo_regrade(&self, regrade_id: RegradeId) -> Reply<RegradeView> {
        self.post(&format!("/regrades/{regrade_id}/undo")).await
    }

    /// The teacher's own grade for one answer.
    pub async fn override_grade(&self, id: AttemptId, grade: &OverrideGrade) -> Reply<AttemptView> {
        self.send_json(Method::PUT, &format!("/attempts/{id}/grade"), grade).await
    }

    /// Takes the teacher's own grade back.
    pub async fn take_grade_back(&self, id: AttemptId) -> Reply<AttemptView> {
        self.delete(&format!("/attempts/{id}/grade")).await
    }
}

/// Reports and files, for staff.
impl Hub {
    /// A class over its skills; `from` and `to` are days (`YYYY-MM-DD`), the last four weeks if absent.
    pub async fn class_report(
        &self,
        class_id: ClassId,
        (from, to): (Option<&str>, Option<&str>),
        language: Language,
    ) -> Reply<ClassReport> {
        let mut path = format!("/classes/{class_id}/report?lang={}", language.code());
        for (name, day) in [("from", from), ("to", to)] {
            if let Some(day) = day {
                path.push_str(&format!("&{name}={day}"));
            }
        }
        self.get(&path).await
    }

    /// A table of the class as CSV.
    pub async fn export_class(&self, class_id: ClassId, export: &ExportClass) -> Reply<String> {
        self.text_for(Method::POST, &format!("/classes/{class_id}/exports"), export).await
    }

    /// A pupil's skills week by week.
    pub async fn pupil_report(
        &self,
        class_id: ClassId,
        pupil_id: UserId,
        language: Language,
    ) -> Reply<PupilReport> {
        self.get(&format!("/classes/{class_id}/pupils/{pupil_id}/report?lang={}", language.code())).await
    }
}

/// The query of a list's file.
fn about_file(file_name: &str, school_year: Option<u16>) -> String {
    let name: String = file_name
        .bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect();
    let year = school_year.map(|year| format!("&school_year={year}")).unwrap_or_default();
    format!("file_name={name}{year}")
}

fn about_problems(format: ProblemFormat, language: Language, skill: &str) -> String {
    let format = match format {
        ProblemFormat::Gift => "gift",
        ProblemFormat::MoodleXml => "moodle_xml",
    };
    format!("format={format}&lang={}&skill={skill}", language.code())
}
