export async function startupCosts() {
  return null
}
