//! The project's Markdown, as `ui/src/text/markdown.ts` draws it: source → blocks → source.
//!
//! [`parse`] follows that file form by form. [`print()`] writes the one spelling this crate uses; it escapes only where
//! the text would otherwise come alive, and finds that out by parsing what it wrote.

/// A part of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Inline {
    Text(String),
    Bold(Vec<Inline>),
    Stress(Vec<Inline>),
    Code(String),
    Maths {
        tex: String,
        /// On a line of its own where it is drawn.
        display: bool,
    },
    Break,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Center,
    Right,
    None,
}

/// A block of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Block {
    Paragraph(Vec<Inline>),
    Heading { level: u8, of: Vec<Inline> },
    Maths(String),
    List { ordered: bool, start: u32, items: Vec<Vec<Inline>> },
    Table { align: Vec<Align>, head: Vec<Vec<Inline>>, rows: Vec<Vec<Vec<Inline>>> },
}

/// Beyond this depth of stress in stress the rest is plain text, as in the user interface.
const MAX_DEPTH: usize = 6;
/// A text longer than this, in bytes, is no text of a problem: it stays plain, and `grading` refuses it.
pub(crate) const MAX_SOURCE: usize = 10 * 1024;
/// What a backslash makes plain.
const ESCAPABLE: &str = "\\`*_$#|()[]{}.!+-";

/// The blocks of a text.
pub(crate) fn parse(source: &str) -> Vec<Block> {
    if source.len() > MAX_SOURCE {
        return vec![Block::Paragraph(vec![Inline::Text(source.to_owned())])];
    }
    let source = source.replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<&str> = source.split('\n').collect();
    let mut blocks = Vec::new();
    let mut at = 0;
    let mut barren = Barren::default();
    while let Some(line) = lines.get(at).copied() {
        if line.trim().is_empty() {
            at += 1;
        } else if let Some((tex, next)) = read_maths_block(&lines, at, &mut barren) {
            blocks.push(Block::Maths(tex));
            at = next;
        } else if let Some((level, text)) = read_heading(line) {
            blocks.push(Block::Heading { level, of: parse_inline(text) });
            at += 1;
        } else if starts_table(&lines, at) {
            let (table, next) = read_table(&lines, at);
            blocks.push(table);
            at = next;
        } else if bullet(line).is_some() || numbered(line).is_some() {
            let (list, next) = read_list(&lines, at);
            blocks.push(list);
            at = next;
        } else {
            let start = at;
            at += 1;
            while at < lines.len() && !starts_block(&lines, at, &mut barren) {
                at += 1;
            }
            let text: Vec<&str> = lines.get(start..at).unwrap_or_default().iter().map(|l| l.trim()).collect();
            blocks.push(Block::Paragraph(parse_inline(&text.join("\n"))));
        }
    }
    blocks
}

/// The parts of a text of one block.
pub(crate) fn parse_inline(source: &str) -> Vec<Inline> {
    inline_parts(source, 0)
}

/// The source of blocks: a blank line between them, none inside a list or a table.
pub(crate) fn print(blocks: &[Block]) -> String {
    for escape in [Escape::Nothing, Escape::Marks] {
        // What is too long is refused in any spelling.
        let printed = print_blocks(blocks, escape);
        if parse(&printed) == blocks {
            return printed;
        }
    }
    print_blocks(blocks, Escape::Marks)
}

