//! Who is in which class and who teaches it: moves with their days, co-teachers.

use dreamseed_wire::{
    account::Role,
    ids::*,
    live::LiveEvent,
    people::{Enrolment, MovePupil, StaffEntry},
};
use jiff::civil::Date;

use crate::{
    api::extract::Caller,
    clock::day_of,
    hub::Ctx,
    school::School,
    store::{
        ReadConn, StoreError,
        audit::{self, AuditEntry},
        rosters, sittings,
    },
};

/// Why somebody cannot be put there.
#[derive(Debug, thiserror::Error)]
pub enum EnrollingError {
    #[error("the pupil is not known")]
    UnknownPupil,
    #[error("the class is not known")]
    UnknownClass,
    #[error("the teacher is not known")]
    UnknownTeacher,
    #[error("the class belongs to another teacher")]
    OtherTeachersClass,
    #[error("the number is taken")]
    NumberTaken,
    #[error("the last teacher of the class")]
    LastTeacher,
    /// Elsewhere the exam would be lost, and its grades told.
    #[error("the pupil sits in an exam that is running")]
    ExamRunning,
    #[error("{field}: {why}")]
    BadField { field: &'static str, why: &'static str },
    #[error("the change could not be kept")]
    Store(#[from] StoreError),
}

/// Moves a pupil to another class or number, or out of the classes. Answers and progress go along: they are the pupil's.
///
/// # Errors
/// A day in the future or before the present time in a class began; a number that is taken; for teachers a class that
/// is not theirs; an exam in which the pupil sits.
pub async fn move_pupil(
    ctx: &Ctx,
    caller: &Caller,
    pupil: UserId,
    wish: MovePupil,
) -> Result<Vec<Enrolment>, EnrollingError> {
    let school = ctx.school.get();
    let is_pupil =
        |id| school.people.get(id).is_some_and(|person| person.role == Role::Student && !person.archived);
    if !is_pupil(&pupil) {
        return Err(EnrollingError::UnknownPupil);
    }
    let target = match wish.class_id {
        None => None,
        Some(id) => {
            if caller.role != Role::Admin && !school.teaches(caller.user_id, id) {
                return Err(EnrollingError::OtherTeachersClass);
            }
            let class = school.classes.get(&id).filter(|class| !class.archived);
            Some(class.map(|class| (id, class.school_year)).ok_or(EnrollingError::UnknownClass)?)
        }
    };
    if wish.number.is_some_and(|number| !(1..=999).contains(&number)) {
        return Err(EnrollingError::BadField { field: "number", why: "a number from 1 to 999" });
    }
    let now = ctx.clock.now();
    let today = day_of(now, &school.hub.time_zone);
    let from = read_day(wish.from_day.as_deref(), today)?;
    let old = school.class_of(pupil).map(|class| class.class_id);
    drop(school);
    let by = caller.user_id;
    ctx.store
        .write(move |tx| {
            let present = rosters::enrolments(tx.conn(), pupil)?.into_iter().find(|row| row.to_day.is_none());
            let began = present.as_ref().and_then(|row| row.from_day.parse::<Date>().ok());
            if began.is_some_and(|began| from < began) {
                let why = "before the day on which the present class began";
                return Err(EnrollingError::BadField { field: "from_day", why });
            }
            let leaves = present.as_ref().map(|row| row.class_id) != target.map(|(class, _)| class);
            if leaves && sittings::is_sitting(tx.conn(), pupil, now)? {
                return Err(EnrollingError::ExamRunning);
            }
            let Some((class, school_year)) = target else {
                rosters::leave_school(tx, pupil, from)?;
                audit::add(tx, &AuditEntry::by(by, "move pupil out", &from.to_string(), now).about(pupil))?;
                return Ok(());
            };
            let stays = present.filter(|row| row.class_id == class).map(|row| row.number);
            let taken: Vec<u16> = rosters::numbers(tx.conn(), class)?
                .into_iter()
                .filter(|(_, holder)| *holder != pupil)
                .map(|(number, _)| number)
                .collect();
            let number = match wish.number.or(stays) {
                Some(number) if taken.contains(&number) => return Err(EnrollingError::NumberTaken),
                Some(number) => number,
                None => next_number(&taken).ok_or(EnrollingError::NumberTaken)?,
            };
            if stays == Some(number) {
                return Ok(());
            }
            rosters::leave(tx, pupil, from)?;
            rosters::join(tx, pupil, (class, school_year, number), from)?;
            audit::add(tx, &AuditEntry::by(by, "move pupil", &class.to_string(), now).about(pupil))?;
            Ok(())
        })
        .await?;
    ctx.school.reload(&ctx.store).await?;
    announce(ctx, old.into_iter().chain(wish.class_id));
    list_enrolments(ctx, pupil).await
}

/// The times of a pupil in classes, the latest first.
pub async fn list_enrolments(ctx: &Ctx, pupil: UserId) -> Result<Vec<Enrolment>, EnrollingError> {
    let school = ctx.school.get();
    if school.people.get(&pupil).is_none_or(|person| person.role != Role::Student) {
        return Err(EnrollingError::UnknownPupil);
    }
    let read = move |conn: &ReadConn| rosters::enrolments(conn, pupil);
    let rows = ctx.store.read(read).await?;
    let name = |id: &ClassId| school.classes.get(id).map(|class| class.name.clone()).unwrap_or_default();
    let enrolments = rows.into_iter().rev().map(|row| Enrolment {
        class_name: name(&row.class_id),
        class_id: row.class_id,
        school_year: row.school_year,
        number: row.number,
        from_day: row.from_day,
        to_day: row.to_day,
    });
    Ok(enrolments.collect())
}

/// Lets a teacher teach a class beside the others, from today on.
pub async fn add_teacher(
    ctx: &Ctx,
    caller: &Caller,
    class: ClassId,
    teacher: UserId,
) -> Result<(), EnrollingError> {
    let school = ctx.school.get();
    known_class(&school, class)?;
    let is_teacher =
        school.people.get(&teacher).is_some_and(|person| person.role == Role::Teacher && !person.archived);
    if !is_teacher {
        return Err(EnrollingError::UnknownTeacher);
    }
    if school.teaches(teacher, class) {
        return Ok(());
    }
    let (now, by) = (ctx.clock.now(), caller.user_id);
    let today = day_of(now, &school.hub.time_zone);
    drop(school);
    ctx.store
        .write(move |tx| {
            rosters::add_teacher(tx, class, teacher, today)?;
            let detail = format!("{class} {teacher}");
            audit::add(tx, &AuditEntry::by(by, "add teacher", &detail, now))
        })
        .await?;
    Ok(ctx.school.reload(&ctx.store).await?)
}

/// Ends a teacher's time with a class today.
///
/// # Errors
/// The last teacher: the class would be nobody's.
pub async fn remove_teacher(
    ctx: &Ctx,
    caller: &Caller,
    class: ClassId,
    teacher: UserId,
) -> Result<(), EnrollingError> {
    let school = ctx.school.get();
    known_class(&school, class)?;
    if !school.teaches(teacher, class) {
        return Err(EnrollingError::UnknownTeacher);
    }
    let (now, by) = (ctx.clock.now(), caller.user_id);
    let today = day_of(now, &school.hub.time_zone);
    drop(school);
    ctx.store
        .write(move |tx| {
            // On the one writer: of two who remove each other one stays.
            if rosters::teachers(tx.conn(), class)?.iter().all(|id| *id == teacher) {
                return Err(EnrollingError::LastTeacher);
            }
            rosters::remove_teacher(tx, class, teacher, today)?;
            let detail = format!("{class} {teacher}");
            Ok(audit::add(tx, &AuditEntry::by(by, "remove teacher", &detail, now))?)
        })
        .await?;
    Ok(ctx.school.reload(&ctx.store).await?)
}

/// The teachers of the school, by name.
pub fn list_staff(school: &School) -> Vec<StaffEntry> {
    let mut staff: Vec<StaffEntry> = school
        .people
        .iter()
        .filter(|(_, person)| person.role == Role::Teacher && !person.archived)
        .map(|(id, person)| StaffEntry {
            user_id: *id,
            name: person.name.clone(),
            login_name: person.login_name.clone().unwrap_or_default(),
        })
        .collect();
    staff.sort_by(|a, b| (&a.name, &a.login_name).cmp(&(&b.name, &b.login_name)));
    staff
}

/// A day that has come; today if none is said.
fn read_day(day: Option<&str>, today: Date) -> Result<Date, EnrollingError> {
    let bad = |why| EnrollingError::BadField { field: "from_day", why };
    let Some(day) = day else { return Ok(today) };
    let day: Date = day.parse().map_err(|_| bad("a day such as 2026-03-02"))?;
    if day > today { Err(bad("today or an earlier day")) } else { Ok(day) }
}

/// The number after the highest, else the lowest that is free.
fn next_number(taken: &[u16]) -> Option<u16> {
    let above = taken.iter().max().map_or(1, |highest| highest.saturating_add(1));
    (above..=999).chain(1..=999).find(|number| !taken.contains(number))
}

fn known_class(school: &School, id: ClassId) -> Result<(), EnrollingError> {
    let known = school.classes.get(&id).is_some_and(|class| !class.archived);
    if known { Ok(()) } else { Err(EnrollingError::UnknownClass) }
}

fn announce(ctx: &Ctx, classes: impl Iterator<Item = ClassId>) {
    classes.for_each(|class| ctx.live.tell_class(class, &LiveEvent::Refetch));
}
