/** Short messages that go by themselves; what must be acted on belongs on the screen, not here. */
export interface ToastMessage {
  id: number;
  tone: 'plain' | 'good' | 'bad';
  text: string;
  /** One deed that belongs to it, such as taking back what was just done. */
  action?: { word: string; run: () => void };
}

const SHOWN_MS = 5000;
/** With something to press it stays longer: it must be read, decided on and reached. */
const SHOWN_WITH_ACTION_MS = 15_000;

class Toasts {
  shown = $state<ToastMessage[]>([]);
  #next = 1;

  show(text: string, tone: ToastMessage['tone'] = 'plain', action?: ToastMessage['action']): void {
    const id = this.#next++;
    this.shown = [...this.shown.slice(-2), { id, tone, text, ...(action ? { action } : {}) }];
    setTimeout(() => this.dismiss(id), action ? SHOWN_WITH_ACTION_MS : SHOWN_MS);
  }

  dismiss(id: number): void {
    this.shown = this.shown.filter((toast) => toast.id !== id);
  }
}

export const toasts = new Toasts();
