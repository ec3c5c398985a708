/** Something with a state that others watch. Watchers hear once per turn of the event loop, however much changed. */
export class Observable {
  private watchers = new Set<() => void>();
  private told = true;

  watch(watcher: () => void): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  protected changed(): void {
    if (!this.told) return;
    this.told = false;
    queueMicrotask(() => {
      this.told = true;
      for (const watcher of [...this.watchers]) watcher();
    });
  }
}
