//! HTML of other programs ↔ the project's Markdown blocks.
//!
//! [`read`] takes the tokens of a browser-grade tokenizer one by one and keeps words and a dozen forms; it never builds
//! a tree, so that nesting costs nothing and nothing of the markup itself survives. What runs, loads or restyles is left
//! out together with what is inside it, and named.

use std::cell::RefCell;

use html5ever::{
    tendril::StrTendril,
    tokenizer::{
        BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
        states::RawKind,
    },
};

use crate::{
    markdown::{Align, Block, Inline, MAX_SOURCE, read_maths},
    remark::Remark,
};

/// What an HTML text says.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) blocks: Vec<Block>,
    pub(crate) images: Vec<Image>,
    pub(crate) remarks: Vec<Remark>,
}

/// A picture that the text names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Image {
    pub(crate) source: String,
    pub(crate) alt: String,
}

/// Reads an HTML text. With `line_breaks` the ends of its lines are kept, as Moodle's own format has it.
pub(crate) fn read(source: &str, line_breaks: bool) -> Page {
    let sink = Sink(RefCell::new(Writer { line_breaks, ..Writer::default() }));
    let tokenizer = Tokenizer::new(sink, TokenizerOpts::default());
    let input = BufferQueue::default();
    // A mark of the writing order at the front is no character of the text.
    input.push_back(StrTendril::from(source.trim_start_matches('\u{FEFF}')));
    // The sink never asks to run a script, so that one call takes everything.
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.0.into_inner().finish()
}

/// Writes blocks as HTML that Moodle shows, maths between `\(` and `\)`. A text of one paragraph has no tag around it.
pub(crate) fn write(blocks: &[Block]) -> String {
    if let [Block::Paragraph(of)] = blocks {
        return write_inline(of);
    }
    blocks.iter().map(write_block).collect()
}

/// A text with what HTML would read as markup made plain.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}

fn write_block(block: &Block) -> String {
    match block {
        Block::Paragraph(of) => format!("<p>{}</p>", write_inline(of)),
        Block::Heading { level, of } => format!("<h{level}>{}</h{level}>", write_inline(of)),
        Block::Maths(tex) => format!("<p>\\[{}\\]</p>", escape(tex)),
        Block::List { ordered, start, items } => {
            let items: String = items.iter().map(|item| format!("<li>{}</li>", write_inline(item))).collect();
            match (ordered, start) {
                (true, 1) => format!("<ol>{items}</ol>"),
                (true, start) => format!("<ol start=\"{start}\">{items}</ol>"),
                (false, _) => format!("<ul>{items}</ul>"),
            }
        }
        Block::Table { align, head, rows } => {
            let style = |at: usize| match align.get(at) {
                Some(Align::Left) => " align=\"left\"",
                Some(Align::Center) => " align=\"center\"",
                Some(Align::Right) => " align=\"right\"",
                Some(Align::None) | None => "",
            };
            let row = |cells: &[Vec<Inline>], tag: &str| {
                let cells: String = cells
                    .iter()
                    .enumerate()
                    .map(|(at, cell)| format!("<{tag}{}>{}</{tag}>", style(at), write_inline(cell)))
                    .collect();
                format!("<tr>{cells}</tr>")
            };
            let rows: String = rows.iter().map(|cells| row(cells, "td")).collect();
            format!("<table><thead>{}</thead><tbody>{rows}</tbody></table>", row(head, "th"))
        }
    }
}

fn write_inline(parts: &[Inline]) -> String {
    let part = |part: &Inline| match part {
        // A text that looks like maths but is none is kept apart by an empty element.
        Inline::Text(text) => keep_plain(&escape(text)),
        Inline::Bold(of) => format!("<strong>{}</strong>", write_inline(of)),
        Inline::Stress(of) => format!("<em>{}</em>", write_inline(of)),
        Inline::Code(code) => format!("<code>{}</code>", escape(code)),
        Inline::Maths { tex, display: false } => format!("\\({}\\)", escape(tex)),
        Inline::Maths { tex, display: true } => format!("\\[{}\\]", escape(tex)),
        Inline::Break => "<br>".to_owned(),
    };
    parts.iter().map(part).collect()
}

