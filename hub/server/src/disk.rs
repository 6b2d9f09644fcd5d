//! What the hub does while its disk fills up: less and less is taken, and reading goes on to the end.
//!
//! The free space is looked at every few seconds and whenever a write meets a full disk. A ballast file lies in the data
//! folder: it is given up at a full disk, so that what is in the log can be folded into the database and the hub stop
//! cleanly; it is made again when there is room. While it is away its size counts as not free, so that the room that it
//! left is not taken for space. Everything recovers by itself.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{Method, StatusCode},
    middleware::Next,
    response::Response,
};
use dreamseed_wire::{authoring::ProblemDraft, hub::NoticeCode, hub::ProblemCode};
use serde_json::json;

use crate::{
    api::problem::ApiError,
    config::{Config, DiskConfig, DiskLimit},
    doctor::{DiskSpace, disk_space},
    hub::Ctx,
    store::{StoreError, notices},
};

/// Its name in the data folder.
const BALLAST_FILE: &str = "ballast";
/// A stage is left again only when this part of its limit is free beyond it, so that it is not entered and left by turns.
const BEYOND: u64 = 8;
/// When a refused client should try again: the next look, and a little.
const RETRY_SECS: u32 = 10;
const MEGABYTE: u64 = 1_000_000;
const PIECE: usize = 1 << 20;

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DiskStage {
    Ample,
    /// No lists, files of problems, or problems with figures.
    NoUploads,
    /// Nor are texts of the AI kept.
    NoAiTexts,
    /// Nothing is taken but what frees space, sign-ins, and the lines that reading leaves in the audit log.
    ReadOnly,
}

impl DiskStage {
    const ALL: [DiskStage; 4] =
        [DiskStage::Ample, DiskStage::NoUploads, DiskStage::NoAiTexts, DiskStage::ReadOnly];
}

/// The hub's eye on its disk.
pub struct DiskWatch {
    data: PathBuf,
    config: DiskConfig,
    stage: AtomicU8,
}

impl DiskWatch {
    /// Looks at the disk for the first time, before the database is opened: if it is full, the ballast goes, so that the
    /// start itself has room.
    pub fn begin(config: &Config) -> Self {
        let watch =
            DiskWatch { data: config.data.clone(), config: config.disk.clone(), stage: AtomicU8::new(0) };
        watch.look();
        if watch.stage() == DiskStage::ReadOnly {
            watch.give_up_ballast();
        } else {
            watch.make_ballast();
        }
        watch
    }

    /// How far it has come, as of the last look.
    pub fn stage(&self) -> DiskStage {
        DiskStage::ALL.get(usize::from(self.stage.load(Relaxed))).copied().unwrap_or(DiskStage::Ample)
    }

    /// Whether texts of the AI are kept.
    pub fn keeps_ai_texts(&self) -> bool {
        self.stage() < DiskStage::NoAiTexts
    }

    /// Whether there is room for a line in the audit log, and for the clean stop after it: half of the ballast's room, whether
    /// the ballast still holds it or has been given up for it.
    pub fn has_reserve(&self) -> bool {
        let ballast = self.ballast_size();
        let held = ballast.saturating_sub(self.missing_ballast());
        disk_space(&self.data).is_none_or(|space| space.free_bytes.saturating_add(held) >= ballast / 2)
    }

    /// Refuses a draft with a figure while there is little space.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`].
    pub fn check_draft(&self, draft: &ProblemDraft) -> Result<(), StoreError> {
        if draft.figure.is_some() && self.stage() >= DiskStage::NoUploads {
            return Err(StoreError::DiskFull);
        }
        Ok(())
    }

    /// Deletes the ballast, if it is there.
    pub fn give_up_ballast(&self) {
        match fs::remove_file(self.ballast()) {
            Ok(()) => tracing::warn!("the disk is full; the ballast has been given up"),
            Err(err) if err.kind() == io::ErrorKind::NotFound => {}
            Err(err) => tracing::error!(error = %err, "the disk is full and the ballast cannot be given up"),
        }
    }

