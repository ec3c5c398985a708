import { toRoomId } from './room_name';

/** What the page's address says: which room, and what tests and embedding pages ask for. */
export interface Address {
  room: string | undefined;
  name: string | undefined;
  autojoin: boolean; // join without a click
  muted: boolean; // begin muted
  relayOnly: boolean | undefined; // undefined: as the person chose last
}

export function readAddress(location: { pathname: string; search: string }): Address {
  const path = /^\/r\/([^/]+)\/?$/.exec(location.pathname);
  let room: string | undefined;
  try {
    room = path?.[1] ? toRoomId(decodeURIComponent(path[1])) : undefined;
  } catch {
    room = undefined; // not percent-encoding
  }
  const query = new URLSearchParams(location.search);
  const relay = query.get('relay');
  return {
    room,
    name: query.get('name')?.trim().slice(0, 32) || undefined,
    autojoin: query.get('autojoin') === '1',
    muted: query.get('muted') === '1',
    relayOnly: relay === null ? undefined : relay === '1',
  };
}

export function roomPath(room: string): string {
  return `/r/${room}`;
}

export function inviteLink(room: string): string {
  return new URL(roomPath(room), window.location.origin).href;
}

export function signalingUrl(location: { protocol: string; host: string }): string {
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws`;
}
