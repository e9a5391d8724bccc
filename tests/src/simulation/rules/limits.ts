/** No limit, rate, pause or quarantine that a grant could know of is exceeded or ignored; no worker gets more than it can do. */
import { dimension, entryOf, type LimitKind, type Policy, type Rate, type RateKind, type SlotHolder } from '@mandate/scheduling';
import { SECOND } from '../scenario.js';
import type { Appended, Ground, Rule } from './rule.js';

/** Grants of a rate that are looked back at. */
const LOOKED_BACK = 24;

export class Limits implements Rule {
  private readonly rated = new Map<string, { rate: Rate; at: number[] }>();

  constructor(private readonly ground: Ground) {}

  appended({ log, append }: Appended): void {
    const slots = [...log.slots.values()];
    for (const slot of append.acquire) {
      this.checkLimit('tenant', '', slot, slots);
      this.checkLimit('capability', slot.capability, slot, slots);
      this.checkLimit('worker', slot.instance, slot, slots);
      if (slot.key !== null) this.checkLimit('key', slot.key, slot, slots);
      this.checkSize(slot, slots);
      if (slots.length > this.ground.capacity)
        this.ground.fail('limit', `${slots.length} run, the log's capacity is ${this.ground.capacity}`);
      this.checkPauses(slot);
      this.checkRate('capability', slot.capability, slot);
      if (slot.key !== null) this.checkRate('key', slot.key, slot);
    }
    this.checkQuarantine(slots);
  }

  /** Of each of those that were there when one was granted: no more than its grant allowed. Attempts that began before a limit was lowered may finish. */
  private checkLimit(kind: LimitKind, name: string, slot: SlotHolder, slots: readonly SlotHolder[]): void {
    const fits = (other: SlotHolder): boolean => other.tenant === slot.tenant && nameOf(kind, other) === name;
    const granted = slots.filter(fits).map((other) => this.ground.grantOf(other));
    const own = this.ground.grantOf(slot);
    for (const { at, nth } of granted) {
      if (nth < own.nth) continue;
      const running = granted.filter((other) => other.nth <= nth).length;
      const max = Math.max(...this.ground.policiesFor(slot.tenant, at).map(({ limits }) => entryOf(limits, kind, name) ?? Infinity));
      if (running > max) this.ground.fail('limit', `${running} run under ${dimension(kind, name)} of ${slot.tenant}, which allows ${max}`);
    }
  }

  private checkSize({ instance, capability }: SlotHolder, slots: readonly SlotHolder[]): void {
    const size = this.ground.workers.find((worker) => worker.instance === instance)?.capabilities[capability]?.concurrency ?? 0;
    const held = slots.filter((other) => other.instance === instance && other.capability === capability).length;
    if (held > size) this.ground.fail('limit', `${instance} has ${held} of ${size} ${capability}`);
  }

  private checkPauses(slot: SlotHolder): void {
    const policies = this.ground.policiesFor(slot.tenant, this.ground.grantOf(slot).at);
    const always = (is: (policy: Policy) => boolean): boolean => policies.every(is);
    const { fail } = this.ground;
    if (always(({ paused }) => dimension('tenant', '') in paused))
      fail('paused', `${nameOfSlot(slot)} begins while ${slot.tenant} is paused`);
    if (always(({ paused }) => dimension('capability', slot.capability) in paused))
      fail('paused', `${nameOfSlot(slot)} begins while ${slot.capability} is paused`);
    if (always(({ paused }) => dimension('agent', slot.instance) in paused))
      fail('paused', `${nameOfSlot(slot)} goes to ${slot.instance}, which is paused`);
    if (always(({ workers }) => slot.instance in workers))
      fail('quarantine', `${nameOfSlot(slot)} goes to ${slot.instance}, which gets nothing`);
  }

  /** A worker that has been quarantined for longer than news and grants take has nothing any more. */
  private checkQuarantine(slots: readonly SlotHolder[]): void {
    const { now, lagMs } = this.ground;
    for (const slot of slots) {
      const { at } = this.ground.grantOf(slot);
      if (now - at < 2 * lagMs) continue;
      const policies = [now, now - lagMs].flatMap((time) => this.ground.policiesFor(slot.tenant, time));
      if (policies.every(({ workers }) => workers[slot.instance] === 'quarantined'))
        this.ground.fail('quarantine', `${nameOfSlot(slot)} is still at ${slot.instance}, which is quarantined`);
    }
  }

  /** In no time that begins and ends with a grant are there more than the burst and what came since. A rate that changed begins anew. */
  private checkRate(kind: RateKind, name: string, slot: SlotHolder): void {
    const { at } = this.ground.grantOf(slot);
    const full = `${slot.tenant} ${dimension(kind, name)}`;
    const rates = this.ground.policiesFor(slot.tenant, at).map((policy) => entryOf(policy.rates, kind, name));
    const [rate] = rates;
    const known = this.rated.get(full);
    if (!rate || rates.some((other) => other !== rate)) return void this.rated.delete(full);
    const times = known?.rate === rate ? known.at : [];
    times.push(at);
    times.sort((a, b) => a - b);
    if (times.length > LOOKED_BACK) times.shift();
    this.rated.set(full, { rate, at: times });
    times.forEach((from, first) =>
      times.slice(first).forEach((to, more) => {
        const allowed = rate.burst + ((to - from) / SECOND) * rate.perSecond;
        if (more + 1 > allowed + 1e-6)
          this.ground.fail('rate', `${more + 1} begin under ${full} within ${to - from} ms, which allows ${allowed}`);
      }),
    );
  }
}

const nameOf = (kind: LimitKind, { capability, instance, key }: SlotHolder): string | null =>
  ({ tenant: '', capability, worker: instance, key })[kind];

const nameOfSlot = ({ delegationId, stepId, attempt }: SlotHolder): string => `${delegationId}/${stepId}/${attempt}`;
