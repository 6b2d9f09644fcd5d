/**
 * Takes the picture of every screen in both languages: the walks again, with a camera in place of the examination.
 *
 *   node e2e/screens.ts [--to FOLDER] [part of a walk's name …]        (FOLDER: docs/screens)
 */
import { fileURLToPath } from 'node:url';
import { launch } from './device.ts';
import { Report } from './report.ts';
import { walkSchool } from './walks/index.ts';

const words = process.argv.slice(2);
const to = words.indexOf('--to');
const [, folder] = to < 0 ? [] : words.splice(to, 2);
const album = folder ?? fileURLToPath(new URL('../../docs/screens', import.meta.url));
const report = new Report();
const browser = await launch(false);
try {
  await walkSchool({ browser, report, album }, words);
} finally {
  await browser.close();
}
report.finish();
process.exit(report.failed ? 1 : 0);
