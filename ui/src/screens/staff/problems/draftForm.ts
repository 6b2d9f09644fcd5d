/**
 * A problem as the editor's fields hold it, and the draft that is sent. Fields of kinds that are not chosen keep what
 * was written, so that a change of mind loses nothing; only the chosen kind is sent.
 */
import type { Answer, Localised } from '../../../api/types';
import type { AnswerKey, CommonWrong, GapDraft, GapEntryDraft, GapKey, NumberEntry, ProblemDraft, QuestionDraft } from '../parts/types';

export type QuestionKind = QuestionDraft['kind'];
export type NumberForm = NonNullable<Extract<AnswerKey, { kind: 'number' }>['form']>;

/** All kinds, the usual first. */
export const KINDS: readonly QuestionKind[] = ['number', 'single_choice', 'multiple_choice', 'short_text', 'true_false', 'ordering', 'matching', 'cloze'];

/** A text in both languages as two fields. */
export interface TwoTexts {
  ko: string;
  en: string;
}

export interface ChoiceForm {
  /** Stable within the version: `a`, `b` … */
  id: string;
  text: TwoTexts;
  right: boolean;
}

/** A thing to be put in order or to be matched. */
export interface ItemForm {
  id: string;
  text: TwoTexts;
}

/** One of the left with its partner among the right, by its id. */
export interface LeftForm extends ItemForm {
  partner: string;
}

export interface GapForm {
  /** As in its mark `[[a]]`. */
  id: string;
  kind: GapEntryDraft['kind'];
  value: string;
  tolerance: string;
  /** One accepted filling a line. */
  accepted: string;
  choices: ChoiceForm[];
}

export interface CommonWrongForm {
  /** For numbers and short texts. */
  text: string;
  /** For choices: their ids; for an order: the items' ids, first to last. */
  choices: string[];
  /** For true or false; empty while neither is chosen. */
  truth: '' | 'true' | 'false';
  /** For pairs: partner by the left's id; for gaps: filling by the gap's id. */
  fillings: Record<string, string>;
  misconception: TwoTexts;
}

export interface DraftForm {
  skill: string;
  title: TwoTexts;
  statement: TwoTexts;
  solution: TwoTexts;
  figure: { svg: string; alt: TwoTexts };
  kind: QuestionKind;
  choices: ChoiceForm[];
  unit: string;
  entry: NumberEntry;
  value: string;
  tolerance: string;
  /** Separated by commas; the first is the proper one. */
  units: string;
  unitRequired: boolean;
  lowestTerms: boolean;
  form: NumberForm | '';
  check: string;
  /** One accepted answer a line. */
  accepted: string;
  truth: boolean;
  /** In the right order. */
  items: ItemForm[];
  /** The ids of the items as pupils see them. */
  shown: string[];
  left: LeftForm[];
  right: ItemForm[];
  clozeText: TwoTexts;
  gaps: GapForm[];
  hints: TwoTexts[];
  commonWrong: CommonWrongForm[];
}

/** The most choices a question may have here: one letter each. */
export const MOST_CHOICES = 8;
/** The most things to order, to match or to fill. */
export const MOST_ITEMS = 12;
const LETTERS = 'abcdefghijklmnopqrstuvwxyz';

/** The fields of a new problem. */
export function startForm(skill = ''): DraftForm {
  return {
    skill,
    title: twoTexts(),
    statement: twoTexts(),
    solution: twoTexts(),
    figure: { svg: '', alt: twoTexts() },
    kind: 'number',
    choices: [],
    unit: '',
    entry: 'integer',
    value: '',
    tolerance: '',
    units: '',
    unitRequired: false,
    lowestTerms: false,
    form: '',
    check: '',
    accepted: '',
    truth: true,
    items: [],
    shown: [],
    left: [],
    right: [],
    clozeText: twoTexts(),
    gaps: [],
    hints: [twoTexts()],
    commonWrong: [],
  };
}

