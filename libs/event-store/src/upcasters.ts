/** Old events in today's shape. Stored bytes never change: the chain runs on every read. */
import { AppError, type JsonObject } from '@mandate/kernel';

/** A pure step from one schema version of a type to the next. */
export interface Upcaster {
  type: string;
  from: number;
  upcast(data: JsonObject): JsonObject;
}

export class Upcasters {
  private readonly steps = new Map<string, Upcaster>();
  private readonly current = new Map<string, number>();

  /** Throws AppError `BAD_UPCASTERS` when two start at the same version. A gap in a chain is found by `assertPaths`. */
  constructor(upcasters: readonly Upcaster[] = []) {
    for (const upcaster of upcasters) {
      const key = `${upcaster.type}@${upcaster.from}`;
      if (this.steps.has(key)) throw new AppError('BAD_UPCASTERS', 'internal', `two upcasters start at ${key}`);
      this.steps.set(key, upcaster);
      this.current.set(upcaster.type, Math.max(this.currentVersion(upcaster.type), upcaster.from + 1));
    }
  }

  /** The version that code reads: one above the last upcaster, 1 where there is none. */
  currentVersion(type: string): number {
    return this.current.get(type) ?? 1;
  }

  upcast(type: string, storedVersion: number, data: JsonObject): { schemaVersion: number; data: JsonObject } {
    const target = this.currentVersion(type);
    let upcasted = data;
    let schemaVersion = storedVersion;
    while (schemaVersion < target) {
      const step = this.steps.get(`${type}@${schemaVersion}`);
      if (!step) throw new AppError('NO_UPCASTER', 'internal', `no upcaster from ${type}@${schemaVersion} to version ${target}`);
      upcasted = step.upcast(upcasted);
      schemaVersion++;
    }
    return { schemaVersion, data: upcasted };
  }

  /** Throws AppError `NO_UPCASTER` naming every stored (type, version) that cannot be read: too old for the chain, or written by newer code. */
  assertPaths(stored: readonly { type: string; schemaVersion: number }[]): void {
    const unreadable = stored
      .filter(({ type, schemaVersion }) => !this.canRead(type, schemaVersion))
      .map(({ type, schemaVersion }) => `${type}@${schemaVersion}`);
    if (unreadable.length > 0)
      throw new AppError(
        'NO_UPCASTER',
        'internal',
        `stored events cannot be read: ${unreadable.join(', ')}; add their upcasters, or run newer code`,
      );
  }

  private canRead(type: string, storedVersion: number): boolean {
    const target = this.currentVersion(type);
    for (let version = storedVersion; version < target; version++) if (!this.steps.has(`${type}@${version}`)) return false;
    return storedVersion <= target;
  }
}
