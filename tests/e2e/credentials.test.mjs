// Who may not come in, and what they are told. A call goes on beside each of them.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startStack } from '../support/stack.mjs';
import { relayPackets, runBench, withCall } from '../support/call.mjs';
import { requestedTransport, restCredential, restPassword } from '../support/stun.mjs';
import { TurnClient } from '../support/turn_client.mjs';

const options = {
  relay: { auth: { users: [{ name: 'alice', password: { value: 'wonderland' } }] } },
  args: { relay: ['--dev'] }, // literal passwords
  signaling: { credentials: { ttl: '600s' } },
};
let stack;
before(async () => (stack = await startStack(options)));
after(() => stack?.stop());

async function withClient(credential, use) {
  const client = await TurnClient.open(stack.ports.udp, credential);
  try {
    return await use(client);
  } finally {
    client.close();
  }
}

const allocateWith = (credential) => withClient(credential, (client) => client.allocate());

function assertChallenged(answer) {
  assert.equal(answer.kind, 'error');
  assert.equal(answer.error, 401);
  assert.equal(answer.text('Realm'), stack.realm);
  assert.ok(answer.get('Nonce')?.length > 0, 'a nonce to try again with');
}

test('good credentials of each kind allocate', async () => {
  await withCall(stack, async () => {
    for (const credential of [
      restCredential(stack.secret, 'bob'),
      restCredential(stack.secret, 'bob;k=k1;a=2'),
      { username: 'alice', password: 'wonderland' },
    ]) {
      await withClient(credential, async (client) => {
        const answer = await client.allocate();
        assert.equal(answer.kind, 'success', `${credential.username}: ${answer.error}`);
        assert.ok(answer.provenBy(client.key), 'the answer proves that the server knows the password');
        assert.match(answer.address('XorRelayedAddress'), /^127\.0\.0\.1:\d+$/);
        assert.equal(answer.address('XorMappedAddress'), client.address);
        assert.equal((await client.refresh(0)).kind, 'success');
      });
    }
  });
});

test('a wrong password, an unknown user and no credential are challenged', async () => {
  await withCall(stack, async () => {
    assertChallenged(await allocateWith({ username: 'alice', password: 'wrong' }));
    assertChallenged(await allocateWith({ username: 'mallory', password: 'wonderland' }));
    assertChallenged(await allocateWith({ ...restCredential(stack.secret, 'bob'), password: 'wrong' }));
    await withClient(undefined, async (client) => assertChallenged(await client.bare('Allocate', [requestedTransport()])));
  });
});

test('an expired credential, and one that expires too far away', async () => {
  await withCall(stack, async () => {
    assertChallenged(await allocateWith(restCredential(stack.secret, 'bob', -1)));
    assertChallenged(await allocateWith(restCredential(stack.secret, 'bob', 30 * 86_400))); // auth.max_ttl is 24 h
  });
});

test('a secret that is not ours', async () => {
  await withCall(stack, async () => {
    assertChallenged(await allocateWith(restCredential('another secret altogether', 'bob')));
    assertChallenged(await allocateWith(restCredential('another secret altogether', 'bob;k=k1')));
  });
});

test('limits are what was signed: raising them breaks the signature', async () => {
  await withCall(stack, async () => {
    const { username, password } = restCredential(stack.secret, 'carol;k=k1;a=1');
    assertChallenged(await allocateWith({ username: username.replace('a=1', 'a=1000'), password }));
    assertChallenged(await allocateWith({ username: username.replace(';a=1', ''), password }));
    assertChallenged(await allocateWith({ username: username.replace(/^\d+/, (expiry) => Number(expiry) + 3600), password }));

    await withClient({ username, password }, async (first) => {
      assert.equal((await first.allocate()).kind, 'success');
      const second = await allocateWith({ username, password });
      assert.equal(second.error, 486, 'a=1 is one allocation');
      assert.equal((await first.refresh(0)).kind, 'success');
    });
    await withClient({ username, password }, async (again) => {
      assert.equal((await again.allocate()).kind, 'success', 'what was given back can be had again');
      assert.equal((await again.refresh(0)).kind, 'success');
    });
  });
});

test('malformed limits are refused even when they are signed', async () => {
  await withCall(stack, async () => {
    for (const rest of ['dave;k=k1;a=', 'dave;k=k1;a=x', 'dave;k=k1;a=1;a=2', 'dave;k=k1;z=1']) {
      const username = restCredential(stack.secret, rest).username;
      const answer = await allocateWith({ username, password: restPassword(stack.secret, username) });
      assertChallenged(answer);
    }
  });
});

test('a nonce that is not ours is stale, and the fresh one works', async () => {
  await withCall(stack, async () => {
    await withClient(restCredential(stack.secret, 'erin'), async (client) => {
      const challenge = await client.bare('Allocate', [requestedTransport()]);
      client.realm = challenge.text('Realm');
      client.nonce = Buffer.from('obMatJos2AAAAthis is no nonce of this server');
      const stale = await client.exchange(client.sign('Allocate', []));
      assert.equal(stale.error, 438);
      assert.ok(stale.get('Nonce'));
      assert.equal((await client.allocate()).kind, 'success'); // request() takes the new nonce
      assert.equal((await client.refresh(0)).kind, 'success');
    });
  });
});

test('a nonce is bound to its source', async () => {
  await withCall(stack, async () => {
    const credential = restCredential(stack.secret, 'frank');
    await withClient(credential, (one) =>
      withClient(credential, async (other) => {
        const challenge = await one.bare('Allocate', [requestedTransport()]);
        other.realm = challenge.text('Realm');
        other.nonce = challenge.get('Nonce');
        assert.equal((await other.exchange(other.sign('Allocate', []))).error, 438);
      }));
  });
});

test('the load tool says why it cannot come in', async () => {
  const refused = await runBench(stack, { user: 'alice', password: 'wrong', packets: 10 });
  assert.equal(refused.code, 6);
  assert.match(refused.stderr, /401/);
  await relayPackets(stack, { user: 'alice', password: 'wonderland', packets: 50 });
});
