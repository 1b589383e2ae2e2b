/** Aviary's own policies, as they are shipped, over HTTP and by kubectl: who may ask for what. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { VERBS } from "../../../src/core/people/steering.ts";
import { PROJECT_ROOT } from "../../../src/project-root.ts";
import { claimAddressBlock } from "../../addresses.ts";
import { externalServer, type TestClient, testClient } from "../http/test-client.ts";
import { type ApiServer, startApiServer } from "../index.ts";

const external = externalServer();
const NAMESPACE = `policies-${process.pid}`;
const GROUP = "/apis/aviary.flagger.app/v1alpha1";
const ACTIONS = `${GROUP}/namespaces/${NAMESPACE}/canaryactions`;
const documents = (path: string) =>
  parseAllDocuments(readFileSync(join(PROJECT_ROOT, path), "utf8")).map((document) => document.toJS());
const as = (user: string) => ({ "impersonate-user": user, "impersonate-group": "system:authenticated" });

let server: ApiServer | undefined;
let client: TestClient;
let release = async () => {};

beforeAll(async () => {
  if (external === undefined) {
    const addresses = await claimAddressBlock();
    const started = await startApiServer({ addresses });
    server = started;
    release = async () => {
      await started.stop();
      await addresses.release();
    };
  }
  client = testClient(external ?? (server as ApiServer));
  await client.send("POST", "/api/v1/namespaces", { metadata: { name: NAMESPACE } });
  for (const kind of ["canaryactions", "canaryfreezes"]) {
    const [crd] = documents(`deploy/crds/${kind}.aviary.flagger.app.yaml`);
    await client.send("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd);
  }
  for (const file of ["policy.yaml", "roles.yaml"]) {
    for (const object of documents(`deploy/steering/${file}`)) {
      const plural = `${object.kind.toLowerCase()}s`.replace(/policys$/, "policies");
      const made = await client.send("POST", `/apis/${object.apiVersion}/${plural}`, object);
      expect(made.code).toBe(201);
    }
  }
  const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${NAMESPACE}/rolebindings`;
  for (const [user, role] of Object.entries({
    viewer: "aviary-viewer",
    olga: "aviary-operator",
    ada: "aviary-admin",
  })) {
    await client.send("POST", rbac, {
      metadata: { name: `${user}-${role}` },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role },
      subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: user }],
    });
  }
  for (const verb of VERBS) {
    const name = `only-${verb}`;
    const rules = [
      { apiGroups: ["aviary.flagger.app"], resources: ["canaryactions"], verbs: ["create"] },
      { apiGroups: ["flagger.app"], resources: ["canaries"], resourceNames: ["podinfo"], verbs: [verb] },
    ];
    await client.send("POST", rbac.replace("rolebindings", "roles"), { metadata: { name }, rules });
    await client.send("POST", rbac, {
      metadata: { name },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name },
      subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name }],
    });
  }
  await client.send("POST", rbac, {
    metadata: { name: "ada-too" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "aviary-operator" },
    subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "ada" }],
  });
});

afterAll(async () => {
  await client.send("DELETE", `/api/v1/namespaces/${NAMESPACE}`);
  await release();
});

let made = 0;
const action = (verb: string, by: string) => {
  made += 1;
  return {
    apiVersion: "aviary.flagger.app/v1alpha1",
    kind: "CanaryAction",
    metadata: { name: `action-${made}`, namespace: NAMESPACE },
    spec: { canary: "podinfo", verb, by, reason: "a test" },
  };
};
const ask = (user: string, verb: string, by = user) => client.send("POST", ACTIONS, action(verb, by), as(user));

describe("a CanaryAction", () => {
  const operators = ["pause", "resume", "approve", "refuse", "promote", "abort", "retry"];
  const admins = VERBS.filter((verb) => !operators.includes(verb));

  it.each(VERBS)("for %s needs that verb on the Canary", async (verb) => {
    expect((await ask("viewer", verb)).code).toBe(403);
    expect((await ask("olga", verb)).code).toBe(operators.includes(verb) ? 201 : 403);
    expect((await ask("ada", verb)).code).toBe(201);
    // The right to one verb on one Canary is enough, and is a right to nothing else.
    expect((await ask(`only-${verb}`, verb)).code).toBe(201);
    const [other = ""] = VERBS.filter((one) => one !== verb);
    expect((await ask(`only-${verb}`, other)).code).toBe(403);
    const elsewhere = action(verb, `only-${verb}`);
    elsewhere.spec.canary = "another";
    expect((await client.send("POST", ACTIONS, elsewhere, as(`only-${verb}`))).code).toBe(403);
  });

  it("that skips the judgement is for those whom the namespace's admin names", () => {
    expect(admins).toEqual(["promote-full", "undo", "skip", "set-weight", "override"]);
  });

  it("that overrides a freeze needs a reason", async () => {
    const silent = action("override", "ada");
    const answer = await client.send("POST", ACTIONS, { ...silent, spec: { ...silent.spec, reason: "" } }, as("ada"));
    expect(answer).toMatchObject({
      code: 422,
      json: { message: expect.stringContaining("an override needs a reason") },
    });
  });

  it("that is refused says who cannot do what", async () => {
    expect(await ask("olga", "undo")).toMatchObject({
      code: 403,
      json: {
        reason: "Forbidden",
        message: expect.stringContaining(
          "ValidatingAdmissionPolicy 'aviary-canaryactions' with binding 'aviary-canaryactions' denied request: " +
            `"olga" cannot undo canaries.flagger.app "podinfo" in the namespace "${NAMESPACE}"`,
        ),
      },
    });
  });

  it("names the user who creates it", async () => {
    expect(await ask("olga", "pause", "ada")).toMatchObject({
      code: 403,
      json: { message: expect.stringContaining("spec.by must be the user who creates the action") },
    });
  });

  it("is refused in a rehearsal, too", async () => {
    expect((await client.send("POST", `${ACTIONS}?dryRun=All`, action("undo", "olga"), as("olga"))).code).toBe(403);
    expect((await client.send("POST", `${ACTIONS}?dryRun=All`, action("pause", "olga"), as("olga"))).code).toBe(201);
  });

  it("is never changed, not even by an administrator", async () => {
    const asked = action("pause", "ada");
    await client.send("POST", ACTIONS, asked, as("ada"));
    const { name } = asked.metadata;
    const headers = { "content-type": "application/merge-patch+json" };
    const changed = await client.send("PATCH", `${ACTIONS}/${name}`, { spec: { verb: "abort" } }, headers);
    expect(changed).toMatchObject({
      code: 422,
      json: { message: expect.stringContaining("an action cannot be changed") },
    });
    const answered = await client.send("PATCH", `${ACTIONS}/${name}/status`, { status: { phase: "Applied" } }, headers);
    expect(answered.code).toBe(200);
  });
});

it("a CanaryFreeze is an admin's, and names its maker", async () => {
  const kind = { apiVersion: "aviary.flagger.app/v1alpha1", kind: "CanaryFreeze" };
  const freeze = (by: string) => ({ ...kind, metadata: { name: `sale-${by}` }, spec: { by } });
  const at = `${GROUP}/namespaces/${NAMESPACE}/canaryfreezes`;
  expect((await client.send("POST", at, freeze("olga"), as("olga"))).code).toBe(403);
  expect((await client.send("POST", at, freeze("olga"), as("ada"))).code).toBe(403);
  expect((await client.send("POST", at, freeze("ada"), as("ada"))).code).toBe(201);
});

it("kubectl shows the refusal", async () => {
  const place = external ?? (server as ApiServer);
  const dir = mkdtempSync(join(tmpdir(), "aviary-policies-"));
  try {
    writeFileSync(join(dir, "ca.crt"), place.ca);
    writeFileSync(join(dir, "action.json"), JSON.stringify(action("undo", "olga")));
    const words = ["--server", place.url, "--certificate-authority", join(dir, "ca.crt"), "--token", place.token];
    const run = promisify(execFile)(
      "kubectl",
      [...words, "--as", "olga", "create", "--validate=false", "-f", join(dir, "action.json")],
      { env: { ...process.env, KUBECONFIG: "/dev/null", HOME: dir } },
    );
    await expect(run).rejects.toMatchObject({
      stderr: expect.stringContaining('"olga" cannot undo canaries.flagger.app'),
    });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
