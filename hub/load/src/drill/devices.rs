//! A class of devices, each with the real outbox: what they keep, and whether the hub has it once.
//!
//! The walk: [`Fleet::enrol`] → answers are kept ([`Fleet::answer`]) whether the hub is there or not → the outboxes
//! deliver by themselves → [`Fleet::wait_until_drained`] → [`Fleet::find_faults`] asks the hub for every single answer.

use crate::{
    bench_kill::for_each,
    random::Random,
    school::{SchoolCopy, Work},
};
use anyhow::{Context, Result, bail, ensure};
use dreamseed_client::{
    Hub,
    outbox::{MachineClock, Outbox, OutboxStatus, machine::Timing},
};
use dreamseed_wire::{attempt::SubmitAnswer, ids::*};
use std::{
    collections::HashMap,
    net::SocketAddr,
    path::Path,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Devices of one hub.
pub struct Fleet {
    devices: Vec<Device>,
    work: Rc<Work>,
    // After the outboxes: their files go with it.
    folder: TempDir,
}

struct Device {
    outbox: Outbox,
    /// Of [`Work::pupils`].
    pupil: usize,
    kept: Vec<SubmitAnswer>,
}

impl Fleet {
    /// So many devices, the first pupil at the first one; their files lie below `folder`.
    pub async fn enrol(address: SocketAddr, work: Rc<Work>, count: usize, folder: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("devices-").tempdir_in(folder)?;
        let hub = Hub::new(&format!("http://{address}"))?;
        let mut devices = Vec::new();
        for number in 0..count {
            let pupil = number % work.pupils.len();
            let of_pupil = &work.pupils[pupil];
            let place = folder.path().join(number.to_string());
            std::fs::create_dir(&place)?;
            // As on a device, but that it does not wait as long: a drill is not a school day.
            let timing =
                Timing { first_wait: 100, longest_wait: 1_000, look_every: 1_000, ..Timing::default() };
            let outbox = Outbox::open_with(&place, hub.clone(), Arc::new(MachineClock::new()), timing)
                .await
                .context("opening an outbox")?;
            let session = hub.with_token(&*of_pupil.token);
            outbox.enrol(&session, &format!("drill {number}")).await.context("enrolling a device")?;
            outbox.sign_in_with(of_pupil.pupil_id, &session).await.context("a proof for a device")?;
            devices.push(Device { outbox, pupil, kept: Vec::new() });
        }
        Ok(Self { devices, work, folder })
    }

    /// Each device keeps so many answers of its pupil, all devices at once; with `pause` between two answers of one.
    pub async fn answer(&mut self, each: usize, pause: Duration, random: &mut Random) -> Result<()> {
        let work = Rc::clone(&self.work);
        let answering = self.devices.iter_mut().map(|device| {
            let (work, mut random) = (Rc::clone(&work), Random::new(random.next()));
            async move {
                for _ in 0..each {
                    let pupil = &work.pupils[device.pupil];
                    let template = work.classes[pupil.class].pick(random.next());
                    let answer = SubmitAnswer { attempt_id: AttemptId::new(), ..template.submit.clone() };
                    device.outbox.keep(pupil.pupil_id, &answer).await.context("a device keeps an answer")?;
                    device.kept.push(answer);
                    tokio::time::sleep(pause).await;
                }
                anyhow::Ok(())
            }
        });
        join_all(answering).await.into_iter().collect()
    }

    /// Answers that all devices have kept so far: each was shown to its pupil as saved.
    pub fn kept(&self) -> u64 {
        self.devices.iter().map(|device| device.kept.len() as u64).sum()
    }

    /// How many devices there are.
    pub fn len(&self) -> usize {
        self.devices.len()
    }

    /// Waits until the hub has acknowledged everything, in the epoch that is asked for; gives how long that took.
    pub async fn wait_until_drained(&self, epoch_id: Option<EpochId>, limit: Duration) -> Result<Duration> {
        let begun = Instant::now();
        for (number, device) in self.devices.iter().enumerate() {
            let mut status = device.outbox.status();
            let is_drained = |status: &OutboxStatus| {
                let is_there = epoch_id.is_none_or(|id| status.epoch.is_some_and(|seen| seen.epoch_id == id));
                status.waiting == 0 && is_there
            };
            let waited = status.wait_for(is_drained);
            let left = limit.saturating_sub(begun.elapsed());
            let drained = tokio::time::timeout(left, waited).await.map(|done| done.map(drop));
            if !matches!(drained, Ok(Ok(()))) {
                let now = device.outbox.status().borrow().clone();
                bail!("device {number} has not delivered everything within {limit:?}: {now:?}");
            }
        }
        Ok(begun.elapsed())
    }

    /// Waits until a backup covers everything, so that no device holds anything any more.
    pub async fn wait_until_covered(&self, limit: Duration) -> Result<()> {
        let begun = Instant::now();
        for device in &self.devices {
            let mut status = device.outbox.status();
            let covered = status.wait_for(|status| status.waiting == 0 && status.delivered_uncovered == 0);
            let left = limit.saturating_sub(begun.elapsed());
            ensure!(
                tokio::time::timeout(left, covered).await.is_ok(),
                "a device still holds answers though the backup was read back"
            );
        }
        Ok(())
    }

    /// Answers that the devices hold and the hub has not, or that no backup covers.
    pub fn held(&self) -> u64 {
        let of = |status: &OutboxStatus| status.waiting + status.delivered_uncovered + status.set_aside.len();
        self.devices.iter().map(|device| of(&device.outbox.status().borrow()) as u64).sum()
    }

    /// Looks every answer up, each pupil by a token of now; what is missing, differs or was refused, in words.
    pub async fn find_faults(&self, hub: &Hub, tokens: &[(UserId, String)]) -> Result<Vec<String>> {
        let tokens: HashMap<UserId, &String> = tokens.iter().map(|(pupil, token)| (*pupil, token)).collect();
        let mut faults = Vec::new();
        for device in &self.devices {
            for aside in &device.outbox.status().borrow().set_aside {
                faults.push(format!("{}: refused, {:?}", aside.attempt_id, aside.why));
            }
            let pupil_id = self.work.pupils[device.pupil].pupil_id;
            let session = hub.with_token(tokens.get(&pupil_id).context("a token of each pupil")?.as_str());
            let found = for_each(&device.kept, |kept| {
                let (session, id) = (session.clone(), kept.attempt_id);
                async move {
                    match session.attempt(id).await {
                        Ok(view) => Ok(Some(view)),
                        // Whether an answer is another's or nobody's is not told to a pupil.
                        Err(error) if [Some(403), Some(404)].contains(&error.status()) => Ok(None),
                        Err(error) => Err(error).context("looking an answer up"),
                    }
                }
            })
            .await?;
            for (kept, view) in device.kept.iter().zip(found) {
                let id = kept.attempt_id;
                match view {
                    None => faults.push(format!("{id}: kept and delivered, not there")),
                    Some(view) => {
                        let is_same = (view.pupil_id, view.problem_version_id, view.lesson_id)
                            == (pupil_id, kept.problem_version_id, kept.lesson_id)
                            && view.answer.as_ref() == Some(&kept.answer);
                        if !is_same {
                            faults.push(format!("{id}: another content than was kept"));
                        }
                    }
                }
            }
        }
        Ok(faults)
    }

    /// Ends the outboxes as a device that is switched off would.
    pub async fn close(self) {
        for device in self.devices {
            device.outbox.close().await;
        }
        drop(self.folder);
    }
}

/// All requests of a school that runs at `address`, by tokens that were made before it started.
pub async fn prepare(
    school: &SchoolCopy,
    address: SocketAddr,
    tokens: &[(UserId, String)],
    now: jiff::Timestamp,
) -> Result<Rc<Work>> {
    Ok(Rc::new(school.prepare_work(address, tokens.to_vec(), now).await?))
}

/// Runs futures side by side on this task; results in order.
async fn join_all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        let mut is_done = true;
        for (future, output) in &mut running {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(ready) => *output = Some(ready),
                    std::task::Poll::Pending => is_done = false,
                }
            }
        }
        if is_done { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    running.into_iter().filter_map(|(_, output)| output).collect()
}
