// The table of a run: assertions by chapter, a column of results for each subject, reasons below or behind.

import { wrapped } from './text.mjs';

const chapterTitles = {
  stun_base: 'STUN', authentication: 'Authentication', allocate: 'Allocate', refresh: 'Refresh', permissions: 'Permissions',
  send_data: 'Send, Data and ICMP', channels: 'Channels', packets: 'Packets', tcp_relay: 'TCP allocations', mobility: 'Mobility',
  third_party: 'Third-party authorization', behaviour_discovery: 'Behaviour discovery', transports: 'TLS and DTLS',
};
export const chapterTitle = (name) => chapterTitles[name] ?? name;

const words = { pass: 'pass', fail: 'FAIL', 'n/a': 'n/a', core: 'core' };
const colours = { pass: 32, fail: 31, 'n/a': 2, core: 36 };

export const count = (results) => {
  const totals = { pass: 0, fail: 0, 'n/a': 0, core: 0 };
  for (const { result } of results) totals[result] += 1;
  return totals;
};

/** "118 pass, 0 fail, 2 n/a, 4 core". */
export function totalsText(totals) {
  const parts = [`${totals.pass} pass`, `${totals.fail} fail`, `${totals['n/a']} n/a`];
  if (totals.core > 0) parts.push(`${totals.core} core`);
  return parts.join(', ');
}

/**
 * @param columns  [{name, results}], results in the order of the assertions
 * @param stream   where it goes: a terminal gets colours and lines of its width, a pipe whole lines
 */
export function printTable(columns, stream = process.stdout) {
  const terminal = stream.isTTY && !process.env.NO_COLOR;
  const width = stream.isTTY ? Math.max(60, stream.columns ?? 80) : Infinity;
  const paint = (code, text) => (terminal ? `\x1b[${code}m${text}\x1b[0m` : text);
  const line = (text = '') => stream.write(`${text.trimEnd()}\n`);
  const several = columns.length > 1;
  const wide = columns.map(({ name }) => (several ? Math.max(4, name.length) : 4));
  const rows = columns[0].results.map((_, i) => columns.map(({ results }) => results[i]));
  const sectionWidth = Math.min(26, Math.max(...rows.map(([{ assertion }]) => assertion.section.length)));
  const head = wide.reduce((sum, one) => sum + one + 2, 0);

  let chapter;
  for (const row of rows) {
    const { assertion } = row[0];
    if (assertion.chapter !== chapter) {
      ({ chapter } = assertion);
      line();
      line(paint(1, chapterTitle(chapter)));
      if (several) line(paint(2, columns.map(({ name }, i) => name.padEnd(wide[i])).join('  ')));
    }
    const marks = row.map(({ result }, i) => paint(colours[result], words[result].padEnd(wide[i]))).join('  ');
    const indent = head + 5;
    const [first, ...more] = wrapped(`${assertion.section.padEnd(sectionWidth)}  ${assertion.title}`, width - indent, sectionWidth + 2);
    line(`${marks}  ${String(assertion.number).padStart(3)}  ${first}`);
    for (const text of more) line(`${' '.repeat(indent)}${text}`);
    row.forEach(({ result, reason }, i) => {
      if (!reason) return;
      const whose = several ? `${columns[i].name}: ` : '';
      for (const text of wrapped(`${whose}${reason}`, width - indent - sectionWidth - 2, 0)) {
        line(`${' '.repeat(indent + sectionWidth + 2)}${paint(result === 'fail' ? 31 : 2, text)}`);
      }
    });
  }
  line();
  for (const { name, results } of columns) line(`${paint(1, name)}: ${totalsText(count(results))}`);
  if (columns.some(({ results }) => results.some(({ result }) => result === 'core'))) {
    line(paint(2, 'core: a test of our own holds it, by a manual clock where it is about minutes (--slow waits instead)'));
  }
}
