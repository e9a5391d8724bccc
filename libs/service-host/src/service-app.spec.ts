import { describe, expect, it } from '@jest/globals';
import { Registration } from '@mandate/contracts';
import { AppError } from '@mandate/kernel';
import { JetStreamServer, type JetStreamServerOptions } from '@mandate/messaging';
import { Controller, Injectable, Module, type OnModuleDestroy } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { DocumentPipe } from './document.pipe.js';
import { HealthRegistry } from './health.js';
import { createLogger } from './logger.js';
import { Registry } from './metrics.js';
import { createServiceApp } from './service-app.js';

const log: string[] = [];

@Injectable()
class Connection implements OnModuleDestroy {
  constructor(
    health: HealthRegistry,
    readonly metrics: Registry,
  ) {
    health.add('connection', async () => 'here');
  }

  onModuleDestroy(): void {
    log.push('destroyed');
  }
}

@Controller()
class WorkersController {
  @MessagePattern('register')
  register(@Payload(new DocumentPipe(Registration)) registration: Registration): unknown {
    if (registration.name === 'full') throw new AppError('TOO_MANY', 'limited', 'try later');
    return { instance: registration.instance };
  }
}

@Module({ controllers: [WorkersController], providers: [Connection] })
class WorkersModule {}

const bytes = (document: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(document));
const registration = { name: 'w', version: '1', instance: 'i', capabilities: [{ name: 'search', description: 'searches' }] };

describe('a service', () => {
  it('parses and refuses messages as it does HTTP bodies, and closes in order', async () => {
    const bus = new JetStreamServer({ connection: {} as JetStreamServerOptions['connection'], requests: {}, queue: 'q' });
    const service = await createServiceApp({
      name: 'workers',
      prefixes: [],
      module: WorkersModule,
      logger: createLogger({ service: 'workers', instance: 'i', level: 'silent' }),
      transports: [bus],
      beforeClose: async () => void log.push('drained'),
    });
    const deliver = (data: Uint8Array): Promise<unknown> => bus.deliver('register', data, { subject: 's', headers: undefined });

    expect(await deliver(bytes(registration))).toEqual({ instance: 'i' });
    await expect(deliver(bytes({ ...registration, name: 'full' }))).rejects.toMatchObject({ code: 'TOO_MANY' });
    await expect(deliver(bytes({ ...registration, nope: 1 }))).rejects.toMatchObject({ code: 'UNKNOWN_FIELD' });
    await expect(deliver(new TextEncoder().encode('{'))).rejects.toMatchObject({ code: 'INVALID_JSON' });
    expect(await service.health.report()).toMatchObject({ checks: [{ name: 'connection', detail: 'here' }] });

    await service.close();
    expect(log).toEqual(['drained', 'destroyed']);
  });
});
