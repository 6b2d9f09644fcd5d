/** Korean particles, whose form hangs on the sound that the word before them ends in. */

/** The form after a consonant and after a vowel. */
const FORMS = [
  ['을', '를'],
  ['이', '가'],
  ['은', '는'],
  ['과', '와'],
  ['으로', '로'],
] as const;

/** How 0 to 9 end when they are read: 영, 일, 이, 삼, 사, 오, 육, 칠, 팔, 구. Tens and above end in a consonant, as 0 does. */
const DIGITS = ['other', 'rieul', 'vowel', 'other', 'vowel', 'vowel', 'other', 'rieul', 'rieul', 'vowel'] as const;
/** Units are read in full, 센티미터, and end in a vowel as 퍼센트 and 도 do. */
const UNIT = /(\d\s*(?:[mck]?m[²³]?|[mk]?g|m?l|m?L)|[%°℃])$/;

type Ending = 'vowel' | 'rieul' | 'other';

/** The form of a particle, named by either of its forms, that fits after the word. An unknown one stays as it is. */
export function particleAfter(word: string, particle: string): string {
  const forms = FORMS.find((both) => both.some((form) => form === particle));
  if (!forms) return particle;
  const ending = endingOf(word);
  const closed = forms[0] === '으로' ? ending === 'other' : ending !== 'vowel';
  return forms[closed ? 0 : 1];
}

function endingOf(word: string): Ending {
  if (UNIT.test(word.trim())) return 'vowel';
  const spoken = word.replace(/[^\p{L}\p{N}/]+$/u, '');
  // A fraction is read from below: 3/4 is 사분의 삼.
  const last = (/(\d+)\/\d+$/.exec(spoken)?.[1] ?? spoken).at(-1) ?? '';
  const code = last.codePointAt(0) ?? 0;
  if (code >= 0xac00 && code <= 0xd7a3) {
    const final = (code - 0xac00) % 28;
    return final === 0 ? 'vowel' : final === 8 ? 'rieul' : 'other';
  }
  if (/\d/.test(last)) return DIGITS[Number(last)] ?? 'vowel';
  // Letters by their names or by the sound of the word: 엘, 엠, 엔, and -ing; 알 only as a letter of its own.
  if (/l$/i.test(spoken) || /(^|[^a-z])R$/.test(spoken)) return 'rieul';
  return /([mn]|ng)$/i.test(spoken) ? 'other' : 'vowel';
}
