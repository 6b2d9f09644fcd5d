//! The school in memory: people, classes, lessons and problems, read at start and after each change of them.
//!
//! A whole school fits in a few megabytes, so that rights and problems cost no query while a class works.
//! Secrets are not in it; answers are not either.
//!
//! The walk: [`SchoolView`] holds the picture of now. [`SchoolView::reload`] reads all of it; while classes work only lessons
//! change, and [`SchoolView::reload_lessons`] reads those alone: the new picture shares with the one before whatever does
//! not follow from them.

mod held;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use bytes::Bytes;
use dreamseed_wire::{
    Language,
    account::{MyClass, Role},
    authoring::ProblemDraft,
    class::{ClassGroup, ClassSettings, ClassSummary, RosterEntry},
    ids::*,
    lesson::{HintCeiling, LessonFor, LessonMode, LessonState, LessonView, Sitting},
    problem::{LessonProblems, MyProblems, ProblemSummary, ProblemView},
};
use jiff::{Timestamp, tz::TimeZone};
use parking_lot::RwLock;

use crate::{
    lessons::timing::Timing,
    regrading::keys::{self, Correction},
    store::{self, ReadConn, Store, StoreError},
};

pub use held::Lessons;

/// A closed exam stays in its pupils' lists for this long, with its grades.
const EXAM_STAYS: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// The school as it was when it was read.
#[derive(Clone, Default, PartialEq)]
pub struct School {
    pub hub: HubMeta,
    /// Whether an account was ever made, also one that is closed, or that cannot be read any more.
    pub has_accounts: bool,
    pub people: Arc<HashMap<UserId, Person>>,
    pub classes: HashMap<ClassId, Arc<Class>>,
    pub lessons: Lessons,
    pub problems: Arc<HashMap<ProblemId, ProblemHead>>,
    pub versions: Arc<HashMap<ProblemVersionId, Arc<ProblemVersion>>>,
    /// Of keys, by problem, oldest first.
    pub corrections: Arc<HashMap<ProblemId, Vec<Correction>>>,
    /// Versions that are graded by another version's key.
    other_keys: Arc<HashMap<ProblemVersionId, (ProblemVersionId, Arc<ProblemDraft>)>>,
    class_by_code: Arc<HashMap<String, ClassId>>,
    class_of_pupil: Arc<HashMap<UserId, (ClassId, u16)>>,
}

/// What the database says of the school; a [`School`] is made of it.
pub(crate) struct SchoolRows {
    pub hub: HubMeta,
    pub has_accounts: bool,
    pub people: HashMap<UserId, Person>,
    pub classes: HashMap<ClassId, Class>,
    pub lessons: Lessons,
    pub problems: HashMap<ProblemId, ProblemHead>,
    pub versions: HashMap<ProblemVersionId, Arc<ProblemVersion>>,
    /// By problem, oldest first.
    pub corrections: HashMap<ProblemId, Vec<Correction>>,
}

/// The hub's own row.
#[derive(Clone, PartialEq)]
pub struct HubMeta {
    pub hub_id: HubId,
    pub school_name: String,
    pub time_zone: TimeZone,
}

impl Default for HubMeta {
    fn default() -> Self {
        HubMeta { hub_id: HubId(uuid::Uuid::nil()), school_name: String::new(), time_zone: TimeZone::UTC }
    }
}

/// Somebody with an account.
#[derive(PartialEq)]
pub struct Person {
    pub role: Role,
    pub name: String,
    pub login_name: Option<String>,
    pub language: Language,
    pub token_version: i64,
    pub must_change: bool,
    pub archived: bool,
    /// For pupils: a PIN that was given; imported pupils have none until cards are made.
    pub has_pin: bool,
    /// For parents.
    pub children: Vec<UserId>,
}

