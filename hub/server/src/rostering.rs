//! Lists of pupils: what an import would change, making it so in one transaction, taking it back.
//!
//! The walk: `dreamseed_roster` reads the file, [`compare`](mod@compare) says who is who, [`preview`] shows it, [`import`] compares
//! again inside the transaction and does it only if it is still the same, [`undo`] puts back what stood before.
//! [`rollover`] is the change of the school year by the same means.

pub mod compare;
pub mod rollover;
pub mod undo;

use std::collections::BTreeSet;

use bytes::Bytes;
use dreamseed_roster::{List, ListFault, read_list};
use dreamseed_wire::{
    Language,
    account::Role,
    class::AddClass,
    ids::*,
    live::LiveEvent,
    people::{RosterChangeKind, RosterImported, RosterPreview, TakenNumber},
};
use jiff::{Timestamp, civil::Date};
use tokio::sync::Semaphore;

use self::compare::{Ground, Plan, Step, compare, earlier_year};
use crate::{
    api::extract::Caller,
    auth::{accounts::check_text, drop_sessions, sessions::EndReason},
    clock::day_of,
    hub::Ctx,
    store::{
        StoreError, WriteTx,
        audit::{self, AuditEntry},
        lessons,
        roster_changes::{self, Done, Renamed, Returned},
        rosters, sessions, sittings, users,
    },
    teaching::make_code,
};

/// Files that are read at once: each may unpack to 40 MB.
static READING: Semaphore = Semaphore::const_new(2);
const FILE_NAME_MAX: usize = 120;

