/** Types of the hub that only the staff's screens beyond the lesson use, under short names. */
export type EncodingName = string;
type Language = 'ko' | 'en';
export interface RosterEntry { pupil_id: string; number: number; name: string }
export interface PlacedPupil { pupil_id: string; name: string; grade: number; class_name: string; number: number }
export interface Placement { grade: number; class_name: string; number: number }
export type RosterChange =
  | { change: 'new_class'; grade: number; class_name: string; pupils: number }
  | { change: 'new_pupil'; grade: number; class_name: string; number: number; name: string }
  | { change: 'move'; pupil_id: string; name: string; from: Placement; to: Placement }
  | { change: 'rename'; pupil_id: string; number: number; class_name: string; from: string; to: string }
  | { change: 'return'; pupil_id: string; name: string; to: Placement };
export type RosterFaultKind =
  | 'no_header' | 'no_rows' | 'missing_column' | 'bad_grade' | 'bad_class' | 'bad_number' | 'bad_name'
  | 'duplicate_number' | 'formula' | 'other_teachers_class' | 'too_many_rows' | 'too_many_columns';
export interface RosterFault { line?: number | null; kind: RosterFaultKind; value: string }
export interface RosterPreview {
  file_name: string; encoding: string; school_year: number; rows: number;
  changes: RosterChange[]; missing: PlacedPupil[]; faults: RosterFault[]; digest: string;
}
export interface RosterImported {
  change_id: string; classes_added: number; pupils_added: number; moved: number; renamed: number;
  returned: number; archived: number; class_ids: string[];
}
export interface MakeCards { pupil_ids?: string[]; everyone?: boolean; language?: Language }
export interface StaffEntry { user_id: string; name: string; login_name: string }
export interface MovePupil { class_id?: string | null; number?: number; from_day?: string }
export interface Enrolment { class_id: string; class_name: string; school_year: number; number: number; from_day: string; to_day?: string | null }
export interface ParentCode { pupil: RosterEntry; code: string; expires_at: string }
export interface MakeParentCodes { pupil_ids?: string[] }
export interface RolloverTarget { grade: number; class_name: string }
export interface RolloverClass { class_id: string; to?: RolloverTarget | null }
export interface PlanRollover { to_year: number; classes: RolloverClass[] }
export interface RolloverStep { class_id: string; from: string; from_grade: number; to?: RolloverTarget | null; pupils: number }
export interface RolloverPreview {
  from_year: number; to_year: number; classes: RolloverStep[]; pupils_up: number; pupils_leaving: number; conflicts: string[]; digest: string;
}
export interface ApplyRollover { plan: PlanRollover; digest: string }
export interface RosterChangeView {
  change_id: string; kind: 'import' | 'rollover'; file_name: string; by?: string | null; summary: string;
  created_at: string; undone_at?: string | null; can_undo: boolean;
}
export interface ClassGroup { group_id: string; name: string; pupil_ids: string[] }
export interface SetGroup { name: string; pupil_ids: string[] }
export interface ClassTeacher { user_id: string; name: string }

export type MasteryLevel = 'starting' | 'growing' | 'secure';
export interface ReportSkill { skill: string; name: string }
export interface ReportCell { mastery: number; level: MasteryLevel; attempts: number; right: number }
export interface ReportRow { pupil: RosterEntry; answers: number; last_day?: string | null; cells: (ReportCell | null)[] }
export interface WrongAnswer { answer: string; count: number; misconception?: string | null }
export interface DifficultProblem {
  problem_version_id: string; title: string; skill: string; pupils_tried: number; pupils_solved: number; tries: number; wrong_answers: WrongAnswer[];
}
export type NeedReason =
  | { why: 'stuck'; problems: number; skill: string; skill_name: string }
  | { why: 'falling'; before: number; now: number }
  | { why: 'not_used'; days?: number | null };
export interface NeedsHelp { pupil: RosterEntry; reasons: NeedReason[] }
export interface ClassReport {
  class_id: string; class_name: string; from: string; to: string; answers: number;
  skills: ReportSkill[]; pupils: ReportRow[]; problems: DifficultProblem[]; needs_help: NeedsHelp[];
}
export interface SkillWeek { week: string; attempts: number; right: number; mastery: number }
export interface SkillOverTime { skill: string; name: string; weeks: SkillWeek[] }
export interface PupilReport { pupil: RosterEntry; skills: SkillOverTime[] }
export type ExportKind = 'skills' | 'answers' | 'problems' | 'roster';
export interface ExportClass { what: ExportKind; reason: string; from?: string; to?: string }

