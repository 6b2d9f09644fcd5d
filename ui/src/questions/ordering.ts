/** The order that stands on the screen. */
import type { Answer, Question } from '../api/types';

/** The ids in the answer's order; what it leaves out follows, and what it does not know is left out. */
export function orderOf(question: Extract<Question, { kind: 'ordering' }>, answer: Answer | null): string[] {
  const ids = question.items.map((item) => item.id);
  if (answer?.kind !== 'ordering') return ids;
  const known = answer.order.filter((id, at) => ids.includes(id) && answer.order.indexOf(id) === at);
  return [...known, ...ids.filter((id) => !known.includes(id))];
}

/** The list with the item at `from` moved to `to`. */
export function moveItem(order: readonly string[], from: number, to: number): string[] {
  const next = [...order];
  const [moved] = next.splice(from, 1);
  if (moved !== undefined) next.splice(to, 0, moved);
  return next;
}
