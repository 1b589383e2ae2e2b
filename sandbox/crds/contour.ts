/** The kinds that Contour reads, with open schemas: Contour itself says in a status what it does not understand. */
import type { KubeObject } from "../../src/ports/kubernetes.ts";
import { AGE, type Column, definition, OPEN } from "./definition.ts";

const COLUMNS: readonly Column[] = [
  { name: "FQDN", jsonPath: ".spec.virtualhost.fqdn", type: "string" },
  { name: "Status", jsonPath: ".status.currentStatus", type: "string" },
  AGE,
];

export function contourCrds(): readonly KubeObject[] {
  const crd = (kind: string, version: string, columns: readonly Column[], plural?: string): KubeObject => {
    const singular = kind.toLowerCase();
    const made = definition({
      group: "projectcontour.io",
      kind,
      singular,
      shortNames: [],
      categories: [],
      versions: [version],
      columns,
      spec: OPEN,
    });
    if (plural === undefined) return made;
    const names = { ...made.spec.names, plural };
    return { ...made, metadata: { name: `${plural}.projectcontour.io` }, spec: { ...made.spec, names } };
  };
  return [
    crd("HTTPProxy", "v1", COLUMNS, "httpproxies"),
    crd("TLSCertificateDelegation", "v1", [AGE]),
    crd("ExtensionService", "v1alpha1", [AGE]),
    crd("ContourConfiguration", "v1alpha1", [AGE]),
    crd("ContourDeployment", "v1alpha1", [AGE]),
  ];
}
