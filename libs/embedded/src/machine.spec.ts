import { describe, expect, it } from '@jest/globals';
import { explainFileError } from './machine.js';

const failure = (code: string): Error => Object.assign(new Error(code), { code });

describe('what the file system says', () => {
  it.each([
    ['ENOSPC', 'DISK_FULL'],
    ['EACCES', 'NO_PERMISSION'],
    ['EROFS', 'NO_PERMISSION'],
    ['ENOTDIR', 'NO_PERMISSION'],
    ['EEXIST', 'NO_PERMISSION'],
  ])('%s becomes %s, which names the path and what to do', (said, code) =>
    expect(explainFileError('/srv/state', failure(said))).toMatchObject({
      code,
      message: expect.stringMatching(/\/srv\/state.*MANDATE_HOME/),
    }),
  );

  it('passes on what it does not know', () => {
    const error = failure('EIO');
    expect(explainFileError('/srv/state', error)).toBe(error);
  });
});
