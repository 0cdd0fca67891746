
// What is behind a bar.

function openCall(call, delegate) {
  const one = delegate === undefined ? call : call.delegates[delegate];
  const own = delegate === undefined;
  const environment = Object.entries(own ? call.environment : { ...call.environment, CNI_COMMAND: one.verb });
  const stderr = own ? call.delegates.map((each) => each.stderr).join("") : one.stderr;
  at("content").replaceChildren(...[
    make("h2", { id: "heading", tabindex: "-1", autofocus: true }, visible(own ? call.verb : `${one.plugin} ${one.verb}`), " ", failed(one) && make("span", { class: "bad code" }, `✘ ${one.code}`)),
    make("p", { class: "for" }, visible(`${name(call) || "no container"} in ${call.network}`), !own && [" · ", make("a", { href: address(call) }, visible(`in ${call.verb}`))]),
    failed(one) && make("p", { class: "reason" }, visible(one.msg || "no message")),
    pairs([
      ["began", `${date(call.start + (own ? 0 : one.offset))} UTC`], ["took", duration(one.micros)], ["code", `${one.code}, ${failed(one) ? "failure" : "success"}`], ["version", code(one.version)],
      ...own ? [["position", visible(call.position)], ["namespace", code(call.netns)], ["process", String(call.pid)], ["recorded in", code(`${data.files[call.file]}, line ${call.line}`)]] : [],
    ]),
    own && call.delegates.length ? make("div", { class: "group" }, lines(call, call.micros || 1)) : null,
    part("environment", environment.map((pair) => pair.join("=")).join("\n")),
    part("stdin", pretty(one.stdin)),
    part("stdout", pretty(one.stdout)),
    part(own ? "stderr of its delegates" : "stderr", stderr),
    neighbours(call),
  ].flat(Infinity).filter(Boolean));
  if (at("details").open) at("heading").focus();
  else at("details").showModal();
  at("details").scrollTop = 0;
}

/// Links to the previous and the next call of the same container.
function neighbours(call) {
  const same = calls.filter((one) => key(one) === key(call));
  const index = same.indexOf(call);
  const link = (one, what) => one && make("a", { href: address(one) }, `${what}: ${visible(one.verb)}, ${clock(one.start)}`);
  return make("nav", { "aria-label": "Calls of the same container" }, link(same[index - 1], "← before"), link(same[index + 1], "after →"));
}
