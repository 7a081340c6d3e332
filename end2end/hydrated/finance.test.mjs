// Finance's pages with the islands awake.

import { suite } from '../lib/suite.mjs';
import { aDayOfFinance, anAdministratorsLook } from '../lib/finance.mjs';

const { test } = suite('hydrated-finance', { javaScript: true });
const DESK = { viewport: { width: 1280, height: 900 } };

test('finance decides, sends back, corrects and compares', DESK, async (finance, _, arrive) => {
  await aDayOfFinance(finance, arrive);
});

test('an administrator reads who did what', DESK, async (admin) => {
  await anAdministratorsLook(admin);
});
