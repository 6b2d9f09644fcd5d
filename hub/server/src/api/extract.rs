//! What handlers take: bodies, ids and the caller, with refusals in the hub's own shape.

use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    http::request::Parts,
};
use dreamseed_wire::{
    account::Role,
    ids::{SessionId, UserId},
};
use serde::de::DeserializeOwned;

use super::problem::ApiError;

/// A JSON body.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiError;
    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let axum::Json(value) = axum::Json::<T>::from_request(request, state).await?;
        Ok(Body(value))
    }
}

/// A file as the body of a request, whatever it says about its type.
pub struct File(pub bytes::Bytes);

impl<S: Send + Sync> FromRequest<S> for File {
    type Rejection = ApiError;
    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        Ok(File(bytes::Bytes::from_request(request, state).await?))
    }
}

/// Ids from the path.
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let axum::extract::Path(value) = axum::extract::Path::<T>::from_request_parts(parts, state).await?;
        Ok(Path(value))
    }
}

/// The query string.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let axum::extract::Query(value) = axum::extract::Query::<T>::from_request_parts(parts, state).await?;
        Ok(Query(value))
    }
}

/// Who asks. Put into the request by [`crate::permissions`], which has checked the token and the right to the route;
/// a handler that takes it on a route without a rule gets a refusal.
#[derive(Debug, Clone, Copy)]
pub struct Caller {
    pub user_id: UserId,
    pub session_id: SessionId,
    pub role: Role,
    /// When the access token ends; streams end with it.
    pub expires_at: jiff::Timestamp,
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts.extensions.get::<Caller>().copied().ok_or_else(ApiError::sign_in_needed)
    }
}

/// The address of the other end and whether it is this machine.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub std::net::SocketAddr);

impl<S: Send + Sync> FromRequestParts<S> for Peer {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts
            .extensions
            .get::<axum::extract::ConnectInfo<std::net::SocketAddr>>()
            .map(|info| Peer(info.0))
            .ok_or_else(|| ApiError::internal("the listener gave no peer address"))
    }
}
