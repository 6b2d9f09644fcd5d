//! A demo school, to try the hub and to measure it: people, classes, open lessons and some weeks of answers.
//!
//! Everything is written by the functions that real use goes through, so that progress and grids are real. The school
//! follows from a seed. Its secrets stand in [`ACCOUNTS_FILE`] and the passwords are the ones below, known to everyone:
//! never put real people's data into a demo school.

mod history;
mod people;
mod random;
mod year;

use std::{
    collections::HashMap,
    fmt::Write as _,
    fs,
    io::{self, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, bail};
use dreamseed_wire::{Language, account::Role, class::AddClass, ids::*, lesson::HintCeiling};
use jiff::{SignedDuration, Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

#[cfg(test)]
pub(crate) use self::history::right_answer;
use self::{
    history::{Learner, PastAnswer},
    people::ClassPlan,
    random::Random,
};
use crate::{
    answering::{self, GradedAnswer},
    auth::{
        Auth, By,
        secrets::{SecretKind, Secrets},
    },
    boot_check,
    clock::day_of,
    config::Config,
    content_pack,
    school::{ProblemVersion, School, SchoolView},
    store::{
        self, Store, StoreError, hub_meta, lessons,
        users::{self, NewUser},
    },
    teaching::show_code,
};

/// Pupils of the small demo school.
pub const PUPILS: usize = 60;
/// The accounts with their secrets, in the data folder.
pub const ACCOUNTS_FILE: &str = "demo-accounts.json";

/// Stands while the school is being made: what is there without the end is thrown away.
const MARKER_FILE: &str = "demo-unfinished";
const SEED: u64 = 2026;
const PARENTS: usize = 20;
/// In a large school, for benches only.
const CLASS_SIZE: usize = 30;
const LESSON_PROBLEMS: usize = 7;
const ADMIN_PASSWORD: &str = "demo-hub-of-our-school";
const TEACHER_PASSWORD: &str = "demo-class-of-our-school";
const PARENT_PASSWORD: &str = "demo-child-of-our-school";
/// Answers in one write.
const BATCH: usize = 400;

/// What [`ACCOUNTS_FILE`] holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemoAccounts {
    pub admin: DemoAdmin,
    pub teachers: Vec<DemoTeacher>,
    pub parents: Vec<DemoParent>,
    pub classes: Vec<DemoClass>,
}

/// The admin of a demo school.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemoAdmin {
    pub login_name: String,
    pub password: String,
}

/// A teacher of a demo school.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemoTeacher {
    pub login_name: String,
    pub password: String,
    pub name: String,
}

/// A parent of a demo school, with the ids of their children.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemoParent {
    pub login_name: String,
    pub password: String,
    pub name: String,
    pub children: Vec<UserId>,
}

/// A class of a demo school.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemoClass {
    pub class_id: ClassId,
    pub class_code: String,
    pub name: String,
    pub language: Language,
    pub pupils: Vec<DemoPupil>,
}

/// A pupil of a demo school.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemoPupil {
    pub pupil_id: UserId,
    pub number: u16,
    pub name: String,
    pub pin: String,
}

/// Whether the data folder holds a school already, a demo or not.
pub fn exists(config: &Config) -> bool {
    store::database_path(&config.data).exists() && !config.data.join(MARKER_FILE).exists()
}

/// Makes a demo school with so many pupils in an empty data folder.
///
/// # Errors
/// The folder holds a school already, or cannot be written.
pub async fn build(config: &Config, now: Timestamp, pupils: usize) -> anyhow::Result<()> {
    build_with_history(config, now, pupils, 0).await
}

/// The same; the first class has given so many answers before.
///
/// # Errors
/// As [`build`].
pub async fn build_with_history(
    config: &Config,
    now: Timestamp,
    pupils: usize,
    answers: usize,
) -> anyhow::Result<()> {
    if exists(config) {
        bail!(
            "데이터 폴더 {0}에 이미 학교가 있어요. --data로 빈 폴더를 주세요.\n\
             The data folder {0} holds a school already. Give an empty one with --data.",
            config.data.display()
        );
    }
    refuse_lost_school(&config.data)?;
    let marker = begin(&config.data)
        .with_context(|| format!("the data folder {} cannot be written", config.data.display()))?;
    let first = hub_meta::FirstStart { now, time_zone: config.time_zone.clone() };
    let store = Store::open(&store::database_path(&config.data), &first, |_| {})?;
    let auth = Auth::open(&config.data, &store, &config.sign_in, now).await?;
    let accounts = fill(&store, auth.secrets(), now, pupils.max(1), answers).await?;
    store.close().await;
    write_private(&config.data.join(ACCOUNTS_FILE), &serde_json::to_vec_pretty(&accounts)?)?;
    fs::remove_file(marker)?;
    Ok(())
}

