export { audit, startAudit } from './service.js';
