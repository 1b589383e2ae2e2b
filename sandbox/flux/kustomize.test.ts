/** The sandbox's kustomize against what kustomize does, and against what it must refuse. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import type { KubeObject } from "../../src/ports/kubernetes.ts";
import { PROJECT_ROOT } from "../../src/project-root.ts";
import { buildKustomization } from "./kustomize.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "kustomize-"));
});
afterEach(() => rmSync(root, { recursive: true }));

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
}

const DEPLOYMENT = `apiVersion: apps/v1
kind: Deployment
metadata: { name: app }
spec:
  template:
    spec:
      containers:
        - { name: app, image: "registry:5000/team/app:1.0", env: [{ name: A, value: "1" }, { name: B, value: "2" }] }
        - { name: sidecar, image: "registry:5000/team/sidecar" }
`;
const hasKubectl = spawnSync("kubectl", ["version", "--client"], { stdio: "ignore" }).status === 0;

/** Where kubectl is installed, its own kustomize says what is right. */
function expectSameAsKubectl(built: readonly KubeObject[], folder: string): void {
  if (!hasKubectl) return;
  const text = execFileSync("kubectl", ["kustomize", folder], { encoding: "utf8" });
  const theirs = parseAllDocuments(text).map((document) => document.toJS() as KubeObject);
  const key = ({ kind, metadata }: KubeObject) => `${kind} ${metadata.namespace ?? ""} ${metadata.name}`;
  const sorted = (objects: readonly KubeObject[]) => [...objects].sort((a, b) => (key(a) < key(b) ? -1 : 1));
  expect(sorted(built)).toEqual(sorted(theirs));
}

describe("the folders of this project", () => {
  it.each([
    ..."clusters/sandbox clusters/aks clusters/aks-addon infrastructure/operator infrastructure/prometheus".split(" "),
    ..."infrastructure/gateway infrastructure/gateway-addon infrastructure/istio apps/podinfo deploy".split(" "),
  ])("%s builds to the same objects as with kubectl", (path) => {
    const built = buildKustomization(PROJECT_ROOT, path);
    expect(built.length).toBeGreaterThan(0);
    expectSameAsKubectl(built, join(PROJECT_ROOT, path));
  });
});

