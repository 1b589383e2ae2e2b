/**
 * nginx.conf of a plan. A request's way is chosen by maps: header, cookie and weight each say "c" (canary), "m" (main)
 * or nothing, and the first that says something decides. Pure.
 */
import type { CanaryRule, Location, Server, Upstream } from "./plan.ts";

export interface ConfigPlaces {
  /** Folder of everything that nginx writes. */
  readonly dir: string;
  /** Where users are served on 127.0.0.1. */
  readonly port: number;
  /** Where nginx says which configuration is in force, on 127.0.0.1. */
  readonly healthPort: number;
  /** Number of the configuration. */
  readonly generation: number;
  /** Processes of root would serve as another user, who cannot read the folder. */
  readonly user?: string;
}

/** What the access log holds of each request. */
export interface AccessLine {
  readonly namespace: string;
  readonly ingress: string;
  readonly service: string;
  /** Name of the canary's upstream, when the request went there. */
  readonly canary: string;
  readonly host: string;
  readonly path: string;
  readonly method: string;
  readonly status: string;
  /** Seconds. */
  readonly request: string;
  /** Seconds; "-" without an answer of a pod, several with commas after tries. */
  readonly response: string;
}

const LOG_FIELDS: Readonly<Record<keyof AccessLine, string>> = {
  namespace: "$aviary_namespace",
  ingress: "$aviary_ingress",
  service: "$aviary_service",
  canary: "$aviary_canary",
  host: "$host",
  path: "$aviary_path",
  method: "$request_method",
  status: "$status",
  request: "$request_time",
  response: "$upstream_response_time",
};

