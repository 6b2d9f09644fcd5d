/** Small words that several of the staff's screens share. */
import type { Answer, Choice, Language, Localised, Question } from '../../../api/types';
import { s } from '../texts';

/** The text in `language`, else in the other one. */
export function pickText(text: Localised, language: Language): string {
  return (language === 'ko' ? (text.ko ?? text.en) : (text.en ?? text.ko)) ?? '';
}

const CIRCLED = '①②③④⑤⑥⑦⑧⑨⑩⑪⑫';

/** An answer as one line; with the question, choices are told by their number and text. */
export function describeAnswer(answer: Answer, question?: Question | null): string {
  switch (answer.kind) {
    case 'number':
    case 'short_text':
      return answer.text;
    case 'single_choice':
      return nameChoice(answer.choice, choicesOf(question));
    case 'multiple_choice':
      return answer.choices.map((id) => nameChoice(id, choicesOf(question))).join(' · ');
    case 'true_false':
      return s(answer.value ? 'answer.true' : 'answer.false');
    case 'ordering': {
      const items = question?.kind === 'ordering' ? question.items : [];
      return answer.order.map((id) => textOf(id, items)).join(' → ');
    }
    case 'matching': {
      const { left, right } = question?.kind === 'matching' ? question : { left: [], right: [] };
      return answer.pairs.map((pair) => `${textOf(pair.left, left)} – ${textOf(pair.right, right)}`).join(' · ');
    }
    case 'cloze': {
      const gaps = question?.kind === 'cloze' ? question.gaps : [];
      return answer.gaps
        .map(({ gap, text }) => {
          const entry = gaps.find((one) => one.id === gap)?.entry;
          return entry?.kind === 'choice' ? textOf(text, entry.choices) : text;
        })
        .join(' · ');
    }
  }
}

function choicesOf(question: Question | null | undefined): Choice[] {
  return question && 'choices' in question ? question.choices : [];
}

function nameChoice(id: string, choices: Choice[]): string {
  const place = choices.findIndex((choice) => choice.id === id);
  return place < 0 ? id : `${CIRCLED[place] ?? place + 1} ${choices[place]?.text ?? ''}`;
}

function textOf(id: string, items: Choice[]): string {
  return items.find((item) => item.id === id)?.text ?? id;
}

/** Whether `text` holds all words of `query`, whatever their case or width. */
export function matches(query: string, text: string): boolean {
  const wide = text.normalize('NFKC').toLowerCase();
  return query.normalize('NFKC').toLowerCase().split(/\s+/).every((word) => wide.includes(word));
}
