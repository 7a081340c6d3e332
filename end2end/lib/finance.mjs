// A day of finance: the same steps with JavaScript and without.

import assert from 'node:assert/strict';
import { eventually } from './demo.mjs';
import { newPhone, setUpApp, signIn } from './person.mjs';

/** Of the demo. */
const FINANCE = '0700 000 006';
const ADMIN = '0700 000 007';

/** A driver with 9,000 som who wants 6,000 back. */
async function asksForALot(driver) {
  await signIn(driver, newPhone());
  await driver.open('/balance');
  await driver.page.locator('label.chip', { has: driver.page.getByTestId('amount-custom') }).click();
  await driver.get('amount-input').fill('9000');
  await driver.get('top-up').click();
  await driver.page.locator('button[value=pay]').click();
  await driver.page.locator('[data-testid=top-up-page][data-state=paid]').waitFor({ timeout: 60_000 });
  await driver.open('/balance/refunds');
  await driver.get('refund-amount-input').fill('6000');
  await driver.get('ask-refund').click();
  await driver.page.locator('[data-testid=refund-request][data-state=awaiting_approval]').waitFor();
}

/** Decides on a request, sends an order back, corrects, compares; and an administrator reads who did it. */
export async function aDayOfFinance(finance, arrive) {
  finance.watch.expect(/^answer 422: POST/, /console error: Failed to load resource/);
  const driver = await arrive();
  await asksForALot(driver);
  await signIn(finance, FINANCE);
  await setUpApp(finance);
  await finance.get('to-finance').click();
  await finance.look('1-overview');
  await finance.get('requests-awaiting').click();
  await finance.look('2-refunds');
  await finance.get('request').first().click();
  await finance.get('approve').click();
  await finance.get('field-error-reason').waitFor();
  await finance.look('3-request');
  await finance.get('reason').fill('Позвонили, подтвердил');
  await finance.get('approve').click();
  await finance.page.locator('[data-testid=request-page]:not([data-state=awaiting_approval])').waitFor();
  await driver.open('/balance/refunds');
  await driver.page.locator('[data-testid=refund-request]:not([data-state=awaiting_approval])').waitFor();

  await finance.open('/finance/orders?filter=paid');
  await finance.look('4-orders');
  await finance.get('order').first().click();
  await finance.look('5-order');
  await finance.get('amount').fill('100');
  await finance.get('reason').fill('Станция не заряжала');
  await finance.get('refund').click();
  await finance.get('request-page').waitFor();
  assert.equal((await finance.text('request-amount')).replace(/\D/g, ''), '10000');

  await finance.open('/finance/inbox');
  await finance.get('notice').first().click();
  await finance.look('6-notice');
  await finance.get('act-again').click();
  await finance.get('banner').waitFor();

  await finance.open('/finance/correction');
  await finance.get('debit').fill('revenue:energie');
  await finance.get('credit').fill('rounding');
  await finance.get('amount').fill('0,05');
  await finance.get('reason').fill('Округление за октябрь');
  await finance.get('correct').click();
  await finance.get('field-error-debit').waitFor();
  await finance.look('7-correction');
  await finance.get('debit').fill('write_off');
  await finance.get('correct').click();
  await finance.get('entry-page').waitFor();
  await finance.look('8-entry');

  await finance.open('/finance/reconciliation');
  await finance.get('reconcile').click();
  await finance.get('banner').waitFor();
  await eventually('the comparison is done', async () => {
    await finance.open('/finance/reconciliation');
    return (await finance.get('run').first().getAttribute('data-state')) === 'finished';
  });
  assert.equal(await finance.get('difference').count(), 0, 'the books agree');
  await finance.look('9-reconciliation');
  await inEveryLanguage(finance);
  await driver.leave({ failed: false });
}

async function inEveryLanguage(finance) {
  for (const [to, theme] of [['ky', 'dark'], ['en', 'light']]) {
    await finance.open(`/theme?to=${theme}&back=/finance`);
    for (const page of ['', '/orders', '/refunds', '/inbox', '/outbox', '/accounts', '/journal?account=namba%3Acash', '/correction']) {
      await finance.open(`/lang?to=${to}&back=${encodeURIComponent(`/finance${page}`)}`);
      await finance.look(`${to}-${page.replace(/\W/g, '') || 'overview'}`);
    }
  }
}

/** An administrator reads what others did, and may not move money. */
export async function anAdministratorsLook(admin) {
  admin.watch.expect(/^answer 403: GET/, /console error: Failed to load resource/);
  await signIn(admin, ADMIN);
  await setUpApp(admin);
  await admin.get('to-audit').click();
  await admin.get('event').first().waitFor();
  await admin.look('10-audit');
  await admin.open('/finance/correction');
  await admin.get('problem').waitFor();
}
