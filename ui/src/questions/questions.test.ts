import { fireEvent, render, screen } from '@testing-library/svelte';
import { afterEach, describe, expect, it } from 'vitest';
import type { Answer, Question } from '../api/types';
import GradeNote from '../components/GradeNote.svelte';
import { en } from '../i18n/en';
import { ko } from '../i18n/ko';
import { language } from '../state/language.svelte';
import EntryProbe from './EntryProbe.svelte';
import { readKindCases } from './fixtures';
import { describeMissing } from './complete';
import { changeLayout, readDraft, startDraft, writeDraft } from './numberDraft';
import { moveItem, orderOf } from './ordering';

const cases = readKindCases();

/** Whether the entry can give this very answer: a screen offers choices by id, and a text box holds one line. */
function canBeGiven(question: Question, answer: Answer): boolean {
  if (question.kind !== answer.kind) return false;
  if (question.kind === 'single_choice' && answer.kind === 'single_choice') return question.choices.some((c) => c.id === answer.choice);
  if (question.kind === 'multiple_choice' && answer.kind === 'multiple_choice') {
    const inOrder = question.choices.map((c) => c.id).filter((id) => answer.choices.includes(id));
    return inOrder.length > 0 && JSON.stringify(inOrder) === JSON.stringify(answer.choices);
  }
  if (question.kind === 'true_false') return true;
  if (question.kind === 'ordering' && answer.kind === 'ordering') {
    return JSON.stringify([...answer.order].sort()) === JSON.stringify(question.items.map((item) => item.id).sort());
  }
  if (question.kind === 'matching' && answer.kind === 'matching') {
    const lefts = question.left.map((item) => item.id).filter((id) => answer.pairs.some((pair) => pair.left === id));
    const known = answer.pairs.every((pair) => question.right.some((item) => item.id === pair.right));
    return known && lefts.length > 0 && JSON.stringify(answer.pairs.map((pair) => pair.left)) === JSON.stringify(lefts);
  }
  if (question.kind === 'cloze' && answer.kind === 'cloze') {
    const inOrder = question.gaps.map((one) => one.id).filter((id) => answer.gaps.some((one) => one.gap === id));
    const filled = answer.gaps.every(({ gap, text }) => {
      const entry = question.gaps.find((one) => one.id === gap)?.entry;
      return entry?.kind === 'choice' ? entry.choices.some((choice) => choice.id === text) : text.trim() !== '' && !/[\p{Cc}]/u.test(text);
    });
    return filled && inOrder.length > 0 && JSON.stringify(answer.gaps.map((one) => one.gap)) === JSON.stringify(inOrder);
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
  if (answer.kind === 'true_false') {
    await fireEvent.click((screen.getAllByRole('radio') as HTMLInputElement[]).find((radio) => radio.value === String(answer.value))!);
    return;
  }
  if (answer.kind === 'ordering') return putInOrder(answer.order);
  if (answer.kind === 'matching') {
    for (const { left, right } of [...answer.pairs].reverse()) {
      await fireEvent.click(document.querySelector(`[data-left="${left}"]`)!);
      await fireEvent.click(document.querySelector(`[data-right="${right}"]`)!);
    }
    return;
  }
  if (answer.kind === 'cloze') {
    for (const { gap, text } of [...answer.gaps].reverse()) {
      const field = document.querySelector<HTMLInputElement | HTMLSelectElement>(`[data-gap="${gap}"]`)!;
      if (field instanceof HTMLSelectElement) await fireEvent.change(field, { target: { value: text } });
      else await fireEvent.input(field, { target: { value: text } });
    }
    return;
  }
  if (question.kind === 'number') await fireEvent.click(screen.getByRole('button', { name: ko['entry.layout.plain'] }));
  await fireEvent.input(screen.getByRole('textbox'), { target: { value: answer.text } });
}

/** By the buttons alone: each item is sent up to its place. */
async function putInOrder(order: string[]): Promise<void> {
  const rows = () => [...document.querySelectorAll<HTMLElement>('[data-item]')].map((row) => row.dataset.item);
  if (JSON.stringify(rows()) === JSON.stringify(order)) {
    await fireEvent.click(screen.getByRole('button', { name: ko['entry.order.keep'] }));
    return;
  }
  for (const [place, id] of order.entries()) {
    while (rows().indexOf(id) > place) await fireEvent.click(document.querySelector(`[data-item="${id}"] [data-side="up"]`)!);
  }
}

describe('each kind of question', () => {
  const kinds = new Set(cases.map((one) => one.question.kind));
  it('has its cases', () => expect([...kinds].sort()).toEqual(['cloze', 'matching', 'multiple_choice', 'number', 'ordering', 'short_text', 'single_choice', 'true_false']));

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

describe('an order', () => {
  const question: Question = { kind: 'ordering', items: [{ id: 'a', text: '가' }, { id: 'b', text: '나' }, { id: 'c', text: '다' }] };

  it('follows the arrow keys, and the cursor stays with what it moved', async () => {
    let built: Answer | null = null;
    render(EntryProbe, { question, onanswer: (value: Answer | null) => (built = value) });
    const down = document.querySelector<HTMLButtonElement>('[data-item="a"] [data-side="down"]')!;
    down.focus();
    await fireEvent.keyDown(down, { key: 'ArrowDown' });
    expect(built).toEqual({ kind: 'ordering', order: ['b', 'a', 'c'] });
    expect((document.activeElement?.closest('[data-item]') as HTMLElement | null)?.dataset.item).toBe('a');
    expect(screen.getByRole('status').textContent).toBe('가, 이제 2번째');
  });

  it('keeps what it knows of an answer', () => {
    expect(orderOf(question, { kind: 'ordering', order: ['c', 'x', 'c', 'a'] })).toEqual(['c', 'a', 'b']);
    expect(moveItem(['a', 'b', 'c'], 2, 0)).toEqual(['c', 'a', 'b']);
  });
});

describe('pairs', () => {
  const question: Question = {
    kind: 'matching',
    left: [{ id: 'l1', text: '하나' }, { id: 'l2', text: '둘' }],
    right: [{ id: 'r1', text: 'one' }, { id: 'r2', text: 'two' }, { id: 'r3', text: 'three' }],
  };

  it('go to the first free one if none was chosen, can be shared, changed and undone', async () => {
    let built: Answer | null = null;
    render(EntryProbe, { question, onanswer: (value: Answer | null) => (built = value) });
    const press = (selector: string) => fireEvent.click(document.querySelector(selector)!);
    await press('[data-right="r1"]');
    await press('[data-right="r1"]');
    expect(built).toEqual({ kind: 'matching', pairs: [{ left: 'l1', right: 'r1' }, { left: 'l2', right: 'r1' }] });
    await press('[data-left="l1"]');
    await press('[data-right="r3"]');
    expect(built).toEqual({ kind: 'matching', pairs: [{ left: 'l1', right: 'r3' }, { left: 'l2', right: 'r1' }] });
    await fireEvent.keyDown(document.querySelector('[data-left="l2"]')!, { key: 'Delete' });
    expect(built).toEqual({ kind: 'matching', pairs: [{ left: 'l1', right: 'r3' }] });
    expect(describeMissing(question, built)).toBe(ko['solve.missing.pairs']);
  });
});

describe('a text with gaps', () => {
  it('has its entries where the marks stand, and says which are empty', async () => {
    const question: Question = {
      kind: 'cloze',
      text: '삼각형의 세 각의 합은 **[[a]]** 도이고, $n$각형은 [[b]]',
      gaps: [
        { id: 'a', entry: { kind: 'number' } },
        { id: 'b', entry: { kind: 'choice', choices: [{ id: 'x', text: '$\\frac{1}{2}$' }] } },
      ],
    };
    let built: Answer | null = null;
    render(EntryProbe, { question, onanswer: (value: Answer | null) => (built = value) });
    await fireEvent.input(screen.getByRole('textbox', { name: '빈칸 1' }), { target: { value: '180' } });
    expect(built).toEqual({ kind: 'cloze', gaps: [{ gap: 'a', text: '180' }] });
    expect(describeMissing(question, built)).toBe(ko['solve.missing.gaps']);
    expect(screen.getByRole('option', { name: '2분의 1' })).toBeTruthy();
    expect(document.querySelector('.text')?.textContent).not.toContain('[[');
  });
});
