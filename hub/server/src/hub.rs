//! The running hub: everything that requests share, from start to stop.

use std::{
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use dreamseed_models::engine::{Engine, EnginePhase};
use dreamseed_wire::{
    Language,
    hub::{HubInfo, NoticeCode},
};
use jiff::Timestamp;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    api::extract::Peer,
    api_keys::ApiKeys,
    audit_log::AuditWatch,
    auth::{
        self, Auth,
        keys::{self, KeyError},
    },
    backup::{self, BackupDesk},
    boot_check::{self, BootError, Ready},
    cards::RecentSheets,
    clock::Clock,
    config::Config,
    content_pack,
    delivery::DeliveryDesk,
    devices::Devices,
    discovery::{self, Discovery},
    disk::{self, DiskWatch},
    feedback::{self, FeedbackDesk},
    high_mark::{self, HighMarkFiles},
    ledgers::{self, Ledgers},
    limits::Limits,
    live::{self, LiveDesk},
    privacy,
    receipts::Receipts,
    regrading,
    retention::{self, Retention},
    router,
    school::SchoolView,
    store::{
        self, Committed, Store, StoreError, attempts, hub_meta, inspection, notices, school as school_rows,
        users,
    },
    telemetry, upkeep,
};

/// How long a stop waits for requests that are being answered.
const DRAIN: Duration = Duration::from_secs(5);
/// Answers whose hashes are checked at each start: the tail, where a bad write would be.
const CHECKED_TAIL: u32 = 2_000;
/// A clock that lies further back than this has been set back, not corrected.
const SET_BACK: jiff::SignedDuration = jiff::SignedDuration::from_mins(5);

/// What every request may use.
pub struct Ctx {
    pub config: Config,
    pub clock: Arc<dyn Clock>,
    pub store: Store,
    pub school: SchoolView,
    pub auth: Auth,
    pub engine: Arc<dyn Engine>,
    pub live: LiveDesk,
    pub feedback: FeedbackDesk,
    pub metrics: PrometheusHandle,
    /// Cancelled when the hub stops: streams end, workers finish.
    pub stopping: CancellationToken,
    /// Where the listener is bound.
    pub address: SocketAddr,
    pub started_at: Timestamp,
    pub limits: Limits,
    pub api_keys: ApiKeys,
    pub discovery: Discovery,
    pub audit: AuditWatch,
    pub disk: DiskWatch,
    pub retention: Retention,
    pub sheets: RecentSheets,
    pub receipts: Receipts,
    pub high_mark: HighMarkFiles,
    pub ledgers: Ledgers,
    /// Held while an epoch begins and everybody is signed out.
    pub epoch_turn: tokio::sync::Mutex<()>,
    pub devices: Devices,
    pub delivery: DeliveryDesk,
    pub backup: BackupDesk,
}

impl Ctx {
    /// What anyone may know; staff may sign in from this machine only, until there is TLS.
    pub fn describe(&self, peer: Peer) -> HubInfo {
        let school = self.school.get();
        HubInfo {
            hub_id: school.hub.hub_id,
            school_name: school.hub.school_name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            needs_setup: !school.has_accounts,
            staff_sign_in: auth::is_private(peer),
            time_zone: school.hub.time_zone.iana_name().unwrap_or("UTC").to_owned(),
            languages: vec![Language::Ko, Language::En],
            server_time: self.clock.now(),
        }
    }
}

/// A hub that serves until it is stopped.
pub struct Hub {
    pub ctx: Arc<Ctx>,
    server: axum_server::Handle<SocketAddr>,
    vital: tokio::task::JoinSet<&'static str>,
}

