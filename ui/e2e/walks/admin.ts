/** An admin makes a teacher, who chooses a password; looks at models; finds a notice that says what to do. */
import { Device, type Scene } from '../device.ts';
import type { RunningHub } from '../hub.ts';
import type { School } from '../school.ts';
import { check, checkEqual, fillAdult, pick, signInAdult, visit } from '../steps.ts';
import { say, sayToStaff, type StaffWord, type Word } from '../words.ts';

export async function walkAdmin(scene: Scene, hub: RunningHub, school: School): Promise<void> {
  const { report } = scene;
  const { tongue, accounts } = school;
  const word = (key: Word, values?: Record<string, string | number>) => say(tongue, key, values);
  const staff = (key: StaffWord, values?: Record<string, string | number>) => sayToStaff(tongue, key, values);
  const device = await Device.open(scene, 'admin', hub.address);
  const { page } = device;

  await report.step('an admin begins with the notices and the state of the engine', async () => {
    await signInAdult(device, accounts.admin, tongue);
    await page.getByRole('heading', { level: 1, name: staff('notices.title') }).waitFor();
    await page.getByRole('heading', { name: staff('engine.title') }).waitFor();
  });
  await device.look('notices', tongue, { phone: true });

  await report.step('all classes of the school', async () => {
    await page.locator('header').getByRole('link', { name: staff('menu.classes') }).click();
    await page.getByRole('heading', { level: 1, name: staff('classes.title.all') }).waitFor();
    await page.getByRole('article').nth(accounts.classes.length - 1).waitFor();
    checkEqual(await page.getByRole('article').count(), accounts.classes.length, 'classes');
  });
  await device.look('classes-all', tongue, { picture: 'none' });

  await report.step('the people of the school, by role', async () => {
    await page.locator('header').getByRole('link', { name: staff('menu.people') }).click();
    await page.getByRole('heading', { level: 1, name: staff('users.title') }).waitFor();
    await page.getByRole('row', { name: new RegExp(accounts.teachers[0]?.login_name ?? '') }).waitFor();
  });
  await device.look('people', tongue, { phone: true });

  const login = `teacher.${tongue}`;
  const secret = await report.step('a new teacher gets a first password, told once', async () => {
    await page.getByRole('button', { name: staff('users.add'), exact: true }).click();
    const dialog = page.getByRole('dialog', { name: staff('users.add') });
    await dialog.getByLabel(staff('people.name'), { exact: true }).fill(tongue === 'ko' ? '한새봄' : 'Hana Spring');
    await dialog.getByLabel(staff('users.login'), { exact: true }).fill(login);
    await dialog.getByRole('radio', { name: tongue === 'ko' ? '한국어' : 'English', exact: true }).check();
    return dialog;
  });
  await device.look('people-add', tongue);
  const first = await report.step('the first password is told', async () => {
    await secret.getByRole('button', { name: staff('users.add.go'), exact: true }).click();
    await page.getByText(staff('secret.once')).waitFor();
    const told = (await page.locator('main [role=status] [translate=no]').first().innerText()).trim();
    check(told.length >= 12, `the first password has ${told.length} characters`);
    return told;
  });
  await device.look('people-secret', tongue);
  await report.step('after a reload the first password is gone', async () => {
    await visit(device, '/people', tongue);
    await page.getByRole('row', { name: new RegExp(login.replace('.', '\\.')) }).waitFor();
    check(!(await page.locator('body').innerText()).includes(first), 'the first password is still on the screen');
  });
  await report.step("a person's sheet", async () => {
    await page.getByRole('row', { name: new RegExp(login.replace('.', '\\.')) }).getByRole('button').click();
    await page.getByRole('dialog').getByRole('button', { name: staff('users.archive'), exact: true }).waitFor();
  });
  await device.look('person', tongue);
  await page.keyboard.press('Escape');

  await report.step('the new teacher must choose a password before anything else', async () => {
    const teacher = await Device.open(scene, 'new teacher', hub.address);
    await fillAdult(teacher, { login_name: login, password: first }, tongue);
    await teacher.page.getByRole('heading', { level: 1, name: word('account.must.title') }).waitFor();
    await teacher.look('account-first', tongue, { phone: true });
    await visit(teacher, '/library', tongue);
    await teacher.page.getByRole('heading', { level: 1, name: word('account.must.title') }).waitFor();
    await teacher.page.getByLabel(word('account.current'), { exact: true }).fill(first);
    await teacher.page.getByLabel(word('account.new'), { exact: true }).fill('seven quiet green apples');
    await teacher.page.getByLabel(word('account.again'), { exact: true }).fill('seven quiet green apples');
    await teacher.page.getByRole('button', { name: word('account.change'), exact: true }).click();
    await teacher.page.getByRole('heading', { level: 1, name: staff('library.title') }).waitFor();
  });

  await report.step('pupils and parents can be found', async () => {
    await pick(device, word('role.student'));
    const pupil = school.class.pupils.at(-1);
    check(pupil !== undefined, 'the class is empty');
    await page.getByLabel(staff('users.search')).fill(pupil.name);
    await page.getByRole('row', { name: new RegExp(pupil.name) }).first().waitFor();
    await pick(device, word('role.parent'));
    await page.getByLabel(staff('users.search')).fill(accounts.parents[0]?.login_name ?? '');
    await page.getByRole('row', { name: new RegExp(accounts.parents[0]?.login_name ?? '') }).waitFor();
  });

  await report.step('the models say where they come from and what they can', async () => {
    await page.locator('header').getByRole('link', { name: staff('menu.models') }).click();
    await page.getByRole('heading', { level: 1, name: staff('models.title') }).waitFor();
    // The catalogue holds more than the starter.
    await page.getByRole('article').nth(1).waitFor();
    await page.getByText(staff('models.get')).first().waitFor();
  });
  await device.look('models', tongue, { phone: true });
}
