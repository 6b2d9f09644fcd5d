//! Models: the catalogue, fetching and checking of files, and the engine that runs them in a process of its own.
//!
//! The walk of a model file: [`catalogue`] says what it is and where it comes from, [`store`] fetches it into the model
//! folder, [`gguf`] looks at its header. The walk of a text: the hub calls [`engine::Engine::generate`] on a
//! [`process::EngineProcess`], which sends [`wire_frames`] to [`child`], where `llama` (or [`scripted`]) writes it.

pub mod catalogue;
pub mod child;
pub mod cli;
#[cfg(feature = "fetch")]
mod download;
pub mod engine;
pub mod gguf;
#[cfg(feature = "llama")]
pub mod llama;
pub mod process;
pub mod scripted;
pub mod store;
#[cfg(feature = "fetch")]
mod wheel;
pub mod wire_frames;
