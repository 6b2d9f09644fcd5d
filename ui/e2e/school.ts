/** What the walks know about the demo school beside what a screen shows: keys, untouched pupils, ready lessons. */
import type { Answer, ClassDetail, ClassLive, LessonView, ProblemDraft, ProblemForEditing, ProblemListing, PupilPage, SignedIn } from '../src/api/types.ts';
import type { Account, DemoAccounts, DemoClass, DemoPupil, RunningHub } from './hub.ts';
import type { Tongue } from './words.ts';

export interface Problem {
  problem_id: string;
  problem_version_id: string;
  draft: ProblemDraft;
}

/** The demo school of one language: a class, its teacher, and the teacher's way to the hub. */
export class School {
  readonly tongue: Tongue;
  readonly accounts: DemoAccounts;
  readonly class: DemoClass;
  readonly teacher: Account & { name: string };
  readonly problems: Problem[];
  #staff: Api;
  #taken = new Set<string>();

  private constructor(tongue: Tongue, accounts: DemoAccounts, given: DemoClass, teacher: School['teacher'], staff: Api, problems: Problem[]) {
    this.tongue = tongue;
    this.accounts = accounts;
    this.class = given;
    this.teacher = teacher;
    this.#staff = staff;
    this.problems = problems;
  }

  static async visit(hub: RunningHub, tongue: Tongue): Promise<School> {
    const accounts = hub.accounts();
    const given = accounts.classes.find((one) => one.language === tongue);
    if (!given) throw new Error(`the demo school has no class that works in ${tongue}`);
    for (const teacher of accounts.teachers) {
      const staff = await Api.signIn(hub.address, teacher);
      const own = await staff.get<{ class_id: string }[]>('/classes');
      if (!own.some((one) => one.class_id === given.class_id)) continue;
      const listed = await staff.get<ProblemListing[]>('/problems');
      const problems: Problem[] = [];
      for (const one of listed.filter((other) => !other.archived)) problems.push(await staff.get<ProblemForEditing>(`/problems/${one.problem_id}`));
      return new School(tongue, accounts, given, teacher, staff, problems);
    }
    throw new Error(`nobody teaches ${given.name}`);
  }

