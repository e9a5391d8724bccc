// as libs/delegation/src/canary.ts
// expect @nx/enforce-module-boundaries: is not allowed to import "@nestjs/common"
import { Injectable } from '@nestjs/common';
export const canary = Injectable;
