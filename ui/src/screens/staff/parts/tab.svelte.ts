/** The browser's tab. */
import { t } from '../../../i18n';

/** Keeps the tab named after what is on the screen. Called once, while the screen's component is made. */
export function nameTab(title: () => string): void {
  $effect(() => {
    document.title = `${title()} · ${t('app.name')}`;
  });
}
