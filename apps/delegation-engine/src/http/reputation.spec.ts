import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ReputationOverview } from '@mandate/contracts';
import { AppError } from '@mandate/kernel';
import { createLogger, createServiceApp, listenGateway, type Gateway, type RunningService } from '@mandate/service-host';
import { Module } from '@nestjs/common';
import { ReputationApi, type Caller } from './index.js';
import { ReputationController } from './reputation.controller.js';

const ID = '01JD00000000000000000000A0';
const JUDGED: ReputationOverview = { settings: { halfLife: 'PT6H', floor: 0.5, minVolume: 20, quiet: 'P1D' }, proposals: [] };

class RecordingReputation extends ReputationApi {
  asked: unknown[] = [];
  async view(): Promise<ReputationOverview> {
    return JUDGED;
  }
  async configure(_caller: Caller, change: unknown): Promise<ReputationOverview> {
    this.asked.push(change);
    return JUDGED;
  }
  accept(_caller: Caller, id: string): Promise<never> {
    return Promise.reject(new AppError('NO_PROPOSAL', 'not-found', `there is no proposal ${id}`));
  }
  dismiss(_caller: Caller, id: string, reason: string): Promise<never> {
    this.asked.push(reason);
    return Promise.reject(new AppError('PROPOSAL_DECIDED', 'conflict', `proposal ${id} was accepted`));
  }
  rebuild(): never {
    throw new Error('not asked here');
  }
}

const reputation = new RecordingReputation();

@Module({ controllers: [ReputationController], providers: [{ provide: ReputationApi, useValue: reputation }] })
class EdgeModule {}

let service: RunningService;
let gateway: Gateway;
beforeAll(async () => {
  const logger = createLogger({ service: 'delegation-engine', instance: 'i', level: 'silent' });
  service = await createServiceApp({ name: 'delegation-engine', prefixes: ['/api/agents'], module: EdgeModule, logger });
  gateway = await listenGateway([service], { host: '127.0.0.1', port: 0 });
});
afterAll(async () => {
  await gateway.close();
  await service.close();
});

const post = (path: string, body: unknown): Promise<Response> => fetch(gateway.url + path, { method: 'POST', body: JSON.stringify(body) });

describe('reputation over HTTP', () => {
  it('changes how workers are judged, and takes decisions on them, as told', async () => {
    expect(await (await fetch(`${gateway.url}/api/agents/reputation`)).json()).toEqual(JUDGED);
    expect((await post('/api/agents/reputation', { halfLife: 'PT1H', floor: 0.4 })).status).toBe(200);
    expect((await post('/api/agents/reputation', { floor: 1.1 })).status).toBe(400);
    expect((await post('/api/agents/reputation', { halfLife: 'soon' })).status).toBe(400);
    expect((await post(`/api/agents/proposals/${ID}/accept`, {})).status).toBe(404);
    expect((await post(`/api/agents/proposals/${ID}/dismiss`, {})).status).toBe(400);
    expect((await post(`/api/agents/proposals/${ID}/dismiss`, { reason: 'a test' })).status).toBe(409);
    expect((await post('/api/agents/proposals/x/accept', {})).status).toBe(400);
    expect(reputation.asked).toEqual([{ halfLife: 'PT1H', floor: 0.4 }, 'a test']);
  });
});
