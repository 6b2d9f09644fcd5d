/** Short messages that go by themselves; what must be acted on belongs on the screen, not here. */
export interface ToastMessage {
  id: number;
  tone: 'plain' | 'good' | 'bad';
  text: string;
}

const SHOWN_MS = 5000;

class Toasts {
  shown = $state<ToastMessage[]>([]);
  #next = 1;

  show(text: string, tone: ToastMessage['tone'] = 'plain'): void {
    const id = this.#next++;
    this.shown = [...this.shown.slice(-2), { id, tone, text }];
    setTimeout(() => this.dismiss(id), SHOWN_MS);
  }

  dismiss(id: number): void {
    this.shown = this.shown.filter((toast) => toast.id !== id);
  }
}

export const toasts = new Toasts();
