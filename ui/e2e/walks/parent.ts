/** A parent sees the own children and nobody else's. */
import { Device, type Scene } from '../device.ts';
import type { RunningHub } from '../hub.ts';
import type { School } from '../school.ts';
import { check, checkEqual, chooseLanguage, fillAdult, signInAdult, visit } from '../steps.ts';
import { say, type Word } from '../words.ts';

export async function walkParent(scene: Scene, hub: RunningHub, school: School): Promise<void> {
  const { report } = scene;
  const { tongue, accounts } = school;
  const word = (key: Word, values?: Record<string, string | number>) => say(tongue, key, values);
  const pupils = accounts.classes.flatMap((one) => one.pupils);
  const parent = accounts.parents.find((one) => one.children.length > 1) ?? accounts.parents[0];
  check(parent !== undefined, 'the demo school has no parents');
  const own = pupils.filter((one) => parent.children.includes(one.pupil_id));
  const device = await Device.open(scene, 'parent', hub.address);
  const { page } = device;

  await report.step('a wrong password is told in words', async () => {
    device.allow(/status of 401 .*\/api\/v1\/sessions\)/);
    await fillAdult(device, { ...parent, password: 'not the password at all' }, tongue);
    await page.getByText(word('fault.wrong_secret.adult')).waitFor();
  });
  await device.look('sign-in-adult', tongue, { phone: true });

  await report.step('the own children, each with the week in words', async () => {
    await signInAdult(device, parent, tongue);
    await page.getByRole('heading', { level: 1, name: word('children.title') }).waitFor();
    await page.getByRole('article').first().waitFor();
    const names = await page.getByRole('article').getByRole('heading').allInnerTexts();
    checkEqual([...names].sort().join(', '), own.map((one) => one.name).sort().join(', '), 'children');
  });
  await device.look('children', tongue, { phone: true });

  await report.note('the language that was chosen at the sign-in outlives a reload', async () => {
    await page.reload();
    await page.getByRole('article').first().waitFor();
    const found = await page.locator('html').getAttribute('lang');
    return found === tongue ? [] : [`the screen speaks ${found}`];
  });
  await chooseLanguage(device, tongue);

  await report.step("a child's progress, with the plot as a table too", async () => {
    const name = await page.getByRole('article').getByRole('heading').first().innerText();
    await page.getByRole('link', { name: `${name}: ${word('children.see')}` }).first().click();
    await page.getByRole('heading', { level: 1, name: word('progress.title', { name }) }).waitFor();
    await page.getByRole('heading', { name: word('progress.skills') }).waitFor();
    await page.getByText(word('progress.days.table')).click();
    check((await page.getByRole('table').getByRole('row').count()) > 1, 'the table of the plot is empty');
    await page.getByText(word('progress.days.table')).click();
    await page.getByText(word('children.note')).waitFor();
  });
  await device.look('child-progress', tongue, { phone: true });

  await report.step("another family's child is refused", async () => {
    device.allow(/status of 40[34] .*\/api\/v1\/pupils\//);
    const other = pupils.find((one) => !parent.children.includes(one.pupil_id));
    check(other !== undefined, 'every pupil is a child of this parent');
    await visit(device, `/children/${other.pupil_id}`, tongue);
    await page.getByRole('alert').waitFor();
    check(!(await page.locator('main').innerText()).includes(other.name), "another family's child is named");
  });
  await device.look('child-refused', tongue, { picture: 'none' });

  await report.step('a screen of the staff does not exist for parents', async () => {
    await visit(device, '/people', tongue);
    await page.getByText(word('missing.title')).last().waitFor();
  });
  await device.look('missing', tongue);
}
