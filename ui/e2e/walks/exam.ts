/**
 * An exam by the screens: opened with a time, two pupils sit it, the line of one is cut in the middle, everybody is
 * paused, given more time, one hands in, the other's last answer comes after the end. Grades are told afterwards.
 *
 * Without a line a page can go on but not be loaded anew: a reload comes when the line is back.
 */
import { Cable } from '../cable.ts';
import { Device, type Scene } from '../device.ts';
import type { DemoPupil, RunningHub } from '../hub.ts';
import { type Problem, rightAnswer, type School, wrongAnswer } from '../school.ts';
import { cell, check, checkEqual, enter, escape, pick, signInAdult, signInPupil, versionOnScreen, visit } from '../steps.ts';
import { patternOf, say, sayToStaff, type StaffWord, type Word } from '../words.ts';

const MINUTES = 20;
/** What comes within this time after the end is not called late: answers are on their way for a moment. */
const NOTED_LATE_MS = 31_000;
const BROKEN = /net::ERR_(CONNECTION_(REFUSED|RESET|CLOSED|FAILED)|EMPTY_RESPONSE|INCOMPLETE_CHUNKED_ENCODING|FAILED|ABORTED|NETWORK_CHANGED|SOCKET_NOT_CONNECTED)/;

export async function walkExam(scene: Scene, hub: RunningHub, school: School): Promise<void> {
  const { report } = scene;
  const { tongue } = school;
  const word = (key: Word, values?: Record<string, string | number>) => say(tongue, key, values);
  const staff = (key: StaffWord, values?: Record<string, string | number>) => sayToStaff(tongue, key, values);
  const problems = chooseProblems(school);
  const title = tongue === 'ko' ? '단원 평가' : 'End of the unit';
  const pupils = [await school.freshPupil(), await school.freshPupil()] as const;
  const desk = await Device.open(scene, 'teacher', hub.address);
  const { page } = desk;

  await report.step('the teacher opens an exam with a time for two pupils', async () => {
    await signInAdult(desk, school.teacher, tongue);
    await visit(desk, `/classes/${school.class.class_id}/lessons/new`, tongue);
    for (const problem of problems) await page.getByRole('checkbox', { name: new RegExp(`^${escape(school.title(problem))} `) }).check({ force: true });
    await page.getByLabel(staff('lesson.title')).fill(title);
    await pick(desk, staff('lesson.mode.exam'));
    await page.getByLabel(staff('lesson.minutes'), { exact: true }).selectOption(String(MINUTES));
    await pick(desk, staff('lesson.whom.some'));
    for (const pupil of pupils) await page.getByRole('checkbox', { name: `${pupil.number} ${pupil.name}`, exact: true }).check({ force: true });
    await page.getByText([staff('lesson.summary.exam'), staff('lesson.whom.count', { n: 2 }), staff('lesson.minutes.value', { n: MINUTES })].join(' · '), { exact: true }).waitFor();
  });
  await desk.look('exam-open', tongue, { phone: true });
  await report.step('it runs', async () => {
    await page.getByRole('button', { name: staff('lesson.open.go', { n: problems.length }), exact: true }).click();
    await page.getByRole('status').getByText(staff('live.alive'), { exact: true }).waitFor();
    await page.locator('main').getByText(title, { exact: true }).first().waitFor();
    const { lesson, problems: columns } = await school.live();
    check(lesson?.title === title && columns.length === problems.length, `the live lesson is ${lesson?.title}`);
  });
  const columns = (await school.live()).problems.map((one) => one.problem_version_id);
  const placeOf = (problem: Problem) => columns.indexOf(problem.problem_version_id) + 1;

  const cable = await Cable.lay(hub.address);
  const devices = [await Device.open(scene, 'first pupil', hub.address), await Device.open(scene, 'second pupil', cable.address)] as const;
  const orders: Problem[][] = [];
  for (const [i, device] of devices.entries()) {
    await report.step(`pupil ${i + 1} is told what to expect`, async () => {
      await signInPupil(device, school.class, pupils[i as 0 | 1]);
      const card = device.page.getByRole('article', { name: title });
      checkEqual(await card.getByRole('listitem').count(), 0, 'problems before the exam has begun');
      await card.getByRole('link', { name: word('exam.begin.look'), exact: true }).click();
      await device.page.getByText(word('exam.fact.count', { n: problems.length })).waitFor();
    });
    if (i === 0) await device.look('exam-begin', tongue, { phone: true });
    await report.step(`pupil ${i + 1} begins`, async () => {
      await device.page.getByRole('button', { name: word('exam.begin'), exact: true }).click();
      await device.page.locator('#problem-title').waitFor();
      const links = await device.page.getByRole('navigation', { name: word('solve.dots') }).getByRole('link').evaluateAll((all) => all.map((one) => (one as HTMLAnchorElement).pathname.split('/').at(-1) ?? ''));
      checkEqual([...links].sort().join(), [...columns].sort().join(), 'the problems of the exam');
      // An exam has all its problems on the device before a line can break.
      await device.page.waitForFunction((n) => new Set(performance.getEntriesByType('resource').filter((entry) => entry.name.includes('/problem-versions/')).map((entry) => entry.name)).size >= n, problems.length);
      orders.push(links.map((version) => school.problem(version)));
    });
  }
  const [first, second] = devices;
  const [ordered, others] = orders;
  check(ordered !== undefined && others !== undefined, 'nobody has begun');

  await report.step('an answer is saved without a grade, and can be changed', async () => {
    await answer(first, school, ordered[0], 'wrong');
    await answer(second, school, others[0], 'right');
    checkEqual(await first.page.locator('[data-outcome]').count(), 0, 'grades in the exam');
    await first.page.getByRole('link', { name: new RegExp(`^${escape(word('solve.problem', { place: 1 }))},`) }).click();
    await first.page.getByText(word('exam.saved'), { exact: true }).waitFor();
    await answer(first, school, ordered[0], 'right');
    await cell(page, school, pupils[0], placeOf(ordered[0] as Problem), 'right').waitFor();
    await cell(page, school, pupils[1], placeOf(others[0] as Problem), 'right').waitFor();
  });
  await answer(first, school, ordered[1], 'wrong');
  await first.look('exam-work', tongue, { phone: true });

  await report.step('everybody looks to the front, and the time stands still', async () => {
    await page.getByRole('button', { name: staff('live.pause'), exact: true }).click();
    // The class has another lesson too: that one goes on.
    await page.getByRole('dialog').getByRole('button', { name: staff('live.pause.one'), exact: true }).click();
    for (const device of devices) await device.page.getByRole('alertdialog', { name: word('pause.title') }).waitFor();
    await page.getByText(staff('live.paused')).waitFor();
  });
  await first.look('exam-paused', tongue, { phone: true, still: true });
  await desk.look('exam-live-paused', tongue, { picture: 'none' });
  await report.step('everybody goes on where they were', async () => {
    await page.getByRole('button', { name: staff('live.resume'), exact: true }).click();
    for (const device of devices) await device.page.getByRole('alertdialog').waitFor({ state: 'hidden' });
  });

  await report.step('five minutes more are told on every screen', async () => {
    await page.getByRole('button', { name: staff('live.extend.label'), exact: true }).click();
    await page.getByText(patternOf(staff('live.extend.done'))).waitFor();
    const minutes = new RegExp(`^(${[MINUTES + 4, MINUTES + 5].map((n) => escape(word('time.minutes', { n }))).join('|')})$`);
    for (const device of [desk, ...devices]) await device.page.getByText(minutes).first().waitFor();
  });

  second.allow(BROKEN);
  await report.step('the line of one is cut: the answers stay on the device, and the next problem opens', async () => {
    cable.pull();
    await answer(second, school, others[1], 'right');
    await answer(second, school, others[2], 'wrong');
    await second.page.getByRole('link', { name: word('exam.overview'), exact: true }).first().click();
    await second.page.getByText(word('exam.kept.short')).first().waitFor();
    checkEqual(await second.page.getByText(word('exam.kept.short')).count(), 2, 'answers kept on the device');
  });
  await second.look('exam-kept', tongue, { phone: true });
  await report.step('the line is back: they arrive by themselves', async () => {
    cable.plugIn();
    await cell(page, school, pupils[1], placeOf(others[1] as Problem), 'right').waitFor();
    await cell(page, school, pupils[1], placeOf(others[2] as Problem), 'not_yet').waitFor();
    await second.page.getByText(word('exam.kept.short')).first().waitFor({ state: 'hidden' });
  });
  await report.step('and outlive a reload', async () => {
    await second.page.reload();
    await second.page.getByText(word('exam.answered', { total: problems.length, n: 3 })).waitFor();
    await second.page.getByRole('listitem').getByRole('link', { name: new RegExp(escape(school.title(others[1] as Problem))) }).click();
    await second.page.getByText(word('exam.saved'), { exact: true }).waitFor();
  });

  await report.step('handing in names what is blank, and ends it', async () => {
    await answer(first, school, ordered[2], 'right');
    await first.page.getByRole('link', { name: word('exam.overview'), exact: true }).first().click();
    await first.page.getByRole('button', { name: word('exam.hand_in'), exact: true }).click();
    await first.page.getByRole('dialog', { name: word('exam.hand_in.ask') }).getByText(word('exam.hand_in.blank', { n: 1, places: '4' })).waitFor();
  });
  await first.look('exam-hand-in', tongue, { phone: true });
  await report.step('handed in, there is no way back into it', async () => {
    await first.page.getByRole('dialog').getByRole('button', { name: word('exam.hand_in.yes'), exact: true }).click();
    await first.page.getByRole('heading', { name: word('exam.handed_in') }).waitFor();
    await page.getByRole('row', { name: new RegExp(`${escape(pupils[0].name)}.*${escape(staff('live.state.handed_in'))}`) }).waitFor();
  });
  await first.look('exam-handed-in', tongue, { picture: 'none' });
  await desk.look('exam-live', tongue, { phone: true });

  const ended = await report.step('an answer given in time comes after the end: it counts, and is marked', async () => {
    await second.page.getByRole('link', { name: word('exam.overview'), exact: true }).first().click();
    await second.page.getByRole('listitem').getByRole('link', { name: new RegExp(escape(school.title(others[3] as Problem))) }).click();
    await second.page.locator('#problem-title').getByText(school.title(others[3] as Problem), { exact: true }).waitFor();
    cable.pull();
    await answer(second, school, others[3], 'right');
    await page.getByRole('button', { name: staff('live.close'), exact: true }).click();
    await page.getByRole('dialog').getByText(staff('live.close.facts.exam', { pupils: 2, done: 1 })).waitFor();
    await page.getByRole('dialog').getByRole('button', { name: staff('live.close'), exact: true }).click();
    await page.getByText(staff('live.close.done')).waitFor();
    return Date.now();
  });

  await report.step('after the end the grades are told', async () => {
    await first.page.getByRole('heading', { name: word('exam.over') }).waitFor();
    await first.page.getByText(word('exam.result', { total: problems.length, right: 2 })).waitFor();
    checkEqual(await first.page.getByText(word('mark.right'), { exact: true }).count(), 2, 'right answers in the list');
  });
  await first.look('exam-result', tongue, { phone: true });
  await report.step('each problem can be looked at again', async () => {
    await first.page.getByRole('listitem').getByRole('link', { name: new RegExp(escape(school.title(ordered[0] as Problem))) }).click();
    checkEqual(await first.page.locator('[data-outcome]').first().getAttribute('data-outcome'), 'right', 'grade');
  });
  await first.look('exam-review', tongue, { phone: true });

  await report.step('it counts for the pupil, and the teacher’s record says how late it came', async () => {
    // The clock is the same in both languages.
    if (tongue === 'ko') await passed(ended + NOTED_LATE_MS);
    cable.plugIn();
    await second.page.getByText(word('exam.result', { total: problems.length, right: 3 })).waitFor();
    if (tongue !== 'ko') return;
    await checkLate(school, pupils[1]);
    await visit(desk, `/classes/${school.class.class_id}/pupils/${pupils[1].pupil_id}`, tongue);
    await page.getByText(patternOf(staff('attempt.late'))).first().waitFor();
    checkEqual(await page.getByText(patternOf(staff('attempt.late'))).count(), 1, 'late answers');
  });
  if (tongue === 'ko') await desk.look('pupil-page-late', tongue, { picture: 'none' });
  cable.remove();
}

