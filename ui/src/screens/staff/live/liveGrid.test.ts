import { describe, expect, test } from 'vitest';
import type { CellState, ClassLive, LiveEvent } from '../../../api/types';
import { applyEvent, countClass, countColumns, findStuck, sortRows } from './liveGrid';

function cell(version: string, state: CellState = 'not_started', tries = 0) {
  return { problem_version_id: version, state, tries, last_attempt: tries > 0 ? `try-${version}-${tries}` : null };
}

function picture(): ClassLive {
  return {
    class_id: 'class',
    lesson_id: 'lesson',
    title: '분수의 덧셈',
    problems: ['p1', 'p2'].map((id) => ({ problem_id: id, problem_version_id: id, title: id, skill: 'frac' })),
    pupils: [
      { pupil: { pupil_id: 'b', number: 2, name: '나' }, present: false, cells: [cell('p1', 'right', 2), cell('p2')] },
      { pupil: { pupil_id: 'a', number: 1, name: '가' }, present: true, cells: [cell('p1', 'not_yet', 4), cell('p2', 'helping', 3)] },
    ],
    last_event: 7,
  };
}

function follow(start: ClassLive, events: LiveEvent[]): ClassLive {
  return events.reduce((now, event) => {
    const next = applyEvent(now, event);
    if (next === 'refetch') throw new Error('refetch');
    return next;
  }, start);
}

const right: LiveEvent = { event: 'cell', pupil_id: 'b', lesson_id: 'lesson', cell: cell('p2', 'right', 1), at: '2026-11-23T05:00:00Z' };

describe('the picture and its events', () => {
  test('a graded answer changes one cell and the figures', () => {
    const before = picture();
    const after = follow(before, [right]);
    expect(sortRows(after).map((row) => row.cells.map((one) => one.state))).toEqual([
      ['not_yet', 'helping'],
      ['right', 'right'],
    ]);
    expect(countColumns(after).map(({ place, solved, tried }) => ({ place, solved, tried }))).toEqual([
      { place: 1, solved: 1, tried: 2 },
      { place: 2, solved: 1, tried: 2 },
    ]);
    expect(countClass(after)).toEqual({ pupils: 2, present: 1, solved: 2, cells: 4, helping: 1 });
    // The picture before is untouched.
    expect(before).toEqual(picture());
  });

  test('an event that comes twice changes nothing more', () => {
    expect(follow(picture(), [right, right])).toEqual(follow(picture(), [right]));
  });

  test('presence changes the row alone', () => {
    const after = follow(picture(), [{ event: 'presence', pupil_id: 'b', present: true }]);
    expect(countClass(after).present).toBe(2);
    expect(countColumns(after)).toEqual(countColumns(picture()));
  });

  test('an answer to another lesson or to another version is not of this picture', () => {
    const other: LiveEvent = { ...right, lesson_id: 'another' };
    const old: LiveEvent = { ...right, cell: cell('p0', 'right', 1) };
    expect(follow(picture(), [other])).toEqual(picture());
    expect(countClass(follow(picture(), [old]))).toEqual(countClass(picture()));
  });

  test('an unknown pupil or the word of the hub asks for a new picture', () => {
    expect(applyEvent(picture(), { event: 'refetch' })).toBe('refetch');
    expect(applyEvent(picture(), { event: 'presence', pupil_id: 'c', present: true })).toBe('refetch');
    expect(applyEvent(picture(), { ...right, pupil_id: 'c' })).toBe('refetch');
  });

  test('the stuck: three tries or more without success, the most first, each pupil once', () => {
    expect(findStuck(picture()).map(({ pupil, place, cell: one }) => [pupil.pupil.number, place, one.tries])).toEqual([[1, 1, 4]]);
    const more: LiveEvent = { ...right, cell: cell('p2', 'not_yet', 5) };
    expect(findStuck(follow(picture(), [more])).map(({ pupil, place, cell: one }) => [pupil.pupil.number, place, one.tries])).toEqual([
      [2, 2, 5],
      [1, 1, 4],
    ]);
    const solved: LiveEvent = { ...right, pupil_id: 'a', cell: cell('p1', 'right', 5) };
    expect(findStuck(follow(picture(), [solved])).map(({ place }) => place)).toEqual([2]);
  });
});
