/** Virtual time: what is due next happens next, and nothing takes time but what says so. */

/** Yields how long it waits, in milliseconds. */
export type Process<Result = void> = Generator<number, Result, void>;

interface Due {
  at: number;
  /** Ties go in the order in which they were asked for. */
  n: number;
  run: () => void;
}

export class Timeline {
  private readonly heap: Due[] = [];
  private count = 0;

  constructor(public now: number) {}

  at(time: number, run: () => void): void {
    this.heap.push({ at: Math.max(time, this.now), n: this.count++, run });
    for (let i = this.heap.length - 1; i > 0;) {
      const parent = (i - 1) >> 1;
      if (!this.swapIfBefore(i, parent)) return;
      i = parent;
    }
  }

  after(ms: number, run: () => void): void {
    this.at(this.now + ms, run);
  }

  /** Goes on as long as `alive`: what a crash interrupts is never heard of again. */
  run(process: Process, alive: () => boolean): void {
    if (!alive()) return;
    const { done, value } = process.next();
    if (!done) this.after(value, () => this.run(process, alive));
  }

  /** False when nothing is due before `until`. */
  step(until: number): boolean {
    const [first] = this.heap;
    if (!first || first.at > until) return false;
    const last = this.heap.pop() as Due;
    if (this.heap.length > 0) {
      this.heap[0] = last;
      this.sink();
    }
    this.now = first.at;
    first.run();
    return true;
  }

  private sink(): void {
    for (let i = 0; ;) {
      const left = 2 * i + 1;
      const smaller = left + 1 < this.heap.length && this.isBefore(left + 1, left) ? left + 1 : left;
      if (smaller >= this.heap.length || !this.swapIfBefore(smaller, i)) return;
      i = smaller;
    }
  }

  private isBefore(a: number, b: number): boolean {
    const [one, other] = [this.heap[a] as Due, this.heap[b] as Due];
    return one.at < other.at || (one.at === other.at && one.n < other.n);
  }

  private swapIfBefore(a: number, b: number): boolean {
    if (!this.isBefore(a, b)) return false;
    [this.heap[a], this.heap[b]] = [this.heap[b] as Due, this.heap[a] as Due];
    return true;
  }
}
