//! The new school year: each class goes up with its pupils and their numbers, the old classes are put away and their
//! lessons closed; undoing it opens the classes again, and their lessons stay closed.
//!
//! Pupils keep accounts, PINs and cards. New classes get new sign-in codes, so that a code on last year's blackboard
//! opens nothing, and **no teachers**: who teaches whom is decided anew each March, and the admin (or a teacher who is
//! added) says so. Who leaves is archived, with everything that is known of them. Lists with the new year's classes may
//! follow as imports, which move those who were mixed anew.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use dreamseed_roster::{class_key, read_class};
use dreamseed_wire::{
    Language,
    ids::*,
    people::{
        ApplyRollover, PlanRollover, RolloverPreview, RolloverStep, RolloverTarget, RosterChangeKind,
        RosterChangeView,
    },
};
use jiff::civil::Date;

use super::{
    RosteringError, announce, archive, check_sittings, compare::name_class, digest_of, school_year, snapshot,
    undo,
};
use crate::{
    api::extract::Caller,
    auth::{accounts::check_text, drop_sessions},
    clock::day_of,
    hub::Ctx,
    lessons::close_all,
    store::{
        ReadConn,
        audit::{self, AuditEntry},
        lessons,
        roster_changes::{self, Done},
        rosters::{self, ClassRow, PupilRow},
    },
    teaching::make_code,
};

const CLASS_NAME_MAX: usize = 40;
/// The last years of Korean elementary, middle and high schools, as grades 1 to 12.
const LAST_GRADES: [u8; 3] = [6, 9, 12];

/// What the change of the year would do; classes that the plan does not name go up, those of the last grade leave.
pub async fn preview(
    ctx: &Ctx,
    caller: &Caller,
    plan: PlanRollover,
) -> Result<RolloverPreview, RosteringError> {
    let school = ctx.school.get();
    let language = undo::language_of(&school, caller.user_id);
    check_year(plan.to_year, day_of(ctx.clock.now(), &school.hub.time_zone), language)?;
    drop(school);
    ctx.store.read(move |conn| Ok(Turn::plan(conn, &plan, language)?.preview)).await
}

