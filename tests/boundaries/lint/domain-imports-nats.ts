// as libs/delegation/src/canary.ts
// expect @nx/enforce-module-boundaries: is not allowed to import "@nats-io/transport-node"
import { connect } from '@nats-io/transport-node';
export const canary = connect;
