//! The school of the drill: made once by a real hub, and laid out anew wherever a row of cuts begins.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result};
use dreamseed_crashdisk::{
    disk::{Disk, Files},
    random::Random,
};
use dreamseed_hub::config::Config;
use dreamseed_testkit::{MockClock, TestHub, number, submission, sum_problem};
use dreamseed_wire::{attempt::SubmitAnswer, ids::*};

use crate::machine::{self, Image};

/// Pupils of the class.
const PUPILS: usize = 24;
/// Problems of the lesson.
const PROBLEMS: u32 = 12;

/// See the module.
pub struct School {
    pub config: Config,
    pub clock: Arc<MockClock>,
    pub pupils: Vec<Pupil>,
    /// As its hub has left it, stopped in good order.
    pub image: Image,
    /// The number of its epoch, which no power cut may change.
    pub epoch: i64,
    lesson: LessonId,
    /// The problem whose place in the list is `n` asks for `n + 1`.
    versions: Vec<ProblemVersionId>,
}

/// Somebody who is signed in.
pub struct Pupil {
    pub id: UserId,
    pub token: String,
}

impl School {
    /// Makes the school in a folder.
    pub fn make(folder: &Path, seed: u64) -> Result<Self> {
        let data = folder.join("made");
        let disk = Disk::lay_out(&data, &Files::new(), Duration::ZERO, seed)?;
        let runtime = machine::runtime()?;
        let (hub, pupils, given, epoch) = runtime.block_on(async {
            let mut hub = TestHub::with(|config| {
                config.data = data.clone();
                config.discovery.announce = false;
            })
            .await;
            let mut ids = Vec::with_capacity(PUPILS);
            for number in 1..=PUPILS {
                ids.push(hub.add_pupil(hub.class, &format!("학생 {number}")).await);
            }
            let people = hub.sign_in_all(&ids).await;
            let drafts: Vec<_> = (0..PROBLEMS).map(sum_problem).collect();
            let given = hub.give(&drafts).await;
            let epoch = hub.ctx().store.record().current.number;
            hub.stop().await;
            (hub, people, given, epoch)
        });
        let tokens = pupils.into_iter().map(|person| {
            let token = person.access_token().context("a pupil who is signed in")?;
            Ok(Pupil { id: person.id, token })
        });
        let mut config = hub.config().clone();
        config.http.port = 0;
        let image = Image::take(&disk, &folder.join("made-plain"))?;
        Ok(School {
            pupils: tokens.collect::<Result<_>>()?,
            clock: Arc::clone(&hub.clock),
            image,
            epoch,
            config,
            lesson: given.lesson.lesson_id,
            versions: given.problems.iter().map(|problem| problem.problem_version_id).collect(),
        })
    }

    /// The settings of its hub with the data in another folder.
    pub fn config_in(&self, data: &Path) -> Config {
        Config { data: PathBuf::from(data), ..self.config.clone() }
    }

    /// An answer to one of the problems, right or wrong.
    pub fn answer(&self, random: &mut Random) -> SubmitAnswer {
        let problem = random.below(self.versions.len());
        let said = problem + random.below(4);
        submission(self.versions[problem], Some(self.lesson), number(&said.to_string()))
    }

    /// Everybody's ids.
    pub fn pupil_ids(&self) -> BTreeSet<UserId> {
        self.pupils.iter().map(|pupil| pupil.id).collect()
    }
}
