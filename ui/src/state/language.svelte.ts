/**
 * Which language the screens speak: what this person chose, else what their class or account says, else what was
 * chosen on this device before signing in, else Korean.
 */
import type { Language, Me } from '../api/types';
import { readStored, writeStored } from './storage';

const DEVICE = 'ds.language';

class LanguageState {
  #device = $state<Language | null>(readLanguage(DEVICE));
  /** Chosen on the sign-in screen just now; it goes along into the sign-in. */
  #chosenHere = $state<Language | null>(null);
  #roster = $state<Language | null>(null);
  #user = $state<{ id: string; own: Language | null; given: Language } | null>(null);

  readonly current: Language = $derived(
    this.#user
      ? (this.#user.own ?? this.#user.given)
      : (this.#chosenHere ?? this.#roster ?? this.#device ?? 'ko'),
  );

  /** Somebody signed in, or nobody is. */
  setUser(me: Me | null): void {
    if (!me) {
      this.#user = null;
      this.#chosenHere = null;
      return;
    }
    let own = readLanguage(keyOf(me.user_id));
    if (!own && this.#chosenHere) {
      // Chosen for this sign-in: it must outlive a reload, which knows the person but not the screen before.
      own = this.#chosenHere;
      writeStored(keyOf(me.user_id), own);
    }
    this.#user = { id: me.user_id, own, given: me.class?.language ?? me.language };
  }

  /** The class whose names are on the sign-in screen. */
  setRoster(language: Language | null): void {
    this.#roster = language;
  }

  choose(language: Language): void {
    if (this.#user) {
      writeStored(keyOf(this.#user.id), language);
      this.#user = { ...this.#user, own: language };
    } else {
      writeStored(DEVICE, language);
      this.#device = language;
      this.#chosenHere = language;
    }
  }
}

export const language = new LanguageState();

function keyOf(userId: string): string {
  return `${DEVICE}.${userId}`;
}

function readLanguage(key: string): Language | null {
  const value = readStored(key);
  return value === 'ko' || value === 'en' ? value : null;
}
