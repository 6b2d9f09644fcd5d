import type { Problem, ProblemCode } from './types';

/** What the screens may branch on: the hub's codes, and `unreachable` when no answer came at all. */
export type FaultCode = ProblemCode | 'unreachable' | 'unexpected';

/** A request that did not work, with words that may be shown. */
export class ApiProblem extends Error {
  readonly code: FaultCode;
  /** The HTTP status; 0 if the hub was not reached. */
  readonly status: number;
  readonly title: string;
  /** What happened and what it means; empty if only the code is known. */
  readonly detail: string;
  /** One next step. */
  readonly hint: string | null;
  /** The request's id, which the hub's log has too. */
  readonly instance: string | null;
  /** Seconds to wait before another try, if the hub said so. */
  readonly retryAfter: number | null;

  constructor(fault: {
    code: FaultCode;
    status: number;
    title?: string;
    detail?: string;
    hint?: string | null;
    instance?: string | null;
    retryAfter?: number | null;
  }) {
    super(fault.title ?? fault.code);
    this.name = 'ApiProblem';
    this.code = fault.code;
    this.status = fault.status;
    this.title = fault.title ?? '';
    this.detail = fault.detail ?? '';
    this.hint = fault.hint ?? null;
    this.instance = fault.instance ?? null;
    this.retryAfter = fault.retryAfter ?? null;
  }

  /** Another try later may work: the network, an overloaded or a restarting hub. */
  get passing(): boolean {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

/** Reads the problem+json of a refused response; a body that is none gives `unexpected`. */
export async function readProblem(response: Response): Promise<ApiProblem> {
  const wait = Number(response.headers.get('retry-after'));
  const retryAfter = Number.isFinite(wait) && wait > 0 ? wait : null;
  const body = await response.json().catch(() => null);
  if (!isProblem(body)) return new ApiProblem({ code: 'unexpected', status: response.status, retryAfter });
  return new ApiProblem({
    code: body.code,
    status: response.status,
    title: body.title,
    detail: body.detail,
    hint: body.hint ?? null,
    instance: body.instance ?? null,
    retryAfter,
  });
}

/** Any failure as an ApiProblem; an aborted request stays what it is. */
export function asProblem(error: unknown): ApiProblem {
  return error instanceof ApiProblem ? error : new ApiProblem({ code: 'unexpected', status: 0, title: String(error) });
}

/** Whether the caller itself gave the request up. */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}

function isProblem(body: unknown): body is Problem {
  return typeof body === 'object' && body !== null && 'code' in body && 'title' in body && 'detail' in body;
}