/// Changes the year as it was previewed.
///
/// # Errors
/// [`RosteringError::Changed`] if it would do something else by now, [`RosteringError::Conflicts`] if a number would
/// be taken twice, [`RosteringError::ExamRunning`] if pupils sit in an exam.
pub async fn apply(
    ctx: &Ctx,
    caller: &Caller,
    asked: ApplyRollover,
) -> Result<RosterChangeView, RosteringError> {
    let school = ctx.school.get();
    let language = undo::language_of(&school, caller.user_id);
    let now = ctx.clock.now();
    let today = day_of(now, &school.hub.time_zone);
    drop(school);
    check_year(asked.plan.to_year, today, language)?;
    let by = caller.user_id;
    let (id, classes, ended) = ctx
        .store
        .write(move |tx| {
            let turn = Turn::plan(tx.conn(), &asked.plan, language)?;
            if turn.preview.digest != asked.digest {
                return Err(RosteringError::Changed);
            }
            if !turn.preview.conflicts.is_empty() {
                return Err(RosteringError::Conflicts(turn.preview.conflicts.len()));
            }
            let year = asked.plan.to_year;
            let mut done = Done { school_year: year, ..Done::default() };
            let touched: BTreeSet<UserId> = turn.ways.iter().map(|way| way.pupil).collect();
            check_sittings(tx, &touched, now)?;
            snapshot(tx, &touched, &mut done.before)?;
            for way in turn.ways.iter().filter(|way| way.to.is_some()) {
                rosters::leave(tx, way.pupil, today)?;
            }
            let mut ids = Vec::with_capacity(turn.targets.len());
            for target in &turn.targets {
                ids.push(match target.id {
                    Some(id) => id,
                    None => {
                        let new = dreamseed_wire::class::AddClass {
                            name: target.name.clone(),
                            grade: target.grade,
                            school_year: year,
                            language: target.language,
                            teachers: Vec::new(),
                        };
                        let id = lessons::add_class(tx, &new, &make_code(), now)?;
                        audit::add(tx, &AuditEntry::by(by, "add class", &id.to_string(), now))?;
                        done.classes_added.push(id);
                        id
                    }
                });
            }
            let mut ended = Vec::new();
            for way in &turn.ways {
                match way.to {
                    Some((target, number)) => {
                        rosters::join(tx, way.pupil, (ids[target], year, number), today)?;
                        let detail = ids[target].to_string();
                        audit::add(tx, &AuditEntry::by(by, "move pupil", &detail, now).about(way.pupil))?;
                        done.moved.push(way.pupil);
                    }
                    None => {
                        ended.extend(archive(tx, by, way.pupil, (now, today))?);
                        done.archived.push(way.pupil);
                    }
                }
            }
            for step in &turn.preview.classes {
                if !close_all(tx, step.class_id, now)? {
                    return Err(RosteringError::ExamRunning);
                }
                rosters::set_class_archived(tx, step.class_id, Some(now))?;
                audit::add(tx, &AuditEntry::by(by, "archive class", &step.class_id.to_string(), now))?;
                done.classes_archived.push(step.class_id);
            }
            snapshot(tx, &touched, &mut done.after)?;
            let name = format!("{} → {year}", turn.preview.from_year);
            let id = roster_changes::add(tx, (RosterChangeKind::Rollover, &name), &done, by, now)?;
            audit::add(tx, &AuditEntry::by(by, "change year", &id.to_string(), now))?;
            ids.extend(&done.classes_archived);
            Ok((id, ids, ended))
        })
        .await?;
    drop_sessions(ctx, &ended);
    ctx.school.reload(&ctx.store).await?;
    announce(ctx, &classes);
    let school = ctx.school.get();
    ctx.store
        .read(move |conn| {
            let change = roster_changes::get(conn, id)?.ok_or(RosteringError::UnknownChange)?;
            Ok(undo::view(conn, &school, &change, language)?)
        })
        .await
}

/// The year that follows is prepared in the winter before; the present one is still to be begun where nobody did so before
/// March. Any other would be a slip, or a wrong clock.
fn check_year(to_year: u16, today: Date, language: Language) -> Result<(), RosteringError> {
    let present = school_year(today);
    if to_year == present || Some(to_year) == present.checked_add(1) {
        return Ok(());
    }
    Err(RosteringError::OtherYear { present, reader: language })
}

/// The change of a year with what the preview does not show.
struct Turn {
    preview: RolloverPreview,
    targets: Vec<Target>,
    ways: Vec<Way>,
}

/// A class of the new year.
struct Target {
    id: Option<ClassId>,
    grade: u8,
    name: String,
    language: Language,
}

/// A pupil on their way; they leave the school if it leads nowhere.
struct Way {
    pupil: UserId,
    /// An index of the targets and the number there.
    to: Option<(usize, u16)>,
}