impl Hub {
    /// Opens the data folder, starts the workers and serves; the listener is bound when this returns.
    ///
    /// # Errors
    /// A port in use, a data folder that cannot be written, a database that is damaged or newer: each says what to do.
    pub async fn start(
        config: Config,
        clock: Arc<dyn Clock>,
        engine: Arc<dyn Engine>,
    ) -> anyhow::Result<Hub> {
        let listener = bind(config.bind())?;
        make_folder(&config.data)?;
        let disk = DiskWatch::begin(&config);
        let live = LiveDesk::default();
        let now = clock.now();
        let ready = {
            let data = config.data.clone();
            let checked =
                tokio::task::spawn_blocking(move || boot_check::make_ready(&data, boot_check::BUDGET, now));
            checked.await?.map_err(explain_boot)?
        };
        check_keys(&config.data).map_err(explain_store)?;
        let pending = Arc::new(Notify::new());
        let store = {
            let (live, pending) = (live.clone(), Arc::clone(&pending));
            let first = hub_meta::FirstStart { now, time_zone: config.time_zone.clone() };
            let path = store::database_path(&config.data);
            let marks = high_mark::other_folders(&config);
            let tell = move |committed: Vec<Committed>| {
                ledgers::see(&pending, &committed);
                live.publish(committed);
            };
            Store::open_beside(&path, &first, &marks, tell).map_err(explain_store)?
        };
        let mut started =
            Hub::open(config, clock, engine, &store, (live, disk, pending), listener, now).await;
        if let (Ok(hub), Ready::SoFar) = (&mut started, &ready) {
            let checked = Arc::clone(&hub.ctx);
            hub.vital.spawn(async move {
                boot_check::check_beside(checked).await;
                "the check of the database"
            });
        }
        if started.is_err() {
            // A refused start gives the data folder back before it says why.
            store.close().await;
        }
        started
    }

    async fn open(
        config: Config,
        clock: Arc<dyn Clock>,
        engine: Arc<dyn Engine>,
        store: &Store,
        (live, disk, pending): (LiveDesk, DiskWatch, Arc<Notify>),
        listener: TcpListener,
        now: Timestamp,
    ) -> anyhow::Result<Hub> {
        let high_mark = HighMarkFiles::begin(store, &config, now).await.map_err(explain_store)?;
        check_record(store, now).await?;
        privacy::erasure::replay(store, &config.data, now).await?;
        ledgers::bring_together(store, &config.data).await?;
        load_starter_problems(store, now).await?;
        feedback::worker::recover(store, now).await?;
        let school = SchoolView::load(store).await?;
        let auth = Auth::open(&config.data, store, &config.sign_in, now).await?;
        let api_keys = ApiKeys::load(store).await?;
        let devices = Devices::open(&config.data, store, school.get().hub.hub_id).await?;
        let ctx = Arc::new(Ctx {
            feedback: FeedbackDesk::new(config.tutor.parallel),
            metrics: telemetry::recorder()?,
            stopping: CancellationToken::new(),
            address: listener.local_addr()?,
            started_at: now,
            limits: Limits::new(&config.limits),
            api_keys,
            discovery: Discovery::new(&config),
            audit: AuditWatch::default(),
            disk,
            retention: Retention::default(),
            sheets: RecentSheets::default(),
            receipts: store.receipts().clone(),
            high_mark,
            ledgers: Ledgers::new(&config.data, pending),
            epoch_turn: tokio::sync::Mutex::default(),
            devices,
            delivery: DeliveryDesk::default(),
            backup: BackupDesk::default(),
            config,
            clock,
            store: store.clone(),
            school,
            auth,
            engine,
            live,
        });
        regrading::settle_all(&ctx).await;
        Hub::serve(ctx, listener)
    }

