import { fireEvent, render, screen } from '@testing-library/svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { LessonProblems, LiveLesson, Me } from '../api/types';
import { ko } from '../i18n/ko';
import { session } from '../state/session.svelte';
import { outbox, work } from '../state/work.svelte';
import ChildProgress from './ChildProgress.svelte';
import Exam from './Exam.svelte';
import MyProgress from './MyProgress.svelte';
import LessonControls from './staff/live/LessonControls.svelte';
import { ko as staffKo } from './staff/texts/ko';

const exam: LessonProblems = {
  lesson_id: 'exam',
  title: '시험',
  mode: 'exam',
  hint_ceiling: 'none',
  state: 'closed',
  sitting: { begun_at: '2026-11-23T00:00:00Z' },
  problem_count: 3,
  problems: ['v1', 'v2', 'v3'].map((id) => ({ problem_id: id, problem_version_id: id, title: id, skill: 's' })),
};

/** What the hub says, by the end of the address; a number is a refusal. */
let replies: Record<string, unknown>;
let asked: string[];

beforeEach(() => {
  localStorage.clear();
  sessionStorage.clear();
  asked = [];
  replies = { '/me/problems': { lessons: [exam] }, '/me/standing': { problems: [] } };
  vi.stubGlobal('fetch', async (address: string) => {
    const path = Object.keys(replies).find((end) => address.split('?')[0]?.endsWith(end));
    asked.push(address.split('/api/v1')[1] ?? '');
    const reply = path === undefined ? {} : replies[path];
    if (typeof reply === 'string') return Response.json({ code: reply, title: reply, detail: '', status: 403 }, { status: 403 });
    return Response.json(reply);
  });
  session.me = { user_id: 'pupil', session_id: 's', role: 'student', name: '가', language: 'ko', must_change_password: false } as Me;
  outbox.setUser('pupil');
});

afterEach(() => {
  for (const entry of [...outbox.refused]) outbox.drop(entry.body.attempt_id);
  outbox.waiting = [];
  outbox.setUser(null);
  session.me = null;
  vi.unstubAllGlobals();
});

describe('the result of an exam', () => {
  it('tells an answer that was not taken first: it is neither none nor wrong', async () => {
    replies['/me/standing'] = { problems: [{ lesson_id: 'exam', problem_version_id: 'v2', tries: 1, solved: true }] };
    replies['/attempts'] = 'lesson_closed';
    for (const [id, version] of [['a1', 'v1'], ['a2', 'v2']] as const) {
      outbox.add('pupil', { attempt_id: id, problem_version_id: version, lesson_id: 'exam', answer: { kind: 'number', text: '7' } }, () => undefined);
    }
    await work.load('pupil');
    render(Exam, { lesson_id: 'exam' });
    const rows = screen.getAllByRole('listitem').map((row) => row.querySelector('.state')?.textContent);
    expect(rows).toEqual([ko['exam.untaken.short'], `${ko['mark.right']} · ${ko['exam.untaken.short']}`, ko['exam.blank.over']]);
  });

  it('waits for the answers that are on their way', async () => {
    await work.load('pupil');
    replies['/attempts'] = 'busy';
    vi.stubGlobal('fetch', async () => Response.json({ code: 'busy', title: '', detail: '' }, { status: 503 }));
    outbox.add('pupil', { attempt_id: 'a3', problem_version_id: 'v1', lesson_id: 'exam', answer: { kind: 'number', text: '7' } }, () => undefined);
    await outbox.send();
    render(Exam, { lesson_id: 'exam' });
    expect(screen.getByRole('status').textContent).toContain(ko['exam.on_the_way']);
    expect(screen.queryByText(ko['exam.over'])).toBeNull();
  });
});

describe('progress while an exam runs', () => {
  it('rests without an alarm, and comes back with the news that lessons have changed', async () => {
    replies['/me/progress'] = 'exam_running';
    render(MyProgress);
    await screen.findByText(ko['progress.exam.title']);
    expect(screen.queryByRole('alert')).toBeNull();
    replies['/me/progress'] = { skills: [], days: [] };
    await work.load('pupil');
    await screen.findByText(ko['progress.empty.title']);
  });

  it('is told to the parent quietly, under the name of the child', async () => {
    replies = { '/children': [{ pupil_id: 'p', name: '하늘' }], '/pupils/p/progress': 'exam_running' };
    render(ChildProgress, { pupil_id: 'p' });
    await screen.findByText(ko['children.exam']);
    expect(await screen.findByRole('heading', { level: 1 })).toHaveProperty('textContent', '하늘의 성장');
    expect(screen.queryByRole('alert')).toBeNull();
  });
});

describe('an exam that is over', () => {
  const lesson: LiveLesson = { lesson_id: 'exam', title: '시험', mode: 'exam', hint_ceiling: 'none', state: 'closed' };
  const show = (seen: number) => {
    replies = { '/classes/c': { lessons: [{ lesson_id: 'exam', grades_seen: seen }] }, '/reopen': {} };
    render(LessonControls, { classId: 'c', lesson, openLessons: [], facts: '' });
    return fireEvent.click(screen.getByRole('button', { name: staffKo['live.reopen'] }));
  };

  it('is opened again at once while nobody has seen grades', async () => {
    await show(0);
    await vi.waitFor(() => expect(asked.at(-1)).toBe('/classes/c/lessons/exam/reopen'));
  });

  it('asks once more when some have, and says how many', async () => {
    await show(3);
    await screen.findByText('학생 3명이 이미 채점 결과를 보았습니다.');
    expect(asked).toEqual(['/classes/c']);
    await fireEvent.click(screen.getByText(staffKo['live.reopen.sure']));
    await vi.waitFor(() => expect(asked.at(-1)).toBe('/classes/c/lessons/exam/reopen'));
  });
});
