// The guest's way with the islands awake: the page moves by itself, and everything that plain forms do still works.

import assert from 'node:assert/strict';
import { eventually } from '../lib/demo.mjs';
import { suite } from '../lib/suite.mjs';

const { test } = suite('hydrated', { javaScript: true });

test('a guest scans, pays and watches the charge without touching the page', async (guest, demo) => {
  await guest.scan(demo.connector({ cable: 'plugs_itself' }));
  await guest.look('1-connector');
  await guest.order({ som: '1000' });
  await guest.pay();
  await guest.reach('charging');

  // The numbers move in place: a mark in the page survives.
  await guest.page.evaluate(() => (window.sameDocument = true));
  const first = await guest.text('energy');
  await guest.page.waitForFunction((before) => document.querySelector('[data-testid=energy]').innerText.replaceAll(/[\u00a0\u202f]/g, ' ').trim() !== before, first);
  assert.equal(await guest.page.evaluate(() => window.sameDocument), true, 'without a new page');
  await guest.look('2-charging');

  // The question is asked in place; Escape takes it back and gives the focus back.
  await guest.get('stop').click();
  const yes = guest.get('stop-confirm');
  await yes.waitFor();
  assert.ok(await yes.evaluate((button) => button === document.activeElement), 'the question has the focus');
  await guest.page.keyboard.press('Escape');
  await yes.waitFor({ state: 'detached' });
  assert.ok(await guest.get('stop').evaluate((link) => link === document.activeElement));
  assert.equal(await guest.phase(), 'charging');

  await guest.stop();
  await guest.reach('refunding', 'completed');
  await guest.reach('completed');
  await guest.look('3-receipt');
  assert.equal((await guest.sum('cost')) + (await guest.sum('refund-amount')), 1000_00);
});

test('the button says what will be paid, and typing chooses another sum', async (guest, demo) => {
  await guest.scan(demo.connector({ cable: 'by_hand' }));
  await guest.fill({ som: '2000' });
  assert.match(await guest.text('pay'), /2 ?000/);
  await guest.get('amount-input').fill('750');
  assert.match(await guest.text('pay'), /750/);
  assert.ok(await guest.get('amount-custom').isChecked());
});

test('the keyboard is enough', async (guest, demo) => {
  await guest.scan(demo.connector({ cable: 'by_hand' }));
  const reached = [];
  for (let presses = 0; presses < 40; presses++) {
    await guest.page.keyboard.press('Tab');
    const { name, visible } = await guest.page.evaluate(() => {
      const element = document.activeElement;
      const box = element.getBoundingClientRect();
      const shown = box.bottom > 0 && box.top < innerHeight;
      const style = getComputedStyle(element.matches('input[type=radio]') ? (element.closest('label') ?? element) : element);
      const outlined = style.outlineStyle !== 'none' || style.boxShadow !== 'none';
      return { name: element.dataset.testid ?? element.getAttribute('name') ?? element.localName, visible: shown && outlined };
    });
    assert.ok(visible, `the focus on ${name} can be seen`);
    reached.push(name);
    if (name === 'pay') break;
  }
  assert.ok(reached.includes('phone') && reached.includes('pay'), `Tab reaches ${reached.join(', ')}`);
  await guest.get('phone').fill(demo.guest_phone);
  await guest.page.keyboard.press('Enter');
  await guest.page.waitForURL((url) => !url.pathname.startsWith('/q/'));
});

test('the countdown runs, and calling it off brings all the money back', async (guest, demo) => {
  await guest.scan(demo.connector({ cable: 'by_hand' }));
  await guest.order({ som: '500' });
  await guest.pay();
  await guest.reach('plug_in');
  const first = await guest.text('countdown');
  await guest.page.waitForFunction((before) => document.querySelector('[data-testid=countdown]').innerText !== before, first);
  await guest.look('4-plug-in');
  await guest.stop();
  await guest.reach('failed_refunded');
  assert.equal(await guest.get('refund-state').getAttribute('data-state'), 'completed');
});

test('a lost link is bridged', async (guest, demo) => {
  await guest.scan(demo.connector({ cable: 'plugs_itself' }));
  await guest.order({ som: '500' });
  await guest.pay();
  await guest.reach('charging');
  guest.watch.expect(/ERR_INTERNET_DISCONNECTED/, /WebSocket connection/);
  await guest.page.context().setOffline(true);
  await guest.page.waitForTimeout(2_000); // what is tested is time without a link
  await guest.page.context().setOffline(false);
  const first = await guest.text('energy');
  await guest.page.waitForFunction((before) => document.querySelector('[data-testid=energy]').innerText.replaceAll(/[\u00a0\u202f]/g, ' ').trim() !== before, first);
  await guest.stop();
  await guest.reach('completed');
});

test('without the WASM the forms still work', async (guest, demo) => {
  await guest.page.route(/\.wasm$/, (route) => route.abort());
  guest.watch.expect(/request failed: GET .*\.wasm/, /console (error|warning): .*(wasm|WebAssembly|Failed to (load|fetch))/i);
  await guest.page.goto(demo.connector({ cable: 'by_hand' }).url);
  await guest.fill({ som: '500' });
  await guest.get('pay').click();
  await guest.page.waitForURL((url) => !url.pathname.startsWith('/q/'));
});

test('the server keeps the state when the browser does not', async (guest, demo, another) => {
  await guest.scan(demo.connector({ cable: 'by_hand' }));
  await guest.order({ som: '500' });
  await guest.pay();
  await guest.reach('plug_in');
  // A second phone, with nothing but the link.
  const second = await another({ locale: 'en-GB' });
  await second.open(guest.charge);
  assert.equal(await second.phase(), 'plug_in');
  await second.stop();
  await eventually('the first phone follows', async () => ['failed_refunding', 'failed_refunded'].includes(await guest.phase()));
  await second.leave({ failed: false });
});
