// What ./dev bench measures. A measurement has variants; each is measured on every server in every round, and gives one
// value, which is better when it is higher (or lower, where `lower` says so). With `realtime` each server is measured at a
// real-time priority too; `tls` gives the servers a TLS listener; `more` names servers to measure too, `servers` the only ones, `base` whose value another's is compared with (coturn's).

import { load } from './load.mjs';
import { openLoopback } from './loopback.mjs';
import { openWire } from './wire.mjs';

const directions = ['to-peer', 'to-client'];
const kWireLoss = 0.02; // a wire has 256 places, and a virtual machine pauses: less says nothing of the server
const kLoopbackLoss = '0.1%';

function product(...lists) {
  return lists.reduce((all, list) => all.flatMap((one) => list.map((next) => ({ ...one, ...next }))), [{}]);
}
const allocations = (...counts) => counts.map((count) => ({ allocations: count }));
const sizes = (...bytes) => bytes.map((size) => ({ size }));
const bothWays = directions.map((direction) => ({ direction }));
const common = (variant) => ['--allocations', variant.allocations, '--size', variant.size, '--direction', variant.direction];

async function frames(context, variant, pps, more = []) {
  return load(context.setup, context.server, context.port, 'frames', [
    ...context.setup.frameFlags, ...common(variant), ...(context.kind.bare ? ['--bare', context.kind.bare, '--relayed', context.setup.place.relayed] : []), '--pps', pps, '--duration', context.seconds, '--warm-up', 0.5, ...more,
  ]);
}

// The highest rate of a ladder whose loss is within bounds, and what a packet cost there.
async function climb(context, variant, more = []) {
  let best, failures = 0;
  for (let pps = 40_000; pps < 3_000_000 && failures < 2; pps = Math.round(pps * 1.25)) {
    const step = await frames(context, variant, pps, more);
    if (step.saturated) break;
    if (step.loss <= kWireLoss) best = step;
    else failures += 1;
  }
  return best;
}

async function capacity(context, variant, more = []) {
  return load(context.setup, context.server, context.port, 'find-capacity', [
    ...common(variant), '--from', 40_000, '--step', 1.4, '--resolution', 4, '--slo', `loss<${kLoopbackLoss}`, '--duration', context.seconds,
    '--warm-up', 0.3, '--drain', 0.3, ...more,
  ]);
}

async function streams(context, port, variant, transport) {
  const result = await load(context.setup, context.server, port, 'relay', [...transport, ...common(variant), '--pps', 60_000, '--duration', context.seconds, '--warm-up', 0.5]);
  return { value: result.server_cpu.packets_per_cpu_second, loss: result.loss, disturbed: result.disturbed, saturated: result.saturated };
}

