//! Reads the school: people without their secrets, classes, lessons and problems; all of it, or what has changed.
//!
//! A disk that gives back other bits than it was given must not end a lesson: a text with bytes that are none is read with
//! marks in their place, and a row that cannot be understood is left out; both are told ([`faults`]).

pub(super) mod faults;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use dreamseed_wire::{
    Language,
    authoring::ProblemDraft,
    class::{ClassGroup, ClassSettings},
    ids::*,
};
use jiff::tz::TimeZone;
use rusqlite::{Connection, Row, types::ValueRef};

use faults::Faults;

use super::{StoreError, from_json, from_word, problems::ContentHash, regrades, users};
use crate::{
    regrading::keys::Correction,
    school::{Class, HubMeta, Lesson, Lessons, Person, ProblemHead, ProblemVersion, School, SchoolRows},
};

/// The school as it stands. What never changes is taken from `before` if it is there: versions, and of lessons all but
/// their timing.
pub fn read(conn: &Connection, before: &School) -> Result<School, StoreError> {
    let mut faults = Faults::default();
    let school = read_all(conn, before, &mut faults)?;
    for (what, count) in faults.found() {
        tracing::error!(what, count, "cannot be read as it was written; the hub goes on without it");
    }
    Ok(school)
}

/// What of the school cannot be read as it was written, each kind with how often. SQLite's check does not look at what texts
/// hold.
///
/// # Errors
/// A file that cannot be read.
pub fn find_unreadable(conn: &Connection) -> Result<Vec<(&'static str, u32)>, StoreError> {
    let mut faults = Faults::default();
    read_all(conn, &School::default(), &mut faults)?;
    Ok(faults.found().collect())
}

fn read_all(conn: &Connection, before: &School, faults: &mut Faults) -> Result<School, StoreError> {
    // One transaction, so that all tables are of one moment; that of the caller, if there is one.
    let own = conn.is_autocommit().then(|| conn.unchecked_transaction()).transpose()?;
    let corrections = read_corrections(conn, faults)?;
    let rows = SchoolRows {
        hub: read_hub(conn, faults)?,
        has_accounts: users::has_any(conn)?,
        people: read_people(conn, faults)?,
        classes: read_classes(conn, faults)?,
        lessons: read_all_lessons(conn, before, faults)?,
        problems: read_problems(conn)?,
        versions: read_versions(conn, before, &corrections, faults)?,
        corrections,
    };
    if let Some(own) = own {
        own.finish()?;
    }
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
            found.push(read_lesson(&tx, row, &mut Faults::default())?);
        }
    }
    tx.finish()?;
    Ok(found)
}

/// The groups of a class as they stand.
pub fn read_groups(conn: &Connection, class: ClassId) -> Result<Vec<ClassGroup>, StoreError> {
    let tx = conn.unchecked_transaction()?;
    let groups = groups_of(&tx, class, &mut Faults::default())?;
    tx.finish()?;
    Ok(groups)
}

fn read_hub(conn: &Connection, faults: &mut Faults) -> Result<HubMeta, StoreError> {
    let (hub_id, school_name, zone) = conn.query_row(include_str!("hub.sql"), [], |row| {
        let mut text = |column| faults.text(row, column, "name and time zone of the school");
        Ok((row.get(0)?, text(1)?, text(2)?))
    })?;
    // As it stands for Korea: a school's day must begin somewhere.
    let time_zone = TimeZone::get(&zone).or_else(|_| {
        faults.count("name and time zone of the school");
        TimeZone::get("Asia/Seoul")
    });
    let time_zone = time_zone.map_err(|_| StoreError::BadValue { what: "time zone" })?;
    Ok(HubMeta { hub_id, school_name, time_zone })
}

fn read_people(conn: &Connection, faults: &mut Faults) -> Result<HashMap<UserId, Person>, StoreError> {
    let mut people = HashMap::new();
    let mut query = conn.prepare_cached(include_str!("people.sql"))?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let person = read_person(row, faults);
        if let Some((id, person)) = faults.keep("accounts", person)? {
            people.insert(id, person);
        }
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

fn read_person(row: &Row<'_>, faults: &mut Faults) -> Result<(UserId, Person), StoreError> {
    let login_name = match row.get_ref(2)? {
        ValueRef::Null => None,
        ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Text(_) | ValueRef::Blob(_) => {
            Some(faults.text(row, 2, "login names")?)
        }
    };
    let person = Person {
        role: from_word(row.get(1)?, "role")?,
        login_name,
        name: faults.text(row, 3, "names of people")?,
        language: faults.word_or(row, 4, "languages of people", Language::Ko)?,
        must_change: row.get(5)?,
        token_version: row.get(6)?,
        archived: row.get(7)?,
        has_pin: row.get(8)?,
        children: Vec::new(),
    };
    Ok((row.get(0)?, person))
}

fn read_classes(conn: &Connection, faults: &mut Faults) -> Result<HashMap<ClassId, Class>, StoreError> {
    let mut classes = HashMap::new();
    let mut query = conn.prepare_cached(include_str!("classes.sql"))?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let class = read_class(row, faults);
        if let Some(mut class) = faults.keep("classes", class)? {
            class.groups = groups_of(conn, class.class_id, faults)?;
            classes.insert(class.class_id, class);
        }
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

fn read_class(row: &Row<'_>, faults: &mut Faults) -> Result<Class, StoreError> {
    let name = faults.text(row, 1, "names of classes")?;
    let language = faults.word_or(row, 4, "languages of classes", Language::Ko)?;
    let code = faults.text(row, 5, "codes of classes")?;
    let settings = ClassSettings { auto_feedback: row.get(6)?, solution_after_tries: row.get(7)? };
    let named = (name, row.get(2)?, row.get(3)?, language, code);
    Ok(School::new_class(row.get(0)?, named, settings, row.get(8)?))
}

fn groups_of(conn: &Connection, class: ClassId, faults: &mut Faults) -> Result<Vec<ClassGroup>, StoreError> {
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
        groups.push(ClassGroup { group_id, name: faults.text(row, 1, "names of groups")?, pupil_ids });
    }
    Ok(groups)
}

fn read_all_lessons(conn: &Connection, before: &School, faults: &mut Faults) -> Result<Lessons, StoreError> {
    let mut lessons = Lessons::default();
    let mut query = conn.prepare_cached(include_str!("lessons.sql"))?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let lesson = share_lesson(conn, row, before, faults);
        if let Some(lesson) = faults.keep("lessons", lesson)? {
            lessons.put(lesson);
        }
    }
    Ok(lessons)
}

