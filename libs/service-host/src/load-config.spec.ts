import { describe, expect, it } from '@jest/globals';
import { IsBoolean, IsInt, IsString, Max, Min } from 'class-validator';
import { Env, loadConfig } from './load-config.js';

class Settings {
  @Env('SOME_URL') @IsString() url!: string;
  @Env('SOME_PORT') @IsInt() @Min(1) @Max(65_535) port: number = 7400;
  @Env('SOME_FLAG') @IsBoolean() flag: boolean = false;
  @Env('SOME_LIST') @IsString({ each: true }) list: string[] = ['all'];
}

describe('configuration', () => {
  it('reads each variable as its property asks and keeps defaults', () => {
    expect(loadConfig(Settings, { SOME_URL: 'x', SOME_FLAG: 'true', SOME_LIST: 'a, b' })).toEqual({
      url: 'x',
      port: 7400,
      flag: true,
      list: ['a', 'b'],
    });
    expect(Object.isFrozen(loadConfig(Settings, { SOME_URL: 'x' }))).toBe(true);
  });

  it('names every wrong variable at once and no value', () => {
    expect(() => loadConfig(Settings, { SOME_PORT: 'secret', SOME_FLAG: 'perhaps' })).toThrow(
      /SOME_URL must be a string; SOME_PORT .*; SOME_FLAG must be a boolean value/,
    );
    expect(() => loadConfig(Settings, { SOME_PORT: 'secret' })).not.toThrow(/secret/);
  });
});
