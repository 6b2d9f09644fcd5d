/** Keeping house: the check-up, the address, the audit log, keys, retention; one pupil's data, and erasing it. */
import { Device, type Scene } from '../device.ts';
import type { RunningHub } from '../hub.ts';
import type { School } from '../school.ts';
import { check, checkEqual, download, escape, pressTwice, signInAdult, visit } from '../steps.ts';
import { sayToStaff, type StaffWord } from '../words.ts';

export async function walkHouse(scene: Scene, hub: RunningHub, school: School): Promise<void> {
  const { report } = scene;
  const { tongue, accounts } = school;
  const staff = (key: StaffWord, values?: Record<string, string | number>) => sayToStaff(tongue, key, values);
  const office = await Device.open(scene, 'admin', hub.address);
  const { page } = office;
  const door = async (key: 'doctor' | 'address' | 'audit' | 'retention' | 'keys') => {
    await page.locator('header').getByRole('link', { name: staff('menu.house'), exact: true }).click();
    await page.getByRole('link', { name: new RegExp(`^${escape(staff(`${key}.title`))}`) }).click();
    await page.getByRole('heading', { level: 1, name: staff(`${key}.title`) }).waitFor();
  };

  await report.step('the doors of the house', async () => {
    await signInAdult(office, accounts.admin, tongue);
    await page.locator('header').getByRole('link', { name: staff('menu.house'), exact: true }).click();
    await page.getByRole('heading', { level: 1, name: staff('house.title') }).waitFor();
  });
  await office.look('house', tongue, { phone: true });

  await report.step('the check-up tells each thing in words, with one next step', async () => {
    await door('doctor');
    await page.getByText(new RegExp(`^(${['doctor.well', 'doctor.warns', 'doctor.fails'].map((key) => staff(key as 'doctor.well').replace('{n}', '\\d+').replace(/\{n\|[^}]*\}/, '\\w+')).join('|')})$`)).waitFor();
    check((await page.getByText(staff('doctor.level.ok'), { exact: true }).count()) >= 3, 'hardly anything is well');
  });
  await office.look('doctor', tongue, { phone: true, picture: 'whole' });

  await report.step('the address has a code for cameras', async () => {
    await door('address');
    await page.getByRole('img', { name: new RegExp(`^${escape(staff('address.qr')).replace('\\{url\\}', '.*')}$`) }).waitFor();
  });
  await office.look('address', tongue, { phone: true });

  await report.step('a key for a program of the school', async () => {
    await door('keys');
    await page.getByRole('button', { name: staff('keys.add'), exact: true }).click();
    const dialog = page.getByRole('dialog', { name: staff('keys.add') });
    await dialog.getByLabel(staff('keys.name'), { exact: true }).fill(tongue === 'ko' ? '도서관 화면' : 'Library screen');
    await dialog.getByRole('button', { name: staff('keys.add.go'), exact: true }).click();
    await page.getByText(staff('keys.once')).waitFor();
  });
  await office.look('api-keys', tongue, { phone: true });
  await report.step('the key is told once and can be revoked', async () => {
    const key = (await page.locator('.key').innerText()).trim();
    check(key.length >= 32, `the key has ${key.length} characters`);
    await visit(office, '/keys', tongue);
    await page.getByRole('table').waitFor();
    check(!(await page.locator('body').innerText()).includes(key), 'the key is still told');
    await pressTwice(page, `${tongue === 'ko' ? '도서관 화면' : 'Library screen'}: ${staff('keys.revoke')}`, staff('keys.revoke.sure'));
    await page.getByText(staff('keys.revoked'), { exact: true }).first().waitFor();
  });

  await report.step('how long is kept what, and what would go', async () => {
    await door('retention');
    const label = `${staff('retention.kind.notes')}: ${staff('retention.days')}`;
    const field = page.getByLabel(label, { exact: true });
    const before = await field.inputValue();
    for (const days of [String(Number(before) + 1), before]) {
      await field.fill(days);
      await page.getByRole('button', { name: `${staff('retention.kind.notes')}: ${staff('retention.save')}`, exact: true }).click();
      await page.getByRole('button', { name: `${staff('retention.kind.notes')}: ${staff('retention.save')}`, exact: true }).waitFor({ state: 'hidden' });
    }
  });
  await office.look('retention', tongue, { phone: true, picture: 'whole' });

  const pupil = school.class.pupils.at(-1);
  check(pupil !== undefined, 'the class is empty');
  await report.step('a consent on paper is written down', async () => {
    await visit(office, `/people/${pupil.pupil_id}/data`, tongue);
    await page.getByRole('heading', { level: 1, name: staff('data.of', { name: pupil.name }) }).waitFor();
    await page.getByLabel(staff('consent.text'), { exact: true }).fill('2026-03');
    await page.getByRole('button', { name: staff('consent.record.go'), exact: true }).click();
    await page.getByText(staff('consent.valid'), { exact: true }).first().waitFor();
  });
  await office.look('pupil-data', tongue, { phone: true, picture: 'whole' });
  await report.step('all of the pupil’s data comes as one file, with a reason', async () => {
    await page.getByRole('button', { name: staff('data.export.go'), exact: true }).click();
    const dialog = page.getByRole('dialog', { name: staff('data.export') });
    await dialog.getByRole('button', { name: staff('reason.usual.guardian'), exact: true }).click();
    const file = await download(office, () => dialog.getByRole('button', { name: staff('data.export.go'), exact: true }).click());
    checkEqual(file.bytes.subarray(0, 2).toString(), 'PK', `beginning of ${file.name}`);
    await dialog.waitFor({ state: 'hidden' });
  });
  await report.step('erasing wants the name and a reason', async () => {
    await page.getByRole('button', { name: staff('erase.open'), exact: true }).click();
    const dialog = page.getByRole('dialog', { name: staff('erase.sure', { name: pupil.name }) });
    await dialog.getByRole('button', { name: staff('reason.usual.guardian'), exact: true }).click();
    await dialog.getByLabel(staff('erase.type'), { exact: true }).fill('?');
    await dialog.getByRole('button', { name: staff('erase.go'), exact: true }).click();
    await dialog.getByText(staff('erase.type.bad')).waitFor();
  });
  await office.look('pupil-erase', tongue, { phone: true });
  await report.step('then it is gone', async () => {
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel(staff('erase.type'), { exact: true }).fill(pupil.name);
    await dialog.getByRole('button', { name: staff('erase.go'), exact: true }).click();
    await page.getByRole('heading', { name: staff('erase.done') }).waitFor();
    await visit(office, `/classes/${school.class.class_id}/people`, tongue);
    await page.getByRole('table').first().waitFor();
    checkEqual(await page.getByRole('link', { name: pupil.name, exact: true }).count(), school.class.pupils.filter((one) => one.name === pupil.name).length - 1, 'pupils of that name');
  });

  // The hub's own words, the same in the list, in the filter and in the file.
  const [added, revoked] = tongue === 'ko' ? ['API 키 만들기', 'API 키 끝내기'] : ['Add api key', 'Revoke api key'];
  await report.step('the audit log knows it all, in a chain', async () => {
    await door('audit');
    await page.getByText(staff('audit.chain.whole')).waitFor();
    for (const deed of [added, revoked]) await page.getByRole('rowheader', { name: deed, exact: true }).first().waitFor();
  });
  await office.look('audit', tongue, { phone: true });
  await report.step('one action alone, and a copy with a reason', async () => {
    const filter = page.getByLabel(staff('audit.action'), { exact: true });
    for (const deed of ['erase pupil', 'withdraw consent', 'run backup']) checkEqual(await filter.locator(`option[value="${deed}"]`).count(), 1, `choices of ${deed}`);
    await filter.selectOption('revoke api key');
    await page.getByRole('rowheader', { name: added, exact: true }).first().waitFor({ state: 'hidden' });
    await page.getByRole('button', { name: staff('audit.export'), exact: true }).click();
    const dialog = page.getByRole('dialog', { name: staff('audit.export') });
    await dialog.getByRole('button', { name: staff('reason.usual.check'), exact: true }).click();
    const file = await download(office, () => dialog.getByRole('button', { name: staff('export.go'), exact: true }).click());
    check(file.bytes.length > 100 && file.name.endsWith('.csv'), `${file.name} has ${file.bytes.length} bytes`);
  });
}
