// The guest's whole way with JavaScript off: plain forms, plain links, and pages that are asked for again.

import assert from 'node:assert/strict';
import { eventually } from '../lib/demo.mjs';
import { pdfText } from '../lib/pdf.mjs';
import { suite } from '../lib/suite.mjs';

// Short, because some tests wait for it: a start that was asked for is called off only when the charger can no longer begin.
const { test } = suite('nojs', { javaScript: false, demo: { start_deadline_s: 20 } });

test('a guest scans, pays, charges and gets a receipt', async (guest, demo) => {
  await guest.scan({ cable: 'plugs_itself' });
  await guest.look('1-connector');
  await guest.order({ som: '500' });
  await guest.pay();
  await guest.look('2-paid');
  await guest.reach('charging');
  await eventually('energy on the page', async () => {
    await guest.open(guest.charge);
    return (await guest.phase()) === 'charging' && !/^0([.,]0+)? /.test(await guest.text('energy'));
  });
  await guest.look('3-charging');
  await guest.get('stop').click();
  await guest.look('4-stop-question');
  await guest.get('stop-confirm').click();
  await guest.reach('refunding', 'completed');
  await guest.look('5-receipt');
  await guest.reach('completed');
  assert.equal(await guest.get('stop-reason').getAttribute('data-reason'), 'payer');
  assert.equal(await guest.get('refund-state').getAttribute('data-state'), 'completed');

  const [paid, used, back] = [await guest.sum('paid'), await guest.sum('cost'), await guest.sum('refund-amount')];
  assert.equal(paid, 500_00);
  assert.ok(used > 0, 'something was charged');
  assert.equal(used + back, paid, 'nothing is lost on the way');
  const { refunds } = await demo.paymentState();
  assert.equal(refunds.at(-1).amount_tyiyn, back, 'the provider was asked for what the page says');

  const pdf = await guest.pdf();
  assert.deepEqual(await guest.pdf(), pdf, 'the same bytes at every download');
  assert.match(await pdfText(pdf), new RegExp(String(Math.floor(used / 100))), 'the PDF names the sum');

  const aboutThis = async () => (await demo.messages(demo.guest_phone)).filter((message) => message.text.includes(guest.charge));
  await eventually('an SMS with the link', async () => (await aboutThis()).length > 0);
  assert.equal((await aboutThis()).length, 1, 'one SMS');
});

test('charging stops by itself before the money is used up', async (guest, demo) => {
  const connector = await guest.scan({ cable: 'by_hand', evse_no: 1 });
  await guest.order({ som: '200' });
  await guest.pay();
  await guest.reach('plug_in');
  await demo.act(connector, 'plug');
  await guest.reach('refunding', 'completed');
  assert.equal(await guest.get('stop-reason').getAttribute('data-reason'), 'limit');
  const [paid, used, back] = [await guest.sum('paid'), await guest.sum('cost'), await guest.sum('refund-amount')];
  assert.equal(paid, 200_00);
  // Demo cars charge so fast that one reading is a tenth of the sum: the stop comes one reading early rather than late.
  assert.ok(used >= 140_00 && used <= 200_00, `${used} tyiyn of 200 som`);
  assert.equal(used + back, paid);
  await demo.act(connector, 'unplug');
});

test('a wrong form comes back with its values and a message at the field', async (guest, demo) => {
  guest.watch.expect(/^answer 4(00|22): POST/, /console error: Failed to load resource/);
  const before = (await demo.paymentState()).orders.length;
  for (const som of ['-500', '0', '12abc', '99999999999', '10,001', '49']) {
    await guest.scan({ cable: 'by_hand' });
    await guest.fill({ som, phone: '0700 12' });
    await guest.get('pay').click();
    await guest.get('field-error-amount').waitFor();
    assert.equal(await guest.get('amount-input').inputValue(), som, 'what was typed is kept');
    assert.equal(await guest.get('phone').inputValue(), '0700 12', 'what was typed is kept');
    assert.ok(await guest.get('field-error-phone').isVisible());
    assert.equal(await guest.get('phone').getAttribute('aria-invalid'), 'true');
  }
  assert.equal((await demo.paymentState()).orders.length, before, 'nothing was ordered');
});

