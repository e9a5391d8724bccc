/** What can happen to an erasure. On the wire the type is `dev.mandate.erasure.<type>.v1`. Nobody is named in `data`: a person stands there as a blind index. */

interface Gone {
  subjectKeys: number;
  streamKeys: number;
  snapshots: number;
  deadLetters: number;
}

export type ErasureEvent =
  | {
      type: 'requested';
      data: {
        of: 'subject' | 'delegation';
        /** Blind index of the data subject, hex. */
        subject?: string;
        delegationId?: string;
        /** Names of the subject's keys at that time. */
        kids: string[];
        delegations: number;
      };
      personal?: { reason: string };
    }
  | { type: 'completed'; data: Gone }
  /** A database restored to an earlier state had brought something back. */
  | { type: 'reapplied'; data: Gone };

export const ERASURE = 'erasure';
export const erasureEventTypeName = (type: ErasureEvent['type']): string => `dev.mandate.${ERASURE}.${type}.v1`;
