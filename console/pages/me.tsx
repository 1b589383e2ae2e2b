/** Who I am, how the console knows it, and what I may do in each namespace. */
import { useSignal } from "@preact/signals";
import type { Me, RightView } from "../../src/console/types.ts";
import { href, listed, me, post } from "../api.ts";
import { Fact, Loading, Trouble } from "../parts.tsx";
import { useRead, useTitle } from "./reading.ts";

const MODES: Readonly<Record<Me["mode"], string>> = {
  local: "the identity of your kubeconfig",
  none: "no authentication: read-only",
  token: "your bearer token, which the API server has reviewed",
  oidc: "a sign-in at your identity provider",
  proxy: "a proxy that has proved itself",
};

export function MePage() {
  useTitle("Me");
  if (me.value === undefined) return <Loading page="Me" what="who you are" />;
  const { user, groups, mode, cluster, steeringOff } = me.value;
  return (
    <>
      <h1>Me</h1>
      <dl class="facts">
        <Fact name="User">{user}</Fact>
        <Fact name="Known by">{MODES[mode]}</Fact>
        <Fact name="Cluster">{cluster}</Fact>
        <Fact name="Steering">{steeringOff ?? "on, as far as your rights go"}</Fact>
      </dl>
      {groups.length > 0 && (
        <details>
          <summary>{groups.length === 1 ? "One group" : `${groups.length} groups`}</summary>
          <ul>
            {groups.map((group) => (
              <li key={group}>{group}</li>
            ))}
          </ul>
        </details>
      )}
      <Rights />
      {(mode === "oidc" || mode === "token") && (
        <p>
          <button
            type="button"
            onClick={() =>
              void post("/logout", {}).finally(() => {
                location.href = href("/");
              })
            }
          >
            Sign out
          </button>
        </p>
      )}
    </>
  );
}

function Rights() {
  const namespaces = [...new Set(listed.value.map(({ namespace }) => namespace))].sort();
  const chosen = useSignal("");
  const namespace = chosen.value || namespaces[0] || "default";
  const { value, problem } = useRead<{ rights: RightView[] }>(`/rights?namespace=${encodeURIComponent(namespace)}`, "");
  return (
    <section aria-labelledby="rights">
      <h2 id="rights">What you may do</h2>
      {namespaces.length > 1 && (
        <form class="filters" onSubmit={(event) => event.preventDefault()}>
          <label>
            Namespace{" "}
            <select
              value={namespace}
              onChange={(event) => {
                chosen.value = event.currentTarget.value;
              }}
            >
              {namespaces.map((each) => (
                <option key={each}>{each}</option>
              ))}
            </select>
          </label>
        </form>
      )}
      {problem.value !== undefined ? (
        <Trouble isPart problem={problem.value} />
      ) : value.value === undefined ? (
        <Loading what="your rights" isPart />
      ) : (
        <ul class="events">
          {value.value.rights.length === 0 && <li>The server names no rights.</li>}
          {value.value.rights.map(({ verb, refusal }) => (
            <li key={verb}>
              <span class={`state ${refusal === undefined ? "good" : "quiet"}`}>
                <span aria-hidden="true">{refusal === undefined ? "✓" : "–"}</span>{" "}
                {refusal === undefined ? "yes" : "no"}
              </span>{" "}
              <b>{verb}</b> canaries in {namespace}
              {refusal !== undefined && <span class="dim">: {refusal}</span>}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
