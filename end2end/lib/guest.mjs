// A guest with a phone: what a person does and sees, in the words of the pages' `data-testid`.

import assert from 'node:assert/strict';
import { NARROW, PATIENCE_MS, PHONE, Watch } from './browser.mjs';
import { assertAccessible, assertFits, assertValidHtml, evidence, picture, twin } from './look.mjs';

export class Guest {
  page;
  /** Set by a test that keeps the islands from waking: then nothing waits for them. */
  asleep = false;
  #context;
  #javaScript;
  #name;
  #suite;
  #colorScheme;

  static async arrive(browser, demo, { javaScript, name, suite, locale = 'ru-RU', colorScheme = 'light', viewport = PHONE, cookies = [] }) {
    const guest = new Guest();
    guest.demo = demo;
    guest.#javaScript = javaScript;
    guest.#name = name;
    guest.#suite = suite;
    guest.#colorScheme = colorScheme;
    guest.#context = await browser.newContext({ javaScriptEnabled: javaScript, locale, colorScheme, viewport, reducedMotion: 'reduce', timezoneId: 'Asia/Bishkek', acceptDownloads: true });
    if (cookies.length > 0) await guest.#context.addCookies(cookies);
    guest.#context.setDefaultTimeout(PATIENCE_MS);
    guest.page = await guest.#context.newPage();
    guest.watch = new Watch(guest.page, new URL(demo.site).origin);
    return guest;
  }

  /** Leaves; a page that was not quiet is a fault also when the test did not look. */
  async leave({ failed }) {
    if (failed) await evidence(this.page, `${this.#suite}-${this.#name}`);
    await this.#context.close();
    if (!failed) this.watch.assertQuiet();
  }

  /** A second tab or phone of the same person. */
  async anotherTab() {
    const tab = new Guest();
    Object.assign(tab, { demo: this.demo });
    tab.#javaScript = this.#javaScript;
    tab.#name = `${this.#name}-tab`;
    tab.#suite = this.#suite;
    tab.#colorScheme = this.#colorScheme;
    tab.#context = this.#context;
    tab.page = await this.#context.newPage();
    tab.watch = new Watch(tab.page, new URL(this.demo.site).origin);
    return tab;
  }

  get javaScript() {
    return this.#javaScript;
  }

  get(testid) {
    return this.page.getByTestId(testid).first();
  }

  async open(address) {
    const answer = await this.page.goto(new URL(address, this.demo.site).href, { waitUntil: 'load' });
    await this.awake();
    return answer;
  }

