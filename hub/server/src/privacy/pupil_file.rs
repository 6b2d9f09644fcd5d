//! All that the hub holds about one pupil, as a zip file: JSON for programs, CSV for people.
//!
//! What tells about others is left out: who the other guardian is, which teacher did something, from which address. So are
//! keys and common wrong answers of problems, and grades that an exam still keeps.

use std::io::{Cursor, Write};

use dreamseed_wire::{
    Language,
    account::Role,
    attempt::{AttemptView, GradeSource},
    ids::UserId,
    progress::Progress,
};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::{PrivacyError, check_reason, find_pupil};
use crate::{
    answering,
    api::extract::Caller,
    auth::By,
    clock::day_of,
    csv_file::{self, Table},
    exports,
    hub::Ctx,
    progress, pupil_notes as told,
    school::School,
    sittings,
    store::{
        ReadConn, StoreError, attempts,
        audit::{self, AuditFilter},
        consents, pupil_file as rows, pupil_notes, rosters, to_word,
        users::Account,
    },
};

/// Bytes of all files in it together, before they are packed: a pupil's years are a few megabytes.
pub const MAX_BYTES: usize = 64_000_000;

/// Deeds that tell of a grade.
const GRADE_DEEDS: [&str; 3] = ["override grade", "regrade", "take grade back"];

/// A file with its name.
pub struct PupilFile {
    pub file_name: String,
    pub bytes: Vec<u8>,
}

/// Writes the file; the reason goes into the audit log first.
///
/// # Errors
/// No reason, no such pupil, or more than [`MAX_BYTES`].
pub async fn write(
    ctx: &Ctx,
    caller: &Caller,
    by: By,
    pupil: UserId,
    reason: &str,
) -> Result<PupilFile, PrivacyError> {
    let account = find_pupil(ctx, pupil).await?;
    let reason = check_reason(reason, &account)?;
    let school = ctx.school.get();
    let now = ctx.clock.now();
    ctx.store.write(move |tx| by.audit_with_reason(tx, now, "export pupil", Some(pupil), &reason)).await?;
    let for_staff = caller.role == Role::Admin;
    // An admin's too: it is the file that a family asks the school for, and nobody knows when it is handed on. The grades
    // in it are final from then on.
    sittings::show_grades(ctx, pupil).await?;
    let mut progress = progress::of_pupil(ctx, pupil).await?;
    if !for_staff && school.running_exams(pupil, now).next().is_some() {
        // Figures would tell at home what the exam keeps.
        progress = Progress { pupil_id: pupil, skills: Vec::new(), days: Vec::new() };
    }
    let file_name = format!("dreamseed-pupil-{}.zip", day_of(now, &school.hub.time_zone));
    let whole = Whole { school, pupil, account, now, for_staff };
    let bytes = ctx.store.read(move |conn| whole.pack(conn, &progress)).await?;
    Ok(PupilFile { file_name, bytes })
}

/// What the parts of the file are made from.
struct Whole {
    school: std::sync::Arc<School>,
    pupil: UserId,
    account: Account,
    now: Timestamp,
    for_staff: bool,
}

impl Whole {
    fn pack(&self, conn: &ReadConn, progress: &Progress) -> Result<Vec<u8>, PrivacyError> {
        let answers = self.answers(conn)?;
        let mut archive = Archive::new();
        archive.add("README.txt", README.as_bytes())?;
        archive.add_json("account.json", &self.account(conn)?)?;
        archive.add_table("enrolments.csv", &self.enrolments(conn)?)?;
        archive.add_table("answers.csv", &self.answer_lines(&answers))?;
        archive.add_json("answers.json", &answers)?;
        archive.add_table("help.csv", &help_lines(&answers))?;
        archive.add_json("progress.json", progress)?;
        archive.add_table("notes.csv", &self.notes(conn)?)?;
        archive.add_table("exams.csv", &self.sittings(conn)?)?;
        archive.add_table("consents.csv", &self.consents(conn)?)?;
        archive.add_table("sign-ins.csv", &self.sign_ins(conn)?)?;
        archive.add_table("record.csv", &self.record(conn)?)?;
        archive.finish()
    }

