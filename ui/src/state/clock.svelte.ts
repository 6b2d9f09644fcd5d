/**
 * The hub's time on this device. A school's tablets are minutes apart and children set clocks, so the time of a lesson
 * is what the hub says, carried on by the counter of the page, which nobody can set.
 */
/** A sample that is older than the estimate by more than this is a clock that was set, not a slow line. */
const SET_BACK_MS = 2000;

export class Clock {
  /** The time now, in ms since 1970; renewed every second while somebody watches. */
  now = $state(0);
  #base: number;
  #heard = false;
  #watchers = 0;
  #timer: ReturnType<typeof setInterval> | null = null;

  constructor() {
    this.#base = Date.now() - performance.now();
    this.now = this.read();
  }

  /** The hub has said what time it is there. */
  hear(serverTime: string): void {
    const at = Date.parse(serverTime);
    if (!Number.isFinite(at)) return;
    const base = at - performance.now();
    // A message that took longer says an earlier time: the latest of them is the truest.
    if (!this.#heard || base > this.#base || base < this.#base - SET_BACK_MS) this.#base = base;
    this.#heard = true;
    if (this.#watchers > 0) this.now = this.read();
  }

  read(): number {
    return this.#base + performance.now();
  }

  /** Keeps `now` going; returns how to stop. */
  watch(): () => void {
    this.#watchers += 1;
    this.now = this.read();
    this.#timer ??= setInterval(() => (this.now = this.read()), 1000);
    return () => {
      this.#watchers -= 1;
      if (this.#watchers > 0 || this.#timer === null) return;
      clearInterval(this.#timer);
      this.#timer = null;
    };
  }
}

export const clock = new Clock();