/// The accounts of a demo school.
///
/// # Errors
/// The school is no demo, or its file cannot be read.
pub fn read_accounts(config: &Config) -> anyhow::Result<DemoAccounts> {
    let path = config.data.join(ACCOUNTS_FILE);
    let text = fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    serde_json::from_slice(&text)
        .with_context(|| format!("{} is not a list of demo accounts", path.display()))
}

/// What to try and with which accounts, for the console.
///
/// # Errors
/// As [`read_accounts`].
pub fn describe(config: &Config, address: SocketAddr) -> anyhow::Result<String> {
    let accounts = read_accounts(config)?;
    let mut text = format!("\n데모 학교 · Demo school    http://localhost:{}\n", address.port());
    for class in accounts.classes.iter().take(3) {
        write!(text, "  {:<18} 반 코드 · class code  {}\n   ", class.name, class.class_code)?;
        for pupil in class.pupils.iter().take(2) {
            write!(text, "  {}번 {}  PIN {}", pupil.number, pupil.name, pupil.pin)?;
        }
        text.push('\n');
    }
    if let Some(teacher) = accounts.teachers.first() {
        writeln!(text, "  교사 · teacher   {}  /  {}", teacher.login_name, teacher.password)?;
    }
    if let Some(parent) = accounts.parents.first() {
        writeln!(text, "  학부모 · parent  {}  /  {}", parent.login_name, parent.password)?;
    }
    writeln!(text, "  관리자 · admin   {}  /  {}", accounts.admin.login_name, accounts.admin.password)?;
    writeln!(text, "  모든 계정 · all accounts: {}", config.data.join(ACCOUNTS_FILE).display())?;
    text.push_str(
        "\n  해 보세요: 학생으로 들어가 일부러 틀린 답을 내고 도움을 받아 보세요. 다른 창에서 교사로 들어가면 그 칸이 바로 바뀌어요.\n  \
         Try: sign in as a pupil, give a wrong answer on purpose and ask for help. In another window, as the teacher, \
         watch the cell change.\n  \
         누구나 아는 비밀번호예요. 실제 학생의 정보를 넣지 마세요. · Everyone knows these passwords: keep real data out.\n",
    );
    Ok(text)
}

/// Prints access tokens of pupils as JSON lines, class by class; for load runs, while the hub is not running.
///
/// # Errors
/// The school has fewer pupils, or its folder cannot be used.
pub async fn print_tokens(
    config: &Config,
    now: Timestamp,
    count: usize,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Line<'a> {
        pupil_id: UserId,
        access_token: &'a str,
    }
    if !exists(config) {
        bail!("{} holds no school", config.data.display());
    }
    let first = hub_meta::FirstStart { now, time_zone: config.time_zone.clone() };
    let store = Store::open(&store::database_path(&config.data), &first, |_| {})?;
    let school = SchoolView::load(&store).await?.get();
    let auth = Auth::open(&config.data, &store, &config.sign_in, now).await?;
    let mut classes: Vec<_> = school.classes.values().filter(|class| !class.archived).collect();
    classes.sort_by_key(|class| class.class_id);
    let pupils: Vec<UserId> =
        classes.iter().flat_map(|class| class.pupils.iter().map(|(_, pupil)| *pupil)).take(count).collect();
    if pupils.len() < count {
        bail!("the school has {} pupils only", pupils.len());
    }
    let minted = auth.mint(&store, &school, &pupils, now).await?;
    store.close().await;
    for token in &minted {
        serde_json::to_writer(
            &mut *out,
            &Line { pupil_id: token.user_id, access_token: &token.access_token },
        )?;
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}

