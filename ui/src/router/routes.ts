import type { Component } from 'svelte';
import type { Role } from '../api/types';

/** A screen's address, who may see it, and how it is loaded. */
export interface Route {
  /** `/classes/:class_id/live`; the parameters reach the screen as props of the same names. */
  path: string;
  /** Who may see it; `anyone` needs no sign-in. */
  roles: readonly Role[] | 'anyone';
  /** Loads the screen; its parameters are its props. */
  load: () => Promise<{ default: Component<any> }>;
  /** A word for the header's navigation; routes without it are reached from other screens. */
  nav?: { word: () => string; icon: Component<any> };
}

export type Params = Record<string, string>;

/** The route that `path` means, with its parameters decoded. */
export function matchRoute(routes: readonly Route[], path: string): { route: Route; params: Params } | null {
  for (const route of routes) {
    const params = matchPath(route.path, path);
    if (params) return { route, params };
  }
  return null;
}

/** The parameters of `path` by `pattern`, or null if it is another path. */
export function matchPath(pattern: string, path: string): Params | null {
  const want = pattern.split('/').filter(Boolean);
  const have = path.split('/').filter(Boolean);
  if (want.length !== have.length) return null;
  const params: Params = {};
  for (let i = 0; i < want.length; i++) {
    const part = want[i] ?? '';
    const value = have[i] ?? '';
    if (part.startsWith(':')) {
      try {
        params[part.slice(1)] = decodeURIComponent(value);
      } catch {
        return null;
      }
    } else if (part !== value) return null;
  }
  return params;
}
