//! What a list would change in the school: pure, so that a preview and an import cannot disagree.
//!
//! Who is who, in this order. (1) The same name under the same number of the same class is unchanged. (2) The same name
//! in the same class under another number is a move; several of one name move in the order of their numbers. (3) The
//! same name in the same grade is a move if exactly one line and one pupil are left of it, and the pupil's own class is
//! in the list (without them) or of an earlier year. (4) If a name is then left with pupils of those classes and with
//! lines, it cannot be told who is meant: those lines are faults. Schools mix their classes anew each year, so that the
//! class and number of an earlier year prove nothing. (5) Nearly the same name
//! ([`is_spelling_of`]) under the same number is a corrected spelling if the old name stands nowhere in the grade's list
//! and the new one belongs to nobody who is left. (6) A name that was in the grade earlier and is in no class now
//! returns, if it is one person. (7) Anybody else is new. Pupils of the list's classes who are left over are missing:
//! they stay. A new pupil never takes a missing one's number while they stay: who has an account is decided by a person,
//! not by a number.
//!
//! A teacher's list touches their own classes only: it cannot fetch a pupil, or what is known of them, from elsewhere.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use dreamseed_roster::{Row, class_key, is_spelling_of};
use dreamseed_wire::{
    Language,
    ids::*,
    people::{PlacedPupil, Placement, RosterChange, RosterFault, RosterFaultKind, TakenNumber},
};

use crate::store::rosters::{ClassRow, PupilRow};

/// The school that a list is compared with, and by whom.
pub struct Ground<'a> {
    pub classes: &'a [ClassRow],
    pub pupils: &'a [PupilRow],
    pub school_year: u16,
    /// A teacher, whose own classes it may touch; everything may be touched if absent.
    pub teacher: Option<UserId>,
    /// Of the names of new classes.
    pub language: Language,
}

/// The newest earlier year of whose classes the list may fetch pupils, if some are left in such.
pub fn earlier_year(ground: &Ground<'_>) -> Option<u16> {
    let held: HashSet<ClassId> = ground
        .pupils
        .iter()
        .filter(|pupil| !pupil.archived)
        .filter_map(|pupil| pupil.place.map(|(class, _)| class))
        .collect();
    let may_touch = |class: &ClassRow| ground.teacher.is_none_or(|teacher| class.teachers.contains(&teacher));
    let classes = ground.classes.iter().filter(|class| !class.archived && may_touch(class));
    let years = classes.filter(|class| held.contains(&class.id)).map(|class| class.school_year);
    years.filter(|year| *year < ground.school_year).max()
}

/// What would be done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// The classes of the list, by grade and name.
    pub classes: Vec<PlanClass>,
    pub changes: Vec<RosterChange>,
    pub missing: Vec<PlacedPupil>,
    /// By class and number.
    pub taken: Vec<TakenNumber>,
    pub faults: Vec<RosterFault>,
    pub steps: Vec<Step>,
}

/// A class of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanClass {
    /// Absent if it must be made.
    pub id: Option<ClassId>,
    pub grade: u8,
    pub name: String,
}

/// One deed; `class` is an index of [`Plan::classes`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Add {
        name: String,
        class: usize,
        number: u16,
    },
    Move {
        pupil: UserId,
        class: usize,
        number: u16,
    },
    /// A missing pupil whose number another known pupil has now; needless if the missing are archived.
    MakeRoom {
        pupil: UserId,
        class: usize,
        number: u16,
    },
    Rename {
        pupil: UserId,
        from: String,
        to: String,
    },
    Return {
        pupil: UserId,
        class: usize,
        number: u16,
    },
}

/// Pupils whom an ambiguous line names.
const MAX_MEANT: usize = 5;

/// The name of a new class: `5학년 1반`, `Grade 5 Class 1`.
pub fn name_class(language: Language, grade: u8, label: &str) -> String {
    match language {
        Language::Ko => format!("{grade}학년 {label}반"),
        Language::En => format!("Grade {grade} Class {label}"),
    }
}

/// Compares a list with the school.
pub fn compare(rows: &[Row], ground: &Ground<'_>) -> Plan {
    let (classes, class_of_row, mut faults) = match_classes(rows, ground);
    let mut matching = Matching::new(rows, ground, classes, class_of_row);
    matching.keep_the_same();
    matching.move_within_classes();
    matching.move_within_grades();
    faults.extend(matching.refuse_ambiguous());
    matching.rename();
    matching.take_back();
    matching.add_the_rest();
    matching.finish(faults)
}

