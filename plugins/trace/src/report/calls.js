
// The calls, and which of them are shown.

const VERBS = ["ADD", "DEL", "CHECK", "GC", "STATUS"];
const calls = data.calls.sort((a, b) => a.start - b.start);
calls.forEach((call, index) => { call.index = index; });

const failed = (one) => one.msg !== null;
const name = (call) => [call.id, call.ifname].filter(Boolean).join("/");
const key = (call) => JSON.stringify([call.network, call.id, call.ifname]);

const count = (number, word) => `${number.toLocaleString("en")} ${word}${number === 1 ? "" : "s"}`;
const date = (micros) => new Date(micros / 1000).toISOString().slice(0, 23).replace("T", " ");
const clock = (micros) => date(micros).slice(11);

function duration(micros) {
  if (micros < 1000) return `${micros} µs`;
  if (micros < 1e6) return `${(micros / 1000).toFixed(micros < 1e4 ? 1 : 0)} ms`;
  return `${(micros / 1e6).toFixed(micros < 1e7 ? 2 : 1)} s`;
}

/// Returns a pause as people say it, such as 3 min.
function pause(micros) {
  const seconds = micros / 1e6;
  const [size, unit] = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]].find(([size]) => seconds >= size);
  return `${Math.floor(seconds / size)} ${unit}`;
}


// The filter: verbs and "failed" that are selected, and words.

const selected = new Set();
let shown = calls;

/// Everything of a call in which words are searched. Most pages are never searched.
function text(call) {
  call.text ??= [
    call.verb, call.network, call.id, call.ifname, call.netns, call.stdin, call.stdout, Object.values(call.environment),
    call.delegates.map((one) => [one.plugin, one.verb, one.stdin, one.stdout, one.stderr]),
  ].flat(Infinity).join("\n").toLowerCase();
  return call.text;
}

function select() {
  const words = at("query").value.toLowerCase().split(/\s+/).filter(Boolean);
  const verbs = VERBS.filter((verb) => selected.has(verb));
  shown = calls.filter((call) => (!verbs.length || verbs.includes(call.verb))
    && (!selected.has("failed") || failed(call))
    && words.every((word) => text(call).includes(word)));
}
