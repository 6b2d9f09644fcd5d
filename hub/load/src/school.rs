//! The school that the load runs against: seeded once by the hub's own `demo` command, copied for each run.

use crate::{
    answers::{Repertoire, make_repertoire},
    hub_process::run_hub_command,
    report::tell,
    walk::read_drafts,
};
use anyhow::{Context, Result, ensure};
use dreamseed_client::Hub;
use dreamseed_wire::{Language, answer::Answer, attempt::SubmitAnswer, ids::*};
use serde::Deserialize;
use std::{
    collections::{HashMap, hash_map::Entry},
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::SystemTime,
};
use tempfile::TempDir;

/// `demo-accounts.json` of a seeded school.
#[derive(Debug, Deserialize)]
pub struct Accounts {
    pub admin: StaffAccount,
    pub teachers: Vec<StaffAccount>,
    pub classes: Vec<ClassAccounts>,
}

/// Somebody who signs in by name and password.
#[derive(Debug, Deserialize)]
pub struct StaffAccount {
    pub login_name: String,
    pub password: String,
}

/// A class whose pupils sign in by code and PIN.
#[derive(Debug, Deserialize)]
pub struct ClassAccounts {
    pub class_id: ClassId,
    pub class_code: String,
    pub language: Language,
    pub pupils: Vec<PupilAccount>,
}

/// A pupil who signs in by PIN.
#[derive(Debug, Deserialize)]
pub struct PupilAccount {
    pub pupil_id: UserId,
    pub pin: String,
}

/// A copy of a seeded school in a folder of its own, which goes when this is dropped.
#[derive(Debug)]
pub struct SchoolCopy {
    folder: TempDir,
    pub accounts: Accounts,
}

/// How many pupils a school is seeded with; the demo school is what `./x run` makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchoolSize {
    Demo,
    Pupils(u32),
    /// Three classes, of which the first has given so many answers over a school year that ends on the day of seeding.
    Year {
        answers: u32,
        /// A school of yesterday is seeded again: reports are about the days before today.
        today: jiff::civil::Date,
    },
}

/// A pupil under load: their requests begin with these bytes.
#[derive(Debug)]
pub struct LoadPupil {
    pub pupil_id: UserId,
    pub token: String,
    /// Of [`Work::classes`].
    pub class: usize,
    answer_head: Vec<u8>,
    list_request: Vec<u8>,
}

/// An answer ready to be sent but for the pupil and the attempt's id.
#[derive(Debug)]
pub struct AnswerTemplate {
    /// Its attempt id is a placeholder.
    pub submit: SubmitAnswer,
    /// The end of the head and the body.
    bytes: Vec<u8>,
    /// Where in `bytes` the 36 characters of the attempt's id stand.
    id_at: usize,
}

/// What the pupils of one class may send: half of the answers are taken from either list, unless one is empty.
#[derive(Debug, Default)]
pub struct ClassWork {
    pub right: Vec<AnswerTemplate>,
    pub wrong: Vec<AnswerTemplate>,
}

/// Everything that is made before the clock starts.
#[derive(Debug)]
pub struct Work {
    pub pupils: Vec<LoadPupil>,
    pub classes: Vec<ClassWork>,
}

impl SchoolCopy {
    /// Copies the seeded school of this size below `folder`, seeding it first if this build of the hub has not yet.
    pub async fn make(binary: &Path, folder: &Path, size: SchoolSize) -> Result<Self> {
        let seeded = seed_once(binary, folder, size).await?;
        // Beside the original, so that a bench never measures a file system in memory by mistake.
        let copy = tempfile::Builder::new().prefix("run-").tempdir_in(folder)?;
        copy_folder(&seeded, &copy.path().join("data"))?;
        let accounts =
            fs::read(seeded.join("demo-accounts.json")).context("demo-accounts.json of the seeded school")?;
        Ok(Self { folder: copy, accounts: serde_json::from_slice(&accounts).context("demo-accounts.json")? })
    }

    /// The hub's data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Where data and log lie; a drill puts what it needs beside them.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The hub's log.
    pub fn log(&self) -> PathBuf {
        self.folder.path().join("hub.log")
    }

