// Signing in and the account with JavaScript off.

import assert from 'node:assert/strict';
import { suite } from '../lib/suite.mjs';
import { askCode, codeSentTo, newPhone, signIn, typeCode } from '../lib/person.mjs';

const { test } = suite('nojs-people', { javaScript: false });

test('a person signs in by phone, has an account, and signs out', async (person) => {
  const phone = newPhone();
  await person.open('/');
  await person.get('account-link').click();
  await person.look('1-sign-in');
  const code = await askCode(person, phone);
  await person.look('2-code');
  await typeCode(person, code);
  await person.get('account').waitFor();
  await person.look('3-account');
  await person.get('name').fill('Айгүл Токтогулова');
  await person.get('save-name').click();
  assert.match(await person.text('account'), /Айгүл/);
  await person.page.goBack();
  await person.page.reload();
  await person.get('sign-out').click();
  await person.open('/account');
  await person.get('send-code').waitFor();
});

for (const [locale, title] of [['ky-KG', /Кирүү|кирүү/], ['en-GB', /Sign in/]]) {
  test(`the pages speak ${locale}`, { locale, colorScheme: 'dark' }, async (person) => {
    await person.open('/sign-in');
    assert.match(await person.text('sign-in'), title);
    await person.look(`1-sign-in-${locale}`);
    await signIn(person, newPhone());
    await person.look(`3-account-${locale}`);
  });
}

test('a wrong phone and a wrong code come back with a message at the field', async (person) => {
  person.watch.expect(/^answer 422: POST/, /console error: Failed to load resource/);
  await person.open('/sign-in');
  await person.get('phone').fill('0700 12');
  await person.get('send-code').click();
  await person.get('field-error-phone').waitFor();
  assert.equal(await person.get('phone').inputValue(), '0700 12', 'what was typed is kept');
  const code = await askCode(person, newPhone());
  await typeCode(person, code === '000000' ? '111111' : '000000');
  await person.get('field-error-code').waitFor();
  await person.look('4-wrong-code');
  await typeCode(person, code);
  await person.get('account').waitFor();
});

test('a phone is not flooded with codes', async (person, demo, another) => {
  const phone = newPhone();
  await signIn(person, phone);
  const other = await another({ viewport: { width: 1280, height: 900 }, colorScheme: 'dark' });
  other.watch.expect(/^answer 429: POST/, /console error: Failed to load resource/);
  // A second code to the same phone within a minute is refused, and the page says when to ask again.
  await other.open('/sign-in');
  await other.get('phone').fill(phone);
  await other.get('send-code').click();
  await other.get('banner').waitFor();
  await other.look('5-asked-too-often');
  await other.leave({ failed: false });
  await person.open('/account');
  assert.equal(await person.page.getByTestId('session').count(), 1);
});

test('the account: number, data and end', { viewport: { width: 1280, height: 900 } }, async (person, demo) => {
  const [phone, other] = [newPhone(), newPhone()];
  await signIn(person, phone);
  await person.look('6-account-desk');
  await person.get('change-phone').click();
  await person.look('7-phone-change');
  const known = (await demo.messages(phone)).length;
  await person.get('phone').fill(other);
  await person.get('send-codes').click();
  await person.look('8-phone-codes');
  await person.get('old_code').fill(await codeSentTo(demo, phone, known));
  await person.get('new_code').fill(await codeSentTo(demo, other));
  await person.get('confirm-phone').click();
  await person.get('account').waitFor();
  assert.equal((await person.text('account-phone')).replace(/\D/g, '').slice(-9), other.replace(/\D/g, '').slice(-9));
  const [download] = await Promise.all([person.page.waitForEvent('download'), person.get('export').click()]);
  assert.equal(download.suggestedFilename(), 'red-petroleum-ev.json');

  await person.get('delete-account').click();
  await person.look('9-delete');
  const before = (await demo.messages(other)).length;
  await person.get('delete-send').click();
  await person.get('code').fill(await codeSentTo(demo, other, before));
  await person.get('delete-now').click();
  await person.get('deleted').waitFor();
  await person.open('/account');
  await person.get('send-code').waitFor();
});
