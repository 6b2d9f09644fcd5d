/** Dates in the school's zone, numbers as the language writes them. */
import type { Language } from '../api/types';

export interface Locale {
  language: Language;
  timeZone: string;
}

function tag(language: Language): string {
  return language === 'ko' ? 'ko-KR' : 'en-GB';
}

/** `11월 23일 (월)` or `Mon 23 Nov`. */
export function formatDay(at: Date, { language, timeZone }: Locale): string {
  return new Intl.DateTimeFormat(tag(language), { timeZone, month: language === 'ko' ? 'long' : 'short', day: 'numeric', weekday: 'short' }).format(at);
}

/** `오후 2:10` or `2:10 pm`, with seconds `오후 2:10:05`; put together here, since browsers do not agree on 오후. */
export function formatTime(at: Date, { language, timeZone }: Locale, seconds = false): string {
  const parts = new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' }).formatToParts(at);
  const hour = Number(parts.find((part) => part.type === 'hour')?.value ?? 0);
  const minute = parts.find((part) => part.type === 'minute')?.value ?? '00';
  const second = parts.find((part) => part.type === 'second')?.value ?? '00';
  const clock = `${hour % 12 === 0 ? 12 : hour % 12}:${minute}${seconds ? `:${second}` : ''}`;
  if (language === 'ko') return `${hour < 12 ? '오전' : '오후'} ${clock}`;
  return `${clock} ${hour < 12 ? 'am' : 'pm'}`;
}

/** `11월 23일 (월) 오후 2:10`. */
export function formatMoment(at: string | Date, locale: Locale): string {
  const date = typeof at === 'string' ? new Date(at) : at;
  return `${formatDay(date, locale)} ${formatTime(date, locale)}`;
}

/** `1,234`. */
export function formatNumber(value: number, language: Language): string {
  return new Intl.NumberFormat(tag(language)).format(value);
}

/** A day given as `YYYY-MM-DD`, which is already in the school's zone: `11/23` and its weekday. */
export function formatCalendarDay(day: string, language: Language): { date: string; weekday: string; long: string } {
  const at = new Date(`${day}T12:00:00Z`);
  const parts = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(tag(language), { timeZone: 'UTC', ...options }).format(at);
  return {
    date: `${at.getUTCMonth() + 1}/${at.getUTCDate()}`,
    weekday: parts({ weekday: 'short' }),
    long: formatDay(at, { language, timeZone: 'UTC' }),
  };
}

/** Today's `YYYY-MM-DD` in the school's zone. */
export function calendarDay(at: Date, timeZone: string): string {
  return new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' }).format(at);
}
