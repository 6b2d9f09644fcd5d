/** Two groups with a lesson each: the teacher looks at one, learns who is stuck in the other, and pauses both. */
import { Device, type Scene } from '../device.ts';
import type { RunningHub } from '../hub.ts';
import { type School, wrongAnswer } from '../school.ts';
import { check, checkEqual, enter, signInAdult, signInPupil, submit, versionOnScreen, visit } from '../steps.ts';
import { say, sayToStaff, type StaffWord, type Word } from '../words.ts';

export async function walkGroups(scene: Scene, hub: RunningHub, school: School): Promise<void> {
  const { report } = scene;
  const { tongue } = school;
  const word = (key: Word, values?: Record<string, string | number>) => say(tongue, key, values);
  const staff = (key: StaffWord, values?: Record<string, string | number>) => sayToStaff(tongue, key, values);
  const problems = school.problems.filter((one) => one.draft.key.kind === 'single_choice').slice(0, 2);
  check(problems.length === 2, 'there are too few problems');
  const [first, second] = [await school.freshPupil(), await school.freshPupil()];
  const titles = tongue === 'ko' ? (['가 모둠 연습', '나 모둠 연습'] as const) : (['Practice of group A', 'Practice of group B'] as const);
  const lessons = [await school.openFor(titles[0], problems, [first]), await school.openFor(titles[1], problems, [second])] as const;
  const desk = await Device.open(scene, 'teacher', hub.address);
  const { page } = desk;
  const chooser = page.getByRole('group', { name: staff('live.lessons') });
  const child = await Device.open(scene, 'pupil of the first group', hub.address);

  await report.step('the newest lesson is looked at, and the others stand beside it', async () => {
    await signInAdult(desk, school.teacher, tongue);
    await visit(desk, `/classes/${school.class.class_id}/live`, tongue);
    await chooser.getByRole('radio', { name: titles[1] }).and(page.locator(':checked')).waitFor();
    await chooser.getByRole('radio', { name: titles[0] }).waitFor();
    await page.getByRole('row', { name: second.name }).waitFor();
    checkEqual(await page.getByRole('row', { name: first.name }).count(), 0, 'pupils of the other group in the grid');
  });

  await report.step('a pupil is stuck in the other lesson: it is seen at once, with a count on that lesson', async () => {
    await signInPupil(child, school.class, first);
    await child.page.getByRole('article', { name: titles[0] }).getByRole('link', { name: word('problems.start'), exact: true }).click();
    await child.page.locator('#problem-title').waitFor();
    const problem = school.problem(versionOnScreen(child));
    for (let tries = 0; tries < 3; tries++) {
      if (tries > 0) await child.page.getByRole('button', { name: word('solve.retry'), exact: true }).click();
      await enter(child, tongue, wrongAnswer(problem), 'keys');
      checkEqual(await submit(child, tongue, 'keys'), 'wrong', 'grade');
    }
    await chooser.getByText(staff('live.lessons.need', { n: 1 })).waitFor();
    await page.getByRole('region', { name: staff('live.elsewhere') }).getByText(staff('live.pupil', { number: first.number, name: first.name })).waitFor();
  });
  await desk.look('class-live-groups', tongue, { phone: true });

  await report.step('from there one looks at that pupil in that lesson, and it stays chosen after a reload', async () => {
    await page.getByRole('button', { name: staff('live.elsewhere.see.label', { lesson: titles[0], name: first.name }), exact: true }).click();
    await page.getByRole('dialog', { name: staff('live.pupil', { number: first.number, name: first.name }) }).getByRole('article').first().waitFor();
    await page.keyboard.press('Escape');
    await page.reload();
    await chooser.getByRole('radio', { name: titles[0] }).and(page.locator(':checked')).waitFor();
    await page.getByRole('row', { name: first.name }).waitFor();
  });

  await report.step('"pause all" says how many, and pauses every lesson of the class', async () => {
    await page.getByRole('button', { name: staff('live.pause'), exact: true }).click();
    const running = await page.getByRole('dialog').getByRole('listitem').count();
    check(running >= 2, `${running} lessons are to be paused`);
    await desk.look('class-live-pause-all', tongue, { phone: true });
    await page.getByRole('button', { name: staff('live.pause.all', { n: running }), exact: true }).click();
    await child.page.getByRole('alertdialog', { name: word('pause.title') }).waitFor();
    await page.getByText(staff('live.paused')).waitFor();
    const { open_lessons } = await school.live();
    checkEqual(open_lessons.filter((one) => one.lesson.state === 'paused').length, running, 'paused lessons');
    await page.getByRole('button', { name: staff('live.resume'), exact: true }).click();
    await page.getByRole('button', { name: staff('live.resume.all', { n: running }), exact: true }).click();
    await child.page.getByRole('alertdialog').waitFor({ state: 'hidden' });
  });

  await report.step('on the wall the lesson can be changed, and nobody is counted', async () => {
    await page.getByRole('button', { name: staff('live.names.hide'), exact: true }).click();
    await chooser.getByRole('radio', { name: titles[1] }).check({ force: true });
    await page.getByRole('button', { name: staff('live.names.show'), exact: true }).waitFor();
    await chooser.getByRole('radio', { name: titles[1] }).and(page.locator(':checked')).waitFor();
    checkEqual(await chooser.getByText(staff('live.lessons.need', { n: 1 })).count(), 0, 'counts on the wall');
  });
  await desk.look('class-live-groups-projector', tongue, { phone: true });
  for (const lesson of lessons) await school.closeLesson(lesson);
}
