//! `/backup`: where backups go, how they stand, the recovery sheet, and what a restore lost.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use dreamseed_wire::{
    Language,
    backup::{AddBackupTarget, BackupState, SinceRestore},
    hub::{Problem, ProblemCode},
    privacy::GiveReason,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    cards::pdf,
    extract::{Body, Caller, Path, Peer, Query},
    problem::ApiError,
    problems::InLanguage,
};
use crate::{
    auth::By,
    backup::{
        self, BackupError, Which,
        admin::{self, AdminError},
        sheet::SheetError,
        state,
        targets::TargetError,
        trouble,
    },
    epochs,
    hub::Ctx,
};

pub fn routes() -> OpenApiRouter<Arc<Ctx>> {
    OpenApiRouter::new()
        .routes(routes!(get_backup))
        .routes(routes!(run_backup))
        .routes(routes!(add_backup_target))
        .routes(routes!(remove_backup_target))
        .routes(routes!(check_backup_target))
        .routes(routes!(print_recovery_sheet))
        .routes(routes!(keep_recovery_sheet))
        .routes(routes!(get_since_restore))
}

/// How backups stand.
#[utoipa::path(
    get, path = "/api/v1/backup", operation_id = "get_backup", tag = "backup", params(InLanguage),
    responses((status = 200, body = BackupState))
)]
async fn get_backup(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Query(query): Query<InLanguage>,
) -> Result<Json<BackupState>, ApiError> {
    Ok(Json(state::view(&ctx, language(&ctx, &caller, &query)).await?))
}

/// Starts a backup to every target.
#[utoipa::path(
    post, path = "/api/v1/backup/run", operation_id = "run_backup", tag = "backup", params(InLanguage),
    responses(
        (status = 202, body = BackupState),
        (status = 404, description = "There is no target yet", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn run_backup(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    peer: Peer,
    Query(query): Query<InLanguage>,
) -> Result<Response, ApiError> {
    backup::start_now(&ctx, &By::caller(&caller, peer), Which::All).await?;
    accepted(&ctx, language(&ctx, &caller, &query)).await
}

/// Adds a place for backups; it is tried before it is kept.
#[utoipa::path(
    post, path = "/api/v1/backup/targets", operation_id = "add_backup_target", tag = "backup", params(InLanguage),
    request_body = AddBackupTarget,
    responses(
        (status = 201, body = BackupState),
        (status = 409, description = "The name is taken", body = Problem, content_type = "application/problem+json"),
        (
            status = 422, description = "A field that cannot be, or a place that does not work",
            body = Problem, content_type = "application/problem+json"
        ),
    )
)]
async fn add_backup_target(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    peer: Peer,
    Query(query): Query<InLanguage>,
    Body(wanted): Body<AddBackupTarget>,
) -> Result<Response, ApiError> {
    let language = language(&ctx, &caller, &query);
    let added = admin::add_target(&ctx, By::caller(&caller, peer), wanted).await;
    added.map_err(|err| explain(err, language))?;
    Ok((StatusCode::CREATED, Json(state::view(&ctx, language).await?)).into_response())
}

