import { AppError } from '@mandate/kernel';

/** What was stored was JSON: somebody changed it. `error`: of its parsing; whatever else it is stays what it is. */
export const unreadableRecord = (error: unknown, position: number | string | undefined): unknown =>
  error instanceof SyntaxError
    ? new AppError(
        'RECORD_UNREADABLE',
        'unavailable',
        `the record at position ${position} is not what was stored: mandate audit verify --database says what was changed; restore it`,
        {},
        { cause: error },
      )
    : error;
