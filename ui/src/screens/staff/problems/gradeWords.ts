/** A grade in the few words that a table has room for. */
import type { Grade } from '../../../api/types';
import { s } from '../texts';

export function describeGrade(grade: Grade): string {
  switch (grade.outcome) {
    case 'right_but_form':
      return `${s('grade.right_but_form')} · ${s(`form.${grade.what}`)}`;
    case 'right':
    case 'wrong':
    case 'not_understood':
      return s(`grade.${grade.outcome}`);
  }
}
