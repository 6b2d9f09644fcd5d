/** A browser's own name for itself, in words that a person recognises: `크롬 · 윈도우 컴퓨터`. */
import type { Language } from '../api/types';

type Words = Record<Language, string>;

const BROWSERS: readonly [RegExp, Words][] = [
  [/DreamSeed/i, { ko: '드림시드 앱', en: 'DreamSeed app' }],
  [/Whale\//, { ko: '웨일', en: 'Whale' }],
  [/SamsungBrowser\//, { ko: '삼성 인터넷', en: 'Samsung Internet' }],
  [/Edg(e|A|iOS)?\//, { ko: '엣지', en: 'Edge' }],
  [/(Firefox|FxiOS)\//, { ko: '파이어폭스', en: 'Firefox' }],
  [/(Chrome|CriOS|Chromium|HeadlessChrome)\//, { ko: '크롬', en: 'Chrome' }],
  [/Safari\//, { ko: '사파리', en: 'Safari' }],
];

const DEVICES: readonly [RegExp, Words][] = [
  [/iPad/, { ko: '아이패드', en: 'iPad' }],
  [/iPhone/, { ko: '아이폰', en: 'iPhone' }],
  [/Android.*Mobile/, { ko: '안드로이드 전화기', en: 'Android phone' }],
  [/Android/, { ko: '안드로이드 태블릿', en: 'Android tablet' }],
  [/CrOS/, { ko: '크롬북', en: 'Chromebook' }],
  [/Windows/, { ko: '윈도우 컴퓨터', en: 'Windows computer' }],
  [/Macintosh|Mac OS/, { ko: '맥', en: 'Mac' }],
  [/Linux|X11/, { ko: '리눅스 컴퓨터', en: 'Linux computer' }],
];

/** Browser and device; the first words of what was sent if neither is known. */
export function describeAgent(agent: string, language: Language): string {
  const find = (among: readonly [RegExp, Words][]) => among.find(([pattern]) => pattern.test(agent))?.[1][language];
  const known = [find(BROWSERS), find(DEVICES)].filter((word) => word !== undefined);
  return known.length > 0 ? known.join(' · ') : agent.split(/[\s(;/]/)[0] || agent;
}
