import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Clock } from './clock.svelte';

const NINE = Date.parse('2026-11-23T00:00:00Z');
const at = (ms: number) => new Date(NINE + ms).toISOString();

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance', 'Date'] }));
afterEach(() => void vi.useRealTimers());

it('tells the hub’s time, whatever the clock of the device says', () => {
  vi.setSystemTime(NINE - 3_600_000);
  const clock = new Clock();
  clock.hear(at(0));
  vi.advanceTimersByTime(2500);
  vi.setSystemTime(NINE + 86_400_000);
  expect(clock.read()).toBe(NINE + 2500);
});

it('takes the message that was quickest, and follows a hub whose clock was set', () => {
  const clock = new Clock();
  clock.hear(at(0));
  vi.advanceTimersByTime(1000);
  clock.hear(at(200));
  expect(clock.read()).toBe(NINE + 1000);
  clock.hear(at(1100));
  expect(clock.read()).toBe(NINE + 1100);
  clock.hear(at(-60_000));
  expect(clock.read()).toBe(NINE - 60_000);
});

it('goes on only while somebody looks', () => {
  const clock = new Clock();
  clock.hear(at(0));
  const stop = clock.watch();
  vi.advanceTimersByTime(3000);
  expect(clock.now).toBe(NINE + 3000);
  stop();
  vi.advanceTimersByTime(3000);
  expect(clock.now).toBe(NINE + 3000);
});
