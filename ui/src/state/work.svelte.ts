/** A pupil's lessons, where they stand, and their answers on the way. */
import type { Answer, AttemptReceipt, LessonProblems, MyProblems, MyStanding, ProblemView } from '../api/types';
import type { Mark } from '../components/StateMark.svelte';
import { hub } from './hub.svelte';
import { language } from './language.svelte';
import { Outbox } from './outbox.svelte';

export const outbox = new Outbox((body) => hub.post<AttemptReceipt>('/attempts', body));

class Work {
  lessons = $state<LessonProblems[] | null>(null);
  #marks = $state<Record<string, { mark: Mark; tries: number }>>({});
  #owner: string | null = null;
  #views = new Map<string, Promise<ProblemView>>();

  /** Fetches lessons and standing; what another pupil left here is dropped first. */
  async load(userId: string): Promise<void> {
    if (this.#owner !== userId) {
      this.#owner = userId;
      this.lessons = null;
      this.#marks = {};
      this.#views.clear();
    }
    const [problems, standing] = await Promise.all([hub.get<MyProblems>('/me/problems'), hub.get<MyStanding>('/me/standing')]);
    if (this.#owner !== userId) return;
    const marks: Record<string, { mark: Mark; tries: number }> = {};
    for (const one of standing.problems) {
      const key = keyOf(one.lesson_id ?? null, one.problem_version_id);
      marks[key] = { mark: one.solved ? 'right' : one.tries > 0 ? 'not_yet' : 'not_started', tries: one.tries };
    }
    this.#marks = marks;
    this.lessons = problems.lessons;
  }

  lesson(lessonId: string): LessonProblems | null {
    return this.lessons?.find((lesson) => lesson.lesson_id === lessonId) ?? null;
  }

  mark(lessonId: string, versionId: string): Mark {
    const here = outbox.waiting.some(
      (entry) => entry.user_id === this.#owner && entry.body.problem_version_id === versionId && entry.body.lesson_id === lessonId,
    );
    const known = this.#marks[keyOf(lessonId, versionId)]?.mark ?? 'not_started';
    return here && known !== 'right' ? 'waiting' : known;
  }

  tries(lessonId: string, versionId: string): number {
    return this.#marks[keyOf(lessonId, versionId)]?.tries ?? 0;
  }

  countRight(lesson: LessonProblems): number {
    return lesson.problems.filter((problem) => this.mark(lesson.lesson_id, problem.problem_version_id) === 'right').length;
  }

  /** The hub has graded an answer. An answer that could not be read is held against nobody. */
  take(lessonId: string, versionId: string, receipt: AttemptReceipt): void {
    const key = keyOf(lessonId, versionId);
    const before = this.#marks[key]?.mark;
    const right = receipt.grade.outcome === 'right' || receipt.grade.outcome === 'right_but_form';
    const mark: Mark = right || before === 'right' ? 'right' : receipt.grade.outcome === 'wrong' ? 'not_yet' : (before ?? 'not_started');
    this.#marks = { ...this.#marks, [key]: { mark, tries: receipt.tries } };
  }

  /** Help has been asked for. */
  help(lessonId: string, versionId: string): void {
    const key = keyOf(lessonId, versionId);
    const known = this.#marks[key];
    if (known?.mark === 'not_yet') this.#marks = { ...this.#marks, [key]: { ...known, mark: 'helping' } };
  }

  /** The next problem that is not right, after `versionId` and then from the start; null if there is none. */
  nextOpen(lesson: LessonProblems, versionId: string | null): string | null {
    const at = lesson.problems.findIndex((problem) => problem.problem_version_id === versionId);
    const order = [...lesson.problems.slice(at + 1), ...lesson.problems.slice(0, Math.max(0, at))];
    const open = order.find((problem) => {
      const mark = this.mark(lesson.lesson_id, problem.problem_version_id);
      return mark !== 'right' && mark !== 'waiting';
    });
    return open?.problem_version_id ?? null;
  }

  /** The problem in the language of the moment; asked for once. */
  view(versionId: string): Promise<ProblemView> {
    const key = `${versionId}.${language.current}`;
    const known = this.#views.get(key);
    if (known) return known;
    const asked = hub.get<ProblemView>(`/problem-versions/${encodeURIComponent(versionId)}?lang=${language.current}`);
    this.#views.set(key, asked);
    asked.catch(() => this.#views.delete(key));
    return asked;
  }
}

export const work = new Work();

/** What a pupil last did with a problem, kept while the tab lives, so that a reload loses nothing. */
export interface LastTry {
  attempt_id: string;
  answer: Answer;
  receipt: AttemptReceipt | null;
  /** Help was asked for with this attempt. */
  helped: boolean;
  rated: boolean | null;
}

export function readLastTry(userId: string, lessonId: string, versionId: string): LastTry | null {
  try {
    const text = sessionStorage.getItem(tryKey(userId, lessonId, versionId));
    return text === null ? null : (JSON.parse(text) as LastTry);
  } catch {
    return null;
  }
}

export function writeLastTry(userId: string, lessonId: string, versionId: string, last: LastTry | null): void {
  try {
    const key = tryKey(userId, lessonId, versionId);
    if (last) sessionStorage.setItem(key, JSON.stringify(last));
    else sessionStorage.removeItem(key);
  } catch {
    // The answer itself is in the outbox or at the hub; only the reload forgets where it was.
  }
}

function tryKey(userId: string, lessonId: string, versionId: string): string {
  return `ds.try.${userId}.${lessonId}.${versionId}`;
}

function keyOf(lessonId: string | null, versionId: string): string {
  return `${lessonId ?? ''}.${versionId}`;
}
