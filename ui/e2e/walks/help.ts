/** Who writes the help: a real model, or the author of the problem where no model can; and what the admin is told. */
import { Device, type Scene } from '../device.ts';
import type { RunningHub } from '../hub.ts';
import { type School, wrongAnswer } from '../school.ts';
import { check, checkEqual, enter, signInAdult, signInPupil, submit, versionOnScreen } from '../steps.ts';
import { patternOf, say, sayToStaff } from '../words.ts';

const HELP_MS = 180_000;

/** A pupil asks for help and gets it from `writer`, marked as such. */
export async function walkHelp(scene: Scene, hub: RunningHub, school: School, writer: 'ai' | 'author'): Promise<void> {
  const { tongue } = school;
  const pupil = await school.freshPupil();
  const device = await Device.open(scene, 'pupil', hub.address);
  const { page } = device;
  const help = page.getByRole('region', { name: say(tongue, 'help.title'), exact: true });
  await scene.report.step(writer === 'ai' ? 'a real model helps, and its text is marked' : "the author's hint comes, and is marked", async () => {
    await signInPupil(device, school.class, pupil);
    await page.getByRole('link', { name: say(tongue, 'problems.start') }).first().click();
    await page.locator('#problem-title').waitFor();
    await enter(device, tongue, wrongAnswer(school.problem(versionOnScreen(device))), 'keys');
    checkEqual(await submit(device, tongue, 'keys'), 'wrong', 'grade');
    await page.getByRole('button', { name: say(tongue, 'solve.help'), exact: true }).click();
    await help.getByRole('button', { name: say(tongue, 'help.useful'), exact: true }).waitFor({ timeout: HELP_MS });
    await help.getByText(say(tongue, writer === 'ai' ? 'help.by_ai' : 'help.by_author'), { exact: true }).waitFor();
    if (writer === 'author') checkEqual(await help.getByText(say(tongue, 'help.by_ai'), { exact: true }).count(), 0, 'marks of an AI');
    check((await help.innerText()).length > 60, 'the help says nothing');
  });
  // What a model writes differs from run to run; the album keeps what stays.
  await device.look(writer === 'ai' ? 'help-by-model' : 'help-by-author', tongue, { phone: true, picture: writer === 'ai' ? 'none' : 'one' });
}

/** The admin finds a notice that says why no model wrote, and what to do. */
export async function walkNotice(scene: Scene, hub: RunningHub, school: School): Promise<void> {
  const { tongue } = school;
  const device = await Device.open(scene, 'admin', hub.address);
  const { page } = device;
  await scene.report.step('a notice says what is missing and the next step', async () => {
    await signInAdult(device, school.accounts.admin, tongue);
    await page.getByRole('article').getByText(patternOf(sayToStaff(tongue, 'notices.next'))).first().waitFor();
  });
  await device.look('notices-open', tongue, { phone: true });
  await scene.report.step('the next step leads to the models', async () => {
    await page.getByRole('link', { name: sayToStaff(tongue, 'notices.to_models'), exact: true }).first().click();
    await page.getByRole('heading', { level: 1, name: sayToStaff(tongue, 'models.title') }).waitFor();
  });
}
