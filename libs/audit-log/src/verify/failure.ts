/** What an auditor checks, by the name under which a failure is told. */
export type Check =
  /** The file is what it should be. */
  | 'format'
  /** The log's key signed the checkpoint. */
  | 'signature'
  /** So did the witnesses that were asked for. */
  | 'witness'
  /** A file that the checkpoint calls for is there. */
  | 'presence'
  /** An entry hashes to its place in the tree. */
  | 'entry'
  /** A tile holds the hashes that follow from what lies below it. */
  | 'tile'
  /** The tree has the root that was signed. */
  | 'root'
  /** A leaf is in the tree. */
  | 'inclusion'
  /** A tree goes on where an earlier one ended. */
  | 'consistency'
  /** A statement follows from its evidence. */
  | 'statement';

export interface Failure {
  check: Check;
  /** The file, row or line. */
  at: string;
  /** Of the event in the log, from 1, where it is about one. */
  position?: string;
  reason: string;
}
