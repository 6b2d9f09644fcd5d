//! The audit log for whoever must read it: page by page, as a file, and looked over for rows that were changed.
//!
//! The whole chain is looked at once after each start and once a day, in the background and a stretch at a time; between,
//! each look goes on from the last row that fitted.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use dreamseed_wire::{
    Language,
    house::{AuditDeed, AuditPage, AuditView},
    hub::NoticeCode,
    ids::*,
};
use futures_util::{Stream, stream};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use crate::{
    auth::By,
    csv_file,
    hub::Ctx,
    school::School,
    store::{
        ReadConn, StoreError, attempts,
        audit::{self, AuditFilter, AuditRow, Chain, Link},
        notices, pupil_notes, regrades,
    },
    telemetry,
};

/// Rows in one look; between two of them others may read.
const STRETCH: u32 = 4_000;
/// Rows of the file that are read at once.
const EXPORTED_AT_ONCE: u32 = 1_000;
/// Letters at the end of an id that stands for nothing known.
const SHORT_ID: usize = 8;
const PAGE: u32 = 50;
const PAGE_MAX: u32 = 200;
const WHOLE_EVERY: SignedDuration = SignedDuration::from_hours(24);
/// The longest reason that anybody gives for anything, in characters.
pub const MAX_REASON: usize = 300;

/// How far the chain is known to fit.
#[derive(Default)]
pub struct AuditWatch {
    looking: Mutex<Option<Link>>,
    found: parking_lot::Mutex<Found>,
}

#[derive(Default, Clone, Copy)]
struct Found {
    broken_at: Option<i64>,
    whole_at: Option<Timestamp>,
}

/// Which stretch of the log, and in which language its deeds are told.
#[derive(Debug, Clone, Default)]
pub struct WhichRows {
    pub before: Option<i64>,
    /// 1 to 200; 50 unless said.
    pub limit: Option<u32>,
    pub filter: AuditFilter,
}

/// A page of the log, newest first.
pub async fn page(ctx: &Ctx, which: WhichRows, language: Language) -> Result<AuditPage, StoreError> {
    look(ctx).await?;
    let limit = which.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX);
    let before = which.before.unwrap_or(i64::MAX);
    let filter = which.filter;
    // One more tells whether there is a next page.
    let (mut rows, things) = ctx
        .store
        .read(move |conn| {
            let rows = audit::page(conn, &filter, before, limit + 1)?;
            let things = Things::read(conn, &rows)?;
            Ok::<_, StoreError>((rows, things))
        })
        .await?;
    let has_more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = if has_more { rows.last().map(|row| row.seq) } else { None };
    let school = ctx.school.get();
    let entries = rows.into_iter().map(|row| view(&school, &things, row, language)).collect();
    Ok(AuditPage { entries, next, broken_at: broken_at(ctx) })
}

/// Every deed that the log may hold, in the order of the words that the reader sees.
pub fn deeds(language: Language) -> Vec<AuditDeed> {
    let deed = |(action, _): &(&str, &str)| AuditDeed {
        action: (*action).to_owned(),
        action_text: in_words(action, language).to_owned(),
    };
    let mut deeds: Vec<_> = audit::deeds::DEEDS.iter().map(deed).collect();
    deeds.sort_by(|a, b| a.action_text.cmp(&b.action_text));
    deeds
}

/// The whole log as CSV for Korean Excel, oldest first, up to the row that tells of this export.
///
/// # Errors
/// A reason that is missing or too long; see [`ExportError`].
pub async fn export(
    ctx: &Arc<Ctx>,
    by: By,
    reason: &str,
    language: Language,
) -> Result<impl Stream<Item = Result<Bytes, ExportError>> + Send + 'static, ExportError> {
    let reason = check_reason(reason)?;
    let now = ctx.clock.now();
    let last = ctx
        .store
        .write(move |tx| {
            by.audit_with_reason(tx, now, "export audit log", None, &reason)?;
            audit::last_seq(tx.conn())
        })
        .await?;
    let ctx = Arc::clone(ctx);
    let begin = Bytes::from(csv_file::write(&vec![HEADER.map(str::to_owned).to_vec()])?);
    let rows = stream::try_unfold(0_i64, move |seq| {
        let ctx = Arc::clone(&ctx);
        async move {
            let rows = ctx.store.read(move |conn| audit::after(conn, seq, last, EXPORTED_AT_ONCE)).await?;
            // The file holds the ids as they are, not what they stand for.
            let things = Things::default();
            let Some(end) = rows.last().map(|row| row.seq) else { return Ok(None) };
            let school = ctx.school.get();
            let rows = rows.into_iter().map(|row| cells(view(&school, &things, row, language)));
            Ok(Some((Bytes::from(csv_file::write_rows(rows)?), end)))
        }
    });
    Ok(stream::StreamExt::chain(stream::once(async { Ok(begin) }), rows))
}

