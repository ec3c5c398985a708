// The shapes of docs/protocol.md that the page uses.

export interface IceServersMessage {
  ice_servers: RTCIceServer[];
  ttl: number; // seconds
  expires_at: number; // unix milliseconds, the server's clock
  server_time: number;
  reason?: string;
}

export type LinkKind = 'unknown' | 'direct' | 'relay' | 'mixed';

export interface PeerMessage {
  id: string;
  name: string;
  kind: 'human' | 'bot';
  muted: boolean;
  hand: boolean;
  link: LinkKind;
  host?: boolean;
  state?: 'online' | 'reconnecting';
  joined_seq: number;
}

export interface JoinResult {
  peer_id: string;
  room: string;
  epoch: string;
  seq: number;
  snapshot: { full: true; epoch: string; seq: number; peers: PeerMessage[] };
  ice: IceServersMessage;
  host: boolean;
  host_key?: string;
}

export type RoomEvent = { room: string; epoch: string; seq: number } & (
  | { type: 'peer.joined'; peer: PeerMessage }
  | { type: 'peer.updated'; peer: PeerMessage }
  | { type: 'peer.left'; peer_id: string; reason: string }
  | { type: 'chat'; mid: string; from: string; body: string; ts: number }
);

/** What one side of a pair tells the other; e counts its RTCPeerConnections, n its messages. */
export type SignalPayload =
  | { description: RTCSessionDescriptionInit; candidates?: undefined }
  | { candidates: RTCIceCandidateInit[]; description?: undefined };

export type Signal = { e: number; n: number } & SignalPayload;
export type SignalFrom = Signal & { room: string; from: string; after_seq: number };
