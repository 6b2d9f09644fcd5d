import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ApiProblem } from '../api/apiProblem';
import type { LessonProblems } from '../api/types';
import { HandIns } from './handIns.svelte';

const lesson = (id: string): LessonProblems => ({ lesson_id: id, title: '', mode: 'exam', hint_ceiling: 'none', state: 'open', problem_count: 0, problems: [] });

let waiting = 0;
let fault: ApiProblem | null = null;
let posted: string[] = [];
let done: string[] = [];
let over = 0;

const make = () =>
  new HandIns({
    post: async (id) => {
      posted.push(id);
      if (fault) throw fault;
      return lesson(id);
    },
    sendAnswers: async () => undefined,
    countWaiting: () => waiting,
    onDone: (one) => void done.push(one.lesson_id),
    onOver: () => void (over += 1),
  });

beforeEach(() => {
  vi.useFakeTimers();
  localStorage.clear();
  waiting = over = 0;
  fault = null;
  posted = [];
  done = [];
});
afterEach(() => void vi.useRealTimers());

it('goes after the last answer, through a broken line', async () => {
  const box = make();
  box.setUser('pupil');
  waiting = 2;
  box.request('exam');
  await vi.advanceTimersByTimeAsync(6000);
  expect(posted).toEqual([]);
  waiting = 0;
  fault = new ApiProblem({ code: 'unreachable', status: 0 });
  await vi.advanceTimersByTimeAsync(6000);
  expect(posted.length).toBeGreaterThan(0);
  expect(box.pending).toEqual(['exam']);
  fault = null;
  await vi.advanceTimersByTimeAsync(3000);
  expect(done).toEqual(['exam']);
  expect(box.pending).toEqual([]);
});

it('outlives a reload, and belongs to its pupil', async () => {
  fault = new ApiProblem({ code: 'unreachable', status: 0 });
  const before = make();
  before.setUser('pupil');
  before.request('exam');
  await vi.advanceTimersByTimeAsync(10);
  before.setUser(null);
  fault = null;
  const after = make();
  after.setUser('another');
  await vi.advanceTimersByTimeAsync(5000);
  expect(done).toEqual([]);
  after.setUser('pupil');
  await vi.advanceTimersByTimeAsync(10);
  expect(done).toEqual(['exam']);
});

it('takes the hub’s word that it is over already', async () => {
  const box = make();
  box.setUser('pupil');
  fault = new ApiProblem({ code: 'lesson_closed', status: 409 });
  box.request('exam');
  await vi.advanceTimersByTimeAsync(10);
  expect(over).toBe(1);
  expect(box.pending).toEqual([]);
});
