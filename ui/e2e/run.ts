/**
 * The walk of each role in Debian's Chromium against a real hub, in both languages.
 *
 *   npm run e2e -- [--headed] [part of a walk's name …]
 *
 * `DREAMSEED_HUB_BIN` names the hub; with `DREAMSEED_TEST_MODEL` (a GGUF in a folder of models) and a hub that was built
 * with llama.cpp, two more walks ask the real model for help. One line for each check, then `N passed, N failed`.
 */
import { launch, type Scene } from './device.ts';
import { Report } from './report.ts';
import { walkSchool } from './walks/index.ts';

const words = process.argv.slice(2);
const report = new Report();
const browser = await launch(words.includes('--headed'));
const scene: Scene = { browser, report, album: null };
try {
  await walkSchool(scene, words.filter((word) => !word.startsWith('--')));
} finally {
  await browser.close();
}
report.finish();
process.exit(report.failed ? 1 : 0);
