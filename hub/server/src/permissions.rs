//! Who may call what: one table, one middleware. A route without its row is refused, and a test fails.
//!
//! Rights to an object (own class, own child, own attempt) are decided here from the path, so that handlers hold no ifs
//! about roles. For somebody else's object the reply is the same whether it exists or not.

use std::{collections::HashMap, sync::Arc, sync::OnceLock};

use axum::{
    extract::{MatchedPath, RawPathParams, Request, State},
    http::{Method, StatusCode, header},
    middleware::Next,
    response::Response,
};
use dreamseed_wire::{account::Role, hub::ProblemCode, ids::*};

use crate::{
    api::{
        extract::{Caller, Peer},
        problem::ApiError,
    },
    api_keys,
    auth::check_connection,
    hub::Ctx,
    limits,
    school::School,
    sittings,
    store::{attempts, standings},
};

/// What a role may do on a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    No,
    Yes,
    /// `{class_id}` is a class the caller teaches.
    OwnClass,
    /// `{class_id}` is taught by the caller and `{user_id}` is in it today.
    OwnClassPupil,
    /// `{user_id}` is a pupil the caller teaches.
    OwnPupil,
    /// `{user_id}` is the caller's child.
    OwnChild,
    /// `{attempt_id}` is the caller's own answer.
    OwnAttempt,
    /// `{attempt_id}` is the answer of a pupil the caller teaches.
    OwnPupilAttempt,
    /// `{problem_version_id}` was given to the caller, in an exam by beginning it, or was answered by the caller before.
    Given,
}

/// One row of the table.
#[derive(Debug)]
pub struct Rule {
    pub method: Method,
    pub path: &'static str,
    /// Without a sign-in.
    pub stranger: bool,
    pub student: Scope,
    pub parent: Scope,
    pub teacher: Scope,
    pub admin: Scope,
}

impl Rule {
    /// What a role may do.
    pub fn scope(&self, role: Role) -> Scope {
        match role {
            Role::Student => self.student,
            Role::Parent => self.parent,
            Role::Teacher => self.teacher,
            Role::Admin => self.admin,
        }
    }
}

macro_rules! rules {
    ($($method:ident $path:literal: $stranger:ident, $student:ident, $parent:ident, $teacher:ident, $admin:ident;)+) => {
        &[$(Rule {
            method: Method::$method,
            path: concat!("/api/v1", $path),
            stranger: matches!(Scope::$stranger, Scope::Yes),
            student: Scope::$student,
            parent: Scope::$parent,
            teacher: Scope::$teacher,
            admin: Scope::$admin,
        }),+]
    };
}

