import { defineConfig } from 'vitest/config'
import { Sqlite } from './test/real/sqlite.ts'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: Sqlite === null ? ['test/stores/sqlite*.test.ts'] : [],
    typecheck: { enabled: true, include: ['test/types/**/*.test-d.ts'], tsconfig: './tsconfig.json' },
    testTimeout: 30_000,
    hookTimeout: 60_000,
    coverage: {
      provider: 'v8',
      include: ['src/{engine,lib,codecs,itsdangerous,serializers,flask}/**'],
      reporter: ['text', 'json-summary'],
      thresholds: { branches: 95 },
    },
  },
})
