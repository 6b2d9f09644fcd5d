//! How far a pupil has come: a cache of a pure fold over the answers.

use crate::ids::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A pupil's progress over the skills they have worked on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Progress {
    pub pupil_id: UserId,
    pub skills: Vec<SkillProgress>,
    /// The last days with work, oldest first.
    pub days: Vec<DayProgress>,
}

/// One skill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SkillProgress {
    pub skill: String,
    pub name: String,
    /// The estimated chance that the skill is known, 0 to 1.
    pub mastery: f64,
    pub level: MasteryLevel,
    pub attempts: u32,
    pub right: u32,
}

/// Mastery in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MasteryLevel {
    /// Fewer than three problems: too little is known.
    Starting,
    Growing,
    Secure,
}

/// One day of work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DayProgress {
    /// `YYYY-MM-DD` in the school's time zone.
    pub day: String,
    pub attempts: u32,
    pub right: u32,
}