/// Parts a `$` or `\(` of the plain text from what follows, so that no program takes it for the beginning of maths.
fn keep_plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let first = rest.chars().next().unwrap_or_default();
        plain.push(first);
        at += first.len_utf8();
        if read_maths(rest).is_some() {
            plain.push_str("<span></span>");
        }
    }
    plain
}

/// Elements that are left out with what is inside them.
const REMOVED: &[&str] = &[
    "script",
    "style",
    "iframe",
    "object",
    "applet",
    "embed",
    "svg",
    "math",
    "video",
    "audio",
    "canvas",
    "template",
    "noscript",
    "noembed",
    "noframes",
    "frameset",
    "select",
    "textarea",
    "button",
    "input",
    "form",
    "title",
    "meta",
    "link",
    "base",
    "marquee",
    "xmp",
    "plaintext",
];
/// Elements without an end tag.
const VOID: &[&str] = &["embed", "input", "meta", "link", "base", "plaintext"];
/// Elements that begin and end a paragraph.
const BLOCKS: &[&str] = &[
    "p",
    "div",
    "section",
    "article",
    "header",
    "footer",
    "main",
    "nav",
    "aside",
    "address",
    "blockquote",
    "pre",
    "center",
    "dl",
    "dt",
    "dd",
    "figure",
    "figcaption",
    "fieldset",
    "hr",
    "body",
    "html",
    "caption",
    "details",
    "summary",
];

struct Sink(RefCell<Writer>);

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut writer = self.0.borrow_mut();
        match token {
            Token::CharacterTokens(text) => writer.push_text(&text),
            Token::TagToken(tag) => return writer.push_tag(&tag),
            Token::DoctypeToken(_)
            | Token::CommentToken(_)
            | Token::NullCharacterToken
            | Token::EOFToken
            | Token::ParseError(_) => {}
        }
        TokenSinkResult::Continue
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Style {
    bold: usize,
    stress: usize,
    code: usize,
}

impl Style {
    fn same(self, other: Style) -> bool {
        (self.bold > 0, self.stress > 0, self.code > 0) == (other.bold > 0, other.stress > 0, other.code > 0)
    }
}

#[derive(Debug)]
enum Piece {
    Text(String, Style),
    Maths { tex: String, style: Style },
    Break,
}

#[derive(Debug)]
struct ListInProgress {
    ordered: bool,
    start: u32,
    items: Vec<Vec<Inline>>,
}

#[derive(Debug, Default)]
struct TableInProgress {
    rows: Vec<Vec<Vec<Inline>>>,
    align: Vec<Align>,
    in_cell: bool,
}

#[derive(Debug, Default)]
struct Writer {
    line_breaks: bool,
    page: Page,
    pieces: Vec<Piece>,
    style: Style,
    heading: Option<u8>,
    list: Option<ListInProgress>,
    /// Lists inside the list; their items are lines of the item they stand in.
    inner_lists: usize,
    in_item: bool,
    table: Option<TableInProgress>,
    inner_tables: usize,
    /// Inside an element that is left out: its name and how many of that name are open.
    removed: Option<(String, usize)>,
    /// Inside `sup` or `sub`: the sign and what stands there.
    raised: Option<(char, String)>,
    preformatted: usize,
}

impl Writer {
    fn push_text(&mut self, text: &str) {
        if self.removed.is_some() {
            return;
        }
        if let Some((_, raised)) = &mut self.raised {
            raised.push_str(text.trim());
            return;
        }
        let keep_lines = self.line_breaks || self.preformatted > 0;
        for c in text.chars() {
            if c == '\n' && keep_lines {
                self.pieces.push(Piece::Break);
            } else if c.is_whitespace() {
                self.push_space();
            } else {
                self.push_char(c);
            }
        }
    }