/// The class of each line; a line of somebody else's class has none, and neither has one that could mean several.
fn match_classes(
    rows: &[Row],
    ground: &Ground<'_>,
) -> (Vec<PlanClass>, Vec<Option<usize>>, Vec<RosterFault>) {
    let mut known: HashMap<(u8, String), Vec<&ClassRow>> = HashMap::new();
    let is_own = |class: &ClassRow| ground.teacher.is_none_or(|teacher| class.teachers.contains(&teacher));
    for class in
        ground.classes.iter().filter(|class| !class.archived && class.school_year == ground.school_year)
    {
        known.entry((class.grade, class_key(class.grade, &class.name))).or_default().push(class);
    }
    for twins in known.values_mut().filter(|twins| twins.iter().any(|class| is_own(class))) {
        // Of several with one name the caller's own.
        twins.retain(|class| is_own(class));
    }
    let mut keys: BTreeMap<(u8, u32, String), &str> = BTreeMap::new();
    let key_of = |row: &Row| {
        let key = class_key(row.grade, &row.class);
        // Numbers by size, words after them.
        (row.grade, key.parse().unwrap_or(u32::MAX), key)
    };
    for row in rows {
        keys.entry(key_of(row)).or_insert(&row.class);
    }
    let (mut classes, mut places, mut faults) = (Vec::new(), HashMap::new(), Vec::new());
    for (key, label) in keys {
        let twins = known.get(&(key.0, key.2.clone())).map_or(&[][..], Vec::as_slice);
        let fault = match twins {
            [class, ..] if !is_own(class) => Some(RosterFaultKind::OtherTeachersClass),
            [_, _, ..] => Some(RosterFaultKind::AmbiguousClass),
            [] | [_] => None,
        };
        let found = twins.first();
        if let Some(kind) = fault {
            let line = rows.iter().find(|row| key_of(row) == key).map(|row| row.line);
            let value = found.map(|class| class.name.clone()).unwrap_or_default();
            faults.push(RosterFault { line, kind, value });
            continue;
        }
        let name =
            found.map_or_else(|| name_class(ground.language, key.0, label), |class| class.name.clone());
        places.insert(key.clone(), classes.len());
        classes.push(PlanClass { id: found.map(|class| class.id), grade: key.0, name });
    }
    let class_of_row = rows.iter().map(|row| places.get(&key_of(row)).copied()).collect();
    (classes, class_of_row, faults)
}

/// Somebody who may be meant by a line.
#[derive(Clone, Copy)]
struct Candidate<'a> {
    pupil: &'a PupilRow,
    /// The grade this year.
    grade: u8,
    /// The index of their class in the list; absent if they are of an earlier year.
    class: Option<usize>,
    number: u16,
    is_left: bool,
}

struct Matching<'a> {
    rows: &'a [Row],
    ground: &'a Ground<'a>,
    classes: Vec<PlanClass>,
    class_of_row: Vec<Option<usize>>,
    is_left: Vec<bool>,
    /// In classes of the list or of earlier years.
    present: Vec<Candidate<'a>>,
    /// In no class now.
    absent: Vec<Candidate<'a>>,
    /// Lines with somebody new.
    added: HashSet<usize>,
    changes: Vec<RosterChange>,
    steps: Vec<Step>,
}

impl<'a> Matching<'a> {
    fn new(
        rows: &'a [Row],
        ground: &'a Ground<'a>,
        classes: Vec<PlanClass>,
        class_of_row: Vec<Option<usize>>,
    ) -> Self {
        let by_id: HashMap<ClassId, &ClassRow> =
            ground.classes.iter().map(|class| (class.id, class)).collect();
        let in_list: HashMap<ClassId, usize> =
            classes.iter().enumerate().filter_map(|(at, class)| Some((class.id?, at))).collect();
        let (mut present, mut absent) = (Vec::new(), Vec::new());
        for pupil in ground.pupils {
            let Some(class) = pupil.last_class.and_then(|id| by_id.get(&id)) else { continue };
            let Some(grade) = grade_in(class, ground.school_year) else { continue };
            let may_touch = ground.teacher.is_none_or(|teacher| class.teachers.contains(&teacher));
            let number = pupil.place.map_or(0, |(_, number)| number);
            let at = in_list.get(&class.id).copied();
            let candidate = Candidate { pupil, grade, class: at, number, is_left: true };
            let is_present = pupil.place.is_some() && !pupil.archived && !class.archived;
            if is_present && (at.is_some() || class.school_year < ground.school_year && may_touch) {
                present.push(candidate);
            } else if !is_present && may_touch {
                absent.push(candidate);
            }
        }
        let is_left = class_of_row.iter().map(Option::is_some).collect();
        Matching {
            rows,
            ground,
            classes,
            class_of_row,
            is_left,
            present,
            absent,
            added: HashSet::new(),
            changes: Vec::new(),
            steps: Vec::new(),
        }
    }

