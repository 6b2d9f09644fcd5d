import { describe, expect, it } from 'vitest';
import { ApiProblem } from './apiProblem';
import { EventParser, follow } from './stream';

function bodyOf(...chunks: (string | Uint8Array<ArrayBuffer>)[]): Response {
  const encoder = new TextEncoder();
  return new Response(
    new ReadableStream({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(typeof chunk === 'string' ? encoder.encode(chunk) : chunk);
        controller.close();
      },
    }),
  );
}

describe('EventParser', () => {
  const wire = '\uFEFF: hello\r\nid: 1\r\nevent: token\r\ndata: {"a":\r\ndata: 1}\r\n\r\nretry: 5\ndata:x\n\n\ndata: last\r\rdata: open';

  it('reads the same events however the text is cut', () => {
    const whole = new EventParser().push(wire);
    expect(whole).toEqual([
      { id: '1', data: '{"a":\n1}' },
      { id: '1', data: 'x' },
      { id: '1', data: 'last' },
    ]);
    for (let size = 1; size < 9; size++) {
      const parser = new EventParser();
      const events = [];
      for (let at = 0; at < wire.length; at += size) events.push(...parser.push(wire.slice(at, at + size)));
      expect(events).toEqual(whole);
    }
  });
});

describe('follow', () => {
  const event = (id: number, text: string) => `id: ${id}\ndata: ${JSON.stringify(text)}\n\n`;

  it('goes on after the last event when the line breaks, and never in the middle of a syllable', async () => {
    const bytes = new TextEncoder().encode(event(1, '분수'));
    const asked: (string | null)[] = [];
    const answers = [
      () => bodyOf(bytes.slice(0, 17), bytes.slice(17), 'id: 2\ndata: "half'),
      () => {
        throw new ApiProblem({ code: 'unreachable', status: 0 });
      },
      () => bodyOf(event(2, '의'), event(3, '끝'), event(4, 'never')),
    ];
    const got: string[] = [];
    const broken: boolean[] = [];
    await follow<string>({
      open: async (last) => {
        asked.push(last);
        return answers[asked.length - 1]!();
      },
      take: (text) => {
        got.push(text);
        return text === '끝';
      },
      signal: new AbortController().signal,
      onBroken: (state) => broken.push(state),
      wait: async () => undefined,
    });
    expect(got).toEqual(['분수', '의', '끝']);
    expect(asked).toEqual([null, '1', '1']);
    expect(broken).toEqual([false, true, false]);
  });

  it('gives up at once when the hub refuses', async () => {
    const refused = follow<string>({
      open: async () => {
        throw new ApiProblem({ code: 'not_allowed', status: 403 });
      },
      take: () => false,
      signal: new AbortController().signal,
      wait: async () => undefined,
    });
    await expect(refused).rejects.toMatchObject({ code: 'not_allowed' });
  });

  it('stops when the caller has gone', async () => {
    const abort = new AbortController();
    let opened = 0;
    await follow<string>({
      open: async () => {
        opened += 1;
        return bodyOf(event(1, 'a'));
      },
      take: () => false,
      signal: abort.signal,
      wait: async () => abort.abort(),
    });
    expect(opened).toBe(1);
  });
});