/// Every route of the interface. Columns: stranger, student, parent, teacher, admin.
#[rustfmt::skip]
pub static RULES: &[Rule] = rules! {
    GET    "/hub":                                              Yes, Yes, Yes, Yes, Yes;
    POST   "/setup":                                            Yes, Yes, Yes, Yes, Yes;
    POST   "/roster":                                           Yes, Yes, Yes, Yes, Yes;
    POST   "/sessions":                                         Yes, Yes, Yes, Yes, Yes;
    POST   "/sessions/refresh":                                 Yes, Yes, Yes, Yes, Yes;
    DELETE "/sessions/current":                                 No,  Yes, Yes, Yes, Yes;
    GET    "/me":                                               No,  Yes, Yes, Yes, Yes;
    GET    "/me/sessions":                                      No,  Yes, Yes, Yes, Yes;
    DELETE "/me/sessions/{session_id}":                         No,  Yes, Yes, Yes, Yes;
    PUT    "/me/password":                                      No,  Yes, Yes, Yes, Yes;
    GET    "/me/problems":                                      No,  Yes, No,  No,  No;
    GET    "/me/standing":                                      No,  Yes, No,  No,  No;
    GET    "/me/progress":                                      No,  Yes, No,  No,  No;
    GET    "/problem-versions/{problem_version_id}":            No,  Given, No, Yes, Yes;
    GET    "/record":                                           Yes, Yes, Yes, Yes, Yes;
    GET    "/devices":                                          No,  No,  No,  No,  Yes;
    POST   "/devices":                                          No,  Yes, No,  Yes, Yes;
    DELETE "/devices/{device_id}":                              No,  No,  No,  No,  Yes;
    POST   "/devices/{device_id}/answers":                      Yes, Yes, Yes, Yes, Yes;
    POST   "/devices/{device_id}/lacking":                      Yes, Yes, Yes, Yes, Yes;
    POST   "/me/deposit":                                       No,  Yes, No,  No,  No;
    GET    "/backup":                                           No,  No,  No,  No,  Yes;
    POST   "/backup/run":                                       No,  No,  No,  No,  Yes;
    POST   "/backup/targets":                                   No,  No,  No,  No,  Yes;
    DELETE "/backup/targets/{target}":                          No,  No,  No,  No,  Yes;
    POST   "/backup/targets/{target}/check":                    No,  No,  No,  No,  Yes;
    POST   "/backup/sheet":                                     No,  No,  No,  No,  Yes;
    PUT    "/backup/sheet/kept":                                No,  No,  No,  No,  Yes;
    GET    "/backup/since-restore":                             No,  No,  No,  No,  Yes;
    POST   "/attempts":                                         No,  Yes, No,  No,  No;
    GET    "/attempts/{attempt_id}":                            No,  OwnAttempt, No, OwnPupilAttempt, Yes;
    POST   "/attempts/{attempt_id}/help":                       No,  OwnAttempt, No, No, No;
    GET    "/attempts/{attempt_id}/feedback":                   No,  OwnAttempt, No, OwnPupilAttempt, Yes;
    PUT    "/attempts/{attempt_id}/feedback/rating":            No,  OwnAttempt, No, No, No;
    POST   "/attempts/{attempt_id}/solution":                   No,  OwnAttempt, No, No, No;
    GET    "/children":                                         No,  No,  Yes, No,  No;
    GET    "/pupils/{user_id}/progress":                        No,  No,  OwnChild, OwnPupil, Yes;
    GET    "/skills":                                           No,  Yes, Yes, Yes, Yes;
    GET    "/classes":                                          No,  No,  No,  Yes, Yes;
    POST   "/classes":                                          No,  No,  No,  Yes, Yes;
    GET    "/classes/{class_id}":                               No,  No,  No,  OwnClass, Yes;
    PUT    "/classes/{class_id}/settings":                      No,  No,  No,  OwnClass, Yes;
    POST   "/classes/{class_id}/pupils":                        No,  No,  No,  OwnClass, Yes;
    GET    "/classes/{class_id}/pupils/{user_id}":              No,  No,  No,  OwnClassPupil, Yes;
    POST   "/classes/{class_id}/lessons":                       No,  No,  No,  OwnClass, Yes;
    POST   "/classes/{class_id}/lessons/{lesson_id}/close":     No,  No,  No,  OwnClass, Yes;
    GET    "/classes/{class_id}/live":                          No,  No,  No,  OwnClass, Yes;
    GET    "/classes/{class_id}/live/events":                   No,  No,  No,  OwnClass, Yes;
    GET    "/problems":                                         No,  No,  No,  Yes, Yes;
    POST   "/problems":                                         No,  No,  No,  Yes, Yes;
    POST   "/problems/try":                                     No,  No,  No,  Yes, Yes;
    GET    "/problems/{problem_id}":                            No,  No,  No,  Yes, Yes;
    PUT    "/problems/{problem_id}":                            No,  No,  No,  Yes, Yes;
    DELETE "/problems/{problem_id}":                            No,  No,  No,  Yes, Yes;
    GET    "/users":                                            No,  No,  No,  No,  Yes;
    POST   "/users":                                            No,  No,  No,  No,  Yes;
    POST   "/users/{user_id}/secret":                           No,  No,  No,  OwnPupil, Yes;
    DELETE "/users/{user_id}/sessions":                         No,  No,  No,  No,  Yes;
    DELETE "/users/{user_id}":                                  No,  No,  No,  No,  Yes;
    GET    "/notices":                                          No,  No,  No,  No,  Yes;
    DELETE "/notices/{notice_id}":                              No,  No,  No,  No,  Yes;
    GET    "/models":                                           No,  No,  No,  No,  Yes;
    GET    "/engine":                                           No,  No,  No,  Yes, Yes;
    POST   "/me/lessons/{lesson_id}/sitting":                   No, Yes, No, No, No;
    POST   "/me/lessons/{lesson_id}/hand-in":                   No, Yes, No, No, No;
    GET    "/me/events":                                        No, Yes, No, No, No;
    GET    "/me/notes":                                         No, Yes, No, No, No;
    POST   "/me/notes/{note_id}/seen":                          No, Yes, No, No, No;
    POST   "/me/children":                                      No, No, Yes, No, No;
    PUT    "/attempts/{attempt_id}/grade":                      No, No, No, OwnPupilAttempt, Yes;
    DELETE "/attempts/{attempt_id}/grade":                      No, No, No, OwnPupilAttempt, Yes;
    GET    "/pupils/{user_id}/enrolments":                      No, No, No, OwnPupil, Yes;
    POST   "/pupils/{user_id}/move":                            No, No, No, OwnPupil, Yes;
    GET    "/pupils/{user_id}/consents":                        No, No, OwnChild, OwnPupil, Yes;
    POST   "/pupils/{user_id}/consents":                        No, No, OwnChild, OwnPupil, Yes;
    DELETE "/pupils/{user_id}/consents/{consent_id}":           No, No, OwnChild, No, Yes;
    POST   "/pupils/{user_id}/export":                          No, No, OwnChild, No, Yes;
    POST   "/pupils/{user_id}/erasure":                         No, No, No, No, Yes;
    POST   "/parents":                                          Yes, Yes, Yes, Yes, Yes;
    GET    "/staff":                                            No, No, No, Yes, Yes;
    DELETE "/classes/{class_id}":                               No, No, No, OwnClass, Yes;
    PUT    "/classes/{class_id}/teachers/{user_id}":            No, No, No, OwnClass, Yes;
    DELETE "/classes/{class_id}/teachers/{user_id}":            No, No, No, OwnClass, Yes;
    POST   "/classes/{class_id}/groups":                        No, No, No, OwnClass, Yes;
    PUT    "/classes/{class_id}/groups/{group_id}":             No, No, No, OwnClass, Yes;
    DELETE "/classes/{class_id}/groups/{group_id}":             No, No, No, OwnClass, Yes;
    POST   "/classes/{class_id}/cards":                         No, No, No, OwnClass, Yes;
    GET    "/classes/{class_id}/cards":                         No, No, No, OwnClass, Yes;
    POST   "/classes/{class_id}/parent-codes":                  No, No, No, OwnClass, Yes;
    POST   "/classes/{class_id}/parent-letters":                No, No, No, OwnClass, Yes;
    POST   "/classes/{class_id}/lessons/{lesson_id}/pause":     No, No, No, OwnClass, Yes;
    POST   "/classes/{class_id}/lessons/{lesson_id}/resume":    No, No, No, OwnClass, Yes;
    POST   "/classes/{class_id}/lessons/{lesson_id}/extend":    No, No, No, OwnClass, Yes;
    POST   "/classes/{class_id}/lessons/{lesson_id}/reopen":    No, No, No, OwnClass, Yes;
    POST   "/classes/{class_id}/pupils/{user_id}/notes":        No, No, No, OwnClassPupil, Yes;
    POST   "/classes/{class_id}/pupils/{user_id}/open":         No, No, No, OwnClassPupil, Yes;
    GET    "/classes/{class_id}/pupils/{user_id}/report":       No, No, No, OwnClassPupil, Yes;
    GET    "/classes/{class_id}/report":                        No, No, No, OwnClass, Yes;
    POST   "/classes/{class_id}/exports":                       No, No, No, OwnClass, Yes;
    POST   "/problems/{problem_id}/regrades/preview":           No, No, No, Yes, Yes;
    POST   "/problems/{problem_id}/regrades":                   No, No, No, Yes, Yes;
    GET    "/problems/{problem_id}/regrades":                   No, No, No, Yes, Yes;
    POST   "/regrades/{regrade_id}/undo":                       No, No, No, Yes, Yes;
    POST   "/problems/import/preview":                          No, No, No, Yes, Yes;
    POST   "/problems/import":                                  No, No, No, Yes, Yes;
    POST   "/problems/export":                                  No, No, No, Yes, Yes;
    POST   "/rosters/preview":                                  No, No, No, Yes, Yes;
    POST   "/rosters":                                          No, No, No, Yes, Yes;
    GET    "/roster-changes":                                   No, No, No, Yes, Yes;
    POST   "/roster-changes/{roster_change_id}/undo":           No, No, No, Yes, Yes;
    POST   "/rollovers/preview":                                No, No, No, No, Yes;
    POST   "/rollovers":                                        No, No, No, No, Yes;
    GET    "/hub/address":                                      No, No, No, Yes, Yes;
    GET    "/doctor":                                           No, No, No, No, Yes;
    GET    "/audit":                                            No, No, No, No, Yes;
    GET    "/audit/deeds":                                      No, No, No, No, Yes;
    POST   "/audit/export":                                     No, No, No, No, Yes;
    GET    "/api-keys":                                         No, No, No, No, Yes;
    POST   "/api-keys":                                         No, No, No, No, Yes;
    DELETE "/api-keys/{api_key_id}":                            No, No, No, No, Yes;
    GET    "/retention":                                        No, No, No, No, Yes;
    PUT    "/retention/{kind}":                                 No, No, No, No, Yes;
    POST   "/retention/run":                                    No, No, No, No, Yes;
};

