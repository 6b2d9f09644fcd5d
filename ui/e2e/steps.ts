/** What people do on the screens, in the words that stand there. */
import type { Locator } from 'playwright-core';
import type { Answer } from '../src/api/types.ts';
import type { Device } from './device.ts';
import type { Account, DemoClass, DemoPupil } from './hub.ts';
import { say, type Tongue } from './words.ts';

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
