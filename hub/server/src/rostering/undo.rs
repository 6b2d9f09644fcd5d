//! Imports and changes of the year that were made: showing them, and taking one back while nothing is built on it.

use std::collections::BTreeSet;

use dreamseed_wire::{
    Language,
    account::Role,
    ids::*,
    people::{RosterChangeKind, RosterChangeView},
};

use super::{RosteringError, announce, check_sittings};
use crate::{
    api::extract::Caller,
    hub::Ctx,
    school::School,
    store::{
        ReadConn, StoreError, WriteTx,
        audit::{self, AuditEntry},
        roster_changes::{self, ChangeRow, Done},
        rosters,
    },
};

/// Changes that are listed; older ones are in the audit log.
const LISTED: u32 = 50;
/// Changes of which is said that they can be undone. It takes some queries for each pupil of the list, and what lies further
/// back has long been built on; [`undo_change`] itself looks at any change.
const LOOKED_INTO: usize = 5;

/// The changes that the caller may see, newest first.
pub async fn list_changes(ctx: &Ctx, caller: &Caller) -> Result<Vec<RosterChangeView>, RosteringError> {
    let school = ctx.school.get();
    let language = language_of(&school, caller.user_id);
    let by = (caller.role != Role::Admin).then_some(caller.user_id);
    let views = ctx
        .store
        .read(move |conn| {
            let changes = roster_changes::list(conn, by, LISTED)?;
            let mut views = Vec::with_capacity(changes.len());
            let mut looked_into = 0;
            for change in &changes {
                if change.undone_at.is_none() && looked_into < LOOKED_INTO {
                    looked_into += 1;
                    views.push(view(conn, &school, change, language)?);
                } else {
                    views.push(view_as(&school, change, language, false));
                }
            }
            Ok::<_, StoreError>(views)
        })
        .await?;
    Ok(views)
}

/// Puts back what stood before a change.
///
/// # Errors
/// [`RosteringError::BuiltOn`] if something was built on it since: a card, an answer, a lesson, another move;
/// [`RosteringError::ExamRunning`] while one of its pupils sits in an exam. Lessons that it closed stay closed.
pub async fn undo_change(
    ctx: &Ctx,
    caller: &Caller,
    id: RosterChangeId,
) -> Result<RosterChangeView, RosteringError> {
    let (now, caller) = (ctx.clock.now(), *caller);
    let classes = ctx
        .store
        .write(move |tx| {
            let change = roster_changes::get(tx.conn(), id)?.ok_or(RosteringError::UnknownChange)?;
            if caller.role != Role::Admin && change.by != Some(caller.user_id) {
                return Err(RosteringError::UnknownChange);
            }
            if change.undone_at.is_some() {
                return Err(RosteringError::Undone);
            }
            if is_built_on(tx.conn(), &change.done)? {
                return Err(RosteringError::BuiltOn);
            }
            check_sittings(tx, &touched(&change.done), now)?;
            put_back(tx, &change.done)?;
            roster_changes::mark_undone(tx, id, caller.user_id, now)?;
            for pupil in touched(&change.done) {
                audit::add(
                    tx,
                    &AuditEntry::by(caller.user_id, "undo list", &id.to_string(), now).about(pupil),
                )?;
            }
            audit::add(tx, &AuditEntry::by(caller.user_id, "undo list", &id.to_string(), now))?;
            let rows = change.done.before.iter().chain(&change.done.after);
            Ok(rows.map(|row| row.class_id).collect::<BTreeSet<_>>())
        })
        .await?;
    ctx.school.reload(&ctx.store).await?;
    announce(ctx, &classes.into_iter().collect::<Vec<_>>());
    let school = ctx.school.get();
    let language = language_of(&school, caller.user_id);
    ctx.store
        .read(move |conn| {
            let change = roster_changes::get(conn, id)?.ok_or(RosteringError::UnknownChange)?;
            Ok(view(conn, &school, &change, language)?)
        })
        .await
}

/// A change as it is shown.
pub(super) fn view(
    conn: &ReadConn,
    school: &School,
    change: &ChangeRow,
    language: Language,
) -> Result<RosterChangeView, StoreError> {
    let can_undo = change.undone_at.is_none() && !is_built_on(conn, &change.done)?;
    Ok(view_as(school, change, language, can_undo))
}

fn view_as(school: &School, change: &ChangeRow, language: Language, can_undo: bool) -> RosterChangeView {
    let by = change.by.and_then(|by| school.people.get(&by)).map(|person| person.name.clone());
    RosterChangeView {
        change_id: change.id,
        kind: change.kind,
        file_name: change.file_name.clone(),
        by,
        summary: summary(change, language),
        created_at: change.created_at,
        undone_at: change.undone_at,
        can_undo,
    }
}

pub(super) fn language_of(school: &School, user: UserId) -> Language {
    school.people.get(&user).map(|person| person.language).unwrap_or_default()
}

