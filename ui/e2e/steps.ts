/** What people do on the screens, in the words that stand there. */
import { readFile } from 'node:fs/promises';
import type { Locator, Page } from 'playwright-core';
import type { Answer } from '../src/api/types.ts';
import type { Device } from './device.ts';
import type { Account, DemoClass, DemoPupil } from './hub.ts';
import type { School } from './school.ts';
import { say, sayToStaff, type Tongue } from './words.ts';

export function check(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

export function checkEqual<T>(found: T, expected: T, what: string): void {
  check(Object.is(found, expected), `${what}: expected ${String(expected)}, found ${String(found)}`);
}

/** Loads a screen by its address, in the language. */
export async function visit(device: Device, path: string, tongue: Tongue): Promise<void> {
  await device.page.goto(new URL(path, device.address).href);
  await device.page.locator('header button[lang]').waitFor();
  await chooseLanguage(device, tongue);
}

/** Chooses the language in the header; only the other one is offered there. */
export async function chooseLanguage({ page }: Device, tongue: Tongue): Promise<void> {
  if ((await page.locator('html').getAttribute('lang')) === tongue) return;
  await page.locator(`header button[lang=${tongue}]`).click();
  await page.locator(`html[lang=${tongue}]`).waitFor();
}

/** Class code, name, PIN by keyboard; ends on the list of problems. */
export async function signInPupil(device: Device, given: DemoClass, pupil: DemoPupil): Promise<void> {
  const { page } = device;
  await page.getByPlaceholder(/^\w{4}-\w{4}$/).fill(given.class_code);
  await page.keyboard.press('Enter');
  await nameButton(device, pupil).click();
  await page.keyboard.type(pupil.pin);
  await page.getByRole('heading', { level: 1, name: say(given.language, 'problems.title', { name: pupil.name }) }).waitFor();
}

export function nameButton({ page }: Device, pupil: DemoPupil): Locator {
  return page.locator(`button[data-number="${pupil.number}"]`);
}

/** Name and password on the adults' side, in a language; does not wait for what comes of it. */
export async function fillAdult(device: Device, account: Account, tongue: Tongue): Promise<void> {
  const { page } = device;
  await chooseLanguage(device, tongue);
  await pick(device, say(tongue, 'signin.adult'));
  await page.getByLabel(say(tongue, 'signin.login_name'), { exact: true }).fill(account.login_name);
  await page.getByLabel(say(tongue, 'signin.password'), { exact: true }).fill(account.password);
  await page.keyboard.press('Enter');
}

export async function signInAdult(device: Device, account: Account, tongue: Tongue): Promise<void> {
  await fillAdult(device, account, tongue);
  await device.page.locator('header').getByRole('button', { name: say(tongue, 'app.sign_out') }).waitFor();
}

/** A deed that wants two presses: by its label, then by the words that ask once more. */
export async function pressTwice(within: Page | Locator, label: string, sure: string): Promise<void> {
  await within.getByRole('button', { name: label, exact: true }).click();
  await within.getByRole('button', { name: new RegExp(`(^|: )${escape(sure)}$`) }).click();
}

/** Presses, and gives the file that the browser saves. */
export async function download({ page }: Device, press: () => Promise<void>): Promise<{ name: string; bytes: Buffer }> {
  const [saved] = await Promise.all([page.waitForEvent('download'), press()]);
  return { name: saved.suggestedFilename(), bytes: await readFile(await saved.path()) };
}

/** Chooses a file that the walk has made. */
export async function chooseFile({ page }: Device, name: string, mimeType: string, buffer: Buffer): Promise<void> {
  await page.locator('input[type=file]').setInputFiles({ name, mimeType, buffer });
}

/** How the staff's screens call a pupil of a class. */
export function nameOf(tongue: Tongue, { number, name }: DemoPupil): string {
  return sayToStaff(tongue, 'live.pupil', { number, name });
}

/** The label of a cell of the live grid, up to its state. */
export function cellName(school: School, pupil: DemoPupil, place: number, state: string): string {
  return sayToStaff(school.tongue, 'live.cell', { who: nameOf(school.tongue, pupil), place, state });
}

export function cell(page: Page, school: School, pupil: DemoPupil, place: number, state: 'right' | 'not_yet' | 'not_started'): Locator {
  return page.getByRole('button', { name: new RegExp(`^${escape(cellName(school, pupil, place, say(school.tongue, `mark.${state}`)))}`) });
}

/** A text as a pattern that finds just that. */
export function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** One of a few words that stand side by side. */
export async function pick({ page }: Device, word: string): Promise<void> {
  await page.getByRole('radio', { name: word, exact: true }).check();
}

export type Hand = 'keys' | 'touch';

/** Puts an answer into the entry that the problem has. */
export async function enter(device: Device, tongue: Tongue, answer: Answer, hand: Hand): Promise<void> {
  switch (answer.kind) {
    case 'number':
      return enterNumber(device, tongue, answer.text, hand);
    case 'short_text':
      return device.page.getByLabel(say(tongue, 'entry.short')).fill(answer.text);
    case 'single_choice':
      return setChoice(device, answer.choice, true, hand);
    case 'multiple_choice': {
      const ids = await device.page.locator('fieldset input[type=checkbox]').evaluateAll((boxes) => boxes.map((box) => (box as HTMLInputElement).value));
      for (const id of ids) await setChoice(device, id, answer.choices.includes(id), hand);
      return;
    }
    case 'true_false':
      return setChoice(device, String(answer.value), true, hand);
    case 'ordering':
      return putInOrder(device, tongue, answer.order, hand);
    case 'matching':
      for (const { left, right } of answer.pairs) {
        await act(device, device.page.locator(`[data-left="${left}"]`), hand);
        await act(device, device.page.locator(`[data-right="${right}"]`), hand);
      }
      return;
    case 'cloze':
      for (const { gap, text } of answer.gaps) {
        const field = device.page.locator(`[data-gap="${gap}"]`);
        if ((await field.evaluate((element) => element.tagName)) === 'SELECT') await field.selectOption(text);
        else if (hand === 'touch') await field.fill(text);
        else {
          await field.focus();
          await device.page.keyboard.press('Control+A');
          await device.page.keyboard.type(text);
        }
      }
  }
}

/** Sends what stands in the entry and waits for the grade. */
export async function submit(device: Device, tongue: Tongue, hand: Hand): Promise<string> {
  await press(submitButton(device, tongue), hand);
  return readGrade(device);
}

export function submitButton({ page }: Device, tongue: Tongue): Locator {
  return page.getByRole('button', { name: say(tongue, 'solve.check'), exact: true });
}

/** The outcome as the screen tells it. */
export async function readGrade({ page }: Device): Promise<string> {
  const note = page.locator('[data-outcome]');
  await note.waitFor();
  return (await note.getAttribute('data-outcome')) ?? '';
}

export async function press(target: Locator, hand: Hand): Promise<void> {
  await (hand === 'touch' ? target.tap() : target.click());
}

/** By a finger, or by the keyboard alone. */
async function act({ page }: Device, target: Locator, hand: Hand): Promise<void> {
  if (hand === 'touch') return target.tap();
  await target.focus();
  await page.keyboard.press('Enter');
}

/** The version of the problem that is on the screen. */
export function versionOnScreen({ page }: Device): string {
  const version = /\/problems\/([^/]+)$/.exec(new URL(page.url()).pathname)?.[1];
  check(version !== undefined, `${page.url()} shows no problem`);
  return version;
}

async function setChoice({ page }: Device, id: string, on: boolean, hand: Hand): Promise<void> {
  const label = page.locator('label', { has: page.locator(`input[value="${id}"]`) });
  const box = label.locator('input');
  if ((await box.isChecked()) === on) return;
  if (hand === 'touch') await label.tap();
  else {
    await box.focus();
    await page.keyboard.press('Space');
  }
  check((await box.isChecked()) === on, `choice ${id} did not change`);
}

/** Each item is sent up to its place by its own button. */
async function putInOrder(device: Device, tongue: Tongue, order: string[], hand: Hand): Promise<void> {
  const { page } = device;
  const rows = () => page.locator('[data-item]').evaluateAll((items) => items.map((item) => (item as HTMLElement).dataset.item));
  const keep = page.getByRole('button', { name: say(tongue, 'entry.order.keep'), exact: true });
  if ((await keep.count()) > 0) await act(device, keep, hand);
  for (const [place, id] of order.entries()) {
    for (let at = (await rows()).indexOf(id); at > place; at--) {
      await act(device, page.locator(`[data-item="${id}"] [data-side="up"]`), hand);
      await page.locator(`[data-item]:nth-child(${at})[data-item="${id}"]`).waitFor();
    }
  }
}

/** `3/4`, `2 1/2` or any other text, in the layout that it needs, after what stood there is gone. */
async function enterNumber({ page }: Device, tongue: Tongue, text: string, hand: Hand): Promise<void> {
  const mixed = /^(-?\d+) (\d+)\/(\d+)$/.exec(text);
  const fraction = /^(-?\d+)\/(\d+)$/.exec(text);
  const layout = mixed ? 'mixed' : fraction ? 'fraction' : 'plain';
  const choice = page.getByRole('group', { name: say(tongue, 'entry.layout') }).getByRole('button', { name: say(tongue, `entry.layout.${layout}`), exact: true });
  if ((await choice.getAttribute('aria-pressed')) !== 'true') await press(choice, hand);
  const boxes = page.locator('.number .display input');
  if (hand === 'keys') {
    for (const box of await boxes.all()) await box.fill('');
    await boxes.first().focus();
    // A slash or a space leads on to the next box.
    await page.keyboard.type(text);
    return;
  }
  const pad = page.getByRole('group', { name: say(tongue, 'entry.pad') });
  await pad.getByRole('button', { name: say(tongue, 'signin.pin.clear'), exact: true }).tap();
  const parts = (mixed ?? fraction)?.slice(1) ?? [text];
  for (const [i, part] of parts.entries()) {
    await boxes.nth(i).tap();
    await typeOnPad(pad, tongue, part);
  }
}

async function typeOnPad(pad: Locator, tongue: Tongue, text: string): Promise<void> {
  for (const key of text) {
    const name = key === '-' ? say(tongue, 'entry.minus') : key === '.' ? say(tongue, 'entry.point') : key;
    await pad.getByRole('button', { name, exact: true }).tap();
  }
}
