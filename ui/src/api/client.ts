/**
 * The walk of a request: the access token (memory only) is put on it; a 401 renews the token once by the refresh
 * cookie, one renewal for however many requests wait for it; what is refused becomes an ApiProblem.
 */
import { ApiProblem, isAbort, readProblem } from './apiProblem';
import type { JoinAsParent, SignedIn, SignIn, SetUpHub } from './types';

export const BASE = '/api/v1';
/** Requests that show the receipt: at these a hub that was put back should learn of it. */
const SHOWS_RECEIPT = ['/attempts', '/sessions/refresh'];

export interface RequestOptions {
  signal?: AbortSignal;
  /** BCP 47 language for the words of an error. */
  language?: string;
}

/** A thin client of one hub. */
export class HubClient {
  #fetch: typeof fetch;
  #token: string | null = null;
  #renewal: Promise<SignedIn | null> | null = null;
  /** Told each time a sign-in begins, is renewed or has ended without our asking. */
  onSession: (session: SignedIn | null) => void = () => {};
  /** The highest place in the hub's record that this browser was ever told, shown where answers and sign-ins go. */
  receipt: () => string | null = () => null;
  /** Told the epoch of the hub's record with each reply: another one means that the hub was put back. */
  onEpoch: (epochId: string) => void = () => {};
  /** The language that errors should be written in. */
  language: () => string = () => 'ko';

  constructor(fetcher: typeof fetch = (...args) => fetch(...args)) {
    this.#fetch = fetcher;
  }

  get signedIn(): boolean {
    return this.#token !== null;
  }

  get<T>(path: string, options: RequestOptions = {}): Promise<T> {
    return this.#call<T>('GET', path, undefined, options);
  }

  post<T = void>(path: string, body?: unknown, options: RequestOptions = {}): Promise<T> {
    return this.#call<T>('POST', path, body, options);
  }

  put<T = void>(path: string, body?: unknown, options: RequestOptions = {}): Promise<T> {
    return this.#call<T>('PUT', path, body, options);
  }

  delete<T = void>(path: string, options: RequestOptions = {}): Promise<T> {
    return this.#call<T>('DELETE', path, undefined, options);
  }

  /** Sends the bytes of a file as they are; the hub reads them. */
  async upload<T>(path: string, file: Blob, options: RequestOptions = {}): Promise<T> {
    const headers = { Accept: 'application/json', 'Content-Type': 'application/octet-stream' };
    const response = await this.#sendSignedIn('POST', path, headers, file, options.signal);
    return (await response.json()) as T;
  }

  /** Asks for a file by POST and gives it with the name that the hub suggests, if it suggests one. */
  async download(path: string, body: unknown, options: RequestOptions = {}): Promise<{ blob: Blob; name: string | null }> {
    const headers = { Accept: '*/*', 'Content-Type': 'application/json' };
    const response = await this.#sendSignedIn('POST', path, headers, JSON.stringify(body), options.signal);
    return { blob: await response.blob(), name: fileNameOf(response.headers.get('content-disposition')) };
  }

  /** Fetches a file that the hub has; see {@link download} for one that it makes. */
  async fetchFile(path: string, options: RequestOptions = {}): Promise<{ blob: Blob; name: string | null }> {
    const response = await this.#sendSignedIn('GET', path, { Accept: '*/*' }, undefined, options.signal);
    return { blob: await response.blob(), name: fileNameOf(response.headers.get('content-disposition')) };
  }

  /** Opens a stream of server-sent events; the token is renewed once if it has ended. */
  async open(path: string, lastEventId: string | null, signal: AbortSignal): Promise<Response> {
    const headers: Record<string, string> = { Accept: 'text/event-stream' };
    if (lastEventId !== null) headers['Last-Event-ID'] = lastEventId;
    return this.#sendSignedIn('GET', path, headers, undefined, signal);
  }

  async signIn(secret: SignIn): Promise<SignedIn> {
    return this.#begin(await this.#call<SignedIn>('POST', '/sessions', secret, {}));
  }

  /** A parent's account by a paper code; they are signed in with it. */
  async joinAsParent(form: JoinAsParent): Promise<SignedIn> {
    return this.#begin(await this.#call<SignedIn>('POST', '/parents', form, {}));
  }

  async setUp(form: SetUpHub): Promise<SignedIn> {
    return this.#begin(await this.#call<SignedIn>('POST', '/setup', form, {}));
  }

