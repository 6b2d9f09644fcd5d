/** What the weeks have shown, a file of it, and a wrong key that is mended for everybody, and back. */
import { Device, type Scene } from '../device.ts';
import type { RunningHub } from '../hub.ts';
import type { School } from '../school.ts';
import { check, checkEqual, download, enter, escape, pressTwice, signInAdult, signInPupil, submit, visit } from '../steps.ts';
import { patternOf, say, sayToStaff, type StaffWord, type Word } from '../words.ts';

export async function walkReports(scene: Scene, hub: RunningHub, school: School): Promise<void> {
  const { report } = scene;
  const { tongue } = school;
  const word = (key: Word, values?: Record<string, string | number>) => say(tongue, key, values);
  const staff = (key: StaffWord, values?: Record<string, string | number>) => sayToStaff(tongue, key, values);
  const desk = await Device.open(scene, 'teacher', hub.address);
  const { page } = desk;

  await report.step('the report of the class: who needs somebody, skills by pupil, difficult problems', async () => {
    await signInAdult(desk, school.teacher, tongue);
    await visit(desk, `/classes/${school.class.class_id}/report`, tongue);
    await page.getByRole('heading', { name: staff('report.need') }).waitFor();
    await page.getByRole('status').getByText(patternOf(staff('report.facts'))).waitFor();
    const grid = page.getByRole('group', { name: staff('report.heat') });
    checkEqual(await grid.getByRole('row').count(), school.class.pupils.length + 2, 'rows of the grid');
    await page.getByRole('heading', { name: staff('report.problems') }).waitFor();
    await page.getByRole('list', { name: staff('report.wrong') }).first().getByText(patternOf(staff('report.wrong.count'))).first().waitFor();
  });
  await desk.look('class-report', tongue, { phone: true, picture: 'whole' });

  await report.step('a file of it needs a reason', async () => {
    await page.getByRole('button', { name: staff('export.title'), exact: true }).click();
    const dialog = page.getByRole('dialog', { name: staff('export.title') });
    await dialog.getByRole('button', { name: staff('export.go'), exact: true }).click();
    await dialog.getByText(staff('reason.missing')).waitFor();
  });
  await desk.look('report-export', tongue, { phone: true });
  await report.step('and is one that Excel opens', async () => {
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: staff('reason.usual.meeting'), exact: true }).click();
    const file = await download(desk, () => dialog.getByRole('button', { name: staff('export.go'), exact: true }).click());
    check(file.name.endsWith('.csv'), `the file is called ${file.name}`);
    checkEqual(file.bytes.subarray(0, 3).toString('hex'), 'efbbbf', 'first bytes');
    const lines = file.bytes.toString().trim().split(/\r?\n/);
    check(lines.length > school.class.pupils.length, `the file has ${lines.length} lines`);
  });

  const problem = school.find('words that accept "reciprocal"', ({ key }) => key.kind === 'short_text' && key.accepted.includes('reciprocal'));
  const other = tongue === 'ko' ? '곱셈의 역원' : 'multiplication inverse';
  const pupil = await school.freshPupil();
  const lesson = await school.openFor(tongue === 'ko' ? '역수' : 'Reciprocals', [problem], [pupil]);
  const child = await Device.open(scene, 'pupil', hub.address);
  await report.step('a pupil is told "not yet" for a right answer', async () => {
    await signInPupil(child, school.class, pupil);
    await child.page.getByRole('article', { name: lesson.title }).getByRole('link').first().click();
    await enter(child, tongue, { kind: 'short_text', text: other }, 'keys');
    checkEqual(await submit(child, tongue, 'keys'), 'wrong', 'grade');
  });

  await report.step('the key is mended, and it is shown whose grade changes', async () => {
    await visit(desk, `/library/${problem.problem_id}`, tongue);
    await page.getByRole('link', { name: staff('regrade.open'), exact: true }).click();
    await page.getByRole('heading', { level: 1, name: staff('regrade.title') }).waitFor();
    const field = page.getByLabel(staff('problem.accepted'), { exact: true });
    await field.fill(`${await field.inputValue()}\n${other}`);
    await page.getByRole('button', { name: staff('regrade.look'), exact: true }).click();
    await page.getByRole('heading', { name: staff('regrade.preview', { n: 1 }) }).waitFor();
    await page.getByRole('row', { name: new RegExp(escape(pupil.name)) }).getByText(other).waitFor();
  });
  await desk.look('regrade', tongue, { phone: true, picture: 'whole' });
  const why = staff('regrade.usual.other');
  await report.step('it says why', async () => {
    await page.getByRole('button', { name: staff('regrade.go'), exact: true }).click();
    await page.getByRole('dialog', { name: staff('regrade.title') }).getByRole('button', { name: why, exact: true }).click();
  });
  await desk.look('regrade-reason', tongue, { picture: 'none' });
  await report.step('the pupil is told kindly, on the screen that is open', async () => {
    await page.getByRole('dialog').getByRole('button', { name: staff('regrade.go'), exact: true }).click();
    await page.getByText(staff('regrade.done', { n: 1 })).waitFor();
    await child.page.getByRole('article', { name: new RegExp(`^${word('paper.regraded')}`) }).waitFor();
    await child.page.locator('[data-outcome=right]').waitFor();
  });
  await child.look('paper-regraded', tongue, { phone: true });
  await report.step('and it can be undone', async () => {
    await pressTwice(page, `${why}: ${staff('history.undo')}`, staff('history.undo.sure'));
    await page.getByText(staff('regrade.undone.now')).waitFor();
    await child.page.locator('[data-outcome=wrong]').waitFor();
  });
  await school.closeLesson(lesson);
}
