/** The first start of a school: the code that the hub prints makes the first admin, once. */
import { Device, type Scene } from '../device.ts';
import { type RunningHub, waitForPrint } from '../hub.ts';
import { fillAdult, visit } from '../steps.ts';
import { say, sayToStaff, type Tongue, type Word } from '../words.ts';

export async function walkSetup(scene: Scene, hub: RunningHub, tongue: Tongue): Promise<void> {
  const { report } = scene;
  const word = (key: Word) => say(tongue, key);
  const code = await report.step('the hub prints a code for the first admin', () => waitForPrint(hub, /making the admin: (\S+)\s/));
  const device = await Device.open(scene, 'first admin', hub.address);
  const { page } = device;
  const admin = { login_name: 'head', password: 'four words make a password' };

  await report.step('whatever the address, the school is set up first', async () => {
    await visit(device, '/classes', tongue);
    await page.getByRole('heading', { level: 1, name: word('setup.title') }).waitFor();
  });
  await device.look('setup', tongue, { phone: true, picture: 'whole' });

  await report.step('a wrong code is refused in words', async () => {
    device.allow(/status of 40\d .*\/api\/v1\/setup/);
    await page.getByLabel(word('setup.code'), { exact: true }).fill('ABCD-EFGH');
    await page.getByLabel(word('setup.school'), { exact: true }).fill(tongue === 'ko' ? '새싹초등학교' : 'Sprout School');
    await page.getByLabel(word('setup.name'), { exact: true }).fill(tongue === 'ko' ? '한지우' : 'Jiwoo Han');
    await page.getByLabel(word('setup.login_name'), { exact: true }).fill(admin.login_name);
    await page.getByLabel(word('setup.password'), { exact: true }).fill(admin.password);
    await page.getByLabel(word('setup.password.again'), { exact: true }).fill(admin.password);
    await page.getByRole('button', { name: word('setup.go'), exact: true }).click();
    await page.getByRole('alert').waitFor();
  });

  await report.step('the right code makes the admin and signs in', async () => {
    await page.getByLabel(word('setup.code'), { exact: true }).fill(code);
    await page.getByRole('button', { name: word('setup.go'), exact: true }).click();
    await page.getByRole('heading', { level: 1, name: sayToStaff(tongue, 'notices.title') }).waitFor();
  });
  await device.look('notices-none', tongue, { picture: 'none' });

  await report.step('a new school has no classes yet, and says what to do', async () => {
    await page.locator('header').getByRole('link', { name: sayToStaff(tongue, 'menu.classes') }).click();
    await page.getByText(sayToStaff(tongue, 'classes.empty.title')).waitFor();
  });
  await device.look('classes-none', tongue);

  await report.step('the next device is asked to sign in, and the admin can', async () => {
    const next = await Device.open(scene, 'next device', hub.address);
    await fillAdult(next, admin, tongue);
    await next.page.getByRole('heading', { level: 1, name: sayToStaff(tongue, 'notices.title') }).waitFor();
  });
}