/// The first column of the timing in a row of a lesson.
const TIMING: usize = 5;

fn share_lesson(
    conn: &Connection,
    row: &Row<'_>,
    before: &School,
    faults: &mut Faults,
) -> Result<Arc<Lesson>, StoreError> {
    let Some(known) = before.lessons.shared(&row.get(0)?) else {
        return Ok(Arc::new(read_lesson(conn, row, faults)?));
    };
    let timing = super::lessons::read_timing(row, TIMING)?;
    if timing == known.timing {
        Ok(Arc::clone(known))
    } else {
        Ok(Arc::new(Lesson { timing, ..Lesson::clone(known) }))
    }
}

fn read_lesson(conn: &Connection, row: &Row<'_>, faults: &mut Faults) -> Result<Lesson, StoreError> {
    let lesson_id: LessonId = row.get(0)?;
    let mut query = conn.prepare_cached(include_str!("lesson_problems.sql"))?;
    let problems = query.query_map([lesson_id], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut query = conn.prepare_cached(include_str!("lesson_pupils.sql"))?;
    let pupils = query.query_map([lesson_id], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(Lesson {
        lesson_id,
        class_id: row.get(1)?,
        title: faults.text(row, 2, "titles of lessons")?,
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

/// Every version that can be read. Which key counts for a problem whose key was corrected depends on all of its versions: if
/// one of them cannot be read, none is taken, since another key would grade.
fn read_versions(
    conn: &Connection,
    before: &School,
    corrections: &HashMap<ProblemId, Vec<Correction>>,
    faults: &mut Faults,
) -> Result<HashMap<ProblemVersionId, Arc<ProblemVersion>>, StoreError> {
    let (mut versions, mut incomplete) = (HashMap::new(), HashSet::new());
    let mut query = conn.prepare_cached(include_str!("versions.sql"))?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let id: ProblemVersionId = row.get(0)?;
        let version = match before.versions.get(&id) {
            Some(known) => Some(Arc::clone(known)),
            None => {
                let version = read_version(conn, row, faults);
                faults.keep("problems", version)?.map(Arc::new)
            }
        };
        match version {
            Some(version) => drop(versions.insert(id, version)),
            None => incomplete.extend(row.get::<_, ProblemId>(1)),
        }
    }
    let lacks_key = |corrections: &[Correction]| {
        corrections.iter().any(|correction| !versions.contains_key(&correction.key_version))
    };
    let uncertain: HashSet<ProblemId> = corrections
        .iter()
        .filter(|(problem, corrections)| incomplete.contains(*problem) || lacks_key(corrections))
        .map(|(problem, _)| *problem)
        .collect();
    versions.retain(|_, version| !uncertain.contains(&version.problem_id));
    Ok(versions)
}

/// A version whose draft is the one that was written, by its hash: a single other digit in a key grades a class wrong.
fn read_version(conn: &Connection, row: &Row<'_>, faults: &mut Faults) -> Result<ProblemVersion, StoreError> {
    let problem_version_id: ProblemVersionId = row.get(0)?;
    let mut draft_of = conn.prepare_cached(include_str!("draft.sql"))?;
    let (body, hash): (String, ContentHash) =
        draft_of.query_row([problem_version_id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if *blake3::hash(body.as_bytes()).as_bytes() != hash {
        return Err(StoreError::BadValue { what: "problem draft" });
    }
    let draft: ProblemDraft = from_json(&body, "problem draft")?;
    if faults.text(row, 3, "skills of problems")? != draft.skill {
        faults.count("skills of problems");
    }
    Ok(ProblemVersion {
        problem_id: row.get(1)?,
        problem_version_id,
        version: row.get(2)?,
        skill: draft.skill.clone(),
        draft,
    })
}

fn read_corrections(
    conn: &Connection,
    faults: &mut Faults,
) -> Result<HashMap<ProblemId, Vec<Correction>>, StoreError> {
    let mut corrections: HashMap<_, Vec<_>> = HashMap::new();
    let mut query = conn.prepare_cached(include_str!("corrections.sql"))?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let problem: ProblemId = row.get(0)?;
        let correction = regrades::correction_from(row, 1).map_err(StoreError::from);
        corrections.entry(problem).or_default().extend(faults.keep("corrections of keys", correction)?);
    }
    Ok(corrections)
}
