//! Pupils who answer as fast as the hub lets them, and who remember what it has acknowledged.

use std::sync::Arc;

use anyhow::{Context, Result};
use dreamseed_client::Hub as Client;
use dreamseed_crashdisk::{disk::Disk, random::Random};
use dreamseed_wire::attempt::{AttemptReceipt, SubmitAnswer};
use parking_lot::Mutex;
use tokio::{runtime::Runtime, task::JoinSet};

use crate::{machine::Machine, school::School};

/// Connections at once.
pub const CONNECTIONS: usize = 12;
/// How long a pupil's device waits for a reply.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);
/// A refused pupil tries again so soon.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(5);

/// An answer that a pupil has sent.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Of [`School::pupils`].
    pub pupil: usize,
    pub answer: SubmitAnswer,
}

/// An answer that the hub says it has kept.
#[derive(Debug, Clone)]
pub struct Acknowledged {
    pub sent: Sent,
    pub receipt: AttemptReceipt,
}

/// What has come of a lesson.
#[derive(Debug, Default)]
pub struct Outcome {
    pub acknowledged: Vec<Acknowledged>,
    /// Sent without a receipt: kept or not, nobody knows yet.
    pub unanswered: Vec<Sent>,
    /// Sent after a sync had failed.
    pub sent_after_failure: usize,
    /// And acknowledged, which must not be.
    pub acknowledged_after_failure: usize,
}

/// A lesson that goes on until the power goes.
pub struct Lesson {
    pupils: JoinSet<()>,
    outcome: Arc<Mutex<Outcome>>,
}

impl Lesson {
    /// Lets the pupils begin, on threads of their own.
    pub fn begin(
        machine: &Machine,
        school: &Arc<School>,
        clients: &Runtime,
        random: &mut Random,
    ) -> Result<Self> {
        let stranger = client(machine)?;
        let outcome = Arc::new(Mutex::new(Outcome::default()));
        let mut pupils = JoinSet::new();
        for _ in 0..CONNECTIONS {
            let work = answer_until_off(
                stranger.clone(),
                Arc::clone(school),
                Arc::clone(&machine.disk),
                Arc::clone(&outcome),
                Random::new(random.draw()),
            );
            pupils.spawn_on(work, clients.handle());
        }
        Ok(Lesson { pupils, outcome })
    }

    /// Answers that were sent after a sync had failed, so far.
    pub fn sent_after_failure(&self) -> usize {
        self.outcome.lock().sent_after_failure
    }

    /// Waits until every pupil has noticed that the power is gone.
    pub fn end(mut self, clients: &Runtime) -> Result<Outcome> {
        clients.block_on(async {
            while self.pupils.join_next().await.transpose()?.is_some() {}
            Ok::<_, anyhow::Error>(())
        })?;
        Ok(std::mem::take(&mut *self.outcome.lock()))
    }
}

/// Somebody who has not signed in, at the machine's hub.
pub fn client(machine: &Machine) -> Result<Client> {
    let stranger =
        Client::new(&format!("http://{}", machine.hub()?.address())).context("the hub's address")?;
    Ok(stranger.with_time_limit(PATIENCE))
}

async fn answer_until_off(
    stranger: Client,
    school: Arc<School>,
    disk: Arc<Disk>,
    outcome: Arc<Mutex<Outcome>>,
    mut random: Random,
) {
    while !disk.is_off() {
        let pupil = random.below(school.pupils.len());
        let sent = Sent { pupil, answer: school.answer(&mut random) };
        let is_after_failure = disk.has_failed();
        let reply = stranger.with_token(&*school.pupils[pupil].token).submit_answer(&sent.answer).await;
        let is_refused = reply.is_err();
        {
            let mut outcome = outcome.lock();
            outcome.sent_after_failure += usize::from(is_after_failure);
            match reply {
                Ok(receipt) => {
                    outcome.acknowledged_after_failure += usize::from(is_after_failure);
                    outcome.acknowledged.push(Acknowledged { sent, receipt });
                }
                Err(_) => outcome.unanswered.push(sent),
            }
        }
        if is_refused {
            tokio::time::sleep(PAUSE).await;
        }
    }
}
