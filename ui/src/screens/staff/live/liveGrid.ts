/**
 * The class picture as rows and columns, and how one event changes it. The hub computes the picture; here it is only
 * turned round for the eye. Pure: the same picture and events give the same rows.
 */
import type { ClassLive, LiveCell, LiveEvent, LivePupil, ProblemSummary } from '../../../api/types';

/** Tries without success from which a pupil is put forward. */
export const MANY_TRIES = 3;

/** A problem of the lesson as a column. */
export interface Column {
  /** From 1. */
  place: number;
  problem: ProblemSummary;
  solved: number;
  /** Pupils who have tried it at least once. */
  tried: number;
}

/** A pupil's problem on which help may be due. */
export interface Stuck {
  pupil: LivePupil;
  cell: LiveCell;
  /** Place of the problem, from 1. */
  place: number;
}

/** The whole class in figures. */
export interface ClassFigures {
  pupils: number;
  present: number;
  solved: number;
  cells: number;
  helping: number;
}

/** The picture after one event; `refetch` if only the hub can tell it now. Events may come twice. */
export function applyEvent(picture: ClassLive, event: LiveEvent): ClassLive | 'refetch' {
  switch (event.event) {
    case 'refetch':
      return 'refetch';
    case 'presence': {
      if (!hasPupil(picture, event.pupil_id)) return 'refetch';
      return changePupil(picture, event.pupil_id, (pupil) => ({ ...pupil, present: event.present }));
    }
    case 'cell': {
      // An answer to another lesson of the class belongs to another picture.
      if ((event.lesson_id ?? null) !== (picture.lesson_id ?? null)) return picture;
      if (!hasPupil(picture, event.pupil_id)) return 'refetch';
      return changePupil(picture, event.pupil_id, (pupil) => ({
        ...pupil,
        cells: pupil.cells.map((cell) => (cell.problem_version_id === event.cell.problem_version_id ? event.cell : cell)),
      }));
    }
  }
}

/** The pupils by their number in the class. */
export function sortRows(picture: ClassLive): LivePupil[] {
  return [...picture.pupils].sort((a, b) => a.pupil.number - b.pupil.number);
}

/** The problems in order, each with how many have solved and tried it. */
export function countColumns(picture: ClassLive): Column[] {
  return picture.problems.map((problem, i) => {
    const cells = picture.pupils.flatMap((pupil) => cellOf(pupil, problem.problem_version_id) ?? []);
    return {
      place: i + 1,
      problem,
      solved: cells.filter((cell) => cell.state === 'right').length,
      tried: cells.filter((cell) => cell.tries > 0).length,
    };
  });
}

/** Who has tried one problem often without success: the most tries first, one entry for each pupil. */
export function findStuck(picture: ClassLive): Stuck[] {
  const stuck = picture.pupils.flatMap((pupil): Stuck[] => {
    const worst = picture.problems
      .flatMap((problem, i) => {
        const cell = cellOf(pupil, problem.problem_version_id);
        return cell && cell.state !== 'right' && cell.tries >= MANY_TRIES ? [{ pupil, cell, place: i + 1 }] : [];
      })
      .sort((a, b) => b.cell.tries - a.cell.tries);
    return worst.slice(0, 1);
  });
  return stuck.sort((a, b) => b.cell.tries - a.cell.tries || a.pupil.pupil.number - b.pupil.pupil.number);
}

/** The class in figures. */
export function countClass(picture: ClassLive): ClassFigures {
  const cells = picture.pupils.flatMap((pupil) => pupil.cells);
  return {
    pupils: picture.pupils.length,
    present: picture.pupils.filter((pupil) => pupil.present).length,
    solved: cells.filter((cell) => cell.state === 'right').length,
    cells: picture.pupils.length * picture.problems.length,
    helping: picture.pupils.filter((pupil) => pupil.cells.some((cell) => cell.state === 'helping')).length,
  };
}

/** The pupil's cell for a problem version. */
export function cellOf(pupil: LivePupil, problemVersionId: string): LiveCell | null {
  return pupil.cells.find((cell) => cell.problem_version_id === problemVersionId) ?? null;
}

function hasPupil(picture: ClassLive, pupilId: string): boolean {
  return picture.pupils.some((row) => row.pupil.pupil_id === pupilId);
}

function changePupil(picture: ClassLive, pupilId: string, change: (pupil: LivePupil) => LivePupil): ClassLive {
  return { ...picture, pupils: picture.pupils.map((row) => (row.pupil.pupil_id === pupilId ? change(row) : row)) };
}