/// A class of today.
#[derive(Clone, PartialEq)]
pub struct Class {
    pub class_id: ClassId,
    pub name: String,
    pub grade: u8,
    pub school_year: u16,
    pub language: Language,
    pub code: String,
    pub settings: ClassSettings,
    pub archived: bool,
    /// By number.
    pub pupils: Vec<(u16, UserId)>,
    pub teachers: Vec<UserId>,
    /// Newest first.
    pub lessons: Vec<LessonId>,
    pub groups: Vec<ClassGroup>,
    /// When the time of its next lesson is up.
    next_end: Option<Timestamp>,
    my_problems: MyProblemsReply,
}

/// The reply to `GET /me/problems`.
#[derive(Clone, Default, PartialEq)]
struct MyProblemsReply {
    /// The same for every pupil of the class; absent if it depends on the pupil or the time.
    shared: Option<Bytes>,
    /// It depends on the pupil until then, because of an exam that has closed.
    personal_until: Option<Timestamp>,
}

/// Problems given to a class or some of it. Once held, only its timing changes.
#[derive(Clone, PartialEq)]
pub struct Lesson {
    pub lesson_id: LessonId,
    pub class_id: ClassId,
    pub title: String,
    pub mode: LessonMode,
    pub hint_ceiling: HintCeiling,
    pub timing: Timing,
    pub problems: Vec<ProblemVersionId>,
    /// For whom; the whole class if empty.
    pub pupils: HashSet<UserId>,
}

impl Lesson {
    /// Where it stands among the lessons of its class: the later, the newer.
    fn place(&self) -> (Timestamp, LessonId) {
        (self.timing.opened_at, self.lesson_id)
    }

    /// Whether it is for this pupil of its class.
    pub fn is_for(&self, pupil: UserId) -> bool {
        self.pupils.is_empty() || self.pupils.contains(&pupil)
    }

    /// How far help may go in it.
    pub fn help_ceiling(&self) -> HintCeiling {
        match self.mode {
            LessonMode::Exam => HintCeiling::None,
            LessonMode::Practice => self.hint_ceiling,
        }
    }

    /// Whether it is an exam that still keeps its grades.
    pub fn is_running_exam(&self, now: Timestamp) -> bool {
        self.mode == LessonMode::Exam && self.timing.state_at(now) != LessonState::Closed
    }

    /// Whether it stands in the lists of its pupils: while it is not over, and exams for a day more.
    fn is_listed(&self, now: Timestamp) -> bool {
        match self.timing.ended_at(now) {
            None => true,
            Some(end) => self.mode == LessonMode::Exam && now.duration_since(end) < EXAM_STAYS,
        }
    }
}

/// A problem and its newest version.
#[derive(PartialEq)]
pub struct ProblemHead {
    pub archived: bool,
    pub newest: ProblemVersionId,
}

/// One immutable version, key included: never serialised as it is.
#[derive(PartialEq)]
pub struct ProblemVersion {
    pub problem_id: ProblemId,
    pub problem_version_id: ProblemVersionId,
    pub version: u32,
    pub skill: String,
    pub draft: ProblemDraft,
}

impl ProblemVersion {
    /// The line in a list.
    pub fn summary(&self, language: Language) -> ProblemSummary {
        ProblemSummary {
            problem_id: self.problem_id,
            problem_version_id: self.problem_version_id,
            title: self.draft.title.get(language).to_owned(),
            skill: self.skill.clone(),
        }
    }

    /// What a pupil may see before answering.
    pub fn view(&self, language: Language) -> ProblemView {
        ProblemView {
            problem_id: self.problem_id,
            problem_version_id: self.problem_version_id,
            title: self.draft.title.get(language).to_owned(),
            skill: self.skill.clone(),
            statement: self.draft.statement.get(language).to_owned(),
            figure: self.draft.figure.as_ref().map(|figure| figure.in_language(language)),
            question: self.draft.question.in_language(language),
        }
    }
}