    fn push_space(&mut self) {
        // Spaces at the beginning of a line and after a space are none.
        let ends_open = match self.pieces.last() {
            Some(Piece::Text(text, _)) => !text.ends_with(' '),
            Some(Piece::Maths { .. }) => true,
            Some(Piece::Break) | None => false,
        };
        if ends_open {
            self.push_char(' ');
        }
    }

    fn push_char(&mut self, c: char) {
        let style = self.style;
        match self.pieces.last_mut() {
            Some(Piece::Text(text, of)) if of.same(style) => text.push(c),
            Some(_) | None => self.pieces.push(Piece::Text(c.to_string(), style)),
        }
    }

    fn push_tag(&mut self, tag: &Tag) -> TokenSinkResult<()> {
        let name: &str = &tag.name;
        let opens = tag.kind == TagKind::StartTag;
        if let Some((removed, depth)) = &mut self.removed {
            if removed == name {
                *depth = if opens { *depth + 1 } else { depth.saturating_sub(1) };
                if *depth == 0 {
                    self.removed = None;
                }
            }
            return TokenSinkResult::Continue;
        }
        if opens {
            self.check_attributes(tag);
            if REMOVED.contains(&name) {
                return self.remove(name, tag.self_closing);
            }
        }
        match name {
            "b" | "strong" => count(&mut self.style.bold, opens),
            "i" | "em" | "cite" | "dfn" | "var" => count(&mut self.style.stress, opens),
            "code" | "kbd" | "tt" | "samp" => count(&mut self.style.code, opens),
            // An empty element parts what must not be read together; see `keep_plain`.
            "span" if opens => self.pieces.push(Piece::Text(String::new(), self.style)),
            "sup" | "sub" => self.raise(if name == "sup" { '^' } else { '_' }, opens),
            "br" => self.pieces.push(Piece::Break),
            "img" if opens => self.see_image(tag),
            "ul" | "ol" => self.turn_list(name == "ol", opens, tag),
            "li" => self.turn_item(opens),
            "table" => self.turn_table(opens),
            "tr" => self.turn_row(opens),
            "td" | "th" => self.turn_cell(opens, tag),
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                self.end_paragraph();
                let level = name.as_bytes().get(1).map_or(1, |digit| digit - b'0');
                self.heading = opens.then_some(level);
            }
            _ if BLOCKS.contains(&name) => {
                if name == "pre" {
                    count(&mut self.preformatted, opens);
                }
                self.end_paragraph();
            }
            _ => {}
        }
        TokenSinkResult::Continue
    }

    fn check_attributes(&mut self, tag: &Tag) {
        for attribute in &tag.attrs {
            let key: &str = &attribute.name.local;
            let value: String =
                attribute.value.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect();
            if key.starts_with("on") || value.to_ascii_lowercase().starts_with("javascript:") {
                self.remark(Remark::HandlerRemoved);
            } else if key == "href" && &*tag.name == "a" {
                self.remark(Remark::LinkRemoved);
            }
        }
    }

    fn remove(&mut self, name: &str, self_closing: bool) -> TokenSinkResult<()> {
        // A form and a page's head hold text that belongs to the problem; only the tag goes.
        if name != "form" && !VOID.contains(&name) && !self_closing {
            self.removed = Some((name.to_owned(), 1));
        }
        self.remark(Remark::ElementRemoved(name.to_owned()));
        match name {
            "script" if !self_closing => TokenSinkResult::RawData(RawKind::ScriptData),
            "style" | "iframe" | "noembed" | "noframes" | "xmp" if !self_closing => {
                TokenSinkResult::RawData(RawKind::Rawtext)
            }
            "textarea" | "title" if !self_closing => TokenSinkResult::RawData(RawKind::Rcdata),
            _ => TokenSinkResult::Continue,
        }
    }

    fn remark(&mut self, remark: Remark) {
        if !self.page.remarks.contains(&remark) {
            self.page.remarks.push(remark);
        }
    }

    fn raise(&mut self, sign: char, opens: bool) {
        if opens {
            self.raised = Some((sign, String::new()));
            return;
        }
        let Some((sign, text)) = self.raised.take() else { return };
        let small: Option<String> = text.chars().map(|c| small_sign(sign, c)).collect();
        match small {
            Some(small) => small.chars().for_each(|c| self.push_char(c)),
            None => {
                let tex = format!("{sign}{{{}}}", text.replace(['$', '\\', '{', '}'], ""));
                self.pieces.push(Piece::Maths { tex, style: self.style });
            }
        }
    }

    fn see_image(&mut self, tag: &Tag) {
        let attribute = |name: &str| {
            let found = tag.attrs.iter().find(|attribute| &*attribute.name.local == name);
            found.map(|attribute| attribute.value.to_string()).unwrap_or_default()
        };
        self.page.images.push(Image { source: attribute("src"), alt: attribute("alt").trim().to_owned() });
    }

    fn turn_list(&mut self, ordered: bool, opens: bool, tag: &Tag) {
        match (opens, self.list.is_some()) {
            (true, true) => {
                self.inner_lists += 1;
                self.remark(Remark::NestedListFlattened);
                self.break_line();
            }
            (true, false) => {
                self.end_paragraph();
                let start = tag.attrs.iter().find(|attribute| &*attribute.name.local == "start");
                let start =
                    start.and_then(|start| start.value.parse().ok()).filter(|n| (0..1000).contains(n));
                self.list = Some(ListInProgress { ordered, start: start.unwrap_or(1), items: Vec::new() });
            }
            (false, true) if self.inner_lists > 0 => {
                self.inner_lists -= 1;
                self.break_line();
            }
            (false, true) => self.end_list(),
            (false, false) => {}
        }
    }

    fn turn_item(&mut self, opens: bool) {
        if self.list.is_none() {
            self.end_paragraph();
        } else if self.inner_lists > 0 {
            self.break_line();
            if opens {
                "– ".chars().for_each(|c| self.push_char(c));
            }
        } else {
            self.end_item();
            self.in_item = opens;
        }
    }

    fn end_item(&mut self) {
        let parts = take_pieces(&mut self.pieces);
        if let Some(list) = &mut self.list
            && !parts.is_empty()
        {
            list.items.push(parts);
        }
        self.in_item = false;
    }

    fn end_list(&mut self) {
        self.end_item();
        self.inner_lists = 0;
        let Some(list) = self.list.take() else { return };
        if list.items.is_empty() {
            return;
        }
        match &mut self.table {
            Some(table) if table.in_cell => {
                for item in list.items {
                    self.pieces.push(Piece::Break);
                    self.pieces.extend(item.into_iter().map(piece_of));
                }
            }
            Some(_) | None => self.page.blocks.push(Block::List {
                ordered: list.ordered,
                start: if list.ordered { list.start } else { 1 },
                items: list.items,
            }),
        }
    }

    fn turn_table(&mut self, opens: bool) {
        match (opens, self.table.is_some()) {
            (true, true) => self.inner_tables += 1,
            (true, false) => {
                if self.list.is_some() {
                    self.end_list();
                }
                self.end_paragraph();
                self.table = Some(TableInProgress::default());
            }
            (false, true) if self.inner_tables > 0 => self.inner_tables -= 1,
            (false, true) => self.end_table(),
            (false, false) => {}
        }
    }

    fn turn_row(&mut self, opens: bool) {
        if self.inner_tables > 0 {
            return self.break_line();
        }
        self.end_cell();
        if let Some(table) = &mut self.table
            && opens
        {
            table.rows.push(Vec::new());
        }
    }

    fn turn_cell(&mut self, opens: bool, tag: &Tag) {
        if self.inner_tables > 0 {
            return self.push_space();
        }
        self.end_cell();
        let Some(table) = self.table.as_mut().filter(|_| opens) else { return };
        table.in_cell = true;
        if table.rows.is_empty() {
            table.rows.push(Vec::new());
        }
        if table.rows.len() == 1 {
            let align = tag.attrs.iter().find(|attribute| &*attribute.name.local == "align");
            table.align.push(match align.map(|align| align.value.to_ascii_lowercase()).as_deref() {
                Some("left") => Align::Left,
                Some("center") => Align::Center,
                Some("right") => Align::Right,
                Some(_) | None => Align::None,
            });
        }
    }

    fn end_cell(&mut self) {
        if self.list.is_some() && self.table.as_ref().is_some_and(|table| table.in_cell) {
            self.end_list();
        }
        let Some(table) = self.table.as_mut().filter(|table| table.in_cell) else { return };
        table.in_cell = false;
        let mut parts = take_pieces(&mut self.pieces);
        for part in &mut parts {
            if *part == Inline::Break {
                *part = Inline::Text(" ".to_owned());
            }
        }
        if let Some(row) = table.rows.last_mut() {
            row.push(join_texts(parts));
        }
    }

    fn end_table(&mut self) {
        self.end_cell();
        self.inner_tables = 0;
        let Some(table) = self.table.take() else { return };
        let width = table.rows.iter().map(Vec::len).max().unwrap_or_default();
        let mut rows = table.rows.into_iter().filter(|row| !row.is_empty()).map(|mut row| {
            row.resize(width, Vec::new());
            row
        });
        let mut align = table.align;
        align.resize(width, Align::None);
        match rows.next() {
            // One column is no table in Markdown's eyes.
            Some(head) if width > 1 => {
                self.page.blocks.push(Block::Table { align, head, rows: rows.collect() });
            }
            Some(head) => {
                let cells = std::iter::once(head).chain(rows).flatten().filter(|cell| !cell.is_empty());
                self.page.blocks.extend(cells.map(Block::Paragraph));
            }
            None => {}
        }
    }

    /// Ends a line inside something that cannot hold paragraphs.
    fn break_line(&mut self) {
        if !matches!(self.pieces.last(), Some(Piece::Break) | None) {
            self.pieces.push(Piece::Break);
        }
    }

    fn end_paragraph(&mut self) {
        let in_cell = self.table.as_ref().is_some_and(|table| table.in_cell);
        if self.in_item || in_cell {
            return self.break_line();
        }
        // Two ends of a line are the end of a paragraph.
        for parts in split_paragraphs(take_pieces(&mut self.pieces)) {
            let heading = self.heading.take();
            self.page.blocks.push(match (heading, parts.as_slice()) {
                (Some(level), _) => Block::Heading { level, of: without_breaks(parts) },
                (None, [Inline::Maths { tex, display: true }]) => Block::Maths(tex.clone()),
                (None, _) => Block::Paragraph(parts),
            });
        }
    }

    fn finish(mut self) -> Page {
        self.raise('^', false);
        if self.table.is_some() {
            self.end_table();
        }
        if self.list.is_some() {
            self.end_list();
        }
        self.in_item = false;
        self.end_paragraph();
        self.page
    }
}

