//! The HTTP face: handlers extract, call one function, wrap. Only this folder names axum's responses.

pub mod admin;
pub mod attempts;
pub mod classes;
pub mod extract;
pub mod feedback;
pub mod hub;
pub mod live;
pub mod me;
pub mod my;
pub mod ops;
pub mod people;
pub mod problem;
pub mod problems;
pub mod progress;
pub mod pupils;
pub mod sessions;
pub mod setup;
