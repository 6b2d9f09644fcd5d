/** People come and go: groups, a second teacher, a parent with a paper code, another class, the new school year. */
import { Device, type Scene } from '../device.ts';
import type { RunningHub } from '../hub.ts';
import { Api, type School } from '../school.ts';
import type { ClassSummary } from '../../src/api/types.ts';
import { check, checkEqual, chooseLanguage, download, escape, pressTwice, signInAdult, visit } from '../steps.ts';
import { say, sayToStaff, type StaffWord, type Word } from '../words.ts';

export async function walkPeople(scene: Scene, hub: RunningHub, school: School): Promise<void> {
  const { report } = scene;
  const { tongue, accounts } = school;
  const word = (key: Word, values?: Record<string, string | number>) => say(tongue, key, values);
  const staff = (key: StaffWord, values?: Record<string, string | number>) => sayToStaff(tongue, key, values);
  const base = `/classes/${school.class.class_id}`;
  const desk = await Device.open(scene, 'teacher', hub.address);
  const { page } = desk;
  const pupils = school.class.pupils.slice(-4, -1);
  const [child] = pupils;
  const leaver = school.class.pupils.at(-2);
  check(child !== undefined && leaver !== undefined, 'the class is too small');

  await report.step('pupils are chosen for a group', async () => {
    await signInAdult(desk, school.teacher, tongue);
    await visit(desk, `${base}/people`, tongue);
    for (const one of pupils) await page.getByRole('checkbox', { name: staff('people.choose', { name: one.name }), exact: true }).check({ force: true });
    await page.getByText(staff('people.chosen', { n: 3 })).waitFor();
  });
  // Not as a phone: the bar that follows the eye lies over a row until it is scrolled away.
  await desk.look('class-chosen', tongue);
  const group = tongue === 'ko' ? '분수 다시' : 'Fractions again';
  await report.step('the group is named', async () => {
    await page.getByRole('status').getByRole('button', { name: staff('groups.add'), exact: true }).click();
    await page.getByRole('dialog', { name: staff('groups.add') }).getByLabel(staff('groups.name'), { exact: true }).fill(group);
  });
  await desk.look('group', tongue, { phone: true });
  await report.step('it stands in the class, and a lesson can be given to it', async () => {
    await page.getByRole('dialog').getByRole('button', { name: staff('groups.save'), exact: true }).click();
    await page.getByRole('button', { name: `${group}: ${staff('groups.edit')}`, exact: true }).waitFor();
    await visit(desk, `${base}/lessons/new`, tongue);
    await page.getByRole('radio', { name: staff('lesson.whom.group'), exact: true }).check();
    checkEqual(await page.getByRole('option', { name: staff('lesson.group.value', { name: group, n: 3 }) }).count(), 1, 'groups to choose');
  });

  await report.step('cards: it is said whose PINs end', async () => {
    await visit(desk, `${base}/people`, tongue);
    await page.getByRole('button', { name: staff('cards.print'), exact: true }).click();
    await page.getByRole('dialog', { name: staff('cards.print') }).getByRole('radio', { name: new RegExp(`^${staff('cards.everyone', { n: school.class.pupils.length })}`) }).check();
    await page.getByText(staff('cards.warn')).waitFor();
  });
  await desk.look('cards', tongue, { phone: true });
  await page.keyboard.press('Escape');

  await report.step('a second teacher joins the class and leaves it', async () => {
    const other = accounts.teachers.find((one) => one.login_name !== school.teacher.login_name);
    check(other !== undefined, 'there is one teacher only');
    await page.getByRole('button', { name: staff('teachers.add'), exact: true }).click();
    const list = page.getByLabel(staff('teachers.add'), { exact: true });
    const value = await list.locator('option', { hasText: `(${other.login_name})` }).getAttribute('value');
    await list.selectOption(value ?? '');
    await page.getByRole('button', { name: staff('teachers.add.go'), exact: true }).click();
    await pressTwice(page, `${other.name}: ${staff('teachers.remove')}`, staff('teachers.remove.sure'));
    await page.getByText(staff('teachers.last')).waitFor();
  });

  await report.step('letters to parents come as a PDF', async () => {
    await page.getByRole('button', { name: staff('letters.title'), exact: true }).click();
    const dialog = page.getByRole('dialog', { name: staff('letters.title') });
    const letters = await download(desk, () => dialog.getByRole('button', { name: staff('letters.go'), exact: true }).click());
    check(letters.bytes.subarray(0, 5).toString() === '%PDF-', `${letters.name} is no PDF`);
    await dialog.waitFor({ state: 'hidden' });
  });

  const code = await report.step('a code for one parent, told once', async () => {
    await page.getByRole('button', { name: `${child.name}: ${staff('people.more')}`, exact: true }).click();
    const sheet = page.getByRole('dialog', { name: child.name });
    await sheet.getByRole('button', { name: staff('code.parent.make'), exact: true }).click();
    const told = (await sheet.locator('.code').innerText()).trim();
    check(/^[A-Z0-9]{4}(-[A-Z0-9]{4}){2}$/.test(told), `the code is ${told}`);
    return told;
  });
  await desk.look('pupil-sheet', tongue, { phone: true });
  await page.keyboard.press('Escape');

  const home = await Device.open(scene, 'parent', hub.address);
  await report.step('at home the paper leads to the parents’ door', async () => {
    await home.page.goto(new URL(`/#/join/${code}`, hub.address).href);
    await home.page.getByRole('heading', { level: 1 }).waitFor();
    await chooseLanguage(home, tongue);
    await home.page.getByRole('heading', { level: 1, name: word('join.title') }).waitFor();
    check(!home.page.url().includes(code), 'the code stays in the address');
    checkEqual(await home.page.getByLabel(word('join.code'), { exact: true }).inputValue(), code, 'code in the field');
    await home.page.getByLabel(word('join.name'), { exact: true }).fill(tongue === 'ko' ? '나은정' : 'Sena Na');
    await home.page.getByLabel(word('signin.login_name'), { exact: true }).fill(`parent.${tongue}`);
    await home.page.getByLabel(word('signin.password'), { exact: true }).fill('green apples in the garden');
    await home.page.getByRole('checkbox', { name: new RegExp(`^${escape(word('join.account'))}`) }).check({ force: true });
  });
  await home.look('join', tongue, { phone: true, picture: 'whole' });
  await report.step('and to the own child, nobody else’s', async () => {
    await home.page.getByRole('button', { name: word('join.go'), exact: true }).click();
    await home.page.getByRole('heading', { level: 1, name: word('children.title') }).waitFor();
    await home.page.getByRole('article').first().waitFor();
    checkEqual((await home.page.getByRole('article').getByRole('heading').allInnerTexts()).join(), child.name, 'children');
  });
  await report.step('a code is good for one use', async () => {
    home.allow(/status of 40[0-9] .*\/api\/v1\/(me\/children|parents)/);
    await home.page.getByLabel(word('join.code'), { exact: true }).fill(code);
    await home.page.getByRole('button', { name: word('children.add.go'), exact: true }).click();
    await home.page.getByText(word('children.add.needed')).waitFor();
    await home.page.getByRole('checkbox', { name: new RegExp(`^${escape(word('join.account'))}`) }).check({ force: true });
    await home.page.getByRole('button', { name: word('children.add.go'), exact: true }).click();
    await home.page.getByText(word('join.code.unknown')).waitFor();
  });
  await home.look('child-add', tongue, { phone: true, picture: 'whole' });

  const office = await Device.open(scene, 'admin', hub.address);
  await report.step('a pupil moves to another class, and the records go along', async () => {
    await signInAdult(office, accounts.admin, tongue);
    await visit(office, `${base}/people`, tongue);
    await office.page.getByRole('button', { name: `${leaver.name}: ${staff('people.more')}`, exact: true }).click();
    const sheet = office.page.getByRole('dialog', { name: leaver.name });
    const list = sheet.getByLabel(staff('move.to'), { exact: true });
    await list.locator('option').nth(1).waitFor({ state: 'attached' });
    const other = accounts.classes.find((one) => one.class_id !== school.class.class_id);
    check(other !== undefined, 'there is one class only');
    await list.selectOption(other.class_id);
    await sheet.getByRole('button', { name: staff('move.go'), exact: true }).click();
    await office.page.getByText(staff('move.done', { name: leaver.name, class: other.name })).waitFor();
    await visit(office, `/classes/${other.class_id}/people`, tongue);
    await office.page.getByRole('button', { name: `${leaver.name}: ${staff('people.more')}`, exact: true }).click();
    await office.page.getByRole('dialog').getByRole('listitem').nth(1).waitFor();
  });
  await office.look('pupil-moved', tongue, { picture: 'none' });

  await report.step('the new school year is proposed and looked at', async () => {
    await visit(office, '/rollover', tongue);
    await office.page.getByRole('button', { name: staff('rollover.look'), exact: true }).click();
    await office.page.getByRole('heading', { name: staff('rollover.preview') }).waitFor();
  });
  await office.look('rollover', tongue, { phone: true, picture: 'whole' });
  await report.step('it is done in one press, and undone', async () => {
    const admin = await Api.signIn(hub.address, accounts.admin);
    const before = await describeClasses(admin);
    await office.page.getByRole('button', { name: new RegExp(staff('rollover.go').replace('{year}', '\\d{4}')) }).click();
    await office.page.getByRole('heading', { name: staff('rollover.done') }).waitFor();
    const label = new RegExp(`${staff('history.undo')}$`);
    await office.page.getByRole('button', { name: label }).first().click();
    await office.page.getByRole('button', { name: new RegExp(`${staff('history.undo.sure')}$`) }).click();
    await office.page.getByText(staff('history.undone.now')).waitFor();
    checkEqual(await describeClasses(admin), before, 'classes and their pupils');
  });
}

/** Which classes there are, in words that can be compared. */
async function describeClasses(admin: Api): Promise<string> {
  const classes = await admin.get<ClassSummary[]>('/classes');
  return classes.map((one) => `${one.name} ${one.grade} ${one.school_year} ${one.pupils}`).sort().join('; ');
}
