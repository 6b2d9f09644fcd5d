//! Reads the header of a GGUF file with limits, before llama.cpp is allowed to see the file.
//!
//! A model file may come from a USB disk: every count, length and offset is compared with a limit and with the size of
//! the file before anything is allocated or skipped. Layout: magic, version, tensor count, key count, keys, tensor
//! descriptions, padding, tensor data.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

/// What the header says about the model.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GgufInfo {
    pub version: u32,
    pub architecture: String,
    pub name: Option<String>,
    /// Languages the file claims (`general.languages`), often absent.
    pub languages: Vec<String>,
    /// Sum of the elements of all tensors.
    pub parameters: u64,
    /// Tokens the model was trained for.
    pub context_length: Option<u64>,
    /// A model without a chat template cannot be talked to.
    pub chat_template: bool,
    pub tensors: u64,
}

/// Why a file is not handed to llama.cpp.
#[derive(Debug, thiserror::Error)]
pub enum GgufError {
    #[error("This is not a model file (GGUF). Choose a file that ends in .gguf.")]
    NotGguf,
    #[error("GGUF version {0} is not supported (2 and 3 are). Choose a newer copy of the model.")]
    Version(u32),
    #[error("The model file ends too early. Copy or fetch it again.")]
    Truncated,
    #[error("The model file's header is not plausible ({0}). Fetch the model again from a source you trust.")]
    Implausible(&'static str),
    #[error("The model file cannot be read. Check the disk and the file's permissions.")]
    Io(#[source] io::Error),
}

const MAX_KEYS: u64 = 4_096;
const MAX_TENSORS: u64 = 16_384;
/// A chat template is the longest string in real files (below 64 KiB).
const MAX_STRING: u64 = 1 << 20;
/// Vocabularies reach 262,144 entries, merge lists about twice that.
const MAX_ARRAY: u64 = 4 << 20;
/// All keys together; the largest real headers are about 20 MB.
const MAX_HEADER: u64 = 256 << 20;
/// `GGML_MAX_NAME` less the closing zero.
const MAX_TENSOR_NAME: u64 = 63;
const MAX_DIMS: u32 = 4;
const DEFAULT_ALIGNMENT: u64 = 32;
const MAX_ALIGNMENT: u64 = 1 << 16;

/// Checks the header of the file at `path`.
pub fn check_file(path: &Path) -> Result<GgufInfo, GgufError> {
    let file = File::open(path).map_err(GgufError::Io)?;
    let size = file.metadata().map_err(GgufError::Io)?.len();
    check(BufReader::with_capacity(1 << 16, file), size)
}

/// Checks a header read from `source`, which holds `size` bytes in all.
pub fn check(source: impl Read + Seek, size: u64) -> Result<GgufInfo, GgufError> {
    let mut input = Input { source, size, at: 0 };
    if &input.bytes::<4>().map_err(not_gguf_if_short)? != b"GGUF" {
        return Err(GgufError::NotGguf);
    }
    let version = input.u32()?;
    if !(2..=3).contains(&version) {
        return Err(GgufError::Version(version));
    }
    let tensors = input.u64()?;
    let keys = input.u64()?;
    if tensors == 0 || tensors > MAX_TENSORS {
        return Err(GgufError::Implausible("number of tensors"));
    }
    if keys > MAX_KEYS {
        return Err(GgufError::Implausible("number of keys"));
    }

    let mut info = GgufInfo { version, tensors, ..GgufInfo::default() };
    let alignment = read_keys(&mut input, keys, &mut info)?;
    let described = read_tensors(&mut input, tensors, &mut info)?;

    let data_start = input.at.checked_next_multiple_of(alignment).ok_or(GgufError::Truncated)?;
    let data = size.checked_sub(data_start).ok_or(GgufError::Truncated)?;
    for (offset, bytes) in described {
        if offset % alignment != 0 {
            return Err(GgufError::Implausible("tensor offset"));
        }
        if offset.checked_add(bytes).is_none_or(|end| end > data) {
            return Err(GgufError::Truncated);
        }
    }
    Ok(info)
}

/// Reads all keys, keeps the few we want and returns the alignment.
fn read_keys<S: Read + Seek>(input: &mut Input<S>, keys: u64, info: &mut GgufInfo) -> Result<u64, GgufError> {
    let mut alignment = DEFAULT_ALIGNMENT;
    let mut seen = HashSet::new();
    let mut context_lengths = Vec::new();
    for _ in 0..keys {
        let key = input.string(256)?;
        let kind = input.u32()?;
        match (key.as_str(), kind) {
            ("general.architecture", STRING) => info.architecture = input.string(64)?,
            ("general.name", STRING) => info.name = Some(input.string(MAX_STRING)?),
            ("general.languages", ARRAY) => info.languages = read_languages(input)?,
            ("general.alignment", UINT32) => {
                alignment = u64::from(input.u32()?);
                if !alignment.is_power_of_two() || alignment > MAX_ALIGNMENT {
                    return Err(GgufError::Implausible("alignment"));
                }
            }
            ("tokenizer.chat_template", STRING) => info.chat_template = !input.string(MAX_STRING)?.is_empty(),
            (length, UINT32) if length.ends_with(".context_length") => {
                context_lengths.push((length.to_owned(), u64::from(input.u32()?)));
            }
            (length, UINT64) if length.ends_with(".context_length") => {
                context_lengths.push((length.to_owned(), input.u64()?));
            }
            _ => skip_value(input, kind)?,
        }
        if input.at > MAX_HEADER {
            return Err(GgufError::Implausible("size of the header"));
        }
        if !seen.insert(key) {
            return Err(GgufError::Implausible("a key is there twice"));
        }
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if info.architecture.is_empty() || !info.architecture.chars().all(plain) {
        return Err(GgufError::Implausible("architecture"));
    }
    let wanted = format!("{}.context_length", info.architecture);
    info.context_length =
        context_lengths.into_iter().find(|(key, _)| *key == wanted).map(|(_, length)| length);
    Ok(alignment)
}

/// Reads all tensor descriptions and returns offset and size in bytes of each.
fn read_tensors<S: Read + Seek>(
    input: &mut Input<S>,
    tensors: u64,
    info: &mut GgufInfo,
) -> Result<Vec<(u64, u64)>, GgufError> {
    // Grows with what was really read: a small file cannot make us allocate much.
    let mut described = Vec::new();
    let mut names = HashSet::new();
    for _ in 0..tensors {
        if !names.insert(input.string(MAX_TENSOR_NAME)?) {
            return Err(GgufError::Implausible("a tensor is there twice"));
        }
        let dims = input.u32()?;
        if !(1..=MAX_DIMS).contains(&dims) {
            return Err(GgufError::Implausible("dimensions of a tensor"));
        }
        let first = input.u64()?;
        let mut elements = first;
        for _ in 1..dims {
            let dim = input.u64()?;
            elements = elements.checked_mul(dim).ok_or(GgufError::Implausible("size of a tensor"))?;
        }
        // ggml counts in i64.
        if elements == 0 || elements > i64::MAX.unsigned_abs() {
            return Err(GgufError::Implausible("size of a tensor"));
        }
        let (block, block_bytes) =
            block_of(input.u32()?).ok_or(GgufError::Implausible("type of a tensor"))?;
        if first % block != 0 {
            return Err(GgufError::Implausible("row of a tensor"));
        }
        let bytes = (elements / block).checked_mul(block_bytes);
        let bytes = bytes.ok_or(GgufError::Implausible("size of a tensor"))?;
        described.push((input.u64()?, bytes));
        info.parameters =
            info.parameters.checked_add(elements).ok_or(GgufError::Implausible("size of the model"))?;
    }
    Ok(described)
}

/// `general.languages`: at most 256 short strings; anything else is skipped.
fn read_languages<S: Read + Seek>(input: &mut Input<S>) -> Result<Vec<String>, GgufError> {
    let (kind, count) = input.array_head()?;
    if kind != STRING || count > 256 {
        skip_elements(input, kind, count)?;
        return Ok(Vec::new());
    }
    (0..count).map(|_| input.string(64)).collect()
}

fn skip_value<S: Read + Seek>(input: &mut Input<S>, kind: u32) -> Result<(), GgufError> {
    match kind {
        STRING => input.skip_string(),
        ARRAY => {
            let (kind, count) = input.array_head()?;
            skip_elements(input, kind, count)
        }
        _ => input.skip(scalar_bytes(kind).ok_or(GgufError::Implausible("type of a key"))?),
    }
}

/// ggml knows no arrays in arrays, so neither do we.
fn skip_elements<S: Read + Seek>(input: &mut Input<S>, kind: u32, count: u64) -> Result<(), GgufError> {
    if kind == STRING {
        for _ in 0..count {
            input.skip_string()?;
        }
        return Ok(());
    }
    let bytes = scalar_bytes(kind).ok_or(GgufError::Implausible("type of an array"))?;
    input.skip(bytes * count)
}

const UINT32: u32 = 4;
const STRING: u32 = 8;
const ARRAY: u32 = 9;
const UINT64: u32 = 10;

fn scalar_bytes(kind: u32) -> Option<u64> {
    match kind {
        0 | 1 | 7 => Some(1), // u8, i8, bool
        2 | 3 => Some(2),     // u16, i16
        4..=6 => Some(4),     // u32, i32, f32
        10..=12 => Some(8),   // u64, i64, f64
        _ => None,
    }
}

/// Elements and bytes of one block of a ggml type; `None` for unknown and withdrawn types.
fn block_of(ggml_type: u32) -> Option<(u64, u64)> {
    Some(match ggml_type {
        0 | 26 => (1, 4),      // F32, I32
        1 | 25 | 30 => (1, 2), // F16, I16, BF16
        24 => (1, 1),          // I8
        27 | 28 => (1, 8),     // I64, F64
        2 | 20 => (32, 18),    // Q4_0, IQ4_NL
        3 => (32, 20),         // Q4_1
        6 => (32, 22),         // Q5_0
        7 => (32, 24),         // Q5_1
        8 => (32, 34),         // Q8_0
        9 => (32, 36),         // Q8_1
        10 => (256, 84),       // Q2_K
        11 | 21 => (256, 110), // Q3_K, IQ3_S
        12 => (256, 144),      // Q4_K
        13 => (256, 176),      // Q5_K
        14 => (256, 210),      // Q6_K
        15 => (256, 292),      // Q8_K
        16 | 35 => (256, 66),  // IQ2_XXS, TQ2_0
        17 => (256, 74),       // IQ2_XS
        18 => (256, 98),       // IQ3_XXS
        19 => (256, 50),       // IQ1_S
        22 => (256, 82),       // IQ2_S
        23 => (256, 136),      // IQ4_XS
        29 => (256, 56),       // IQ1_M
        34 => (256, 54),       // TQ1_0
        39 => (32, 17),        // MXFP4
        40 => (64, 36),        // NVFP4
        41 => (128, 18),       // Q1_0
        42 => (64, 18),        // Q2_0
        _ => return None,
    })
}

/// A reader that knows how much is left and never reads or skips past it.
struct Input<S> {
    source: S,
    size: u64,
    at: u64,
}

impl<S: Read + Seek> Input<S> {
    fn take(&mut self, bytes: u64) -> Result<(), GgufError> {
        let end = self.at.checked_add(bytes).filter(|end| *end <= self.size).ok_or(GgufError::Truncated)?;
        self.at = end;
        Ok(())
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], GgufError> {
        self.take(N as u64)?;
        let mut buffer = [0; N];
        self.source.read_exact(&mut buffer).map_err(read_error)?;
        Ok(buffer)
    }

    fn u32(&mut self) -> Result<u32, GgufError> {
        self.bytes().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, GgufError> {
        self.bytes().map(u64::from_le_bytes)
    }

    fn string(&mut self, limit: u64) -> Result<String, GgufError> {
        let length = self.u64()?;
        if length > limit {
            return Err(GgufError::Implausible("length of a text"));
        }
        self.take(length)?;
        let mut buffer = Vec::new();
        let read = (&mut self.source).take(length).read_to_end(&mut buffer).map_err(read_error)?;
        if read as u64 != length {
            return Err(GgufError::Truncated);
        }
        String::from_utf8(buffer).map_err(|_| GgufError::Implausible("a text is not UTF-8"))
    }

    fn skip_string(&mut self) -> Result<(), GgufError> {
        let length = self.u64()?;
        if length > MAX_STRING {
            return Err(GgufError::Implausible("length of a text"));
        }
        self.skip(length)
    }

    fn array_head(&mut self) -> Result<(u32, u64), GgufError> {
        let kind = self.u32()?;
        let count = self.u64()?;
        if count > MAX_ARRAY {
            return Err(GgufError::Implausible("length of an array"));
        }
        Ok((kind, count))
    }

    fn skip(&mut self, bytes: u64) -> Result<(), GgufError> {
        self.take(bytes)?;
        // `take` has compared with the file's size, so it fits.
        let bytes = i64::try_from(bytes).map_err(|_| GgufError::Truncated)?;
        // Relative within the buffer where it can: vocabularies are hundreds of thousands of short strings.
        self.source.seek_relative(bytes).map_err(read_error)
    }
}

fn read_error(err: io::Error) -> GgufError {
    if err.kind() == io::ErrorKind::UnexpectedEof { GgufError::Truncated } else { GgufError::Io(err) }
}

fn not_gguf_if_short(err: GgufError) -> GgufError {
    if matches!(err, GgufError::Truncated) { GgufError::NotGguf } else { err }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    /// A whole, tiny GGUF: a few keys of every shape and two tensors.
    pub(crate) fn small_gguf() -> Vec<u8> {
        let mut file = Vec::new();
        file.extend(b"GGUF");
        file.extend(3u32.to_le_bytes());
        file.extend(2u64.to_le_bytes());
        file.extend(7u64.to_le_bytes());
        string_key(&mut file, "general.architecture", "llama");
        string_key(&mut file, "general.name", "Tiny");
        string_key(&mut file, "tokenizer.chat_template", "{{ messages }}");
        key(&mut file, "llama.context_length", UINT32);
        file.extend(2048u32.to_le_bytes());
        key(&mut file, "general.languages", ARRAY);
        file.extend(STRING.to_le_bytes());
        file.extend(2u64.to_le_bytes());
        text(&mut file, "en");
        text(&mut file, "ko");
        key(&mut file, "tokenizer.ggml.scores", ARRAY);
        file.extend(6u32.to_le_bytes());
        file.extend(3u64.to_le_bytes());
        file.extend([0; 12]);
        key(&mut file, "general.quantized", 7);
        file.push(1);
        tensor(&mut file, "token_embd.weight", &[32, 4], 8, 0);
        tensor(&mut file, "output_norm.weight", &[32], 0, 160);
        file.resize(file.len().next_multiple_of(32), 0);
        file.extend([0; 160 + 128]);
        file
    }

    fn text(file: &mut Vec<u8>, text: &str) {
        file.extend((text.len() as u64).to_le_bytes());
        file.extend(text.as_bytes());
    }

    fn key(file: &mut Vec<u8>, name: &str, kind: u32) {
        text(file, name);
        file.extend(kind.to_le_bytes());
    }

    fn string_key(file: &mut Vec<u8>, name: &str, value: &str) {
        key(file, name, STRING);
        text(file, value);
    }

    fn tensor(file: &mut Vec<u8>, name: &str, dims: &[u64], ggml_type: u32, offset: u64) {
        text(file, name);
        file.extend(u32::try_from(dims.len()).expect("few").to_le_bytes());
        for dim in dims {
            file.extend(dim.to_le_bytes());
        }
        file.extend(ggml_type.to_le_bytes());
        file.extend(offset.to_le_bytes());
    }

    fn check_bytes(bytes: &[u8]) -> Result<GgufInfo, GgufError> {
        check(Cursor::new(bytes), bytes.len() as u64)
    }

    fn with(at: usize, value: &[u8]) -> Result<GgufInfo, GgufError> {
        let mut file = small_gguf();
        file[at..at + value.len()].copy_from_slice(value);
        check_bytes(&file)
    }

    /// Where `needle` ends.
    fn after(needle: &str) -> usize {
        let file = small_gguf();
        let at = file.windows(needle.len()).position(|window| window == needle.as_bytes());
        at.expect("is there") + needle.len()
    }

    #[test]
    fn reads_a_whole_file() {
        let info = check_bytes(&small_gguf()).expect("valid");
        assert_eq!(info.architecture, "llama");
        assert_eq!(info.name.as_deref(), Some("Tiny"));
        assert_eq!(info.languages, ["en", "ko"]);
        assert_eq!((info.parameters, info.context_length, info.chat_template), (160, Some(2048), true));
    }

    #[test]
    fn refuses_every_truncation() {
        let file = small_gguf();
        for end in 0..file.len() {
            let result = check_bytes(&file[..end]);
            assert!(
                matches!(result, Err(GgufError::Truncated | GgufError::NotGguf)),
                "cut at {end} of {}: {result:?}",
                file.len()
            );
        }
    }

    #[test]
    fn refuses_hostile_counts() {
        let huge = u64::MAX.to_le_bytes();
        let implausible = |result| matches!(result, Err(GgufError::Implausible(_)));
        assert!(matches!(with(0, b"GGML"), Err(GgufError::NotGguf)));
        assert!(matches!(with(4, &1u32.to_le_bytes()), Err(GgufError::Version(1))));
        assert!(implausible(with(8, &huge)), "tensors");
        assert!(implausible(with(16, &huge)), "keys");
        assert!(implausible(with(24, &huge)), "length of the first key");
        assert!(implausible(with(after("general.architecture") + 4, &huge)), "length of a text");
        assert!(implausible(with(after("tokenizer.ggml.scores") + 8, &huge)), "length of an array");
        assert!(
            implausible(with(after("tokenizer.ggml.scores") + 4, &ARRAY.to_le_bytes())),
            "array in an array"
        );
        assert!(implausible(with(after("general.quantized"), &99u32.to_le_bytes())), "type of a key");
        assert!(implausible(with(after("token_embd.weight"), &5u32.to_le_bytes())), "dimensions");
        assert!(implausible(with(after("token_embd.weight") + 4, &huge)), "product of dimensions");
        assert!(implausible(with(after("token_embd.weight") + 20, &4u32.to_le_bytes())), "withdrawn type");
        assert!(
            implausible(with(after("token_embd.weight") + 24, &7u64.to_le_bytes())),
            "offset off the grid"
        );
        let past = (1u64 << 40).to_le_bytes();
        assert!(matches!(with(after("token_embd.weight") + 24, &past), Err(GgufError::Truncated)), "offset");
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = check_bytes(&bytes);
            let mut file = b"GGUF\x03\0\0\0".to_vec();
            file.extend(bytes);
            let _ = check_bytes(&file);
        }

        #[test]
        fn a_flipped_byte_never_panics(at in 0usize..600, value in any::<u8>()) {
            let mut file = small_gguf();
            let at = at % file.len();
            file[at] = value;
            let _ = check_bytes(&file);
        }
    }
}