/** The fields that hold a stored draft. */
export function readDraft(draft: ProblemDraft): DraftForm {
  const form = startForm(draft.skill);
  form.title = twoTexts(draft.title);
  form.statement = twoTexts(draft.statement);
  form.solution = twoTexts(draft.solution);
  if (draft.figure) form.figure = { svg: draft.figure.svg, alt: twoTexts(draft.figure.alt) };
  form.check = draft.check ?? '';
  form.hints = (draft.hints ?? []).map(twoTexts);
  form.kind = draft.question.kind;
  const { question, key } = draft;
  if (question.kind === 'number') {
    form.unit = question.unit ?? '';
    form.entry = question.entry ?? 'integer';
  }
  if (question.kind === 'single_choice' || question.kind === 'multiple_choice') {
    const right = key.kind === 'single_choice' ? [key.choice] : key.kind === 'multiple_choice' ? key.choices : [];
    form.choices = question.choices.map((choice) => ({ id: choice.id, text: twoTexts(choice.text), right: right.includes(choice.id) }));
  }
  if (key.kind === 'number') {
    form.value = key.value;
    form.tolerance = key.tolerance ?? '';
    form.units = (key.units ?? []).join(', ');
    form.unitRequired = key.unit_required ?? false;
    form.lowestTerms = key.lowest_terms ?? false;
    form.form = key.form ?? '';
  }
  if (key.kind === 'short_text') form.accepted = key.accepted.join('\n');
  if (key.kind === 'true_false') form.truth = key.value;
  if (question.kind === 'ordering') {
    const order = key.kind === 'ordering' ? key.order : [];
    const items = question.items.map((item) => ({ id: item.id, text: twoTexts(item.text) }));
    form.shown = items.map((item) => item.id);
    form.items = items.sort((a, b) => order.indexOf(a.id) - order.indexOf(b.id));
  }
  if (question.kind === 'matching') {
    const pairs = key.kind === 'matching' ? key.pairs : [];
    form.left = question.left.map((item) => ({ id: item.id, text: twoTexts(item.text), partner: pairs.find((pair) => pair.left === item.id)?.right ?? '' }));
    form.right = question.right.map((item) => ({ id: item.id, text: twoTexts(item.text) }));
  }
  if (question.kind === 'cloze') {
    form.clozeText = twoTexts(question.text);
    form.gaps = question.gaps.map((gap) => readGap(gap, key.kind === 'cloze' ? key.gaps.find((one) => one.gap === gap.id) : undefined));
  }
  form.commonWrong = (draft.common_wrong ?? []).map(({ answer, misconception }) => ({ ...readAnswer(answer), misconception: twoTexts(misconception) }));
  return form;
}

/** The draft that the fields say; what is empty is left out. */
export function writeDraft(form: DraftForm): ProblemDraft {
  const draft: ProblemDraft = {
    skill: form.skill,
    title: localised(form.title),
    statement: localised(form.statement),
    question: writeQuestion(form),
    key: writeKey(form),
    solution: localised(form.solution),
    hints: form.hints.filter(written).map(localised),
    common_wrong: form.commonWrong.flatMap((wrong) => writeCommonWrong(form, wrong)),
  };
  if (form.figure.svg.trim() !== '') draft.figure = { svg: form.figure.svg.trim(), alt: localised(form.figure.alt) };
  if (form.kind === 'number' && form.check.trim() !== '') draft.check = form.check.trim();
  return draft;
}

/** A choice under the first free letter. */
export function addChoice(form: DraftForm): void {
  const id = freeLetter(form.choices);
  if (id !== undefined && form.choices.length < MOST_CHOICES) form.choices.push({ id, text: twoTexts(), right: false });
}

/** Takes a choice away, from the wrong answers that named it too. */
export function removeChoice(form: DraftForm, id: string): void {
  form.choices = form.choices.filter((choice) => choice.id !== id);
  for (const wrong of form.commonWrong) wrong.choices = wrong.choices.filter((other) => other !== id);
}

