/**
 * A browser of its own for each person, with a watch on it: requests that leave the hub, what the console and the
 * content security policy say. `look` examines the screen as it stands, or takes its picture.
 */
import { AxeBuilder } from '@axe-core/playwright';
import { chromium, type Browser, type BrowserContext, type ElementHandle, type Page } from 'playwright-core';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Report } from './report.ts';
import type { Tongue } from './words.ts';

const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
export const DESK = { width: 1366, height: 768 };
export const PHONE = { width: 360, height: 740 };
const NARROWEST = { width: 320, height: 720 };
/** What comes and goes by itself is in no picture. */
const PASSING = '.toasts { visibility: hidden !important; }';
/** The machine may be busy; nothing is ever waited for this long when all is well. */
const PATIENCE_MS = 45_000;

/** A fresh profile: Playwright makes a new one for each launch and removes it. */
export function launch(headed: boolean): Promise<Browser> {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ARGS, headless: !headed });
}

/** Where the pictures go; null while screens are examined. */
export type Album = string | null;

/** What every walk is given. */
export interface Scene {
  browser: Browser;
  report: Report;
  album: Album;
}

export interface LookOptions {
  /** Examined as a phone shows it too. */
  phone?: boolean;
  /** What the album keeps: one picture, a second one of the phone, the whole page however long, or none. */
  picture?: 'one' | 'phone-too' | 'whole' | 'none';
  /** There is nothing for Tab to reach, on purpose. */
  still?: boolean;
}

export class Device {
  readonly name: string;
  readonly page: Page;
  readonly context: BrowserContext;
  readonly address: string;
  #scene: Scene;
  #faults: string[] = [];
  #allowed: RegExp[] = [];

  private constructor(scene: Scene, name: string, address: string, context: BrowserContext, page: Page) {
    this.#scene = scene;
    this.name = name;
    this.address = address;
    this.context = context;
    this.page = page;
  }

  /** Opens the hub's first screen on a device that has never been there. */
  static async open(scene: Scene, name: string, address: string, options: { touch?: boolean } = {}): Promise<Device> {
    const touch = options.touch ?? false;
    const context = await scene.browser.newContext({ viewport: touch ? PHONE : DESK, hasTouch: touch, isMobile: touch, locale: 'ko-KR', reducedMotion: 'reduce' });
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    const device = new Device(scene, name, address, context, page);
    scene.report.watch(device);
    await device.#watch();
    await page.goto(address);
    return device;
  }

  get viewport(): { width: number; height: number } {
    return this.page.viewportSize() ?? DESK;
  }

  /** From now on the console may say this: a refusal or a broken line that the walk has made on purpose. */
  allow(...patterns: RegExp[]): void {
    this.#allowed.push(...patterns);
  }