/// The words of blocks on one line, without marks.
pub(crate) fn words(blocks: &[Block]) -> String {
    let mut text = String::new();
    for block in blocks {
        match block {
            Block::Paragraph(of) | Block::Heading { of, .. } => words_of(of, &mut text),
            Block::Maths(tex) => push_words(&format!("${tex}$"), &mut text),
            Block::List { items, .. } => items.iter().for_each(|item| words_of(item, &mut text)),
            Block::Table { head, rows, .. } => {
                head.iter().chain(rows.iter().flatten()).for_each(|cell| words_of(cell, &mut text));
            }
        }
        text.push(' ');
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn words_of(parts: &[Inline], text: &mut String) {
    for part in parts {
        match part {
            Inline::Text(words) | Inline::Code(words) => push_words(words, text),
            Inline::Bold(of) | Inline::Stress(of) => words_of(of, text),
            Inline::Maths { tex, .. } => push_words(&format!("${tex}$"), text),
            Inline::Break => text.push(' '),
        }
    }
}

fn push_words(words: &str, text: &mut String) {
    text.push_str(words);
}

fn bullet(line: &str) -> Option<&str> {
    let rest = unindent(line)?;
    let rest = rest.strip_prefix(['-', '*', '+'])?;
    let text = rest.trim_start();
    (text.len() < rest.len()).then_some(text)
}

fn numbered(line: &str) -> Option<(u32, &str)> {
    let rest = unindent(line)?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    if !(1..=3).contains(&digits) {
        return None;
    }
    let (number, rest) = rest.split_at(digits);
    let rest = rest.strip_prefix(['.', ')'])?;
    let text = rest.trim_start();
    (text.len() < rest.len()).then_some((number.parse().ok()?, text))
}

fn read_heading(line: &str) -> Option<(u8, &str)> {
    let rest = unindent(line)?;
    let level = rest.bytes().take_while(|b| *b == b'#').count();
    let rest = rest.get(level..)?;
    let text = rest.trim_start();
    let fits = (1..=6).contains(&level) && text.len() < rest.len();
    let bare = text.trim_end_matches('#').trim_end();
    let level = u8::try_from(level).ok()?;
    (fits && !bare.is_empty()).then_some((level, bare))
}

/// A line without its indent, if that is no more than three.
fn unindent(line: &str) -> Option<&str> {
    let rest = line.trim_start();
    (line.chars().count() - rest.chars().count() <= 3).then_some(rest)
}

fn is_rule_row(line: &str) -> bool {
    let line = line.trim();
    let line = line.strip_prefix('|').unwrap_or(line);
    let line = line.strip_suffix('|').unwrap_or(line);
    !line.trim().is_empty()
        && line.split('|').all(|cell| {
            let cell = cell.trim();
            let cell = cell.strip_prefix(':').unwrap_or(cell);
            let cell = cell.strip_suffix(':').unwrap_or(cell);
            !cell.is_empty() && cell.bytes().all(|b| b == b'-')
        })
}

fn starts_table(lines: &[&str], at: usize) -> bool {
    lines.get(at).is_some_and(|line| line.contains('|'))
        && lines.get(at + 1).is_some_and(|line| is_rule_row(line))
}

fn starts_block(lines: &[&str], at: usize, barren: &mut Barren) -> bool {
    let Some(line) = lines.get(at) else { return true };
    line.trim().is_empty()
        || read_heading(line).is_some()
        || bullet(line).is_some()
        || numbered(line).is_some()
        || read_maths_block(lines, at, barren).is_some()
        || starts_table(lines, at)
}

/// Before which line no displayed maths of either sign can begin, since no end of it follows: so that each line is looked
/// through once and not once for each beginning.
#[derive(Default)]
struct Barren {
    dollars: usize,
    brackets: usize,
}

fn read_maths_block(lines: &[&str], at: usize, barren: &mut Barren) -> Option<(String, usize)> {
    let first = lines.get(at)?.trim();
    let (rest, close, barren) = match first.strip_prefix("$$") {
        Some(rest) => (rest, "$$", &mut barren.dollars),
        None => (first.strip_prefix("\\[")?, "\\]", &mut barren.brackets),
    };
    if at < *barren {
        return None;
    }
    let whole = |before: &[&str], last: &str| {
        let mut tex = if before.is_empty() { String::new() } else { rest.to_owned() };
        for line in before.iter().skip(1).copied().chain([last]) {
            if !before.is_empty() {
                tex.push('\n');
            }
            tex.push_str(line);
        }
        tex.trim().to_owned()
    };
    for (next, line) in lines.iter().enumerate().skip(at) {
        let line = if next == at { rest } else { line };
        if next > at && line.trim().is_empty() {
            *barren = next;
            return None;
        }
        if let Some((inside, after)) = line.split_once(close) {
            if !after.trim().is_empty() {
                *barren = next;
                return None;
            }
            return Some((whole(lines.get(at..next).unwrap_or_default(), inside), next + 1));
        }
    }
    *barren = lines.len();
    None
}

fn read_list(lines: &[&str], at: usize) -> (Block, usize) {
    let first = lines.get(at).copied().unwrap_or_default();
    let ordered = bullet(first).is_none();
    let start = numbered(first).map_or(1, |(number, _)| number);
    let mut items: Vec<String> = Vec::new();
    let mut next = at;
    while let Some(line) = lines.get(next).copied() {
        let item = if ordered { numbered(line).map(|(_, text)| text) } else { bullet(line) };
        match (item, items.last_mut()) {
            (Some(text), _) => items.push(text.trim().to_owned()),
            (None, Some(last)) if line.starts_with(char::is_whitespace) && !line.trim().is_empty() => {
                last.push('\n');
                last.push_str(line.trim());
            }
            (None, _) => break,
        }
        next += 1;
    }
    (Block::List { ordered, start, items: items.iter().map(|item| parse_inline(item)).collect() }, next)
}

fn read_table(lines: &[&str], at: usize) -> (Block, usize) {
    let head = split_row(lines.get(at).copied().unwrap_or_default());
    let align = split_row(lines.get(at + 1).copied().unwrap_or_default())
        .iter()
        .map(|cell| match (cell.starts_with(':'), cell.ends_with(':')) {
            (true, true) => Align::Center,
            (false, true) => Align::Right,
            (true, false) => Align::Left,
            (false, false) => Align::None,
        })
        .collect();
    let mut rows = Vec::new();
    let mut next = at + 2;
    while let Some(line) = lines.get(next).filter(|line| line.contains('|') && !line.trim().is_empty()) {
        let cells = split_row(line);
        let cell = |i: usize| parse_inline(cells.get(i).map_or("", String::as_str));
        rows.push((0..head.len()).map(cell).collect());
        next += 1;
    }
    (Block::Table { align, head: head.iter().map(|cell| parse_inline(cell)).collect(), rows }, next)
}

/// The cells of a row; a bar inside maths or after a backslash is part of its cell.
fn split_row(line: &str) -> Vec<String> {
    let row = line.trim();
    let row = row.strip_prefix('|').unwrap_or(row);
    let row = match row.strip_suffix('|') {
        Some(bare) if !bare.ends_with('\\') => bare,
        Some(_) | None => row,
    };
    let chars: Vec<char> = row.chars().collect();
    let mut cells = Vec::new();
    let mut cell = String::new();
    let mut maths = false;
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        if c == '\\' && chars.get(at + 1) == Some(&'|') && !maths {
            cell.push('|');
            at += 1;
        } else if c == '|' && !maths {
            cells.push(cell.trim().to_owned());
            cell.clear();
        } else {
            if c == '$' && at.checked_sub(1).and_then(|before| chars.get(before)) != Some(&'\\') {
                maths = !maths && chars.get(at + 1..).is_some_and(|rest| rest.contains(&'$'));
            }
            cell.push(c);
        }
        at += 1;
    }
    cells.push(cell.trim().to_owned());
    cells
}

fn inline_parts(source: &str, depth: usize) -> Vec<Inline> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut at = 0;
    let mut before = ' ';
    while let Some(rest) = source.get(at..).filter(|rest| !rest.is_empty()) {
        let found = if depth < MAX_DEPTH { read_inline(rest, before, depth) } else { None };
        let first = rest.chars().next().unwrap_or_default();
        let (taken, plain) = match found {
            Some((part, length)) => {
                if !text.is_empty() {
                    parts.push(Inline::Text(std::mem::take(&mut text)));
                }
                parts.push(part);
                (length, None)
            }
            None => match rest.strip_prefix('\\').and_then(|rest| rest.chars().next()) {
                Some(escaped) if ESCAPABLE.contains(escaped) => (2, Some(escaped)),
                Some(_) | None => (first.len_utf8(), Some(first)),
            },
        };
        text.extend(plain);
        before = rest.get(..taken).and_then(|taken| taken.chars().next_back()).unwrap_or(' ');
        at += taken;
    }
    if !text.is_empty() {
        parts.push(Inline::Text(text));
    }
    parts
}

