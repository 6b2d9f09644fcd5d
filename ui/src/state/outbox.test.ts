import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiProblem } from '../api/apiProblem';
import type { AttemptReceipt, SubmitAnswer } from '../api/types';
import { Outbox, type Delivery } from './outbox.svelte';

const body = (id: string): SubmitAnswer => ({ attempt_id: id, problem_version_id: 'v', lesson_id: 'l', answer: { kind: 'number', text: '3/4' } });
const receipt = (id: string): AttemptReceipt => ({ attempt_id: id, epoch: 1, hub_seq: 1, grade: { outcome: 'right' }, tries: 1, next: { try_again: false, help: false, solution: false }, receipt: { epoch_id: 'e', hub_seq: 1, mac: '' } });

beforeEach(() => {
  vi.useFakeTimers();
  localStorage.clear();
});
afterEach(() => void vi.useRealTimers());

describe('Outbox', () => {
  it('keeps an answer until the hub has it, under the same id', async () => {
    const sent: string[] = [];
    let up = false;
    const box = new Outbox(async (answer) => {
      sent.push(answer.attempt_id);
      if (!up) throw new ApiProblem({ code: 'unreachable', status: 0 });
      return receipt(answer.attempt_id);
    });
    const told: Delivery[] = [];
    box.add('pupil', body('a1'), (delivery) => told.push(delivery));
    await vi.advanceTimersByTimeAsync(10);
    expect(box.stuck).toBe(true);
    expect(localStorage.getItem('ds.outbox.v1.a1')).toContain('3/4');
    up = true;
    await vi.advanceTimersByTimeAsync(20_000);
    expect(told).toEqual([{ kind: 'kept', receipt: receipt('a1') }]);
    expect(new Set(sent)).toEqual(new Set(['a1']));
    expect(localStorage.getItem('ds.outbox.v1.a1')).toBeNull();
    expect(box.mine).toBe(0);
  });

  it('finds what a closed page left, and sends it only for the pupil who gave it', async () => {
    const before = new Outbox(async () => {
      throw new ApiProblem({ code: 'busy', status: 503 });
    });
    before.add('pupil', body('a1'), () => undefined);
    await vi.advanceTimersByTimeAsync(10);
    before.setUser(null);

    const sent: string[] = [];
    const after = new Outbox(async (answer) => {
      sent.push(answer.attempt_id);
      return receipt(answer.attempt_id);
    });
    after.setUser('other pupil');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(sent).toEqual([]);
    after.setUser('pupil');
    await vi.advanceTimersByTimeAsync(10);
    expect(sent).toEqual(['a1']);
  });

  it('waits through an ended sign-in but takes a refusal as an answer', async () => {
    let status = 401;
    const box = new Outbox(async () => {
      throw new ApiProblem({ code: status === 401 ? 'sign_in_needed' : 'lesson_closed', status });
    });
    const told: Delivery[] = [];
    box.add('pupil', body('a1'), (delivery) => told.push(delivery));
    await vi.advanceTimersByTimeAsync(10);
    expect(told).toEqual([]);
    expect(box.mine).toBe(1);
    status = 409;
    await vi.advanceTimersByTimeAsync(20_000);
    expect(told).toMatchObject([{ kind: 'refused', problem: { code: 'lesson_closed' } }]);
    expect(box.mine).toBe(0);
  });

  it('keeps what was refused with its reason, through a reload, until it is taken or thrown away', async () => {
    localStorage.clear();
    let taken = false;
    const post = async (answer: SubmitAnswer) => {
      if (taken) return receipt(answer.attempt_id);
      const code = answer.attempt_id === 'a3' ? 'other_answer' : 'bad_field';
      throw new ApiProblem({ code, status: 422 });
    };
    const before = new Outbox(post);
    for (const id of ['a1', 'a2', 'a3']) before.add('pupil', body(id), () => undefined);
    await vi.advanceTimersByTimeAsync(10);
    expect(before.mine).toBe(0);
    before.setUser(null);
    expect(before.notTaken).toEqual([]);

    const after = new Outbox(post);
    after.setUser('other pupil');
    expect(after.notTaken).toEqual([]);
    after.setUser('pupil');
    // An id that is used for another answer can never be taken.
    expect(after.notTaken).toEqual(['a1', 'a2'].map((id) => ({ user_id: 'pupil', body: body(id), code: 'bad_field' })));
    after.sendAgain('a1');
    await vi.advanceTimersByTimeAsync(10);
    expect(after.notTaken.map((entry) => entry.body.attempt_id)).toEqual(['a2', 'a1']);
    taken = true;
    after.sendAgain('a1');
    await vi.advanceTimersByTimeAsync(10);
    after.drop('a2');
    expect([after.notTaken, after.mine]).toEqual([[], 0]);
    expect(Object.keys(localStorage).filter((key) => /^ds\.(outbox|refused)\./.test(key))).toEqual([]);
  });

  it('sends what came into a pause when the lesson goes on, before an exam is handed in', async () => {
    localStorage.clear();
    let paused = true;
    const box = new Outbox(async (answer) => {
      if (paused) throw new ApiProblem({ code: 'lesson_paused', status: 409 });
      return receipt(answer.attempt_id);
    });
    box.add('pupil', body('a1'), () => undefined);
    await vi.advanceTimersByTimeAsync(10);
    expect([box.mine, box.countFor('l')]).toEqual([0, 1]);
    box.takePausedBack(() => true);
    expect(box.notTaken.length).toBe(1);
    paused = false;
    box.takePausedBack(() => false);
    expect(box.lessonsOnTheWay).toEqual(['l']);
    await box.send();
    expect([box.notTaken.length, box.countFor('l')]).toEqual([0, 0]);
  });

  it('sends what another tab of the pupil has written down', async () => {
    localStorage.clear();
    const sent: string[] = [];
    const box = new Outbox(async (answer) => {
      sent.push(answer.attempt_id);
      return receipt(answer.attempt_id);
    });
    box.setUser('pupil');
    localStorage.setItem('ds.outbox.v1.b1', JSON.stringify({ user_id: 'pupil', body: body('b1') }));
    await vi.advanceTimersByTimeAsync(10);
    await box.send();
    expect(sent).toEqual(['b1']);
  });
});

