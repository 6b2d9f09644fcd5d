//! `/classes/{class_id}/cards`: cards with which pupils sign in.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use dreamseed_wire::{
    hub::{Problem, ProblemCode},
    ids::ClassId,
    people::MakeCards,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    extract::{Body, Caller, Path},
    problem::ApiError,
};
use crate::{
    cards::{self, CardsError},
    hub::Ctx,
};

pub fn routes() -> OpenApiRouter<Arc<Ctx>> {
    OpenApiRouter::new().routes(routes!(make_cards, get_cards))
}

/// New PINs and QR codes on cards to cut apart; they are in this reply, and for ten minutes in that of `get_cards`.
#[utoipa::path(
    post, path = "/api/v1/classes/{class_id}/cards", operation_id = "make_cards", tag = "people",
    params(("class_id" = ClassId, Path)), request_body = MakeCards,
    responses(
        (status = 200, content_type = "application/pdf", body = Vec<u8>),
        (status = 422, description = "A pupil is not in the class, or nobody needs a card", body = Problem),
    )
)]
async fn make_cards(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path(class): Path<ClassId>,
    Body(wanted): Body<MakeCards>,
) -> Result<Response, ApiError> {
    Ok(pdf("dreamseed-cards.pdf", cards::make_cards(&ctx, &caller, class, wanted).await?))
}

/// The sheet that the caller made for the class in the last ten minutes, if its reply was lost; the same PINs.
#[utoipa::path(
    get, path = "/api/v1/classes/{class_id}/cards", operation_id = "get_cards", tag = "people",
    params(("class_id" = ClassId, Path)),
    responses(
        (status = 200, content_type = "application/pdf", body = Vec<u8>),
        (status = 404, description = "None was made", body = Problem),
    )
)]
async fn get_cards(
    State(ctx): State<Arc<Ctx>>,
    caller: Caller,
    Path(class): Path<ClassId>,
) -> Result<Response, ApiError> {
    Ok(pdf("dreamseed-cards.pdf", cards::fetch_again(&ctx, &caller, class)?))
}

/// A PDF that is shown or saved; secrets are in it, so nothing between may keep it.
pub(super) fn pdf(file_name: &str, bytes: impl IntoResponse) -> Response {
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/pdf"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{file_name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

impl From<CardsError> for ApiError {
    fn from(err: CardsError) -> Self {
        match err {
            CardsError::UnknownClass => ApiError::not_found("That class"),
            CardsError::UnknownPupil => ApiError::bad_field("pupil_ids", "one of them is not in the class"),
            CardsError::NoSheet => {
                ApiError::not_found("A sheet of cards that you made in the last ten minutes")
                    .hint("Make new cards; the PINs of the sheet that was lost stop working then.")
            }
            CardsError::NoPupils => ApiError::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                ProblemCode::BadField,
                "There are no pupils in this class yet.",
            )
            .hint("Add pupils or import the class list, then make their cards."),
            CardsError::NobodyNeedsOne => ApiError::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                ProblemCode::BadField,
                "Every pupil of this class has a PIN already.",
            )
            .hint("Choose the pupils who need a new card, or make new PINs for everyone."),
            CardsError::Secret(cause) => cause.into(),
            CardsError::Print(cause) => ApiError::internal(cause),
            CardsError::Store(cause) => cause.into(),
        }
    }
}
