/**
 * Server-sent events by fetch, since EventSource cannot carry the access token.
 * A broken stream is taken up again after the last event that arrived.
 */
import { ApiProblem, isAbort } from './apiProblem';

/** One event as it came over the wire. */
export interface ServerEvent {
  id: string | null;
  data: string;
}

/** Cuts a text stream into events, as the HTML standard has it; pieces may end anywhere. */
export class EventParser {
  #buffer = '';
  #data: string[] = [];
  #id: string | null = null;
  #first = true;

  /** The events that `chunk` completes. */
  push(chunk: string): ServerEvent[] {
    if (this.#first && chunk.length > 0) {
      this.#first = false;
      if (chunk.startsWith('\uFEFF')) chunk = chunk.slice(1);
    }
    this.#buffer += chunk;
    const events: ServerEvent[] = [];
    for (;;) {
      const end = /\r\n|\n|\r/.exec(this.#buffer);
      if (!end) return events;
      // A CR at the very end may be half of a CRLF.
      if (end[0] === '\r' && end.index === this.#buffer.length - 1) return events;
      const line = this.#buffer.slice(0, end.index);
      this.#buffer = this.#buffer.slice(end.index + end[0].length);
      const event = this.#readLine(line);
      if (event) events.push(event);
    }
  }

  #readLine(line: string): ServerEvent | null {
    if (line === '') {
      const data = this.#data;
      this.#data = [];
      return data.length > 0 ? { id: this.#id, data: data.join('\n') } : null;
    }
    if (line.startsWith(':')) return null;
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? '' : line.slice(colon + 1);
    if (value.startsWith(' ')) value = value.slice(1);
    if (field === 'data') this.#data.push(value);
    if (field === 'id' && !value.includes('\0')) this.#id = value;
    return null;
  }
}

export interface FollowOptions<T> {
  /** Opens the stream after the event with this id (see `HubClient.open`). */
  open: (lastEventId: string | null, signal: AbortSignal) => Promise<Response>;
  /** Takes an event; true ends the stream for good. */
  take: (event: T, id: string | null) => boolean;
  signal: AbortSignal;
  /** The id to go on from at the start. */
  after?: string | null;
  /** Told when the line is broken (true) and when it works again (false). */
  onBroken?: (broken: boolean) => void;
  /** Waits before the next try; the first argument counts the tries since the last event. */
  wait?: (tries: number, signal: AbortSignal) => Promise<void>;
}

/**
 * Follows a stream to its end through broken lines. Returns when `take` said so or the caller aborted;
 * throws if the hub refuses for good (a 4xx that no waiting mends).
 */
export async function follow<T>(options: FollowOptions<T>): Promise<void> {
  const wait = options.wait ?? backOff;
  let last = options.after ?? null;
  let tries = 0;
  while (!options.signal.aborted) {
    try {
      const response = await options.open(last, options.signal);
      if (!response.body) throw new ApiProblem({ code: 'unexpected', status: response.status });
      options.onBroken?.(false);
      const reader = response.body.getReader();
      const decoder = new TextDecoder();
      const parser = new EventParser();
      try {
        for (;;) {
          const { done, value } = await reader.read();
          for (const event of parser.push(done ? decoder.decode() : decoder.decode(value, { stream: true }))) {
            tries = 0;
            if (event.id !== null) last = event.id;
            if (options.take(JSON.parse(event.data) as T, event.id)) return;
          }
          if (done) break;
        }
      } finally {
        void reader.cancel().catch(() => undefined);
      }
    } catch (error) {
      if (isAbort(error) || options.signal.aborted) return;
      if (error instanceof ApiProblem && !error.passing) throw error;
      options.onBroken?.(true);
    }
    tries += 1;
    await wait(tries, options.signal);
  }
}

/** 0.5 s, 1 s, 2 s … 8 s, with up to a quarter of chance so that a class does not come back in one beat. */
async function backOff(tries: number, signal: AbortSignal): Promise<void> {
  const base = Math.min(8000, 500 * 2 ** (tries - 1));
  const ms = base * (0.75 + Math.random() * 0.5);
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