/// Fills an empty database.
async fn fill(
    store: &Store,
    secrets: &Secrets,
    now: Timestamp,
    pupils: usize,
    past_answers: usize,
) -> anyhow::Result<DemoAccounts> {
    let mut random = Random::new(SEED);
    let is_small = pupils <= PUPILS;
    let class_count = if is_small { 3.min(pupils) } else { pupils.div_ceil(CLASS_SIZE) };
    let plans = people::plan_classes(class_count, pupils, &mut random);
    let people = People::plan(&plans, is_small, &mut random);
    let hashes = hash_all(secrets, people.secrets(), is_small).await?;

    let drafts = content_pack::starter_problems()?;
    store.write(move |tx| content_pack::load(tx, &drafts, now)).await?;
    let view = SchoolView::load(store).await?;
    let zone = view.get().hub.time_zone.clone();
    let today = day_of(now, &zone);
    // A large school is for load: two days of answers are enough for it.
    let days = history::school_days_before(today, if is_small { 10 } else { 2 });
    let began = days.first().and_then(|day| day.at(8, 0, 0, 0).to_zoned(zone.clone()).ok());
    let began = began.map_or(now, |time| time.timestamp());

    let lists = plans
        .iter()
        .enumerate()
        .map(|(index, plan)| choose_problems(&view.get(), plan.skills_to_grade, index % 2 == 1))
        .collect::<Vec<_>>();
    let made = {
        let opened = now - SignedDuration::from_mins(30);
        let lessons: Vec<_> = lists.iter().map(|list| (ids_of(&list.today), ids_of(&list.past))).collect();
        let schedule = Schedule { began, opened, now, from: days.first().copied().unwrap_or(today) };
        store.write(move |tx| add_school(tx, plans, people, &hashes, &lessons, &schedule)).await?
    };
    view.reload(store).await?;

    let school = view.get();
    if let (Some(class), Some(list)) = (made.classes.first(), lists.first())
        && past_answers > 0
    {
        let pupils: Vec<_> = class.account.pupils.iter().map(|pupil| pupil.pupil_id).collect();
        let class =
            year::HardWorking { class: class.account.class_id, pupils: &pupils, problems: &list.past };
        let until = days.first().copied().unwrap_or(today);
        year::fill(store, &school, &class, past_answers, until, &mut random).await?;
    }
    for (class, list) in made.classes.iter().zip(&lists) {
        let mut answers = Vec::new();
        for pupil in &class.account.pupils {
            let learner = Learner::new(pupil.pupil_id, &mut random);
            let past = (class.past_lesson, &*list.past);
            answers.extend(history::answers_of_days(&learner, past, &days, &zone, &mut random));
            // The first two and every third have not begun today.
            if pupil.number > 2 && !pupil.number.is_multiple_of(3) {
                let count = 1 + random.below(4);
                answers.extend(history::answers_of_today(
                    &learner,
                    (class.lesson, &*list.today),
                    count,
                    now,
                    &mut random,
                ));
            }
        }
        answers.sort_by_key(|answer| answer.at);
        record_answers(store, &school, answers).await?;
    }
    let past_lessons: Vec<_> = made.classes.iter().map(|class| class.past_lesson).collect();
    store
        .write(move |tx| {
            past_lessons.iter().try_for_each(|lesson| lessons::close(tx, *lesson, now))?;
            By::console().audit(tx, now, "make demo school", None, &pupils.to_string())
        })
        .await
        .map_err(|err: StoreError| err)?;
    Ok(made.into_accounts())
}

/// People before they have ids.
struct People {
    teachers: Vec<String>,
    parents: Vec<ParentPlan>,
    /// By class.
    pins: Vec<Vec<String>>,
}

struct ParentPlan {
    name: String,
    language: Language,
    /// By class and place in it.
    children: Vec<(usize, usize)>,
}

