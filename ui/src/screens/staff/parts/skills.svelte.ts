/** The skills of the curriculum in the reader's language, fetched once a page. */
import type { Language, Skill } from '../../../api/types';
import { hub } from '../../../state/hub.svelte';
import { language } from '../../../state/language.svelte';

class Skills {
  #known = $state.raw<Partial<Record<Language, Skill[]>>>({});
  readonly list: Skill[] = $derived(this.#known[language.current] ?? []);

  /** Makes sure that the skills in the language of the moment are there. */
  async load(): Promise<void> {
    const wanted = language.current;
    if (this.#known[wanted]) return;
    const fetched = await hub.get<Skill[]>(`/skills?lang=${wanted}`);
    this.#known = { ...this.#known, [wanted]: fetched };
  }

  /** The skill's name; its id while the name is not there. */
  name(id: string): string {
    return this.list.find((skill) => skill.id === id)?.name ?? id;
  }
}

export const skills = new Skills();
