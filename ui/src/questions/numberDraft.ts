/** What stands in the boxes of a number entry, and the text it is sent as. */
import type { NumberEntry } from '../api/types';

export type Layout = 'plain' | 'fraction' | 'mixed';

export interface NumberDraft {
  layout: Layout;
  /** The one box of the plain layout; sent as written. */
  plain: string;
  whole: string;
  numerator: string;
  denominator: string;
}

/** Empty boxes in the layout that the problem suggests. */
export function startDraft(entry: NumberEntry | undefined): NumberDraft {
  const layout: Layout = entry === 'fraction' ? 'fraction' : entry === 'mixed' ? 'mixed' : 'plain';
  return { layout, plain: '', whole: '', numerator: '', denominator: '' };
}

/** The text that is sent: `3/4`, `2 1/2` or whatever stands in the plain box; null if nothing was written. */
export function writeDraft(draft: NumberDraft): string | null {
  if (draft.layout === 'plain') return draft.plain.trim() === '' ? null : draft.plain;
  const whole = draft.layout === 'mixed' ? draft.whole.trim() : '';
  const numerator = draft.numerator.trim();
  const denominator = draft.denominator.trim();
  if (numerator === '' && denominator === '') return whole === '' ? null : whole;
  const fraction = `${numerator}/${denominator}`;
  return whole === '' ? fraction : `${whole} ${fraction}`;
}

/** The boxes for a text that was sent before. */
export function readDraft(text: string, entry: NumberEntry | undefined): NumberDraft {
  const empty = startDraft(entry);
  const mixed = /^(-?\d+) (\d+)\/(\d+)$/.exec(text);
  if (mixed) return { ...empty, layout: 'mixed', whole: mixed[1] ?? '', numerator: mixed[2] ?? '', denominator: mixed[3] ?? '' };
  const fraction = /^(-?\d+)\/(\d+)$/.exec(text);
  if (fraction && empty.layout !== 'plain') {
    return { ...empty, layout: empty.layout, numerator: fraction[1] ?? '', denominator: fraction[2] ?? '' };
  }
  if (/^-?\d+$/.test(text) && empty.layout === 'mixed') return { ...empty, whole: text };
  return { ...empty, layout: 'plain', plain: text };
}

/** The same number in another layout, as far as it can be carried over. */
export function changeLayout(draft: NumberDraft, layout: Layout): NumberDraft {
  if (layout === draft.layout) return draft;
  const text = writeDraft(draft) ?? '';
  const empty: NumberDraft = { layout, plain: '', whole: '', numerator: '', denominator: '' };
  if (layout === 'plain') return { ...empty, plain: text };
  const parts = /^(?:(-?\d+) )?(-?\d*)\/(\d*)$/.exec(text);
  if (parts) {
    if (layout === 'mixed') return { ...empty, whole: parts[1] ?? '', numerator: parts[2] ?? '', denominator: parts[3] ?? '' };
    return { ...empty, numerator: parts[2] ?? '', denominator: parts[3] ?? '' };
  }
  if (!/^-?\d+$/.test(text)) return empty;
  return layout === 'mixed' ? { ...empty, whole: text } : { ...empty, numerator: text };
}
