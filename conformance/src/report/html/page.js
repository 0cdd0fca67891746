
// The address contains what is shown, so that it can be shared:
// #show=fail+warn&column=portmap&case=del.twice-succeeds.

function updateAddress(place = {}) {
  const parameters = new URLSearchParams({ ...(selected.size ? { show: [...selected].join(" ") } : {}), ...place });
  history.replaceState(null, "", location.href.split("#")[0] + (parameters.size ? `#${parameters}` : ""));
}

function openFromAddress() {
  const place = new URLSearchParams(location.hash.slice(1));
  selected.clear();
  for (const word of place.get("show")?.split(" ") ?? []) if (WORST_FIRST.includes(word)) selected.add(word);
  filter();
  const index = columns.findIndex((column) => column.label === place.get("column"));
  if (index < 0) return;
  const id = place.get("case");
  if (id === null) openPlugin(index);
  else if (columns[index].cases.has(id)) openCase(index, id);
}

showHead();
showVerdicts();
showMatrix();
at("query").addEventListener("input", filter);
at("filter").addEventListener("submit", (event) => event.preventDefault());
at("clear").addEventListener("click", clearFilter);
at("matrix").addEventListener("keydown", move);
at("details").addEventListener("click", (event) => { if (event.target === at("details")) at("details").close(); });
at("details").addEventListener("close", () => updateAddress());
addEventListener("hashchange", openFromAddress);
openFromAddress();
