/** Runs tasks of one key one after another, tasks of different keys side by side: one writer a delegation, within the process. */
export class Lanes {
  private readonly tails = new Map<string, Promise<void>>();

  /** Lanes with work in them. */
  get busy(): number {
    return this.tails.size;
  }

  /** Resolves or rejects as `task` does; a rejection does not hold up what comes behind it. */
  run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const before = this.tails.get(key);
    const result = before ? before.then(task) : task();
    const leave = (): void => {
      if (this.tails.get(key) === tail) this.tails.delete(key);
    };
    const tail: Promise<void> = result.then(leave, leave);
    this.tails.set(key, tail);
    return result;
  }

  async idle(): Promise<void> {
    while (this.tails.size > 0) await Promise.all(this.tails.values());
  }
}
