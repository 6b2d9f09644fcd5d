import { describe, expect, test } from 'vitest';
import type { ProblemDraft } from '../../../api/types';
import { addChoice, readDraft, removeChoice, startForm, writeDraft } from './draftForm';

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

describe('the editor fields and the draft', () => {
  test.each([['number', tape], ['multiple choice', prime], ['short text', word], ['single choice', single]])('%s: there and back', (_, draft) => {
    expect(writeDraft(readDraft(draft))).toEqual(draft);
  });

  test('what is empty is left out', () => {
    const form = startForm('frac-add-unlike');
    form.title.ko = ' 제목 ';
    form.value = ' 3/4 ';
    form.commonWrong.push({ text: ' ', choices: [], misconception: { ko: '', en: '' } });
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
});
