/**
 * Answers on their way to the hub. An answer is written down here before it is sent, keeps its attempt id through
 * every try, and leaves only when the hub has it: one that the hub does not take stays in a list of its own, with the
 * reason, until the pupil sends it again or throws it away. It belongs to the pupil who gave it and is sent only while
 * that pupil is signed in, since a device has many pupils.
 */
import { ApiProblem, asProblem, type FaultCode } from '../api/apiProblem';
import type { AttemptReceipt, SubmitAnswer } from '../api/types';
import { listStored, readJson, removeStored, writeStored } from './storage';

/** One key for each answer, so that two tabs never write over each other. */
const PREFIX = 'ds.outbox.v1.';
const REFUSED_PREFIX = 'ds.refused.v1.';
const LONGEST_WAIT_MS = 15_000;

export interface Waiting {
  user_id: string;
  body: SubmitAnswer;
}

/** An answer that the hub has not taken. */
export interface Refused extends Waiting {
  code: FaultCode;
}

/** What became of an answer. */
export type Delivery = { kind: 'kept'; receipt: AttemptReceipt } | { kind: 'refused'; problem: ApiProblem };

export class Outbox {
  waiting = $state<Waiting[]>([]);
  /** Of every pupil of the device, oldest first. */
  refused = $state<Refused[]>([]);
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
    this.refused = readRefused();
  }

  /** How many answers of the pupil who is signed in have not arrived yet. */
  get mine(): number {
    return this.waiting.filter((entry) => entry.user_id === this.#userId).length;
  }

  /** Answers of the pupil who is signed in that the hub has not taken, oldest first. */
  get notTaken(): Refused[] {
    return this.refused.filter((entry) => entry.user_id === this.#userId);
  }

  /** How many answers of a lesson the pupil who is signed in still has here, with those that wait for a pause to end. */
  countFor(lessonId: string): number {
    const paused = this.refused.filter((entry) => entry.code === 'lesson_paused');
    return [...this.waiting, ...paused].filter((entry) => entry.user_id === this.#userId && entry.body.lesson_id === lessonId).length;
  }

  /** Tries an answer that was not taken once more, under its id. */
  sendAgain(attemptId: string): void {
    this.#takeBack((entry) => entry.body.attempt_id === attemptId);
    void this.send();
  }

  /** Sends what was refused only because everyone waited, for the lessons that go on or are over. */
  sendPaused(isPaused: (lessonId: string) => boolean): void {
    const goesOn = (entry: Refused) => entry.user_id === this.#userId && entry.code === 'lesson_paused' && !isPaused(entry.body.lesson_id ?? '');
    if (this.#takeBack(goesOn)) void this.send();
  }

  /** The pupil throws an answer away that was not taken, or has it in the entry again. */
  drop(attemptId: string): void {
    this.refused = this.refused.filter((entry) => entry.body.attempt_id !== attemptId);
    removeStored(REFUSED_PREFIX + attemptId);
  }

  /** A pupil signed in (their answers are sent), or nobody is. */
  setUser(userId: string | null): void {
    this.#userId = userId;
    this.#tries = 0;
    this.stuck = false;
    this.waiting = merge(this.waiting, readWaiting());
    this.refused = merge(this.refused, readRefused());
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
    this.#sending ??= this.#run();
    return this.#sending;
  }

  async #run(): Promise<void> {
    try {
      // Again for an answer that was added while the run was ending: who waits for it must not go on before that one.
      do await this.#sendAll();
      while (!this.stuck && this.mine > 0);
    } finally {
      this.#sending = null;
    }
  }

  async #sendAll(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    const userId = this.#userId;
    // What another tab of this pupil has written down goes too: an exam may be about to be handed in.
    this.waiting = merge(this.waiting, readWaiting());
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
    // The same id with another answer is the one case that nothing can mend.
    if (delivery.kind === 'refused' && delivery.problem.code !== 'other_answer') this.#keep({ ...entry, code: delivery.problem.code });
    removeStored(PREFIX + id);
    this.#tries = 0;
    this.stuck = false;
    this.onSettled(entry, delivery);
    const listener = this.#listeners.get(id);
    this.#listeners.delete(id);
    listener?.(delivery);
  }

  #keep(refused: Refused): void {
    const id = refused.body.attempt_id;
    this.refused = [...this.refused.filter((entry) => entry.body.attempt_id !== id), refused];
    writeStored(REFUSED_PREFIX + id, JSON.stringify(refused));
  }

  /** Puts refused answers back among those that wait; true if there were any. */
  #takeBack(isMeant: (entry: Refused) => boolean): boolean {
    const meant = this.refused.filter(isMeant);
    for (const { user_id, body } of meant) {
      const entry: Waiting = { user_id, body };
      this.waiting = merge(this.waiting, [entry]);
      writeStored(PREFIX + body.attempt_id, JSON.stringify(entry));
      this.drop(body.attempt_id);
    }
    this.#tries = 0;
    return meant.length > 0;
  }

  #planNext(retryAfter: number | null): void {
    this.stuck = true;
    this.#tries += 1;
    const grown = Math.min(LONGEST_WAIT_MS, 1000 * 2 ** (this.#tries - 1));
    const ms = Math.max(grown * (0.75 + Math.random() * 0.5), (retryAfter ?? 0) * 1000);
    this.#timer = setTimeout(() => void this.send(), ms);
  }
}

function merge<T extends Waiting>(known: T[], stored: T[]): T[] {
  const ids = new Set(known.map((entry) => entry.body.attempt_id));
  return [...known, ...stored.filter((entry) => !ids.has(entry.body.attempt_id))];
}

function readWaiting(): Waiting[] {
  // Attempt ids begin with the time, so their order is the order of answering.
  return listStored(PREFIX).sort().map(readJson).filter(isWaiting);
}

function readRefused(): Refused[] {
  return listStored(REFUSED_PREFIX).sort().map(readJson).filter(isRefused);
}

function isRefused(entry: unknown): entry is Refused {
  return isWaiting(entry) && typeof (entry as Partial<Refused>).code === 'string';
}

function isWaiting(entry: unknown): entry is Waiting {
  if (typeof entry !== 'object' || entry === null) return false;
  const { user_id, body } = entry as Partial<Waiting>;
  return typeof user_id === 'string' && typeof body === 'object' && body !== null && typeof body.attempt_id === 'string';
}
