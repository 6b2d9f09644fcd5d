/**
 * The class as it works: fetches the picture, follows what changes after it, fetches again when told to.
 * The stream says something every two seconds even if nothing happens, so silence means a broken line.
 */
import { ApiProblem, isAbort } from '../../../api/apiProblem';
import type { HubClient } from '../../../api/client';
import { follow } from '../../../api/stream';
import type { ClassLive, LiveEvent } from '../../../api/types';
import { applyEvent } from './liveGrid';

const SILENT_MS = 3000;
const LOOK_MS = 500;
/** A line that is silent for so long is given up: a pulled cable tells nobody. */
const GIVE_UP_MS = 9000;
/** Between two pictures, so that a class that changes much is not fetched in one beat. */
const REFETCH_MS = 700;

export class LiveClass {
  picture = $state.raw<ClassLive | null>(null);
  /** The picture could not be had for good. */
  fault = $state.raw<unknown>(null);
  /** How old the picture is, in whole seconds; null while the line is alive. */
  staleSeconds = $state<number | null>(null);
  #client: HubClient;
  #path: string;
  #abort = new AbortController();
  /** The line that is open now. */
  #line = new AbortController();
  #heard = 0;
  #watch: ReturnType<typeof setInterval> | null = null;

  constructor(client: HubClient, classId: string) {
    this.#client = client;
    this.#path = `/classes/${encodeURIComponent(classId)}/live`;
  }

  /** Runs until `stop`. */
  start(): void {
    this.#abort = new AbortController();
    this.fault = null;
    this.#hear();
    this.#watch ??= setInterval(() => this.#look(), LOOK_MS);
    void this.#run(this.#abort.signal);
  }

  stop(): void {
    this.#abort.abort();
    if (this.#watch !== null) clearInterval(this.#watch);
    this.#watch = null;
  }

  async #run(signal: AbortSignal): Promise<void> {
    let tries = 0;
    while (!signal.aborted) {
      try {
        const picture = await this.#client.get<ClassLive>(this.#path, { signal: AbortSignal.any([signal, AbortSignal.timeout(GIVE_UP_MS)]) });
        if (signal.aborted) return;
        this.picture = picture;
        tries = 0;
        this.#hear();
        await follow<LiveEvent>({
          open: (last, inner) => this.#dial(last, inner),
          take: (event) => this.#take(event),
          signal,
          after: String(picture.last_event),
        });
        await pause(REFETCH_MS, signal);
      } catch (error) {
        if (isAbort(error) || signal.aborted) return;
        const passing = error instanceof ApiProblem && error.passing;
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
    if (!this.picture) return true;
    const next = applyEvent(this.picture, event);
    if (next === 'refetch') return true;
    this.picture = next;
    return false;
  }

  async #dial(last: string | null, signal: AbortSignal): Promise<Response> {
    this.#line = new AbortController();
    const both = AbortSignal.any([signal, this.#line.signal]);
    return this.#listen(await this.#client.open(`${this.#path}/events`, last, both));
  }

  /** The same response, with an ear on every byte, the comments that keep it alive included. */
  #listen(response: Response): Response {
    this.#hear();
    if (!response.body) return response;
    const heard = new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, out) => {
        this.#hear();
        out.enqueue(chunk);
      },
    });
    return new Response(response.body.pipeThrough(heard), { status: response.status, headers: response.headers });
  }

  #hear(): void {
    this.#heard = performance.now();
    this.staleSeconds = null;
  }

  #look(): void {
    const silent = performance.now() - this.#heard;
    this.staleSeconds = silent > SILENT_MS ? Math.floor(silent / 1000) : null;
    if (silent > GIVE_UP_MS) this.#line.abort();
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(finish, ms);
    function finish() {
      clearTimeout(timer);
      signal.removeEventListener('abort', finish);
      resolve();
    }
    signal.addEventListener('abort', finish);
  });
}