    fn account(&self, conn: &ReadConn) -> Result<serde_json::Value, PrivacyError> {
        let guardians =
            self.school.people.values().filter(|other| other.children.contains(&self.pupil)).count();
        Ok(json!({
            "pupil_id": self.pupil,
            "name": self.account.name,
            "language": self.account.language,
            "school": self.school.hub.school_name,
            "class": self.school.my_class(self.pupil),
            "has_pin": self.account.has_pin,
            "is_closed": self.account.archived,
            "made_at": rows::made_at(conn, self.pupil)?,
            "guardians": guardians,
            "written_at": self.now,
        }))
    }

    fn enrolments(&self, conn: &ReadConn) -> Result<Table, StoreError> {
        let mut table = header(&["학년도 school year", "반 class", "번호 number", "부터 from", "까지 to"]);
        for row in rosters::enrolments(conn, self.pupil)? {
            let class = self.school.classes.get(&row.class_id);
            table.push(vec![
                row.school_year.to_string(),
                class.map(|class| class.name.clone()).unwrap_or_default(),
                row.number.to_string(),
                row.from_day,
                row.to_day.unwrap_or_default(),
            ]);
        }
        Ok(table)
    }

    /// As the pupil sees them; an admin gets what only staff see too.
    fn answers(&self, conn: &ReadConn) -> Result<Vec<AttemptView>, StoreError> {
        let mut views = Vec::new();
        for attempt in attempts::of_pupil(conn, self.pupil, u32::MAX)? {
            let version = attempt.problem_version_id;
            let mut view = answering::view_of(conn, &self.school, attempt)?;
            if answering::is_withheld(&self.school, self.pupil, version, self.now) {
                view.grade = None;
                view.graded_by = answering::told_source(view.graded_by, true);
                view.grade_reason = None;
                if !self.for_staff {
                    view.feedback = Vec::new();
                }
            }
            if !self.for_staff {
                view.misconception = None;
                view.grade_reason = view.grade_reason.filter(|_| view.graded_by == GradeSource::Teacher);
            }
            views.push(view);
        }
        views.reverse();
        Ok(views)
    }

    fn answer_lines(&self, answers: &[AttemptView]) -> Table {
        let language = self.school.working_language(self.pupil);
        let mut table = header(&[
            "시각 time",
            "수업 lesson",
            "문제 problem",
            "답 answer",
            "결과 result",
            "채점 graded by",
            "이유 reason",
        ]);
        for view in answers {
            let version = self.school.versions.get(&view.problem_version_id);
            let lesson = view.lesson_id.and_then(|id| self.school.lessons.get(&id));
            let answer = match &view.answer {
                Some(answer) => version
                    .map(|version| dreamseed_grading::describe(&version.draft.question, answer, language))
                    .unwrap_or_default(),
                None => "(손상되어 읽을 수 없음 damaged, cannot be read)".to_owned(),
            };
            let grade = view.grade.as_ref();
            table.push(vec![
                view.received_at.to_string(),
                lesson.map(|lesson| lesson.title.clone()).unwrap_or_default(),
                view.problem_title.clone(),
                answer,
                grade.map(|grade| both(|language| exports::grade_word(grade, language))).unwrap_or_default(),
                both(|language| exports::source_word(view.graded_by, language)),
                view.grade_reason.clone().unwrap_or_default(),
            ]);
        }
        table
    }

