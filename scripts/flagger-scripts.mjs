// Runs the end-to-end scripts of Flagger's repository against Aviary in the sandbox, each in a sandbox of its own.
//
//   FLAGGER_REPO=/path/to/flagger node scripts/flagger-scripts.mjs [istio/canary keda/scaledobject ...]
//
// Needs kubectl, git and bash, and go for istio/session-affinity. The scripts run as they are, but for two things: the install step,
// which would make a cluster and build an image, and one line of test-daemonset.sh, which deletes another Canary than it waits for.
import { spawn, spawnSync } from "node:child_process";
import { cpSync, createWriteStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("../bin/aviary", import.meta.url));
const LONGEST_MS = 30 * 60_000;

/** Folder of Flagger's tests, script, and where its installation is. */
const SCRIPTS = [
  ...["canary", "skip-analysis", "delegation", "session-affinity"].map((name) => ["istio", name, "istio-system"]),
  ...["deployment", "daemonset", "hpa"].map((name) => ["kubernetes", name, "flagger-system"]),
  ["keda", "scaledobject", "flagger-system"],
  ["knative", "canary", "flagger-system"],
];

const PROMETHEUS = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: prometheus, namespace: istio-system}
spec:
  selector: {matchLabels: {app: prometheus}}
  template:
    metadata: {labels: {app: prometheus}}
    spec: {containers: [{name: prometheus, image: prom/prometheus:v2.41.0, ports: [{containerPort: 9090}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: prometheus, namespace: istio-system}
spec: {selector: {app: prometheus}, ports: [{name: http, port: 9090}]}
`;

/**
 * Flagger's role lets it get and update Knative Services. Aviary watches them and their Revisions, and patches, so that the
 * changes of others stay: it needs these rights beside Flagger's role.
 */
const KNATIVE_RIGHTS = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: aviary-knative}
rules:
- {apiGroups: [serving.knative.dev], resources: [services], verbs: [get, list, watch, patch]}
- {apiGroups: [serving.knative.dev], resources: [revisions], verbs: [get, list, watch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: aviary-knative}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: aviary-knative}
subjects: [{kind: ServiceAccount, name: flagger, namespace: flagger-system}]
`;

const repository = process.env.FLAGGER_REPO ?? "";
if (repository === "") throw new Error("FLAGGER_REPO must be the path of a copy of Flagger's repository");
const asked = process.argv.slice(2);
const known = SCRIPTS.map(([folder, name]) => `${folder}/${name}`);
for (const name of asked) if (!known.includes(name)) throw new Error(`${name} is none of ${known.join(", ")}`);

let failures = 0;
for (const [folder, name, namespace] of SCRIPTS) {
  if (asked.length > 0 && !asked.includes(`${folder}/${name}`)) continue;
  const began = Date.now();
  const { code, log } = await run(folder, name, namespace);
  const seconds = Math.round((Date.now() - began) / 1000);
  process.stdout.write(`${folder}/${name}: ${code === 0 ? "passed" : `failed (${code}), see ${log}`}, ${seconds} s\n`);
  if (code !== 0) failures += 1;
}
process.exitCode = failures === 0 ? 0 : 1;

async function run(folder, name, namespace) {
  const dir = mkdtempSync(join(tmpdir(), `aviary-flagger-${folder}-${name}-`));
  const copy = join(dir, "flagger");
  for (const part of ["test", "kustomize"]) cpSync(join(repository, part), join(copy, part), { recursive: true });
  spawnSync("git", ["init", "--quiet", copy]);
  mend(join(copy, "test/kubernetes/test-daemonset.sh"));
  const state = join(dir, "state");
  const env = { ...process.env, KUBECONFIG: join(state, "kubeconfig"), KUBECACHEDIR: join(dir, "cache") };
  const log = join(dir, "log");
  const output = createWriteStream(log);
  const init = folder === "knative" ? "test/knative/init.sh" : "test/workloads/init.sh";
  const provider = folder === "keda" ? "kubernetes" : folder;
  const lines = [
    "set -e",
    ...(folder === "istio" ? [`kubectl apply -f - <<'END'\n${PROMETHEUS}\nEND`] : []),
    `kubectl apply -k kustomize/${provider}`,
    ...(folder === "knative" ? [`kubectl apply -f - <<'END'\n${KNATIVE_RIGHTS}\nEND`] : []),
    `kubectl -n ${namespace} set image deployment/flagger flagger=test/flagger:latest`,
    `kubectl -n ${namespace} rollout status deployment`,
    `bash ${init}`,
    `bash test/${folder}/test-${name}.sh`,
  ];
  let passed = false;
  try {
    const up = await shell(`'${PROGRAM}' sandbox up --state-dir '${state}'`, { env, output, cwd: copy });
    const code = up === 0 ? await shell(lines.join("\n"), { env, output, cwd: copy }) : up;
    passed = code === 0;
    return { code, log };
  } finally {
    await shell(`'${PROGRAM}' sandbox down --state-dir '${state}'`, { env, output, cwd: copy });
    await new Promise((resolve) => output.end(resolve));
    // The folder holds what `sandbox down` has to know: it goes last.
    if (passed) rmSync(dir, { recursive: true, force: true });
  }
}

/** The script waits until one Canary is gone, and deletes another. */
function mend(file) {
  const text = readFileSync(file, "utf8");
  writeFileSync(
    file,
    text.replace("kubectl delete canary podinfo -n test", "kubectl delete canary podinfo-ds -n test"),
  );
}

function shell(text, { env, output, cwd }) {
  return new Promise((resolve) => {
    const child = spawn("bash", ["-c", text], { env, cwd, stdio: ["ignore", "pipe", "pipe"] });
    const timer = setTimeout(() => child.kill(), LONGEST_MS);
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => output.write(part));
    child.once("exit", (code, signal) => {
      clearTimeout(timer);
      resolve(code ?? signal);
    });
  });
}
