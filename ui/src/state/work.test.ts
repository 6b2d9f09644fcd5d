import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { LessonProblems, LessonState, SubmitAnswer } from '../api/types';
import { hub } from './hub.svelte';
import { outbox, work, writeExamDraft } from './work.svelte';

const lesson = (state: LessonState): LessonProblems => ({
  lesson_id: 'exam',
  title: '시험',
  mode: 'exam',
  hint_ceiling: 'none',
  state,
  sitting: { begun_at: '2026-11-23T00:00:00Z' },
  problem_count: 2,
  problems: ['v1', 'v2'].map((id) => ({ problem_id: id, problem_version_id: id, title: id, skill: 's' })),
});
const body = (id: string, version = 'v1'): SubmitAnswer => ({ attempt_id: id, problem_version_id: version, lesson_id: 'exam', answer: { kind: 'number', text: '7' } });

/** A hub that takes late answers to a closed exam until it has told the pupil a grade. */
let state: LessonState;
let down: boolean;
let told: boolean;
let asked: string[];
let taken: string[];

beforeEach(() => {
  localStorage.clear();
  sessionStorage.clear();
  [state, down, told, asked, taken] = ['open', false, false, [], []];
  vi.stubGlobal('fetch', async (address: string, init: RequestInit) => {
    const path = address.split('/').at(-1) ?? '';
    asked.push(path);
    if (path === 'problems') return Response.json({ lessons: [lesson(state)] });
    if (path === 'standing' || path === 'progress') {
      if (state === 'closed') told = true;
      return Response.json({ problems: [], skills: [], days: [] });
    }
    if (path !== 'attempts') return Response.json({});
    const { attempt_id } = JSON.parse(String(init.body)) as SubmitAnswer;
    const refuse = (code: string, status: number) => Response.json({ code, title: code, detail: '', status }, { status });
    if (down) return refuse('busy', 503);
    if (state === 'paused') return refuse('lesson_paused', 409);
    if (told) return refuse('lesson_closed', 409);
    taken.push(attempt_id);
    return Response.json({ attempt_id, epoch: 1, hub_seq: taken.length, grade: null, tries: 1, next: { try_again: true, help: false, solution: false } });
  });
});

afterEach(() => {
  for (const entry of [...outbox.refused]) outbox.drop(entry.body.attempt_id);
  outbox.waiting = [];
  outbox.setUser(null);
  vi.unstubAllGlobals();
});

/** A new pupil each time: what is known of one is not carried over. */
async function arrive(userId: string): Promise<void> {
  outbox.setUser(userId);
  await work.load(userId);
  asked = [];
}

const readProgress = (userId: string) => work.readGrades(userId, () => hub.get('/me/progress'));

describe('grades', () => {
  it('are asked for after the answers of a pause that ended with the exam', async () => {
    await arrive('p1');
    state = 'paused';
    outbox.add('p1', body('a1'), () => undefined);
    await outbox.send();
    await work.load('p1');
    expect(outbox.notTaken.map((entry) => entry.code)).toEqual(['lesson_paused']);
    state = 'closed';
    asked = [];
    await work.load('p1');
    expect(asked.slice(0, 3)).toEqual(['problems', 'attempts', 'standing']);
    expect([taken, outbox.notTaken]).toEqual([['a1'], []]);
  });

  it('are asked for after what waits and what was written and not saved, whatever screen asks', async () => {
    outbox.setUser('p2');
    down = true;
    outbox.add('p2', body('a1'), () => undefined);
    await outbox.send();
    writeExamDraft('p2', 'exam', 'v2', { lesson_id: 'exam', problem_version_id: 'v2', answer: { kind: 'number', text: '8' }, at: Date.now() });
    [down, state, asked] = [false, 'closed', []];
    await readProgress('p2');
    expect(asked).toEqual(['problems', 'attempts', 'attempts', 'progress']);
    expect([taken.length, outbox.notTaken]).toEqual([2, []]);
  });

  it('are not asked for while an answer to an exam cannot go', async () => {
    await arrive('p3');
    down = true;
    outbox.add('p3', body('a1'), () => undefined);
    await outbox.send();
    state = 'closed';
    await expect(work.load('p3')).rejects.toMatchObject({ code: 'busy' });
    await expect(readProgress('p3')).rejects.toMatchObject({ code: 'busy' });
    expect([told, work.lesson('exam')?.state]).toEqual([false, 'closed']);
    down = false;
    await work.load('p3');
    expect([told, taken]).toEqual([true, ['a1']]);
  });

  it('say nothing of an answer that the hub has not taken', async () => {
    await arrive('p4');
    [state, told] = ['closed', true];
    writeExamDraft('p4', 'exam', 'v1', { lesson_id: 'exam', problem_version_id: 'v1', answer: { kind: 'number', text: '8' }, at: Date.now() });
    await work.load('p4');
    expect(work.refusedHere('exam', 'v1')?.code).toBe('lesson_closed');
    expect(work.mark('exam', 'v1')).toBe('not_started');
  });
});
