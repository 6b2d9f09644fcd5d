//! `corrupt`: the disk gives back other bits than it was given. Bits inside answers must be found by the hash of their
//! row, whole pages by the check at the start, which puts a verified copy in the place of the database by itself, or serves
//! what is there and says so where only single rows are hurt. Whatever bit it is, of whatever table: the hub starts.

use super::{Drill, console::Console, pages::DatabaseFile};
use crate::{
    hub_process::{HubProcess, ModelUse},
    random::Random,
    report::{Report, Target, tell},
    school::{SchoolCopy, SchoolSize, StaffAccount, copy_folder},
};
use anyhow::{Context, Result};
use dreamseed_client::Hub;
use dreamseed_wire::{
    Language,
    backup::EpochReason,
    house::{DoctorLevel, DoctorReport},
    hub::NoticeCode,
};
use std::{
    fs,
    io::{Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Few enough that the hub looks at each of them at its start.
const ANSWERS: u32 = 600;

/// Flips bits and breaks pages, and reports what was found.
pub async fn damage_database(drill: &Drill<'_>, report: &mut Report) -> Result<()> {
    let today = drill.now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let school =
        SchoolCopy::make(drill.hub, drill.schools, SchoolSize::Year { answers: ANSWERS, today }).await?;
    let backups = school.folder().join("backups");
    fs::create_dir(&backups)?;
    let console = Console::new(drill.hub, &school.data());
    console.add_folder("stick", &backups).await?;
    console.back_up(None).await?;
    // Folds the log into the file.
    console.tell(&["schema"]).await?;
    flip_bits(drill, &school, report).await?;
    flip_bits_and_start(drill, &school, report).await?;
    break_pages(drill, &school, report).await
}

/// Tables that are read as a whole at the start; the others are read when somebody asks.
const STARTED_FROM: [&str; 5] = ["users", "classes", "lessons", "problems", "problem_versions"];

/// How a flipped bit came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    ByHash,
    ByStructure,
    Not,
}

async fn flip_bits(drill: &Drill<'_>, school: &SchoolCopy, report: &mut Report) -> Result<()> {
    let flips = if drill.is_short { 60 } else { 1_000 };
    let whole = fs::read(school.data().join("hub.db"))?;
    let cells = DatabaseFile::read(&whole)?.cells_of("attempts")?;
    anyhow::ensure!(cells.len() >= ANSWERS as usize, "only {} answers in the file", cells.len());
    let mut random = Random::new(1);
    let bits: Vec<(u64, u8)> = (0..flips)
        .map(|_| {
            let cell = &cells[random.next() as usize % cells.len()];
            let at = cell.start + random.next() as usize % cell.len();
            (at as u64, 1 << (random.next() % 8))
        })
        .collect();
    let begun = Instant::now();
    let (first, second) = bits.split_at(bits.len() / 2);
    let (folders, whole) = (["one", "two"].map(|name| school.folder().join(name)), whole.as_slice());
    for folder in &folders {
        copy_folder(&school.data(), folder)?;
    }
    let (one, two) = tokio::join!(
        examine_each(drill.hub, &folders[0], whole, first),
        examine_each(drill.hub, &folders[1], whole, second)
    );
    let found = [one?, two?].concat();
    let seconds = begun.elapsed();
    for ((at, mask), _) in bits.iter().zip(&found).filter(|(_, found)| **found == Found::Not).take(20) {
        tell(&format!("corrupt: bit {mask:#04x} of byte {at} was not found"));
    }
    let count = |which: Found| found.iter().filter(|found| **found == which).count() as f64;
    let share = 100.0 * (1.0 - count(Found::Not) / found.len() as f64);
    report.add(("corrupt", "bits", "flips"), found.len() as f64, "", None);
    report.add(("corrupt", "bits", "found"), share, "%", Some(Target::AtLeast(99.0)));
    report.add(("corrupt", "bits", "by_hash"), count(Found::ByHash), "", None);
    report.add(("corrupt", "bits", "by_structure"), count(Found::ByStructure), "", None);
    report.add(("corrupt", "bits", "check_ms"), seconds.as_secs_f64() * 2e3 / found.len() as f64, "ms", None);
    for folder in folders {
        fs::remove_dir_all(folder)?;
    }
    Ok(())
}

/// Flips one bit after the other, each in a whole database, and lets the doctor look.
async fn examine_each(binary: &Path, data: &Path, whole: &[u8], bits: &[(u64, u8)]) -> Result<Vec<Found>> {
    let console = Console::new(binary, data);
    let mut file = fs::File::options().write(true).open(data.join("hub.db"))?;
    let mut found = Vec::new();
    for (at, mask) in bits {
        let byte = whole[*at as usize];
        write_at(&mut file, *at, &[byte ^ mask])?;
        let said = console.ask(&["doctor", "--json", "--lang", "en"]).await?;
        write_at(&mut file, *at, &[byte])?;
        let mut documents = serde_json::Deserializer::from_str(&said.text).into_iter::<DoctorReport>();
        let report = documents.next().with_context(|| format!("the doctor said:\n{}", said.text))??;
        let finding = report.findings.iter().find(|finding| finding.check == "database");
        let finding = finding.context("what the doctor says of the database")?;
        found.push(match finding.level {
            DoctorLevel::Fail if finding.text.contains("does not fit its record") => Found::ByHash,
            DoctorLevel::Fail => Found::ByStructure,
            DoctorLevel::Warn | DoctorLevel::Ok => Found::Not,
        });
    }
    Ok(found)
}

/// Flips bits in the rows of all other tables that a school is made of, and starts the hub on each.
async fn flip_bits_and_start(drill: &Drill<'_>, school: &SchoolCopy, report: &mut Report) -> Result<()> {
    let flips = if drill.is_short { 10 } else { 100 };
    let whole = fs::read(school.data().join("hub.db"))?;
    let file = DatabaseFile::read(&whole)?;
    let mut cells = Vec::new();
    for table in STARTED_FROM {
        cells.extend(file.cells_of(table)?.into_iter().map(|cell| (table, cell)));
    }
    let mut random = Random::new(3);
    let folder = school.folder().join("flipped");
    let (mut started, mut told) = (0_u32, 0_u32);
    for _ in 0..flips {
        let table = STARTED_FROM[random.next() as usize % STARTED_FROM.len()];
        let of_table: Vec<_> = cells.iter().filter(|(name, _)| *name == table).collect();
        let Some((_, cell)) = of_table.get(random.next() as usize % of_table.len().max(1)) else { continue };
        let at = cell.start + random.next() as usize % cell.len();
        let mask = 1_u8 << (random.next() % 8);
        copy_folder(&school.data(), &folder)?;
        let mut database = fs::File::options().write(true).open(folder.join("hub.db"))?;
        write_at(&mut database, at as u64, &[whole[at] ^ mask])?;
        drop(database);
        match HubProcess::start(drill.hub, &folder, &school.log(), ModelUse::None).await {
            Ok(hub) => {
                started += 1;
                let said =
                    Console::new(drill.hub, &folder).ask(&["doctor", "--json", "--lang", "en"]).await?;
                told += u32::from(said.text.contains("cannot be read"));
                hub.kill().await?;
            }
            Err(error) => {
                tell(&format!("corrupt: bit {mask:#04x} of byte {at}, in {table}: {error:#}"));
            }
        }
        fs::remove_dir_all(&folder)?;
    }
    report.add(("corrupt", "rows", "flips"), f64::from(flips), "", None);
    report.add(
        ("corrupt", "rows", "started"),
        100.0 * f64::from(started) / f64::from(flips),
        "%",
        Some(Target::AtLeast(100.0)),
    );
    report.add(("corrupt", "rows", "told_unreadable"), f64::from(told), "", None);
    Ok(())
}

async fn break_pages(drill: &Drill<'_>, school: &SchoolCopy, report: &mut Report) -> Result<()> {
    let damages = if drill.is_short { 10 } else { 100 };
    let console = Console::new(drill.hub, &school.data());
    let hub = start(drill.hub, school).await?;
    let last_seq = Hub::new(&format!("http://{}", hub.address))?.record().await?.hub_seq;
    hub.stop().await?;
    console.tell(&["schema"]).await?;
    let whole = school.folder().join("whole");
    fs::rename(school.data(), &whole)?;
    let bytes = fs::read(whole.join("hub.db"))?;
    let pages = DatabaseFile::read(&bytes)?.used_pages()?;
    let mut random = Random::new(2);
    let (mut mended, mut slowest) = (0_u32, Duration::ZERO);
    for number in 0..damages {
        copy_folder(&whole, &school.data())?;
        let page = &pages[random.next() as usize % pages.len()];
        // Half of them as a block that was never written, half as another file's.
        let content: Vec<u8> = match number % 2 {
            0 => vec![0; page.len()],
            _ => (0..page.len()).map(|_| random.next() as u8).collect(),
        };
        let mut file = fs::File::options().write(true).open(school.data().join("hub.db"))?;
        write_at(&mut file, page.start as u64, &content)?;
        drop(file);
        match start_and_look(drill.hub, school, last_seq).await {
            Ok(took) => {
                mended += 1;
                slowest = slowest.max(took);
            }
            Err(error) => tell(&format!("corrupt: page at byte {}: {error:#}", page.start)),
        }
        fs::remove_dir_all(school.data())?;
    }
    let share = 100.0 * f64::from(mended) / f64::from(damages);
    report.add(("corrupt", "pages", "damages"), f64::from(damages), "", None);
    report.add(("corrupt", "pages", "found_and_mended"), share, "%", Some(Target::AtLeast(100.0)));
    report.add(("corrupt", "pages", "ready_ms"), slowest.as_secs_f64() * 1e3, "ms", None);
    Ok(())
}

/// Starts a hub whose database is damaged: it must serve the verified copy, or all that is there where only rows are hurt, and
/// say so. How long the start took.
async fn start_and_look(binary: &Path, school: &SchoolCopy, last_seq: i64) -> Result<Duration> {
    let hub = start(binary, school).await?;
    let client = Hub::new(&format!("http://{}", hub.address))?;
    let StaffAccount { login_name, password } = &school.accounts.admin;
    client.sign_in_password(login_name, password).await.context("the admin signs in again")?;
    if evidence_in(&school.data()).is_some() {
        let state = client.backup(Language::En).await?;
        let newest = state.epochs.first().context("an epoch")?;
        anyhow::ensure!(newest.reason == EpochReason::Damage, "the new epoch says {:?}", newest.reason);
    } else {
        let notices = client.notices(Language::En).await?;
        let is_told = notices.iter().any(|notice| notice.code == NoticeCode::RecordDamaged);
        anyhow::ensure!(is_told, "the damage was not found");
    }
    let record = client.record().await?;
    anyhow::ensure!(record.hub_seq >= last_seq, "the record ends at {} of {last_seq}", record.hub_seq);
    let took = hub.ready_after;
    hub.kill().await?;
    Ok(took)
}

async fn start(binary: &Path, school: &SchoolCopy) -> Result<HubProcess> {
    HubProcess::start(binary, &school.data(), &school.log(), ModelUse::None).await
}

fn write_at(file: &mut fs::File, at: u64, bytes: &[u8]) -> std::io::Result<()> {
    file.seek(SeekFrom::Start(at))?;
    file.write_all(bytes)
}

/// The folder in which a hub keeps a database that it has replaced.
fn evidence_in(data: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(data).ok()?.flatten();
    entries
        .map(|entry| entry.path())
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("damaged-")))
}
