// One demo and one browser for a test file, one guest for each test.

import { after, before, test as nodeTest } from 'node:test';
import { launch } from './browser.mjs';
import { Demo } from './demo.mjs';
import { Guest } from './guest.mjs';

/**
 * `const { test } = suite('nojs', { javaScript: false })`, then `test('a guest …', async (guest, demo) => { … })`. A third
 * argument before the function changes the guest: `{ locale: 'ky-KG' }`.
 */
export function suite(name, { javaScript, demo: options = {} }) {
  let demo;
  let browser;
  before(async () => {
    [demo, browser] = await Promise.all([Demo.start(options), launch()]);
  });
  after(async () => {
    await browser?.close();
    await demo?.stop();
  });
  const arrive = (title, who = {}) =>
    Guest.arrive(browser, demo, { javaScript, suite: name, name: title.replaceAll(/[^\p{L}\p{N}]+/gu, '-').slice(0, 60), ...who });
  const test = (title, ...rest) => {
    const body = rest.pop();
    nodeTest(title, async () => {
      const guest = await arrive(title, rest[0]);
      try {
        await body(guest, demo, (who) => arrive(`${title}-2`, who));
      } catch (error) {
        await guest.leave({ failed: true });
        error.message += `\n--- the demo's last lines ---\n${demo.log().split('\n').slice(-8).join('\n')}`;
        throw error;
      }
      await guest.leave({ failed: false });
    });
  };
  return { test };
}