impl Class {
    pub fn summary(&self) -> ClassSummary {
        ClassSummary {
            class_id: self.class_id,
            name: self.name.clone(),
            grade: self.grade,
            school_year: self.school_year,
            language: self.language,
            pupils: self.pupils.len() as u32,
        }
    }
}

impl School {
    /// The school of these rows, with what follows from them.
    pub(crate) fn of(rows: SchoolRows) -> Self {
        let SchoolRows { hub, has_accounts, people, mut classes, lessons, problems, versions, corrections } =
            rows;
        let (mut class_by_code, mut class_of_pupil) = (HashMap::new(), HashMap::new());
        for class in classes.values_mut() {
            class.pupils.sort();
            class_by_code.insert(normalise_code(&class.code), class.class_id);
            if !class.archived {
                for (number, pupil) in &class.pupils {
                    class_of_pupil.insert(*pupil, (class.class_id, *number));
                }
            }
        }
        let mut ordered: Vec<_> = lessons.values().collect();
        ordered.sort_by_key(|lesson| std::cmp::Reverse(lesson.place()));
        for lesson in ordered {
            if let Some(class) = classes.get_mut(&lesson.class_id) {
                class.lessons.push(lesson.lesson_id);
            }
        }
        let mut school = School {
            hub,
            has_accounts,
            people: Arc::new(people),
            lessons,
            problems: Arc::new(problems),
            versions: Arc::new(versions),
            corrections: Arc::new(corrections),
            class_by_code: Arc::new(class_by_code),
            class_of_pupil: Arc::new(class_of_pupil),
            ..School::default()
        };
        let corrections = school.corrections.iter();
        let other_keys = corrections
            .flat_map(|(problem, corrections)| keys::resolve(&school.versions_of(*problem), corrections))
            .collect();
        school.other_keys = Arc::new(other_keys);
        classes.into_values().for_each(|class| school.put_class(class));
        school
    }

    /// The school after these lessons were held or changed. Everything else is shared with this one, and only what follows
    /// from them for their classes is made anew.
    pub(crate) fn with_lessons(&self, changed: Vec<Lesson>) -> Self {
        let (mut school, mut classes) = (self.clone(), BTreeMap::new());
        for lesson in changed {
            let place = lesson.place();
            if let Some(known) = self.classes.get(&lesson.class_id) {
                let class = classes.entry(lesson.class_id).or_insert_with(|| Class::clone(known));
                if !class.lessons.contains(&lesson.lesson_id) {
                    let is_newer =
                        |id: &LessonId| school.lessons.get(id).is_some_and(|held| held.place() > place);
                    let at = class.lessons.partition_point(is_newer);
                    class.lessons.insert(at, lesson.lesson_id);
                }
            }
            school.lessons.put(Arc::new(lesson));
        }
        classes.into_values().for_each(|class| school.put_class(class));
        school
    }

    /// The school after the groups of a class were changed.
    pub(crate) fn with_groups(&self, class: ClassId, groups: Vec<ClassGroup>) -> Self {
        let mut school = self.clone();
        if let Some(class) = school.classes.get_mut(&class) {
            *class = Arc::new(Class { groups, ..Class::clone(class) });
        }
        school
    }

    /// Puts a class in, with what follows from its lessons.
    fn put_class(&mut self, mut class: Class) {
        let lessons = class.lessons.iter().filter_map(|id| self.lessons.get(id));
        let open = lessons.filter(|lesson| lesson.timing.state == LessonState::Open);
        class.next_end = open.filter_map(|lesson| lesson.timing.ends_at).min();
        class.my_problems = self.render_problems(&class);
        self.classes.insert(class.class_id, Arc::new(class));
    }

    /// A class.
    pub fn class(&self, id: ClassId) -> Option<&Class> {
        self.classes.get(&id).map(Arc::as_ref)
    }

    /// The class of a pupil today.
    pub fn class_of(&self, pupil: UserId) -> Option<&Class> {
        self.class_of_pupil.get(&pupil).and_then(|(class, _)| self.class(*class))
    }