    fn serve(ctx: Arc<Ctx>, listener: TcpListener) -> anyhow::Result<Hub> {
        let handle = axum_server::Handle::new();
        let mut server = axum_server::from_tcp(listener)?
            .acceptor(axum_server::accept::NoDelayAcceptor::new())
            .handle(handle.clone())
            // Else a connection that sends nothing is asked for its protocol for ever, before any time limit.
            .http1_only();
        // Half a header, sent slowly, must not hold a connection for ever; axum-server's own default is no limit.
        let headers = Duration::from_secs(ctx.config.http.header_timeout_secs);
        server.http_builder().http1().header_read_timeout(headers).keep_alive(true);
        let service = router::build(Arc::clone(&ctx)).into_make_service_with_connect_info::<SocketAddr>();

        let mut vital = tokio::task::JoinSet::new();
        vital.spawn(async move {
            if let Err(err) = server.serve(service).await {
                tracing::error!(error = %err, "the listener failed");
            }
            "the listener"
        });
        let desk = Arc::clone(&ctx);
        vital.spawn(async move {
            feedback::worker::run(desk).await;
            "the feedback worker"
        });
        let writer = ctx.store.clone();
        vital.spawn(async move {
            writer.ended().await;
            "the database writer"
        });
        let sessions = Arc::clone(&ctx);
        vital.spawn(async move {
            auth::sessions::keep_until_stopped(sessions).await;
            "the session keeper"
        });
        let pulse = Arc::clone(&ctx);
        vital.spawn(async move {
            live::pulse::run(pulse).await;
            "the pulse"
        });
        let watch = Arc::clone(&ctx);
        vital.spawn(async move {
            watch_engine(watch).await;
            "the engine watch"
        });
        let announced = Arc::clone(&ctx);
        vital.spawn(async move {
            discovery::announce_until_stopped(announced).await;
            "the announcement on the network"
        });
        let kept = Arc::clone(&ctx);
        vital.spawn(async move {
            upkeep::keep_until_stopped(kept).await;
            "the upkeep"
        });
        let watched = Arc::clone(&ctx);
        vital.spawn(async move {
            disk::watch_until_stopped(watched).await;
            "the watch on the disk"
        });
        let retained = Arc::clone(&ctx);
        vital.spawn(async move {
            retention::keep_until_stopped(retained).await;
            "the retention"
        });
        let marked = Arc::clone(&ctx);
        vital.spawn(async move {
            high_mark::keep_until_stopped(marked).await;
            "the keeper of the high mark"
        });
        let noted = Arc::clone(&ctx);
        vital.spawn(async move {
            ledgers::keep_until_stopped(noted).await;
            "the keeper of the ledgers"
        });
        let backed_up = Arc::clone(&ctx);
        vital.spawn(async move {
            backup::schedule::keep_until_stopped(backed_up).await;
            "the backups"
        });
        Ok(Hub { ctx, server: handle, vital })
    }

    /// Where the hub listens.
    pub fn address(&self) -> SocketAddr {
        self.ctx.address
    }

    /// Returns when a part that the hub cannot do without has ended by itself, with its name.
    pub async fn failed(&mut self) -> &'static str {
        match self.vital.join_next().await {
            Some(Ok(name)) => name,
            Some(Err(err)) => {
                tracing::error!(error = %err, "a vital part of the hub panicked");
                "a part of the hub"
            }
            None => "everything",
        }
    }

    /// Stops: no new requests, streams end, what was acknowledged is on the disk, the log is folded into the database.
    pub async fn stop(mut self) {
        self.ctx.stopping.cancel();
        self.server.graceful_shutdown(Some(DRAIN));
        if let Err(err) = auth::sessions::keep(&self.ctx).await {
            tracing::warn!(error = %err, "the times of the sessions could not be kept");
        }
        if let Err(err) = self.ctx.api_keys.keep_used(&self.ctx.store).await {
            tracing::warn!(error = %err, "the times of the keys of programs could not be kept");
        }
        if let Err(err) = self.ctx.devices.keep_seen(&self.ctx.store).await {
            tracing::warn!(error = %err, "the times of the devices could not be kept");
        }
        // All but the writer: what the workers put back at the end must still be written.
        let ended = async { while self.vital.len() > 1 && self.vital.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN + Duration::from_secs(1), ended).await.is_err() {
            tracing::warn!("some requests were cut off at the stop");
        }
        if self.ctx.disk.stage() == disk::DiskStage::ReadOnly {
            // The log needs room to be folded in.
            self.ctx.disk.give_up_ballast();
        }
        self.ctx.store.close().await;
        // Nothing is acknowledged any more: from here the mark is exact.
        self.ctx.high_mark.keep(&self.ctx.store);
        let _ = tokio::time::timeout(DRAIN, async { while self.vital.join_next().await.is_some() {} }).await;
    }
}

fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).with_context(|| {
        format!(
            "포트 {0}을(를) 열 수 없어요. 다른 허브가 이미 실행 중이면 그것을 쓰거나 --port로 다른 번호를 주세요.\n\
             Port {0} cannot be opened. If another hub is running, use that one, or choose another port with --port.",
            address.port()
        )
    })?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Makes the data folder, for the hub's own user only.
