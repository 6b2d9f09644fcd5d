import { describe, expect, test } from 'vitest';
import type { ProblemDraft } from '../parts/types';
import { addChoice, addGap, addItem, addPair, addRight, missingMarks, mix, moveItem, readDraft, removeChoice, removeGap, removeRight, startCommonWrong, startForm, writeDraft } from './draftForm';

const tape: ProblemDraft = {
  skill: 'frac-add-unlike',
  title: { ko: '게시판 색 테이프', en: 'Tape for the notice board' },
  statement: { ko: '남은 길이는 $\\frac{1}{2}$ m', en: 'How much is left?' },
  figure: { svg: '<svg xmlns="http://www.w3.org/2000/svg"/>', alt: { ko: '색 테이프', en: 'Tape' } },
  question: { kind: 'number', unit: 'm', entry: 'mixed' },
  key: { kind: 'number', value: '1 7/12', tolerance: '1/100', units: ['m', '미터'], unit_required: true, lowest_terms: true, form: 'mixed' },
  check: '13/4 - 5/3',
  solution: { ko: '통분해요.', en: 'Common denominator.' },
  hints: [{ ko: '빼요', en: 'Take away' }, { ko: '통분해요' }],
  common_wrong: [{ answer: { kind: 'number', text: '2 5/12' }, misconception: { ko: '큰 수에서 작은 수를 빼요', en: 'Larger minus smaller' } }],
};

const prime: ProblemDraft = {
  skill: 'int-linear-eq',
  title: { ko: '소수' },
  statement: { ko: '소수를 고르세요' },
  question: { kind: 'multiple_choice', choices: [{ id: 'a', text: { ko: '2' } }, { id: 'b', text: { ko: '4' } }, { id: 'c', text: { ko: '5' } }] },
  key: { kind: 'multiple_choice', choices: ['a', 'c'] },
  solution: { ko: '2와 5' },
  hints: [],
  common_wrong: [{ answer: { kind: 'multiple_choice', choices: ['b', 'c'] }, misconception: { ko: '짝수도 소수라고 생각해요' } }],
};

const word: ProblemDraft = {
  skill: 'frac-add-unlike',
  title: { en: 'First slip' },
  statement: { en: 'Which line?' },
  question: { kind: 'short_text' },
  key: { kind: 'short_text', accepted: ['B', 'line B'] },
  solution: { en: 'Line B.' },
  hints: [],
  common_wrong: [{ answer: { kind: 'short_text', text: 'C' }, misconception: { en: 'Looks at the end only' } }],
};

const single: ProblemDraft = {
  ...prime,
  question: { kind: 'single_choice', choices: [{ id: 'a', text: { ko: '2' } }, { id: 'b', text: { ko: '4' } }] },
  key: { kind: 'single_choice', choice: 'b' },
  common_wrong: [{ answer: { kind: 'single_choice', choice: 'a' }, misconception: { ko: '거꾸로 골라요' } }],
};

const truth: ProblemDraft = {
  ...word,
  question: { kind: 'true_false' },
  key: { kind: 'true_false', value: false },
  common_wrong: [{ answer: { kind: 'true_false', value: true }, misconception: { en: 'Compares the denominators only' } }],
};

const order: ProblemDraft = {
  ...word,
  question: { kind: 'ordering', items: [{ id: 'b', text: { en: '1/2' } }, { id: 'a', text: { en: '1/3' } }, { id: 'c', text: { en: '3/4' } }] },
  key: { kind: 'ordering', order: ['a', 'b', 'c'] },
  common_wrong: [{ answer: { kind: 'ordering', order: ['b', 'a', 'c'] }, misconception: { en: 'Larger below is larger' } }],
};

const match: ProblemDraft = {
  ...word,
  question: {
    kind: 'matching',
    left: [{ id: 'a', text: { en: '1/2' } }, { id: 'b', text: { en: '2/4' } }],
    right: [{ id: 'x', text: { en: '0.25' } }, { id: 'y', text: { en: '0.5' } }],
  },
  key: { kind: 'matching', pairs: [{ left: 'a', right: 'y' }, { left: 'b', right: 'y' }] },
  common_wrong: [{ answer: { kind: 'matching', pairs: [{ left: 'a', right: 'y' }, { left: 'b', right: 'x' }] }, misconception: { en: 'Halves it again' } }],
};

