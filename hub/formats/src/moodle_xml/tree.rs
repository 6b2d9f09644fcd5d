//! XML as a small tree with limits: no DOCTYPE, no entities but the five, bounded depth and number of elements.

use quick_xml::{
    Reader, XmlVersion,
    events::{BytesStart, Event},
};

use crate::remark::FileFault;

/// The deepest nesting of elements.
pub(super) const MAX_DEPTH: usize = 32;
/// The most elements of a file: a few dozen for each of the most items.
const MAX_ELEMENTS: usize = 100_000;

/// An element with what is inside it.
#[derive(Debug, Default)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    /// Its own text, without that of its children.
    pub(super) text: String,
    pub(super) children: Vec<Element>,
    pub(super) comments: Vec<String>,
    pub(super) line: u32,
}

impl Element {
    pub(super) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Reads a file; its root element.
pub(super) fn read(source: &str) -> Result<Element, FileFault> {
    let mut reader = Reader::from_str(source);
    let mut lines = Lines { source, counted: 0, line: 1 };
    // The outermost is no element: it holds the root.
    let mut open: Vec<Element> = vec![Element::default()];
    let mut elements = 0_usize;
    loop {
        let event = match reader.read_event() {
            Ok(event) => event,
            Err(err) => {
                return Err(FileFault::Xml { line: lines.at(reader.error_position()), why: err.to_string() });
            }
        };
        let line = lines.at(reader.buffer_position());
        let broken = |why: &str| FileFault::Xml { line, why: why.to_owned() };
        let Some(inside) = open.last_mut() else { return Err(broken("an end too many")) };
        match event {
            Event::Start(start) => {
                let element = read_element(&start, line)?;
                elements += 1;
                open.push(element);
                if open.len() > MAX_DEPTH + 1 {
                    return Err(FileFault::TooDeep { line, limit: MAX_DEPTH });
                }
            }
            Event::Empty(start) => {
                elements += 1;
                inside.children.push(read_element(&start, line)?);
            }
            Event::End(_) => {
                let ended = open.pop().unwrap_or_default();
                match open.last_mut() {
                    Some(outer) => outer.children.push(ended),
                    None => return Err(broken("an end too many")),
                }
            }
            Event::Text(text) => inside.text.push_str(&text),
            Event::CData(text) => inside.text.push_str(&text),
            Event::GeneralRef(entity) => {
                let resolved = match &*entity {
                    "lt" => Some('<'),
                    "gt" => Some('>'),
                    "amp" => Some('&'),
                    "quot" => Some('"'),
                    "apos" => Some('\''),
                    _ => match entity.resolve_char_ref() {
                        Ok(resolved) => resolved,
                        Err(err) => return Err(broken(&err.to_string())),
                    },
                };
                // Anything else could only be declared in a DOCTYPE.
                inside.text.push(resolved.ok_or(FileFault::Doctype(line))?);
            }
            Event::Comment(comment) => inside.comments.push((*comment).to_owned()),
            Event::DocType(_) => return Err(FileFault::Doctype(line)),
            Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
        if elements > MAX_ELEMENTS {
            return Err(FileFault::Xml { line, why: format!("more than {MAX_ELEMENTS} elements") });
        }
    }
    let mut outermost = open.pop().unwrap_or_default();
    let fault = |why: &str| FileFault::Xml { line: outermost.line.max(1), why: why.to_owned() };
    if !open.is_empty() {
        return Err(fault("an element is not closed"));
    }
    if outermost.children.len() > 1 || !outermost.text.trim().is_empty() {
        return Err(fault("there is more than one element outside of all others"));
    }
    outermost.children.pop().ok_or(FileFault::NoItems)
}

fn read_element(start: &BytesStart<'_>, line: u32) -> Result<Element, FileFault> {
    let name: &str = start.name().into_inner();
    let mut element = Element { name: name.to_owned(), line, ..Element::default() };
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|err| FileFault::Xml { line, why: err.to_string() })?;
        let key: &str = attribute.key.as_ref();
        // A value may hold references to characters and the five entities, nothing else.
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|err| FileFault::Xml { line, why: err.to_string() })?;
        element.attributes.push((key.to_owned(), value.into_owned()));
    }
    Ok(element)
}

/// Counts lines up to growing places of a text.
struct Lines<'a> {
    source: &'a str,
    counted: usize,
    line: u32,
}

impl Lines<'_> {
    fn at(&mut self, place: u64) -> u32 {
        let place = usize::try_from(place).unwrap_or(usize::MAX).min(self.source.len());
        if place > self.counted {
            let bytes = self.source.as_bytes().get(self.counted..place).unwrap_or_default();
            let ends = bytes.iter().filter(|b| **b == b'\n').count();
            self.line = self.line.saturating_add(u32::try_from(ends).unwrap_or(u32::MAX));
            self.counted = place;
        }
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn reads_texts_references_and_lines() {
        let root = read("<?xml version=\"1.0\"?>\n<quiz>\n<!-- a -->\n<q a='1 &lt; 2'>x &amp; &#51;<![CDATA[<b>]]></q>\n</quiz>\n")
            .expect("read");
        let question = root.child("q").expect("there");
        assert_eq!(
            (question.text.as_str(), question.attribute("a"), question.line),
            ("x & 3<b>", Some("1 < 2"), 4)
        );
        assert_eq!(root.comments, [" a "]);
    }

    #[test]
    fn refuses_bombs_at_once() {
        let began = Instant::now();
        let laughs = "<?xml version='1.0'?><!DOCTYPE lolz [<!ENTITY lol 'lol'><!ENTITY lol2 '&lol;&lol;&lol;&lol;'>]><quiz>&lol2;</quiz>";
        assert!(matches!(read(laughs), Err(FileFault::Doctype(1))));
        assert!(matches!(read("<quiz>&lol;</quiz>"), Err(FileFault::Doctype(1))));
        let deep = "<a>".repeat(1_000) + &"</a>".repeat(1_000);
        assert!(matches!(read(&deep), Err(FileFault::TooDeep { .. })));
        let many = format!("<quiz>{}</quiz>", "<a/>".repeat(200_000));
        assert!(matches!(read(&many), Err(FileFault::Xml { .. })));
        assert!(began.elapsed() < Duration::from_secs(2));
    }

    #[test]
    fn refuses_what_is_not_sound() {
        for source in [
            "",
            "<quiz>",
            "<quiz></q>",
            "</quiz>",
            "<a/><b/>",
            "x<a/>",
            "<quiz",
            "<quiz a=1/>",
            "<quiz a='&x;'/>",
        ] {
            assert!(read(source).is_err(), "{source}");
        }
    }
}
