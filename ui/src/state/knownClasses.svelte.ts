/** The classes whose code was entered on this device. Names of pupils are personal data and are never kept. */
import { readJson, writeStored } from './storage';

const KEY = 'ds.classes';

export interface KnownClass {
  code: string;
  name: string;
}

class KnownClasses {
  list = $state<KnownClass[]>(read());

  /** Keeps the class; the one used last stands first. */
  remember(known: KnownClass): void {
    this.#write([known, ...this.list.filter((other) => other.code !== known.code)].slice(0, 12));
  }

  forget(code: string): void {
    this.#write(this.list.filter((known) => known.code !== code));
  }

  #write(list: KnownClass[]): void {
    this.list = list;
    writeStored(KEY, JSON.stringify(list));
  }
}

export const knownClasses = new KnownClasses();

/** `k7rm 2qxw` as `K7RM-2QXW`; what is no code stays as it is, in capitals. */
export function normaliseClassCode(text: string): string {
  const bare = text.normalize('NFKC').toUpperCase().replace(/[^A-Z0-9]/g, '');
  return bare.length === 8 ? `${bare.slice(0, 4)}-${bare.slice(4)}` : bare;
}

function read(): KnownClass[] {
  const stored = readJson(KEY);
  if (!Array.isArray(stored)) return [];
  return stored.filter(
    (entry): entry is KnownClass => typeof entry === 'object' && entry !== null && typeof entry.code === 'string' && typeof entry.name === 'string',
  );
}
