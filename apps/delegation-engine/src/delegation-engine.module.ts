import { Module, type DynamicModule } from '@nestjs/common';
import { BusController } from './bus/bus.controller.js';
import type { Engine } from './engine/engine.js';
import { Presence } from './engine/presence.js';
import { Steering } from './engine/steering.js';
import { DeadLettersApi, DelegationApi, HTTP_CONTROLLERS, ReputationApi, SchedulesApi, SchedulingApi } from './http/index.js';

@Module({})
export class DelegationEngineModule {
  static of({
    api,
    deadLetters,
    flow,
    presence,
    reviews,
    schedules,
    steering,
  }: Pick<Engine, 'api' | 'deadLetters' | 'flow' | 'presence' | 'reviews' | 'schedules' | 'steering'>): DynamicModule {
    return {
      module: DelegationEngineModule,
      controllers: [...HTTP_CONTROLLERS, BusController],
      providers: [
        { provide: DelegationApi, useValue: api },
        { provide: DeadLettersApi, useValue: deadLetters },
        { provide: SchedulesApi, useValue: schedules },
        { provide: SchedulingApi, useValue: flow },
        { provide: ReputationApi, useValue: reviews },
        { provide: Presence, useValue: presence },
        { provide: Steering, useValue: steering },
      ],
    };
  }
}
