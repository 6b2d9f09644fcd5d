//! What the hub prints: cards for pupils, letters for parents and the recovery sheet, as PDF with the font inside.
//!
//! [`sheet`] measures and sets single lines; [`cards`], [`letters`] and [`recovery`] lay them out on A4 pages.

pub mod cards;
pub mod letters;
pub mod recovery;
mod sheet;

/// Why something cannot be printed.
#[derive(Debug, thiserror::Error)]
pub enum PrintError {
    #[error("the font of the hub cannot be read")]
    Font,
    #[error("the PDF cannot be written: {0}")]
    Pdf(String),
    #[error("an address fits in no QR code")]
    Qr,
}
