//! What a teacher tells one pupil in the middle of a lesson: a note, the author's next hint, the worked solution. It is on
//! the pupil's screen at once and stays in the pupil's list.

use dreamseed_wire::{
    Language,
    ids::*,
    lesson::{NoteKind, OpenForPupil, OpenedKind, PupilEvent, PupilNote, SendNote},
};
use jiff::Timestamp;

use crate::{
    answering::is_withheld,
    api::extract::Caller,
    hub::Ctx,
    school::{Lesson, ProblemVersion, School},
    sittings,
    store::{
        Committed, StoreError, WriteTx,
        audit::{self, AuditEntry},
        pupil_notes::{self, StoredNote},
        releases,
        sittings::show,
    },
};

/// Characters of a note.
const NOTE_MAX: usize = 500;
/// Notes in a pupil's list.
const LISTED: u32 = 100;

/// Why a pupil cannot be told something.
#[derive(Debug, thiserror::Error)]
pub enum NoteError {
    #[error("the note is not known")]
    UnknownNote,
    #[error("the pupil is not in the class")]
    UnknownPupil,
    #[error("{field}: {why}")]
    BadField { field: &'static str, why: &'static str },
    /// An exam has no help, not even the teacher's.
    #[error("an exam that holds the problem is running for the pupil")]
    ExamRunning,
    #[error("the note could not be kept")]
    Store(#[from] StoreError),
}

/// Sends a pupil a note.
pub async fn send(
    ctx: &Ctx,
    caller: &Caller,
    (class, pupil): (ClassId, UserId),
    body: SendNote,
) -> Result<PupilNote, NoteError> {
    let (school, now, by) = (ctx.school.get(), ctx.clock.now(), caller.user_id);
    check_pupil(&school, class, pupil)?;
    check_lesson(&school, class, body.lesson_id)?;
    if body.problem_version_id.is_some_and(|id| !school.versions.contains_key(&id)) {
        return Err(NoteError::BadField { field: "problem_version_id", why: "not a problem of this hub" });
    }
    let note = StoredNote {
        id: NoteId::new(),
        kind: NoteKind::Note,
        lesson_id: body.lesson_id,
        problem_version_id: body.problem_version_id,
        text: check_note(&body.text)?,
        by_user: Some(by),
        created_at: now,
        seen: false,
    };
    ctx.store
        .write(move |tx| {
            let view = tell(tx, &school, pupil, note)?;
            audit_about(tx, (by, "send note"), pupil, &view)?;
            Ok(view)
        })
        .await
}

/// Opens the author's next hint or the worked solution of a problem to a pupil.
pub async fn open(
    ctx: &Ctx,
    caller: &Caller,
    (class, pupil): (ClassId, UserId),
    body: OpenForPupil,
) -> Result<PupilNote, NoteError> {
    let (school, now, by) = (ctx.school.get(), ctx.clock.now(), caller.user_id);
    check_pupil(&school, class, pupil)?;
    check_lesson(&school, class, body.lesson_id)?;
    let version_id = body.problem_version_id;
    if is_withheld(&school, pupil, version_id, now) {
        return Err(NoteError::ExamRunning);
    }
    if !school.is_given(pupil, version_id, now) {
        return Err(NoteError::BadField { field: "problem_version_id", why: "not given to this pupil" });
    }
    let (kind, action) = match body.what {
        OpenedKind::Step => (NoteKind::Step, "open step"),
        OpenedKind::Solution => (NoteKind::Solution, "open solution"),
    };
    ctx.store
        .write(move |tx| {
            let version = school.versions.get(&version_id).ok_or(StoreError::BadValue { what: "problem" })?;
            let language = school.working_language(pupil);
            let text = match body.what {
                OpenedKind::Step => {
                    let level = releases::steps(tx.conn(), pupil, version_id)? + 1;
                    let text = hint(version, level, language).ok_or(NoteError::BadField {
                        field: "what",
                        why: "every hint of this problem is open already; the solution can be opened",
                    })?;
                    releases::add_step(tx, pupil, version_id, level, by, now)?;
                    text
                }
                OpenedKind::Solution => {
                    releases::add_solution(tx, pupil, version_id, Some(by), now)?;
                    version.draft.solution.get(language)
                }
            };
            let note = StoredNote {
                id: NoteId::new(),
                kind,
                lesson_id: body.lesson_id,
                problem_version_id: Some(version_id),
                text: text.to_owned(),
                by_user: Some(by),
                created_at: now,
                seen: false,
            };
            let view = tell(tx, &school, pupil, note)?;
            audit_about(tx, (by, action), pupil, &view)?;
            Ok(view)
        })
        .await
}

/// Keeps a note and puts it on the pupil's screen as soon as it is on the disk. Exams that have ended, of whose problem it
/// tells something, take no late answers of this pupil from then on.
pub fn tell(
    tx: &WriteTx<'_>,
    school: &School,
    pupil_id: UserId,
    note: StoredNote,
) -> Result<PupilNote, StoreError> {
    pupil_notes::add(tx, pupil_id, &note)?;
    let is_shown = !is_kept_back(school, pupil_id, &note, note.created_at);
    for exam in told_exams(school, pupil_id, &note, note.created_at).filter(|_| is_shown) {
        show(tx, exam.lesson_id, pupil_id, note.created_at)?;
    }
    let view = view(school, pupil_id, note);
    if is_shown {
        tx.publish(Committed::Pupil { pupil_id, event: PupilEvent::Note { note: view.clone() } });
    }
    Ok(view)
}

/// What a pupil was told, newest first; without what helps with a problem of an exam that is running.
pub async fn list_own(ctx: &Ctx, pupil: UserId) -> Result<Vec<PupilNote>, StoreError> {
    let (school, now) = (ctx.school.get(), ctx.clock.now());
    let notes = ctx.store.read(move |conn| pupil_notes::of_pupil(conn, pupil, LISTED)).await?;
    let shown: Vec<_> = notes.into_iter().filter(|note| !is_kept_back(&school, pupil, note, now)).collect();
    // One that was told in the moment in which its exam was opened has been kept back until now.
    let told = shown.iter().flat_map(|note| told_exams(&school, pupil, note, now)).map(|exam| exam.lesson_id);
    sittings::show_grades_of(ctx, pupil, told.collect()).await?;
    Ok(shown.into_iter().map(|note| view(&school, pupil, note)).collect())
}

/// A pupil has seen a note.
pub async fn see(ctx: &Ctx, pupil: UserId, note: NoteId) -> Result<(), NoteError> {
    let now = ctx.clock.now();
    let found = ctx.store.write(move |tx| pupil_notes::see(tx, note, pupil, now)).await?;
    if found { Ok(()) } else { Err(NoteError::UnknownNote) }
}

/// Whether an exam that is running for the pupil keeps a note: a step, a solution or a corrected grade of one of its
/// problems, even if it was told before. What a teacher writes is never kept.
pub fn is_kept_back(school: &School, pupil: UserId, note: &StoredNote, now: Timestamp) -> bool {
    match note.kind {
        NoteKind::Note => false,
        NoteKind::Step | NoteKind::Solution | NoteKind::Regraded => {
            note.problem_version_id.is_some_and(|version| is_withheld(school, pupil, version, now))
        }
    }
}

/// The exams that have ended, about whose problems a note tells what was right. One from before an exam was opened tells
/// nothing of it.
fn told_exams<'a>(
    school: &'a School,
    pupil: UserId,
    note: &StoredNote,
    now: Timestamp,
) -> impl Iterator<Item = &'a Lesson> + use<'a> {
    let version = match note.kind {
        NoteKind::Note => None,
        NoteKind::Step | NoteKind::Solution | NoteKind::Regraded => note.problem_version_id,
    };
    let told_at = note.created_at;
    let exams = version.into_iter().flat_map(move |version| school.ended_exams_with(pupil, version, now));
    exams.filter(move |exam| told_at >= exam.timing.opened_at)
}