    /// A pupil's class and number.
    pub fn my_class(&self, pupil: UserId) -> Option<MyClass> {
        let (class_id, number) = *self.class_of_pupil.get(&pupil)?;
        let class = self.classes.get(&class_id)?;
        Some(MyClass { class_id, name: class.name.clone(), language: class.language, number })
    }

    /// A pupil as they stand in the class list.
    pub fn roster_entry(&self, pupil: UserId) -> Option<RosterEntry> {
        let person = self.people.get(&pupil)?;
        let number = self.class_of_pupil.get(&pupil).map_or(0, |(_, number)| *number);
        Some(RosterEntry { pupil_id: pupil, number, name: person.name.clone(), has_pin: None })
    }

    /// The names of a class for its staff: with who has no PIN yet.
    pub fn staff_roster(&self, class: &Class) -> Vec<RosterEntry> {
        let mut roster = self.roster(class);
        for entry in &mut roster {
            entry.has_pin = self.people.get(&entry.pupil_id).map(|person| person.has_pin);
        }
        roster
    }

    /// The names of a class, by number.
    pub fn roster(&self, class: &Class) -> Vec<RosterEntry> {
        class.pupils.iter().filter_map(|(_, pupil)| self.roster_entry(*pupil)).collect()
    }

    /// The class of a code; spaces, dashes and case do not matter.
    pub fn class_by_code(&self, code: &str) -> Option<&Class> {
        let code = normalise_code(code);
        self.class_by_code.get(&code).and_then(|id| self.class(*id)).filter(|class| !class.archived)
    }

    /// Whether a teacher teaches a class today.
    pub fn teaches(&self, teacher: UserId, class: ClassId) -> bool {
        self.classes.get(&class).is_some_and(|class| class.teachers.contains(&teacher))
    }

    /// Whether a teacher teaches a pupil today.
    pub fn teaches_pupil(&self, teacher: UserId, pupil: UserId) -> bool {
        self.class_of(pupil).is_some_and(|class| class.teachers.contains(&teacher))
    }

    /// Whether a pupil is a parent's child.
    pub fn is_child(&self, parent: UserId, pupil: UserId) -> bool {
        self.people.get(&parent).is_some_and(|person| person.children.contains(&pupil))
    }

    /// The language in which a pupil works: the class's, else their own.
    pub fn working_language(&self, user: UserId) -> Language {
        let own = self.people.get(&user).map(|person| person.language).unwrap_or_default();
        self.class_of(user).map_or(own, |class| class.language)
    }

    /// The lessons of a pupil's class that are for the pupil, newest first.
    pub fn lessons_for(&self, pupil: UserId) -> impl Iterator<Item = &Lesson> {
        let class = self.class_of(pupil);
        let lessons = class.into_iter().flat_map(|class| &class.lessons);
        lessons.filter_map(|id| self.lessons.get(id)).filter(move |lesson| lesson.is_for(pupil))
    }

    /// The reply to `GET /me/problems`, ready to send, if it is the same for the pupil's whole class now.
    pub fn shared_problems(&self, pupil: UserId, now: Timestamp) -> Option<Bytes> {
        let Some(class) = self.class_of(pupil) else { return Some(Bytes::from_static(b"{\"lessons\":[]}")) };
        let reply = &class.my_problems;
        reply.shared.clone().filter(|_| reply.personal_until.is_none_or(|until| until <= now))
    }

    /// The lessons that stand in a pupil's list, newest first.
    pub fn listed_lessons(&self, pupil: UserId, now: Timestamp) -> impl Iterator<Item = &Lesson> {
        self.lessons_for(pupil).filter(move |lesson| lesson.is_listed(now))
    }

