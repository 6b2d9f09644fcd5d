/**
 * Answers on their way to the hub. An answer is written down here before it is sent, keeps its attempt id through
 * every try, and leaves only when the hub has it: one that the hub does not take stays in a list of its own, with the
 * reason, until the pupil sends it again or throws it away. It belongs to the pupil who gave it and is sent only while
 * that pupil is signed in, since a device has many pupils.
 *
 * What the hub has taken is remembered for a week, or until a backup that was read back holds it: a hub that was put back
 * to an earlier state tells another epoch, and then the pupil's answers are sent once more. Sending one twice does nothing.
 */
import { ApiProblem, asProblem, type FaultCode } from '../api/apiProblem';
import type { AttemptReceipt, Receipt, RecordPlace, SubmitAnswer } from '../api/types';
import { listStored, readJson, readStored, removeStored, writeStored } from './storage';

/** One key for each answer, so that two tabs never write over each other. */
const PREFIX = 'ds.outbox.v1.';
const REFUSED_PREFIX = 'ds.refused.v1.';
const TAKEN_PREFIX = 'ds.taken.v1.';
/** The highest receipt, and the epoch that was last heard; a browser's storage belongs to one hub. */
const RECEIPT_KEY = 'ds.receipt.v1';
const EPOCH_KEY = 'ds.epoch.v1';
/** So long and so many answers are remembered after the hub has taken them. */
const REMEMBER_MS = 7 * 24 * 3600 * 1000;
const REMEMBER_MOST = 200;
const LONGEST_WAIT_MS = 15_000;

export interface Waiting {
  user_id: string;
  body: SubmitAnswer;
}

/** An answer that the hub has not taken. */
export interface Refused extends Waiting {
  code: FaultCode;
}

/** An answer that the hub has taken. */
interface Taken extends Waiting {
  /** Where in the record it stands. */
  place: RecordPlace;
  /** The epoch in which the hub was last known to have it. */
  seen_in: string;
  /** When that was. */
  at: number;
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
  #taken: Taken[] = readTaken();
  #epoch: string | null = readStored(EPOCH_KEY);
  #receipt: Receipt | null = readReceipt();

  constructor(post: (body: SubmitAnswer) => Promise<AttemptReceipt>) {
    this.#post = post;
    this.waiting = readWaiting();
    this.refused = readRefused();
  }

