//! Files in, drafts out, and back.

mod fuzz;
mod imports;
mod round_trip;

use dreamseed_formats::{Item, Outcome, Reading, Remark, read};
use dreamseed_wire::{Language, authoring::ProblemDraft, exchange::ProblemFormat};

/// Reads as a Korean school would.
fn reading() -> Reading<'static> {
    Reading { language: Language::Ko, skill: "ratio-percent", skills: &["ratio-percent", "area-plane"] }
}

fn read_all(format: ProblemFormat, file: &str) -> Vec<Item> {
    read(format, file.as_bytes(), &reading()).expect("a sound file")
}

fn taken(item: &Item) -> (&ProblemDraft, &[Remark]) {
    match &item.outcome {
        Outcome::Taken(draft, remarks) => (draft, remarks),
        Outcome::Refused(refusal) => panic!("{}: {}", item.title, refusal.text(Language::En)),
    }
}
