// The ways to a TURN server, for tests: each gives whole frames (STUN messages, ChannelData) and takes bytes.
//
//   const way = await openTransport('tls', { port, host });
//   way.onframe = (bytes) => ...;        one STUN message or ChannelData
//   way.send(bytes);
//   await way.closed;                    when the other side closed (streams); never for UDP
//   way.close();
//
// DTLS goes through `openssl s_client`: Node has none. A datagram there is what one write gives it.

import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { joinEndpoint } from './stun.mjs';

const kOpenDeadlineMs = 5_000;

async function within(what, promise, deadlineMs = kOpenDeadlineMs) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${deadlineMs} ms`)), deadlineMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

class Udp {
  static async open({ port, host, localAddress, localPort }) {
    const way = new Udp();
    way.socket = createSocket({ type: host.includes(':') ? 'udp6' : 'udp4', recvBufferSize: 1 << 20 });
    way.socket.on('message', (bytes) => way.onframe?.(bytes));
    way.closed = new Promise(() => {});
    if (localAddress || localPort) {
      way.socket.bind(localPort ?? 0, localAddress);
      await within('binding', once(way.socket, 'listening'));
    }
    way.socket.connect(port, host);
    await within('connecting', once(way.socket, 'connect'));
    way.socket.on('error', () => {}); // ICMP: the request's deadline will tell
    return way;
  }

  get address() {
    const { address, port } = this.socket.address();
    return joinEndpoint(address, port);
  }
  send(bytes) {
    this.socket.send(bytes, () => {}); // too long for a datagram: nothing is sent, as on any network
  }
  close() {
    this.socket.close();
  }
}

/** Cuts a stream into frames (RFC 8656 §12.5): ChannelData is padded to four bytes, unless said otherwise. */
export class Framer {
  constructor(onframe, padding = true) {
    this.onframe = onframe;
    this.padding = padding;
    this.buffered = Buffer.alloc(0);
  }
  push(part) {
    this.buffered = Buffer.concat([this.buffered, part]);
    while (this.buffered.length >= 4) {
      const length = this.buffered.readUInt16BE(2);
      const stun = this.buffered[0] < 0x40;
      const size = stun ? 20 + length : 4 + length;
      const whole = stun || !this.padding ? size : (size + 3) & ~3;
      if (this.buffered.length < whole) return;
      const frame = Buffer.from(this.buffered.subarray(0, size));
      this.buffered = this.buffered.subarray(whole);
      this.onframe(frame);
      if (this.over) {
        this.over(this.buffered);
        return;
      }
    }
  }
}

// RFC 6062 §5.4: behind the answer to ConnectionBind there is nothing but the peer's bytes.
const kConnectionBindSuccess = 0x010b;

class Stream {
  static async open(transport, { port, host, localAddress, tls: options = {} }) {
    const way = new Stream();
    way.socket =
      transport === 'tls'
        ? tls.connect({ port, host, localAddress, rejectUnauthorized: false, ...options })
        : net.connect({ port, host, localAddress });
    way.closed = new Promise((resolve) => way.socket.once('close', resolve));
    const framer = new Framer((frame) => {
      if (frame.readUInt16BE(0) === kConnectionBindSuccess) {
        way.onbytes = (part) => (way.bytes = Buffer.concat([way.bytes ?? Buffer.alloc(0), part]));
        framer.over = way.onbytes;
      }
      way.onframe?.(frame);
    });
    try {
      await within('connecting', once(way.socket, transport === 'tls' ? 'secureConnect' : 'connect'));
    } catch (error) {
      way.socket.destroy();
      throw error;
    }
    way.socket.on('error', () => {});
    way.socket.on('data', (part) => {
      if (way.onbytes) way.onbytes(part);
      else framer.push(part);
      way.onmore?.();
    });
    way.socket.setNoDelay(true);
    return way;
  }

  get address() {
    return joinEndpoint(this.socket.localAddress, this.socket.localPort);
  }
  send(bytes) {
    this.socket.write(bytes);
  }
  close() {
    this.socket.destroy();
  }
}

class Dtls {
  static async open({ port, host, dtls = [] }) {
    const way = new Dtls();
    const args = ['s_client', '-dtls1_2', '-quiet', '-connect', joinEndpoint(host, port), '-mtu', '1400', ...dtls];
    way.child = spawn('openssl', args, { stdio: ['pipe', 'pipe', 'pipe'] });
    way.closed = new Promise((resolve) => way.child.once('close', resolve));
    way.child.stdin.on('error', () => {});
    let said = '';
    way.child.stderr.on('data', (part) => (said += part));
    const framer = new Framer((frame) => way.onframe?.(frame), false);
    way.child.stdout.on('data', (part) => framer.push(part));
    // It says the certificate's chain once the handshake is over, or why there is none.
    const shaken = new Promise((resolve, reject) => {
      way.child.once('error', () => reject(new Error('there is no openssl here')));
      way.child.stderr.on('data', () => /verify return:|verify error/.test(said) && resolve());
      way.child.once('close', () => reject(new Error(`no DTLS handshake: ${said.trim().split('\n').pop()}`)));
    });
    try {
      await within('the DTLS handshake', shaken);
    } catch (error) {
      way.close();
      throw error;
    }
    return way;
  }

  // s_client sends what one read gives it as one record, so each write waits for the one before it.
  send(bytes) {
    this.writing = (this.writing ?? Promise.resolve()).then(
      () => new Promise((resolve) => this.child.stdin.write(bytes, () => setTimeout(resolve, 5))),
    );
  }
  close() {
    this.child.kill('SIGKILL');
  }
}

/** @param options {port, host, localAddress, localPort (UDP), tls: node:tls options, dtls: s_client arguments} */
export function openTransport(transport, options) {
  const where = { host: '127.0.0.1', ...options };
  if (transport === 'udp') return Udp.open(where);
  if (transport === 'dtls') return Dtls.open(where);
  return Stream.open(transport, where);
}
