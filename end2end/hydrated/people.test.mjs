// Signing in with the islands awake: the code sends itself, and the next one is counted down to.

import assert from 'node:assert/strict';
import { suite } from '../lib/suite.mjs';
import { askCode, newPhone, typeCode } from '../lib/person.mjs';

const { test } = suite('hydrated-people', { javaScript: true });

test('six digits sign in by themselves', async (person) => {
  await person.open('/sign-in?next=/account');
  await person.look('1-sign-in');
  const code = await askCode(person, newPhone());
  await person.look('2-code');
  assert.equal(await person.get('code').getAttribute('autocomplete'), 'one-time-code');
  assert.ok(await person.get('resend').isHidden(), 'not before its time');
  assert.match(await person.text('resend-when'), /[01]:\d\d/);
  await typeCode(person, code);
  await person.get('account').waitFor();
  await person.look('3-account');
});

test('a code can be pasted with spaces', async (person) => {
  await person.open('/sign-in');
  const code = await askCode(person, newPhone());
  await person.get('code').focus();
  await person.page.keyboard.insertText(`${code.slice(0, 3)} ${code.slice(3)}`);
  await person.get('account').waitFor();
});

test('the browser offers the code of the message', async (person) => {
  await person.page.addInitScript(() => {
    // What a phone with a SIM card has: the browser's own way to the message.
    window.OTPCredential = class {};
    navigator.credentials.get = ({ otp }) => new Promise((give) => (window.give = (code) => give({ code, transport: otp.transport })));
  });
  await person.open('/sign-in');
  const code = await askCode(person, newPhone());
  await person.page.evaluate((code) => window.give(code), code);
  await person.get('account').waitFor();
});
