/** What is broken on purpose in src/metrics/, see scripts/mutants.mjs. */
export const ROWS = [
  {
    breaks: "a value that is no number passes every check",
    from: 'return measured.kind === "value" && Number.isNaN(measured.value)',
    to: 'return measured.kind === "value" && false',
  },
  {
    breaks: "influxdb: no answer is a perfect zero",
    from: "if (record === undefined) return noData(NO_VALUES);",
    to: "if (record === undefined) return value(0);",
  },
  {
    breaks: "datadog: a gap hides what was measured",
    from: ".find((number) => number !== undefined);",
    to: ".at(0);",
  },
  {
    breaks: "externalmetrics: the operator's own cluster is asked instead of the template's address",
    from: 'if (options.address === "") {',
    to: 'if (options.address === "" || cluster !== undefined) {',
  },
  {
    breaks: "keptn: an analysis is believed before it is completed",
    from: 'if (status?.state === "Completed" &&',
    to: "if (",
  },
  {
    breaks: "a refused query is read as an answer",
    in: "src/metrics/prometheus/",
    from: "if (status >= 400) throw",
    to: "if (status >= 500) throw",
  },
  {
    breaks: "the token is not sent",
    from: 'return token === "" ? undefined : `Bearer ${token}`;',
    to: "return undefined;",
  },
  {
    breaks: "an unhealthy metrics server counts as online",
    from: "if (answer.value !== 1)",
    to: "if (answer.value === 0)",
  },
  {
    breaks: "a template with an endless loop blocks the operator",
    from: "if (this.steps < 0) throw",
    to: "if (false) throw",
  },
  {
    breaks: "a template fills the operator's memory",
    from: "if (this.text < 0) throw",
    to: "if (false) throw",
  },
];
