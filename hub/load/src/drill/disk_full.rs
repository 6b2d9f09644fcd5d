//! `disk-full`: the hub's disk runs full under load. Writers are refused in plain words, readers go on, what was
//! acknowledged stays, and the hub goes on by itself when there is room again.

use super::{Drill, disk::LoopDisk};
use crate::{
    bench_kill::for_each,
    http1::Connection,
    hub_process::{Circumstances, HubProcess, ModelUse},
    random::Random,
    report::{Report, Target, tell},
    school::{SchoolCopy, SchoolSize, Work, copy_folder},
};
use anyhow::{Context, Result, bail, ensure};
use dreamseed_client::Hub;
use dreamseed_wire::{attempt::AttemptReceipt, ids::AttemptId};
use std::{
    cell::{Cell, RefCell},
    fs::File,
    io::Write as _,
    path::Path,
    rc::Rc,
    time::{Duration, Instant},
};

const DISK_MEGABYTES: u64 = 96;
const CONNECTIONS: usize = 8;
/// The hub must refuse, and take again, within this time.
const LIMIT: Duration = Duration::from_secs(60);

/// What the writers have seen.
#[derive(Debug, Default)]
struct Seen {
    /// Acknowledged, with the pupil of each.
    kept: RefCell<Vec<(AttemptId, usize)>>,
    refused: Cell<u64>,
    /// Neither acknowledged nor refused in plain words.
    faults: RefCell<Vec<String>>,
    stop: Cell<bool>,
}

