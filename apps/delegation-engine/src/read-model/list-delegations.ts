import type { DelegationListItem, Page } from '@mandate/contracts';
import { AppError, isUlid } from '@mandate/kernel';
import type { DataSource, SelectQueryBuilder } from 'typeorm';
import type { ListQuery } from '../http/delegation-api.js';
import { isOpen, toListItem } from './delegation-row.js';
import { DelegationEntity } from './delegation.entity.js';

interface Cursor {
  createdAt: Date;
  id: string;
}

const writeCursor = ({ createdAt, id }: Cursor): string => `${createdAt.getTime()}.${id}`;

/** Throws AppError `INVALID_CURSOR`. */
const readCursor = (text: string): Cursor => {
  const [time = '', id = ''] = text.split('.');
  if (!/^\d{1,15}$/.test(time) || !isUlid(id))
    throw new AppError('INVALID_CURSOR', 'invalid', 'cursor must be the nextCursor of an earlier answer; leave it out to begin anew', {
      field: 'cursor',
    });
  return { createdAt: new Date(Number(time)), id };
};

/**
 * A page of a tenant's delegations, newest first. The cursor is a key, not an offset: rows that come or change meanwhile move nothing.
 * `q` finds the beginning of an id, or a principal; goals are encrypted at rest and cannot be searched.
 */
export const listDelegations = async (dataSource: DataSource, tenant: string, query: ListQuery): Promise<Page<DelegationListItem>> => {
  const select = dataSource.getRepository(DelegationEntity).createQueryBuilder('d').where('d.tenant = :tenant', { tenant });
  filter(select, query);
  const found = await select
    .orderBy('d.createdAt', 'DESC')
    .addOrderBy('d.id', 'DESC')
    .limit(query.limit + 1)
    .getMany();
  const items = found.slice(0, query.limit);
  const last = items.at(-1);
  return {
    items: items.map((row) => toListItem({ ...row, createdAt: row.createdAt.getTime(), endedAt: row.endedAt?.getTime() ?? null })),
    nextCursor: last && found.length > query.limit ? writeCursor(last) : null,
  };
};

const filter = (select: SelectQueryBuilder<DelegationEntity>, { state, pattern, q, since, cursor }: ListQuery): void => {
  if (state) select.andWhere('d.state = :state', { state });
  if (state && isOpen(state)) select.andWhere('d.endedAt IS NULL');
  if (pattern) select.andWhere('d.pattern = :pattern', { pattern });
  if (q) select.andWhere('(starts_with(d.id, :q) OR d.principal = :q)', { q });
  if (since) select.andWhere('d.createdAt >= :since', { since: new Date(since) });
  if (cursor) {
    const { createdAt, id } = readCursor(cursor);
    select.andWhere('(d.createdAt, d.id) < (:createdAt, :after)', { createdAt, after: id });
  }
};
