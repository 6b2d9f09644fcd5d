/** What was read from a printed card or letter, until it is used; in memory only. */
class Paper {
  /** The token of a pupil's card. */
  card = $state<string | null>(null);
  /** The code of a parents' letter; empty if the letter was only opened. */
  parentCode = $state<string | null>(null);
}

export const paper = new Paper();
