// Read {name: Flux} from standard input, print {name: [complaints]} of InfluxData's own linter.
const { Lsp } = require(process.argv[2]);

async function main() {
  const queries = JSON.parse(require("fs").readFileSync(0, "utf-8"));
  const complaints = Object.fromEntries(Object.keys(queries).map((name) => [name, null]));
  const server = new Lsp();
  server.onMessage((text) => {
    const { method, params } = JSON.parse(text);
    if (method !== "textDocument/publishDiagnostics") return;
    const name = decodeURIComponent(new URL(params.uri).pathname.slice(1, -".flux".length));
    complaints[name] = params.diagnostics.map((d) => `line ${d.range.start.line + 1}: ${d.message}`);
  });
  server.run();
  const send = (message) => server.send(JSON.stringify({ jsonrpc: "2.0", ...message }));
  await send({ id: 1, method: "initialize", params: { capabilities: {} } });
  await send({ method: "initialized", params: {} });
  for (const [name, text] of Object.entries(queries)) {
    const uri = `file:///${encodeURIComponent(name)}.flux`;
    const textDocument = { uri, languageId: "flux", version: 1, text };
    await send({ method: "textDocument/didOpen", params: { textDocument } });
  }
  console.log(JSON.stringify(complaints));
  process.exit(0); // the server runs for ever
}

main();
