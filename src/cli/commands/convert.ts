/** Turns Canaries of provider nginx, with their Ingresses, into Canaries of the Gateway API. */
import { stringify } from "yaml";
import { visible } from "../../net/show.ts";
import { type Command, UserError } from "../command.ts";
import { convertNginx } from "../convert/nginx.ts";
import { readManifests } from "../manifests.ts";
import { describeOptions, type OptionSpec, readOptions } from "../options.ts";

const OPTIONS = {
  gateway: { type: "string", preset: "gateway", help: "NAME or NAMESPACE/NAME of the Gateway" },
  "annotations-prefix": {
    type: "string",
    preset: "nginx.ingress.kubernetes.io",
    help: "prefix of the annotations that are translated",
  },
} as const satisfies Record<string, OptionSpec>;

export const convertCommand: Command = {
  help: `Usage: aviary convert FILE|FOLDER|-... [OPTIONS]

Prints the Canaries for the Gateway API as YAML. What a person has to look at stands before each as comments.

Examples:
  aviary convert canary.yaml ingress.yaml --gateway ingress/public
  kubectl -n test get canaries,ingresses -o yaml | aviary convert -

${describeOptions(OPTIONS)}`,
  run({ argv, out }) {
    const options = readOptions(argv, OPTIONS);
    if (options.words.length === 0) throw new UserError("name at least one file with a Canary, or - for stdin", 2);
    const manifests = readManifests(options.words);
    const canaries = manifests.filter(({ kind, spec }) => kind === "Canary" && spec?.ingressRef !== undefined);
    if (canaries.length === 0) {
      throw new UserError(`there is no Canary with an ingressRef in ${options.words.join(", ")}`);
    }
    const gateway = gatewayOf(options.text("gateway") ?? "");
    const prefix = options.text("annotations-prefix") ?? "";
    const documents = canaries.map((canary) => {
      const { objects, notes } = convertNginx(canary, manifests, { gateway, prefix });
      // A note repeats what the files say: none of it may become a line of its own.
      const comments = notes.map((note) => `# ${visible(note).replaceAll("\n", "\\n")}\n`).join("");
      return comments + objects.map((object) => stringify(object, { lineWidth: 0 })).join("---\n");
    });
    out(documents.join("---\n"));
    return Promise.resolve(0);
  },
};

/** @throws UserError for what is no name */
function gatewayOf(text: string) {
  const [first = "", second, ...more] = text.split("/");
  if (first === "" || second === "" || more.length > 0) {
    throw new UserError(`--gateway must be NAME or NAMESPACE/NAME, found "${text}"`, 2);
  }
  return second === undefined ? { name: first } : { namespace: first, name: second };
}