/// What somebody with a password that others gave may do until it is changed: see that it must be, change it, leave.
pub static BEFORE_OWN_PASSWORD: &[(Method, &str)] = &[
    (Method::GET, "/api/v1/me"),
    (Method::GET, "/api/v1/me/sessions"),
    (Method::PUT, "/api/v1/me/password"),
    (Method::DELETE, "/api/v1/sessions/current"),
];

/// What a program with a key of the admin's may do: read reports, with the eyes of an admin. `/metrics` besides, which
/// stands outside the interface. Every other route refuses keys.
pub static BY_API_KEY: &[(Method, &str)] = &[
    (Method::GET, "/api/v1/classes"),
    (Method::GET, "/api/v1/classes/{class_id}/report"),
    (Method::GET, "/api/v1/pupils/{user_id}/progress"),
    (Method::GET, "/api/v1/skills"),
];

/// The row of a route.
pub fn rule(method: &Method, path: &str) -> Option<&'static Rule> {
    static INDEX: OnceLock<HashMap<&'static str, Vec<&'static Rule>>> = OnceLock::new();
    let index = INDEX.get_or_init(|| {
        let mut by_path: HashMap<_, Vec<_>> = HashMap::new();
        for rule in RULES {
            by_path.entry(rule.path).or_default().push(rule);
        }
        by_path
    });
    index.get(path)?.iter().find(|rule| rule.method == *method).copied()
}