  /** How many answers of the pupil who is signed in have not arrived yet. */
  get mine(): number {
    return this.waiting.filter((entry) => entry.user_id === this.#userId).length;
  }

  /** The lessons of the answers that the pupil who is signed in still has on the way here. */
  get lessonsOnTheWay(): string[] {
    return this.waiting.flatMap((entry) => (entry.user_id === this.#userId && entry.body.lesson_id ? [entry.body.lesson_id] : []));
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

  /** The highest place of the record that this browser knows, as the hub wants it shown; null if there is none. */
  get receipt(): string | null {
    return this.#receipt && `${this.#receipt.epoch_id}.${this.#receipt.hub_seq}.${this.#receipt.mac}`;
  }

  /** How many answers are remembered that the hub has taken, of every pupil of the device. */
  get remembered(): number {
    return this.#taken.length;
  }

  /** The hub has told its epoch. True if it is another one than before: what was fetched from it may be no more. */
  hearEpoch(epochId: string): boolean {
    if (epochId === this.#epoch) return false;
    const first = this.#epoch === null;
    this.#epoch = epochId;
    writeStored(EPOCH_KEY, epochId);
    if (this.#sendOnceMore()) void this.send();
    return !first;
  }

  /** Forgets what a backup holds that was read back from another device. */
  forgetCovered(verified: RecordPlace | null): void {
    if (verified) this.#forget((entry) => entry.place.epoch_id === verified.epoch_id && entry.place.hub_seq <= verified.hub_seq);
  }

  /** Tries an answer that was not taken once more, under its id. */
  sendAgain(attemptId: string): void {
    this.#takeBack((entry) => entry.body.attempt_id === attemptId);
    void this.send();
  }

  /** Puts what was refused only because everyone waited back among those that wait, for the lessons that go on or are over. */
  takePausedBack(isPaused: (lessonId: string) => boolean): void {
    this.#takeBack((entry) => entry.user_id === this.#userId && entry.code === 'lesson_paused' && !isPaused(entry.body.lesson_id ?? ''));
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
    this.#taken = merge(this.#taken, readTaken());
    this.#forgetOld();
    this.#sendOnceMore();
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
    // Before it leaves the list of those that wait: it is never in neither place.
    if (delivery.kind === 'kept') this.#remember(entry, delivery.receipt);
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

  #remember({ user_id, body }: Waiting, { receipt }: Partial<AttemptReceipt>): void {
    // A page outlives its hub, and an older one gives no receipts.
    if (!receipt) return;
    const { epoch_id, hub_seq } = receipt;
    if (this.#receipt?.epoch_id !== epoch_id || this.#receipt.hub_seq < hub_seq) {
      // An answer that the hub had before an epoch began tells a place of the earlier one.
      if (this.#receipt === null || this.#epoch === null || epoch_id === this.#epoch) {
        this.#receipt = receipt;
        writeStored(RECEIPT_KEY, JSON.stringify(receipt));
      }
    }
    const taken: Taken = { user_id, body, place: { epoch_id, hub_seq }, seen_in: this.#epoch ?? epoch_id, at: Date.now() };
    this.#taken = [...this.#taken.filter((entry) => entry.body.attempt_id !== body.attempt_id), taken];
    writeStored(TAKEN_PREFIX + body.attempt_id, JSON.stringify(taken));
    this.#forgetOld();
  }

  /** Puts what the hub had in another epoch back among those that wait, for the pupil who is here; true if there was any. */
  #sendOnceMore(): boolean {
    const lost = (entry: Taken) => entry.user_id === this.#userId && entry.seen_in !== this.#epoch;
    const again = this.#epoch === null ? [] : this.#taken.filter(lost);
    for (const { user_id, body } of again) {
      const entry: Waiting = { user_id, body };
      this.waiting = merge(this.waiting, [entry]);
      writeStored(PREFIX + body.attempt_id, JSON.stringify(entry));
    }
    if (again.length > 0) this.#forget((entry) => again.includes(entry));
    return again.length > 0;
  }

  #forgetOld(): void {
    const since = Date.now() - REMEMBER_MS;
    const surplus = new Set([...this.#taken].sort((a, b) => a.at - b.at).slice(0, Math.max(0, this.#taken.length - REMEMBER_MOST)));
    this.#forget((entry) => entry.at < since || surplus.has(entry));
  }

  #forget(isMeant: (entry: Taken) => boolean): void {
    for (const entry of this.#taken) if (isMeant(entry)) removeStored(TAKEN_PREFIX + entry.body.attempt_id);
    this.#taken = this.#taken.filter((entry) => !isMeant(entry));
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

function readTaken(): Taken[] {
  return listStored(TAKEN_PREFIX).sort().map(readJson).filter(isTaken);
}

function readReceipt(): Receipt | null {
  const stored = readJson(RECEIPT_KEY) as Partial<Receipt> | null;
  const whole = typeof stored?.epoch_id === 'string' && typeof stored.hub_seq === 'number' && typeof stored.mac === 'string';
  return whole ? (stored as Receipt) : null;
}

function isTaken(entry: unknown): entry is Taken {
  if (!isWaiting(entry)) return false;
  const { place, seen_in, at } = entry as Partial<Taken>;
  return typeof place?.epoch_id === 'string' && typeof place.hub_seq === 'number' && typeof seen_in === 'string' && typeof at === 'number';
}

function isRefused(entry: unknown): entry is Refused {
  return isWaiting(entry) && typeof (entry as Partial<Refused>).code === 'string';
}

function isWaiting(entry: unknown): entry is Waiting {
  if (typeof entry !== 'object' || entry === null) return false;
  const { user_id, body } = entry as Partial<Waiting>;
  return typeof user_id === 'string' && typeof body === 'object' && body !== null && typeof body.attempt_id === 'string';
}