impl People {
    fn plan(plans: &[ClassPlan], is_small: bool, random: &mut Random) -> Self {
        let teachers = if is_small { 2 } else { plans.len().div_ceil(3).max(2) };
        let teachers = (0..teachers).map(|index| people::teacher_name(index, random)).collect();
        // Few different PINs in a large school: one hash each is enough, see `hash_all`.
        let few: Vec<String> = (0..PUPILS).map(|_| people::make_pin(random)).collect();
        let pins = plans
            .iter()
            .enumerate()
            .map(|(class, plan)| {
                let before: usize = plans[..class].iter().map(|plan| plan.pupils.len()).sum();
                (0..plan.pupils.len()).map(|index| few[(before + index) % few.len()].clone()).collect()
            })
            .collect();
        let children = (0..PARENTS).filter_map(|index| {
            let class = index % plans.len().min(3);
            let place = index / plans.len().min(3) * 2;
            plans.get(class)?.pupils.get(place).map(|name| (class, place, name))
        });
        let parents = children
            .map(|(class, place, name)| {
                let language = plans[class].language;
                let mut theirs = vec![(class, place)];
                // Siblings: same place in the next class, same surname.
                if class == 0 && place % 5 == 0 && plans.get(1).is_some_and(|next| next.pupils.len() > place)
                {
                    theirs.push((1, place));
                }
                ParentPlan { name: people::parent_name(name, language, random), language, children: theirs }
            })
            .collect();
        People { teachers, parents, pins }
    }

    /// Every secret in the order in which accounts are made.
    fn secrets(&self) -> Vec<(SecretKind, String)> {
        let password = |password: &str| (SecretKind::Password, password.to_owned());
        let mut secrets = vec![password(ADMIN_PASSWORD)];
        secrets.extend(self.teachers.iter().map(|_| password(TEACHER_PASSWORD)));
        secrets.extend(self.pins.iter().flatten().map(|pin| (SecretKind::Pin, pin.clone())));
        secrets.extend(self.parents.iter().map(|_| password(PARENT_PASSWORD)));
        secrets
    }
}

/// Hashes secrets, several at once. In the small school everybody has a hash of their own, as in a real one; for
/// benches with thousands of pupils equal secrets share one hash, since thousands would take minutes.
async fn hash_all(
    secrets: &Secrets,
    wanted: Vec<(SecretKind, String)>,
    is_small: bool,
) -> anyhow::Result<Vec<String>> {
    let mut first_with: HashMap<String, usize> = HashMap::new();
    let mut sources = Vec::with_capacity(wanted.len());
    let mut distinct = Vec::new();
    for (kind, secret) in wanted {
        let next = distinct.len();
        let source = if is_small { next } else { *first_with.entry(secret.clone()).or_insert(next) };
        if source == next {
            distinct.push((kind, secret));
        }
        sources.push(source);
    }
    let tasks: Vec<_> = distinct
        .into_iter()
        .map(|(kind, secret)| {
            let secrets = secrets.clone();
            tokio::spawn(async move { secrets.hash(kind, &secret).await })
        })
        .collect();
    let mut hashes = Vec::with_capacity(tasks.len());
    for task in tasks {
        hashes.push(task.await??);
    }
    Ok(sources.into_iter().map(|source| hashes[source].clone()).collect())
}

/// The problems of one class.
struct ProblemList {
    /// Nobody has seen them before.
    today: Vec<Arc<ProblemVersion>>,
    past: Vec<Arc<ProblemVersion>>,
}

/// Problems of the skills up to a grade: for today one of each skill in turn, the rest for the past. Every other class
/// begins at the other end, so that neighbours have different problems.
fn choose_problems(school: &School, to_grade: u8, from_front: bool) -> ProblemList {
    let skills = content_pack::skills(Language::Ko);
    let mut heads: Vec<_> = school.problems.iter().filter(|(_, head)| !head.archived).collect();
    // In the order in which they were loaded, which is that of the files.
    heads.sort_by_key(|(id, _)| **id);
    let mut by_skill: Vec<Vec<Arc<ProblemVersion>>> = skills
        .iter()
        .filter(|skill| skill.grade <= to_grade)
        .map(|skill| {
            let versions = heads.iter().filter_map(|(_, head)| school.versions.get(&head.newest));
            versions.filter(|version| version.skill == skill.id).cloned().collect()
        })
        .collect();
    let mut today = Vec::new();
    while today.len() < LESSON_PROBLEMS {
        let before = today.len();
        for list in &mut by_skill {
            // The past keeps at least two of each.
            if today.len() < LESSON_PROBLEMS && list.len() > 2 {
                today.push(list.remove(if from_front { 0 } else { list.len() - 1 }));
            }
        }
        if today.len() == before {
            break;
        }
    }
    ProblemList { today, past: by_skill.into_iter().flatten().collect() }
}

