//! The hub from outside: a real one on a real socket, asked as its clients ask.
//!
//! Modules are named after the addresses they test; `permissions`, `secrets_out`, `fold`, `store`, `bad_input` and
//! `engine_process` go across all of them.

mod attempts;
mod fold;
mod permissions;
mod secrets_out;
mod store;
