import { render } from '@testing-library/svelte';
import { describe, expect, it } from 'vitest';
import Markdown from '../components/Markdown.svelte';
import { drawMaths } from './maths';
import { parseInline, parseMarkdown } from './markdown';
import { speakMarkdown } from './speak';

const plain = (text: string) => parseInline(text);

describe('what Markdown may do', () => {
  it('knows paragraphs, line breaks, bold and maths', () => {
    expect(parseMarkdown('가 **나** $\\frac{1}{2}$\n다\n\n라')).toEqual([
      {
        kind: 'paragraph',
        of: [
          { kind: 'text', text: '가 ' },
          { kind: 'bold', of: [{ kind: 'text', text: '나' }] },
          { kind: 'text', text: ' ' },
          { kind: 'maths', tex: '\\frac{1}{2}' },
          { kind: 'break' },
          { kind: 'text', text: '다' },
        ],
      },
      { kind: 'paragraph', of: [{ kind: 'text', text: '라' }] },
    ]);
  });

  it('knows lists, tables and display maths', () => {
    const blocks = parseMarkdown('- 하나\n- 둘\n\n3. 셋\n4. 넷\n\n| 값 | 수 |\n|---:|:-:|\n| $|x|$ | 2 |\n\n$$\nx+1\n$$');
    expect(blocks.map((block) => block.kind)).toEqual(['list', 'list', 'table', 'maths']);
    expect(blocks[1]).toMatchObject({ ordered: true, start: 3 });
    expect(blocks[2]).toMatchObject({ align: ['right', 'center'], rows: [[[{ kind: 'maths', tex: '|x|' }], [{ kind: 'text', text: '2' }]]] });
    expect(blocks[3]).toEqual({ kind: 'maths', tex: 'x+1' });
  });

  it('takes money for money and stars for times', () => {
    expect(plain('$5 and $6')).toEqual([{ kind: 'text', text: '$5 and $6' }]);
    expect(plain('3*4*5')).toEqual([{ kind: 'text', text: '3*4*5' }]);
    expect(plain('\\$5 \\*')).toEqual([{ kind: 'text', text: '$5 *' }]);
    expect(plain('\\(x\\)')).toEqual([{ kind: 'maths', tex: 'x' }]);
  });

  it('shows a half-written piece as it stands, as while it streams', () => {
    expect(plain('그래서 **두')).toEqual([{ kind: 'text', text: '그래서 **두' }]);
    expect(plain('값은 $\\frac{1}')).toEqual([{ kind: 'text', text: '값은 $\\frac{1}' }]);
  });

  it('ends on hostile nesting', () => {
    const start = performance.now();
    parseMarkdown('**'.repeat(4000) + '$'.repeat(4000) + '`'.repeat(4000) + '|'.repeat(4000));
    parseMarkdown('*a '.repeat(3000));
    expect(performance.now() - start).toBeLessThan(3000);
  });
});

describe('what Markdown must not do', () => {
  const hostile = [
    '<script>alert(1)</script>',
    '<img src=x onerror=alert(1)>',
    '[a](javascript:alert(1))',
    '![a](http://evil.example/x.png)',
    '**<svg onload=alert(1)>**',
    '| <b onclick=x>a</b> |\n|---|\n| <iframe src=x> |',
    '- <a href="javascript:1">x</a>',
    '`<script>`',
    '$\\href{javascript:alert(1)}{x}$',
    '$\\includegraphics{http://evil.example/x.png}$',
    '$\\htmlData{x=y}{<img src=x onerror=alert(1)>}$',
    '$<img src=x onerror=alert(1)>$',
  ];

  for (const text of hostile) {
    it(`lets nothing alive out of ${text.slice(0, 40)}`, () => {
      const { container } = render(Markdown, { text });
      expect(container.querySelector('script, img, iframe, a, object, embed, form, input, [onclick], [onerror], [onload]')).toBeNull();
      for (const svg of container.querySelectorAll('svg')) expect(svg.closest('.katex')).not.toBeNull();
      for (const element of container.querySelectorAll('*')) {
        for (const { name, value } of element.attributes) {
          expect(name.startsWith('on')).toBe(false);
          expect(/javascript:|url\(/i.test(value)).toBe(false);
        }
      }
    });
  }

  it('draws a formula that cannot be read as it was written', () => {
    expect(drawMaths('\\frac{1}{', false)).toContain('\\frac{1}{');
    expect(drawMaths('<b>', false)).not.toContain('<b>');
  });
});

describe('what is read aloud', () => {
  it('puts simple maths into words', () => {
    expect(speakMarkdown('$\\frac{2}{3}$', 'ko')).toBe('3분의 2');
    expect(speakMarkdown('$2\\frac{1}{4}$ m', 'ko')).toBe('2와 4분의 1 m');
    expect(speakMarkdown('**두** $3 \\times \\frac{1}{2}$', 'en')).toBe('두 3 times 1 over 2');
  });
});
