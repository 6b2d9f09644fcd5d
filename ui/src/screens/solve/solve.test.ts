import { render, screen } from '@testing-library/svelte';
import { tick } from 'svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { PupilNote } from '../../api/types';
import { ko } from '../../i18n/ko';
import { clock } from '../../state/clock.svelte';
import { pupilLine } from '../../state/pupilLine.svelte';
import Countdown from './Countdown.svelte';
import TeacherPapers from './TeacherPapers.svelte';
import { describeLeft } from './timeLeft';

describe('the time that is left', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] }));
  afterEach(() => void vi.useRealTimers());

  it('is told in minutes, and in seconds only at the end', () => {
    expect(describeLeft(11 * 60_000 + 1)).toBe('12분 남음');
    expect(describeLeft(60_001)).toBe('2분 남음');
    expect(describeLeft(60_000)).toBe('60초 남음');
    expect(describeLeft(0)).toBe(ko['time.over']);
  });

  it('speaks when five minutes are reached, not when the screen is opened later', async () => {
    const now = Date.parse('2026-11-23T00:00:00Z');
    clock.hear(new Date(now).toISOString());
    const { unmount } = render(Countdown, { endsAt: new Date(now + 5 * 60_000 + 2000).toISOString(), speaks: true });
    expect(screen.getByRole('status').textContent).toBe('');
    await vi.advanceTimersByTimeAsync(3000);
    expect(screen.getByRole('status').textContent).toBe('5분 남았어요. 천천히 마무리해요.');
    unmount();
    render(Countdown, { endsAt: new Date(clock.read() + 3 * 60_000).toISOString(), speaks: true });
    await vi.advanceTimersByTimeAsync(3000);
    expect(screen.getByRole('status').textContent).toBe('');
  });
});

describe('what the teacher sends', () => {
  const note = (id: string, extra: Partial<PupilNote>): PupilNote => ({ note_id: id, kind: 'note', text: id, created_at: '2026-11-23T00:00:00Z', seen: false, from: '박지영', ...extra });
  const shown = () => screen.queryAllByRole('article').map((paper) => paper.getAttribute('aria-label'));

  afterEach(() => void (pupilLine.notes = []));

  it('stays beside the problem it was opened for; everything else goes once it is read', async () => {
    pupilLine.notes = [
      note('step', { kind: 'step', problem_version_id: 'p1', lesson_id: 'l', seen: true }),
      note('note', { problem_version_id: 'p2', lesson_id: 'l' }),
      note('elsewhere', { problem_version_id: 'p9', lesson_id: 'another' }),
      note('old', { seen: true, problem_version_id: 'p1' }),
      note('grade', { kind: 'regraded', from: null, problem_version_id: 'p1', seen: true }),
    ];
    const beside = render(TeacherPapers, { problemVersionId: 'p1', lessonId: 'l' });
    await tick();
    expect(shown()).toEqual([`${ko['paper.step']}, 박지영 선생님`, `${ko['paper.note']}, 박지영 선생님`]);
    // The text of another problem's paper would be in the way.
    expect(screen.getAllByRole('article')[1]?.textContent).not.toContain('note');
    expect(screen.getByRole('link', { name: ko['paper.go'] }).getAttribute('href')).toBe('/lessons/l/problems/p2');
    beside.unmount();
    render(TeacherPapers);
    await tick();
    expect(shown()).toEqual([`${ko['paper.note']}, 박지영 선생님`, `${ko['paper.note']}, 박지영 선생님`]);
  });
});