export function configOf(servers: readonly Server[], places: ConfigPlaces): string {
  const { dir, port, healthPort, generation, user } = places;
  const upstreams = new Map<string, Upstream>();
  for (const { upstream, canary } of servers.flatMap(({ locations }) => locations)) {
    upstreams.set(upstream.name, upstream);
    if (canary !== undefined) upstreams.set(canary.upstream.name, canary.upstream);
  }
  const numbered = servers.map((server, s) => ({ server, id: (l: number) => `${s}_${l}` }));
  const maps = numbered.flatMap(({ server, id }) =>
    server.locations.flatMap(({ canary, upstream }, l) =>
      canary === undefined ? [] : choice(id(l), canary, upstream),
    ),
  );
  const format = JSON.stringify(LOG_FIELDS);
  return [
    ...["daemon off;", `pid ${dir}/nginx.pid;`, "error_log stderr warn;", "worker_processes 1;"],
    ...(user === undefined ? [] : [`user ${user};`]),
    ...["worker_shutdown_timeout 10s;", "events { worker_connections 4096; }", "http {"],
    ...["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `  ${name}_temp_path ${dir}/${name};`),
    `  log_format aviary escape=json '${format}';`,
    ...["  map_hash_bucket_size 512;", "  server_names_hash_bucket_size 512;", "  variables_hash_max_size 4096;"],
    ...["  proxy_http_version 1.1;", "  proxy_set_header Connection '';", "  proxy_set_header Host $host;"],
    ...["  proxy_set_header X-Request-ID $request_id;", "  proxy_next_upstream error timeout;"],
    "  client_max_body_size 1m;",
    ...[...upstreams.values()].flatMap((upstream) => upstreamLines(upstream, dir)),
    ...maps,
    `  server { listen unix:${dir}/empty.sock; access_log off; location / { return 503; } }`,
    `  server { listen 127.0.0.1:${healthPort}; access_log off; location / { return 200 ${generation}; } }`,
    ...serverLines(
      { host: "", locations: [] },
      () => "",
      port,
      dir,
      servers.every(({ host }) => host !== ""),
    ),
    ...numbered.flatMap(({ server, id }) => serverLines(server, id, port, dir, true)),
    "}",
    "",
  ].join("\n");
}

const quoted = (text: string): string => `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;

/** Without a pod that is ready, users get 503, as from ingress-nginx. */
function upstreamLines({ name, addresses }: Upstream, dir: string): readonly string[] {
  const servers = addresses.length === 0 ? [`unix:${dir}/empty.sock`] : addresses;
  const lines = servers.map((address) => `    server ${address} max_fails=0;`);
  return [`  upstream ${name} {`, ...lines, "    keepalive 64;", "  }"];
}

function choice(id: string, rule: CanaryRule, main: Upstream): readonly string[] {
  const variable = (name: string) => name.toLowerCase().replaceAll("-", "_");
  const named = ['    "always" c;', '    "never" m;'];
  const header = rule.header === undefined ? undefined : `$http_${variable(rule.header)}`;
  const values =
    rule.headerValue !== undefined
      ? [`    ${quoted(rule.headerValue)} c;`]
      : rule.headerPattern !== undefined
        ? [`    ${quoted(`~${rule.headerPattern}`)} c;`]
        : named;
  const share = rule.weightTotal === 0 ? 0 : Math.min(100, (rule.weight * 100) / rule.weightTotal);
  const weight =
    share <= 0 || share >= 100
      ? [`  map "" $weight_${id} { default ${share <= 0 ? "m" : "c"}; }`]
      : [`  split_clients $request_id $weight_${id} { ${share.toFixed(2)}% c; * m; }`];
  const map = (from: string | undefined, to: string, lines: readonly string[]) =>
    from === undefined
      ? [`  map "" ${to} { default ""; }`]
      : [`  map ${from} ${to} {`, ...lines, '    default "";', "  }"];
  return [
    ...weight,
    ...map(header, `$header_${id}`, values),
    ...map(rule.cookie === undefined ? undefined : `$cookie_${rule.cookie}`, `$bycookie_${id}`, named),
    `  map "$header_${id}$bycookie_${id}$weight_${id}" $canary_${id} { ~^c ${rule.upstream.name}; default ""; }`,
    `  map "$header_${id}$bycookie_${id}$weight_${id}" $upstream_${id} { ~^c ${rule.upstream.name}; default ${main.name}; }`,
  ];
}

/**
 * Connections of users are closed after each answer. A worker that ends closes those that are kept: a request that is
 * just on its way on one of them would be lost whenever the configuration is read again. Connections to pods are kept.
 */
function serverLines(
  { host, locations }: Server,
  id: (location: number) => string,
  port: number,
  dir: string,
  wanted: boolean,
): readonly string[] {
  if (!wanted) return [];
  const isDefault = host === "";
  const all = locations.some(({ path, exact }) => path === "/" && !exact);
  return [
    "  server {",
    `    listen 127.0.0.1:${port}${isDefault ? " default_server" : ""};`,
    `    server_name ${isDefault ? "_" : host};`,
    "    keepalive_timeout 0;",
    `    set $aviary_namespace ""; set $aviary_ingress ""; set $aviary_service ""; set $aviary_canary ""; set $aviary_path "";`,
    `    access_log ${dir}/access.log aviary;`,
    ...locations.flatMap((location, l) => locationLines(location, id(l))),
    ...(all ? [] : ["    location / { return 404; }"]),
    "  }",
  ];
}

function locationLines(location: Location, id: string): readonly string[] {
  const { path, exact, namespace, ingress, service, upstream, canary } = location;
  const body = [
    `      set $aviary_namespace ${quoted(namespace)}; set $aviary_ingress ${quoted(ingress)};`,
    `      set $aviary_service ${quoted(service)}; set $aviary_path ${quoted(path)};`,
    ...(canary === undefined ? [] : [`      set $aviary_canary $canary_${id};`]),
    `      proxy_pass http://${canary === undefined ? upstream.name : `$upstream_${id}`};`,
  ];
  const block = (pattern: string) => [`    location ${pattern} {`, ...body, "    }"];
  if (exact) return block(`= ${quoted(path)}`);
  if (path === "/") return block("/");
  const bare = path.replace(/\/+$/, "");
  return [...block(`= ${quoted(bare)}`), ...block(quoted(`${bare}/`))];
}
