import { Module, type DynamicModule } from '@nestjs/common';
import { AuditExports, AuditLog, AuditSearch, ErasureApi, HTTP_CONTROLLERS } from './http/index.js';

export interface AuditParts {
  search: AuditSearch;
  exports: AuditExports;
  erasures: ErasureApi;
  log: AuditLog;
}

@Module({})
export class AuditModule {
  static of({ search, exports, erasures, log }: AuditParts): DynamicModule {
    return {
      module: AuditModule,
      controllers: [...HTTP_CONTROLLERS],
      providers: [
        { provide: AuditSearch, useValue: search },
        { provide: AuditExports, useValue: exports },
        { provide: ErasureApi, useValue: erasures },
        { provide: AuditLog, useValue: log },
      ],
    };
  }
}
