import { describe, expect, test } from 'vitest';
import type { ReportRow } from '../parts/types';
import { countLevels, daysOf, describeReason } from './report';

describe('a report', () => {
  test('a period ends today and counts both days', () => {
    expect(daysOf('7', '2026-11-23')).toEqual({ from: '2026-11-17', to: '2026-11-23' });
    expect(daysOf('30', '2026-03-01')).toEqual({ from: '2026-01-31', to: '2026-03-01' });
  });

  test('reasons are sentences', () => {
    expect(describeReason({ why: 'stuck', problems: 2, skill: 'frac', skill_name: '분수의 덧셈' })).toContain('분수의 덧셈');
    expect(describeReason({ why: 'falling', before: 0.816, now: 0.4 })).toMatch(/82%.*40%/);
    expect(describeReason({ why: 'not_used', days: null })).not.toMatch(/\d/);
    expect(describeReason({ why: 'not_used', days: 9 })).toContain('9');
  });

  test('levels of a skill are counted, nothing tried apart', () => {
    const pupil = { pupil_id: 'p', number: 1, name: '가' };
    const rows: ReportRow[] = [
      { pupil, answers: 3, cells: [{ mastery: 0.9, level: 'secure', attempts: 3, right: 3 }] },
      { pupil, answers: 1, cells: [{ mastery: 0.3, level: 'starting', attempts: 1, right: 0 }] },
      { pupil, answers: 0, cells: [null] },
    ];
    expect(countLevels(rows, 0)).toEqual({ starting: 1, growing: 0, secure: 1, none: 1 });
  });
});
