/** A hub of its own for the walks: a real binary in a temporary folder on a free port, gone afterwards. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface DemoPupil {
  pupil_id: string;
  number: number;
  name: string;
  pin: string;
}

export interface DemoClass {
  class_id: string;
  class_code: string;
  name: string;
  language: 'ko' | 'en';
  pupils: DemoPupil[];
}

export interface Account {
  login_name: string;
  password: string;
}

export interface DemoAccounts {
  admin: Account;
  teachers: (Account & { name: string })[];
  parents: (Account & { name: string; children: string[] })[];
  classes: DemoClass[];
}

export interface RunningHub {
  address: string;
  /** Its own temporary folder, gone with it. */
  folder: string;
  /** Everything it has printed so far. */
  printed: () => string;
  /** The accounts of a demo school. */
  accounts: () => DemoAccounts;
  stop: () => Promise<void>;
}

export interface HubOptions {
  demo: boolean;
  /** `llama` reads its model from `DREAMSEED_TEST_MODEL`. */
  engine: 'scripted' | 'none' | 'llama';
}

// A signal ends Node without its last words, and the hub would stay behind.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const START_MS = 180_000;
const STOP_MS = 15_000;

export async function startHub({ demo, engine }: HubOptions): Promise<RunningHub> {
  const binary = process.env.DREAMSEED_HUB_BIN ?? join(homedir(), '.cache/dreamseed/target/debug/dreamseed-hub');
  if (!existsSync(binary)) throw new Error(`there is no hub at ${binary}; build it, or name another in DREAMSEED_HUB_BIN`);
  const folder = mkdtempSync(join(tmpdir(), 'dreamseed-e2e-'));
  const school = join(folder, 'school');
  const model = process.env.DREAMSEED_TEST_MODEL;
  const models = engine === 'llama' && model ? dirname(model) : join(folder, 'models');
  const words = ['--data', school, '--models', models, 'serve', '--port', '0', ...(demo ? ['--demo'] : [])];
  // The suite's one teacher and one admin do in minutes what a school does in a day.
  const env = { ...process.env, DREAMSEED_HUB_LIMITS__PER_MINUTE: '100000', DREAMSEED_HUB_LIMITS__HELP_PER_MINUTE: '1000' };
  const child = spawn(binary, [...words, ...(engine === 'none' ? ['--no-engine'] : ['--engine', engine])], { stdio: ['ignore', 'pipe', 'pipe'], env });
  const abandon = () => child.kill('SIGKILL');
  process.once('exit', abandon);
  let heard = '';
  const hear = (chunk: Buffer) => (heard += chunk.toString());
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  const stop = async () => {
    await end(child);
    process.off('exit', abandon);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const address = await waitForAddress(child, () => heard);
    return { address, folder, printed: () => heard, accounts: () => readAccounts(join(school, 'demo-accounts.json')), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Waits until the hub has printed what `pattern` finds, and gives its first group. */
export async function waitForPrint(hub: RunningHub, pattern: RegExp): Promise<string> {
  const until = Date.now() + START_MS;
  for (;;) {
    const found = pattern.exec(hub.printed())?.[1];
    if (found !== undefined) return found;
    if (Date.now() > until) throw new Error(`the hub never printed ${pattern}:\n${hub.printed()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function readAccounts(file: string): DemoAccounts {
  return JSON.parse(readFileSync(file, 'utf8')) as DemoAccounts;
}

function waitForAddress(child: ChildProcess, heard: () => string): Promise<string> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => fail(`the hub was not ready after ${START_MS / 1000} s`), START_MS);
    const look = () => {
      const found = /listening on (http:\/\/\S+)\s/.exec(heard())?.[1];
      if (found === undefined) return;
      clearTimeout(late);
      resolve(found);
    };
    const fail = (why: string) => {
      clearTimeout(late);
      reject(new Error(`${why}:\n${heard()}`));
    };
    child.stdout?.on('data', look);
    child.stderr?.on('data', look);
    child.on('error', (error) => fail(error.message));
    child.on('exit', (code, signal) => fail(`the hub ended with ${code ?? signal}`));
  });
}

function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const hard = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    child.once('exit', () => {
      clearTimeout(hard);
      resolve();
    });
    child.kill('SIGTERM');
  });
}
