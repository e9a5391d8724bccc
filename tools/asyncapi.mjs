// The bus as an AsyncAPI 3 document (https://www.asyncapi.com/docs/reference/specification/v3.0.0).
// Messages that the engine takes come from the classes it checks them with; those it sends are written down here.
import {
  DelegationCommand,
  DelegationRequest,
  Heartbeat,
  OfferReply,
  Registration,
  StepResult,
  EVENTS_STREAM,
  IN_STREAM,
  NAME_TOKEN,
  PRINCIPAL_HEADER,
  REPLY_TO_HEADER,
  TASK_STATES,
  TENANT_TOKEN,
  subjects,
} from '@mandate/contracts';
import { PROBLEM_SCHEMA, reachableSchemas } from '@mandate/service-host';

const text = { type: 'string' };
const ulid = { type: 'string', pattern: '^[0-7][0-9A-HJKMNP-TV-Z]{25}$' };
const record = (properties, optional = []) => ({
  type: 'object',
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
  properties,
});

const SENT = {
  Acknowledgement: record({ id: ulid, state: { type: 'string', enum: TASK_STATES } }),
  RegistrationAnswer: record({
    instance: text,
    workSubject: text,
    controlSubject: text,
    heartbeatSubject: text,
    heartbeat: { type: 'string', format: 'duration' },
  }),
  Offer: record(
    {
      delegationId: ulid,
      stepId: text,
      attempt: { type: 'integer', minimum: 1 },
      leaseId: ulid,
      capability: text,
      goal: text,
      input: {},
      results: { type: 'object', description: 'Outputs of the direct dependencies by step id' },
      answers: { type: 'object', description: 'Answers by question id' },
      deadline: { type: 'string', format: 'date-time' },
      resultSubject: text,
    },
    ['answers'],
  ),
  ControlMessage: record({ type: { type: 'string', enum: ['start', 'cancel', 'lease-lost'] }, leaseId: ulid, reason: text }, ['reason']),
  Event: { type: 'object', description: 'The data of the event type; personal fields stand behind {"$ref"}' },
  Problem: PROBLEM_SCHEMA,
};

const PARAMETERS = {
  tenant: { description: `\`${TENANT_TOKEN.source}\`, \`default\` unless told otherwise` },
  id: { description: 'A ULID' },
  principal: { description: `\`${NAME_TOKEN.source}\`; in whose name` },
  stepId: { description: `\`${NAME_TOKEN.source}\`` },
  attempt: { description: 'From 1' },
  instance: { description: `\`${NAME_TOKEN.source}\`; a worker's process` },
  aggregate: { description: 'Such as `delegation`' },
};

// address, who sends to it, what, what comes back
const CHANNELS = {
  request: {
    address: subjects.request('{tenant}', '{id}', '{principal}'),
    action: 'receive',
    message: 'DelegationRequest',
    stream: IN_STREAM,
    summary: `Ask. The answer goes to the header ${REPLY_TO_HEADER}; the id is the delegation's`,
  },
  result: {
    address: subjects.result('{tenant}', '{id}', '{stepId}', '{attempt}'),
    action: 'receive',
    message: 'StepResult',
    stream: IN_STREAM,
    summary: 'A worker reports; done when the publish is acked',
  },
  command: {
    address: subjects.command('{tenant}', '{id}', '{principal}'),
    action: 'receive',
    message: 'DelegationCommand',
    stream: IN_STREAM,
    summary: 'Cancel, approve, deny, answer',
  },
  event: {
    address: subjects.event('{tenant}', '{aggregate}', '{id}'),
    action: 'send',
    message: 'Event',
    stream: EVENTS_STREAM,
    summary: 'What was committed, in order for each aggregate, at least once: deduplicate by ce-id',
  },
  register: {
    address: subjects.register('{tenant}'),
    action: 'receive',
    message: 'Registration',
    reply: 'RegistrationAnswer',
    summary: 'A worker says what it can do',
  },
  work: {
    address: subjects.work('{tenant}', '{instance}'),
    action: 'send',
    message: 'Offer',
    reply: 'OfferReply',
    summary: 'An attempt is offered; answer within two seconds, before beginning',
  },
  control: {
    address: subjects.control('{tenant}', '{instance}'),
    action: 'send',
    message: 'ControlMessage',
    summary: 'Start, cancel, lease lost',
  },
  heartbeat: {
    address: subjects.heartbeat('{tenant}', '{instance}'),
    action: 'receive',
    message: 'Heartbeat',
    summary: 'The only thing that extends leases',
  },
};

const EVENT_HEADERS = {
  type: 'object',
  description: 'CloudEvents 1.0, binary mode',
  properties: Object.fromEntries(
    [
      'ce-id',
      'ce-type',
      'ce-source',
      'ce-subject',
      'ce-time',
      'ce-dataschema',
      'ce-sequence',
      'ce-correlationid',
      'ce-causationid',
      'ce-tenantid',
      'traceparent',
    ].map((name) => [name, text]),
  ),
};

const parametersOf = (address) => Object.fromEntries([...address.matchAll(/\{(\w+)\}/g)].map(([, name]) => [name, PARAMETERS[name]]));

const message = (name) => ({
  name,
  contentType: name === 'Problem' ? 'application/problem+json' : 'application/json',
  ...(name === 'Event' ? { headers: EVENT_HEADERS } : {}),
  payload: { $ref: `#/components/schemas/${name}` },
});

const refs = (channel, names) => names.map((name) => ({ $ref: `#/channels/${channel}/messages/${name}` }));

export const asyncapi = async (version) => {
  const taken = await reachableSchemas([DelegationRequest, DelegationCommand, Registration, Heartbeat, OfferReply, StepResult]);
  const schemas = { ...taken, ...SENT };
  const channels = {};
  const operations = {};
  for (const [name, { address, action, message: sent, reply, stream, summary }] of Object.entries(CHANNELS)) {
    const answers = reply ? [reply, ...(action === 'receive' ? ['Problem'] : [])] : [];
    channels[name] = {
      address,
      summary: stream ? `${summary} (JetStream ${stream})` : summary,
      parameters: parametersOf(address),
      messages: Object.fromEntries([sent, ...answers].map((key) => [key, { $ref: `#/components/messages/${key}` }])),
    };
    operations[name] = {
      action,
      channel: { $ref: `#/channels/${name}` },
      summary,
      messages: refs(name, [sent]),
      ...(answers.length > 0 ? { reply: { channel: { $ref: `#/channels/${name}` }, messages: refs(name, answers) } } : {}),
    };
  }
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Mandate on NATS',
      version,
      description: `A request with the header ${REPLY_TO_HEADER} is answered there with an Acknowledgement or a Problem. ${PRINCIPAL_HEADER} is HTTP's; here the principal is a token of the subject.`,
    },
    servers: { default: { host: '127.0.0.1:7422', protocol: 'nats' } },
    defaultContentType: 'application/json',
    channels,
    operations,
    components: { schemas, messages: Object.fromEntries(Object.keys(schemas).map((name) => [name, message(name)])) },
  };
};