/**
 * The teacher ends an exam while one pupil has chosen an answer and not saved it, and another has done so with the line
 * cut: both were given before the end, and count.
 */
export async function walkExamEnd(scene: Scene, hub: RunningHub, school: School): Promise<void> {
  const { report } = scene;
  const { tongue } = school;
  const word = (key: Word, values?: Record<string, string | number>) => say(tongue, key, values);
  const [problem] = chooseProblems(school);
  check(problem !== undefined, 'there is no problem for an exam');
  const pupils = [await school.freshPupil(), await school.freshPupil()] as const;
  const title = tongue === 'ko' ? '쪽지 시험' : 'A short test';
  const lesson = await school.openExam(title, [problem], [...pupils]);
  const cable = await Cable.lay(hub.address);
  const devices = [await Device.open(scene, 'pupil with a line', hub.address), await Device.open(scene, 'pupil without', cable.address)] as const;
  devices[1].allow(BROKEN);

  await report.step('two pupils have chosen an answer and not saved it', async () => {
    for (const [i, device] of devices.entries()) {
      await signInPupil(device, school.class, pupils[i as 0 | 1]);
      await device.page.getByRole('article', { name: title }).getByRole('link', { name: word('exam.begin.look'), exact: true }).click();
      await device.page.getByRole('button', { name: word('exam.begin'), exact: true }).click();
      await device.page.locator('#problem-title').waitFor();
      if (i === 1) cable.pull();
      await enter(device, tongue, rightAnswer(problem), 'keys');
      await device.page.getByText(word('exam.unsaved'), { exact: true }).waitFor();
    }
  });
  await report.step('the teacher ends the exam: what was chosen counts', async () => {
    await school.closeLesson(lesson);
    await visit(devices[0], `/lessons/${lesson.lesson_id}/exam`, tongue);
    await devices[0].page.getByText(word('exam.result', { total: 1, right: 1 })).waitFor();
  });
  await report.step('and so does what was chosen without a line, when the line is back', async () => {
    cable.plugIn();
    await devices[1].page.getByText(word('mark.right'), { exact: true }).or(devices[1].page.locator('[data-outcome=right]')).first().waitFor();
    await visit(devices[1], `/lessons/${lesson.lesson_id}/exam`, tongue);
    await devices[1].page.getByText(word('exam.result', { total: 1, right: 1 })).waitFor();
    checkEqual(await devices[1].page.getByText(word('exam.untaken.short'), { exact: true }).count(), 0, 'answers that were not taken');
  });
  cable.remove();
}

