/** What is known of how workers do their work, and what is proposed where one does it badly. */
import { IsInt, IsNumber, IsString, Length, Max, MaxLength, Min, ValidateIf } from 'class-validator';
import { IsDuration } from './rules.js';

const Optional = (): PropertyDecorator => ValidateIf((_owner, value) => value !== undefined);

/** What is not named stays as it is. */
export class ReputationChange {
  /** Attempts count half after this time. */
  @Optional() @IsDuration() halfLife?: string;
  /** A success rate that is surely below it is proposed for quarantine; 0 proposes nothing. */
  @Optional() @IsNumber() @Min(0) @Max(1) floor?: number;
  /** Of fewer attempts nothing is concluded. */
  @Optional() @IsInt() @Min(1) @Max(1_000_000) minVolume?: number;
  /** A decided proposal is not made again for so long. */
  @Optional() @IsDuration() quiet?: string;
  @Optional() @IsString() @MaxLength(2000) reason?: string;
}

export class AcceptProposal {
  @Optional() @IsString() @MaxLength(2000) reason?: string;
}

export class DismissProposal {
  @IsString() @Length(1, 2000) reason!: string;
}

/** Of a worker's attempts at one capability, each counting less the longer ago it ended. */
export interface ReputationView {
  /** Attempts, so counted. */
  volume: number;
  /** Null where all of it has faded. */
  successRate: number | null;
  /** Wilson's interval of the success rate, 95 %. */
  lower: number;
  upper: number;
  /** Share that did not end within its time. */
  lateRate: number | null;
  /** Geometric mean, from acceptance to success. */
  latencyMs: number | null;
  outcomes: { succeeded: number; failed: number; timedOut: number; lost: number; unanswered: number };
  /** Attempts ever. */
  observations: number;
}

export interface ProposalView {
  id: string;
  instance: string;
  capability: string;
  state: 'open' | 'accepted' | 'dismissed';
  proposedAt: string;
  evidence: {
    figures: ReputationView;
    from: string;
    to: string;
    halfLife: string;
    floor: number;
    minVolume: number;
    /** The other workers of the capability; null where they had too few attempts to compare. */
    peers: { volume: number; successRate: number; lower: number } | null;
  };
  decided: { by: string; reason: string; at: string } | null;
}

export interface ReputationOverview {
  settings: { halfLife: string; floor: number; minVolume: number; quiet: string };
  /** Open ones first, latest first. */
  proposals: ProposalView[];
}
