// The long-term credential mechanism (RFC 8489 §9.2), TURN REST credentials, redirection.

import { check, notApplicable, outcome, refused, succeeds } from '../assertion.mjs';
import {
  attribute, kMd5, kSha256, nonceFeatures, passwordAlgorithm, passwordAlgorithms, requestedTransport, restPassword, signedSha256,
  types, u32, userhash,
} from '../../support/stun.mjs';

const wanted = [requestedTransport()];

/** A refusal that lets the client try again (§9.2.4). */
function challenges(answer, code, what) {
  refused(answer, code, what);
  check(answer.has('Realm'), `${what}: no REALM in the ${code}`);
  check(answer.has('Nonce'), `${what}: no NONCE in the ${code}`);
  return answer;
}

/** A challenged client of a server that offers SHA-256. */
async function sha256Client(t) {
  const client = await t.client();
  await client.challenge();
  if (!client.offered) notApplicable('SHA-256 is not offered');
  return client;
}

/** Whether MESSAGE-INTEGRITY-SHA256 is understood at all; else it is an unknown attribute. */
async function knowsSha256(t) {
  const client = await t.client();
  await client.challenge();
  if (client.offered) return client;
  const answer = await client.exchange(client.sign('Allocate', wanted, { integrity: 'sha256' }));
  if (answer.error === 420 || answer.error === 401) notApplicable('MESSAGE-INTEGRITY-SHA256 is not known');
  if (answer.kind === 'success') {
    succeeds(await client.refresh(0), 'Refresh');
  }
  return client;
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

export const chapter = [
  {
    number: 25, section: 'RFC 8489 §9.2.4', title: 'no integrity: 401 with REALM and NONCE, unsigned, without USERNAME',
    decision: '0003-authentication.md', // a short 400 or 437 where no credential could make it succeed
    async run(t) {
      const client = await t.client();
      const answer = challenges(await client.bare('Allocate', wanted), 401, 'Allocate without integrity');
      check(!answer.has('MessageIntegrity') && !answer.has('MessageIntegritySha256'), 'the 401 is signed');
      check(!answer.has('Username') && !answer.has('Userhash'), 'the 401 names a user');
      if (t.server.realm) check(answer.text('Realm') === t.server.realm, `REALM ${answer.text('Realm')}, not ${t.server.realm}`);
    },
  },
  {
    number: 26, section: 'RFC 8489 §9.2.4', title: 'integrity without USERNAME, REALM or NONCE: 400',
    async run(t) {
      const client = await t.client();
      await client.challenge();
      for (const missing of ['username', 'realm', 'nonce']) {
        refused(await t.perhaps(client, client.sign('Allocate', wanted, { [missing]: null })), 400, `without ${missing.toUpperCase()}`);
      }
    },
  },
  {
    number: 27, section: 'RFC 8489 §9.2.4', title: 'an unknown or expired nonce: 438 with a new one, which works',
    async run(t) {
      const client = await t.client();
      await client.challenge();
      const answer = challenges(await client.exchange(client.sign('Allocate', wanted, { nonce: 'dcd98b7102dd2f0e8b11d0f600bfb0c093' })), 438, 'an unknown nonce');
      client.nonce = answer.get('Nonce');
      succeeds(await client.exchange(client.sign('Allocate', wanted)), 'Allocate with the nonce of the 438');
      succeeds(await client.refresh(0), 'Refresh');
    },
    core: ['Nonce.IsFreshUntilItsLifetimeIsOver', 'Authentication.TellsOnlyItsOwnerThatANonceIsOld'],
    profile: 'brief_nonce', fallback: true,
    async slow(t) {
      const client = await t.client();
      await client.challenge();
      const seconds = t.server.nonceLifetimeS ?? 660;
      await new Promise((resolve) => setTimeout(resolve, (seconds + 3) * 1000));
      const answer = await client.exchange(client.sign('Allocate', wanted));
      if (answer.kind === 'success' && t.server.nonceLifetimeS === undefined) return 'a nonce is good for more than 11 minutes';
      challenges(answer, 438, `a nonce of ${seconds + 3} seconds`);
      client.nonce = answer.get('Nonce');
      succeeds(await client.exchange(client.sign('Allocate', wanted)), 'Allocate with the new nonce');
    },
  },
  {
    number: 28, section: 'RFC 8489 §9.2.4', title: 'an unknown user: 401 with REALM and NONCE',
    async run(t) {
      const client = await t.client({ credential: { username: 'nobody-of-that-name', password: 'whatever' } });
      await client.challenge();
      challenges(await t.perhaps(client, client.sign('Allocate', wanted)), 401, 'an unknown user');
    },
  },
  {
    number: 29, section: 'RFC 8489 §9.2.4', title: 'a wrong password: 401 with REALM and NONCE',
    async run(t) {
      const { username } = t.user();
      const client = await t.client({ credential: { username, password: 'not the password' } });
      await client.challenge();
      challenges(await t.perhaps(client, client.sign('Allocate', wanted)), 401, 'a wrong password');
    },
  },
  {
    number: 30, section: 'RFC 8489 §9.2.4', title: 'another realm: 401',
    async run(t) {
      const client = await t.client();
      await client.challenge();
      refused(await t.perhaps(client, client.sign('Allocate', wanted, { realm: 'another.example' })), 401, 'another realm');
    },
  },
  {
    number: 31, section: 'RFC 8489 §9.2.4', title: 'whatever comes after authentication is signed with the same key',
    async run(t) {
      const client = await t.client();
      await client.challenge();
      const proven = (answer, what) => check(answer.provenBy(client.key), `${what} (${outcome(answer)}) is not signed with the user's key`);
      proven(refused(await client.refresh(600), 437, 'Refresh without an allocation'), 'Refresh without an allocation');
      proven(refused(await client.request('Allocate', []), 400, 'Allocate without REQUESTED-TRANSPORT'), 'Allocate without REQUESTED-TRANSPORT');
      proven(refused(await client.allocate(u32(0x7f01, 1)), 420, 'an unknown attribute'), 'an unknown attribute');
      proven(succeeds(await client.allocate(), 'Allocate'), 'Allocate');
      proven(refused(await client.allocate(), 437, 'a second Allocate'), 'a second Allocate');
      proven(refused(await client.request('CreatePermission', []), 400, 'CreatePermission without a peer'), 'CreatePermission without a peer');
      proven(succeeds(await client.permit(`${t.peerHost()}:9000`), 'CreatePermission'), 'CreatePermission');
      proven(succeeds(await client.bind(0x4000, `${t.peerHost()}:9000`), 'ChannelBind'), 'ChannelBind');
      proven(succeeds(await client.refresh(0), 'Refresh'), 'Refresh');
    },
  },
  {
    number: 32, section: 'RFC 8489 §9.2.4', title: "a nonce that another address got: 438",
    async run(t) {
      const [one, other] = [await t.client(), await t.client()];
      await one.challenge();
      await other.challenge();
      other.nonce = one.nonce;
      refused(await t.perhaps(other, other.sign('Allocate', wanted)), 438, "another port's nonce");
    },
  },
  {
    number: 33, section: 'RFC 8489 §9.2', title: 'a nonce is good on every node that shares the key',
    core: ['Authentication.TakesANonceOfAnotherNodeWithTheSameKey'],
  },
  {
    number: 34, section: 'RFC 8489 §9.2', title: 'the nonce cookie says exactly what is offered',
    async run(t) {
      const client = await t.client();
      const challenge = await client.challenge();
      const features = nonceFeatures(challenge.get('Nonce'));
      const offered = challenge.has('PasswordAlgorithms');
      check(offered === (features?.passwordAlgorithms ?? false), offered ? 'PASSWORD-ALGORITHMS without the bit in the nonce cookie' : 'the bit for password algorithms without PASSWORD-ALGORITHMS');
      if (!features) notApplicable('no security feature is offered');
      if (features.usernameAnonymity) t.note('offers username anonymity');
    },
  },
  {
    number: 35, section: 'RFC 8489 §9.2.4', title: 'no PASSWORD-ALGORITHM(S) although they were offered: MD5',
    async run(t) {
      const client = await sha256Client(t);
      const answer = await client.exchange(client.sign('Allocate', wanted, { algorithm: kMd5 }));
      succeeds(answer, 'Allocate with MESSAGE-INTEGRITY alone');
      check(answer.provenBy(client.keyOf(kMd5)), 'the answer is not signed with the MD5 key');
      succeeds(await client.refresh(0), 'Refresh');
    },
  },
  {
    number: 36, section: 'RFC 8489 §9.2.4', title: 'only one of PASSWORD-ALGORITHM and PASSWORD-ALGORITHMS: 400',
    async run(t) {
      const client = await sha256Client(t);
      const key = client.keyOf(kSha256);
      const only = (extra) => client.exchange(client.sign('Allocate', wanted, { algorithm: kSha256, sayAlgorithm: false, key, extra: [extra] }));
      refused(await only(passwordAlgorithm(kSha256)), 400, 'PASSWORD-ALGORITHM alone');
      refused(await only(attribute(types.PasswordAlgorithms, client.offered)), 400, 'PASSWORD-ALGORITHMS alone');
    },
  },
  {
    number: 37, section: 'RFC 8489 §9.2.4', title: 'PASSWORD-ALGORITHMS other than offered (bid-down): 400',
    async run(t) {
      const client = await sha256Client(t);
      const said = (algorithms, algorithm) =>
        client.exchange(client.sign('Allocate', wanted, { sayAlgorithm: false, algorithm, extra: [algorithms, passwordAlgorithm(algorithm)] }));
      refused(await said(passwordAlgorithms(kMd5), kMd5), 400, 'a list without SHA-256');
      refused(await said(passwordAlgorithms(kSha256, kMd5, 0x7777), kSha256), 400, 'a longer list');
      refused(await said(attribute(types.PasswordAlgorithms, client.offered), 0x7777), 400, 'an algorithm that is not in the list');
    },
  },
  {
    number: 38, section: 'RFC 8489 §9.2.4', title: 'PASSWORD-ALGORITHM SHA-256: its key, and MESSAGE-INTEGRITY-SHA256 in the answer',
    async run(t) {
      const client = await sha256Client(t);
      const answer = succeeds(await client.exchange(client.sign('Allocate', wanted, { algorithm: kSha256 })), 'Allocate with SHA-256');
      check(answer.provenBySha256(client.keyOf(kSha256)), 'the answer has no MESSAGE-INTEGRITY-SHA256 under the SHA-256 key');
      client.algorithm = kSha256;
      const again = succeeds(await client.refresh(0), 'Refresh with SHA-256');
      check(again.provenBySha256(client.keyOf(kSha256)), 'the answer to Refresh is not signed alike');
      challenges(await client.exchange(client.sign('Allocate', wanted, { algorithm: kSha256, password: 'wrong' })), 401, 'a wrong password with SHA-256');
    },
  },
  {
    number: 39, section: 'RFC 8489 §9.2.4, §14.4', title: 'USERHASH: a known one is a user, an unknown one 401',
    needs: ['static user'],
    async run(t) {
      const client = await t.client({ credential: t.server.staticUser });
      await client.challenge();
      if (!client.features?.usernameAnonymity) notApplicable('username anonymity is not offered');
      const hashed = (username) => ({
        algorithm: kSha256, username: null, key: client.keyOf(kSha256),
        extra: [attribute(types.Userhash, userhash(username, client.realm))],
      });
      const answer = succeeds(await client.exchange(client.sign('Allocate', wanted, hashed(client.credential.username))), 'Allocate with USERHASH');
      check(answer.provenBySha256(client.keyOf(kSha256)), 'the answer is not signed with the key');
      succeeds(await client.exchange(client.sign('Refresh', [u32(types.Lifetime, 0)], hashed(client.credential.username))), 'Refresh with USERHASH');
      challenges(await client.exchange(client.sign('Allocate', wanted, hashed('nobody-of-that-name'))), 401, 'an unknown USERHASH');
    },
  },
  {
    number: 40, section: 'RFC 8489 §9.2.4', title: 'both integrities: the SHA-256 one counts',
    async run(t) {
      const client = await knowsSha256(t);
      const how = { algorithm: client.offered ? kSha256 : kMd5, integrity: 'both' };
      const broken = client.sign('Allocate', wanted, how);
      broken[broken.length - 1] ^= 1;
      refused(await client.exchange(broken), 401, 'a wrong MESSAGE-INTEGRITY-SHA256 behind a right MESSAGE-INTEGRITY');
      succeeds(await client.exchange(client.sign('Allocate', wanted, how)), 'both right');
      succeeds(await client.refresh(0), 'Refresh');
    },
  },
  {
    number: 41, section: 'RFC 8489 §14.6', title: 'MESSAGE-INTEGRITY-SHA256 of a wrong length: refused',
    async run(t) {
      const client = await knowsSha256(t);
      const algorithm = client.offered ? kSha256 : kMd5;
      for (const size of [12, 15, 17, 33, 36]) {
        const unsigned = client.sign('Allocate', wanted, { algorithm, integrity: 'none' });
        const answer = await t.perhaps(client, signedSha256(unsigned, client.keyOf(algorithm), size));
        check(answer?.kind !== 'success', `a MESSAGE-INTEGRITY-SHA256 of ${size} bytes was accepted`);
      }
      const cut = await client.exchange(signedSha256(client.sign('Allocate', wanted, { algorithm, integrity: 'none' }), client.keyOf(algorithm), 16));
      t.note(cut.kind === 'success' ? '16 bytes are enough' : `16 bytes: ${outcome(cut)}`);
      if (cut.kind === 'success') await client.refresh(0);
    },
  },
  {
    number: 42, section: 'RFC 8489 §9.2.2; RFC 8265', title: 'a password that is no ASCII counts in its prepared form (OpaqueString)',
    profile: 'accented', fallback: true,
    async run(t) {
      if (!t.server.accentedUser) notApplicable('needs a user whose password is no ASCII');
      const client = await t.client({ credential: t.server.accentedUser });
      await client.challenge();
      succeeds(await client.exchange(client.sign('Allocate', wanted)), 'the prepared form of the password');
      succeeds(await client.refresh(0), 'Refresh');
    },
  },
  {
    number: 43, section: 'RFC 8489 §9.2.4', title: 'a wrong integrity takes as long whichever of its bytes is wrong',
    async run(t) {
      // A smoke test: it sees a comparison that costs microseconds a byte, no more.
      const client = await t.client();
      await client.challenge();
      const times = { first: [], last: [] };
      for (let round = 0; round < 200; round += 1) {
        for (const which of round % 2 ? ['first', 'last'] : ['last', 'first']) {
          const message = client.sign('Allocate', wanted);
          message[message.length - (which === 'first' ? 20 : 1)] ^= 0x55;
          const began = process.hrtime.bigint();
          refused(await client.exchange(message), 401, 'a wrong integrity');
          times[which].push(Number(process.hrtime.bigint() - began) / 1000);
        }
      }
      const [first, last] = [median(times.first), median(times.last)];
      check(Math.abs(first - last) < Math.max(50, first * 0.25), `median ${first.toFixed(0)} µs for the first byte, ${last.toFixed(0)} µs for the last`);
    },
  },
  {
    number: 44, section: 'TURN REST', title: "a username past its expiry: 401 on Allocate; a live allocation's Refresh as documented",
    needs: ['secret'], patient: true,
    async run(t) {
      const named = (seconds) => {
        const username = `${Math.floor(Date.now() / 1000) + seconds}:expiring-${Math.random().toString(36).slice(2)}`;
        return { username, password: restPassword(t.server.secret, username) };
      };
      const late = await t.client({ credential: named(-10) });
      await late.challenge();
      refused(await t.perhaps(late, late.sign('Allocate', wanted)), 401, 'a username that expired 10 s ago');

      const client = await t.allocation({ credential: named(5) });
      await new Promise((resolve) => setTimeout(resolve, 6_500));
      const answer = await client.refresh(600);
      check(answer.kind === 'success' || answer.error === 401, `Refresh after the expiry: ${outcome(answer)}`);
      t.note(`a live allocation ${answer.kind === 'success' ? 'may' : 'may not'} be refreshed after it`);
    },
  },
  {
    number: 45, section: 'RFC 8656 §5, §8.2', title: "another user's request on a live 5-tuple: 441",
    needs: ['two users'],
    async run(t) {
      const client = await t.allocation();
      const owner = client.credential;
      const peer = `${t.peerHost()}:9000`;
      client.credential = t.otherUser();
      refused(await t.perhaps(client, client.sign('Refresh', [u32(types.Lifetime, 0)])), 441, 'Refresh');
      refused(await client.permit(peer), 441, 'CreatePermission');
      refused(await client.bind(0x4000, peer), 441, 'ChannelBind');
      client.credential = owner;
      succeeds(await client.refresh(600), "the owner's Refresh afterwards");
    },
  },
  {
    number: 46, section: 'RFC 8656 §7.2', title: "another user's Allocate on a live 5-tuple: 437",
    needs: ['two users'],
    async run(t) {
      const client = await t.allocation();
      const owner = client.credential;
      client.credential = t.otherUser();
      refused(await t.perhaps(client, client.sign('Allocate', wanted)), 437, 'Allocate');
      client.credential = owner;
      succeeds(await client.refresh(600), "the owner's Refresh afterwards");
    },
  },
  {
    number: 47, section: 'RFC 8489 §10', title: '300 only after authentication, signed, with an ALTERNATE-SERVER of the client\'s family',
    profile: 'redirect',
    async run(t) {
      for (const family of t.server.host6 ? [4, 6] : [4]) {
        const client = await t.client({ family });
        refused(await client.bare('Allocate', wanted), 401, `an unauthenticated Allocate over IPv${family}`);
        const answer = refused(await client.allocate(), 300, `Allocate over IPv${family}`);
        check(answer.provenBy(client.key), 'the 300 is not signed');
        const alternate = answer.address('AlternateServer');
        check(alternate, 'no ALTERNATE-SERVER in the 300');
        check(alternate.startsWith('[') === (family === 6), `IPv${family} is sent to ${alternate}`);
        if (t.server.alternates) check(t.server.alternates.includes(alternate), `sent to ${alternate}`);
      }
    },
  },
  {
    number: 48, section: 'RFC 8489 §10, §14.16', title: 'a 300 over TLS has ALTERNATE-DOMAIN',
    profile: 'redirect', needs: ['tls'],
    async run(t) {
      const client = await t.client({ transport: 'tls' });
      const answer = refused(await client.allocate(), 300, 'Allocate over TLS');
      check(answer.has('AlternateDomain'), 'no ALTERNATE-DOMAIN in the 300');
      if (t.server.alternateDomain) check(answer.text('AlternateDomain') === t.server.alternateDomain, `ALTERNATE-DOMAIN is ${answer.text('AlternateDomain')}`);
      check(answer.provenBy(client.key), 'the 300 is not signed');
    },
  },
  {
    number: 49, section: 'RFC 8489 §10', title: 'a server never sends clients to itself',
    profile: 'redirect_to_itself',
    async run(t) {
      const client = await t.client();
      const answer = await client.allocate();
      check(answer.error !== 300 || answer.address('AlternateServer') !== `${t.server.host}:${t.server.ports.udp}`, 'sent to where it is already');
      succeeds(answer, 'Allocate at the only server of the list');
      succeeds(await client.refresh(0), 'Refresh');
    },
  },
];
