/** Ends a pupil's sign-in on a device nobody touches: the next child must not answer in their name. */
export const IDLE_MS = 15 * 60_000;
export const WARN_MS = 60_000;

export class IdleWatch {
  /** Seconds left once the warning stands; null before. */
  secondsLeft = $state<number | null>(null);
  #lastTouch: number;
  #now: () => number;

  constructor(now: () => number = () => Date.now()) {
    this.#now = now;
    this.#lastTouch = now();
  }

  /** Somebody is there. */
  touch(): void {
    this.#lastTouch = this.#now();
    this.secondsLeft = null;
  }

  /** Looks at the clock; true if the time is over. */
  check(): boolean {
    const left = IDLE_MS - (this.#now() - this.#lastTouch);
    this.secondsLeft = left <= WARN_MS ? Math.max(0, Math.ceil(left / 1000)) : null;
    return left <= 0;
  }

  /** Watches until stopped; `onOver` is called once. */
  start(onOver: () => void): () => void {
    this.touch();
    const touched = () => {
      // While the warning stands, only its own button says that somebody is there.
      if (this.secondsLeft === null) this.touch();
    };
    const events = ['pointerdown', 'keydown', 'touchstart', 'wheel'] as const;
    for (const name of events) addEventListener(name, touched, { passive: true });
    const look = () => {
      if (this.check()) {
        stop();
        onOver();
      }
    };
    const timer = setInterval(look, 1000);
    document.addEventListener('visibilitychange', look);
    const stop = () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', look);
      for (const name of events) removeEventListener(name, touched);
    };
    return stop;
  }
}
