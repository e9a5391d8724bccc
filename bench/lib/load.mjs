// Closed-loop load, and what it costs: latency percentiles, CPU and memory of process trees from /proc.
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const TICKS_PER_SECOND = 100; // USER_HZ on Linux

const statOf = (pid) => {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' '); // from field 3 on
    return {
      parent: Number(fields[1]),
      ticks: Number(fields[11]) + Number(fields[12]),
      endedChildren: Number(fields[13]) + Number(fields[14]),
    };
  } catch {
    return null;
  }
};

const treeOf = (root) => {
  const children = new Map();
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) ? statOf(name) : null;
    if (stat) children.set(stat.parent, [...(children.get(stat.parent) ?? []), Number(name)]);
  }
  const found = [];
  for (const todo = [root]; todo.length > 0;) {
    const pid = todo.pop();
    found.push(pid);
    todo.push(...(children.get(pid) ?? []));
  }
  return found;
};

const ticksOf = (root, alone) => {
  if (alone) return statOf(root)?.ticks ?? 0;
  return treeOf(root).reduce((sum, pid) => sum + (statOf(pid)?.ticks ?? 0), statOf(root)?.endedChildren ?? 0);
};

const kibOf = (pid, file, key) => {
  try {
    return Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/${file}`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
};

/** Shared pages count once over a tree (PSS); a single process counts whole (RSS). */
export const memoryMb = (root, alone) =>
  Math.round(
    (alone ? kibOf(root, 'status', 'VmRSS') : treeOf(root).reduce((sum, pid) => sum + kibOf(pid, 'smaps_rollup', 'Pss'), 0)) / 1024,
  );

/** CPU seconds by group since the sampler was made. groups: {name: pid} are trees, except this process itself. */
export const cpuMeter = (groups) => {
  const read = () => Object.fromEntries(Object.entries(groups).map(([name, pid]) => [name, ticksOf(pid, pid === process.pid)]));
  const before = read();
  return () => {
    const after = read();
    return Object.fromEntries(Object.keys(groups).map((name) => [name, (after[name] - before[name]) / TICKS_PER_SECOND]));
  };
};

const percentile = (sorted, q) => Number((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? NaN).toFixed(1));

/**
 * `callers` loops call `operation` again as soon as it is done. They start spread over the warm-up, so that engines that work first-in-first-out
 * do not complete in waves. What ends within the window counts.
 */
export const closedLoop = async ({ callers, operation, seconds, warmSeconds, groups }) => {
  const latencies = [];
  const errors = [];
  let measuring = false;
  let stop = false;
  const loop = async (_, index) => {
    await delay((index / callers) * warmSeconds * 600);
    while (!stop && errors.length < 50) {
      const started = performance.now();
      try {
        await operation();
        if (measuring) latencies.push(performance.now() - started);
      } catch (error) {
        errors.push(String(error));
      }
    }
  };
  const loops = Array.from({ length: callers }, loop);
  await delay(warmSeconds * 1000);
  const cpu = cpuMeter(groups);
  const started = performance.now();
  measuring = true;
  await delay(seconds * 1000);
  measuring = false;
  const wall = (performance.now() - started) / 1000;
  const cpuSeconds = cpu();
  stop = true;
  await Promise.race([Promise.all(loops), delay(30_000)]);
  latencies.sort((a, b) => a - b);
  const count = latencies.length;
  const perOne = (value) => Number(((value * 1000) / count).toFixed(2));
  return {
    callers,
    perSecond: Number((count / wall).toFixed(1)),
    p50Ms: percentile(latencies, 0.5),
    p95Ms: percentile(latencies, 0.95),
    p99Ms: percentile(latencies, 0.99),
    cpuMsEach: perOne(Object.values(cpuSeconds).reduce((sum, value) => sum + value, 0)),
    cpuMsBy: Object.fromEntries(Object.entries(cpuSeconds).map(([name, value]) => [name, perOne(value)])),
    ...(errors.length > 0 ? { errors: errors.length, lastError: errors.at(-1) } : {}),
  };
};