impl Turn {
    fn plan(conn: &ReadConn, plan: &PlanRollover, language: Language) -> Result<Self, RosteringError> {
        let bad = |field, why| RosteringError::BadField { field, why };
        let (classes, pupils) = (rosters::classes(conn)?, rosters::pupils(conn)?);
        let languages = rosters::class_languages(conn)?;
        let mut old: Vec<&ClassRow> =
            classes.iter().filter(|class| !class.archived && class.school_year < plan.to_year).collect();
        old.sort_by_key(|class| (class.grade, class_order(class)));
        let Some(from_year) = old.iter().map(|class| class.school_year).max() else {
            return Err(bad("to_year", "there is no class of an earlier year"));
        };
        let mut said: HashMap<ClassId, Option<&RolloverTarget>> = HashMap::new();
        for class in &plan.classes {
            if !old.iter().any(|known| known.id == class.class_id) {
                return Err(RosteringError::UnknownClass);
            }
            if said.insert(class.class_id, class.to.as_ref()).is_some() {
                return Err(bad("classes", "a class stands there twice"));
            }
        }
        let highest = old.iter().map(|class| class.grade).max().unwrap_or(0);
        let language_of = |class: ClassId| languages.get(&class).copied().unwrap_or(language);
        let mut turn = Turn {
            preview: RolloverPreview {
                from_year,
                to_year: plan.to_year,
                classes: Vec::with_capacity(old.len()),
                pupils_up: 0,
                pupils_leaving: 0,
                conflicts: Vec::new(),
                digest: String::new(),
            },
            targets: Vec::new(),
            ways: Vec::new(),
        };
        let mut seats: BTreeMap<(usize, u16), Vec<&PupilRow>> = BTreeMap::new();
        for class in old {
            let to = match said.get(&class.id) {
                Some(None) => None,
                Some(Some(target)) => Some(check_target(target, language_of(class.id))?),
                None => default_target(class, highest),
            };
            let to_index =
                to.as_ref().map(|to| turn.find_target(to, language_of(class.id), &classes, plan.to_year));
            let of_class =
                |pupil: &&PupilRow| !pupil.archived && pupil.place.is_some_and(|(id, _)| id == class.id);
            let mut count = 0;
            for pupil in pupils.iter().filter(of_class) {
                let number = pupil.place.map_or(0, |(_, number)| number);
                if let Some(target) = to_index {
                    seats.entry((target, number)).or_default().push(pupil);
                    turn.preview.pupils_up += 1;
                } else {
                    turn.preview.pupils_leaving += 1;
                }
                turn.ways.push(Way { pupil: pupil.id, to: to_index.map(|target| (target, number)) });
                count += 1;
            }
            turn.preview.classes.push(RolloverStep {
                class_id: class.id,
                from: class.name.clone(),
                from_grade: class.grade,
                to,
                pupils: count,
            });
        }
        turn.find_conflicts(seats, &pupils);
        let state: Vec<_> = turn.ways.iter().map(|way| (way.pupil, way.to)).collect();
        turn.preview.digest = digest_of(&(&turn.preview, state));
        Ok(turn)
    }

    fn find_target(
        &mut self,
        to: &RolloverTarget,
        language: Language,
        classes: &[ClassRow],
        year: u16,
    ) -> usize {
        let key = class_key(to.grade, &to.class_name);
        let is_it = |grade: u8, name: &str| grade == to.grade && class_key(grade, name) == key;
        if let Some(known) = self.targets.iter().position(|target| is_it(target.grade, &target.name)) {
            return known;
        }
        let existing = classes
            .iter()
            .find(|class| !class.archived && class.school_year == year && is_it(class.grade, &class.name));
        self.targets.push(Target {
            id: existing.map(|class| class.id),
            grade: to.grade,
            name: existing.map_or_else(|| to.class_name.clone(), |class| class.name.clone()),
            language,
        });
        self.targets.len() - 1
    }

    /// Numbers that two pupils would have, those who are in the new class already included.
    fn find_conflicts<'a>(
        &mut self,
        mut seats: BTreeMap<(usize, u16), Vec<&'a PupilRow>>,
        pupils: &'a [PupilRow],
    ) {
        for (at, target) in self.targets.iter().enumerate() {
            let Some(id) = target.id else { continue };
            for pupil in pupils.iter().filter(|pupil| !pupil.archived) {
                if let Some((_, number)) = pupil.place.filter(|(class, _)| *class == id) {
                    seats.entry((at, number)).or_default().push(pupil);
                }
            }
        }
        let taken_twice = seats.iter().filter(|(_, pupils)| pupils.len() > 1);
        self.preview.conflicts = taken_twice
            .map(|((target, number), pupils)| {
                let names: Vec<&str> = pupils.iter().map(|pupil| pupil.name.as_str()).collect();
                format!("{} · {number}: {}", self.targets[*target].name, names.join(", "))
            })
            .collect();
    }
}

