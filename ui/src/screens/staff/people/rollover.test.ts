import { describe, expect, test } from 'vitest';
import type { RolloverStep } from '../parts/types';
import { nextName, sharedTargets, startRows, writePlan, yearsToLeave } from './rollover';

const step = (class_id: string, from: string, from_grade: number, to: string | null): RolloverStep => ({
  class_id,
  from,
  from_grade,
  to: to === null ? null : { grade: from_grade + 1, class_name: to },
  pupils: 28,
});

describe('the new school year', () => {
  test('begins with what the hub proposes, by grade and name', () => {
    const rows = startRows([step('c', '6-1', 6, null), step('a', '5-10', 5, '6-10'), step('b', '5-2', 5, '6-2')]);
    expect(rows.map((row) => [row.from, row.leaves, row.grade, row.name])).toEqual([
      ['5-2', false, '6', '6-2'],
      ['5-10', false, '6', '6-10'],
      ['6-1', true, '7', '7-1'],
    ]);
  });

  test('only a grade at the beginning of a name is counted up', () => {
    expect(nextName('1-1', 1)).toBe('2-1');
    expect(nextName('10-5', 1)).toBe('10-5');
    expect(nextName('5학년 2반', 5)).toBe('6학년 2반');
    expect(nextName('Grade 5 class 2', 5)).toBe('Grade 6 class 2');
  });

  test('classes go from the present year, or late from the one before', () => {
    expect(yearsToLeave([2026, 2026], 2026)).toEqual([2026]);
    expect(yearsToLeave([2026, 2025], 2026)).toEqual([2026, 2025]);
    expect(yearsToLeave([2025], 2026)).toEqual([2025]);
    expect(yearsToLeave([2023], 2026)).toEqual([2025]);
    expect(yearsToLeave([2027], 2026)).toEqual([]);
  });

  test('the plan says where each class goes and which leave', () => {
    const rows = startRows([step('a', '5-2', 5, '6-2'), step('c', '6-1', 6, null)]);
    expect(writePlan(rows, 2027)).toEqual({
      to_year: 2027,
      classes: [
        { class_id: 'a', to: { grade: 6, class_name: '6-2' } },
        { class_id: 'c', to: null },
      ],
    });
  });

  test('two classes into one are marked', () => {
    const rows = startRows([step('a', '5-1', 5, '6-1'), step('b', '5-2', 5, '6-2')]);
    expect(sharedTargets(rows).size).toBe(0);
    rows[1]!.name = ' 6-1 ';
    expect([...sharedTargets(rows)].sort()).toEqual(['a', 'b']);
  });
});
