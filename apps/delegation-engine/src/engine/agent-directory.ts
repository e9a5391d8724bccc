/** Who registered which capabilities, and who is there now. Registrations are events of the `agent` streams; presence is a matter of heartbeats. */
import type { AgentView, CapabilitySpec, Effects, Registration } from '@mandate/contracts';
import type { AgentCapability } from '@mandate/delegation';
import type { Clock } from '@mandate/kernel';

/** Three missed heartbeats of five seconds: the worker is lost. */
export const LOST_AFTER_MS = 15_000;

export interface RegisteredCapability {
  name: string;
  description: string;
  tags: string[];
  concurrency: number;
  effects: Effects;
}

export interface Agent {
  tenant: string;
  name: string;
  version: string;
  instance: string;
  capabilities: Map<string, RegisteredCapability>;
  registeredAt: number;
  /** Of the last event of its stream that is known here. */
  position: number;
  /** 0 until the first heartbeat after registering: only then are its subscriptions in place. */
  lastSeenAt: number;
  /** An offer found nobody there; only a heartbeat clears it. */
  suspect: boolean;
  /** The log says that it is lost. */
  lost: boolean;
}

export interface AgentRegistered {
  name: string;
  version: string;
  instance: string;
  capabilities: RegisteredCapability[];
}

export const registeredCapability = (spec: CapabilitySpec): RegisteredCapability => ({
  name: spec.name,
  description: spec.description,
  tags: spec.tags ?? [],
  concurrency: spec.concurrency ?? 1,
  effects: spec.effects ?? 'idempotent',
});

export const agentRegistered = (registration: Registration): AgentRegistered => ({
  name: registration.name,
  version: registration.version,
  instance: registration.instance,
  capabilities: registration.capabilities.map(registeredCapability),
});

export class AgentDirectory {
  private readonly agents = new Map<string, Agent>();
  private readonly byCapability = new Map<string, Set<Agent>>();
  private readonly described = new Map<string, AgentCapability[]>();

  constructor(private readonly clock: Clock) {}

  /** Applies a registration from the log; one that is older than what is known changes nothing. `seenAt`: 0, or when the worker was there last. */
  register(tenant: string, registered: AgentRegistered, { at, position, seenAt }: { at: number; position: number; seenAt: number }): Agent {
    const before = this.find(tenant, registered.instance);
    if (before && before.position >= position) return before;
    if (before) for (const name of before.capabilities.keys()) this.byCapability.get(capabilityKey(tenant, name))?.delete(before);
    const agent: Agent = {
      tenant,
      name: registered.name,
      version: registered.version,
      instance: registered.instance,
      capabilities: new Map(registered.capabilities.map((capability) => [capability.name, capability])),
      registeredAt: at,
      position,
      lastSeenAt: seenAt,
      suspect: false,
      lost: false,
    };
    this.agents.set(agentKey(tenant, registered.instance), agent);
    for (const name of agent.capabilities.keys()) this.holders(tenant, name).add(agent);
    this.described.delete(tenant);
    return agent;
  }

  /** Applies what the log says of an agent's presence. */
  markLost(tenant: string, instance: string, position: number): void {
    const agent = this.find(tenant, instance);
    if (!agent || agent.position >= position) return;
    agent.position = position;
    agent.lost = this.clock.now() - agent.lastSeenAt >= LOST_AFTER_MS;
  }

  find(tenant: string, instance: string): Agent | undefined {
    return this.agents.get(agentKey(tenant, instance));
  }

  /** Every agent that ever registered the capability and was not replaced. */
  ofCapability(tenant: string, capability: string): ReadonlySet<Agent> {
    return this.byCapability.get(capabilityKey(tenant, capability)) ?? NOBODY;
  }

  /** True when it was away before. */
  seen(agent: Agent): boolean {
    const wasAway = !this.isOnline(agent);
    agent.lastSeenAt = this.clock.now();
    agent.suspect = false;
    agent.lost = false;
    return wasAway;
  }

  isOnline(agent: Agent): boolean {
    return !agent.lost && !agent.suspect && agent.lastSeenAt > 0 && this.clock.now() - agent.lastSeenAt < LOST_AFTER_MS;
  }

  capabilitiesAway(tenant: string): Set<string> {
    const away = new Set<string>();
    for (const { capability } of this.capabilities(tenant))
      if (![...this.ofCapability(tenant, capability)].some((agent) => this.isOnline(agent))) away.add(capability);
    return away;
  }

  /** Each capability ever registered in the tenant, once, as recognition and planning see it. */
  capabilities(tenant: string): readonly AgentCapability[] {
    const cached = this.described.get(tenant);
    if (cached) return cached;
    const found = new Map<string, AgentCapability>();
    for (const agent of this.agents.values())
      if (agent.tenant === tenant)
        for (const { name, description, tags } of agent.capabilities.values())
          found.set(name, { name: agent.name, capability: name, description, tags });
    const list = [...found.values()].sort((a, b) => (a.capability < b.capability ? -1 : 1));
    this.described.set(tenant, list);
    return list;
  }

  countOf(tenant: string): number {
    let count = 0;
    for (const agent of this.agents.values()) if (agent.tenant === tenant) count++;
    return count;
  }

  all(): IterableIterator<Agent> {
    return this.agents.values();
  }

  private holders(tenant: string, capability: string): Set<Agent> {
    const key = capabilityKey(tenant, capability);
    const holders = this.byCapability.get(key) ?? new Set<Agent>();
    this.byCapability.set(key, holders);
    return holders;
  }
}

const NOBODY: ReadonlySet<Agent> = new Set();
const agentKey = (tenant: string, instance: string): string => `${tenant}/${instance}`;
const capabilityKey = (tenant: string, capability: string): string => `${tenant}/${capability}`;

type Doing = Pick<AgentView['capabilities'][number], 'running' | 'reputation' | 'proposal'>;

export const agentView = (agent: Agent, online: boolean, mode: AgentView['mode'], doing: (capability: string) => Doing): AgentView => ({
  name: agent.name,
  version: agent.version,
  instance: agent.instance,
  state: online ? 'online' : 'lost',
  mode,
  capabilities: [...agent.capabilities.values()].map((capability) => ({ ...capability, ...doing(capability.name) })),
  registeredAt: new Date(agent.registeredAt).toISOString(),
  lastSeenAt: agent.lastSeenAt > 0 ? new Date(agent.lastSeenAt).toISOString() : null,
});
