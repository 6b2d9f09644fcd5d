/** Lessons, the live class and the newer kinds of questions, as `hub/wire` has them. */
import type { components } from './schema';

type Schemas = components['schemas'];

export type LessonMode = 'practice' | 'exam';
export type LessonState = 'open' | 'paused' | 'closed';
export type HintCeiling = 'none' | 'nudge' | 'concept' | 'worked_step';
export type CellState = 'not_started' | 'right' | 'not_yet' | 'helping';

export interface RosterEntry {
  pupil_id: string;
  number: number;
  name: string;
}

export interface OpenLesson {
  title: string;
  problem_ids: string[];
  mode?: LessonMode;
  hint_ceiling?: HintCeiling;
  pupil_ids?: string[];
  minutes?: number;
}

export interface LessonView {
  lesson_id: string;
  class_id: string;
  title: string;
  mode: LessonMode;
  hint_ceiling: HintCeiling;
  state: LessonState;
  problems: Schemas['ProblemSummary'][];
  pupil_ids: string[];
  opened_at: string;
  ends_at?: string | null;
  closed_at?: string | null;
}

export interface ExtendLesson {
  minutes: number;
}

export interface Sitting {
  begun_at: string;
  handed_in_at?: string | null;
}

export interface LessonProblems {
  lesson_id: string;
  title: string;
  mode: LessonMode;
  hint_ceiling: HintCeiling;
  state: LessonState;
  ends_at?: string | null;
  sitting?: Sitting | null;
  problem_count: number;
  problems: Schemas['ProblemSummary'][];
}

export interface MyProblems {
  lessons: LessonProblems[];
}

export interface ProblemStanding {
  lesson_id?: string | null;
  problem_version_id: string;
  tries: number;
  solved?: boolean | null;
}

export interface MyStanding {
  problems: ProblemStanding[];
}

export type NoteKind = 'note' | 'step' | 'solution' | 'regraded';

export interface PupilNote {
  note_id: string;
  kind: NoteKind;
  text: string;
  lesson_id?: string | null;
  problem_version_id?: string | null;
  problem_title?: string | null;
  from?: string | null;
  created_at: string;
  seen: boolean;
}

export interface SendNote {
  text: string;
  lesson_id?: string;
  problem_version_id?: string;
}

export type OpenedKind = 'step' | 'solution';

export interface OpenForPupil {
  problem_version_id: string;
  what: OpenedKind;
  lesson_id?: string;
}

export type PupilEvent = { event: 'lessons' } | { event: 'note'; note: PupilNote } | { event: 'beat'; server_time: string };

export interface LiveLesson {
  lesson_id: string;
  title: string;
  mode: LessonMode;
  hint_ceiling: HintCeiling;
  state: LessonState;
  ends_at?: string | null;
}

export type PupilState = 'done' | 'away' | 'asking' | 'stuck' | 'not_started' | 'working';

export type StuckReason =
  | { why: 'same_mistake'; misconception: string; times: number }
  | { why: 'wrong_in_row'; times: number }
  | { why: 'help_used_up'; level: number }
  | { why: 'long_on_one'; minutes: number };

export interface PupilStanding {
  state: PupilState;
  present: boolean;
  since?: string | null;
  stuck: StuckReason[];
  problem_version_id?: string | null;
  handed_in_at?: string | null;
}

export interface LiveCell {
  problem_version_id: string;
  state: CellState;
  tries: number;
  last_attempt?: string | null;
  last_at?: string | null;
}

export interface LivePupil {
  pupil: RosterEntry;
  standing: PupilStanding;
  cells: LiveCell[];
}

export interface ClassLive {
  class_id: string;
  lesson?: LiveLesson | null;
  problems: Schemas['ProblemSummary'][];
  pupils: LivePupil[];
  last_event: number;
  server_time: string;
}

export type LiveEvent =
  | { event: 'cell'; pupil_id: string; lesson_id?: string | null; cell: LiveCell; at: string }
  | { event: 'pupil'; pupil_id: string; lesson_id: string; standing: PupilStanding }
  | { event: 'lesson'; lesson: LiveLesson }
  | { event: 'refetch' }
  | { event: 'beat'; server_time: string };

export interface ClassTeacher {
  user_id: string;
  name: string;
}

export interface ClassGroup {
  group_id: string;
  name: string;
  pupil_ids: string[];
}

export interface SetGroup {
  name: string;
  pupil_ids: string[];
}

export interface ClassDetail extends Omit<Schemas['ClassDetail'], 'lessons' | 'teachers'> {
  teachers: ClassTeacher[];
  groups: ClassGroup[];
  lessons: LessonView[];
}

export interface OverrideGrade {
  right: boolean;
  reason: string;
}

export interface MatchPair {
  left: string;
  right: string;
}

export interface GapAnswer {
  gap: string;
  text: string;
}

export type GapEntry = { kind: 'number' } | { kind: 'text' } | { kind: 'choice'; choices: Schemas['Choice'][] };

export interface Gap {
  id: string;
  entry: GapEntry;
}

export type Answer =
  | Schemas['Answer']
  | { kind: 'true_false'; value: boolean }
  | { kind: 'ordering'; order: string[] }
  | { kind: 'matching'; pairs: MatchPair[] }
  | { kind: 'cloze'; gaps: GapAnswer[] };

export type Question =
  | Schemas['Question']
  | { kind: 'true_false' }
  | { kind: 'ordering'; items: Schemas['Choice'][] }
  | { kind: 'matching'; left: Schemas['Choice'][]; right: Schemas['Choice'][] }
  | { kind: 'cloze'; text: string; gaps: Gap[] };

export type Unreadable = Schemas['Unreadable'] | 'incomplete';

export type Grade = Exclude<Schemas['Grade'], { outcome: 'not_understood' }> | { outcome: 'not_understood'; why: Unreadable };

export interface ProblemView extends Omit<Schemas['ProblemView'], 'question'> {
  question: Question;
}

export interface SubmitAnswer extends Omit<Schemas['SubmitAnswer'], 'answer'> {
  answer: Answer;
}

export interface AttemptReceipt extends Omit<Schemas['AttemptReceipt'], 'grade'> {
  grade?: Grade | null;
}

export interface AttemptView extends Omit<Schemas['AttemptView'], 'grade' | 'answer'> {
  answer: Answer;
  grade?: Grade | null;
  grade_reason?: string | null;
  misconception?: string | null;
  late_by_secs?: number | null;
}

export interface PupilPage extends Omit<Schemas['PupilPage'], 'attempts'> {
  attempts: AttemptView[];
}

export type SignIn = Schemas['SignIn'] | { kind: 'card'; card: string; native?: boolean };

export interface JoinAsParent {
  code: string;
  login_name: string;
  name: string;
  password: string;
  language?: 'ko' | 'en';
  consents?: string[];
}

export interface AddChild {
  code: string;
}

export type ProblemCode =
  | Schemas['ProblemCode']
  | 'too_many_requests'
  | 'lesson_paused'
  | 'exam_running'
  | 'changed'
  | 'bad_file'
  | 'reason_needed';
