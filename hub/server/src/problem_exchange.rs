//! Problems from and for other programs: what a file holds, taking it in one transaction, giving problems out.
//!
//! The walk: `dreamseed_formats` reads the file off the async threads, [`preview`] shows what becomes of each item,
//! [`import`] looks again inside the transaction and keeps the problems only if it is still the same. A draft that the
//! school has already is recognised by its content and not made twice; so is one that is what a file in this language
//! shows of a problem of both languages.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use bytes::Bytes;
use dreamseed_formats::{FileFault, Item, Outcome, Reading};
use dreamseed_wire::{
    Language,
    authoring::ProblemDraft,
    exchange::{ExportProblems, ImportItem, ImportOutcome, ImportReport, ProblemFormat},
    ids::*,
};
use tokio::sync::Semaphore;

use crate::{
    api::extract::Caller,
    authoring, content_pack,
    hub::Ctx,
    school::ProblemVersion,
    store::{
        StoreError, WriteTx,
        audit::{self, AuditEntry},
        problems::{self, ContentHash},
    },
};

/// Files that are read or written at once: each may hold two thousand problems.
static WORKING: Semaphore = Semaphore::const_new(2);

/// Why problems cannot be taken or given.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    #[error("{fault}")]
    File { fault: FileFault, reader: Language },
    #[error("{field}: {why}")]
    BadField { field: &'static str, why: &'static str },
    #[error("what would be taken is no longer what the preview showed")]
    Changed,
    #[error("a problem is not known")]
    UnknownProblem,
    #[error("the problems could not be kept")]
    Store(#[from] StoreError),
}

/// A file with what was said about it.
pub struct Upload {
    /// By the ending of the name if absent: `.xml` is Moodle XML, `.gift` and `.txt` are GIFT.
    pub format: Option<ProblemFormat>,
    pub file_name: Option<String>,
    /// The language that the file is in; the caller's if absent.
    pub language: Option<Language>,
    /// The language of the report; the caller's own if absent.
    pub report_language: Option<Language>,
    /// The skill of problems that name none; must be on the list of skills.
    pub skill: String,
    pub bytes: Bytes,
}

/// A file of problems, to be kept by whoever asked for it.
pub struct Export {
    pub file_name: &'static str,
    pub content_type: &'static str,
    pub text: String,
}

/// What would become of each item of a file; nothing is written.
pub async fn preview(ctx: &Ctx, caller: &Caller, upload: Upload) -> Result<ImportReport, ExchangeError> {
    let file = read(ctx, caller, upload).await?;
    Ok(ctx
        .store
        .read(move |conn| Ok::<_, StoreError>(file.show(&file.known(&problems::newest_hashes(conn)?))))
        .await?)
}

/// Takes a file as it was previewed: every item that is not refused and not there already, all in one transaction.
///
/// # Errors
/// [`ExchangeError::Changed`] if the report is no longer that of the preview with this digest.
pub async fn import(
    ctx: &Ctx,
    caller: &Caller,
    upload: Upload,
    digest: String,
) -> Result<ImportReport, ExchangeError> {
    let file = read(ctx, caller, upload).await?;
    let (by, now) = (caller.user_id, ctx.clock.now());
    let report = ctx
        .store
        .write(move |tx| {
            // On the one writer: of two imports at once the second sees what the first has kept.
            let mut report = file.show(&file.known(&problems::newest_hashes(tx.conn())?));
            if report.digest != digest {
                return Err(ExchangeError::Changed);
            }
            let kept = file.keep(tx, &mut report, by, now)?;
            let detail = format!("{} {kept} of {}", format_name(file.format), report.items.len());
            audit::add(tx, &AuditEntry::by(by, "import problems", &detail, now))?;
            Ok(report)
        })
        .await?;
    ctx.school.reload(&ctx.store).await?;
    Ok(report)
}

