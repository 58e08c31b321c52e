export function writePage(w) {
  console.log(JSON.stringify(w).length)
}
