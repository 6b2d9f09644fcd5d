//! Codes that are printed: on pupils' cards and in parents' letters. The hub keeps their hashes only.

/// Letters and digits that are not mistaken for each other; 32, so that each stands for five bits.
const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// 120 bits: whoever has it is the pupil.
const CARD: usize = 24;
/// 60 bits, typed by hand, used once, and tried 20 times a minute at most.
const LETTER: usize = 12;
/// Typed text that is looked at.
const TYPED_MAX: usize = 64;

/// A new code for a card.
pub fn make_card() -> Result<String, getrandom::Error> {
    make(CARD)
}

/// A new code for a letter: `K7RM2QXW9BCD`.
pub fn make_letter_code() -> Result<String, getrandom::Error> {
    make(LETTER)
}

/// `K7RM2QXW9BCD` as it is printed: `K7RM-2QXW-9BCD`.
pub fn show(code: &str) -> String {
    let groups: Vec<&str> =
        code.as_bytes().chunks(4).filter_map(|group| str::from_utf8(group).ok()).collect();
    groups.join("-")
}

/// By what a code is found: BLAKE3 of its letters and digits, however they were typed.
pub fn hash_of(typed: &str) -> [u8; 32] {
    *blake3::hash(
        crate::school::normalise_code(&typed.chars().take(TYPED_MAX).collect::<String>()).as_bytes(),
    )
    .as_bytes()
}

fn make(length: usize) -> Result<String, getrandom::Error> {
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_however_it_is_typed() {
        let code = make_letter_code().expect("randomness");
        let shown = show(&code);
        assert_eq!((code.len(), shown.len()), (12, 14));
        for typed in [code.clone(), shown.to_lowercase(), shown.replace('-', " ")] {
            assert_eq!(hash_of(&typed), hash_of(&code), "{typed}");
        }
        assert_ne!(make_card().expect("randomness"), make_card().expect("randomness"));
        assert_ne!(hash_of(&"A".repeat(1 << 20)), hash_of("A"));
    }
}
