//! Parses `text/event-stream` as the HTML standard says (section 9.2.6), from pieces cut anywhere.
//!
//! A byte order mark at the start is skipped; lines end with LF, CR or CRLF; `:` starts a comment; an empty line
//! dispatches. What is unfinished at the end of the stream is dropped by simply not being dispatched.

use std::{collections::VecDeque, time::Duration};

/// A dispatched event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The newest `id` seen, this message's or an earlier one's.
    pub id: String,
    /// The `event` field; empty means `message`.
    pub event: String,
    /// The `data` lines joined with LF.
    pub data: String,
}

/// A line grew beyond what the hub ever sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a line or event is longer than {LIMIT} bytes")]
pub struct TooLong;

const LIMIT: usize = 4 << 20;
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Keeps what is unfinished between pieces.
#[derive(Debug, Default)]
pub struct Parser {
    line: Vec<u8>,
    /// The last byte was CR: an LF now belongs to it.
    after_cr: bool,
    /// The first line, which may carry a byte order mark, is over.
    begun: bool,
    event: String,
    data: String,
    has_data: bool,
    /// Set by `id` lines, taken over by the next dispatch.
    id: String,
    retry: Option<Duration>,
}

impl Parser {
    /// A parser for a stream that goes on after the event `id`.
    pub fn after(id: String) -> Self {
        Self { id, ..Self::default() }
    }