/**
 * What was answered counts whatever screen asks for grades first, and after a pause that ended with the exam; while it runs
 * nobody is shown grades, and that is no alarm. Opening it again says who has seen them.
 */
export async function walkExamGrades(scene: Scene, hub: RunningHub, school: School): Promise<void> {
  const { report } = scene;
  const { tongue, accounts } = school;
  const word = (key: Word, values?: Record<string, string | number>) => say(tongue, key, values);
  const staff = (key: StaffWord, values?: Record<string, string | number>) => sayToStaff(tongue, key, values);
  const problems = chooseProblems(school).slice(0, 2);
  const isChild = (pupil: DemoPupil) => accounts.parents.some((one) => one.children.includes(pupil.pupil_id));
  const child = school.class.pupils.find(isChild);
  check(child !== undefined, 'no pupil of the class has a parent');
  const parent = accounts.parents.find((one) => one.children.includes(child.pupil_id));
  const other = [...school.class.pupils].reverse().find((one) => !isChild(one));
  check(parent !== undefined && other !== undefined, 'the demo school has too few people');
  const title = tongue === 'ko' ? '단원 끝 시험' : 'A test at the end';
  const lesson = await school.openExam(title, problems, [child, other]);
  const cables = [await Cable.lay(hub.address), await Cable.lay(hub.address)] as const;
  const devices = [await Device.open(scene, 'pupil in a pause', cables[0].address), await Device.open(scene, 'pupil who looks at the progress', cables[1].address)] as const;

  await report.step('two pupils begin', async () => {
    for (const [i, device] of devices.entries()) {
      device.allow(BROKEN, /status of 40[39] /);
      await signInPupil(device, school.class, i === 0 ? child : other);
      await device.page.getByRole('article', { name: title }).getByRole('link', { name: word('exam.begin.look'), exact: true }).click();
      await device.page.getByRole('button', { name: word('exam.begin'), exact: true }).click();
      await device.page.locator('#problem-title').waitFor();
    }
  });
  const beginner = devices[0].page.url();
  await report.step('meanwhile the progress rests, for the pupil', async () => {
    await visit(devices[0], '/progress', tongue);
    await devices[0].page.getByRole('heading', { name: word('progress.exam.title') }).waitFor();
    checkEqual(await devices[0].page.getByRole('alert').count(), 0, 'alarms');
  });
  await devices[0].look('progress-exam', tongue, { phone: true, picture: 'none' });
  const home = await Device.open(scene, 'parent', hub.address);
  await report.step('and for the parent, under the name of the child', async () => {
    home.allow(/status of 403 /);
    await signInAdult(home, parent, tongue);
    await visit(home, `/children/${child.pupil_id}`, tongue);
    await home.page.getByText(word('children.exam')).waitFor();
    await home.page.getByRole('heading', { level: 1, name: word('progress.title', { name: child.name }) }).waitFor();
    checkEqual(await home.page.getByRole('alert').count(), 0, 'alarms');
  });
  await home.look('child-exam', tongue, { phone: true, picture: 'none' });

  await report.step('both answer without a line, one of them in a pause that it cannot know of; the line comes back into the pause', async () => {
    await devices[0].page.goto(beginner);
    for (const cable of [1, 0] as const) {
      const device = devices[cable];
      await device.page.locator('#problem-title').waitFor();
      cables[cable].pull();
      // What was written before the pause is taken in it.
      if (cable === 0) await school.pauseLesson(lesson);
      await answer(device, school, school.problem(versionOnScreen(device)), 'right');
    }
    await devices[1].page.goto('about:blank');
    cables[0].plugIn();
    await devices[0].page.getByRole('alertdialog', { name: word('pause.title') }).waitFor();
    await devices[0].page.waitForFunction(() => Object.keys(localStorage).some((key) => key.startsWith('ds.refused.')));
  });
  await report.step('the teacher ends the exam: the answer that the pause had kept back counts', async () => {
    await school.closeLesson(lesson);
    await visit(devices[0], `/lessons/${lesson.lesson_id}/exam`, tongue);
    await devices[0].page.getByText(word('exam.result', { total: 2, right: 1 })).waitFor();
    checkEqual(await devices[0].page.getByText(word('exam.untaken.short')).count(), 0, 'answers that were not taken');
  });
  await report.step('the progress is opened first: the answer that waits on the device counts', async () => {
    cables[1].plugIn();
    await visit(devices[1], '/progress', tongue);
    await devices[1].page.getByRole('heading', { name: word('progress.skills') }).waitFor();
    await visit(devices[1], `/lessons/${lesson.lesson_id}/exam`, tongue);
    await devices[1].page.getByText(word('exam.result', { total: 2, right: 1 })).waitFor();
    checkEqual(await devices[1].page.getByText(word('exam.untaken.short')).count(), 0, 'answers that were not taken');
  });
  await report.step('the parent looks again', async () => {
    await home.page.getByRole('button', { name: word('children.exam.again'), exact: true }).click();
    await home.page.getByRole('heading', { name: word('progress.skills') }).waitFor();
  });

  const desk = await Device.open(scene, 'teacher', hub.address);
  await report.step('opening it again says how many have seen their grades, and asks once more', async () => {
    await signInAdult(desk, school.teacher, tongue);
    await visit(desk, `/classes/${school.class.class_id}/live?lesson=${lesson.lesson_id}`, tongue);
    await desk.page.getByRole('button', { name: staff('live.reopen'), exact: true }).click();
    const dialog = desk.page.getByRole('dialog', { name: staff('live.reopen.title') });
    await dialog.getByText(staff('live.reopen.seen', { n: 2 }), { exact: true }).waitFor();
  });
  await desk.look('exam-reopen', tongue, { phone: true, picture: 'none' });
  await report.step('and does so when it is wanted', async () => {
    await desk.page.getByRole('dialog').getByRole('button', { name: staff('live.reopen.sure'), exact: true }).click();
    await desk.page.getByText(patternOf(staff('live.reopen.done.until'))).waitFor();
    await school.closeLesson(lesson);
  });
  for (const cable of cables) cable.remove();
}

