//! Makes whole characters out of bytes that come in pieces: a Hangul syllable may span several tokens.

use std::str;

/// Holds back the bytes of a character that is not complete yet.
#[derive(Debug, Default)]
pub(super) struct Utf8Pieces {
    held: Vec<u8>,
}

impl Utf8Pieces {
    /// The whole characters so far. Bytes that can never become one are shown as U+FFFD.
    pub(super) fn push(&mut self, bytes: &[u8]) -> String {
        self.held.extend_from_slice(bytes);
        let mut text = String::new();
        let mut at = 0;
        loop {
            match str::from_utf8(&self.held[at..]) {
                Ok(rest) => {
                    text.push_str(rest);
                    self.held.clear();
                    return text;
                }
                Err(err) => {
                    let valid = at + err.valid_up_to();
                    text.push_str(&String::from_utf8_lossy(&self.held[at..valid]));
                    let Some(broken) = err.error_len() else {
                        self.held.drain(..valid);
                        return text;
                    };
                    text.push(char::REPLACEMENT_CHARACTER);
                    at = valid + broken;
                }
            }
        }
    }

    /// What is left at the end: an unfinished character is one U+FFFD.
    pub(super) fn finish(&mut self) -> String {
        if self.held.is_empty() {
            return String::new();
        }
        self.held.clear();
        char::REPLACEMENT_CHARACTER.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn in_pieces(bytes: &[u8], size: usize) -> String {
        let mut pieces = Utf8Pieces::default();
        let mut text: String = bytes.chunks(size).map(|chunk| pieces.push(chunk)).collect();
        text.push_str(&pieces.finish());
        text
    }

    #[test]
    fn a_syllable_comes_in_one_piece() {
        let mut pieces = Utf8Pieces::default();
        let bytes = "분모".as_bytes();
        assert_eq!(pieces.push(&bytes[..2]), "");
        assert_eq!(pieces.push(&bytes[2..4]), "분");
        assert_eq!(pieces.push(&bytes[4..]), "모");
        assert_eq!(pieces.finish(), "");
    }

    #[test]
    fn broken_bytes_are_shown_once() {
        assert_eq!(in_pieces(b"a\xffb", 1), "a\u{fffd}b");
        assert_eq!(in_pieces(b"a\xe2\x82", 1), "a\u{fffd}");
        assert_eq!(in_pieces(b"\xe2\x82b", 1), "\u{fffd}b");
    }

    proptest! {
        #[test]
        fn the_size_of_pieces_makes_no_difference(text in "\\PC{0,60}", size in 1usize..7) {
            prop_assert_eq!(in_pieces(text.as_bytes(), size), text);
        }

        #[test]
        fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80), size in 1usize..7) {
            in_pieces(&bytes, size);
        }
    }
}