fn count(depth: &mut usize, opens: bool) {
    *depth = if opens { *depth + 1 } else { depth.saturating_sub(1) };
}

fn small_sign(sign: char, c: char) -> Option<char> {
    let (all, small) = match sign {
        '^' => ("0123456789+-()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿ"),
        _ => ("0123456789+-()", "₀₁₂₃₄₅₆₇₈₉₊₋₍₎"),
    };
    all.chars().zip(small.chars()).find_map(|(plain, small)| (plain == c).then_some(small))
}

/// The parts of a line that were already read, taken back for a cell.
fn piece_of(part: Inline) -> Piece {
    match part {
        Inline::Text(text) | Inline::Code(text) => Piece::Text(text, Style::default()),
        Inline::Maths { tex, .. } => Piece::Maths { tex, style: Style::default() },
        Inline::Bold(of) => Piece::Text(plain_words(&of), Style { bold: 1, ..Style::default() }),
        Inline::Stress(of) => Piece::Text(plain_words(&of), Style { stress: 1, ..Style::default() }),
        Inline::Break => Piece::Break,
    }
}

fn plain_words(parts: &[Inline]) -> String {
    crate::markdown::words(&[Block::Paragraph(parts.to_vec())])
}

/// Turns pieces into parts: texts of one style joined, maths found, spaces and breaks at both ends gone.
fn take_pieces(pieces: &mut Vec<Piece>) -> Vec<Inline> {
    let mut parts: Vec<(Inline, Style)> = Vec::new();
    for piece in std::mem::take(pieces) {
        match piece {
            Piece::Break => {
                trim_end(&mut parts);
                parts.push((Inline::Break, Style::default()));
            }
            Piece::Maths { tex, style } => parts.push((Inline::Maths { tex, display: false }, style)),
            Piece::Text(text, style) if style.code > 0 => {
                if !text.trim().is_empty() {
                    parts.push((Inline::Code(text.trim().to_owned()), style));
                }
            }
            Piece::Text(text, style) => parts.extend(find_maths(&text).into_iter().map(|part| (part, style))),
        }
    }
    trim_end(&mut parts);
    while matches!(parts.last(), Some((Inline::Break, _))) {
        parts.pop();
        trim_end(&mut parts);
    }
    let start = parts.iter().position(|(part, _)| !is_blank(part)).unwrap_or(parts.len());
    parts.drain(..start);
    if let Some((Inline::Text(text), _)) = parts.first_mut() {
        *text = text.trim_start().to_owned();
    }
    dress(parts)
}

