/** A pupil finds the class, signs in, answers wrong, gets help, comes back, answers right, sees progress, leaves. */
import type { Page } from 'playwright-core';
import { Device, type Scene } from '../device.ts';
import type { RunningHub } from '../hub.ts';
import { rightAnswer, type School, wrongAnswer } from '../school.ts';
import { check, checkEqual, chooseLanguage, enter, nameButton, press, readGrade, submit, versionOnScreen } from '../steps.ts';
import { say, type Word } from '../words.ts';

const HELP_MS = 120_000;

export async function walkPupil(scene: Scene, hub: RunningHub, school: School): Promise<void> {
  const { report } = scene;
  const { tongue } = school;
  const word = (key: Word, values?: Record<string, string | number>) => say(tongue, key, values);
  const pupil = await school.freshPupil();
  const device = await Device.open(scene, 'pupil', hub.address);
  const { page } = device;
  const names = page.getByRole('region', { name: word('signin.choose_name') });

  await report.step('a wrong class code is told in words', async () => {
    device.allow(/status of 40[14] .*\/api\/v1\/roster/);
    await chooseLanguage(device, tongue);
    await page.getByLabel(word('signin.code.label'), { exact: true }).fill('ZZZZ-9999');
    await page.keyboard.press('Enter');
    await page.getByText(word('fault.class_code')).waitFor();
  });
  await device.look('sign-in-class', tongue, { phone: true });

  await report.step('the class code opens the names of the class', async () => {
    await page.getByLabel(word('signin.code.label'), { exact: true }).fill(school.class.class_code.toLowerCase().replace('-', ' '));
    await page.keyboard.press('Enter');
    await names.waitFor();
    checkEqual(await names.getByRole('listitem').count(), school.class.pupils.length, 'names on the screen');
    checkEqual(await page.locator('html').getAttribute('lang'), tongue, 'language of the screen');
  });
  await device.look('sign-in-names', tongue);

  await report.step('a wrong PIN, by keyboard alone, is told without blame', async () => {
    device.allow(/status of 401 .*\/api\/v1\/sessions\)/);
    await nameButton(device, pupil).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: word('signin.pin', { name: pupil.name }) }).waitFor();
    await page.keyboard.type(pupil.pin === '582014' ? '582015' : '582014');
    await page.getByText(word('fault.wrong_secret.pupil')).waitFor();
  });
  await device.look('sign-in-pin', tongue, { phone: true });
  await report.step('the right PIN leads to my problems', async () => {
    await page.getByLabel(word('signin.pin.label')).focus();
    await page.keyboard.type(pupil.pin);
    await page.getByRole('heading', { level: 1, name: word('problems.title', { name: pupil.name }) }).waitFor();
    check((await page.locator('header').innerText()).includes(pupil.name), 'the name is not in the header');
    const lesson = (await school.live()).problems;
    const first = page.getByRole('article').first();
    await first.waitFor();
    checkEqual(await first.getByRole('listitem').count(), lesson.length, 'problems of the lesson');
  });
  await device.look('my-problems', tongue, { phone: true });

  await report.step('the sign-in is a strict cookie of this browser session, and no token lies in the storage', async () => {
    const [cookie] = await device.context.cookies(`${hub.address}/api/v1/sessions`);
    check(cookie !== undefined && cookie.httpOnly && cookie.sameSite === 'Strict', `the cookie is ${JSON.stringify(cookie && { ...cookie, value: '…' })}`);
    checkEqual(cookie.expires, -1, 'end of the cookie');
    const stored = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
    check(!/eyJ[\w-]+\./.test(stored) && !stored.includes(cookie.value), 'a token lies in the storage of the page');
  });

  const version = await report.step('the first problem opens with the cursor in the answer', async () => {
    await page.getByRole('link', { name: word('problems.start') }).first().click();
    await page.getByRole('heading', { level: 1 }).and(page.locator('#problem-title')).waitFor();
    const shown = versionOnScreen(device);
    checkEqual(await page.locator('#problem-title').innerText(), school.title(school.problem(shown)), 'title');
    await page.locator('form input:focus').first().waitFor();
    return shown;
  });
  const problem = school.problem(version);
  await device.look('solve-start', tongue, { phone: true, picture: 'none' });

  await report.step('nothing written is asked for, and not sent', async () => {
    await page.getByRole('button', { name: word('solve.check'), exact: true }).click();
    const missing = problem.draft.question.kind.endsWith('choice') ? 'solve.missing.choice' : 'solve.missing';
    await page.getByRole('alert').getByText(word(missing)).waitFor();
  });

  await report.step('a wrong answer is "not yet", at once and without blame', async () => {
    await enter(device, tongue, wrongAnswer(problem), 'keys');
    checkEqual(await submit(device, tongue, 'keys'), 'wrong', 'grade');
    await page.getByText(word('grade.wrong'), { exact: true }).waitFor();
    for (const next of ['solve.retry', 'solve.help', 'solve.skip'] as const) await page.getByRole('button', { name: word(next), exact: true }).waitFor();
  });
  await device.look('solve-not-yet', tongue, { phone: true });

  const help = page.getByRole('region', { name: word('help.title'), exact: true });
  const mark = help.getByText(word('help.by_ai'), { exact: true });
  await report.step('help streams in, marked as written by an AI', async () => {
    const heard = await watchHelp(page);
    await page.getByRole('button', { name: word('solve.help'), exact: true }).click();
    await help.getByRole('button', { name: word('help.useful'), exact: true }).waitFor({ timeout: HELP_MS });
    await mark.waitFor();
    const { words, steps } = await heard();
    check(words >= 5, `the stream had ${words} words`);
    // A busy machine may draw several words at once.
    check(steps >= 2, `the screen showed the help in ${steps} steps`);
  });
  await device.look('solve', tongue, { phone: true, picture: 'phone-too' });

  await report.step('the pupil can say what the help was worth', async () => {
    await help.getByRole('button', { name: word('help.useful'), exact: true }).click();
    await help.getByText(word('help.thanks.yes')).waitFor();
  });

  await report.step('a reload keeps the sign-in, the grade and the help', async () => {
    await page.reload();
    await mark.waitFor({ timeout: HELP_MS });
    checkEqual(await readGrade(device), 'wrong', 'grade');
    check((await page.locator('header').innerText()).includes(pupil.name), 'the name is not in the header');
  });

  await report.step('trying again, the right answer is right', async () => {
    await page.getByRole('button', { name: word('solve.retry'), exact: true }).click();
    await enter(device, tongue, rightAnswer(problem), 'keys');
    checkEqual(await submit(device, tongue, 'keys'), 'right', 'grade');
    await page.getByText(word('grade.right'), { exact: true }).waitFor();
  });
  await device.look('solve-right', tongue, { phone: true });

  await report.step('the next problem follows', async () => {
    await page.getByRole('link', { name: word('solve.next'), exact: true }).click();
    await page.waitForURL((url) => !url.pathname.endsWith(version));
    await page.locator('#problem-title').waitFor();
    check(versionOnScreen(device) !== version, 'the same problem came again');
  });

  await report.step('problem by problem to the end of the lesson', async () => {
    for (let left = (await school.live()).problems.length; left > 0; left--) {
      if (page.url().endsWith('/finished')) break;
      const now = school.problem(versionOnScreen(device));
      await page.locator('#problem-title').getByText(school.title(now), { exact: true }).waitFor();
      await enter(device, tongue, rightAnswer(now), 'keys');
      checkEqual(await submit(device, tongue, 'keys'), 'right', `grade of ${school.title(now)}`);
      const before = page.url();
      await press(page.getByRole('link', { name: new RegExp(`^(${word('solve.next')}|${word('solve.finish')})$`) }), 'keys');
      await page.waitForURL((url) => url.href !== before);
    }
    await page.getByText(word('solve.finished.title')).last().waitFor();
  });
  await device.look('lesson-finished', tongue);

  await report.step('my progress shows what was answered, as a plot and as a table', async () => {
    await page.locator('header').getByRole('link', { name: word('app.menu.progress') }).click();
    await page.getByRole('heading', { level: 1, name: word('progress.title', { name: pupil.name }) }).waitFor();
    await page.getByRole('heading', { name: word('progress.skills') }).waitFor();
    const plot = page.getByRole('img', { name: /\d/ }).last();
    await plot.waitFor();
    await page.getByText(word('progress.days.table')).click();
    check((await page.getByRole('table').getByRole('row').count()) > 1, 'the table of the plot is empty');
    await page.getByText(word('progress.days.table')).click();
  });
  await device.look('my-progress', tongue, { phone: true });

  await report.step('my account names this device', async () => {
    await page.locator('header').getByRole('link', { name: pupil.name }).click();
    await page.getByText(word('account.sessions.this')).waitFor();
  });
  await device.look('my-account', tongue, { picture: 'whole' });

  await report.step('"not me" signs out for good; the class code is not asked for again', async () => {
    await page.locator('header').getByRole('button', { name: word('app.not_me.label', { name: pupil.name }) }).click();
    await names.waitFor();
    await page.getByText(word('signin.farewell.not_me')).waitFor();
    await page.goto(new URL('/problems', hub.address).href);
    await names.waitFor();
    check(!(await page.locator('header').innerText()).includes(pupil.name), 'the name is still in the header');
    const cookies = await device.context.cookies(`${hub.address}/api/v1/sessions`);
    checkEqual(cookies.filter((one) => one.name === 'ds_refresh' && one.value !== '').length, 0, 'cookies of the sign-in');
  });
  await device.look('sign-in-again', tongue, { picture: 'none' });
}

/** Listens to the stream of help beside the page; the answer tells its words and the steps in which they were drawn. */
async function watchHelp(page: Page): Promise<() => Promise<{ words: number; steps: number }>> {
  const state = await page.evaluateHandle(() => {
    const drawn = new Set<number>();
    const events: Promise<string>[] = [];
    new MutationObserver(() => drawn.add(document.querySelector('section.help')?.textContent?.length ?? 0)).observe(document.body, { subtree: true, childList: true, characterData: true });
    const ask = window.fetch;
    window.fetch = async (...request) => {
      const response = await ask(...request);
      if (response.headers.get('Content-Type')?.startsWith('text/event-stream')) events.push(response.clone().text());
      return response;
    };
    return { drawn, events };
  });
  return () => state.evaluate(async ({ drawn, events }) => ({ words: (await Promise.all(events)).join('').split('"event":"token"').length - 1, steps: drawn.size }));
}
