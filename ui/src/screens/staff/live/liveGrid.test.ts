import { describe, expect, test } from 'vitest';
import type { CellState, ClassLive, LiveEvent, LiveLesson, PupilStanding } from '../../../api/types';
import { applyEvent, countClass, countColumns, findAttention, findElsewhere, isThere, sortRows } from './liveGrid';

function cell(version: string, state: CellState = 'not_started', tries = 0) {
  return { problem_version_id: version, state, tries, last_attempt: tries > 0 ? `try-${version}-${tries}` : null };
}

const NOW = Date.parse('2026-11-23T05:10:00Z');
const lesson: LiveLesson = { lesson_id: 'lesson', title: '분수의 덧셈', mode: 'practice', hint_ceiling: 'concept', state: 'open' };
const working: PupilStanding = { state: 'working', present: true, stuck: [] };
const away: PupilStanding = { state: 'away', present: false, since: '2026-11-23T05:08:00Z', stuck: [] };

function picture(): ClassLive {
  return {
    class_id: 'class',
    lesson,
    problems: ['p1', 'p2'].map((id) => ({ problem_id: id, problem_version_id: id, title: id, skill: 'frac' })),
    pupils: [
      { pupil: { pupil_id: 'b', number: 2, name: '나' }, standing: away, cells: [cell('p1', 'right', 2), cell('p2')] },
      { pupil: { pupil_id: 'a', number: 1, name: '가' }, standing: working, cells: [cell('p1', 'not_yet', 4), cell('p2', 'helping', 3)] },
    ],
    open_lessons: [],
    last_event: '1-7',
    server_time: '2026-11-23T05:10:00Z',
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
    expect(countClass(after)).toMatchObject({ pupils: 2, present: 1, solved: 2, cells: 4, answered: 4 });
    // The picture before is untouched.
    expect(before).toEqual(picture());
  });

  test('an event that comes twice changes nothing more', () => {
    expect(follow(picture(), [right, right])).toEqual(follow(picture(), [right]));
  });

  test('who is away is not there, even if the sign-in holds', () => {
    expect([working, away, { ...away, present: true }].map(isThere)).toEqual([true, false, false]);
    const after = follow(picture(), [{ event: 'pupil', pupil_id: 'b', lesson_id: 'lesson', standing: { ...away, present: true } }]);
    expect(countClass(after).present).toBe(1);
  });

  test('a standing changes the row alone', () => {
    const after = follow(picture(), [{ event: 'pupil', pupil_id: 'b', lesson_id: 'lesson', standing: working }]);
    expect(countClass(after).present).toBe(2);
    expect(countColumns(after)).toEqual(countColumns(picture()));
    expect(follow(picture(), [{ event: 'pupil', pupil_id: 'b', lesson_id: 'another', standing: working }])).toEqual(picture());
  });

  test('a paused lesson changes the head alone; another lesson asks for a new picture', () => {
    const paused: LiveLesson = { ...lesson, state: 'paused' };
    expect(follow(picture(), [{ event: 'lesson', lesson: paused }])).toEqual({ ...picture(), lesson: paused });
    expect(applyEvent(picture(), { event: 'lesson', lesson: { ...lesson, lesson_id: 'next' } })).toBe('refetch');
    expect(applyEvent(picture(), { event: 'beat', server_time: '2026-11-23T05:00:00Z' })).toEqual(picture());
  });

  test('a lesson that is not looked at: its pause is told beside it, and who is stuck there is found', () => {
    const other: LiveLesson = { ...lesson, lesson_id: 'other', title: '나' };
    const stuck: PupilStanding = { ...working, state: 'stuck', stuck: [{ why: 'wrong_in_row', times: 3 }], problem_version_id: 'p9' };
    const inNeed = [{ pupil: { pupil_id: 'c', number: 3, name: '다' }, standing: stuck }];
    const open = (state: LiveLesson['state']) => [
      { lesson, opened_at: '', pupils: 2, attention: [{ pupil: { pupil_id: 'b', number: 2, name: '나' }, standing: stuck }] },
      { lesson: { ...other, state }, opened_at: '', pupils: 1, attention: inNeed },
    ];
    const told = follow(picture(), [{ event: 'open_lessons', open_lessons: open('open') }]);
    expect(findElsewhere(told).map(({ lesson, one }) => [lesson.title, one.pupil.name])).toEqual([['나', '다']]);
    const paused = follow(told, [{ event: 'lesson', lesson: { ...other, state: 'paused' } }]);
    expect(paused).toEqual({ ...picture(), open_lessons: open('paused') });
  });

  test('an answer to another lesson or to another version is not of this picture', () => {
    const other: LiveEvent = { ...right, lesson_id: 'another' };
    const old: LiveEvent = { ...right, cell: cell('p0', 'right', 1) };
    expect(follow(picture(), [other])).toEqual(picture());
    expect(countClass(follow(picture(), [old]))).toEqual(countClass(picture()));
  });

  test('an unknown pupil or the word of the hub asks for a new picture', () => {
    expect(applyEvent(picture(), { event: 'refetch' })).toBe('refetch');
    expect(applyEvent(picture(), { event: 'pupil', pupil_id: 'c', lesson_id: 'lesson', standing: working })).toBe('refetch');
    expect(applyEvent(picture(), { ...right, pupil_id: 'c' })).toBe('refetch');
  });

  test('who needs the teacher: the stuck by gravity, then who waits for help, then who is long away', () => {
    const standings: PupilStanding[] = [
      { ...away, since: '2026-11-23T05:01:00Z' },
      { ...working, state: 'stuck', since: '2026-11-23T05:02:00Z', stuck: [{ why: 'long_on_one', minutes: 8 }], problem_version_id: 'p2' },
      { ...working, state: 'asking', since: '2026-11-23T05:09:30Z', problem_version_id: 'p1' },
      { ...working, state: 'stuck', since: '2026-11-23T05:06:00Z', stuck: [{ why: 'same_mistake', misconception: 'm', times: 2 }, { why: 'wrong_in_row', times: 3 }], problem_version_id: 'p1' },
      away,
      { state: 'away', present: false, since: null, stuck: [] },
      working,
    ];
    const pupils = standings.map((standing, i) => ({ pupil: { pupil_id: `${i}`, number: i + 1, name: '' }, standing, cells: [cell('p1', 'not_yet', 2), cell('p2')] }));
    expect(findAttention({ ...picture(), pupils }, NOW).map(({ pupil, kind, place, minutes }) => [pupil.pupil.number, kind, place, minutes])).toEqual([
      [4, 'stuck', 1, 4],
      [2, 'stuck', 2, 8],
      [3, 'asking', 1, 0],
      [1, 'away', null, 9],
    ]);
  });
});