fn ids_of(versions: &[Arc<ProblemVersion>]) -> Vec<ProblemVersionId> {
    versions.iter().map(|version| version.problem_version_id).collect()
}

/// When things happened.
struct Schedule {
    began: Timestamp,
    /// Today's lesson.
    opened: Timestamp,
    now: Timestamp,
    /// The first school day.
    from: Date,
}

/// A school with its ids.
struct MadeSchool {
    teachers: Vec<DemoTeacher>,
    parents: Vec<DemoParent>,
    classes: Vec<MadeClass>,
}

struct MadeClass {
    account: DemoClass,
    lesson: LessonId,
    past_lesson: LessonId,
}

impl MadeSchool {
    fn into_accounts(self) -> DemoAccounts {
        DemoAccounts {
            admin: DemoAdmin { login_name: "admin".to_owned(), password: ADMIN_PASSWORD.to_owned() },
            teachers: self.teachers,
            parents: self.parents,
            classes: self.classes.into_iter().map(|class| class.account).collect(),
        }
    }
}

/// Writes people, classes and lessons; `hashes` are in the order of [`People::secrets`].
fn add_school(
    tx: &store::WriteTx<'_>,
    plans: Vec<ClassPlan>,
    people: People,
    hashes: &[String],
    lists: &[(Vec<ProblemVersionId>, Vec<ProblemVersionId>)],
    schedule: &Schedule,
) -> Result<MadeSchool, StoreError> {
    let mut hashes = hashes.iter();
    let mut add = |role: Role, login_name: Option<String>, name: &str, language: Language| {
        let secret = hashes.next().cloned().ok_or(StoreError::BadValue { what: "secret" })?;
        let user = NewUser { role, login_name, name: name.to_owned(), language, secret, must_change: false };
        users::add(tx, &user, schedule.began)
    };
    hub_meta::set_school_name(tx, "새싹초등학교 (데모)")?;
    add(Role::Admin, Some("admin".to_owned()), "관리자", Language::Ko)?;

    let mut teachers = Vec::new();
    let mut teacher_ids = Vec::new();
    for (index, name) in people.teachers.into_iter().enumerate() {
        let login_name = format!("teacher{}", index + 1);
        teacher_ids.push(add(Role::Teacher, Some(login_name.clone()), &name, Language::Ko)?);
        teachers.push(DemoTeacher { login_name, password: TEACHER_PASSWORD.to_owned(), name });
    }

    let mut classes = Vec::new();
    for (index, ((plan, pins), (today, past))) in plans.into_iter().zip(people.pins).zip(lists).enumerate() {
        // The first teacher has the first and the third class, the second one the second; more have three each.
        let teacher =
            if index < 3 { teacher_ids[index % 2] } else { teacher_ids[(index / 3) % teacher_ids.len()] };
        let class = AddClass {
            name: plan.name.clone(),
            grade: plan.grade,
            school_year: school_year(schedule.from),
            language: plan.language,
            teachers: vec![teacher],
        };
        let class_id = lessons::add_class(tx, &class, &plan.code, schedule.began)?;
        lessons::add_teacher(tx, class_id, teacher, schedule.from)?;
        let mut pupils = Vec::new();
        for ((number, name), pin) in (1_u16..).zip(plan.pupils).zip(pins) {
            let pupil_id = add(Role::Student, None, &name, plan.language)?;
            lessons::enrol(tx, class_id, pupil_id, number, class.school_year, schedule.from)?;
            pupils.push(DemoPupil { pupil_id, number, name, pin });
        }
        let open = |title: &str, ceiling, versions: &[ProblemVersionId], at| {
            lessons::open(tx, class_id, (title, ceiling), versions, Some(teacher), at)
        };
        let past_lesson = open(plan.past_lesson, HintCeiling::Concept, past, schedule.began)?;
        let lesson = open(plan.lesson, HintCeiling::WorkedStep, today, schedule.opened.min(schedule.now))?;
        let class_code = show_code(&plan.code);
        let account = DemoClass { class_id, class_code, name: plan.name, language: plan.language, pupils };
        classes.push(MadeClass { account, lesson, past_lesson });
    }

    let mut parents = Vec::new();
    for (index, ParentPlan { name, language, children }) in people.parents.into_iter().enumerate() {
        let login_name = format!("parent{:02}", index + 1);
        let parent = add(Role::Parent, Some(login_name.clone()), &name, language)?;
        let pupil = |(class, place): (usize, usize)| {
            classes.get(class).and_then(|class| class.account.pupils.get(place))
        };
        let children: Vec<UserId> =
            children.into_iter().filter_map(pupil).map(|pupil| pupil.pupil_id).collect();
        for child in &children {
            lessons::add_guardian(tx, parent, *child, schedule.began)?;
        }
        parents.push(DemoParent { login_name, password: PARENT_PASSWORD.to_owned(), name, children });
    }
    Ok(MadeSchool { teachers, parents, classes })
}

