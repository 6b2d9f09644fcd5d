/** The doctor's checks that have a name of their own here; another one is shown by the name the hub gives it. */
export const KNOWN_CHECKS = ['ports', 'firewall', 'discovery', 'disk', 'data', 'keys', 'memory', 'clock', 'database', 'audit', 'model', 'engine', 'certificates', 'backups'] as const;

/** The kinds of data that are kept for a time. */
export const KNOWN_KINDS = ['ai_text', 'audit', 'answers', 'sessions', 'notices', 'notes', 'parent_codes', 'roster_changes'] as const;
export type KnownKind = (typeof KNOWN_KINDS)[number];