/// Forgets a place for backups; what lies there stays.
#[utoipa::path(
    delete, path = "/api/v1/backup/targets/{target}", operation_id = "remove_backup_target", tag = "backup",
    params(("target" = String, Path)),
    responses(
        (status = 204),
        (status = 404, description = "No such target", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn remove_backup_target(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    peer: Peer,
    Path(target): Path<String>,
) -> Result<StatusCode, ApiError> {
    let removed = admin::remove_target(&ctx, By::caller(&caller, peer), target).await;
    removed.map_err(|err| explain(err, Language::En))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Reads the newest backup of a target back and checks it.
#[utoipa::path(
    post, path = "/api/v1/backup/targets/{target}/check", operation_id = "check_backup_target", tag = "backup",
    params(("target" = String, Path), InLanguage),
    responses(
        (status = 202, body = BackupState),
        (status = 404, description = "No such target", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn check_backup_target(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    peer: Peer,
    Path(target): Path<String>,
    Query(query): Query<InLanguage>,
) -> Result<Response, ApiError> {
    backup::start_now(&ctx, &By::caller(&caller, peer), Which::Check(target)).await?;
    accepted(&ctx, language(&ctx, &caller, &query)).await
}

/// The recovery sheet, in Korean and English: whoever holds it can read every backup.
#[utoipa::path(
    post, path = "/api/v1/backup/sheet", operation_id = "print_recovery_sheet", tag = "backup", params(InLanguage),
    request_body = GiveReason,
    responses(
        (status = 200, content_type = "application/pdf", body = Vec<u8>),
        (
            status = 422, description = "No reason, or no target yet", body = Problem,
            content_type = "application/problem+json"
        ),
    )
)]
async fn print_recovery_sheet(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    peer: Peer,
    Query(query): Query<InLanguage>,
    Body(body): Body<GiveReason>,
) -> Result<Response, ApiError> {
    let language = language(&ctx, &caller, &query);
    let printed = admin::print_sheet(&ctx, By::caller(&caller, peer), &body.reason).await;
    Ok(pdf("dreamseed-recovery-sheet.pdf", printed.map_err(|err| explain(err, language))?))
}

/// The sheet was put away.
#[utoipa::path(
    put, path = "/api/v1/backup/sheet/kept", operation_id = "keep_recovery_sheet", tag = "backup",
    responses(
        (status = 204),
        (status = 404, description = "None was printed", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn keep_recovery_sheet(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    peer: Peer,
) -> Result<StatusCode, ApiError> {
    let kept = admin::keep_sheet(&ctx, By::caller(&caller, peer)).await;
    kept.map_err(|err| explain(err, Language::En))?;
    Ok(StatusCode::NO_CONTENT)
}

/// What changed after the state that was restored.
#[utoipa::path(
    get, path = "/api/v1/backup/since-restore", operation_id = "get_since_restore", tag = "backup",
    responses((status = 200, body = SinceRestore))
)]
async fn get_since_restore(State(ctx): State<Arc<Ctx>>) -> Result<Json<SinceRestore>, ApiError> {
    Ok(Json(epochs::since_restore(&ctx).await?))
}

fn language(ctx: &Ctx, caller: &Caller, query: &InLanguage) -> Language {
    query.lang.unwrap_or_else(|| ctx.school.get().working_language(caller.user_id))
}

async fn accepted(ctx: &Ctx, language: Language) -> Result<Response, ApiError> {
    Ok((StatusCode::ACCEPTED, Json(state::view(ctx, language).await?)).into_response())
}

/// What is wrong with a place is told in the reader's language: an admin has to act on it.
fn explain(err: AdminError, language: Language) -> ApiError {
    match err {
        AdminError::Target(err) => explain_target(err, language),
        AdminError::UnknownTarget(_) => ApiError::not_found("That target"),
        AdminError::Sheet(SheetError::NoTargets) => {
            let (text, next) = match language {
                Language::Ko => (
                    "저장 위치가 아직 없어서 복구 안내문에 적을 것이 없습니다.",
                    "저장 위치를 먼저 추가하세요.",
                ),
                Language::En => (
                    "There is no target yet, so there is nothing to stand on a recovery sheet.",
                    "Add a target first.",
                ),
            };
            ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, ProblemCode::BadField, text).hint(next)
        }
        AdminError::Sheet(SheetError::Targets(err)) => explain_target(err, language),
        AdminError::Sheet(err @ (SheetError::Password(_) | SheetError::Print(_))) => ApiError::internal(err),
        AdminError::ReasonNeeded => ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            ProblemCode::ReasonNeeded,
            "A reason must be given: it goes into the audit log.",
        )
        .hint("Write in a few words what the sheet is for."),
        AdminError::LongReason => ApiError::bad_field("reason", "at most 300 characters"),
        AdminError::NoSheet => ApiError::not_found("A recovery sheet").hint("Print the sheet first."),
        AdminError::Store(cause) => cause.into(),
    }
}

fn explain_target(err: TargetError, language: Language) -> ApiError {
    match err {
        TargetError::BadField { field, why } => ApiError::bad_field(field, why),
        TargetError::Taken => {
            ApiError::new(StatusCode::CONFLICT, ProblemCode::Taken, "A target of that name is there already.")
                .hint("Choose another name.")
        }
        TargetError::TooMany => {
            ApiError::bad_field("name", "there are ten targets already; remove one that is not used any more")
        }
        TargetError::Trouble { code, cause } => {
            tracing::warn!(code = ?code, cause, "a new target was tried and is not kept");
            let (text, next) = trouble::describe(code, language);
            ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, ProblemCode::BadField, text).hint(next)
        }
        err @ (TargetError::Io { .. } | TargetError::Malformed { .. } | TargetError::Password(_)) => {
            ApiError::internal(err)
        }
    }
}

impl From<BackupError> for ApiError {
    fn from(err: BackupError) -> Self {
        match err {
            BackupError::UnknownTarget { .. } => ApiError::not_found("That target"),
            BackupError::NoTarget => ApiError::not_found("A target for backups")
                .hint("Add a folder on another disk, or a cloud, first."),
            BackupError::Store(cause) => cause.into(),
            err @ (BackupError::NoRoom { .. }
            | BackupError::Io { .. }
            | BackupError::Targets(_)
            | BackupError::Unfit(_)) => ApiError::internal(err),
        }
    }
}
