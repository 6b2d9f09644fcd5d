import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { daysOfWeek } from '../screens/week';
import { fill } from './dictionary';
import { en } from './en';
import { calendarDay, formatMoment } from './format';
import { ko } from './ko';

const SOURCE = join(import.meta.dirname, '..');

/** The code of every screen, without the texts themselves and the tests. */
function readCode(): string {
  return readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.(ts|svelte)$/.test(path) && !/\.test\.ts$/.test(path) && !/^i18n\/(ko|en)\.ts$/.test(path))
    .map((path) => readFileSync(join(SOURCE, path), 'utf8'))
    .join('\n');
}

const places = (text: string) => [...new Set([...text.matchAll(/\{(\w+)/g)].map((match) => match[1]))].sort();

describe('the two languages', () => {
  it('have the same keys with the same places, and no empty text', () => {
    expect(Object.keys(en).sort()).toEqual(Object.keys(ko).sort());
    for (const [key, text] of Object.entries(ko)) {
      const other = en[key as keyof typeof ko];
      expect(text.trim(), key).not.toBe('');
      expect(other.trim(), key).not.toBe('');
      // A plural form may need a number that Korean does not show, never the other way round.
      for (const place of places(text)) expect(places(other), key).toContain(place);
    }
  });

  it('have no Korean in the English texts but the name of the language', () => {
    for (const [key, text] of Object.entries(en)) if (key !== 'app.language.other') expect(/[가-힣]/.test(text), key).toBe(false);
  });

  it('have no key that no screen uses', () => {
    const code = readCode();
    const built = [...code.matchAll(/`([a-z_.]+\.)\$\{/g)].map((match) => match[1] ?? '');
    const unused = Object.keys(ko).filter((key) => !code.includes(`'${key}'`) && !built.some((prefix) => key.startsWith(prefix)));
    expect(unused).toEqual([]);
  });

  it('speak to pupils without shouting', () => {
    for (const text of [...Object.values(ko), ...Object.values(en)]) expect(text.includes('!')).toBe(false);
  });
});

describe('fill', () => {
  it('puts values in their places and chooses the form', () => {
    expect(fill('{n}명, 약 {seconds}초', { n: 2, seconds: 3 })).toBe('2명, 약 3초');
    expect(fill('{n} {n|answer|answers}', { n: 1 })).toBe('1 answer');
    expect(fill('{n} {n|answer|answers}', { n: 1234 })).toBe('1,234 answers');
    expect(fill('{name}', {})).toBe('{name}');
  });
});

describe('dates', () => {
  it('stand in the school’s zone', () => {
    const seoul = { language: 'ko', timeZone: 'Asia/Seoul' } as const;
    expect(formatMoment('2026-11-23T05:10:00Z', seoul)).toBe('11월 23일 (월) 오후 2:10');
    expect(calendarDay(new Date('2026-11-22T15:30:00Z'), 'Asia/Seoul')).toBe('2026-11-23');
  });

  it('know the week from its Monday', () => {
    const days = ['2026-11-22', '2026-11-23', '2026-11-25', '2026-11-29', '2026-11-30'].map((day) => ({ day, attempts: 1, right: 1 }));
    expect(daysOfWeek(days, '2026-11-29').map((day) => day.day)).toEqual(['2026-11-23', '2026-11-25', '2026-11-29']);
  });
});
