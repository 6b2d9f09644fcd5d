/** Classes and places in words. */
import { s } from '../texts';
import type { Placement } from '../parts/types';
import { namesItsGrade } from './rosterChanges';

/** `5-2`, or `5학년 햇살` where the name does not say its grade. */
export function describeClass(grade: number | null, className: string): string {
  return grade === null || namesItsGrade(grade, className) ? className : s('people.class_of_grade', { grade: String(grade), name: className });
}

/** `5-2 7번`. */
export function describePlace({ grade, class_name, number }: Placement): string {
  return s('people.place', { class: describeClass(grade, class_name), number });
}
