/** What a report says, in words and orders. Pure but for the dictionary. */
import { addDays } from '../parts/schoolYear';
import type { NeedReason, ReportRow } from '../parts/types';
import { s } from '../texts';

/** The days a report may be asked for without choosing them by hand. */
export const PERIODS = ['7', '14', '30', '90'] as const;
export type Period = (typeof PERIODS)[number] | 'own';

/** The first and last day of a period that ends today. */
export function daysOf(period: Exclude<Period, 'own'>, today: string): { from: string; to: string } {
  return { from: addDays(today, 1 - Number(period)), to: today };
}

/** Why a pupil needs somebody, as one sentence. */
export function describeReason(reason: NeedReason): string {
  switch (reason.why) {
    case 'stuck':
      return s('report.need.stuck', { n: reason.problems, skill: reason.skill_name });
    case 'falling':
      return s('report.need.falling', { before: percent(reason.before), now: percent(reason.now) });
    case 'not_used':
      return reason.days == null ? s('report.need.never') : s('report.need.not_used', { n: reason.days });
  }
}

/** 0 to 1 as whole per cent. */
export function percent(share: number): number {
  return Math.round(share * 100);
}

/** How many pupils stand at each level of a skill; those who tried nothing are counted apart. */
export function countLevels(rows: readonly ReportRow[], column: number): { starting: number; growing: number; secure: number; none: number } {
  const counts = { starting: 0, growing: 0, secure: 0, none: 0 };
  for (const row of rows) counts[row.cells[column]?.level ?? 'none'] += 1;
  return counts;
}
