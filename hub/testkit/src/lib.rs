//! Starts a real hub for tests: a folder of its own, a free port, a clock that the test moves, an engine in process.
//!
//! People are written into the database without a secret and get minted sessions, because hashing passwords costs more
//! than most tests; [`TestHub::set_pin`] gives a real secret to those whose sign-in is tested. Everything else goes the
//! way it goes in a school: over HTTP.

mod clock;
mod fixtures;
mod hand_engine;
mod person;
mod waiting;
mod wire;

use std::{
    io::Write,
    net::SocketAddr,
    num::NonZeroU32,
    path::{Path, PathBuf},
    sync::Arc,
};

use dreamseed_client::Hub as Client;
use dreamseed_hub::{
    auth::secrets::SecretKind,
    clock::{Clock, day_of},
    config::{Config, DiskLimit},
    hub::{Ctx, Hub},
    store::{StoreError, database_path, lessons, users, users::NewUser},
    teaching::make_code,
};
use dreamseed_models::{
    engine::Engine,
    scripted::{Script, ScriptedEngine},
};
use dreamseed_wire::{
    Language, account::Role, authoring::ProblemDraft, class::AddClass, ids::*, lesson::HintCeiling,
};
use tempfile::TempDir;

pub use clock::{MockClock, minutes};
pub use fixtures::*;
pub use hand_engine::{HandEngine, HandTurn};
pub use person::{Person, RawReply, request};
pub use waiting::{next_event, numbered_events, refusal, rest_of, until, until_within, within};
pub use wire::{Wire, status_of};

/// A running hub with one class, its teacher and an admin. Dropping it stops the hub and deletes its folder, unless the
/// test has failed: then the folder stays, and its path is printed.
pub struct TestHub {
    pub clock: Arc<MockClock>,
    /// 5학년 1반, which works in Korean; nil in a [`TestHub::bare`] hub.
    pub class: ClassId,
    teacher: UserId,
    admin: UserId,
    config: Config,
    engine: Arc<dyn Engine>,
    hub: Option<Hub>,
    folder: Option<TempDir>,
}

impl TestHub {
    /// A hub with the defaults and a scripted engine.
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// A hub with other settings.
    pub async fn with(configure: impl FnOnce(&mut Config)) -> Self {
        Self::with_engine(Arc::new(ScriptedEngine::new(Script::default())), configure).await
    }

    /// A hub with another engine.
    pub async fn with_engine(engine: Arc<dyn Engine>, configure: impl FnOnce(&mut Config)) -> Self {
        let mut hub = Self::launch(engine, configure).await;
        hub.admin = hub.add_user(Role::Admin, "관리자", Language::Ko).await;
        hub.teacher = hub.add_user(Role::Teacher, "김선생", Language::Ko).await;
        hub.class = hub.add_class("5학년 1반", Language::Ko, hub.teacher).await;
        hub
    }

    /// A hub on its first start: nobody is there.
    pub async fn bare() -> Self {
        Self::launch(Arc::new(ScriptedEngine::new(Script::default())), |_| {}).await
    }

    async fn launch(engine: Arc<dyn Engine>, configure: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::Builder::new().prefix("dreamseed-hub-").tempdir().expect("a folder");
        let mut config = config_in(folder.path());
        configure(&mut config);
        let clock = Arc::new(MockClock::default());
        let mut hub = TestHub {
            clock,
            class: ClassId::default(),
            teacher: UserId::default(),
            admin: UserId::default(),
            config,
            engine,
            hub: None,
            folder: Some(folder),
        };
        hub.start_again().await;
        hub
    }

    /// Starts the hub on its folder after [`TestHub::stop`].
    pub async fn start_again(&mut self) {
        let hub = Hub::start(self.config.clone(), self.clock.clone(), self.engine.clone()).await;
        let hub = hub.unwrap_or_else(|error| panic!("the hub must start: {error:#}"));
        // The same port after a restart, so that clients find it.
        self.config.http.port = hub.address().port();
        self.hub = Some(hub);
    }

    /// Stops the hub as a service manager does.
    pub async fn stop(&mut self) {
        self.hub.take().expect("it runs").stop().await;
    }

