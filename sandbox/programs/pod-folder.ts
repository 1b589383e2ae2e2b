/** A folder of this machine for one container: what its volumes hold, and a kubeconfig of its ServiceAccount. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { stringify } from "yaml";
import type { AppContext } from "../apps.ts";

const ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

export interface PodFolder {
  readonly dir: string;
  /** Of a kubeconfig; no file is there when the pod mounts no token. */
  readonly kubeconfig: string;
  remove(): void;
}

/** @param server URL of the API server */
export function makePodFolder({ files, namespace }: AppContext, server: string): PodFolder {
  const dir = mkdtempSync(join(tmpdir(), "aviary-pod-"));
  chmodSync(dir, 0o700);
  for (const [path, content] of files) {
    const place = join(dir, path);
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, content, { mode: 0o600 });
  }
  const kubeconfig = join(dir, "kubeconfig");
  const token = files.get(`${ACCOUNT}/token`);
  const ca = files.get(`${ACCOUNT}/ca.crt`);
  if (token !== undefined && ca !== undefined) {
    const authority = Buffer.from(ca).toString("base64");
    const name = "pod";
    const config = {
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name, cluster: { server, "certificate-authority-data": authority } }],
      users: [{ name, user: { token: Buffer.from(token).toString() } }],
      contexts: [{ name, context: { cluster: name, user: name, namespace } }],
      "current-context": name,
    };
    writeFileSync(kubeconfig, stringify(config), { mode: 0o600 });
  }
  return { dir, kubeconfig, remove: () => rmSync(dir, { recursive: true, force: true }) };
}
