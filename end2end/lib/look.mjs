// What is asked of every page that a test visits.

import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { HtmlValidate, StaticConfigLoader } from 'html-validate/node';

const require = createRequire(import.meta.url);
const axeSource = await readFile(require.resolve('axe-core/axe.min.js'), 'utf8');
export const artifacts = fileURLToPath(new URL('../artifacts/', import.meta.url));
await mkdir(artifacts, { recursive: true });

/** WCAG 2.2 AA and what axe calls good practice. */
const AXE_TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** The rules of the HTML standard; style (void elements, inline styles, …) is not the standard's business. */
const validator = new HtmlValidate(
  new StaticConfigLoader({
    root: true,
    extends: ['html-validate:standard', 'html-validate:a11y'],
    rules: {
      // Leptos writes <br> and attributes in its own order and quotes only what needs it.
      'void-style': 'off',
      'attr-quotes': 'off',
      'doctype-style': 'off',
      'no-trailing-whitespace': 'off',
      'attribute-boolean-style': 'off',
      'attribute-empty-style': 'off',
      // Islands are custom elements of Leptos.
      'element-name': 'off',
      'long-title': 'off',
      'tel-non-breaking': 'off',
      // Sections here are named by their headings; a landmark each would only make noise for screen readers.
      'unique-landmark': 'off',
      // With JavaScript off a page that waits for the payment or the charger must ask again; it says so, and a person can reload.
      'meta-refresh': 'off',
    },
  }),
);

/** axe-core on the page as it stands. It needs a browser that runs scripts: see `twin`. */
export async function assertAccessible(page) {
  await page.evaluate(axeSource);
  const findings = await page.evaluate(async (tags) => {
    const results = await window.axe.run(document, { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'] });
    return results.violations.map((v) => ({ id: v.id, impact: v.impact, help: v.help, where: v.nodes.map((n) => `${n.target.join(' ')}: ${n.failureSummary}`) }));
  }, AXE_TAGS);
  if (findings.length > 0) {
    throw new Error(`axe-core:\n${findings.map((f) => `  ${f.id} (${f.impact}): ${f.help}\n    ${f.where.join('\n    ').replaceAll('\n', '\n    ')}`).join('\n')}`);
  }
}

/**
 * The same document in a browser that runs scripts, but without its own scripts. axe-core waits for timers, and they stand still
 * where JavaScript is off.
 */
export async function twin(page, { colorScheme }) {
  const context = await page.context().browser().newContext({ viewport: page.viewportSize(), colorScheme, reducedMotion: 'reduce' });
  const copy = await context.newPage();
  const html = (await page.content()).replaceAll(/<script\b[^>]*>.*?<\/script>/gs, '').replaceAll(/<noscript>.*?<\/noscript>/gs, '');
  await copy.route(page.url(), (route) => route.fulfill({ contentType: 'text/html; charset=utf-8', body: html }));
  await copy.goto(page.url(), { waitUntil: 'load' });
  return copy;
}

/** The HTML as the server sent it, not as the browser repaired it. */
export async function assertValidHtml(html, name) {
  // Leptos marks places by `<!>`, which browsers read as an empty comment.
  const report = await validator.validateString(html.replaceAll('<!>', '<!---->'), `${name}.html`);
  if (report.valid) return;
  const messages = report.results.flatMap((result) => result.messages.filter((m) => m.severity === 2));
  throw new Error(`invalid HTML:\n${messages.map((m) => `  ${m.line}:${m.column} ${m.ruleId}: ${m.message}`).join('\n')}`);
}

/** Nothing is wider than the screen (WCAG 1.4.10), and what is touched is large enough (2.5.8, our own bar is higher). */
export async function assertFits(page) {
  const wide = await page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    const hidden = (element) => element.closest('.sr-only, .skip, [hidden]') !== null || getComputedStyle(element).visibility === 'hidden';
    return [...document.body.querySelectorAll('*')]
      .filter((element) => {
        const box = element.getBoundingClientRect();
        return box.width > 0 && (box.right > width + 1 || box.left < -1) && !hidden(element);
      })
      .slice(0, 5)
      .map((element) => `<${element.localName} class="${element.getAttribute('class') ?? ''}"> ends at ${Math.round(element.getBoundingClientRect().right)} of ${width} px`);
  });
  if (wide.length > 0) throw new Error(`wider than the screen:\n  ${wide.join('\n  ')}`);
  const small = await page.evaluate(() =>
    [...document.querySelectorAll('button, a.button, input:not([type=hidden]), select, .chip')]
      .filter((element) => {
        const target = element.matches('input[type=radio], input[type=checkbox]') ? (element.closest('label') ?? element) : element;
        const box = target.getBoundingClientRect();
        return box.width > 0 && (box.height < 44 || box.width < 44);
      })
      .map((element) => `<${element.localName} ${element.dataset.testid ?? element.textContent.trim()}>`),
  );
  if (small.length > 0) throw new Error(`smaller than 44 px: ${small.join(', ')}`);
}

/** A picture for people to look at. */
export function picture(page, name) {
  return page.screenshot({ path: path.join(artifacts, `${name}.png`), fullPage: true, animations: 'disabled' });
}

/** What helps to understand a failure. */
export async function evidence(page, name) {
  await picture(page, `FAILED-${name}`).catch(() => {});
  await page
    .content()
    .then((html) => writeFile(path.join(artifacts, `FAILED-${name}.html`), html))
    .catch(() => {});
}
