/**
 * The environment of commands: what a shell, kubectl and helm need, and what the flag `-command-env` names. The load
 * tester's own environment may contain secrets, and every caller could print them.
 */

const PASSED = new Set([
  ...["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TERM", "HOSTNAME"],
  ...["http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"],
  ...["KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"],
  ...["AVIARY_NAMESERVER", "AVIARY_SEARCH", "AVIARY_PORT_SHIFT"],
  ...["SSL_CERT_FILE", "SSL_CERT_DIR"],
]);
const PREFIXES = ["LC_", "HELM_"];

/** @param names of further variables to pass on; "*" is all of them */
export function commandEnvironment(env: NodeJS.ProcessEnv, names: readonly string[]): NodeJS.ProcessEnv {
  if (names.includes("*")) return env;
  const isPassed = (name: string) =>
    PASSED.has(name) || names.includes(name) || PREFIXES.some((prefix) => name.startsWith(prefix));
  return Object.fromEntries(Object.entries(env).filter(([name]) => isPassed(name)));
}
