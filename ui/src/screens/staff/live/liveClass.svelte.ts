/**
 * The class as it works: fetches the picture, follows what changes after it, fetches again when told to.
 * The stream says something every second even if nothing happens, so silence means a broken line.
 */
import { ApiProblem, isAbort } from '../../../api/apiProblem';
import type { HubClient } from '../../../api/client';
import { GIVE_UP_MS, Line, pause } from '../../../api/line';
import { follow } from '../../../api/stream';
import type { ClassLive, LiveEvent } from '../../../api/types';
import { clock } from '../../../state/clock.svelte';
import { applyEvent } from './liveGrid';

/** Between two pictures, so that a class that changes much is not fetched in one beat. */
const REFETCH_MS = 700;

export class LiveClass {
  picture = $state.raw<ClassLive | null>(null);
  /** The picture could not be had for good. */
  fault = $state.raw<unknown>(null);
  /** How old the picture is, in whole seconds; null while the line is alive. */
  staleSeconds = $state<number | null>(null);
  /** When the last news came, by the hub's clock; only while the picture is stale. */
  lastNews = $state<number | null>(null);
  /** The lesson that somebody has chosen; the hub chooses while it is null. */
  chosen = $state<string | null>(null);
  #client: HubClient;
  #path: string;
  #abort = new AbortController();
  #line = new Line((silent) => this.#fallSilent(silent));

  constructor(client: HubClient, classId: string, lessonId: string | null = null) {
    this.#client = client;
    this.#path = `/classes/${encodeURIComponent(classId)}/live`;
    this.chosen = lessonId;
  }

  /** Looks at another lesson of the class; the picture before stays until that one is there. */
  choose(lessonId: string): void {
    if (lessonId === (this.chosen ?? this.picture?.lesson?.lesson_id)) return;
    this.chosen = lessonId;
    this.start();
  }

  /** Runs until `stop`. */
  start(): void {
    this.#abort.abort();
    this.#abort = new AbortController();
    this.fault = null;
    this.#line.start();
    void this.#run(this.#abort.signal);
  }

  stop(): void {
    this.#abort.abort();
    this.#line.stop();
  }

  async #run(signal: AbortSignal): Promise<void> {
    let tries = 0;
    while (!signal.aborted) {
      try {
        const picture = await this.#client.get<ClassLive>(this.#address(''), { signal: AbortSignal.any([signal, AbortSignal.timeout(GIVE_UP_MS)]) });
        if (signal.aborted) return;
        clock.hear(picture.server_time);
        this.picture = picture;
        this.fault = null;
        tries = 0;
        this.#line.hear();
        await follow<LiveEvent>({
          open: (last, inner) => this.#line.dial((both) => this.#client.open(this.#address('/events'), last, both), inner),
          take: (event) => this.#take(event),
          signal,
          after: picture.last_event,
        });
        await pause(REFETCH_MS, signal);
      } catch (error) {
        if (signal.aborted) return;
        if (this.chosen !== null && error instanceof ApiProblem && error.status === 404) {
          // The lesson of an old address is gone: what the hub would show is shown.
          this.chosen = null;
          continue;
        }
        // A request that took too long is a broken line like any other.
        const passing = isAbort(error) || isTimeout(error) || (error instanceof ApiProblem && error.passing);
        if (!passing || this.picture === null) {
          this.fault = error;
          if (!passing) return this.stop();
        }
        tries += 1;
        await pause(Math.min(8000, 500 * 2 ** tries), signal);
        if (!signal.aborted && passing) this.fault = null;
      }
    }
  }

  /** Takes one event; true if the picture must be fetched again. */
  #take(event: LiveEvent): boolean {
    if (event.event === 'beat') clock.hear(event.server_time);
    if (!this.picture) return true;
    const next = applyEvent(this.picture, event);
    if (next === 'refetch') return true;
    this.picture = next;
    return false;
  }

  #address(end: string): string {
    return `${this.#path}${end}${this.chosen === null ? '' : `?lesson_id=${encodeURIComponent(this.chosen)}`}`;
  }

  #fallSilent(ms: number | null): void {
    if (ms === null) {
      this.staleSeconds = null;
      this.lastNews = null;
      return;
    }
    this.lastNews ??= clock.read() - ms;
    this.staleSeconds = Math.floor(ms / 1000);
  }
}

function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'TimeoutError';
}
