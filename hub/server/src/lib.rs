//! The school's hub. The walk of one answer: [`router`] → `api::attempts` → [`answering`] → [`store`] → [`feedback`] →
//! back to the pupil, and by [`live`] to the teacher.

pub mod answering;
pub mod api;
pub mod auth;
pub mod authoring;
pub mod clock;
pub mod config;
pub mod content_pack;
pub mod demo;
pub mod feedback;
pub mod hub;
pub mod live;
pub mod notices;
pub mod permissions;
pub mod progress;
pub mod router;
pub mod school;
pub mod store;
pub mod teaching;
pub mod tutor_model;
pub mod ui_files;
