//! Which run of the hub writes backups: a number of this data folder, in no snapshot, so that a copy of the machine, or a hub
//! that was restored, is known as another one.

use std::{fs, io, path::Path};

use uuid::Uuid;

use super::{BackupError, files};

/// Beside the database.
const FILE: &str = "instance";

/// The number of this data folder, made if there is none.
///
/// # Errors
/// A file that cannot be read or written.
pub fn read_or_make(data: &Path) -> Result<Uuid, BackupError> {
    let file = data.join(FILE);
    match fs::read_to_string(&file) {
        Ok(text) => {
            if let Ok(id) = text.trim().parse() {
                return Ok(id);
            }
            tracing::warn!("the file `instance` cannot be read; a new one is made");
        }
        Err(err) if err.kind() == io::ErrorKind::NotFound => {}
        Err(err) => return Err(BackupError::io(&file)(err)),
    }
    make_new(data)
}

/// The number of this data folder, if it has one.
pub fn read(data: &Path) -> Option<Uuid> {
    fs::read_to_string(data.join(FILE)).ok()?.trim().parse().ok()
}

/// Gives a data folder a new number: after a restore.
///
/// # Errors
/// A file that cannot be written.
pub fn make_new(data: &Path) -> Result<Uuid, BackupError> {
    let (file, id) = (data.join(FILE), random());
    files::write_secret(&file, format!("{id}\n").as_bytes()).map_err(BackupError::io(&file))?;
    Ok(id)
}

/// Version 7 holds 74 random bits behind its time.
fn random() -> Uuid {
    Uuid::now_v7()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_keeps_its_number_until_it_is_given_another() {
        let data = tempfile::tempdir().expect("a folder");
        let first = read_or_make(data.path()).expect("made");
        assert_eq!(read_or_make(data.path()).expect("read"), first);
        assert_ne!(make_new(data.path()).expect("made"), first);
        fs::write(data.path().join(FILE), "half a num").expect("written");
        assert_ne!(read_or_make(data.path()).expect("made again"), first);
    }
}
