/**
 * What the hub tells a pupil's screen of itself: that lessons changed, that the teacher has written, and every second
 * that the line is alive. After a break the hub says "lessons" again, and what may have been missed is fetched.
 */
import { ApiProblem, isAbort } from '../api/apiProblem';
import type { HubClient } from '../api/client';
import { Line, pause } from '../api/line';
import { follow } from '../api/stream';
import type { PupilEvent, PupilNote } from '../api/types';
import { clock } from './clock.svelte';
import { hub } from './hub.svelte';
import { outbox, work } from './work.svelte';

const REDIAL_MS = 700;
const LONGEST_MS = 8000;

/** What the line does with what it hears; the screens' state in the app, something else in tests. */
export interface PupilEar {
  /** Sends what waits and fetches lessons and standing; fails while the grades of an exam cannot be asked for. */
  loadLessons: (userId: string) => Promise<void>;
  /** The line works (again): what waits may go. */
  onAlive: () => void;
}

export class PupilLine {
  /** Nothing was heard for three seconds. */
  silent = $state(false);
  /** Newest first. */
  notes = $state.raw<PupilNote[]>([]);
  /** The newest note that came while the page was open, for the screen reader. */
  arrived = $state.raw<PupilNote | null>(null);
  #client: HubClient;
  #ear: PupilEar;
  #line = new Line((ms) => (this.silent = ms !== null));
  /** Lessons have changed and could not be fetched yet. */
  #due = false;
  #fetching = false;

  constructor(client: HubClient, ear: PupilEar) {
    this.#client = client;
    this.#ear = ear;
  }

  /** Follows the hub for this pupil; returns how to stop. */
  follow(userId: string): () => void {
    const abort = new AbortController();
    this.notes = [];
    this.arrived = null;
    this.#due = false;
    this.#fetching = false;
    this.#line.start();
    void this.#run(userId, abort.signal);
    return () => {
      abort.abort();
      this.#line.stop();
      this.silent = false;
      this.notes = [];
    };
  }

  /** The pupil has read it. It stays read here even if the hub hears of it later. */
  async markSeen(note: PupilNote): Promise<void> {
    if (note.seen) return;
    this.notes = this.notes.map((one) => (one.note_id === note.note_id ? { ...one, seen: true } : one));
    await this.#client.post(`/me/notes/${encodeURIComponent(note.note_id)}/seen`).catch(() => undefined);
  }

  async #run(userId: string, signal: AbortSignal): Promise<void> {
    let tries = 0;
    while (!signal.aborted) {
      try {
        await follow<PupilEvent>({
          open: (last, inner) => this.#line.dial((both) => this.#client.open('/me/events', last, both), inner),
          take: (event) => {
            tries = 0;
            this.take(event, userId, signal);
            return false;
          },
          signal,
        });
      } catch (error) {
        if (isAbort(error) || signal.aborted) return;
        // A hub that has no such stream, or a sign-in that has ended: the screens work without it.
        if (error instanceof ApiProblem && !error.passing) {
          this.#line.stop();
          this.silent = false;
          return;
        }
      }
      tries += 1;
      await pause(Math.min(LONGEST_MS, REDIAL_MS * 2 ** Math.min(tries - 1, 4)) * (0.75 + Math.random() * 0.5), signal);
    }
  }

  /** Takes one event. */
  take(event: PupilEvent, userId: string, signal: AbortSignal): void {
    switch (event.event) {
      case 'lessons':
        this.#due = true;
        this.#ear.onAlive();
        void this.#fetch(userId, signal);
        return;
      case 'note':
        this.notes = [event.note, ...this.notes.filter((one) => one.note_id !== event.note.note_id)];
        this.arrived = event.note;
        return;
      case 'beat':
        clock.hear(event.server_time);
        if (this.#due) void this.#fetch(userId, signal);
        return;
    }
  }

  async #fetch(userId: string, signal: AbortSignal): Promise<void> {
    if (this.#fetching) return;
    this.#fetching = true;
    this.#due = false;
    try {
      // Lessons first, and with them what waits on this device: a note may tell a grade.
      await this.#ear.loadLessons(userId);
      const notes = await this.#client.get<PupilNote[]>('/me/notes', { signal });
      if (signal.aborted) return;
      const seen = new Set(this.notes.filter((note) => note.seen).map((note) => note.note_id));
      this.notes = notes.map((note) => (seen.has(note.note_id) ? { ...note, seen: true } : note));
    } catch {
      // The next beat tries again.
      this.#due = true;
    } finally {
      this.#fetching = false;
    }
  }
}

export const pupilLine = new PupilLine(hub, {
  loadLessons: (userId) => work.load(userId),
  onAlive: () => void outbox.send(),
});
