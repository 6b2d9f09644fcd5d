/** Whether an answer holds all its parts: half an answer is worth a word before it is sent. */
import type { Answer, Question } from '../api/types';
import { t } from '../i18n';

export function isComplete(question: Question, answer: Answer): boolean {
  if (question.kind === 'matching' && answer.kind === 'matching') return answer.pairs.length >= question.left.length;
  if (question.kind === 'cloze' && answer.kind === 'cloze') return answer.gaps.length >= question.gaps.length;
  return true;
}

/** One sentence on what is missing; null if nothing is. */
export function describeMissing(question: Question, answer: Answer | null): string | null {
  if (answer !== null) return isComplete(question, answer) ? null : t(question.kind === 'matching' ? 'solve.missing.pairs' : 'solve.missing.gaps');
  switch (question.kind) {
    case 'single_choice':
    case 'multiple_choice':
    case 'true_false':
      return t('solve.missing.choice');
    case 'ordering':
      return t('solve.missing.order');
    case 'matching':
      return t('solve.missing.pairs');
    case 'cloze':
      return t('solve.missing.gaps');
    case 'number':
    case 'short_text':
      return t('solve.missing');
  }
}
