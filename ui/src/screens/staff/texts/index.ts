import { makeTranslator } from '../../../i18n';
import { en } from './en';
import { ko } from './ko';

export type StaffTextKey = keyof typeof ko;

/** The texts of the staff's screens, loaded with them so that no pupil's device fetches them. */
export const s = makeTranslator<StaffTextKey>({ ko, en });
