import katex from 'katex';

const drawn = new Map<string, string>();
const KEPT = 500;

/**
 * The HTML of a formula. KaTeX escapes whatever it shows; commands that make links, load images or set HTML are off,
 * and a formula that cannot be read is shown as it was written.
 */
export function drawMaths(tex: string, display: boolean): string {
  const key = `${display ? 'd' : 'i'}${tex}`;
  const known = drawn.get(key);
  if (known !== undefined) return known;
  const html = katex.renderToString(tex, {
    displayMode: display,
    output: 'htmlAndMathml',
    throwOnError: false,
    errorColor: 'currentColor',
    strict: 'ignore',
    trust: false,
    maxSize: 20,
    maxExpand: 200,
  });
  if (drawn.size >= KEPT) drawn.clear();
  drawn.set(key, html);
  return html;
}