    /// Access tokens of all pupils, made by the hub's own key; before the hub starts.
    pub async fn mint_tokens(&self, binary: &Path) -> Result<Vec<(UserId, String)>> {
        #[derive(Deserialize)]
        struct Minted {
            pupil_id: UserId,
            access_token: String,
        }
        let pupils: usize = self.accounts.classes.iter().map(|class| class.pupils.len()).sum();
        let lines =
            run_hub_command(binary, &["tokens", "--count", &pupils.to_string()], &self.data()).await?;
        let lines = lines.split(|byte| *byte == b'\n').filter(|line| line.first() == Some(&b'{'));
        let minted: Vec<_> = lines
            .map(|line| {
                serde_json::from_slice(line).map(|Minted { pupil_id, access_token }| (pupil_id, access_token))
            })
            .collect::<Result<_, _>>()
            .context("a line of `dreamseed-hub tokens`")?;
        ensure!(!minted.is_empty(), "`dreamseed-hub tokens` gave no token");
        Ok(minted)
    }

    /// Reads problems and keys from the running hub and builds all requests; `now` is when the pupils say they answered.
    pub async fn prepare_work(
        &self,
        address: SocketAddr,
        tokens: Vec<(UserId, String)>,
        now: jiff::Timestamp,
    ) -> Result<Work> {
        let hub = Hub::new(&format!("http://{address}"))?;
        let admin = hub.stranger();
        admin.sign_in_password(&self.accounts.admin.login_name, &self.accounts.admin.password).await?;
        let drafts = read_drafts(&admin).await.context("reading the problems as admin")?;
        admin.sign_out().await?;
        let class_of: HashMap<UserId, usize> = self
            .accounts
            .classes
            .iter()
            .enumerate()
            .flat_map(|(class, accounts)| accounts.pupils.iter().map(move |pupil| (pupil.pupil_id, class)))
            .collect();
        let pupils: Vec<LoadPupil> = tokens
            .into_iter()
            .filter_map(|(pupil_id, token)| {
                Some(LoadPupil::new(pupil_id, token, *class_of.get(&pupil_id)?, address))
            })
            .collect();
        ensure!(!pupils.is_empty(), "no token is of a pupil in demo-accounts.json");
        let mut repertoires = HashMap::new();
        let mut classes = Vec::new();
        for (class, accounts) in self.accounts.classes.iter().enumerate() {
            let mut work = ClassWork::default();
            if let Some(pupil) = pupils.iter().find(|pupil| pupil.class == class) {
                let pupil = hub.with_token(&*pupil.token);
                for lesson in pupil.my_problems().await?.lessons {
                    for problem in lesson.problems {
                        let id = problem.problem_version_id;
                        let Repertoire { right, wrong } = match repertoires.entry(id) {
                            Entry::Occupied(known) => known.into_mut(),
                            Entry::Vacant(unknown) => {
                                let view = pupil.problem_version(id, accounts.language).await?;
                                unknown.insert(make_repertoire(&view.question, drafts.get(&id)))
                            }
                        };
                        let template =
                            |answer: &Answer| AnswerTemplate::new(id, lesson.lesson_id, answer, now);
                        work.right.extend(right.iter().map(template).collect::<Result<Vec<_>>>()?);
                        work.wrong.extend(wrong.iter().map(template).collect::<Result<Vec<_>>>()?);
                    }
                }
            }
            classes.push(work);
        }
        let has_work = |pupil: &LoadPupil| !classes[pupil.class].is_empty();
        let pupils: Vec<_> = pupils.into_iter().filter(has_work).collect();
        ensure!(!pupils.is_empty(), "no class has an open lesson with problems");
        Ok(Work { pupils, classes })
    }
}

/// A signed-in teacher for each class, in the order of the accounts; who has several classes is signed in once.
pub async fn sign_in_teachers(hub: &Hub, accounts: &Accounts) -> Result<Vec<Hub>> {
    let mut by_class: HashMap<ClassId, Hub> = HashMap::new();
    for account in &accounts.teachers {
        let teacher = hub.stranger();
        teacher
            .sign_in_password(&account.login_name, &account.password)
            .await
            .context("a teacher signs in")?;
        for class in teacher.classes().await.context("a teacher's classes")? {
            by_class.insert(class.class_id, teacher.clone());
        }
    }
    let of_class = |class: &ClassAccounts| by_class.get(&class.class_id).cloned();
    accounts.classes.iter().map(|class| of_class(class).context("a class without a teacher")).collect()
}

