//! Lists of pupils as schools have them: imports with a preview, cards, parents' codes, moves, the new school year.

use crate::{Language, class::RosterEntry, ids::*};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a list would change. Nothing has been written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RosterPreview {
    pub file_name: String,
    /// `UTF-8`, `UTF-8 (BOM)`, `CP949`, `UTF-16` or `XLSX`.
    pub encoding: String,
    pub school_year: u16,
    /// Lines that were read as pupils.
    pub rows: u32,
    pub changes: Vec<RosterChange>,
    /// Pupils of the classes in the list who are not in it. They stay unless the import is told to archive them.
    pub missing: Vec<PlacedPupil>,
    /// Numbers of missing pupils that a new pupil has in the list. Nobody is given another's account for a number: the
    /// import is refused while there is one, unless it is told to archive the missing.
    pub taken: Vec<TakenNumber>,
    /// Lines that cannot be taken; an import is refused while there is one.
    pub faults: Vec<RosterFault>,
    /// That something else does it better, in the reader's language: pupils of an earlier year are moved by the change of
    /// the school year.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// Names this preview; given back with the import.
    pub digest: String,
}

/// A pupil and where they stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlacedPupil {
    pub pupil_id: UserId,
    pub name: String,
    pub grade: u8,
    pub class_name: String,
    pub number: u16,
}

/// A missing pupil whose number a new pupil has in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TakenNumber {
    /// Of the list, counted from 1 as a spreadsheet shows it.
    pub line: u32,
    /// Who has the number now.
    pub pupil: PlacedPupil,
    /// The new pupil.
    pub name: String,
}

/// One change that the list makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum RosterChange {
    NewClass {
        grade: u8,
        class_name: String,
        pupils: u32,
    },
    NewPupil {
        grade: u8,
        class_name: String,
        number: u16,
        name: String,
    },
    /// The same person under another number or in another class.
    Move {
        pupil_id: UserId,
        name: String,
        from: Placement,
        to: Placement,
    },
    /// The same number in the same class under nearly the same name: a corrected spelling.
    Rename {
        pupil_id: UserId,
        number: u16,
        class_name: String,
        from: String,
        to: String,
    },
    /// Archived earlier and in the list again.
    Return {
        pupil_id: UserId,
        name: String,
        to: Placement,
    },
}

/// A place in a class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Placement {
    pub grade: u8,
    pub class_name: String,
    pub number: u16,
}

/// A line that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RosterFault {
    /// Counted from 1 as a spreadsheet shows it; absent if it is about the whole file.
    pub line: Option<u32>,
    pub kind: RosterFaultKind,
    /// What stands there, shortened.
    pub value: String,
}

/// What is wrong with a line or file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RosterFaultKind {
    /// No line has the headers 학년, 반, 번호, 이름.
    NoHeader,
    NoRows,
    MissingColumn,
    BadGrade,
    BadClass,
    BadNumber,
    BadName,
    /// Two lines claim the same number of a class.
    DuplicateNumber,
    /// Several pupils have this name, or several lines do, and the numbers do not tell who is meant; the value says
    /// where those pupils are now, of an earlier year with the year.
    Ambiguous,
    /// Two lists stand side by side in one sheet.
    SideBySide,
    /// A cell holds a formula without a value.
    Formula,
    /// The class is taught by somebody else.
    OtherTeachersClass,
    /// Several classes of the school have this name, grade and school year.
    AmbiguousClass,
    TooManyRows,
    TooManyColumns,
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RosterImported {
    /// By which it is taken back; absent if the list changed nothing, so that nothing was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_id: Option<RosterChangeId>,
    pub classes_added: u32,
    pub pupils_added: u32,
    pub moved: u32,
    pub renamed: u32,
    pub returned: u32,
    pub archived: u32,
    /// Pupils of these classes, the classes of the list.
    pub class_ids: Vec<ClassId>,
}

/// Makes cards with new PINs. PINs and card codes are told in this one reply only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MakeCards {
    /// Which pupils of the class; empty for those without a PIN yet.
    #[serde(default)]
    pub pupil_ids: Vec<UserId>,
    /// All pupils of the class, new PINs for everyone.
    #[serde(default)]
    pub everyone: bool,
    #[serde(default)]
    pub language: Language,
}

/// A teacher or another who can be chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StaffEntry {
    pub user_id: UserId,
    pub name: String,
    pub login_name: String,
}

/// Moves a pupil to another class, or out of the school's classes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MovePupil {
    /// Where to; out of the school if absent.
    pub class_id: Option<ClassId>,
    /// The number there; the next free one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u16>,
    /// The first day there, `YYYY-MM-DD`; today if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_day: Option<String>,
}

/// A time in a class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Enrolment {
    pub class_id: ClassId,
    pub class_name: String,
    pub school_year: u16,
    pub number: u16,
    pub from_day: String,
    pub to_day: Option<String>,
}

/// A one-time code on paper with which a parent makes an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ParentCode {
    pub pupil: RosterEntry,
    /// Twelve letters and digits in three groups; told this once.
    pub code: String,
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// Codes for the parents of a class.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MakeParentCodes {
    /// For these pupils.
    #[serde(default)]
    pub pupil_ids: Vec<UserId>,
    /// For all pupils of the class.
    #[serde(default)]
    pub everyone: bool,
}

/// A parent makes an account with a paper code, or adds a child to the one they have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JoinAsParent {
    pub code: String,
    pub login_name: String,
    pub name: String,
    pub password: String,
    #[serde(default)]
    pub language: Language,
    /// What the guardian agrees to, by the names of the consent scopes; kept in the ledger.
    #[serde(default)]
    pub consents: Vec<String>,
}

/// A further child for a parent who is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddChild {
    pub code: String,
    /// What the parent agrees to for this child, as at joining: `account` is needed, `ai_tutor` and `cloud_progress` are
    /// theirs to choose. Without them the link is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consents: Option<Vec<String>>,
}

/// How the new school year begins: each class goes up unless said otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanRollover {
    pub to_year: u16,
    pub classes: Vec<RolloverClass>,
}

/// What becomes of a class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RolloverClass {
    pub class_id: ClassId,
    /// The class of the new year its pupils go to, keeping their numbers; they leave the school if absent.
    pub to: Option<RolloverTarget>,
}

/// A class of the new year; made if it is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RolloverTarget {
    pub grade: u8,
    pub class_name: String,
}

/// What the change of the year would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RolloverPreview {
    pub from_year: u16,
    pub to_year: u16,
    pub classes: Vec<RolloverStep>,
    pub pupils_up: u32,
    pub pupils_leaving: u32,
    /// Two pupils with one number in a new class: each must be settled before.
    pub conflicts: Vec<String>,
    pub digest: String,
}

/// One class on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RolloverStep {
    pub class_id: ClassId,
    pub from: String,
    pub from_grade: u8,
    pub to: Option<RolloverTarget>,
    pub pupils: u32,
}

/// Applies a change of the year as it was previewed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplyRollover {
    pub plan: PlanRollover,
    pub digest: String,
}

/// An import or a change of the year that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RosterChangeView {
    pub change_id: RosterChangeId,
    pub kind: RosterChangeKind,
    pub file_name: String,
    pub by: Option<String>,
    /// One sentence, such as `2 classes, 58 pupils`.
    pub summary: String,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub undone_at: Option<Timestamp>,
    /// It can still be undone: nothing has been built on it. Looked into for the newest few only; false for older ones.
    pub can_undo: bool,
}

/// Which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RosterChangeKind {
    Import,
    Rollover,
}
