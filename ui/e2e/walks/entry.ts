/** Every kind of entry, by the keys on the screen and by keyboard; what pupils write and the hub understands. */
import type { AnswerKey } from '../../src/api/types.ts';
import { Device, type Scene } from '../device.ts';
import type { RunningHub } from '../hub.ts';
import { rightAnswer, type Problem, type School } from '../school.ts';
import { checkEqual, enter, type Hand, signInPupil, submit } from '../steps.ts';
import { say } from '../words.ts';

export async function walkEntry(scene: Scene, hub: RunningHub, school: School): Promise<void> {
  const { report } = scene;
  const { tongue } = school;
  const problems = {
    fraction: school.find('a fraction in lowest terms', ({ key }) => isNumber(key, /^\d+\/\d+$/) && key.lowest_terms === true),
    mixed: school.find('a mixed number', ({ key }) => isNumber(key, /^\d+ \d+\/\d+$/)),
    negative: school.find('a negative number', ({ key }) => isNumber(key, /^-\d+$/)),
    decimal: school.find('a decimal', ({ key }) => isNumber(key, /^\d+\.\d+$/)),
    'single-choice': school.find('one choice', ({ key }) => key.kind === 'single_choice'),
    'multiple-choice': school.find('several choices', ({ key }) => key.kind === 'multiple_choice'),
    'short-text': school.find('a short text', ({ key }) => key.kind === 'short_text'),
    'true-false': school.find('true or false', ({ key }) => key.kind === 'true_false'),
    ordering: school.find('an order', ({ key }) => key.kind === 'ordering'),
    matching: school.find('pairs', ({ key }) => key.kind === 'matching'),
    cloze: school.find('gaps to write in', ({ key }) => key.kind === 'cloze' && key.gaps.every((one) => one.key.kind !== 'choice')),
    'cloze-choice': school.find('gaps to choose for', ({ key }) => key.kind === 'cloze' && key.gaps.some((one) => one.key.kind === 'choice')),
  };
  const lesson = await school.openLesson(tongue === 'ko' ? '여러 가지 답' : 'All kinds of answers', Object.values(problems));
  try {
    for (const hand of ['touch', 'keys'] as const) {
      const pupil = await school.freshPupil();
      const device = await Device.open(scene, `pupil with ${hand}`, hub.address, { touch: hand === 'touch' });
      await report.step(`the class decides on the language (${hand})`, async () => {
        await signInPupil(device, school.class, pupil);
        checkEqual(await device.page.locator('html').getAttribute('lang'), tongue, 'language');
      });
      for (const [kind, problem] of Object.entries(problems)) {
        await openFromList(device, school, lesson.lesson_id, problem);
        if (hand === 'touch') await device.look(`entry-${kind}`, tongue, { picture: kind === 'negative' || kind === 'decimal' ? 'none' : 'one' });
        if (kind === 'fraction') await writeOddly(scene, device, school, problem, hand);
        await report.step(`${kind} by ${hand === 'touch' ? 'the keys on the screen' : 'keyboard'}`, async () => {
          await enter(device, tongue, rightAnswer(problem), hand);
          if (hand === 'keys' && problem.draft.question.kind === 'number') {
            await device.page.keyboard.press('Enter');
            await device.page.locator('[data-outcome]').waitFor();
            checkEqual(await device.page.locator('[data-outcome]').getAttribute('data-outcome'), 'right', 'grade');
          } else checkEqual(await submit(device, tongue, hand), 'right', 'grade');
        });
      }
    }
  } finally {
    await school.closeLesson(lesson);
  }
}

/** A fraction that is not in lowest terms has the right value; nought below is not held against anybody. */
async function writeOddly({ report }: Scene, device: Device, school: School, problem: Problem, hand: Hand): Promise<void> {
  const { tongue } = school;
  const [above = '', below = ''] = problem.draft.key.kind === 'number' ? problem.draft.key.value.split('/') : [];
  await report.step(`a fraction over 0 is not understood, and costs nothing (${hand})`, async () => {
    await enter(device, tongue, { kind: 'number', text: `${above}/0` }, hand);
    checkEqual(await submit(device, tongue, hand), 'not_understood', 'grade');
    await device.page.getByText(say(tongue, 'unreadable.zero_denominator')).waitFor();
    await device.page.getByText(say(tongue, 'grade.not_understood.free')).waitFor();
    await device.page.getByRole('button', { name: say(tongue, 'solve.fix'), exact: true }).click();
  });
  await report.step(`a fraction not in lowest terms has the right value (${hand})`, async () => {
    await enter(device, tongue, { kind: 'number', text: `${Number(above) * 2}/${Number(below) * 2}` }, hand);
    checkEqual(await submit(device, tongue, hand), 'right_but_form', 'grade');
    await device.page.getByText(say(tongue, 'form.lowest_terms')).waitFor();
    await device.page.getByRole('button', { name: say(tongue, 'solve.fix'), exact: true }).click();
  });
}

function isNumber(key: AnswerKey, form: RegExp): key is Extract<AnswerKey, { kind: 'number' }> {
  // A unit that must be written needs a keyboard; the other problems can be answered by either hand.
  return key.kind === 'number' && !key.unit_required && form.test(key.value);
}

/** By the list, as a pupil would; the sign-in goes on in the page. */
async function openFromList(device: Device, school: School, lessonId: string, problem: Problem): Promise<void> {
  const { page } = device;
  if (!page.url().endsWith('/problems')) await page.getByRole('link', { name: say(school.tongue, 'solve.back') }).click();
  await page.locator(`a[href="/lessons/${lessonId}/problems/${problem.problem_version_id}"]`).first().click();
  await page.locator('#problem-title').getByText(school.title(problem), { exact: true }).waitFor();
}
