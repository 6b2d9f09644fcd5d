import { fireEvent, render, screen } from '@testing-library/svelte';
import { afterEach, describe, expect, it } from 'vitest';
import type { Answer, Question } from '../api/types';
import GradeNote from '../components/GradeNote.svelte';
import { en } from '../i18n/en';
import { ko } from '../i18n/ko';
import { language } from '../state/language.svelte';
import EntryProbe from './EntryProbe.svelte';
import { readKindCases } from './fixtures';
import { changeLayout, readDraft, startDraft, writeDraft } from './numberDraft';

const cases = readKindCases();

/** Whether the entry can give this very answer: a screen offers choices by id, and a text box holds one line. */
function canBeGiven(question: Question, answer: Answer): boolean {
  if (question.kind !== answer.kind) return false;
  if (question.kind === 'single_choice' && answer.kind === 'single_choice') return question.choices.some((c) => c.id === answer.choice);
  if (question.kind === 'multiple_choice' && answer.kind === 'multiple_choice') {
    const inOrder = question.choices.map((c) => c.id).filter((id) => answer.choices.includes(id));
    return inOrder.length > 0 && JSON.stringify(inOrder) === JSON.stringify(answer.choices);
  }
  const text = 'text' in answer ? answer.text : '';
  return text.trim() !== '' && !/[\p{Cc}]/u.test(text);
}

async function give(question: Question, answer: Answer): Promise<void> {
  if (answer.kind === 'single_choice' || answer.kind === 'multiple_choice') {
    const wanted = answer.kind === 'single_choice' ? [answer.choice] : answer.choices;
    const boxes = screen.getAllByRole(answer.kind === 'single_choice' ? 'radio' : 'checkbox') as HTMLInputElement[];
    // The last first: the order of the presses must not matter.
    for (const id of [...wanted].reverse()) await fireEvent.click(boxes.find((box) => box.value === id)!);
    return;
  }
  if (question.kind === 'number') await fireEvent.click(screen.getByRole('button', { name: ko['entry.layout.plain'] }));
  await fireEvent.input(screen.getByRole('textbox'), { target: { value: answer.text } });
}

describe('each kind of question', () => {
  const kinds = new Set(cases.map((one) => one.question.kind));
  it('has its cases', () => expect([...kinds].sort()).toEqual(['multiple_choice', 'number', 'short_text', 'single_choice']));

  for (const { belief, question, answers } of cases) {
    const given = answers.filter(({ answer }) => canBeGiven(question, answer));
    if (given.length === 0) continue;
    it(`sends what the pupil gave (${question.kind}): ${belief}`, async () => {
      for (const { answer } of given) {
        let built: Answer | null = null;
        const { unmount } = render(EntryProbe, { question, onanswer: (value: Answer | null) => (built = value) });
        await give(question, answer);
        expect(built).toEqual(answer);
        unmount();
      }
    });
  }

  it('gives no answer while nothing is entered', async () => {
    for (const { question } of cases) {
      let built: Answer | null = { kind: 'short_text', text: 'unset' };
      const { unmount } = render(EntryProbe, { question, onanswer: (value: Answer | null) => (built = value) });
      expect(built).toBeNull();
      unmount();
    }
  });
});

describe('the words of a grade', () => {
  afterEach(() => language.choose('ko'));

  for (const code of ['ko', 'en'] as const) {
    it(`fit every grade of the cases (${code})`, () => {
      language.choose(code);
      const words = code === 'ko' ? ko : en;
      for (const { answers } of cases) {
        for (const { grade } of answers) {
          const { container, unmount } = render(GradeNote, { grade });
          const text = container.textContent ?? '';
          expect(text).toContain(words[`grade.${grade.outcome}`]);
          if (grade.outcome === 'right_but_form') expect(text).toContain(words[`form.${grade.what}`]);
          if (grade.outcome === 'not_understood') expect(text).toContain(words[`unreadable.${grade.why}`]);
          if (grade.outcome === 'wrong' || grade.outcome === 'not_understood') expect(text).not.toContain(words['grade.right']);
          expect(container.querySelector('.shape svg')).not.toBeNull();
          unmount();
        }
      }
    });
  }
});

describe('the boxes of a number', () => {
  it('write fractions and mixed numbers as text', () => {
    const fraction = { ...startDraft('fraction'), numerator: '3', denominator: '4' };
    expect(writeDraft(fraction)).toBe('3/4');
    const mixed = { ...startDraft('mixed'), whole: '-2', numerator: '1', denominator: '2' };
    expect(writeDraft(mixed)).toBe('-2 1/2');
    expect(writeDraft({ ...startDraft('mixed'), whole: '7' })).toBe('7');
    expect(writeDraft({ ...startDraft('fraction'), numerator: '3' })).toBe('3/');
    expect(writeDraft(startDraft('mixed'))).toBeNull();
  });

  it('come back from the text they wrote', () => {
    for (const [text, entry] of [['3/4', 'fraction'], ['-2 1/2', 'mixed'], ['7', 'mixed'], ['2와 1/2', 'mixed'], ['1,234', 'integer'], ['3/4', 'integer']] as const) {
      expect(writeDraft(readDraft(text, entry))).toBe(text);
    }
  });

  it('carry a number over to another layout', () => {
    const five = { ...startDraft('integer'), plain: '5' };
    expect(changeLayout(five, 'fraction')).toMatchObject({ layout: 'fraction', numerator: '5', denominator: '' });
    const half = { ...startDraft('fraction'), numerator: '1', denominator: '2' };
    expect(changeLayout(half, 'mixed')).toMatchObject({ layout: 'mixed', whole: '', numerator: '1', denominator: '2' });
    expect(changeLayout(half, 'plain')).toMatchObject({ layout: 'plain', plain: '1/2' });
  });

  it('take the keys of the pad', async () => {
    let built: Answer | null = null;
    render(EntryProbe, { question: { kind: 'number', entry: 'fraction' }, onanswer: (value: Answer | null) => (built = value) });
    const key = (name: string) => fireEvent.click(screen.getByRole('button', { name }));
    await fireEvent.focus(screen.getByRole('textbox', { name: ko['entry.numerator'] }));
    await key('1');
    await key('2');
    await key(ko['entry.erase']);
    await fireEvent.keyDown(screen.getByRole('textbox', { name: ko['entry.numerator'] }), { key: '/' });
    await fireEvent.focus(screen.getByRole('textbox', { name: ko['entry.denominator'] }));
    await key('4');
    await key(ko['entry.minus']);
    expect(built).toEqual({ kind: 'number', text: '-1/4' });
  });
});