/// Fills the disk of a hub and reports what that did to readers and writers.
pub async fn fill_disk(drill: &Drill<'_>, report: &mut Report) -> Result<()> {
    let school = SchoolCopy::make(drill.hub, drill.schools, SchoolSize::Demo).await?;
    let Some(disk) = LoopDisk::mount(school.folder(), "small", DISK_MEGABYTES, drill.may_mount)? else {
        tell("disk-full: left out, as DREAMSEED_NO_MOUNT says that this user may not mount");
        return Ok(());
    };
    let tokens = school.mint_tokens(drill.hub).await?;
    let data = disk.path().join("data");
    copy_folder(&school.data(), &data)?;
    // The limits of a disk of this size; how often the hub looks is what schools have.
    let environment = [("WRITES__MIN_MEGABYTES", "6"), ("BALLAST_MEGABYTES", "6")]
        .map(|(name, value)| (format!("DREAMSEED_HUB_DISK__{name}"), value.to_owned()));
    let circumstances = Circumstances { port: 0, environment: environment.to_vec() };
    let log = school.log();
    let start = || HubProcess::start_in(drill.hub, &data, &log, ModelUse::None, &circumstances);
    let hub = start().await?;
    let client = Hub::new(&format!("http://{}", hub.address))?;
    let work = Rc::new(school.prepare_work(hub.address, tokens, drill.now).await?);
    let seen = Rc::new(Seen::default());
    let foreign = disk.path().join("foreign");
    let local = tokio::task::LocalSet::new();
    let fallible = local
        .run_until(async {
            let writers: Vec<_> = (0..CONNECTIONS)
                .map(|number| {
                    let (work, seen) = (Rc::clone(&work), Rc::clone(&seen));
                    tokio::task::spawn_local(write_until_told(
                        hub.address,
                        work,
                        seen,
                        Random::new(number as u64),
                    ))
                })
                .collect();
            wait_for(|| seen.kept.borrow().len() >= 200, "200 answers").await?;
            fill(&foreign)?;
            wait_for(|| seen.refused.get() >= 50, "50 refusals").await?;
            let reads = read_beside(&client, &work, &seen).await?;
            // For as long as the hub may look twice, with what little it frees meanwhile taken away again.
            for _ in 0..if drill.is_short { 4 } else { 24 } {
                fill(&foreign)?;
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            let reads = reads + read_beside(&client, &work, &seen).await?;
            let before = seen.kept.borrow().len();
            std::fs::remove_file(&foreign)?;
            let freed = Instant::now();
            wait_for(|| seen.kept.borrow().len() > before, "an answer after space was freed").await?;
            let recovered = freed.elapsed();
            wait_for(|| seen.kept.borrow().len() >= before + 200, "200 answers after that").await?;
            seen.stop.set(true);
            for writer in writers {
                writer.await??;
            }
            anyhow::Ok((reads, recovered))
        })
        .await;
    let (reads, recovered) = fallible.with_context(|| format!("the hub's log:\n{}", hub.end_of_log()))?;
    let mut lost = find_lost(&client, &work, &seen).await?;
    hub.stop().await?;
    let hub = start().await.context("starting after a full disk")?;
    let client = Hub::new(&format!("http://{}", hub.address))?;
    lost.extend(find_lost(&client, &work, &seen).await?);
    hub.stop().await?;
    lost.sort_unstable();
    lost.dedup();
    let faults = seen.faults.borrow();
    faults.iter().chain(&lost).take(20).for_each(|line| tell(line));

    let at_most = |figure| Some(Target::AtMost(figure));
    report.add(("disk", "full", "acks"), seen.kept.borrow().len() as f64, "", None);
    report.add(("disk", "full", "refused_507"), seen.refused.get() as f64, "", Some(Target::AtLeast(50.0)));
    report.add(("disk", "full", "other_replies"), faults.len() as f64, "", at_most(0.0));
    report.add(("disk", "full", "reads"), reads as f64, "", Some(Target::AtLeast(1.0)));
    report.add(("disk", "full", "lost"), lost.len() as f64, "", at_most(0.0));
    report.add(("disk", "full", "recovered_s"), recovered.as_secs_f64(), "s", at_most(10.0));
    Ok(())
}

/// Answers without end; after a refusal the same answer again, as a device does.
async fn write_until_told(
    address: std::net::SocketAddr,
    work: Rc<Work>,
    seen: Rc<Seen>,
    mut random: Random,
) -> Result<()> {
    let mut connection = Connection::open(address).await?;
    let mut request = Vec::with_capacity(2048);
    while !seen.stop.get() {
        let pupil = random.next() as usize % work.pupils.len();
        let attempt_id = AttemptId::new();
        let template = work.classes[work.pupils[pupil].class].pick(random.next());
        template.write_request(&work.pupils[pupil], attempt_id, &mut request);
        loop {
            if connection.is_closed() {
                connection = Connection::open(address).await?;
            }
            let reply = connection.exchange(&request, |reply| (reply.status, reply.body.to_vec())).await;
            match reply.context("the hub does not reply on a full disk")? {
                (201, body) => {
                    let receipt: AttemptReceipt = serde_json::from_slice(&body).context("a receipt")?;
                    ensure!(receipt.attempt_id == attempt_id, "the receipt of another answer");
                    seen.kept.borrow_mut().push((attempt_id, pupil));
                    break;
                }
                (507, _) => seen.refused.set(seen.refused.get() + 1),
                (status, body) => {
                    let text =
                        format!("an answer came back with {status}: {}", String::from_utf8_lossy(&body));
                    seen.faults.borrow_mut().push(text);
                }
            }
            if seen.stop.get() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(())
}

/// Pupils who look at their problems and answers while nothing can be written; how many replies they got.
async fn read_beside(client: &Hub, work: &Rc<Work>, seen: &Seen) -> Result<usize> {
    let kept: Vec<_> = seen.kept.borrow().iter().rev().take(20).copied().collect();
    let reads = kept.len() * 2;
    for (attempt_id, pupil) in kept {
        let pupil = client.with_token(&*work.pupils[pupil].token);
        pupil.my_problems().await.context("problems on a full disk")?;
        pupil.attempt(attempt_id).await.context("an answer on a full disk")?;
    }
    Ok(reads)
}

/// Writes a file on until nothing more fits.
fn fill(path: &Path) -> Result<()> {
    let mut file = File::options().create(true).append(true).open(path)?;
    let mut piece = vec![0x5a_u8; 1 << 20];
    while !piece.is_empty() {
        match file.write(&piece) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::StorageFull => piece.truncate(piece.len() / 2),
            Err(error) => return Err(error).context("filling the disk"),
        }
    }
    Ok(())
}

async fn wait_for(is_so: impl Fn() -> bool, what: &str) -> Result<()> {
    let begun = Instant::now();
    while !is_so() {
        if begun.elapsed() > LIMIT {
            bail!("waited {LIMIT:?} for {what}");
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

/// Acknowledged answers that the hub does not know.
async fn find_lost(client: &Hub, work: &Rc<Work>, seen: &Seen) -> Result<Vec<String>> {
    let kept = seen.kept.borrow().clone();
    let found = for_each(&kept, |(attempt_id, pupil)| {
        let (pupil, id) = (client.with_token(&*work.pupils[*pupil].token), *attempt_id);
        async move {
            match pupil.attempt(id).await {
                Ok(_) => Ok(None),
                // Whether an answer is another's or nobody's is not told to a pupil.
                Err(error) if [Some(403), Some(404)].contains(&error.status()) => {
                    Ok(Some(format!("{id}: acknowledged, not there")))
                }
                Err(error) => Err(error).context("looking an answer up"),
            }
        }
    })
    .await?;
    Ok(found.into_iter().flatten().collect())
}