fn is_blank(part: &Inline) -> bool {
    match part {
        Inline::Break => true,
        Inline::Text(text) => text.trim().is_empty(),
        Inline::Bold(_) | Inline::Stress(_) | Inline::Code(_) | Inline::Maths { .. } => false,
    }
}

fn trim_end(parts: &mut Vec<(Inline, Style)>) {
    if let Some((Inline::Text(text), _)) = parts.last_mut() {
        text.truncate(text.trim_end().len());
        if text.is_empty() {
            parts.pop();
        }
    }
}

/// Cuts maths out of a text: `\(…\)` and `$…$`; `$$…$$` in a line is maths of the line; `\[…\]` is displayed.
fn find_maths(text: &str) -> Vec<Inline> {
    if text.len() > MAX_SOURCE {
        return vec![Inline::Text(text.to_owned())];
    }
    let mut parts = Vec::new();
    let mut plain = String::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let first = rest.chars().next().unwrap_or_default();
        match read_maths(rest).filter(|(tex, ..)| !tex.trim().is_empty()) {
            Some((tex, display, length)) => {
                if !plain.is_empty() {
                    parts.push(Inline::Text(std::mem::take(&mut plain)));
                }
                let display = display && rest.starts_with('\\');
                parts.push(Inline::Maths { tex: spell_tex(tex.trim()), display });
                at += length;
            }
            None => {
                plain.push(first);
                at += first.len_utf8();
            }
        }
    }
    if !plain.is_empty() {
        parts.push(Inline::Text(plain));
    }
    parts
}

