import { describe, expect, test } from 'vitest';
import type { RosterChange, RosterPreview } from '../parts/types';
import { countPupils, groupByClass, namesItsGrade } from './rosterChanges';

const changes: RosterChange[] = [
  { change: 'new_pupil', grade: 5, class_name: '5-10', number: 1, name: '강하늘' },
  { change: 'new_class', grade: 5, class_name: '5-2', pupils: 2 },
  { change: 'new_pupil', grade: 5, class_name: '5-2', number: 7, name: '김민준' },
  { change: 'new_pupil', grade: 5, class_name: '5-2', number: 3, name: '김민준' },
  { change: 'rename', pupil_id: 'r', number: 4, class_name: '5-10', from: '이서여', to: '이서연' },
  { change: 'move', pupil_id: 'm', name: '박도윤', from: { grade: 5, class_name: '5-10', number: 9 }, to: { grade: 5, class_name: '5-2', number: 1 } },
  { change: 'return', pupil_id: 'b', name: '최하은', to: { grade: 4, class_name: '4-1', number: 2 } },
];
const preview: RosterPreview = {
  file_name: '명단.csv',
  encoding: 'CP949',
  school_year: 2026,
  rows: 5,
  changes,
  missing: [{ pupil_id: 'x', name: '한지우', grade: 5, class_name: '5-10', number: 12 }],
  taken: [],
  faults: [],
  digest: 'd',
};

describe('what a list would change', () => {
  test('stands by the class it ends in, classes and numbers in order', () => {
    const groups = groupByClass(changes);
    expect(groups.map((one) => [one.grade, one.className, one.isNew])).toEqual([
      [4, '4-1', false],
      [5, '5-2', true],
      [5, '5-10', false],
    ]);
    expect(groups[1]?.added.map((one) => one.number)).toEqual([3, 7]);
    expect(groups[1]?.moved[0]?.from.class_name).toBe('5-10');
    expect(groups[2]?.renamed[0]?.to).toBe('이서연');
  });

  test('counts pupils, the missing only if they are archived', () => {
    expect(countPupils(preview, false)).toBe(6);
    expect(countPupils(preview, true)).toBe(7);
  });

  test('a class name may say its grade', () => {
    expect(namesItsGrade(5, '5-2')).toBe(true);
    expect(namesItsGrade(5, '5학년 2반')).toBe(true);
    expect(namesItsGrade(1, '10')).toBe(false);
    expect(namesItsGrade(5, '2')).toBe(false);
  });
});
