import { describe, expect, it } from 'vitest';
import { IDLE_MS, IdleWatch, WARN_MS } from './idle.svelte';

describe('IdleWatch', () => {
  it('warns, forgives a touch, and ends', () => {
    let now = 0;
    const watch = new IdleWatch(() => now);
    now = IDLE_MS - WARN_MS - 1000;
    expect(watch.check()).toBe(false);
    expect(watch.secondsLeft).toBeNull();
    now = IDLE_MS - 30_000;
    expect(watch.check()).toBe(false);
    expect(watch.secondsLeft).toBe(30);
    watch.touch();
    expect(watch.secondsLeft).toBeNull();
    now += IDLE_MS - 1;
    expect(watch.check()).toBe(false);
    now += 1;
    expect(watch.check()).toBe(true);
  });
});