/// Problems as a file of another program, in one language; all that are not archived if none are named.
pub async fn export(
    ctx: &Ctx,
    caller: &Caller,
    asked: ExportProblems,
    language: Option<Language>,
) -> Result<Export, ExchangeError> {
    let school = ctx.school.get();
    let language = language.unwrap_or_else(|| school.working_language(caller.user_id));
    let ids: Vec<ProblemId> = if asked.problem_ids.is_empty() {
        let listed = authoring::list(&school).into_iter().filter(|listing| !listing.archived);
        listed.map(|listing| listing.problem_id).collect()
    } else {
        asked.problem_ids
    };
    let mut chosen: Vec<(Option<String>, ProblemDraft)> = Vec::with_capacity(ids.len());
    let mut seen = HashSet::new();
    for id in ids.into_iter().filter(|id| seen.insert(*id)) {
        let head = school.problems.get(&id).ok_or(ExchangeError::UnknownProblem)?;
        let version = school.versions.get(&head.newest).ok_or(ExchangeError::UnknownProblem)?;
        chosen.push((Some(id.to_string()), version.draft.clone()));
    }
    drop(school);
    let (count, format) = (chosen.len(), asked.format);
    let text = off_threads(move || {
        let problems: Vec<_> = chosen.iter().map(|(id, draft)| (id.clone(), draft)).collect();
        dreamseed_formats::write(format, &problems, language)
    })
    .await?;
    let (by, now) = (caller.user_id, ctx.clock.now());
    ctx.store
        .write(move |tx| {
            let detail = format!("{} {count}", format_name(format));
            audit::add(tx, &AuditEntry::by(by, "export problems", &detail, now))
        })
        .await?;
    let (file_name, content_type) = match format {
        ProblemFormat::Gift => ("problems.gift.txt", "text/plain; charset=utf-8"),
        ProblemFormat::MoodleXml => ("problems.xml", "application/xml; charset=utf-8"),
    };
    Ok(Export { file_name, content_type, text })
}

fn format_name(format: ProblemFormat) -> &'static str {
    match format {
        ProblemFormat::Gift => "gift",
        ProblemFormat::MoodleXml => "moodle_xml",
    }
}

/// A file that was read, before it is compared with the school.
struct ReadFile {
    format: ProblemFormat,
    /// Of the person who reads the report.
    reader: Language,
    items: Vec<ReadItem>,
    /// Of each problem of the school that such a file shows otherwise than the school has it: what it is here, and there.
    shown: Vec<(ContentHash, ContentHash)>,
    /// Of the bytes and of what was said about them.
    hash: blake3::Hash,
}

struct ReadItem {
    item: Item,
    /// Of the draft, if there is one.
    content: Option<ContentHash>,
}

async fn read(ctx: &Ctx, caller: &Caller, upload: Upload) -> Result<ReadFile, ExchangeError> {
    let format = format_of(&upload)?;
    let reader = upload.report_language.unwrap_or_else(|| {
        ctx.school.get().people.get(&caller.user_id).map(|person| person.language).unwrap_or_default()
    });
    let language = upload.language.unwrap_or(reader);
    let skills: Vec<String> = content_pack::skills(reader).into_iter().map(|skill| skill.id).collect();
    if !skills.contains(&upload.skill) {
        return Err(ExchangeError::BadField { field: "skill", why: "it is not on the list of skills" });
    }
    let (bytes, skill) = (upload.bytes, upload.skill);
    let school = ctx.school.get();
    let versions: Vec<Arc<ProblemVersion>> = school
        .problems
        .values()
        .filter(|head| !head.archived)
        .filter_map(|head| school.versions.get(&head.newest).cloned())
        .collect();
    drop(school);
    off_threads(move || {
        let known: Vec<&str> = skills.iter().map(String::as_str).collect();
        let reading = Reading { language, skill: &skill, skills: &known };
        let items = dreamseed_formats::read(format, &bytes, &reading)
            .map_err(|fault| ExchangeError::File { fault, reader })?;
        let mut hash = blake3::Hasher::new();
        for part in [format_name(format).as_bytes(), language.code().as_bytes(), skill.as_bytes(), &bytes] {
            hash.update(&(part.len() as u64).to_le_bytes()).update(part);
        }
        let items = items
            .into_iter()
            .map(|item| {
                let content = match &item.outcome {
                    Outcome::Taken(draft, _) => Some(problems::content_hash(draft)?),
                    Outcome::Refused(_) => None,
                };
                Ok(ReadItem { item, content })
            })
            .collect::<Result<_, StoreError>>()?;
        let mut shown = Vec::new();
        for version in &versions {
            let here = problems::content_hash(&version.draft)?;
            let there = show_in_file(format, &version.draft, &reading)?;
            shown.extend(there.filter(|there| *there != here).map(|there| (here, there)));
        }
        Ok(ReadFile { format, reader, items, shown, hash: hash.finalize() })
    })
    .await?
}

/// What a draft is after it has left in a file and come back; nothing if it would not come back.
fn show_in_file(
    format: ProblemFormat,
    draft: &ProblemDraft,
    reading: &Reading<'_>,
) -> Result<Option<ContentHash>, StoreError> {
    let file = dreamseed_formats::write(format, &[(None, draft)], reading.language);
    let back = dreamseed_formats::read(format, file.as_bytes(), reading).unwrap_or_default();
    match back.into_iter().next().map(|item| item.outcome) {
        Some(Outcome::Taken(draft, _)) => problems::content_hash(&draft).map(Some),
        Some(Outcome::Refused(_)) | None => Ok(None),
    }
}