/** A wrong answer without anything in it. */
export function startCommonWrong(): CommonWrongForm {
  return { text: '', choices: [], truth: '', fillings: {}, misconception: twoTexts() };
}

/** An item at the end of the right order; pupils see it elsewhere. */
export function addItem(form: DraftForm): void {
  const id = freeLetter(form.items);
  if (id === undefined || form.items.length >= MOST_ITEMS) return;
  form.items.push({ id, text: twoTexts() });
  form.shown = mix(form.items.map((item) => item.id));
}

/** Takes an item away, from the wrong answers too. */
export function removeItem(form: DraftForm, id: string): void {
  form.items = form.items.filter((item) => item.id !== id);
  form.shown = form.shown.filter((other) => other !== id);
  for (const wrong of form.commonWrong) wrong.choices = wrong.choices.filter((other) => other !== id);
}

/** Moves an item in the right order. */
export function moveItem(form: DraftForm, at: number, by: -1 | 1): void {
  const [item] = form.items.splice(at, 1);
  if (item) form.items.splice(at + by, 0, item);
}

/** The order that pupils see: as it was stored, or another one where that would be the right one. */
export function shownOrder(form: DraftForm): string[] {
  const right = form.items.map((item) => item.id);
  const shown = [...form.shown.filter((id) => right.includes(id)), ...right.filter((id) => !form.shown.includes(id))];
  return shown.every((id, i) => id === right[i]) ? mix(right) : shown;
}

/** Another order of the same: every second first. Never the same order for two or more. */
export function mix<T>(list: readonly T[]): T[] {
  return [...list.filter((_, i) => i % 2 === 1), ...list.filter((_, i) => i % 2 === 0)];
}

/** A new pair; its right side stands at the other end each time, so that partners do not face each other. */
export function addPair(form: DraftForm): void {
  const leftId = freeLetter(form.left);
  const right = addRight(form);
  if (leftId === undefined || right === undefined || form.left.length >= MOST_ITEMS) return;
  form.left.push({ id: leftId, text: twoTexts(), partner: right });
}

/** One more on the right, which may stay without a partner; its id. */
export function addRight(form: DraftForm): string | undefined {
  const id = freeLetter(form.right);
  if (id === undefined || form.right.length >= MOST_ITEMS) return undefined;
  const item = { id, text: twoTexts() };
  if (form.right.length % 2 === 0) form.right.push(item);
  else form.right.unshift(item);
  return id;
}

export function removeLeft(form: DraftForm, id: string): void {
  form.left = form.left.filter((item) => item.id !== id);
  for (const wrong of form.commonWrong) delete wrong.fillings[id];
}

/** Takes one away on the right; those on the left lose it as their partner. */
export function removeRight(form: DraftForm, id: string): void {
  form.right = form.right.filter((item) => item.id !== id);
  for (const item of form.left) if (item.partner === id) item.partner = '';
  for (const wrong of form.commonWrong) for (const [left, right] of Object.entries(wrong.fillings)) if (right === id) delete wrong.fillings[left];
}

/** A gap with its mark at the end of both texts, from where it can be moved. */
export function addGap(form: DraftForm): void {
  const id = freeLetter(form.gaps);
  if (id === undefined || form.gaps.length >= MOST_ITEMS) return;
  form.gaps.push({ id, kind: 'number', value: '', tolerance: '', accepted: '', choices: [] });
  for (const lang of ['ko', 'en'] as const) if (form.clozeText[lang].trim() !== '' || lang === 'ko') form.clozeText[lang] = `${form.clozeText[lang].trimEnd()} [[${id}]]`.trimStart();
}