  /** A pupil of the class who has answered nothing in the open lesson, another one at each call. */
  async freshPupil(): Promise<DemoPupil> {
    const { pupils } = await this.live();
    const fresh = pupils.find((row) => !this.#taken.has(row.pupil.pupil_id) && row.cells.every((cell) => cell.tries === 0));
    const pupil = this.class.pupils.find((one) => one.pupil_id === fresh?.pupil.pupil_id);
    if (!pupil) throw new Error(`every pupil of ${this.class.name} has answered already`);
    this.#taken.add(pupil.pupil_id);
    return pupil;
  }

  live(): Promise<ClassLive> {
    return this.#staff.get<ClassLive>(`/classes/${this.class.class_id}/live`);
  }

  detail(): Promise<ClassDetail> {
    return this.#staff.get<ClassDetail>(`/classes/${this.class.class_id}`);
  }

  pupilPage(pupil: DemoPupil): Promise<PupilPage> {
    return this.#staff.get<PupilPage>(`/classes/${this.class.class_id}/pupils/${pupil.pupil_id}`);
  }

  openLesson(title: string, problems: Problem[]): Promise<LessonView> {
    const body = { title, problem_ids: problems.map((one) => one.problem_id), hint_ceiling: 'worked_step', whom: { kind: 'class' } };
    return this.#staff.post<LessonView>(`/classes/${this.class.class_id}/lessons`, body);
  }

  /** For these pupils alone. */
  openFor(title: string, problems: Problem[], pupils: DemoPupil[]): Promise<LessonView> {
    const body = { title, problem_ids: problems.map((one) => one.problem_id), hint_ceiling: 'worked_step', whom: { kind: 'pupils', pupil_ids: pupils.map((one) => one.pupil_id) } };
    return this.#staff.post<LessonView>(`/classes/${this.class.class_id}/lessons`, body);
  }

  /** An exam of twenty minutes for these pupils alone. */
  openExam(title: string, problems: Problem[], pupils: DemoPupil[]): Promise<LessonView> {
    const body = { title, mode: 'exam', minutes: 20, problem_ids: problems.map((one) => one.problem_id), whom: { kind: 'pupils', pupil_ids: pupils.map((one) => one.pupil_id) } };
    return this.#staff.post<LessonView>(`/classes/${this.class.class_id}/lessons`, body);
  }

  closeLesson(lesson: LessonView): Promise<void> {
    return this.#staff.post<void>(`/classes/${this.class.class_id}/lessons/${lesson.lesson_id}/close`);
  }

  pauseLesson(lesson: LessonView): Promise<void> {
    return this.#staff.post<void>(`/classes/${this.class.class_id}/lessons/${lesson.lesson_id}/pause`);
  }

  problem(versionId: string): Problem {
    const found = this.problems.find((one) => one.problem_version_id === versionId);
    if (!found) throw new Error(`the teacher knows no problem ${versionId}`);
    return found;
  }

  /** The first problem that is so. */
  find(what: string, wanted: (draft: ProblemDraft) => boolean): Problem {
    const found = this.problems.find((one) => wanted(one.draft));
    if (!found) throw new Error(`no starter problem has ${what}`);
    return found;
  }

  title(problem: Problem): string {
    return textOf(problem.draft.title, this.tongue);
  }
}

/** The text in a language, else in the other one. */
export function textOf(text: { ko?: string | null; en?: string | null }, tongue: Tongue): string {
  return (tongue === 'ko' ? (text.ko ?? text.en) : (text.en ?? text.ko)) ?? '';
}

/** An answer that the key of the problem accepts. */
export function rightAnswer({ draft: { key } }: Problem): Answer {
  switch (key.kind) {
    case 'single_choice':
      return { kind: 'single_choice', choice: key.choice };
    case 'multiple_choice':
      return { kind: 'multiple_choice', choices: key.choices };
    case 'number':
      return { kind: 'number', text: key.unit_required ? `${key.value} ${key.units?.[0] ?? ''}` : key.value };
    case 'short_text':
      return { kind: 'short_text', text: key.accepted[0] ?? '' };
    case 'true_false':
      return { kind: 'true_false', value: key.value };
    case 'ordering':
      return { kind: 'ordering', order: key.order };
    case 'matching':
      return { kind: 'matching', pairs: key.pairs };
    case 'cloze':
      return { kind: 'cloze', gaps: key.gaps.map(({ gap, key: of }) => ({ gap, text: of.kind === 'choice' ? of.choice : of.kind === 'text' ? (of.accepted[0] ?? '') : of.value })) };
  }
}

/** A wrong answer that many give, if the author knew one. */
export function wrongAnswer({ draft }: Problem): Answer {
  const common = draft.common_wrong?.[0]?.answer;
  if (common) return common;
  if (draft.key.kind === 'number') return { kind: 'number', text: '98765' };
  if (draft.key.kind === 'short_text') return { kind: 'short_text', text: 'zzz' };
  if (draft.key.kind === 'true_false') return { kind: 'true_false', value: !draft.key.value };
  if (draft.key.kind === 'ordering') return { kind: 'ordering', order: [...draft.key.order].reverse() };
  if (draft.key.kind === 'matching') {
    const rights = draft.key.pairs.map((pair) => pair.right);
    return { kind: 'matching', pairs: draft.key.pairs.map((pair, i) => ({ left: pair.left, right: rights[(i + 1) % rights.length] ?? pair.right })) };
  }
  if (draft.key.kind === 'cloze') {
    const right = rightAnswer({ draft } as Problem);
    return right.kind === 'cloze' ? { kind: 'cloze', gaps: right.gaps.map((one, i) => (i === 0 ? { ...one, text: otherFilling(draft, one.gap, one.text) } : one)) } : right;
  }
  const choices = 'choices' in draft.question ? draft.question.choices.map((one) => one.id) : [];
  const right = draft.key.kind === 'single_choice' ? [draft.key.choice] : draft.key.choices;
  const other = choices.find((id) => !right.includes(id));
  if (other === undefined) throw new Error('every choice is right');
  return draft.key.kind === 'single_choice' ? { kind: 'single_choice', choice: other } : { kind: 'multiple_choice', choices: [other] };
}

/** What does not belong in a gap. */
function otherFilling(draft: ProblemDraft, gap: string, right: string): string {
  const entry = draft.question.kind === 'cloze' ? draft.question.gaps.find((one) => one.id === gap)?.entry : undefined;
  if (entry?.kind === 'choice') return entry.choices.find((choice) => choice.id !== right)?.id ?? right;
  return entry?.kind === 'number' ? '98765' : 'zzz';
}

/** Access tokens last longer than this; a new one is taken before they end. */
const TOKEN_MS = 8 * 60_000;

/** The hub's routes for somebody who is signed in. */
export class Api {
  #base: string;
  #account: Account;
  #token: Promise<string>;
  #since = Date.now();

  private constructor(base: string, account: Account) {
    this.#base = base;
    this.#account = account;
    this.#token = this.#renew();
  }

  static async signIn(address: string, account: Account): Promise<Api> {
    const api = new Api(`${address}/api/v1`, account);
    await api.#token;
    return api;
  }

  async get<T>(path: string): Promise<T> {
    return call<T>(this.#base + path, 'GET', await this.#access());
  }

  async post<T>(path: string, body?: unknown): Promise<T> {
    return call<T>(this.#base + path, 'POST', await this.#access(), body);
  }

  #access(): Promise<string> {
    if (Date.now() - this.#since > TOKEN_MS) this.#token = this.#renew();
    return this.#token;
  }

  async #renew(): Promise<string> {
    this.#since = Date.now();
    const { login_name, password } = this.#account;
    return (await call<SignedIn>(`${this.#base}/sessions`, 'POST', null, { kind: 'password', login_name, password })).access_token;
  }
}

async function call<T>(address: string, method: string, token: string | null, body?: unknown): Promise<T> {
  const headers: Record<string, string> = { 'Content-Type': 'application/json' };
  if (token !== null) headers.Authorization = `Bearer ${token}`;
  const init: RequestInit = { method, headers };
  if (body !== undefined) init.body = JSON.stringify(body);
  const response = await fetch(address, init);
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${address}: ${response.status} ${text}`);
  return (text === '' ? undefined : JSON.parse(text)) as T;
}
