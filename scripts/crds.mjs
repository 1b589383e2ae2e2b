// Writes deploy/crds/ and the chart's crds/ from the schemas in src/crd. Run it by `npm run crds`.
import { mkdirSync, writeFileSync } from "node:fs";
import { stringify } from "yaml";
import { importSource } from "./bundle.mjs";

const { crds } = await importSource("src/crd/index.ts");
const folders = ["deploy/crds", "charts/aviary/crds"].map((path) => new URL(`../${path}/`, import.meta.url));
for (const folder of folders) mkdirSync(folder, { recursive: true });
for (const crd of crds()) {
  const text = stringify(crd, { aliasDuplicateObjects: false, lineWidth: 0, version: "1.1" });
  const file = `${crd.metadata.name}.yaml`;
  for (const folder of folders)
    writeFileSync(new URL(file, folder), `# Generated from src/crd by "npm run crds": change it there.\n${text}`);
  console.log(`deploy/crds/${file}`);
}

const names = crds().map((crd) => `  - ${crd.metadata.name}.yaml\n`);
const kustomization = `apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n${names.sort().join("")}`;
writeFileSync(new URL("kustomization.yaml", folders[0]), kustomization);
