/** A pupil's lessons, where they stand, and their answers on the way. */
import { ApiProblem, type FaultCode } from '../api/apiProblem';
import type { Answer, AttemptReceipt, LessonProblems, LessonState, MyProblems, MyStanding, ProblemStanding, ProblemView, RecordState } from '../api/types';
import { makeUuidV7 } from '../api/uuidv7';
import type { Mark } from '../components/StateMark.svelte';
import { hub } from './hub.svelte';
import { language } from './language.svelte';
import { Outbox, type Delivery, type Refused, type Waiting } from './outbox.svelte';
import { listStored, readJson, removeStored, writeStored } from './storage';

const EXAM_DRAFTS = 'ds.examdraft.v1.';

/** What backups hold is asked this seldom: it changes by the hour. */
const RECORD_MS = 10 * 60 * 1000;

export const outbox = new Outbox((body) => hub.post<AttemptReceipt>('/attempts', body));
hub.receipt = () => outbox.receipt;
hub.onEpoch = (epochId) => {
  // A hub that was put back: what stands on the screen may be no more. If it cannot be fetched now, the line asks again.
  if (outbox.hearEpoch(epochId)) void work.reload().catch(() => undefined);
};

/** Gives what stands in an entry to the outbox; the lesson's state is the hub's latest, null if it is not there any more. */
type Keep = (state: LessonState | null) => void;

class Work {
  lessons = $state<LessonProblems[] | null>(null);
  /** Answers that the hub did not take, by lesson and problem, with the code that says why. */
  refusals = $state<Record<string, FaultCode>>({});
  #marks = $state<Record<string, { mark: Mark; tries: number }>>({});
  #owner: string | null = null;
  #recordAt = 0;
  #views = new Map<string, Promise<ProblemView>>();
  #keepers = new Map<string, { lessonId: string; keep: Keep }>();

