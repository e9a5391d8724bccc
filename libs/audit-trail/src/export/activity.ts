/** What an event's type says was done, in the four words that SIEMs know. */
export type Activity = 'create' | 'read' | 'update' | 'delete' | 'other';

const CREATES = new Set(['requested', 'registered', 'childadmitted', 'created', 'opened']);
const READS = new Set(['searched', 'exported', 'replayed', 'forked', 'read', 'viewed']);
const DELETES = new Set(['erased', 'removed', 'limitremoved', 'rateremoved', 'deleted', 'revoked', 'dropped']);
/** Attempts that changed nothing. */
const OTHERS = new Set(['refused', 'rejected']);

/** `dev.mandate.<aggregate>.<name>.v1` → its name. */
export const nameOf = (action: string): string => action.split('.').at(-2) ?? action;

export const activityOf = (action: string): Activity => {
  const name = nameOf(action);
  if (CREATES.has(name)) return 'create';
  if (READS.has(name)) return 'read';
  if (DELETES.has(name)) return 'delete';
  return OTHERS.has(name) ? 'other' : 'update';
};
