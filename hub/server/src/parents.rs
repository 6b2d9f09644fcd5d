//! Parents: one-time codes on paper, accounts made with them, further children.

use axum::http::StatusCode;
use dreamseed_wire::{
    account::{Child, Role},
    class::RosterEntry,
    hub::ProblemCode,
    ids::*,
    people::{AddChild, JoinAsParent, MakeParentCodes, ParentCode},
};
use jiff::{Span, Timestamp};

use crate::{
    api::{
        extract::{Caller, Peer},
        problem::ApiError,
    },
    auth::{
        By,
        accounts::{NAME_MAX, check_login_name, check_text},
        check_connection, paper,
        secrets::{self, SecretKind},
        sign_in::{self, Opened},
    },
    cards::printed_host,
    clock::day_of,
    hub::Ctx,
    printing::letters::{self, Letter, LetterClass},
    school::School,
    store::{
        StoreError,
        audit::{self, AuditEntry},
        consents::{self, NewConsent},
        lessons, parent_codes, users,
        users::NewUser,
    },
};

/// A code works for so long.
const CODE_DAYS: i64 = 60;
/// What may be agreed to.
const SCOPES: [&str; 3] = ["account", "ai_tutor", "cloud_progress"];
/// Without this one a parent has no account.
const NEEDED_SCOPE: &str = "account";
/// The text of the consents that the join page shows.
const CONSENT_TEXT: &str = "2026-11";

/// New codes for the parents of a class's pupils. Earlier ones that were not used end: a letter that went to the wrong
/// house is made worthless by a new one. A second parent gets a code when the first has used theirs.
pub async fn make_codes(
    ctx: &Ctx,
    caller: &Caller,
    class: ClassId,
    wanted: &MakeParentCodes,
) -> Result<Vec<ParentCode>, ApiError> {
    let codes = draw_codes(ctx, class, wanted)?;
    keep_codes(ctx, caller, &codes).await?;
    Ok(codes)
}

/// The same as letters, PDF.
pub async fn make_letters(
    ctx: &Ctx,
    caller: &Caller,
    class: ClassId,
    wanted: &MakeParentCodes,
) -> Result<Vec<u8>, ApiError> {
    let codes = draw_codes(ctx, class, wanted)?;
    let school = ctx.school.get();
    let found = school.classes.get(&class).ok_or_else(|| ApiError::not_found("That class"))?;
    let until = codes.first().map(|code| day_of(code.expires_at, &school.hub.time_zone));
    let head = LetterClass {
        school: school.hub.school_name.clone(),
        class: found.name.clone(),
        address: printed_host(ctx),
        until: until.map(|day| day.to_string()).unwrap_or_default(),
        language: found.language,
    };
    drop(school);
    let letters: Vec<Letter> = codes
        .iter()
        .map(|code| Letter {
            number: code.pupil.number,
            pupil: code.pupil.name.clone(),
            code: code.code.clone(),
        })
        .collect();
    // Printed before they are kept: a code that nobody can read is none.
    let printed = tokio::task::spawn_blocking(move || letters::print(&head, &letters)).await;
    let pdf = printed.map_err(ApiError::internal)?.map_err(ApiError::internal)?;
    keep_codes(ctx, caller, &codes).await?;
    Ok(pdf)
}

/// Makes a parent's account with a code and signs the parent in.
///
/// # Errors
/// A code that opens nothing, a login name that is taken, a weak password; as every sign-in of a parent over a
/// connection that others can read.
pub async fn join(ctx: &Ctx, new: JoinAsParent, peer: Peer, agent: &str) -> Result<Opened, ApiError> {
    check_connection(Role::Parent, peer)?;
    let now = ctx.clock.now();
    let hash = paper::hash_of(&new.code);
    let pupil = ctx.store.read(move |conn| parent_codes::find(conn, &hash, now)).await?;
    let pupil = ctx.auth.check_paper_code(pupil, now)?;
    let name = check_text("name", &new.name, NAME_MAX)?;
    let login_name = check_login_name(&new.login_name)?;
    secrets::check_password(&new.password, &login_name)?;
    let scopes = check_scopes(&new.consents)?;
    let secret = ctx.auth.secrets().hash(SecretKind::Password, &new.password).await?;
    let (language, by) = (new.language, By::stranger(peer));
    let parent = ctx
        .store
        .write(move |tx| {
            let account = NewUser {
                role: Role::Parent,
                login_name: Some(login_name),
                name,
                language,
                secret,
                must_change: false,
            };
            let parent = users::add(tx, &account, now)?;
            let by = By { actor: Some(parent), ..by };
            by.audit(tx, now, "join as parent", Some(parent), "")?;
            use_code(tx, &hash, (parent, pupil), now)?;
            give_consents(tx, &by, (parent, pupil), &scopes, now)?;
            Ok::<_, ApiError>(parent)
        })
        .await?;
    ctx.school.reload(&ctx.store).await?;
    sign_in::open_session(ctx, parent, false, agent, peer).await
}