impl SchoolSize {
    /// The name of its folder, and how it is seeded.
    fn describe(self) -> (String, Vec<String>) {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        match self {
            SchoolSize::Demo => ("demo".to_owned(), words(&["demo"])),
            SchoolSize::Pupils(pupils) => {
                (pupils.to_string(), words(&["demo", "--pupils", &pupils.to_string()]))
            }
            SchoolSize::Year { answers, today } => {
                // One more than the small demo school has, which would be seeded with a hash for everybody.
                let arguments = words(&["demo", "--pupils", "61", "--answers", &answers.to_string()]);
                (format!("year-{answers}-{today}"), arguments)
            }
        }
    }

    /// What the folders of earlier seedings begin with.
    fn folders(self) -> String {
        match self {
            SchoolSize::Demo | SchoolSize::Pupils(_) => format!("school-{}-", self.describe().0),
            SchoolSize::Year { .. } => "school-year-".to_owned(),
        }
    }
}

impl LoadPupil {
    fn new(pupil_id: UserId, token: String, class: usize, address: SocketAddr) -> Self {
        let common = format!("HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n");
        let answer_head =
            format!("POST /api/v1/attempts {common}content-type: application/json\r\ncontent-length: ")
                .into_bytes();
        let list_request = format!("GET /api/v1/me/problems {common}\r\n").into_bytes();
        Self { pupil_id, token, class, answer_head, list_request }
    }

    /// The request for the pupil's problem list.
    pub fn list_request(&self) -> &[u8] {
        &self.list_request
    }
}

impl AnswerTemplate {
    fn new(
        problem_version_id: ProblemVersionId,
        lesson_id: LessonId,
        answer: &Answer,
        now: jiff::Timestamp,
    ) -> Result<Self> {
        let submit = SubmitAnswer {
            attempt_id: AttemptId::new(),
            problem_version_id,
            lesson_id: Some(lesson_id),
            answer: answer.clone(),
            occurred_at: Some(now),
            device_id: None,
            device_seq: None,
        };
        let body = serde_json::to_string(&submit)?;
        let bytes = format!("{}\r\n\r\n{body}", body.len());
        let id_at = bytes.find(&submit.attempt_id.to_string()).context("the attempt's id in its JSON")?;
        Ok(Self { submit, bytes: bytes.into_bytes(), id_at })
    }

    /// Writes the whole request into `request`, replacing what is there.
    pub fn write_request(&self, pupil: &LoadPupil, attempt_id: AttemptId, request: &mut Vec<u8>) {
        request.clear();
        request.extend_from_slice(&pupil.answer_head);
        let id_at = request.len() + self.id_at;
        request.extend_from_slice(&self.bytes);
        attempt_id.0.hyphenated().encode_lower(&mut request[id_at..id_at + 36]);
    }
}

impl ClassWork {
    fn is_empty(&self) -> bool {
        self.right.is_empty() && self.wrong.is_empty()
    }

    /// A right or a wrong answer by the lowest bit of `random`, and which one by the rest.
    pub fn pick(&self, random: u64) -> &AnswerTemplate {
        let (first, second) =
            if random & 1 == 0 { (&self.right, &self.wrong) } else { (&self.wrong, &self.right) };
        let list = if first.is_empty() { second } else { first };
        &list[(random >> 1) as usize % list.len()]
    }
}

/// The folder of the seeded school; its name carries the size and the build of the hub, since another build may
/// seed otherwise.
async fn seed_once(binary: &Path, folder: &Path, size: SchoolSize) -> Result<PathBuf> {
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    let about = fs::metadata(binary)
        .with_context(|| format!("no hub at {}; say where it is with --hub", binary.display()))?;
    let built = about.modified()?.duration_since(SystemTime::UNIX_EPOCH)?.as_millis();
    let (size_name, arguments) = size.describe();
    let seeded = folder.join(format!("school-{size_name}-{built}"));
    if seeded.join("demo-accounts.json").exists() {
        return Ok(seeded);
    }
    for old in fs::read_dir(folder)?.flatten() {
        if old.file_name().to_string_lossy().starts_with(&size.folders()) {
            fs::remove_dir_all(old.path())?;
        }
    }
    tell(&format!("seeding a school (`{}`) in {}", arguments.join(" "), seeded.display()));
    // Under another name until it is whole.
    let half = seeded.with_extension("part");
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    run_hub_command(binary, &arguments, &half).await?;
    fs::rename(&half, &seeded)?;
    Ok(seeded)
}

