/** Everything the host reads from its environment. */
import { IsIn, IsInt, IsNotEmpty, IsOptional, IsString, Matches, Max, Min, ValidateIf } from 'class-validator';
import { NAME_TOKEN } from '@mandate/contracts';
import { Env, type LogOptions, type ServiceOptions } from '@mandate/service-host';

const anyRecogniser = ({ recogniserModel, recogniserVkey }: HostConfig): boolean => Boolean(recogniserModel ?? recogniserVkey);
const WITH_VKEY = '$property is missing: MANDATE_RECOGNISER_VKEY alone says nothing';
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
const WITH_MODEL = '$property must be the base64 of the public key that MANDATE_RECOGNISER_MODEL is checked with';

export class HostConfig {
  @Env('DATABASE_URL') @Matches(/^postgres(ql)?:\/\//, { message: '$property must be a postgres:// address' }) databaseUrl!: string;
  /** The database's owner, for migrations only; without it DATABASE_URL is taken for both. */
  @Env('MANDATE_DATABASE_OWNER_URL')
  @IsOptional()
  @Matches(/^postgres(ql)?:\/\//, { message: '$property must be a postgres:// address' })
  ownerUrl?: string;
  @Env('NATS_URL') @Matches(/^(nats|tls|wss?):\/\//, { message: '$property must be a nats:// address' }) natsUrl!: string;
  @Env('MANDATE_TOKEN') @IsOptional() @IsString() token?: string;
  /** A file with 32 bytes in hex that wraps the keys of personal data. Lost with it is all personal data. */
  @Env('MANDATE_MASTER_KEY_FILE') @IsString() @IsNotEmpty() masterKeyFile!: string;
  /** What a restored database must not undo; see ServiceOptions. */
  @Env('MANDATE_STATE_DIR') @IsString() @IsNotEmpty() stateFolder: string = '.mandate/state';
  /** Where events go that retention drops; default: a folder in the state folder. */
  @Env('MANDATE_ARCHIVE_DIR') @IsOptional() @IsString() archiveFolder?: string;
  /** The log's name in signed heads, for good; read when the signing key is made. */
  @Env('MANDATE_LOG_ORIGIN')
  @IsOptional()
  @Matches(/^[^\s+]+$/, { message: '$property must have no space and no plus' })
  logOrigin?: string;
  /** `<public key> <address>` each. */
  @Env('MANDATE_WITNESSES')
  @Matches(/^\S+ https?:\/\/\S+$/, { each: true, message: '$property must be pairs of a public key and an http address' })
  witnesses: string[] = [];
  @Env('MANDATE_PORT') @IsInt() @Min(0) @Max(65_535) port: number = 7400;
  @Env('MANDATE_HOST') @IsString() host: string = '127.0.0.1';
  @Env('MANDATE_SERVICES') @IsString({ each: true }) services: string[] = ['all'];
  /** Steps at workers at once, of all tenants. */
  @Env('MANDATE_CAPACITY') @IsOptional() @IsInt() @Min(1) capacity?: number;
  /** A recogniser's model in the place of the shipped one, its signature beside it, and the public key that it is checked with. */
  @Env('MANDATE_RECOGNISER_MODEL') @ValidateIf(anyRecogniser) @IsString({ message: WITH_VKEY }) recogniserModel?: string;
  @Env('MANDATE_RECOGNISER_VKEY') @ValidateIf(anyRecogniser) @Matches(BASE64, { message: WITH_MODEL }) recogniserVkey?: string;
  @Env('MANDATE_INSTANCE') @IsOptional() @Matches(NAME_TOKEN) instance?: string;
  @Env('MANDATE_LOG_LEVEL') @IsIn(['trace', 'debug', 'info', 'warn', 'error', 'silent']) logLevel:
    'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent' = 'info';
}

export const logOptions = ({ logOrigin, witnesses }: HostConfig): LogOptions => ({
  ...(logOrigin ? { origin: logOrigin } : {}),
  witnesses: witnesses.map((pair) => pair.split(' ')).map(([vkey = '', url = '']) => ({ vkey, url })),
});

export const recogniserOptions = ({ recogniserModel, recogniserVkey }: HostConfig): Pick<ServiceOptions, 'recogniser'> =>
  recogniserModel && recogniserVkey ? { recogniser: { file: recogniserModel, vkey: recogniserVkey } } : {};
