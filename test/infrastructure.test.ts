/**
 * Terraform's files for AKS. Every argument is compared with a table of those that the provider documents. Where
 * terraform is on PATH, `fmt` runs, too. Where $AZURERM_MIRROR names a folder with the provider (a file system mirror
 * of Terraform), `validate` and `test` run.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { PROJECT_ROOT } from "../src/project-root.ts";

const FOLDER = join(PROJECT_ROOT, "infrastructure/aks");
const TEXT = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".tf"))
  .map((name) => readFileSync(join(FOLDER, name), "utf8"))
  .join("\n");

/** The arguments and blocks of provider azurerm 5.2 that these files may use. A dot leads into a block. */
const NAMED = "name location resource_group_name tags";
const DOCUMENTED: Readonly<Record<string, string>> = {
  azurerm_resource_group: "name location tags",
  azurerm_kubernetes_cluster: `${NAMED} dns_prefix kubernetes_version oidc_issuer_enabled workload_identity_enabled
    automatic_upgrade_channel node_os_upgrade_channel default_node_pool default_node_pool.name default_node_pool.vm_size
    default_node_pool.node_count default_node_pool.os_disk_size_gb default_node_pool.auto_scaling_enabled
    default_node_pool.upgrade_settings default_node_pool.upgrade_settings.max_surge
    default_node_pool.upgrade_settings.drain_timeout_in_minutes
    default_node_pool.upgrade_settings.node_soak_duration_in_minutes node_provisioning_profile node_provisioning_profile.mode
    identity identity.type network_profile network_profile.network_plugin network_profile.network_plugin_mode
    network_profile.network_data_plane network_profile.network_policy network_profile.load_balancer_sku
    service_mesh_profile service_mesh_profile.mode service_mesh_profile.revisions
    service_mesh_profile.external_ingress_gateway_enabled service_mesh_profile.internal_ingress_gateway_enabled
    monitor_metrics`,
  azurerm_kubernetes_cluster_extension: "name cluster_id extension_type release_namespace configuration_settings",
  azurerm_kubernetes_flux_configuration: `name cluster_id namespace scope continuous_reconciliation_enabled depends_on
    git_repository git_repository.url git_repository.reference_type git_repository.reference_value
    git_repository.sync_interval_in_seconds git_repository.https_user git_repository.https_key_base64 kustomizations
    kustomizations.name kustomizations.path kustomizations.sync_interval_in_seconds kustomizations.wait
    kustomizations.retry_interval_in_seconds kustomizations.garbage_collection_enabled`,
  azurerm_monitor_workspace: NAMED,
  azurerm_monitor_data_collection_endpoint: `${NAMED} kind`,
  azurerm_monitor_data_collection_rule: `${NAMED} kind data_collection_endpoint_id destinations destinations.monitor_account
    destinations.monitor_account.monitor_account_id destinations.monitor_account.name data_flow data_flow.streams
    data_flow.destinations data_sources data_sources.prometheus_forwarder data_sources.prometheus_forwarder.streams
    data_sources.prometheus_forwarder.name`,
  azurerm_monitor_data_collection_rule_association: "name target_resource_id data_collection_rule_id",
  azurerm_user_assigned_identity: NAMED,
  azurerm_federated_identity_credential: "name user_assigned_identity_id audience issuer subject",
  azurerm_role_assignment: "scope role_definition_name principal_id",
};
/** Arguments of Terraform itself. */
const EVERYWHERE = ["count", "for_each", "depends_on", "lifecycle"];

interface Block {
  readonly type: string;
  readonly labels: readonly string[];
  readonly path: readonly string[];
}

