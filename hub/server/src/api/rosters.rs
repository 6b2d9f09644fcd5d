//! `/rosters`, `/roster-changes` and `/rollovers`: lists of pupils and the change of the school year.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use dreamseed_roster::ListFault;
use dreamseed_wire::{
    Language,
    hub::{Problem, ProblemCode},
    ids::RosterChangeId,
    people::*,
};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    extract::{Body, Caller, File, Path, Query},
    problem::ApiError,
};
use crate::{
    hub::Ctx,
    rostering::{self, RosteringError, Upload, rollover, undo},
};

/// Places that a refusal names; the preview names all.
const TOLD: usize = 10;

/// Those that take a whole class list.
pub fn file_routes() -> OpenApiRouter<Arc<Ctx>> {
    OpenApiRouter::new().routes(routes!(preview_roster)).routes(routes!(import_roster))
}

pub fn routes() -> OpenApiRouter<Arc<Ctx>> {
    OpenApiRouter::new()
        .routes(routes!(list_roster_changes))
        .routes(routes!(undo_roster_change))
        .routes(routes!(preview_rollover))
        .routes(routes!(apply_rollover))
}

/// What is said about a file.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListFile {
    pub file_name: String,
    /// The school year of today if absent; it begins in March.
    pub school_year: Option<u16>,
}

/// What is said about a file that is to be taken.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PreviewedFile {
    pub file_name: String,
    /// The school year of today if absent; it begins in March.
    pub school_year: Option<u16>,
    /// That of the preview.
    pub digest: String,
    /// Closes the accounts of the pupils who are missing in the list.
    #[serde(default)]
    pub archive_missing: bool,
}

/// What a class list would change; nothing is written.
#[utoipa::path(
    post, path = "/api/v1/rosters/preview", operation_id = "preview_roster", tag = "people", params(ListFile),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 200, body = RosterPreview),
        (status = 413, description = "The file is too large", body = Problem),
        (status = 422, description = "The file cannot be read", body = Problem),
    )
)]
async fn preview_roster(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Query(file): Query<ListFile>,
    File(bytes): File,
) -> Result<Json<RosterPreview>, ApiError> {
    let upload = Upload { file_name: file.file_name, school_year: file.school_year, bytes };
    Ok(Json(rostering::preview(&ctx, &caller, upload).await?))
}

/// Makes the changes of a class list as they were previewed, all or none.
#[utoipa::path(
    post, path = "/api/v1/rosters", operation_id = "import_roster", tag = "people", params(PreviewedFile),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 201, body = RosterImported),
        (status = 409, description = "The school has changed since the preview, or a new pupil has a missing one's number", body = Problem),
        (status = 413, description = "The file is too large", body = Problem),
        (status = 422, description = "The file or a line of it cannot be taken", body = Problem),
    )
)]
async fn import_roster(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Query(file): Query<PreviewedFile>,
    File(bytes): File,
) -> Result<(StatusCode, Json<RosterImported>), ApiError> {
    let upload = Upload { file_name: file.file_name, school_year: file.school_year, bytes };
    let imported = rostering::import(&ctx, &caller, upload, file.digest, file.archive_missing).await?;
    Ok((StatusCode::CREATED, Json(imported)))
}

/// Imports and changes of the year, newest first: a teacher's own, all for the admin.
#[utoipa::path(
    get, path = "/api/v1/roster-changes", operation_id = "list_roster_changes", tag = "people",
    responses((status = 200, body = [RosterChangeView]))
)]
async fn list_roster_changes(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
) -> Result<Json<Vec<RosterChangeView>>, ApiError> {
    Ok(Json(undo::list_changes(&ctx, &caller).await?))
}

/// Puts back what stood before, while nothing has been built on it.
#[utoipa::path(
    post, path = "/api/v1/roster-changes/{roster_change_id}/undo", operation_id = "undo_roster_change",
    tag = "people", params(("roster_change_id" = RosterChangeId, Path)),
    responses(
        (status = 200, body = RosterChangeView),
        (status = 409, description = "Undone already, or something was built on it", body = Problem),
    )
)]
async fn undo_roster_change(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path(id): Path<RosterChangeId>,
) -> Result<Json<RosterChangeView>, ApiError> {
    Ok(Json(undo::undo_change(&ctx, &caller, id).await?))
}

/// What the change of the school year would do; classes that are not named go up.
#[utoipa::path(
    post, path = "/api/v1/rollovers/preview", operation_id = "preview_rollover", tag = "people",
    request_body = PlanRollover, responses((status = 200, body = RolloverPreview))
)]
async fn preview_rollover(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Body(plan): Body<PlanRollover>,
) -> Result<Json<RolloverPreview>, ApiError> {
    Ok(Json(rollover::preview(&ctx, &caller, plan).await?))
}

