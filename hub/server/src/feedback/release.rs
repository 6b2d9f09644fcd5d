//! Lets the model's text out word by word, a little behind, and never the answer.
//!
//! Words are let out once their sentence is complete or twelve more words follow, each time after the whole text so
//! far was checked: an answer that is spread over chunks is found before its first word is out. One event holds one
//! word, so that the same text always gives the same events, live and from the record.

/// Words that are held back while a sentence is not complete: longer than any way to write an answer.
const WORDS_BEHIND: usize = 12;
/// The prompt asks for two sentences; small models go on and on.
const SENTENCES_MAX: usize = 3;

/// What may be done after more text came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Show these words; more may come.
    Show(Vec<String>),
    /// Show these words and stop the model: it has said enough.
    ShowLast(Vec<String>),
    /// The text tells the answer: show nothing more and stop the model.
    Leak,
}

/// The gate between the model and the pupil.
pub struct Release<F> {
    tells_answer: F,
    text: String,
    /// Bytes of `text` that have been shown.
    shown: usize,
}

impl<F: Fn(&str) -> bool> Release<F> {
    /// A gate that is closed by `tells_answer`, which gets the whole text so far, in whole words.
    pub fn new(tells_answer: F) -> Self {
        Release { tells_answer, text: String::new(), shown: 0 }
    }

    /// Takes the next piece of the model's text, cut anywhere.
    pub fn push(&mut self, piece: &str) -> Step {
        self.append(piece);
        // The last word may still grow: `3` into `36`.
        let whole = words(&self.text).last().map_or(0, |last| self.text.len() - last.len());
        let (end, enough) = self.cut_after_sentences(whole);
        if end > self.shown && (self.tells_answer)(&self.text[..end]) {
            return Step::Leak;
        }
        let behind = words(&self.text[..end]).rev_start(WORDS_BEHIND);
        let until = if enough { end } else { last_sentence_end(&self.text[..end]).max(behind) };
        let shown = self.show(until);
        if enough { Step::ShowLast(shown) } else { Step::Show(shown) }
    }

    /// Takes the end of the model's text; `cut` if it ended for its length and not by itself.
    pub fn finish(&mut self, cut: bool) -> Step {
        let (mut end, _) = self.cut_after_sentences(self.text.len());
        let sentence = last_sentence_end(&self.text[..end]);
        if cut && sentence > 0 && sentence >= self.shown {
            // Half a sentence helps nobody.
            end = sentence;
        }
        if end > self.shown && (self.tells_answer)(&self.text[..end]) {
            return Step::Leak;
        }
        Step::ShowLast(self.show(end))
    }

    /// What has been shown.
    pub fn shown_text(&self) -> &str {
        self.text[..self.shown].trim_end()
    }

    fn append(&mut self, piece: &str) {
        for c in piece.chars() {
            let c = if c == '\t' { ' ' } else { c };
            let leads = self.text.is_empty() && c.is_whitespace();
            if !leads && (c == '\n' || !is_invisible(c)) {
                self.text.push(c);
            }
        }
    }

    /// The end of the sentence after which nothing more is shown, if `whole` reaches it.
    fn cut_after_sentences(&self, whole: usize) -> (usize, bool) {
        let mut end = 0;
        let mut sentences = 0;
        for word in words(&self.text[..whole]) {
            end += word.len();
            sentences += usize::from(ends_sentence(word));
            if sentences == SENTENCES_MAX {
                return (end, true);
            }
        }
        (whole, false)
    }

    fn show(&mut self, until: usize) -> Vec<String> {
        if until <= self.shown {
            return Vec::new();
        }
        let shown = words(&self.text[self.shown..until]).map(str::to_owned).collect();
        self.shown = until;
        shown
    }
}

/// The words of a text, each with the white space that follows it; together they are the text.
pub fn words(text: &str) -> Words<'_> {
    Words { rest: text }
}

/// See [`words`].
#[derive(Clone)]
pub struct Words<'a> {
    rest: &'a str,
}

impl Words<'_> {
    /// Where the last `n` words begin, in bytes.
    fn rev_start(self, n: usize) -> usize {
        let lengths: Vec<usize> = self.map(str::len).collect();
        lengths[..lengths.len().saturating_sub(n)].iter().sum()
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        let space = self.rest.find(char::is_whitespace).unwrap_or(self.rest.len());
        let after = self.rest[space..].find(|c: char| !c.is_whitespace()).unwrap_or(self.rest.len() - space);
        let (word, rest) = self.rest.split_at(space + after);
        self.rest = rest;
        Some(word)
    }
}