/// TeX between `$`: a bare `$` inside would end it.
fn spell_tex(tex: &str) -> String {
    let mut spelled = String::with_capacity(tex.len());
    let mut escaped = false;
    for c in tex.chars() {
        if c == '$' && !escaped {
            spelled.push('\\');
        }
        escaped = c == '\\' && !escaped;
        spelled.push(c);
    }
    spelled
}

/// Puts stress around runs of one style, stress inside of bold; spaces at the ends of a run stay outside.
fn dress(parts: Vec<(Inline, Style)>) -> Vec<Inline> {
    let bold = runs(parts, |style| style.bold > 0).into_iter().flat_map(|(run, bold)| {
        let stressed = runs(run, |style| style.stress > 0).into_iter().flat_map(|(run, stress)| {
            let run = join_texts(run.into_iter().map(|(part, _)| part).collect());
            if stress { wrap(run, Inline::Stress) } else { run }
        });
        let stressed = join_texts(stressed.collect());
        if bold { wrap(stressed, Inline::Bold) } else { stressed }
    });
    join_texts(bold.collect())
}

/// Runs of parts that wear something or do not; the end of a line wears nothing.
fn runs(parts: Vec<(Inline, Style)>, wears: impl Fn(Style) -> bool) -> Vec<(Vec<(Inline, Style)>, bool)> {
    let mut runs: Vec<(Vec<(Inline, Style)>, bool)> = Vec::new();
    for (part, style) in parts {
        let worn = part != Inline::Break && wears(style);
        match runs.last_mut() {
            Some((run, of)) if *of == worn => run.push((part, style)),
            Some(_) | None => runs.push((vec![(part, style)], worn)),
        }
    }
    runs
}

