/** The cases that the hub's grading and these screens share (`fixtures/kinds`). For tests. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Answer, Grade, Question } from '../api/types';

export interface KindCase {
  belief: string;
  question: Question;
  answers: { answer: Answer; grade: Grade }[];
}

const FOLDER = join(import.meta.dirname, '../../../fixtures/kinds');

export function readKindCases(): KindCase[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .flatMap((name) => (JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as { cases: KindCase[] }).cases);
}