fn make_folder(path: &Path) -> anyhow::Result<()> {
    let build = || -> std::io::Result<()> {
        if path.is_dir() {
            return Ok(());
        }
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path)
    };
    build().with_context(|| {
        format!(
            "데이터 폴더 {0}을(를) 쓸 수 없어요. 폴더의 권한과 디스크를 확인하세요.\n\
             The data folder {0} cannot be used. Check its permissions and the disk.",
            path.display()
        )
    })
}

/// Refuses a school whose keys are lost before anything is made anew or written: with a new key of receipts the hub would take
/// its own high mark for another's, and begin an epoch.
fn check_keys(data: &Path) -> Result<(), StoreError> {
    let database = store::database_path(data);
    // What keeps it from being read is for whoever opens it to say.
    let Ok(conn) = inspection::open_for_reading(&database) else { return Ok(()) };
    let has_users = users::has_any(&conn).unwrap_or(false);
    Ok(keys::check_pepper(data, has_users)?)
}

fn explain_boot(err: BootError) -> anyhow::Error {
    match err {
        BootError::Store(err) => explain_store(err),
        // Each says it in both languages.
        err @ (BootError::NoCopy { .. }
        | BootError::NotPlaced { .. }
        | BootError::InVain { .. }
        | BootError::CutOff(_)
        | BootError::Io(_)) => anyhow::Error::new(err),
    }
}

fn explain_store(err: StoreError) -> anyhow::Error {
    // They name the file and say what to do, in both languages.
    if let StoreError::Key(err @ (KeyError::Malformed { .. } | KeyError::PepperMissing { .. })) = err {
        return anyhow::Error::new(err);
    }
    let (ko, en) = match &err {
        StoreError::Newer { .. } => (
            "데이터가 더 새로운 허브로 만들어졌어요. 그 버전의 허브로 여세요. 데이터는 그대로 두었어요.",
            "The data was written by a newer hub. Open it with that version. Nothing was changed.",
        ),
        StoreError::Foreign => (
            "hub.db가 드림시드 데이터베이스가 아니에요. --data로 다른 폴더를 주세요.",
            "hub.db is not a DreamSeed database. Give another folder with --data.",
        ),
        StoreError::Damaged(_) => (
            "데이터베이스가 손상되었어요. hub.db와 hub.db-wal을 복사해 두고 백업에서 되살리세요.",
            "The database is damaged. Put hub.db and hub.db-wal aside and restore a backup.",
        ),
        StoreError::InUse => (
            "다른 허브가 이 데이터 폴더를 쓰고 있어요. 그 허브를 쓰거나 --data로 다른 폴더를 주세요.",
            "Another hub is working with this data folder. Use that hub, or give another folder with --data.",
        ),
        StoreError::DiskFull => (
            "디스크가 가득 찼어요. 공간을 비운 뒤 다시 시작하세요.",
            "The disk is full. Free space, then start again.",
        ),
        StoreError::Key(_) => (
            "열쇠 파일을 쓸 수 없어요. 데이터 폴더의 keys와 그 안의 파일이 허브 사용자의 것인지 확인하세요.",
            "A key file cannot be used. Check that the hub's user owns `keys` in the data folder and the files in it.",
        ),
        StoreError::ReadOnly(_) | StoreError::Io(_) => (
            "데이터 폴더에 쓸 수 없어요. 폴더의 권한과 디스크를 확인하세요.",
            "The data folder cannot be written. Check its permissions and the disk.",
        ),
        StoreError::DiskFails(_) => (
            "디스크를 읽거나 쓸 수 없습니다. 디스크가 고장 났을 수 있습니다. docs/recovery.md의 순서대로 다른 PC나 디스크에 되살리세요.",
            "The disk cannot be read or written; it may be failing. Restore onto another PC or disk as docs/recovery.md says.",
        ),
        StoreError::Closed
        | StoreError::Busy
        | StoreError::Taken(_)
        | StoreError::BadValue { .. }
        | StoreError::Sqlite(_) => ("데이터베이스를 열 수 없어요.", "The database cannot be opened."),
    };
    anyhow::Error::new(err).context(format!("{ko}\n{en}"))
}

