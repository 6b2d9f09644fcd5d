/** Files that leave the browser for the person's own disk. */
import { hub } from '../../../state/hub.svelte';

/** Asks the hub to make a file and keeps it under the hub's name for it, else under `name`. */
export async function saveFromHub(path: string, body: unknown, name: string): Promise<void> {
  const made = await hub.download(path, body);
  saveFile(made.blob, made.name ?? name);
}

/** Fetches a file that the hub has and keeps it under `name`. */
export async function fetchFromHub(path: string, name: string): Promise<void> {
  const kept = await hub.fetchFile(path);
  saveFile(kept.blob, name);
}

/** Keeps `blob` under `name`, as if a link to it had been pressed. */
export function saveFile(blob: Blob, name: string): void {
  const address = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  // The browser reads the address after this turn; a minute is enough for any disk.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

/** A table as CSV that a spreadsheet opens with Korean intact: UTF-8 with a mark, lines by CRLF. */
export function makeCsv(rows: readonly (readonly string[])[]): Blob {
  const cell = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return new Blob([`\uFEFF${rows.map((row) => `${row.map(cell).join(',')}\r\n`).join('')}`], { type: 'text/csv;charset=utf-8' });
}