/// The part at the beginning of `rest` and its length in bytes.
fn read_inline(rest: &str, before: char, depth: usize) -> Option<(Inline, usize)> {
    if rest.starts_with('\n') {
        return Some((Inline::Break, 1));
    }
    if let Some((tex, display, length)) = read_maths(rest) {
        return Some((Inline::Maths { tex: tex.trim().to_owned(), display }, length));
    }
    if let Some((code, length)) = read_code(rest) {
        return Some((Inline::Code(code.trim().to_owned()), length));
    }
    if let Some((inside, length)) = read_bold(rest) {
        return Some((Inline::Bold(inline_parts(inside, depth + 1)), length));
    }
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    // A single star between digits is a times sign, not stress.
    if !is_word(before)
        && let Some(inside) = rest.strip_prefix('*')
        && let Some(end) = inside.find(['*', '\n'])
        && inside[end..].starts_with('*')
        && end > 0
        && !inside.starts_with(char::is_whitespace)
        && !inside[..end].ends_with(char::is_whitespace)
        && !inside[end + 1..].starts_with(|c: char| is_word(c) || c == '*')
    {
        return Some((Inline::Stress(inline_parts(&inside[..end], depth + 1)), end + 2));
    }
    None
}

/// Maths at the beginning of a text: its TeX, whether it is displayed, and its length in bytes. A single `$` as Pandoc has
/// it: no space inside the signs, no digit after them, so that `$5 and $6` stays money.
pub(crate) fn read_maths(rest: &str) -> Option<(&str, bool, usize)> {
    if let Some(inside) = rest.strip_prefix("$$")
        && let Some(end) = find_dollar(inside)
        && end > 0
        && inside[end..].starts_with("$$")
    {
        return Some((&inside[..end], true, end + 4));
    }
    if let Some(inside) = rest.strip_prefix('$')
        && !inside.starts_with(|c: char| c.is_whitespace() || c == '$')
        && let Some(end) = find_dollar(inside)
        && end > 0
        && !ends_with_bare_space(&inside[..end])
        && !inside[end + 1..].starts_with(|c: char| c.is_ascii_digit())
    {
        return Some((&inside[..end], false, end + 2));
    }
    for (open, close, display) in [("\\(", "\\)", false), ("\\[", "\\]", true)] {
        if let Some(inside) = rest.strip_prefix(open)
            && let Some(end) = inside.find(close)
            && end > 0
        {
            return Some((&inside[..end], display, end + 4));
        }
    }
    None
}

