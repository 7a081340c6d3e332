// A driver's balance with the islands awake.

import assert from 'node:assert/strict';
import { suite } from '../lib/suite.mjs';
import { newPhone, signIn } from '../lib/person.mjs';

const { test } = suite('hydrated-balance', { javaScript: true });

test('the page of a top-up finds out by itself that somebody has paid', async (driver, demo) => {
  await signIn(driver, newPhone());
  await driver.open('/balance');
  await driver.look('1-balance');
  await driver.page.locator('label.chip', { has: driver.page.getByTestId('amount-2000') }).click();
  assert.match(await driver.text('top-up'), /2.000/);
  const known = new Set((await demo.paymentState()).orders.map((order) => order.external_id));
  await driver.get('top-up').click();
  await driver.page.locator('button[value=pay]').waitFor();
  const order = (await demo.paymentState()).orders.find((o) => !known.has(o.external_id));
  await driver.open(new URL(order.redirect_link).pathname);
  await driver.look('2-awaiting');
  await demo.payElsewhere(order.external_id);
  await driver.page.locator('[data-testid=top-up-page][data-state=paid]').waitFor();
  await driver.look('3-paid');
  await driver.get('to-balance').click();
  assert.equal(await driver.sum('available'), 2000_00);
});