export const measurements = {
  wire: {
    title: 'Packets per CPU-second at the highest rate within 2 % loss, on wires',
    unit: 'packets/CPU-s',
    open: openWire,
    variants: product(sizes(120), allocations(1_000, 10_000), bothWays),
    async measure(context, variant) {
      const best = await climb(context, variant);
      return best && { value: best.packets_per_cpu_second, rate: best.packets_per_second, disturbed: best.disturbed };
    },
  },
  bare: {
    title: 'The same beside a bare recvmmsg/sendmmsg forwarder with the same sockets, ratios to that',
    unit: 'packets/CPU-s',
    servers: ['sockets', 'bare-sockets', 'range', 'bare-range'],
    base: (server) => `bare-${server}`,
    open: openWire,
    variants: product(sizes(120), allocations(1_000), bothWays),
    measure: (context, variant) => measurements.wire.measure(context, variant),
  },
  'wire-sizes': {
    title: 'The same with small and large packets',
    unit: 'packets/CPU-s',
    open: openWire,
    variants: product(sizes(60, 1_200), allocations(100), bothWays),
    measure: (context, variant) => measurements.wire.measure(context, variant),
  },
  'wire-burst': {
    title: 'The same with bursts of 1,200 bytes in one flow',
    unit: 'packets/CPU-s',
    open: openWire,
    variants: product([{ burst: 8 }, { burst: 32 }], sizes(1_200), allocations(100), bothWays),
    async measure(context, variant) {
      const best = await climb(context, variant, ['--burst', variant.burst]);
      return best && { value: best.packets_per_cpu_second, rate: best.packets_per_second, disturbed: best.disturbed };
    },
  },
  overload: {
    title: 'Packets delivered per second when far more are offered',
    unit: 'packets/s',
    realtime: true,
    open: openWire,
    variants: product([{ offered: 400_000 }, { offered: 2_000_000 }], sizes(120), allocations(1_000), [{ direction: 'to-peer' }]),
    async measure(context, variant) {
      const result = await frames(context, variant, variant.offered);
      // A moment later all is as before: a control request is answered.
      const after = await load(context.setup, context.server, context.port, 'alloc', ['--allocations', 10, '--timeout', 1]);
      return { value: result.packets_per_second, disturbed: result.disturbed, answers: after.made === 10 };
    },
  },
  loopback: {
    title: 'Highest rate within 0.1 % loss, on loopback',
    unit: 'packets/s',
    open: openLoopback,
    variants: product(sizes(120), allocations(100, 1_000, 10_000), bothWays),
    async measure(context, variant) {
      const result = await capacity(context, variant);
      return { value: result.capacity_packets_per_second, cost: result.packets_per_cpu_second, disturbed: result.disturbed, saturated: result.saturated };
    },
  },
  'loopback-burst': {
    title: 'Highest rate within 0.1 % loss with bursts of 1,200 bytes in one flow, on loopback',
    unit: 'packets/s',
    open: openLoopback,
    variants: product([{ burst: 8 }, { burst: 32 }], sizes(1_200), allocations(100), bothWays),
    async measure(context, variant) {
      const result = await capacity(context, variant, ['--burst', variant.burst, '--gso']);
      return { value: result.capacity_packets_per_second, disturbed: result.disturbed, saturated: result.saturated };
    },
  },
  part: {
    title: 'Packets per CPU-second at 100,000 packets/s, on loopback',
    unit: 'packets/CPU-s',
    open: openLoopback,
    variants: product(sizes(120), allocations(1_000, 10_000), bothWays),
    async measure(context, variant) {
      const result = await load(context.setup, context.server, context.port, 'relay', [...common(variant), '--pps', 100_000, '--duration', context.seconds, '--warm-up', 0.5]);
      return { value: result.server_cpu.packets_per_cpu_second, loss: result.loss, disturbed: result.disturbed, saturated: result.saturated };
    },
  },
  latency: {
    more: ['forwarding'],
    realtime: true,
    title: 'One-way latency through the relay, on wires',
    unit: 'µs p99',
    lower: true,
    open: openWire,
    variants: product([{ pps: 5_000 }, { pps: 50_000 }, { pps: 100_000 }], sizes(120), allocations(100), [{ direction: 'to-peer' }]),
    async measure(context, variant) {
      const direct = context.kind.routes ? ['--direct'] : [];
      const result = await load(context.setup, context.server, context.port, 'relay', [...direct, ...common(variant), '--pps', variant.pps, '--duration', context.seconds, '--warm-up', 0.5, '--spin']);
      return { value: result.latency.p99_us, p50: result.latency.p50_us, p999: result.latency.p99_9_us, loss: result.loss, disturbed: result.disturbed, saturated: result.saturated };
    },
  },
  memory: {
    title: 'Memory of an idle allocation with permission and channel, the kernel\'s included',
    unit: 'bytes',
    lower: true,
    open: openLoopback,
    variants: allocations(10_000),
    async measure(context, variant) {
      const result = await load(context.setup, context.server, context.port, 'alloc', ['--allocations', variant.allocations, '--hold', 1]);
      const { resident_bytes_per_allocation: resident, kernel_slab_bytes_per_allocation: slab } = result.memory;
      return { value: resident + slab, resident, slab, descriptors: result.memory.descriptors_per_allocation };
    },
  },
  setup: {
    title: 'Authenticated set-ups (401, Allocate, ChannelBind) per CPU-second, on loopback',
    unit: 'set-ups/CPU-s',
    open: openLoopback,
    variants: allocations(10_000),
    async measure(context, variant) {
      const result = await load(context.setup, context.server, context.port, 'alloc', ['--allocations', variant.allocations]);
      return { value: result.server_cpu.packets_per_cpu_second, rate: result.packets_per_second, disturbed: result.disturbed };
    },
  },
  tcp: {
    title: 'Packets per CPU-second for clients over TCP at 60,000 packets/s, on loopback',
    unit: 'packets/CPU-s',
    open: openLoopback,
    variants: product(sizes(120), allocations(100), bothWays),
    measure: (context, variant) => streams(context, context.port, variant, ['--transport', 'tcp']),
  },
  tls: {
    title: 'Packets per CPU-second for clients over TLS at 60,000 packets/s, on loopback',
    unit: 'packets/CPU-s',
    tls: true,
    open: openLoopback,
    variants: product(sizes(120), allocations(100), bothWays),
    measure: (context, variant) => streams(context, context.server.tlsPort, variant, ['--transport', 'tls', '--insecure']),
  },
  pairs: {
    title: 'Packets per CPU-second between two relayed addresses at 50,000 packets/s, on loopback',
    unit: 'packets/CPU-s',
    open: openLoopback,
    variants: product(sizes(120), allocations(1_000), [{ direction: 'both' }]),
    async measure(context, variant) {
      const result = await load(context.setup, context.server, context.port, 'relay', ['--relay-to-relay', '--allocations', variant.allocations, '--size', variant.size, '--pps', 50_000, '--duration', context.seconds, '--warm-up', 0.5]);
      return { value: result.server_cpu.packets_per_cpu_second, loss: result.loss, disturbed: result.disturbed, saturated: result.saturated };
    },
  },
};

