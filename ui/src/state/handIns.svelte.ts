/**
 * Exams that a pupil has handed in and the hub has not heard of yet. The wish is written down like an answer, goes
 * after the last answer of its exam, and outlives a reload and a broken line.
 */
import { asProblem } from '../api/apiProblem';
import type { LessonProblems } from '../api/types';
import { hub } from './hub.svelte';
import { listStored, removeStored, writeStored } from './storage';
import { outbox, work } from './work.svelte';

const PREFIX = 'ds.handin.v1.';
const AGAIN_MS = 2500;

export interface HandInWays {
  post: (lessonId: string) => Promise<LessonProblems>;
  /** Sends what waits; resolves when the try is over. */
  sendAnswers: () => Promise<void>;
  /** How many answers of the lesson have not arrived yet. */
  countWaiting: (lessonId: string) => number;
  /** The hub has the exam. */
  onDone: (lesson: LessonProblems) => void;
  /** The hub says that it is over already: look at what stands there now. */
  onOver: () => void;
}

export class HandIns {
  /** The lessons of the pupil who is signed in that wait to be handed in. */
  pending = $state<string[]>([]);
  #ways: HandInWays;
  #userId: string | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #running = false;

  constructor(ways: HandInWays) {
    this.#ways = ways;
  }

  setUser(userId: string | null): void {
    this.#userId = userId;
    this.pending = userId === null ? [] : listStored(`${PREFIX}${userId}.`).map((key) => key.slice(PREFIX.length + userId.length + 1));
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.pending.length > 0) void this.send();
  }

  /** Hands the exam in now, or as soon as the line allows it. */
  request(lessonId: string): void {
    if (this.#userId === null || this.pending.includes(lessonId)) return;
    writeStored(`${PREFIX}${this.#userId}.${lessonId}`, '1');
    this.pending = [...this.pending, lessonId];
    void this.send();
  }

  async send(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    try {
      const userId = this.#userId;
      for (const lessonId of [...this.pending]) {
        await this.#ways.sendAnswers();
        if (this.#userId !== userId) return;
        if (this.#ways.countWaiting(lessonId) > 0) continue;
        try {
          const lesson = await this.#ways.post(lessonId);
          this.#forget(userId, lessonId);
          this.#ways.onDone(lesson);
        } catch (error) {
          const problem = asProblem(error);
          if (problem.passing || problem.status === 401 || problem.code === 'lesson_paused') continue;
          this.#forget(userId, lessonId);
          this.#ways.onOver();
        }
      }
    } finally {
      this.#running = false;
      if (this.pending.length > 0) {
        if (this.#timer) clearTimeout(this.#timer);
        this.#timer = setTimeout(() => void this.send(), AGAIN_MS);
      }
    }
  }

  #forget(userId: string | null, lessonId: string): void {
    removeStored(`${PREFIX}${userId}.${lessonId}`);
    if (this.#userId === userId) this.pending = this.pending.filter((one) => one !== lessonId);
  }
}

export const handIns = new HandIns({
  post: (lessonId) => hub.post<LessonProblems>(`/me/lessons/${encodeURIComponent(lessonId)}/hand-in`),
  sendAnswers: () => outbox.send(),
  countWaiting: (lessonId) => outbox.countFor(lessonId),
  onDone: (lesson) => work.takeLesson(lesson),
  onOver: () => void work.reload().catch(() => undefined),
});
