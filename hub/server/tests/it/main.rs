//! The hub from outside: a real one on a real socket, asked as its clients ask.
//!
//! Modules are named after the addresses they test; `permissions`, `secrets_out`, `fold`, `store`, `bad_input` and
//! `engine_process` go across all of them.

mod admin;
mod attempts;
mod attempts_feedback;
mod bad_input;
mod classes;
mod classes_live;
mod engine_process;
mod fold;
mod ops;
mod permissions;
mod problems;
mod progress;
mod secrets_out;
mod sessions;
mod store;
mod users;