/// Why the log is not handed out.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Reason(#[from] BadReason),
    #[error("the file could not be written")]
    Csv(#[from] csv::Error),
    #[error("the log cannot be read")]
    Store(#[from] StoreError),
}

/// What was given as a reason is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no reason is given, or a longer one than {MAX_REASON} characters")]
pub struct BadReason;

/// A reason for the record, in 1 to [`MAX_REASON`] characters.
pub fn check_reason(reason: &str) -> Result<String, BadReason> {
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > MAX_REASON {
        return Err(BadReason);
    }
    Ok(reason.to_owned())
}

/// The first row that does not fit, as far as has been looked.
pub fn broken_at(ctx: &Ctx) -> Option<i64> {
    ctx.audit.found.lock().broken_at
}

/// Goes on along the chain from the last row that fitted; the whole chain if that is due.
pub async fn look(ctx: &Ctx) -> Result<(), StoreError> {
    let mut from = ctx.audit.looking.lock().await;
    let now = ctx.clock.now();
    let is_due = |found: Found| found.whole_at.is_none_or(|at| now.duration_since(at).abs() >= WHOLE_EVERY);
    let is_whole = is_due(*ctx.audit.found.lock());
    let mut link = match *from {
        Some(link) if !is_whole => link,
        _ => ctx.store.read(audit::anchor).await?,
    };
    let broken_at = loop {
        match ctx.store.read(move |conn| audit::follow(conn, link, STRETCH)).await? {
            Chain::BrokenAt(seq) => break Some(seq),
            Chain::Fits(end) if end == link => break None,
            Chain::Fits(end) => link = end,
        }
    };
    *from = Some(link);
    let known = {
        let mut found = ctx.audit.found.lock();
        if is_whole {
            *found = Found { broken_at, whole_at: Some(now) };
        } else {
            // A break does not heal: only a look at the whole chain may say that it is gone.
            found.broken_at = found.broken_at.or(broken_at);
        }
        *found
    };
    telemetry::show_audit_chain(known.broken_at.is_none(), link.seq);
    if let Some(seq) = broken_at {
        tracing::error!(audit.seq = seq, "the audit log does not fit its chain");
        let data = serde_json::json!({ "seq": seq });
        ctx.store.write(move |tx| notices::raise(tx, NoticeCode::AuditBroken, &data, now)).await?;
    }
    Ok(())
}

fn view(school: &School, things: &Things, row: AuditRow, language: Language) -> AuditView {
    AuditView {
        seq: row.seq,
        at: row.at,
        actor: row.actor.map(|id| name_of(school, id)),
        actor_id: row.actor,
        origin: row.origin,
        action_text: in_words(&row.action, language).to_owned(),
        action: row.action,
        subject: row.subject.map(|id| name_of(school, id)),
        subject_id: row.subject,
        detail_text: read_detail(school, things, &row.detail, language),
        detail: row.detail,
        reason: row.reason,
    }
}

/// `김민준 (5학년 1반 3번)` for a pupil, the name of others, the id of who has been erased.
fn name_of(school: &School, id: UserId) -> String {
    let Some(person) = school.people.get(&id) else { return id.to_string() };
    match (school.class_of(id), school.roster_entry(id)) {
        (Some(class), Some(entry)) => format!("{} ({} {}번)", person.name, class.name, entry.number),
        _ => person.name.clone(),
    }
}

/// What the ids in the details of some rows stand for, of what is not in the school's memory.
#[derive(Default)]
struct Things {
    places: HashMap<uuid::Uuid, Place>,
}

/// What a deed was about.
enum Place {
    Problem(ProblemId),
    Version(Option<ProblemVersionId>, Option<LessonId>),
}

impl Things {
    /// Reads them where a deed names an answer, a correction of a key or a note.
    fn read(conn: &ReadConn, rows: &[AuditRow]) -> Result<Self, StoreError> {
        let mut places = HashMap::new();
        for row in rows {
            let Ok(id) = row.detail.parse::<uuid::Uuid>() else { continue };
            let place = match row.action.as_str() {
                "override grade" | "take grade back" => attempts::get(conn, AttemptId(id))?
                    .map(|attempt| Place::Version(Some(attempt.problem_version_id), attempt.lesson_id)),
                "correct key" | "regrade" | "undo correction of key" => {
                    regrades::get(conn, RegradeId(id))?.map(|regrade| Place::Problem(regrade.problem_id))
                }
                "open solution" | "open step" | "send note" => pupil_notes::place(conn, NoteId(id))?
                    .map(|(version, lesson)| Place::Version(version, lesson)),
                _ => None,
            };
            places.extend(place.map(|place| (id, place)));
        }
        Ok(Things { places })
    }

    /// `분수의 덧셈 1 · 금요일 시험`: the problem, and the lesson if there is one.
    fn name(&self, school: &School, id: uuid::Uuid, language: Language) -> Option<String> {
        let (problem, lesson) = match *self.places.get(&id)? {
            Place::Problem(problem) => return name_thing(school, problem.0, language),
            Place::Version(version, lesson) => {
                (version.and_then(|version| school.versions.get(&version)), lesson)
            }
        };
        let problem = problem.map(|version| version.draft.title.get(language).to_owned());
        let lesson = lesson.and_then(|id| school.lessons.get(&id)).map(|lesson| lesson.title.clone());
        let named: Vec<_> = [problem, lesson].into_iter().flatten().collect();
        (!named.is_empty()).then(|| named.join(" · "))
    }
}

/// A detail with names in place of ids; an id that stands for nothing known is told by its end, since ids begin with the
/// time at which they were made: those of one lesson begin alike.
fn read_detail(school: &School, things: &Things, detail: &str, language: Language) -> String {
    let end_of = |word: &str| format!("…{}", word.get(word.len() - SHORT_ID..).unwrap_or(word));
    let read = |word: &str| match word.parse::<uuid::Uuid>() {
        Ok(id) => name_thing(school, id, language)
            .or_else(|| things.name(school, id, language))
            .unwrap_or_else(|| end_of(word)),
        Err(_) => audit::deeds::word_in(word, language).to_owned(),
    };
    detail.split(' ').map(read).collect::<Vec<_>>().join(" ")
}

/// What an id in a detail may stand for.
fn name_thing(school: &School, id: uuid::Uuid, language: Language) -> Option<String> {
    if let Some(class) = school.classes.get(&ClassId(id)) {
        return Some(class.name.clone());
    }
    if let Some(lesson) = school.lessons.get(&LessonId(id)) {
        return Some(lesson.title.clone());
    }
    if let Some(head) = school.problems.get(&ProblemId(id)) {
        return school.versions.get(&head.newest).map(|version| version.draft.title.get(language).to_owned());
    }
    if let Some(group) =
        school.classes.values().flat_map(|class| &class.groups).find(|group| group.group_id == GroupId(id))
    {
        return Some(group.name.clone());
    }
    school.people.contains_key(&UserId(id)).then(|| name_of(school, UserId(id)))
}

/// The deed in the reader's language; English is how it is kept.
fn in_words(action: &str, language: Language) -> &str {
    match language {
        Language::En => action,
        Language::Ko => audit::deeds::in_korean(action).unwrap_or(action),
    }
}

const HEADER: [&str; 10] = [
    "번호 seq",
    "시각 at",
    "누가 who",
    "어디서 from",
    "무엇을 what",
    "누구의 whose",
    "자세히 detail",
    "이유 reason",
    "누가 id",
    "누구의 id",
];

fn cells(row: AuditView) -> [String; 10] {
    let id = |id: Option<UserId>| id.map(|id| id.to_string()).unwrap_or_default();
    [
        row.seq.to_string(),
        row.at.to_string(),
        row.actor.unwrap_or_default(),
        row.origin,
        row.action_text,
        row.subject.unwrap_or_default(),
        row.detail,
        row.reason.unwrap_or_default(),
        id(row.actor_id),
        id(row.subject_id),
    ]
}
