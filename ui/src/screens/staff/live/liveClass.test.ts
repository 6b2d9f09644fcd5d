import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ApiProblem } from '../../../api/apiProblem';
import type { HubClient } from '../../../api/client';
import type { ClassLive, LiveEvent } from '../../../api/types';
import { LiveClass } from './liveClass.svelte';

function picture(solved: boolean, lastEvent: string): ClassLive {
  const cell = { problem_version_id: 'p', state: solved ? ('right' as const) : ('not_started' as const), tries: solved ? 1 : 0, last_attempt: null };
  return {
    class_id: 'c',
    lesson: { lesson_id: 'l', title: '수업', mode: 'practice', hint_ceiling: 'concept', state: 'open' },
    problems: [{ problem_id: 'p', problem_version_id: 'p', title: 'p', skill: 's' }],
    pupils: [{ pupil: { pupil_id: 'a', number: 1, name: '가' }, standing: { state: 'away', present: false, stuck: [] }, cells: [cell] }],
    open_lessons: [],
    last_event: lastEvent,
    server_time: '2026-11-23T05:00:00Z',
  };
}

/** A hub of pictures and lines that the test holds in its hand. */
class FakeHub {
  pictures: ClassLive[] = [];
  fetched = 0;
  asked: string[] = [];
  lines: { path: string; after: string | null; say: (text: string) => void; aborted: () => boolean }[] = [];

  get(path: string): Promise<ClassLive> {
    this.asked.push(path);
    const next = this.pictures[Math.min(this.fetched, this.pictures.length - 1)];
    this.fetched += 1;
    return next ? Promise.resolve(next) : Promise.reject(new Error('no picture'));
  }

  open(path: string, after: string | null, signal: AbortSignal): Promise<Response> {
    const encoder = new TextEncoder();
    let controller!: ReadableStreamDefaultController<Uint8Array>;
    const body = new ReadableStream<Uint8Array>({ start: (c) => void (controller = c) });
    signal.addEventListener('abort', () => controller.error(new DOMException('gone', 'AbortError')));
    this.lines.push({ path, after, say: (text) => controller.enqueue(encoder.encode(text)), aborted: () => signal.aborted });
    return Promise.resolve(new Response(body));
  }

  tell(event: LiveEvent, id: string): void {
    this.lines.at(-1)?.say(`id: ${id}\ndata: ${JSON.stringify(event)}\n\n`);
  }
}

let hub: FakeHub;
let live: LiveClass;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
  hub = new FakeHub();
  hub.pictures = [picture(false, '1-7'), picture(true, '1-12')];
  live = new LiveClass(hub as unknown as HubClient, 'c');
  live.start();
});

afterEach(() => {
  live.stop();
  vi.useRealTimers();
});

describe('the class live', () => {
  test('takes the picture, then the events after it', async () => {
    await vi.advanceTimersByTimeAsync(10);
    expect(hub.lines.map((line) => line.after)).toEqual(['1-7']);
    hub.tell({ event: 'pupil', pupil_id: 'a', lesson_id: 'l', standing: { state: 'working', present: true, stuck: [] } }, '1-8');
    await vi.advanceTimersByTimeAsync(10);
    expect(live.picture?.pupils[0]?.standing.present).toBe(true);
    expect(hub.fetched).toBe(1);
  });

  test('another lesson is looked at: its picture, and the line that belongs to it', async () => {
    await vi.advanceTimersByTimeAsync(10);
    live.choose('b b');
    await vi.advanceTimersByTimeAsync(10);
    expect(hub.asked).toEqual(['/classes/c/live', '/classes/c/live?lesson_id=b%20b']);
    expect(hub.lines.map((line) => line.path)).toEqual(['/classes/c/live/events', '/classes/c/live/events?lesson_id=b%20b']);
    expect(hub.lines[0]?.aborted()).toBe(true);
    expect(live.picture?.last_event).toBe('1-12');
    // What is shown is not asked for again.
    live.choose('b b');
    await vi.advanceTimersByTimeAsync(10);
    expect(hub.fetched).toBe(2);
  });

  test('a lesson that is gone gives way to the one that the hub would show', async () => {
    live.stop();
    const gone = new FakeHub();
    gone.pictures = [picture(false, '1-7')];
    const get = gone.get.bind(gone);
    gone.get = (path) => (path.includes('lesson_id') ? Promise.reject(new ApiProblem({ code: 'not_found', status: 404 })) : get(path));
    live = new LiveClass(gone as unknown as HubClient, 'c', 'old');
    live.start();
    await vi.advanceTimersByTimeAsync(10);
    expect(live.chosen).toBeNull();
    expect(live.picture?.last_event).toBe('1-7');
  });

  test('fetches again when told to and goes on after the new picture', async () => {
    await vi.advanceTimersByTimeAsync(10);
    hub.tell({ event: 'refetch' }, '1-12');
    await vi.advanceTimersByTimeAsync(1000);
    expect(live.picture?.pupils[0]?.cells[0]?.state).toBe('right');
    expect(hub.lines.map((line) => line.after)).toEqual(['1-7', '1-12']);
  });

  test('a line that only keeps alive is alive; a silent one is stale, then given up', async () => {
    await vi.advanceTimersByTimeAsync(10);
    for (let i = 0; i < 4; i++) {
      hub.lines[0]?.say(':\n\n');
      await vi.advanceTimersByTimeAsync(2000);
      expect(live.staleSeconds).toBeNull();
    }
    await vi.advanceTimersByTimeAsync(2000);
    expect(live.staleSeconds).toBeGreaterThanOrEqual(3);
    // The time of the last news stands still while the picture grows old.
    const news = live.lastNews;
    expect(news).not.toBeNull();
    await vi.advanceTimersByTimeAsync(1000);
    expect(live.lastNews).toBe(news);
    expect(hub.lines[0]?.aborted()).toBe(false);
    await vi.advanceTimersByTimeAsync(7000);
    expect(hub.lines[0]?.aborted()).toBe(true);
    expect(hub.lines.length).toBe(2);
  });
});
