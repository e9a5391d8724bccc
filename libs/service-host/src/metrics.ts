/** Prometheus metrics: one registry a service, and the process' own beside them. */
import { collectDefaultMetrics, Registry } from 'prom-client';

export { Counter, Gauge, Histogram, Registry } from 'prom-client';

export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Event-loop delay is sampled this often; finer would wake an idle process for nothing. */
const EVENT_LOOP_PRECISION_MS = 100;

export const serviceMetrics = (service: string): Registry => {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  return registry;
};

export const processMetrics = (): Registry => {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: EVENT_LOOP_PRECISION_MS });
  return registry;
};

/** Joins texts of the exposition format; a family that several services have gets one header, as the format asks. */
export const mergeMetrics = (texts: readonly string[]): string => {
  const families = new Map<string, { header: string[]; samples: string[] }>();
  let family = { header: [] as string[], samples: [] as string[] };
  for (const line of texts.flatMap((text) => text.split('\n'))) {
    const [, keyword, name] = /^# (HELP|TYPE) (\S+)/.exec(line) ?? [];
    if (keyword && name) {
      family = families.get(name) ?? { header: [], samples: [] };
      families.set(name, family);
      if (!family.header.some((known) => known.startsWith(`# ${keyword} `))) family.header.push(line);
    } else if (line !== '') family.samples.push(line);
  }
  return [...families.values()].map(({ header, samples }) => [...header, ...samples].join('\n') + '\n').join('\n');
};