    fn notes(&self, conn: &ReadConn) -> Result<Table, StoreError> {
        let mut table = header(&["시각 time", "종류 kind", "글 text", "읽음 seen"]);
        let is_kept_back = |note: &pupil_notes::StoredNote| {
            !self.for_staff && told::is_kept_back(&self.school, self.pupil, note, self.now)
        };
        for note in pupil_notes::of_pupil(conn, self.pupil, u32::MAX)? {
            if is_kept_back(&note) {
                continue;
            }
            let seen = if note.seen { "예 yes" } else { "아니요 no" };
            table.push(vec![note.created_at.to_string(), to_word(&note.kind), note.text, seen.to_owned()]);
        }
        Ok(table)
    }

    fn sittings(&self, conn: &ReadConn) -> Result<Table, StoreError> {
        let mut table = header(&["시험 exam", "시작 begun", "제출 handed in"]);
        for sitting in rows::sittings(conn, self.pupil)? {
            let lesson = self.school.lessons.get(&sitting.lesson_id);
            table.push(vec![
                lesson.map(|lesson| lesson.title.clone()).unwrap_or_default(),
                sitting.begun_at.to_string(),
                sitting.handed_in_at.map(|at| at.to_string()).unwrap_or_default(),
            ]);
        }
        Ok(table)
    }

    fn consents(&self, conn: &ReadConn) -> Result<Table, StoreError> {
        let mut table =
            header(&["범위 scope", "방법 method", "문구 text version", "동의 given", "철회 withdrawn"]);
        for consent in consents::of_pupil(conn, self.pupil)? {
            table.push(vec![
                consent.scope,
                consent.method,
                consent.text_version,
                consent.given_at.to_string(),
                consent.withdrawn_at.map(|at| at.to_string()).unwrap_or_default(),
            ]);
        }
        Ok(table)
    }

    fn sign_ins(&self, conn: &ReadConn) -> Result<Table, StoreError> {
        let mut table = header(&["시작 begun", "마지막 last seen", "끝 ended", "브라우저 browser"]);
        for session in rows::sign_ins(conn, self.pupil)? {
            table.push(vec![
                session.created_at.to_string(),
                session.last_seen_at.to_string(),
                session.ended_at.map(|at| at.to_string()).unwrap_or_default(),
                session.agent,
            ]);
        }
        Ok(table)
    }

    /// What was done with the pupil's data, by which kind of person. That a grade was changed during an exam tells of it:
    /// such lines wait until the exam is over.
    fn record(&self, conn: &ReadConn) -> Result<Table, StoreError> {
        let mut table = header(&["시각 time", "누가 who", "무엇을 what"]);
        let exams = self.school.running_exams(self.pupil, self.now);
        let kept_since = exams.map(|exam| exam.timing.opened_at).min();
        let filter = AuditFilter { subject: Some(self.pupil), ..AuditFilter::default() };
        for row in audit::page(conn, &filter, i64::MAX, u32::MAX)? {
            if kept_since.is_some_and(|since| row.at >= since) && GRADE_DEEDS.contains(&row.action.as_str()) {
                continue;
            }
            let who = row.actor.and_then(|id| self.school.people.get(&id));
            let who = who.map_or_else(|| "허브 hub".to_owned(), |person| role_word(person.role).to_owned());
            table.push(vec![row.at.to_string(), who, row.action]);
        }
        Ok(table)
    }
}

fn help_lines(answers: &[AttemptView]) -> Table {
    let mut table = header(&[
        "시각 time",
        "문제 problem",
        "도움말 hint",
        "AI 글 AI text",
        "AI 모델 model",
        "도움됨 helpful",
    ]);
    for view in answers {
        for help in &view.feedback {
            let text = match (&help.ai_text, help.ai_text_removed) {
                (Some(text), _) => text.clone(),
                (None, true) => "(보관 기간이 지남 no longer kept)".to_owned(),
                (None, false) => String::new(),
            };
            table.push(vec![
                help.asked_at.to_string(),
                view.problem_title.clone(),
                help.hint.clone().unwrap_or_default(),
                text,
                help.model.clone().unwrap_or_default(),
                help.helpful.map(|helpful| helpful.to_string()).unwrap_or_default(),
            ]);
        }
    }
    table
}

