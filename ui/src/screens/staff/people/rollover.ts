/** The plan of a new school year as the screen's fields hold it. Pure. */
import type { PlanRollover, RolloverClass, RolloverStep } from '../parts/types';

/** One class and where its pupils go. */
export interface RolloverRow {
  classId: string;
  from: string;
  fromGrade: number;
  pupils: number;
  leaves: boolean;
  grade: string;
  name: string;
}

/** The hub's own proposal as rows: each class one grade up, the last grade leaving. */
export function startRows(steps: readonly RolloverStep[]): RolloverRow[] {
  return [...steps]
    .sort((a, b) => a.from_grade - b.from_grade || a.from.localeCompare(b.from, 'ko', { numeric: true }))
    .map((step) => ({
      classId: step.class_id,
      from: step.from,
      fromGrade: step.from_grade,
      pupils: step.pupils,
      leaves: !step.to,
      grade: String(step.to?.grade ?? Math.min(step.from_grade + 1, 12)),
      name: step.to?.class_name ?? nextName(step.from, step.from_grade),
    }));
}

/** `5-2` becomes `6-2`; a name that does not begin with its grade stays. */
export function nextName(name: string, grade: number): string {
  return name.replace(new RegExp(`^(Grade )?${grade}(?!\\d)`), (_, word: string | undefined) => `${word ?? ''}${grade + 1}`);
}

/**
 * The school years whose classes can go on now, newest first: the present one into the next, and one that nobody ended
 * before March into the present one. Classes left over from earlier still come along.
 */
export function yearsToLeave(years: readonly number[], present: number): number[] {
  const open = [present, present - 1].filter((year) => years.includes(year));
  if (open.length > 0) return open;
  return years.some((year) => year < present) ? [present - 1] : [];
}

/** The plan that the rows say. */
export function writePlan(rows: readonly RolloverRow[], toYear: number): PlanRollover {
  return {
    to_year: toYear,
    classes: rows.map((row): RolloverClass => ({ class_id: row.classId, to: row.leaves ? null : { grade: Number(row.grade), class_name: row.name.trim() } })),
  };
}

/** Rows that go to the same class: their numbers may collide there. */
export function sharedTargets(rows: readonly RolloverRow[]): Set<string> {
  const seen = new Map<string, string>();
  const shared = new Set<string>();
  for (const row of rows) {
    if (row.leaves) continue;
    const target = `${row.grade} ${row.name.trim()}`;
    const first = seen.get(target);
    if (first === undefined) seen.set(target, row.classId);
    else shared.add(first).add(row.classId);
  }
  return shared;
}
