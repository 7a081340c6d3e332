// Somebody who signs in: the same steps with JavaScript and without.

import assert from 'node:assert/strict';
import { eventually } from './demo.mjs';

let numbers = 0;

/** A number that nobody of this test file has used yet. */
export function newPhone() {
  numbers += 1;
  return `0555 ${String(100 + numbers)} ${String(process.pid % 1000).padStart(3, '0')}`;
}

/** The digits of the newest message to a phone; `known` of them were there before. */
export async function codeSentTo(demo, phone, known = 0) {
  const message = await eventually(`a code for ${phone}`, async () => {
    const messages = await demo.messages(phone);
    return messages.length > known && messages[0];
  });
  const [code] = message.text.match(/\b\d{6}\b/) ?? assert.fail(`no code in: ${message.text}`);
  return code;
}

/** From the sign-in page to the page that wants the code. */
export async function askCode(person, phone) {
  const known = (await person.demo.messages(phone)).length;
  await person.get('phone').fill(phone);
  await person.get('send-code').click();
  await person.get('code').waitFor();
  await person.awake();
  return codeSentTo(person.demo, phone, known);
}

/** Signs in, and arrives at the account. */
export async function signIn(person, phone, at = '/sign-in') {
  await person.open(at);
  const code = await askCode(person, phone);
  await typeCode(person, code);
  await person.get('account').waitFor();
}

/** With JavaScript six digits are sent by themselves. */
export async function typeCode(person, code) {
  await person.get('code').fill(code);
  if (!person.javaScript) await person.get('sign-in-submit').click();
}
