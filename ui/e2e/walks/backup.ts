/** Backups from nothing: a folder as the first place, a backup that is read back, the recovery sheet, and the way out. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Device, type Scene } from '../device.ts';
import type { RunningHub } from '../hub.ts';
import type { School } from '../school.ts';
import { check, checkEqual, download, escape, pressTwice, signInAdult } from '../steps.ts';
import { sayToStaff, type StaffWord } from '../words.ts';

const NAME = 'usb';

export async function walkBackup(scene: Scene, hub: RunningHub, school: School): Promise<void> {
  const { report } = scene;
  const { tongue, accounts } = school;
  const staff = (key: StaffWord, values?: Record<string, string | number>) => sayToStaff(tongue, key, values);
  const office = await Device.open(scene, 'admin', hub.address);
  const { page } = office;
  const usb = join(hub.folder, 'usb');
  const place = page.getByRole('listitem').filter({ has: page.getByRole('heading', { level: 3, name: new RegExp(`^${NAME}`) }) });
  const dialog = page.getByRole('dialog', { name: staff('backup.add') });
  const tryIt = () => dialog.getByRole('button', { name: staff('backup.add.go'), exact: true }).click();
  // The hub refuses the places that are typed wrong on purpose.
  office.allow(/\/backup\/targets\b.*|status of 422/);

  await report.step('nothing is safe before there is a place', async () => {
    await signInAdult(office, accounts.admin, tongue);
    await page.locator('header').getByRole('link', { name: staff('menu.house'), exact: true }).click();
    await page.getByRole('link', { name: new RegExp(`^${escape(staff('backup.title'))}`) }).click();
    await page.getByRole('heading', { level: 1, name: staff('backup.title') }).waitFor();
    await page.getByText(staff('backup.none'), { exact: true }).waitFor();
    checkEqual(await page.getByRole('button', { name: staff('backup.now'), exact: true }).count(), 0, 'buttons that back up to nowhere');
  });
  await office.look('backup-empty', tongue, { phone: true, picture: 'phone-too' });

  await report.step('a folder that is not there is told at its field', async () => {
    await page.getByRole('button', { name: staff('backup.add'), exact: true }).click();
    await dialog.getByLabel(staff('backup.name'), { exact: true }).fill(NAME);
    await dialog.getByLabel(staff('backup.path'), { exact: true }).fill(usb);
    await tryIt();
    await dialog.getByText(staff('backup.bad.path'), { exact: true }).waitFor();
  });
  await office.look('backup-wrong-folder', tongue, { phone: true, picture: 'phone-too' });
  await report.step('a cloud that does not answer is told with one next step', async () => {
    await dialog.getByLabel(staff('backup.kind'), { exact: true }).selectOption('s3');
    for (const [word, text] of [['endpoint', 'http://127.0.0.1:9'], ['region', 'kr-standard'], ['bucket', 'school-backup'], ['key', 'AKIAEXAMPLE'], ['secret', 'not-a-secret']] as const) {
      await dialog.getByLabel(staff(`backup.${word}`), { exact: true }).fill(text);
    }
    await tryIt();
    const told = dialog.getByRole('alert');
    await told.waitFor();
    const words = await told.innerText();
    check(/[가-힣]/.test(words) === (tongue === 'ko'), `the fault is told in the other language: ${words}`);
  });
  await office.look('backup-wrong-cloud', tongue, { phone: true, picture: 'phone-too' });

  await report.step('an empty folder is taken', async () => {
    mkdirSync(usb);
    await dialog.getByLabel(staff('backup.kind'), { exact: true }).selectOption('folder');
    await dialog.getByLabel(staff('backup.path'), { exact: true }).fill(usb);
    await tryIt();
    await dialog.waitFor({ state: 'hidden' });
    await place.waitFor();
  });

  await report.step('a backup is made and read back', async () => {
    await page.getByRole('button', { name: staff('backup.now'), exact: true }).click();
    await place.getByText(staff('backup.same_device.means'), { exact: true }).waitFor();
    await page.getByText(staff('backup.none.same_device'), { exact: true }).waitFor();
    await waitForIdle();
    checkEqual(await place.getByText(staff('backup.never'), { exact: true }).count(), 0, 'things of the backup that never happened');
    await page.getByText(staff('backup.none'), { exact: true }).waitFor();
  });
  await office.look('backup', tongue, { phone: true, picture: 'whole' });

  await report.step('what lies there is read back once more', async () => {
    await place.getByRole('button', { name: `${NAME}: ${staff('backup.check')}`, exact: true }).click();
    await page.getByText(staff('backup.checking'), { exact: true }).first().waitFor();
    await waitForIdle();
  });

  await report.step('the recovery sheet comes as a PDF, with a reason', async () => {
    await page.getByText(staff('backup.sheet.missing'), { exact: true }).waitFor();
    await page.getByRole('button', { name: staff('backup.sheet.print'), exact: true }).click();
    const sheet = page.getByRole('dialog', { name: staff('backup.sheet.print') });
    await sheet.getByRole('button', { name: staff('backup.sheet.usual.first'), exact: true }).click();
    await office.look('backup-sheet', tongue, { phone: true, picture: 'phone-too' });
    const file = await download(office, () => sheet.getByRole('button', { name: staff('backup.sheet.print'), exact: true }).click());
    checkEqual(file.bytes.subarray(0, 4).toString(), '%PDF', `beginning of ${file.name}`);
    await sheet.waitFor({ state: 'hidden' });
  });
  await report.step('it is put away', async () => {
    await page.getByRole('button', { name: staff('backup.sheet.kept'), exact: true }).click();
    await page.getByText(staff('backup.sheet.is_kept'), { exact: true }).waitFor();
  });

  await report.step('the place is taken out, and what lies there stays', async () => {
    await pressTwice(page, `${NAME}: ${staff('backup.remove')}`, staff('backup.remove.sure'));
    await place.waitFor({ state: 'hidden' });
    await page.getByText(staff('backup.targets.none'), { exact: true }).waitFor();
  });
  await office.look('backup-removed', tongue, { phone: true, picture: 'none' });

  /** A run shows how far it is; afterwards there is nothing to wait for. */
  async function waitForIdle(): Promise<void> {
    await page.locator('progress').waitFor({ state: 'hidden' });
  }
}