/// Why a list cannot be taken, or a change not be taken back.
#[derive(Debug, thiserror::Error)]
pub enum RosteringError {
    #[error(transparent)]
    File(#[from] ListFault),
    #[error("{0} lines of the list cannot be taken")]
    Faults(usize),
    /// By class and number.
    #[error("{} numbers of missing pupils are somebody else's in the list", .0.len())]
    NumbersTaken(Vec<TakenNumber>),
    #[error("the school is no longer as the preview showed it")]
    Changed,
    #[error("{0} numbers would be taken twice")]
    Conflicts(usize),
    #[error("an exam is running in one of the classes")]
    ExamRunning,
    #[error("{field}: {why}")]
    BadField { field: &'static str, why: &'static str },
    #[error("no class goes there from the school year {present}")]
    OtherYear { present: u16, reader: Language },
    #[error("the class is not known")]
    UnknownClass,
    #[error("the change is not known")]
    UnknownChange,
    #[error("it has been undone already")]
    Undone,
    #[error("something has been built on it since")]
    BuiltOn,
    #[error("the lists could not be kept")]
    Store(#[from] StoreError),
}

/// A file with what was said about it.
pub struct Upload {
    pub file_name: String,
    /// The year of today if absent.
    pub school_year: Option<u16>,
    pub bytes: Bytes,
}

/// The Korean school year of a day: it begins on the first of March and is named by its first year.
pub fn school_year(day: Date) -> u16 {
    let year = if day.month() >= 3 { day.year() } else { day.year() - 1 };
    u16::try_from(year).unwrap_or_default()
}

/// What a list would change; nothing is written.
pub async fn preview(ctx: &Ctx, caller: &Caller, upload: Upload) -> Result<RosterPreview, RosteringError> {
    let asked = Asked::new(ctx, caller, &upload)?;
    let list = read(upload.bytes).await?;
    let (asked, list, plan, earlier_year) = ctx
        .store
        .read(move |conn| {
            let (classes, pupils) = (rosters::classes(conn)?, rosters::pupils(conn)?);
            let ground = asked.ground(&classes, &pupils);
            let (plan, earlier_year) = (compare(&list.rows, &ground), earlier_year(&ground));
            Ok::<_, StoreError>((asked, list, plan, earlier_year))
        })
        .await?;
    let advice = earlier_year.map(|from| asked.advise_rollover(from));
    Ok(RosterPreview { advice, ..asked.show(&list, plan) })
}

/// Makes the changes of a list, all of them or none.
///
/// # Errors
/// [`RosteringError::Changed`] if they are no longer those of the preview with this digest,
/// [`RosteringError::Faults`] while a line cannot be taken, and [`RosteringError::NumbersTaken`] while a new pupil has
/// the number of a missing one who stays.
pub async fn import(
    ctx: &Ctx,
    caller: &Caller,
    upload: Upload,
    digest: String,
    archive_missing: bool,
) -> Result<RosterImported, RosteringError> {
    let asked = Asked::new(ctx, caller, &upload)?;
    let list = read(upload.bytes).await?;
    let now = ctx.clock.now();
    let today = day_of(now, &ctx.school.get().hub.time_zone);
    let (imported, ended) = ctx
        .store
        .write(move |tx| {
            // On the one writer: of two imports at once the second sees what the first has changed.
            let (classes, pupils) = (rosters::classes(tx.conn())?, rosters::pupils(tx.conn())?);
            let plan = compare(&list.rows, &asked.ground(&classes, &pupils));
            let shown = asked.show(&list, plan.clone());
            if shown.digest != digest {
                return Err(RosteringError::Changed);
            }
            if !shown.faults.is_empty() {
                return Err(RosteringError::Faults(shown.faults.len()));
            }
            if !shown.taken.is_empty() && !archive_missing {
                return Err(RosteringError::NumbersTaken(shown.taken));
            }
            let leaves = archive_missing && !plan.missing.is_empty();
            if plan.changes.is_empty() && !leaves {
                // The same list again: nothing to write, and nothing to take back.
                return Ok((unchanged(&plan), Vec::new()));
            }
            apply(tx, &asked, &plan, archive_missing, (now, today))
        })
        .await?;
    drop_sessions(ctx, &ended);
    ctx.school.reload(&ctx.store).await?;
    announce(ctx, &imported.class_ids);
    Ok(imported)
}

/// Who asks for what.
struct Asked {
    by: UserId,
    file_name: String,
    school_year: u16,
    /// The teacher who asks; absent for the admin.
    teacher: Option<UserId>,
    language: Language,
}

impl Asked {
    fn new(ctx: &Ctx, caller: &Caller, upload: &Upload) -> Result<Self, RosteringError> {
        let school = ctx.school.get();
        let today = day_of(ctx.clock.now(), &school.hub.time_zone);
        let year = upload.school_year.unwrap_or_else(|| school_year(today));
        if !(2000..=2100).contains(&year) {
            return Err(RosteringError::BadField { field: "school_year", why: "between 2000 and 2100" });
        }
        let file_name = check_text("file_name", &upload.file_name, FILE_NAME_MAX).map_err(|_| {
            RosteringError::BadField {
                field: "file_name",
                why: "empty, too long, or with characters that cannot be seen",
            }
        })?;
        Ok(Asked {
            by: caller.user_id,
            file_name,
            school_year: year,
            teacher: (caller.role != Role::Admin).then_some(caller.user_id),
            language: school.people.get(&caller.user_id).map(|person| person.language).unwrap_or_default(),
        })
    }

    fn ground<'a>(&self, classes: &'a [rosters::ClassRow], pupils: &'a [rosters::PupilRow]) -> Ground<'a> {
        let (school_year, teacher, language) = (self.school_year, self.teacher, self.language);
        Ground { classes, pupils, school_year, teacher, language }
    }

    /// A list goes by names, the change of the year by pupils.
    fn advise_rollover(&self, from: u16) -> String {
        let to = self.school_year;
        match (self.language, self.teacher) {
            (Language::Ko, None) => format!(
                "{from}학년도 반에 아직 학생이 있습니다. 명단보다 먼저 ‘새 학년도’ 화면에서 {to}학년도로 옮기세요. 이름이 같은 학생도 저마다 자기 계정과 기록을 이어 갑니다. 그다음 이 명단으로 반과 번호를 맞춥니다."
            ),
            (Language::Ko, Some(_)) => format!(
                "{from}학년도 반에 아직 학생이 있습니다. 관리자에게 ‘새 학년도’ 화면에서 먼저 {to}학년도로 옮겨 달라고 하세요. 이름이 같은 학생도 저마다 자기 계정과 기록을 이어 갑니다."
            ),
            (Language::En, None) => format!(
                "Pupils are still in classes of the school year {from}. Change the year first, on the page New school year: pupils of the same name keep their own accounts and records. Then this list puts classes and numbers right."
            ),
            (Language::En, Some(_)) => format!(
                "Pupils are still in classes of the school year {from}. Ask an admin to change the year to {to} first, on the page New school year: pupils of the same name keep their own accounts and records."
            ),
        }
    }

    fn show(&self, list: &List, plan: Plan) -> RosterPreview {
        let mut faults = list.faults.clone();
        faults.extend(plan.faults);
        faults.sort_by_key(|fault| fault.line);
        let mut preview = RosterPreview {
            file_name: self.file_name.clone(),
            encoding: list.encoding.to_owned(),
            school_year: self.school_year,
            rows: u32::try_from(list.rows.len()).unwrap_or(u32::MAX),
            changes: plan.changes,
            missing: plan.missing,
            taken: plan.taken,
            faults,
            advice: None,
            digest: String::new(),
        };
        preview.digest = digest_of(&(
            &preview.changes,
            &preview.missing,
            &preview.taken,
            &preview.faults,
            preview.school_year,
        ));
        preview
    }
}

/// Names what was shown: BLAKE3 of its JSON.
fn digest_of(shown: &impl serde::Serialize) -> String {
    blake3::hash(&serde_json::to_vec(shown).unwrap_or_default()).to_hex().to_string()
}

/// Off the async threads, a few at a time.
async fn read(bytes: Bytes) -> Result<List, RosteringError> {
    let _turn = READING.acquire().await.map_err(|_| StoreError::Closed)?;
    let read = tokio::task::spawn_blocking(move || read_list(&bytes)).await;
    // A reader that breaks down over a file has met a damaged one.
    Ok(read.unwrap_or(Err(ListFault::Damaged))?)
}

fn apply(
    tx: &WriteTx<'_>,
    asked: &Asked,
    plan: &Plan,
    archive_missing: bool,
    (now, today): (Timestamp, Date),
) -> Result<(RosterImported, Vec<SessionId>), RosteringError> {
    let mut done = Done { school_year: asked.school_year, teacher: asked.teacher, ..Done::default() };
    let mut class_ids = Vec::with_capacity(plan.classes.len());
    for class in &plan.classes {
        class_ids.push(match class.id {
            Some(id) => id,
            None => {
                let id = add_class(tx, (&class.name, class.grade), asked, (now, today))?;
                done.classes_added.push(id);
                id
            }
        });
    }
    let placed = |class: usize, number: u16| (class_ids[class], asked.school_year, number);
    let leaving = plan.missing.iter().map(|pupil| pupil.pupil_id).filter(|_| archive_missing);
    let leaving: BTreeSet<UserId> = leaving.collect();
    let moving: BTreeSet<UserId> = plan
        .steps
        .iter()
        .filter_map(|step| match step {
            Step::Move { pupil, .. } | Step::Return { pupil, .. } | Step::MakeRoom { pupil, .. } => {
                Some(*pupil)
            }
            Step::Add { .. } | Step::Rename { .. } => None,
        })
        .filter(|pupil| !leaving.contains(pupil))
        .collect();
    let mut touched: BTreeSet<UserId> = &moving | &leaving;
    check_sittings(tx, &touched, now)?;
    snapshot(tx, &touched, &mut done.before)?;
    // All numbers are free before the first is given again.
    for pupil in &moving {
        rosters::leave(tx, *pupil, today)?;
    }
    let mut ended = Vec::new();
    for pupil in &leaving {
        ended.extend(archive(tx, asked.by, *pupil, (now, today))?);
        done.archived.push(*pupil);
    }
    let note = |action: &str, pupil: UserId, detail: &str| {
        audit::add(tx, &AuditEntry::by(asked.by, action, detail, now).about(pupil))
    };
    for step in &plan.steps {
        match step {
            Step::Add { name, class, number } => {
                let pupil = rosters::add_pupil(tx, name, asked.language, now)?;
                rosters::join(tx, pupil, placed(*class, *number), today)?;
                done.pupils_added.push(pupil);
                note("import pupil", pupil, &class_ids[*class].to_string())?;
            }
            Step::Move { pupil, class, number } => {
                rosters::join(tx, *pupil, placed(*class, *number), today)?;
                done.moved.push(*pupil);
                note("move pupil", *pupil, &class_ids[*class].to_string())?;
            }
            Step::MakeRoom { .. } if archive_missing => {}
            Step::MakeRoom { pupil, class, number } => {
                rosters::join(tx, *pupil, placed(*class, *number), today)?;
                done.moved.push(*pupil);
                note("move pupil", *pupil, &class_ids[*class].to_string())?;
            }
            Step::Rename { pupil, from, to } => {
                rosters::rename(tx, *pupil, to)?;
                done.renamed.push(Renamed { pupil_id: *pupil, from: from.clone(), to: to.clone() });
                note("rename pupil", *pupil, "")?;
            }
            Step::Return { pupil, class, number } => {
                let archived_at = rosters::archived_at(tx.conn(), *pupil)?;
                if archived_at.is_some() {
                    rosters::set_archived(tx, *pupil, None)?;
                }
                rosters::join(tx, *pupil, placed(*class, *number), today)?;
                done.returned.push(Returned { pupil_id: *pupil, archived_at });
                note("take pupil back", *pupil, &class_ids[*class].to_string())?;
            }
        }
    }
    touched.extend(&done.pupils_added);
    snapshot(tx, &touched, &mut done.after)?;
    let kind = (RosterChangeKind::Import, asked.file_name.as_str());
    let change_id = roster_changes::add(tx, kind, &done, asked.by, now)?;
    audit::add(tx, &AuditEntry::by(asked.by, "import list", &change_id.to_string(), now))?;
    let imported = RosterImported {
        change_id: Some(change_id),
        classes_added: count(&done.classes_added),
        pupils_added: count(&done.pupils_added),
        moved: count(&done.moved),
        renamed: count(&done.renamed),
        returned: count(&done.returned),
        archived: count(&done.archived),
        class_ids,
    };
    Ok((imported, ended))
}

/// What the import of a list tells that is in the school as it stands.
fn unchanged(plan: &Plan) -> RosterImported {
    RosterImported {
        change_id: None,
        classes_added: 0,
        pupils_added: 0,
        moved: 0,
        renamed: 0,
        returned: 0,
        archived: 0,
        class_ids: plan.classes.iter().filter_map(|class| class.id).collect(),
    }
}

/// A class of a list or of the new year; a teacher who brings the list teaches it.
fn add_class(
    tx: &WriteTx<'_>,
    (name, grade): (&str, u8),
    asked: &Asked,
    (now, today): (Timestamp, Date),
) -> Result<ClassId, StoreError> {
    let new = AddClass {
        name: name.to_owned(),
        grade,
        school_year: asked.school_year,
        language: asked.language,
        teachers: Vec::new(),
    };
    let id = lessons::add_class(tx, &new, &make_code(), now)?;
    if let Some(teacher) = asked.teacher {
        lessons::add_teacher(tx, id, teacher, today)?;
    }
    audit::add(tx, &AuditEntry::by(asked.by, "add class", &id.to_string(), now))?;
    Ok(id)
}

/// Closes a pupil's account: it leaves its class, its sessions end, its record stays.
fn archive(
    tx: &WriteTx<'_>,
    by: UserId,
    pupil: UserId,
    (now, today): (Timestamp, Date),
) -> Result<Vec<SessionId>, StoreError> {
    users::archive(tx, pupil, now, today)?;
    audit::add(tx, &AuditEntry::by(by, "archive user", "", now).about(pupil))?;
    sessions::end_of_user(tx, pupil, None, now, EndReason::Archived.word())
}

/// Nobody is taken out of an exam: what was answered would be lost, and its grades told.
fn check_sittings(tx: &WriteTx<'_>, pupils: &BTreeSet<UserId>, now: Timestamp) -> Result<(), RosteringError> {
    for pupil in pupils {
        if sittings::is_sitting(tx.conn(), *pupil, now)? {
            return Err(RosteringError::ExamRunning);
        }
    }
    Ok(())
}

fn snapshot(
    tx: &WriteTx<'_>,
    pupils: &BTreeSet<UserId>,
    rows: &mut Vec<rosters::EnrolmentRow>,
) -> Result<(), StoreError> {
    for pupil in pupils {
        rows.extend(rosters::enrolments(tx.conn(), *pupil)?);
    }
    Ok(())
}

/// Watchers of these classes fetch them again.
fn announce(ctx: &Ctx, classes: &[ClassId]) {
    classes.iter().for_each(|class| ctx.live.tell_class(*class, &LiveEvent::Refetch));
}

fn count<T>(things: &[T]) -> u32 {
    u32::try_from(things.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_korean_school_year_begins_in_march() {
        for (day, year) in
            [("2026-03-01", 2026), ("2026-02-28", 2025), ("2026-12-31", 2026), ("2027-01-04", 2026)]
        {
            assert_eq!(school_year(day.parse().expect("a day")), year, "{day}");
        }
    }
}