/// The Korean school year begins in March.
fn school_year(day: Date) -> u16 {
    let year = u16::try_from(day.year()).unwrap_or(2026);
    if day.month() >= 3 { year } else { year - 1 }
}

async fn record_answers(store: &Store, school: &School, answers: Vec<PastAnswer>) -> anyhow::Result<()> {
    let mut batch: Vec<GradedAnswer> = Vec::with_capacity(BATCH);
    for answer in answers {
        let grade = dreamseed_grading::grade_draft(&answer.version.draft, &answer.body.answer)?;
        batch.push(answering::prepare(school, answer.pupil, &answer.version, answer.body, grade, answer.at)?);
        if batch.len() == BATCH {
            record_batch(store, std::mem::take(&mut batch)).await?;
        }
    }
    record_batch(store, batch).await
}

async fn record_batch(store: &Store, batch: Vec<GradedAnswer>) -> anyhow::Result<()> {
    let recorded =
        store.write(move |tx| batch.iter().try_for_each(|graded| answering::record(tx, graded).map(|_| ())));
    Ok(recorded.await?)
}

/// A school that has lost its database is to be restored, not to be covered by a demo. What a demo school has left that was cut
/// off while it was made is no loss.
fn refuse_lost_school(data: &Path) -> anyhow::Result<()> {
    if boot_check::has_lost_database(data) && !data.join(MARKER_FILE).exists() {
        bail!(
            "데이터 폴더 {0}에 데이터베이스 hub.db가 없습니다. 그러나 이 폴더에는 학교의 열쇠가 있어 데모 학교를 만들지 않았습니다. \
             디스크가 제대로 연결되었는지 보고, 백업에서 되살리세요: dreamseed-hub backup restore\n\
             The database hub.db is missing in the data folder {0}, though a school's keys are there, so no demo school was made. \
             See that the right disk is mounted, then restore a backup: dreamseed-hub backup restore",
            data.display()
        );
    }
    Ok(())
}