/// Copies files and folders with their permissions.
pub fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else if kind.is_symlink() {
            copy_link(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target).with_context(|| format!("copying {}", entry.path().display()))?;
        }
    }
    fs::set_permissions(to, fs::metadata(from)?.permissions())?;
    Ok(())
}

#[cfg(unix)]
fn copy_link(from: &Path, to: &Path) -> Result<()> {
    Ok(std::os::unix::fs::symlink(fs::read_link(from)?, to)?)
}

#[cfg(not(unix))]
fn copy_link(from: &Path, to: &Path) -> Result<()> {
    Ok(fs::copy(from, to).map(drop)?)
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// One pupil, one problem, one right and one wrong answer.
    pub fn small_work() -> Work {
        let address = "127.0.0.1:8080".parse().expect("an address");
        let (problem, lesson) = (ProblemVersionId::new(), LessonId::new());
        let template = |text: &str| {
            let answer = Answer::Number { text: text.into() };
            AnswerTemplate::new(problem, lesson, &answer, jiff::Timestamp::UNIX_EPOCH).expect("made")
        };
        Work {
            pupils: vec![LoadPupil::new(UserId::new(), "token".into(), 0, address)],
            classes: vec![ClassWork { right: vec![template("1")], wrong: vec![template("2")] }],
        }
    }

    #[test]
    fn requests_are_whole_and_differ_by_the_attempt_only() {
        let address = "127.0.0.1:8080".parse().expect("an address");
        let pupil = LoadPupil::new(UserId::new(), "token".into(), 0, address);
        let answer = Answer::Number { text: "2와 1/2".into() };
        let template = AnswerTemplate::new(
            ProblemVersionId::new(),
            LessonId::new(),
            &answer,
            jiff::Timestamp::UNIX_EPOCH,
        )
        .expect("made");
        let mut request = Vec::new();
        for _ in 0..2 {
            let attempt_id = AttemptId::new();
            template.write_request(&pupil, attempt_id, &mut request);
            let text = String::from_utf8(request.clone()).expect("text");
            let (head, body) = text.split_once("\r\n\r\n").expect("a head");
            assert!(head.starts_with("POST /api/v1/attempts HTTP/1.1\r\nhost: 127.0.0.1:8080\r\n"), "{head}");
            assert!(head.ends_with(&format!("content-length: {}", body.len())), "{head}");
            let sent: SubmitAnswer = serde_json::from_str(body).expect("as the wire says");
            assert_eq!((sent.attempt_id, sent.answer), (attempt_id, answer.clone()));
        }
    }

    #[test]
    fn half_of_the_answers_are_wrong() {
        let make = |text: &str| {
            let answer = Answer::ShortText { text: text.into() };
            AnswerTemplate::new(
                ProblemVersionId::new(),
                LessonId::new(),
                &answer,
                jiff::Timestamp::UNIX_EPOCH,
            )
            .expect("made")
        };
        let work = ClassWork { right: vec![make("right")], wrong: vec![make("wrong"), make("no")] };
        let right = (0..100).filter(|n| work.pick(*n).submit == work.right[0].submit).count();
        assert_eq!(right, 50);
        let only_wrong = ClassWork { right: Vec::new(), wrong: vec![make("wrong")] };
        assert_eq!(only_wrong.pick(4).submit, only_wrong.wrong[0].submit);
    }

    #[test]
    fn folders_are_copied_whole() {
        let from = tempfile::tempdir().expect("a folder");
        fs::create_dir(from.path().join("keys")).expect("made");
        fs::write(from.path().join("keys/pepper"), "p").expect("written");
        let to = tempfile::tempdir().expect("a folder");
        copy_folder(from.path(), &to.path().join("data")).expect("copied");
        assert_eq!(fs::read(to.path().join("data/keys/pepper")).expect("there"), b"p");
    }
}