/** Takes a gap away with its marks. */
export function removeGap(form: DraftForm, id: string): void {
  form.gaps = form.gaps.filter((gap) => gap.id !== id);
  for (const lang of ['ko', 'en'] as const) form.clozeText[lang] = form.clozeText[lang].replaceAll(`[[${id}]]`, '').replace(/ {2,}/g, ' ');
  for (const wrong of form.commonWrong) delete wrong.fillings[id];
}

/** The languages whose text lacks the mark of a gap. */
export function missingMarks(form: DraftForm, id: string): ('ko' | 'en')[] {
  return (['ko', 'en'] as const).filter((lang) => form.clozeText[lang].trim() !== '' && !form.clozeText[lang].includes(`[[${id}]]`));
}

/** A choice of a gap under the first free letter. */
export function addGapChoice(gap: GapForm): void {
  const id = freeLetter(gap.choices);
  if (id !== undefined && gap.choices.length < MOST_CHOICES) gap.choices.push({ id, text: twoTexts(), right: gap.choices.length === 0 });
}

/** Two empty fields, or those of a text. */
export function twoTexts(text: Localised = {}): TwoTexts {
  return { ko: text.ko ?? '', en: text.en ?? '' };
}

/** Whether either language says something. */
export function written(text: TwoTexts): boolean {
  return text.ko.trim() !== '' || text.en.trim() !== '';
}

function freeLetter(list: readonly { id: string }[]): string | undefined {
  return [...LETTERS].find((letter) => !list.some((one) => one.id === letter));
}

function readGap(gap: GapDraft, stored: GapKey | undefined): GapForm {
  const key = stored?.key;
  const right = key?.kind === 'choice' ? key.choice : null;
  return {
    id: gap.id,
    kind: gap.entry.kind,
    value: key?.kind === 'number' ? key.value : '',
    tolerance: key?.kind === 'number' ? (key.tolerance ?? '') : '',
    accepted: key?.kind === 'text' ? key.accepted.join('\n') : '',
    choices: gap.entry.kind === 'choice' ? gap.entry.choices.map((choice) => ({ id: choice.id, text: twoTexts(choice.text), right: choice.id === right })) : [],
  };
}

function readAnswer(answer: Answer): Omit<CommonWrongForm, 'misconception'> {
  const empty = startCommonWrong();
  switch (answer.kind) {
    case 'number':
    case 'short_text':
      return { ...empty, text: answer.text };
    case 'single_choice':
      return { ...empty, choices: [answer.choice] };
    case 'multiple_choice':
      return { ...empty, choices: [...answer.choices] };
    case 'true_false':
      return { ...empty, truth: answer.value ? 'true' : 'false' };
    case 'ordering':
      return { ...empty, choices: [...answer.order] };
    case 'matching':
      return { ...empty, fillings: Object.fromEntries(answer.pairs.map((pair) => [pair.left, pair.right])) };
    case 'cloze':
      return { ...empty, fillings: Object.fromEntries(answer.gaps.map((gap) => [gap.gap, gap.text])) };
  }
}

function localised(text: TwoTexts): Localised {
  const out: Localised = {};
  if (text.ko.trim() !== '') out.ko = text.ko.trim();
  if (text.en.trim() !== '') out.en = text.en.trim();
  return out;
}

function writeQuestion(form: DraftForm): QuestionDraft {
  switch (form.kind) {
    case 'single_choice':
    case 'multiple_choice':
      return { kind: form.kind, choices: form.choices.map(({ id, text }) => ({ id, text: localised(text) })) };
    case 'number':
      return form.unit.trim() === '' ? { kind: 'number', entry: form.entry } : { kind: 'number', unit: form.unit.trim(), entry: form.entry };
    case 'short_text':
    case 'true_false':
      return { kind: form.kind };
    case 'ordering': {
      const byId = new Map(form.items.map((item) => [item.id, item]));
      return { kind: 'ordering', items: shownOrder(form).flatMap((id) => byId.get(id) ?? []).map(writeItem) };
    }
    case 'matching':
      return { kind: 'matching', left: form.left.map(writeItem), right: form.right.map(writeItem) };
    case 'cloze':
      return { kind: 'cloze', text: localised(form.clozeText), gaps: form.gaps.map(({ id, kind, choices }) => ({ id, entry: kind === 'choice' ? { kind, choices: choices.map(writeItem) } : { kind } })) };
  }
}

