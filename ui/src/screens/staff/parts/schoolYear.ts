/** The school's calendar, by the hub's clock and zone. */
import { calendarDay } from '../../../i18n/format';
import { hubState } from '../../../state/hub.svelte';

/** Today's `YYYY-MM-DD`. */
export function today(): string {
  return calendarDay(new Date(hubState.info?.server_time ?? Date.now()), hubState.locale.timeZone);
}

/** The Korean school year that `day` lies in: it begins in March. */
export function schoolYearOf(day: string): number {
  const [year = '2026', month = '3'] = day.split('-');
  return Number(month) < 3 ? Number(year) - 1 : Number(year);
}

/** `day` moved by whole days. */
export function addDays(day: string, days: number): string {
  return new Date(Date.parse(`${day}T12:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
}