    /// The newest `retry` field.
    pub fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// Takes the next piece and appends the messages it completes.
    pub fn push(&mut self, mut piece: &[u8], messages: &mut VecDeque<Message>) -> Result<(), TooLong> {
        if self.after_cr && !piece.is_empty() {
            self.after_cr = false;
            piece = piece.strip_prefix(b"\n").unwrap_or(piece);
        }
        while let Some(end) = piece.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            self.append(&piece[..end])?;
            let line = std::mem::take(&mut self.line);
            self.end_line(&line, messages);
            self.line = line;
            self.line.clear();
            let is_cr = piece[end] == b'\r';
            piece = &piece[end + 1..];
            if is_cr {
                match piece {
                    [] => self.after_cr = true,
                    [b'\n', rest @ ..] => piece = rest,
                    [..] => {}
                }
            }
        }
        self.append(piece)
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        if self.line.len() + self.data.len() + bytes.len() > LIMIT {
            return Err(TooLong);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(&mut self, line: &[u8], messages: &mut VecDeque<Message>) {
        let line = if self.begun { line } else { line.strip_prefix(BOM).unwrap_or(line) };
        self.begun = true;
        if line.is_empty() {
            return self.dispatch(messages);
        }
        let (name, value) = match line.iter().position(|byte| *byte == b':') {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &b""[..]),
        };
        let value = String::from_utf8_lossy(value.strip_prefix(b" ").unwrap_or(value));
        match name {
            b"data" => {
                if self.has_data {
                    self.data.push('\n');
                }
                self.data.push_str(&value);
                self.has_data = true;
            }
            b"event" => self.event = value.into_owned(),
            b"id" if !value.contains('\0') => self.id = value.into_owned(),
            b"retry" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.retry = value.parse().ok().map(Duration::from_millis).or(self.retry);
            }
            // A comment (the name is empty), or a field of a later standard.
            _ => {}
        }
    }

    fn dispatch(&mut self, messages: &mut VecDeque<Message>) {
        let event = std::mem::take(&mut self.event);
        if std::mem::take(&mut self.has_data) {
            messages.push_back(Message { id: self.id.clone(), event, data: std::mem::take(&mut self.data) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(pieces: &[&[u8]]) -> Vec<Message> {
        let (mut parser, mut messages) = (Parser::default(), VecDeque::new());
        for piece in pieces {
            parser.push(piece, &mut messages).expect("short lines");
        }
        messages.into()
    }

    fn message(id: &str, event: &str, data: &str) -> Message {
        Message { id: id.into(), event: event.into(), data: data.into() }
    }

    /// The examples of the standard.
    #[test]
    fn standard_examples() {
        assert_eq!(parse(&[b"data: YHOO\ndata: +2\ndata: 10\n\n"]), [message("", "", "YHOO\n+2\n10")]);
        assert_eq!(
            parse(&[b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\ndata"]),
            [message("1", "", "first event"), message("", "", "second event"), message("", "", " third event")]
        );
        assert_eq!(parse(&[b"data\n\ndata\ndata\n\ndata:"]), [message("", "", ""), message("", "", "\n")]);
        assert_eq!(
            parse(&[b"data:test\n\ndata: test\n\n"]),
            [message("", "", "test"), message("", "", "test")]
        );
    }

    #[test]
    fn fields() {
        let text =
            "\u{feff}event: cell\r\nid: 7\r\ndata: 기약분수\r\nunknown: x\r\n\r\nid: a\0b\ndata: x\n\n";
        assert_eq!(parse(&[text.as_bytes()]), [message("7", "cell", "기약분수"), message("7", "", "x")]);
    }

    #[test]
    fn id_without_data_counts_and_event_without_data_is_dropped() {
        assert_eq!(parse(&[b"id: 5\nevent: lost\n\ndata: x\n\n"]), [message("5", "", "x")]);
    }

    #[test]
    fn retry_takes_digits_only() {
        let (mut parser, mut messages) = (Parser::default(), VecDeque::new());
        parser
            .push(b"retry: 1500\nretry: 2s\nretry\nretry: 99999999999999999999\n", &mut messages)
            .expect("short");
        assert_eq!(parser.retry(), Some(Duration::from_millis(1500)));
        assert!(messages.is_empty());
    }

    #[test]
    fn endless_line_is_an_error() {
        let (mut parser, mut messages) = (Parser::default(), VecDeque::new());
        let piece = vec![b'x'; LIMIT / 2 + 1];
        assert_eq!(parser.push(&piece, &mut messages), Ok(()));
        assert_eq!(parser.push(&piece, &mut messages), Err(TooLong));
    }

    #[derive(Debug, Clone)]
    struct Sent {
        id: Option<String>,
        lines: Vec<String>,
        comment: bool,
        end: &'static str,
    }

    fn sent() -> impl Strategy<Value = Sent> {
        (
            proptest::option::of("[0-9]{1,3}"),
            proptest::collection::vec("[^\r\n]{0,12}", 1..4),
            any::<bool>(),
            proptest::sample::select(vec!["\n", "\r", "\r\n"]),
        )
            .prop_map(|(id, lines, comment, end)| Sent { id, lines, comment, end })
    }

    proptest! {
        /// However the bytes are cut, the same messages come out, and they are those that were sent.
        #[test]
        fn cuts_do_not_matter(
            events in proptest::collection::vec(sent(), 0..6),
            cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..12),
        ) {
            let (mut bytes, mut expected, mut last_id) = (Vec::new(), Vec::new(), String::new());
            for event in &events {
                let end = event.end;
                if event.comment {
                    bytes.extend(format!(": alive{end}{end}").into_bytes());
                }
                if let Some(id) = &event.id {
                    bytes.extend(format!("id: {id}{end}").into_bytes());
                    last_id.clone_from(id);
                }
                for line in &event.lines {
                    bytes.extend(format!("data: {line}{end}").into_bytes());
                }
                bytes.extend(end.bytes());
                expected.push(message(&last_id, "", &event.lines.join("\n")));
            }
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            at.sort_unstable();
            let (mut pieces, mut from) = (Vec::new(), 0);
            for cut in at {
                pieces.push(&bytes[from..cut]);
                from = cut;
            }
            pieces.push(&bytes[from..]);
            prop_assert_eq!(parse(&pieces), expected);
        }

        /// Arbitrary bytes never panic and do not depend on the cuts either.
        #[test]
        fn noise_is_cut_alike(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let one_by_one: Vec<&[u8]> = bytes.chunks(1).collect();
            prop_assert_eq!(parse(&one_by_one), parse(&[&bytes]));
        }
    }
}
