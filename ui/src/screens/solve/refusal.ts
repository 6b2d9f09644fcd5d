/** Why the hub has not taken an answer, in the pupil's words. */
import { t } from '../../i18n';
import type { Refused } from '../../state/outbox.svelte';

/** An exam takes what was given before its end until the grades are shown, so that its reasons are others. */
export function describeRefusal({ code }: Refused, exam: boolean): string {
  if (code === 'lesson_closed') return exam ? t('untaken.exam') : `${t('solve.refused.closed')}. ${t('solve.refused.closed.detail')}`;
  if (code === 'exam_running') return `${t('solve.refused.exam')}. ${t('solve.refused.exam.detail')}`;
  if (code === 'lesson_paused') return `${t('solve.refused.paused')}. ${t('untaken.paused')}`;
  return t('untaken.other');
}