  /** Told before grades are asked for: an exam's screen gives what stands in its entry to the outbox. Returns how to stop. */
  onBeforeGrades(lessonId: string, versionId: string, keep: Keep): () => void {
    const key = keyOf(lessonId, versionId);
    this.#keepers.set(key, { lessonId, keep });
    return () => {
      if (this.#keepers.get(key)?.keep === keep) this.#keepers.delete(key);
    };
  }

  /** Fetches lessons and standing; what another pupil left here is dropped first. */
  async load(userId: string): Promise<void> {
    if (this.#owner !== userId) {
      this.#owner = userId;
      this.lessons = null;
      this.#marks = {};
      this.refusals = {};
      this.#views.clear();
    }
    const problems = await this.#sendFirst(userId);
    if (this.#owner !== userId) return;
    if (this.#examOnTheWay(problems.lessons)) {
      // The screens have the lessons all the same, and know of their own answers.
      this.#takeLessons(userId, problems.lessons, { ...this.#marks });
      throw notYet();
    }
    const standing = await hub.get<MyStanding>('/me/standing');
    if (this.#owner !== userId) return;
    const marks: Record<string, { mark: Mark; tries: number }> = {};
    for (const one of standing.problems) {
      const key = keyOf(one.lesson_id ?? null, one.problem_version_id);
      const before = this.#marks[key];
      const mark = markOf(one);
      // An answer may have been graded while this was on its way, and only this page knows of help.
      const newer = before !== undefined && before.tries > one.tries;
      marks[key] = newer ? before : { mark: mark === 'not_yet' && before?.mark === 'helping' ? 'helping' : mark, tries: one.tries };
    }
    this.#takeLessons(userId, problems.lessons, marks);
    void this.#askRecord();
  }

  /**
   * Asks for something that tells grades, after everything that was written on this device has gone: once the hub has
   * shown a pupil the grades of an exam, it takes no more answers to it. Throws `busy` while an exam's answer cannot go.
   */
  async readGrades<T>(userId: string, ask: () => Promise<T>): Promise<T> {
    const { lessons } = await this.#sendFirst(userId);
    if (this.#examOnTheWay(lessons)) throw notYet();
    return ask();
  }

  /** Sends what waits, what was written and not saved yet, and what a pause that is over had kept back. */
  async #sendFirst(userId: string): Promise<MyProblems> {
    const problems = await hub.get<MyProblems>('/me/problems');
    const states = new Map<string, LessonState>(problems.lessons.map((lesson) => [lesson.lesson_id, lesson.state]));
    // What was refused first, so that what was written later goes after it.
    outbox.takePausedBack((lessonId) => states.get(lessonId) === 'paused');
    for (const { lessonId, keep } of this.#keepers.values()) keep(states.get(lessonId) ?? null);
    keepExamDrafts(userId, (draft) => this.#keepers.has(keyOf(draft.lesson_id, draft.problem_version_id)));
    await outbox.send();
    return problems;
  }

  /** Whether an answer to an exam, or to a lesson that is not among these, still waits here. */
  #examOnTheWay(lessons: LessonProblems[]): boolean {
    return outbox.lessonsOnTheWay.some((lessonId) => lessons.find((lesson) => lesson.lesson_id === lessonId)?.mode !== 'practice');
  }

  #takeLessons(userId: string, lessons: LessonProblems[], marks: Record<string, { mark: Mark; tries: number }>): void {
    for (const lesson of lessons) if (lesson.mode === 'exam') this.#markSaved(userId, lesson, marks);
    this.#marks = marks;
    this.lessons = lessons;
  }

  /** Forgets the answers that are safe in a backup by now. */
  async #askRecord(): Promise<void> {
    if (outbox.remembered === 0 || Date.now() - this.#recordAt < RECORD_MS) return;
    this.#recordAt = Date.now();
    const record = await hub.get<RecordState>('/record').catch(() => null);
    outbox.forgetCovered(record?.backup_verified ?? null);
  }

  /** Fetches again for the pupil who is here. */
  async reload(): Promise<void> {
    if (this.#owner !== null) await this.load(this.#owner);
  }

  /** The hub has told one lesson anew. */
  takeLesson(lesson: LessonProblems): void {
    const known = this.lessons ?? [];
    this.lessons = known.some((one) => one.lesson_id === lesson.lesson_id)
      ? known.map((one) => (one.lesson_id === lesson.lesson_id ? lesson : one))
      : [lesson, ...known];
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

  /** The hub has taken an answer. One that could not be read is held against nobody; an exam keeps its grades. */
  take(lessonId: string, versionId: string, receipt: AttemptReceipt): void {
    const key = keyOf(lessonId, versionId);
    const before = this.#marks[key]?.mark;
    this.#marks = { ...this.#marks, [key]: { mark: markAfter(before, receipt), tries: receipt.tries } };
    this.#forgetRefusal(key);
  }

  /** What became of an answer, whether or not its screen is still there. */
  settle(entry: Waiting, delivery: Delivery): void {
    const lessonId = entry.body.lesson_id ?? null;
    if (entry.user_id !== this.#owner || lessonId === null) return;
    if (delivery.kind === 'kept') this.take(lessonId, entry.body.problem_version_id, delivery.receipt);
    else this.refusals = { ...this.refusals, [keyOf(lessonId, entry.body.problem_version_id)]: delivery.problem.code };
  }

  /** Why the last answer was not taken; null if it was. */
  refusal(lessonId: string, versionId: string): FaultCode | null {
    return this.refusals[keyOf(lessonId, versionId)] ?? null;
  }

  /** The answer of the pupil who is here that the hub has not taken and this device still holds; the newest. */
  refusedHere(lessonId: string, versionId: string): Refused | null {
    return outbox.notTaken.filter((entry) => entry.body.lesson_id === lessonId && entry.body.problem_version_id === versionId).at(-1) ?? null;
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
      return mark !== 'right' && mark !== 'waiting' && mark !== 'saved';
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

  /** An exam's answer that cannot be read counts as no try, and was saved all the same. */
  #markSaved(userId: string, lesson: LessonProblems, marks: Record<string, { mark: Mark; tries: number }>): void {
    for (const { problem_version_id } of lesson.problems) {
      const key = keyOf(lesson.lesson_id, problem_version_id);
      if ((marks[key]?.mark ?? 'not_started') !== 'not_started') continue;
      // What this device holds because the hub has not taken it was neither saved nor wrong.
      if (this.refusedHere(lesson.lesson_id, problem_version_id)) continue;
      const given = this.#marks[key]?.mark === 'saved' || readLastTry(userId, lesson.lesson_id, problem_version_id) !== null;
      if (given) marks[key] = { mark: lesson.state === 'closed' ? 'not_yet' : 'saved', tries: 0 };
    }
  }

  #forgetRefusal(key: string): void {
    if (!(key in this.refusals)) return;
    const { [key]: _gone, ...others } = this.refusals;
    this.refusals = others;
  }
}

export const work = new Work();
outbox.onSettled = (entry, delivery) => work.settle(entry, delivery);

/** Grades wait for the answers that are on their way. */
function notYet(): ApiProblem {
  return new ApiProblem({ code: 'busy', status: 503 });
}

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

/** What stands in an entry and was not sent yet, so that a reload loses nothing. */
export function readDraft(userId: string, lessonId: string, versionId: string): Answer | null {
  try {
    const text = sessionStorage.getItem(draftKey(userId, lessonId, versionId));
    return text === null ? null : (JSON.parse(text) as Answer);
  } catch {
    return null;
  }
}

export function writeDraft(userId: string, lessonId: string, versionId: string, answer: Answer | null): void {
  try {
    const key = draftKey(userId, lessonId, versionId);
    if (answer) sessionStorage.setItem(key, JSON.stringify(answer));
    else sessionStorage.removeItem(key);
  } catch {
    // It lasts as long as the screen.
  }
}

/** What stands in the entry of an exam and was not saved yet. */
export interface ExamDraft {
  lesson_id: string;
  problem_version_id: string;
  answer: Answer;
  /** When it was changed last, in the hub's milliseconds: the hub takes what was given before the end. */
  at: number;
}

export function readExamDraft(userId: string, lessonId: string, versionId: string): ExamDraft | null {
  const draft = readJson(examDraftKey(userId, lessonId, versionId));
  return isExamDraft(draft) ? draft : null;
}

/** Written down like an answer: it outlives a reload and a closed browser. */
export function writeExamDraft(userId: string, lessonId: string, versionId: string, draft: ExamDraft | null): void {
  const key = examDraftKey(userId, lessonId, versionId);
  if (draft) writeStored(key, JSON.stringify(draft));
  else removeStored(key);
}

/** Gives a draft to the outbox, with the time at which it was written. */
export function saveExamDraft(userId: string, draft: ExamDraft, onDelivery: (delivery: Delivery) => void): void {
  const { lesson_id, problem_version_id, answer, at } = draft;
  const attempt_id = makeUuidV7(Date.now());
  writeLastTry(userId, lesson_id, problem_version_id, { attempt_id, answer, receipt: null, helped: false, rated: null });
  outbox.add(userId, { attempt_id, problem_version_id, lesson_id, answer, occurred_at: new Date(at).toISOString() }, onDelivery);
  // Only now, so that it is never in neither place.
  writeExamDraft(userId, lesson_id, problem_version_id, null);
}

/** What a page that is gone has left of a pupil's exams. */
function keepExamDrafts(userId: string, isOnScreen: (draft: ExamDraft) => boolean): void {
  for (const key of listStored(`${EXAM_DRAFTS}${userId}.`)) {
    const draft = readJson(key);
    if (!isExamDraft(draft) || isOnScreen(draft)) continue;
    saveExamDraft(userId, draft, (delivery) => {
      if (delivery.kind === 'refused') writeLastTry(userId, draft.lesson_id, draft.problem_version_id, null);
    });
  }
}

function isExamDraft(draft: unknown): draft is ExamDraft {
  if (typeof draft !== 'object' || draft === null) return false;
  const { lesson_id, problem_version_id, answer, at } = draft as Partial<ExamDraft>;
  return typeof lesson_id === 'string' && typeof problem_version_id === 'string' && typeof answer === 'object' && answer !== null && typeof at === 'number';
}

function markOf(one: ProblemStanding): Mark {
  if (one.solved === true) return 'right';
  if (one.tries === 0) return 'not_started';
  return one.solved === false ? 'not_yet' : 'saved';
}

function markAfter(before: Mark | undefined, receipt: AttemptReceipt): Mark {
  if (!receipt.grade) return 'saved';
  const { outcome } = receipt.grade;
  if (outcome === 'right' || outcome === 'right_but_form' || before === 'right') return 'right';
  return outcome === 'wrong' ? 'not_yet' : (before ?? 'not_started');
}

function draftKey(userId: string, lessonId: string, versionId: string): string {
  return `ds.draft.${userId}.${lessonId}.${versionId}`;
}

function examDraftKey(userId: string, lessonId: string, versionId: string): string {
  return `${EXAM_DRAFTS}${userId}.${lessonId}.${versionId}`;
}

function tryKey(userId: string, lessonId: string, versionId: string): string {
  return `ds.try.${userId}.${lessonId}.${versionId}`;
}

function keyOf(lessonId: string | null, versionId: string): string {
  return `${lessonId ?? ''}.${versionId}`;
}
