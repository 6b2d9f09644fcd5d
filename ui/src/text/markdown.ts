/**
 * Markdown as problems and the tutor use it, cut into a tree that components draw as text nodes: whatever is not one
 * of these forms stays plain text, so no HTML of an author or a model can come alive.
 *
 * Blocks: paragraphs, headings, lists, tables, maths between `$$` or `\[ \]`. Inline: `**bold**`, `*stress*`,
 * `` `code` ``, maths between `$` or `\( \)`, line breaks; where gaps are asked for, `[[a]]` is the gap of the id `a`.
 */

export type Inline =
  | { kind: 'text'; text: string }
  | { kind: 'bold'; of: Inline[] }
  | { kind: 'stress'; of: Inline[] }
  | { kind: 'code'; text: string }
  | { kind: 'maths'; tex: string }
  | { kind: 'gap'; id: string }
  | { kind: 'break' };

export type Align = 'left' | 'center' | 'right' | null;

export type Block =
  | { kind: 'paragraph'; of: Inline[] }
  | { kind: 'heading'; of: Inline[] }
  | { kind: 'maths'; tex: string }
  | { kind: 'list'; ordered: boolean; start: number; items: Inline[][] }
  | { kind: 'table'; align: Align[]; head: Inline[][]; rows: Inline[][][] };

type ParseInline = (text: string) => Inline[];

const BULLET = /^\s{0,3}[-*+]\s+(.*)$/;
const NUMBERED = /^\s{0,3}(\d{1,3})[.)]\s+(.*)$/;
const HEADING = /^\s{0,3}#{1,6}\s+(.*?)\s*#*$/;
const RULE_ROW = /^\s*\|?\s*:?-{1,}:?\s*(\|\s*:?-{1,}:?\s*)*\|?\s*$/;
/** Beyond this a text is no problem and no hint; the rest is shown as it is. */
const MAX_DEPTH = 6;

/** The blocks of a text. With `gaps`, the marks of a cloze text become gaps; elsewhere they are plain text. */
export function parseMarkdown(source: string, gaps = false): Block[] {
  const inline: ParseInline = (text) => parseInlineAt(text, 0, gaps);
  const lines = source.replace(/\r\n?/g, '\n').split('\n');
  const blocks: Block[] = [];
  let at = 0;
  while (at < lines.length) {
    const line = lines[at] ?? '';
    if (line.trim() === '') {
      at += 1;
      continue;
    }
    const maths = readMathsBlock(lines, at);
    if (maths) {
      blocks.push({ kind: 'maths', tex: maths.tex });
      at = maths.next;
      continue;
    }
    const heading = HEADING.exec(line);
    if (heading) {
      blocks.push({ kind: 'heading', of: inline(heading[1] ?? '') });
      at += 1;
      continue;
    }
    if (line.includes('|') && RULE_ROW.test(lines[at + 1] ?? '') && (lines[at + 1] ?? '').includes('-')) {
      const table = readTable(lines, at, inline);
      blocks.push(table.block);
      at = table.next;
      continue;
    }
    if (BULLET.test(line) || NUMBERED.test(line)) {
      const list = readList(lines, at, inline);
      blocks.push(list.block);
      at = list.next;
      continue;
    }
    const start = at;
    at += 1;
    while (at < lines.length && !startsBlock(lines, at)) at += 1;
    blocks.push({ kind: 'paragraph', of: inline(lines.slice(start, at).map((l) => l.trim()).join('\n')) });
  }
  return blocks;
}

/** The inline parts of a text of one block. */
export function parseInline(source: string): Inline[] {
  return parseInlineAt(source, 0, false);
}

