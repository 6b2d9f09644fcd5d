//! Values that a disk has damaged, taken from a copy that is whole.
//!
//! The walk: [`plan`] gets a copy of the damaged database to try on, and one of the same hub from before the damage. An answer
//! that does not fit its hash takes what its row has there, if it fits then. In the other tables it sets single values to what
//! they are there, and keeps those with which less is wrong than before. [`apply`] writes what it found into the hub's own
//! database. So nothing that people have changed since goes back, but what cannot be read any more.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{
    Connection, ErrorCode, Row, ToSql,
    config::DbConfig,
    types::{ToSqlOutput, ValueRef},
};

use super::{
    StoreError, WriteTx, attempts, erasures, school,
    snapshots::{Fault, is_of_row, quote, table_names},
};

/// Values that are tried one by one: with each, everything is looked at again.
const TRIED_MOST: usize = 400;
/// What may hold the name of somebody who was erased since, or a session that was ended since.
const NEVER_BROUGHT_BACK: [&str; 5] =
    ["roster_changes", "audit_reasons", "sessions", "refresh_tokens", "parent_codes"];
/// The column of PINs and passwords: an old one never counts again. Whoever has lost theirs gets a new one.
const SECRET: &str = "secret";
/// Rows without a partner that are compared with each other.
const UNMATCHED_MOST: usize = 200;
/// Tables whose rows have hashes or are never written over: nothing is made up in them.
const KEPT_AS_WRITTEN: [&str; 5] = ["attempts", "grades", "audit", "audit_reasons", "problem_versions"];
/// What the school in memory is made of.
const OF_SCHOOL: [&str; 15] = [
    "hub",
    "users",
    "guardians",
    "classes",
    "class_teachers",
    "enrolments",
    "class_groups",
    "class_group_pupils",
    "lessons",
    "lesson_problems",
    "lesson_pupils",
    "problems",
    "problem_versions",
    "regrades",
    "epochs",
];

/// What to write where.
#[derive(Debug, Default)]
pub struct Plan {
    repairs: Vec<Repair>,
    /// Answers that fit their hashes again.
    pub answers: u32,
    /// Other values that can be read again.
    pub values: u32,
    /// Answers that do not fit, and are not in the copy.
    pub left_answers: u32,
    /// Other faults that no value of the copy mends.
    pub left_values: u32,
    /// Indexes are made anew.
    pub indexes: bool,
}

impl Plan {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.repairs.is_empty() && !self.indexes
    }

    /// Whether all faults that there are go away.
    pub fn is_complete(&self) -> bool {
        self.left_answers + self.left_values == 0
    }
}

/// One value of one row.
#[derive(Debug, Clone)]
struct Repair {
    table: String,
    /// The primary key, as it is before the repair.
    key: Vec<(String, Cell)>,
    column: String,
    damaged: Cell,
    whole: Cell,
}

/// A value as it lies in the file: a text may be none any more.
#[derive(Debug, Clone, PartialEq)]
enum Cell {
    Null,
    Integer(i64),
    Real(f64),
    Text(Vec<u8>),
    Blob(Vec<u8>),
}

/// What can be mended in `damaged`, a copy of the hub's database that is changed by the trying, from `whole`; without one,
/// indexes only, if they are what does not fit. A text that is none, in the copy too, becomes what can be read of it: then it can
/// be typed anew. Takes seconds to minutes with a large school; blocks.
///
/// # Errors
/// A copy that cannot be read or written.
pub fn plan(damaged: &Connection, whole: Option<&Connection>, fault: &Fault) -> Result<Plan, StoreError> {
    damaged.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    damaged.pragma_update(None, "foreign_keys", false)?;
    damaged.pragma_update(None, "ignore_check_constraints", true)?;
    // The copy has what a disk did to the indexes, and the trying must not meet it.
    unless_refused(damaged.execute_batch("REINDEX"))?;
    let mut plan = Plan { indexes: matches!(fault, Fault::Index(_)), ..Plan::default() };
    if let Some(whole) = whole {
        plan_answers(damaged, whole, &mut plan)?;
        // Names of people who were erased since are in the copy: nothing of it but answers, which have gone with them, is taken.
        let older = erasures::count(damaged)? > erasures::count(whole)?;
        plan_values(damaged, Some(whole).filter(|_| !older), &mut plan)?;
    } else {
        plan.left_answers =
            u32::try_from(attempts::find_damaged(damaged, u32::MAX)?.len()).unwrap_or(u32::MAX);
        plan.left_values = Faults::of(damaged)?.count;
    }
    Ok(plan)
}