/** Reads the blocks and arguments of HCL as `terraform fmt` lays them out: one per line. */
function argumentsOf(text: string): readonly { readonly resource: string; readonly argument: string }[] {
  const found: { resource: string; argument: string }[] = [];
  const open: Block[] = [];
  let map = 0;
  for (const line of text.split("\n").map((each) => each.replace(/#.*$/, "").trim())) {
    const resource = open.find(({ type }) => type === "resource")?.labels[0];
    // The keys of a map are no arguments.
    if (map > 0) {
      map += (line.match(/[{[]/g) ?? []).length - (line.match(/[}\]]/g) ?? []).length;
      continue;
    }
    const block = /^([a-z_]+)((?: "[^"]*")*) \{(\})?$/.exec(line);
    const argument = /^([a-z_0-9]+) *= *(.*)$/.exec(line);
    if (block !== null) {
      const labels = [...(block[2] ?? "").matchAll(/"([^"]*)"/g)].map(([, label = ""]) => label);
      const isOwn = block[1] === "dynamic" || block[1] === "content" || resource === undefined;
      const name = block[1] === "dynamic" ? (labels[0] ?? "") : isOwn ? "" : (block[1] ?? "");
      const path = [...(open.at(-1)?.path ?? []), ...(name === "" ? [] : [name])];
      if (resource !== undefined && name !== "") found.push({ resource, argument: path.join(".") });
      if (block[3] === undefined) open.push({ type: block[1] ?? "", labels, path });
    } else if (line === "}") open.pop();
    else if (argument !== null) {
      const value = argument[2] ?? "";
      map = (value.match(/[{[]/g) ?? []).length - (value.match(/[}\]]/g) ?? []).length;
      const isDynamic = open.at(-1)?.type === "dynamic";
      if (resource !== undefined && !isDynamic) {
        found.push({ resource, argument: [...(open.at(-1)?.path ?? []), argument[1]].join(".") });
      }
    }
  }
  return found;
}

const used = argumentsOf(TEXT);

describe("infrastructure/aks", () => {
  it.each(Object.keys(DOCUMENTED))("%s uses only documented arguments", (resource) => {
    const own = used.filter((each) => each.resource === resource).map(({ argument }) => argument);
    expect(own.length).toBeGreaterThan(0);
    const known = [...(DOCUMENTED[resource] ?? "").split(/\s+/), ...EVERYWHERE];
    expect(own.filter((argument) => !known.includes(argument))).toEqual([]);
  });

  it("has no resource without a row in the table", () => {
    expect([...new Set(used.map(({ resource }) => resource))].filter((resource) => !(resource in DOCUMENTED))).toEqual(
      [],
    );
  });

  it("notices an argument that is misspelt", () => {
    const text = 'resource "azurerm_resource_group" "x" {\n  nmae = "x"\n}\n';
    expect(argumentsOf(text)).toEqual([{ resource: "azurerm_resource_group", argument: "nmae" }]);
  });

  it("holds no credential, and marks the one that it is given as sensitive", () => {
    expect(TEXT).not.toMatch(/(password|secret|token|key)\w*\s*=\s*"[^"]{8,}"/i);
    expect(/variable "git_https_key" \{[^}]*sensitive\s*=\s*true/.test(TEXT)).toBe(true);
  });
});

describe("terraform itself, where it is on PATH", () => {
  const hasTerraform = spawnSync("terraform", ["version"], { stdio: "ignore" }).status === 0;
  const mirror = hasTerraform ? process.env["AZURERM_MIRROR"] : undefined;
  const folders: string[] = [];
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  });
  const terraform = (folder: string, words: readonly string[], settings = "/dev/null") => {
    const { status, stdout, stderr } = spawnSync("terraform", [...words], {
      cwd: folder,
      encoding: "utf8",
      env: { ...process.env, TF_CLI_CONFIG_FILE: settings },
    });
    return { status, text: stdout + stderr };
  };

  it("finds the files formatted", () => {
    if (!hasTerraform) return expect(hasTerraform).toBe(false);
    expect(terraform(FOLDER, ["fmt", "-check", "-recursive"])).toMatchObject({ status: 0 });
  });

  it("validates them and runs their tests with the real provider", () => {
    if (mirror === undefined) return expect(mirror).toBeUndefined();
    const folder = mkdtempSync(join(tmpdir(), "aks-"));
    folders.push(folder);
    cpSync(FOLDER, folder, { recursive: true });
    const settings = join(folder, "terraform.rc");
    writeFileSync(settings, `provider_installation {\n  filesystem_mirror { path = ${JSON.stringify(mirror)} }\n}\n`);
    for (const words of [["init", "-input=false", "-backend=false"], ["validate"], ["test"]]) {
      const { status, text } = terraform(folder, words, settings);
      expect([words[0], status], text).toEqual([words[0], 0]);
    }
  });
});
