//! What guardians and pupils may ask of the school: consents that are given and withdrawn, all of a pupil's data as a file
//! ([`pupil_file`]), and a pupil's erasure ([`erasure`]).

pub mod erasure;
pub mod pupil_file;

use dreamseed_wire::{
    account::Role,
    ids::{ConsentId, UserId},
    privacy::{ConsentView, RecordConsent},
};

use crate::{
    api::extract::Caller,
    audit_log::MAX_REASON,
    auth::By,
    hub::Ctx,
    school::School,
    store::{
        StoreError,
        consents::{self, NewConsent, StoredConsent},
        users::{self, Account},
    },
};

/// What may be agreed to.
const SCOPES: [&str; 3] = ["account", "ai_tutor", "cloud_progress"];
/// How.
const METHODS: [&str; 3] = ["paper", "online", "sms"];
const TEXT_VERSION_MAX: usize = 40;

/// Why it cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum PrivacyError {
    #[error("there is no such pupil")]
    UnknownPupil,
    #[error("there is no such consent")]
    UnknownConsent,
    #[error("the pupil sits in an exam that is running")]
    ExamRunning,
    #[error("a reason must be given")]
    ReasonNeeded,
    #[error("{field}: {why}")]
    BadField { field: &'static str, why: &'static str },
    #[error("the file would be larger than {} MB", pupil_file::MAX_BYTES / 1_000_000)]
    TooLarge,
    #[error("the file could not be written")]
    File(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the database could not do it")]
    Store(#[from] StoreError),
}

/// The consents for a pupil, newest first; withdrawn ones stay.
pub async fn list_consents(ctx: &Ctx, pupil: UserId) -> Result<Vec<ConsentView>, PrivacyError> {
    find_pupil(ctx, pupil).await?;
    let school = ctx.school.get();
    let stored = ctx.store.read(move |conn| consents::of_pupil(conn, pupil)).await?;
    Ok(stored.into_iter().map(|consent| view(&school, consent)).collect())
}

/// Keeps a consent: a parent's own, given online, or one that came to the school on paper or otherwise.
///
/// # Errors
/// A field that cannot be taken.
pub async fn record_consent(
    ctx: &Ctx,
    caller: &Caller,
    by: By,
    pupil: UserId,
    body: RecordConsent,
) -> Result<ConsentView, PrivacyError> {
    find_pupil(ctx, pupil).await?;
    let school = ctx.school.get();
    let bad = |field, why| PrivacyError::BadField { field, why };
    let scope = SCOPES.into_iter().find(|scope| *scope == body.scope);
    let scope = scope.ok_or_else(|| bad("scope", "account, ai_tutor or cloud_progress"))?;
    let method = METHODS.into_iter().find(|method| *method == body.method);
    let method = method.ok_or_else(|| bad("method", "paper, online or sms"))?;
    let is_parent = caller.role == Role::Parent;
    if is_parent && method != "online" {
        return Err(bad("method", "online; the school records what came on paper or by text message"));
    }
    let text_version = body.text_version.trim().to_owned();
    let is_version = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '_' | ' ');
    if text_version.is_empty()
        || text_version.chars().count() > TEXT_VERSION_MAX
        || !text_version.chars().all(is_version)
    {
        return Err(bad("text_version", "1 to 40 letters, digits and - . _"));
    }
    let guardian = is_parent.then_some(caller.user_id);
    let now = ctx.clock.now();
    let consent = ctx
        .store
        .write(move |tx| {
            let new = NewConsent { pupil, guardian, scope, method, text_version: &text_version };
            let id = consents::add(tx, &new, now)?;
            by.audit(tx, now, "record consent", Some(pupil), &format!("{scope} {method} {id}"))?;
            let (scope, method) = (scope.to_owned(), method.to_owned());
            Ok::<_, StoreError>(StoredConsent {
                id,
                guardian,
                scope,
                method,
                text_version,
                given_at: now,
                withdrawn_at: None,
            })
        })
        .await?;
    Ok(view(&school, consent))
}

/// Withdraws a consent; again changes nothing.
///
/// # Errors
/// The pupil has no such consent.
pub async fn withdraw_consent(ctx: &Ctx, by: By, pupil: UserId, id: ConsentId) -> Result<(), PrivacyError> {
    find_pupil(ctx, pupil).await?;
    let now = ctx.clock.now();
    ctx.store
        .write(move |tx| {
            if !consents::withdraw(tx, pupil, id, now)? {
                return Err(PrivacyError::UnknownConsent);
            }
            Ok(by.audit(tx, now, "withdraw consent", Some(pupil), &id.to_string())?)
        })
        .await
}

fn view(school: &School, consent: StoredConsent) -> ConsentView {
    let guardian = consent.guardian.and_then(|id| school.people.get(&id));
    ConsentView {
        consent_id: consent.id,
        scope: consent.scope,
        method: consent.method,
        text_version: consent.text_version,
        guardian: guardian.map(|person| person.name.clone()),
        given_at: consent.given_at,
        withdrawn_at: consent.withdrawn_at,
    }
}

/// From the table: a family's rights do not end because a disk has damaged the account, which the school in memory leaves out
/// then.
async fn find_pupil(ctx: &Ctx, pupil: UserId) -> Result<Account, PrivacyError> {
    let account = ctx.store.read(move |conn| users::find(conn, pupil)).await?;
    account.filter(is_pupil).ok_or(PrivacyError::UnknownPupil)
}

fn is_pupil(account: &Account) -> bool {
    match account.role {
        Some(role) => role == Role::Student,
        // Pupils alone have no login name.
        None => !account.has_login_name,
    }
}

/// A reason for the record. It outlives what it is about, so it may not name the pupil.
fn check_reason(reason: &str, pupil: &Account) -> Result<String, PrivacyError> {
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(PrivacyError::ReasonNeeded);
    }
    if reason.chars().count() > MAX_REASON {
        return Err(PrivacyError::BadField { field: "reason", why: "at most 300 characters" });
    }
    if !pupil.name.is_empty() && reason.contains(&pupil.name) {
        return Err(PrivacyError::BadField {
            field: "reason",
            why: "without the pupil's name: the record keeps it for years",
        });
    }
    Ok(reason.to_owned())
}