/// Writes a plan into the hub's own database: each value that is still as it was when the plan was made. Their number.
///
/// # Errors
/// A disk that fails.
pub fn apply(tx: &WriteTx<'_>, plan: &Plan) -> Result<u32, StoreError> {
    let conn = tx.conn();
    conn.pragma_update(None, "defer_foreign_keys", true)?;
    let tables: BTreeSet<&str> = plan.repairs.iter().map(|repair| repair.table.as_str()).collect();
    let triggers: Vec<_> =
        triggers(conn)?.into_iter().filter(|(_, table, _)| tables.contains(table.as_str())).collect();
    // They keep rows as they were written, and that is what this brings back.
    for (name, _, _) in &triggers {
        conn.execute_batch(&format!("DROP TRIGGER {}", quote(name)))?;
    }
    if plan.indexes {
        conn.execute_batch("REINDEX")?;
    }
    let columns = |table: &str| {
        let of_table = plan.repairs.iter().filter(move |repair| repair.table == table);
        of_table.map(|repair| repair.column.as_str()).collect::<BTreeSet<_>>()
    };
    for table in tables.into_iter().filter(|_| !plan.indexes) {
        if is_indexed(conn, table, &columns(table))? {
            // An index that still has the value from before cannot follow the change.
            conn.execute_batch(&format!("REINDEX {}", quote(table)))?;
        }
    }
    let mut written = 0;
    for repair in &plan.repairs {
        if repair.read(conn)?.as_ref() == Some(&repair.damaged) {
            repair.write(conn, &repair.whole)?;
            written += 1;
        }
    }
    for (_, _, sql) in &triggers {
        conn.execute_batch(sql)?;
    }
    Ok(written)
}

fn plan_answers(damaged: &Connection, whole: &Connection, plan: &mut Plan) -> Result<(), StoreError> {
    let columns = Columns::of(damaged, "attempts")?;
    for hub_seq in attempts::find_damaged(damaged, u32::MAX)? {
        let key = vec![Cell::Integer(hub_seq)];
        let rows = (columns.row(damaged, &key)?, columns.row(whole, &key)?);
        let repairs = match rows {
            (Some(here), Some(there)) if is_same_answer(&columns, &here, &there) => {
                columns.differences(&here, &there).collect()
            }
            _ => Vec::new(),
        };
        let fits = try_out(damaged, &repairs, |conn| attempts::is_whole(conn, hub_seq))?;
        if !repairs.is_empty() && fits {
            plan.answers += 1;
            plan.repairs.extend(repairs);
        } else {
            plan.left_answers += 1;
        }
    }
    Ok(())
}

/// Writes repairs into the copy; they stay if it `is_better` then. What the schema refuses, such as a number that somebody else
/// has now, is not better.
fn try_out(
    conn: &Connection,
    repairs: &[Repair],
    is_better: impl FnOnce(&Connection) -> Result<bool, StoreError>,
) -> Result<bool, StoreError> {
    conn.execute_batch("SAVEPOINT tried")?;
    let written = repairs.iter().try_for_each(|repair| repair.write(conn, &repair.whole));
    let stays = unless_refused(written)?.is_some() && is_better(conn)?;
    conn.execute_batch(if stays { "RELEASE tried" } else { "ROLLBACK TO tried; RELEASE tried" })?;
    Ok(stays)
}

/// Nothing if the schema refused it.
fn unless_refused<T>(done: rusqlite::Result<T>) -> Result<Option<T>, StoreError> {
    match done {
        Ok(done) => Ok(Some(done)),
        Err(err) if err.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => Ok(None),
        Err(err) => Err(err.into()),
    }
}

/// Whether two rows of one place of the record are one answer: of another epoch there may be another one at that place.
fn is_same_answer(columns: &Columns, here: &[Cell], there: &[Cell]) -> bool {
    let id = columns.names.iter().position(|name| name == "id");
    let is_same = |at: usize| here.get(at) == there.get(at);
    id.is_some_and(is_same) || columns.differences(here, there).count() == 1
}