fn wrap(mut run: Vec<Inline>, make: impl Fn(Vec<Inline>) -> Inline) -> Vec<Inline> {
    let space = || Inline::Text(" ".to_owned());
    let (mut before, mut after) = (None, None);
    if let Some(Inline::Text(text)) = run.first_mut() {
        before = text.starts_with(' ').then(space);
        *text = text.trim_start().to_owned();
    }
    if let Some(Inline::Text(text)) = run.last_mut() {
        after = text.ends_with(' ').then(space);
        *text = text.trim_end().to_owned();
    }
    run.retain(|part| !matches!(part, Inline::Text(text) if text.is_empty()));
    let wrapped = (!run.is_empty()).then(|| make(run));
    before.into_iter().chain(wrapped).chain(after).collect()
}

fn join_texts(parts: Vec<Inline>) -> Vec<Inline> {
    let mut joined: Vec<Inline> = Vec::new();
    for part in parts {
        match (joined.last_mut(), part) {
            (_, Inline::Text(text)) if text.is_empty() => {}
            (Some(Inline::Text(last)), Inline::Text(text)) => last.push_str(&text),
            (_, part) => joined.push(part),
        }
    }
    joined
}

fn without_breaks(parts: Vec<Inline>) -> Vec<Inline> {
    let part = |part| if part == Inline::Break { Inline::Text(" ".to_owned()) } else { part };
    join_texts(parts.into_iter().map(part).collect())
}

