/** A text as it is read aloud, for names that a screen reader must be able to say. */
import type { Language } from '../api/types';
import { parseMarkdown, type Inline } from './markdown';

/** The words of a Markdown text; simple maths is put into words. */
export function speakMarkdown(text: string, language: Language): string {
  return parseMarkdown(text)
    .map((block) => {
      switch (block.kind) {
        case 'paragraph':
        case 'heading':
          return speakInline(block.of, language);
        case 'maths':
          return speakMaths(block.tex, language);
        case 'list':
          return block.items.map((item) => speakInline(item, language)).join(', ');
        case 'table':
          return [block.head, ...block.rows].map((row) => row.map((cell) => speakInline(cell, language)).join(', ')).join('; ');
      }
    })
    .join(' ')
    .trim();
}

function speakInline(parts: Inline[], language: Language): string {
  return parts
    .map((part) => {
      switch (part.kind) {
        case 'text':
        case 'code':
          return part.text;
        case 'maths':
          return speakMaths(part.tex, language);
        case 'gap':
          return WORDS.square?.[language] ?? ' ';
        case 'break':
          return ' ';
        case 'bold':
        case 'stress':
          return speakInline(part.of, language);
      }
    })
    .join('');
}

const WORDS: Record<string, { ko: string; en: string }> = {
  times: { ko: ' 곱하기 ', en: ' times ' },
  cdot: { ko: ' 곱하기 ', en: ' times ' },
  div: { ko: ' 나누기 ', en: ' divided by ' },
  square: { ko: ' 빈칸 ', en: ' blank ' },
  le: { ko: ' 작거나 같다 ', en: ' at most ' },
  leq: { ko: ' 작거나 같다 ', en: ' at most ' },
  ge: { ko: ' 크거나 같다 ', en: ' at least ' },
  geq: { ko: ' 크거나 같다 ', en: ' at least ' },
  ne: { ko: ' 같지 않다 ', en: ' is not equal to ' },
  pi: { ko: ' 파이 ', en: ' pi ' },
  degree: { ko: '도', en: ' degrees' },
  circ: { ko: '도', en: ' degrees' },
};

/** `\frac{1}{2}` as `2분의 1` or `1 over 2`; commands that are not known are left out. */
export function speakMaths(tex: string, language: Language): string {
  let text = tex;
  for (let before = ''; before !== text; ) {
    before = text;
    text = text
      .replace(/(\d)\s*\\[dt]?frac/g, language === 'ko' ? '$1와 \\frac' : '$1 and \\frac')
      .replace(/\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}/g, language === 'ko' ? '$2분의 $1' : '$1 over $2')
      .replace(/\\(?:text|mathrm|operatorname)\s*\{([^{}]*)\}/g, '$1');
  }
  return text
    .replace(/\\([a-zA-Z]+)/g, (_, name: string) => WORDS[name]?.[language] ?? ' ')
    .replace(/\\[,;:! ]/g, ' ')
    .replace(/[{}^\\]/g, '')
    .replace(/\s+/g, ' ')
    .trim();
}
