/** What can happen to a registered worker. On the wire the type is `dev.mandate.agent.<type>.v1`; nothing in it is personal. */
import type { AgentRegistered } from './agent-directory.js';

interface Presence {
  instance: string;
  /** RFC 3339; null before the first heartbeat. */
  lastSeenAt: string | null;
}

export type AgentEvent =
  { type: 'registered'; data: AgentRegistered } | { type: 'lost'; data: Presence } | { type: 'returned'; data: Presence };

export const agentEventTypeName = (type: AgentEvent['type']): string => `dev.mandate.agent.${type}.v1`;
