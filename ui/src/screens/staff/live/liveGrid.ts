/**
 * The class picture as rows and columns, and how one event changes it. The hub computes the picture and how every pupil
 * fares; here it is only turned round for the eye. Pure: the same picture and events give the same rows.
 */
import type { ClassLive, LiveCell, LiveEvent, LiveLesson, LivePupil, OpenLessonNow, ProblemSummary, PupilInNeed, StuckReason } from '../../../api/types';

/** Whoever was there and is gone this long is put forward, as the hub does for the other lessons. */
export const LONG_AWAY_MINUTES = 5;

/** A problem of the lesson as a column. */
export interface Column {
  /** From 1. */
  place: number;
  problem: ProblemSummary;
  solved: number;
  /** Pupils who have tried it at least once. */
  tried: number;
}

/** A pupil who may need the teacher now. */
export interface Attention {
  pupil: LivePupil;
  kind: 'stuck' | 'asking' | 'away';
  /** The problem that it is about, if it is about one. */
  cell: LiveCell | null;
  /** Its place, from 1. */
  place: number | null;
  /** Whole minutes that it has been so; null if the hub does not know. */
  minutes: number | null;
}

/** The whole class in figures. */
export interface ClassFigures {
  pupils: number;
  present: number;
  /** Cells that are right, and all cells. */
  solved: number;
  cells: number;
  /** Cells with at least one answer. */
  answered: number;
  asking: number;
  stuck: number;
  /** Pupils who have solved everything, or handed the exam in. */
  done: number;
  /** Pupils who have not begun. */
  waiting: number;
}

/** The picture after one event; `refetch` if only the hub can tell it now. Events may come twice. */
export function applyEvent(picture: ClassLive, event: LiveEvent): ClassLive | 'refetch' {
  switch (event.event) {
    case 'refetch':
      return 'refetch';
    case 'beat':
      return picture;
    case 'lesson':
      return changeLesson(picture, event.lesson);
    case 'open_lessons':
      return { ...picture, open_lessons: event.open_lessons };
    case 'pupil':
      if (event.lesson_id !== picture.lesson?.lesson_id) return picture;
      if (!hasPupil(picture, event.pupil_id)) return 'refetch';
      return changePupil(picture, event.pupil_id, (pupil) => ({ ...pupil, standing: event.standing }));
    case 'cell':
      // An answer to another lesson of the class belongs to another picture.
      if ((event.lesson_id ?? null) !== (picture.lesson?.lesson_id ?? null)) return picture;
      if (!hasPupil(picture, event.pupil_id)) return 'refetch';
      return changePupil(picture, event.pupil_id, (pupil) => ({
        ...pupil,
        cells: pupil.cells.map((cell) => (cell.problem_version_id === event.cell.problem_version_id ? event.cell : cell)),
      }));
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

/** Who may need the teacher: the stuck by how grave it is, then who waits for the tutor, then who is long away. */
export function findAttention(picture: ClassLive, now: number): Attention[] {
  return picture.pupils
    .flatMap((pupil): Attention[] => {
      const { state, since } = pupil.standing;
      const minutes = minutesSince(since, now);
      if (state !== 'stuck' && state !== 'asking' && state !== 'away') return [];
      if (state === 'away' && (minutes === null || minutes < LONG_AWAY_MINUTES)) return [];
      const version = pupil.standing.problem_version_id ?? null;
      const at = picture.problems.findIndex((problem) => problem.problem_version_id === version);
      return [{ pupil, kind: state, cell: version === null ? null : cellOf(pupil, version), place: at < 0 ? null : at + 1, minutes }];
    })
    .sort((a, b) => ORDER[a.kind] - ORDER[b.kind] || graveness(a.pupil) - graveness(b.pupil) || (b.minutes ?? 0) - (a.minutes ?? 0) || a.pupil.pupil.number - b.pupil.pupil.number);
}

/** The other lessons of the class that are not over. */
export function otherLessons(picture: ClassLive): OpenLessonNow[] {
  return picture.open_lessons.filter((one) => one.lesson.lesson_id !== picture.lesson?.lesson_id);
}

/** Who may need the teacher in the other lessons; the hub has put them in order. */
export function findElsewhere(picture: ClassLive): { lesson: LiveLesson; one: PupilInNeed }[] {
  return otherLessons(picture).flatMap(({ lesson, attention }) => attention.map((one) => ({ lesson, one })));
}

/** The class in figures. */
export function countClass(picture: ClassLive): ClassFigures {
  const cells = picture.pupils.flatMap((pupil) => pupil.cells);
  const inState = (state: LivePupil['standing']['state']) => picture.pupils.filter((pupil) => pupil.standing.state === state).length;
  return {
    pupils: picture.pupils.length,
    present: picture.pupils.filter((pupil) => isThere(pupil.standing)).length,
    solved: cells.filter((cell) => cell.state === 'right').length,
    cells: picture.pupils.length * picture.problems.length,
    answered: cells.filter((cell) => cell.tries > 0).length,
    asking: inState('asking'),
    stuck: inState('stuck'),
    done: inState('done'),
    waiting: inState('not_started'),
  };
}

/** Whether the pupil is there: who is signed in and was not heard of for long is away, and the dot says so too. */
export function isThere(standing: LivePupil['standing']): boolean {
  return standing.present && standing.state !== 'away';
}

/** The pupil's cell for a problem version. */
export function cellOf(pupil: LivePupil, problemVersionId: string): LiveCell | null {
  return pupil.cells.find((cell) => cell.problem_version_id === problemVersionId) ?? null;
}

/** Whole minutes since then; null if it is not known. */
export function minutesSince(at: string | null | undefined, now: number): number | null {
  const from = at ? Date.parse(at) : Number.NaN;
  return Number.isFinite(from) ? Math.max(0, Math.floor((now - from) / 60_000)) : null;
}

const ORDER: Record<Attention['kind'], number> = { stuck: 0, asking: 1, away: 2 };
const GRAVE: Record<StuckReason['why'], number> = { same_mistake: 0, wrong_in_row: 1, help_used_up: 2, long_on_one: 3 };

function changeLesson(picture: ClassLive, lesson: LiveLesson): ClassLive | 'refetch' {
  const isShown = lesson.lesson_id === picture.lesson?.lesson_id;
  if (!isShown && !picture.open_lessons.some((one) => one.lesson.lesson_id === lesson.lesson_id)) return 'refetch';
  const open_lessons = picture.open_lessons.map((one) => (one.lesson.lesson_id === lesson.lesson_id ? { ...one, lesson } : one));
  return { ...picture, lesson: isShown ? lesson : picture.lesson, open_lessons };
}

function graveness(pupil: LivePupil): number {
  return Math.min(...pupil.standing.stuck.map((reason) => GRAVE[reason.why]), 9);
}

function hasPupil(picture: ClassLive, pupilId: string): boolean {
  return picture.pupils.some((row) => row.pupil.pupil_id === pupilId);
}

function changePupil(picture: ClassLive, pupilId: string, change: (pupil: LivePupil) => LivePupil): ClassLive {
  return { ...picture, pupils: picture.pupils.map((row) => (row.pupil.pupil_id === pupilId ? change(row) : row)) };
}
