import { describe, expect, test } from 'vitest';
import { describeDraftFault } from './draftFault';

describe('what the hub says of a draft', () => {
  test('the field by its words, the place from 1, the reason in the language of the screen', () => {
    expect(describeDraftFault("draft: check: it gives 43/2, which is not the key's value")).toEqual({
      field: '검산식',
      reason: '검산식의 값은 43/2이고, 정답의 값과 다릅니다.',
      untranslated: false,
    });
    expect(describeDraftFault('draft: hints.1.ko: it tells the answer')?.field).toBe('도움말 사다리 · 2 · 한국어');
    expect(describeDraftFault('draft: solution: the statement is there in `en`, this is not')?.reason).toContain('영어');
  });

  test('two choices that say the same, and a skill that nobody knows', () => {
    expect(describeDraftFault('draft: question.choices.1.text.ko: another choice says the same')?.reason).toContain('같은 보기');
    expect(describeDraftFault('draft: skill: it is not on the list of skills')).toMatchObject({ field: '배울 내용', untranslated: false });
  });

  test('a reason that is not known stays as it came', () => {
    expect(describeDraftFault('draft: figure.svg: scripts are not taken')).toEqual({
      field: '그림 · 또는 SVG 붙여 넣기',
      reason: 'scripts are not taken',
      untranslated: true,
    });
    expect(describeDraftFault('key: the key names no choice')?.reason).toBe('표시한 보기가 없습니다. 맞는 보기에 표시해 주세요.');
  });

  test('what names no field of a draft is left to the general note', () => {
    expect(describeDraftFault('name: empty')).toBeNull();
    expect(describeDraftFault('The hub is busy.')).toBeNull();
  });
});
