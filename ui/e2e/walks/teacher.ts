/** A teacher sees the class work live, opens and closes a lesson, writes a problem, reads a pupil's page. */
import type { Page } from 'playwright-core';
import { Device, type Scene } from '../device.ts';
import type { DemoPupil, RunningHub } from '../hub.ts';
import { type Problem, rightAnswer, type School, wrongAnswer } from '../school.ts';
import { cell, cellName, check, checkEqual, enter, escape, fillAdult, pick, readGrade, signInAdult, signInPupil, submit, versionOnScreen, visit } from '../steps.ts';
import { patternOf, say, sayToStaff, type StaffWord, type Word } from '../words.ts';

/** From the grade on the pupil's device to the cell on the teacher's. */
const LIVE_MS = 1000;

export async function walkTeacher(scene: Scene, hub: RunningHub, school: School): Promise<void> {
  const { report } = scene;
  const { tongue } = school;
  const word = (key: Word, values?: Record<string, string | number>) => say(tongue, key, values);
  const staff = (key: StaffWord, values?: Record<string, string | number>) => sayToStaff(tongue, key, values);
  const device = await Device.open(scene, 'teacher', hub.address);
  const { page } = device;
  const base = `/classes/${school.class.class_id}`;

  await report.step('name and password sign in, after a wrong password', async () => {
    device.allow(/status of 401 .*\/api\/v1\/sessions\)/);
    await fillAdult(device, { ...school.teacher, password: 'not the password at all' }, tongue);
    await page.getByText(word('fault.wrong_secret.adult')).waitFor();
    await signInAdult(device, school.teacher, tongue);
  });

  await report.step('the own classes and no others', async () => {
    await page.getByRole('heading', { level: 1, name: staff('classes.title') }).waitFor();
    await page.getByRole('article', { name: school.class.name, exact: true }).waitFor();
    const own = await page.getByRole('article').getByRole('heading').allInnerTexts();
    const all = school.accounts.classes.map((one) => one.name);
    check(own.length < all.length && own.every((name) => all.includes(name)), `the classes are ${own.join(', ')}`);
    await page.getByText(patternOf(staff('classes.lesson'))).first().waitFor();
  });
  await device.look('classes', tongue, { phone: true });

  const pupil = await school.freshPupil();
  const child = await Device.open(scene, 'pupil', hub.address);
  await report.step('the class is there, live', async () => {
    await page.getByRole('article', { name: school.class.name, exact: true }).getByRole('link', { name: staff('class.nav.live') }).click();
    await page.getByRole('status').getByText(staff('live.alive'), { exact: true }).waitFor();
    await cell(page, school, pupil, 1, 'not_started').waitFor();
  });

  const problem = await report.step('a pupil signs in and is shown as present', async () => {
    await signInPupil(child, school.class, pupil);
    await child.page.getByRole('link', { name: word('problems.start') }).first().click();
    await child.page.locator('#problem-title').waitFor();
    await page.getByRole('row', { name: new RegExp(`${pupil.name}.*${staff('live.present')}`) }).waitFor();
    return school.problem(versionOnScreen(child));
  });

  await report.step(`the cell changes within ${LIVE_MS / 1000} s of a wrong answer`, async () => {
    const late = await timeCell(page, school, pupil, child, async () => {
      await enter(child, tongue, wrongAnswer(problem), 'keys');
      checkEqual(await submit(child, tongue, 'keys'), 'wrong', 'grade');
      await cell(page, school, pupil, 1, 'not_yet').waitFor();
    });
    check(late <= LIVE_MS, `the cell came ${Math.round(late)} ms after the grade`);
  });

  await report.step('help shows in the cell and in its transcript', async () => {
    await child.page.getByRole('button', { name: word('solve.help'), exact: true }).click();
    await child.page.getByRole('button', { name: word('help.useful'), exact: true }).click();
    await child.page.getByText(word('help.thanks.yes')).waitFor();
    await page.getByRole('button', { name: new RegExp(`^${escape(cellName(school, pupil, 1, ''))}`) }).click();
    const sheet = page.getByRole('dialog', { name: staff('live.pupil', { number: pupil.number, name: pupil.name }) });
    await sheet.getByRole('article').first().waitFor();
    await sheet.getByText(word('help.by_ai'), { exact: true }).waitFor();
    await sheet.getByText(staff('attempt.help.yes')).waitFor();
  });
  await device.look('class-live-answer', tongue);

  await report.step('three tries without success name the pupil as one to help', async () => {
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    for (let tries = 0; tries < 2; tries++) {
      await child.page.getByRole('button', { name: word('solve.retry'), exact: true }).click();
      await enter(child, tongue, wrongAnswer(problem), 'keys');
      checkEqual(await submit(child, tongue, 'keys'), 'wrong', 'grade');
    }
    await page.getByRole('region', { name: staff('live.stuck') }).getByText(staff('live.pupil', { number: pupil.number, name: pupil.name })).waitFor();
  });
  await device.look('class-live', tongue, { phone: true });

  await report.step(`the cell changes within ${LIVE_MS / 1000} s of the right answer`, async () => {
    await child.page.getByRole('button', { name: word('solve.retry'), exact: true }).click();
    const late = await timeCell(page, school, pupil, child, async () => {
      await enter(child, tongue, rightAnswer(problem), 'keys');
      checkEqual(await submit(child, tongue, 'keys'), 'right', 'grade');
      await cell(page, school, pupil, 1, 'right').waitFor();
    });
    check(late <= LIVE_MS, `the cell came ${Math.round(late)} ms after the grade`);
  });

  await report.step('the arrow keys walk over the cells', async () => {
    await cell(page, school, pupil, 1, 'right').focus();
    await page.keyboard.press('ArrowRight');
    await page.locator(':focus').and(page.getByRole('button', { name: new RegExp(`^${escape(cellName(school, pupil, 2, ''))}`) })).waitFor();
  });

  await report.step('for the wall the names are hidden', async () => {
    await page.getByRole('button', { name: staff('live.names.hide'), exact: true }).click();
    await page.getByRole('button', { name: staff('live.names.show'), exact: true }).waitFor();
    const shown = await page.locator('main').innerText();
    const seen = school.class.pupils.filter((one) => shown.includes(one.name));
    checkEqual(seen.map((one) => one.name).join(', '), '', 'names on the wall');
    checkEqual(await page.locator('main [aria-label*="' + pupil.name + '"]').count(), 0, 'names in labels');
  });
  await device.look('class-live-projector', tongue, { phone: true });

  await report.step('a new lesson: choose problems, open', async () => {
    await page.getByRole('button', { name: staff('live.names.show'), exact: true }).click();
    await page.getByRole('link', { name: staff('lesson.open.next'), exact: true }).click();
    await page.getByRole('heading', { name: staff('lesson.choose') }).waitFor();
    const boxes = page.getByRole('checkbox');
    await boxes.first().waitFor();
    for (const place of [1, 4]) await boxes.nth(place).check({ force: true });
    await page.getByRole('heading', { name: staff('lesson.chosen', { n: 2 }) }).waitFor();
  });
  await device.look('lesson-open', tongue, { phone: true });
  const title = tongue === 'ko' ? '두 문제만' : 'Just two problems';
  await report.step('the opened lesson is live for teacher and pupil', async () => {
    await page.getByLabel(staff('lesson.title')).fill(title);
    await page.getByRole('button', { name: staff('lesson.open.go', { n: 2 }), exact: true }).click();
    await page.getByRole('status').getByText(staff('live.alive'), { exact: true }).waitFor();
    await page.locator('main').getByText(title, { exact: true }).first().waitFor();
    await child.page.getByRole('link', { name: word('solve.back') }).click();
    await child.page.getByRole('article', { name: title }).waitFor();
  });

  await report.step('the lesson is closed after a question', async () => {
    await child.page.getByRole('article', { name: title }).getByRole('link').first().click();
    await child.page.locator('#problem-title').waitFor();
    await page.getByRole('button', { name: staff('live.close'), exact: true }).click();
    await page.getByRole('dialog', { name: staff('live.close.title', { title }) }).waitFor();
  });
  await device.look('lesson-close', tongue);
  await report.step('after its end the lesson is gone from the pupil', async () => {
    await page.getByRole('dialog').getByRole('button', { name: staff('live.close'), exact: true }).click();
    await page.getByText(staff('live.close.done')).waitFor();
    await child.page.getByRole('link', { name: word('solve.back') }).click();
    await child.page.getByRole('article', { name: title }).waitFor({ state: 'hidden' });
    await child.page.getByRole('article').first().waitFor();
  });

  await report.step('a new pupil gets a PIN, told once', async () => {
    await visit(device, `${base}/people`, tongue);
    await page.getByLabel(staff('people.name'), { exact: true }).fill(tongue === 'ko' ? '새로온' : 'Newly Come');
    await page.keyboard.press('Enter');
    await page.getByText(staff('secret.once')).waitFor();
    check(/\b\d{6}\b/.test(await page.locator('main').innerText()), 'no PIN is shown');
  });
  await device.look('class-pupils', tongue, { phone: true });
  await report.step('after a reload the PIN is gone', async () => {
    await visit(device, `${base}/people`, tongue);
    await page.getByLabel(staff('people.name'), { exact: true }).waitFor();
    checkEqual(await page.getByText(staff('secret.once')).count(), 0, 'secrets on the screen');
  });

  await report.step('the settings of the class are kept', async () => {
    await visit(device, `${base}/settings`, tongue);
    const box = page.getByRole('checkbox', { name: staff('settings.auto') });
    const saved = () => page.waitForResponse((response) => response.request().method() === 'PUT' && response.url().endsWith('/settings'));
    await box.waitFor();
    const [first] = await Promise.all([saved(), box.check({ force: true })]);
    checkEqual(first.status(), 204, 'status');
    await visit(device, `${base}/settings`, tongue);
    await box.waitFor();
    check(await box.isChecked(), 'the setting is gone after a reload');
    await Promise.all([saved(), box.uncheck({ force: true })]);
  });
  await device.look('class-settings', tongue, { phone: true });

  await report.step('the class code for the wall', async () => {
    await visit(device, `${base}/code`, tongue);
    await page.getByText(school.class.class_code, { exact: true }).waitFor();
  });
  await device.look('class-code', tongue, { phone: true });

  await report.step("a pupil's page has progress, answers and transcripts", async () => {
    await visit(device, `${base}/pupils/${pupil.pupil_id}`, tongue);
    await page.getByRole('heading', { name: staff('pupil.attempts') }).waitFor();
    await pick(device, staff('pupil.which.helped'));
    await page.getByText(word('help.by_ai'), { exact: true }).first().waitFor();
    await pick(device, staff('pupil.which.all'));
    check((await page.getByRole('article').count()) >= 4, 'answers are missing');
  });
  await device.look('pupil-page', tongue, { phone: true });

  await writeProblem(scene, device, school);
}