fn format_of(upload: &Upload) -> Result<ProblemFormat, ExchangeError> {
    let name = upload.file_name.as_deref().unwrap_or_default().to_ascii_lowercase();
    match upload.format {
        Some(format) => Ok(format),
        None if name.ends_with(".xml") => Ok(ProblemFormat::MoodleXml),
        None if name.ends_with(".gift") || name.ends_with(".txt") => Ok(ProblemFormat::Gift),
        None => Err(ExchangeError::BadField {
            field: "format",
            why: "it is neither given nor told by the file's name",
        }),
    }
}

/// Runs what takes long off the async threads, a few at a time.
async fn off_threads<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, StoreError> {
    let _turn = WORKING.acquire().await.map_err(|_| StoreError::Closed)?;
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done),
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(StoreError::Closed),
        },
    }
}

impl ReadFile {
    /// The problems of the school by their content as it stands, and as such a file shows it.
    fn known(&self, newest: &HashMap<ContentHash, ProblemId>) -> HashMap<ContentHash, ProblemId> {
        let mut known = newest.clone();
        for (here, there) in &self.shown {
            let Some(id) = newest.get(here).copied() else { continue };
            // One that is the same in every language goes first, then the oldest.
            if !newest.contains_key(there) {
                known.entry(*there).and_modify(|first| *first = id.min(*first)).or_insert(id);
            }
        }
        known
    }

    /// The report, beside what the school has already.
    fn show(&self, known: &HashMap<ContentHash, ProblemId>) -> ImportReport {
        let mut earlier: HashMap<ContentHash, u32> = HashMap::new();
        let items: Vec<ImportItem> =
            self.items.iter().map(|item| self.show_item(item, known, &mut earlier)).collect();
        let count = |outcome: ImportOutcome| {
            let number = items.iter().filter(|item| item.outcome == outcome).count();
            u32::try_from(number).unwrap_or(u32::MAX)
        };
        let shown = serde_json::to_vec(&items).unwrap_or_default();
        let digest = blake3::Hasher::new().update(self.hash.as_bytes()).update(&shown).finalize().to_hex();
        ImportReport {
            format: self.format,
            taken: count(ImportOutcome::Taken),
            changed: count(ImportOutcome::Changed),
            known: count(ImportOutcome::Known),
            refused: count(ImportOutcome::Refused),
            items,
            digest: digest.to_string(),
        }
    }

    fn show_item(
        &self,
        read: &ReadItem,
        known: &HashMap<ContentHash, ProblemId>,
        earlier: &mut HashMap<ContentHash, u32>,
    ) -> ImportItem {
        let (mut outcome, mut remarks) = match &read.item.outcome {
            Outcome::Taken(_, remarks) => {
                let is_changed = remarks.iter().any(dreamseed_formats::Remark::is_loss);
                let outcome = if is_changed { ImportOutcome::Changed } else { ImportOutcome::Taken };
                (outcome, remarks.iter().map(|remark| remark.text(self.reader)).collect())
            }
            Outcome::Refused(refusal) => (ImportOutcome::Refused, vec![refusal.text(self.reader)]),
        };
        let mut problem_id = None;
        if let Some(content) = &read.content {
            problem_id = known.get(content).copied();
            if problem_id.is_some() {
                outcome = ImportOutcome::Known;
                remarks.push(match self.reader {
                    Language::Ko => "이미 있는 문제라 새로 만들지 않습니다.".to_owned(),
                    Language::En => "The school has this problem already; it is not made again.".to_owned(),
                });
            } else if let Some(first) = earlier.get(content) {
                outcome = ImportOutcome::Known;
                remarks.push(match self.reader {
                    Language::Ko => format!("이 파일의 {first}번과 같은 문제라 한 번만 만듭니다."),
                    Language::En => format!("It is the same as item {first} of this file and made once."),
                });
            } else {
                earlier.insert(*content, read.item.position);
            }
        }
        ImportItem {
            position: read.item.position,
            line: read.item.line,
            title: read.item.title.clone(),
            outcome,
            remarks,
            problem_id,
        }
    }

    /// Keeps what is new, writes the ids into the report and says how many problems were made.
    fn keep(
        &self,
        tx: &WriteTx<'_>,
        report: &mut ImportReport,
        by: UserId,
        now: jiff::Timestamp,
    ) -> Result<usize, StoreError> {
        let mut made: HashMap<ContentHash, ProblemId> = HashMap::new();
        for (read, shown) in self.items.iter().zip(&mut report.items) {
            let (Outcome::Taken(draft, _), Some(content)) = (&read.item.outcome, &read.content) else {
                continue;
            };
            if shown.problem_id.is_some() {
                continue;
            }
            let id = match made.get(content) {
                Some(id) => *id,
                None => {
                    let id = problems::add(tx, "school", Some(by), now)?;
                    problems::add_version(tx, id, draft, Some(by), now)?;
                    made.insert(*content, id);
                    id
                }
            };
            shown.problem_id = Some(id);
        }
        Ok(made.len())
    }
}
