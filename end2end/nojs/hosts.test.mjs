// One site under unrelated names. A file of its own: all people of a file share the hourly limit of their one address.

import assert from 'node:assert/strict';
import { suite } from '../lib/suite.mjs';
import { newPhone, signIn } from '../lib/person.mjs';

const { test } = suite('nojs-hosts', {
  javaScript: false,
  demo: { hosts: 'one.test=one.test,*.one.test=one.test,two.test=two.test' },
});

test('unrelated domains work side by side, and an unknown one is refused', async (person, demo) => {
  const { port } = new URL(demo.site);
  const at = (host) => `http://${host}:${port}`;
  // These names have no TLS here, and the browser says which header it passes over for that.
  person.watch.expect(/^answer 421/, /console error: Failed to load resource/, /Cross-Origin-Opener-Policy header has been ignored/);
  const phone = newPhone();
  await signIn(person, phone, at('one.test') + '/sign-in');
  await person.page.goto(at('www.one.test') + '/account');
  await person.get('account').waitFor();
  await person.page.goto(at('two.test') + '/account');
  await person.get('send-code').waitFor();
  const other = newPhone();
  await signIn(person, other, at('two.test') + '/sign-in');
  await person.page.goto(at('one.test') + '/account');
  assert.equal((await person.text('account-phone')).replace(/\D/g, '').slice(-9), phone.replace(/\D/g, '').slice(-9));
  const refused = await person.page.goto(at('evil.test') + '/');
  assert.equal(refused.status(), 421);
  await person.page.goto(at('one.test') + '/account');
});
