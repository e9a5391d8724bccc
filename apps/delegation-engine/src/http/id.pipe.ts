import { NAME_TOKEN } from '@mandate/contracts';
import { AppError, isUlid } from '@mandate/kernel';
import type { PipeTransform } from '@nestjs/common';

class TokenPipe implements PipeTransform<string, string> {
  constructor(
    private readonly accepts: (text: string) => boolean,
    private readonly message: string,
  ) {}

  transform(text: string): string {
    if (!this.accepts(text)) throw new AppError('INVALID_ID', 'invalid', this.message);
    return text;
  }
}

export const ULID_PIPE = new TokenPipe(isUlid, 'the id must be a ULID in upper case (26 characters)');
export const NAME_PIPE = new TokenPipe((text) => NAME_TOKEN.test(text), 'a step id must match [A-Za-z0-9_-]{1,64}');
