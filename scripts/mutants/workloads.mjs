/** What is broken on purpose in src/workloads/, see scripts/mutants.mjs. */
export const ROWS = [
  {
    breaks: "a status of the revision before is believed",
    in: "src/workloads/deployment/",
    from: "if ((metadata.generation ?? 0) > (status.observedGeneration ?? 0)) {",
    to: "if (false) {",
  },
  {
    breaks: "the wait for pods that never come has no end",
    from: "return now > deadline",
    to: "return false",
  },
  {
    breaks: "the canary comes up with one pod whatever the primary has",
    from: "return Math.max(1, primary?.spec?.replicas ?? 1);",
    to: "return 1;",
  },
  {
    breaks: "an untested template is copied to the primary",
    from: "if (!sameRevision(revision, held)) return companions;",
    to: "",
  },
  {
    breaks: "the same copy is made again and again",
    from: "if (promotionIdOf(primary) === id) return primary;",
    to: "",
  },
  {
    breaks: "an interrupted turn overwrites what was kept with the new data",
    from: "if (sameData(copy, next) && (id === undefined || id === promotion)) return [];",
    to: "",
  },
  {
    breaks: "a config that another primary reads as well is rolled back",
    from: "failed && !isShared(copy, canary) ?",
    to: "failed ?",
  },
  {
    breaks: "what was kept is forgotten while the promotion can still fail",
    from: "if (previous === undefined || id === undefined || id === options.keepFor) return [];",
    to: "if (previous === undefined || id === undefined) return [];",
  },
  {
    breaks: "a template is restored over one that never failed",
    from: "if (promotionIdOf(primary) !== from) return abandoned(canary, primary, seen);",
    to: "",
  },
  {
    breaks: "the template before a promotion is not kept",
    from: "...(isKept ? { [PREVIOUS_TEMPLATE]: text } : {}),",
    to: "",
  },
  {
    breaks: "the primary reads the configs that users edit",
    from: "spec: renameConfigRefs(podSpec, new Set(tracked.configs.keys())),",
    to: "spec: podSpec,",
  },
  {
    breaks: "a large set is given up in the middle of its promotion",
    from: "Math.max(begun, writtenAt) + deadlineMs",
    to: "begun + deadlineMs",
  },
  {
    breaks: "pods that come and go hold a rollout for ever",
    from: "begun + MOST_DEADLINES * deadlineMs",
    to: "Infinity",
  },
  {
    breaks: "a restored primary reads the failed revision's configs",
    from: "[...returnedConfigs(canary, primary, { failed: from }, seen), template]",
    to: "[template]",
  },
  {
    breaks: "a Canary on its way out makes a new primary",
    from: 'if (primary === undefined && canary.status.phase === "Terminating") return [];',
    to: "",
  },
  {
    breaks: "a missing config keeps a Canary from leaving",
    from: "if (unread !== undefined && !canary.deleting)",
    to: "if (unread !== undefined)",
  },
  {
    breaks: "an optional mention makes a mandatory config optional",
    from: "optional: ref.optional && before?.optional !== false",
    to: "optional: ref.optional",
  },
  {
    breaks: "configs of init containers are not tracked",
    from: 'const lists = ["initContainers", "containers", "ephemeralContainers"];',
    to: 'const lists = ["containers"];',
  },
  {
    breaks: "opting out of config tracking is ignored",
    from: 'return !optOut.startsWith("disable") && SECRET_TYPES.has(object.type || "Opaque");',
    to: 'return SECRET_TYPES.has(object.type || "Opaque");',
  },
  {
    breaks: "tokens and registry logins are copied",
    from: 'SECRET_TYPES.has(object.type || "Opaque")',
    to: "true",
  },
  {
    breaks: "a shared copy loses its other owners",
    from: "ownerReferences: [owner, ...othersOf(existing, owner)],",
    to: "ownerReferences: [owner],",
  },
  {
    breaks: "a scaler paused at another number is not paused at 0",
    from: 'if (paused === "0") return [];',
    to: "if (paused !== undefined) return [];",
  },
  {
    breaks: "the primary's scaler is made paused",
    from: "const { [PAUSE_ANNOTATION]: _paused, ...annotations } = withoutFlux(source.metadata.annotations);",
    to: "const annotations = withoutFlux(source.metadata.annotations);",
  },
  {
    breaks: "the primary's scaler scales the target",
    from: "name: primaryNameOf(canary.spec.targetRef.name) };",
    to: "name: canary.spec.targetRef.name };",
  },
  {
    breaks: "the primary DaemonSet runs nowhere",
    from: "primaryPodSpec: withoutScaleDown,",
    to: "primaryPodSpec: (podSpec) => podSpec,",
  },
  {
    breaks: "a DaemonSet is ready with its old pods",
    from: "if (updated < desired) return",
    to: "if (false) return",
  },
  {
    breaks: "a StatefulSet is ready while old pods still serve",
    from: "if (replicas > wanted) return",
    to: "if (false) return",
  },
  {
    breaks: "knative: the traffic is switched to a revision that came a moment ago",
    from: "return seenReady ? primary : latest;",
    to: "return latest;",
  },
  {
    breaks: "knative: an untested revision is promoted",
    from: "if (primary === latest || !sameRevision(revision, { spec: hashText(latest) })) return [];",
    to: "if (primary === latest) return [];",
  },
  {
    breaks: "a target is given back with no pods",
    from: ": Math.max(1, (primary.spec?.replicas as number | undefined) ?? 1);",
    to: ": ((primary.spec?.replicas as number | undefined) ?? 1);",
  },
  {
    breaks: "a promotion fights the primary's autoscaler",
    from: "canary.spec.autoscalerRef !== undefined || replicas === 0 ? {} : { replicas };",
    to: "replicas === 0 ? {} : { replicas };",
  },
  {
    breaks: "a long run is given up at the first missing pod",
    from: "Math.max(phaseSince, startOf(status.hold, spec.analysis.intervalMs))",
    to: "phaseSince",
  },
  {
    breaks: "an edited HPA reaches the primary before its revision",
    in: "src/workloads/autoscaler/hpa/",
    from: "if (!wanted.syncScaler) return [{ ...primary, spec: { ...primary.spec, ...ownLimits(canary) } }];",
    to: "",
  },
  {
    breaks: "the primary's own minimum is ignored",
    from: "...(minReplicas === undefined ? {} : { minReplicas }),",
    to: "",
  },
  {
    breaks: "an edited ScaledObject reaches the primary before its revision",
    in: "src/workloads/autoscaler/keda/",
    from: "if (!wanted.syncScaler) return [{ ...primary, spec: { ...primary.spec, ...ownLimits(canary) } }];",
    to: "",
  },
  {
    breaks: "users are left with a primary of which some pods answer at another port",
    from: "(before !== undefined && after !== undefined && before !== after)",
    to: "false",
  },
  {
    breaks: "what the controller said of an earlier spec makes a set nodeless",
    from: "status?.desiredNumberScheduled === 0 && (status.observedGeneration ?? 0) >= (metadata.generation ?? 0);",
    to: "status?.desiredNumberScheduled === 0;",
  },
];
