// as libs/kernel/src/canary.ts
// expect @nx/enforce-module-boundaries: is not allowed to import "class-validator"
import { IsString } from 'class-validator';
export const canary = IsString;