import type { Grade } from '../../../api/types';
export interface CorrectKey { key: AnswerKey; check?: string }
export interface RegradeChange { attempt_id: string; pupil: RosterEntry; class_name?: string | null; answer: string; before: Grade; after: Grade }
export interface RegradePreview { answers: number; changes: RegradeChange[]; elsewhere: number; kept_by_teacher: number; digest: string }
export interface ApplyRegrade { correction: CorrectKey; digest: string; reason: string }
export interface RegradeView {
  regrade_id: string; problem_id: string; key_version_id: string; reason: string; by?: string | null; changed: number; created_at: string; undone_at?: string | null;
}

export interface HubAddress { host_name?: string | null; urls: string[]; qr_svg: string; on_network: boolean }
export type DoctorLevel = 'ok' | 'warn' | 'fail';
export interface DoctorFinding { check: string; level: DoctorLevel; text: string; next_step?: string | null }
export interface DoctorReport { at: string; findings: DoctorFinding[] }
export interface AuditView { seq: number; at: string; actor?: string | null; origin: string; action: string; subject?: string | null; detail: string }
export interface AuditPage { entries: AuditView[]; next?: number | null; broken_at?: number | null }
export interface AddApiKey { name: string; per_minute: number; days?: number }
export interface NewApiKey { api_key_id: string; key: string }
export interface ApiKeyView {
  api_key_id: string; name: string; per_minute: number; created_at: string; expires_at?: string | null; last_used_at?: string | null; revoked: boolean;
}

export interface RetentionLine { kind: string; keep_days: number; due: number; oldest?: string | null }
export interface RetentionReport { at: string; lines: RetentionLine[]; last_run_at?: string | null }
export interface ConsentView {
  consent_id: string; scope: string; method: string; text_version: string; guardian?: string | null; given_at: string; withdrawn_at?: string | null;
}
export interface RecordConsent { scope: string; method: string; text_version: string }
export interface GiveReason { reason: string }
export interface ErasePupil { reason: string; name: string }
export interface Erased { pupil_id: string; answers: number; in_backups_days: number }

export type ProblemFormat = 'gift' | 'moodle_xml';
export type ImportOutcome = 'taken' | 'changed' | 'refused';
export interface ImportItem {
  position: number; line?: number | null; title: string; outcome: ImportOutcome; remarks: string[]; problem_id?: string | null;
}
export interface ImportReport { format: ProblemFormat; items: ImportItem[]; taken: number; changed: number; refused: number; digest: string }
export interface ExportProblems { format: ProblemFormat; problem_ids?: string[] }

import type { Answer as AnyAnswer, ChoiceDraft, FigureDraft, Localised, MatchPair, NumberEntry } from '../../../api/types';
import type { components } from '../../../api/schema';
type Schemas = components['schemas'];
export type GapEntryDraft = { kind: 'number' } | { kind: 'text' } | { kind: 'choice'; choices: ChoiceDraft[] };
export interface GapDraft { id: string; entry: GapEntryDraft }
export type QuestionDraft =
  | Schemas['QuestionDraft']
  | { kind: 'true_false' }
  | { kind: 'ordering'; items: ChoiceDraft[] }
  | { kind: 'matching'; left: ChoiceDraft[]; right: ChoiceDraft[] }
  | { kind: 'cloze'; text: Localised; gaps: GapDraft[] };
export type GapKeyKind = { kind: 'number'; value: string; tolerance?: string | null } | { kind: 'text'; accepted: string[] } | { kind: 'choice'; choice: string };
export interface GapKey { gap: string; key: GapKeyKind }
export type AnswerKey =
  | Schemas['AnswerKey']
  | { kind: 'true_false'; value: boolean }
  | { kind: 'ordering'; order: string[] }
  | { kind: 'matching'; pairs: MatchPair[] }
  | { kind: 'cloze'; gaps: GapKey[] };
export interface CommonWrong { answer: AnyAnswer; misconception: Localised }
export interface ProblemDraft {
  skill: string; title: Localised; statement: Localised; figure?: FigureDraft | null; question: QuestionDraft; key: AnswerKey;
  check?: string | null; solution: Localised; hints?: Localised[]; common_wrong?: CommonWrong[];
}
export interface ProblemForEditing { problem_id: string; problem_version_id: string; version: number; draft: ProblemDraft }
export interface TryDraft { draft: ProblemDraft; answer: AnyAnswer }
export type { NumberEntry };
