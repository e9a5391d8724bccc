/** Thrown where a test ordered a crash; the code under test must not treat it as an error of its own. */
export class Crashed extends Error {
  override readonly name = 'Crashed';

  constructor(readonly point: string) {
    super(`crashed at ${point}, as the test ordered`);
  }
}

/**
 * Named places where a test breaks the program off (DBOS' debug triggers). Production code takes `reached` as an optional
 * function and calls it at its dangerous places: `await reached?.('after-append')`. It never imports this.
 */
export class CrashPoints {
  private readonly orders = new Map<string, { passes: number; crashed: () => void }>();
  private readonly seen = new Map<string, number>();

  /** Crashes when `point` is reached, after letting it pass `passes` times. Resolves when it has crashed. */
  at(point: string, passes = 0): Promise<void> {
    return new Promise((crashed) => this.orders.set(point, { passes, crashed }));
  }

  /** How often `point` was reached. */
  count(point: string): number {
    return this.seen.get(point) ?? 0;
  }

  readonly reached = (point: string): void => {
    this.seen.set(point, this.count(point) + 1);
    const order = this.orders.get(point);
    if (!order || order.passes-- > 0) return;
    this.orders.delete(point);
    order.crashed();
    throw new Crashed(point);
  };
}
