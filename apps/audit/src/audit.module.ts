import { Module, type DynamicModule } from '@nestjs/common';
import { AuditExports, AuditLog, AuditSearch, ErasureApi, HTTP_CONTROLLERS, LearningApi, ReplayApi, RetentionApi } from './http/index.js';

export interface AuditParts {
  search: AuditSearch;
  exports: AuditExports;
  erasures: ErasureApi;
  retention: RetentionApi;
  learning: LearningApi;
  log: AuditLog;
  replay: ReplayApi;
}

@Module({})
export class AuditModule {
  static of({ search, exports, erasures, retention, learning, log, replay }: AuditParts): DynamicModule {
    return {
      module: AuditModule,
      controllers: [...HTTP_CONTROLLERS],
      providers: [
        { provide: AuditSearch, useValue: search },
        { provide: AuditExports, useValue: exports },
        { provide: ErasureApi, useValue: erasures },
        { provide: RetentionApi, useValue: retention },
        { provide: LearningApi, useValue: learning },
        { provide: AuditLog, useValue: log },
        { provide: ReplayApi, useValue: replay },
      ],
    };
  }
}