/// Changes the school year as it was previewed.
#[utoipa::path(
    post, path = "/api/v1/rollovers", operation_id = "apply_rollover", tag = "people",
    request_body = ApplyRollover,
    responses(
        (status = 201, body = RosterChangeView),
        (status = 409, description = "The school has changed since the preview", body = Problem),
    )
)]
async fn apply_rollover(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Body(asked): Body<ApplyRollover>,
) -> Result<(StatusCode, Json<RosterChangeView>), ApiError> {
    Ok((StatusCode::CREATED, Json(rollover::apply(&ctx, &caller, asked).await?)))
}

impl From<RosteringError> for ApiError {
    fn from(err: RosteringError) -> Self {
        let conflict = |code, detail: &str| ApiError::new(StatusCode::CONFLICT, code, detail);
        let unreadable =
            |detail: String| ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, ProblemCode::BadFile, detail);
        match err {
            RosteringError::File(fault) => {
                let hint = match fault {
                    ListFault::Empty => "Choose the file again; this one holds nothing.",
                    ListFault::TooLarge => {
                        "Keep the sheet with the list and delete pictures and other sheets."
                    }
                    ListFault::UnknownEncoding
                    | ListFault::OldOrProtected
                    | ListFault::Damaged
                    | ListFault::Bomb => {
                        "Open it in the spreadsheet program and save it as XLSX or CSV, without a password."
                    }
                };
                unreadable(format!("This file cannot be read: {fault}. Nothing was changed.")).hint(hint)
            }
            RosteringError::Faults(count) => {
                unreadable(format!("{count} lines of the list cannot be taken, so nothing was changed."))
                    .hint("Correct the lines that the preview names and choose the file again.")
            }
            RosteringError::NumbersTaken(taken) => {
                let places: Vec<String> = taken
                    .iter()
                    .take(TOLD)
                    .map(|one| format!("{} {} (line {})", one.pupil.class_name, one.pupil.number, one.line))
                    .collect();
                let (count, places) = (taken.len(), places.join(", "));
                conflict(
                    ProblemCode::Taken,
                    &format!(
                        "{count} new pupils have numbers of pupils who are not in the list: {places}. Nothing was changed."
                    ),
                )
                .hint(
                    "Archive the missing pupils with the import. If it is the same pupil under a new name, write the \
                     old name in brackets after it; a pupil who goes to another class is moved first.",
                )
            }
            RosteringError::Changed => conflict(
                ProblemCode::Changed,
                "The school's lists have changed since the preview, so nothing was changed.",
            )
            .hint("Look at the preview again."),
            RosteringError::Conflicts(count) => conflict(
                ProblemCode::Taken,
                &format!("{count} numbers would be taken twice in the new classes, so nothing was changed."),
            )
            .hint(
                "Give the classes other targets, or the pupils other numbers, and look at the preview again.",
            ),
            RosteringError::ExamRunning => {
                conflict(ProblemCode::ExamRunning, "An exam is running in one of these classes.")
                    .hint("Close the exam, then change the year.")
            }
            RosteringError::BadField { field, why } => ApiError::bad_field(field, why),
            RosteringError::OtherYear { present, reader } => {
                let next = present.saturating_add(1);
                let (why, hint) = match reader {
                    Language::Ko => (
                        format!(
                            "지금은 {present}학년도라서 {present}학년도나 {next}학년도로만 옮길 수 있습니다. 아무것도 바뀌지 않았습니다."
                        ),
                        "그중 하나를 고르세요. 지금 학년도가 아니라면 허브 컴퓨터의 날짜를 맞추세요.",
                    ),
                    Language::En => (
                        format!(
                            "It is the school year {present}: classes go to {present} or {next} only. Nothing was changed."
                        ),
                        "Choose one of them; if it is another year, set the date of the hub's machine.",
                    ),
                };
                ApiError::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    ProblemCode::BadField,
                    format!("to_year: {why}"),
                )
                .hint(hint)
            }
            RosteringError::UnknownClass => {
                ApiError::bad_field("classes", "one of them is not a class of an earlier year")
            }
            RosteringError::UnknownChange => ApiError::not_found("That change"),
            RosteringError::Undone => conflict(ProblemCode::Changed, "This has been undone already.")
                .hint("Look at the list again."),
            RosteringError::BuiltOn => conflict(
                ProblemCode::Changed,
                "This can no longer be undone: cards, lessons, answers or moves have been built on it.",
            )
            .hint("Change single pupils on their page, or import the corrected list."),
            RosteringError::Store(cause) => cause.into(),
        }
    }
}
