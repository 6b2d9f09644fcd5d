/** Texts in two languages under the same keys, with `{name}` places, `{n|one|many}` forms and `{name+을}` particles. */
import { particleAfter } from './particle.ts';

export type Texts = Record<string, string>;
export type Values = Record<string, string | number>;

/**
 * Fills the places of a text: `{name}` takes the value, `{n|minute|minutes}` takes the first form for 1 and the
 * second for anything else, `{name+을}` is the Korean particle alone, in the form that fits after the value. A place
 * without a value stays as it is, so that a mistake is seen.
 */
export function fill(text: string, values: Values = {}): string {
  return text.replace(/\{(\w+)(?:\|([^|{}]*)\|([^|{}]*)|\+([^|{}]+))?\}/g, (whole, name: string, one?: string, many?: string, particle?: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    if (particle !== undefined) return particleAfter(String(value), particle);
    if (one !== undefined && many !== undefined) return Number(value) === 1 ? one : many;
    return typeof value === 'number' ? value.toLocaleString('en-US') : value;
  });
}
