"use strict";
// One page, no dependencies: reads the REST API every two seconds and writes text nodes only.
const EVERY = 2000;
const $ = (id) => document.getElementById(id);
let shown = "";
let known = { outside: "", takes_new_nodes: true, copies_missing: 0, lost_nodes: [] };

async function ask(path, method = "GET") {
  const answer = await fetch(path, { method, headers: { "X-Requested-With": "XMLHttpRequest" } });
  const body = await answer.json();
  if (!answer.ok) throw new Error((body.msg || "").replace("ERROR MESSAGE:", "").trim() || answer.statusText);
  return body;
}

function make(tag, text, style) {
  const element = document.createElement(tag);
  if (text instanceof Node) element.append(text);
  else if (text !== undefined && text !== null) element.textContent = String(text);
  if (style) element.className = style;
  return element;
}

function action(text, run) {
  const button = make("button", text);
  button.type = "button";
  button.addEventListener("click", run);
  return button;
}

// columns: [title, style, row => text or element]
function fill(id, columns, rows, nothing) {
  const table = $(id);
  const body = document.createElement("tbody");
  for (const row of rows) {
    const line = body.appendChild(document.createElement("tr"));
    for (const [, style, cell] of columns) line.append(make("td", cell(row), style));
  }
  if (!rows.length) {
    const cell = make("td", nothing, "soft");
    cell.colSpan = columns.length;
    body.appendChild(document.createElement("tr")).append(cell);
  }
  const head = document.createElement("thead");
  const titles = head.appendChild(document.createElement("tr"));
  if (rows.length) for (const [title, style] of columns) titles.append(make("th", title, style === "number" ? style : ""));
  table.replaceChildren(head, body);
  const count = $(id + "-count");
  if (count) count.textContent = rows.length || "";
}

function bytes(n) {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let i = 0;
  while (n >= 1024 && i < units.length - 1) { n /= 1024; i += 1; }
  return `${i && n < 100 ? n.toFixed(1) : Math.round(n)} ${units[i]}`;
}

function span(ms) {
  const s = Math.floor(ms / 1000);
  if (s < 60) return `${(ms / 1000).toFixed(s < 10 ? 1 : 0)} s`;
  const m = Math.floor(s / 60);
  return m < 60 ? `${m} min ${s % 60} s` : `${Math.floor(m / 60)} h ${m % 60} min`;
}

const many = (n, word) => `${Number(n).toLocaleString()} ${word}${n === 1 ? "" : "s"}`;
const shade = { DONE: "good", FAILED: "bad", RUNNING: "busy", active: "good", failed: "bad", blocked: "bad" };

function showCloud(cloud) {
  const facts = [cloud.build_age + ", speaks H2O " + cloud.version, many(cloud.cloud_size, "node"), `up ${span(cloud.cloud_uptime_millis)}`];
  facts.push(known.takes_new_nodes ? "takes new nodes" : "closed to new nodes");
  if (known.copies_missing) facts.push("copies are being made");
  $("cloud-name").textContent = cloud.cloud_name;
  document.title = `${cloud.cloud_name} · h2ok`;
  $("cloud-line").textContent = facts.join(" · ");
  const [text, style] = health(cloud);
  $("health").textContent = text;
  $("health").className = `badge ${style}`;
  $("outside").textContent = known.outside;
  $("nodes-count").textContent = cloud.cloud_size;
  const members = new Set(cloud.nodes.map((n) => n.ip_port));
  const lost = new Map(known.lost_nodes.map((n) => [n.node, n]));
  const gone = known.lost_nodes.filter((n) => !members.has(n.node));
  $("nodes").replaceChildren(...cloud.nodes.map((n) => (lost.has(n.ip_port) ? lostCard(lost.get(n.ip_port)) : card(n))), ...gone.map(lostCard));
}

function health(cloud) {
  if (known.outside) return ["not in its cloud", "bad"];
  if (!cloud.consensus) return ["forming", "bad"];
  if (known.lost_nodes.length) return [`${many(known.lost_nodes.length, "node")} lost`, "bad"];
  return cloud.cloud_healthy ? ["healthy", "good"] : [`${many(cloud.bad_nodes, "node")} not well`, "bad"];
}

function factsCard(name, style, facts) {
  const box = make("div", null, "card");
  box.append(make("strong", name, style));
  const list = box.appendChild(document.createElement("dl"));
  for (const [title, value] of facts) list.append(make("dt", title), make("dd", value));
  return box;
}

function card(node) {
  return factsCard(node.ip_port, node.healthy ? "" : "bad", [
    ["state", node.healthy ? "healthy" : "does not answer"],
    ["threads", node.nthreads],
    ["data", bytes(node.mem_value_size)],
    ["process", bytes(node.pojo_mem + node.mem_value_size)],
    ["free", bytes(node.free_mem)],
    ["load", node.sys_load.toFixed(2)],
  ]);
}