/// Cuts at two or more breaks in a row.
fn split_paragraphs(parts: Vec<Inline>) -> Vec<Vec<Inline>> {
    let mut paragraphs: Vec<Vec<Inline>> = vec![Vec::new()];
    let mut breaks = 0;
    for part in parts {
        if part == Inline::Break {
            breaks += 1;
            continue;
        }
        if breaks > 1 {
            paragraphs.push(Vec::new());
        }
        let Some(paragraph) = paragraphs.last_mut() else { continue };
        if breaks == 1 && !paragraph.is_empty() {
            paragraph.push(Inline::Break);
        }
        breaks = 0;
        paragraph.push(part);
    }
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    paragraphs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::markdown::{parse, print};

    fn markdown(html: &str) -> String {
        print(&read(html, false).blocks)
    }

    #[test]
    fn keeps_words_and_the_forms_that_are_drawn() {
        for (html, expected) in [
            ("<p>두 수의  <b>합</b>은\n얼마?</p>", "두 수의 **합**은 얼마?"),
            ("a<br>b<br/><br>c", "a\nb\n\nc"),
            ("<p>가</p><p>나</p>", "가\n\n나"),
            ("<ul><li>가<li>나</ul>", "- 가\n- 나"),
            ("<ol start=3><li><p>가</p></li><li>나</li></ol>", "3. 가\n4. 나"),
            ("<ul><li>가<ul><li>나</li></ul></li></ul>", "- 가\n  – 나"),
            ("<h3>제목</h3>본문", "### 제목\n\n본문"),
            (
                "<table><tr><th align=center>a</th><th>b</th></tr><tr><td>1</td></tr></table>",
                "| a | b |\n| :---: | --- |\n| 1 |  |",
            ),
            ("6 cm<sup>2</sup>, x<sub>1</sub>, 2<sup>ab</sup>", "6 cm², x₁, 2$^{ab}$"),
            ("\\(\\frac{1}{2}\\) + $$x^2$$", "$\\frac{1}{2}$ + $x^2$"),
            ("<p>\\[x &lt; 2\\]</p>", "$$x < 2$$"),
            ("3 &lt; 5 &amp; &#51; &hellip;&nbsp;끝", "3 < 5 & 3 … 끝"),
            ("<b>굵고 <i>기운</i> </b>글", "**굵고 *기운*** 글"),
            ("**별** $5", "\\*\\*별\\*\\* \\$5"),
            ("<code>a  b</code>", "`a b`"),
            ("<unknown>글</unknown>", "글"),
        ] {
            assert_eq!(markdown(html), expected, "{html}");
        }
    }

    #[test]
    fn what_runs_loads_or_restyles_is_gone_and_named() {
        for (html, remark) in [
            ("<script>alert(1)</script>글", Remark::ElementRemoved("script".into())),
            ("<style>p{}</style>글", Remark::ElementRemoved("style".into())),
            ("<iframe src='//x'>a</iframe>글", Remark::ElementRemoved("iframe".into())),
            ("<svg><script>x</script></svg>글", Remark::ElementRemoved("svg".into())),
            ("<object><object></object>x</object>글", Remark::ElementRemoved("object".into())),
            ("<p onclick='x()'>글</p>", Remark::HandlerRemoved),
            ("<a href=' java\nscript:x'>글</a>", Remark::HandlerRemoved),
            ("<a href='http://a.b'>글</a>", Remark::LinkRemoved),
            ("<SCRIPT>1</SCRIPT >글", Remark::ElementRemoved("script".into())),
        ] {
            let page = read(html, false);
            assert_eq!(print(&page.blocks), "글", "{html}");
            assert!(page.remarks.contains(&remark), "{html}: {:?}", page.remarks);
        }
        let page = read("<img src='http://x/y.png' alt='원'>글", false);
        assert_eq!(page.images, [Image { source: "http://x/y.png".into(), alt: "원".into() }]);
    }

    #[test]
    fn a_hundred_thousand_nested_elements_cost_nothing() {
        let html = "<div><b><ul><li><table><tr><td>".repeat(20_000);
        let _ = read(&html, false);
        let html = "<sup>".repeat(100_000);
        let _ = read(&html, true);
    }

    #[test]
    fn markdown_walks_through_html_and_back() {
        for source in [
            "값은 $\\frac{1}{2}$이고 **중요**해요.\n다음 줄",
            "문단\n\n- 가\n- 나\n  다\n\n1. 하나\n2. 둘",
            "$$x^2 < 3$$",
            "| a | b |\n| --- | ---: |\n| $\\|x\\|$ | 2 |",
            "## 제목\n\n\\*별\\* \\$x\\$ 그리고 $5",
            "`code` *셋* 2 * 3",
            "표준 \\\\(x\\\\) 아님",
        ] {
            let blocks = parse(source);
            assert_eq!(read(&write(&blocks), false).blocks, blocks, "{}", write(&blocks));
        }
    }
}
