import { Module, type DynamicModule } from '@nestjs/common';
import { AuditExports, AuditSearch, ErasureApi, HTTP_CONTROLLERS } from './http/index.js';

export interface AuditParts {
  search: AuditSearch;
  exports: AuditExports;
  erasures: ErasureApi;
}

@Module({})
export class AuditModule {
  static of({ search, exports, erasures }: AuditParts): DynamicModule {
    return {
      module: AuditModule,
      controllers: [...HTTP_CONTROLLERS],
      providers: [
        { provide: AuditSearch, useValue: search },
        { provide: AuditExports, useValue: exports },
        { provide: ErasureApi, useValue: erasures },
      ],
    };
  }
}
