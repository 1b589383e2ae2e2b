/** What is broken on purpose in src/services/, see scripts/mutants.mjs. */
export const ROWS = [
  {
    breaks: "node ports change at every turn",
    from: "nodePort === undefined ? port : { ...port, nodePort }",
    to: "port",
  },
  {
    breaks: "discovered ports are not served",
    from: "return [main, ...discovered];",
    to: "return [main];",
  },
  {
    breaks: "the primary's Service selects the target's pods",
    from: 'servedBy: "primary" | "canary" = role === "canary" ? "canary" : "primary",',
    to: 'servedBy: "primary" | "canary" = "canary",',
  },
  {
    breaks: "the apex Service selects the untested pods",
    from: 'renderService(canary, "apex", selector, seen, servedBy),',
    to: 'renderService(canary, "apex", selector, seen, "canary"),',
  },
  {
    breaks: "users of the primary are led to a port that only the next release serves",
    from: "if (primaryPort !== undefined) return primaryPort;",
    to: "",
  },
  {
    breaks: "a spec that comes before its release leads users to a port that nobody serves",
    from: "return present !== undefined && primaryPorts.includes(present) ? present : service.targetPort;",
    to: "return service.targetPort;",
  },
];
