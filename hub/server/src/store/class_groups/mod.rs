//! Named groups of a class, to give lessons to.

use dreamseed_wire::ids::*;
use jiff::Timestamp;
use rusqlite::params;

use super::{StoreError, WriteTx};

/// Makes a group.
///
/// # Errors
/// [`StoreError::Taken`] if the class has a group of this name.
pub fn add(
    tx: &WriteTx<'_>,
    class: ClassId,
    name: &str,
    pupils: &[UserId],
    now: Timestamp,
) -> Result<GroupId, StoreError> {
    let id = GroupId::new();
    let row = params![id, class, name, now.as_millisecond()];
    tx.conn().prepare_cached(include_str!("add.sql"))?.execute(row)?;
    put_pupils(tx, id, pupils)?;
    Ok(id)
}

/// Changes a group's name and pupils.
///
/// # Errors
/// [`StoreError::Taken`] if the class has another group of this name.
pub fn change(tx: &WriteTx<'_>, group: GroupId, name: &str, pupils: &[UserId]) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("rename.sql"))?.execute(params![group, name])?;
    tx.conn().prepare_cached(include_str!("clear.sql"))?.execute([group])?;
    put_pupils(tx, group, pupils)
}

/// Takes a group away; lessons that were given to its pupils stay.
pub fn remove(tx: &WriteTx<'_>, group: GroupId) -> Result<(), StoreError> {
    tx.conn().prepare_cached(include_str!("remove.sql"))?.execute([group])?;
    Ok(())
}

fn put_pupils(tx: &WriteTx<'_>, group: GroupId, pupils: &[UserId]) -> Result<(), StoreError> {
    let mut add = tx.conn().prepare_cached(include_str!("add_pupil.sql"))?;
    for pupil in pupils {
        add.execute(params![group, pupil])?;
    }
    Ok(())
}