  /** With JavaScript: every island has been woken, so that a click reaches it. Without: there is nothing to wait for. */
  async awake() {
    if (!this.#javaScript || this.asleep) return;
    await this.page.waitForFunction(() => {
      const islands = [...document.querySelectorAll('[data-island]')];
      return document.readyState === 'complete' && islands.every((island) => island.dataset.ready === 'true');
    });
  }

  /** Everything that is asked of a page. The narrowest screen is tried, too. */
  async look(name) {
    await this.awake();
    const file = `${this.#suite}-${name}`;
    assert.match(await this.page.title(), /^[^<>&]{3,} · Red Petroleum EV$/, 'the title is for people');
    await picture(this.page, file);
    const looked = this.#javaScript ? this.page : await twin(this.page, { colorScheme: this.#colorScheme });
    await assertAccessible(looked);
    await assertFits(looked);
    const size = looked.viewportSize();
    await looked.setViewportSize(NARROW);
    await assertFits(looked);
    await looked.setViewportSize(size);
    if (looked !== this.page) await looked.context().close();
    const sent = await this.#context.request.get(this.page.url(), { headers: { accept: 'text/html' } });
    await assertValidHtml(await sent.text(), file);
    this.watch.assertQuiet();
  }

  // --- the guest's way --------------------------------------------------------------------------------------------------

  /**
   * Scans the code of a connector: the first page. `wanted` is what the demo says of one, `{ cable: 'by_hand' }`; of several the first
   * that is free, because the test before may not have unplugged yet.
   */
  async scan(wanted) {
    const end = Date.now() + 2 * PATIENCE_MS;
    for (;;) {
      for (const connector of this.demo.connectorsLike(wanted)) {
        await this.open(new URL(connector.url).pathname);
        if ((await this.get('connector-page').getAttribute('data-for-sale')) === 'true') return connector;
      }
      if (Date.now() > end) throw new Error(`no connector ${JSON.stringify(wanted)} is free`);
      await this.page.waitForTimeout(500);
    }
  }

  /** Fills the form. `som` is one of the offered sums or any other text. */
  async fill({ som, phone = this.demo.guest_phone }) {
    const offered = this.page.getByTestId(`amount-${som}`);
    if ((await offered.count()) > 0) {
      await this.page.locator('label.chip', { has: offered }).click();
    } else {
      await this.page.locator('label.chip', { has: this.page.getByTestId('amount-custom') }).click();
      await this.get('amount-input').fill(som);
    }
    await this.get('phone').fill(phone);
  }

  /** Sends the form and arrives where the payment is: at the provider's page, or at our own page with the link to it. */
  async order(choice) {
    await this.fill(choice);
    await this.get('pay').click();
    await this.page.waitForURL((url) => url.origin === new URL(this.demo.namba).origin || url.pathname.startsWith('/g/'));
  }

  /** Pays on the provider's page and comes back to ours. */
  async pay() {
    if (new URL(this.page.url()).origin !== new URL(this.demo.namba).origin) await this.get('pay').click();
    await this.page.locator('button[value=pay]').click();
    await this.page.waitForURL((url) => url.pathname.startsWith('/g/'));
    await this.awake();
  }

  /** The address of the charge, `/g/…`. */
  get charge() {
    const { pathname } = new URL(this.page.url());
    assert.match(pathname, /^\/g\/[A-Za-z0-9_-]{20,}/, 'this is not the page of a charge');
    return `/g/${pathname.split('/')[2]}`;
  }

  phase() {
    return this.get('phase').getAttribute('data-phase');
  }

  /**
   * Waits for one of the phases. With JavaScript the page must get there by itself. Without, a person reloads (and so does the page's
   * own refresh).
   */
  async reach(...phases) {
    const end = Date.now() + 3 * PATIENCE_MS;
    if (this.#javaScript) {
      const wanted = phases.map((phase) => `[data-testid=phase][data-phase=${phase}]`).join(',');
      await this.page.locator(wanted).first().waitFor({ timeout: 3 * PATIENCE_MS });
      await this.awake();
      return this.phase();
    }
    for (;;) {
      const phase = await this.phase();
      if (phases.includes(phase)) return phase;
      if (Date.now() > end) throw new Error(`the page is still in ${phase}, not in ${phases.join(' or ')}`);
      await this.page.waitForTimeout(300);
      await this.page.goto(new URL(this.charge, this.demo.site).href);
    }
  }

  /** Waits until the charge point has taken the start, after which the page stays as it is until the cable is in. */
  async startAccepted() {
    await this.page.locator('[data-testid=start-state].tone-good').waitFor();
    await this.awake();
  }

  /** Asks for the stop and says yes. */
  async stop() {
    await this.get('stop').click();
    await this.get('stop-confirm').click();
    await this.page.waitForURL((url) => url.pathname === this.charge);
    await this.awake();
  }

  async text(testid) {
    return (await this.get(testid).innerText()).replaceAll(/[\u00a0\u202f]/g, ' ').trim();
  }

  /** Waits until a text on the page changes by itself. */
  async moves(testid, from) {
    const before = from ?? (await this.text(testid));
    await this.page.waitForFunction(
      ([id, text]) => document.querySelector(`[data-testid=${id}]`)?.innerText.replaceAll(/[\u00a0\u202f]/g, ' ').trim() !== text,
      [testid, before],
    );
  }

  /** A sum as the page writes it, in tyiyn. */
  async sum(testid) {
    return tyiyn(await this.text(testid));
  }

  /** Sends a form as this browser would, without following where it leads. */
  post(address, form) {
    return this.#context.request.post(address, { form, maxRedirects: 0, headers: { origin: new URL(this.demo.site).origin, 'sec-fetch-site': 'same-origin' } });
  }

  /** The PDF's bytes. */
  async pdf() {
    const address = await this.get('pdf-link').getAttribute('href');
    const answer = await this.#context.request.get(new URL(address, this.demo.site).href);
    assert.equal(answer.status(), 200);
    assert.equal(answer.headers()['content-type'], 'application/pdf');
    return answer.body();
  }
}

/** `1 234,50 сом` → 123450. */
export function tyiyn(text) {
  const found = /(\d[\d \u00a0\u202f]*)(?:[.,](\d{1,2}))?/.exec(text);
  assert.ok(found, `no sum in "${text}"`);
  return Number(found[1].replaceAll(/\D/g, '')) * 100 + Number((found[2] ?? '0').padEnd(2, '0'));
}
