import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiProblem } from '../api/apiProblem';
import type { HubClient } from '../api/client';
import type { PupilEvent, PupilNote } from '../api/types';
import { PupilLine } from './pupilLine.svelte';

const note = (id: string, seen = false): PupilNote => ({ note_id: id, kind: 'note', text: id, created_at: '2026-11-23T00:00:00Z', seen });

/** A hub whose lines the test holds in its hand. */
class FakeHub {
  notes: PupilNote[] = [];
  notesDown = false;
  asked = 0;
  refuses = false;
  seen: string[] = [];
  lines: { say: (event: PupilEvent) => void; cut: () => void; aborted: () => boolean }[] = [];

  get(): Promise<PupilNote[]> {
    this.asked += 1;
    return this.notesDown ? Promise.reject(new ApiProblem({ code: 'unreachable', status: 0 })) : Promise.resolve(this.notes);
  }

  post(path: string): Promise<void> {
    this.seen.push(path);
    return Promise.resolve();
  }

  open(_path: string, _after: string | null, signal: AbortSignal): Promise<Response> {
    if (this.refuses) return Promise.reject(new ApiProblem({ code: 'not_found', status: 404 }));
    const encoder = new TextEncoder();
    let controller!: ReadableStreamDefaultController<Uint8Array>;
    const body = new ReadableStream<Uint8Array>({ start: (c) => void (controller = c) });
    signal.addEventListener('abort', () => controller.error(new DOMException('gone', 'AbortError')));
    this.lines.push({
      say: (event) => controller.enqueue(encoder.encode(`data: ${JSON.stringify(event)}\n\n`)),
      cut: () => controller.close(),
      aborted: () => signal.aborted,
    });
    return Promise.resolve(new Response(body));
  }
}

let hub: FakeHub;
let line: PupilLine;
let loads: string[];
let refuse: boolean;
let alive: number;
let stop: () => void;

const beat: PupilEvent = { event: 'beat', server_time: '2026-11-23T00:00:00Z' };

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
  hub = new FakeHub();
  loads = [];
  refuse = false;
  alive = 0;
  line = new PupilLine(hub as unknown as HubClient, {
    loadLessons: async (userId) => {
      loads.push(userId);
      if (refuse) throw new ApiProblem({ code: 'busy', status: 503 });
    },
    onAlive: () => void (alive += 1),
  });
  stop = line.follow('pupil');
});

afterEach(() => {
  stop();
  vi.useRealTimers();
});

describe('the line of a pupil', () => {
  it('fetches lessons and notes when the hub says so, and again after a break', async () => {
    hub.notes = [note('a')];
    await vi.advanceTimersByTimeAsync(10);
    hub.lines[0]?.say({ event: 'lessons' });
    await vi.advanceTimersByTimeAsync(10);
    expect(loads).toEqual(['pupil']);
    expect(line.notes.map((one) => one.note_id)).toEqual(['a']);
    hub.lines[0]?.cut();
    await vi.advanceTimersByTimeAsync(2000);
    expect(hub.lines.length).toBe(2);
    hub.lines[1]?.say({ event: 'lessons' });
    await vi.advanceTimersByTimeAsync(10);
    expect(loads).toEqual(['pupil', 'pupil']);
    expect(alive).toBe(2);
  });

  it('asks for notes, which may tell a grade, only after what waits here has gone', async () => {
    await vi.advanceTimersByTimeAsync(10);
    hub.notes = [note('regraded')];
    refuse = true;
    hub.lines[0]?.say({ event: 'lessons' });
    await vi.advanceTimersByTimeAsync(10);
    expect([loads, hub.asked]).toEqual([['pupil'], 0]);
    refuse = false;
    hub.lines[0]?.say(beat);
    await vi.advanceTimersByTimeAsync(10);
    expect([loads.length, hub.asked, line.notes.length]).toEqual([2, 1, 1]);
  });

  it('tries again with the next beat if the lessons could not be fetched', async () => {
    await vi.advanceTimersByTimeAsync(10);
    hub.notesDown = true;
    hub.lines[0]?.say({ event: 'lessons' });
    await vi.advanceTimersByTimeAsync(10);
    hub.notesDown = false;
    hub.notes = [note('late')];
    hub.lines[0]?.say(beat);
    await vi.advanceTimersByTimeAsync(10);
    expect(line.notes.map((one) => one.note_id)).toEqual(['late']);
  });

  it('is silent after three seconds, redials a dead line, and is quiet about it when all is well', async () => {
    await vi.advanceTimersByTimeAsync(10);
    for (let i = 0; i < 4; i++) {
      hub.lines[0]?.say(beat);
      await vi.advanceTimersByTimeAsync(1000);
      expect(line.silent).toBe(false);
    }
    await vi.advanceTimersByTimeAsync(3000);
    expect(line.silent).toBe(true);
    await vi.advanceTimersByTimeAsync(9000);
    expect(hub.lines[0]?.aborted()).toBe(true);
    expect(hub.lines.length).toBe(2);
    hub.lines[1]?.say(beat);
    await vi.advanceTimersByTimeAsync(10);
    expect(line.silent).toBe(false);
  });

  it('puts a note on top once, and a note that was read stays read', async () => {
    await vi.advanceTimersByTimeAsync(10);
    hub.lines[0]?.say({ event: 'note', note: note('b') });
    hub.lines[0]?.say({ event: 'note', note: note('b') });
    await vi.advanceTimersByTimeAsync(10);
    expect(line.notes.length).toBe(1);
    await line.markSeen(line.notes[0]!);
    expect(hub.seen).toEqual(['/me/notes/b/seen']);
    hub.notes = [note('b')];
    hub.lines[0]?.say({ event: 'lessons' });
    await vi.advanceTimersByTimeAsync(10);
    expect(line.notes.map((one) => one.seen)).toEqual([true]);
  });

  it('does without a hub that has no such stream', async () => {
    stop();
    hub.refuses = true;
    stop = line.follow('pupil');
    await vi.advanceTimersByTimeAsync(20_000);
    expect(line.silent).toBe(false);
  });
});
