//! The hub from outside: a real one on a real socket, asked as its clients ask.
//!
//! Modules are named after the addresses they test; `damage`, `permissions`, `secrets_out`, `fold`, `store`, `bad_input`, `attacks` and
//! `engine_process` go across all of them.

mod admin;
mod api_keys;
mod attacks;
mod attempts;
mod attempts_feedback;
mod audit;
mod backup_admin;
mod backup_runs;
mod bad_input;
mod boot_check;
mod cards;
mod classes;
mod classes_live;
mod damage;
mod delivery;
mod devices;
mod discovery;
mod disk;
mod doctor;
mod engine_process;
mod enrolling;
mod epochs;
mod exams;
mod exports;
mod fold;
mod key_rotation;
mod lessons;
mod limits;
mod logs;
mod ops;
mod outbox;
mod parents;
mod permissions;
mod privacy;
mod problem_exchange;
mod problems;
mod progress;
mod pupil_events;
mod regrades;
mod reports;
mod retention;
mod rollovers;
mod rosters;
mod secrets_out;
mod sessions;
mod store;
mod users;
