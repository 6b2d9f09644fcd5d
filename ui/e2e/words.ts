/** The words of the screens, from the same dictionaries, so that a walk reads in both languages. */
import { fill, type Values } from '../src/i18n/dictionary.ts';
import { en } from '../src/i18n/en.ts';
import { ko } from '../src/i18n/ko.ts';
import { en as staffEn } from '../src/screens/staff/texts/en.ts';
import { ko as staffKo } from '../src/screens/staff/texts/ko.ts';

export type Tongue = 'ko' | 'en';
export type Word = keyof typeof ko;
export type StaffWord = keyof typeof staffKo;

/** A text of the pupils' and parents' screens. */
export function say(tongue: Tongue, word: Word, values?: Values): string {
  return fill((tongue === 'ko' ? ko : en)[word], values);
}

/** A text of the staff's screens. */
export function sayToStaff(tongue: Tongue, word: StaffWord, values?: Values): string {
  return fill((tongue === 'ko' ? staffKo : staffEn)[word], values);
}

/** A text whose places are unknown here, as a pattern that takes anything there. */
export function patternOf(text: string): RegExp {
  const parts = text.split(/\{[^{}]*\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(parts.join('.*'));
}
