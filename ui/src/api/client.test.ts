import { describe, expect, it, vi } from 'vitest';
import { addressOf, HubClient } from './client';
import type { SignedIn } from './types';

const me = { user_id: 'u', session_id: 's', role: 'student', name: '김민준', language: 'ko', must_change_password: false, class: null } as const;
const signedIn = (token: string): SignedIn => ({ access_token: token, expires_at: '2026-11-23T05:15:00Z', me });

function json(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json', ...headers } });
}

function problem(status: number, code: string): Response {
  return json(status, { type: `urn:dreamseed:problem:${code}`, title: 'T', status, detail: 'D', code, hint: 'H', instance: 'r1' });
}

/** A hub whose tokens go bad when told so. */
function hubWith() {
  const state = { good: '', renewals: 0, calls: [] as string[], canRenew: true };
  const fetcher = vi.fn(async (input: RequestInfo | URL, init?: RequestInit) => {
    const path = String(input);
    state.calls.push(`${init?.method} ${path}`);
    if (path === '/api/v1/sessions') {
      state.good = 'first';
      return json(201, signedIn('first'));
    }
    if (path === '/api/v1/sessions/refresh') {
      state.renewals += 1;
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (!state.canRenew) return problem(401, 'sign_in_needed');
      state.good = `renewed${state.renewals}`;
      return json(200, signedIn(state.good));
    }
    const sent = new Headers(init?.headers).get('Authorization');
    if (path === '/api/v1/me/password') return problem(401, 'wrong_secret');
    return sent === `Bearer ${state.good}` ? json(200, { ok: path }) : problem(401, 'sign_in_needed');
  });
  return { state, client: new HubClient(fetcher as unknown as typeof fetch) };
}

const secret = { kind: 'password', login_name: 'a', password: 'b' } as const;

describe('HubClient', () => {
  it('renews a token once for all requests that wait for it', async () => {
    const { state, client } = hubWith();
    await client.signIn(secret);
    state.good = 'elsewhere';
    const answers = await Promise.all(['/a', '/b', '/c', '/d'].map((path) => client.get<{ ok: string }>(path)));
    expect(answers.map((answer) => answer.ok)).toEqual(['/api/v1/a', '/api/v1/b', '/api/v1/c', '/api/v1/d']);
    expect(state.renewals).toBe(1);
  });

  it('says that the sign-in has ended when no new token is given', async () => {
    const { state, client } = hubWith();
    const told: (SignedIn | null)[] = [];
    client.onSession = (session) => told.push(session);
    await client.signIn(secret);
    state.good = 'elsewhere';
    state.canRenew = false;
    await expect(client.get('/a')).rejects.toMatchObject({ code: 'sign_in_needed', status: 401 });
    expect(told.at(-1)).toBeNull();
    expect(client.signedIn).toBe(false);
  });

  it('does not renew for a wrong password', async () => {
    const { state, client } = hubWith();
    await client.signIn(secret);
    await expect(client.put('/me/password', {})).rejects.toMatchObject({ code: 'wrong_secret' });
    expect(state.renewals).toBe(0);
    expect(state.calls.filter((call) => call === 'PUT /api/v1/me/password')).toHaveLength(1);
  });

  it('makes an ApiProblem of what is refused, with or without the hub’s words', async () => {
    const words = new HubClient(async () => problem(409, 'taken'));
    await expect(words.get('/x')).rejects.toMatchObject({ code: 'taken', title: 'T', detail: 'D', hint: 'H', instance: 'r1', passing: false });
    const none = new HubClient(async () => new Response('<html>', { status: 502, headers: { 'Retry-After': '7' } }));
    await expect(none.get('/x')).rejects.toMatchObject({ code: 'unexpected', status: 502, retryAfter: 7, passing: true });
    const gone = new HubClient(async () => {
      throw new TypeError('failed to fetch');
    });
    await expect(gone.get('/x')).rejects.toMatchObject({ code: 'unreachable', status: 0, passing: true });
  });

  it('never sends the token to another place', () => {
    expect(addressOf('/me')).toBe('/api/v1/me');
    expect(addressOf('/api/v1/attempts/1/feedback')).toBe('/api/v1/attempts/1/feedback');
    for (const path of ['//evil.example/x', 'https://evil.example/x', '/\\evil.example', 'me']) expect(() => addressOf(path)).toThrow();
  });
});

describe('the record of the hub', () => {
  it('is shown the receipt with answers and renewals only, and tells its epoch', async () => {
    const shown: [string, string | null][] = [];
    const fetcher = vi.fn(async (input: RequestInfo | URL, init?: RequestInit) => {
      shown.push([String(input), new Headers(init?.headers).get('Dreamseed-Receipt')]);
      return json(200, String(input).endsWith('/refresh') ? signedIn('t') : {}, { 'Dreamseed-Epoch': 'e1' });
    });
    const client = new HubClient(fetcher as unknown as typeof fetch);
    const epochs: string[] = [];
    client.onEpoch = (epoch) => epochs.push(epoch);
    await client.post('/attempts', {});
    client.receipt = () => 'e1.7.ab';
    await client.renew();
    await client.post('/attempts', {});
    await client.get('/me/problems');
    expect(shown.map(([path, receipt]) => [path.replace('/api/v1', ''), receipt])).toEqual([
      ['/attempts', null],
      ['/sessions/refresh', 'e1.7.ab'],
      ['/attempts', 'e1.7.ab'],
      ['/me/problems', null],
    ]);
    expect(epochs).toEqual(['e1', 'e1', 'e1', 'e1']);
  });
});
