const kPrefix = 'turnpike.';

/** localStorage as JSON. Where the browser denies it, things are forgotten and nothing else happens. */
export class Storage {
  constructor(private readonly area: globalThis.Storage | undefined = available()) {}

  get<T>(key: string, otherwise: T): T {
    try {
      const text = this.area?.getItem(kPrefix + key);
      return text == null ? otherwise : (JSON.parse(text) as T);
    } catch {
      return otherwise;
    }
  }

  /** False when it was not kept, for example for lack of space. */
  set(key: string, value: unknown): boolean {
    try {
      this.area?.setItem(kPrefix + key, JSON.stringify(value));
      return this.area !== undefined;
    } catch {
      return false;
    }
  }

  remove(key: string): void {
    try {
      this.area?.removeItem(kPrefix + key);
    } catch {
      // Denied: then there is nothing of ours in it either.
    }
  }
}

function available(): globalThis.Storage | undefined {
  try {
    return globalThis.localStorage;
  } catch {
    return undefined;
  }
}

export const storage = new Storage();
