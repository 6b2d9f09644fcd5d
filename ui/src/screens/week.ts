import type { DayProgress, Progress } from '../api/types';
import { t } from '../i18n';
import { calendarDay } from '../i18n/format';
import { hubState } from '../state/hub.svelte';

/** The days of the school's week that `today` (`YYYY-MM-DD`) lies in, from its Monday. */
export function daysOfWeek(days: DayProgress[], today: string): DayProgress[] {
  const at = new Date(`${today}T12:00:00Z`);
  const monday = new Date(at.getTime() - ((at.getUTCDay() + 6) % 7) * 86_400_000).toISOString().slice(0, 10);
  return days.filter((day) => day.day >= monday && day.day <= today);
}

/** This week in one sentence. The hub's clock says which week it is, not the device's. */
export function describeWeek(progress: Progress): string {
  const now = new Date(hubState.info?.server_time ?? Date.now());
  const days = daysOfWeek(progress.days, calendarDay(now, hubState.locale.timeZone)).filter((day) => day.attempts > 0);
  if (days.length === 0) return t('children.week.none');
  const attempts = days.reduce((sum, day) => sum + day.attempts, 0);
  const right = days.reduce((sum, day) => sum + day.right, 0);
  return t('children.week.some', { days: days.length, attempts, right });
}
