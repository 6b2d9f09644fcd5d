/** Problems come from other programs with a report on each, and go to them. */
import { Device, type Scene } from '../device.ts';
import type { RunningHub } from '../hub.ts';
import type { School } from '../school.ts';
import { check, checkEqual, chooseFile, download, escape, signInAdult, visit } from '../steps.ts';
import { sayToStaff, type StaffWord, type Tongue } from '../words.ts';

export async function walkFormats(scene: Scene, hub: RunningHub, school: School): Promise<void> {
  const { report } = scene;
  const { tongue } = school;
  const staff = (key: StaffWord, values?: Record<string, string | number>) => sayToStaff(tongue, key, values);
  const desk = await Device.open(scene, 'teacher', hub.address);
  const { page } = desk;
  const figure = (outcome: 'taken' | 'changed' | 'known' | 'refused') => page.locator('.figures span', { hasText: staff(`import.outcome.${outcome}`) }).locator('b');

  await report.step('a GIFT file is looked at, item by item', async () => {
    await signInAdult(desk, school.teacher, tongue);
    await visit(desk, '/library', tongue);
    await page.getByRole('link', { name: staff('import.title'), exact: true }).click();
    await page.getByLabel(staff('import.skill'), { exact: true }).locator('option').nth(1).waitFor({ state: 'attached' });
    await page.getByLabel(staff('import.skill'), { exact: true }).selectOption('factors-multiples');
    await chooseFile(desk, 'quiz.gift', 'text/plain', Buffer.from(giftOf(tongue)));
    await page.getByRole('heading', { name: staff('import.preview', { n: 4 }) }).waitFor();
    checkEqual(await figure('refused').innerText(), '1', 'refused');
    checkEqual(Number(await figure('taken').innerText()) + Number(await figure('changed').innerText()), 3, 'taken or changed');
  });
  await desk.look('import-problems', tongue, { phone: true, picture: 'whole' });
  await report.step('what can be taken is taken in one press', async () => {
    await page.getByRole('button', { name: staff('import.go', { n: 3 }), exact: true }).click();
    await page.getByRole('heading', { name: staff('import.done', { n: 3 }) }).waitFor();
    await page.getByRole('link', { name: titleOf(tongue), exact: true }).waitFor();
  });
  await report.step('the same file once more makes nothing twice', async () => {
    await chooseFile(desk, 'quiz.gift', 'text/plain', Buffer.from(giftOf(tongue)));
    await page.getByRole('heading', { name: staff('import.preview', { n: 4 }) }).waitFor();
    await page.getByText(staff('import.nothing')).waitFor();
    checkEqual(await figure('known').innerText(), '3', 'problems that are there already');
  });

  await report.step('Moodle XML is known by its first line', async () => {
    await chooseFile(desk, 'quiz.xml', 'text/xml', Buffer.from(moodleOf(tongue)));
    await page.getByRole('heading', { name: staff('import.preview', { n: 2 }) }).waitFor();
    await page.getByRole('button', { name: staff('import.go', { n: 2 }), exact: true }).click();
    await page.getByRole('heading', { name: staff('import.done', { n: 2 }) }).waitFor();
  });
  await report.step('a file with a document type is refused in words', async () => {
    desk.allow(/status of 4\d\d .*\/api\/v1\/problems\/import/);
    await chooseFile(desk, 'bomb.xml', 'text/xml', Buffer.from('<?xml version="1.0"?><!DOCTYPE quiz [<!ENTITY a "a">]><quiz>&a;</quiz>'));
    await page.getByRole('alert').first().waitFor();
  });

  await report.step('chosen problems are exported', async () => {
    await visit(desk, '/library', tongue);
    await page.getByLabel(staff('library.search'), { exact: true }).fill(titleOf(tongue));
    await page.getByRole('checkbox', { name: staff('problems.choose.one', { title: titleOf(tongue) }), exact: true }).first().check({ force: true });
    await page.getByRole('button', { name: staff('problems.export.n', { n: 1 }), exact: true }).click();
    await page.getByRole('dialog', { name: staff('problems.export') }).waitFor();
  });
  await desk.look('export-problems', tongue, { phone: true });
  await report.step('as Moodle XML and as GIFT', async () => {
    const dialog = page.getByRole('dialog');
    const xml = await download(desk, () => dialog.getByRole('button', { name: staff('export.go'), exact: true }).click());
    check(/^(\ufeff)?<\?xml/.test(xml.bytes.toString()) && xml.bytes.toString().includes(titleOf(tongue)), `${xml.name} is no quiz`);
    await dialog.waitFor({ state: 'hidden' });
    await page.getByRole('button', { name: staff('problems.export.n', { n: 1 }), exact: true }).click();
    await dialog.getByRole('radio', { name: new RegExp(`^${escape(staff('format.gift'))}`) }).check({ force: true });
    const gift = await download(desk, () => dialog.getByRole('button', { name: staff('export.go'), exact: true }).click());
    check(gift.bytes.toString().includes(`::${titleOf(tongue)}::`), `${gift.name} has not the title`);
  });
}

function titleOf(tongue: Tongue): string {
  return tongue === 'ko' ? '가장 작은 소수' : 'The smallest prime';
}

/** One as it is, one with a link, one with a numerical range, and an essay. */
function giftOf(tongue: Tongue): string {
  const ko = tongue === 'ko';
  return [
    `::${titleOf(tongue)}:: ${ko ? '소수 가운데 가장 작은 수는 무엇인가요?' : 'Which is the smallest prime number?'} {=2 ~1 ~3}`,
    `::${ko ? '여섯의 약수' : 'Divisors of six'}:: [html]<p>${ko ? '6의 약수는 모두 몇 개인가요?' : 'How many divisors has 6?'} <a href="http://example.org">?</a></p> {#4:0}`,
    `::${ko ? '짝수와 홀수' : 'Even and odd'}:: ${ko ? '짝수 두 개를 더하면 언제나 짝수예요.' : 'The sum of two even numbers is always even.'} {T}`,
    `::${ko ? '이유 쓰기' : 'Say why'}:: ${ko ? '왜 1은 소수가 아닌지 써 보세요.' : 'Write why 1 is not a prime.'} {}`,
  ].join('\n\n');
}

function moodleOf(tongue: Tongue): string {
  const ko = tongue === 'ko';
  return `<?xml version="1.0" encoding="UTF-8"?>
<quiz>
  <question type="truefalse">
    <name><text>${ko ? '영의 배수' : 'Multiples of zero'}</text></name>
    <questiontext format="html"><text><![CDATA[<p>${ko ? '모든 짝수는 2의 배수예요.' : 'Every even number is a multiple of 2.'}</p>]]></text></questiontext>
    <answer fraction="100"><text>true</text></answer>
    <answer fraction="0"><text>false</text></answer>
  </question>
  <question type="numerical">
    <name><text>${ko ? '열둘과 열여덟' : 'Twelve and eighteen'}</text></name>
    <questiontext format="html"><text>${ko ? '12와 18의 최대공약수는 무엇인가요?' : 'What is the greatest common divisor of 12 and 18?'}</text></questiontext>
    <answer fraction="100"><text>6</text><tolerance>0</tolerance></answer>
  </question>
</quiz>`;
}