test('a form that is sent twice is one order', async (guest, demo) => {
  await guest.scan({ cable: 'by_hand' });
  const before = (await demo.paymentState()).orders.length;
  const form = {
    idempotency_key: await guest.page.locator('[name=idempotency_key]').inputValue(),
    amount: '1000',
    amount_custom: '',
    phone: demo.guest_phone,
  };
  const [first, again] = await Promise.all([guest.post(guest.page.url(), form), guest.post(guest.page.url(), form)]);
  const late = await guest.post(guest.page.url(), form);
  assert.equal(first.status(), 303);
  assert.equal(first.headers().location, again.headers().location);
  assert.equal(first.headers().location, late.headers().location);
  assert.equal((await demo.paymentState()).orders.length, before + 1);
});

test('the back button and a reload change nothing', async (guest, demo) => {
  await guest.scan({ cable: 'by_hand' });
  await guest.order({ som: '500' });
  await guest.pay();
  await guest.reach('plug_in');
  const { orders } = await demo.paymentState();
  const { charge } = guest;
  await guest.page.goBack();
  await guest.page.goForward();
  await guest.page.reload();
  assert.equal(guest.charge, charge);
  assert.equal(await guest.phase(), 'plug_in');
  assert.equal((await demo.paymentState()).orders.length, orders.length);
  await guest.open('/');
  await guest.get('charge-in-progress').click();
  assert.equal(guest.charge, charge, 'the way back is on every page');
});

test('the payer pays on another phone, and this page finds out', async (guest, demo) => {
  await guest.scan({ cable: 'by_hand' });
  const known = new Set((await demo.paymentState()).orders.map((order) => order.external_id));
  await guest.order({ som: '2000' });
  const order = (await demo.paymentState()).orders.find((o) => !known.has(o.external_id));
  await guest.open(new URL(order.redirect_link).pathname);
  assert.equal(await guest.phase(), 'awaiting_payment');
  await guest.look('6-awaiting-payment');
  await demo.paymentFaults({ webhooks_off: true });
  try {
    await demo.payElsewhere(order.external_id);
    await guest.reach('plug_in');
  } finally {
    await demo.paymentFaults({ reset: true });
  }
  await guest.look('7-plug-in');
  const tab = await guest.anotherTab();
  await tab.open(guest.charge);
  assert.equal(await tab.phase(), 'plug_in', 'a second tab shows the same');
});

test('without a cable all the money comes back by itself', async (guest, demo) => {
  await guest.scan({ cable: 'by_hand' });
  await guest.order({ som: '500' });
  await guest.pay();
  await guest.reach('failed_refunding', 'failed_refunded');
  await guest.look('8-no-cable');
  await guest.reach('failed_refunded');
  assert.equal(await guest.get('failure').getAttribute('data-failure'), 'no_cable');
  assert.equal((await demo.paymentState()).refunds.at(-1).amount_tyiyn, 500_00);
});

test('a code that leads nowhere is answered with help', async (guest) => {
  guest.watch.expect(/^answer 404: GET/, /console error: Failed to load resource/);
  const answer = await guest.open('/q/ZZZZZZ');
  assert.equal(answer.status(), 404);
  await guest.look('9-unknown-code');
  assert.ok(await guest.get('helpline').isVisible());
  assert.equal((await guest.open('/no/such/page')).status(), 404);
  await guest.look('9-unknown-page');
  assert.equal((await guest.open(`/g/${'A'.repeat(22)}`)).status(), 404);
});

test('the start page takes the code that is printed on the case', async (guest, demo) => {
  const [{ code }] = demo.connectorsLike({ cable: 'by_hand' });
  await guest.open('/');
  await guest.look('0-home');
  await guest.get('code').fill(code.toLowerCase());
  await guest.get('code').press('Enter');
  await guest.get('connector-page').waitFor();
});

for (const [locale, lang] of [
  ['ky-KG', 'ky'],
  ['en-GB', 'en'],
]) {
  test(`the page speaks ${lang}, and in the dark`, { locale, colorScheme: 'dark' }, async (guest) => {
    await guest.scan({ cable: 'by_hand' });
    assert.equal(await guest.page.locator('html').getAttribute('lang'), lang);
    await guest.look(`1-connector-${lang}-dark`);
    await guest.page.locator('a[hreflang=ru]').click();
    assert.equal(await guest.page.locator('html').getAttribute('lang'), 'ru', 'a choice is kept');
    await guest.get('connector-page').waitFor();
  });
}
