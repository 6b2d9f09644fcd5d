//! Types that cross the wall between the hub and its clients, used unchanged on both sides.
//!
//! No logic, no clock, no I/O. What must never reach a pupil (keys, solutions, hints not yet released) lives in
//! [`authoring`] only, and a test walks the API description to keep it so.

pub mod account;
pub mod answer;
pub mod attempt;
pub mod authoring;
pub mod backup;
pub mod class;
pub mod delivery;
pub mod exchange;
pub mod feedback;
pub mod house;
pub mod hub;
pub mod ids;
pub mod lesson;
pub mod live;
pub mod model;
pub mod people;
pub mod privacy;
pub mod problem;
pub mod progress;
pub mod question;
pub mod regrade;
pub mod report;

/// The language of a class, a user or a text.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Default,
    serde::Serialize,
    serde::Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    #[default]
    Ko,
    En,
}

impl Language {
    /// The BCP 47 code: `ko` or `en`.
    pub fn code(self) -> &'static str {
        match self {
            Language::Ko => "ko",
            Language::En => "en",
        }
    }
}
