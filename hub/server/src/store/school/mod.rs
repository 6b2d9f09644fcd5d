//! Reads the whole school: people without their secrets, classes, lessons and problems.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use dreamseed_wire::{
    class::{ClassGroup, ClassSettings},
    ids::*,
};
use jiff::tz::TimeZone;
use rusqlite::Connection;

use super::{StoreError, from_json, from_word, regrades};
use crate::school::{HubMeta, Lesson, Person, ProblemHead, ProblemVersion, School};

/// The school as it stands; versions that `before` holds are taken from it, since they never change.
pub fn read(conn: &Connection, before: &School) -> Result<School, StoreError> {
    // One transaction, so that all tables are of one moment.
    let tx = conn.unchecked_transaction()?;
    let mut school = School::of(read_hub(&tx)?);
    read_people(&tx, &mut school)?;
    read_classes(&tx, &mut school)?;
    read_problems(&tx, &mut school, before)?;
    read_corrections(&tx, &mut school)?;
    read_lessons(&tx, &mut school)?;
    read_groups(&tx, &mut school)?;
    tx.finish()?;
    school.index();
    Ok(school)
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

fn read_people(conn: &Connection, school: &mut School) -> Result<(), StoreError> {
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
        school.people.insert(row.get(0)?, person);
    }
    let mut query = conn.prepare_cached(include_str!("guardians.sql"))?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let parent: UserId = row.get(0)?;
        if let Some(parent) = school.people.get_mut(&parent) {
            parent.children.push(row.get(1)?);
        }
    }
    Ok(())
}

fn read_classes(conn: &Connection, school: &mut School) -> Result<(), StoreError> {
    let mut query = conn.prepare_cached(include_str!("classes.sql"))?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let id: ClassId = row.get(0)?;
        let named = (row.get(1)?, row.get(2)?, row.get(3)?, from_word(row.get(4)?, "language")?, row.get(5)?);
        let settings = ClassSettings { auto_feedback: row.get(6)?, solution_after_tries: row.get(7)? };
        school.classes.insert(id, School::new_class(id, named, settings, row.get(8)?));
    }
    let mut query = conn.prepare_cached(include_str!("enrolments.sql"))?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let class: ClassId = row.get(0)?;
        if let Some(class) = school.classes.get_mut(&class) {
            class.pupils.push((row.get(1)?, row.get(2)?));
        }
    }
    let mut query = conn.prepare_cached(include_str!("class_teachers.sql"))?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let class: ClassId = row.get(0)?;
        if let Some(class) = school.classes.get_mut(&class) {
            class.teachers.push(row.get(1)?);
        }
    }
    Ok(())
}

fn read_problems(conn: &Connection, school: &mut School, before: &School) -> Result<(), StoreError> {
    let mut heads = conn.prepare_cached(include_str!("problems.sql"))?;
    let mut rows = heads.query([])?;
    while let Some(row) = rows.next()? {
        let head = ProblemHead { archived: row.get(1)?, newest: row.get(2)? };
        school.problems.insert(row.get(0)?, head);
    }
    let mut versions = conn.prepare_cached(include_str!("versions.sql"))?;
    let mut draft_of = conn.prepare_cached(include_str!("draft.sql"))?;
    let mut rows = versions.query([])?;
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
        school.versions.insert(id, version);
    }
    Ok(())
}

fn read_corrections(conn: &Connection, school: &mut School) -> Result<(), StoreError> {
    let mut query = conn.prepare_cached(include_str!("corrections.sql"))?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let problem: ProblemId = row.get(0)?;
        school.corrections.entry(problem).or_default().push(regrades::correction_from(row, 1)?);
    }
    Ok(())
}

fn read_lessons(conn: &Connection, school: &mut School) -> Result<(), StoreError> {
    let mut query = conn.prepare_cached(include_str!("lessons.sql"))?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let lesson = Lesson {
            lesson_id: row.get(0)?,
            class_id: row.get(1)?,
            title: row.get(2)?,
            mode: from_word(row.get(3)?, "lesson mode")?,
            hint_ceiling: from_word(row.get(4)?, "hint ceiling")?,
            timing: super::lessons::read_timing(row, 5)?,
            problems: Vec::new(),
            pupils: HashSet::new(),
        };
        school.lessons.insert(lesson.lesson_id, lesson);
    }
    let mut query = conn.prepare_cached(include_str!("lesson_problems.sql"))?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let lesson: LessonId = row.get(0)?;
        if let Some(lesson) = school.lessons.get_mut(&lesson) {
            lesson.problems.push(row.get(1)?);
        }
    }
    let mut query = conn.prepare_cached(include_str!("lesson_pupils.sql"))?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let lesson: LessonId = row.get(0)?;
        if let Some(lesson) = school.lessons.get_mut(&lesson) {
            lesson.pupils.insert(row.get(1)?);
        }
    }
    Ok(())
}

fn read_groups(conn: &Connection, school: &mut School) -> Result<(), StoreError> {
    let mut pupils: HashMap<GroupId, Vec<UserId>> = HashMap::new();
    let mut query = conn.prepare_cached(include_str!("class_group_pupils.sql"))?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        pupils.entry(row.get(0)?).or_default().push(row.get(1)?);
    }
    let mut query = conn.prepare_cached(include_str!("class_groups.sql"))?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let (group_id, class): (GroupId, ClassId) = (row.get(0)?, row.get(1)?);
        if let Some(class) = school.classes.get_mut(&class) {
            let pupil_ids = pupils.remove(&group_id).unwrap_or_default();
            class.groups.push(ClassGroup { group_id, name: row.get(2)?, pupil_ids });
        }
    }
    Ok(())
}