    /// A lesson as its pupil sees it: `sitting` is theirs if it is an exam, and `order` their order of its problems, or
    /// none while they stay hidden.
    pub fn lesson_for_pupil(
        &self,
        lesson: &Lesson,
        sitting: Option<Sitting>,
        order: Option<&[ProblemVersionId]>,
        now: Timestamp,
    ) -> LessonProblems {
        let language = self.classes.get(&lesson.class_id).map(|class| class.language).unwrap_or_default();
        LessonProblems {
            lesson_id: lesson.lesson_id,
            title: lesson.title.clone(),
            mode: lesson.mode,
            hint_ceiling: lesson.hint_ceiling,
            state: lesson.timing.state_at(now),
            ends_at: lesson.timing.shown_end(now),
            sitting,
            problem_count: lesson.problems.len() as u32,
            problems: order.map(|order| self.summaries(order, language)).unwrap_or_default(),
        }
    }

    /// Whether a pupil has been given this version in any lesson but an exam that is running: there it is given by
    /// beginning the sitting.
    pub fn is_given(&self, pupil: UserId, version: ProblemVersionId, now: Timestamp) -> bool {
        self.lessons_for(pupil)
            .any(|lesson| lesson.problems.contains(&version) && !lesson.is_running_exam(now))
    }

    /// The exam that is running for a pupil and holds this problem: while it does, the pupil gets no grade, help or
    /// solution for any version of it, wherever it was given.
    pub fn exam_with(&self, pupil: UserId, version: ProblemVersionId, now: Timestamp) -> Option<&Lesson> {
        self.running_exams(pupil, now).find(|lesson| self.holds_problem(lesson, version))
    }

    /// The exams that have ended for a pupil and hold this problem.
    pub fn ended_exams_with(
        &self,
        pupil: UserId,
        version: ProblemVersionId,
        now: Timestamp,
    ) -> impl Iterator<Item = &Lesson> {
        self.ended_exams(pupil, now).filter(move |lesson| self.holds_problem(lesson, version))
    }

    /// The exams that have ended for a pupil, however long ago: any of them can be opened again.
    pub fn ended_exams(&self, pupil: UserId, now: Timestamp) -> impl Iterator<Item = &Lesson> {
        self.lessons_for(pupil)
            .filter(move |lesson| lesson.mode == LessonMode::Exam && lesson.timing.ended_at(now).is_some())
    }

    /// The lesson that an answer belongs to: the one that it names, else the newest practice lesson of the pupil that is
    /// not over and holds the version, so that leaving the lesson out leads round nothing.
    pub fn lesson_of_answer(
        &self,
        pupil: UserId,
        version: ProblemVersionId,
        named: Option<LessonId>,
        now: Timestamp,
    ) -> Option<&Lesson> {
        if let Some(id) = named {
            return self.lessons.get(&id);
        }
        self.lessons_for(pupil).find(|lesson| {
            lesson.mode == LessonMode::Practice
                && lesson.timing.ended_at(now).is_none()
                && lesson.problems.contains(&version)
        })
    }

    /// How far help may go for an answer: as its lesson says; for practice on one's own as the strictest of the practice
    /// lessons says that gave the problem, in whatever version.
    pub fn help_ceiling(
        &self,
        pupil: UserId,
        lesson: Option<LessonId>,
        version: ProblemVersionId,
    ) -> HintCeiling {
        if let Some(lesson) = lesson.and_then(|id| self.lessons.get(&id)) {
            return lesson.help_ceiling();
        }
        self.lessons_for(pupil)
            .filter(|lesson| lesson.mode == LessonMode::Practice && self.holds_problem(lesson, version))
            .map(|lesson| lesson.hint_ceiling)
            .min()
            .unwrap_or(HintCeiling::WorkedStep)
    }

    /// Whether a lesson holds the problem of this version, in whatever version.
    fn holds_problem(&self, lesson: &Lesson, version: ProblemVersionId) -> bool {
        let problem_of = |id: &ProblemVersionId| self.versions.get(id).map(|version| version.problem_id);
        let problem = problem_of(&version);
        lesson
            .problems
            .iter()
            .any(|held| *held == version || (problem.is_some() && problem_of(held) == problem))
    }

