/** The hub this page came from, and the one client everybody uses. */
import { HubClient } from '../api/client';
import type { HubInfo } from '../api/types';
import type { Locale } from '../i18n/format';
import { clock } from './clock.svelte';
import { language } from './language.svelte';

export const hub = new HubClient();
hub.language = () => language.current;

class HubState {
  info = $state<HubInfo | null>(null);

  /** How to write dates now: the person's language, the school's zone. */
  get locale(): Locale {
    return { language: language.current, timeZone: this.info?.time_zone ?? 'Asia/Seoul' };
  }

  async load(): Promise<HubInfo> {
    this.info = await hub.get<HubInfo>('/hub');
    clock.hear(this.info.server_time);
    return this.info;
  }
}

export const hubState = new HubState();