    fn ballast(&self) -> PathBuf {
        self.data.join(BALLAST_FILE)
    }

    fn ballast_size(&self) -> u64 {
        self.config.ballast_megabytes * MEGABYTE
    }

    fn missing_ballast(&self) -> u64 {
        let there = fs::metadata(self.ballast()).map_or(0, |file| file.len());
        self.ballast_size().saturating_sub(there)
    }

    /// Looks at the disk; true if the stage has changed.
    fn look(&self) -> bool {
        let Some(space) = disk_space(&self.data) else { return false };
        let free = space.free_bytes.saturating_sub(self.missing_ballast());
        let (before, space) = (self.stage(), DiskSpace { free_bytes: free, ..space });
        let stage = judge(&self.config, space, before);
        self.stage.store(stage as u8, Relaxed);
        stage != before
    }

    /// Makes the ballast again if there is room for it and what is left free beside it.
    fn make_ballast(&self) {
        let missing = self.missing_ballast();
        if missing == 0 {
            return;
        }
        let room = disk_space(&self.data).is_some_and(|space| {
            let left = space.free_bytes.saturating_sub(missing);
            judge(&self.config, DiskSpace { free_bytes: left, ..space }, DiskStage::ReadOnly)
                < DiskStage::ReadOnly
        });
        if !room {
            return;
        }
        if let Err(err) = write_ballast(&self.ballast(), self.ballast_size()) {
            tracing::warn!(error = %err, "the ballast file could not be made");
            let _ = fs::remove_file(self.ballast());
        }
    }
}

/// Looks at the disk until the hub stops.
pub async fn watch_until_stopped(ctx: Arc<Ctx>) {
    let mut tick = tokio::time::interval(Duration::from_secs(ctx.config.disk.watch_secs.max(1)));
    let mut told = DiskStage::Ample;
    loop {
        let is_full = tokio::select! {
            () = ctx.stopping.cancelled() => return,
            _ = tick.tick() => false,
            () = ctx.store.met_full_disk() => true,
        };
        let changed = ctx.disk.look();
        let stage = ctx.disk.stage();
        if is_full || (changed && stage == DiskStage::ReadOnly) {
            ctx.disk.give_up_ballast();
            // With the room that it left: else the log could only grow.
            if let Err(err) = ctx.store.fold_log().await {
                tracing::warn!(error = %err, "the log could not be folded into the database");
            }
            ctx.disk.look();
        } else if stage < DiskStage::ReadOnly {
            ctx.disk.make_ballast();
        }
        if changed {
            tracing::warn!(?stage, "the free space of the disk has changed what the hub takes");
        }
        let stage = ctx.disk.stage();
        if stage != told && tell(&ctx, stage).await.is_ok() {
            told = stage;
        }
    }
}

/// Tells the admin, or takes the notice back.
async fn tell(ctx: &Ctx, stage: DiskStage) -> Result<(), StoreError> {
    let now = ctx.clock.now();
    ctx.store
        .write(move |tx| match stage {
            DiskStage::Ample => notices::withdraw(tx, NoticeCode::DiskLow, now),
            DiskStage::NoUploads | DiskStage::NoAiTexts | DiskStage::ReadOnly => {
                notices::raise(tx, NoticeCode::DiskLow, &json!({}), now)
            }
        })
        .await
}

/// Refuses what there is no space for; stands behind the rights, so that strangers learn nothing of it.
pub async fn check(State(ctx): State<Arc<Ctx>>, request: Request, next: Next) -> Result<Response, ApiError> {
    let stage = ctx.disk.stage();
    if stage == DiskStage::Ample || request.method().is_safe() {
        return Ok(next.run(request).await);
    }
    let matched = request.extensions().get::<MatchedPath>();
    let route = matched.map_or("", MatchedPath::as_str).trim_start_matches("/api/v1");
    let route = (request.method(), route);
    if stage == DiskStage::ReadOnly && is_noted_reading(route) {
        // A file of what is there, and a line that says who took it: the reserve is for such lines.
        return if ctx.disk.has_reserve() {
            Ok(next.run(request).await)
        } else {
            Err(refuse_noted_reading())
        };
    }
    if is_upload(route) || (stage == DiskStage::ReadOnly && !goes_on(route)) {
        return Err(refuse(stage));
    }
    Ok(next.run(request).await)
}