    /// The exams that are running for a pupil.
    pub fn running_exams(&self, pupil: UserId, now: Timestamp) -> impl Iterator<Item = &Lesson> {
        self.lessons_for(pupil).filter(move |lesson| lesson.is_running_exam(now))
    }

    /// The lessons that nobody has closed though their time is up, by class.
    pub fn due_lessons(&self, now: Timestamp) -> Vec<(ClassId, LessonId)> {
        let classes = self.classes.values().filter(|class| class.next_end.is_some_and(|end| end <= now));
        let lessons = classes.flat_map(|class| &class.lessons).filter_map(|id| self.lessons.get(id));
        let due = lessons.filter(|lesson| lesson.timing.state != LessonState::Closed);
        let due = due.filter(|lesson| lesson.timing.ended_at(now).is_some());
        let mut due: Vec<_> = due.map(|lesson| (lesson.class_id, lesson.lesson_id)).collect();
        due.sort();
        due
    }

    /// What grades answers to a version, and whose key it has: its own draft, unless its key has been corrected.
    pub fn graded_by<'a>(&'a self, version: &'a ProblemVersion) -> (ProblemVersionId, &'a ProblemDraft) {
        match self.other_keys.get(&version.problem_version_id) {
            Some((key_version, draft)) => (*key_version, draft),
            None => (version.problem_version_id, &version.draft),
        }
    }

    /// Every version of a problem, the oldest first.
    pub fn versions_of(&self, problem: ProblemId) -> Vec<&ProblemVersion> {
        let versions = self.versions.values().map(Arc::as_ref);
        let mut versions: Vec<_> = versions.filter(|version| version.problem_id == problem).collect();
        versions.sort_by_key(|version| version.version);
        versions
    }

    /// A lesson as its teacher sees it; how many pupils have been shown grades of it, the record knows.
    pub fn lesson_view(
        &self,
        lesson: &Lesson,
        language: Language,
        grades_seen: u32,
        now: Timestamp,
    ) -> LessonView {
        let mut pupil_ids: Vec<_> = lesson.pupils.iter().copied().collect();
        pupil_ids.sort();
        let whom = if pupil_ids.is_empty() { LessonFor::Class } else { LessonFor::Pupils { pupil_ids } };
        LessonView {
            lesson_id: lesson.lesson_id,
            class_id: lesson.class_id,
            title: lesson.title.clone(),
            mode: lesson.mode,
            hint_ceiling: lesson.hint_ceiling,
            state: lesson.timing.state_at(now),
            problems: self.summaries(&lesson.problems, language),
            whom,
            opened_at: lesson.timing.opened_at,
            ends_at: lesson.timing.shown_end(now),
            closed_at: lesson.timing.ended_at(now),
            grades_seen,
        }
    }

    /// Lines for a list of versions.
    pub fn summaries(&self, versions: &[ProblemVersionId], language: Language) -> Vec<ProblemSummary> {
        versions
            .iter()
            .filter_map(|id| self.versions.get(id))
            .map(|version| version.summary(language))
            .collect()
    }

    /// Whether somebody can look after the hub.
    pub fn has_admin(&self) -> bool {
        self.people.values().any(|person| person.role == Role::Admin && !person.archived)
    }

    /// Languages in which classes of this school work.
    pub fn languages(&self) -> Vec<Language> {
        let mut languages: Vec<_> =
            self.classes.values().filter(|class| !class.archived).map(|class| class.language).collect();
        languages.sort();
        languages.dedup();
        languages
    }

    /// A class without exams whose open lessons are for everybody gets one reply, rendered here.
    fn render_problems(&self, class: &Class) -> MyProblemsReply {
        let lessons = || class.lessons.iter().filter_map(|id| self.lessons.get(id));
        let exams = lessons().filter(|lesson| lesson.mode == LessonMode::Exam);
        let last_closed = exams.filter_map(|lesson| lesson.timing.closed_at).max();
        let personal_until = last_closed.and_then(|closed| closed.checked_add(EXAM_STAYS).ok());
        let open: Vec<_> = lessons().filter(|lesson| lesson.timing.state != LessonState::Closed).collect();
        let is_shared = |lesson: &&Lesson| {
            let moves = lesson.timing.state == LessonState::Paused && lesson.timing.ends_at.is_some();
            lesson.mode == LessonMode::Practice && lesson.pupils.is_empty() && !moves
        };
        let shared = open.iter().all(is_shared).then(|| {
            let lessons = open.iter().map(|lesson| {
                // As of its beginning: nothing of a lesson that is shared depends on the time.
                self.lesson_for_pupil(lesson, None, Some(&lesson.problems), lesson.timing.opened_at)
            });
            serde_json::to_vec(&MyProblems { lessons: lessons.collect() })
                .map(Bytes::from)
                .unwrap_or_default()
        });
        MyProblemsReply { shared, personal_until }
    }

    pub(crate) fn new_class(
        class_id: ClassId,
        (name, grade, school_year, language, code): (String, u8, u16, Language, String),
        settings: ClassSettings,
        archived: bool,
    ) -> Class {
        Class {
            class_id,
            name,
            grade,
            school_year,
            language,
            code,
            settings,
            archived,
            pupils: Vec::new(),
            teachers: Vec::new(),
            lessons: Vec::new(),
            groups: Vec::new(),
            next_end: None,
            my_problems: MyProblemsReply::default(),
        }
    }
}

