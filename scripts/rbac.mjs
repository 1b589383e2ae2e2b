// Writes the operator's rights into deploy/operator and the chart. Run it by `npm run rbac`.
import { readFileSync, writeFileSync } from "node:fs";
import { parseDocument } from "yaml";
import { importSource } from "./bundle.mjs";

const { allRules, rightsOf } = await importSource("src/operator/rights.ts");
const { createRouters } = await importSource("src/routers/table.ts");
const { createWorkloads } = await importSource("src/workloads/table.ts");
const workloads = createWorkloads({ selectorLabels: [], includeLabelPrefixes: [], configTracking: true });
const rights = rightsOf({ routers: createRouters({ setOwnerRefs: true }), workloads });
const chart = new URL("../charts/aviary/files/rbac.yaml", import.meta.url);
const remark =
  '# Generated from src/operator/rights.ts by "npm run rbac": change it there. The chart\'s ClusterRole is made of `common`,\n# `secrets` and the providers in use.\n';
const word = (text) => (/^[a-z][a-zA-Z0-9./]*$/.test(text) ? text : JSON.stringify(text));
const list = (texts) => `[${texts.map(word).join(", ")}]`;
const rulesText = (rules, indent) =>
  rules
    .map(
      (rule) =>
        `${indent}- ${Object.entries(rule)
          .map(([key, texts]) => `${key}: ${list(texts)}`)
          .join(`\n${indent}  `)}\n`,
    )
    .join("");
const section = (name, rules, indent) =>
  rules.length === 0 ? `${indent}${word(name)}: []\n` : `${indent}${word(name)}:\n${rulesText(rules, `${indent}  `)}`;
const { leader, common, optional, secrets, providers } = rights;
const shared = Object.entries({ leader, common, optional, secrets }).map(([name, rules]) => section(name, rules, ""));
const own = Object.entries(providers).map(([name, rules]) => section(name, rules, "  "));
writeFileSync(chart, `${remark}${shared.join("")}providers:\n${own.join("")}`);

const manifest = new URL("../deploy/operator/operator.yaml", import.meta.url);
const parts = readFileSync(manifest, "utf8").split(/^---\n/m);
const written = parts.map((text) => {
  if (parseDocument(text).get("kind") !== "ClusterRole") return text;
  const head = text.replace(/^(# Generated.*\n)?rules:[\s\S]*/m, "");
  return `${head}# Generated from src/operator/rights.ts by "npm run rbac": change it there.\n${section("rules", allRules(rights), "")}`;
});
writeFileSync(manifest, written.join("---\n"));
console.log("charts/aviary/files/rbac.yaml, deploy/operator/operator.yaml");
