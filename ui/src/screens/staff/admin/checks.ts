/** The doctor's checks that have a name of their own here; another one is shown by the name the hub gives it. */
export const KNOWN_CHECKS = ['ports', 'firewall', 'discovery', 'disk', 'data', 'keys', 'memory', 'clock', 'database', 'audit', 'model', 'engine', 'certificates', 'backups'] as const;

/** The kinds of data that are kept for a time. */
export const KNOWN_KINDS = ['ai_text', 'audit', 'answers', 'sessions', 'notices', 'notes', 'parent_codes', 'roster_changes'] as const;
export type KnownKind = (typeof KNOWN_KINDS)[number];

/** Deeds in the audit log by the hub's words for them; another one is shown as it comes. */
export const KNOWN_ACTIONS = [
  'sign in', 'change password', 'reset secret', 'make card', 'end sessions', 'end session: token reused', 'delay sign-in',
  'add user', 'archive user', 'add pupil', 'move pupil', 'move pupil out', 'import list', 'import pupil', 'undo list',
  'change year', 'make parent code', 'join as parent', 'link child', 'add class', 'set class', 'archive class', 'add teacher',
  'remove teacher', 'add group', 'change group', 'remove group', 'open lesson', 'pause lesson', 'resume lesson', 'extend lesson',
  'close lesson', 'reopen lesson', 'begin exam', 'hand in exam', 'send note', 'open step', 'open solution', 'override grade',
  'take grade back', 'correct key', 'undo correction of key', 'regrade', 'add problem', 'change problem', 'archive problem',
  'import problems', 'export problems', 'export class', 'give consent', 'export audit log', 'add api key', 'revoke api key',
  'set up hub', 'rotate secrets', 'reset password',
] as const;
export type KnownAction = (typeof KNOWN_ACTIONS)[number];
