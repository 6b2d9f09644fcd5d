/**
 * The walk of each role in a real browser against a real hub, in both languages.
 *
 *   DREAMSEED_HUB_BIN=…/dreamseed-hub [DREAMSEED_TEST_MODEL=….gguf] [DREAMSEED_SHOTS=folder] npm run e2e [part of a name]
 */
import { walkParent, walkStaff } from './adultWalks.ts';
import { launch } from './browser.ts';
import { startHub } from './hub.ts';
import { walkPupil } from './pupilWalk.ts';

const only = process.argv[2] ?? '';
const hub = await startHub();
const browser = await launch();
const korean = hub.accounts.classes.find((one) => one.language === 'ko');
const english = hub.accounts.classes.find((one) => one.language === 'en');
if (!korean || !english) throw new Error('the demo school lacks a Korean or an English class');

const walks: [string, () => Promise<void>][] = [
  ['pupil, Korean', () => walkPupil(browser, hub, korean)],
  ['pupil, English', () => walkPupil(browser, hub, english)],
  ['parent, Korean', () => walkParent(browser, hub, 'ko')],
  ['parent, English', () => walkParent(browser, hub, 'en')],
  ['teacher, Korean', () => walkStaff(browser, hub, 'teacher', 'ko')],
  ['teacher, English', () => walkStaff(browser, hub, 'teacher', 'en')],
  ['admin, Korean', () => walkStaff(browser, hub, 'admin', 'ko')],
  ['admin, English', () => walkStaff(browser, hub, 'admin', 'en')],
];

let failed = 0;
for (const [name, walk] of walks) {
  if (!name.includes(only)) continue;
  const start = Date.now();
  try {
    await walk();
    console.log(`ok      ${name}  ${((Date.now() - start) / 1000).toFixed(1)} s`);
  } catch (error) {
    failed += 1;
    console.error(`FAILED  ${name}\n${error instanceof Error ? error.message : String(error)}`);
  }
}
await browser.close();
await hub.stop();
process.exit(failed === 0 ? 0 : 1);
