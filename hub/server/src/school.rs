//! The school in memory: people, classes, lessons and problems, read at start and after each change of them.
//!
//! A whole school fits in a few megabytes, so that rights and problems cost no query while a class works.
//! Secrets are not in it; answers are not either.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use dreamseed_wire::{
    Language,
    account::{MyClass, Role},
    authoring::ProblemDraft,
    class::{ClassSettings, ClassSummary, HintCeiling, LessonMode, LessonState, LessonView, RosterEntry},
    ids::*,
    problem::{LessonProblems, MyProblems, ProblemSummary, ProblemView},
};
use jiff::{Timestamp, tz::TimeZone};
use parking_lot::RwLock;

use crate::store::{Store, StoreError};

/// The school as it was when it was read.
#[derive(Default)]
pub struct School {
    pub hub: HubMeta,
    pub people: HashMap<UserId, Person>,
    pub classes: HashMap<ClassId, Class>,
    pub lessons: HashMap<LessonId, Lesson>,
    pub problems: HashMap<ProblemId, ProblemHead>,
    pub versions: HashMap<ProblemVersionId, Arc<ProblemVersion>>,
    class_by_code: HashMap<String, ClassId>,
    class_of_pupil: HashMap<UserId, (ClassId, u16)>,
}

/// The hub's own row.
#[derive(Clone)]
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
pub struct Person {
    pub role: Role,
    pub name: String,
    pub login_name: Option<String>,
    pub language: Language,
    pub token_version: i64,
    pub must_change: bool,
    pub archived: bool,
    /// For parents.
    pub children: Vec<UserId>,
}

/// A class of today.
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
    /// The reply to `GET /me/problems`, the same for every pupil of the class.
    my_problems: Bytes,
}

/// Problems given to a class.
pub struct Lesson {
    pub lesson_id: LessonId,
    pub class_id: ClassId,
    pub title: String,
    pub mode: LessonMode,
    pub hint_ceiling: HintCeiling,
    pub state: LessonState,
    pub opened_at: Timestamp,
    pub problems: Vec<ProblemVersionId>,
}

/// A problem and its newest version.
pub struct ProblemHead {
    pub archived: bool,
    pub newest: ProblemVersionId,
}

/// One immutable version, key included: never serialised as it is.
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
    /// A school with nothing in it yet.
    pub(crate) fn of(hub: HubMeta) -> Self {
        School { hub, ..School::default() }
    }

    /// The class of a pupil today.
    pub fn class_of(&self, pupil: UserId) -> Option<&Class> {
        self.class_of_pupil.get(&pupil).and_then(|(class, _)| self.classes.get(class))
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
        Some(RosterEntry { pupil_id: pupil, number, name: person.name.clone() })
    }

    /// The names of a class, by number.
    pub fn roster(&self, class: &Class) -> Vec<RosterEntry> {
        class.pupils.iter().filter_map(|(_, pupil)| self.roster_entry(*pupil)).collect()
    }

    /// The class of a code; spaces, dashes and case do not matter.
    pub fn class_by_code(&self, code: &str) -> Option<&Class> {
        let code = normalise_code(code);
        self.class_by_code.get(&code).and_then(|id| self.classes.get(id)).filter(|class| !class.archived)
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

    /// The reply to `GET /me/problems`, ready to send.
    pub fn my_problems(&self, pupil: UserId) -> Bytes {
        self.class_of(pupil)
            .map_or_else(|| Bytes::from_static(b"{\"lessons\":[]}"), |class| class.my_problems.clone())
    }

    /// Whether a pupil's class has been given this version in any lesson.
    pub fn is_given(&self, pupil: UserId, version: ProblemVersionId) -> bool {
        self.class_of(pupil).is_some_and(|class| {
            class
                .lessons
                .iter()
                .filter_map(|id| self.lessons.get(id))
                .any(|lesson| lesson.problems.contains(&version))
        })
    }

    /// A lesson as its teacher sees it.
    pub fn lesson_view(&self, lesson: &Lesson, language: Language) -> LessonView {
        LessonView {
            lesson_id: lesson.lesson_id,
            class_id: lesson.class_id,
            title: lesson.title.clone(),
            mode: lesson.mode,
            hint_ceiling: lesson.hint_ceiling,
            state: lesson.state,
            problems: self.summaries(&lesson.problems, language),
            opened_at: lesson.opened_at,
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

    /// Whether somebody can look after the hub; until then it waits to be set up.
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

    /// Fills in what follows from the rows.
    pub(crate) fn index(&mut self) {
        for class in self.classes.values_mut() {
            class.pupils.sort();
            self.class_by_code.insert(normalise_code(&class.code), class.class_id);
            if !class.archived {
                for (number, pupil) in &class.pupils {
                    self.class_of_pupil.insert(*pupil, (class.class_id, *number));
                }
            }
        }
        let mut lessons: Vec<_> = self.lessons.values().collect();
        lessons.sort_by_key(|lesson| std::cmp::Reverse((lesson.opened_at, lesson.lesson_id)));
        for lesson in lessons {
            if let Some(class) = self.classes.get_mut(&lesson.class_id) {
                class.lessons.push(lesson.lesson_id);
            }
        }
        let replies: Vec<_> =
            self.classes.values().map(|class| (class.class_id, self.render_problems(class))).collect();
        for (id, reply) in replies {
            if let Some(class) = self.classes.get_mut(&id) {
                class.my_problems = reply;
            }
        }
    }

    fn render_problems(&self, class: &Class) -> Bytes {
        let open = class
            .lessons
            .iter()
            .filter_map(|id| self.lessons.get(id))
            .filter(|lesson| lesson.state != LessonState::Closed);
        let lessons = open
            .map(|lesson| LessonProblems {
                lesson_id: lesson.lesson_id,
                title: lesson.title.clone(),
                problems: self.summaries(&lesson.problems, class.language),
            })
            .collect();
        serde_json::to_vec(&MyProblems { lessons }).map(Bytes::from).unwrap_or_default()
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
            my_problems: Bytes::new(),
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
        let _turn = self.reloading.lock().await;
        let before = self.get();
        let school = store.read(move |conn| crate::store::school::read(conn, &before)).await?;
        *self.now.write() = Arc::new(school);
        Ok(())
    }
}

/// A class code without what people add when they copy it.
pub fn normalise_code(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
}