/// A class goes up under its name; the last grade of the school leaves if it is the last of its kind of school.
fn default_target(class: &ClassRow, highest: u8) -> Option<RolloverTarget> {
    if class.grade >= 12 || class.grade == highest && LAST_GRADES.contains(&class.grade) {
        return None;
    }
    let grade = class.grade + 1;
    let (from, to) = (class.grade.to_string(), grade.to_string());
    let replaced =
        [(format!("{from}학년"), format!("{to}학년")), (format!("Grade {from}"), format!("Grade {to}"))]
            .iter()
            .find(|(old, _)| class.name.contains(old.as_str()))
            .map(|(old, new)| class.name.replacen(old.as_str(), new, 1));
    let name =
        replaced.or_else(|| class.name.strip_prefix(&format!("{from}-")).map(|rest| format!("{to}-{rest}")));
    Some(RolloverTarget { grade, class_name: name.unwrap_or_else(|| class.name.clone()) })
}

/// `1` and `1반` become `6학년 1반`; a longer name stays as it is.
fn check_target(target: &RolloverTarget, language: Language) -> Result<RolloverTarget, RosteringError> {
    if !(1..=12).contains(&target.grade) {
        return Err(RosteringError::BadField { field: "grade", why: "between 1 and 12" });
    }
    let name = check_text("class_name", &target.class_name, CLASS_NAME_MAX).map_err(|_| {
        RosteringError::BadField {
            field: "class_name",
            why: "empty, too long, or with characters that cannot be seen",
        }
    })?;
    let label = read_class(&name).filter(|(grade, label)| {
        let is_short = label.parse::<u16>().is_ok() || name.ends_with('반');
        is_short && grade.is_none_or(|grade| grade == target.grade)
    });
    let class_name = label.map_or(name, |(_, label)| name_class(language, target.grade, &label));
    Ok(RolloverTarget { grade: target.grade, class_name })
}

fn class_order(class: &ClassRow) -> (u32, String) {
    let key = class_key(class.grade, &class.name);
    (key.parse().unwrap_or(u32::MAX), key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(grade: u8, name: &str) -> ClassRow {
        ClassRow {
            id: ClassId::new(),
            name: name.to_owned(),
            grade,
            school_year: 2026,
            archived: false,
            teachers: Vec::new(),
        }
    }

    #[test]
    fn a_class_goes_up_under_its_name() {
        let up =
            |grade, name: &str, highest| default_target(&class(grade, name), highest).map(|to| to.class_name);
        assert_eq!(up(5, "5학년 1반", 6).as_deref(), Some("6학년 1반"));
        assert_eq!(up(5, "5-1", 6).as_deref(), Some("6-1"));
        assert_eq!(up(5, "Grade 5 English A", 6).as_deref(), Some("Grade 6 English A"));
        assert_eq!(up(5, "햇살반", 6).as_deref(), Some("햇살반"));
        assert_eq!(up(6, "6학년 1반", 6), None, "the last year of an elementary school");
        assert_eq!(up(6, "6학년 1반", 9).as_deref(), Some("7학년 1반"), "a school that goes on");
        assert_eq!(up(12, "12학년 1반", 12), None);
    }

    #[test]
    fn short_names_of_classes_are_written_out() {
        let named = |name: &str| {
            let target = RolloverTarget { grade: 6, class_name: name.to_owned() };
            check_target(&target, Language::Ko).map(|target| target.class_name).ok()
        };
        for name in ["1", "1반", " 01 ", "6-1", "6학년 1반"] {
            assert_eq!(named(name).as_deref(), Some("6학년 1반"), "{name}");
        }
        assert_eq!(named("햇살반").as_deref(), Some("6학년 햇살반"));
        assert_eq!(named("English A").as_deref(), Some("English A"));
        assert_eq!(named("  "), None);
    }
}