fn refuse(stage: DiskStage) -> ApiError {
    let detail = match stage {
        DiskStage::Ample | DiskStage::NoUploads | DiskStage::NoAiTexts => {
            "The hub's disk has little space left: lessons go on, but no files are taken."
        }
        DiskStage::ReadOnly => {
            "The hub's disk is nearly full: it shows what it has but takes nothing new. What was kept is safe."
        }
    };
    ApiError::new(StatusCode::INSUFFICIENT_STORAGE, ProblemCode::DiskFull, detail)
        .hint("Tell the admin to free space; the hub goes on by itself then, and an answer on this device is sent again.")
        .retry_after(RETRY_SECS)
}

fn refuse_noted_reading() -> ApiError {
    let detail = "The hub's disk is full: the file cannot be given, since there is no room left for the line in the audit log \
                  that says who took it. What is shown on the screen goes on.";
    ApiError::new(StatusCode::INSUFFICIENT_STORAGE, ProblemCode::DiskFull, detail)
        .hint("Tell the admin to free space; then the file can be saved at once.")
        .retry_after(RETRY_SECS)
}

/// What gives a file of what is there; all that it writes is its line in the audit log.
fn is_noted_reading((method, route): (&Method, &str)) -> bool {
    const READINGS: [&str; 4] =
        ["/classes/{class_id}/exports", "/pupils/{user_id}/export", "/problems/export", "/audit/export"];
    method == Method::POST && READINGS.contains(&route)
}

fn is_upload((method, route): (&Method, &str)) -> bool {
    method == Method::POST && ["/rosters", "/problems/import"].contains(&route)
}

/// What a full disk does not stop: signing in and out to read, what only looks, and what frees space.
fn goes_on((method, route): (&Method, &str)) -> bool {
    const POSTS: [&str; 11] = [
        "/roster",
        "/sessions",
        "/sessions/refresh",
        "/problems/try",
        "/devices/{device_id}/lacking",
        "/problems/import/preview",
        "/problems/{problem_id}/regrades/preview",
        "/rosters/preview",
        "/rollovers/preview",
        "/retention/run",
        "/pupils/{user_id}/erasure",
    ];
    const OTHERS: [&str; 5] = [
        "/sessions/current",
        "/me/sessions/{session_id}",
        "/users/{user_id}/sessions",
        "/notices/{notice_id}",
        "/retention/{kind}",
    ];
    if method == Method::POST { POSTS.contains(&route) } else { OTHERS.contains(&route) }
}

/// Where a disk stands; `before` holds a stage a little longer than its limit.
fn judge(config: &DiskConfig, space: DiskSpace, before: DiskStage) -> DiskStage {
    let is_in = |stage: DiskStage, limit: DiskLimit| {
        let limit = bytes(limit, space.total_bytes);
        let limit = if before >= stage { limit + limit / BEYOND } else { limit };
        space.free_bytes < limit
    };
    if is_in(DiskStage::ReadOnly, config.writes) {
        DiskStage::ReadOnly
    } else if is_in(DiskStage::NoAiTexts, config.ai_texts) {
        DiskStage::NoAiTexts
    } else if is_in(DiskStage::NoUploads, config.uploads) {
        DiskStage::NoUploads
    } else {
        DiskStage::Ample
    }
}

/// A limit on a disk of `total` bytes, in bytes.
pub fn bytes(limit: DiskLimit, total: u64) -> u64 {
    let share = total / 100 * u64::from(limit.percent);
    share.min(limit.max_megabytes * MEGABYTE).max(limit.min_megabytes * MEGABYTE)
}