fn plan_values(damaged: &Connection, whole: Option<&Connection>, plan: &mut Plan) -> Result<(), StoreError> {
    let mut faults = Faults::of(damaged)?;
    let mut suspects = whole.map(|whole| suspects(damaged, whole, &faults)).transpose()?.unwrap_or_default();
    suspects.truncate(TRIED_MOST);
    for table in faults.tables.iter().filter(|table| !KEPT_AS_WRITTEN.contains(&table.as_str())) {
        suspects.extend(readable_texts(damaged, table)?);
    }
    for repair in suspects {
        if faults.count == 0 {
            break;
        }
        // Tried and taken: a value that was brought back is no longer what this would change.
        if repair.read(damaged)?.as_ref() != Some(&repair.damaged) {
            continue;
        }
        let mut then = None;
        let stays = try_out(damaged, std::slice::from_ref(&repair), |conn| {
            let found = then.insert(Faults::of(conn)?);
            Ok(found.count < faults.count)
        })?;
        if let Some(then) = then.filter(|_| stays) {
            faults = then;
            plan.values += 1;
            plan.repairs.push(repair);
        }
    }
    plan.left_values = faults.count;
    Ok(())
}

/// What is wrong beside answers.
struct Faults {
    count: u32,
    /// Where; the school's tables are always looked at.
    tables: BTreeSet<String>,
}

impl Faults {
    fn of(conn: &Connection) -> Result<Self, StoreError> {
        let mut faults = Faults { count: 0, tables: OF_SCHOOL.map(str::to_owned).into() };
        faults.count += school::find_unreadable(conn)?.iter().map(|(_, count)| count).sum::<u32>();
        let mut query = conn.prepare(include_str!("count_dangling.sql"))?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            faults.tables.extend([row.get(0)?, row.get(1)?]);
            faults.count += row.get::<_, u32>(2)?;
        }
        let mut query = conn.prepare(include_str!("quick_check.sql"))?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let said: String = row.get(0)?;
            if is_of_row(&said) {
                faults.count += 1;
                // `non-TEXT value in users.name`
                let place = said.rsplit(' ').next().and_then(|place| place.split('.').next());
                faults.tables.extend(place.map(str::to_owned));
            }
        }
        for table in table_names(conn)?.into_iter().filter(|name| name != "attempts") {
            let count = count_texts_that_are_none(conn, &table)?;
            if count > 0 {
                faults.count += count;
                faults.tables.insert(table);
            }
        }
        Ok(faults)
    }
}

fn count_texts_that_are_none(conn: &Connection, table: &str) -> Result<u32, StoreError> {
    let mut query = conn.prepare(&format!("SELECT * FROM {}", quote(table)))?;
    let width = query.column_count();
    let mut rows = query.query([])?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        for column in 0..width {
            let ValueRef::Text(bytes) = row.get_ref(column)? else { continue };
            count += u32::from(std::str::from_utf8(bytes).is_err());
        }
    }
    Ok(count)
}

/// Values that are others in the copy, the likeliest first: what is of another kind than there, or no text.
fn suspects(damaged: &Connection, whole: &Connection, faults: &Faults) -> Result<Vec<Repair>, StoreError> {
    let known: BTreeSet<String> = table_names(whole)?.into_iter().collect();
    let mut suspects = Vec::new();
    if faults.count == 0 {
        return Ok(suspects);
    }
    for table in faults.tables.iter().filter(|name| *name != "attempts" && known.contains(*name)) {
        let columns = Columns::of(damaged, table)?;
        if columns.names != Columns::of(whole, table)?.names || columns.keys.is_empty() {
            continue;
        }
        if NEVER_BROUGHT_BACK.contains(&table.as_str()) {
            continue;
        }
        let (mut here, mut there) = (columns.rows(damaged)?, columns.rows(whole)?);
        let both: Vec<Vec<u8>> = here.keys().filter(|key| there.contains_key(*key)).cloned().collect();
        for key in both {
            if let (Some(here), Some(there)) = (here.remove(&key), there.remove(&key))
                && !columns.is_erased(&here)
            {
                suspects.extend(columns.differences(&here, &there));
            }
        }
        // What is left has no partner: a key is damaged if all else of a row is the same.
        let pairs = here
            .values()
            .take(UNMATCHED_MOST)
            .flat_map(|here| there.values().take(UNMATCHED_MOST).map(move |there| (here, there)));
        for (here, there) in pairs {
            let mut differences = columns.differences(here, there);
            if let (Some(only), None) = (differences.next(), differences.next())
                && !columns.is_erased(here)
            {
                suspects.push(only);
            }
        }
    }
    suspects.retain(|repair| repair.column != SECRET);
    suspects.sort_by_key(|repair| !repair.is_likely());
    Ok(suspects)
}