describe("a kustomization", () => {
  it("sets namespace, labels, annotations and images, and merges patches by name", () => {
    write({
      "base/deployment.yaml": DEPLOYMENT,
      "base/kustomization.yaml": "resources: [deployment.yaml]",
      "over/patch.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: { name: app }
spec: { template: { spec: { containers: [{ name: app, env: [{ name: B, value: "3" }, { name: C, value: "4" }] }] } } }
`,
      "over/kustomization.yaml": `resources: [../base]
namespace: prod
labels: [{ pairs: { team: x } }]
commonAnnotations: { note: "yes" }
images: [{ name: "registry:5000/team/app", newTag: "2.0" }, { name: "registry:5000/team/sidecar", newName: other, digest: "sha256:0" }]
patches:
  - path: patch.yaml
  - target: { kind: Deployment }
    patch: '[{ "op": "add", "path": "/spec/replicas", "value": 3 }]'
`,
    });
    const [object] = buildKustomization(root, "over");
    expect(object?.metadata).toEqual({
      name: "app",
      namespace: "prod",
      labels: { team: "x" },
      annotations: { note: "yes" },
    });
    expect(object?.spec.replicas).toBe(3);
    const [app, sidecar] = object?.spec.template.spec.containers ?? [];
    expect([app.image, sidecar.image]).toEqual(["registry:5000/team/app:2.0", "other@sha256:0"]);
    expect(app.env).toEqual([
      { name: "A", value: "1" },
      { name: "B", value: "3" },
      { name: "C", value: "4" },
    ]);
  });

  it("of a folder without kustomization.yaml is all of its manifests, as Flux makes one", () => {
    write({
      "plain/a.yaml": DEPLOYMENT,
      "plain/deep/b.yml": "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: b }\n",
    });
    expect(buildKustomization(root, "plain").map(({ kind }) => kind)).toEqual(["Deployment", "ConfigMap"]);
  });

  it.each([
    [
      "an unknown field",
      { "kustomization.yaml": "configMapGenerator: []" },
      /does not know the field "configMapGenerator"/,
    ],
    ["a resource that is missing", { "kustomization.yaml": "resources: [gone.yaml]" }, /resource gone.yaml is missing/],
    [
      "a resource outside the repository",
      { "kustomization.yaml": "resources: [../../etc]" },
      /leads out of the repository/,
    ],
    ["a remote resource", { "kustomization.yaml": "resources: ['https://example.com/x']" }, /reads no remote resource/],
    [
      "a folder that includes itself",
      { "kustomization.yaml": "resources: [a]", "a/kustomization.yaml": "resources: [../a]" },
      /includes itself/,
    ],
    ["broken YAML", { "kustomization.yaml": "resources: [a.yaml]", "a.yaml": "a: [" }, /a.yaml is not valid YAML/],
    [
      "a document without a kind",
      { "kustomization.yaml": "resources: [a.yaml]", "a.yaml": "a: 1" },
      /without apiVersion, kind or metadata.name/,
    ],
    [
      "a patch that meets nothing",
      { "kustomization.yaml": "patches: [{ target: { kind: Job }, patch: '[]' }]" },
      /meets no resource/,
    ],
  ])("with %s is refused", (_name, files, message) => {
    write(files);
    expect(() => buildKustomization(root, ".")).toThrow(message);
  });

  it("at a path that leads out of the repository, or that is not there, is refused", () => {
    expect(() => buildKustomization(root, "../..")).toThrow(/leads out of the repository/);
    expect(() => buildKustomization(root, "nothing")).toThrow(/is not in the repository/);
  });
});

describe("a repository that reaches for the files of this machine", () => {
  const SECRET = `apiVersion: v1
kind: Secret
metadata: { name: of-the-machine }
stringData: { token: S3CR3T }
`;
  const CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: app }\n";
  const patched = (path: string) =>
    `resources: [app.yaml]\npatches: [{ path: "${path}", target: { kind: ConfigMap } }]\n`;
  let outside: string;
  beforeEach(() => {
    outside = mkdtempSync(join(tmpdir(), "machine-"));
    writeFileSync(join(outside, "secret.yaml"), SECRET);
  });
  afterEach(() => rmSync(outside, { recursive: true }));

  it.each<[what: string, files: () => Readonly<Record<string, string>>, links: Readonly<Record<string, string>>]>([
    ["a path of a patch", () => ({ "app.yaml": CONFIG, "kustomization.yaml": patched(`${outside}/secret.yaml`) }), {}],
    [
      "a path upwards of a patch",
      () => ({ "app.yaml": CONFIG, "kustomization.yaml": patched(relative(root, join(outside, "secret.yaml"))) }),
      {},
    ],
    [
      "a link as a patch",
      () => ({ "app.yaml": CONFIG, "kustomization.yaml": patched("link.yaml") }),
      { "link.yaml": "secret.yaml" },
    ],
    [
      "a link as a resource",
      () => ({ "kustomization.yaml": "resources: [link.yaml]" }),
      { "link.yaml": "secret.yaml" },
    ],
    ["a link to a folder", () => ({ "kustomization.yaml": "resources: [link]" }), { link: "." }],
    ["a link among manifests", () => ({ "app.yaml": CONFIG }), { "link.yaml": "secret.yaml" }],
    ["a link as the kustomization", () => ({ "app.yaml": CONFIG }), { "kustomization.yaml": "secret.yaml" }],
  ])("%s is refused", (_, files, links) => {
    write(files());
    for (const [name, target] of Object.entries(links)) symlinkSync(join(outside, target), join(root, name));
    expect(() => buildKustomization(root, ".")).toThrow(/leads out of the repository/);
  });

  it("a link as the folder is refused, and a link within the repository is followed", () => {
    symlinkSync(outside, join(root, "link"));
    expect(() => buildKustomization(root, "link")).toThrow("path link leads out of the repository");
    write({ "real/app.yaml": CONFIG });
    symlinkSync(join(root, "real"), join(root, "alias"));
    expect(buildKustomization(root, "alias")).toHaveLength(1);
  });
});
