import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../ports/kubernetes.ts";
import { ownerReference } from "../../ports/owner.ts";
import { configChecksum } from "./checksum.ts";
import { primaryConfig } from "./primary.ts";
import { configKey, configRefs, renameConfigRefs } from "./references.ts";
import { checksumsOf, isTracked, missingConfig, trackedConfigs } from "./tracking.ts";

const config = (name: string, fields: Partial<KubeObject> = {}): KubeObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "test" },
  ...fields,
});
const secret = (name: string, fields: Partial<KubeObject> = {}): KubeObject => ({
  ...config(name),
  kind: "Secret",
  type: "Opaque",
  ...fields,
});

/** Every way in which a pod can refer to a config, each with another name. */
const EVERYWHERE = {
  metadata: { labels: { app: "podinfo" } },
  spec: {
    serviceAccountName: "podinfo",
    imagePullSecrets: [{ name: "registry" }],
    volumes: [
      { name: "a", configMap: { name: "volume", items: [{ key: "k", path: "p" }] } },
      { name: "b", secret: { secretName: "volume", defaultMode: 420 } },
      {
        name: "c",
        projected: {
          sources: [
            { configMap: { name: "projected", optional: true } },
            { secret: { name: "projected" } },
            { serviceAccountToken: { path: "token" } },
          ],
        },
      },
      { name: "d", emptyDir: {} },
      { name: "e", csi: { driver: "vault", nodePublishSecretRef: { name: "driver" } } },
    ],
    initContainers: [
      { name: "init", env: [{ name: "X", valueFrom: { configMapKeyRef: { name: "init-env", key: "x" } } }] },
    ],
    containers: [
      {
        name: "app",
        env: [
          { name: "PLAIN", value: "volume" },
          { name: "S", valueFrom: { secretKeyRef: { name: "env", key: "s", optional: true } } },
          { name: "F", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
        ],
        envFrom: [{ configMapRef: { name: "env-from" } }, { secretRef: { name: "env-from" } }],
      },
    ],
    ephemeralContainers: [{ name: "debug", envFrom: [{ secretRef: { name: "debug" } }] }],
  },
};

const FOUND = [
  "configmap/volume",
  "secret/volume",
  "configmap/projected?",
  "secret/projected",
  "configmap/init-env",
  "secret/env?",
  "configmap/env-from",
  "secret/env-from",
  "secret/debug",
];

const shown = (refs: ReturnType<typeof configRefs>) => refs.map((ref) => `${configKey(ref)}${ref.optional ? "?" : ""}`);

describe("references to configs", () => {
  it("are found in every field that can hold one", () => {
    expect(shown(configRefs(EVERYWHERE))).toEqual(FOUND);
    expect(configRefs({})).toEqual([]);
    expect(configRefs({ spec: { volumes: null, containers: [{ name: "a" }] } })).toEqual([]);
  });

  it("are renamed wherever they are found, and nothing else changes", () => {
    const before = structuredClone(EVERYWHERE);
    const keys = new Set(configRefs(EVERYWHERE).map(configKey));
    const spec = renameConfigRefs(EVERYWHERE.spec, keys);
    expect(shown(configRefs({ spec }))).toEqual(FOUND.map((found) => found.replace(/\??$/, "-primary$&")));
    expect(EVERYWHERE).toEqual(before);
    const back = JSON.stringify(spec).replaceAll("-primary", "");
    expect(JSON.parse(back)).toEqual(EVERYWHERE.spec);
  });

  it("stay as they are where the config is not tracked", () => {
    const spec = renameConfigRefs(EVERYWHERE.spec, new Set(["configmap/volume"]));
    const [first, ...others] = spec["volumes"] as { readonly configMap: object }[];
    expect(first?.configMap).toEqual({ name: "volume-primary", items: [{ key: "k", path: "p" }] });
    expect(others).toEqual(EVERYWHERE.spec.volumes.slice(1));
    expect(renameConfigRefs(EVERYWHERE.spec, new Set())).toEqual(EVERYWHERE.spec);
  });

  it.each([
    [[true, false], false],
    [[false, true], false],
    [[true, true], true],
    [[undefined, true], false],
  ])("Q53: references with optional %j make the config optional: %s, in any order", (flags, optional) => {
    const envFrom = flags.map((flag) => ({
      configMapRef: { name: "c", ...(flag !== undefined && { optional: flag }) },
    }));
    expect(configRefs({ spec: { containers: [{ name: "app", envFrom }] } })).toEqual([
      { kind: "configmap", name: "c", optional },
    ]);
  });
});

describe("the checksum of a config", () => {
  const html = '<a href="x">&</a>\u2028é\n\t\u0001';
  it.each([
    ["no data", config("c"), "74234e98afe7498f"],
    ["empty data", config("c", { data: {} }), "44136fa355b3678a"],
    ["one key", config("c", { data: { color: "red" } }), "241889ca0604e333"],
    ["keys out of order", config("c", { data: { b: "2", a: "1" } }), "21f76dfbfe6dfe21"],
    ["HTML and control characters", config("c", { data: { html } }), "8bfa7be9ea733e84"],
    ["more control characters", config("c", { data: { ctl: '\u007f\b\f\r"\\/' } }), "17931f904dd17314"],
    ["a secret", secret("s", { data: { apiKey: "dGVzdA==", z: "" } }), "22d7b1eb632610c4"],
  ])("%s", (_, object, checksum) => expect(configChecksum(object)).toBe(checksum));

  it("sorts keys that look like numbers in byte order", () => {
    // printf '{"10":"a","9":"b"}' | sha256sum
    expect(configChecksum(config("c", { data: { 9: "b", 10: "a" } }))).toBe("12db95af954b2813");
  });

  it("Q52: covers binary data, and stays the same for an object without it", () => {
    const plain = configChecksum(config("c", { data: { color: "red" } }));
    const sums = [
      config("c", { data: { color: "red" }, binaryData: { logo: "AAEC" } }),
      config("c", { data: { color: "red" }, binaryData: { logo: "AAED" } }),
      config("c", { binaryData: { logo: "AAEC" } }),
      config("c", { data: { logo: "AAEC" } }),
    ].map(configChecksum);
    expect(new Set([plain, ...sums]).size).toBe(5);
    expect(configChecksum(config("c", { data: { color: "red" }, binaryData: {} }))).toBe(plain);
  });
});

describe("what is tracked", () => {
  const optOut = (value: string) => ({
    metadata: { name: "c", annotations: { "flagger.app/config-tracking": value } },
  });

  it.each([
    ["a ConfigMap", config("c"), true],
    ["an opted out ConfigMap", config("c", optOut("disabled")), false],
    ["one opted out in short", config("c", optOut("disable")), false],
    ["one opted in", config("c", optOut("enabled")), true],
    ["an opaque secret", secret("s"), true],
    ["a TLS secret", secret("s", { type: "kubernetes.io/tls" }), true],
    ["a basic-auth secret", secret("s", { type: "kubernetes.io/basic-auth" }), true],
    ["an ssh-auth secret", secret("s", { type: "kubernetes.io/ssh-auth" }), true],
    ["a service account token", secret("s", { type: "kubernetes.io/service-account-token" }), false],
    ["a registry login", secret("s", { type: "kubernetes.io/dockerconfigjson" }), false],
  ])("%s", (_, object, tracked) => expect(isTracked(object)).toBe(tracked));

  it("is looked up; a missing config is told apart from one that is not tracked", () => {
    const store = new Map([
      ["configmap/here", config("here", { data: { color: "red" } })],
      ["secret/here", secret("here", { type: "kubernetes.io/dockerconfigjson" })],
    ]);
    const refs = [
      { kind: "configmap", name: "here", optional: false },
      { kind: "secret", name: "here", optional: false },
      { kind: "configmap", name: "gone", optional: true },
      { kind: "secret", name: "gone", optional: false },
    ] as const;
    const tracked = trackedConfigs(refs, (kind, name) => store.get(`${kind}/${name}`));
    expect(checksumsOf(tracked)).toEqual({ "configmap/here": "241889ca0604e333" });
    expect(tracked.configs.get("configmap/here")?.object.metadata.name).toBe("here");
    expect(tracked.missing).toEqual([refs[2], refs[3]]);
    expect(missingConfig(refs[3], "test")).toBe(
      'secret gone.test get query error: secret gone.test get query error: secrets "gone" not found',
    );
  });
});

describe("the primary's copy of a config", () => {
  const owner = ownerReference({ ref: { name: "podinfo" }, uid: "u1" });

  it("Q66: carries the data, no annotations, and only the included labels", () => {
    const source = secret("login", {
      metadata: {
        name: "login",
        namespace: "test",
        uid: "x",
        resourceVersion: "7",
        labels: { "app.kubernetes.io/name": "podinfo", team: "a", "kustomize.toolkit.fluxcd.io/name": "apps" },
        annotations: { "kubectl.kubernetes.io/last-applied-configuration": "{}" },
      },
      type: "kubernetes.io/basic-auth",
      data: { username: "YQ==" },
      immutable: true,
    });
    expect(primaryConfig(source, { owner, includeLabelPrefixes: ["app.kubernetes.io/", "kustomize"] })).toEqual({
      apiVersion: "v1",
      kind: "Secret",
      metadata: {
        name: "login-primary",
        namespace: "test",
        labels: { "app.kubernetes.io/name": "podinfo" },
        ownerReferences: [owner],
      },
      type: "kubernetes.io/basic-auth",
      data: { username: "YQ==" },
    });
  });

  it("Q52: carries binary data", () => {
    const copy = primaryConfig(config("c", { binaryData: { logo: "AAEC" } }), { owner, includeLabelPrefixes: [] });
    expect(copy.binaryData).toEqual({ logo: "AAEC" });
    expect(copy.metadata.labels).toBeUndefined();
  });

  it("keeps its other owners, but not as controllers", () => {
    const other = ownerReference({ ref: { name: "frontend" }, uid: "u2" });
    const formerSelf = ownerReference({ ref: { name: "podinfo" }, uid: "u0" });
    const existing = config("c-primary", {
      metadata: { name: "c-primary", ownerReferences: [other, formerSelf, { ...owner, controller: false }] },
    });
    const copy = primaryConfig(config("c"), { owner, existing, includeLabelPrefixes: [] });
    expect(copy.metadata.ownerReferences).toEqual([owner, { ...other, controller: false }]);
  });
});