function parseInlineAt(source: string, depth: number, gaps: boolean): Inline[] {
  const parts: Inline[] = [];
  let text = '';
  const flush = () => {
    if (text !== '') parts.push({ kind: 'text', text });
    text = '';
  };
  let at = 0;
  while (at < source.length) {
    const rest = source.slice(at);
    const found = depth < MAX_DEPTH ? readInline(rest, source[at - 1] ?? ' ', depth, gaps) : null;
    if (found) {
      flush();
      parts.push(found.part);
      at += found.length;
    } else if (/^\\[\\`*_$#|()[\]{}.!+-]/.test(rest)) {
      text += rest[1];
      at += 2;
    } else {
      text += source[at];
      at += 1;
    }
  }
  flush();
  return parts;
}

function readInline(rest: string, before: string, depth: number, gaps: boolean): { part: Inline; length: number } | null {
  if (rest.startsWith('\n')) return { part: { kind: 'break' }, length: 1 };
  const gap = gaps ? /^\[\[([\w-]{1,40})\]\]/.exec(rest) : null;
  if (gap) return { part: { kind: 'gap', id: gap[1] ?? '' }, length: gap[0].length };
  const maths = readInlineMaths(rest);
  if (maths) return { part: { kind: 'maths', tex: maths.tex }, length: maths.length };
  const code = /^(`+)([^`](?:.*?[^`])?)\1(?!`)/s.exec(rest);
  if (code) return { part: { kind: 'code', text: (code[2] ?? '').trim() }, length: code[0].length };
  const bold = /^\*\*(?=\S)(.*?\S)\*\*/s.exec(rest);
  if (bold) return { part: { kind: 'bold', of: parseInlineAt(bold[1] ?? '', depth + 1, gaps) }, length: bold[0].length };
  // A single star between digits is a times sign, not stress.
  const stress = /\w/.test(before) ? null : /^\*(?=[^\s*])([^*\n]*[^\s*])\*(?![\w*])/.exec(rest);
  if (stress) return { part: { kind: 'stress', of: parseInlineAt(stress[1] ?? '', depth + 1, gaps) }, length: stress[0].length };
  return null;
}

/** `$…$` as Pandoc has it (no space inside the signs, no digit after them, so `$5 and $6` stays money), `\(…\)`, `$$…$$`, `\[…\]`. */
function readInlineMaths(rest: string): { tex: string; length: number } | null {
  const forms = [
    /^\$\$((?:\\.|[^$\\])+)\$\$/s,
    /^\$(?![\s$])((?:\\.|[^$\\])*?(?:\\.|[^$\\\s]))\$(?!\d)/s,
    /^\\\((.+?)\\\)/s,
    /^\\\[(.+?)\\\]/s,
  ];
  for (const form of forms) {
    const match = form.exec(rest);
    if (match) return { tex: (match[1] ?? '').trim(), length: match[0].length };
  }
  return null;
}

/** Display maths that begins a line and ends one. */
function readMathsBlock(lines: string[], at: number): { tex: string; next: number } | null {
  const first = (lines[at] ?? '').trim();
  const [open, close] = first.startsWith('$$') ? ['$$', '$$'] : first.startsWith('\\[') ? ['\\[', '\\]'] : [null, null];
  if (open === null || close === null) return null;
  let tex = first.slice(open.length);
  let next = at;
  for (;;) {
    const end = tex.indexOf(close);
    if (end >= 0) return tex.slice(end + close.length).trim() === '' ? { tex: tex.slice(0, end).trim(), next: next + 1 } : null;
    next += 1;
    if (next >= lines.length || (lines[next] ?? '').trim() === '') return null;
    tex += `\n${lines[next]}`;
  }
}

function readList(lines: string[], at: number, inline: ParseInline): { block: Block; next: number } {
  const ordered = NUMBERED.test(lines[at] ?? '') && !BULLET.test(lines[at] ?? '');
  const start = ordered ? Number(NUMBERED.exec(lines[at] ?? '')?.[1] ?? 1) : 1;
  const items: string[] = [];
  let next = at;
  while (next < lines.length) {
    const line = lines[next] ?? '';
    const item = ordered ? NUMBERED.exec(line)?.[2] : BULLET.exec(line)?.[1];
    if (item !== undefined) items.push(item.trim());
    else if (/^\s+\S/.test(line) && items.length > 0) items[items.length - 1] += `\n${line.trim()}`;
    else break;
    next += 1;
  }
  return { block: { kind: 'list', ordered, start, items: items.map((item) => inline(item)) }, next };
}

function readTable(lines: string[], at: number, inline: ParseInline): { block: Block; next: number } {
  const head = splitRow(lines[at] ?? '');
  const align = splitRow(lines[at + 1] ?? '').map((cell): Align => {
    const left = cell.startsWith(':');
    const right = cell.endsWith(':');
    return left && right ? 'center' : right ? 'right' : left ? 'left' : null;
  });
  const rows: Inline[][][] = [];
  let next = at + 2;
  while (next < lines.length && (lines[next] ?? '').includes('|') && (lines[next] ?? '').trim() !== '') {
    const cells = splitRow(lines[next] ?? '');
    rows.push(head.map((_, i) => inline(cells[i] ?? '')));
    next += 1;
  }
  return { block: { kind: 'table', align, head: head.map((cell) => inline(cell)), rows }, next };
}

/** The cells of a row; a bar inside maths or after a backslash is part of its cell. */
function splitRow(line: string): string[] {
  const cells: string[] = [];
  let cell = '';
  let maths = false;
  const row = line.trim().replace(/^\|/, '').replace(/(?<!\\)\|$/, '');
  for (let i = 0; i < row.length; i++) {
    const c = row[i] ?? '';
    if (c === '\\' && row[i + 1] === '|' && !maths) {
      cell += '|';
      i += 1;
    } else if (c === '|' && !maths) {
      cells.push(cell.trim());
      cell = '';
    } else {
      if (c === '$' && row[i - 1] !== '\\') maths = !maths && row.indexOf('$', i + 1) > 0;
      cell += c;
    }
  }
  cells.push(cell.trim());
  return cells;
}

function startsBlock(lines: string[], at: number): boolean {
  const line = lines[at] ?? '';
  return (
    line.trim() === '' ||
    HEADING.test(line) ||
    BULLET.test(line) ||
    NUMBERED.test(line) ||
    readMathsBlock(lines, at) !== null ||
    (line.includes('|') && RULE_ROW.test(lines[at + 1] ?? ''))
  );
}
