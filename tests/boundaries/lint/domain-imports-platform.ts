// as libs/delegation/src/canary.ts
// expect @nx/enforce-module-boundaries: can only depend on|Circular dependency
import { connect } from '@mandate/messaging';
export const canary = connect;