/// Lets a request through if its caller may do what the route does, and puts [`Caller`] into it.
pub async fn check(
    State(ctx): State<Arc<Ctx>>,
    path: MatchedPath,
    params: RawPathParams,
    peer: Peer,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    // HEAD is GET without a body: it needs the same rights.
    let method = if request.method() == Method::HEAD { Method::GET } else { request.method().clone() };
    let rule = rule(&method, path.as_str()).ok_or_else(ApiError::not_allowed)?;
    if rule.stranger {
        return Ok(next.run(request).await);
    }
    let token = bearer(&request).ok_or_else(ApiError::sign_in_needed)?;
    if api_keys::is_key(token) {
        let key = ctx.api_keys.verify(token, ctx.clock.now()).ok_or_else(ApiError::sign_in_needed)?;
        limits::count_key(&key)?;
        if !BY_API_KEY.iter().any(|(m, p)| *m == rule.method && *p == rule.path) {
            return Err(ApiError::not_allowed());
        }
        let caller = key.caller();
        check_connection(caller.role, peer)?;
        request.extensions_mut().insert(caller);
        request.extensions_mut().insert(key);
        return Ok(next.run(request).await);
    }
    let school = ctx.school.get();
    let caller = ctx.auth.verify(&school, token, ctx.clock.now())?;
    // Before rights are looked at, which may read the database: what is refused counts too.
    limits::count_request(&ctx, &caller)?;
    check_connection(caller.role, peer)?;
    let must_change = school.people.get(&caller.user_id).is_some_and(|person| person.must_change);
    if must_change && !BEFORE_OWN_PASSWORD.iter().any(|(m, p)| *m == rule.method && *p == rule.path) {
        return Err(own_password_needed());
    }
    if !may(&ctx, &school, rule.scope(caller.role), &caller, &params).await? {
        return Err(ApiError::not_allowed());
    }
    drop(school);
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

fn own_password_needed() -> ApiError {
    ApiError::new(
        StatusCode::FORBIDDEN,
        ProblemCode::NotAllowed,
        "This account still has the password that somebody else gave it. Choose an own password first.",
    )
    .hint("Choose an own password, then go on.")
}

async fn may(
    ctx: &Ctx,
    school: &School,
    scope: Scope,
    caller: &Caller,
    params: &RawPathParams,
) -> Result<bool, ApiError> {
    let me = caller.user_id;
    let allowed = match scope {
        Scope::No => false,
        Scope::Yes => true,
        Scope::OwnClass => school.teaches(me, ClassId(id_of(params, "class_id")?)),
        Scope::OwnClassPupil => {
            let class = ClassId(id_of(params, "class_id")?);
            let pupil = UserId(id_of(params, "user_id")?);
            school.teaches(me, class) && school.class_of(pupil).is_some_and(|found| found.class_id == class)
        }
        Scope::OwnPupil => school.teaches_pupil(me, UserId(id_of(params, "user_id")?)),
        Scope::OwnChild => school.is_child(me, UserId(id_of(params, "user_id")?)),
        Scope::Given => {
            let version = ProblemVersionId(id_of(params, "problem_version_id")?);
            let now = ctx.clock.now();
            school.is_given(me, version, now)
                || !ctx.store.read(move |conn| standings::of_version(conn, me, version)).await?.is_empty()
                || sittings::has_begun_with(ctx, school, me, version, now).await?
        }
        Scope::OwnAttempt | Scope::OwnPupilAttempt => {
            let attempt = AttemptId(id_of(params, "attempt_id")?);
            match ctx.store.read(move |conn| attempts::owner(conn, attempt)).await? {
                Some(owner) if scope == Scope::OwnAttempt => owner == me,
                Some(owner) => school.teaches_pupil(me, owner),
                None => false,
            }
        }
    };
    Ok(allowed)
}

/// The token of the `Authorization` header.
pub fn bearer(request: &Request) -> Option<&str> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ").map(str::trim).filter(|token| !token.is_empty())
}

fn id_of(params: &RawPathParams, name: &str) -> Result<uuid::Uuid, ApiError> {
    let text = params.iter().find_map(|(key, value)| (key == name).then_some(value));
    text.and_then(|text| text.parse().ok()).ok_or_else(|| ApiError::not_found("That id"))
}
