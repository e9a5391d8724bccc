import type { Pattern, TaskState } from '@mandate/contracts';
import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Progress } from './delegation-row.js';

/** A row of the list; derived from the events, can be dropped and rebuilt. */
@Entity({ schema: 'rm', name: 'delegation' })
export class DelegationEntity {
  @PrimaryColumn('text') tenant!: string;
  @PrimaryColumn('text') id!: string;
  @Column('text') state!: TaskState;
  @Column('text', { nullable: true }) pattern!: Pattern | null;
  @Column('double precision', { nullable: true }) confidence!: number | null;
  @Column('text') principal!: string;
  @Column('timestamptz', { name: 'created_at' }) createdAt!: Date;
  @Column('timestamptz', { name: 'ended_at', nullable: true }) endedAt!: Date | null;
  /** A bigint, which the driver gives as text. */
  @Column('bigint') position!: string;
  @Column('jsonb', { nullable: true }) progress!: Progress | null;
}
