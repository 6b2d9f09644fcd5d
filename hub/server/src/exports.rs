//! A class's data as a file for a spreadsheet: CSV in UTF-8 with a byte order mark, since Excel takes anything else for
//! the old Korean encoding.
//!
//! A cell that a spreadsheet would take for a formula gets a leading apostrophe: pupils write the answers in these files.
//! Each file leaves a row in the audit log with the reason for it.

use dreamseed_wire::{
    Language,
    answer::Grade,
    attempt::GradeSource,
    ids::*,
    progress::MasteryLevel,
    report::{ExportClass, ExportKind},
};

use crate::{
    api::extract::Caller,
    clock::day_of,
    content_pack,
    hub::Ctx,
    reports::{self, Days, ReportError},
    school::{Class, School},
    store::{
        ReadConn, StoreError,
        audit::{self, AuditEntry},
        masteries, reports as rows,
    },
};

/// The longest reason, in characters.
const MAX_REASON: usize = 300;
/// Characters with which a cell becomes a formula in one spreadsheet or another.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("no reason is given, or a longer one than {MAX_REASON} characters")]
    ReasonNeeded,
    #[error("the file could not be written")]
    Csv(#[from] csv::Error),
    #[error(transparent)]
    Report(#[from] ReportError),
    #[error("the export could not be noted")]
    Store(#[from] StoreError),
}

/// A file with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    pub file_name: String,
    pub bytes: Vec<u8>,
}

/// Writes a table of a class, in the language of who asks, and the reason into the audit log first.
pub async fn export_class(
    ctx: &Ctx,
    caller: &Caller,
    class_id: ClassId,
    body: ExportClass,
) -> Result<Export, ExportError> {
    let reason = body.reason.trim().to_owned();
    if reason.is_empty() || reason.chars().count() > MAX_REASON {
        return Err(ExportError::ReasonNeeded);
    }
    let (school, now, by) = (ctx.school.get(), ctx.clock.now(), caller.user_id);
    let class = school.classes.get(&class_id).ok_or(ReportError::UnknownClass)?;
    let today = day_of(now, &school.hub.time_zone);
    let days = Days::read(body.from.as_deref().or(Some("2000-01-01")), body.to.as_deref(), today)?;
    let language = school.people.get(&by).map(|person| person.language).unwrap_or_default();
    let file_name = format!("{}-{}-{today}.csv", name_of(body.what), safe_name(&class.name));

    let detail = format!("{class_id} {}: {reason}", name_of(body.what));
    ctx.store.write(move |tx| audit::add(tx, &AuditEntry::by(by, "export class", &detail, now))).await?;
    let table = match body.what {
        ExportKind::Roster => roster(&school, class, language),
        ExportKind::Problems => problems(ctx, class_id, days, language).await?,
        ExportKind::Skills | ExportKind::Answers => {
            ctx.store
                .read(move |conn| {
                    let class = school.classes.get(&class_id).ok_or(ReportError::UnknownClass)?;
                    Ok::<_, ReportError>(match body.what {
                        ExportKind::Answers => answers(conn, &school, class, days, language)?,
                        ExportKind::Skills | ExportKind::Problems | ExportKind::Roster => {
                            skills(conn, &school, class, language)?
                        }
                    })
                })
                .await?
        }
    };
    Ok(Export { file_name, bytes: write_csv(&table)? })
}

/// Rows of cells, the header first.
type Table = Vec<Vec<String>>;

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
    first.push(word(language, "숙달한 기능", "Secure skills"));
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

/// One line for each answer, by pupil and in the order of record.
fn answers(
    conn: &ReadConn,
    school: &School,
    class: &Class,
    days: Days,
    language: Language,
) -> Result<Table, StoreError> {
    let zone = &school.hub.time_zone;
    let (from, to) = (days.from.to_string(), days.to.to_string());
    let mut table = vec![header(language, ANSWERS)];
    for pupil in school.roster(class) {
        for line in rows::answers(conn, pupil.pupil_id, &from, &to)? {
            let version = school.versions.get(&line.problem_version_id);
            let lesson = line.lesson_id.and_then(|id| school.lessons.get(&id));
            let answer = version
                .map(|version| dreamseed_grading::describe(&version.draft.question, &line.answer, language));
            let misconception = version.zip(line.misconception).and_then(|(version, index)| {
                Some(version.draft.common_wrong.get(index)?.misconception.get(language).to_owned())
            });
            let time = line.occurred_at.to_zoned(zone.clone()).strftime("%H:%M").to_string();
            table.push(vec![
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
            ]);
        }
    }
    Ok(table)
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

fn write_csv(table: &Table) -> Result<Vec<u8>, csv::Error> {
    let mut bytes = "\u{feff}".as_bytes().to_vec();
    {
        let mut writer = csv::WriterBuilder::new()
            .terminator(csv::Terminator::CRLF)
            .flexible(true)
            .from_writer(&mut bytes);
        for row in table {
            writer.write_record(row.iter().map(|cell| make_safe(cell)))?;
        }
        writer.flush()?;
    }
    Ok(bytes)
}

/// A cell that no spreadsheet computes.
fn make_safe(cell: &str) -> String {
    if cell.starts_with(FORMULA) { format!("'{cell}") } else { cell.to_owned() }
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
    ("기능", "Skill"),
    ("답", "Answer"),
    ("결과", "Result"),
    ("채점", "Graded by"),
    ("오개념", "Misconception"),
];
const PROBLEMS: &[(&str, &str)] = &[
    ("문제", "Problem"),
    ("기능", "Skill"),
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

fn grade_word(grade: &Grade, language: Language) -> String {
    match grade {
        Grade::Right => word(language, "맞음", "right"),
        Grade::RightButForm { .. } => word(language, "맞음(형태 다름)", "right, other form"),
        Grade::Wrong => word(language, "틀림", "wrong"),
        Grade::NotUnderstood { .. } => word(language, "읽지 못함", "not understood"),
    }
}

fn source_word(source: GradeSource, language: Language) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spreadsheet_computes_nothing_of_it() {
        for formula in ["=1+1", "+82", "-3", "@SUM(A1)", "\t=1", "\r=1"] {
            assert_eq!(make_safe(formula), format!("'{formula}"));
        }
        for plain in ["", "3-1", "민지", "'=1", " =1"] {
            assert_eq!(make_safe(plain), plain);
        }
    }

    #[test]
    fn quotes_commas_and_lines_stay_in_their_cells() {
        let table =
            vec![vec!["이름".to_owned(), "답".to_owned()], vec!["a,b".to_owned(), "x\"y\nz".to_owned()]];
        let bytes = write_csv(&table).expect("a file");
        assert_eq!(String::from_utf8(bytes).expect("UTF-8"), "\u{feff}이름,답\r\n\"a,b\",\"x\"\"y\nz\"\r\n");
    }
}