/// For each text that is none, what can be read of it.
fn readable_texts(conn: &Connection, table: &str) -> Result<Vec<Repair>, StoreError> {
    let columns = Columns::of(conn, table)?;
    let mut found = Vec::new();
    for here in columns.rows(conn)?.values() {
        let readable: Vec<Cell> = here.iter().map(Cell::readable).collect();
        found.extend(columns.differences(here, &readable));
    }
    Ok(found)
}

/// The columns of a table.
struct Columns {
    table: String,
    names: Vec<String>,
    /// Which of them are the primary key, in its order.
    keys: Vec<usize>,
}

impl Columns {
    fn of(conn: &Connection, table: &str) -> Result<Self, StoreError> {
        let mut query = conn.prepare_cached(include_str!("columns.sql"))?;
        let found = query.query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let found: Vec<(String, u32)> = found.collect::<Result<_, _>>()?;
        let mut keys: Vec<(u32, usize)> =
            found.iter().enumerate().filter(|(_, (_, pk))| *pk > 0).map(|(at, (_, pk))| (*pk, at)).collect();
        keys.sort_unstable();
        Ok(Columns {
            table: table.to_owned(),
            names: found.into_iter().map(|(name, _)| name).collect(),
            keys: keys.into_iter().map(|(_, at)| at).collect(),
        })
    }

    fn list(&self) -> String {
        self.names.iter().map(|name| quote(name)).collect::<Vec<_>>().join(", ")
    }

    fn row(&self, conn: &Connection, key: &[Cell]) -> Result<Option<Vec<Cell>>, StoreError> {
        let names: Vec<&str> =
            self.keys.iter().filter_map(|at| self.names.get(*at)).map(String::as_str).collect();
        let sql = format!("SELECT {} FROM {} WHERE {}", self.list(), quote(&self.table), matching(&names, 1));
        let mut query = conn.prepare_cached(&sql)?;
        let mut rows = query.query(rusqlite::params_from_iter(key))?;
        rows.next()?.map(|row| self.cells(row)).transpose()
    }

    /// All rows by their keys.
    fn rows(&self, conn: &Connection) -> Result<BTreeMap<Vec<u8>, Vec<Cell>>, StoreError> {
        let mut query = conn.prepare(&format!("SELECT {} FROM {}", self.list(), quote(&self.table)))?;
        let mut rows = query.query([])?;
        let mut found = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let cells = self.cells(row)?;
            let mut key = Vec::new();
            for cell in self.keys.iter().filter_map(|at| cells.get(*at)) {
                cell.append_to(&mut key);
            }
            found.insert(key, cells);
        }
        Ok(found)
    }

    fn cells(&self, row: &Row<'_>) -> Result<Vec<Cell>, StoreError> {
        (0..self.names.len()).map(|at| Ok(Cell::of(row.get_ref(at)?))).collect()
    }

    /// What of a row is another value in the copy. What belongs to the key comes last, as the others are found by it.
    fn differences(&self, here: &[Cell], there: &[Cell]) -> impl Iterator<Item = Repair> {
        let key: Vec<(String, Cell)> = self.named(here, &self.keys);
        let differs = |at: &usize| here.get(*at) != there.get(*at);
        let (in_key, beside): (Vec<usize>, Vec<usize>) =
            (0..self.names.len()).filter(differs).partition(|at| self.keys.contains(at));
        let values: Vec<_> = beside
            .into_iter()
            .chain(in_key)
            .filter_map(|at| {
                Some((self.names.get(at)?.clone(), here.get(at)?.clone(), there.get(at)?.clone()))
            })
            .collect();
        let table = self.table.clone();
        values.into_iter().map(move |(column, damaged, whole)| Repair {
            table: table.clone(),
            key: key.clone(),
            column,
            damaged,
            whole,
        })
    }

    fn named(&self, row: &[Cell], columns: &[usize]) -> Vec<(String, Cell)> {
        let named = |at: &usize| Some((self.names.get(*at)?.clone(), row.get(*at)?.clone()));
        columns.iter().filter_map(named).collect()
    }

    /// Whether the row is of a person who was erased: nothing of it comes back.
    fn is_erased(&self, row: &[Cell]) -> bool {
        let at = self.names.iter().position(|name| name == "erased_at");
        at.and_then(|at| row.get(at)).is_some_and(|cell| *cell != Cell::Null)
    }
}