    fn keep_the_same(&mut self) {
        let seats: HashMap<(usize, u16), usize> = self.seats();
        for row in self.rows_left() {
            let seat = (self.class(row), self.rows[row].number);
            if let Some(pupil) = seats.get(&seat).copied()
                && self.present[pupil].pupil.name == self.rows[row].name
            {
                self.present[pupil].is_left = false;
                self.is_left[row] = false;
            }
        }
    }

    fn move_within_classes(&mut self) {
        let key = |candidate: &Candidate<'_>| Some((candidate.class?, candidate.pupil.name.clone()));
        let mut groups = group(&self.present, key);
        let mut lines: BTreeMap<(usize, String), Vec<usize>> = BTreeMap::new();
        for row in self.rows_left() {
            lines.entry((self.class(row), self.rows[row].name.clone())).or_default().push(row);
        }
        for (key, mut rows) in lines {
            let Some(pupils) = groups.get_mut(&key).filter(|pupils| pupils.len() == rows.len()) else {
                continue;
            };
            rows.sort_by_key(|row| self.rows[*row].number);
            pupils.sort_by_key(|pupil| self.present[*pupil].number);
            for (row, pupil) in rows.into_iter().zip(pupils.iter().copied()) {
                self.move_to(pupil, row);
            }
        }
    }

    fn move_within_grades(&mut self) {
        let groups = group(&self.present, |candidate| Some((candidate.grade, candidate.pupil.name.clone())));
        for (key, rows) in self.lines_by_name() {
            if let ([row], Some([pupil])) = (&rows[..], groups.get(&key).map(Vec::as_slice)) {
                self.move_to(*pupil, *row);
            }
        }
    }

    /// Lines and pupils of the list's classes or of an earlier year with one name who were not matched: each line is a
    /// fault that tells where those pupils are now, and none of them is somebody new or missing.
    fn refuse_ambiguous(&mut self) -> Vec<RosterFault> {
        let groups = group(&self.present, |candidate| Some((candidate.grade, candidate.pupil.name.clone())));
        let mut faults = Vec::new();
        for (key, rows) in self.lines_by_name() {
            let Some(pupils) = groups.get(&key) else { continue };
            let mut places: Vec<(Option<usize>, String, u16)> = pupils
                .iter()
                .map(|pupil| {
                    let candidate = self.present[*pupil];
                    (candidate.class, self.name_class_of(candidate), candidate.number)
                })
                .collect();
            places.sort_unstable();
            let shown = |(_, class, number): &(Option<usize>, String, u16)| format!("{class} {number}");
            let places: Vec<String> = places.iter().take(MAX_MEANT).map(shown).collect();
            let value = format!("{}: {}", key.1, places.join(", "));
            for row in rows {
                self.is_left[row] = false;
                let (line, kind) = (Some(self.rows[row].line), RosterFaultKind::Ambiguous);
                faults.push(RosterFault { line, kind, value: value.clone() });
            }
            for pupil in pupils {
                self.present[*pupil].is_left = false;
            }
        }
        faults
    }

    /// The class that somebody is in now; with its year if that is an earlier one: `2025 4학년 1반`.
    fn name_class_of(&self, candidate: Candidate<'_>) -> String {
        if let Some(class) = candidate.class {
            return self.classes[class].name.clone();
        }
        let class = self.ground.classes.iter().find(|class| Some(class.id) == candidate.pupil.last_class);
        class.map(|class| format!("{} {}", class.school_year, class.name)).unwrap_or_default()
    }