/// The school that everyone reads, swapped whole after each change.
#[derive(Clone)]
pub struct SchoolView {
    now: Arc<RwLock<Arc<School>>>,
    /// One reload at a time, so that an older picture never replaces a newer one.
    reloading: Arc<tokio::sync::Mutex<()>>,
}

impl SchoolView {
    /// Reads the school.
    pub async fn load(store: &Store) -> Result<Self, StoreError> {
        let view = SchoolView { now: Arc::default(), reloading: Arc::default() };
        view.reload(store).await?;
        Ok(view)
    }

    /// The school now; hold it for one request, not longer.
    pub fn get(&self) -> Arc<School> {
        Arc::clone(&self.now.read())
    }

    /// Reads the school again, after a change of people, classes, lessons or problems.
    pub async fn reload(&self, store: &Store) -> Result<(), StoreError> {
        self.replace(store, store::school::read).await
    }

    /// Reads these lessons again, after they were held or changed and nothing else was: what that costs does not depend on
    /// the rest of the school.
    pub async fn reload_lessons(&self, store: &Store, lessons: Vec<LessonId>) -> Result<(), StoreError> {
        self.replace(store, move |conn, before| {
            Ok(before.with_lessons(store::school::read_lessons(conn, &lessons)?))
        })
        .await
    }

    /// Reads the groups of a class again, after a change of them and of nothing else.
    pub async fn reload_groups(&self, store: &Store, class: ClassId) -> Result<(), StoreError> {
        self.replace(store, move |conn, before| {
            Ok(before.with_groups(class, store::school::read_groups(conn, class)?))
        })
        .await
    }

    async fn replace(
        &self,
        store: &Store,
        read: impl FnOnce(&ReadConn, &School) -> Result<School, StoreError> + Send + 'static,
    ) -> Result<(), StoreError> {
        let _turn = self.reloading.lock().await;
        let before = self.get();
        let school = Arc::new(store.read(move |conn| read(conn, &before)).await?);
        // The old picture is dropped when the lock is free again: that takes a while.
        let before = std::mem::replace(&mut *self.now.write(), school);
        drop(before);
        Ok(())
    }
}

/// A class code without what people add when they copy it.
pub fn normalise_code(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
}