  /**
   * Examines the screen: axe by WCAG 2.2 AA, no sideways scrolling at 320 px, a focus that can be seen after Tab, and
   * whatever the watch has noticed since the last look. With an album it takes the picture instead.
   */
  async look(screen: string, tongue: Tongue, options: LookOptions = {}): Promise<void> {
    await this.#settle();
    if (this.#scene.album !== null) return this.#picture(this.#scene.album, screen, tongue, options);
    await this.#scene.report.note(`the screen ${screen} is in order`, async () => [
      ...(await this.#askAxe('')),
      ...(options.still ? [] : await this.#seeFocus()),
      ...(await this.#squeeze()),
      ...(options.phone && this.viewport.width > PHONE.width ? await this.#at(PHONE, () => this.#askAxe('on a phone: ')) : []),
      ...this.#faults.splice(0),
    ]);
  }

  async photograph(path: string): Promise<void> {
    await this.page.screenshot({ path, timeout: 10_000 });
  }

  /** Tells what the watch has noticed since the last look, and ends. */
  async close(): Promise<void> {
    const faults = this.#faults.splice(0);
    await this.context.close().catch(() => undefined);
    if (faults.length > 0) await this.#scene.report.note(`${this.name} leaves in quiet`, async () => faults);
  }

  async #watch(): Promise<void> {
    const home = new URL(this.address).origin;
    this.context.on('request', (request) => {
      const target = request.url();
      if (!target.startsWith(`${home}/`) && !target.startsWith('data:') && !target.startsWith('blob:')) this.#notice(`a request left the hub: ${target}`);
    });
    this.page.on('pageerror', (error) => this.#notice(`a script failed: ${error.message}`));
    this.page.on('console', (message) => {
      if (message.type() !== 'error') return;
      // Nobody is signed in yet on a device that asks for the first time.
      if (message.location().url.endsWith('/api/v1/sessions/refresh') && /status of 401/.test(message.text())) return;
      this.#notice(`the console says: ${message.text()} (${message.location().url})`);
    });
    await this.page.addInitScript(() => {
      addEventListener('securitypolicyviolation', (event) => console.error(`policy ${event.violatedDirective} refused ${event.blockedURI || 'inline code'}`));
    });
  }

  #notice(fault: string): void {
    if (!this.#allowed.some((pattern) => pattern.test(fault))) this.#faults.push(fault);
  }

  /** Fonts are there and what was asked of the hub has arrived. */
  async #settle(): Promise<void> {
    await this.page.evaluate(async () => {
      await document.fonts.ready;
      await Promise.all([...document.images].map((image) => (image.complete ? null : new Promise((resolve) => image.addEventListener('load', resolve, { once: true })))));
      await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    });
  }

  async #askAxe(where: string): Promise<string[]> {
    // The legacy mode asks in the page itself; the other one opens a second page for every question.
    const { violations } = await new AxeBuilder({ page: this.page }).withTags(RULES).setLegacyMode(true).analyze();
    return violations.map(({ id, help, nodes }) => `${where}axe ${id} (${help}) at ${nodes.map((node) => `${node.target.join(' ')} ${node.any[0]?.message ?? ''}`.trim()).join('; ')}`);
  }

  /** At 320 px nothing but tables and formulas may scroll sideways, and those by themselves. */
  async #squeeze(): Promise<string[]> {
    return this.#at(NARROWEST, async () => {
      await this.#settle();
      const found = await this.page.evaluate(() => {
        const { scrollWidth, clientWidth } = document.documentElement;
        const scrolls = (element: Element | null): boolean => element !== null && element !== document.body && (/auto|scroll|hidden/.test(getComputedStyle(element).overflowX) || scrolls(element.parentElement));
        // What is placed absolutely escapes a box that scrolls unless that box is its containing block.
        const holder = (element: Element): Element | null => (element instanceof HTMLElement && getComputedStyle(element).position === 'absolute' ? element.offsetParent : element.parentElement);
        const wide = [...document.body.querySelectorAll('*')].filter((element) => element.getBoundingClientRect().right > clientWidth + 0.5 && !scrolls(holder(element)));
        return { over: scrollWidth - clientWidth, by: wide.slice(-3).map((element) => `${element.tagName.toLowerCase()}.${element.getAttribute('class') ?? ''}`) };
      });
      return found.over > 0 ? [`at 320 px it is ${found.over} px too wide: ${found.by.join(', ')}`] : [];
    });
  }

  async #at<T>(size: { width: number; height: number }, run: () => Promise<T>): Promise<T> {
    const before = this.viewport;
    await this.page.setViewportSize(size);
    try {
      return await run();
    } finally {
      await this.page.setViewportSize(before);
    }
  }

  /** Presses Tab once, compares the place where the focus is with and without it, and puts the focus back. */
  async #seeFocus(): Promise<string[]> {
    const { page } = this;
    const before = (await page.evaluateHandle(() => document.activeElement)).asElement() as ElementHandle<HTMLElement> | null;
    await page.keyboard.press('Tab');
    // From the last stop of a page the focus goes to the browser itself and comes back.
    if (await page.evaluate(() => document.activeElement === document.body)) await page.keyboard.press('Tab');
    const place = await page.evaluate(() => {
      const active = document.activeElement;
      if (!(active instanceof HTMLElement) || active === document.body) return null;
      active.scrollIntoView({ block: 'nearest' });
      // A radio or checkbox is drawn by the words beside it.
      const box = (active.matches('input[type=radio], input[type=checkbox]') ? (active.closest('label') ?? active) : active).getBoundingClientRect();
      const name = `${active.tagName.toLowerCase()} "${(active.getAttribute('aria-label') ?? active.textContent ?? '').trim().slice(0, 40)}"`;
      const x = Math.max(0, box.x - 16);
      const y = Math.max(0, box.y - 16);
      return { name, x, y, width: Math.min(innerWidth, box.right + 16) - x, height: Math.min(innerHeight, box.bottom + 16) - y };
    });
    if (place === null) return ['Tab reaches nothing'];
    const { name, ...clip } = place;
    if (clip.width <= 0 || clip.height <= 0) return [`the focus is off the screen on ${name}`];
    const options = { clip, animations: 'disabled', caret: 'hide' } as const;
    const focused = await page.screenshot(options);
    await page.evaluate((back) => {
      const here = document.activeElement as HTMLElement;
      // Back to where the focus was; if that was nowhere, or is the only stop, it just goes.
      if (back !== null && back !== here && back !== document.body) back.focus({ preventScroll: true });
      else here.blur();
    }, before);
    const plain = await page.screenshot(options);
    await before?.evaluate((element) => element.focus({ preventScroll: true }));
    return focused.equals(plain) ? [`the focus on ${name} cannot be seen`] : [];
  }

  async #picture(album: string, screen: string, tongue: Tongue, { picture = 'one' }: LookOptions): Promise<void> {
    if (picture === 'none') return;
    mkdirSync(album, { recursive: true });
    const sizes = [{ name: screen, size: DESK }, ...(picture === 'phone-too' ? [{ name: `${screen}-phone`, size: PHONE }] : [])];
    for (const { name, size } of sizes) {
      // What sticks to the edge of the window stays where it belongs if the window is as high as the page.
      const height = picture === 'whole' ? await this.#at(size, () => this.page.evaluate(() => document.documentElement.scrollHeight)) : 0;
      await this.#at({ width: size.width, height: Math.max(size.height, height) }, async () => {
        await this.page.mouse.move(0, 0);
        await this.page.evaluate(() => scrollTo(0, 0));
        await this.#settle();
        await this.page.screenshot({ path: join(album, `${name}-${tongue}.png`), animations: 'disabled', caret: 'hide', style: PASSING });
      });
    }
  }
}
