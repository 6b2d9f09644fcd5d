/** Small words that several of the staff's screens share. */
import type { Answer, Language, Localised, Question } from '../../../api/types';

/** The text in `language`, else in the other one. */
export function pickText(text: Localised, language: Language): string {
  return (language === 'ko' ? (text.ko ?? text.en) : (text.en ?? text.ko)) ?? '';
}

const CIRCLED = '①②③④⑤⑥⑦⑧⑨⑩⑪⑫';

/** An answer as one line; with the question, choices are told by their number and text. */
export function describeAnswer(answer: Answer, question?: Question | null): string {
  if (answer.kind === 'number' || answer.kind === 'short_text') return answer.text;
  const ids = answer.kind === 'single_choice' ? [answer.choice] : answer.choices;
  const choices = question && 'choices' in question ? question.choices : [];
  return ids
    .map((id) => {
      const place = choices.findIndex((choice) => choice.id === id);
      return place < 0 ? id : `${CIRCLED[place] ?? place + 1} ${choices[place]?.text ?? ''}`;
    })
    .join(' · ');
}

/** Whether `text` holds all words of `query`, whatever their case or width. */
export function matches(query: string, text: string): boolean {
  const wide = text.normalize('NFKC').toLowerCase();
  return query.normalize('NFKC').toLowerCase().split(/\s+/).every((word) => wide.includes(word));
}
