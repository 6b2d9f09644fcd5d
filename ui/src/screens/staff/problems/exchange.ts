/** Files of problems from other programs: which format a file is in. Pure. */
import type { ProblemFormat } from '../parts/types';

export const FORMATS: readonly ProblemFormat[] = ['gift', 'moodle_xml'];

/** By its name, else by how it begins; null if neither says. */
export function guessFormat(name: string, head: string): ProblemFormat | null {
  if (/\.xml$/i.test(name)) return 'moodle_xml';
  if (/\.gift$/i.test(name)) return 'gift';
  const text = head.replace(/^\uFEFF/, '').trimStart();
  if (/^<\?xml|^<quiz[\s>]/i.test(text)) return 'moodle_xml';
  if (/^(\/\/|::|\$CATEGORY:)/m.test(text) || /\{[^{}]*[=~#TF][^{}]*\}/.test(text)) return 'gift';
  return null;
}

/** The ending of an exported file. */
export function endingOf(format: ProblemFormat): string {
  return format === 'gift' ? 'gift.txt' : 'xml';
}
