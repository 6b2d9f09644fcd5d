/**
 * What the hub says is wrong with a draft, in the words of the editor. The hub names the field by its path in the
 * draft and gives the reason as an English sentence; a reason that is not known here is shown as it came.
 */
import { s, type StaffTextKey } from '../texts';

/** The fault's place in the editor's words and its reason. */
export interface DraftFault {
  field: string;
  reason: string;
  /** The reason is the hub's own English sentence. */
  untranslated: boolean;
}

const FIELDS: Record<string, StaffTextKey> = {
  skill: 'problem.skill',
  title: 'problem.title',
  statement: 'problem.statement',
  figure: 'problem.figure',
  question: 'problem.kind',
  key: 'problem.key',
  check: 'problem.check',
  solution: 'problem.solution',
  hints: 'problem.hints',
  common_wrong: 'problem.common_wrong',
  draft: 'problem.draft',
};

/** Parts of a path that have a name of their own in the editor. */
const PARTS: Record<string, StaffTextKey> = {
  value: 'problem.value',
  tolerance: 'problem.tolerance',
  units: 'problem.units',
  unit: 'problem.unit',
  accepted: 'problem.accepted',
  alt: 'problem.figure.alt',
  svg: 'problem.figure.svg',
  items: 'problem.items',
  order: 'problem.items',
  left: 'problem.matching.left',
  right: 'problem.matching.right',
  pairs: 'problem.matching.pairs',
  gaps: 'problem.gaps',
  text: 'problem.cloze.text',
  answer: 'problem.common_wrong.answer',
  misconception: 'problem.misconception',
  ko: 'language.ko',
  en: 'language.en',
};

const REASONS: readonly [RegExp, StaffTextKey][] = [
  [/^(?:it is empty|the key accepts no text)$/, 'draft_fault.empty'],
  [/^it is there in no language$/, 'draft_fault.no_language'],
  [/^the statement is there in `(?<lang>\w+)`, this is not$/, 'draft_fault.missing_language'],
  [/^this is there in `(?<lang>\w+)`, the statement is not$/, 'draft_fault.extra_language'],
  [/^it is longer than (?<n>\d+) bytes$/, 'draft_fault.too_long'],
  [/^it holds a control character/, 'draft_fault.character'],
  [/^there are fewer than (?<n>\d+)$/, 'draft_fault.too_few'],
  [/^there are more than (?<n>\d+)$/, 'draft_fault.too_many'],
  [/^another choice says the same$/, 'draft_fault.same_choice'],
  [/^it is not on the list of skills$/, 'draft_fault.no_skill'],
  [/^the question has no such choice$/, 'draft_fault.no_choice'],
  [/^the key names no choice$/, 'draft_fault.no_choice'],
  [/^the key's (?:value|tolerance) cannot be read as a number/, 'draft_fault.not_a_number'],
  [/^it cannot be read as a unit/, 'draft_fault.unit'],
  [/^the key does not accept the unit that the question shows$/, 'draft_fault.unit_not_accepted'],
  [/^the question shows the unit, so it cannot be asked for$/, 'draft_fault.unit_shown'],
  [/^it gives (?<value>.+), which is not the key's value$/, 'draft_fault.check_differs'],
  [/^the key takes this answer as right$/, 'draft_fault.not_wrong'],
  [/^this answer cannot be read/, 'draft_fault.unreadable'],
  [/^another entry is the same answer$/, 'draft_fault.duplicate'],
  [/^the items are shown in the right order already$/, 'draft_fault.in_order'],
  [/^the key names this twice$/, 'draft_fault.twice'],
  [/^the key leaves out `(?<value>.+)`$/, 'draft_fault.left_out'],
  [/^the text has no mark `(?<value>.+)`$/, 'draft_fault.no_mark'],
  [/^the text has the mark `(?<value>.+)` twice$/, 'draft_fault.mark_twice'],
  [/^the text has the mark `(?<value>.+)`, but there is no such gap$/, 'draft_fault.no_gap'],
  [/^the mark `(?<value>.+)` stands inside a formula/, 'draft_fault.mark_in_formula'],
  [/^it tells the answer$/, 'draft_fault.tells'],
];

/** The fault in the detail of a `bad_field` problem; null if it names no field of a draft. */
export function describeDraftFault(detail: string): DraftFault | null {
  const path = /^(?:(?:draft|key): )?([a-z_]+(?:\.[a-z0-9_]+)*): (.+)$/s.exec(detail);
  const [root = '', ...parts] = (path?.[1] ?? '').split('.');
  const rootWord = FIELDS[root];
  if (!path || rootWord === undefined) return null;
  const words = parts.flatMap((part) => {
    if (/^\d+$/.test(part)) return [String(Number(part) + 1)];
    const word = PARTS[part];
    return word === undefined ? [] : [s(word)];
  });
  const told = (path[2] ?? '').trim();
  const field = [s(rootWord), ...words].join(' · ');
  for (const [form, key] of REASONS) {
    const found = form.exec(told);
    if (!found) continue;
    const { lang, n = '', value = '' } = found.groups ?? {};
    return { field, reason: s(key, { n, value, language: lang === 'ko' || lang === 'en' ? s(`language.${lang}`) : '' }), untranslated: false };
  }
  return { field, reason: told, untranslated: true };
}
