/** Makes a box reachable by Tab while its content is larger than itself, so that a keyboard can scroll it. */
export function scrollable(node: HTMLElement): (() => void) | void {
  const look = () => {
    if (node.scrollWidth > node.clientWidth + 1 || node.scrollHeight > node.clientHeight + 1) node.tabIndex = 0;
    else node.removeAttribute('tabindex');
  };
  look();
  if (typeof ResizeObserver === 'undefined') return;
  const observer = new ResizeObserver(look);
  observer.observe(node);
  return () => observer.disconnect();
}
