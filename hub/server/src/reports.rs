//! What a class and a pupil have come to, for their teachers. A class's report reads caches only, so that it takes no
//! longer after a year than after a week; a pupil's folds that pupil's own answers.

mod needs;
mod weeks;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use dreamseed_grading::mastery::Evidence;
use dreamseed_wire::{
    Language,
    class::RosterEntry,
    ids::*,
    report::{
        ClassReport, DifficultProblem, NeedsHelp, PupilReport, ReportCell, ReportRow, ReportSkill,
        SkillOverTime, WrongAnswer,
    },
};
use jiff::{Span, Timestamp, civil::Date};

use self::needs::{Firsts, Known, StuckAt};
use crate::{
    api::extract::Caller,
    clock::day_of,
    content_pack,
    hub::Ctx,
    school::{Class, School},
    store::{
        ReadConn, StoreError,
        answer_counts::{self, ProblemTries},
        grades,
        masteries::{self, Mastery},
        reports as rows,
        skill_days::{self, Workday},
    },
};

/// Days of a report that names none, today included: four weeks.
const DEFAULT_DAYS: i64 = 28;
/// Difficult problems that a report lists.
const PROBLEMS: usize = 20;
/// Wrong answers of each.
const WRONG_ANSWERS: usize = 5;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    #[error("the class is not known")]
    UnknownClass,
    #[error("the pupil is not known in this class")]
    UnknownPupil,
    #[error("{field} is not a day, or lies on the wrong side")]
    BadDay { field: &'static str },
    #[error("the report could not be read")]
    Store(#[from] StoreError),
}

/// The days of a report, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    pub from: Date,
    pub to: Date,
}

impl Days {
    /// Reads `YYYY-MM-DD`; until today and from four weeks before if they are absent.
    pub fn read(from: Option<&str>, to: Option<&str>, today: Date) -> Result<Self, ReportError> {
        let to = read_day("to", to)?.unwrap_or(today);
        let four_weeks = to.saturating_sub(Span::new().days(DEFAULT_DAYS - 1));
        let from = read_day("from", from)?.unwrap_or(four_weeks);
        if from <= to { Ok(Days { from, to }) } else { Err(ReportError::BadDay { field: "from" }) }
    }
}

/// A class over its skills, its difficult problems and who needs somebody.
///
/// The heat map is of all time. Answers, difficult problems and who needs help are about the days: a lesson belongs to
/// them if it was held on any of them, and counts whole.
pub async fn of_class(
    ctx: &Ctx,
    class: ClassId,
    days: Days,
    language: Language,
) -> Result<ClassReport, ReportError> {
    let (school, now) = (ctx.school.get(), ctx.clock.now());
    let pupils = pupils_of(&school, class)?;
    fold_dirty(ctx, &pupils).await?;
    ctx.store
        .read(move |conn| {
            let class = school.classes.get(&class).ok_or(ReportError::UnknownClass)?;
            let progress = read_progress(conn, &pupils, days)?;
            let lessons = lessons_of(&school, class, days, now);
            let skills = columns(&progress, language);
            Ok(ClassReport {
                class_id: class.class_id,
                class_name: class.name.clone(),
                from: days.from.to_string(),
                to: days.to.to_string(),
                answers: progress.iter().map(|pupil| pupil.answers).sum(),
                pupils: heat_map(&school, &progress, &skills),
                problems: difficult_problems(conn, &school, class.class_id, &lessons, language)?,
                needs_help: needs_help(conn, &school, &lessons, &progress, days, language)?,
                skills,
            })
        })
        .await
}

/// A pupil of a class over time.
pub async fn of_pupil(
    ctx: &Ctx,
    class: ClassId,
    pupil: UserId,
    language: Language,
) -> Result<PupilReport, ReportError> {
    let school = ctx.school.get();
    if !pupils_of(&school, class)?.contains(&pupil) {
        return Err(ReportError::UnknownPupil);
    }
    let entry = school.roster_entry(pupil).ok_or(ReportError::UnknownPupil)?;
    let evidence = ctx.store.read(move |conn| grades::evidence(conn, pupil)).await?;
    let mut by_skill: BTreeMap<String, Vec<Evidence>> = BTreeMap::new();
    for (skill, answer) in evidence {
        by_skill.entry(skill).or_default().push(answer);
    }
    let skills = by_skill
        .into_iter()
        .map(|(skill, evidence)| SkillOverTime {
            name: content_pack::skill_name(&skill, language),
            skill,
            weeks: weeks::by_week(evidence),
        })
        .collect();
    Ok(PupilReport { pupil: entry, skills })
}

