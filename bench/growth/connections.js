export const connectionRuns = 1
export async function measureConnections() {}
