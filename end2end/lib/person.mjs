// Somebody who signs in: the same steps with JavaScript and without.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
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

/** What an authenticator app shows (RFC 6238) for a secret in base 32. */
function codeOfApp(secret) {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...secret.replaceAll(/\s/g, '')].map((letter) => letters.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const mac = createHmac('sha1', key).update(step).digest();
  return String((mac.readUInt32BE(mac.at(-1) & 15) & 0x7fff_ffff) % 1_000_000).padStart(6, '0');
}

/** Staff sets up an app at its first sign-in, and shows the first code. */
export async function setUpApp(person) {
  await person.get('to-second-step').click();
  const code = codeOfApp(await person.text('second-step-secret'));
  await person.look('0-second-step');
  await person.get('second_step').fill(code);
  await person.get('prove').click();
  await person.get('account').waitFor();
}
