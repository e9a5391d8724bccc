import { Module, type DynamicModule } from '@nestjs/common';
import { AuditSearch, HTTP_CONTROLLERS } from './http/index.js';

export interface AuditParts {
  search: AuditSearch;
}

@Module({})
export class AuditModule {
  static of({ search }: AuditParts): DynamicModule {
    return {
      module: AuditModule,
      controllers: [...HTTP_CONTROLLERS],
      providers: [{ provide: AuditSearch, useValue: search }],
    };
  }
}