/// Links a further child with the parent who is signed in, and writes down what they agree to for this child.
///
/// # Errors
/// A code that opens nothing; no consents, or without the one that is needed.
pub async fn add_child(
    ctx: &Ctx,
    caller: &Caller,
    peer: Peer,
    new: AddChild,
) -> Result<Vec<Child>, ApiError> {
    let now = ctx.clock.now();
    let hash = paper::hash_of(&new.code);
    let pupil = ctx.store.read(move |conn| parent_codes::find(conn, &hash, now)).await?;
    let pupil = ctx.auth.check_paper_code(pupil, now)?;
    // Nobody's child is linked without the consent that the law asks for; it stands in the ledger, for each child.
    let scopes = check_scopes(new.consents.as_deref().unwrap_or_default())?;
    let (parent, by) = (caller.user_id, By::caller(caller, peer));
    ctx.store
        .write(move |tx| {
            use_code(tx, &hash, (parent, pupil), now)?;
            give_consents(tx, &by, (parent, pupil), &scopes, now)
        })
        .await?;
    ctx.school.reload(&ctx.store).await?;
    Ok(children(&ctx.school.get(), parent))
}

/// A parent's children who are at the school.
pub fn children(school: &School, parent: UserId) -> Vec<Child> {
    let ids = school.people.get(&parent).map(|person| person.children.as_slice()).unwrap_or_default();
    ids.iter()
        .filter_map(|id| {
            let person = school.people.get(id).filter(|person| !person.archived)?;
            Some(Child { pupil_id: *id, name: person.name.clone(), class: school.my_class(*id) })
        })
        .collect()
}

fn draw_codes(ctx: &Ctx, class: ClassId, wanted: &MakeParentCodes) -> Result<Vec<ParentCode>, ApiError> {
    let school = ctx.school.get();
    let class = school.classes.get(&class).filter(|class| !class.archived);
    let class = class.ok_or_else(|| ApiError::not_found("That class"))?;
    let roster: Vec<RosterEntry> = school.roster(class);
    if !wanted.pupil_ids.iter().all(|id| roster.iter().any(|entry| entry.pupil_id == *id)) {
        return Err(ApiError::bad_field("pupil_ids", "one of them is not in the class"));
    }
    if wanted.pupil_ids.is_empty() && !wanted.everyone {
        return Err(ApiError::bad_field("pupil_ids", "nobody is named; for the whole class set everyone"));
    }
    let expires_at = expiry(ctx.clock.now());
    roster
        .into_iter()
        .filter(|entry| wanted.everyone || wanted.pupil_ids.contains(&entry.pupil_id))
        .map(|pupil| {
            let code = paper::show(&paper::make_letter_code().map_err(ApiError::internal)?);
            Ok(ParentCode { pupil, code, expires_at })
        })
        .collect()
}

async fn keep_codes(ctx: &Ctx, caller: &Caller, codes: &[ParentCode]) -> Result<(), ApiError> {
    let (now, by) = (ctx.clock.now(), caller.user_id);
    let kept: Vec<_> =
        codes.iter().map(|code| (paper::hash_of(&code.code), code.pupil.pupil_id, code.expires_at)).collect();
    ctx.store
        .write(move |tx| {
            for (hash, pupil, expires_at) in kept {
                parent_codes::end_unused(tx, pupil, now)?;
                parent_codes::add(tx, &hash, (pupil, by), (now, expires_at))?;
                audit::add(tx, &AuditEntry::by(by, "make parent code", "", now).about(pupil))?;
            }
            Ok::<_, StoreError>(())
        })
        .await?;
    Ok(())
}

/// Links parent and child, and the code is used up.
fn use_code(
    tx: &crate::store::WriteTx<'_>,
    hash: &[u8; 32],
    (parent, pupil): (UserId, UserId),
    now: Timestamp,
) -> Result<(), ApiError> {
    if !parent_codes::mark_used(tx, hash, parent, now)? {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            ProblemCode::Changed,
            "This code has been used at the same moment by somebody else.",
        )
        .hint("Ask the school for a new one."));
    }
    lessons::add_guardian(tx, parent, pupil, now)?;
    let detail = parent.to_string();
    audit::add(tx, &AuditEntry::by(parent, "link child", &detail, now).about(pupil))?;
    Ok(())
}

/// Each consent of a parent for a child, with its row of audit.
fn give_consents(
    tx: &crate::store::WriteTx<'_>,
    by: &By,
    (parent, pupil): (UserId, UserId),
    scopes: &[&'static str],
    now: Timestamp,
) -> Result<(), ApiError> {
    for &scope in scopes {
        let guardian = Some(parent);
        let consent = NewConsent { pupil, guardian, scope, method: "online", text_version: CONSENT_TEXT };
        consents::add(tx, &consent, now)?;
        by.audit(tx, now, "give consent", Some(pupil), scope)?;
    }
    Ok(())
}

fn check_scopes(consents: &[String]) -> Result<Vec<&'static str>, ApiError> {
    let mut scopes = Vec::with_capacity(SCOPES.len());
    for consent in consents {
        let scope = SCOPES.iter().find(|scope| *scope == consent);
        let scope =
            scope.ok_or_else(|| ApiError::bad_field("consents", "account, ai_tutor or cloud_progress"))?;
        if !scopes.contains(scope) {
            scopes.push(*scope);
        }
    }
    if scopes.contains(&NEEDED_SCOPE) {
        Ok(scopes)
    } else {
        Err(ApiError::bad_field("consents", "without the consent to the account there is no account"))
    }
}

fn expiry(now: Timestamp) -> Timestamp {
    now.checked_add(Span::new().hours(CODE_DAYS * 24)).unwrap_or(Timestamp::MAX)
}
