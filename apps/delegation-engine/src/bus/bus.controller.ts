import {
  DelegationCommand,
  parseInbound,
  Registration,
  TENANT_TOKEN,
  type Acknowledgement,
  type RegistrationAnswer,
} from '@mandate/contracts';
import { AppError } from '@mandate/kernel';
import { BusContext } from '@mandate/messaging';
import { DocumentPipe } from '@mandate/service-host';
import { Controller } from '@nestjs/common';
import { Ctx, MessagePattern, Payload } from '@nestjs/microservices';
import { Presence } from '../engine/presence.js';
import { Steering } from '../engine/steering.js';

export const REGISTER = 'register';
export const COMMAND = 'command';

/** What comes over NATS and is not on the hot path. */
@Controller()
export class BusController {
  constructor(
    private readonly presence: Presence,
    private readonly steering: Steering,
  ) {}

  @MessagePattern(REGISTER)
  register(@Payload(new DocumentPipe(Registration)) registration: Registration, @Ctx() context: BusContext): Promise<RegistrationAnswer> {
    const tenant = context.subject.split('.')[2] ?? '';
    if (!TENANT_TOKEN.test(tenant)) throw new AppError('INVALID_SUBJECT', 'invalid', 'a tenant must match [a-z0-9-]{1,60}');
    return this.presence.register(tenant, registration, context.headers?.get('traceparent') || undefined);
  }

  @MessagePattern(COMMAND)
  command(@Payload(new DocumentPipe(DelegationCommand)) command: DelegationCommand, @Ctx() context: BusContext): Promise<Acknowledgement> {
    const inbound = parseInbound(context.subject);
    if (inbound?.family !== 'command')
      throw new AppError('INVALID_SUBJECT', 'invalid', 'a command goes to mandate.v1.<tenant>.command.<id>.<principal>');
    return this.steering.command(inbound, command, context.headers?.get('traceparent') || undefined);
  }
}