    fn rename(&mut self) {
        let seats = self.seats();
        let listed: HashSet<(u8, &str)> =
            self.rows.iter().map(|row| (row.grade, row.name.as_str())).collect();
        let known: HashSet<(u8, &str)> = self
            .present
            .iter()
            .chain(&self.absent)
            .filter(|candidate| candidate.is_left)
            .map(|candidate| (candidate.grade, candidate.pupil.name.as_str()))
            .collect();
        for at in self.rows_left() {
            let row = &self.rows[at];
            let Some(holder) = seats.get(&(self.class(at), row.number)).copied() else { continue };
            let pupil = self.present[holder].pupil;
            if self.present[holder].is_left
                && is_spelling_of(&pupil.name, &row.name)
                && !listed.contains(&(row.grade, pupil.name.as_str()))
                && !known.contains(&(row.grade, row.name.as_str()))
            {
                self.present[holder].is_left = false;
                self.is_left[at] = false;
                self.changes.push(RosterChange::Rename {
                    pupil_id: pupil.id,
                    number: row.number,
                    class_name: self.classes[self.class(at)].name.clone(),
                    from: pupil.name.clone(),
                    to: row.name.clone(),
                });
                let (from, to) = (pupil.name.clone(), row.name.clone());
                self.steps.push(Step::Rename { pupil: pupil.id, from, to });
            }
        }
    }

    fn take_back(&mut self) {
        let groups = group(&self.absent, |candidate| Some((candidate.grade, candidate.pupil.name.clone())));
        for (key, rows) in self.lines_by_name() {
            if let ([row], Some([pupil])) = (&rows[..], groups.get(&key).map(Vec::as_slice)) {
                let (row, pupil) = (*row, *pupil);
                self.absent[pupil].is_left = false;
                self.is_left[row] = false;
                let (class, number, to) = self.place(row);
                let (id, name) = (self.absent[pupil].pupil.id, self.absent[pupil].pupil.name.clone());
                self.changes.push(RosterChange::Return { pupil_id: id, name, to });
                self.steps.push(Step::Return { pupil: id, class, number });
            }
        }
    }

    fn add_the_rest(&mut self) {
        for row in self.rows_left() {
            self.is_left[row] = false;
            self.added.insert(row);
            let (class, number, Placement { grade, class_name, .. }) = self.place(row);
            let name = self.rows[row].name.clone();
            self.changes.push(RosterChange::NewPupil { grade, class_name, number, name: name.clone() });
            self.steps.push(Step::Add { name, class, number });
        }
    }

