// Tables and plots of the suite's results, for a terminal and for docs/performance.md.

import { describe, measurements } from './measurements.mjs';
import { ratio, spread } from './statistics.mjs';

const toCoturn = () => 'coturn';

/** Rows of one measurement: {variant, cells: {server: {value, ratio}}}, ratios to coturn (or `base`) in the same round. */
export function rowsOf(name, results) {
  const { variants, lower, base = toCoturn } = measurements[name];
  const rows = [];
  for (const variant of variants) {
    const text = describe(variant), cells = {};
    const of = (server) => results.filter((one) => one.measurement === name && one.variant === text && one.server === server);
    const byRound = (server) => {
      const values = [];
      for (const one of of(server)) values[one.round] = one.value;
      return values;
    };
    for (const server of new Set(results.filter((one) => one.measurement === name).map((one) => one.server))) {
      const values = byRound(server), known = values.filter(Number.isFinite);
      if (known.length === 0) continue;
      const others = byRound(base(server));
      cells[server] = { value: spread(known), ratio: server === base(server) ? undefined : lower ? ratio(others, values) : ratio(values, others) };
    }
    if (Object.keys(cells).length > 0) rows.push({ text, cells });
  }
  return rows;
}

function number(value) {
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M`;
  if (value >= 10_000) return `${Math.round(value / 1000)} k`;
  if (value >= 1000) return `${(value / 1000).toFixed(1)} k`;
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
}

function cell({ value, ratio: times }) {
  return times ? `${number(value.median)} (×${times.median.toFixed(2)}, ${times.low.toFixed(2)}–${times.high.toFixed(2)})` : number(value.median);
}

export function serversOf(rows) {
  return [...new Set(rows.flatMap((row) => Object.keys(row.cells)))];
}

/** A Markdown table. */
export function table(name, results) {
  const rows = rowsOf(name, results), servers = serversOf(rows), { unit, lower } = measurements[name];
  const lines = [`| ${unit}${lower ? ', less is better' : ''} | ${servers.join(' | ')} |`, `|---|${servers.map(() => '---:').join('|')}|`];
  for (const row of rows) lines.push(`| ${row.text} | ${servers.map((server) => (row.cells[server] ? cell(row.cells[server]) : '–')).join(' | ')} |`);
  return lines.join('\n');
}

/** The same for a terminal. */
export function printed(name, results) {
  const rows = rowsOf(name, results), servers = serversOf(rows);
  const columns = [[measurements[name].unit, ...rows.map((row) => row.text)], ...servers.map((server) => [server, ...rows.map((row) => (row.cells[server] ? cell(row.cells[server]) : '–'))])];
  const widths = columns.map((column) => Math.max(...column.map((text) => text.length)));
  const lines = columns[0].map((_, line) => columns.map((column, at) => (at === 0 ? column[line].padEnd(widths[at]) : column[line].padStart(widths[at]))).join('  '));
  return [measurements[name].title, ...lines.map((line) => `  ${line}`)].join('\n');
}

const kColours = { sockets: '#4c78a8', range: '#f58518', other: '#54a24b' };

/** Bars of ratios to coturn with their quartiles, as a self-contained SVG. */
export function plot(name, results) {
  const rows = rowsOf(name, results).filter((row) => Object.values(row.cells).some((one) => one.ratio));
  if (rows.length === 0) return undefined;
  const servers = serversOf(rows).filter((server) => rows.some((row) => row.cells[server]?.ratio));
  const highest = Math.max(1.5, ...rows.flatMap((row) => servers.map((server) => row.cells[server]?.ratio?.high ?? 0))) * 1.1;
  const left = 300, width = 460, bar = 14, gap = 12, top = 56;
  const rowHeight = servers.length * (bar + 2) + gap, height = top + rows.length * rowHeight + 30;
  const x = (value) => left + (value / highest) * width;
  const escape = (text) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;');
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${left + width + 60} ${height}" font-family="sans-serif" font-size="12" fill="#222">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    `<text x="16" y="22" font-size="15" font-weight="bold">${escape(measurements[name].title)}</text>`,
    `<text x="16" y="40" fill="#666">ratio to ${measurements[name].base ? 'a bare forwarder' : 'coturn 4.6.1'} in the same round: median and quartiles${measurements[name].lower ? '; coturn\'s figure over ours' : ''}</text>`,
  ];
  const step = highest > 8 ? 2 : highest > 3 ? 1 : 0.5;
  for (let tick = 0; tick <= highest; tick += step) {
    parts.push(`<line x1="${x(tick)}" y1="${top - 6}" x2="${x(tick)}" y2="${height - 22}" stroke="${tick === 1 ? '#888' : '#e4e4e4'}"/>`);
    parts.push(`<text x="${x(tick)}" y="${height - 8}" text-anchor="middle" fill="#666">×${tick}</text>`);
  }
  rows.forEach((row, index) => {
    const y = top + index * rowHeight;
    parts.push(`<text x="${left - 8}" y="${y + (rowHeight - gap) / 2 + 4}" text-anchor="end">${escape(row.text)}</text>`);
    servers.forEach((server, at) => {
      const times = row.cells[server]?.ratio;
      if (!times) return;
      const by = y + at * (bar + 2);
      parts.push(`<rect x="${left}" y="${by}" width="${x(times.median) - left}" height="${bar}" fill="${kColours[server] ?? kColours.other}"/>`);
      parts.push(`<line x1="${x(times.low)}" y1="${by + bar / 2}" x2="${x(times.high)}" y2="${by + bar / 2}" stroke="#222" stroke-width="1.5"/>`);
      parts.push(`<text x="${x(times.high) + 5}" y="${by + bar - 3}" font-size="11">${times.median.toFixed(2)} ${server}</text>`);
    });
  });
  parts.push('</svg>');
  return parts.join('\n');
}
