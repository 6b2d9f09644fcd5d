/** Time that is left, in words: whole minutes, and seconds only in the last one. */
import { t } from '../../i18n';

export function describeLeft(ms: number): string {
  if (ms <= 0) return t('time.over');
  if (ms <= 60_000) return t('time.seconds', { n: Math.ceil(ms / 1000) });
  return t('time.minutes', { n: Math.ceil(ms / 60_000) });
}