fn header(names: &[&str]) -> Table {
    vec![names.iter().map(|name| (*name).to_owned()).collect()]
}

/// A word in both languages.
fn both(word: impl Fn(Language) -> String) -> String {
    format!("{} {}", word(Language::Ko), word(Language::En))
}

fn role_word(role: Role) -> &'static str {
    match role {
        Role::Student => "학생 pupil",
        Role::Parent => "보호자 guardian",
        Role::Teacher => "교사 teacher",
        Role::Admin => "관리자 admin",
    }
}

/// A zip file in memory that cannot grow without end.
struct Archive {
    zip: ZipWriter<Cursor<Vec<u8>>>,
    left: usize,
}

impl Archive {
    fn new() -> Self {
        Archive { zip: ZipWriter::new(Cursor::new(Vec::new())), left: MAX_BYTES }
    }

    fn add(&mut self, name: &str, bytes: &[u8]) -> Result<(), PrivacyError> {
        self.left = self.left.checked_sub(bytes.len()).ok_or(PrivacyError::TooLarge)?;
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        self.zip.start_file(name, options).map_err(|err| PrivacyError::File(err.into()))?;
        self.zip.write_all(bytes).map_err(|err| PrivacyError::File(err.into()))
    }

    fn add_json(&mut self, name: &str, value: &impl Serialize) -> Result<(), PrivacyError> {
        let bytes = serde_json::to_vec_pretty(value).map_err(|err| PrivacyError::File(err.into()))?;
        self.add(name, &bytes)
    }

    fn add_table(&mut self, name: &str, table: &Table) -> Result<(), PrivacyError> {
        let bytes = csv_file::write(table).map_err(|err| PrivacyError::File(err.into()))?;
        self.add(name, &bytes)
    }

    fn finish(self) -> Result<Vec<u8>, PrivacyError> {
        let done = self.zip.finish().map_err(|err| PrivacyError::File(err.into()))?;
        Ok(done.into_inner())
    }
}

const README: &str = "\u{feff}드림시드 허브가 한 학생에 대해 가진 모든 자료입니다.\r
All that the DreamSeed hub of the school holds about one pupil.\r
\r
account.json     계정: 이름, 반, 번호 / the account: name, class, number\r
enrolments.csv   반에 있었던 기간 / times in classes\r
answers.csv      답과 채점 / answers and their grades\r
answers.json     같은 자료, 도움말까지, 프로그램용 / the same with the help, for programs\r
help.csv         도움말과 AI가 쓴 글 / help, and what the AI wrote\r
progress.json    배울 내용별 숙달도와 날마다 푼 수 / mastery by skill, and work by day\r
notes.csv        선생님이 보낸 쪽지 / notes from teachers\r
exams.csv        시험을 시작하고 낸 시각 / when exams were begun and handed in\r
consents.csv     보호자의 동의와 철회 / consents of guardians, and withdrawals\r
sign-ins.csv     로그인 기록 / sign-ins\r
record.csv       이 학생의 자료로 한 일 / what was done with this pupil's data\r
\r
시각은 세계 표준시(UTC)입니다. CSV는 엑셀에서 열 수 있습니다. 엑셀이 수식이나 날짜로 바꿀 칸(예: 4/16)은 앞에 작은따옴표(')가 붙습니다.\r
Times are UTC. CSV files open in Excel; a cell that it would turn into a formula or a date (such as 4/16) begins with an apostrophe (').\r
다른 사람에 대한 내용과, 아직 끝나지 않은 시험의 채점은 들어 있지 않습니다.\r
What tells about other people, and grades of an exam that is not over, are not in it.\r
PIN은 되돌릴 수 없게 바꾸어 보관하므로 들어 있지 않습니다. 고치거나 지우려면 학교에 요청하세요.\r
The PIN is kept only as a hash and is not in it. To correct or erase something, ask the school.\r
";