const cloze: ProblemDraft = {
  ...word,
  question: {
    kind: 'cloze',
    text: { en: 'A half is [[a]], said [[b]], drawn [[c]].' },
    gaps: [
      { id: 'a', entry: { kind: 'number' } },
      { id: 'b', entry: { kind: 'text' } },
      { id: 'c', entry: { kind: 'choice', choices: [{ id: 'p', text: { en: 'so' } }, { id: 'q', text: { en: 'thus' } }] } },
    ],
  },
  key: {
    kind: 'cloze',
    gaps: [
      { gap: 'a', key: { kind: 'number', value: '1/2', tolerance: '1/100' } },
      { gap: 'b', key: { kind: 'text', accepted: ['one half', 'a half'] } },
      { gap: 'c', key: { kind: 'choice', choice: 'q' } },
    ],
  },
  common_wrong: [{ answer: { kind: 'cloze', gaps: [{ gap: 'a', text: '2' }, { gap: 'c', text: 'p' }] }, misconception: { en: 'Turns it over' } }],
};

describe('the editor fields and the draft', () => {
  test.each([['number', tape], ['multiple choice', prime], ['short text', word], ['single choice', single], ['true or false', truth], ['ordering', order], ['matching', match], ['cloze', cloze]])('%s: there and back', (_, draft) => {
    expect(writeDraft(readDraft(draft))).toEqual(draft);
  });

  test('what is empty is left out', () => {
    const form = startForm('frac-add-unlike');
    form.title.ko = ' 제목 ';
    form.value = ' 3/4 ';
    form.commonWrong.push({ ...startCommonWrong(), text: ' ' });
    expect(writeDraft(form)).toEqual({
      skill: 'frac-add-unlike',
      title: { ko: '제목' },
      statement: {},
      question: { kind: 'number', entry: 'integer' },
      key: { kind: 'number', value: '3/4', unit_required: false, lowest_terms: false },
      solution: {},
      hints: [],
      common_wrong: [],
    });
  });

  test('another kind keeps the fields and sends only its own', () => {
    const form = readDraft(tape);
    form.kind = 'short_text';
    form.accepted = 'B\n\n line B ';
    const sent = writeDraft(form);
    expect(sent.question).toEqual({ kind: 'short_text' });
    expect(sent.key).toEqual({ kind: 'short_text', accepted: ['B', 'line B'] });
    expect(sent.check).toBeUndefined();
    expect(sent.common_wrong?.[0]?.answer).toEqual({ kind: 'short_text', text: '2 5/12' });
    form.kind = 'number';
    expect(writeDraft(form)).toEqual(tape);
  });

  test('a removed choice leaves its letter free and the wrong answers without it', () => {
    const form = readDraft(prime);
    removeChoice(form, 'b');
    expect(form.commonWrong[0]?.choices).toEqual(['c']);
    addChoice(form);
    expect(form.choices.map((choice) => choice.id)).toEqual(['a', 'c', 'b']);
    for (let i = 0; i < 20; i++) addChoice(form);
    expect(form.choices).toHaveLength(8);
  });

  test('pupils never see the right order', () => {
    expect(mix([1, 2, 3, 4, 5])).toEqual([2, 4, 1, 3, 5]);
    const form = startForm();
    form.kind = 'ordering';
    for (let i = 0; i < 3; i++) addItem(form);
    const shown = () => {
      const { question } = writeDraft(form);
      return question.kind === 'ordering' ? question.items.map((item) => item.id) : [];
    };
    expect(shown()).toEqual(['b', 'a', 'c']);
    moveItem(form, 1, -1);
    expect(writeDraft(form).key).toEqual({ kind: 'ordering', order: ['b', 'a', 'c'] });
    expect(shown()).not.toEqual(['b', 'a', 'c']);
  });

  test('partners do not face each other, and one taken away leaves no pair behind', () => {
    const form = startForm();
    form.kind = 'matching';
    for (let i = 0; i < 3; i++) addPair(form);
    expect(addRight(form)).toBe('d');
    expect(form.right.map((item) => item.id)).toEqual(['d', 'b', 'a', 'c']);
    removeRight(form, 'b');
    expect(writeDraft(form).key).toEqual({ kind: 'matching', pairs: [{ left: 'a', right: 'a' }, { left: 'c', right: 'c' }] });
  });

  test('a gap comes and goes with its marks', () => {
    const form = startForm();
    form.clozeText = { ko: '반은', en: '' };
    addGap(form);
    addGap(form);
    expect(form.clozeText).toEqual({ ko: '반은 [[a]] [[b]]', en: '' });
    form.clozeText.en = 'a half is [[b]]';
    expect(missingMarks(form, 'a')).toEqual(['en']);
    removeGap(form, 'a');
    expect(form.clozeText.ko).toBe('반은 [[b]]');
  });
});
