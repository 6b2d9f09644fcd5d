//! Typed client of the hub: one fn per operation of `docs/routes.md`.
//!
//! The walk of a call: [`Hub`] (operations, by who uses them) → [`connection`] (bearer token, one refresh on 401,
//! time limit, problem documents as errors) → JSON of `wire`. Streams end as [`EventStream`]s, parsed by [`sse`].

mod connection;
mod error;
mod events;
mod operations;
#[cfg(feature = "outbox")]
pub mod outbox;
pub mod sse;

pub use connection::Hub;
pub use error::ClientError;
pub use events::{EventStream, StreamEvent};
pub use http::{HeaderMap, Method, StatusCode};
pub use operations::{SignedBody, answers_path, lacking_path};
