//! What `dreamseed-hub models list | recommend | fetch | add` does; the binary only prints what these return.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::catalogue::CatalogueModel;
use crate::store::{InstalledModel, ModelStore, OnProgress, StoreError};

/// One line of `models list`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ListedModel {
    pub id: String,
    pub languages: Vec<String>,
    /// SPDX identifier; `None` for files added by hand.
    pub licence: Option<String>,
    pub download_gb: f64,
    /// `None` for files added by hand.
    pub vram_gb: Option<f64>,
    /// May be offered to teachers.
    pub verified: bool,
    /// Can be fetched over the network; others are added from a file.
    pub fetchable: bool,
    /// Where the whole file lies, if it is installed.
    pub path: Option<PathBuf>,
    /// It is the one the hub runs.
    pub active: bool,
}

/// The catalogue in its order, then files added by hand. `chosen` is the id from the settings.
pub fn list(store: &ModelStore, chosen: Option<&str>) -> Result<Vec<ListedModel>, StoreError> {
    let installed = store.installed()?;
    // A chosen model that is gone must not hide the list that shows what to do.
    let active = store.active(chosen).ok().flatten().map(|model| model.id);
    let known = store.catalogue().models.iter().map(|model| {
        let there = installed.iter().find(|installed| installed.id == model.id);
        from_catalogue(model, there)
    });
    let by_hand =
        installed.iter().filter(|model| store.catalogue().get(&model.id).is_none()).map(added_by_hand);
    let mut lines: Vec<ListedModel> = known.chain(by_hand).collect();
    for line in &mut lines {
        line.active = active.as_deref() == Some(line.id.as_str());
    }
    Ok(lines)
}

/// The Korean-speaking model for a graphics card with `vram_gb` GB (10^9 bytes), by [`Catalogue::best_korean_fit`];
/// `None` if none fits.
///
/// [`Catalogue::best_korean_fit`]: crate::catalogue::Catalogue::best_korean_fit
pub fn recommend(store: &ModelStore, vram_gb: f64) -> Result<Option<ListedModel>, StoreError> {
    let Some(model) = store.catalogue().best_korean_fit(vram_gb) else { return Ok(None) };
    let installed = store.installed()?;
    Ok(Some(from_catalogue(model, installed.iter().find(|installed| installed.id == model.id))))
}

/// Fetches a model of the catalogue; blocks until it is there.
pub fn fetch(
    store: &ModelStore,
    id: &str,
    on_progress: OnProgress<'_>,
) -> Result<InstalledModel, StoreError> {
    store.fetch(id, on_progress)
}

/// Adds a model from a file, usually on a USB disk; blocks until it is copied. Without `languages` a file that the
/// catalogue does not know speaks what it claims itself.
pub fn add(
    store: &ModelStore,
    file: &Path,
    languages: &[String],
    on_progress: OnProgress<'_>,
) -> Result<InstalledModel, StoreError> {
    store.add_file(file, languages, on_progress)
}

fn from_catalogue(model: &CatalogueModel, installed: Option<&InstalledModel>) -> ListedModel {
    ListedModel {
        id: model.id.clone(),
        languages: model.languages.clone(),
        licence: Some(model.licence.clone()),
        download_gb: model.download_gb,
        vram_gb: Some(model.vram_gb),
        verified: installed.map_or(model.verified, |installed| installed.verified),
        fetchable: model
            .sources
            .iter()
            .any(|source| !matches!(source, crate::catalogue::Source::Local { .. })),
        path: installed.map(|installed| installed.path.clone()),
        active: false,
    }
}

fn added_by_hand(model: &InstalledModel) -> ListedModel {
    ListedModel {
        id: model.id.clone(),
        languages: model.languages.clone(),
        licence: None,
        download_gb: model.bytes as f64 / 1e9,
        vram_gb: None,
        verified: model.verified,
        fetchable: false,
        path: Some(model.path.clone()),
        active: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Catalogue;
    use crate::gguf::tests::small_gguf;

    #[test]
    fn lists_the_catalogue_and_files_added_by_hand() {
        let folder = tempfile::tempdir().expect("dir");
        let store = ModelStore::open(folder.path().join("models"), Catalogue::built_in()).expect("opens");
        let file = folder.path().join("ours.gguf");
        std::fs::write(&file, small_gguf()).expect("writes");
        add(&store, &file, &["ko".into()], &mut |_| {}).expect("adds");
        let lines = list(&store, Some("ours")).expect("lists");
        assert_eq!(lines.len(), Catalogue::built_in().models.len() + 1);
        assert!(lines[0].fetchable && lines[0].path.is_none());
        let last = lines.last().expect("a line");
        assert!(last.active && !last.verified && last.languages == ["ko"]);
        let fits = recommend(&store, 32.0).expect("reads").map(|line| line.id);
        assert_eq!(fits, Catalogue::built_in().best_korean_fit(32.0).map(|model| model.id.clone()));
        assert_eq!(recommend(&store, 2.0).expect("reads"), None);
        assert!(list(&store, Some("gone")).expect("lists").iter().all(|line| !line.active));
    }
}
