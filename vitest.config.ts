import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    typecheck: { enabled: true, include: ['test/types/**/*.test-d.ts'], tsconfig: './tsconfig.json' },
    globalSetup: [],
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