fn last_sentence_end(text: &str) -> usize {
    let mut end = 0;
    let mut last = 0;
    for word in words(text) {
        end += word.len();
        if ends_sentence(word) || word.contains('\n') {
            last = end;
        }
    }
    last
}

fn ends_sentence(word: &str) -> bool {
    let word = word.trim_end().trim_end_matches(['"', '\'', ')', ']', '”', '’', '*']);
    let Some(stem) = word.strip_suffix(['.', '!', '?', '。', '？', '！', '…']) else { return false };
    // `1.` begins a line of a list.
    !stem.is_empty() && !stem.chars().all(|c| c.is_ascii_digit())
}

/// Control characters and those that turn the direction of writing.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tells(text: &str) -> bool {
        text.split_whitespace().collect::<String>().contains("5/6")
    }

    /// Feeds pieces; gives what was shown and whether it leaked.
    fn run(pieces: &[&str]) -> (String, bool, usize) {
        let mut gate = Release::new(tells);
        let mut out = Vec::new();
        for piece in pieces {
            match gate.push(piece) {
                Step::Show(words) => out.extend(words),
                Step::ShowLast(words) => {
                    out.extend(words);
                    return (out.concat(), false, out.len());
                }
                Step::Leak => return (out.concat(), true, out.len()),
            }
        }
        match gate.finish(false) {
            Step::Show(words) | Step::ShowLast(words) => {
                out.extend(words);
                (out.concat(), false, out.len())
            }
            Step::Leak => (out.concat(), true, out.len()),
        }
    }

    #[test]
    fn the_words_of_a_text_do_not_depend_on_how_it_came() {
        let text = "분모가 같나요? 먼저  공통분모를\n찾아보세요.";
        let whole = run(&[text]);
        let chars: Vec<String> = text.chars().map(String::from).collect();
        let one_by_one = run(&chars.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(whole, one_by_one);
        assert_eq!(whole, (text.to_owned(), false, words(text).count()));
    }

    #[test]
    fn a_leak_over_chunks_is_stopped_before_its_first_word() {
        let (shown, leaked, _) =
            run(&["Look at the denominators. The ans", "wer is 5", " / ", "6, well do", "ne."]);
        assert!(leaked);
        assert_eq!(shown, "Look at the denominators. ");
    }

    #[test]
    fn a_leak_in_the_last_word_is_stopped() {
        assert_eq!(run(&["It is 5/", "6"]), (String::new(), true, 0));
    }

    #[test]
    fn a_number_is_judged_when_it_is_whole() {
        let mut gate = Release::new(|text: &str| text.split_whitespace().any(|word| word == "3"));
        assert_eq!(gate.push("add 3"), Step::Show(vec![]));
        assert_eq!(
            gate.push("6 to it. So"),
            Step::Show(vec!["add ".into(), "36 ".into(), "to ".into(), "it. ".into()])
        );
    }

    #[test]
    fn long_sentences_come_twelve_words_behind() {
        let mut gate = Release::new(tells);
        let text = (1..=20).map(|n| format!("w{n} ")).collect::<String>();
        let Step::Show(shown) = gate.push(&text) else { panic!("no leak") };
        assert_eq!(shown.len(), 20 - 1 - WORDS_BEHIND);
    }

    #[test]
    fn enough_is_enough() {
        let (shown, leaked, _) = run(&["One step. Two steps! Three? The answer is 5/6. And so on"]);
        assert!(!leaked);
        assert_eq!(shown, "One step. Two steps! Three? ");
    }

    #[test]
    fn half_a_sentence_at_the_limit_is_left_out() {
        let mut gate = Release::new(tells);
        assert_eq!(
            gate.push("Find the common denominator. Then you ca"),
            Step::Show(words("Find the common denominator. ").map(str::to_owned).collect())
        );
        assert_eq!(gate.finish(true), Step::ShowLast(vec![]));
        assert_eq!(gate.shown_text(), "Find the common denominator.");
    }

    #[test]
    fn invisible_characters_are_left_out() {
        let mut gate = Release::new(tells);
        gate.push("\n\u{202e}a\u{0}b\u{feff} c");
        gate.finish(false);
        assert_eq!(gate.shown_text(), "ab c");
    }
}
