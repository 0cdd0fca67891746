
// What is behind a verdict.

function show(place, ...children) {
  at("story").replaceChildren(...children.flat(Infinity).filter(Boolean));
  tell(place);
  if (!at("details").open) at("details").showModal();
  at("details").scrollTop = 0;
}

const pairs = (list) => make("dl", {}, list.filter(([, value]) => value !== undefined && value !== null && value !== "").map(([key, value]) => [make("dt", {}, key), make("dd", {}, value)]));
const words = (text) => (text === undefined || text === null ? undefined : make("code", {}, visible(text)));
const block = (text, more = "") => make("pre", { class: more }, visible(text));

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
      ["weight", [...new Set(found.runs.map((run) => run.severity))].join(", ")],
      ["written", found.link?.startsWith("https://") ? make("a", { href: found.link, rel: "noreferrer" }, found.section) : found.section],
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
    pairs([["expected", words(run.expected)], ["actual", words(run.actual)], [run.verdict === "skip" || run.verdict === "broken" ? "why" : "seen", words(run.note)]]),
    make("span", { class: "label" }, "Repeat it"),
    block(`${found.again} --spec ${run.version}`, "command"),
    run.exchanges?.length
      ? [make("span", { class: "label" }, "The calls"), run.exchanges.map((call, index) => showCall(call, index === run.exchanges.length - 1 && run.verdict !== "pass"))]
      : make("span", { class: "label" }, "This report does not hold the calls of this run (--exchanges)."),
  ));
}

function showCall(call, open) {
  const ending = Number.isInteger(call.exit) ? `exit ${call.exit}` : Number.isInteger(call.signal) ? `signal ${call.signal}` : "did not end";
  const variables = Object.entries(call.environment).map(([key, value]) => `${key}=${value}`).join("\n");
  const part = (name, text) => [make("span", { class: "label" }, name), text.trim() ? block(text) : make("span", { class: "label" }, " – nothing"), make("div", {})];
  return make("details", { class: "call", open },
    make("summary", {}, make("span", {}, visible(call.call)), make("span", { class: "ending" }, ending), make("span", { class: "time" }, `${call.millis} ms`)),
    make("div", {},
      part("environment", variables), part("stdin", pretty(call.stdin)), part("stdout", pretty(call.stdout)), part("stderr", call.stderr),
      call.heldOpen && make("p", { class: "label" }, "A process that it left behind held its outputs open.")));
}

function openPlugin(index) {
  const { report, label } = columns[index];
  const { subject, host } = report;
  const json = (value) => (Object.keys(value ?? {}).length ? words(pretty(JSON.stringify(value))) : undefined);
  show({ column: label },
    make("h2", { id: "heading", tabindex: "-1", autofocus: true }, subject.name),
    make("p", { class: "for" }, visible(subject.about ?? "")),
    pairs([
      ["result", `${report.result} at the level ${report.level}`],
      ["cases", BY_GRAVITY.map((word) => `${report.counts[word] ?? 0} ${word}`).join(", ")],
      ["profile", subject.profile],
      ["versions", report.versions.join(", ")],
      ["program", words(subject.plugin)],
      ["sha256", words(subject.sha256)],
      ["configuration", json(subject.config)],
      ["runtimeConfig", json(subject.runtimeConfig)],
      ["host", `Linux ${host.kernel}, ${host.arch}, ${host.rootless ? "without root" : "as root"}`],
      ["made", `${report.date} by cni-conformance ${report.harness}`],
    ]),
    report.unusableVersions?.map((one) => make("p", { class: "reason" }, `Not judged in ${one.version}, where no ADD succeeds: ${visible(one.reason)}`)),
    report.gone?.map((id) => make("p", { class: "reason" }, make("code", {}, id), " is known as a deviation, but was not seen.")),
    make("span", { class: "label" }, "Repeat it"),
    block(report.command, "command"),
  );
}
