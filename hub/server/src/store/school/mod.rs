//! Reads the school: people without their secrets, classes, lessons and problems; all of it, or what has changed.

use std::{collections::HashMap, sync::Arc};

use dreamseed_wire::{
    authoring::ProblemDraft,
    class::{ClassGroup, ClassSettings},
    ids::*,
};
use jiff::tz::TimeZone;
use rusqlite::{Connection, Row};

use super::{StoreError, from_json, from_word, regrades};
use crate::{
    regrading::keys::Correction,
    school::{Class, HubMeta, Lesson, Lessons, Person, ProblemHead, ProblemVersion, School, SchoolRows},
};

/// The school as it stands. What never changes is taken from `before` if it is there: versions, and of lessons all but
/// their timing.
pub fn read(conn: &Connection, before: &School) -> Result<School, StoreError> {
    // One transaction, so that all tables are of one moment.
    let tx = conn.unchecked_transaction()?;
    let rows = SchoolRows {
        hub: read_hub(&tx)?,
        people: read_people(&tx)?,
        classes: read_classes(&tx)?,
        lessons: read_all_lessons(&tx, before)?,
        problems: read_problems(&tx)?,
        versions: read_versions(&tx, before)?,
        corrections: read_corrections(&tx)?,
    };
    tx.finish()?;
    Ok(School::of(rows))
}

/// These lessons as they stand.
pub fn read_lessons(conn: &Connection, lessons: &[LessonId]) -> Result<Vec<Lesson>, StoreError> {
    let tx = conn.unchecked_transaction()?;
    let mut found = Vec::with_capacity(lessons.len());
    for id in lessons {
        let mut query = tx.prepare_cached(include_str!("lesson.sql"))?;
        let mut rows = query.query([id])?;
        if let Some(row) = rows.next()? {
            found.push(read_lesson(&tx, row)?);
        }
    }
    tx.finish()?;
    Ok(found)
}

/// The groups of a class as they stand.
pub fn read_groups(conn: &Connection, class: ClassId) -> Result<Vec<ClassGroup>, StoreError> {
    let tx = conn.unchecked_transaction()?;
    let groups = groups_of(&tx, class)?;
    tx.finish()?;
    Ok(groups)
}

fn read_hub(conn: &Connection) -> Result<HubMeta, StoreError> {
    conn.query_row(include_str!("hub.sql"), [], |row| {
        let zone: String = row.get(2)?;
        Ok((row.get(0)?, row.get(1)?, zone))
    })
    .map_err(StoreError::from)
    .and_then(|(hub_id, school_name, zone)| {
        let time_zone = TimeZone::get(&zone).map_err(|_| StoreError::BadValue { what: "time zone" })?;
        Ok(HubMeta { hub_id, school_name, time_zone })
    })
}

fn read_people(conn: &Connection) -> Result<HashMap<UserId, Person>, StoreError> {
    let mut people = HashMap::new();
    let mut query = conn.prepare_cached(include_str!("people.sql"))?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let person = Person {
            role: from_word(row.get(1)?, "role")?,
            login_name: row.get(2)?,
            name: row.get(3)?,
            language: from_word(row.get(4)?, "language")?,
            must_change: row.get(5)?,
            token_version: row.get(6)?,
            archived: row.get(7)?,
            has_pin: row.get(8)?,
            children: Vec::new(),
        };
        people.insert(row.get(0)?, person);
    }
    let mut query = conn.prepare_cached(include_str!("guardians.sql"))?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let parent: UserId = row.get(0)?;
        if let Some(parent) = people.get_mut(&parent) {
            parent.children.push(row.get(1)?);
        }
    }
    Ok(people)
}

fn read_classes(conn: &Connection) -> Result<HashMap<ClassId, Class>, StoreError> {
    let mut classes = HashMap::new();
    let mut query = conn.prepare_cached(include_str!("classes.sql"))?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let id: ClassId = row.get(0)?;
        let named = (row.get(1)?, row.get(2)?, row.get(3)?, from_word(row.get(4)?, "language")?, row.get(5)?);
        let settings = ClassSettings { auto_feedback: row.get(6)?, solution_after_tries: row.get(7)? };
        let mut class = School::new_class(id, named, settings, row.get(8)?);
        class.groups = groups_of(conn, id)?;
        classes.insert(id, class);
    }
    let mut query = conn.prepare_cached(include_str!("enrolments.sql"))?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let class: ClassId = row.get(0)?;
        if let Some(class) = classes.get_mut(&class) {
            class.pupils.push((row.get(1)?, row.get(2)?));
        }
    }
    let mut query = conn.prepare_cached(include_str!("class_teachers.sql"))?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let class: ClassId = row.get(0)?;
        if let Some(class) = classes.get_mut(&class) {
            class.teachers.push(row.get(1)?);
        }
    }
    Ok(classes)
}

