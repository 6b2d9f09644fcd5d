import { expect, it } from 'vitest';
import { fill } from './dictionary';
import { particleAfter } from './particle';

const after = (particle: string, words: string[]) => words.map((word) => word + particleAfter(word, particle));

it('fits a particle to the last sound of a word', () => {
  expect(after('을', ['3학년 2반', '사과', '장수빈', '별'])).toEqual(['3학년 2반을', '사과를', '장수빈을', '별을']);
  expect(after('가', ['이가은', '김민준', '서아'])).toEqual(['이가은이', '김민준이', '서아가']);
  expect(after('은', ['답', '문제'])).toEqual(['답은', '문제는']);
  expect(after('과', ['강', '바다'])).toEqual(['강과', '바다와']);
  expect(after('으로', ['교실', '반', '학교'])).toEqual(['교실로', '반으로', '학교로']);
});

it('reads digits, fractions, units and letters aloud', () => {
  expect(after('을', ['1', '2', '10', '100', '5', '1/2', '3/4', '2.5'])).toEqual(['1을', '2를', '10을', '100을', '5를', '1/2을', '3/4을', '2.5를']);
  expect(after('로', ['1', '3', '6', '9'])).toEqual(['1로', '3으로', '6으로', '9로']);
  expect(after('을', ['12 cm', '3kg', '50%', '20°'])).toEqual(['12 cm를', '3kg를', '50%를', '20°를']);
  expect(after('을', ['A', 'L', 'N', 'R', 'moon', 'tree', 'king'])).toEqual(['A를', 'L을', 'N을', 'R을', 'moon을', 'tree를', 'king을']);
});

it('looks through marks at the end of a word, and leaves what it does not know', () => {
  expect(after('을', ['5-2(오전)', '"별"', ''])).toEqual(['5-2(오전)을', '"별"을', '를']);
  expect(particleAfter('반', '부터')).toBe('부터');
});

it('stands in a text beside the word that it follows', () => {
  expect(fill('이 기기에서 {class}{class+을} 지울까요?', { class: '3학년 2반' })).toBe('이 기기에서 3학년 2반을 지울까요?');
  expect(fill('"{name}"{name+을} 적어 주세요', { name: '이서아' })).toBe('"이서아"를 적어 주세요');
  expect(fill('{name+을}')).toBe('{name+을}');
});
