/**
 * The hub's types under short names. They come from `schema.ts`, which is generated from the hub's own description
 * of its API; nothing here is written by hand but the names.
 */
import type { components } from './schema';

export type * from './lessonTypes.ts';

type Schemas = components['schemas'];

export type AddClass = Schemas['AddClass'];
export type AddPupil = Schemas['AddPupil'];
export type AddUser = Schemas['AddUser'];
export type AnswerKey = Schemas['AnswerKey'];
export type ChangePassword = Schemas['ChangePassword'];
export type Child = Schemas['Child'];
export type Choice = Schemas['Choice'];
export type ChoiceDraft = Schemas['ChoiceDraft'];
export type ClassSettings = Schemas['ClassSettings'];
export type ClassSummary = Schemas['ClassSummary'];
export type CommonWrong = Schemas['CommonWrong'];
export type DayProgress = Schemas['DayProgress'];
export type DraftTrial = Schemas['DraftTrial'];
export type EngineView = Schemas['EngineView'];
export type Feedback = Schemas['Feedback'];
export type FeedbackEvent = Schemas['FeedbackEvent'];
export type FeedbackFailure = Schemas['FeedbackFailure'];
export type Figure = Schemas['Figure'];
export type FigureDraft = Schemas['FigureDraft'];
export type FormFault = Schemas['FormFault'];
export type HelpTicket = Schemas['HelpTicket'];
export type HintReason = Schemas['HintReason'];
export type HubInfo = Schemas['HubInfo'];
export type Language = Schemas['Language'];
export type Localised = Schemas['Localised'];
export type MasteryLevel = Schemas['MasteryLevel'];
export type Me = Schemas['Me'];
export type ModelView = Schemas['ModelView'];
export type NewSecret = Schemas['NewSecret'];
export type NextSteps = Schemas['NextSteps'];
export type Notice = Schemas['Notice'];
export type NumberEntry = Schemas['NumberEntry'];
export type Problem = Schemas['Problem'];
export type ProblemDraft = Schemas['ProblemDraft'];
export type ProblemForEditing = Schemas['ProblemForEditing'];
export type ProblemListing = Schemas['ProblemListing'];
export type ProblemSummary = Schemas['ProblemSummary'];
export type Progress = Schemas['Progress'];
export type QuestionDraft = Schemas['QuestionDraft'];
export type ReleasedSolution = Schemas['ReleasedSolution'];
export type Role = Schemas['Role'];
export type Roster = Schemas['Roster'];
export type SessionView = Schemas['SessionView'];
export type SetUpHub = Schemas['SetUpHub'];
export type SignedIn = Schemas['SignedIn'];
export type Skill = Schemas['Skill'];
export type SkillProgress = Schemas['SkillProgress'];
export type TryDraft = Schemas['TryDraft'];
export type UserView = Schemas['UserView'];