/// Whether something would be lost that came after the change.
fn is_built_on(conn: &ReadConn, done: &Done) -> Result<bool, StoreError> {
    for class in &done.classes_added {
        if rosters::class_is_in_use(conn, *class, done.teacher)? {
            return Ok(true);
        }
    }
    for pupil in &done.pupils_added {
        if rosters::pupil_is_in_use(conn, *pupil)? {
            return Ok(true);
        }
    }
    for renamed in &done.renamed {
        if rosters::name(conn, renamed.pupil_id)?.as_deref() != Some(renamed.to.as_str()) {
            return Ok(true);
        }
    }
    let opened = done.returned.iter().map(|returned| (returned.pupil_id, false));
    let closed = done.archived.iter().map(|pupil| (*pupil, true));
    for (pupil, archived) in opened.chain(closed) {
        if rosters::archived_at(conn, pupil)?.is_some() != archived {
            return Ok(true);
        }
    }
    let mut now = Vec::with_capacity(done.after.len());
    for pupil in touched(done) {
        now.extend(rosters::enrolments(conn, pupil)?);
    }
    let sorted = |rows: &[rosters::EnrolmentRow]| {
        let mut rows = rows.to_vec();
        rows.sort();
        rows
    };
    if sorted(&now) != sorted(&done.after) {
        return Ok(true);
    }
    // Somebody else may have come into a new class, or have got a number that is to be given back.
    let ours = touched(done);
    let given_back: BTreeSet<(ClassId, u16)> =
        done.before.iter().filter(|row| row.to_day.is_none()).map(|row| (row.class_id, row.number)).collect();
    let new: BTreeSet<ClassId> = done.classes_added.iter().copied().collect();
    let classes: BTreeSet<ClassId> = given_back.iter().map(|(class, _)| *class).chain(new.clone()).collect();
    for class in classes {
        for (number, pupil) in rosters::numbers(conn, class)? {
            if !ours.contains(&pupil) && (new.contains(&class) || given_back.contains(&(class, number))) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn put_back(tx: &WriteTx<'_>, done: &Done) -> Result<(), RosteringError> {
    for pupil in touched(done) {
        rosters::take_out(tx, pupil)?;
    }
    for class in &done.classes_archived {
        rosters::set_class_archived(tx, *class, None)?;
    }
    for renamed in &done.renamed {
        rosters::rename(tx, renamed.pupil_id, &renamed.from)?;
    }
    for returned in &done.returned {
        if returned.archived_at.is_some() {
            rosters::set_archived(tx, returned.pupil_id, returned.archived_at)?;
        }
    }
    for pupil in &done.archived {
        rosters::set_archived(tx, *pupil, None)?;
    }
    for row in &done.before {
        rosters::put_back(tx, row).map_err(|err| {
            let is_taken = matches!(err, StoreError::Taken(_));
            if is_taken { RosteringError::BuiltOn } else { RosteringError::Store(err) }
        })?;
    }
    for pupil in &done.pupils_added {
        if !rosters::delete_pupil(tx, *pupil)? {
            return Err(RosteringError::BuiltOn);
        }
    }
    for class in &done.classes_added {
        if !rosters::delete_class(tx, *class, done.teacher)? {
            return Err(RosteringError::BuiltOn);
        }
    }
    Ok(())
}

/// Everybody whose place was changed.
fn touched(done: &Done) -> BTreeSet<UserId> {
    let rows = done.before.iter().chain(&done.after).map(|row| row.pupil_id);
    rows.chain(done.pupils_added.iter().copied()).collect()
}

/// One sentence of what was changed, naming only what there is.
fn summary(change: &ChangeRow, language: Language) -> String {
    let done = &change.done;
    let (up, leaving) = match change.kind {
        RosterChangeKind::Import => (done.moved.len(), 0),
        RosterChangeKind::Rollover => (done.moved.len(), done.archived.len()),
    };
    let archived = if leaving > 0 { 0 } else { done.archived.len() };
    let parts: [(usize, &str, &str, &str); 7] = [
        (done.classes_added.len(), "새 반 {}개", "{} new class", "{} new classes"),
        (done.pupils_added.len(), "새 학생 {}명", "{} new pupil", "{} new pupils"),
        (up, "옮긴 학생 {}명", "{} pupil moved", "{} pupils moved"),
        (done.renamed.len(), "이름을 고친 학생 {}명", "{} name corrected", "{} names corrected"),
        (done.returned.len(), "돌아온 학생 {}명", "{} pupil back", "{} pupils back"),
        (archived, "보관한 학생 {}명", "{} pupil archived", "{} pupils archived"),
        (leaving, "학교를 떠난 학생 {}명", "{} pupil left the school", "{} pupils left the school"),
    ];
    let said: Vec<String> = parts
        .iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, ko, one, many)| {
            let text = match (language, count) {
                (Language::Ko, _) => ko,
                (Language::En, 1) => one,
                (Language::En, _) => many,
            };
            text.replace("{}", &count.to_string())
        })
        .collect();
    match (said.is_empty(), language) {
        (true, Language::Ko) => "바뀐 것이 없습니다".to_owned(),
        (true, Language::En) => "nothing changed".to_owned(),
        (false, _) => said.join(", "),
    }
}
