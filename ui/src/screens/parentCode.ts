/** The one-time code of a parents' letter: twelve letters and digits in three groups. */
const LENGTH = 12;

/** As it is printed: capitals in groups of four, whatever was typed between them. */
export function writeParentCode(text: string): string {
  const bare = text.normalize('NFKC').toUpperCase().replace(/[^0-9A-Z]/g, '').slice(0, LENGTH);
  return bare.match(/.{1,4}/g)?.join('-') ?? '';
}

export function isParentCode(text: string): boolean {
  return writeParentCode(text).replaceAll('-', '').length === LENGTH;
}
