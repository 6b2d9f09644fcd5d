//! A question as these formats have it, between a file's syntax and a draft.

use crate::{html, markdown, remark::Remark};

/// A question with its texts still in the format that the file names.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Question {
    /// One line of plain text; empty if the file gives none.
    pub(crate) title: String,
    pub(crate) text: Text,
    pub(crate) asked: Asked,
    pub(crate) general: Option<Text>,
    pub(crate) hints: Vec<Text>,
    pub(crate) tags: Vec<String>,
    /// What an export of this crate has put into a comment.
    pub(crate) rest: Option<String>,
    pub(crate) drawings: Vec<Drawing>,
    /// What reading the syntax had to leave out already.
    pub(crate) remarks: Vec<Remark>,
}

/// What is asked and what is right.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Asked {
    Choice {
        /// Exactly one may be chosen.
        single: bool,
        answers: Vec<Weighed>,
    },
    ShortText {
        answers: Vec<Weighed>,
        minds_case: bool,
    },
    Number {
        answers: Vec<NumberAnswer>,
        units: Vec<Unit>,
        unit_required: bool,
    },
    TrueFalse {
        value: bool,
        on_true: Option<Text>,
        on_false: Option<Text>,
    },
    /// An empty left belongs to a right that is nobody's partner.
    Matching {
        pairs: Vec<(Text, Text)>,
    },
    /// First to last.
    Ordering {
        items: Vec<Text>,
    },
    /// The gaps stand in the text, as Moodle's embedded answers.
    Cloze,
}

/// An answer and how much of the grade it gives.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Weighed {
    /// -100 to 100.
    pub(crate) percent: f64,
    pub(crate) text: Text,
    pub(crate) feedback: Option<Text>,
}

/// A number that is accepted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NumberAnswer {
    pub(crate) percent: f64,
    /// As written; `*` stands for any other answer.
    pub(crate) value: String,
    pub(crate) tolerance: Option<String>,
    pub(crate) feedback: Option<Text>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unit {
    pub(crate) name: String,
    /// As written; only a factor of one names the same quantity here.
    pub(crate) factor: String,
}

/// An SVG drawing that comes with a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Drawing {
    pub(crate) name: String,
    pub(crate) svg: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Text {
    pub(crate) source: String,
    pub(crate) format: TextFormat,
}

/// How a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum TextFormat {
    Html,
    /// Moodle's own: HTML in which the ends of lines count.
    #[default]
    Moodle,
    Plain,
    Markdown,
}

/// A text in the project's Markdown, with what was left out of it.
#[derive(Debug, Default)]
pub(crate) struct Cleaned {
    pub(crate) blocks: Vec<markdown::Block>,
    pub(crate) images: Vec<html::Image>,
    pub(crate) remarks: Vec<Remark>,
}

impl Text {
    pub(crate) fn html(source: impl Into<String>) -> Self {
        Text { source: source.into(), format: TextFormat::Html }
    }

    pub(crate) fn plain(source: impl Into<String>) -> Self {
        Text { source: source.into(), format: TextFormat::Plain }
    }

    pub(crate) fn is_blank(&self) -> bool {
        self.source.trim().is_empty()
    }

    /// Cleans the text and turns it into Markdown's blocks.
    pub(crate) fn clean(&self) -> Cleaned {
        let page = match self.format {
            TextFormat::Html => html::read(&self.source, false),
            TextFormat::Moodle => html::read(&self.source, true),
            TextFormat::Plain => html::read(&html::escape(&self.source), true),
            TextFormat::Markdown => {
                // Moodle's Markdown eats one backslash, so maths is written with two.
                let source = self.source.replace("\\\\(", "\\(").replace("\\\\)", "\\)");
                let source = source.replace("\\\\[", "\\[").replace("\\\\]", "\\]");
                let holds_html = source.match_indices('<').any(|(at, _)| {
                    source[at + 1..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
                });
                let remarks = if holds_html { vec![Remark::MarkdownKeepsHtml] } else { Vec::new() };
                return Cleaned { blocks: markdown::parse(&source), images: Vec::new(), remarks };
            }
        };
        Cleaned { blocks: page.blocks, images: page.images, remarks: page.remarks }
    }

    /// The words of the text on one line, nothing said of what was left out.
    pub(crate) fn words(&self) -> String {
        markdown::words(&self.clean().blocks)
    }
}
