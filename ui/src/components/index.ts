/** What every screen is made of. */
export { default as Badge } from './Badge.svelte';
export { default as Button } from './Button.svelte';
export { default as Card } from './Card.svelte';
export { default as Dialog } from './Dialog.svelte';
export { default as EmptyState } from './EmptyState.svelte';
export { default as FaultNote, describeFault } from './FaultNote.svelte';
export { default as Field } from './Field.svelte';
export { default as FigureImage } from './FigureImage.svelte';
export { default as GradeNote } from './GradeNote.svelte';
export { default as LanguageToggle } from './LanguageToggle.svelte';
export { default as Loading } from './Loading.svelte';
export { default as Markdown } from './Markdown.svelte';
export { default as Maths } from './Maths.svelte';
export { default as Plot, type Bar } from './Plot.svelte';
export { default as Segmented } from './Segmented.svelte';
export { default as StateMark, type Mark } from './StateMark.svelte';
export { default as Table } from './Table.svelte';
export { toasts } from '../state/toasts.svelte';
