import type { Language } from '../api/types';
import { language } from '../state/language.svelte';
import { fill, type Texts, type Values } from './dictionary';
import { en } from './en';
import { ko } from './ko';

export type { Texts, Values };
export type TextKey = keyof typeof ko;

/**
 * A translator over texts of its own, for screens that are loaded later. Both languages must have the same keys:
 * `const s = makeTranslator({ ko, en })`, then `s('key', { n: 3 })`.
 */
export function makeTranslator<K extends string>(texts: { ko: Record<K, string>; en: Record<K, string> }) {
  return (key: K, values?: Values, inLanguage: Language = language.current): string => fill(texts[inLanguage][key], values);
}

/** The text for a key in the language of the moment. */
export const t = makeTranslator<TextKey>({ ko, en });
