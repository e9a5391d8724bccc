import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AppError } from '@mandate/kernel';
import { testNats, type TestNats } from '@mandate/testing';
import { connect, headers as newHeaders, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { Catch, Controller, Module, type ExceptionFilter, type INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Ctx, MessagePattern, Payload } from '@nestjs/microservices';
import { of, throwError, type Observable } from 'rxjs';
import { BusContext, JetStreamServer } from './jetstream-server.js';

const text = (data: Uint8Array): string => new TextDecoder().decode(data);

@Controller()
class SpecController {
  @MessagePattern('greet')
  greet(@Payload() data: Uint8Array, @Ctx() context: BusContext): object {
    return { said: text(data), subject: context.subject, trace: context.headers?.get('traceparent') ?? null };
  }

  @MessagePattern('refuse')
  refuse(): never {
    throw new AppError('NOT_THIS', 'conflict', 'not this one', { field: 'that' });
  }

  @MessagePattern('break')
  break(): never {
    throw new Error('the password is hunter2');
  }

  @MessagePattern('stream')
  stream(): unknown {
    return of('first', 'last');
  }
}

/** Nest's own filter would hide what was thrown; services pass it on as this one does. */
@Catch()
class PassOn implements ExceptionFilter {
  catch(error: unknown): Observable<never> {
    return throwError(() => error);
  }
}

@Module({ controllers: [SpecController] })
class SpecModule {}

let nats: TestNats;
let connection: NatsConnection;
let caller: NatsConnection;
let server: JetStreamServer;
let app: INestMicroservice;
beforeAll(async () => {
  nats = await testNats();
  [connection, caller] = await Promise.all([connect({ servers: nats.url }), connect({ servers: nats.url })]);
  server = new JetStreamServer({
    connection,
    requests: { greet: 'spec.*.greet', refuse: 'spec.refuse', break: 'spec.break' },
    queue: 'spec',
  });
  app = await NestFactory.createMicroservice(SpecModule, { strategy: server, logger: false });
  app.useGlobalFilters(new PassOn());
  await app.listen();
  await connection.flush();
});
afterAll(async () => {
  await Promise.all([connection.close(), caller.close()]);
  await nats.stop();
});

const ask = (subject: string, body = ''): Promise<Msg> => {
  const headers = newHeaders();
  headers.set('traceparent', 'a trace');
  return caller.request(subject, body, { headers, timeout: 5_000 });
};

describe('a plain request', () => {
  it('reaches its controller with payload, subject and headers, and is answered', async () => {
    const answer = await ask('spec.default.greet', 'hello');
    expect(answer.json()).toEqual({ said: 'hello', subject: 'spec.default.greet', trace: 'a trace' });
    expect(answer.headers?.get('Content-Type') ?? '').toBe('');
  });

  it('is answered with a problem document when it is refused', async () => {
    const answer = await ask('spec.refuse');
    expect(answer.headers?.get('Content-Type')).toBe('application/problem+json');
    expect(answer.json()).toEqual({
      type: 'urn:mandate:problem:not-this',
      title: expect.any(String),
      status: 409,
      code: 'NOT_THIS',
      detail: 'not this one',
      field: 'that',
    });
  });

  it('tells nothing of an error that nobody expected', async () => {
    const answer = await ask('spec.break');
    expect(answer.json()).toMatchObject({ status: 500, code: 'INTERNAL' });
    expect(answer.string()).not.toContain('hunter2');
  });

  it('is answered once, by one of several servers', async () => {
    const other = await connect({ servers: nats.url });
    const second = new JetStreamServer({ connection: other, requests: { greet: 'spec.*.greet' }, queue: 'spec' });
    const secondApp = await NestFactory.createMicroservice(SpecModule, { strategy: second, logger: false });
    await secondApp.listen();
    await other.flush();
    const inbox = 'spec-inbox.once';
    const answers: string[] = [];
    const subscription = caller.subscribe(inbox, { callback: (_error, message) => void answers.push(message.string()) });
    for (let i = 0; i < 20; i++) caller.publish('spec.default.greet', String(i), { reply: inbox });
    await caller.flush();
    await secondApp.close();
    await ask('spec.default.greet', 'after');
    await Promise.all([connection.flush(), other.flush()]);
    await caller.flush();
    expect(answers).toHaveLength(20);
    subscription.unsubscribe();
    await other.close();
  });
});

describe('deliver', () => {
  const request = { subject: 'a.subject', headers: undefined };

  it('runs the controller and resolves to what it gives', async () =>
    expect(await server.deliver('greet', Buffer.from('hi'), request)).toEqual({ said: 'hi', subject: 'a.subject', trace: null }));

  it('rejects with what the controller threw, itself', async () => {
    const refused = server.deliver('refuse', new Uint8Array(), request);
    await expect(refused).rejects.toBeInstanceOf(AppError);
    await expect(refused).rejects.toMatchObject({ code: 'NOT_THIS', details: { field: 'that' } });
  });

  it('takes the last of what a controller streams', async () =>
    expect(await server.deliver('stream', new Uint8Array(), request)).toBe('last'));

  it('rejects a pattern that no controller has', async () =>
    expect(server.deliver('nobody', new Uint8Array(), request)).rejects.toThrow('no controller handles nobody'));
});

it('gives out the connection, and no events of its own', () => {
  expect(server.unwrap()).toBe(connection);
  expect(() => server.on()).toThrow('belongs to the service');
});

it('takes nothing more once it is closed', async () => {
  await app.close();
  await expect(ask('spec.refuse')).rejects.toThrow(/no responders/);
});