function lostCard(lost) {
  return factsCard(lost.node, "bad", [["state", "lost"], ["why", lost.reason], ["since", new Date(lost.at).toLocaleTimeString()]]);
}

function showJobs(jobs) {
  fill("jobs", [
    ["what", "wrap", (j) => j.description],
    ["state", "", (j) => make("span", j.status, shade[j.status] || "soft")],
    ["progress", "", progress],
    ["time", "number", (j) => span(j.msec)],
    ["result", "", (j) => (j.dest ? j.dest.name : "")],
    ["", "", (j) => (j.status === "RUNNING" ? action("cancel", () => cancel(j)) : "")],
  ], jobs.slice().reverse().slice(0, 30), "No job has run yet.");
  $("jobs-count").textContent = jobs.length || "";
}

function progress(job) {
  if (job.status !== "RUNNING") return make("span", job.exception || "", "soft");
  const cell = document.createElement("span");
  const bar = cell.appendChild(document.createElement("progress"));
  bar.value = job.progress;
  bar.max = 1;
  cell.append(`${Math.round(100 * job.progress)} % ${job.progress_msg || ""}`);
  return cell;
}

async function cancel(job) {
  await ask(`/3/Jobs/${encodeURIComponent(job.key.name)}/cancel`, "POST");
  refresh();
}

function showFrames(frames) {
  fill("frames", [
    ["key", "", (f) => action(f.frame_id.name, () => preview(f.frame_id.name))],
    ["rows", "number", (f) => f.rows.toLocaleString()],
    ["columns", "number", (f) => f.columns.toLocaleString()],
    ["size", "number", (f) => bytes(f.byte_size)],
  ], frames, "No frame yet. Import a file from Python or R.");
}

async function preview(key) {
  if (shown === key) {
    shown = "";
    $("preview").hidden = true;
    return;
  }
  const frame = (await ask(`/3/Frames/${encodeURIComponent(key)}/light?row_count=8&column_count=40`)).frames[0];
  shown = key;
  $("preview").hidden = false;
  $("preview-title").textContent = `${key}: first rows`;
  const columns = frame.columns.map((c) => [`${c.label} · ${c.type}`, c.data ? "number" : "", (i) => cell(c, i)]);
  fill("preview-table", columns, [...Array(frame.row_count).keys()], "No rows.");
}

function cell(column, i) {
  const value = column.string_data ? column.string_data[i] : column.data[i];
  if (value === null || value === "NaN") return make("span", "NA", "soft");
  if (column.domain) return column.domain[value];
  return column.type === "time" ? new Date(value).toISOString().replace("T", " ").slice(0, 19) : value;
}

function showModels(models) {
  fill("models", [
    ["key", "", (m) => m.model_id.name],
    ["algorithm", "", (m) => m.algo_full_name || m.algo],
    ["response", "", (m) => m.response_column_name || ""],
    ["trained on", "", (m) => (m.data_frame ? m.data_frame.name : "")],
  ], models, "No model yet.");
}

function showExtensions(report) {
  fill("ext", [
    ["name", "", (e) => e.name],
    ["state", "", (e) => make("span", e.state, shade[e.state] || "soft")],
    ["version", "", (e) => e.version],
    ["provides", "", (e) => e.kinds.join(", ")],
    ["", "wrap", (e) => make("span", e.reason || e.help, "soft")],
  ], report.extensions, "No extension is installed.");
}

async function part(path, show) {
  try {
    show(await ask(path));
  } catch (error) {
    if (path === "/3/Cloud") throw error;
  }
}

async function refresh() {
  try {
    await part("/3/CloudState", (a) => { known = a; });
    await part("/3/Cloud", showCloud);
    await Promise.all([
      part("/3/Jobs", (a) => showJobs(a.jobs)),
      part("/3/Frames", (a) => showFrames(a.frames)),
      part("/3/Models?_exclude_fields=models/output,models/parameters", (a) => showModels(a.models)),
      part("/3/Capabilities/Extensions", showExtensions),
    ]);
    $("refreshed").textContent = `Refreshed ${new Date().toLocaleTimeString()}.`;
  } catch (error) {
    $("health").textContent = "no answer";
    $("health").className = "badge bad";
  }
}

$("connect").textContent = `import h2o\nh2o.connect(url="${location.origin}")\nframe = h2o.import_file("path/to/file.csv")`;
(async function loop() {
  if (!document.hidden) await refresh();
  setTimeout(loop, EVERY);
})();
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
