/** What a list would change, sorted as a teacher reads it: class by class. Pure. */
import type { Placement, RosterChange, RosterPreview } from '../parts/types';

/** All changes that end in one class. */
export interface ClassChanges {
  /** Null where the change does not tell it and no other change of the class does. */
  grade: number | null;
  className: string;
  isNew: boolean;
  added: { number: number; name: string }[];
  moved: { name: string; from: Placement; to: Placement }[];
  renamed: { number: number; from: string; to: string }[];
  returned: { name: string; to: Placement }[];
}

/** The changes by the class they end in, in the order of grade and class. */
export function groupByClass(changes: readonly RosterChange[]): ClassChanges[] {
  const groups: ClassChanges[] = [];
  const groupOf = (grade: number | null, className: string): ClassChanges => {
    const found = groups.find((one) => one.className === className && (grade === null || one.grade === null || one.grade === grade));
    if (found) {
      found.grade ??= grade;
      return found;
    }
    const made: ClassChanges = { grade, className, isNew: false, added: [], moved: [], renamed: [], returned: [] };
    groups.push(made);
    return made;
  };
  for (const change of changes) {
    switch (change.change) {
      case 'new_class':
        groupOf(change.grade, change.class_name).isNew = true;
        break;
      case 'new_pupil':
        groupOf(change.grade, change.class_name).added.push({ number: change.number, name: change.name });
        break;
      case 'move':
        groupOf(change.to.grade, change.to.class_name).moved.push({ name: change.name, from: change.from, to: change.to });
        break;
      case 'rename':
        groupOf(null, change.class_name).renamed.push({ number: change.number, from: change.from, to: change.to });
        break;
      case 'return':
        groupOf(change.to.grade, change.to.class_name).returned.push({ name: change.name, to: change.to });
        break;
    }
  }
  for (const group of groups) {
    group.added.sort((a, b) => a.number - b.number);
    group.moved.sort((a, b) => a.to.number - b.to.number);
    group.renamed.sort((a, b) => a.number - b.number);
    group.returned.sort((a, b) => a.to.number - b.to.number);
  }
  return groups.sort((a, b) => (a.grade ?? 0) - (b.grade ?? 0) || a.className.localeCompare(b.className, 'ko', { numeric: true }));
}

/** The pupils that an import would touch; the missing only if they are to be archived. */
export function countPupils(preview: RosterPreview, archiveMissing: boolean): number {
  const changed = preview.changes.filter((one) => one.change !== 'new_class').length;
  return changed + (archiveMissing ? preview.missing.length : 0);
}

/** `5-2` and `5학년 2반` say the grade themselves; `2` or `햇살` does not. */
export function namesItsGrade(grade: number, className: string): boolean {
  return new RegExp(`^(Grade )?${grade}(?!\\d)`).test(className.trim());
}
