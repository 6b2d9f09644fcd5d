/** The line goes down while a pupil answers: nothing is lost, nothing is sent twice. */
import { Device, type Scene } from '../device.ts';
import type { DemoPupil, RunningHub } from '../hub.ts';
import { type Problem, type School, wrongAnswer } from '../school.ts';
import { check, checkEqual, enter, readGrade, signInAdult, signInPupil, submitButton, versionOnScreen, visit } from '../steps.ts';
import { patternOf, say, sayToStaff } from '../words.ts';

const OTHER_EPOCH = '01980000-0000-7000-8000-000000000001';

export async function walkOffline(scene: Scene, hub: RunningHub, school: School): Promise<void> {
  const { report } = scene;
  const { tongue } = school;
  const pupil = await school.freshPupil();
  const device = await Device.open(scene, 'pupil', hub.address);
  const { page } = device;
  const kept = page.getByText(say(tongue, 'solve.saved.title'));
  device.allow(/net::ERR_(INTERNET_DISCONNECTED|FAILED|CONNECTION_FAILED)/);

  const first = await report.step('a pupil has a problem before them', async () => {
    await signInPupil(device, school.class, pupil);
    await page.getByRole('link', { name: say(tongue, 'problems.start') }).first().click();
    return problemOnScreen(device, school);
  });

  await report.step('without the network an answer is kept, and the screen says so', async () => {
    await enter(device, tongue, wrongAnswer(first), 'keys');
    await device.context.setOffline(true);
    await submitButton(device, tongue).click();
    await kept.waitFor();
  });
  await device.look('solve-kept', tongue, { phone: true });

  const second = await report.step('the next problem can be answered meanwhile', async () => {
    await page.getByRole('link', { name: say(tongue, 'solve.next'), exact: true }).click();
    await page.waitForURL((url) => !url.pathname.endsWith(first.problem_version_id));
    const next = await problemOnScreen(device, school);
    await enter(device, tongue, wrongAnswer(next), 'keys');
    await submitButton(device, tongue).click();
    await kept.waitFor();
    await page.getByText(say(tongue, 'app.unsaved', { n: 2 })).waitFor();
    return next;
  });

  await report.step('both are sent when the line is back', async () => {
    await device.context.setOffline(false);
    checkEqual(await readGrade(device), 'wrong', 'grade');
    await page.getByText(patternOf(say(tongue, 'app.unsaved'))).waitFor({ state: 'hidden' });
  });

  await report.step('skipping leads on', async () => {
    await page.getByRole('button', { name: say(tongue, 'solve.skip'), exact: true }).click();
    await page.waitForURL((url) => !url.pathname.endsWith(second.problem_version_id));
    await problemOnScreen(device, school);
  });
  const third = school.problem(versionOnScreen(device));
  const ids: string[] = [];
  await report.step('a grade that is lost on its way is asked for again, under the same id', async () => {
    await page.route('**/api/v1/attempts', async (route) => {
      ids.push((route.request().postDataJSON() as { attempt_id: string }).attempt_id);
      const reply = await route.fetch();
      if (ids.length === 1) await route.abort('connectionfailed');
      else await route.fulfill({ response: reply });
    });
    await enter(device, tongue, wrongAnswer(third), 'keys');
    await submitButton(device, tongue).click();
    checkEqual(await readGrade(device), 'wrong', 'grade');
    check(ids.length >= 2 && new Set(ids).size === 1, `the answer was sent as ${ids.join(', ')}`);
    await page.unroute('**/api/v1/attempts');
  });

  const fourth = await report.step('an answer that waits outlives a reload', async () => {
    await page.getByRole('button', { name: say(tongue, 'solve.skip'), exact: true }).click();
    await page.waitForURL((url) => !url.pathname.endsWith(third.problem_version_id));
    const next = await problemOnScreen(device, school);
    await page.route('**/api/v1/attempts', (route) => route.abort('connectionfailed'));
    await enter(device, tongue, wrongAnswer(next), 'keys');
    await submitButton(device, tongue).click();
    await kept.waitFor();
    await page.reload();
    await kept.waitFor();
    await page.unroute('**/api/v1/attempts');
    await page.getByRole('button', { name: say(tongue, 'solve.saved.now'), exact: true }).click({ timeout: 5000 }).catch(() => undefined);
    checkEqual(await readGrade(device), 'wrong', 'grade');
    return next;
  });

  await report.step('a hub that was put back is sent every answer once more', async () => {
    const again: string[] = [];
    await page.route('**/api/v1/**', async (route) => {
      const { pathname } = new URL(route.request().url());
      // The stream would tell the epoch that the hub has in truth.
      if (pathname.endsWith('/me/events')) return route.abort('connectionfailed');
      if (pathname.endsWith('/attempts')) again.push((route.request().postDataJSON() as { attempt_id: string }).attempt_id);
      const reply = await route.fetch();
      await route.fulfill({ response: reply, headers: { ...reply.headers(), 'dreamseed-epoch': OTHER_EPOCH } });
    });
    const last = page.waitForResponse((reply) => reply.url().endsWith('/attempts') && new Set(again).size === 4);
    await page.reload();
    await last;
    checkEqual(again.length, 4, `answers that were sent again, ${again.join(', ')}`);
    await page.unroute('**/api/v1/**');
  });

  const teacher = await Device.open(scene, 'teacher', hub.address);
  await report.step('the teacher opens the class', async () => {
    await signInAdult(teacher, school.teacher, tongue);
    await visit(teacher, `/classes/${school.class.class_id}/live`, tongue);
    await teacher.page.getByRole('status').getByText(sayToStaff(tongue, 'live.alive'), { exact: true }).waitFor();
  });
  const lesson = (await school.live()).problems.map((one) => one.problem_version_id);
  for (const problem of [first, second, third, fourth]) {
    await report.step(`the teacher sees one answer to "${school.title(problem)}"`, () => countOnce(teacher, school, pupil, problem, lesson.indexOf(problem.problem_version_id) + 1));
  }
}

async function problemOnScreen(device: Device, school: School): Promise<Problem> {
  const title = device.page.locator('#problem-title');
  await title.waitFor();
  const problem = school.problem(versionOnScreen(device));
  await title.getByText(school.title(problem), { exact: true }).waitFor();
  return problem;
}

async function countOnce({ page }: Device, school: School, pupil: DemoPupil, problem: Problem, place: number): Promise<void> {
  const { tongue } = school;
  const who = sayToStaff(tongue, 'live.pupil', { number: pupil.number, name: pupil.name });
  const state = say(tongue, 'mark.not_yet');
  await page.getByRole('button', { name: `${sayToStaff(tongue, 'live.cell', { who, place, state })}, ${sayToStaff(tongue, 'live.tries', { n: 1 })}` }).click();
  const sheet = page.getByRole('dialog', { name: who });
  await sheet.getByRole('article').first().waitFor();
  checkEqual(await sheet.getByRole('article').count(), 1, 'answers in the sheet');
  await page.keyboard.press('Escape');
  await sheet.waitFor({ state: 'hidden' });
  const { attempts } = await school.pupilPage(pupil);
  checkEqual(attempts.filter((one) => one.problem_version_id === problem.problem_version_id).length, 1, 'answers on record');
}
