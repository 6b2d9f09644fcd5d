/**
 * The hub's types that only the staff's screens beyond the lesson use, under short names. They come from `schema.ts`.
 */
import type { components } from '../../../api/schema';

type Schemas = components['schemas'];

export type AddApiKey = Schemas['AddApiKey'];
export type AnswerKey = Schemas['AnswerKey'];
export type ApiKeyView = Schemas['ApiKeyView'];
export type ApplyRegrade = Schemas['ApplyRegrade'];
export type ApplyRollover = Schemas['ApplyRollover'];
export type AuditDeed = Schemas['AuditDeed'];
export type AuditPage = Schemas['AuditPage'];
export type AuditView = Schemas['AuditView'];
export type AddBackupTarget = Schemas['AddBackupTarget'];
export type BackupState = Schemas['BackupState'];
export type BackupTargetView = Schemas['BackupTargetView'];
export type ClassGroup = Schemas['ClassGroup'];
export type ClassReport = Schemas['ClassReport'];
export type ClassTeacher = Schemas['ClassTeacher'];
export type CommonWrong = Schemas['CommonWrong'];
export type CorrectKey = Schemas['CorrectKey'];
export type DifficultProblem = Schemas['DifficultProblem'];
export type DoctorFinding = Schemas['DoctorFinding'];
export type DoctorLevel = Schemas['DoctorLevel'];
export type DoctorReport = Schemas['DoctorReport'];
export type Enrolment = Schemas['Enrolment'];
export type ExportClass = Schemas['ExportClass'];
export type ExportKind = Schemas['ExportKind'];
export type ExportProblems = Schemas['ExportProblems'];
export type GapDraft = Schemas['GapDraft'];
export type GapEntryDraft = Schemas['GapEntryDraft'];
export type GapKey = Schemas['GapKey'];
export type GapKeyKind = Schemas['GapKeyKind'];
export type GiveReason = Schemas['GiveReason'];
export type HubAddress = Schemas['HubAddress'];
export type ImportItem = Schemas['ImportItem'];
export type ImportOutcome = Schemas['ImportOutcome'];
export type ImportReport = Schemas['ImportReport'];
export type MakeCards = Schemas['MakeCards'];
export type MakeParentCodes = Schemas['MakeParentCodes'];
export type MasteryLevel = Schemas['MasteryLevel'];
export type MovePupil = Schemas['MovePupil'];
export type NeedReason = Schemas['NeedReason'];
export type NeedsHelp = Schemas['NeedsHelp'];
export type NewApiKey = Schemas['NewApiKey'];
export type NumberEntry = Schemas['NumberEntry'];
export type ParentCode = Schemas['ParentCode'];
export type PlacedPupil = Schemas['PlacedPupil'];
export type Placement = Schemas['Placement'];
export type PlanRollover = Schemas['PlanRollover'];
export type ProblemDraft = Schemas['ProblemDraft'];
export type ProblemForEditing = Schemas['ProblemForEditing'];
export type ProblemFormat = Schemas['ProblemFormat'];
export type PupilReport = Schemas['PupilReport'];
export type QuestionDraft = Schemas['QuestionDraft'];
export type RegradeChange = Schemas['RegradeChange'];
export type RegradePreview = Schemas['RegradePreview'];
export type RegradeView = Schemas['RegradeView'];
export type ReportCell = Schemas['ReportCell'];
export type ReportRow = Schemas['ReportRow'];
export type ReportSkill = Schemas['ReportSkill'];
export type RolloverClass = Schemas['RolloverClass'];
export type RolloverPreview = Schemas['RolloverPreview'];
export type RolloverStep = Schemas['RolloverStep'];
export type RolloverTarget = Schemas['RolloverTarget'];
export type RosterChange = Schemas['RosterChange'];
export type RosterChangeView = Schemas['RosterChangeView'];
export type RosterEntry = Schemas['RosterEntry'];
export type RosterFault = Schemas['RosterFault'];
export type RosterFaultKind = Schemas['RosterFaultKind'];
export type RosterImported = Schemas['RosterImported'];
export type RosterPreview = Schemas['RosterPreview'];
export type SinceRestore = Schemas['SinceRestore'];
export type SetGroup = Schemas['SetGroup'];
export type SkillOverTime = Schemas['SkillOverTime'];
export type SkillWeek = Schemas['SkillWeek'];
export type StaffEntry = Schemas['StaffEntry'];
export type TryDraft = Schemas['TryDraft'];
export type WrongAnswer = Schemas['WrongAnswer'];

/** `wire::privacy`, until its routes are in the description. */
export interface ConsentView {
  consent_id: string; scope: string; method: string; text_version: string; guardian?: string | null; given_at: string; withdrawn_at?: string | null;
}
export interface ErasePupil { reason: string; name: string }
export interface Erased { pupil_id: string; answers: number; in_backups_days: number }
export interface RecordConsent { scope: string; method: string; text_version: string }
export interface RetentionLine { kind: string; keep_days: number; due: number; oldest?: string | null }
export interface RetentionReport { at: string; lines: RetentionLine[]; last_run_at?: string | null }