function writeItem({ id, text }: ItemForm): { id: string; text: Localised } {
  return { id, text: localised(text) };
}

/** The key that the fields say. */
export function writeKey(form: DraftForm): AnswerKey {
  const right = form.choices.filter((choice) => choice.right).map((choice) => choice.id);
  switch (form.kind) {
    case 'single_choice':
      return { kind: 'single_choice', choice: right[0] ?? '' };
    case 'multiple_choice':
      return { kind: 'multiple_choice', choices: right };
    case 'number': {
      const key: Extract<AnswerKey, { kind: 'number' }> = {
        kind: 'number',
        value: form.value.trim(),
        unit_required: form.unitRequired,
        lowest_terms: form.lowestTerms,
      };
      if (form.tolerance.trim() !== '') key.tolerance = form.tolerance.trim();
      const units = splitList(form.units, ',');
      if (units.length > 0) key.units = units;
      if (form.form !== '') key.form = form.form;
      return key;
    }
    case 'short_text':
      return { kind: 'short_text', accepted: splitList(form.accepted, '\n') };
    case 'true_false':
      return { kind: 'true_false', value: form.truth };
    case 'ordering':
      return { kind: 'ordering', order: form.items.map((item) => item.id) };
    case 'matching':
      return { kind: 'matching', pairs: form.left.flatMap((item) => (item.partner === '' ? [] : [{ left: item.id, right: item.partner }])) };
    case 'cloze':
      return { kind: 'cloze', gaps: form.gaps.map((gap) => ({ gap: gap.id, key: writeGapKey(gap) })) };
  }
}

function writeGapKey(gap: GapForm): GapKey['key'] {
  switch (gap.kind) {
    case 'number':
      return gap.tolerance.trim() === '' ? { kind: 'number', value: gap.value.trim() } : { kind: 'number', value: gap.value.trim(), tolerance: gap.tolerance.trim() };
    case 'text':
      return { kind: 'text', accepted: splitList(gap.accepted, '\n') };
    case 'choice':
      return { kind: 'choice', choice: gap.choices.find((choice) => choice.right)?.id ?? '' };
  }
}

function writeCommonWrong(form: DraftForm, wrong: CommonWrongForm): CommonWrong[] {
  const answer = writeAnswer(form, wrong);
  return answer === null ? [] : [{ answer, misconception: localised(wrong.misconception) }];
}

function writeAnswer(form: DraftForm, { text, choices, truth, fillings }: CommonWrongForm): Answer | null {
  const { kind } = form;
  switch (kind) {
    case 'single_choice':
      return choices[0] === undefined ? null : { kind, choice: choices[0] };
    case 'multiple_choice':
      return choices.length === 0 ? null : { kind, choices: [...choices] };
    case 'number':
    case 'short_text':
      return text.trim() === '' ? null : { kind, text: text.trim() };
    case 'true_false':
      return truth === '' ? null : { kind, value: truth === 'true' };
    case 'ordering':
      return choices.length === 0 ? null : { kind, order: [...choices] };
    case 'matching': {
      const pairs = form.left.flatMap(({ id }) => (fillings[id] ? [{ left: id, right: fillings[id] }] : []));
      return pairs.length === 0 ? null : { kind, pairs };
    }
    case 'cloze': {
      const gaps = form.gaps.flatMap(({ id }) => (fillings[id]?.trim() ? [{ gap: id, text: fillings[id].trim() }] : []));
      return gaps.length === 0 ? null : { kind, gaps };
    }
  }
}

function splitList(text: string, separator: string): string[] {
  return text.split(separator).map((part) => part.trim()).filter((part) => part !== '');
}
