/** The order that classes stand in wherever they are listed. */
import type { ClassSummary } from '../../../api/types';

/** The latest school year first; within a year by grade, then by name with its numbers as numbers. */
export function compareClasses(a: ClassSummary, b: ClassSummary): number {
  return b.school_year - a.school_year || a.grade - b.grade || a.name.localeCompare(b.name, 'ko', { numeric: true });
}