fn groups_of(conn: &Connection, class: ClassId) -> Result<Vec<ClassGroup>, StoreError> {
    let mut pupils: HashMap<GroupId, Vec<UserId>> = HashMap::new();
    let mut query = conn.prepare_cached(include_str!("class_group_pupils.sql"))?;
    let mut rows = query.query([class])?;
    while let Some(row) = rows.next()? {
        pupils.entry(row.get(0)?).or_default().push(row.get(1)?);
    }
    let mut groups = Vec::new();
    let mut query = conn.prepare_cached(include_str!("class_groups.sql"))?;
    let mut rows = query.query([class])?;
    while let Some(row) = rows.next()? {
        let group_id: GroupId = row.get(0)?;
        let pupil_ids = pupils.remove(&group_id).unwrap_or_default();
        groups.push(ClassGroup { group_id, name: row.get(1)?, pupil_ids });
    }
    Ok(groups)
}

fn read_all_lessons(conn: &Connection, before: &School) -> Result<Lessons, StoreError> {
    let mut lessons = Lessons::default();
    let mut query = conn.prepare_cached(include_str!("lessons.sql"))?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let lesson = match before.lessons.shared(&row.get(0)?) {
            Some(known) => {
                let timing = super::lessons::read_timing(row, TIMING)?;
                if timing == known.timing {
                    Arc::clone(known)
                } else {
                    Arc::new(Lesson { timing, ..Lesson::clone(known) })
                }
            }
            None => Arc::new(read_lesson(conn, row)?),
        };
        lessons.put(lesson);
    }
    Ok(lessons)
}

/// The first column of the timing in a row of a lesson.
const TIMING: usize = 5;

fn read_lesson(conn: &Connection, row: &Row<'_>) -> Result<Lesson, StoreError> {
    let lesson_id: LessonId = row.get(0)?;
    let mut query = conn.prepare_cached(include_str!("lesson_problems.sql"))?;
    let problems = query.query_map([lesson_id], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut query = conn.prepare_cached(include_str!("lesson_pupils.sql"))?;
    let pupils = query.query_map([lesson_id], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(Lesson {
        lesson_id,
        class_id: row.get(1)?,
        title: row.get(2)?,
        mode: from_word(row.get(3)?, "lesson mode")?,
        hint_ceiling: from_word(row.get(4)?, "hint ceiling")?,
        timing: super::lessons::read_timing(row, TIMING)?,
        problems,
        pupils,
    })
}

fn read_problems(conn: &Connection) -> Result<HashMap<ProblemId, ProblemHead>, StoreError> {
    let mut problems = HashMap::new();
    let mut query = conn.prepare_cached(include_str!("problems.sql"))?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let head = ProblemHead { archived: row.get(1)?, newest: row.get(2)? };
        problems.insert(row.get(0)?, head);
    }
    Ok(problems)
}

fn read_versions(
    conn: &Connection,
    before: &School,
) -> Result<HashMap<ProblemVersionId, Arc<ProblemVersion>>, StoreError> {
    let mut versions = HashMap::new();
    let mut query = conn.prepare_cached(include_str!("versions.sql"))?;
    let mut draft_of = conn.prepare_cached(include_str!("draft.sql"))?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let id: ProblemVersionId = row.get(0)?;
        let version = match before.versions.get(&id) {
            Some(known) => Arc::clone(known),
            None => {
                let draft: String = draft_of.query_row([id], |row| row.get(0))?;
                Arc::new(ProblemVersion {
                    problem_id: row.get(1)?,
                    problem_version_id: id,
                    version: row.get(2)?,
                    skill: row.get(3)?,
                    draft: from_json(&draft, "problem draft")?,
                })
            }
        };
        versions.insert(id, version);
    }
    Ok(versions)
}

/// The first version of a problem whose text cannot be read: without it there is no school, and SQLite's quick check does
/// not look at what the overflow pages of long texts hold.
///
/// # Errors
/// A list of versions that cannot be read.
pub fn find_bad_problem(conn: &Connection) -> Result<Option<ProblemVersionId>, StoreError> {
    let mut query = conn.prepare(include_str!("versions.sql"))?;
    let mut draft_of = conn.prepare(include_str!("draft.sql"))?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let id: ProblemVersionId = row.get(0)?;
        let draft = draft_of.query_row([id], |row| row.get::<_, String>(0));
        let is_readable = draft.is_ok_and(|draft| from_json::<ProblemDraft>(&draft, "problem draft").is_ok());
        if !is_readable {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

fn read_corrections(conn: &Connection) -> Result<HashMap<ProblemId, Vec<Correction>>, StoreError> {
    let mut corrections: HashMap<_, Vec<_>> = HashMap::new();
    let mut query = conn.prepare_cached(include_str!("corrections.sql"))?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let problem: ProblemId = row.get(0)?;
        corrections.entry(problem).or_default().push(regrades::correction_from(row, 1)?);
    }
    Ok(corrections)
}