/// Looks at what the last run left: answers whose hash does not fit, rows that cannot be read, a clock that was set back.
async fn check_record(store: &Store, now: Timestamp) -> anyhow::Result<()> {
    let (damaged, unreadable, last_seen) = store
        .read(|conn| {
            let damaged = attempts::find_damaged(conn, CHECKED_TAIL)?;
            Ok::<_, StoreError>((damaged, school_rows::find_unreadable(conn)?, hub_meta::last_seen(conn)?))
        })
        .await?;
    if let Some(first) = damaged.first() {
        tracing::error!(
            rows = damaged.len(),
            hub_seq = first,
            "answers do not fit their hashes; the hub serves all that is there"
        );
    }
    let rows: u32 = unreadable.iter().map(|(_, count)| count).sum();
    let is_damaged = !damaged.is_empty() || rows > 0;
    let found = is_damaged.then(|| serde_json::json!({ "answers": damaged.len(), "rows": rows }));
    let set_back = now < last_seen - SET_BACK;
    if set_back {
        tracing::warn!(last_seen = %last_seen, "the clock was set back; answers are ordered by number, not by time");
    }
    store
        .write(move |tx| {
            if set_back {
                let data = serde_json::json!({ "last_seen": last_seen.to_string() });
                notices::raise(tx, NoticeCode::ClockSetBack, &data, now)?;
            }
            if let Some(found) = found {
                notices::raise_once(tx, NoticeCode::RecordDamaged, &found, now)?;
            }
            hub_meta::see_time(tx, now)
        })
        .await?;
    Ok(())
}

async fn load_starter_problems(store: &Store, now: Timestamp) -> anyhow::Result<()> {
    let drafts = content_pack::starter_problems()?;
    match store.write(move |tx| content_pack::load(tx, &drafts, now)).await {
        Ok(0) => Ok(()),
        Ok(changed) => {
            tracing::info!(changed, "loaded starter problems");
            Ok(())
        }
        Err(err) if err.is_fatal() => Err(err.into()),
        // Such as rows that bits flipped in: a lesson can be held with the problems that are there.
        Err(err) => {
            let err: StoreError = err;
            tracing::error!(error = %err, "the starter problems could not be brought up to date");
            Ok(())
        }
    }
}

/// Tells the admin when the engine rests, and remembers the time now and then against a clock set back.
async fn watch_engine(ctx: Arc<Ctx>) {
    let mut status = ctx.engine.status();
    let mut minute = tokio::time::interval(Duration::from_secs(60));
    loop {
        let resting = tokio::select! {
            () = ctx.stopping.cancelled() => return,
            changed = status.changed() => {
                if changed.is_err() {
                    ctx.stopping.cancelled().await;
                    return;
                }
                status.borrow_and_update().phase == EnginePhase::Resting
            }
            _ = minute.tick() => false,
        };
        let now = ctx.clock.now();
        let kept = ctx
            .store
            .write(move |tx| {
                if resting {
                    notices::raise(tx, NoticeCode::EngineResting, &serde_json::Value::Null, now)?;
                }
                hub_meta::see_time(tx, now)
            })
            .await;
        if let Err(err) = kept {
            let err: StoreError = err;
            tracing::warn!(error = %err, "the hub's time could not be kept");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_key_file_is_named_before_anything_else() {
        let file = Path::new("/srv/data/keys/receipt.key").to_owned();
        let said =
            format!("{:#}", explain_store(StoreError::Key(KeyError::Malformed { file: file.clone() })));
        let first = said.lines().next().expect("a line");
        assert!(first.contains("receipt.key") && first.contains("손상"), "{said}");
        assert!(
            !said.contains("데이터 폴더에 쓸 수 없어요") && !said.contains("cannot be written"),
            "{said}"
        );
        let source = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        let said = format!("{:#}", explain_store(StoreError::Key(KeyError::Io { file, source })));
        assert!(said.starts_with("열쇠 파일") && said.contains("receipt.key"), "{said}");
    }
}