measurements.inside = {
  title: 'What a packet between two relayed addresses of a node costs, in percent of two relays, at 50,000 packets/s on loopback',
  unit: '% of two relays',
  lower: true,
  servers: ['sockets', 'range'],
  base: () => undefined,
  open: openLoopback,
  // With two workers half of the pairs are on one, and half cross.
  variants: product([{ workers: 1 }, { workers: 2 }], sizes(120), allocations(1_000), [{ direction: 'both' }]),
  async measure(context, variant) {
    const flags = ['--allocations', variant.allocations, '--size', variant.size, '--pps', 50_000, '--duration', context.seconds, '--warm-up', 0.5];
    const through = await load(context.setup, context.server, context.port, 'relay', ['--direction', 'both', ...flags]);
    const inside = await load(context.setup, context.server, context.port, 'relay', ['--relay-to-relay', ...flags]);
    return {
      value: (100 * through.server_cpu.packets_per_cpu_second) / (2 * inside.server_cpu.packets_per_cpu_second),
      disturbed: Math.max(through.disturbed, inside.disturbed),
    };
  },
};

/** "1,000 allocations, 120 bytes, to-peer". */
export function describe(variant) {
  const words = [];
  if (variant.pps) words.push(`${variant.pps.toLocaleString('en')} packets/s`);
  if (variant.offered) words.push(`${variant.offered.toLocaleString('en')} offered`);
  if (variant.workers) words.push(variant.workers === 1 ? 'one worker' : `${variant.workers} workers`);
  if (variant.burst) words.push(`bursts of ${variant.burst}`);
  words.push(`${variant.allocations.toLocaleString('en')} allocations`);
  if (variant.size) words.push(`${variant.size.toLocaleString('en')} bytes`);
  if (variant.direction) words.push(variant.direction);
  return words.join(', ');
}
