// TLS and DTLS (RFC 8489 §6.2.3; RFC 7443; RFC 6347 §4.2.1).

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { check, fail, succeeds } from '../assertion.mjs';
import { clientHello, kDtls12, kTls11, kTls12 } from '../hello.mjs';

const kAlert = 21, kHandshake = 22, kHelloVerifyRequest = 3;

/** The first record that a server answers a hello with; undefined when it closes without one. */
async function firstRecord(t, hello) {
  const socket = net.connect(t.server.ports.tls, t.server.host);
  socket.on('error', () => {});
  try {
    await once(socket, 'connect');
    socket.write(hello);
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        try {
          fail('the server neither answers nor closes');
        } catch (error) {
          reject(error);
        }
      }, 5_000);
      const done = (bytes) => {
        clearTimeout(timer);
        resolve(bytes);
      };
      socket.once('data', done);
      socket.once('close', () => done(undefined));
    });
  } finally {
    socket.destroy();
  }
}

function handshake(t, options) {
  const socket = t.keep(Object.assign(tls.connect({ port: t.server.ports.tls, host: t.server.host, rejectUnauthorized: false, ...options }), { close() { this.destroy(); } }));
  return new Promise((resolve, reject) => {
    socket.once('secureConnect', () => resolve(socket));
    socket.once('error', reject);
    setTimeout(() => reject(new Error('no handshake in 5 s')), 5_000).unref();
  });
}

export const chapter = [
  {
    number: 123, section: 'RFC 8489 §6.2.3; RFC 7443', title: 'TLS 1.2 and later only; ALPN stun.turn and stun.nat-discovery are selected when offered; a certificate for each name',
    profile: 'two_names', fallback: true, needs: ['tls'],
    async run(t) {
      for (const version of ['TLSv1.2', 'TLSv1.3']) {
        const why = (error) => (version === 'TLSv1.3' && !t.server.tls13 ? t.note('no TLS 1.3') : fail(`${version}: ${error.message}`));
        const socket = await handshake(t, { minVersion: version, maxVersion: version }).catch(why);
        if (socket) check(socket.getProtocol() === version, `asked for ${version}, got ${socket.getProtocol()}`);
      }
      const old = await firstRecord(t, clientHello({ version: kTls11 }));
      check(!old || old[0] === kAlert, 'TLS 1.1 is accepted');
      const modern = await firstRecord(t, clientHello({ version: kTls12 }));
      check(modern?.[0] === kHandshake, 'a hello of TLS 1.2 made by hand is refused, so that of TLS 1.1 says nothing');
      for (const name of ['stun.turn', 'stun.nat-discovery']) {
        const socket = await handshake(t, { ALPNProtocols: ['h2', name] }).catch((error) => fail(`ALPN ${name}: ${error.message}`));
        check(socket.alpnProtocol === name, `ALPN ${name} was offered, ${socket.alpnProtocol || 'nothing'} selected`);
      }
      const without = await t.client({ transport: 'tls' });
      succeeds(await without.bare('Binding'), 'Binding over TLS without ALPN');
      if (!t.server.names) return t.note('one certificate');
      for (const name of [...t.server.names, 'unknown.example.org']) {
        const socket = await handshake(t, { servername: name });
        const got = socket.getPeerCertificate().subject.CN;
        const right = t.server.names.includes(name) ? name : t.server.names[0];
        check(got === right, `SNI ${name} gets the certificate of ${got}`);
      }
    },
  },
  {
    number: 124, section: 'RFC 6347 §4.2.1', title: 'DTLS: a cookie exchange before any state; half-open associations are bounded',
    profile: 'dtls', fallback: true, needs: ['dtls'],
    async run(t) {
      const socket = t.keep(createSocket('udp4'));
      socket.connect(t.server.ports.dtls, t.server.host);
      await once(socket, 'connect');
      socket.on('error', () => {});
      const hello = clientHello({ version: kDtls12 });
      const answer = await new Promise((resolve) => {
        const timer = setTimeout(() => resolve(undefined), 3_000);
        socket.once('message', (bytes) => {
          clearTimeout(timer);
          resolve(bytes);
        });
        socket.send(hello);
      });
      check(answer, 'a ClientHello is not answered');
      check(answer[0] === kHandshake && answer[13] === kHelloVerifyRequest, `a ClientHello without a cookie is answered with record ${answer[0]}, message ${answer[13]}`);
      check(answer.length <= hello.length, `${answer.length} bytes for ${hello.length}`);
      let client;
      try {
        client = await t.client({ transport: 'dtls', port: t.server.ports.dtls });
      } catch (error) {
        if (/no openssl/.test(error.message)) return t.note('no openssl here for the rest');
        throw error;
      }
      succeeds(await client.allocate(), 'Allocate over DTLS');
      succeeds(await client.refresh(0), 'Refresh');
    },
    core: ['DtlsTest.NothingIsKeptBeforeTheCookieComesBack', 'SecureLegTest.TheNodeHasSoManyHandshakesAtOnce'],
  },
];
