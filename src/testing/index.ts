export { storeSuite } from './store-suite.ts'
export type { StoreSuiteOptions, StoreUnderTest } from './store-suite.ts'
