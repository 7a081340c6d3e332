// The whole product as `evp demo` starts it: PostgreSQL, server, stand-ins, virtual charge points. One for each test file.

import { spawn } from 'node:child_process';
import { access, chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

/** A first start makes a database cluster: seconds, on a busy machine more. */
const START_MS_MAX = 120_000;
/** The supervisor gives each of its processes five seconds. */
const STOP_MS_MAX = 40_000;

export class Demo {
  #process;
  #directory;
  #log = [];

  /** `options` are those of `evp demo`: `{ speed: 60 }`. */
  static async start(options = {}) {
    const binary = process.env.EVP_BINARY;
    if (!binary) throw new Error('EVP_BINARY is not set: run these tests by scripts/browser-tests');
    await access(binary).catch(() => {
      throw new Error('the server is not built: run scripts/build-site first');
    });
    const demo = new Demo();
    demo.#directory = await mkdtemp(path.join(tmpdir(), 'evp-browser-'));
    // Root's PostgreSQL runs as another user, who must be able to enter.
    await chmod(demo.#directory, 0o711);
    const flags = Object.entries({ port: 0, data: path.join(demo.#directory, 'postgres'), ...options });
    const words = flags.flatMap(([name, value]) => [`--${name.replaceAll('_', '-')}`, String(value)]);
    demo.#process = spawn(binary, ['demo', '--json', ...words], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NO_COLOR: '1' } });
    createInterface({ input: demo.#process.stderr }).on('line', (line) => demo.#remember(line));
    Object.assign(demo, await demo.#links());
    return demo;
  }

  /** The one line that `--json` prints when everything is up. */
  #links() {
    return new Promise((resolve, reject) => {
      const fail = (why) => reject(new Error(`evp demo ${why}\n${this.log()}`));
      const timer = setTimeout(() => fail(`was not up after ${START_MS_MAX / 1000} s`), START_MS_MAX);
      this.#process.once('error', (error) => fail(`could not be started: ${error.message}`));
      this.#process.once('exit', (code, signal) => fail(`ended with ${signal ?? code}`));
      createInterface({ input: this.#process.stdout }).on('line', (line) => {
        if (!line.startsWith('{')) return this.#remember(line);
        clearTimeout(timer);
        resolve(JSON.parse(line));
      });
    });
  }

  #remember(line) {
    this.#log.push(line);
    if (this.#log.length > 400) this.#log.shift();
  }

  /** The last lines that the demo printed. */
  log() {
    return this.#log.join('\n');
  }

  /** As Ctrl-C does. */
  async stop() {
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      this.#process.kill('SIGINT');
      const timer = setTimeout(() => this.#process.kill('SIGKILL'), STOP_MS_MAX);
      await ended;
      clearTimeout(timer);
      if (this.#process.signalCode === 'SIGKILL') throw new Error(`evp demo did not stop\n${this.log()}`);
    }
    await rm(this.#directory, { recursive: true, force: true });
  }

  /** The connectors of which the demo says this: `{ cable: 'plugs_itself' }`. */
  connectorsLike(wanted) {
    const found = this.connectors.filter((c) => Object.entries(wanted).every(([name, value]) => c[name] === value));
    if (found.length === 0) throw new Error(`the demo has no connector ${JSON.stringify(wanted)}: ${JSON.stringify(this.connectors)}`);
    return found;
  }

  /** A hand at the cable: `plug`, `unplug`, `stop`, `emergency`, `repair`, `offline`, `online`, `reboot`. */
  async act(connector, act) {
    const form = new URLSearchParams({ identity: connector.identity, connector: String(connector.evse_no), act });
    const answer = await fetch(new URL('/act', this.charge_points), { method: 'POST', body: form, redirect: 'manual' });
    if (answer.status !== 303) throw new Error(`${act}: ${answer.status} ${await answer.text()}`);
  }

  // --- the payment stand-in's own controls ------------------------------------------------------------------------------

  async paymentState() {
    return (await asked(new URL('/control/state', this.namba))).json();
  }
  /** Switches faults on: `{ webhooks_off: true }`; `{ reset: true }` switches all off. */
  async paymentFaults(faults) {
    await asked(new URL('/control/faults', this.namba), faults);
  }
  /** The payer pays elsewhere (the banking app of another phone): `orders[0].external_id` of `paymentState`. */
  async payElsewhere(externalId) {
    await asked(new URL(`/control/pay/${encodeURIComponent(externalId)}`, this.namba), {});
  }

  // --- the SMS stand-in ------------------------------------------------------------------------------------------------

  /** Messages to a phone, the newest first. */
  async messages(phone) {
    const digits = phone.replace(/\D/g, '').slice(-9);
    return (await asked(new URL(`/control/inbox?phone=${digits}`, this.sms))).json();
  }
}

async function asked(url, body) {
  const init = body === undefined ? {} : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const answer = await fetch(url, init);
  if (!answer.ok) throw new Error(`${url.pathname}: ${answer.status} ${await answer.text()}`);
  return answer;
}

/** Waits until `look` gives something true, and gives it back. For what no page shows: an SMS, the provider's ledger. */
export async function eventually(what, look, msMax = 30_000) {
  const end = Date.now() + msMax;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() > end) throw new Error(`not within ${msMax / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