/** Four whose entries are quick to fill, each of its own kind of key. */
function chooseProblems(school: School): Problem[] {
  const plain = (one: Problem) => one.draft.key.kind === 'number' && !one.draft.key.unit_required && /^\d+$/.test(one.draft.key.value);
  return [
    ...school.problems.filter((one) => one.draft.key.kind === 'single_choice').slice(0, 2),
    ...school.problems.filter(plain).slice(0, 2),
  ];
}

async function answer(device: Device, school: School, problem: Problem | undefined, how: 'right' | 'wrong'): Promise<void> {
  const { page } = device;
  check(problem !== undefined, 'the exam has too few problems');
  await page.locator('#problem-title').getByText(school.title(problem), { exact: true }).waitFor();
  const before = versionOnScreen(device);
  await enter(device, school.tongue, how === 'right' ? rightAnswer(problem) : wrongAnswer(problem), 'keys');
  const save = new RegExp(`^(${escape(say(school.tongue, 'exam.save.next'))}|${escape(say(school.tongue, 'exam.save.last'))})$`);
  await page.getByRole('button', { name: save }).click();
  await page.waitForURL((url) => !url.pathname.endsWith(before));
}

/** Lateness is a matter of the clock: until that time nothing is late. */
async function passed(at: number): Promise<void> {
  while (Date.now() <= at) await new Promise((resolve) => setTimeout(resolve, at - Date.now() + 1));
}

async function checkLate(school: School, pupil: DemoPupil): Promise<void> {
  const { attempts } = await school.pupilPage(pupil);
  check(attempts.some((one) => (one.late_by_secs ?? 0) > 0), 'no answer is marked late');
}