fn view(school: &School, pupil: UserId, note: StoredNote) -> PupilNote {
    let language = school.working_language(pupil);
    let version = note.problem_version_id.and_then(|id| school.versions.get(&id));
    PupilNote {
        note_id: note.id,
        kind: note.kind,
        text: note.text,
        lesson_id: note.lesson_id,
        problem_version_id: note.problem_version_id,
        problem_title: version.map(|version| version.draft.title.get(language).to_owned()),
        from: note.by_user.and_then(|id| school.people.get(&id)).map(|person| person.name.clone()),
        created_at: note.created_at,
        seen: note.seen,
    }
}

/// The author's hint of a level, counted from 1.
fn hint(version: &ProblemVersion, level: u32, language: Language) -> Option<&str> {
    let text = version.draft.hints.get((level as usize).checked_sub(1)?)?.get(language);
    (!text.is_empty()).then_some(text)
}

/// The table of rights lets an admin name any pupil, and any id.
fn check_pupil(school: &School, class: ClassId, pupil: UserId) -> Result<(), NoteError> {
    let is_in = school.class_of(pupil).is_some_and(|found| found.class_id == class);
    if is_in { Ok(()) } else { Err(NoteError::UnknownPupil) }
}

fn check_lesson(school: &School, class: ClassId, lesson: Option<LessonId>) -> Result<(), NoteError> {
    let is_of_class = |id: LessonId| school.lessons.get(&id).is_some_and(|lesson| lesson.class_id == class);
    if lesson.is_none_or(is_of_class) {
        Ok(())
    } else {
        Err(NoteError::BadField { field: "lesson_id", why: "not a lesson of this class" })
    }
}

/// A note may have lines, and nothing that hides or turns its text.
fn check_note(text: &str) -> Result<String, NoteError> {
    let bad = |why| NoteError::BadField { field: "text", why };
    let text = text.trim();
    if text.is_empty() {
        return Err(bad("empty"));
    }
    if text.chars().count() > NOTE_MAX {
        return Err(bad("longer than 500 characters"));
    }
    let is_unfit = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    if text.chars().any(is_unfit) {
        return Err(bad("characters that cannot be seen"));
    }
    Ok(text.to_owned())
}

fn audit_about(
    tx: &WriteTx<'_>,
    (by, action): (UserId, &str),
    pupil: UserId,
    note: &PupilNote,
) -> Result<(), StoreError> {
    let detail = note.note_id.to_string();
    let entry = AuditEntry { subject: Some(pupil), ..AuditEntry::by(by, action, &detail, note.created_at) };
    audit::add(tx, &entry)
}