/// Difficult problems of the lessons of some days, for a report or a file; all of them, the hardest first.
pub async fn problems_of_class(
    ctx: &Ctx,
    class: ClassId,
    days: Days,
    language: Language,
) -> Result<Vec<DifficultProblem>, ReportError> {
    let (school, now) = (ctx.school.get(), ctx.clock.now());
    ctx.store
        .read(move |conn| {
            let class = school.classes.get(&class).ok_or(ReportError::UnknownClass)?;
            let lessons = lessons_of(&school, class, days, now);
            Ok(difficult_problems(conn, &school, class.class_id, &lessons, language)?)
        })
        .await
}

/// The language of who asks.
pub fn language_of(ctx: &Ctx, caller: &Caller) -> Language {
    ctx.school.get().people.get(&caller.user_id).map(|person| person.language).unwrap_or_default()
}

/// Folds dirty masteries again before they are read. The report does not need it: a reader folds what is dirty by
/// itself. So a full disk takes nothing away but the time of the next report.
async fn fold_dirty(ctx: &Ctx, pupils: &[UserId]) -> Result<(), StoreError> {
    let dirty = pupils.to_vec();
    if !ctx.store.read(move |conn| masteries::any_dirty(conn, &dirty)).await? {
        return Ok(());
    }
    let dirty = pupils.to_vec();
    let folded: Result<(), StoreError> = ctx.store.write(move |tx| masteries::clean(tx, &dirty)).await;
    if let Err(err) = folded {
        tracing::debug!(error = %err, "masteries could not be kept and are folded by each reader");
    }
    Ok(())
}

/// A pupil's place in the report.
struct PupilProgress {
    pupil: UserId,
    /// By skill.
    masteries: Vec<Mastery>,
    /// Of the weeks that falling looks at.
    days: Vec<Workday>,
    /// Answers of the report's days that could be read.
    answers: u32,
}

impl PupilProgress {
    fn last_day(&self) -> Option<&str> {
        self.masteries.iter().map(|mastery| mastery.last_day.as_str()).max()
    }
}

fn read_progress(conn: &ReadConn, pupils: &[UserId], days: Days) -> Result<Vec<PupilProgress>, StoreError> {
    let recent = before(days.to, needs::NOW_DAYS + needs::BEFORE_DAYS).to_string();
    let (from, to) = (days.from.to_string(), days.to.to_string());
    pupils
        .iter()
        .map(|pupil| {
            let days = skill_days::between(conn, *pupil, &recent, &to)?;
            let of_report = days.iter().filter(|day| day.day >= from).map(|day| day.attempts);
            // Of a longer report the days before need no more than their sum.
            let earlier = skill_days::attempts(conn, *pupil, &from, &recent)?;
            Ok(PupilProgress {
                pupil: *pupil,
                masteries: masteries::of_pupil(conn, *pupil)?,
                answers: of_report.sum::<u32>() + earlier,
                days,
            })
        })
        .collect()
}

/// Every skill that anybody has worked on, in the order of the curriculum; a school's own follow by name.
fn columns(progress: &[PupilProgress], language: Language) -> Vec<ReportSkill> {
    let worked: BTreeSet<&str> =
        progress.iter().flat_map(|pupil| &pupil.masteries).map(|mastery| mastery.skill.as_str()).collect();
    let listed = content_pack::skills(language);
    let place: HashMap<&str, usize> =
        listed.iter().enumerate().map(|(place, skill)| (skill.id.as_str(), place)).collect();
    let mut skills: Vec<_> = worked
        .into_iter()
        .map(|skill| ReportSkill { skill: skill.to_owned(), name: content_pack::skill_name(skill, language) })
        .collect();
    skills.sort_by_cached_key(|skill| {
        (place.get(skill.skill.as_str()).copied().unwrap_or(usize::MAX), skill.name.clone())
    });
    skills
}

