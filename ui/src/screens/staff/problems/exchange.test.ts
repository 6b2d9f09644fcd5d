import { describe, expect, test } from 'vitest';
import { guessFormat } from './exchange';

describe('the format of a file', () => {
  test('is told by its name first', () => {
    expect(guessFormat('문제.XML', '')).toBe('moodle_xml');
    expect(guessFormat('a.gift', '<quiz>')).toBe('gift');
  });

  test('else by how it begins', () => {
    expect(guessFormat('a.txt', '\uFEFF<?xml version="1.0"?><quiz>')).toBe('moodle_xml');
    expect(guessFormat('a.txt', '// 5학년\n::분수:: 1/2 + 1/4 = {#3/4}')).toBe('gift');
    expect(guessFormat('a.txt', 'Is it so? {T}')).toBe('gift');
    expect(guessFormat('a.txt', '그냥 글')).toBeNull();
  });
});
