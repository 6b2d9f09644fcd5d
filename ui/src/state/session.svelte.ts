/** Who is signed in on this page. */
import type { JoinAsParent, Me, SetUpHub, SignIn, SignedIn } from '../api/types';
import { hub } from './hub.svelte';
import { language } from './language.svelte';

/** Why nobody is signed in any more, for one sentence on the sign-in screen. */
export type Farewell = 'idle' | 'ended' | 'not_me' | 'password_changed' | null;

class Session {
  me = $state<Me | null>(null);
  farewell = $state<Farewell>(null);

  constructor() {
    hub.onSession = (session) => this.#take(session);
  }

  /** Goes on with the sign-in of this browser, if there is one. */
  async resume(): Promise<void> {
    await hub.renew();
  }

  async signIn(secret: SignIn): Promise<Me> {
    return (await hub.signIn(secret)).me;
  }

  async joinAsParent(form: JoinAsParent): Promise<Me> {
    return (await hub.joinAsParent(form)).me;
  }

  async setUp(form: SetUpHub): Promise<Me> {
    return (await hub.setUp(form)).me;
  }

  /** Signs out here; the hub is told if it can be reached. */
  async signOut(farewell: Farewell = null): Promise<void> {
    const told = hub.signOut();
    this.#take(null);
    this.farewell = farewell;
    await told;
  }

  /** After a change of one's own password: it ended the access token, so a new one is asked for before the next call. */
  async refreshMe(): Promise<void> {
    await hub.renew();
  }

  #take(session: SignedIn | null): void {
    if (session) {
      this.farewell = null;
      const same = this.me?.user_id === session.me.user_id && this.me.must_change_password === session.me.must_change_password;
      // A renewal every few minutes must not make the screens think that somebody else came.
      if (!same) this.me = session.me;
      language.setUser(session.me);
    } else {
      if (this.me) this.farewell = 'ended';
      this.me = null;
      language.setUser(null);
    }
  }
}

export const session = new Session();
