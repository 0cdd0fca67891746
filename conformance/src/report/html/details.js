
// The details of a verdict.

function show(place, ...children) {
  at("content").replaceChildren(...children.flat(Infinity).filter(Boolean));
  updateAddress(place);
  if (!at("details").open) at("details").showModal();
  at("details").scrollTop = 0;
}

function openCase(index, id) {
  const column = columns[index];
  const found = column.cases.get(id);
  const { subject } = column.report;
  const mine = column.version ?? found.runs.find((run) => run.verdict === found.verdict)?.version;
  show({ column: column.label, case: id },
    make("h2", { id: "heading", class: "id", tabindex: "-1", autofocus: true }, id),
    make("p", { class: "for" }, `${subject.name} · profile ${subject.profile}`),
    make("p", { class: "sentence" }, sentence(found.sentence)),
    pairs([
      ["severity", [...new Set(found.runs.map((run) => run.severity))].join(", ")],
      ["section", found.link?.startsWith("https://") ? make("a", { href: found.link, rel: "noreferrer" }, found.section) : found.section],
      ["code", found.code],
      ["the case", sentence(found.does)],
    ]),
    found.known && make("p", { class: "reason" }, make("strong", {}, "Known: "), visible(found.known)),
    make("h3", {}, "By version"),
    found.runs.map((run) => showRun(found, run, run.version === mine)),
  );
}

function showRun(found, run, open) {
  const title = [sign(run.verdict), make("span", {}, `${run.version} `, make("strong", {}, run.verdict)), make("span", { class: "ending" }, run.severity), make("span", { class: "time" }, `${run.millis} ms`)];
  return make("details", { class: "run", open }, make("summary", {}, title), make("div", {},
    pairs([["expected", code(run.expected)], ["actual", code(run.actual)], [run.verdict === "skip" || run.verdict === "broken" ? "why" : "seen", code(run.note)]]),
    make("span", { class: "label" }, "Reproduce"),
    block(`${found.reproduce} --spec ${run.version}`, "command"),
    run.exchanges?.length
      ? [make("span", { class: "label" }, "The calls"), run.exchanges.map((call, index) => showCall(call, index === run.exchanges.length - 1 && run.verdict !== "pass"))]
      : make("span", { class: "label" }, "This report does not contain the calls of this run (--exchanges)."),
  ));
}

function showCall(call, open) {
  const ending = Number.isInteger(call.exit) ? `exit ${call.exit}` : Number.isInteger(call.signal) ? `signal ${call.signal}` : "timed out";
  const variables = Object.entries(call.environment).map(([key, value]) => `${key}=${value}`).join("\n");
  return make("details", { class: "call", open },
    make("summary", {}, make("span", {}, visible(call.call)), make("span", { class: "ending" }, ending), make("span", { class: "time" }, `${call.millis} ms`)),
    make("div", {},
      part("environment", variables), part("stdin", pretty(call.stdin)), part("stdout", pretty(call.stdout)), part("stderr", call.stderr),
      call.heldOpen && make("p", { class: "label" }, "A process that the plugin left behind kept its outputs open.")));
}

function openPlugin(index) {
  const { report, label } = columns[index];
  const { subject, host } = report;
  const json = (value) => (Object.keys(value ?? {}).length ? code(pretty(JSON.stringify(value))) : undefined);
  show({ column: label },
    make("h2", { id: "heading", tabindex: "-1", autofocus: true }, subject.name),
    make("p", { class: "for" }, visible(subject.about ?? "")),
    pairs([
      ["result", `${report.result} at the level ${report.level}`],
      ["cases", WORST_FIRST.map((word) => `${report.counts[word] ?? 0} ${word}`).join(", ")],
      ["profile", subject.profile],
      ["versions", report.versions.join(", ")],
      ["program", code(subject.plugin)],
      ["sha256", code(subject.sha256)],
      ["configuration", json(subject.config)],
      ["runtimeConfig", json(subject.runtimeConfig)],
      ["host", `Linux ${host.kernel}, ${host.arch}, ${host.rootless ? "without root" : "as root"}`],
      ["made", `${report.date} by cni-conformance ${report.harness}`],
    ]),
    report.unusableVersions?.map((one) => make("p", { class: "reason" }, `Not judged in ${one.version}, since no ADD succeeds: ${visible(one.reason)}`)),
    report.outdatedDeviations?.map((id) => make("p", { class: "reason" }, make("code", {}, id), " is a known deviation, but did not occur.")),
    make("span", { class: "label" }, "Reproduce"),
    block(report.command, "command"),
  );
}