fn ends_with_bare_space(tex: &str) -> bool {
    let bare = tex.trim_end();
    bare.len() < tex.len() && !bare.ends_with('\\')
}

/// Where the next `$` stands that no backslash makes plain.
fn find_dollar(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '$' => return Some(at),
            _ => {}
        }
    }
    None
}

fn read_code(rest: &str) -> Option<(&str, usize)> {
    let ticks = rest.bytes().take_while(|b| *b == b'`').count();
    if ticks == 0 {
        return None;
    }
    let inside = rest.get(ticks..)?;
    let mut from = 0;
    while let Some(found) = inside.get(from..)?.find('`') {
        let start = from + found;
        let run = inside[start..].bytes().take_while(|b| *b == b'`').count();
        if run == ticks && start > 0 {
            return Some((&inside[..start], start + 2 * ticks));
        }
        from = start + run;
    }
    None
}

fn read_bold(rest: &str) -> Option<(&str, usize)> {
    let inside = rest.strip_prefix("**")?;
    if inside.starts_with(char::is_whitespace) {
        return None;
    }
    let mut from = 0;
    while let Some(found) = inside.get(from..)?.find("**") {
        let end = from + found;
        if end > 0 && !inside[..end].ends_with(char::is_whitespace) {
            return Some((&inside[..end], end + 4));
        }
        from = end + 1;
    }
    None
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Escape {
    Nothing,
    Marks,
}

fn print_blocks(blocks: &[Block], escape: Escape) -> String {
    let printed: Vec<String> = blocks.iter().map(|block| print_block(block, escape)).collect();
    printed.join("\n\n")
}

fn print_block(block: &Block, escape: Escape) -> String {
    match block {
        Block::Paragraph(of) => print_lines(of, escape).join("\n"),
        Block::Heading { level, of } => {
            format!("{} {}", "#".repeat(usize::from(*level)), print_inline(of, escape).replace('\n', " "))
        }
        Block::Maths(tex) => format!("$${}$$", keep_end(tex)),
        Block::List { ordered, start, items } => {
            let item = |(at, item): (usize, &Vec<Inline>)| {
                let mark = if *ordered { format!("{}. ", *start as usize + at) } else { "- ".to_owned() };
                format!("{mark}{}", print_lines(item, escape).join("\n  "))
            };
            items.iter().enumerate().map(item).collect::<Vec<_>>().join("\n")
        }
        Block::Table { align, head, rows } => {
            let row = |cells: &[Vec<Inline>]| {
                let cells: Vec<String> = cells
                    .iter()
                    .map(|cell| escape_bars(&print_inline(cell, escape).replace('\n', " ")))
                    .collect();
                format!("| {} |", cells.join(" | "))
            };
            let rule: Vec<&str> = align
                .iter()
                .map(|align| match align {
                    Align::Left => ":---",
                    Align::Center => ":---:",
                    Align::Right => "---:",
                    Align::None => "---",
                })
                .collect();
            let mut lines = vec![row(head), format!("| {} |", rule.join(" | "))];
            lines.extend(rows.iter().map(|cells| row(cells)));
            lines.join("\n")
        }
    }
}

/// A bar outside of maths would end the cell.
fn escape_bars(cell: &str) -> String {
    let mut escaped = String::with_capacity(cell.len());
    let mut at = 0;
    while let Some(rest) = cell.get(at..).filter(|rest| !rest.is_empty()) {
        if let Some((_, _, length)) = read_maths(rest) {
            escaped.push_str(&rest[..length]);
            at += length;
            continue;
        }
        let first = rest.chars().next().unwrap_or_default();
        if first == '|' {
            escaped.push('\\');
        }
        escaped.push(first);
        at += first.len_utf8();
    }
    escaped
}

/// The lines of a block; one that would begin another block is made plain.
fn print_lines(parts: &[Inline], escape: Escape) -> Vec<String> {
    let printed = print_inline(parts, escape);
    let lines = printed.split('\n').map(|line| match escape {
        Escape::Nothing => line.to_owned(),
        Escape::Marks => escape_line(line.trim()),
    });
    lines.collect()
}

fn escape_line(line: &str) -> String {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    if line.starts_with(['#', '-', '+']) {
        format!("\\{line}")
    } else if (1..=3).contains(&digits) && line[digits..].starts_with(['.', ')']) {
        format!("{}\\{}", &line[..digits], &line[digits..])
    } else {
        line.to_owned()
    }
}

fn print_inline(parts: &[Inline], escape: Escape) -> String {
    let mut printed = String::new();
    for part in parts {
        match part {
            Inline::Text(text) => match escape {
                Escape::Nothing => printed.push_str(text),
                Escape::Marks => {
                    for c in text.chars() {
                        if matches!(c, '\\' | '`' | '*' | '$' | '|') {
                            printed.push('\\');
                        }
                        printed.push(c);
                    }
                }
            },
            Inline::Bold(of) => printed.push_str(&format!("**{}**", print_inline(of, escape))),
            Inline::Stress(of) => printed.push_str(&format!("*{}*", print_inline(of, escape))),
            // Nothing between the signs: there is nothing to draw.
            Inline::Code(nothing) | Inline::Maths { tex: nothing, .. } if nothing.is_empty() => {}
            Inline::Code(code) => printed.push_str(&print_code(code)),
            Inline::Maths { tex, display: false } => printed.push_str(&format!("${}$", keep_end(tex))),
            Inline::Maths { tex, display: true } => printed.push_str(&format!("$${}$$", keep_end(tex))),
            Inline::Break => printed.push('\n'),
        }
    }
    printed
}

/// Code between ticks of a number that stands nowhere inside of it.
fn print_code(code: &str) -> String {
    let runs: Vec<usize> = code.split(|c| c != '`').map(str::len).filter(|run| *run > 0).collect();
    let ticks = (1..).find(|ticks| !runs.contains(ticks)).unwrap_or(1);
    let fence = "`".repeat(ticks);
    let pad = if code.starts_with('`') || code.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{code}{pad}{fence}")
}

/// An odd backslash at the end of TeX would make the closing sign plain; a space after it does not change it.
fn keep_end(tex: &str) -> String {
    let backslashes = tex.bytes().rev().take_while(|b| *b == b'\\').count();
    if backslashes % 2 == 1 { format!("{tex} ") } else { tex.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(text: &str) -> Inline {
        Inline::Text(text.to_owned())
    }

    fn maths(tex: &str) -> Inline {
        Inline::Maths { tex: tex.to_owned(), display: false }
    }

    #[test]
    fn reads_what_the_user_interface_draws() {
        assert_eq!(
            parse("값은 $\\frac{1}{2}$와 **둘** *셋* `4`\n다음"),
            [Block::Paragraph(vec![
                text("값은 "),
                maths("\\frac{1}{2}"),
                text("와 "),
                Inline::Bold(vec![text("둘")]),
                text(" "),
                Inline::Stress(vec![text("셋")]),
                text(" "),
                Inline::Code("4".into()),
                Inline::Break,
                text("다음"),
            ])]
        );
        assert_eq!(parse("$5 and $6"), [Block::Paragraph(vec![text("$5 and $6")])]);
        assert_eq!(parse("2*3*4"), [Block::Paragraph(vec![text("2*3*4")])]);
        assert_eq!(parse("$$x^2$$"), [Block::Maths("x^2".into())]);
        assert_eq!(parse("## 제목"), [Block::Heading { level: 2, of: vec![text("제목")] }]);
        assert_eq!(
            parse("3. 가\n4. 나\n   다"),
            [Block::List {
                ordered: true,
                start: 3,
                items: vec![vec![text("가")], vec![text("나"), Inline::Break, text("다")]]
            }]
        );
        assert_eq!(
            parse("|a|$|x|$|\n|:-:|-|\n|1|2\\|3|"),
            [Block::Table {
                align: vec![Align::Center, Align::None],
                head: vec![vec![text("a")], vec![maths("|x|")]],
                rows: vec![vec![vec![text("1")], vec![text("2|3")]]],
            }]
        );
    }

    #[test]
    fn escapes_only_what_would_come_alive() {
        for (blocks, printed) in [
            (vec![text("2 * 3 = 6")], "2 * 3 = 6"),
            (vec![text("*별*")], "\\*별\\*"),
            (vec![text("$x$")], "\\$x\\$"),
            (vec![text("- 줄")], "\\- 줄"),
            (vec![text("1. 줄")], "1\\. 줄"),
            (vec![text("C:\\(x\\)")], "C:\\\\(x\\\\)"),
        ] {
            let blocks = [Block::Paragraph(blocks)];
            assert_eq!(print(&blocks), printed);
            assert_eq!(parse(printed), blocks);
        }
    }

    proptest! {
        /// Forms with nothing in them are dropped by the first printing; from then on nothing changes.
        #[test]
        fn what_is_printed_reads_the_same(source in "[a가 1$*`|#.\\-\\\\()\\[\\]\n]{0,40}") {
            let once = print(&parse(&print(&parse(&source))));
            prop_assert_eq!(print(&parse(&once)), once);
        }
    }
}