/// Throws away what an earlier try left and sets the marker.
fn begin(data: &Path) -> io::Result<PathBuf> {
    let mut folder = fs::DirBuilder::new();
    folder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    folder.create(data)?;
    let marker = data.join(MARKER_FILE);
    fs::write(&marker, b"")?;
    let database = store::database_path(data);
    for suffix in ["", "-wal", "-shm"] {
        let mut path = database.clone().into_os_string();
        path.push(suffix);
        match fs::remove_file(PathBuf::from(path)) {
            Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(err),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(marker)
}

/// Writes a file that only the hub's user can read.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{attempts, standings};

    #[tokio::test(flavor = "multi_thread")]
    async fn a_class_can_have_a_long_history() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = Config { data: folder.path().join("data"), ..Config::default() };
        let now: Timestamp = "2026-11-23T02:00:00Z".parse().expect("a time");
        build_with_history(&config, now, 6, 1_500).await.expect("a demo school");
        let accounts = read_accounts(&config).expect("accounts");
        let first = hub_meta::FirstStart { now, time_zone: config.time_zone.clone() };
        let store = Store::open(&store::database_path(&config.data), &first, |_| {}).expect("the database");
        let mut counts = Vec::new();
        for class in &accounts.classes {
            let mut count = 0;
            for pupil in &class.pupils {
                let id = pupil.pupil_id;
                let past = store.read(move |conn| attempts::of_pupil(conn, id, 5_000)).await;
                count += past.expect("answers").len();
            }
            counts.push(count);
        }
        assert!(counts[0] > 1_500 + counts[1] / 2 && counts[1] < 200, "{counts:?}");
        store.close().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn no_demo_covers_a_school_that_has_lost_its_database() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = Config { data: folder.path().to_owned(), ..Config::default() };
        let now: Timestamp = "2026-11-23T02:00:00Z".parse().expect("a time");
        let pepper = folder.path().join("keys/pepper.key");
        fs::create_dir(folder.path().join("keys")).expect("made");
        fs::write(&pepper, "ab".repeat(32)).expect("written");
        let refusal = build(&config, now, 5).await.expect_err("a school's folder").to_string();
        assert!(refusal.contains("hub.db is missing") && refusal.contains("되살리세요"), "{refusal}");
        let left: Vec<_> =
            fs::read_dir(folder.path()).expect("listed").flatten().map(|e| e.file_name()).collect();
        assert_eq!(left, ["keys"], "nothing was made");
        // Cut off after the keys and before the database, a demo school begins again.
        fs::write(folder.path().join(MARKER_FILE), "").expect("written");
        build(&config, now, 5).await.expect("a demo school");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_small_school_is_whole_and_its_pupils_get_better() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = Config { data: folder.path().join("data"), ..Config::default() };
        let now: Timestamp = "2026-11-23T02:00:00Z".parse().expect("a time");
        build(&config, now, 33).await.expect("a demo school");
        assert!(exists(&config));
        assert!(build(&config, now, 33).await.is_err(), "a school is never overwritten");
        let accounts = read_accounts(&config).expect("accounts");
        assert_eq!(accounts.classes.iter().map(|class| class.pupils.len()).sum::<usize>(), 33);
        assert!(accounts.parents.iter().any(|parent| parent.children.len() == 2));
        assert!(describe(&config, SocketAddr::from(([127, 0, 0, 1], 7420))).expect("a text").contains("PIN"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(config.data.join(ACCOUNTS_FILE)).expect("the file").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }

        let first = hub_meta::FirstStart { now, time_zone: config.time_zone.clone() };
        let store = Store::open(&store::database_path(&config.data), &first, |_| {}).expect("the database");
        let school = SchoolView::load(&store).await.expect("the school").get();
        let (mut early, mut late) = ((0_u32, 0_u32), (0_u32, 0_u32));
        for class in &accounts.classes {
            let open = school.shared_problems(class.pupils[0].pupil_id, now).expect("one list for the class");
            let open: dreamseed_wire::problem::MyProblems = serde_json::from_slice(&open).expect("a list");
            assert_eq!(open.lessons.len(), 1);
            assert!((6..=8).contains(&open.lessons[0].problems.len()), "{}", open.lessons[0].problems.len());
            for pupil in &class.pupils {
                let id = pupil.pupil_id;
                let (past, cells) = store
                    .read(move |conn| {
                        Ok::<_, StoreError>((
                            attempts::of_pupil(conn, id, 1_000)?,
                            standings::of_pupil(conn, id)?,
                        ))
                    })
                    .await
                    .expect("answers");
                assert!(past.len() > 15, "{}", past.len());
                assert!(past.iter().all(|attempt| attempt.received_at < now));
                assert!(!cells.is_empty());
                for (index, attempt) in past.iter().rev().enumerate() {
                    let key = &school.versions[&attempt.problem_version_id].draft.key;
                    let right = dreamseed_grading::grade(key, attempt.answer.as_ref().expect("whole"))
                        .expect("a grade")
                        .is_right();
                    let tally = if index * 3 < past.len() { &mut early } else { &mut late };
                    tally.0 += u32::from(right);
                    tally.1 += 1;
                }
            }
        }
        let share = |(right, all): (u32, u32)| f64::from(right) / f64::from(all);
        assert!(share(late) > share(early) + 0.05, "{} {}", share(early), share(late));
        store.close().await;

        let mut tokens = Vec::new();
        print_tokens(&config, now, 33, &mut tokens).await.expect("tokens");
        assert_eq!(tokens.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count(), 33);
    }
}
