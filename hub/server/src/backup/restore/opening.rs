//! Opens all targets at once, and waits for none of them longer than a school can.

use std::{
    fs,
    path::Path,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use dreamseed_sync::{Repository, SnapshotInfo, SyncError};
use jiff::Timestamp;

use super::{
    Found, RestoreError, RestorePlan, RestoreStep, Restored, SENT_TARGETS, choosing::whole, io_at, ledgers,
};
use crate::backup::{
    password::{self, Password},
    targets::{self, Target, Targets},
};

/// How long any target is waited for, such as a NAS whose mount hangs.
const LONGEST_WAIT: Duration = Duration::from_secs(600);
/// How old a folder's newest backup may be for a cloud not to be waited for any longer.
pub(super) const FRESH: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// All targets that are known.
#[derive(Default)]
pub(super) struct There {
    pub(super) opened: Vec<Opened>,
    pub(super) failed: Vec<(Target, RestoreError)>,
}

/// A target that answers.
pub(super) struct Opened {
    pub(super) target: Target,
    pub(super) repository: Repository,
    pub(super) snapshots: Vec<SnapshotInfo>,
}

impl There {
    /// Opens at once all targets that were not asked yet. A thread that is not waited for any longer ends by its own time-outs.
    /// With `fresh`, a time and a wait, no longer than that wait if a folder has a backup of the last [`FRESH`] before it.
    pub(super) fn open_all(
        &mut self,
        targets: Vec<Target>,
        password: &Password,
        cache: &Path,
        fresh: Option<(Timestamp, Duration)>,
    ) {
        let (tell, told) = mpsc::channel();
        let mut waiting: Vec<Target> = Vec::new();
        for target in targets {
            let is_open = self.opened.iter().any(|one| one.target.place == target.place);
            if is_open || waiting.contains(&target) || self.failed.iter().any(|(one, _)| *one == target) {
                continue;
            }
            // Only its keys are others now.
            self.failed.retain(|(one, _)| one.place != target.place);
            let (tell, password, asked) = (tell.clone(), password.clone(), target.clone());
            let own_cache = cache.to_owned();
            let ask = move || {
                let there = open(&asked, &password, &own_cache);
                // Nobody waits for it any more.
                let _ = tell.send((asked, there));
            };
            match thread::Builder::new().name("backup-target".into()).spawn(ask) {
                Ok(_) => waiting.push(target),
                Err(source) => {
                    self.failed.push((target, RestoreError::Io { path: cache.to_owned(), source }));
                }
            }
        }
        drop(tell);
        let begun = Instant::now();
        while !waiting.is_empty() {
            let has_fresh =
                |now| self.opened.iter().any(|one| one.target.is_folder() && has_fresh(&one.snapshots, now));
            let wait = match fresh {
                Some((now, wait)) if has_fresh(now) => wait,
                Some(_) | None => LONGEST_WAIT,
            };
            let Ok((target, answer)) = told.recv_timeout(wait.saturating_sub(begun.elapsed())) else { break };
            waiting.retain(|one| *one != target);
            match answer {
                Ok((repository, snapshots)) => self.opened.push(Opened { target, repository, snapshots }),
                Err(err) => self.failed.push((target, err)),
            }
        }
        // What does not answer is not waited for any longer.
        for target in waiting {
            let source = SyncError::Unreachable { location: target.name.clone(), detail: "no answer".into() };
            let err = RestoreError::Target { name: target.name.clone(), source };
            self.failed.push((target, err));
        }
    }

    pub(super) fn tell_failed(&self, progress: &dyn Fn(RestoreStep<'_>)) {
        for (target, err) in &self.failed {
            progress(RestoreStep::PassedOver { target, err });
        }
    }

    /// Describes what was found, with the ledgers of every target brought into its folder `chosen`, and those of the data folder
    /// `beside`.
    pub(super) fn put_ledgers_on_top(
        &self,
        found: Found,
        (chosen, work): (&Path, &Path),
        beside: Option<&Path>,
    ) -> Result<Restored, RestoreError> {
        let sources: Vec<_> = self
            .opened
            .iter()
            .map(|one| (one.target.name.as_str(), &one.repository, one.snapshots.as_slice()))
            .collect();
        let top = ledgers::put_on_top(&sources, &found.info, (chosen, work), beside).map_err(io_at(work))?;
        let mut done = found.describe();
        done.ledgers_at = top.newer_at;
        done.ledgers_unseen = self.failed.iter().map(|(target, _)| target.name.clone()).collect();
        done.ledgers_unseen.extend(top.unread);
        if !done.ledgers_unseen.is_empty() {
            tracing::warn!(
                targets = ?done.ledgers_unseen,
                "these targets could not be read; erasures, withdrawn consents and revoked devices that only they tell of have not been applied again"
            );
        }
        Ok(done)
    }

    /// What the targets have that `may` be taken, as [`super::choosing::rank`] takes it.
    pub(super) fn offers(&self, may: impl Fn(&Opened) -> bool) -> Vec<(bool, Vec<&SnapshotInfo>)> {
        let list = |one| if may(one) { whole(&one.snapshots) } else { Vec::new() };
        self.opened.iter().map(|one| (one.target.is_folder(), list(one))).collect()
    }
}

/// Opens the targets of a plan; an error if there is none that the school can come from.
pub(super) fn open_by(
    plan: &RestorePlan,
    cache: &Path,
    progress: &dyn Fn(RestoreStep<'_>),
) -> Result<There, RestoreError> {
    progress(RestoreStep::Opening);
    let mut there = There::default();
    there.open_all(plan.targets.clone(), &plan.password, cache, None);
    if !there.opened.iter().any(|one| plan.may_come_from(&one.target))
        && let Some(at) = there.failed.iter().position(|(target, _)| plan.may_come_from(target))
    {
        let (_, err) = there.failed.remove(at);
        there.tell_failed(progress);
        return Err(err);
    }
    there.tell_failed(progress);
    Ok(there)
}

/// The targets that this machine knows, or else the snapshot in `chosen`: their ledgers count too, though nobody named them.
pub(super) fn find_more_targets(data: Option<&Path>, chosen: &Path, password: &Password) -> Vec<Target> {
    // On the same machine its own file of targets is newer than any backup of it.
    if let Some(data) = data
        && is_own_password(data, password)
        && targets::file_of(data).exists()
    {
        return Targets::load(data).map(|own| own.list).unwrap_or_default();
    }
    let text = fs::read_to_string(chosen.join(SENT_TARGETS)).unwrap_or_default();
    Targets::read(&text).map(|sent| sent.list).unwrap_or_default()
}

pub(super) fn is_own_password(data: &Path, password: &Password) -> bool {
    password::read(data).is_ok_and(|own| own.as_ref() == Some(password))
}

pub(super) fn open(
    target: &Target,
    password: &Password,
    cache: &Path,
) -> Result<(Repository, Vec<SnapshotInfo>), RestoreError> {
    let failed = |source: SyncError| {
        let name = target.name.clone();
        if matches!(source, SyncError::NoBackups { .. }) {
            return RestoreError::NoSnapshots { name };
        }
        RestoreError::Target { name, source }
    };
    let repository = target.open(password, cache).map_err(failed)?;
    let snapshots = repository.snapshots().map_err(failed)?;
    if snapshots.is_empty() {
        return Err(RestoreError::NoSnapshots { name: target.name.clone() });
    }
    Ok((repository, snapshots))
}

fn has_fresh(snapshots: &[SnapshotInfo], now: Timestamp) -> bool {
    whole(snapshots).iter().any(|snapshot| now.duration_since(snapshot.time).abs() < FRESH)
}
