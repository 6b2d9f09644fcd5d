/**
 * A stream with an ear on it. The hub says something every second even if nothing happens, so silence means a broken
 * line, and a line that stays silent is given up: a pulled cable tells nobody.
 */
const LOOK_MS = 500;
export const SILENT_MS = 3000;
export const GIVE_UP_MS = 9000;

export class Line {
  /** Told how long nothing was heard, in ms, once it is more than three seconds; null while the line is alive. */
  onSilence: (ms: number | null) => void;
  #heard = 0;
  #open = new AbortController();
  #watch: ReturnType<typeof setInterval> | null = null;

  constructor(onSilence: (ms: number | null) => void) {
    this.onSilence = onSilence;
  }

  start(): void {
    this.hear();
    this.#watch ??= setInterval(() => this.#look(), LOOK_MS);
  }

  stop(): void {
    if (this.#watch !== null) clearInterval(this.#watch);
    this.#watch = null;
    this.#open.abort();
  }

  /** Something came: the line is alive. */
  hear(): void {
    this.#heard = performance.now();
    this.onSilence(null);
  }

  /** Opens the stream; every byte of it is heard, the comments that keep it alive included. */
  async dial(open: (signal: AbortSignal) => Promise<Response>, signal: AbortSignal): Promise<Response> {
    this.#open = new AbortController();
    const response = await open(AbortSignal.any([signal, this.#open.signal]));
    this.hear();
    if (!response.body) return response;
    const heard = new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, out) => {
        this.hear();
        out.enqueue(chunk);
      },
    });
    return new Response(response.body.pipeThrough(heard), { status: response.status, headers: response.headers });
  }

  #look(): void {
    const silent = performance.now() - this.#heard;
    if (silent > SILENT_MS) this.onSilence(silent);
    if (silent > GIVE_UP_MS) this.#open.abort();
  }
}

/** Waits, or returns early when the caller gives up. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
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
