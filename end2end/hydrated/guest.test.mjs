// The guest's way with the islands awake: the page moves by itself, and everything that plain forms do still works.

import assert from 'node:assert/strict';
import { suite } from '../lib/suite.mjs';

// Short, because a test waits for it: a start that was asked for is called off only when the charger can no longer begin.
const { test } = suite('hydrated', { javaScript: true, demo: { start_deadline_s: 20 } });

test('a guest scans, pays and watches the charge without touching the page', async (guest) => {
  await guest.scan({ cable: 'plugs_itself' });
  await guest.look('1-connector');
  await guest.order({ som: '1000' });
  await guest.pay();
  await guest.reach('charging');

  // The first reading brings the page with the numbers; from then on they move in place, and a mark in the page survives.
  await guest.moves('energy');
  await guest.page.evaluate(() => (window.sameDocument = true));
  await guest.moves('energy');
  await guest.moves('cost');
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
  await guest.reach('completed');
  await guest.look('3-receipt');
  assert.equal((await guest.sum('cost')) + (await guest.sum('refund-amount')), 1000_00);
});

test('the button says what will be paid', async (guest) => {
  await guest.scan({ cable: 'by_hand' });
  await guest.fill({ som: '2000' });
  assert.match(await guest.text('pay'), /2 ?000/);
  await guest.fill({ som: '750' });
  assert.match(await guest.text('pay'), /750/);
  await guest.fill({ som: '500' });
  assert.match(await guest.text('pay'), /500/);
});

test('the keyboard is enough', async (guest, demo) => {
  await guest.scan({ cable: 'by_hand' });
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

test('the countdown runs; what is called off comes back, and every screen follows', async (guest, demo, another) => {
  await guest.scan({ cable: 'by_hand' });
  await guest.order({ som: '500' });
  await guest.pay();
  await guest.reach('plug_in');
  await guest.startAccepted();
  await guest.look('4-plug-in');
  await guest.moves('countdown');
  // A second phone, with nothing but the link.
  const second = await another({ locale: 'en-GB' });
  await second.open(guest.charge);
  assert.equal(await second.phase(), 'plug_in');
  await second.stop();
  await Promise.all([guest.reach('failed_refunded'), second.reach('failed_refunded')]);
  assert.equal(await guest.get('failure').getAttribute('data-failure'), 'cancelled');
  assert.equal(await guest.get('refund-state').getAttribute('data-state'), 'completed');
  await second.leave({ failed: false });
});

test('a phone without a link catches up', async (guest, demo) => {
  const connector = await guest.scan({ cable: 'by_hand' });
  await guest.order({ som: '2000' });
  await guest.pay();
  await guest.reach('plug_in');
  await demo.act(connector, 'plug');
  await guest.reach('charging');
  await guest.moves('energy');
  guest.watch.expect(/ERR_INTERNET_DISCONNECTED/, /WebSocket connection/);
  await guest.page.context().setOffline(true);
  const before = await guest.text('updated');
  await guest.moves('updated', before);
  await guest.page.context().setOffline(false);
  await guest.moves('energy');
  await guest.stop();
  await guest.reach('completed');
  await demo.act(connector, 'unplug');
});

test('a charger without a link is said to have none', async (guest, demo) => {
  const connector = await guest.scan({ cable: 'by_hand' });
  await guest.order({ som: '2000' });
  await guest.pay();
  await guest.reach('plug_in');
  await demo.act(connector, 'plug');
  await guest.reach('charging');
  await demo.act(connector, 'offline');
  await guest.get('link-lost').waitFor();
  await guest.look('5-link-lost');
  await demo.act(connector, 'online');
  await guest.get('link-lost').waitFor({ state: 'hidden' });
  await demo.act(connector, 'stop');
  await guest.reach('completed');
  assert.equal(await guest.get('stop-reason').getAttribute('data-reason'), 'charger');
  await demo.act(connector, 'unplug');
});

test('without the WASM the forms still work', async (guest) => {
  await guest.page.route(/\.wasm$/, (route) => route.abort());
  guest.watch.expect(/request failed: GET .*\.wasm/, /console (error|warning): .*(wasm|WebAssembly|Failed to (load|fetch))/i);
  guest.asleep = true;
  await guest.scan({ cable: 'by_hand' });
  await guest.fill({ som: '500' });
  await guest.get('pay').click();
  await guest.page.waitForURL((url) => !url.pathname.startsWith('/q/'));
});
