/** The numbers of one pair, as the selected candidate pair and the received stream show them. */
export interface LinkStats {
  localType: string | undefined; // host | srflx | prflx | relay
  remoteType: string | undefined;
  protocol: string | undefined; // udp | tcp, between the two candidates
  relayProtocol: string | undefined; // udp | tcp | tls, between us and our relay
  rttMs: number | undefined;
  packetsReceived: number;
  packetsLost: number;
  jitterMs: number | undefined;
  bytesReceived: number;
  totalAudioEnergy: number;
  audioLevel: number | undefined;
  packetsSent: number;
}

export const kNoStats: LinkStats = {
  localType: undefined,
  remoteType: undefined,
  protocol: undefined,
  relayProtocol: undefined,
  rttMs: undefined,
  packetsReceived: 0,
  packetsLost: 0,
  jitterMs: undefined,
  bytesReceived: 0,
  totalAudioEnergy: 0,
  audioLevel: undefined,
  packetsSent: 0,
};

type Entry = Record<string, unknown> & { id: string; type: string };
type Report = Iterable<Entry> & { get(id: string): Entry | undefined };

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

// Chromium names the pair in the transport; Firefox marks it.
function selectedPair(entries: Entry[], report: Report): Entry | undefined {
  for (const entry of entries) {
    if (entry.type !== 'transport') continue;
    const id = text(entry.selectedCandidatePairId);
    const pair = id === undefined ? undefined : report.get(id);
    if (pair) return pair;
  }
  const pairs = entries.filter((entry) => entry.type === 'candidate-pair');
  return pairs.find((pair) => pair.selected === true) ?? pairs.find((pair) => pair.nominated === true && pair.state === 'succeeded');
}

export function deriveStats(report: Report): LinkStats {
  const entries = [...report];
  const stats = { ...kNoStats };
  const pair = selectedPair(entries, report);
  if (pair) {
    const local = report.get(String(pair.localCandidateId));
    const remote = report.get(String(pair.remoteCandidateId));
    stats.localType = text(local?.candidateType);
    stats.remoteType = text(remote?.candidateType);
    stats.protocol = text(local?.protocol);
    stats.relayProtocol = stats.localType === 'relay' ? text(local?.relayProtocol) : undefined;
    const rtt = number(pair.currentRoundTripTime);
    stats.rttMs = rtt === undefined ? undefined : Math.round(rtt * 1000);
  }
  for (const entry of entries) {
    if (entry.type === 'inbound-rtp' && entry.kind === 'audio') {
      stats.packetsReceived += number(entry.packetsReceived) ?? 0;
      stats.packetsLost += number(entry.packetsLost) ?? 0;
      stats.bytesReceived += number(entry.bytesReceived) ?? 0;
      stats.totalAudioEnergy += number(entry.totalAudioEnergy) ?? 0;
      stats.audioLevel = number(entry.audioLevel) ?? stats.audioLevel;
      const jitter = number(entry.jitter);
      stats.jitterMs = jitter === undefined ? stats.jitterMs : Math.round(jitter * 1000);
    } else if (entry.type === 'outbound-rtp' && entry.kind === 'audio') {
      stats.packetsSent += number(entry.packetsSent) ?? 0;
    }
  }
  return stats;
}

export async function readStats(pc: RTCPeerConnection): Promise<LinkStats> {
  const report = await pc.getStats();
  return deriveStats({
    [Symbol.iterator]: () => (report as unknown as Map<string, Entry>).values(),
    get: (id) => (report as unknown as Map<string, Entry>).get(id),
  });
}

export interface Badge {
  kind: 'direct' | 'relay' | 'unknown';
  label: string;
  detail: string;
}

/** What the person sees of the path: whether a relay is in it, and how it is reached. */
export function badgeOf(stats: Pick<LinkStats, 'localType' | 'remoteType' | 'protocol' | 'relayProtocol'>): Badge {
  const { localType, remoteType } = stats;
  if (!localType || !remoteType) return { kind: 'unknown', label: 'Connecting', detail: 'No path has been chosen yet' };
  if (localType === 'relay') {
    const way = (stats.relayProtocol ?? stats.protocol ?? 'udp').toUpperCase();
    const both = remoteType === 'relay' ? 'both sides use a relay' : 'our side uses a relay';
    return { kind: 'relay', label: `Relay · ${way}`, detail: `Relayed, over ${way} to the relay; ${both}` };
  }
  if (remoteType === 'relay') {
    return { kind: 'relay', label: 'Relay · theirs', detail: 'Relayed: the other side uses a relay' };
  }
  const way = (stats.protocol ?? 'udp').toUpperCase();
  return { kind: 'direct', label: `Direct · ${way}`, detail: `Direct, browser to browser over ${way}` };
}

/** One word for all of a person's links, for the others' lists. */
export function commonLink(kinds: Badge['kind'][]): 'unknown' | 'direct' | 'relay' | 'mixed' {
  const known = new Set(kinds.filter((kind) => kind !== 'unknown'));
  if (known.size === 0) return 'unknown';
  if (known.size > 1) return 'mixed';
  return known.has('relay') ? 'relay' : 'direct';
}
