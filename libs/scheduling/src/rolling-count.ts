/** How often something happened lately, in slots of a window that moves when it is looked at: no timer. */
export class RollingCount {
  private readonly slots: number[];
  /** The number of the newest slot since the epoch. */
  private newest = 0;
  private sum = 0;

  /** Covers the last `slots` slots of `slotMs`; the newest is only partly over. */
  constructor(
    slots: number,
    private readonly slotMs: number,
  ) {
    this.slots = Array.from({ length: slots }, () => 0);
  }

  add(now: number): void {
    this.advance(now);
    this.slots[this.newest % this.slots.length] = this.at(this.newest) + 1;
    this.sum++;
  }

  total(now: number): number {
    this.advance(now);
    return this.sum;
  }

  /** When the total is at most `max` if nothing is added, in milliseconds. */
  atMost(max: number, now: number): number {
    this.advance(now);
    let left = this.sum;
    for (let slot = this.newest - this.slots.length + 1; slot <= this.newest && left > max; slot++) {
      left -= this.at(slot);
      if (left <= max) return (slot + this.slots.length) * this.slotMs;
    }
    return now;
  }

  private at(slot: number): number {
    const { length } = this.slots;
    return this.slots[((slot % length) + length) % length] ?? 0;
  }

  /** A clock that goes back finds the newest slot still there. */
  private advance(now: number): void {
    const slot = Math.floor(now / this.slotMs);
    const steps = Math.min(slot - this.newest, this.slots.length);
    if (steps <= 0) return;
    for (let i = 0; i < steps; i++) {
      const index = (slot - i) % this.slots.length;
      this.sum -= this.slots[index] ?? 0;
      this.slots[index] = 0;
    }
    this.newest = slot;
  }
}
