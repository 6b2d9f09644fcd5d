import { describe, expect, it } from 'vitest';
import { HubClient } from '../api/client';
import type { FeedbackEvent } from '../api/types';
import { HelpStream } from './help.svelte';

function play(...events: FeedbackEvent[]): HelpStream {
  const help = new HelpStream(new HubClient(), 'a');
  for (const event of events) help.apply(event);
  return help;
}

describe('HelpStream', () => {
  it('shows the place in line, then the text as it comes', () => {
    const help = play({ event: 'queued', ahead: 2, expected_wait_ms: 3000 });
    expect([help.phase, help.ahead, help.waitMs]).toEqual(['queued', 2, 3000]);
    help.apply({ event: 'token', text: '분' });
    help.apply({ event: 'token', text: '수' });
    expect([help.phase, help.aiText]).toEqual(['writing', '분수']);
    expect(help.apply({ event: 'done', written_by_ai: true })).toBe(true);
    expect([help.phase, help.aiText]).toEqual(['done', '분수']);
  });

  it('keeps the hint beside the text that joins it', () => {
    const help = play({ event: 'hint', text: '힌트', reason: 'model_is_late' }, { event: 'token', text: '글' }, { event: 'done', written_by_ai: true });
    expect([help.hint, help.aiText]).toEqual(['힌트', '글']);
  });

  it('tells why the hint of the author came', () => {
    const help = play({ event: 'hint', text: '힌트', reason: 'too_many' }, { event: 'done', written_by_ai: false });
    expect([help.hint, help.hintReason, help.phase]).toEqual(['힌트', 'too_many', 'done']);
  });

  it('takes a text away that was telling the answer', () => {
    const help = play({ event: 'token', text: '답은' }, { event: 'hint', text: '힌트', reason: 'told_the_answer' }, { event: 'done', written_by_ai: false });
    expect([help.hint, help.aiText, help.phase]).toEqual(['힌트', '', 'done']);
  });

  it('goes on after an ended sign-in and stops at a failure', () => {
    const help = play({ event: 'token', text: 'a' });
    expect(help.apply({ event: 'failed', reason: 'signed_out' })).toBe(false);
    expect(help.apply({ event: 'failed', reason: 'nothing_to_say' })).toBe(true);
    expect([help.phase, help.failure]).toEqual(['failed', 'nothing_to_say']);
  });
});
