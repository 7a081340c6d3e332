// Debian's Chromium by playwright-core, and a page that remembers everything that went wrong on it.

import { execFileSync } from 'node:child_process';
import { chromium } from 'playwright-core';

/** A phone in the hand. */
export const PHONE = { width: 375, height: 812 };
/** The narrowest that must work (WCAG 1.4.10). */
export const NARROW = { width: 320, height: 640 };
/** A desk. */
export const DESK = { width: 1280, height: 900 };

/** What a person would wait before giving up; a loaded machine needs it, a fast one does not reach it. */
export const PATIENCE_MS = 30_000;

function executable() {
  if (process.env.EVP_CHROMIUM) return process.env.EVP_CHROMIUM;
  for (const name of ['chromium', 'chromium-browser', 'google-chrome']) {
    try {
      return execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim();
    } catch {
      // The next one.
    }
  }
  throw new Error('there is no Chromium here: scripts/setup test installs it');
}

export function launch() {
  return chromium.launch({
    executablePath: executable(),
    // Sandboxes of Chromium need a kernel that allows them and a user that is not root; the pages here are our own.
    chromiumSandbox: false,
    args: [
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-dev-shm-usage',
      '--force-prefers-reduced-motion',
      // Names of tests, which no DNS knows.
      '--host-resolver-rules=MAP *.test 127.0.0.1',
    ],
  });
}

/** Notes each console error and warning, each exception, each failed request and each answer in the 400s and 500s. */
export class Watch {
  #seen = [];
  #expected = [];

  constructor(page, ownOrigin) {
    page.on('console', (message) => {
      if (['error', 'warning', 'assert'].includes(message.type())) this.#note(`console ${message.type()}: ${message.text()}`);
    });
    page.on('pageerror', (error) => this.#note(`exception: ${error.message}`));
    page.on('requestfailed', (request) => {
      const why = request.failure()?.errorText ?? '';
      // Leaving a page ends what it was still loading; a download is no page.
      if (why !== 'net::ERR_ABORTED') this.#note(`request failed: ${request.method()} ${pathOf(request.url())}: ${why}`);
    });
    page.on('response', (response) => {
      if (response.status() >= 400 && response.url().startsWith(ownOrigin)) {
        this.#note(`answer ${response.status()}: ${response.request().method()} ${pathOf(response.url())}`);
      }
    });
  }

  #note(what) {
    const at = this.#expected.findIndex((expected) => expected.test(what));
    if (at >= 0) return;
    this.#seen.push(what);
  }

  /** From now on notes that fit are no fault: a page that must answer 404, say. */
  expect(...patterns) {
    this.#expected.push(...patterns);
  }

  /** Throws when anything was noted. */
  assertQuiet() {
    if (this.#seen.length > 0) throw new Error(`the page was not quiet:\n  ${this.#seen.splice(0).join('\n  ')}`);
  }
}

/** Without the origin, and without the guest's secret. */
function pathOf(url) {
  return new URL(url).pathname.replace(/^\/g\/[^/]+/, '/g/…');
}
