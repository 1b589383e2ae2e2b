// Writes deploy/crds/ from the schemas in src/core/crd. Run it by `npm run crds`, which compiles them first.
import { mkdirSync, writeFileSync } from "node:fs";
import { stringify } from "yaml";
import { crds } from "../dist/src/crd/index.js";

const folder = new URL("../deploy/crds/", import.meta.url);
mkdirSync(folder, { recursive: true });
for (const crd of crds()) {
  const text = stringify(crd, { aliasDuplicateObjects: false, lineWidth: 0, version: "1.1" });
  const file = `${crd.metadata.name}.yaml`;
  writeFileSync(new URL(file, folder), `# Generated from src/core/crd by "npm run crds": change it there.\n${text}`);
  console.log(`deploy/crds/${file}`);
}