/// A file whose blocks are really taken, readable by the hub only.
fn write_ballast(path: &Path, size: u64) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    if take_blocks(&file, size) {
        return file.sync_all();
    }
    let piece = vec![0x5a_u8; PIECE];
    let mut left = size;
    while left > 0 {
        let now = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
        file.write_all(piece.get(..now).unwrap_or(&piece))?;
        left -= now as u64;
    }
    file.sync_all()
}

/// Takes the blocks at once where the file system can; else they are written.
#[cfg(target_os = "linux")]
fn take_blocks(file: &File, size: u64) -> bool {
    rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, size).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn take_blocks(_: &File, _: u64) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIGABYTE: u64 = 1_000 * MEGABYTE;

    fn stage(total: u64, free: u64, before: DiskStage) -> DiskStage {
        let space = DiskSpace { free_bytes: free, total_bytes: total };
        judge(&Config::default().disk, space, before)
    }

    #[test]
    fn less_and_less_is_taken() {
        use DiskStage::{Ample, NoAiTexts, NoUploads, ReadOnly};
        // A small disk by its shares, never below 64 MB; a large one by the bounds.
        for (total, free, expected) in [
            (20 * GIGABYTE, 2 * GIGABYTE, Ample),
            (20 * GIGABYTE, 1_900 * MEGABYTE, NoUploads),
            (20 * GIGABYTE, 900 * MEGABYTE, NoAiTexts),
            (20 * GIGABYTE, 390 * MEGABYTE, ReadOnly),
            (GIGABYTE, 63 * MEGABYTE, ReadOnly),
            (2_000 * GIGABYTE, 100 * GIGABYTE, Ample),
            (2_000 * GIGABYTE, 4 * GIGABYTE, NoUploads),
            (2_000 * GIGABYTE, GIGABYTE, NoAiTexts),
            (2_000 * GIGABYTE, 499 * MEGABYTE, ReadOnly),
        ] {
            assert_eq!(stage(total, free, Ample), expected, "{free} of {total}");
        }
    }

    #[test]
    fn a_stage_is_left_a_little_later_than_it_is_entered() {
        let total = 20 * GIGABYTE;
        assert_eq!(stage(total, 410 * MEGABYTE, DiskStage::Ample), DiskStage::NoAiTexts);
        assert_eq!(stage(total, 410 * MEGABYTE, DiskStage::ReadOnly), DiskStage::ReadOnly);
        assert_eq!(stage(total, 460 * MEGABYTE, DiskStage::ReadOnly), DiskStage::NoAiTexts);
    }

    #[test]
    fn what_frees_space_and_what_reads_goes_on() {
        assert!(goes_on((&Method::POST, "/sessions")));
        assert!(goes_on((&Method::POST, "/retention/run")));
        assert!(!goes_on((&Method::POST, "/attempts")));
        assert!(!goes_on((&Method::PUT, "/me/password")));
        for reading in ["/classes/{class_id}/exports", "/pupils/{user_id}/export", "/audit/export"] {
            assert!(is_noted_reading((&Method::POST, reading)) && !goes_on((&Method::POST, reading)));
        }
        assert!(!is_noted_reading((&Method::POST, "/classes/{class_id}/cards")), "cards are new PINs");
        assert!(is_upload((&Method::POST, "/rosters")) && !is_upload((&Method::POST, "/rosters/preview")));
    }

    #[test]
    fn the_ballast_takes_its_blocks() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(BALLAST_FILE);
        write_ballast(&path, 3 * MEGABYTE).expect("written");
        let file = fs::metadata(&path).expect("there");
        assert_eq!(file.len(), 3 * MEGABYTE);
        #[cfg(unix)]
        assert!(std::os::unix::fs::MetadataExt::blocks(&file) * 512 >= 3 * MEGABYTE);
    }
}