    /// Names who is missing; those among them whose number another known pupil has now move away, those whose number a
    /// new one has are told apart.
    fn finish(mut self, faults: Vec<RosterFault>) -> Plan {
        let mut numbers_of: HashMap<usize, BTreeSet<u16>> = HashMap::new();
        for (row, class) in self.class_of_row.iter().enumerate() {
            if let Some(class) = class {
                numbers_of.entry(*class).or_default().insert(self.rows[row].number);
            }
        }
        let newcomers: HashMap<(usize, u16), usize> =
            self.added.iter().map(|row| ((self.class(*row), self.rows[*row].number), *row)).collect();
        let mut left: Vec<(usize, Candidate<'_>)> = self
            .present
            .iter()
            .filter(|candidate| candidate.is_left)
            .filter_map(|candidate| Some((candidate.class?, *candidate)))
            .collect();
        left.sort_by_key(|(class, candidate)| (*class, candidate.number));
        let (mut missing, mut taken, mut crowded) = (Vec::new(), Vec::new(), Vec::new());
        for (class, candidate) in left {
            let pupil = PlacedPupil {
                pupil_id: candidate.pupil.id,
                name: candidate.pupil.name.clone(),
                grade: candidate.grade,
                class_name: self.classes[class].name.clone(),
                number: candidate.number,
            };
            if let Some(row) = newcomers.get(&(class, candidate.number)) {
                let Row { line, name, .. } = &self.rows[*row];
                taken.push(TakenNumber { line: *line, pupil: pupil.clone(), name: name.clone() });
            } else if !numbers_of.entry(class).or_default().insert(candidate.number) {
                crowded.push((class, candidate));
            }
            missing.push(pupil);
        }
        for (class, candidate) in crowded {
            let numbers = numbers_of.entry(class).or_default();
            let above = numbers.last().map_or(1, |last| last + 1);
            let free = (above..=999).chain(1..=999).find(|number| !numbers.contains(number));
            // A class of 999 pupils does not exist; its list could not be read either.
            let Some(number) = free else { continue };
            numbers.insert(number);
            let placement = |number| self.placement(class, number);
            self.changes.push(RosterChange::Move {
                pupil_id: candidate.pupil.id,
                name: candidate.pupil.name.clone(),
                from: placement(candidate.number),
                to: placement(number),
            });
            self.steps.push(Step::MakeRoom { pupil: candidate.pupil.id, class, number });
        }
        let mut pupils = vec![0_u32; self.classes.len()];
        for class in self.class_of_row.iter().flatten() {
            pupils[*class] += 1;
        }
        let new_classes = self.classes.iter().zip(pupils).filter(|(class, _)| class.id.is_none());
        let mut changes: Vec<RosterChange> = new_classes
            .map(|(class, pupils)| RosterChange::NewClass {
                grade: class.grade,
                class_name: class.name.clone(),
                pupils,
            })
            .collect();
        self.changes.sort_by_key(order);
        changes.append(&mut self.changes);
        Plan { classes: self.classes, changes, missing, taken, faults, steps: self.steps }
    }

    fn move_to(&mut self, pupil: usize, row: usize) {
        self.present[pupil].is_left = false;
        self.is_left[row] = false;
        let candidate = self.present[pupil];
        let (class, number, to) = self.place(row);
        let from = match candidate.class {
            Some(class) => self.placement(class, candidate.number),
            None => {
                let old =
                    self.ground.classes.iter().find(|class| Some(class.id) == candidate.pupil.last_class);
                let (grade, class_name) =
                    old.map(|class| (class.grade, class.name.clone())).unwrap_or_default();
                Placement { grade, class_name, number: candidate.number }
            }
        };
        let name = candidate.pupil.name.clone();
        self.changes.push(RosterChange::Move { pupil_id: candidate.pupil.id, name, from, to });
        self.steps.push(Step::Move { pupil: candidate.pupil.id, class, number });
    }

    fn seats(&self) -> HashMap<(usize, u16), usize> {
        let seat =
            |(at, candidate): (usize, &Candidate<'_>)| Some(((candidate.class?, candidate.number), at));
        self.present.iter().enumerate().filter_map(seat).collect()
    }

    fn rows_left(&self) -> Vec<usize> {
        (0..self.rows.len()).filter(|row| self.is_left[*row]).collect()
    }

    fn lines_by_name(&self) -> BTreeMap<(u8, String), Vec<usize>> {
        let mut lines: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for row in self.rows_left() {
            lines.entry((self.rows[row].grade, self.rows[row].name.clone())).or_default().push(row);
        }
        lines
    }

    /// The class of a line that has one; only such lines are ever left.
    fn class(&self, row: usize) -> usize {
        self.class_of_row[row].unwrap_or_default()
    }

    fn place(&self, row: usize) -> (usize, u16, Placement) {
        let (class, number) = (self.class(row), self.rows[row].number);
        (class, number, self.placement(class, number))
    }

    fn placement(&self, class: usize, number: u16) -> Placement {
        let class = &self.classes[class];
        Placement { grade: class.grade, class_name: class.name.clone(), number }
    }
}

/// The candidates that are left, by a key.
fn group<K: Ord>(
    candidates: &[Candidate<'_>],
    key: impl Fn(&Candidate<'_>) -> Option<K>,
) -> BTreeMap<K, Vec<usize>> {
    let mut groups: BTreeMap<K, Vec<usize>> = BTreeMap::new();
    for (at, candidate) in candidates.iter().enumerate().filter(|(_, candidate)| candidate.is_left) {
        if let Some(key) = key(candidate) {
            groups.entry(key).or_default().push(at);
        }
    }
    groups
}

/// The grade that a class's pupils are in in a later year; none before the class began.
fn grade_in(class: &ClassRow, school_year: u16) -> Option<u8> {
    let years = u8::try_from(school_year.checked_sub(class.school_year)?).ok()?;
    class.grade.checked_add(years)
}

fn order(change: &RosterChange) -> (u8, String, u16, u8) {
    match change {
        RosterChange::NewClass { grade, class_name, .. } => (*grade, class_name.clone(), 0, 0),
        RosterChange::NewPupil { grade, class_name, number, .. } => (*grade, class_name.clone(), *number, 1),
        RosterChange::Move { to, .. } | RosterChange::Return { to, .. } => {
            (to.grade, to.class_name.clone(), to.number, 2)
        }
        RosterChange::Rename { class_name, number, .. } => (0, class_name.clone(), *number, 3),
    }
}