/** The list of problems, an existing one in the editor, and a new one with preview and try. */
async function writeProblem({ report }: Scene, device: Device, school: School): Promise<void> {
  const { page } = device;
  const { tongue } = school;
  const staff = (key: StaffWord, values?: Record<string, string | number>) => sayToStaff(tongue, key, values);
  const inTongue = (key: StaffWord) => page.getByLabel(`${staff(key)}, ${staff(`language.${tongue}`)}`, { exact: true });

  await report.step('the problems of the school can be searched', async () => {
    await page.locator('header').getByRole('link', { name: staff('menu.library') }).click();
    await page.getByRole('heading', { level: 1, name: staff('library.title') }).waitFor();
    const wanted = school.title(school.find('a figure', (draft) => draft.figure != null && draft.key.kind === 'number'));
    await page.getByRole('link', { name: wanted, exact: true }).waitFor();
  });
  await device.look('problems', tongue, { phone: true });

  const edited: Problem = school.find('a figure and common wrong answers', (draft) => draft.figure != null && draft.key.kind === 'number' && (draft.common_wrong ?? []).length > 0);
  const preview = page.getByLabel(staff('preview.title'), { exact: true }).last();
  await report.step('the editor shows what pupils see, and tries an answer', async () => {
    await page.getByLabel(staff('library.search'), { exact: true }).fill(school.title(edited));
    await page.getByRole('link', { name: school.title(edited), exact: true }).click();
    await page.getByRole('heading', { level: 1, name: school.title(edited) }).waitFor();
    await preview.getByRole('heading', { name: school.title(edited) }).waitFor();
    await preview.getByRole('img').first().waitFor();
    await enter(device, tongue, wrongAnswer(edited), 'keys');
    await preview.getByRole('button', { name: say(tongue, 'solve.check'), exact: true }).click();
    checkEqual(await readGrade(device), 'wrong', 'grade');
    await preview.getByText(staff('preview.misconception')).waitFor();
  });
  await device.look('problem-editor', tongue, { phone: true });

  await report.step('a problem that cannot be graded is not saved, and the field is named', async () => {
    device.allow(/status of 4\d\d .*\/api\/v1\/problems/);
    await visit(device, '/library/new', tongue);
    await inTongue('problem.title').fill(tongue === 'ko' ? '연필 나누기' : 'Sharing pencils');
    await inTongue('problem.statement').fill(tongue === 'ko' ? '연필 $12$자루를 $5$명이 똑같이 나누면 한 명은 몇 자루를 받고, 남는 것은 몇 자루일까요? 남는 것을 쓰세요.' : 'Five pupils share $12$ pencils equally. How many are left over?');
    await preview.locator('.katex').first().waitFor();
    await page.getByLabel(staff('problem.value'), { exact: true }).fill('1/0');
    await page.getByRole('button', { name: staff('editor.save.first'), exact: true }).click();
    await page.getByRole('alert').waitFor();
  });
  await report.step('mended, it is saved as version 1 and stands in the list', async () => {
    await page.getByLabel(staff('problem.value'), { exact: true }).fill('2');
    await inTongue('problem.solution').fill(tongue === 'ko' ? '$12 = 5 \\times 2 + 2$ 이므로 $2$자루가 남아요.' : '$12 = 5 \\times 2 + 2$, so $2$ are left over.');
    await page.getByRole('button', { name: staff('editor.save.first'), exact: true }).click();
    await page.getByText(staff('editor.version', { n: 1 }), { exact: true }).waitFor();
  });
  await device.look('problem-new', tongue, { picture: 'none' });
  await report.step('a change makes version 2', async () => {
    await inTongue('problem.title').fill(tongue === 'ko' ? '연필 나누어 갖기' : 'Sharing the pencils');
    await page.getByRole('button', { name: staff('editor.save'), exact: true }).click();
    await page.getByText(staff('editor.version', { n: 2 }), { exact: true }).waitFor();
  });
}

/** How long after the grade's arrival at the pupil the first cell of the pupil's row changed, in milliseconds. */
async function timeCell(page: Page, school: School, pupil: DemoPupil, child: Device, answer: () => Promise<void>): Promise<number> {
  const prefix = cellName(school, pupil, 1, '');
  const changed = await page.evaluateHandle((start) => {
    const found: { at: number | null } = { at: null };
    const label = () => [...document.querySelectorAll('td button')].map((button) => button.getAttribute('aria-label') ?? '').find((text) => text.startsWith(start));
    const before = label();
    new MutationObserver(() => {
      if (found.at === null && label() !== before) found.at = performance.timeOrigin + performance.now();
    }).observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ['aria-label'] });
    return found;
  }, prefix);
  await answer();
  const graded = await child.page.evaluate(() => {
    const sent = performance.getEntriesByType('resource').filter((entry) => entry.name.endsWith('/api/v1/attempts')) as PerformanceResourceTiming[];
    return performance.timeOrigin + (sent.at(-1)?.responseEnd ?? 0);
  });
  const at = await changed.evaluate((found) => found.at);
  check(at !== null, 'the cell did not change');
  return at - graded;
}
