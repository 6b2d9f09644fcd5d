import { expect, it } from 'vitest';
import { describeAgent } from './agent';

it('says browser and device as people call them', () => {
  const windows = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36';
  expect(describeAgent(windows, 'ko')).toBe('크롬 · 윈도우 컴퓨터');
  expect(describeAgent(windows, 'en')).toBe('Chrome · Windows computer');
  expect(describeAgent(`${windows} Edg/138.0`, 'en')).toBe('Edge · Windows computer');
  expect(describeAgent(`${windows} Whale/4.30`, 'ko')).toBe('웨일 · 윈도우 컴퓨터');
  expect(describeAgent('Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1', 'ko')).toBe('사파리 · 아이패드');
  expect(describeAgent('Mozilla/5.0 (Linux; Android 14; SM-X200) AppleWebKit/537.36 SamsungBrowser/25.0 Chrome/121 Safari/537.36', 'ko')).toBe('삼성 인터넷 · 안드로이드 태블릿');
});

it('shortens what it does not know', () => {
  expect(describeAgent('curl/8.5.0', 'ko')).toBe('curl');
});
