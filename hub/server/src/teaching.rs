//! What teachers do with classes: make them, set them, look at a pupil.

use dreamseed_roster::class_key;
use dreamseed_wire::{
    account::Role,
    class::{AddClass, ClassDetail, ClassSettings, ClassSummary, PupilPage},
    ids::*,
};

use crate::{
    answering,
    api::extract::Caller,
    auth::accounts::read_line,
    clock::day_of,
    hub::Ctx,
    progress,
    school::{Lesson, School},
    store::{
        StoreError, attempts,
        audit::{self, AuditEntry},
        lessons, rosters, sittings,
    },
};

/// Answers on a pupil's page.
const PAGE: u32 = 100;
/// The newest lessons of a class that are listed, beside those that are not over.
const LESSONS: usize = 100;
/// Letters and digits that are not mistaken for each other.
const CODE_ALPHABET: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// Why something cannot be done with a class.
#[derive(Debug, thiserror::Error)]
pub enum TeachingError {
    #[error("the class is not known")]
    UnknownClass,
    #[error("the pupil is not known")]
    UnknownPupil,
    #[error("a teacher is not known")]
    UnknownTeacher,
    #[error("a class of this name is there already")]
    NameTaken,
    #[error("{field}: {why}")]
    BadField { field: &'static str, why: &'static str },
    #[error("the class could not be kept")]
    Store(#[from] StoreError),
}

/// The classes that a teacher teaches, or all for the admin, by year and name.
pub fn list_classes(school: &School, caller: &Caller) -> Vec<ClassSummary> {
    let mut classes: Vec<_> = school
        .classes
        .values()
        .filter(|class| !class.archived)
        .filter(|class| caller.role == Role::Admin || class.teachers.contains(&caller.user_id))
        .map(|class| class.summary())
        .collect();
    classes.sort_by(|a, b| (b.school_year, a.grade, &a.name).cmp(&(a.school_year, b.grade, &b.name)));
    classes
}

/// Makes a class; a teacher who makes it teaches it.
///
/// # Errors
/// [`TeachingError::NameTaken`] if a class of that grade and school year has the name, however it is written: a list of
/// pupils could not tell the two apart.
pub async fn add_class(ctx: &Ctx, caller: &Caller, mut new: AddClass) -> Result<ClassSummary, TeachingError> {
    new.name = read_line(&new.name, 40).map_err(|why| TeachingError::BadField { field: "name", why })?;
    if !(1..=12).contains(&new.grade) {
        return Err(TeachingError::BadField { field: "grade", why: "between 1 and 12" });
    }
    if !(2000..=2100).contains(&new.school_year) {
        return Err(TeachingError::BadField { field: "school_year", why: "between 2000 and 2100" });
    }
    let school = ctx.school.get();
    let mut teachers = new.teachers.clone();
    if caller.role == Role::Teacher && !teachers.contains(&caller.user_id) {
        teachers.push(caller.user_id);
    }
    teachers.sort();
    teachers.dedup();
    if teachers.iter().any(|id| school.people.get(id).is_none_or(|person| person.role != Role::Teacher)) {
        return Err(TeachingError::UnknownTeacher);
    }
    let (now, by, code) = (ctx.clock.now(), caller.user_id, make_code());
    let from = day_of(now, &school.hub.time_zone);
    let id = ctx
        .store
        .write(move |tx| {
            // On the one writer: of two clicks at once the second sees the class of the first.
            if rosters::classes(tx.conn())?.iter().any(|class| is_same_class(class, &new)) {
                return Err(TeachingError::NameTaken);
            }
            let id = lessons::add_class(tx, &new, &code, now)?;
            for teacher in teachers {
                lessons::add_teacher(tx, id, teacher, from)?;
            }
            audit::add(tx, &AuditEntry::by(by, "add class", &id.to_string(), now))?;
            Ok(id)
        })
        .await?;
    ctx.school.reload(&ctx.store).await?;
    ctx.school.get().class(id).map(crate::school::Class::summary).ok_or(TeachingError::UnknownClass)
}

/// A class with everything its teacher sets.
pub async fn class_detail(ctx: &Ctx, id: ClassId) -> Result<ClassDetail, TeachingError> {
    let (school, now) = (ctx.school.get(), ctx.clock.now());
    let shown = ctx.store.read(move |conn| sittings::shown_in_class(conn, id)).await?;
    let class = school.classes.get(&id).ok_or(TeachingError::UnknownClass)?;
    let teachers = class.teachers.iter().filter_map(|id| {
        let person = school.people.get(id)?;
        Some(dreamseed_wire::class::ClassTeacher { user_id: *id, name: person.name.clone() })
    });
    let lessons = class.lessons.iter().filter_map(|id| school.lessons.get(id)).enumerate();
    let lessons = lessons.filter(|(place, lesson)| *place < LESSONS || lesson.timing.ended_at(now).is_none());
    let view = |lesson: &Lesson| {
        let seen = shown.get(&lesson.lesson_id).copied().unwrap_or_default();
        school.lesson_view(lesson, class.language, seen, now)
    };
    Ok(ClassDetail {
        summary: class.summary(),
        class_code: show_code(&class.code),
        settings: class.settings,
        pupils_list: school.staff_roster(class),
        teachers: teachers.collect(),
        groups: class.groups.clone(),
        lessons: lessons.map(|(_, lesson)| view(lesson)).collect(),
    })
}

/// Changes what the teacher has decided for a class.
pub async fn set_class_settings(
    ctx: &Ctx,
    caller: &Caller,
    id: ClassId,
    settings: ClassSettings,
) -> Result<(), TeachingError> {
    known_class(&ctx.school.get(), id)?;
    let (now, by) = (ctx.clock.now(), caller.user_id);
    ctx.store
        .write(move |tx| {
            lessons::set_class_settings(tx, id, settings)?;
            audit::add(tx, &AuditEntry::by(by, "set class", &id.to_string(), now))
        })
        .await?;
    Ok(ctx.school.reload(&ctx.store).await?)
}

/// A pupil's page for their teacher.
pub async fn pupil_page(ctx: &Ctx, class: ClassId, pupil: UserId) -> Result<PupilPage, TeachingError> {
    let school = ctx.school.get();
    known_class(&school, class)?;
    if school.class_of(pupil).is_none_or(|found| found.class_id != class) {
        return Err(TeachingError::UnknownPupil);
    }
    let entry = school.roster_entry(pupil).ok_or(TeachingError::UnknownPupil)?;
    let progress = progress::of_pupil(ctx, pupil).await?;
    let attempts = ctx
        .store
        .read(move |conn| {
            let attempts = attempts::of_pupil(conn, pupil, PAGE)?;
            attempts
                .into_iter()
                .map(|attempt| answering::view_of(conn, &school, attempt))
                .collect::<Result<_, _>>()
        })
        .await
        .map_err(|err: StoreError| err)?;
    Ok(PupilPage { pupil: entry, progress, attempts })
}

/// A class code: 8 of 32 characters, 40 bits, which is enough against guessing at 20 tries a minute.
pub fn make_code() -> String {
    let mut bytes = [0_u8; 8];
    // Without randomness there are no safe codes, tokens or keys: the hub cannot work at all.
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes.iter().map(|byte| char::from(CODE_ALPHABET[usize::from(*byte) % CODE_ALPHABET.len()])).collect()
}

/// `K7RM2QXW` as people read it: `K7RM-2QXW`.
pub fn show_code(code: &str) -> String {
    if code.len() == 8 && code.is_ascii() {
        format!("{}-{}", &code[..4], &code[4..])
    } else {
        code.to_owned()
    }
}

/// Whether a class that is in use has the name that a new one asks for, as lists of pupils read it.
fn is_same_class(class: &rosters::ClassRow, new: &AddClass) -> bool {
    let key = |name: &str| class_key(new.grade, name);
    !class.archived
        && (class.grade, class.school_year) == (new.grade, new.school_year)
        && key(&class.name) == key(&new.name)
}

fn known_class(school: &School, id: ClassId) -> Result<(), TeachingError> {
    if school.classes.contains_key(&id) { Ok(()) } else { Err(TeachingError::UnknownClass) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_shown_in_two_halves_and_read_back_however_they_are_typed() {
        let code = make_code();
        assert_eq!(code.len(), 8);
        let shown = show_code(&code);
        assert_eq!(shown.as_bytes()[4], b'-');
        assert_eq!(crate::school::normalise_code(&shown.to_lowercase()), code);
    }
}
