/** One piece of help as it arrives: place in line, the author's hint, the model's text. */
import { ApiProblem, asProblem } from '../api/apiProblem';
import { follow } from '../api/stream';
import type { FeedbackEvent, FeedbackFailure, HelpTicket } from '../api/types';
import type { HubClient } from '../api/client';

export type HelpPhase = 'asking' | 'queued' | 'writing' | 'done' | 'failed';

export class HelpStream {
  readonly attemptId: string;
  phase = $state<HelpPhase>('asking');
  ahead = $state(0);
  waitMs = $state(0);
  hint = $state<string | null>(null);
  /** Why the author's hint came and not the model's text. */
  hintReason = $state<Extract<FeedbackEvent, { event: 'hint' }>['reason'] | null>(null);
  aiText = $state('');
  failure = $state<FeedbackFailure | 'refused' | null>(null);
  refusal = $state<ApiProblem | null>(null);
  /** The line is broken and being mended. */
  broken = $state(false);
  #client: HubClient;
  #abort = new AbortController();

  constructor(client: HubClient, attemptId: string) {
    this.#client = client;
    this.attemptId = attemptId;
  }

  /** Asks for help (unless it is on its way already, at `url`) and follows it to its end. */
  async run(url: string | null): Promise<void> {
    try {
      const path = url ?? (await this.#client.post<HelpTicket>(`/attempts/${this.attemptId}/help`, undefined, { signal: this.#abort.signal })).url;
      await follow<FeedbackEvent>({
        open: (lastEventId, signal) => this.#client.open(path, lastEventId, signal),
        take: (event) => this.apply(event),
        signal: this.#abort.signal,
        onBroken: (broken) => (this.broken = broken),
      });
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      this.phase = 'failed';
      this.refusal = asProblem(error);
      this.failure = this.refusal.status === 401 ? 'signed_out' : 'refused';
    }
  }

  /** The pupil has gone elsewhere. */
  stop(): void {
    this.#abort.abort();
  }

  /** Takes an event; true if it was the last. */
  apply(event: FeedbackEvent): boolean {
    switch (event.event) {
      case 'queued':
        if (this.phase === 'asking' || this.phase === 'queued') this.phase = 'queued';
        this.ahead = event.ahead;
        this.waitMs = event.expected_wait_ms;
        return false;
      case 'hint':
        this.hint = event.text;
        this.hintReason = event.reason;
        // What the model had written goes too: it was on its way to the answer.
        if (event.reason === 'told_the_answer') this.aiText = '';
        return false;
      case 'token':
        this.phase = 'writing';
        this.aiText += event.text;
        return false;
      case 'done':
        this.phase = 'done';
        if (!event.written_by_ai) this.aiText = '';
        return true;
      case 'failed':
        // A sign-in that ran out is renewed, and the stream goes on after its last event.
        if (event.reason === 'signed_out') return false;
        this.phase = 'failed';
        this.failure = event.reason;
        return true;
    }
  }
}
