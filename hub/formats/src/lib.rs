//! Problems from and for other programs: GIFT and Moodle XML ↔ drafts.
//!
//! The walk of an import: `encoding` makes text of the bytes, [`read`] cuts the file into questions by the format's own grammar (`gift`, `moodle_xml`,
//! `cloze`), each text is cleaned into the project's Markdown (`html`, `markdown`), `take` makes a draft of what is asked
//! and lets `grading` check it. Nothing is guessed: what has no place here is named in a [`Remark`] or a [`Refusal`].
//!
//! An export walks back (`give`), reads its own file again and puts what the format could not hold into a comment
//! (`rest`), so that a problem comes back as it left.

mod cloze;
mod encoding;
mod gift;
mod give;
mod html;
mod markdown;
mod moodle_xml;
mod question;
mod remark;
mod rest;
mod take;

pub use remark::{FileFault, Refusal, Remark};

use dreamseed_wire::{Language, authoring::ProblemDraft, exchange::ProblemFormat};
use question::Question;

/// The largest file, in bytes.
pub const MAX_FILE: usize = 2 * 1024 * 1024;
/// The most problems of a file.
pub const MAX_ITEMS: usize = 2_000;

/// What an import needs to know besides the file.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// The one language that such a file is in.
    pub language: Language,
    /// The skill of problems that name none.
    pub skill: &'a str,
    /// The skills that a file may name with the tag `skill:<id>`.
    pub skills: &'a [&'a str],
}

/// One item of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Counted from 1.
    pub position: u32,
    /// The line where it begins.
    pub line: Option<u32>,
    pub title: String,
    pub outcome: Outcome,
}

/// What becomes of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A draft that passes `grading`'s checks, and what is worth knowing of it.
    Taken(Box<ProblemDraft>, Vec<Remark>),
    Refused(Refusal),
}

/// Reads a file of problems.
///
/// # Errors
/// The file as a whole cannot be read; a single item at fault is an [`Outcome::Refused`] instead.
pub fn read(format: ProblemFormat, file: &[u8], reading: &Reading<'_>) -> Result<Vec<Item>, FileFault> {
    if file.len() > MAX_FILE {
        return Err(FileFault::TooLarge(MAX_FILE));
    }
    let source = encoding::decode(format, file)?;
    let entries = parse(format, source.trim_start_matches('\u{FEFF}'))?;
    if entries.is_empty() {
        return Err(FileFault::NoItems);
    }
    let items = (1..).zip(entries).map(|(position, entry)| {
        let taken = entry.question.and_then(|question| take::take(&question, reading));
        let outcome = match taken {
            Ok((draft, remarks)) => Outcome::Taken(Box::new(draft), remarks),
            Err(refusal) => Outcome::Refused(refusal),
        };
        Item { position, line: entry.line, title: entry.title.chars().take(200).collect(), outcome }
    });
    Ok(items.collect())
}

/// Writes problems, each with the name it may carry in the file, in one language.
///
/// A file that [`read`] takes back gives the same drafts in that language; a figure and what else the format cannot show
/// stands in comments there.
pub fn write(
    format: ProblemFormat,
    problems: &[(Option<String>, &ProblemDraft)],
    language: Language,
) -> String {
    let questions: Vec<(Option<String>, Question)> = problems
        .iter()
        .map(|(id, draft)| {
            let mut question = give::give(draft, language, format);
            question.rest = find_rest(format, &question, draft, language);
            (id.clone(), question)
        })
        .collect();
    print(format, &questions)
}

/// A question of a file before it is understood.
#[derive(Debug)]
struct Entry {
    line: Option<u32>,
    title: String,
    question: Result<Question, Refusal>,
}

fn parse(format: ProblemFormat, source: &str) -> Result<Vec<Entry>, FileFault> {
    match format {
        ProblemFormat::Gift => gift::read(source),
        ProblemFormat::MoodleXml => moodle_xml::read(source),
    }
}

fn print(format: ProblemFormat, questions: &[(Option<String>, Question)]) -> String {
    match format {
        ProblemFormat::Gift => gift::write(questions),
        ProblemFormat::MoodleXml => moodle_xml::write(questions),
    }
}

/// What the format itself would not bring back of a draft.
fn find_rest(
    format: ProblemFormat,
    question: &Question,
    draft: &ProblemDraft,
    language: Language,
) -> Option<String> {
    let wanted = give::in_one_language(draft, language);
    let written = print(format, &[(None, question.clone())]);
    let entry = parse(format, &written).ok()?.into_iter().next()?;
    let reading = Reading { language, skill: &wanted.skill, skills: &[] };
    let (native, _) = take::take(&entry.question.ok()?, &reading).ok()?;
    rest::between(&native, &wanted)
}
