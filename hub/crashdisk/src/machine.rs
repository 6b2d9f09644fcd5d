//! A hub on a disk whose power can go, and what is left when it has.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result};
use dreamseed_crashdisk::disk::{Disk, Files};
use dreamseed_hub::hub::Hub;
use dreamseed_testkit::HandEngine;
use tokio::runtime::Runtime;

use crate::school::School;

/// What a sync takes on this disk: a good one in a school's PC, and time enough for a cut to come in between.
const SYNC_TAKES: Duration = Duration::from_micros(500);
/// How long a hub without power may take to let go of its threads.
const LET_GO: Duration = Duration::from_secs(10);

/// A data folder without its machine.
#[derive(Debug, Clone)]
pub struct Image {
    /// What SQLite has written.
    database: Files,
    /// A folder with what the hub has written by itself.
    plain: PathBuf,
}

/// See the module.
pub struct Machine {
    pub disk: Arc<Disk>,
    folder: PathBuf,
    runtime: Option<Runtime>,
    hub: Option<Hub>,
}

impl Image {
    /// Cuts the power of a disk and takes what is left, plain files into `plain`, at once: the hub still runs, and does
    /// things that it could not do without power.
    pub fn take(disk: &Disk, plain: &Path) -> Result<Self> {
        disk.cut();
        copy_plain(disk.folder(), plain).context("copying the plain files")?;
        Ok(Image { database: disk.survivors(), plain: plain.to_owned() })
    }
}

impl Machine {
    /// A machine with this image on its disk, switched on, its hub not started.
    pub fn build(image: &Image, folder: &Path, seed: u64) -> Result<Self> {
        copy_plain(&image.plain, folder).context("laying the plain files out")?;
        let disk = Disk::lay_out(folder, &image.database, SYNC_TAKES, seed).context("laying the disk out")?;
        Ok(Machine { disk, folder: folder.to_owned(), runtime: Some(runtime()?), hub: None })
    }

    /// Starts the hub.
    pub fn start_hub(&mut self, school: &School) -> Result<()> {
        let config = school.config_in(&self.folder);
        let engine = HandEngine::new(&["ko", "en"]);
        let started = self.runtime()?.block_on(Hub::start(config, school.clock.clone(), engine));
        self.hub = Some(started?);
        Ok(())
    }

    /// Its hub, which has been started.
    pub fn hub(&self) -> Result<&Hub> {
        self.hub.as_ref().context("the hub was not started")
    }

    /// The part of the hub that has ended by itself, if one does within the time.
    pub fn failed_part(&mut self, within: Duration) -> Option<&'static str> {
        let (runtime, hub) = (self.runtime.as_ref()?, self.hub.as_mut()?);
        runtime.block_on(async { tokio::time::timeout(within, hub.failed()).await.ok() })
    }

    /// Runs something beside the hub.
    pub fn block_on<T>(&self, work: impl Future<Output = T>) -> Result<T> {
        Ok(self.runtime()?.block_on(work))
    }

    /// Gives the hub's threads up and clears its folder away; its power has gone.
    pub fn clear_away(self) -> Result<()> {
        let folder = self.folder.clone();
        self.give_up();
        fs::remove_dir_all(folder).context("clearing a data folder away")
    }

    /// Gives the hub's threads up; its power has gone, and its folder stays for whoever wants to look.
    pub fn give_up(mut self) {
        self.disk.cut();
        let hub = self.hub.take();
        if let Some(runtime) = self.runtime.take() {
            let inside = runtime.enter();
            drop(hub);
            drop(inside);
            runtime.shutdown_timeout(LET_GO);
        }
    }

    fn runtime(&self) -> Result<&Runtime> {
        self.runtime.as_ref().context("the machine was cleared away")
    }
}

/// Threads for one hub, or for its pupils.
pub fn runtime() -> Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("starting threads")
}

/// Copies a data folder without its database, without its lock, and without what a start has put aside: that can have been
/// done after the cut only, for a hub that is refused its disk takes it for a broken one.
fn copy_plain(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_left_out =
            ["hub.db", "hub.lock", "damaged-"].iter().any(|start| name.to_string_lossy().starts_with(start));
        if is_left_out {
            continue;
        }
        let to = to.join(&name);
        let copied = match entry.file_type()?.is_dir() {
            true => copy_plain(&entry.path(), &to),
            false => fs::copy(entry.path(), &to).map(drop),
        };
        match copied {
            // Renamed meanwhile: its new name is in the list, or comes after the cut.
            Err(err) if err.kind() == io::ErrorKind::NotFound => {}
            done => done?,
        }
    }
    Ok(())
}
