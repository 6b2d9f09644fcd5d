/** Where the person is, by the browser's history. */
class Router {
  path = $state(location.pathname);
  search = $state(location.search);
  /** Counts every move, so that the shell can put the focus on the new screen. */
  moves = $state(0);

  /** Listens to the browser's buttons and to clicks on links of this app; returns how to stop. */
  start(): () => void {
    const onPop = () => this.#read();
    const onClick = (event: MouseEvent) => {
      const target = pathOfClick(event);
      if (target === null) return;
      event.preventDefault();
      this.go(target);
    };
    addEventListener('popstate', onPop);
    document.addEventListener('click', onClick);
    return () => {
      removeEventListener('popstate', onPop);
      document.removeEventListener('click', onClick);
    };
  }

  /** Goes to a path of this app; `replace` leaves no step back. */
  go(path: string, options: { replace?: boolean } = {}): void {
    if (path === location.pathname + location.search) return;
    if (options.replace) history.replaceState(null, '', path);
    else history.pushState(null, '', path);
    this.#read();
    scrollTo(0, 0);
  }

  #read(): void {
    this.path = location.pathname;
    this.search = location.search;
    this.moves += 1;
  }
}

export const router = new Router();

/** The path of this app that a plain click on a link means, or null if the browser shall handle it. */
function pathOfClick(event: MouseEvent): string | null {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return null;
  const anchor = event.target instanceof Element ? event.target.closest('a') : null;
  if (!anchor || anchor.target || anchor.hasAttribute('download') || anchor.origin !== location.origin) return null;
  const href = anchor.getAttribute('href') ?? '';
  if (href.startsWith('#')) return null;
  return anchor.pathname + anchor.search;
}
