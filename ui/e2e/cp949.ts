/** Text in CP949, as Excel on a Korean Windows saves a CSV. Node reads it but does not write it. */
export function encodeCp949(text: string): Buffer {
  const bytes: number[] = [];
  for (const character of text) {
    const known = character < '\u0080' ? [character.charCodeAt(0)] : table().get(character);
    if (known === undefined) throw new Error(`CP949 has no ${character}`);
    bytes.push(...known);
  }
  return Buffer.from(bytes);
}

let made: Map<string, number[]> | null = null;

function table(): Map<string, number[]> {
  if (made !== null) return made;
  made = new Map();
  const decoder = new TextDecoder('euc-kr');
  for (let lead = 0x81; lead <= 0xfe; lead++) {
    for (let trail = 0x41; trail <= 0xfe; trail++) {
      const character = decoder.decode(new Uint8Array([lead, trail]));
      if ([...character].length === 1 && character !== '\ufffd') made.set(character, [lead, trail]);
    }
  }
  return made;
}
