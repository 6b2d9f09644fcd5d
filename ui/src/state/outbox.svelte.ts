/**
 * Answers on their way to the hub. An answer is written down here before it is sent, keeps its attempt id through
 * every try, and leaves only when the hub has answered for it. It belongs to the pupil who gave it and is sent only
 * while that pupil is signed in, since a device has many pupils.
 */
import { ApiProblem, asProblem } from '../api/apiProblem';
import type { AttemptReceipt, SubmitAnswer } from '../api/types';
import { listStored, readJson, removeStored, writeStored } from './storage';

/** One key for each answer, so that two tabs never write over each other. */
const PREFIX = 'ds.outbox.v1.';
const LONGEST_WAIT_MS = 15_000;

export interface Waiting {
  user_id: string;
  body: SubmitAnswer;
}

/** What became of an answer. */
export type Delivery = { kind: 'kept'; receipt: AttemptReceipt } | { kind: 'refused'; problem: ApiProblem };

export class Outbox {
  waiting = $state<Waiting[]>([]);
  /** True when the last try failed and another one is planned. */
  stuck = $state(false);
  /** Told of every answer that has settled, also when no screen listens any more. */
  onSettled: (entry: Waiting, delivery: Delivery) => void = () => {};
  #post: (body: SubmitAnswer) => Promise<AttemptReceipt>;
  #userId: string | null = null;
  #listeners = new Map<string, (delivery: Delivery) => void>();
  #timer: ReturnType<typeof setTimeout> | null = null;
  #sending: Promise<void> | null = null;
  #tries = 0;

  constructor(post: (body: SubmitAnswer) => Promise<AttemptReceipt>) {
    this.#post = post;
    this.waiting = readWaiting();
  }

  /** How many answers of the pupil who is signed in have not arrived yet. */
  get mine(): number {
    return this.waiting.filter((entry) => entry.user_id === this.#userId).length;
  }

  /** How many answers of a lesson the pupil who is signed in still has here. */
  countFor(lessonId: string): number {
    return this.waiting.filter((entry) => entry.user_id === this.#userId && entry.body.lesson_id === lessonId).length;
  }

  /** A pupil signed in (their answers are sent), or nobody is. */
  setUser(userId: string | null): void {
    this.#userId = userId;
    this.#tries = 0;
    this.stuck = false;
    this.waiting = mergeWaiting(this.waiting, readWaiting());
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    if (userId !== null) void this.send();
  }

  /** Writes the answer down and sends it; `onDelivery` is told what became of it, however late. */
  add(userId: string, body: SubmitAnswer, onDelivery: (delivery: Delivery) => void): void {
    this.#listeners.set(body.attempt_id, onDelivery);
    if (!this.waiting.some((entry) => entry.body.attempt_id === body.attempt_id)) {
      const entry: Waiting = { user_id: userId, body };
      this.waiting = [...this.waiting, entry];
      writeStored(PREFIX + body.attempt_id, JSON.stringify(entry));
    }
    this.#userId = userId;
    this.#tries = 0;
    void this.send();
  }

  /** Listens again for an answer that was written down before the page was loaded anew; false if it is not here. */
  listen(attemptId: string, onDelivery: (delivery: Delivery) => void): boolean {
    if (!this.waiting.some((entry) => entry.body.attempt_id === attemptId)) return false;
    this.#listeners.set(attemptId, onDelivery);
    return true;
  }

  forget(attemptId: string): void {
    this.#listeners.delete(attemptId);
  }

  /** Sends what waits, in order; calls at the same time share one run. */
  send(): Promise<void> {
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = null;
      // An answer that was added while the last one was on its way.
      if (!this.stuck && this.mine > 0) void this.send();
    });
    return this.#sending;
  }

  async #sendAll(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    const userId = this.#userId;
    for (;;) {
      const next = this.waiting.find((entry) => entry.user_id === userId);
      if (!next || userId === null || this.#userId !== userId) {
        this.stuck = false;
        return;
      }
      try {
        const receipt = await this.#post(next.body);
        this.#settle(next, { kind: 'kept', receipt });
      } catch (error) {
        const problem = asProblem(error);
        // A sign-in that ended is no verdict on the answer: it waits for the pupil to come back.
        if (problem.passing || problem.status === 401) {
          this.#planNext(problem.retryAfter);
          return;
        }
        this.#settle(next, { kind: 'refused', problem });
      }
    }
  }

  #settle(entry: Waiting, delivery: Delivery): void {
    const id = entry.body.attempt_id;
    this.waiting = this.waiting.filter((other) => other.body.attempt_id !== id);
    removeStored(PREFIX + id);
    this.#tries = 0;
    this.stuck = false;
    this.onSettled(entry, delivery);
    const listener = this.#listeners.get(id);
    this.#listeners.delete(id);
    listener?.(delivery);
  }

  #planNext(retryAfter: number | null): void {
    this.stuck = true;
    this.#tries += 1;
    const grown = Math.min(LONGEST_WAIT_MS, 1000 * 2 ** (this.#tries - 1));
    const ms = Math.max(grown * (0.75 + Math.random() * 0.5), (retryAfter ?? 0) * 1000);
    this.#timer = setTimeout(() => void this.send(), ms);
  }
}

function mergeWaiting(known: Waiting[], stored: Waiting[]): Waiting[] {
  const ids = new Set(known.map((entry) => entry.body.attempt_id));
  return [...known, ...stored.filter((entry) => !ids.has(entry.body.attempt_id))];
}

function readWaiting(): Waiting[] {
  // Attempt ids begin with the time, so their order is the order of answering.
  return listStored(PREFIX).sort().map(readJson).filter(isWaiting);
}

function isWaiting(entry: unknown): entry is Waiting {
  if (typeof entry !== 'object' || entry === null) return false;
  const { user_id, body } = entry as Partial<Waiting>;
  return typeof user_id === 'string' && typeof body === 'object' && body !== null && typeof body.attempt_id === 'string';
}
