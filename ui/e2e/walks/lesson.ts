/** A lesson from the desk: who is stuck and why, a note, a step, the solution, a grade by hand, a line that breaks. */
import { Cable } from '../cable.ts';
import { Device, type Scene } from '../device.ts';
import type { RunningHub } from '../hub.ts';
import { type School, wrongAnswer } from '../school.ts';
import { cell, check, checkEqual, enter, nameOf, pressTwice, signInAdult, signInPupil, submit, visit } from '../steps.ts';
import { patternOf, say, sayToStaff, type StaffWord, type Word } from '../words.ts';

const NOTE_MS = 1000;

export async function walkLesson(scene: Scene, hub: RunningHub, school: School): Promise<void> {
  const { report } = scene;
  const { tongue } = school;
  const word = (key: Word, values?: Record<string, string | number>) => say(tongue, key, values);
  const staff = (key: StaffWord, values?: Record<string, string | number>) => sayToStaff(tongue, key, values);
  const problem = school.find('two hints and a common wrong number', ({ key, hints, common_wrong }) => key.kind === 'number' && !key.unit_required && /^\d+$/.test(key.value) && (hints ?? []).length >= 2 && common_wrong?.[0]?.answer.kind === 'number');
  const beside = school.find('one choice', ({ key }) => key.kind === 'single_choice');
  const pupil = await school.freshPupil();
  const who = nameOf(tongue, pupil);
  const lesson = await school.openLesson(tongue === 'ko' ? '다시 보기' : 'Once more', [problem, beside]);
  const cable = await Cable.lay(hub.address);
  const desk = await Device.open(scene, 'teacher', cable.address);
  const child = await Device.open(scene, 'pupil', hub.address);
  const { page } = desk;
  const stuck = page.getByRole('region', { name: new RegExp(`^${staff('live.stuck')}`) });
  try {
    await report.step('a pupil makes the same mistake twice, and the desk says which', async () => {
      await signInAdult(desk, school.teacher, tongue);
      await visit(desk, `/classes/${school.class.class_id}/live`, tongue);
      await page.getByRole('status').getByText(staff('live.alive'), { exact: true }).waitFor();
      await signInPupil(child, school.class, pupil);
      await child.page.getByRole('article', { name: lesson.title }).getByRole('link').first().click();
      for (let tries = 0; tries < 2; tries++) {
        if (tries > 0) await child.page.getByRole('button', { name: word('solve.retry'), exact: true }).click();
        await enter(child, tongue, wrongAnswer(problem), 'keys');
        checkEqual(await submit(child, tongue, 'keys'), 'wrong', 'grade');
      }
      const row = stuck.locator('.list > li', { hasText: who });
      await row.getByText(new RegExp(patternOf(staff('live.why.same_mistake')).source.replace('.*"', '.+"'))).waitFor();
    });
    await desk.look('class-stuck', tongue, { phone: true });

    await report.step('a note is written', async () => {
      await stuck.getByRole('button', { name: staff('live.note.label', { name: who }), exact: true }).click();
      const dialog = page.getByRole('dialog', { name: staff('live.note.title', { who }) });
      await dialog.getByRole('button', { name: staff('live.note.quick.2'), exact: true }).click();
    });
    await desk.look('note-write', tongue, { phone: true });
    await report.step(`the note is on the pupil's screen within ${NOTE_MS / 1000} s`, async () => {
      await page.getByRole('dialog').getByRole('button', { name: staff('live.note.send'), exact: true }).click();
      await page.getByText(staff('live.note.sent', { who })).waitFor();
      const told = Date.now();
      await child.page.getByRole('article', { name: new RegExp(`^${word('paper.note')}`) }).getByText(staff('live.note.quick.2')).waitFor();
      check(Date.now() - told <= NOTE_MS, `the note came after ${Date.now() - told} ms`);
    });
    await child.look('paper-note', tongue, { phone: true });

    await report.step('read, the note goes away', async () => {
      await child.page.getByRole('button', { name: word('paper.read'), exact: true }).click();
      await child.page.getByRole('article', { name: new RegExp(`^${word('paper.note')}`) }).waitFor({ state: 'hidden' });
    });
    await report.step('the next step and then the solution are opened for this pupil', async () => {
      await stuck.getByRole('button', { name: staff('live.open.step.label', { name: who }), exact: true }).click();
      await child.page.getByRole('article', { name: new RegExp(`^${word('paper.step')}`) }).waitFor();
      await pressTwice(stuck, staff('live.open.solution.label', { name: who }), staff('live.open.solution.sure'));
      await child.page.getByRole('article', { name: new RegExp(`^${word('paper.solution')}`) }).waitFor();
    });
    await child.look('papers-open', tongue, { phone: true });

    await report.step('the answer behind a cell, and its grade in the teacher’s hand', async () => {
      await cell(page, school, pupil, 1, 'not_yet').click();
      const sheet = page.getByRole('dialog', { name: who });
      await sheet.getByRole('button', { name: staff('override.change'), exact: true }).first().click();
      await sheet.getByRole('button', { name: staff('override.reason.1'), exact: true }).click();
    });
    await desk.look('grade-override', tongue, { phone: true });
    const sheet = page.getByRole('dialog', { name: who });
    await report.step('the grade is the teacher’s, with its reason', async () => {
      await sheet.getByRole('button', { name: staff('override.save'), exact: true }).click();
      await sheet.getByText(staff('override.because', { reason: staff('override.reason.1') })).waitFor();
      await cell(page, school, pupil, 1, 'right').waitFor({ state: 'attached' });
    });
    await report.step('and can be taken back', async () => {
      await pressTwice(sheet, staff('override.undo'), staff('override.undo.sure'));
      await sheet.getByText(staff('override.because', { reason: staff('override.reason.1') })).waitFor({ state: 'hidden' });
      await cell(page, school, pupil, 1, 'not_yet').waitFor({ state: 'attached' });
      await page.keyboard.press('Escape');
      await sheet.waitFor({ state: 'hidden' });
    });

    await report.step('for the wall nobody is named, not even who is stuck', async () => {
      await page.getByRole('button', { name: staff('live.names.hide'), exact: true }).click();
      await stuck.waitFor({ state: 'hidden' });
      const shown = await page.locator('main').innerText();
      checkEqual(school.class.pupils.filter((one) => shown.includes(one.name)).length, 0, 'names on the wall');
      checkEqual(await page.locator(`main [aria-label*="${pupil.name}"]`).count(), 0, 'names in labels');
      await page.getByRole('button', { name: staff('live.names.show'), exact: true }).click();
    });

    desk.allow(/net::ERR_(CONNECTION_(REFUSED|RESET|CLOSED|FAILED)|EMPTY_RESPONSE|INCOMPLETE_CHUNKED_ENCODING|FAILED|ABORTED|NETWORK_CHANGED|SOCKET_NOT_CONNECTED)/);
    await report.step('a picture that is no longer fresh says of when it is', async () => {
      cable.pull();
      await page.getByRole('status').getByText(patternOf(staff('live.stale'))).waitFor();
    });
    await desk.look('class-live-stale', tongue, { phone: true });
    await report.step('and lives again when the line is back', async () => {
      cable.plugIn();
      await page.getByRole('status').getByText(staff('live.alive'), { exact: true }).waitFor();
    });
  } finally {
    cable.plugIn();
    await school.closeLesson(lesson);
  }
}
