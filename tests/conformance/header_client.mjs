// UDP sockets that say what is in the IP header. Node's do not; Python's standard library does, without any
// privilege: IP_RECVTTL and IP_RECVTOS on the way in, IP_TTL and IP_TOS on the way out.

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
say = lambda what: print(json.dumps(what), flush=True)
say({"port": s.getsockname()[1]})
while True:
    ready, _, _ = select.select([s, sys.stdin], [], [])
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
    const port = await new Promise((resolve, reject) => {
      one.child.once('error', reject);
      one.child.once('close', () => reject(new Error('python3 ended')));
      createInterface({ input: one.child.stdout }).on('line', (line) => {
        const said = JSON.parse(line);
        if (said.port) return resolve(said.port);
        if (said.sent) return one.sending.shift()?.();
        one.inbox.push({ ...said, bytes: Buffer.from(said.hex, 'hex') });
        one.waiting.shift()?.();
      });
    });
    one.endpoint = joinEndpoint(host, port);
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
