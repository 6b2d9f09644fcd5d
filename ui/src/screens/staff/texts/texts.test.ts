import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { en } from './en';
import { ko } from './ko';

const STAFF = join(import.meta.dirname, '..');
const places = (text: string) => [...new Set([...text.matchAll(/\{(\w+)/g)].map((match) => match[1]))].sort();

describe('the texts of the staff', () => {
  it('have the same keys with the same places in both languages', () => {
    expect(Object.keys(en).sort()).toEqual(Object.keys(ko).sort());
    for (const [key, text] of Object.entries(ko)) {
      const other = en[key as keyof typeof ko];
      expect(text.trim(), key).not.toBe('');
      // A plural form may need a number that Korean does not show, never the other way round.
      for (const place of places(text)) expect(places(other), key).toContain(place);
    }
  });

  it('have no Korean in the English texts', () => {
    for (const [key, text] of Object.entries(en)) expect(/[가-힣]/.test(text), key).toBe(false);
  });

  it('have no key that no screen uses', () => {
    const code = readdirSync(STAFF, { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.(ts|svelte)$/.test(path) && !/\.test\.ts$/.test(path) && !path.startsWith('texts'))
      .map((path) => readFileSync(join(STAFF, path), 'utf8'))
      .join('\n');
    const built = [...code.matchAll(/`([a-z_.]+\.)\$\{/g)].map((match) => match[1] ?? '');
    const unused = Object.keys(ko).filter((key) => !code.includes(`'${key}'`) && !built.some((prefix) => key.startsWith(prefix)) && !key.endsWith('.title'));
    expect(unused).toEqual([]);
  });

  it('are in 합니다체, but for what pupils are told', () => {
    const pupils = /^(code\.step|attempt\.help\.(yes|no)|live\.note\.quick)/;
    for (const [key, text] of Object.entries(ko)) if (!pupils.test(key)) expect(/(어요|아요|해요|예요|네요)[.?]/.test(text), `${key}: ${text}`).toBe(false);
  });
});
