/**
 * A Monday: from an empty hub to a running lesson, by the admin's and a teacher's hands. What a teacher needs for it is
 * counted by the model in hands.ts and must stay under five minutes.
 */
import { encodeCp949 } from '../cp949.ts';
import { Device, type Scene } from '../device.ts';
import { Hands } from '../hands.ts';
import { type RunningHub, waitForPrint } from '../hub.ts';
import { Api, type Problem, rightAnswer } from '../school.ts';
import type { ClassDetail, ClassSummary, ProblemForEditing } from '../../src/api/types.ts';
import { check, checkEqual, chooseFile, chooseLanguage, download, enter, escape, submit, versionOnScreen, visit } from '../steps.ts';
import { patternOf, say, sayToStaff, type StaffWord, type Tongue, type Word } from '../words.ts';

const MOST_SECONDS = 5 * 60;
/** A look through thirty names before they are taken. */
const READING_S = 20;
const SURNAMES = ['강', '고', '김', '나', '노', '류', '문', '박', '배', '서', '손', '송', '신', '안', '양', '오', '유', '윤', '이', '임', '장', '전', '정', '조', '차', '최', '하', '한'];
const PUPILS = [...SURNAMES.map((surname, i) => `${surname}${['하늘', '서연', '도윤', '지안'][i % 4]}`), '김민준', '김민준'];

