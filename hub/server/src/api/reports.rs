//! `/classes/{class_id}/report`, a pupil's report, and files for a spreadsheet.

use std::sync::Arc;

use axum::{
    Json,
    body::Body as ResponseBody,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use dreamseed_wire::{
    Language,
    ids::*,
    report::{ClassReport, ExportClass, PupilReport},
};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    extract::{Body, Caller, Path, Query},
    problem::ApiError,
    problems::InLanguage,
};
use crate::{
    clock::day_of,
    exports::{self, ExportError},
    hub::Ctx,
    reports::{self, Days, ReportError},
};

pub fn routes() -> OpenApiRouter<Arc<Ctx>> {
    OpenApiRouter::new()
        .routes(routes!(get_class_report))
        .routes(routes!(get_pupil_report))
        .routes(routes!(export_class))
}

/// Which days, and in which language skills and problems are named.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ReportQuery {
    /// The first day, `YYYY-MM-DD`; four weeks before the last one if absent.
    from: Option<String>,
    /// The last day; today if absent.
    to: Option<String>,
    /// The reader's own if absent.
    lang: Option<Language>,
}

/// A class over its skills, its difficult problems, and who needs somebody.
#[utoipa::path(
    get, path = "/api/v1/classes/{class_id}/report", operation_id = "get_class_report", tag = "reports",
    params(("class_id" = ClassId, Path), ReportQuery), responses((status = 200, body = ClassReport))
)]
async fn get_class_report(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path(class): Path<ClassId>,
    Query(query): Query<ReportQuery>,
) -> Result<Json<ClassReport>, ApiError> {
    let today = day_of(ctx.clock.now(), &ctx.school.get().hub.time_zone);
    let days = Days::read(query.from.as_deref(), query.to.as_deref(), today)?;
    let language = query.lang.unwrap_or_else(|| reports::language_of(&ctx, &caller));
    Ok(Json(reports::of_class(&ctx, class, days, language).await?))
}

/// A pupil's skills week by week.
#[utoipa::path(
    get, path = "/api/v1/classes/{class_id}/pupils/{user_id}/report", operation_id = "get_pupil_report", tag = "reports",
    params(("class_id" = ClassId, Path), ("user_id" = UserId, Path), InLanguage),
    responses((status = 200, body = PupilReport))
)]
async fn get_pupil_report(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path((class, pupil)): Path<(ClassId, UserId)>,
    Query(query): Query<InLanguage>,
) -> Result<Json<PupilReport>, ApiError> {
    let language = query.lang.unwrap_or_else(|| reports::language_of(&ctx, &caller));
    Ok(Json(reports::of_pupil(&ctx, class, pupil, language).await?))
}

/// A table of the class as a file for a spreadsheet; the reason goes into the audit log.
#[utoipa::path(
    post, path = "/api/v1/classes/{class_id}/exports", operation_id = "export_class", tag = "reports",
    params(("class_id" = ClassId, Path)), request_body = ExportClass,
    responses((status = 200, body = String, content_type = "text/csv"))
)]
async fn export_class(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path(class): Path<ClassId>,
    Body(body): Body<ExportClass>,
) -> Result<Response, ApiError> {
    let export = exports::export_class(&ctx, &caller, class, body).await?;
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename*=UTF-8''{}", encode(&export.file_name))),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, ResponseBody::from_stream(export.pieces)).into_response())
}

/// Percent-encoding of a file name (RFC 8187), since class names are Korean.
fn encode(name: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    name.bytes().map(byte).collect()
}

impl From<ReportError> for ApiError {
    fn from(err: ReportError) -> Self {
        match err {
            ReportError::UnknownClass => ApiError::not_found("That class"),
            ReportError::UnknownPupil => ApiError::not_found("That pupil"),
            ReportError::BadDay { field } => {
                ApiError::bad_field(field, "a day as YYYY-MM-DD, the first one not after the last")
            }
            ReportError::Store(cause) => cause.into(),
        }
    }
}

impl From<ExportError> for ApiError {
    fn from(err: ExportError) -> Self {
        match err {
            ExportError::Reason(bad) => bad.into(),
            ExportError::Csv(cause) => ApiError::internal(cause),
            ExportError::Report(cause) => cause.into(),
            ExportError::Store(cause) => cause.into(),
        }
    }
}