describe('Outbox and a hub that was put back', () => {
  /** A hub that keeps what it is sent, in an epoch that can change. */
  function hubIn(epoch: string) {
    const state = { epoch, sent: [] as string[], record: new Map<string, AttemptReceipt>() };
    const box = new Outbox(async ({ attempt_id }) => {
      state.sent.push(attempt_id);
      const kept = state.record.get(attempt_id) ?? { ...receipt(attempt_id), receipt: { epoch_id: state.epoch, hub_seq: state.record.size + 1, mac: 'ab' } };
      state.record.set(attempt_id, kept);
      return kept;
    });
    box.hearEpoch(epoch);
    return { state, box };
  }

  const give = async (box: Outbox, userId: string, ids: string[]) => {
    for (const id of ids) box.add(userId, body(id), () => undefined);
    await vi.advanceTimersByTimeAsync(10);
  };

  it('shows the highest receipt, also after the page was loaded anew', async () => {
    const { box } = hubIn('e1');
    expect(box.receipt).toBeNull();
    await give(box, 'pupil', ['a1', 'a2']);
    expect(box.receipt).toBe('e1.2.ab');
    expect(new Outbox(async () => receipt('x')).receipt).toBe('e1.2.ab');
  });

  it('sends what was taken once more in a new epoch, once', async () => {
    const { box, state } = hubIn('e1');
    await give(box, 'pupil', ['a1', 'a2']);
    state.record.delete('a2');
    state.sent = [];
    state.epoch = 'e2';
    expect(box.hearEpoch('e2')).toBe(true);
    await vi.advanceTimersByTimeAsync(10);
    expect(state.sent).toEqual(['a1', 'a2']);
    expect(box.receipt).toBe('e2.2.ab');
    expect(box.hearEpoch('e2')).toBe(false);
    box.setUser('pupil');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(state.sent).toEqual(['a1', 'a2']);
    expect(box.mine).toBe(0);
  });

  it('waits for the pupil who gave them', async () => {
    const { box, state } = hubIn('e1');
    await give(box, 'pupil', ['a1']);
    box.setUser('other pupil');
    state.sent = [];
    box.hearEpoch('e2');
    await vi.advanceTimersByTimeAsync(60_000);
    expect([state.sent, box.mine, box.waiting]).toEqual([[], 0, []]);
    box.setUser('pupil');
    await vi.advanceTimersByTimeAsync(10);
    expect(state.sent).toEqual(['a1']);
  });

  it('finds a new epoch after the page was closed', async () => {
    const before = hubIn('e1');
    await give(before.box, 'pupil', ['a1']);
    const { box, state } = hubIn('e2');
    box.setUser('pupil');
    await vi.advanceTimersByTimeAsync(10);
    expect(state.sent).toEqual(['a1']);
  });

  it('tells the pupil what the hub does not take any more', async () => {
    let closed = false;
    const box = new Outbox(async ({ attempt_id }) => {
      if (closed) throw new ApiProblem({ code: 'lesson_closed', status: 409 });
      return receipt(attempt_id);
    });
    box.hearEpoch('e');
    await give(box, 'pupil', ['a1']);
    closed = true;
    box.hearEpoch('e2');
    await vi.advanceTimersByTimeAsync(10);
    expect(box.notTaken.map((entry) => [entry.body.attempt_id, entry.code])).toEqual([['a1', 'lesson_closed']]);
  });

  it('remembers a week, two hundred, and nothing that a backup holds', async () => {
    const { box, state } = hubIn('e1');
    await give(box, 'pupil', ['a1', 'a2', 'a3']);
    box.forgetCovered(null);
    box.forgetCovered({ epoch_id: 'other', hub_seq: 9 });
    expect(box.remembered).toBe(3);
    box.forgetCovered({ epoch_id: 'e1', hub_seq: 2 });
    expect(Object.keys(localStorage).filter((key) => key.startsWith('ds.taken.v1.'))).toEqual(['ds.taken.v1.a3']);
    await vi.advanceTimersByTimeAsync(8 * 24 * 3600 * 1000);
    state.sent = [];
    box.setUser('pupil');
    expect(box.remembered).toBe(0);
    await give(box, 'pupil', Array.from({ length: 205 }, (_, i) => `b${String(i).padStart(3, '0')}`));
    expect(box.remembered).toBe(200);
    expect(localStorage.getItem('ds.taken.v1.b004')).toBeNull();
    expect(localStorage.getItem('ds.taken.v1.b204')).not.toBeNull();
  });
});
