export { canonicalJson } from '@mandate/kernel';
