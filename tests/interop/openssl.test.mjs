// Debian's openssl s_client at the relay's TLS and DTLS ports: versions, ALPN (RFC 7443), server names, and
// certificates that change while clients are there.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, rename, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { makeCertificate, startStack, until } from '../support/stack.mjs';
import { restCredential } from '../support/stun.mjs';
import { TurnClient } from '../support/turn_client.mjs';

let stack;
before(async () => {
  stack = await startStack({
    signaling: false,
    ports: ['dtls', 'one'],
    relay: async ({ listen, ports, certificate, key, directory }) => {
      const more = [];
      for (const name of ['a.example.org', 'b.example.net']) {
        const folder = path.join(directory, name);
        await mkdir(folder);
        more.push(await makeCertificate(folder, name));
      }
      const secure = { certificate, key, certificates: more };
      return {
        listen: [
          ...listen.filter((one) => one.transport !== 'tls'),
          { transport: 'tls', address: `127.0.0.1:${ports.tls}`, ...secure },
          { transport: 'dtls', address: `127.0.0.1:${ports.dtls}`, ...secure },
          { transport: 'tcp+tls', address: `127.0.0.1:${ports.one}`, ...secure },
          { transport: 'udp+dtls', address: `127.0.0.1:${ports.one}`, ...secure },
        ],
      };
    },
  });
});
after(() => stack?.stop());

/** Connects, says nothing and leaves: {ok, text}. */
async function handshake(...args) {
  const child = spawn('openssl', ['s_client', ...args.map(String)], { stdio: ['pipe', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (text += part));
  const timer = setTimeout(() => child.kill('SIGKILL'), 8_000);
  child.stdin.end('Q\n');
  const [code] = await once(child, 'close');
  clearTimeout(timer);
  return { ok: code === 0 && /Cipher is (?!\(NONE\))/.test(text), text };
}
const at = (name) => ['-connect', `127.0.0.1:${stack.ports[name]}`];
const subject = ({ text }) => /subject=CN = (\S+)/.exec(text)?.[1];

for (const port of ['tls', 'one']) {
  test(`TLS 1.2 and 1.3 and nothing older (${port})`, async () => {
    for (const version of ['-tls1_2', '-tls1_3']) assert.ok((await handshake(...at(port), version)).ok, version);
    for (const version of ['-tls1', '-tls1_1']) {
      const { ok, text } = await handshake(...at(port), version, '-cipher', 'ALL:@SECLEVEL=0');
      assert.ok(!ok, version);
      assert.match(text, /alert protocol version|alert number 70/);
    }
  });
}

for (const port of ['dtls', 'one']) {
  test(`DTLS 1.2 and nothing older (${port})`, async () => {
    const { ok, text } = await handshake(...at(port), '-dtls1_2');
    assert.ok(ok, text);
    assert.match(text, /Protocol *: DTLSv1.2/);
    assert.ok(!(await handshake(...at(port), '-dtls1', '-cipher', 'ALL:@SECLEVEL=0')).ok);
  });
}

for (const [port, version] of [['tls', '-tls1_3'], ['tls', '-tls1_2'], ['dtls', '-dtls1_2']]) {
  test(`ALPN over ${version.slice(1)}`, async () => {
    for (const protocol of ['stun.turn', 'stun.nat-discovery']) {
      assert.match((await handshake(...at(port), version, '-alpn', `h2,${protocol}`)).text, new RegExp(`ALPN protocol: ${protocol}`));
    }
    assert.match((await handshake(...at(port), version)).text, /No ALPN negotiated/);
    for (const foreign of ['h2', 'http/1.1', 'h2,http/1.1']) {
      const { ok, text } = await handshake(...at(port), version, '-alpn', foreign);
      assert.ok(!ok, foreign);
      assert.match(text, /no application protocol|alert number 120/);
    }
  });

  test(`the server name chooses the certificate over ${version.slice(1)}`, async () => {
    for (const name of ['a.example.org', 'b.example.net']) {
      assert.equal(subject(await handshake(...at(port), version, '-servername', name)), name);
    }
    assert.equal(subject(await handshake(...at(port), version, '-servername', 'c.example.com')), 'localhost');
    assert.equal(subject(await handshake(...at(port), version, '-noservername')), 'localhost');
  });
}

test('a changed certificate is taken up without a signal; a broken one is not, and the log says so', async () => {
  const fingerprint = async () => {
    const { text } = await handshake(...at('tls'), '-showcerts');
    return /-----BEGIN[^]*?-----END CERTIFICATE-----/.exec(text)?.[0];
  };
  const live = await TurnClient.open(stack.ports.tls, restCredential(stack.secret, 'live'), { transport: 'tls' });
  assert.equal((await live.allocate()).kind, 'success');
  const first = await fingerprint();

  const fresh = path.join(stack.directory, 'fresh');
  await mkdir(fresh);
  const renewed = await makeCertificate(fresh);
  // Each file in one step, as certbot and Kubernetes do: in between, the pair does not fit.
  await rename(renewed.certificate, stack.certificate);
  await rename(renewed.key, stack.key);
  const second = await until('the new certificate', async () => {
    const now = await fingerprint();
    return now !== first && now;
  });
  assert.equal(second, (await readFile(stack.certificate, 'utf8')).trim());

  const good = await readFile(stack.certificate);
  await writeFile(stack.certificate, 'no certificate');
  await until('the log says that it stays', async () => /certificates\.kept.*certificate\.pem/.test(await stack.relay.log()));
  assert.equal(await fingerprint(), second);
  await writeFile(stack.certificate, good);

  // The time alone, with the same bytes in the same file.
  const loads = async () => (await stack.relay.log()).match(/certificates\.loaded/g)?.length ?? 0;
  await until('the good one is back', async () => /certificates\.loaded(?![^]*certificates\.kept)/.test(await stack.relay.log()));
  const before = await loads();
  await utimes(stack.key, new Date(), new Date(Date.now() - 5_000));
  await until('it is read again', async () => (await loads()) > before);

  assert.equal((await live.refresh(600)).kind, 'success', 'who was there before stays');
  live.close();
});
