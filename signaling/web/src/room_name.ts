const kFirst = (
  'amber brave bright calm clear cosy crisp early fair fond free fresh gentle glad golden green happy honest humble ' +
  'jolly keen kind light lively lucky mellow merry mild misty neat noble open plain proud quick quiet rapid ready ' +
  'round sandy silent silver simple sleek smooth snowy soft solar spry still sunny swift tidy true vivid warm wide ' +
  'wild wise witty young zesty'
).split(' ');
const kSecond = (
  'acorn anchor arbor atlas badge beacon birch brook canyon cedar cloud coast comet coral crane creek delta dune ' +
  'ember falcon fern field finch fjord forest garden grove harbor hazel heron hill island lagoon lake lantern lark ' +
  'maple meadow mesa moss oak ocean orchard otter pebble pine plaza pond prairie reef ridge river robin shore sparrow ' +
  'spruce summit tide trail valley willow wren'
).split(' ');
const kTail = 'abcdefghjkmnpqrstuvwxyz23456789'; // nothing that looks like something else
const kTailLength = 6;

/** Says itself on the phone, and is not guessed: two words and six characters, about 41 bits. */
export function newRoomName(random: (below: number) => number = secureBelow): string {
  const pick = (from: ArrayLike<string>): string => from[random(from.length)] ?? '';
  const tail = Array.from({ length: kTailLength }, () => pick(kTail)).join('');
  return `${pick(kFirst)}-${pick(kSecond)}-${tail}`;
}

/** What a person typed as a room id ([a-z0-9-]{3,64}), or nothing. A pasted link counts too. */
export function toRoomId(typed: string): string | undefined {
  const path = /\/r\/([^/?#]+)/.exec(typed);
  const id = (path?.[1] ?? typed)
    .trim()
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[\u0300-\u036f]/g, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return /^[a-z0-9-]{3,64}$/.test(id) ? id : undefined;
}

function secureBelow(below: number): number {
  // The bias of a modulus over 32 bits is of no weight here.
  return (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) % below;
}
