// What a person reads in a PDF, by Debian's poppler-utils.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** The text of a PDF. */
export async function pdfText(bytes) {
  const run = promisify(execFile)('pdftotext', ['-layout', '-', '-'], { encoding: 'utf8' });
  run.child.stdin.end(bytes);
  return (await run).stdout;
}
