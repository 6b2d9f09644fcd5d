//! Cells as they stand in a sheet, whatever file it came from.

use dreamseed_wire::people::RosterFaultKind;

use crate::{MAX_CELL, MAX_COLUMNS, MAX_ROWS};

/// Lines above the list, for titles.
const ABOVE: usize = 200;

/// What stands in a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    Empty,
    /// Not blank, at most one character more than [`MAX_CELL`].
    Text(String),
    /// A formula that nobody has computed, or that failed.
    Formula,
}

impl Cell {
    /// A text; blank is empty. The `'` before `=`, `+`, `-` and `@` with which exports keep spreadsheets from
    /// computing a text is no part of it.
    pub fn text(text: &str) -> Self {
        let text = match text.trim_start().strip_prefix('\'') {
            Some(guarded) if guarded.starts_with(['=', '+', '-', '@']) => guarded,
            Some(_) | None => text,
        };
        if text.trim().is_empty() {
            Cell::Empty
        } else {
            Cell::Text(text.chars().take(MAX_CELL + 1).collect())
        }
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Cell::Text(text) => Some(text),
            Cell::Empty | Cell::Formula => None,
        }
    }
}

/// A line with something in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Counted from 1 as a spreadsheet shows it.
    pub number: u32,
    pub cells: Vec<Cell>,
}

impl Line {
    /// The cell of a column; empty past the end.
    pub fn cell(&self, column: usize) -> &Cell {
        self.cells.get(column).unwrap_or(&Cell::Empty)
    }
}

/// The lines of a sheet that are not blank, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    pub lines: Vec<Line>,
}

/// A sheet, or why it is no list.
pub type Sheet = Result<Table, RosterFaultKind>;

impl Table {
    /// Adds a line below the others; blank ones are left out.
    ///
    /// # Errors
    /// More lines or columns than a list can have.
    pub fn push(&mut self, number: u32, mut cells: Vec<Cell>) -> Result<(), RosterFaultKind> {
        while cells.last() == Some(&Cell::Empty) {
            cells.pop();
        }
        if cells.len() > MAX_COLUMNS {
            return Err(RosterFaultKind::TooManyColumns);
        }
        if cells.is_empty() {
            return Ok(());
        }
        if self.lines.len() >= MAX_ROWS + ABOVE {
            return Err(RosterFaultKind::TooManyRows);
        }
        self.lines.push(Line { number, cells });
        Ok(())
    }
}
