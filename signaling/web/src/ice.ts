import type { IceServersMessage } from './protocol';

const kRenewBeforeMs = 60_000;
const kAskAgainMs = 10_000; // the server allows six requests a minute

/** The ICE servers in use and how long their credentials last. Time is ours: only the span is taken from the server. */
export class IceServers {
  servers: RTCIceServer[] = [];
  /** How often the server has pushed new ones. */
  pushes = 0;

  private expiresAt = 0;
  private askedAt = -Infinity;
  private asking: Promise<void> | undefined;

  constructor(
    readonly relayOnly: boolean,
    private readonly fetch: () => Promise<void>,
    private readonly now: () => number = () => performance.now(),
  ) {}

  take(message: IceServersMessage, pushed: boolean): void {
    this.servers = message.ice_servers ?? [];
    const life = message.expires_at - message.server_time;
    this.expiresAt = this.now() + (Number.isFinite(life) && life > 0 ? life : message.ttl * 1000);
    if (pushed) this.pushes += 1;
  }

  get username(): string | undefined {
    return this.servers.find((server) => server.username)?.username;
  }

  get remainingMs(): number {
    return Math.max(0, this.expiresAt - this.now());
  }

  /** The whole configuration each time: setConfiguration() takes what is left out as a change. */
  get configuration(): RTCConfiguration {
    return {
      iceServers: this.servers,
      iceTransportPolicy: this.relayOnly ? 'relay' : 'all',
      bundlePolicy: 'max-bundle',
      rtcpMuxPolicy: 'require',
    };
  }

  /** Before allocations are made anew. One request for all who ask; what we have is used when it fails. */
  async refresh(): Promise<void> {
    if (this.remainingMs >= kRenewBeforeMs) return;
    if (!this.asking) {
      if (this.now() - this.askedAt < kAskAgainMs && this.remainingMs > 0) return;
      this.askedAt = this.now();
      this.asking = this.fetch().catch(() => {}).finally(() => (this.asking = undefined));
    }
    await this.asking;
  }
}
