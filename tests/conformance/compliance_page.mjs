// docs/rfc-compliance.md, from a run.

import { chapterTitle, count, totalsText } from './table.mjs';

const cell = (text) => text.replaceAll('|', '\\|').replace(/[\s\x00-\x1f]+/g, ' ');
const words = { pass: 'pass', fail: '**fail**', 'n/a': 'n/a', core: 'core' };

/** @param columns [{name, version, results}], ours first */
export function compliancePage(columns, { slow = false } = {}) {
  const [ours, ...others] = columns;
  const title = ({ name, version }) => (version ? `${name} ${version}` : name);
  const lines = [
    '# RFC compliance',
    '',
    `What the RFCs demand of a STUN and TURN server, as ${ours.results.length} assertions, and what a server does with each over real sockets.`,
    `Written by \`./dev conformance${others.length ? ' --coturn' : ''}${slow ? ' --slow' : ''} --write\`; any server can be tried with`,
    '`./dev conformance --server HOST:PORT …`. The same assertions are tests of every change (`./dev test conformance`, with 1, 2',
    'and 4 workers).',
    '',
    '| | |',
    '|---|---|',
    '| pass | it was seen to hold |',
    '| **fail** | what was seen instead is said beside it |',
    '| n/a | the server does not have what the assertion is about |',
    ...(ours.results.some(({ result }) => result === 'core') ? ['| core | held by the test named beside it: about minutes of time, which it has by a manual clock, or not to be seen from outside |'] : []),
    '',
    ...columns.map((column) => `- ${title(column)}: ${totalsText(count(column.results))}`),
    '',
  ];
  if (others.some(({ name }) => name === 'coturn')) {
    lines.push(
      "coturn is Debian 12's, configured for each assertion as far as it can be; newer versions do some of this better. It is here for",
      'comparison: a list that only its author passes says little, and one that nobody fails even less.',
      '',
    );
  }
  let chapter;
  ours.results.forEach((result, i) => {
    const { assertion } = result;
    if (assertion.chapter !== chapter) {
      ({ chapter } = assertion);
      lines.push(
        ...(i ? [''] : []), `## ${chapterTitle(chapter)}`, '',
        `| | section | assertion | ${columns.map(({ name }) => name).join(' | ')} |`, `|---|---|---|${columns.map(() => '---|').join('')}`,
      );
    }
    const told = columns.map(({ results }) => {
      const { result: word, reason } = results[i];
      return reason ? `${words[word]}: ${cell(reason)}` : words[word];
    });
    const deviation = assertion.decision ? ` ([decision](decisions/${assertion.decision}))` : '';
    lines.push(`| ${assertion.number} | ${cell(assertion.section)} | ${cell(assertion.title)}${deviation} | ${told.join(' | ')} |`);
  });
  lines.push('', `The tests are \`tests/conformance/chapters/*.mjs\`, one file a chapter: ${[...new Set(ours.results.map(({ assertion }) => assertion.chapter))].map((one) => `\`${one}\``).join(', ')}.`, '');
  return lines.join('\n');
}
