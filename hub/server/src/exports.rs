//! A class's data as a file for a spreadsheet. Each file leaves a row in the audit log with the reason for it.
//!
//! The answers of a class may be hundreds of thousands: they are read, put into words and sent a stretch at a time, off the
//! async threads. An answer or a correction that comes meanwhile may be in the file or not.

use std::sync::Arc;

use bytes::Bytes;
use dreamseed_wire::{
    Language,
    answer::Grade,
    attempt::GradeSource,
    class::RosterEntry,
    ids::*,
    progress::MasteryLevel,
    report::{ExportClass, ExportKind},
};

use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};

use crate::{
    api::extract::Caller,
    audit_log::{self, BadReason},
    clock::day_of,
    content_pack,
    csv_file::{self, Table},
    hub::Ctx,
    reports::{self, Days, ReportError},
    school::{Class, School},
    store::{
        ReadConn, Store, StoreError,
        audit::{self, AuditEntry},
        masteries,
        reports::{self as rows, AnswerLine},
    },
};

/// Answers of one pupil that are read at once.
const ANSWERS_AT_ONCE: u32 = 1_000;

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Reason(#[from] BadReason),
    #[error("the file could not be written")]
    Csv(#[from] csv::Error),
    #[error(transparent)]
    Report(#[from] ReportError),
    #[error("the export could not be noted")]
    Store(#[from] StoreError),
}

/// A file with its name, piece by piece.
pub struct Export {
    pub file_name: String,
    pub pieces: BoxStream<'static, Result<Bytes, ExportError>>,
}

/// Writes a table of a class, in the language of who asks, and the reason into the audit log first.
pub async fn export_class(
    ctx: &Ctx,
    caller: &Caller,
    class_id: ClassId,
    body: ExportClass,
) -> Result<Export, ExportError> {
    let reason = audit_log::check_reason(&body.reason)?;
    let (school, now, by) = (ctx.school.get(), ctx.clock.now(), caller.user_id);
    let class = school.classes.get(&class_id).ok_or(ReportError::UnknownClass)?;
    let today = day_of(now, &school.hub.time_zone);
    let days = Days::read(body.from.as_deref().or(Some("2000-01-01")), body.to.as_deref(), today)?;
    let language = school.people.get(&by).map(|person| person.language).unwrap_or_default();
    let file_name = format!("{}-{}-{today}.csv", name_of(body.what), safe_name(&class.name));

    let detail = format!("{class_id} {}", name_of(body.what));
    ctx.store
        .write(move |tx| {
            audit::add_with_reason(tx, &AuditEntry::by(by, "export class", &detail, now), &reason)
        })
        .await?;
    let table = match body.what {
        ExportKind::Roster => roster(&school, class, language),
        ExportKind::Problems => problems(ctx, class_id, days, language).await?,
        ExportKind::Skills => {
            let read = move |conn: &ReadConn| {
                let class = school.classes.get(&class_id).ok_or(ReportError::UnknownClass)?;
                Ok::<_, ReportError>(skills(conn, &school, class, language)?)
            };
            ctx.store.read(read).await?
        }
        ExportKind::Answers => {
            let pupils = school.roster(class);
            let pieces = answers(ctx.store.clone(), AnswerFile { school, pupils, days, language })?;
            return Ok(Export { file_name, pieces });
        }
    };
    let whole = Bytes::from(csv_file::write(&table)?);
    Ok(Export { file_name, pieces: stream::once(async { Ok(whole) }).boxed() })
}

/// 학년, 반, 번호, 이름: an import of it finds everybody and changes nothing.
fn roster(school: &School, class: &Class, language: Language) -> Table {
    let mut table = vec![header(language, ROSTER)];
    for pupil in school.roster(class) {
        table.push(vec![class.grade.to_string(), short_class(class), pupil.number.to_string(), pupil.name]);
    }
    table
}

/// Pupils × skills: mastery in percent.
fn skills(conn: &ReadConn, school: &School, class: &Class, language: Language) -> Result<Table, StoreError> {
    let columns: Vec<_> = content_pack::skills(language);
    let mut rows = Vec::new();
    let mut used = std::collections::BTreeSet::new();
    for pupil in school.roster(class) {
        let masteries = masteries::of_pupil(conn, pupil.pupil_id)?;
        used.extend(masteries.iter().map(|mastery| mastery.skill.clone()));
        rows.push((pupil, masteries));
    }
    // In the order of the curriculum; a school's own skills behind them.
    let mut skills: Vec<String> =
        columns.iter().filter(|skill| used.remove(&skill.id)).map(|skill| skill.id.clone()).collect();
    skills.extend(used);

    let mut first = header(language, PUPIL);
    first.extend(skills.iter().map(|skill| content_pack::skill_name(skill, language)));
    first.push(word(language, "숙달한 배울 내용", "Secure skills"));
    let mut table = vec![first];
    for (pupil, masteries) in rows {
        let mut row = vec![pupil.number.to_string(), pupil.name];
        for skill in &skills {
            let known = masteries.iter().find(|mastery| mastery.skill == *skill);
            row.push(known.map_or_else(String::new, |mastery| percent(mastery.state.mastery)));
        }
        let secure = masteries.iter().filter(|mastery| mastery.state.level() == MasteryLevel::Secure);
        row.push(secure.count().to_string());
        table.push(row);
    }
    Ok(table)
}

/// Whose answers stand in a file, and how they are told.
struct AnswerFile {
    school: Arc<School>,
    pupils: Vec<RosterEntry>,
    days: Days,
    language: Language,
}

/// One line for each answer, by pupil and in the order of record.
fn answers(
    store: Store,
    file: AnswerFile,
) -> Result<BoxStream<'static, Result<Bytes, ExportError>>, ExportError> {
    let head = csv_file::write(&vec![header(file.language, ANSWERS)])?;
    let file = Arc::new(file);
    // Which pupil, and after which answer.
    let rows = stream::try_unfold((0, 0_i64), move |(place, after)| {
        let (store, file) = (store.clone(), Arc::clone(&file));
        async move {
            if place >= file.pupils.len() {
                return Ok(None);
            }
            let read = move |conn: &ReadConn| answer_piece(conn, &file, place, after);
            let (bytes, last) = store.read(read).await?;
            Ok(Some((bytes, last.map_or((place + 1, 0), |last| (place, last)))))
        }
    });
    Ok(stream::once(async { Ok(Bytes::from(head)) }).chain(rows).boxed())
}

/// A stretch of one pupil's lines, and the last answer of it if there may be more.
fn answer_piece(
    conn: &ReadConn,
    file: &AnswerFile,
    place: usize,
    after: i64,
) -> Result<(Bytes, Option<i64>), ExportError> {
    let Some(pupil) = file.pupils.get(place) else { return Ok((Bytes::new(), None)) };
    let (from, to) = (file.days.from.to_string(), file.days.to.to_string());
    let lines = rows::answers(conn, pupil.pupil_id, (&from, &to), after, ANSWERS_AT_ONCE)?;
    let is_full = lines.len() == ANSWERS_AT_ONCE as usize;
    let last = lines.last().filter(|_| is_full).map(|line| line.hub_seq);
    let table = lines.into_iter().map(|line| answer_row(file, pupil, line));
    Ok((Bytes::from(csv_file::write_rows(table)?), last))
}

fn answer_row(file: &AnswerFile, pupil: &RosterEntry, line: AnswerLine) -> Vec<String> {
    let (school, language) = (&file.school, file.language);
    let version = school.versions.get(&line.problem_version_id);
    let lesson = line.lesson_id.and_then(|id| school.lessons.get(&id));
    let answer =
        version.map(|version| dreamseed_grading::describe(&version.draft.question, &line.answer, language));
    let misconception = version.zip(line.misconception).and_then(|(version, index)| {
        Some(version.draft.common_wrong.get(index)?.misconception.get(language).to_owned())
    });
    let time = line.occurred_at.to_zoned(school.hub.time_zone.clone()).strftime("%H:%M").to_string();
    vec![
        pupil.number.to_string(),
        pupil.name.clone(),
        line.day,
        time,
        lesson.map(|lesson| lesson.title.clone()).unwrap_or_default(),
        version.map(|version| version.draft.title.get(language).to_owned()).unwrap_or_default(),
        content_pack::skill_name(&line.skill, language),
        answer.unwrap_or_default(),
        grade_word(&line.grade, language),
        source_word(line.source, language),
        misconception.unwrap_or_default(),
        line.late_by_secs.map(|seconds| seconds.to_string()).unwrap_or_default(),
    ]
}

/// Difficult problems, each with its wrong answers.
async fn problems(ctx: &Ctx, class: ClassId, days: Days, language: Language) -> Result<Table, ReportError> {
    let mut table = vec![header(language, PROBLEMS)];
    for problem in reports::problems_of_class(ctx, class, days, language).await? {
        let row = vec![
            problem.title,
            content_pack::skill_name(&problem.skill, language),
            problem.pupils_tried.to_string(),
            problem.pupils_solved.to_string(),
            problem.tries.to_string(),
        ];
        for wrong in problem.wrong_answers {
            let mut row = row.clone();
            row.extend([wrong.answer, wrong.count.to_string(), wrong.misconception.unwrap_or_default()]);
            table.push(row);
        }
    }
    Ok(table)
}

/// Without what file systems refuse.
fn safe_name(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect()
}

/// The class as a list has it beside its own column of grades: `1` of `5학년 1반`.
fn short_class(class: &Class) -> String {
    match dreamseed_roster::read_class(&class.name) {
        Some((grade, short)) if grade.is_none_or(|grade| grade == class.grade) => short,
        Some(_) | None => class.name.clone(),
    }
}

fn percent(share: f64) -> String {
    format!("{}%", (share * 100.0).round())
}

const ROSTER: &[(&str, &str)] = &[("학년", "Grade"), ("반", "Class"), ("번호", "Number"), ("이름", "Name")];
const PUPIL: &[(&str, &str)] = &[("번호", "Number"), ("이름", "Name")];
const ANSWERS: &[(&str, &str)] = &[
    ("번호", "Number"),
    ("이름", "Name"),
    ("날짜", "Day"),
    ("시각", "Time"),
    ("수업", "Lesson"),
    ("문제", "Problem"),
    ("배울 내용", "Skill"),
    ("답", "Answer"),
    ("결과", "Result"),
    ("채점", "Graded by"),
    ("오개념", "Misconception"),
    ("마감 뒤 몇 초", "late_by_secs"),
];
const PROBLEMS: &[(&str, &str)] = &[
    ("문제", "Problem"),
    ("배울 내용", "Skill"),
    ("푼 학생", "Pupils who tried"),
    ("맞힌 학생", "Pupils who solved it"),
    ("시도", "Tries"),
    ("틀린 답", "Wrong answer"),
    ("횟수", "Times"),
    ("오개념", "Misconception"),
];

fn header(language: Language, names: &[(&str, &str)]) -> Vec<String> {
    names.iter().map(|(ko, en)| word(language, ko, en)).collect()
}

fn word(language: Language, ko: &str, en: &str) -> String {
    match language {
        Language::Ko => ko.to_owned(),
        Language::En => en.to_owned(),
    }
}

pub(crate) fn grade_word(grade: &Grade, language: Language) -> String {
    match grade {
        Grade::Right => word(language, "맞음", "right"),
        Grade::RightButForm { .. } => word(language, "맞음(형태 다름)", "right, other form"),
        Grade::Wrong => word(language, "틀림", "wrong"),
        Grade::NotUnderstood { .. } => word(language, "읽지 못함", "not understood"),
    }
}

pub(crate) fn source_word(source: GradeSource, language: Language) -> String {
    match source {
        GradeSource::Code => word(language, "자동", "code"),
        GradeSource::Teacher => word(language, "교사", "teacher"),
        GradeSource::Regrade => word(language, "정답 수정", "corrected key"),
    }
}

fn name_of(kind: ExportKind) -> &'static str {
    match kind {
        ExportKind::Skills => "skills",
        ExportKind::Answers => "answers",
        ExportKind::Problems => "problems",
        ExportKind::Roster => "roster",
    }
}
