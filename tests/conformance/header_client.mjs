// UDP sockets that say what is in the IP header. Node's do not; Python's standard library does, without any
// privilege: IP_RECVTTL and IP_RECVTOS on the way in, IP_TTL and IP_TOS on the way out. DF takes a raw socket, which
// only root has.

import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fail, outcome, succeeds } from './assertion.mjs';
import {
  attribute, channelNumber, decode, encode, joinEndpoint, lifetime, longTermKey, peerAddress, requestedTransport, signed, splitEndpoint,
  text, transactionId, types,
} from '../support/stun.mjs';

const kPython = `
import json, select, socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, 12, 1)
s.setsockopt(socket.IPPROTO_IP, 13, 1)
s.bind((sys.argv[1], 0))
try:
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
    raw.bind((sys.argv[1], 0))
except PermissionError:
    raw = None
say = lambda what: print(json.dumps(what), flush=True)
say({"port": s.getsockname()[1], "raw": raw is not None})
while True:
    ready, _, _ = select.select([s, sys.stdin] + ([raw] if raw else []), [], [])
    if raw in ready:
        packet = raw.recv(65535)
        head = (packet[0] & 15) * 4
        if int.from_bytes(packet[head + 2:head + 4], "big") == s.getsockname()[1]:
            say({"df": packet[6] & 0x40 != 0, "payload": packet[head + 8:].hex()})
    if s in ready:
        data, extra, _, source = s.recvmsg(65535, 256)
        seen = {kind: value for level, kind, value in extra if level == socket.IPPROTO_IP}
        ttl = int.from_bytes(seen[2], sys.byteorder) if 2 in seen else None
        tos = seen[1][0] if 1 in seen else None
        say({"hex": data.hex(), "from": "%s:%d" % source, "ttl": ttl, "tos": tos})
    if sys.stdin in ready:
        line = sys.stdin.readline()
        if not line:
            break
        order = json.loads(line)
        s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, order["ttl"])
        s.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, order["tos"])
        s.sendto(bytes.fromhex(order["hex"]), (order["host"], order["port"]))
        say({"sent": True})
`;

class HeaderSocket {
  static async open(host) {
    const one = new HeaderSocket();
    one.child = spawn('python3', ['-u', '-c', kPython, host], { stdio: ['pipe', 'pipe', 'ignore'] });
    one.inbox = [];
    one.waiting = [];
    one.sending = [];
    one.fragments = new Map(); // payload in hex → whether DF was set
    one.seen = new Map(); // payload in hex → who waits for that
    const { port, raw } = await new Promise((resolve, reject) => {
      one.child.once('error', reject);
      one.child.once('close', () => reject(new Error('python3 ended')));
      createInterface({ input: one.child.stdout }).on('line', (line) => {
        const said = JSON.parse(line);
        if (said.port) return resolve(said);
        if (said.payload !== undefined) {
          one.fragments.set(said.payload, said.df);
          return one.seen.get(said.payload)?.();
        }
        if (said.sent) return one.sending.shift()?.();
        one.inbox.push({ ...said, bytes: Buffer.from(said.hex, 'hex') });
        one.waiting.shift()?.();
      });
    });
    one.endpoint = joinEndpoint(host, port);
    one.raw = raw;
    return one;
  }
  send(bytes, to, { ttl = 64, tos = 0 } = {}) {
    const { host, port } = splitEndpoint(to);
    this.child.stdin.write(`${JSON.stringify({ hex: Buffer.from(bytes).toString('hex'), host, port, ttl, tos })}\n`);
    return new Promise((resolve) => this.sending.push(resolve));
  }
  async next(deadlineMs = 3_000) {
    if (this.inbox.length === 0) {
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, deadlineMs);
        this.waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    return this.inbox.shift() ?? fail('nothing arrived');
  }
  /** Whether DF was set on the datagram with this payload. Only with `raw`. */
  async dontFragment(payload) {
    const key = Buffer.from(payload).toString('hex');
    if (!this.fragments.has(key)) {
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, 3_000);
        this.seen.set(key, () => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    return this.fragments.get(key);
  }
  close() {
    this.child.kill('SIGKILL');
  }
}

/** A TURN client on such a socket: as much of one as a test of headers needs. */
export class HeaderClient {
  static available = spawnSync('python3', ['-c', '']).status === 0;

  static async peer(t, host) {
    return t.keep(await HeaderSocket.open(host));
  }

  static async open(t) {
    const client = new HeaderClient();
    client.socket = await HeaderClient.peer(t, t.server.host);
    client.server = joinEndpoint(t.server.host, t.server.ports.udp);
    client.credential = t.user();
    const challenge = await client.#exchange(encode('request', 'Allocate', transactionId(), [requestedTransport()]));
    if (challenge.error !== 401) fail(`Allocate: ${outcome(challenge)}, not 401`);
    client.realm = challenge.text('Realm');
    client.nonce = challenge.get('Nonce');
    return client;
  }

  async #exchange(message) {
    await this.socket.send(message, this.server);
    return decode((await this.socket.next()).bytes) ?? fail('an answer that is no STUN message');
  }
  async #request(method, attributes) {
    const { username, password } = this.credential;
    const named = [text(types.Username, username), text(types.Realm, this.realm), attribute(types.Nonce, this.nonce)];
    const message = encode('request', method, transactionId(), [...attributes, ...named]);
    return succeeds(await this.#exchange(signed(message, longTermKey(username, this.realm, password))), method);
  }

  async allocate() {
    return (await this.#request('Allocate', [requestedTransport()])).address('XorRelayedAddress');
  }
  bind(number, peer) {
    return this.#request('ChannelBind', [channelNumber(number), peerAddress(peer)]);
  }
  end() {
    return this.#request('Refresh', [lifetime(0)]);
  }
}
