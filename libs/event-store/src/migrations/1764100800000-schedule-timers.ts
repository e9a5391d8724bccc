import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Schedules wake up too, and belong to no partition: few among many delegations, so their timers have an index of their own. */
export class ScheduleTimers1764100800000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE INDEX stream_schedule_due ON es.stream (wake_at) WHERE open AND type = 'schedule'`);
  }

  async down(): Promise<void> {
    throw new Error('an append-only log is not migrated down: restore a backup instead');
  }
}
