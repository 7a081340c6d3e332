// Finance's pages with JavaScript off.

import { suite } from '../lib/suite.mjs';
import { aDayOfFinance, anAdministratorsLook } from '../lib/finance.mjs';

const { test } = suite('nojs-finance', { javaScript: false });
const DESK = { viewport: { width: 1280, height: 900 } };

test('finance decides, sends back, corrects and compares', DESK, async (finance, _, arrive) => {
  await aDayOfFinance(finance, arrive);
});

test('an administrator reads who did what', DESK, async (admin) => {
  await anAdministratorsLook(admin);
});
