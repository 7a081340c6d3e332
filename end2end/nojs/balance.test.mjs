// A driver's balance with JavaScript off.

import assert from 'node:assert/strict';
import { suite } from '../lib/suite.mjs';
import { newPhone, signIn } from '../lib/person.mjs';
import { eventually } from '../lib/demo.mjs';

const { test } = suite('nojs-balance', { javaScript: false });

/** Fills the form and pays at the provider's page. */
async function topUp(driver, som) {
  await driver.open('/balance');
  await driver.page.locator('label.chip', { has: driver.page.getByTestId(`amount-${som}`) }).click();
  await driver.get('top-up').click();
  await driver.page.locator('button[value=pay]').click();
  await driver.page.waitForURL((url) => url.pathname.startsWith('/balance/top-ups/'));
}

/** A sum in any language: two decimals are always there. */
const tyiyn = async (driver, name) => Number((await driver.text(name)).replace(/\D/g, ''));

for (const [locale, colorScheme] of [['ru-RU', 'light'], ['ky-KG', 'dark'], ['en-GB', 'light']]) {
  test(`a driver tops up, reads the history and asks the rest back: ${locale}`, { locale, colorScheme }, async (driver) => {
    driver.watch.expect(/^answer 422: POST/, /console error: Failed to load resource/);
    await signIn(driver, newPhone());
    await driver.open('/balance');
    await driver.look(`1-empty-${locale}`);
    await topUp(driver, '1000');
    // The page asks again by itself, without JavaScript too.
    await driver.page.locator('[data-testid=top-up-page][data-state=paid]').waitFor({ timeout: 60_000 });
    await driver.look(`2-paid-${locale}`);
    await driver.get('to-balance').click();
    assert.equal(await tyiyn(driver, 'available'), 1000_00);
    await driver.look(`3-balance-${locale}`);
    await driver.get('to-statement').click();
    await driver.look(`4-statement-${locale}`);
    const [download] = await Promise.all([driver.page.waitForEvent('download'), driver.get('csv').click()]);
    assert.match(download.suggestedFilename(), /\.csv$/);

    await driver.open('/balance/refunds');
    await driver.get('refund-amount-input').fill('1000,01');
    await driver.get('ask-refund').click();
    await driver.get('field-error-amount').waitFor();
    await driver.get('refund-amount-input').fill('250,50');
    await driver.get('ask-refund').click();
    await driver.get('refund-request').waitFor();
    await eventually('the refund is done', async () => {
      await driver.page.reload();
      return (await driver.get('refund-request').getAttribute('data-state')) === 'completed';
    });
    await driver.look(`5-refunds-${locale}`);
    await driver.open('/balance');
    assert.equal(await tyiyn(driver, 'available'), 749_50);
  });
}

test('a sum that is none comes back with a message', { viewport: { width: 1280, height: 900 } }, async (driver) => {
  driver.watch.expect(/^answer 422: POST/, /console error: Failed to load resource/);
  await signIn(driver, newPhone());
  for (const som of ['-500', '0', '1e3', '99999999999', '10,001']) {
    await driver.open('/balance');
    await driver.page.locator('label.chip', { has: driver.page.getByTestId('amount-custom') }).click();
    await driver.get('amount-input').fill(som);
    await driver.get('top-up').click();
    await driver.get('field-error-amount').waitFor();
    assert.equal(await driver.get('amount-input').inputValue(), som, 'what was typed is kept');
  }
  await driver.look('6-wrong-sum');
});