  /**
   * A new access token by the refresh cookie. Callers at the same time share one request.
   * Gives null if there is no sign-in to go on with; throws if the hub could not say.
   */
  renew(): Promise<SignedIn | null> {
    this.#renewal ??= this.#requestRenewal().finally(() => {
      this.#renewal = null;
    });
    return this.#renewal;
  }

  /** Ends the sign-in here even if the hub cannot be told. */
  async signOut(): Promise<void> {
    const token = this.#token;
    this.#token = null;
    if (token === null) return;
    const headers = { Authorization: `Bearer ${token}` };
    await this.#send('DELETE', '/sessions/current', headers, undefined).catch(() => undefined);
  }

  async #requestRenewal(): Promise<SignedIn | null> {
    const response = await this.#send('POST', '/sessions/refresh', { 'Content-Type': 'application/json' }, '{}');
    if (response.ok) return this.#begin((await response.json()) as SignedIn);
    const problem = await readProblem(response);
    if (problem.passing) throw problem;
    const had = this.#token !== null;
    this.#token = null;
    if (had) this.onSession(null);
    return null;
  }

  #begin(session: SignedIn): SignedIn {
    this.#token = session.access_token;
    this.onSession(session);
    return session;
  }

  async #call<T>(method: string, path: string, body: unknown, options: RequestOptions): Promise<T> {
    const headers: Record<string, string> = { Accept: 'application/json' };
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    const text = body === undefined ? undefined : JSON.stringify(body);
    const response = await this.#sendSignedIn(method, path, headers, text, options.signal);
    if (response.status === 204) return undefined as T;
    return (await response.json()) as T;
  }

  async #sendSignedIn(
    method: string,
    path: string,
    headers: Record<string, string>,
    body: string | Blob | undefined,
    signal?: AbortSignal,
  ): Promise<Response> {
    const used = this.#token;
    let response = await this.#send(method, path, this.#authorised(headers), body, signal);
    if (response.status === 401 && used !== null) {
      const problem = await readProblem(response);
      // A wrong password is a 401 too, and no new token makes it right.
      if (problem.code !== 'sign_in_needed' && problem.code !== 'unexpected') throw problem;
      // Somebody else may have renewed it while this request was on its way.
      const renewed = this.#token !== used && this.#token !== null ? true : (await this.renew()) !== null;
      if (!renewed) throw problem;
      response = await this.#send(method, path, this.#authorised(headers), body, signal);
    }
    if (!response.ok) throw await readProblem(response);
    return response;
  }

  #authorised(headers: Record<string, string>): Record<string, string> {
    return this.#token === null ? headers : { ...headers, Authorization: `Bearer ${this.#token}` };
  }

  async #send(
    method: string,
    path: string,
    headers: Record<string, string>,
    body: string | Blob | undefined,
    signal?: AbortSignal,
  ): Promise<Response> {
    const init: RequestInit = {
      method,
      headers: { ...headers, 'Accept-Language': this.language() },
      credentials: 'same-origin',
      cache: 'no-store',
      redirect: 'error',
    };
    const receipt = method === 'POST' && SHOWS_RECEIPT.includes(path) ? this.receipt() : null;
    if (receipt !== null) init.headers = { ...init.headers, 'Dreamseed-Receipt': receipt };
    if (body !== undefined) init.body = body;
    if (signal) init.signal = signal;
    try {
      const response = await this.#fetch(addressOf(path), init);
      const epoch = response.headers.get('dreamseed-epoch');
      if (epoch) this.onEpoch(epoch);
      return response;
    } catch (error) {
      if (isAbort(error)) throw error;
      throw new ApiProblem({ code: 'unreachable', status: 0 });
    }
  }
}

/** The file name in a Content-Disposition, the UTF-8 form of RFC 6266 first; null if there is none that can be kept. */
export function fileNameOf(disposition: string | null): string | null {
  const wide = /filename\*=UTF-8''([^;\s]+)/i.exec(disposition ?? '')?.[1];
  const plain = /filename="([^"]+)"/i.exec(disposition ?? '')?.[1];
  let name = plain ?? null;
  try {
    if (wide !== undefined) name = decodeURIComponent(wide);
  } catch {
    // A broken percent code leaves the plain name.
  }
  return name === null || /[\\/\0]/.test(name) ? null : name;
}

/** The address on this hub; a path that leads elsewhere is refused, since the token goes with it. */
export function addressOf(path: string): string {
  if (!path.startsWith('/') || path.startsWith('//') || path.includes('\\')) {
    throw new ApiProblem({ code: 'unexpected', status: 0, title: 'foreign address' });
  }
  return path.startsWith(`${BASE}/`) ? path : BASE + path;
}