    /// Stops and starts.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.start_again().await;
    }

    /// The same, with another engine.
    pub async fn restart_with(&mut self, engine: Arc<dyn Engine>) {
        self.stop().await;
        self.engine = engine;
        self.start_again().await;
    }

    /// What the hub's requests share.
    pub fn ctx(&self) -> &Arc<Ctx> {
        &self.hub.as_ref().expect("it runs").ctx
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    pub fn address(&self) -> SocketAddr {
        self.ctx().address
    }

    /// Its data folder.
    pub fn data(&self) -> &Path {
        &self.config.data
    }

    /// Its database.
    pub fn database(&self) -> PathBuf {
        database_path(self.data())
    }

    /// Nobody who is signed in.
    pub fn stranger(&self) -> Client {
        Client::new(&format!("http://{}", self.address())).expect("an address")
    }

    /// The admin, in a new session.
    pub async fn admin(&self) -> Person {
        self.sign_in(self.admin).await
    }

    /// The teacher of [`TestHub::class`], in a new session.
    pub async fn teacher(&self) -> Person {
        self.sign_in(self.teacher).await
    }

    /// A new pupil of [`TestHub::class`].
    pub async fn pupil(&self, name: &str) -> Person {
        self.pupil_in(self.class, name).await
    }

    /// A new pupil of a class.
    pub async fn pupil_in(&self, class: ClassId, name: &str) -> Person {
        let id = self.add_pupil(class, name).await;
        self.sign_in(id).await
    }

    /// A new parent.
    pub async fn parent(&self, name: &str, children: &[UserId]) -> Person {
        let id = self.add_user(Role::Parent, name, Language::Ko).await;
        let (children, now) = (children.to_vec(), self.clock.now());
        self.write(move |tx| {
            children.iter().try_for_each(|child| lessons::add_guardian(tx, id, *child, now))
        })
        .await;
        self.reload().await;
        self.sign_in(id).await
    }

    /// A new teacher with a class of their own.
    pub async fn other_teacher(&self, name: &str, class: &str, language: Language) -> (Person, ClassId) {
        let id = self.add_user(Role::Teacher, name, language).await;
        let class = self.add_class(class, language, id).await;
        (self.sign_in(id).await, class)
    }

    /// A new native session of somebody, without their secret.
    pub async fn sign_in(&self, user: UserId) -> Person {
        self.sign_in_all(&[user]).await.remove(0)
    }

    /// The same for many at once.
    pub async fn sign_in_all(&self, users: &[UserId]) -> Vec<Person> {
        let (ctx, stranger) = (self.ctx(), self.stranger());
        let minted = ctx.auth.mint(&ctx.store, &ctx.school.get(), users, self.clock.now()).await;
        let minted = minted.expect("sessions can be minted").into_iter();
        minted
            .map(|minted| Person {
                id: minted.user_id,
                session: minted.session_id,
                refresh_token: minted.refresh_token,
                client: stranger.with_token(minted.access_token),
            })
            .collect()
    }

    /// Writes an account that cannot sign in by itself.
    pub async fn add_user(&self, role: Role, name: &str, language: Language) -> UserId {
        let now = self.clock.now();
        let new = NewUser {
            role,
            login_name: (role != Role::Student).then(|| UserId::new().to_string()),
            name: name.to_owned(),
            language,
            secret: "none".into(),
            must_change: false,
        };
        let id = self.write(move |tx| users::add(tx, &new, now)).await;
        self.reload().await;
        id
    }

    /// Writes a pupil with the next number of the class.
    pub async fn add_pupil(&self, class: ClassId, name: &str) -> UserId {
        let school = self.ctx().school.get();
        let class = school.classes.get(&class).expect("a class of this hub");
        let number = class.pupils.iter().map(|(number, _)| *number).max().unwrap_or(0) + 1;
        let (class_id, language, year) = (class.class_id, class.language, class.school_year);
        let now = self.clock.now();
        let today = day_of(now, &school.hub.time_zone);
        let new = NewUser {
            role: Role::Student,
            login_name: None,
            name: name.to_owned(),
            language,
            secret: "none".into(),
            must_change: false,
        };
        let id = self
            .write(move |tx| {
                let id = users::add(tx, &new, now)?;
                lessons::enrol(tx, class_id, id, number, year, today)?;
                Ok(id)
            })
            .await;
        self.reload().await;
        id
    }

    /// Writes a class with its teacher.
    pub async fn add_class(&self, name: &str, language: Language, teacher: UserId) -> ClassId {
        let now = self.clock.now();
        let new =
            AddClass { name: name.to_owned(), grade: 5, school_year: 2026, language, teachers: Vec::new() };
        let from = day_of(now, &self.ctx().school.get().hub.time_zone);
        let id = self
            .write(move |tx| {
                let id = lessons::add_class(tx, &new, &make_code(), now)?;
                lessons::add_teacher(tx, id, teacher, from)?;
                Ok(id)
            })
            .await;
        self.reload().await;
        id
    }

    /// Gives pupils the same real PIN, hashed once.
    pub async fn set_pin(&self, pupils: &[UserId], pin: &str) {
        self.set_secret(pupils, SecretKind::Pin, pin).await;
    }

    /// Gives somebody a real password.
    pub async fn set_password(&self, user: UserId, password: &str) {
        self.set_secret(&[user], SecretKind::Password, password).await;
    }

    async fn set_secret(&self, who: &[UserId], kind: SecretKind, secret: &str) {
        let hash = self.ctx().auth.secrets().hash(kind, secret).await.expect("a hash");
        let who = who.to_vec();
        self.write(move |tx| who.iter().try_for_each(|user| users::change_secret(tx, *user, &hash, false)))
            .await;
        self.reload().await;
    }

    /// The code under which a class's pupils sign in.
    pub fn code_of(&self, class: ClassId) -> String {
        self.ctx().school.get().classes.get(&class).expect("a class of this hub").code.clone()
    }

    /// The login name of staff or a parent.
    pub fn login_of(&self, user: UserId) -> String {
        self.ctx()
            .school
            .get()
            .people
            .get(&user)
            .and_then(|person| person.login_name.clone())
            .expect("a login name")
    }

    /// Writes problems and gives them to [`TestHub::class`], with help up to worked steps.
    pub async fn give(&self, drafts: &[ProblemDraft]) -> Given {
        self.give_to(&self.teacher().await, self.class, drafts).await
    }

    /// Writes problems and gives them to a class of this teacher.
    pub async fn give_to(&self, teacher: &Person, class: ClassId, drafts: &[ProblemDraft]) -> Given {
        let mut problems = Vec::with_capacity(drafts.len());
        for draft in drafts {
            problems.push(teacher.add_problem(draft).await.expect("a valid draft"));
        }
        let ids = problems.iter().map(|problem| problem.problem_id).collect();
        let lesson = practice("오늘의 문제", ids, HintCeiling::WorkedStep);
        let lesson = teacher.open_lesson(class, &lesson).await.expect("a lesson");
        Given { problems, lesson }
    }

    /// Writes to the database behind the hub's back.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dreamseed_hub::store::WriteTx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> T {
        self.ctx().store.write(work).await.expect("the write works")
    }

    /// Lets the hub see what was written behind its back.
    pub async fn reload(&self) {
        let ctx = self.ctx();
        ctx.school.reload(&ctx.store).await.expect("the school can be read");
    }
}

impl Drop for TestHub {
    fn drop(&mut self) {
        if let Some(hub) = &self.hub {
            hub.ctx.stopping.cancel();
        }
        if std::thread::panicking()
            && let Some(folder) = self.folder.take()
        {
            let kept = folder.keep();
            let _ = writeln!(std::io::stderr(), "the hub's folder is kept: {}", kept.display());
        }
    }
}

/// Settings of a hub with its data and models in `folder`, on a free port.
pub fn config_in(folder: &Path) -> Config {
    let mut config = Config { data: folder.join("data"), models: folder.join("models"), ..Config::default() };
    config.http.port = 0;
    config.sign_in.parallel_hashes = 2;
    // A test answers a year's problems in a second; those about the limit set it.
    config.limits.per_minute = NonZeroU32::MAX;
    config.limits.help_per_minute = NonZeroU32::MAX;
    // The machine's own disk is no business of a test; those about the disk set these.
    let never = DiskLimit { percent: 0, min_megabytes: 0, max_megabytes: 0 };
    (config.disk.uploads, config.disk.ai_texts, config.disk.writes) = (never, never, never);
    config.disk.ballast_megabytes = 0;
    config
}
