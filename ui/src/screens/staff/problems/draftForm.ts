/**
 * A problem as the editor's fields hold it, and the draft that is sent. Fields of kinds that are not chosen keep what
 * was written, so that a change of mind loses nothing; only the chosen kind is sent.
 */
import type { Answer, AnswerKey, CommonWrong, Localised, NumberEntry, ProblemDraft, QuestionDraft } from '../../../api/types';

export type QuestionKind = QuestionDraft['kind'];
export type NumberForm = NonNullable<Extract<AnswerKey, { kind: 'number' }>['form']>;

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

export interface CommonWrongForm {
  /** For numbers and short texts. */
  text: string;
  /** For choices: their ids. */
  choices: string[];
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
  hints: TwoTexts[];
  commonWrong: CommonWrongForm[];
}

/** The most choices a question may have here: one letter each. */
export const MOST_CHOICES = 8;
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
  form.commonWrong = (draft.common_wrong ?? []).map(({ answer, misconception }) => ({
    text: 'text' in answer ? answer.text : '',
    choices: answer.kind === 'single_choice' ? [answer.choice] : answer.kind === 'multiple_choice' ? [...answer.choices] : [],
    misconception: twoTexts(misconception),
  }));
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
    common_wrong: form.commonWrong.flatMap((wrong) => writeCommonWrong(form.kind, wrong)),
  };
  if (form.figure.svg.trim() !== '') draft.figure = { svg: form.figure.svg.trim(), alt: localised(form.figure.alt) };
  if (form.kind === 'number' && form.check.trim() !== '') draft.check = form.check.trim();
  return draft;
}

/** A choice under the first free letter. */
export function addChoice(form: DraftForm): void {
  const used = new Set(form.choices.map((choice) => choice.id));
  const id = [...LETTERS].find((letter) => !used.has(letter));
  if (id !== undefined && form.choices.length < MOST_CHOICES) form.choices.push({ id, text: twoTexts(), right: false });
}

/** Takes a choice away, from the wrong answers that named it too. */
export function removeChoice(form: DraftForm, id: string): void {
  form.choices = form.choices.filter((choice) => choice.id !== id);
  for (const wrong of form.commonWrong) wrong.choices = wrong.choices.filter((other) => other !== id);
}

/** Two empty fields, or those of a text. */
export function twoTexts(text: Localised = {}): TwoTexts {
  return { ko: text.ko ?? '', en: text.en ?? '' };
}

/** Whether either language says something. */
export function written(text: TwoTexts): boolean {
  return text.ko.trim() !== '' || text.en.trim() !== '';
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
      return { kind: 'short_text' };
  }
}

function writeKey(form: DraftForm): AnswerKey {
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
  }
}

function writeCommonWrong(kind: QuestionKind, wrong: CommonWrongForm): CommonWrong[] {
  const answer = writeAnswer(kind, wrong);
  return answer === null ? [] : [{ answer, misconception: localised(wrong.misconception) }];
}

function writeAnswer(kind: QuestionKind, { text, choices }: CommonWrongForm): Answer | null {
  switch (kind) {
    case 'single_choice':
      return choices[0] === undefined ? null : { kind, choice: choices[0] };
    case 'multiple_choice':
      return choices.length === 0 ? null : { kind, choices: [...choices] };
    case 'number':
    case 'short_text':
      return text.trim() === '' ? null : { kind, text: text.trim() };
  }
}

function splitList(text: string, separator: string): string[] {
  return text.split(separator).map((part) => part.trim()).filter((part) => part !== '');
}
