/**
 * How long a person needs for what a walk does in a moment. A model, so that a busy machine proves nothing and hides
 * nothing: two seconds for each press (to find it and to press), 200 characters a minute on the keyboard, and the time
 * to read where something must be read. The machine's own time is added as it was.
 */
import type { Locator } from 'playwright-core';

const PRESS_S = 2;
const CHARACTERS_PER_MINUTE = 200;

export class Hands {
  #presses = 0;
  #characters = 0;
  #reading = 0;
  #machine = 0;

  async press(target: Locator): Promise<void> {
    await this.during(() => target.click());
    this.#presses += 1;
  }

  /** A press to get to the field, then the keys. */
  async type(target: Locator, text: string): Promise<void> {
    await this.during(() => target.fill(text));
    this.#presses += 1;
    this.#characters += [...text].length;
  }

  /** A list that opens, and the choice in it. */
  async choose(target: Locator, value: string): Promise<void> {
    await this.during(() => target.selectOption(value));
    this.#presses += 2;
  }

  /** Presses that the browser's own windows take, such as the choice of a file. */
  beside(presses: number): void {
    this.#presses += presses;
  }

  read(seconds: number): void {
    this.#reading += seconds;
  }

  /** What the person waits for counts as the machine needs it. */
  async during<T>(run: () => Promise<T>): Promise<T> {
    const begun = Date.now();
    try {
      return await run();
    } finally {
      this.#machine += (Date.now() - begun) / 1000;
    }
  }

  get seconds(): number {
    return this.#presses * PRESS_S + (this.#characters * 60) / CHARACTERS_PER_MINUTE + this.#reading + this.#machine;
  }

  describe(): string {
    const whole = Math.round(this.seconds);
    return `${Math.floor(whole / 60)} min ${whole % 60} s: ${this.#presses} presses, ${this.#characters} characters, ${this.#reading} s of reading, ${this.#machine.toFixed(1)} s of the machine`;
  }
}