impl Repair {
    /// Whether only damage makes such a difference.
    fn is_likely(&self) -> bool {
        let is_none = matches!(&self.damaged, Cell::Text(bytes) if std::str::from_utf8(bytes).is_err());
        is_none || std::mem::discriminant(&self.damaged) != std::mem::discriminant(&self.whole)
    }

    /// The value as it is now; nothing if there is no such row any more.
    fn read(&self, conn: &Connection) -> Result<Option<Cell>, StoreError> {
        let sql =
            format!("SELECT {} FROM {} WHERE {}", quote(&self.column), quote(&self.table), self.find(1));
        let mut query = conn.prepare(&sql)?;
        let mut rows = query.query(rusqlite::params_from_iter(self.key.iter().map(|(_, cell)| cell)))?;
        Ok(rows.next()?.map(|row| row.get_ref(0).map(Cell::of)).transpose()?)
    }

    fn write(&self, conn: &Connection, value: &Cell) -> rusqlite::Result<()> {
        let sql =
            format!("UPDATE {} SET {} = ?1 WHERE {}", quote(&self.table), quote(&self.column), self.find(2));
        let values = std::iter::once(value).chain(self.key.iter().map(|(_, cell)| cell));
        conn.execute(&sql, rusqlite::params_from_iter(values))?;
        Ok(())
    }

    fn find(&self, first: usize) -> String {
        matching(&self.key.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), first)
    }
}

/// Whether one of the columns is in an index or a key.
fn is_indexed(conn: &Connection, table: &str, columns: &BTreeSet<&str>) -> Result<bool, StoreError> {
    let mut query = conn.prepare(include_str!("indexed_columns.sql"))?;
    let mut rows = query.query([table])?;
    while let Some(row) = rows.next()? {
        // No name: an expression, of whatever columns.
        let name: Option<String> = row.get(0)?;
        if name.is_none_or(|name| columns.contains(name.as_str())) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The condition that these columns have the parameters from the number `first` on.
fn matching(names: &[&str], first: usize) -> String {
    let terms = names.iter().enumerate().map(|(at, name)| format!("{} IS ?{}", quote(name), at + first));
    terms.collect::<Vec<_>>().join(" AND ")
}

fn triggers(conn: &Connection) -> Result<Vec<(String, String, String)>, StoreError> {
    let mut query = conn.prepare(include_str!("triggers.sql"))?;
    let found = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    Ok(found.collect::<Result<_, _>>()?)
}

impl Cell {
    fn of(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Cell::Null,
            ValueRef::Integer(number) => Cell::Integer(number),
            ValueRef::Real(number) => Cell::Real(number),
            ValueRef::Text(bytes) => Cell::Text(bytes.to_vec()),
            ValueRef::Blob(bytes) => Cell::Blob(bytes.to_vec()),
        }
    }

    /// The same, with U+FFFD for the bytes of a text that are none.
    fn readable(&self) -> Self {
        match self {
            Cell::Text(bytes) => Cell::Text(String::from_utf8_lossy(bytes).into_owned().into_bytes()),
            Cell::Null | Cell::Integer(_) | Cell::Real(_) | Cell::Blob(_) => self.clone(),
        }
    }

    /// So that no two rows have the same key by chance.
    fn append_to(&self, key: &mut Vec<u8>) {
        let (kind, bytes): (u8, &[u8]) = match self {
            Cell::Null => (0, &[]),
            Cell::Integer(number) => (1, &number.to_be_bytes()),
            Cell::Real(number) => (2, &number.to_bits().to_be_bytes()),
            Cell::Text(bytes) => (3, bytes),
            Cell::Blob(bytes) => (4, bytes),
        };
        key.push(kind);
        key.extend((bytes.len() as u64).to_be_bytes());
        key.extend(bytes);
    }
}

impl ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Cell::Null => ValueRef::Null,
            Cell::Integer(number) => ValueRef::Integer(*number),
            Cell::Real(number) => ValueRef::Real(*number),
            Cell::Text(bytes) => ValueRef::Text(bytes),
            Cell::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}