export async function walkMonday(scene: Scene, hub: RunningHub, tongue: Tongue): Promise<void> {
  const { report } = scene;
  const word = (key: Word, values?: Record<string, string | number>) => say(tongue, key, values);
  const staff = (key: StaffWord, values?: Record<string, string | number>) => sayToStaff(tongue, key, values);
  const admin = { login_name: 'head', password: 'four words make a password' };
  const account = { login_name: 'teacher', password: 'seven quiet green apples' };
  const name = tongue === 'ko' ? '한새봄' : 'Hana Spring';
  const office = await Device.open(scene, 'admin', hub.address);

  await report.step('the admin sets the school up', async () => {
    const { page } = office;
    const code = await waitForPrint(hub, /making the admin: (\S+)\s/);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await chooseLanguage(office, tongue);
    await page.getByLabel(word('setup.code'), { exact: true }).fill(code);
    await page.getByLabel(word('setup.school'), { exact: true }).fill(tongue === 'ko' ? '새싹초등학교' : 'Sprout School');
    await page.getByLabel(word('setup.name'), { exact: true }).fill(tongue === 'ko' ? '한지우' : 'Jiwoo Han');
    await page.getByLabel(word('setup.login_name'), { exact: true }).fill(admin.login_name);
    await page.getByLabel(word('setup.password'), { exact: true }).fill(admin.password);
    await page.getByLabel(word('setup.password.again'), { exact: true }).fill(admin.password);
    await page.getByRole('button', { name: word('setup.go'), exact: true }).click();
    await page.getByRole('heading', { level: 1, name: staff('notices.title') }).waitFor();
  });

  const first = await report.step('the admin makes an account for a teacher', async () => {
    const { page } = office;
    await page.locator('header').getByRole('link', { name: staff('menu.people') }).click();
    await page.getByRole('button', { name: staff('users.add'), exact: true }).click();
    const dialog = page.getByRole('dialog', { name: staff('users.add') });
    await dialog.getByLabel(staff('people.name'), { exact: true }).fill(name);
    await dialog.getByLabel(staff('users.login'), { exact: true }).fill(account.login_name);
    await dialog.getByRole('radio', { name: tongue === 'ko' ? '한국어' : 'English', exact: true }).check();
    await dialog.getByRole('button', { name: staff('users.add.go'), exact: true }).click();
    await page.getByText(staff('secret.once')).waitFor();
    return (await page.locator('main [role=status] [translate=no]').first().innerText()).trim();
  });

  const desk = await Device.open(scene, 'teacher', hub.address);
  const { page } = desk;
  const hands = new Hands();

  await report.step('the teacher signs in and chooses a password', async () => {
    await chooseLanguage(desk, tongue);
    await hands.press(page.getByRole('radio', { name: word('signin.adult'), exact: true }));
    await hands.type(page.getByLabel(word('signin.login_name'), { exact: true }), account.login_name);
    await hands.type(page.getByLabel(word('signin.password'), { exact: true }), first);
    await hands.press(page.getByRole('button', { name: word('signin.go'), exact: true }));
    await hands.during(() => page.getByRole('heading', { level: 1, name: word('account.must.title') }).waitFor());
    await hands.type(page.getByLabel(word('account.current'), { exact: true }), first);
    await hands.type(page.getByLabel(word('account.new'), { exact: true }), account.password);
    await hands.type(page.getByLabel(word('account.again'), { exact: true }), account.password);
    await hands.press(page.getByRole('button', { name: word('account.change'), exact: true }));
    await hands.during(() => page.getByText(staff('classes.empty.title')).waitFor());
  });

  await report.step('a list that Excel saved in CP949 is read, and every change is shown before it is made', async () => {
    await hands.press(page.locator('main').getByRole('link', { name: staff('roster.title'), exact: true }).first());
    await hands.during(() => page.getByRole('heading', { level: 1, name: staff('roster.title') }).waitFor());
    const lines = PUPILS.map((pupil, i) => `5,2,${i + 1},${pupil}`);
    const list = encodeCp949(`학년,반,번호,이름\r\n${lines.join('\r\n')}\r\n`);
    // The window of files: the button, the file, its own button.
    hands.beside(3);
    await hands.during(async () => {
      await chooseFile(desk, '5-2 명단.csv', 'text/csv', list);
      await page.getByRole('heading', { name: staff('roster.preview') }).waitFor();
    });
    await page.getByText(/CP949|EUC-KR/i).first().waitFor();
    const names = await page.locator('details .names li').allInnerTexts();
    checkEqual(names.length, PUPILS.length, 'names in the preview');
    check(names.some((one) => /29\s*김민준/.test(one)) && names.some((one) => /30\s*김민준/.test(one)), `two of one name are not told apart: ${names.slice(-2).join(', ')}`);
    hands.read(READING_S);
  });
  await desk.look('roster-preview', tongue, { phone: true, picture: 'whole' });

  await report.step('taken in one press, with what comes next', async () => {
    await hands.press(page.getByRole('button', { name: staff('roster.go', { n: PUPILS.length }), exact: true }));
    await hands.during(() => page.getByRole('heading', { name: staff('roster.done'), exact: true }).waitFor());
    await page.getByText(staff('roster.count.added', { n: PUPILS.length })).first().waitFor();
  });
  await desk.look('roster-done', tongue, { phone: true, picture: 'whole' });

  const given = await report.step('there is one class with everybody in it', async () => {
    const api = await Api.signIn(hub.address, account);
    const classes = await api.get<ClassSummary[]>('/classes');
    checkEqual(classes.length, 1, 'classes');
    const [made] = classes;
    check(made !== undefined && made.pupils === PUPILS.length, `the class has ${made?.pupils} pupils`);
    return made;
  });

  await report.step('cards with PINs and codes come as a PDF', async () => {
    const button = page.getByRole('button', { name: `${given.name}: ${staff('cards.print')}`, exact: true });
    const cards = await hands.during(() => download(desk, () => hands.press(button)));
    check(cards.bytes.subarray(0, 5).toString() === '%PDF-', `${cards.name} begins with ${cards.bytes.subarray(0, 5).toString()}`);
    check(cards.name.endsWith('.pdf'), `the cards are called ${cards.name}`);
  });

  const title = tongue === 'ko' ? '월요일 첫 수업' : 'Monday, first lesson';
  await report.step('a lesson is opened for the class', async () => {
    await hands.press(page.getByRole('link', { name: `${given.name}: ${staff('lesson.open')}`, exact: true }));
    const names = page.locator('.choose .problem label');
    await hands.during(() => names.first().waitFor());
    for (const place of [0, 2, 4, 6, 8, 10]) await hands.press(names.nth(place));
    await hands.type(page.getByLabel(staff('lesson.title')), title);
    await hands.press(page.getByRole('button', { name: staff('lesson.open.go', { n: 6 }), exact: true }));
    await hands.during(() => page.getByRole('status').getByText(staff('live.alive'), { exact: true }).waitFor());
    await page.locator('main').getByText(title, { exact: true }).first().waitFor();
  });
  await desk.look('class-live-begun', tongue, { picture: 'none' });

  await report.note(`that took a teacher ${hands.describe()}`, async () => (hands.seconds < MOST_SECONDS ? [] : [`more than ${MOST_SECONDS} s`]));

  // The PINs stand on the paper alone: one who has lost it gets a new one.
  const pupil = { number: 30, name: PUPILS[29] ?? '' };
  const pin = await report.step('a lost PIN is made anew with two presses', async () => {
    await visit(desk, `/classes/${given.class_id}/people`, tongue);
    const row = page.getByRole('row', { name: new RegExp(`\\b${pupil.number}\\b.*${escape(pupil.name)}`) });
    await row.getByRole('button', { name: `${pupil.name}: ${staff('people.reset')}`, exact: true }).click();
    await row.getByRole('button', { name: patternOf(staff('people.reset.sure')) }).click();
    await page.getByText(staff('secret.once')).waitFor();
    const told = /\b\d{6}\b/.exec(await page.locator('main [role=status] [translate=no]').first().innerText())?.[0];
    check(told !== undefined, 'no PIN is shown');
    return told;
  });

  await report.step('that pupil of two of the same name signs in by number and is right', async () => {
    const child = await Device.open(scene, 'pupil', hub.address);
    const api = await Api.signIn(hub.address, account);
    const { class_code } = await api.get<ClassDetail>(`/classes/${given.class_id}`);
    await child.page.getByPlaceholder(/^\w{4}-\w{4}$/).fill(class_code);
    await child.page.keyboard.press('Enter');
    await child.page.locator(`button[data-number="${pupil.number}"]`).click();
    await child.page.keyboard.type(pin);
    await child.page.getByRole('article', { name: title }).waitFor();
    await child.page.getByRole('link', { name: say(given.language, 'problems.start') }).first().click();
    await child.page.locator('#problem-title').waitFor();
    const listed = await api.get<{ problem_id: string; problem_version_id: string }[]>('/problems');
    const shown = listed.find((one) => one.problem_version_id === versionOnScreen(child));
    check(shown !== undefined, 'the problem is not in the list');
    const problem: Problem = await api.get<ProblemForEditing>(`/problems/${shown.problem_id}`);
    await enter(child, given.language, rightAnswer(problem), 'keys');
    checkEqual(await submit(child, given.language, 'keys'), 'right', 'grade');
    await visit(desk, `/classes/${given.class_id}/live`, tongue);
    const who = staff('live.pupil', { number: pupil.number, name: pupil.name });
    await page.getByRole('button', { name: new RegExp(escape(staff('live.cell', { who, place: 1, state: word('mark.right') }))) }).waitFor();
  });

  await report.step('a second list of the same pupils has nothing to change', async () => {
    await visit(desk, '/roster', tongue);
    const lines = PUPILS.map((one, i) => `${one},${i + 1},2,5`);
    await chooseFile(desk, 'again.csv', 'text/csv', Buffer.from(`\ufeffname,number,class,grade\n${lines.join('\n')}\n`));
    await page.getByText(staff('roster.same')).waitFor();
  });

  await report.step('a list with a mistake is refused whole, with the line and what to do', async () => {
    const lines = ['5,2,31,나예린', '5,2,31,도하준', '5,2,=1+1,라온유'];
    await chooseFile(desk, 'broken.csv', 'text/csv', encodeCp949(`학년,반,번호,이름\r\n${lines.join('\r\n')}\r\n`));
    await page.getByText(staff('roster.fault.duplicate_number')).first().waitFor();
    await page.getByText(staff('roster.fault.formula')).first().waitFor();
    checkEqual(await page.getByRole('button', { name: /^(\d+명 반영하기|Take \d+ pupils?)$/ }).count(), 0, 'buttons to take it all the same');
  });
  await desk.look('roster-faults', tongue, { phone: true, picture: 'whole' });
}
