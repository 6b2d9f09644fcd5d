import { describe, expect, it } from 'vitest';
import { isParentCode, writeParentCode } from '../screens/parentCode';
import { readFragment } from './fragment';

describe('addresses on paper', () => {
  it('name a card or a letter, and nothing else', () => {
    expect(readFragment('#/card/AbC-1_2')).toEqual({ kind: 'card', token: 'AbC-1_2' });
    expect(readFragment('#/join')).toEqual({ kind: 'join', code: '' });
    expect(readFragment('#/join/ABCD-EFGH-JKLM')).toEqual({ kind: 'join', code: 'ABCD-EFGH-JKLM' });
    for (const other of ['', '#main', '#/card/', '#/cards/x', '#/card/a/b', '#/join/a/b']) expect(readFragment(other), other).toBeNull();
  });

  it('take a code however it was typed', () => {
    expect(writeParentCode(' abcd efgh－jklm ')).toBe('ABCD-EFGH-JKLM');
    expect(isParentCode('abcdefghjklm')).toBe(true);
    expect(isParentCode('abcd-efgh')).toBe(false);
  });
});
