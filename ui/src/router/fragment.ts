/**
 * Addresses on paper: `#/card/<token>` of a pupil's card and `#/join/<code>` of a parents' letter. They stand after the
 * number sign, so that what is secret never reaches a server's log; here it is taken off the address at once, so that
 * it stays in no history either.
 */
export type Fragment = { kind: 'card'; token: string } | { kind: 'join'; code: string };

/** What the part after `#` asks for; null if it is none of these. */
export function readFragment(hash: string): Fragment | null {
  const card = /^#\/card\/([^/?#]{1,400})$/.exec(hash)?.[1];
  if (card !== undefined) return { kind: 'card', token: decode(card) };
  const join = /^#\/join(?:\/([^/?#]{0,60}))?\/?$/.exec(hash);
  if (join) return { kind: 'join', code: decode(join[1] ?? '') };
  return null;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
