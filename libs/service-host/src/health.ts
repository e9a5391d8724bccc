/** Readiness: one named check a dependency, bounded in time, and cached so that probes cost nothing. */
import { within } from './service.js';

export interface CheckResult {
  name: string;
  status: 'up' | 'down';
  /** What the check said of itself, or why it failed. */
  detail?: string;
  /** How long the check took. */
  ms: number;
}

export interface HealthReport {
  status: 'up' | 'down';
  checks: CheckResult[];
}

/** Resolves when the dependency answers, with a word about it if there is one; throws when it does not. */
export type HealthCheck = () => Promise<string | void>;

const CHECK_TIMEOUT_MS = 2_000;
const CACHE_MS = 1_000;

export class HealthRegistry {
  private readonly checks = new Map<string, HealthCheck>();
  private cached: { at: number; report: Promise<HealthReport> } | undefined;

  constructor(
    private readonly timeoutMs = CHECK_TIMEOUT_MS,
    private readonly cacheMs = CACHE_MS,
  ) {}

  /** A second check under the same name takes the first one's place. */
  add(name: string, check: HealthCheck): void {
    this.checks.set(name, check);
    this.cached = undefined;
  }

  report(): Promise<HealthReport> {
    const now = performance.now();
    if (!this.cached || now - this.cached.at >= this.cacheMs) this.cached = { at: now, report: this.run() };
    return this.cached.report;
  }

  private async run(): Promise<HealthReport> {
    const checks = await Promise.all([...this.checks].map(([name, check]) => this.runOne(name, check)));
    return { status: overall(checks), checks };
  }

  private async runOne(name: string, check: HealthCheck): Promise<CheckResult> {
    const started = performance.now();
    const outcome = await within(
      Promise.resolve().then(() => check()),
      this.timeoutMs,
      'no answer',
    ).then(
      (detail) => ({ status: 'up' as const, detail: detail ?? undefined }),
      (error: unknown) => ({ status: 'down' as const, detail: error instanceof Error ? error.message : String(error) }),
    );
    return {
      name,
      status: outcome.status,
      ...(outcome.detail === undefined ? {} : { detail: outcome.detail }),
      ms: Math.round((performance.now() - started) * 10) / 10,
    };
  }
}

const overall = (checks: readonly CheckResult[]): 'up' | 'down' => (checks.every((check) => check.status === 'up') ? 'up' : 'down');

/** One report of several services: check names get the service's name before them. */
export const mergeHealth = (reports: readonly { service: string; report: HealthReport }[]): HealthReport => {
  const checks = reports.flatMap(({ service, report }) => report.checks.map((check) => ({ ...check, name: `${service}/${check.name}` })));
  return { status: overall(checks), checks };
};