fn heat_map(school: &School, progress: &[PupilProgress], skills: &[ReportSkill]) -> Vec<ReportRow> {
    let place: HashMap<&str, usize> =
        skills.iter().enumerate().map(|(place, skill)| (skill.skill.as_str(), place)).collect();
    let row = |progress: &PupilProgress| {
        let mut cells = vec![None; skills.len()];
        for mastery in &progress.masteries {
            if let Some(cell) = place.get(mastery.skill.as_str()).and_then(|place| cells.get_mut(*place)) {
                *cell = Some(ReportCell {
                    mastery: mastery.state.mastery,
                    level: mastery.state.level(),
                    attempts: mastery.state.attempts,
                    right: mastery.state.right,
                });
            }
        }
        Some(ReportRow {
            pupil: entry_of(school, progress)?,
            answers: progress.answers,
            last_day: progress.last_day().map(str::to_owned),
            cells,
        })
    };
    progress.iter().filter_map(row).collect()
}

/// The lessons of a class that were held on any of the days.
fn lessons_of(school: &School, class: &Class, days: Days, now: Timestamp) -> Vec<LessonId> {
    let zone = &school.hub.time_zone;
    let lessons = class.lessons.iter().filter_map(|id| school.lessons.get(id));
    lessons
        .filter(|lesson| {
            let end = lesson.timing.ended_at(now).unwrap_or(now);
            day_of(lesson.timing.opened_at, zone) <= days.to && day_of(end, zone) >= days.from
        })
        .map(|lesson| lesson.lesson_id)
        .collect()
}

/// Problems with wrong answers, by the share of tries that were wrong. One pupil's slip must not top the list, so each
/// problem starts with four tries of which one was wrong.
fn difficult_problems(
    conn: &ReadConn,
    school: &School,
    class: ClassId,
    lessons: &[LessonId],
    language: Language,
) -> Result<Vec<DifficultProblem>, StoreError> {
    let hardness =
        |tries: &ProblemTries| f64::from(tries.wrong + 1) / f64::from(tries.right + tries.wrong + 4);
    let mut hard = answer_counts::of_lessons(conn, lessons)?;
    hard.retain(|tries| tries.wrong > 0 && school.versions.contains_key(&tries.problem_version_id));
    hard.sort_by(|a, b| {
        hardness(b).total_cmp(&hardness(a)).then_with(|| a.problem_version_id.cmp(&b.problem_version_id))
    });
    hard.truncate(PROBLEMS);
    let ids: Vec<_> = hard.iter().map(|tries| tries.problem_version_id).collect();
    let mut answers = wrong_answers(conn, school, lessons, &ids, language)?;
    let held: Vec<_> = lessons.iter().filter_map(|id| school.lessons.get(id)).collect();
    let problems = hard.into_iter().filter_map(|tries| {
        let id = tries.problem_version_id;
        let version = school.versions.get(&id)?;
        let held = held.iter().filter(|lesson| lesson.problems.contains(&id)).map(|lesson| lesson.lesson_id);
        let pupils = match rows::tried(conn, class, held, id) {
            Ok(pupils) => pupils,
            Err(err) => return Some(Err(err)),
        };
        let mut wrong_answers: Vec<_> = answers.remove(&id).unwrap_or_default().into_values().collect();
        wrong_answers.sort_by_key(|wrong| std::cmp::Reverse(wrong.count));
        wrong_answers.truncate(WRONG_ANSWERS);
        Some(Ok(DifficultProblem {
            problem_version_id: id,
            title: version.draft.title.get(language).to_owned(),
            skill: version.skill.clone(),
            pupils_tried: pupils.tried,
            pupils_solved: pupils.solved,
            tries: tries.right + tries.wrong,
            wrong_answers,
        }))
    });
    problems.collect()
}

