//! The local model as the admin sees it.

use crate::Language;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A model of the catalogue or one that was added by hand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ModelView {
    pub id: String,
    pub family: String,
    pub licence: String,
    pub languages: Vec<Language>,
    pub bytes: Option<u64>,
    /// Graphics memory it needs, in GB.
    pub vram_gb: Option<f64>,
    /// Somebody has hashed the bytes; others are not offered to teachers.
    pub verified: bool,
    pub installed: bool,
    pub active: bool,
    /// One sentence: how to get it.
    pub how_to_get: String,
}

/// The engine's state in words for the admin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EngineView {
    pub state: EngineState,
    pub model: Option<String>,
    pub languages: Vec<Language>,
    /// `cpu`, `vulkan`, `cuda` or `scripted`.
    pub backend: String,
    pub running: u32,
    pub waiting: u32,
    /// Times the engine process had to be started again since the hub started.
    pub restarts: u32,
}

/// Whether the model can write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EngineState {
    /// No model is installed.
    NoModel,
    Starting,
    Ready,
    /// It died or hung and is being started again.
    Restarting,
    /// Three crashes in a row: resting before the next try.
    Resting,
}
