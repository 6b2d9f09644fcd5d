import { fireEvent, render, screen } from '@testing-library/svelte';
import { tick } from 'svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { LessonProblems, Me, ProblemView, SubmitAnswer } from '../../api/types';
import { ko } from '../../i18n/ko';
import { clock } from '../../state/clock.svelte';
import { handIns } from '../../state/handIns.svelte';
import { session } from '../../state/session.svelte';
import { outbox, work } from '../../state/work.svelte';
import ExamWork from './ExamWork.svelte';

const NOW = Date.parse('2026-11-23T00:00:00Z');
const problem = (id: string) => ({ problem_id: id, problem_version_id: id, title: id, skill: 's' });
const lesson = (endsIn: number): LessonProblems => ({
  lesson_id: 'exam',
  title: '시험',
  mode: 'exam',
  hint_ceiling: 'none',
  state: 'open',
  ends_at: new Date(NOW + endsIn).toISOString(),
  sitting: { begun_at: new Date(NOW).toISOString() },
  problem_count: 2,
  problems: [problem('v1'), problem('v2')],
});
const view: ProblemView = { problem_id: 'v1', problem_version_id: 'v1', title: '첫 문제', skill: 's', statement: '답은?', question: { kind: 'short_text' } };

let sent: SubmitAnswer[];
let refuse: string | null;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
  localStorage.clear();
  sessionStorage.clear();
  sent = [];
  refuse = null;
  vi.stubGlobal('fetch', async (address: string, init: RequestInit) => {
    if (address.endsWith('/me/problems')) return Response.json({ lessons: [lesson(60_000)] });
    if (address.endsWith('/me/standing')) return Response.json({ problems: [] });
    if (address.endsWith('/hand-in')) return Response.json({ ...lesson(0), sitting: { begun_at: '', handed_in_at: new Date(NOW).toISOString() } });
    const body = JSON.parse(String(init.body)) as SubmitAnswer;
    if (refuse !== null) return Response.json({ code: refuse, title: refuse, detail: '', status: 409 }, { status: 409 });
    sent.push(body);
    return Response.json({ attempt_id: body.attempt_id, epoch: 1, hub_seq: sent.length, grade: null, tries: sent.length, next: { try_again: true, help: false, solution: false } });
  });
  session.me = { user_id: 'pupil', session_id: 's', role: 'student', name: '가', language: 'ko', must_change_password: false } as Me;
  outbox.setUser('pupil');
  handIns.setUser('pupil');
  await work.load('pupil');
  clock.hear(new Date(NOW - 100_000).toISOString());
  clock.hear(new Date(NOW).toISOString());
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
  session.me = null;
});

const write = (text: string) => fireEvent.input(screen.getByRole('textbox'), { target: { value: text } });
const status = () => screen.getByRole('status').textContent?.trim();

describe('a problem of an exam', () => {
  it('is saved when the pupil goes on, says so, and can be changed', async () => {
    render(ExamWork, { lesson: lesson(600_000), view });
    expect(status()).toBe(ko['exam.blank']);
    await write('하나');
    expect(status()).toBe(ko['exam.unsaved']);
    await fireEvent.click(screen.getByRole('button', { name: ko['exam.save.next'] }));
    await vi.advanceTimersByTimeAsync(10);
    expect(status()).toBe(ko['exam.saved']);
    await write('둘');
    expect(status()).toBe(ko['exam.unsaved']);
    await fireEvent.click(screen.getByRole('button', { name: ko['exam.save.next'] }));
    await vi.advanceTimersByTimeAsync(10);
    expect(sent.map((one) => one.answer)).toEqual([{ kind: 'short_text', text: '하나' }, { kind: 'short_text', text: '둘' }]);
    expect(new Set(sent.map((one) => one.attempt_id)).size).toBe(2);
    expect(work.mark('exam', 'v1')).toBe('saved');
  });

  it('is saved when the pupil leaves it by another way', async () => {
    const { unmount } = render(ExamWork, { lesson: lesson(600_000), view });
    await write('하나');
    unmount();
    await vi.advanceTimersByTimeAsync(10);
    expect(sent.length).toBe(1);
  });

  it('is saved with the time at which it was written, before the news of an end is fetched', async () => {
    const asked: string[] = [];
    const through = fetch;
    vi.stubGlobal('fetch', (address: string, init: RequestInit) => {
      asked.push(address.split('/').at(-1) ?? '');
      return through(address, init);
    });
    const { unmount } = render(ExamWork, { lesson: lesson(600_000), view });
    await write('하나');
    const written = clock.read();
    await vi.advanceTimersByTimeAsync(5000);
    // The teacher ends it: the page hears that lessons have changed, and that the line is alive.
    void outbox.send();
    await work.load('pupil');
    unmount();
    await vi.advanceTimersByTimeAsync(10);
    expect(sent.map((one) => one.answer)).toEqual([{ kind: 'short_text', text: '하나' }]);
    expect(Math.abs(Date.parse(sent[0]?.occurred_at ?? '') - written)).toBeLessThan(100);
    expect(asked).toEqual(['problems', 'attempts', 'standing']);
  });

  it('is saved by the next page if its own was closed, with its time', async () => {
    const { unmount } = render(ExamWork, { lesson: lesson(600_000), view });
    await write('하나');
    await tick();
    // The browser is closed: nothing of the page runs any more, and nobody is signed in.
    session.me = null;
    unmount();
    session.me = { user_id: 'pupil', session_id: 's', role: 'student', name: '가', language: 'ko', must_change_password: false } as Me;
    expect(sent).toEqual([]);
    const written = clock.read();
    await vi.advanceTimersByTimeAsync(5000);
    await work.load('pupil');
    expect(sent.length).toBe(1);
    expect(Math.abs(Date.parse(sent[0]?.occurred_at ?? '') - written)).toBeLessThan(100);
  });

  it('is saved just before the time is up, and then the exam is handed in', async () => {
    render(ExamWork, { lesson: lesson(4000), view });
    await write('끝까지');
    await vi.advanceTimersByTimeAsync(3000);
    expect(sent.map((one) => one.answer)).toEqual([{ kind: 'short_text', text: '끝까지' }]);
    expect(Date.parse(sent[0]?.occurred_at ?? '')).toBeLessThanOrEqual(NOW + 4000);
    await vi.advanceTimersByTimeAsync(2000);
    expect(work.lesson('exam')?.sitting?.handed_in_at).toBeTruthy();
    expect(handIns.pending).toEqual([]);
  });

  it('keeps an answer that was refused in a pause, and sends it when the lesson goes on', async () => {
    const { rerender } = render(ExamWork, { lesson: { ...lesson(600_000), state: 'paused' }, view });
    refuse = 'lesson_paused';
    await write('하나');
    await fireEvent.click(screen.getByRole('button', { name: ko['exam.save.next'] }));
    await vi.advanceTimersByTimeAsync(10);
    expect(status()).toBe(ko['exam.unsaved']);
    refuse = null;
    await rerender({ lesson: lesson(600_000), view });
    await tick();
    await vi.advanceTimersByTimeAsync(10);
    expect(sent.length).toBe(1);
    expect(status()).toBe(ko['exam.saved']);
  });
});
