/** One line for each check, a picture of what stood on the screens when one failed, and the sum at the end. */
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Device } from './device.ts';

const MOST_LINES = 14;

export class Report {
  #passed = 0;
  #failures: string[] = [];
  #folder: string | null = null;
  #walk = '';
  #devices: Device[] = [];

  get failed(): boolean {
    return this.#failures.length > 0;
  }

  /** Runs a walk; its first failing step ends it, and the next walk begins. */
  async walk(name: string, run: () => Promise<void>): Promise<void> {
    this.#walk = name;
    try {
      await run();
    } catch (error) {
      if (!(error instanceof WalkEnded)) await this.#fail('what comes between the checks', describe(error));
    } finally {
      for (const device of this.#devices.splice(0)) await device.close();
    }
  }

  /** A check that the rest of the walk stands on. */
  async step<T>(name: string, run: () => Promise<T>): Promise<T> {
    const begun = Date.now();
    try {
      const result = await run();
      this.#pass(name, begun);
      return result;
    } catch (error) {
      if (error instanceof WalkEnded) throw error;
      await this.#fail(name, describe(error));
      throw new WalkEnded();
    }
  }

  /** A check that the walk goes on after, whatever it finds; `run` gives the faults. */
  async note(name: string, run: () => Promise<string[]>): Promise<void> {
    const begun = Date.now();
    const faults = await run().catch((error: unknown) => [describe(error)]);
    if (faults.length === 0) this.#pass(name, begun);
    else await this.#fail(name, faults.join('\n'));
  }

  /** Devices whose screens are kept when a check fails, and that end with the walk. */
  watch(device: Device): void {
    this.#devices.push(device);
  }

  finish(): void {
    for (const failure of this.#failures) console.log(`FAILED  ${failure}`);
    if (this.#folder !== null) console.log(`pictures of the failures: ${this.#folder}`);
    console.log(`${this.#passed} passed, ${this.#failures.length} failed`);
  }

  #pass(name: string, begun: number): void {
    this.#passed += 1;
    console.log(`ok      ${this.#walk} · ${name}  ${((Date.now() - begun) / 1000).toFixed(1)} s`);
  }

  async #fail(name: string, why: string): Promise<void> {
    const number = this.#failures.push(`${this.#walk} · ${name}`);
    console.log(`FAILED  ${this.#walk} · ${name}\n${why.replace(/^/gm, '        ')}`);
    this.#folder ??= mkdtempSync(join(tmpdir(), 'dreamseed-e2e-failures-'));
    mkdirSync(this.#folder, { recursive: true });
    for (const device of this.#devices) await device.photograph(join(this.#folder, `${number}-${device.name.replace(/[^\p{L}\p{N}]+/gu, '-')}.png`)).catch(() => undefined);
  }
}

/** The step that failed has been told already. */
class WalkEnded extends Error {}

/** Playwright tells every try in colours; the first lines say what was looked for and what was there. */
function describe(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/\u001b\[\d+m/g, '').split('\n').slice(0, MOST_LINES).join('\n').trim();
}