/// The wrong answers to each problem, by what a person reads: different spellings may be one.
fn wrong_answers(
    conn: &ReadConn,
    school: &School,
    lessons: &[LessonId],
    problems: &[ProblemVersionId],
    language: Language,
) -> Result<HashMap<ProblemVersionId, BTreeMap<String, WrongAnswer>>, StoreError> {
    let mut wrong: HashMap<_, BTreeMap<String, WrongAnswer>> = HashMap::new();
    for (id, answer, count) in answer_counts::wrong(conn, lessons, problems)? {
        let Some(version) = school.versions.get(&id) else { continue };
        let text = dreamseed_grading::describe(&version.draft.question, &answer, language);
        let known = wrong.entry(id).or_default().entry(text.clone()).or_insert_with(|| {
            let key = &school.graded_by(version).1.key;
            let common = dreamseed_grading::find_misconception(&version.draft.common_wrong, key, &answer);
            let misconception = common.map(|common| common.misconception.get(language).to_owned());
            WrongAnswer { answer: text, count: 0, misconception }
        });
        known.count += count;
    }
    Ok(wrong)
}

fn needs_help(
    conn: &ReadConn,
    school: &School,
    lessons: &[LessonId],
    progress: &[PupilProgress],
    days: Days,
    language: Language,
) -> Result<Vec<NeedsHelp>, StoreError> {
    let mut stuck: HashMap<UserId, BTreeMap<&str, BTreeSet<ProblemVersionId>>> = HashMap::new();
    for lesson in lessons {
        for (pupil, version) in rows::stuck(conn, *lesson)? {
            if let Some(found) = school.versions.get(&version) {
                stuck.entry(pupil).or_default().entry(&found.skill).or_default().insert(version);
            }
        }
    }
    let class_days: BTreeSet<&str> =
        progress.iter().flat_map(|pupil| &pupil.days).map(|day| day.day.as_str()).collect();
    let now_from = before(days.to, needs::NOW_DAYS - 1).to_string();
    let before_from = before(days.to, needs::NOW_DAYS + needs::BEFORE_DAYS - 1).to_string();
    let mut found: Vec<NeedsHelp> = progress
        .iter()
        .filter_map(|pupil| {
            let firsts = |from: &str, end: Option<&str>| {
                let days = pupil.days.iter().filter(|day| day.day.as_str() >= from);
                days.filter(|day| end.is_none_or(|end| day.day.as_str() < end)).fold(
                    Firsts::default(),
                    |sum, day| Firsts { all: sum.all + day.firsts, right: sum.right + day.first_rights },
                )
            };
            let last_day = pupil.last_day();
            let skills = stuck.remove(&pupil.pupil).unwrap_or_default();
            let reasons = needs::find(Known {
                stuck: skills
                    .into_iter()
                    .map(|(skill, problems)| StuckAt {
                        problems: problems.len() as u32,
                        skill: skill.to_owned(),
                        skill_name: content_pack::skill_name(skill, language),
                    })
                    .collect(),
                now: firsts(&now_from, None),
                before: firsts(&before_from, Some(&now_from)),
                days_without: last_day.and_then(|last| days_between(last, days.to)),
                class_days_without: class_days
                    .iter()
                    .filter(|day| last_day.is_none_or(|last| **day > last))
                    .count() as u32,
            });
            Some(NeedsHelp { pupil: entry_of(school, pupil)?, reasons })
        })
        .filter(|needs| !needs.reasons.is_empty())
        .collect();
    found.sort_by_key(|needs| (std::cmp::Reverse(needs::urgency(&needs.reasons)), needs.pupil.number));
    Ok(found)
}

fn pupils_of(school: &School, class: ClassId) -> Result<Vec<UserId>, ReportError> {
    let class = school.classes.get(&class).ok_or(ReportError::UnknownClass)?;
    Ok(class.pupils.iter().map(|(_, pupil)| *pupil).collect())
}

fn entry_of(school: &School, progress: &PupilProgress) -> Option<RosterEntry> {
    school.roster_entry(progress.pupil)
}

fn read_day(field: &'static str, text: Option<&str>) -> Result<Option<Date>, ReportError> {
    // jiff reads more than dates, such as a time behind it; a day is ten characters.
    let read = |text: &str| {
        let date = text.parse::<Date>().ok().filter(|date| date.to_string() == text);
        date.ok_or(ReportError::BadDay { field })
    };
    text.map(read).transpose()
}

fn before(day: Date, days: i32) -> Date {
    day.saturating_sub(Span::new().days(days))
}

fn days_between(from: &str, to: Date) -> Option<u32> {
    let from: Date = from.parse().ok()?;
    let days = (to - from).get_days();
    Some(u32::try_from(days).unwrap_or(0))
}
