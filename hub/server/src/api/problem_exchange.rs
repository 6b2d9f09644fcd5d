//! `/problems/import` and `/problems/export`: files of other programs.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use dreamseed_wire::{
    Language,
    exchange::{ExportProblems, ImportReport, ProblemFormat},
    hub::{Problem, ProblemCode},
};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    extract::{Body, Caller, File, Query},
    problem::ApiError,
    problems::InLanguage,
};
use crate::{
    hub::Ctx,
    problem_exchange::{self, ExchangeError, Upload},
};

pub fn routes() -> OpenApiRouter<Arc<Ctx>> {
    OpenApiRouter::new()
        .routes(routes!(preview_problem_import))
        .routes(routes!(import_problems))
        .routes(routes!(export_problems))
}

/// What is said about a file of problems.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ProblemFile {
    /// By the ending of the file's name if absent: `.xml`, `.gift` or `.txt`.
    pub format: Option<ProblemFormat>,
    pub file_name: Option<String>,
    /// The language that the file is in; the caller's if absent.
    pub lang: Option<Language>,
    /// The language in which the items are remarked on; the caller's own if absent.
    pub report_lang: Option<Language>,
    /// The skill of problems that name none with a tag `skill:<id>`.
    pub skill: String,
}

/// What is said about a file of problems that is to be taken.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PreviewedProblems {
    /// By the ending of the file's name if absent: `.xml`, `.gift` or `.txt`.
    pub format: Option<ProblemFormat>,
    pub file_name: Option<String>,
    /// The language that the file is in; the caller's if absent.
    pub lang: Option<Language>,
    /// The language in which the items are remarked on; the caller's own if absent.
    pub report_lang: Option<Language>,
    /// The skill of problems that name none with a tag `skill:<id>`.
    pub skill: String,
    /// That of the preview.
    pub digest: String,
}

/// What would become of each item of a file; nothing is written.
#[utoipa::path(
    post, path = "/api/v1/problems/import/preview", operation_id = "preview_problem_import", tag = "problems",
    params(ProblemFile), request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 200, body = ImportReport),
        (status = 413, description = "The file is too large", body = Problem),
        (status = 422, description = "The file cannot be read", body = Problem),
    )
)]
async fn preview_problem_import(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Query(about): Query<ProblemFile>,
    File(bytes): File,
) -> Result<Json<ImportReport>, ApiError> {
    let ProblemFile { format, file_name, lang: language, report_lang: report_language, skill } = about;
    let upload = Upload { format, file_name, language, report_language, skill, bytes };
    Ok(Json(problem_exchange::preview(&ctx, &caller, upload).await?))
}

/// Takes a file as it was previewed, in one transaction.
#[utoipa::path(
    post, path = "/api/v1/problems/import", operation_id = "import_problems", tag = "problems",
    params(PreviewedProblems), request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 201, body = ImportReport),
        (status = 409, description = "The file or the school is another than at the preview", body = Problem),
        (status = 413, description = "The file is too large", body = Problem),
        (status = 422, description = "The file cannot be read", body = Problem),
    )
)]
async fn import_problems(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Query(about): Query<PreviewedProblems>,
    File(bytes): File,
) -> Result<(StatusCode, Json<ImportReport>), ApiError> {
    let PreviewedProblems { format, file_name, lang: language, report_lang: report_language, skill, digest } =
        about;
    let upload = Upload { format, file_name, language, report_language, skill, bytes };
    let report = problem_exchange::import(&ctx, &caller, upload, digest).await?;
    Ok((StatusCode::CREATED, Json(report)))
}

/// Problems as a file of another program; the language is the caller's if it is not given.
#[utoipa::path(
    post, path = "/api/v1/problems/export", operation_id = "export_problems", tag = "problems",
    params(InLanguage), request_body = ExportProblems,
    responses(
        (status = 200, content((String = "text/plain"), (String = "application/xml"))),
        (status = 404, description = "One of the problems is not on this hub", body = Problem),
    )
)]
async fn export_problems(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Query(query): Query<InLanguage>,
    Body(asked): Body<ExportProblems>,
) -> Result<Response, ApiError> {
    let export = problem_exchange::export(&ctx, &caller, asked, query.lang).await?;
    let headers = [
        (header::CONTENT_TYPE, export.content_type.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", export.file_name)),
    ];
    Ok((headers, export.text).into_response())
}

impl From<ExchangeError> for ApiError {
    fn from(err: ExchangeError) -> Self {
        match err {
            ExchangeError::File { fault, reader } => {
                let hint = match reader {
                    Language::Ko => "아무것도 바뀌지 않았습니다. 파일을 고쳐 다시 고르세요.",
                    Language::En => "Nothing was changed. Mend the file and choose it again.",
                };
                ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, ProblemCode::BadFile, fault.text(reader)).hint(hint)
            }
            ExchangeError::BadField { field, why } => ApiError::bad_field(field, why),
            ExchangeError::Changed => ApiError::new(
                StatusCode::CONFLICT,
                ProblemCode::Changed,
                "The file or the school's problems are no longer those of the preview, so nothing was changed.",
            )
            .hint("Look at the preview again."),
            ExchangeError::UnknownProblem => ApiError::not_found("That problem"),
            ExchangeError::Store(cause) => cause.into(),
        }
    }
}
